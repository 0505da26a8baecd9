"""Saved queries of the log over the API, and the reasons beside its entries."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import Depends
from pydantic import Field, StringConstraints

from muniment.model import rfc3339
from muniment.session import Session
from muniment.session.oversight.log_queries import LogQuery, SavedQuery
from muniment.session.reading.generations import ALL
from muniment_web.api import _models as models
from muniment_web.api._calls import area, may
from muniment_web.api._log import Generation, Index
from muniment_web.api._parts import Cursor, Done, Id, Name, Shown, Strict, Text, Time, micros

__all__ = ["router"]

router: Final = area("log")
Reading = Annotated[Session, Depends(may("log", "log.read", once="never"))]
# Who keeps one reads the log first; either right alone is not enough.
Saving = Annotated[Session, Depends(may("log", "log.read"))]
Word = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class QueryAsked(Strict):
    """What a query asks the log for; what is left out stays open."""

    kinds: list[Word] = Field(default=[], max_length=50)
    actor: Word | None = None
    outcome: Literal["ok", "denied", "failed"] | None = None
    type: Word | None = None
    purpose: Word | None = None
    op: Word | None = None
    about: UUID | None = Field(default=None, description="a record or a subject")
    field: Word | None = Field(default=None, description="that was shown or changed")
    sensitivity: Word | None = Field(default=None, description="class of such a field")
    role: Word | None = None
    program: Word | None = None
    auth: Word | None = None
    since: Time | None = None
    until: Time | None = None
    days: Annotated[int, Field(ge=1, le=36_600)] | None = Field(
        default=None, description="of the last so many days, counted back whenever it is run"
    )


class QueryRequest(Strict):
    """A query and whom it is for."""

    name: Name
    query: QueryAsked
    audience: Literal["person", "role", "everyone"] = "person"
    roles: list[Name] = Field(default=[], max_length=50)
    reason: Text | None = None


class QueryShown(Shown):
    """A saved query of the log."""

    id: str
    name: str
    audience: str
    holders: list[str]
    version: int
    query: dict[str, Any]


class Queries(Shown):
    """Saved queries of the log."""

    queries: list[QueryShown]


class EntryReason(Shown):
    """What a person said when they did what an entry tells."""

    reason: str


class QueryRun(Strict):
    """Which page of what a query finds."""

    limit: Annotated[int, Field(ge=1, le=1000)] = 100
    after: Cursor | None = None


@router.get("/log/queries")
def list_log_queries(session: Reading) -> Queries:
    """The saved queries of the log that this caller may run."""
    return Queries(queries=[_shown(one) for one in session.log_queries.list()])


@router.post("/log/queries")
def save_log_query(session: Saving, given: QueryRequest) -> QueryShown:
    """Keep a query, in place of the one of that name for the same people."""
    queries = session.log_queries
    saved = queries.save(
        given.name, _asked(given.query), audience=given.audience, roles=given.roles, reason=given.reason
    )
    return _shown(queries.get(saved.id))


@router.post("/log/queries/{id}/entries")
def run_log_query(session: Reading, id: Id, given: QueryRun) -> models.EntriesPage:
    """One page of what a query finds, newest first; the entry of this reading names the query."""
    _, page = session.log_queries.run(str(id), after=given.after, limit=given.limit, generation=ALL)
    return models.EntriesPage(
        entries=[models.Entry(**one.document()) for one in page.entries],
        generations=list(page.generations),
        total=page.total,
        after=page.after,
    )


@router.delete("/log/queries/{id}")
def remove_log_query(session: Saving, id: Id) -> Done:
    """Take a query away; the log keeps what it found."""
    session.log_queries.remove(str(id))
    return Done(id=str(id), state="removed")


@router.get("/log/{index}/reason")
def get_entry_reason(session: Reading, index: Index, generation: Generation = None) -> EntryReason:
    """The words in which the reason of an entry was given; reading them is an entry itself."""
    return EntryReason(reason=session.reason(index, generation=generation))


def _asked(given: QueryAsked) -> LogQuery:
    words = ("actor", "outcome", "type", "purpose", "op", "field", "sensitivity", "role", "program", "auth")
    return LogQuery(
        kinds=tuple(given.kinds),
        about="" if given.about is None else str(given.about),
        since_us=micros(given.since),
        until_us=micros(given.until),
        days=given.days,
        **{name: getattr(given, name) or "" for name in words},
    )


def _shown(one: SavedQuery) -> QueryShown:
    document = one.document()
    query = document["query"]
    for name in ("since", "until"):
        if f"{name}_us" in query:
            query[name] = rfc3339(query.pop(f"{name}_us"))
    return QueryShown(**document)
