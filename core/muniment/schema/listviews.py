"""Views: which columns of a type a list shows, in which order, filtered, sorted and grouped how; pure.

A view says what is wanted, never what is allowed: whoever uses one sees no more
than their role lets them. Its filters name public and internal fields alone, since
a value of a sealed field that is kept in a view would outlive the person it is about.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import attrs

from muniment.errors import ConfigError
from muniment.schema.fields import Field
from muniment.schema.rules import one_of
from muniment.schema.types import RecordType
from muniment.schema.values import NO_LABEL, Label

__all__ = ["MOST_ORDERS", "OPERATORS", "WORDED", "Condition", "ListView", "check_view", "fitted",
           "order_text", "parse_condition", "parse_order", "view_document", "view_from_document"]  # fmt: skip

OPERATORS: Final = ("!=", ">=", "<=", "=", ">", "<", "~")
"""What may stand between a field and a value, the longer ones first."""

_CONDITION: Final = re.compile(r"\s*([a-z][a-z0-9_]*)\s*(!=|>=|<=|=|>|<|~)(.*)", re.DOTALL)
_NARROWEST: Final = 40
_WIDEST: Final = 1_000
_MOST_PINNED: Final = 5
MOST_ORDERS: Final = 5
"""By so many fields a list is sorted at the most."""

_ORDERED: Final = ("integer", "decimal", "money", "date", "datetime")
_SEVERAL: Final = ("choice", "several choices")
WORDED: Final = ("text", "long text", "e-mail", "phone", "URL", "identifier")
"""Kinds whose values are texts in which another one may be looked for."""


@attrs.frozen
class Condition:
    """One condition that records of a list must meet.

    Attributes:
        field: the key of the field.
        operator: one of ``OPERATORS``; ``=`` of several choices asks whether one of them is chosen, ``~``
            whether the value stands somewhere in a text, in small or capital letters.
        value: as typed; empty with ``=`` asks for records without a value, with ``!=`` for those with
            one. Choices may be joined by ``|``, any of which will do. ``me`` is whoever asks, where the
            field refers to users; ``today``, ``today+7`` and ``today-30`` are days.
    """

    field: str
    operator: str
    value: str

    @property
    def text(self) -> str:
        """The condition as it is typed."""
        return f"{self.field}{self.operator}{self.value}"

    @property
    def values(self) -> tuple[str, ...]:
        """The alternatives."""
        return tuple(one.strip() for one in self.value.split("|"))


@attrs.frozen(kw_only=True)
class ListView:
    """A view of one record type.

    Attributes:
        key: its name among the views of the type; one that ships is small letters, digits and hyphens.
        type: the key of the record type.
        label: what people read; empty where the key is what they typed themselves.
        columns: keys of the fields in order; empty shows what the type's own list shows.
        filters: the conditions, all of which must hold.
        sort: keys of public or internal fields as ``parse_order`` reads them; empty sorts by creation.
        descending: the other way round.
        group_by: the key of a public or internal field by which records stand together; empty for none.
        roles: keys of the roles that it is for; empty for everyone.
        widths: keys of columns with how many pixels wide they are; one without is as wide as it needs.
        pinned: how many of the first columns stay in view when the others are moved.
    """

    key: str
    type: str
    label: Label = NO_LABEL
    columns: tuple[str, ...] = ()
    filters: tuple[Condition, ...] = ()
    sort: str = ""
    descending: bool = False
    group_by: str = ""
    roles: tuple[str, ...] = ()
    widths: tuple[tuple[str, int], ...] = ()
    pinned: int = 0

    @property
    def needed(self) -> frozenset[str]:
        """Keys of the fields without which it cannot be used."""
        named = {condition.field for condition in self.filters} | {key for key, _ in parse_order(self.sort)}
        return frozenset((named | {self.group_by}) - {""})

    @property
    def order(self) -> tuple[tuple[str, bool], ...]:
        """Keys of the fields that it is sorted by, each with whether the last ones come first."""
        within = tuple((key, down is not self.descending) for key, down in parse_order(self.sort))
        grouped = ((self.group_by, False),) if self.group_by else ()
        return (*grouped, *(one for one in within if one[0] != self.group_by))


def parse_order(text: str) -> tuple[tuple[str, bool], ...]:
    """The keys in an order such as ``city,-score``, each with whether its last ones come first.

    They are parted by commas, the one that counts most first, with a minus before one of which the
    last ones come first. One that is named again does not count.
    """
    found: dict[str, bool] = {}
    for one in text.split(",") if text else ():
        found.setdefault(one.strip().removeprefix("-"), one.strip().startswith("-"))
    return tuple(found.items())


def order_text(order: Iterable[tuple[str, bool]]) -> str:
    """The text of which ``parse_order`` reads this order."""
    return ",".join(f"-{key}" if down else key for key, down in order)


def parse_condition(text: str, *, where: str) -> Condition:
    """A condition out of ``field=value``, ``field!=value``, ``field>=value`` and so on.

    Args:
        text: as typed.
        where: the view, for errors.

    Raises:
        ConfigError: ``view.condition``; what was typed is not repeated.
    """
    found = _CONDITION.fullmatch(text)
    if found is None:
        raise ConfigError("view.condition", where=where)
    return Condition(found[1], found[2], found[3].strip())


def check_view(view: ListView, record_type: RecordType) -> None:
    """Refuse a view that its type cannot show.

    Raises:
        ConfigError: ``schema.unknown`` for a field or role that is not there, ``view.sealed`` for a
            filter, sort or group by a field that stands nowhere in clear, ``view.order`` for a
            comparison of what has no order, ``view.orders`` for more fields to sort by than there may be.
    """
    where = f"{record_type.key}: view({view.key})"
    if len(view.order) > MOST_ORDERS:
        raise ConfigError("view.orders", where=where, most=MOST_ORDERS)
    for key in (*view.columns, *view.needed):
        one_of(key, record_type.by_key, where, "field")
    for key in view.needed:
        if not record_type.by_key[key].in_clear:
            raise ConfigError("view.sealed", where=where, name=key)
    sizes = all(_NARROWEST <= wide <= _WIDEST for _, wide in view.widths)
    if not sizes or not 0 <= view.pinned <= _MOST_PINNED:
        raise ConfigError("view.widths", where=where, least=_NARROWEST, most=_WIDEST, pinned=_MOST_PINNED)
    for condition in view.filters:
        field = record_type.by_key[condition.field]
        if condition.operator == "~":
            if field.kind not in WORDED or not condition.value:
                raise ConfigError("view.within", where=where, name=field.key)
        elif condition.operator not in ("=", "!=") and field.kind not in _ORDERED:
            raise ConfigError("view.order", where=where, name=field.key)
        if "|" in condition.value and field.kind not in _SEVERAL:
            raise ConfigError("view.several", where=where, name=field.key)
        _check_choices(field, condition, where)


def _check_choices(field: Field, condition: Condition, where: str) -> None:
    if field.kind in _SEVERAL and field.choices and condition.value:
        known = [choice.key for choice in field.choices]
        for value in condition.values:
            one_of(value, known, f"{where}.{field.key}", "choice")


def fitted(view: ListView, record_type: RecordType) -> ListView | None:
    """The view with the columns that a type has; None where it lacks a field that the view cannot do without.

    A template may take some groups of a type only, and a field may have been renamed or retired since.
    """
    today = {key: field.key for key in (*view.columns, *view.needed) if (field := record_type.field(key))}
    if not view.needed <= today.keys() or not all(
        record_type.by_key[today[key]].in_clear for key in view.needed
    ):
        return None
    columns = tuple(
        dict.fromkeys(
            today[key] for key in view.columns if key in today and not record_type.by_key[today[key]].retired
        )
    )
    if view.columns and not columns:
        return None
    return attrs.evolve(
        view,
        columns=columns,
        filters=tuple(attrs.evolve(one, field=today[one.field]) for one in view.filters),
        sort=order_text((today[key], down) for key, down in parse_order(view.sort)),
        group_by=today.get(view.group_by, ""),
        widths=tuple((field.key, wide) for key, wide in view.widths if (field := record_type.field(key))),
    )


def view_document(view: ListView) -> dict[str, Any]:
    """What a view shows, as JSON: without its name, type and audience."""
    document: dict[str, Any] = {"v": 1, "columns": list(view.columns)}
    if view.filters:
        document["filters"] = [condition.text for condition in view.filters]
    for name in ("sort", "group_by"):
        if getattr(view, name):
            document[name] = getattr(view, name)
    if view.descending:
        document["descending"] = True
    if view.widths:
        document["widths"] = dict(view.widths)
    if view.pinned:
        document["pinned"] = view.pinned
    if view.label.en or view.label.zh:
        document["label"] = {"en": view.label.en, "zh": view.label.zh}
    return document


def view_from_document(
    document: Mapping[str, Any], *, key: str, type: str, roles: Iterable[str] = ()
) -> ListView:
    """The view that ``view_document`` wrote down.

    Raises:
        ConfigError: ``view.condition``.
    """
    label = document.get("label", {})
    return ListView(
        key=key,
        type=type,
        label=Label(label.get("en", ""), label.get("zh", "")),
        columns=tuple(document.get("columns", ())),
        filters=tuple(parse_condition(text, where=key) for text in document.get("filters", ())),
        sort=document.get("sort", ""),
        descending=bool(document.get("descending")),
        group_by=document.get("group_by", ""),
        roles=tuple(roles),
        widths=tuple(document.get("widths", {}).items()),
        pinned=document.get("pinned", 0),
    )
