"""The log over the API: what happened, with proofs."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path as FilePath
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import Depends, Path, Query, Request
from pydantic import Field
from starlette.responses import PlainTextResponse, Response

from muniment.log.kinds import KINDS
from muniment.model import rfc3339
from muniment.session import Session
from muniment.session.reading.generations import ALL, Asked, Place
from muniment.store import LogFilter
from muniment_web.api import _models as models
from muniment_web.api._calls import area, may
from muniment_web.api._parts import Day, Limit, Moment, Shown, Strict, Time, file_answers, micros, zipped
from muniment_web.server.handed import handed
from muniment_web.server.verifying import Badge
from muniment_web.server.web import Web

__all__ = ["router"]

router: Final = area("log")
Reading = Annotated[Session, Depends(may("log", "log.read"))]
Proving = Annotated[Session, Depends(may("log", "log.export"))]
Verifying = Annotated[Session, Depends(may("log", "log.verify"))]
Exporting = Annotated[Session, Depends(may("log", "log.export", once="mark"))]
Disposing = Annotated[Session, Depends(may("log", "log.dispose"))]
Signing = Annotated[Session, Depends(may("log", "log.checkpoint"))]
Index = Annotated[int, Path(ge=0, lt=2**53)]
Generation = Annotated[
    int | None,
    Query(
        ge=0, lt=2**32, description="of the log; by default the newest, which is the last in `generations`"
    ),
]
Word = Annotated[str | None, Query(max_length=100)]


class Kind(Shown):
    """A kind of entry, in words."""

    name: str
    en: str
    zh: str


class Kinds(Shown):
    """Every kind of entry that there is."""

    kinds: list[Kind]


class Head(Shown):
    """How far a generation of the log reaches, and how far it is signed."""

    generation: int
    size: int
    signed: int
    checkpoint: str | None = None


class Heads(Shown):
    """The generations of the log, oldest first."""

    heads: list[Head]


class Fault(Shown):
    """What a verification found wrong."""

    code: str
    title: str


class Verification(Shown):
    """How the log stood when it was last verified, or how far a run is."""

    state: Literal["never", "running", "sound", "broken", "failed"]
    entries: int
    time: Moment | None = None
    done: int
    total: int
    problem: Fault | None = None


class Followed(Shown):
    """Entries from a place on, oldest first, and the place to go on from."""

    entries: list[models.Entry]
    generation: int
    index: int


class Witness(Shown):
    """What a witness vouched for last."""

    name: str
    size: int
    time: Moment | None = None
    line: str = ""


class Witnesses(Shown):
    """The witnesses of the log."""

    witnesses: list[Witness]


class WitnessNames(Strict):
    """Which witnesses to ask; by default all of them."""

    names: list[str] = Field(default=[])


class WitnessAnswer(Shown):
    """What became of asking one witness."""

    name: str
    size: int | None = None
    code: str | None = None


class WitnessAnswers(Shown):
    """What became of asking witnesses."""

    asked: list[WitnessAnswer]


class Stamp(Shown):
    """What a timestamp authority says of the log."""

    size: int
    time: Moment
    authority: str
    token: str


class DisposeRequest(Strict):
    """Which details had their time."""

    rule: Literal["changes", "accesses", "security"]
    before: Time


class Disposed(Shown):
    """What was disposed of."""

    entries: int
    kept: int = Field(description="batches that were old enough and stay: held, or of records that are there")
    first: int | None = None
    last: int | None = None


@router.get("/log")
def list_entries(
    session: Reading,
    actor: Word = None,
    kind: Annotated[list[str] | None, Query(max_length=50)] = None,
    outcome: Literal["ok", "denied", "failed"] | None = None,
    type: Word = None,
    purpose: Word = None,
    op: Annotated[str | None, Query(max_length=100, description="everything of one act")] = None,
    about: Annotated[UUID | None, Query(description="a record or a subject")] = None,
    since: Day = None,
    until: Day = None,
    before: Annotated[int | None, Query(ge=0, lt=2**53)] = None,
    ascending: bool = False,
    limit: Limit = 100,
    after: Annotated[str | None, Query(max_length=400, description="as the page before names it")] = None,
    generation: Generation = None,
    everywhere: Annotated[bool, Query(description="in all generations")] = False,
) -> models.EntriesPage:
    """Entries that match, newest first; reading them is an entry itself.

    What narrows them names people, kinds and times, never a value of a record.
    """
    filters = LogFilter(
        since_us=micros(since),
        until_us=micros(until),
        kinds=tuple(kind or ()),
        actor=actor,
        outcome=outcome,
        type=type,
        purpose=purpose,
        op=op,
        about=None if about is None else about.bytes,
        before=before,
        descending=not ascending,
        limit=limit,
    )
    asked: Asked = ALL if everywhere else generation
    page = session.log_page(filters, after=after, generation=asked)
    return models.EntriesPage(
        entries=[models.Entry(**one.document()) for one in page.entries],
        generations=list(page.generations),
        total=page.total,
        after=page.after,
    )


@router.get("/log/kinds")
def log_kinds(session: Reading) -> Kinds:
    """The kinds of entry that there are, in words."""
    session.require("log.read")
    return Kinds(kinds=[Kind(name=name, en=one.en, zh=one.zh) for name, one in KINDS.items()])


@router.get("/log/heads")
def log_heads(session: Reading) -> Heads:
    """How far each generation of the log reaches, with its newest checkpoint (c2sp.org/tlog-checkpoint)."""
    heads = []
    for generation, size in session.generations():
        newest = session.engine.store.last_checkpoint(0, generation)
        heads.append(
            Head(
                generation=generation,
                size=size,
                signed=0 if newest is None else newest.size,
                checkpoint=None if newest is None else newest.note,
            )
        )
    return Heads(heads=heads)


@router.get("/log/verification")
def verification(request: Request, session: Verifying) -> Verification:
    """How the log stands, as far as this server knows; asked for again and again while a run goes on."""
    session.require("log.verify")
    web: Web = request.app.state.web
    return _verification(web.verifying.badge())


@router.post("/log/verification", status_code=202)
def start_verification(request: Request, session: Verifying) -> Verification:
    """Begin to verify everything, unless a run goes on."""
    web: Web = request.app.state.web
    web.verifying.start(session)
    return _verification(web.verifying.badge())


def _verification(badge: Badge) -> Verification:
    problem = badge.problem
    return Verification.model_validate(
        {
            "state": badge.state,
            "entries": badge.entries,
            "time": badge.time_us or None,
            "done": badge.done,
            "total": badge.total,
            "problem": None if problem is None else Fault(code=problem.code, title=problem.text("en")),
        }
    )


@router.get("/log/follow")
def follow_log(
    session: Reading,
    index: Annotated[int, Query(ge=0, lt=2**40)] = 0,
    generation: Annotated[int, Query(ge=0, lt=2**20)] = 0,
    limit: Limit = 100,
) -> Followed:
    """Entries from a place on, oldest first: for systems that keep up with the log."""
    found, place = session.follow(Place(generation, index), limit=limit)
    return Followed(
        entries=[models.Entry(**one.document()) for one in found],
        generation=place.generation,
        index=place.index,
    )


@router.post(
    "/log/checkpoint",
    response_class=PlainTextResponse,
    responses={
        200: {
            "content": {"text/plain": {"schema": {"type": "string"}}},
            "description": "c2sp.org/tlog-checkpoint",
        }
    },
)
def sign_checkpoint(session: Signing) -> PlainTextResponse:
    """Sign the log as it stands; keep the answer elsewhere."""
    return PlainTextResponse(session.checkpoint().note)


@router.post(
    "/log/export",
    response_class=Response,
    responses=file_answers("application/zip", "A c2sp.org/tlog-tiles tree."),
)
def export_log(session: Exporting, generation: Generation = None) -> Response:
    """A generation of the log as a tree of tiles, for tools that nobody here wrote."""

    def write(target: FilePath) -> None:
        with TemporaryDirectory(prefix="muniment-") as folder:
            session.export_log(FilePath(folder) / "log", generation=generation)
            zipped(FilePath(folder) / "log", target)

    return handed(write, "log.zip", "application/zip")


@router.post("/log/dispose")
def dispose_log(session: Disposing, given: DisposeRequest) -> Disposed:
    """Dispose of details of the log that had their time; entries and proofs stay whole."""
    return Disposed.model_validate(session.dispose_log(given.rule, before=given.before))


@router.get("/log/witnesses")
def list_witnesses(session: Reading) -> Witnesses:
    """Who vouches for the log from outside, and for how much of it."""
    return Witnesses(
        witnesses=[
            Witness(
                name=one.name,
                size=one.size,
                time=rfc3339(one.time_us) if one.time_us else None,
                line=one.line,
            )
            for one in session.witnesses.list()
        ]
    )


@router.post("/log/witnesses")
def ask_witnesses(session: Signing, given: WitnessNames) -> WitnessAnswers:
    """Sign the log as it stands and have it witnessed."""
    return WitnessAnswers(
        asked=[
            WitnessAnswer(
                name=one.name,
                size=None if one.vouched is None else one.vouched.size,
                code=None if one.error is None else one.error.code,
            )
            for one in session.witnesses.ask(given.names)
        ]
    )


@router.post("/log/timestamp")
def timestamp_log(session: Signing) -> Stamp:
    """Sign the log as it stands and have an authority say that it existed now."""
    made = session.witnesses.timestamp()
    return Stamp(
        size=made.size,
        time=rfc3339(made.time_us),
        authority=made.authority,
        token=b64encode(made.token).decode("ascii"),
    )


@router.get("/log/{index}")
def get_entry(session: Reading, index: Index, generation: Generation = None) -> models.Entry:
    """One entry with all that its detail says."""
    document: dict[str, Any] = session.entry(index, generation=generation).document()
    return models.Entry(**document)


@router.get(
    "/log/{index}/proof",
    response_class=PlainTextResponse,
    responses={
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "c2sp.org/tlog-proof"}
    },
)
def prove_entry(session: Proving, index: Index, generation: Generation = None) -> PlainTextResponse:
    """The proof that an entry is in the signed log."""
    return PlainTextResponse(session.prove(index, generation=generation))
