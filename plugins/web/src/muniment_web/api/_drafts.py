"""What was typed and is not saved yet: the change tray of a table, and forms."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import Depends
from pydantic import Field, StringConstraints

from muniment.cli.values import value_json
from muniment.model import rfc3339
from muniment.session import Session
from muniment.session.approval.forms import Draft
from muniment.session.approval.tray import MOST_EDITS, Edit
from muniment_web.api._calls import area, may
from muniment_web.api._parts import (
    Done,
    Id,
    Key,
    Moment,
    Reason,
    Shown,
    Strict,
    TypeKey,
    Values,
    Why,
    Written,
    WrittenAll,
)

__all__ = ["router"]

router: Final = area("drafts")
Looking = Annotated[Session, Depends(may("write", once="never"))]
# What was typed is told to whoever typed it, and kept nowhere else.
Typing = Annotated[Session, Depends(may("write", once="mark"))]
Applying = Annotated[Session, Depends(may("write"))]


class RowDraft(Shown):
    """What was typed into a record's row and not saved yet."""

    id: str
    record: str = Field(description="of a new one the identifier that it will have")
    base: int = Field(description="the version that was seen; 0 for a new record")
    fields: Values
    stale: bool
    problem: str = Field(default="", description="the code of what stands against saving it now")


class RowDrafts(Shown):
    """The change tray of one table."""

    drafts: list[RowDraft]


class RowEdit(Strict):
    """Cells of one record."""

    record: str = Field(
        default="",
        pattern=r"^([0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})?$",
        description="empty for a new record",
    )
    fields: Values = Field(default={})
    base: Annotated[int, Field(ge=1, lt=2**31)] | None = None
    without: list[Key] = Field(default=[])


class RowEdits(Strict):
    """Cells of many records."""

    edits: Annotated[list[RowEdit], Field(max_length=MOST_EDITS)]


@router.get("/drafts/{type}")
def list_drafts(session: Looking, key: TypeKey, check: bool = False) -> RowDrafts:
    """What this caller typed into a table and has not saved; with ``check`` what stands against it."""
    tray = session.drafts.tray(key)
    problems = tray.problems() if check else {}
    return RowDrafts(
        drafts=[
            RowDraft(
                id=one.id,
                record=one.record,
                base=one.base,
                fields={name: value_json(value) for name, value in one.values.items()},
                stale=one.stale,
                problem=problems[one.record].code if one.record in problems else "",
            )
            for one in tray.shown()
        ]
    )


@router.post("/drafts/{type}")
def keep_drafts(session: Typing, key: TypeKey, given: RowEdits) -> RowDrafts:
    """Keep cells of many records, sealed for this caller alone; nothing is checked before it is asked for."""
    edits = [Edit(one.record.lower(), one.fields, one.base, one.without) for one in given.edits]
    session.drafts.tray(key).keep(edits)
    return list_drafts(session, key)


@router.post("/drafts/{type}/apply")
def apply_drafts(session: Applying, key: TypeKey, given: Why) -> WrittenAll:
    """Write all of it as one change set, or nothing."""
    held = session.drafts.tray(key).shown()
    saved = session.drafts.apply([one.id for one in held], reason=given.reason) if held else []
    return WrittenAll(saved=[Written.model_validate(one) for one in saved])


@router.delete("/drafts/{type}")
def discard_drafts(session: Typing, key: TypeKey) -> RowDrafts:
    """Throw all of it away."""
    session.drafts.tray(key).discard()
    return RowDrafts(drafts=[])


# Forms


class FormDraft(Shown):
    """A form that this caller has not saved yet."""

    id: str
    operation: str
    type: str
    record: str
    base: int
    saved: Moment
    expires: Moment
    stale: bool
    fields: Values = Field(description="what was typed; in a list the keys alone")


class FormDrafts(Shown):
    """Forms that this caller has not saved yet, oldest first."""

    forms: list[FormDraft]


class FormRequest(Strict):
    """A form as it stands; its values are checked when it is applied."""

    fields: Values
    type: Key | None = Field(default=None, description="for a new record")
    record: Annotated[str, StringConstraints(max_length=36)] | None = None
    base: Annotated[int, Field(ge=1, lt=2**31)] | None = None
    id: Annotated[str, StringConstraints(max_length=36)] | None = Field(
        default=None, description="of the form that this one replaces"
    )


class FormApply(Strict):
    """Which forms are written together; by default all of them."""

    ids: list[Annotated[str, StringConstraints(max_length=36)]] | None = None
    reason: Reason | None = None


def _form(one: Draft) -> FormDraft:
    shown: dict[str, Any] = {
        name: getattr(one, name) for name in ("id", "operation", "type", "record", "base", "stale")
    }
    values = {name: value if value is None else str(value) for name, value in one.values.items()}
    return FormDraft(**shown, saved=rfc3339(one.saved_us), expires=rfc3339(one.expires_us), fields=values)


@router.get("/forms")
def list_forms(session: Looking) -> FormDrafts:
    """Forms that this caller has not saved yet."""
    return FormDrafts(forms=[_form(one) for one in session.drafts.list()])


@router.post("/forms")
def keep_form(session: Typing, given: FormRequest) -> FormDraft:
    """Keep a form as it stands, sealed for this caller alone."""
    return _form(
        session.drafts.save(
            given.fields, type=given.type or "", record=given.record, base=given.base, id=given.id
        )
    )


@router.get("/forms/{id}")
def get_form(session: Looking, id: Id) -> FormDraft:
    """One form with what was typed."""
    return _form(session.drafts.get(str(id)))


@router.delete("/forms/{id}")
def discard_form(session: Applying, id: Id) -> Done:
    """Throw a form away."""
    session.drafts.discard(str(id))
    return Done(id=str(id), state="discarded")


@router.post("/forms/apply")
def apply_forms(session: Applying, given: FormApply) -> WrittenAll:
    """Write forms together, in one transaction and for one reason, or none of them."""
    saved = session.drafts.apply(given.ids, reason=given.reason)
    return WrittenAll(saved=[Written.model_validate(one) for one in saved])
