"""Dashboards: named figures over record types, brought by templates or saved by people; pure.

A tile counts, adds up or lists records of one type, maybe those of a view, by a choice, a
person or a month. Like a view it grants nothing: whoever looks is given the figures of the
records and fields that their role lets them see. What it filters by stands in clear, for the
same reason as a view's filters; what it adds up or groups by may be sealed, and then small
groups are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import attrs

from muniment.errors import ConfigError
from muniment.schema.listviews import Condition, ListView, check_view, fitted, parse_condition, parse_order
from muniment.schema.rules import one_of, refuse
from muniment.schema.toml import read_document, read_label, read_strings, read_table
from muniment.schema.types import RecordType
from muniment.schema.values import NO_LABEL, Label

__all__ = [
    "DASHBOARD",
    "MEASURES",
    "PERIODS",
    "TILE",
    "Dashboard",
    "Tile",
    "check_dashboard",
    "dashboard_document",
    "dashboard_from_document",
    "fitted_tile",
    "parse_dashboard",
    "read_dashboards",
]

MEASURES: Final = ("count", "sum", "average", "share", "list")
"""What a tile shows of its records."""

PERIODS: Final = ("day", "week", "month", "quarter", "year")
"""By what a tile may group days and times; weeks are those of ISO 8601."""

_KEY: Final = re.compile(r"[a-z][a-z0-9-]{0,62}")
_NUMBERS: Final = ("integer", "decimal", "money")
_GROUPED: Final = ("choice", "several choices", "checkbox", "reference", "text", "identifier", "integer")
_MOST_GROUPS: Final = 60

TILE: Final[Mapping[str, Any]] = {
    "key": str, "label": dict, "help": dict, "type": str, "measure": str, "field": str, "filters": list,
    "of": list, "by": str, "period": str, "last": int, "next": int, "columns": list, "sort": str,
    "descending": bool, "least": int,
}  # fmt: skip
"""The keys of a tile's table and what each holds."""

DASHBOARD: Final[Mapping[str, Any]] = {"key": str, "label": dict, "help": dict, "roles": list, "tile": list}
"""The keys of a dashboard's table and what each holds."""

_FILE: Final = {"format": int, "dashboard": list}


@attrs.frozen(kw_only=True)
class Tile:
    """One figure, chart or short list.

    Attributes:
        key: its name among the tiles of the dashboard.
        type: the key of the record type.
        label: what people read.
        help: how it is to be understood.
        measure: one of ``MEASURES``; ``share`` is the percentage that meets ``of`` too.
        field: the key of the number or amount that is added up or averaged.
        filters: the conditions that records must meet to be counted at all.
        of: for a share, the conditions of those whose part it is.
        by: the key of the field by which records stand together; empty for one figure alone.
        period: for a date or time in ``by`` one of ``PERIODS``.
        last: so many groups at most; of periods those up to today.
        next: of periods so many from today on, in place of ``last``.
        columns: for a list, keys of the fields shown.
        sort: for a list, keys of the fields to sort by as ``parse_order`` reads them; they stand in clear.
        descending: the last ones first.
        least: groups of fewer people are not shown; 0 leaves it to the archive.
    """

    key: str
    type: str
    label: Label = NO_LABEL
    help: Label = NO_LABEL
    measure: str = "count"
    field: str = ""
    filters: tuple[Condition, ...] = ()
    of: tuple[Condition, ...] = ()
    by: str = ""
    period: str = ""
    last: int = 12
    next: int = 0
    columns: tuple[str, ...] = ()
    sort: str = ""
    descending: bool = False
    least: int = 0

    @property
    def needed(self) -> frozenset[str]:
        """Keys of the fields without which it cannot be computed."""
        named = {condition.field for condition in (*self.filters, *self.of)}
        ordered = {key for key, _ in parse_order(self.sort)}
        return frozenset((named | ordered | {self.field, self.by}) - {""})


@attrs.frozen(kw_only=True)
class Dashboard:
    """Some tiles under one name.

    Attributes:
        key: its name; one that ships is small letters, digits and hyphens.
        label: what people read; empty where the key is what they typed themselves.
        help: whom it serves.
        roles: keys of the roles that it is for; empty for everyone.
        tiles: in order.
    """

    key: str
    label: Label = NO_LABEL
    help: Label = NO_LABEL
    roles: tuple[str, ...] = ()
    tiles: tuple[Tile, ...] = ()


# Reading


def _conditions(given: Any, where: str) -> tuple[Condition, ...]:
    return tuple(parse_condition(text, where=where) for text in read_strings(given, where))


def _tile(given: Any, where: str) -> Tile:
    table = dict(read_table(given, TILE, where, "key", "label", "type"))
    where = f"{where}({table['key']})"
    if not _KEY.fullmatch(table["key"]):
        raise refuse("key", where, name=table["key"])
    for name in ("label", "help"):
        if name in table:
            table[name] = read_label(table[name], f"{where}.{name}")
    for name in ("filters", "of"):
        table[name] = _conditions(table.get(name, []), f"{where}.{name}")
    if "columns" in table:
        table["columns"] = read_strings(table["columns"], f"{where}.columns")
    return Tile(**table)


def parse_dashboard(given: Any, where: str) -> Dashboard:
    """A dashboard out of a table of TOML; ``check_dashboard`` says whether types can show it.

    Raises:
        ConfigError: ``schema.*`` or ``view.condition``, with the place.
    """
    table = dict(read_table(given, DASHBOARD, where, "key", "label", "tile"))
    where = f"{where}({table['key']})"
    if not _KEY.fullmatch(table["key"]):
        raise refuse("key", where, name=table["key"])
    tiles = tuple(_tile(item, f"{where}.tile[{place}]") for place, item in enumerate(table["tile"]))
    for name in (tile.key for tile in tiles):
        if [tile.key for tile in tiles].count(name) > 1:
            raise refuse("twice", f"{where}.tile", name=name)
    return Dashboard(
        key=table["key"],
        label=read_label(table["label"], f"{where}.label"),
        help=read_label(table["help"], f"{where}.help") if "help" in table else NO_LABEL,
        roles=read_strings(table.get("roles", []), f"{where}.roles"),
        tiles=tiles,
    )


def read_dashboards(text: str, *, where: str) -> tuple[Dashboard, ...]:
    """The dashboards of a file of their own: ``format = 1`` and ``[[dashboard]]`` tables.

    Args:
        text: TOML.
        where: the file, for errors.

    Raises:
        ConfigError: as ``parse_dashboard``.
    """
    table = read_table(read_document(text, where), _FILE, where, "dashboard")
    return tuple(
        parse_dashboard(item, f"{where}: dashboard[{place}]") for place, item in enumerate(table["dashboard"])
    )


# Checking


def check_dashboard(dashboard: Dashboard, types: Mapping[str, RecordType]) -> None:
    """Refuse a dashboard that these types cannot show.

    Raises:
        ConfigError: ``schema.unknown``, ``view.*`` or ``dashboard.*``, with the tile.
    """
    for tile in dashboard.tiles:
        where = f"dashboard({dashboard.key}).{tile.key}"
        one_of(tile.type, types, where, "type")
        _check_tile(tile, types[tile.type], where)


def _check_tile(tile: Tile, record_type: RecordType, where: str) -> None:
    one_of(tile.measure, MEASURES, where, "measure")
    check_view(_as_view(tile), record_type)
    if tile.field:
        one_of(tile.field, record_type.by_key, where, "field")
        if record_type.by_key[tile.field].kind not in _NUMBERS:
            raise ConfigError("dashboard.no_number", where=where, name=tile.field)
    if (tile.measure in ("sum", "average")) != bool(tile.field):
        raise ConfigError("dashboard.field", where=where)
    if (tile.measure == "share") != bool(tile.of):
        raise ConfigError("dashboard.of", where=where)
    if tile.measure == "list" and (tile.by or not tile.columns):
        raise ConfigError("dashboard.columns", where=where)
    if not 1 <= tile.last <= _MOST_GROUPS or not 0 <= tile.next <= _MOST_GROUPS or tile.least < 0:
        raise ConfigError("dashboard.groups", where=where, maximum=_MOST_GROUPS)
    if tile.by:
        one_of(tile.by, record_type.by_key, where, "field")
    kind = record_type.by_key[tile.by].kind if tile.by else ""
    if tile.period and tile.period not in PERIODS:
        one_of(tile.period, PERIODS, where, "period")
    if (kind in ("date", "datetime")) != bool(tile.period):
        raise ConfigError("dashboard.period", where=where)
    if kind and not tile.period and kind not in _GROUPED:
        raise ConfigError("dashboard.by", where=where, name=tile.by)


def _as_view(tile: Tile) -> ListView:
    """What of a tile a list could show; its rules are those of lists."""
    return ListView(
        key=tile.key,
        type=tile.type,
        columns=tile.columns,
        filters=(*tile.filters, *tile.of),
        sort=tile.sort,
    )


def fitted_tile(tile: Tile, record_type: RecordType) -> Tile | None:
    """The tile under the keys that its fields have today; None where the type lacks one that it needs."""
    fits = fitted(_as_view(tile), record_type)
    today = {key: field.key for key in (tile.field, tile.by) if (field := record_type.field(key)) is not None}
    if fits is None or not {tile.field, tile.by} - {""} <= today.keys():
        return None
    count = len(tile.filters)
    return attrs.evolve(
        tile,
        columns=fits.columns,
        filters=fits.filters[:count],
        of=fits.filters[count:],
        sort=fits.sort,
        by=today.get(tile.by, ""),
        field=today.get(tile.field, ""),
    )


# Keeping


def dashboard_document(dashboard: Dashboard) -> dict[str, Any]:
    """What a dashboard shows, as JSON: without its name and audience."""
    return {
        "v": 1,
        **_words("label", dashboard.label),
        **_words("help", dashboard.help),
        "tiles": [_tile_document(tile) for tile in dashboard.tiles],
    }


def _words(name: str, label: Label) -> dict[str, Any]:
    return {name: {"en": label.en, "zh": label.zh}} if label.en or label.zh else {}


_PLAIN: Final = ("measure", "field", "by", "period", "last", "next", "sort", "descending", "least")


def _tile_document(tile: Tile) -> dict[str, Any]:
    document: dict[str, Any] = {"key": tile.key, "type": tile.type}
    document |= _words("label", tile.label) | _words("help", tile.help)
    usual = Tile(key=tile.key, type=tile.type)
    for name in _PLAIN:
        if getattr(tile, name) != getattr(usual, name):
            document[name] = getattr(tile, name)
    for name, conditions in (("filters", tile.filters), ("of", tile.of)):
        if conditions:
            document[name] = [condition.text for condition in conditions]
    if tile.columns:
        document["columns"] = list(tile.columns)
    return document


def _label_of(document: Mapping[str, Any], name: str) -> Label:
    found = document.get(name, {})
    return Label(found.get("en", ""), found.get("zh", ""))


def dashboard_from_document(document: Mapping[str, Any], *, key: str, roles: Iterable[str] = ()) -> Dashboard:
    """The dashboard that ``dashboard_document`` wrote down.

    Raises:
        ConfigError: ``view.condition``.
    """
    tiles: Sequence[Mapping[str, Any]] = document.get("tiles", ())
    return Dashboard(
        key=key,
        label=_label_of(document, "label"),
        help=_label_of(document, "help"),
        roles=tuple(roles),
        tiles=tuple(
            Tile(
                key=one["key"],
                type=one["type"],
                label=_label_of(one, "label"),
                help=_label_of(one, "help"),
                filters=tuple(parse_condition(text, where=key) for text in one.get("filters", ())),
                of=tuple(parse_condition(text, where=key) for text in one.get("of", ())),
                columns=tuple(one.get("columns", ())),
                **{name: one[name] for name in _PLAIN if name in one},
            )
            for one in tiles
        ),
    )
