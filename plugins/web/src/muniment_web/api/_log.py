"""The log over the API."""

from __future__ import annotations

from typing import Annotated, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query
from starlette.responses import PlainTextResponse

from muniment.model import parse_time
from muniment.session import Session
from muniment.store import LogFilter
from muniment_web.api import _models as models
from muniment_web.api._app import may

__all__ = ["router"]

router: Final = APIRouter(tags=["log"])
Reading = Annotated[Session, Depends(may("log"))]
Index = Annotated[int, Path(ge=0, lt=2**53)]
Generation = Annotated[
    int | None,
    Query(
        ge=0, lt=2**32, description="of the log; by default the newest, which is the last in `generations`"
    ),
]
Word = Annotated[str | None, Query(max_length=100)]


@router.get("/log")
def entries(
    session: Reading,
    actor: Word = None,
    kind: Annotated[list[str] | None, Query(max_length=50)] = None,
    outcome: Literal["ok", "denied", "failed"] | None = None,
    type: Word = None,
    about: Annotated[UUID | None, Query(description="a record or a subject")] = None,
    since: Annotated[str | None, Query(max_length=40, description="RFC 3339")] = None,
    until: Annotated[str | None, Query(max_length=40, description="RFC 3339")] = None,
    before: Annotated[int | None, Query(ge=0, lt=2**53)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    generation: Generation = None,
) -> models.EntriesPage:
    """Entries that match, newest first; reading them is an entry itself."""
    filters = LogFilter(
        since_us=None if since is None else parse_time(since),
        until_us=None if until is None else parse_time(until),
        kinds=tuple(kind or ()),
        actor=actor,
        outcome=outcome,
        type=type,
        about=None if about is None else about.bytes,
        before=before,
        limit=limit,
    )
    page = session.log_page(filters, generation=generation)
    return models.EntriesPage(
        entries=[models.Entry(**one.document()) for one in page.entries],
        generations=list(page.generations),
    )


@router.get("/log/{index}")
def entry(session: Reading, index: Index, generation: Generation = None) -> models.Entry:
    """One entry with all that its detail says."""
    return models.Entry(**session.entry(index, generation=generation).document())


@router.get(
    "/log/{index}/proof",
    response_class=PlainTextResponse,
    responses={200: {"content": {"text/plain": {}}, "description": "c2sp.org/tlog-proof"}},
)
def proof(session: Reading, index: Index, generation: Generation = None) -> PlainTextResponse:
    """The proof that an entry is in the signed log."""
    return PlainTextResponse(session.prove(index, generation=generation))


@router.post(
    "/log/checkpoint",
    response_class=PlainTextResponse,
    responses={200: {"content": {"text/plain": {}}, "description": "c2sp.org/tlog-checkpoint"}},
)
def checkpoint(session: Reading) -> PlainTextResponse:
    """Sign the log as it stands; keep the answer elsewhere."""
    return PlainTextResponse(session.checkpoint().note)
