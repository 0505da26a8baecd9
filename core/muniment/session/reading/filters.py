"""Conditions beyond equality: what a list compares, in the clear table first and with opened values last."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import attrs

from muniment.errors import AccessDenied, Invalid, NotFound, UsageError
from muniment.model import Money, Value, id_text
from muniment.policy import View
from muniment.schema import Field, RecordType
from muniment.schema.listviews import WORDED, Condition
from muniment.session.kernel.acting import Acting
from muniment.session.kernel.current import sortable
from muniment.session.kernel.engine import Engine

__all__ = ["Filter", "compile_filter", "meant"]

_COMPARE: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
_DAY: Final = re.compile(r"today\s*(?:([+-])\s*([0-9]{1,5}))?")
_PLAIN_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_ORDERED: Final = ("integer", "decimal", "money", "date", "datetime")
# What stands in the clear table as it is, so that rows can be passed over unopened. Amounts stand there as
# floats, and those of two currencies cannot be compared.
_EXACT: Final = ("integer", "date", "datetime", "choice", "checkbox", "reference")


@attrs.frozen
class Filter:
    """One condition, compiled.

    Attributes:
        key: of the field.
        number: of the field, where rows of the clear table can be passed over by it; else None.
        passes: whether what the clear table has for the field may be a hit.
        matches: whether an opened value is one.
    """

    key: str
    number: int | None
    passes: Callable[[object], bool]
    matches: Callable[[Value], bool]


def meant(engine: Engine, acting: Acting, field: Field, text: str) -> str:
    """A value of a condition as it is typed into its field: ``me`` and ``today+7`` mean something else.

    Raises:
        UsageError: ``view.nobody`` where ``me`` is nobody whom the archive knows.
    """
    if field.kind == "reference" and field.target == "user" and text == "me":
        user = engine.definitions.users.get(acting.actor.id)
        if user is None:
            raise UsageError("view.nobody", name=field.key)
        return id_text(user.record)
    if field.kind in ("date", "datetime"):
        found = _DAY.fullmatch(text)
        day = text
        if found is not None:
            days = int(f"{found[1] or '+'}{found[2] or 0}")
            day = (engine.value_context().today + timedelta(days=days)).isoformat()
        if field.kind == "datetime" and _PLAIN_DAY.fullmatch(day):
            # A day begins where the archive is.
            start = datetime.fromisoformat(day).replace(tzinfo=engine.zone)
            return start.isoformat()
        return day
    return text


def compile_filter(
    engine: Engine, acting: Acting, record_type: RecordType, view: View, condition: Condition, *, scan: bool
) -> Filter:
    """What a condition compares, if this actor may ask it.

    Raises:
        NotFound: ``schema.unknown_field`` for a field that is not there or may not be read: alike.
        AccessDenied: ``access.field`` for one that is only shown masked.
        UsageError: ``view.order``, ``view.within``, ``view.several``, ``view.nobody``, or
            ``index.unsupported`` for a sealed field without a scan.
        Invalid: the value cannot stand in the field.
    """
    field = record_type.field(condition.field)
    if field is None or field.key not in view.readable:
        raise NotFound("schema.unknown_field", where=record_type.key, name=condition.field)
    if field.key not in view.clear:
        raise AccessDenied("access.field", where=record_type.key, action="filter", names=field.key)
    if not field.in_clear and not scan:
        raise UsageError("index.unsupported", where=field.key, operator=condition.operator, kinds="scan")
    if condition.operator in _COMPARE and field.kind not in _ORDERED:
        raise UsageError("view.order", where=record_type.key, name=field.key)
    if condition.operator == "~":
        return _within(record_type, field, condition.value)
    if "|" in condition.value and field.kind not in ("choice", "several choices"):
        raise UsageError("view.several", where=record_type.key, name=field.key)
    texts = condition.values if "|" in condition.value else (condition.value,)
    wanted = [_read(engine, record_type, field, meant(engine, acting, field, text)) for text in texts]
    number = field.number if field.in_clear and field.kind in _EXACT else None
    if condition.operator in _COMPARE:
        return _ordering(field.key, number, condition.operator, wanted[0])
    return _choosing(
        field.key, number, [one for one in wanted if one is not None], condition.operator == "!="
    )


def _within(record_type: RecordType, field: Field, text: str) -> Filter:
    if field.kind not in WORDED:
        raise UsageError("view.within", where=record_type.key, name=field.key)
    if not text:
        raise UsageError("view.no_value", name=field.key)
    wanted = text.casefold()

    def within(value: object) -> bool:
        return isinstance(value, str) and wanted in value.casefold()

    return Filter(field.key, field.number if field.in_clear else None, within, within)


def _read(engine: Engine, record_type: RecordType, field: Field, text: str) -> Value:
    if not text:
        return None
    # A computed field, or one whose plugin is disabled, takes no values, and may be asked for all the same.
    asked = attrs.evolve(
        record_type,
        fields=tuple(
            attrs.evolve(one, computed=False, retired=False, suspended=False, past=False)
            if one is field
            else one
            for one in record_type.fields
        ),
    )
    values, issues = asked.normalise(
        {field.key: text}, context=engine.value_context(), partial=True, kinds=engine.kinds
    )
    errors = [issue for issue in issues if issue.severity == "error"]
    if errors:
        raise Invalid(errors, where=record_type.key)
    return values.get(field.key)


def _ordering(key: str, number: int | None, sign: str, wanted: Value) -> Filter:
    compare = _COMPARE[sign]
    if wanted is None:
        raise UsageError("view.no_value", name=key)
    stored = sortable(wanted)

    def matches(value: Value) -> bool:
        if value is None:
            return False
        if isinstance(value, Money) or isinstance(wanted, Money):
            if not (isinstance(value, Money) and isinstance(wanted, Money)):
                return False
            return value.currency == wanted.currency and compare(value.amount, wanted.amount)
        if isinstance(value, datetime) != isinstance(wanted, datetime):
            return False
        return compare(value, wanted)

    return Filter(key, number, lambda held: type(held) is type(stored) and compare(held, stored), matches)


def _choosing(key: str, number: int | None, wanted: list[Value], excluded: bool) -> Filter:
    stored = frozenset(map(sortable, wanted))

    def chosen(value: Value) -> bool:
        if not wanted:
            return value is None
        if isinstance(value, tuple):
            return any(one in value for several in wanted for one in _parts(several))
        return value in wanted

    def held(value: object) -> bool:
        return value in stored if wanted else value is None

    return Filter(
        key,
        number,
        lambda value: held(value) != excluded,
        lambda value: chosen(value) != excluded,
    )


def _parts(value: Value) -> tuple[Value, ...]:
    return value if isinstance(value, tuple) else (value,)
