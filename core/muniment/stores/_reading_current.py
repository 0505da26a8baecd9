"""The current state: listed in order and counted, by an index of a field where there is one.

Such an index is made when somebody first sorts or chooses by a field of a large type, for each
of them costs every write a little and few fields are ever asked by. What it holds stands in
clear in the table beside it, and goes with its row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Final

from muniment.store import Current, ListQuery, RowMatch
from muniment.stores._connection import columns
from muniment.stores._reading_log import LogReading

__all__ = ["MANY", "CurrentReading", "field_index", "is_field_index"]

MANY: Final = 2_000
"""From so many rows of a type on an index of a field pays; below it a walk takes a few milliseconds."""

_NAME: Final = "current_field_"

# As ``_make`` does, without a call of Python for each row of a page.
_current = partial(tuple.__new__, Current)


def _clear(number: int) -> str:
    return f"""json_extract(clear, '$."{int(number)}"')"""


def _key(number: int) -> str:
    """What rows are sorted by: no value sorts as the empty text."""
    return f"ifnull({_clear(number)}, '')"


def field_index(*numbers: int) -> tuple[str, str]:
    """Name and SQL of the index of a field, or of one that rows are chosen by and one they are sorted by."""
    name = _NAME + "_".join(str(int(number)) for number in numbers)
    keys = ", ".join(map(_key, numbers))
    return name, f"CREATE INDEX {name} ON current(shard, type, deleted, {keys}, record)"


def is_field_index(name: str, sql: str) -> bool:
    """Whether this is the index of one field or of two, and made as we make it."""
    numbers = name.removeprefix(_NAME).split("_")
    known = name.startswith(_NAME) and len(numbers) <= 2 and all(one.isdecimal() for one in numbers)
    return known and field_index(*map(int, numbers)) == (name, sql)


def _ranges(query: ListQuery) -> list[tuple[str, list[object], str]]:
    """Of each range of the index that a page is read from, in turn: its conditions, their values, its order.

    A page that begins in the middle of equal values begins with their rest; what lies beyond them is a
    range of its own. As one condition SQLite would walk there from the first row.
    """
    keys = [(_key(number), *(("DESC", "<") if down else ("ASC", ">"))) for number, down in query.order]
    keys.append(("record", *(("DESC", "<") if query.descending else ("ASC", ">"))))
    orders = [", ".join(f"{key} {way}" for key, way, _ in keys[place:]) for place in range(len(keys))]
    if query.after is None:
        return [("", [], orders[0])]
    last = [*("" if value is None else value for value in query.after[0]), query.after[1]]
    ranges = []
    same = ""
    for place, (key, _, beyond) in enumerate(keys):
        ranges.append((f"{same} AND {key} {beyond} ?", last[: place + 1], orders[place]))
        same += f" AND {key} = ?"
    return ranges[::-1]


class CurrentReading(LogReading):
    """Reads the current state over one connection."""

    def _has_index(self, *numbers: int) -> bool:
        name, _ = field_index(*numbers)
        return bool(self._fetch("SELECT sql FROM sqlite_master WHERE name = ?", (name,)))

    def _listing(
        self, shard: int, query: ListQuery, indexed: int | None = None
    ) -> tuple[list[str], list[object]]:
        where = ["shard = ?", "type = ?", "deleted = ?"]
        parameters: list[object] = [shard, query.type, int(query.deleted)]
        for number, value in query.equals:
            if number == indexed:
                where.append(f"{_key(number)} = ?")
                parameters.append("" if value is None else value)
                if value not in (None, ""):
                    continue  # the two are one in the index, and differ in the table
            where.append(f"{_clear(number)} IS ?")
            parameters.append(value)
        for alternatives in query.reach:
            texts = [self._matching(shard, matches, parameters) for matches in alternatives]
            where.append(f"({' OR '.join(texts)})" if texts else "0")
        return where, parameters

    def _matching(self, shard: int, matches: Sequence[RowMatch], parameters: list[object]) -> str:
        texts = []
        for match in matches:
            chosen = f"{_clear(match.number)} IN ({', '.join('?' * len(match.values))})"
            if match.of_subject:
                texts.append(
                    f"subject IN (SELECT record FROM current WHERE shard = ? AND type = ? AND {chosen})"
                )
                parameters += [shard, match.of_subject]
            else:
                texts.append(chosen)
            parameters += match.values
        return " AND ".join(texts) if texts else "1"

    def _indexed(self, query: ListQuery) -> tuple[int, ...]:
        """The fields whose index serves a query; none where there is no such index.

        One that it is chosen by with the first that it is sorted by, else the latter alone, else the former.
        """
        chosen, first = [number for number, _ in query.equals], [number for number, _ in query.order[:1]]
        pairs = [(number, *first) for number in chosen if first]
        singles = [(number,) for number in (*first, *chosen)]
        return next((numbers for numbers in (*pairs, *singles) if self._has_index(*numbers)), ())

    def list_current(self, shard: int, query: ListQuery) -> list[Current]:
        indexed = self._indexed(query)
        name = field_index(*indexed)[0] if indexed else "current_type"
        where, parameters = self._listing(shard, query, indexed[0] if indexed else None)
        found: list[Current] = []
        for more, values, order in _ranges(query):
            sql = (
                f"SELECT {columns(Current)} FROM current INDEXED BY {name} "
                f"WHERE {' AND '.join(where)}{more} ORDER BY {order} LIMIT ?"
            )
            found += map(_current, self._fetch(sql, (*parameters, *values, query.limit - len(found))))
            if len(found) == query.limit:
                break
        return found

    def count_current(self, shard: int, query: ListQuery) -> int:
        equals = [number for number, _ in query.equals]
        indexed = next((number for number in equals if self._has_index(number)), None)
        name = "current_type" if indexed is None else f"{_NAME}{indexed}"
        where, parameters = self._listing(shard, query, indexed)
        counted = f"SELECT count(*) FROM current INDEXED BY {name} WHERE {' AND '.join(where)}"
        return int(self._fetch(counted, parameters)[0][0])

    def clear_values(self, shard: int, query: ListQuery, numbers: Sequence[int]) -> Iterator[tuple[Any, ...]]:
        where, parameters = self._listing(shard, query)
        picked = ", ".join(["record", "subject", *map(_clear, numbers)])
        return self._tuples(f"SELECT {picked} FROM current WHERE {' AND '.join(where)}", parameters)
