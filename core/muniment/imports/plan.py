"""Which column of a file becomes which field, decided once, and then done fast for each row."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from functools import partial
from operator import itemgetter
from typing import Any
from unicodedata import category, normalize

import attrs

from muniment.errors import ConfigError, Invalid, Issue, UsageError
from muniment.exports.columns import RESERVED, is_reserved, money_headers
from muniment.imports.mapping import Join, Mapping
from muniment.imports.tables import Row, shown
from muniment.model import rfc3339
from muniment.schema.fields import Field
from muniment.schema.types import RecordType

__all__ = ["Plan", "header_key", "known_headers", "resolve"]


_MOST_NAMED = 12
"""How many columns one message names; a sheet has up to 16,384."""


def header_key(name: str) -> str:
    """A header as it is compared: width, case, spaces, hyphens and punctuation do not count."""
    folded = normalize("NFKC", name).casefold()
    return normalize(
        "NFC", "".join(sign for sign in folded if category(sign)[0] not in "ZPCS" or sign in "#%+")
    )


@attrs.frozen
class Plan:
    """How each row of one file becomes values; made by ``resolve``.

    Attributes:
        fields: the keys of the fields that every row gives, in the order of the file.
        match: the fields by which a row finds the record that it updates.
        record_id: the place of the column of record identifiers of an export, or None.
        notes: what is left out or missing, as warnings, for a person to see before the import.
        values: (row) gives the text of each field; an empty text says that there is no value, and
            a number out of a workbook comes as ``Decimal`` where its text has two readings. Raises
            ``Invalid`` with ``import.unlisted`` where the mapping's ``values`` lack a text.
    """

    fields: tuple[str, ...]
    match: tuple[str, ...]
    record_id: int | None
    notes: tuple[Issue, ...]
    values: Callable[[Row], dict[str, object]]
    _columns: dict[str, tuple[str, ...]]

    def columns_of(self, field: str | None) -> tuple[str, ...]:
        """The headers that a field is made of; none for a constant."""
        return self._columns.get(field or "", ())


_Step = Callable[[dict[str, str], Sequence[str]], None]


def resolve(
    header: Sequence[str],
    record_type: RecordType,
    mapping: Mapping | None = None,
    *,
    match: Iterable[str] = (),
    first_column: int = 0,
) -> Plan:
    """Decide which column becomes which field; whatever is unclear is an error, never a guess.

    A header finds its field by the field's key, then by a label in either language, then
    by an alias; what the mapping says comes before all of them.

    Args:
        header: the header's cells.
        record_type: the type whose records the rows are.
        mapping: what a team wrote down about this file.
        match: fields to match by, in place of the mapping's.
        first_column: how many columns the file has to the left of the first cell.

    Raises:
        UsageError: ``import.no_header``, ``import.unknown_column``, ``import.ambiguous_column``,
            ``import.field_twice``, ``import.no_columns``, ``import.match``.
        ConfigError: ``import.mapping_type``, ``import.mapping_field``, ``import.mapping_column``,
            ``import.mapping_twice`` or ``import.currency_alone``.
    """
    return _Resolver(header, record_type, mapping or Mapping(), first_column).plan(tuple(match))


def known_headers(record_type: RecordType, mapping: Mapping) -> Callable[[str], bool]:
    """Tells whether a cell names a field of a type, or a column that a mapping names.

    Args:
        record_type: the type whose records the rows are.
        mapping: what a team wrote down.
    """
    ranks, money = _names(record_type)
    named = [
        *mapping.columns,
        *mapping.ignore,
        *(name for one in mapping.joins.values() for name in one.columns),
    ]
    known = {*money, *map(header_key, named), *(name for rank in ranks for name in rank)} - {""}
    return lambda name: is_reserved(name) or header_key(name) in known


class _Resolver:
    """The state of one ``resolve``; every step narrows what is still open."""

    def __init__(self, header: Sequence[str], kind: RecordType, mapping: Mapping, first_column: int) -> None:
        self.header = header
        self.kind = kind
        self.mapping = mapping
        self.first_column = first_column
        self.notes: list[Issue] = []
        self.direct: dict[str, int] = {}
        self.money: dict[str, int] = {}
        self.places = {header_key(name): place for place, name in enumerate(header) if name.strip()}
        self.exact = {name.strip(): place for place, name in enumerate(header)}

    def plan(self, match: tuple[str, ...]) -> Plan:
        if self.mapping.type and self.mapping.type != self.kind.key:
            raise ConfigError("import.mapping_type", name=self.mapping.type, type=self.kind.key)
        joins = self._joined()
        constants = {
            self._field(key).key: text
            for key, text in self.mapping.constants.items()
            if not self.mapping.lenient or self.kind.field(key) is not None
        }
        for name, key in self.mapping.columns.items():
            if not self.mapping.lenient:
                self._take(self._field(key), self._place(name))
            elif self._is_there(name) and self.kind.field(key) is not None:
                field = self._field(key)
                if field.key not in self.direct:
                    self._take(field, self._place(name))
        # A column that is joined may be mapped as well, but does not look for a field by itself.
        taken = {place for _, places in joins.values() for place in places} | set(self.direct.values())
        taken |= {
            self._place(name)
            for name in self.mapping.ignore
            if not self.mapping.lenient or self._is_there(name)
        }
        record_id = self._match_headers(taken, joins.keys() | constants.keys())
        fields = (*self.direct, *joins, *constants)
        for key in fields:
            if fields.count(key) > 1:
                raise ConfigError("import.mapping_twice", field=key)
        if not self.direct and not joins:
            raise UsageError("import.no_columns", type=self.kind.key)
        self._note_missing(fields)
        return Plan(
            fields=fields,
            match=self._matched(match or self._own_match(fields), fields),
            record_id=record_id,
            notes=tuple(self.notes),
            values=self._compiled(joins, constants),
            columns=self._sources(joins),
        )

    def _joined(self) -> dict[str, tuple[Join, tuple[int, ...]]]:
        joins = {}
        for key, join in self.mapping.joins.items():
            if self.mapping.lenient:
                here = tuple(filter(self._is_there, join.columns))
                if not here or self.kind.field(key) is None:
                    continue
                han = tuple(name for name in join.han_columns if name in here)
                join = attrs.evolve(join, columns=here, han_columns=han)
            joins[self._field(key).key] = (join, tuple(map(self._place, join.columns)))
        return joins

    def _is_there(self, name: str) -> bool:
        return name.strip() in self.exact or header_key(name) in self.places

    def _name(self, place: int) -> str:
        return shown(self.header[place], place + self.first_column)

    def _field(self, key: str) -> Field:
        field = self.kind.field(key)
        if field is None or not field.writable or field.kind == "file":
            raise ConfigError("import.mapping_field", name=key, type=self.kind.key)
        return field

    def _place(self, name: str) -> int:
        place = self.exact.get(name.strip())
        if place is None:
            place = self.places.get(header_key(name))
        if place is None:
            raise ConfigError("import.mapping_column", name=name)
        return place

    def _take(self, field: Field, place: int) -> None:
        if field.key in self.direct:
            columns = f"{self._name(self.direct[field.key])}, {self._name(place)}"
            raise UsageError("import.field_twice", field=field.key, columns=columns)
        self.direct[field.key] = place

    def _match_headers(self, taken: set[int], given: Iterable[str]) -> int | None:
        ranks, money = _names(self.kind)
        record_id = None
        unknown: list[int] = []
        left_out = 0
        for place, name in enumerate(self.header):
            if place in taken or not name.strip():
                continue
            if is_reserved(name):
                left_out += 1
                if header_key(name) == header_key(RESERVED + "id"):
                    record_id = place
                continue
            folded = header_key(name)
            found = next((rank[folded] for rank in ranks if folded in rank), [])
            if len(found) > 1 and self.mapping.lenient:
                found = []
            if len(found) > 1:
                names = ", ".join(field.key for field in found)
                raise UsageError("import.ambiguous_column", column=self._name(place), fields=names)
            if found and self.mapping.lenient and found[0].key in (*given, *self.direct):
                unknown.append(place)
            elif found:
                self._found(found[0], place, given)
            elif folded in money:
                # The currency of a computed amount goes out with it, and that was noted.
                if money[folded].writable:
                    self.money[money[folded].key] = place
            else:
                unknown.append(place)
        if unknown and self.mapping.lenient and (self.direct or self.mapping.joins):
            self.notes.append(
                Issue("import.left_out", None, "warning", {"columns": ", ".join(map(self._name, unknown))})
            )
        elif unknown:
            self._refuse(unknown, ranks)
        for key in self.money:
            if key not in self.direct:
                raise UsageError("import.currency_alone", column=self._name(self.money[key]), field=key)
        if left_out:
            self.notes.append(Issue("import.own_columns", None, "warning", {"count": left_out}))
        return record_id

    def _found(self, field: Field, place: int, given: Iterable[str]) -> None:
        if field.key in given:
            raise UsageError("import.field_given", field=field.key, column=self._name(place))
        if field.computed:
            self.notes.append(Issue("import.computed", field.key, "warning", {"column": self._name(place)}))
        elif field.kind == "file":
            self.notes.append(Issue("import.file", field.key, "warning", {"column": self._name(place)}))
        else:
            self._take(field, place)

    def _refuse(self, unknown: list[int], ranks: tuple[dict[str, list[Field]], ...]) -> None:
        if not self.direct and not self.mapping.joins:
            # Nothing fits: the first row is likely no header, and its cells are not to be shown.
            raise UsageError("import.no_header", count=len(self.header), type=self.kind.key)
        import difflib

        names = {name: rank[name][0].key for rank in reversed(ranks) for name in rank}
        near = difflib.get_close_matches(header_key(self.header[unknown[0]]), names, n=1, cutoff=0.75)
        code = "import.unknown_column_near" if near else "import.unknown_column"
        raise UsageError(
            code,
            columns=", ".join(
                [*map(self._name, unknown[:_MOST_NAMED]), *["…"][: len(unknown) - _MOST_NAMED]]
            ),
            type=self.kind.key,
            near=names[near[0]] if near else None,
        )

    def _note_missing(self, fields: tuple[str, ...]) -> None:
        for field in self.kind.fields:
            if field.required and field.writable and field.default is None and field.key not in fields:
                self.notes.append(Issue("import.required", field.key, "warning"))

    def _own_match(self, fields: tuple[str, ...]) -> tuple[str, ...]:
        """What the mapping matches by; a lenient one only by what the file has."""
        own = self.mapping.match
        return tuple(name for name in own if name in fields) if self.mapping.lenient else own

    def _matched(self, match: tuple[str, ...], fields: tuple[str, ...]) -> tuple[str, ...]:
        keys = []
        for name in match:
            field = self.kind.field(name)
            if field is None or field.key not in fields:
                raise UsageError("import.match", field=name)
            keys.append(field.key)
        return tuple(keys)

    def _sources(self, joins: dict[str, tuple[Join, tuple[int, ...]]]) -> dict[str, tuple[str, ...]]:
        sources: dict[str, tuple[str, ...]] = {
            key: (self.header[place],) for key, place in self.direct.items()
        }
        sources |= {key: tuple(self.header[place] for place in places) for key, (_, places) in joins.items()}
        return sources

    def _compiled(
        self, joins: dict[str, tuple[Join, tuple[int, ...]]], constants: dict[str, str]
    ) -> Callable[[Row], dict[str, object]]:
        steps: list[_Step] = []
        for key, (join, places) in joins.items():
            by_name = dict(zip(join.columns, places, strict=True))
            han = tuple(by_name[name] for name in join.han_columns)
            steps.append(partial(_join, key, places, join.separator, han))
        for key, place in self.money.items():
            steps.append(partial(_money, key, place))
        for name, unit in self.mapping.epoch.items():
            if not self.mapping.lenient or self.kind.field(name) is not None:
                field = self._field(name).key
                if field in self.direct:
                    steps.append(partial(_since_epoch, field, _MICROSECONDS[unit]))
        for name, table in self.mapping.values.items():
            if self.mapping.lenient and self.kind.field(name) is None:
                continue
            field = self._field(name).key
            if field not in self.direct and field not in joins:
                if self.mapping.lenient:
                    continue
                raise ConfigError("import.mapping_values", field=name)
            keep = name in self.mapping.keep_unlisted
            steps.append(partial(_translate, field, dict(table), keep))
        numbers = {
            place: (key, self.money.get(key))
            for key, place in self.direct.items()
            if self.kind.by_key[key].kind in ("integer", "decimal", "money")
        }
        return _compile(self.direct, tuple(steps), constants, numbers)


def _names(kind: RecordType) -> tuple[tuple[dict[str, list[Field]], ...], dict[str, Field]]:
    """The fields by what a header may call them: keys, labels, aliases; and the currencies of amounts."""
    ranks: tuple[dict[str, list[Field]], ...] = ({}, {}, {})
    money: dict[str, Field] = {}
    for field in kind.fields:
        if field.retired:
            continue
        names = ((field.key, *field.former_keys), (field.label.en, field.label.zh), field.aliases)
        for rank, given in zip(ranks, names, strict=True):
            for name in {header_key(name) for name in given} - {""}:
                rank.setdefault(name, []).append(field)
        if field.kind == "money":
            money |= {header_key(name): field for name in money_headers(field).values()}
    return ranks, money


def _compile(
    direct: dict[str, int],
    steps: tuple[_Step, ...],
    constants: dict[str, str],
    numbers: dict[int, tuple[str, int | None]],
) -> Callable[[Row], dict[str, object]]:
    keys, places = tuple(direct), tuple(direct.values())
    if not places:
        pick: Callable[[Sequence[str]], Sequence[str]] = _nothing
    elif len(places) == 1:
        pick = partial(_one, places[0])
    else:
        pick = itemgetter(*places)

    def values(row: Row) -> dict[str, object]:
        cells = row.cells
        found: dict[str, Any] = dict(zip(keys, pick(cells), strict=True))
        for step in steps:
            step(found, cells)
        if constants:
            found.update(constants)
        if row.pointed:
            _point(found, row, numbers)
        return found

    return values


def _point(found: dict[str, Any], row: Row, numbers: dict[int, tuple[str, int | None]]) -> None:
    for place in row.pointed:
        if place in numbers:
            key, beside = numbers[place]
            text = row.cells[place]
            if found[key] == text:
                found[key] = Decimal(text)
            elif beside is not None:
                found[key] = {"amount": text, "currency": row.cells[beside].strip()}


def _nothing(cells: Sequence[str]) -> Sequence[str]:
    return ()


def _one(place: int, cells: Sequence[str]) -> Sequence[str]:
    return (cells[place],)


# Han characters (UAX 24) as they stand in names, with the mark between the parts of foreign ones.
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af\u3007\u00b7]+")


def _join(
    key: str,
    places: tuple[int, ...],
    separator: str,
    han: tuple[int, ...],
    found: dict[str, str],
    cells: Sequence[str],
) -> None:
    parts = [part for place in places if (part := cells[place].strip())]
    if han and parts and all(map(_HAN.fullmatch, parts)):
        found[key] = "".join(cells[place].strip() for place in han)
    else:
        found[key] = separator.join(parts)


def _money(key: str, place: int, found: dict[str, str], cells: Sequence[str]) -> None:
    currency = cells[place].strip()
    if currency and found[key].strip():
        found[key] = f"{found[key]} {currency}"


def _translate(
    key: str, table: dict[str, str], keep: bool, found: dict[str, str], cells: Sequence[str]
) -> None:
    text = found[key].strip()
    to = table.get(text)
    if to is None and text:
        to = table.get("*")
    if to is not None:
        found[key] = to
    elif text and not keep:
        raise Invalid((Issue("import.unlisted", key),))


_MICROSECONDS = {"s": 1_000_000, "ms": 1_000, "us": 1}
_LAST_MICROSECOND = 253_402_300_800_000_000  # 9999-12-31 is the last day that there is


def _since_epoch(key: str, size: int, found: dict[str, str], cells: Sequence[str]) -> None:
    text = found[key].strip()
    # Anything else stays as it is, and the field says whether it is a time.
    if text.isascii() and text.isdigit() and int(text) * size < _LAST_MICROSECOND:
        found[key] = rfc3339(int(text) * size)
