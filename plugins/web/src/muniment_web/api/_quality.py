"""What is wrong with the data: gaps, duplicates, untidy forms; and mending it."""

from __future__ import annotations

from itertools import islice
from typing import Annotated, Any, Final

from fastapi import Depends, Query
from pydantic import Field, StringConstraints

from muniment.cli.values import value_json
from muniment.session import Session
from muniment.session.tables.cleaning import Proposal
from muniment_web.api._calls import area, may
from muniment_web.api._parts import (
    After,
    Id,
    Key,
    Limit,
    Moment,
    Paged,
    Reason,
    Shown,
    Strict,
    Text,
    TypeKey,
    UuidText,
    Why,
    check_type,
)

__all__ = ["Pair", "Pairs", "router"]

router: Final = area("quality")
Searching = Annotated[Session, Depends(may("read", "record.search", once="never"))]
Checking = Annotated[Session, Depends(may("read", "data.check", once="never"))]
Mending = Annotated[Session, Depends(may("write", "record.update"))]
Merged = Annotated[Session, Depends(may("read", "subject.link"))]
Linking = Annotated[Session, Depends(may("write", "subject.link"))]


class FieldAlike(Shown):
    """How alike two records are in one field, in percent."""

    field: str
    percent: int


class Pair(Shown):
    """Two records, or rows of a file, that may be about the same."""

    first: str
    second: str
    score: int
    fields: list[FieldAlike]


class Pairs(Shown):
    """Pairs that may be about the same, the most alike first."""

    duplicates: list[Pair]


class PairsOfRecords(Pairs, Paged):
    """A piece of all pairs of records that may be about the same."""


class FindingShown(Shown):
    """What is wrong with one record."""

    code: str
    record: str
    field: str
    owner: str


class FieldUse(Shown):
    """How much a field is used."""

    field: str
    filled: int
    rate: int = Field(description="percent of the records that have a value")
    last: Moment | None = Field(default=None, validation_alias="last_us")


class QualityShown(Shown):
    """What is wrong with the records of a type."""

    type: str
    records: int
    counts: dict[str, int]
    findings: list[FindingShown]
    owners: dict[str, dict[str, int]] = Field(description="how many by who looks after them, and by code")
    fields: list[FieldUse] = Field(description="the least used first")


class MergeRequest(Strict):
    """Which of two records stays, and why they are one."""

    kept: UuidText
    duplicate: UuidText
    reason: Reason
    fill: bool = True


class MergeShown(Shown):
    """Two records that were found to be one."""

    id: str
    version: int
    type: str
    kept: str
    duplicate: str
    filled: list[str]


class Merges(Paged):
    """Merges that hold, oldest first."""

    merges: list[MergeShown]


@router.post("/records/{type}/duplicates")
def find_duplicates(
    session: Searching,
    key: TypeKey,
    at_least: Annotated[int, Query(ge=1, le=100)] = 60,
    limit: Limit = 100,
    after: After = None,
) -> PairsOfRecords:
    """Pairs of records that may be about the same; an act in the log."""
    check_type(session, key)
    found = session.cleaning.duplicates(key, at_least=at_least, limit=limit, after=after)
    return PairsOfRecords(duplicates=[Pair.model_validate(one) for one in found], after=found.after)


@router.post("/records/{type}/quality")
def check_quality(
    session: Checking, key: TypeKey, stale_days: Annotated[int, Query(ge=1, le=36_500)] = 365
) -> QualityShown:
    """What is wrong with the records of a table; an act in the log."""
    check_type(session, key)
    return QualityShown.model_validate(session.cleaning.quality(key, stale_days=stale_days))


@router.get("/merges")
def list_merges(session: Merged, limit: Limit = 100, after: After = None) -> Merges:
    """The merges that hold, oldest first."""
    found = session.cleaning.links.list(limit=limit, after=after)
    return Merges(merges=[MergeShown.model_validate(one) for one in found], after=found.after)


@router.post("/merges", status_code=201)
def merge_records(session: Linking, given: MergeRequest) -> MergeShown:
    """Make one of two records that are about the same."""
    done = session.cleaning.links.merge(given.kept, given.duplicate, reason=given.reason, fill=given.fill)
    return MergeShown.model_validate(done)


@router.post("/merges/{id}/undo")
def undo_merge(session: Linking, id: Id, given: Why) -> MergeShown:
    """Take a merge apart: the duplicate is back."""
    return MergeShown.model_validate(session.cleaning.links.undo(str(id), reason=given.reason))


# Tidier forms


class Tidier(Shown):
    """One value that has a tidier form."""

    record: str
    version: int
    field: str
    before: Any
    after: Any


class TidierForms(Shown):
    """Values that have a tidier form, as this caller reads them; nothing is written."""

    proposals: list[Tidier]


class TidyRequest(Strict):
    """Which fields to look at; by default all that the caller reads in clear and writes."""

    fields: list[Key] | None = Field(default=None, max_length=200)
    limit: Annotated[int, Field(ge=1, le=1000)] = 100


class TidyAccepted(Strict):
    """One proposal that is accepted."""

    record: UuidText
    version: Annotated[int, Field(ge=1, lt=2**31)]
    field: Key
    after: Annotated[str, StringConstraints(max_length=100_000)]


class TidyAccept(Strict):
    """The proposals that are accepted, and why."""

    accepted: Annotated[list[TidyAccepted], Field(max_length=1000)]
    reason: Text | None = None


class Tidied(Shown):
    """What became of accepted proposals."""

    records: int = Field(description="how many got a new version")
    refused: int = Field(description="how many did not, such as those that somebody changed meanwhile")


@router.post("/records/{type}/tidy")
def find_untidy(session: Checking, key: TypeKey, asked: TidyRequest) -> TidierForms:
    """Values that have a tidier form: phones, e-mails, spaces, full-width letters; an act in the log."""
    check_type(session, key)
    found = islice(session.cleaning.proposals(key, fields=asked.fields), asked.limit)
    return TidierForms(
        proposals=[
            Tidier(
                record=one.record,
                version=one.version,
                field=one.field,
                before=value_json(one.before),
                after=value_json(one.after),
            )
            for one in found
        ]
    )


@router.post("/records/{type}/tidy/accept")
def accept_tidier(session: Mending, key: TypeKey, given: TidyAccept) -> Tidied:
    """Write the accepted forms: a version for each record, none where somebody moved first."""
    check_type(session, key)
    session.require("record.update", key)
    accepted = [Proposal(one.record, one.version, one.field, None, one.after) for one in given.accepted]
    return Tidied.model_validate(session.cleaning.accept(accepted, reason=given.reason))
