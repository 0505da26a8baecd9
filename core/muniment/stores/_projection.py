"""What auditors ask of the projection, as SQL that its indexes answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import attrs

from muniment.errors import UsageError
from muniment.store import LOG_ORDERS, IndexRow, LogFilter
from muniment.stores.migrations import SEQ_BITS

__all__ = ["count", "find"]

Fetch = Callable[[str, Sequence[object]], list[Any]]

_DENSE = 50_000
"""So many rows that meet a condition are many: they are rather walked in the order asked for than sorted."""

_KEY = 2
"""Conditions that every query has: shard and generation."""

_COLUMNS = ", ".join(f"i.{name}" for name in IndexRow._fields)


def find(fetch: Fetch, shard: int, gen: int, filters: LogFilter) -> list[IndexRow]:
    """One page of rows, in the order asked for.

    Raises:
        UsageError: ``log.order``.
    """
    if filters.order_by not in LOG_ORDERS:
        raise UsageError("log.order", known=", ".join(LOG_ORDERS))
    if filters.order_by == "seq" and len(filters.kinds) > 1:
        # One walk down the index for each kind: sorting all rows of all of them would take seconds.
        found: list[IndexRow] = []
        for kind in filters.kinds:
            found += find(fetch, shard, gen, attrs.evolve(filters, kinds=(kind,)))
        found.sort(key=lambda row: row.seq, reverse=filters.descending)
        return found[: filters.limit]
    query = _query(fetch, shard, gen, filters)
    if query is None:
        return []
    source, where, parameters = query
    column, way = filters.order_by, "DESC" if filters.descending else "ASC"
    order = f"i.seq {way}" if column == "seq" else f"i.{column} {way}, i.seq {way}"
    if filters.after is not None:
        where += f" AND (i.{column}, i.seq) {'<' if filters.descending else '>'} (?, ?)"
        parameters = (*parameters, *filters.after)
    sql = f"SELECT {_COLUMNS} FROM {source} WHERE {where} ORDER BY {order} LIMIT ?"
    return [IndexRow._make(row) for row in fetch(sql, (*parameters, filters.limit))]


def count(fetch: Fetch, shard: int, gen: int, filters: LogFilter, most: int) -> int:
    """How many rows match, counted no further than ``most``."""
    query = _query(fetch, shard, gen, attrs.evolve(filters, order_by="seq"))
    if query is None:
        return 0
    source, where, parameters = query
    sql = f"SELECT count(*) FROM (SELECT 1 FROM {source} WHERE {where} LIMIT ?)"
    return int(fetch(sql, (*parameters, most))[0][0])


@attrs.frozen
class _Test:
    """A condition on one column, of which the index begins with that column and ends with ``seq``."""

    column: str
    sql: str
    parameters: tuple[object, ...]


def _query(
    fetch: Fetch, shard: int, gen: int, filters: LogFilter
) -> tuple[str, str, tuple[object, ...]] | None:
    """Tables, conditions and parameters; None where nothing can match."""
    tests = [
        _Test(column, f"i.{column} = ?", (value,))
        for column, value in (
            ("actor", filters.actor),
            ("purpose", filters.purpose),
            ("outcome", filters.outcome),
            ("type", filters.type),
            ("op", filters.op),
        )
        if value is not None
    ]
    if filters.kinds:
        marks = ", ".join("?" * len(filters.kinds))
        tests.append(_Test("kind", f"i.kind IN ({marks})", tuple(filters.kinds)))
    if filters.terms:
        shapes = _shapes_with(fetch, shard, filters.terms)
        if not shapes:
            return None
        tests.append(_Test("shape", "i.shape IN (SELECT value FROM json_each(?))", (json.dumps(shapes),)))
    where = ["i.shard = ?", "i.gen = ?"]
    parameters: list[object] = [shard, gen]
    # Time never runs back in a log, so a span of time is a span of indexes, which every index serves.
    for bounded, bound in (
        ("i.seq >= ?", _first_since(fetch, shard, gen, filters.since_us)),
        ("i.seq < ?", _first_since(fetch, shard, gen, filters.until_us)),
        ("i.seq < ?", filters.before),
    ):
        if bound is not None:
            where.append(bounded)
            parameters.append(bound)
    if filters.about is not None:
        # CROSS keeps the order of the tables: what is about one person is little.
        source = (
            "log_about a CROSS JOIN log_index i "
            "ON a.shard = i.shard AND a.gen = i.gen AND a.seq = i.seq AND a.about = ?"
        )
        parameters.insert(0, filters.about)
    else:
        source = _indexed(fetch, where, parameters, tests, filters.order_by)
    return (
        source,
        " AND ".join([*where, *(test.sql for test in tests)]),
        (*parameters, *(value for test in tests for value in test.parameters)),
    )


def _indexed(
    fetch: Fetch, where: Sequence[str], parameters: Sequence[object], tests: Sequence[_Test], order_by: str
) -> str:
    """The projection with the index to walk: that of the condition that fewest rows meet.

    SQLite without statistics walks all rows backwards where a page is asked for in order of ``seq``, which
    takes seconds where few rows match.
    """
    rows = {}
    for test in tests:
        condition = " AND ".join([*where, test.sql])
        source = f"log_index i INDEXED BY log_index_{test.column}"
        rows[source] = _up_to_dense(fetch, source, condition, (*parameters, *test.parameters))
    if len(where) > _KEY:
        # A span of time alone may hold little.
        rows["log_index i NOT INDEXED"] = _up_to_dense(
            fetch, "log_index i NOT INDEXED", " AND ".join(where), parameters
        )
    best = min(rows, key=lambda source: rows[source], default="log_index i")
    if order_by != "seq" and rows.get(best, _DENSE) >= _DENSE:
        return f"log_index i INDEXED BY log_index_{order_by}"
    return best


def _up_to_dense(fetch: Fetch, source: str, where: str, parameters: Sequence[object]) -> int:
    sql = f"SELECT count(*) FROM (SELECT 1 FROM {source} WHERE {where} LIMIT ?)"
    return int(fetch(sql, (*parameters, _DENSE))[0][0])


def _first_since(fetch: Fetch, shard: int, gen: int, time_us: int | None) -> int | None:
    """Index of the first entry from a time on, or one that there is not yet."""
    if time_us is None:
        return None
    found = fetch(
        "SELECT seq FROM log_index WHERE shard = ? AND gen = ? AND time_us >= ? "
        "ORDER BY time_us, seq LIMIT 1",
        (shard, gen, time_us),
    )
    return int(found[0][0]) if found else 1 << SEQ_BITS


def _shapes_with(fetch: Fetch, shard: int, terms: Sequence[str]) -> list[int]:
    """The numbers of the shapes that have all these terms; there are far fewer shapes than entries."""
    wanted = set(terms)
    rows = fetch("SELECT shape, terms FROM log_shape WHERE shard = ?", (shard,))
    return [shape for shape, text in rows if wanted <= set(json.loads(text))]
