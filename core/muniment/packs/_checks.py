"""Checks across the fields of a record, as a table that a plugin states.

A check looks only where one of its fields is being written, so that an old record is
not held up by what nobody touches. What is empty is no contradiction. A value of a kind
that a check does not expect says nothing: a team may have kept it under another rule.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal

import attrs

from muniment.errors import Issue
from muniment.model import Money
from muniment.plugins import HookContext, RecordState

__all__ = ["Check", "Checks", "adds_up", "needs", "not_above", "not_before"]

Values = Mapping[str, object]
Test = Callable[[Values, HookContext], bool]
"""Whether the values, as they would be after the write, hold together."""


@attrs.frozen
class Check:
    """One check.

    Attributes:
        type: the key of the record type.
        fields: the keys of the fields that it compares.
        code: of the issue.
        on: the key of the field that the issue names.
        holds: the test.
        severity: ``error`` or ``warning``.
    """

    type: str
    fields: tuple[str, ...]
    code: str
    on: str
    holds: Test
    severity: str = "error"


class Checks:
    """The checks of a plugin, by type.

    Args:
        checks: in the order in which issues are listed.
    """

    def __init__(self, checks: Iterable[Check]) -> None:
        self._by_type: dict[str, list[tuple[frozenset[str], Check]]] = {}
        for check in checks:
            self._by_type.setdefault(check.type, []).append((frozenset(check.fields), check))

    @property
    def all(self) -> tuple[Check, ...]:
        """Every check, by type."""
        return tuple(check for checks in self._by_type.values() for _, check in checks)

    def issues(
        self, record: RecordState, changes: Mapping[str, object], context: HookContext
    ) -> Collection[Issue]:
        """What a write would make wrong; the arguments are those of ``muniment_validate``."""
        checks = self._by_type.get(record.type)
        if not checks or not changes:
            return ()
        after: Values | None = None
        found = []
        for fields, check in checks:
            if fields.isdisjoint(changes):
                continue
            if after is None:
                after = {**record.values, **changes}
            if not check.holds(after, context):
                found.append(Issue(check.code, check.on, check.severity))
        return found


# The usual ones


def not_before(type: str, earlier: str, later: str, code: str, *, severity: str = "error") -> Check:
    """One day or time is not before another; of a day and a time the days are compared.

    Args:
        type: the key of the record type.
        earlier: the field of what comes first.
        later: the field of what comes after; the issue names it.
        code: of the issue.
        severity: ``error`` or ``warning``.
    """

    def holds(values: Values, context: HookContext) -> bool:
        first, second = values.get(earlier), values.get(later)
        if isinstance(first, datetime) and isinstance(second, datetime):
            return first <= second
        one, other = _day(first), _day(second)
        return one is None or other is None or one <= other

    return Check(type, (earlier, later), code, later, holds, severity)


def not_above(type: str, lower: str, higher: str, code: str, *, severity: str = "error") -> Check:
    """One number or amount is not above another; amounts of two currencies are not compared.

    Args:
        type: the key of the record type.
        lower: the field that may not be above; the issue names it.
        higher: the field that it may not be above.
        code: of the issue.
        severity: ``error`` or ``warning``.
    """

    def holds(values: Values, context: HookContext) -> bool:
        one, other = _number(values.get(lower)), _number(values.get(higher))
        if one is None or other is None or one[1] != other[1]:
            return True
        return one[0] <= other[0]

    return Check(type, (lower, higher), code, lower, holds, severity)


def adds_up(
    type: str, total: str, parts: Collection[str], code: str, *, less: Collection[str] = (), needed: int = 2
) -> Check:
    """An amount is the sum of others.

    Args:
        type: the key of the record type.
        total: the field of the sum; the issue names it.
        parts: the fields that are added; an empty one counts as nothing.
        code: of the issue.
        less: the fields that are taken off.
        needed: how many of all these must be filled in for the check to speak.
    """
    signs = {**dict.fromkeys(parts, 1), **dict.fromkeys(less, -1)}

    def holds(values: Values, context: HookContext) -> bool:
        whole = _number(values.get(total))
        pieces = [(sign, _number(values.get(field))) for field, sign in signs.items()]
        given = [(sign, piece) for sign, piece in pieces if piece is not None]
        if whole is None or len(given) < needed:
            return True
        if any(piece[1] != whole[1] for _, piece in given):
            return False
        return sum((sign * piece[0] for sign, piece in given), Decimal()) == whole[0]

    return Check(type, (total, *signs), code, total, holds)


def needs(
    type: str,
    field: str,
    code: str,
    *,
    when: str,
    values: Collection[object] | None = None,
    severity: str = "error",
) -> Check:
    """A field is filled in where another one is, or has one of some values.

    Args:
        type: the key of the record type.
        field: the field that is needed; the issue names it.
        code: of the issue.
        when: the field that asks for it.
        values: its values that do; None for any.
        severity: ``error`` or ``warning``.
    """

    def holds(after: Values, context: HookContext) -> bool:
        given = after.get(when)
        several = given if isinstance(given, tuple) else (given,)
        asks = given is not None and (values is None or any(one in values for one in several))
        return not asks or after.get(field) is not None

    return Check(type, (field, when), code, field, holds, severity)


def _day(value: object) -> date | None:
    if isinstance(value, datetime):
        return value.date()
    return value if isinstance(value, date) else None


def _number(value: object) -> tuple[Decimal, str] | None:
    """A number and its currency."""
    if isinstance(value, Money):
        return value.amount, value.currency
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        return None
    return Decimal(value), ""
