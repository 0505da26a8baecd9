"""The figures of a dashboard: counted, added up and averaged by group, with small groups left out.

A group of fewer people than the archive's threshold is not shown where what it is counted by is
more than internal, nor where the tile names a threshold of its own; and never one alone, since
what is left over from the total would tell it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import attrs

from muniment.model import Money
from muniment.schema import Label, RecordType
from muniment.schema.dashboards import Tile
from muniment.session.kernel.acting import Acting
from muniment.session.kernel.engine import Engine
from muniment.session.reading.aggregates import Row, Sought

if TYPE_CHECKING:
    from muniment.session.records import Records
    from muniment.session.tables.kept import Kept

__all__ = ["Figure", "Group", "Tally", "period_of", "periods_of"]

LEAST: Final = 5
"""How many people a group has at least, where it counts by what is more than internal."""

_ORDINARY: Final = ("public", "internal")


@attrs.frozen
class Group:
    """One bar, point or slice.

    Attributes:
        key: what stands in the field, or the period: ``2026``, ``2026-Q3``, ``2026-09``, ``2026-W38``,
            ``2026-09-14``; empty for records without a value.
        label: what people read.
        count: of the records; None where it is not shown.
        value: the figure; None where there is none or it is not shown.
        suppressed: whether it is left out because it is of too few people.
    """

    key: str
    label: Label
    count: int | None
    value: Decimal | None
    suppressed: bool = False


@attrs.frozen
class Figure:
    """What one tile came to.

    Attributes:
        tile: what was asked.
        unit: a currency (ISO 4217), ``%`` or empty.
        count: of the records that were counted; None where it is not shown.
        value: the figure over all groups; None where there is none or it is not shown.
        groups: in order; empty for a tile without any.
        suppressed: whether the figure itself is left out because it is of too few people.
        other_currencies: how many records were left out for having an amount of another currency.
        least: under how many people groups are left out; 0 where none are.
        kept_us: when it was counted, where it was kept since; None where it was counted now.
    """

    tile: Tile
    unit: str = ""
    count: int | None = None
    value: Decimal | None = None
    groups: tuple[Group, ...] = ()
    suppressed: bool = False
    other_currencies: int = 0
    least: int = 0
    kept_us: int | None = None


def period_of(day: date, period: str) -> str:
    """The period that a day lies in, as its groups are keyed."""
    if period == "year":
        return f"{day.year}"
    if period == "quarter":
        return f"{day.year}-Q{(day.month + 2) // 3}"
    if period == "month":
        return f"{day.year}-{day.month:02d}"
    if period == "week":
        year, week, _ = day.isocalendar()
        return f"{year}-W{week:02d}"
    return day.isoformat()


def periods_of(today: date, period: str, *, last: int, next: int = 0) -> list[str]:
    """The periods that a chart shows, oldest first: up to today's, or from today's on."""
    found = [period_of(today, period)]
    step = timedelta(days=1 if next else -1)
    day, wanted = today, next or last
    while len(found) < wanted:
        day += step
        name = period_of(day, period)
        if name != found[-1]:
            found.append(name)
    return found if next else found[::-1]


@attrs.define
class _Cell:
    """What was counted of one group: the records, those of the part, amounts by currency, people."""

    count: int = 0
    part: int = 0
    sums: dict[str, Decimal] = attrs.field(factory=dict)
    numbers: dict[str, int] = attrs.field(factory=dict)
    people: set[bytes] = attrs.field(factory=set)

    def take(self, person: bytes, part: bool, unit: str, number: Decimal | None) -> None:
        self.count += 1
        self.part += part
        if person:
            self.people.add(person)
        if number is not None:
            self.sums[unit] = self.sums.get(unit, Decimal(0)) + number
            self.numbers[unit] = self.numbers.get(unit, 0) + 1

    def join(self, other: _Cell) -> None:
        self.count += other.count
        self.part += other.part
        for unit, value in other.sums.items():
            self.sums[unit] = self.sums.get(unit, Decimal(0)) + value
            self.numbers[unit] = self.numbers.get(unit, 0) + other.numbers[unit]
        self.people |= other.people


class Tally:
    """Counts for one tile.

    Args:
        engine: the opened archive.
        acting: for whom.
        tile: what to count.
        record_type: the newest definition of its type.
        least: the archive's threshold.
    """

    def __init__(
        self, engine: Engine, acting: Acting, tile: Tile, record_type: RecordType, *, least: int = LEAST
    ) -> None:
        self._engine, self._acting = engine, acting
        self.tile, self._type = tile, record_type
        self._zone = engine.zone
        self._cells: dict[str, _Cell] = {}
        self._total = _Cell()
        classes = {record_type.by_key[key].sensitivity for key in tile.needed}
        self._least = tile.least or (0 if classes.issubset(_ORDINARY) else least)
        self._today = engine.value_context().today
        self._days: dict[str, str] = {}

    @property
    def least(self) -> int:
        """Under how many people groups are left out; 0 where none are."""
        return self._least

    @property
    def sought(self) -> Sought:
        """What it asks of records."""
        keys = frozenset({self.tile.field, self.tile.by} - {""})
        return Sought(keys, self.tile.filters, self.tile.of, self.take)

    def take(self, row: Row, part: bool) -> None:
        """Count a record."""
        tile = self.tile
        unit, number = "", None
        if tile.field and (value := row.values.get(tile.field)) is not None:
            unit, number = _number(value)
        person = row.subject if self._least else b""
        self._total.take(person, part, unit, number)
        if not tile.by:
            return
        for key in self._keys_of(row.values.get(tile.by)):
            cell = self._cells.get(key)
            if cell is None:
                cell = self._cells[key] = _Cell()
            cell.take(person, part, unit, number)

    def _keys_of(self, value: Any) -> Sequence[str]:
        """The groups that a record is in: of several choices all that are chosen."""
        if isinstance(value, tuple):
            return [str(one) for one in value]
        return (self._key_of(value),)

    def _key_of(self, value: Any) -> str:
        if value is None:
            return ""
        if not self.tile.period:
            return str(int(value)) if isinstance(value, bool) else str(value)
        text = value if isinstance(value, str) else value.isoformat()
        found = self._days.get(text)
        if found is None:
            if len(self._days) > 100_000:
                self._days.clear()
            found = self._days[text] = period_of(self._day(text), self.tile.period)
        return found

    def _day(self, text: str) -> date:
        if len(text) == 10:
            return date.fromisoformat(text)
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(self._zone).date()

    # What it came to

    def figure(self, session: Records, kept: Kept | None = None) -> Figure:
        """What was counted, without groups that are too small.

        Args:
            session: asks what records go by that groups are named after.
            kept: what it came to when it was counted before; None where it was counted now.
        """
        tile = self.tile
        if kept is not None:
            return kept.figure(tile, self._labels(session, ()))
        cells, total = self._within(), self._total
        if tile.period:
            # Of a trend the whole is what is shown of it.
            total = _Cell()
            for cell in cells.values():
                total.join(cell)
        unit = self._unit(total)
        hidden = self._too_small(cells, total)
        labels = self._labels(session, [key for key in cells if key and key not in hidden])
        groups = tuple(
            Group(key, labels.get(key, NOBODY), None, None, True)
            if key in hidden
            else Group(key, labels.get(key, NOBODY), cell.count, self._value(cell, unit))
            for key, cell in cells.items()
        )
        few = 0 < len(total.people) < self._least
        others = sum(number for name, number in total.numbers.items() if name != unit) if tile.field else 0
        return Figure(
            tile,
            "%" if tile.measure == "share" else unit,
            None if few else total.count,
            None if few else self._value(total, unit),
            groups if tile.by else (),
            few,
            others,
            self._least,
        )

    def _value(self, cell: _Cell, unit: str) -> Decimal | None:
        measure = self.tile.measure
        if measure == "count":
            return Decimal(cell.count)
        if measure == "share":
            return (Decimal(100 * cell.part) / cell.count).quantize(Decimal("0.1")) if cell.count else None
        if measure == "sum":
            return cell.sums.get(unit, Decimal(0))
        number = cell.numbers.get(unit)
        return (cell.sums[unit] / number).quantize(Decimal("0.01")) if number else None

    def _unit(self, total: _Cell) -> str:
        """The currency that is shown: the archive's own where it occurs, else the most frequent one."""
        own = self._engine.settings.currency
        if not total.numbers or own in total.numbers:
            return own if own in total.numbers else ""
        return max(sorted(total.numbers), key=lambda name: total.numbers[name])

    def _too_small(self, cells: Mapping[str, _Cell], total: _Cell) -> frozenset[str]:
        if not self._least or not self.tile.by:
            return frozenset()
        there = {key: len(cell.people) for key, cell in cells.items() if cell.count}
        hidden = {key for key, people in there.items() if people < self._least}
        if len(total.people) < self._least:
            return frozenset(there)
        # What a single hidden group has is the total without the others.
        while (hidden and sum(there[key] for key in hidden) < self._least) or len(hidden) == 1 < len(there):
            left = [key for key in there if key not in hidden]
            if not left:
                break
            hidden.add(min(left, key=lambda key: (there[key], key)))
        return frozenset(hidden)

    # Groups

    def _within(self) -> dict[str, _Cell]:
        """The groups that are shown, in order."""
        tile, cells = self.tile, self._cells
        if not tile.by:
            return cells
        if tile.period:
            wanted = periods_of(self._today, tile.period, last=tile.last, next=tile.next)
            return {key: cells.get(key, _Cell()) for key in wanted}
        field = self._type.by_key[tile.by]
        if field.choices:
            # Where conditions on the same field leave some out, these are no groups.
            narrowed = any(one.field == field.key for one in tile.filters)
            empty = {choice.key for choice in field.choices if choice.retired or narrowed}
            known = [choice.key for choice in field.choices if choice.key in cells or choice.key not in empty]
            order = [key for key in (*known, *sorted(cells.keys() - {*known})) if key]
        elif field.kind in ("checkbox", "integer"):
            order = sorted((key for key in cells if key), key=lambda key: int(key))
        else:
            order = sorted((key for key in cells if key), key=lambda key: (-cells[key].count, key))
        if "" in cells:
            order.append("")
        if len(order) <= tile.last:
            return {key: cells.get(key, _Cell()) for key in order}
        shown = {key: cells.get(key, _Cell()) for key in order[: tile.last - 1]}
        rest = shown["…"] = _Cell()
        for key in order[tile.last - 1 :]:
            rest.join(cells.get(key, _Cell()))
        return shown

    def _labels(self, session: Records, keys: Sequence[str]) -> dict[str, Label]:
        tile = self.tile
        found = {key: Label(key, key) for key in keys}
        found["…"] = OTHERS
        if tile.period or not tile.by:
            return found
        field = self._type.by_key[tile.by]
        for choice in field.choices:
            found[choice.key] = choice.label
        if field.kind == "checkbox":
            found |= {"0": Label("No", "否"), "1": Label("Yes", "是")}
        if field.kind == "reference":
            found |= self._titles(session, field.target, keys)
        return found

    def _titles(self, session: Records, target: str, keys: Sequence[str]) -> dict[str, Label]:
        """What those go by that groups are named after; somebody whose name may not be read stays unnamed."""
        if target == "user":
            from muniment.model import id_text

            users = self._engine.definitions.users.values()
            names = {id_text(user.record): user.name or user.login for user in users}
        else:
            names = session.titles(target, [key for key in keys if key != "…"])
        return {key: Label(names[key], names[key]) if key in names else UNNAMED for key in keys if key != "…"}


NOBODY: Final = Label("none", "未填")
OTHERS: Final = Label("others", "其他")
UNNAMED: Final = Label("(not shown)", "（未显示）")


def _number(value: Any) -> tuple[str, Decimal]:
    if isinstance(value, Money):
        return value.currency, value.amount
    # A float of the clear table has as many digits as it was written with, up to fifteen.
    return "", Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
