"""What requests and answers look like; every member is documented, and unknown members are refused."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints

from muniment_web.api._parts import Cursor, Key, Order, Strict, Text, Time, TimeText, Values

__all__ = [
    "Change",
    "Changed",
    "Created",
    "Difference",
    "EntriesPage",
    "Entry",
    "ExportRequest",
    "FieldDescription",
    "FindRequest",
    "FoundOfType",
    "FoundRecords",
    "History",
    "ListRequest",
    "Me",
    "Problem",
    "Record",
    "RecordsPage",
    "RemoveRequest",
    "RestoreRequest",
    "Saved",
    "SearchRequest",
    "Step",
    "TypeDescription",
    "Types",
    "Waits",
]


class Issue(BaseModel):
    """One problem with one field; never the value."""

    field: str | None = None
    code: str
    severity: str = "error"
    detail: str = ""


class Problem(BaseModel):
    """What went wrong (RFC 9457), with a code that stays the same."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    where: str | None = None
    issues: list[Issue] = Field(default=[])


class Waits(BaseModel):
    """It was put aside until a second person approves it; the proposal is asked for by its number."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    proposal: str | None = None
    number: int | None = None


class Me(BaseModel):
    """Who is asking, and what they may do."""

    login: str
    roles: list[str]
    auth: str
    purpose: str
    scopes: list[str]
    actions: list[str]


class FieldDescription(BaseModel):
    """A field as this caller may use it."""

    key: str
    kind: str
    label: dict[str, str]
    help: dict[str, str]
    sensitivity: str = Field(description="public, internal, personal, sensitive or restricted")
    shown: Literal["clear", "masked", "none"]
    writable: bool
    required: bool
    unique: bool
    index: list[str]
    choices: list[str]
    target: str


class TypeDescription(BaseModel):
    """A record type."""

    key: str
    label: dict[str, str]
    version: int
    title: list[str]
    fields: list[FieldDescription]


class Types(BaseModel):
    """The record types."""

    types: list[TypeDescription]


class Record(BaseModel):
    """A record, or one version of it; masked fields hold their mask."""

    id: str
    type: str
    subject: str
    version: int
    fields: Values
    masked: list[str] = Field(default=[])
    erased: list[str] = Field(default=[])
    operation: str
    recorded: TimeText
    effective: TimeText
    deleted: bool


class RecordsPage(BaseModel):
    """One page; ``after`` asks for the next one and says nothing by itself."""

    records: list[Record]
    after: str | None = None
    total: int | None = None


class Change(Strict):
    """New values of some fields; null or an empty text clears one."""

    fields: Values
    reason: Text | None = Field(default=None, description="a person's own words; sealed")
    effective: Time | None = Field(default=None, description="since when it holds, RFC 3339")


class RemoveRequest(Strict):
    """Why a record leaves the lists."""

    reason: Annotated[str, StringConstraints(min_length=1, max_length=4_000)]


class RestoreRequest(Strict):
    """Why a record comes back."""

    reason: Text | None = None


class Saved(BaseModel):
    """What became of a change."""

    id: str
    type: str
    subject: str
    version: int
    written: bool
    warnings: list[Issue] = Field(default=[])


Created = Saved
Changed = Saved


class ListRequest(Strict):
    """What to list; it travels in the body, for no value may stand in an address."""

    where: Values = Field(default_factory=dict, description="values that records must have, by field")
    filters: list[Annotated[str, StringConstraints(max_length=400)]] = Field(
        default=[], max_length=50, description="conditions such as due<=today+7 or city~berl"
    )
    fields: list[Key] | None = None
    order_by: Order | None = None
    descending: bool = False
    limit: Annotated[int, Field(ge=1, le=1000)] = 100
    after: Cursor | None = None
    deleted: bool = False
    count: bool = False


class SearchRequest(Strict):
    """What to search for; sealed fields are found by exact match or whole words."""

    words: Annotated[str, StringConstraints(min_length=1, max_length=1_000)]
    where: Values = Field(default_factory=dict)
    fields: list[Key] | None = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 100
    after: Cursor | None = None


class FindRequest(Strict):
    """What to look for everywhere."""

    words: Annotated[str, StringConstraints(min_length=1, max_length=1_000)]
    limit: Annotated[int, Field(ge=1, le=100, description="records of each type")] = 10


class FoundOfType(BaseModel):
    """What was found in one type."""

    type: str
    columns: list[str]
    records: list[Record]
    more: bool


class FoundRecords(BaseModel):
    """What was found, by type."""

    found: list[FoundOfType]


class ExportRequest(Strict):
    """What to hand out, and why."""

    reason: Annotated[str, StringConstraints(min_length=1, max_length=4_000)]
    recipient: Annotated[str, StringConstraints(max_length=400)] = ""
    where: Values = Field(default_factory=dict)
    fields: list[Key] | None = None
    deleted: bool = False
    form: Literal["ndjson", "csv", "xlsx"] = "ndjson"
    headers: Literal["key", "en", "zh"] = Field(default="key", description="what columns are called")
    ids: bool = Field(default=False, description="with the identifier of each record, in a table")
    records: list[Annotated[str, StringConstraints(max_length=36)]] | None = Field(
        default=None, max_length=1_000, description="only these, by identifier"
    )


class Difference(BaseModel):
    """How one field changed."""

    field: str
    before: Any = None
    after: Any = None
    masked: bool = False


class Step(BaseModel):
    """One version in a record's history."""

    version: int
    operation: str
    recorded: TimeText
    effective: TimeText
    actor: str | None
    purpose: str | None
    reason: str | None
    entry: int
    hash: str
    changes: list[Difference]


class History(BaseModel):
    """Every version, oldest first."""

    history: list[Step]


class Entry(BaseModel):
    """An entry of the log: its index in its generation."""

    generation: int
    index: int
    kind: str
    time: TimeText
    actor: str
    purpose: str
    outcome: str
    type: str
    count: int
    op: str
    detail: dict[str, Any]
    records: list[dict[str, Any]]
    entry: str


class EntriesPage(BaseModel):
    """Entries, newest first."""

    entries: list[Entry]
    generations: list[int]
    total: int | None = Field(default=None, description="how many match in all")
    after: str | None = Field(default=None, description="asks for the next page, and says nothing by itself")
