"""Rows of a file that may be about the same as each other or as a record, before anything is imported."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING, Final

from muniment.errors import Invalid, UsageError
from muniment.imports import Mapping as FileMapping
from muniment.imports import open_table, resolve
from muniment.imports.plan import known_headers
from muniment.model import Value, id_text
from muniment.schema import Field, RecordType
from muniment.session.kernel.acting import Acting
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.kernel.layout import require_layout
from muniment.session.kernel.logbook import Moment
from muniment.session.kernel.reach import needs_of
from muniment.session.kernel.tokens import tokens_of
from muniment.session.reading.reads import disclosure, plan_of
from muniment.session.tables.duplicates import (
    Pair,
    compare,
    compared_fields,
    indexed_fields,
    opened_records,
    reached_records,
)
from muniment.store import Transaction

if TYPE_CHECKING:
    from muniment.session.records import Records

__all__ = ["find_in_file"]

_MOST_ROWS: Final = 50_000
_LARGEST_BLOCK: Final = 60

_Name = tuple[int, int, bytes]


def find_in_file(
    session: Records,
    type: str,
    path: str | os.PathLike[str],
    *,
    mapping: FileMapping | None = None,
    at_least: int = 60,
    limit: int = 100,
) -> Sequence[Pair]:
    """Pairs of rows, and of rows and live records, that may be about the same; nothing is written.

    Args:
        session: whose actor may import and search such records.
        type: key of the record type.
        path: a CSV file or a workbook.
        mapping: what a team wrote down about it.
        at_least: the lowest score that is shown, 1 to 100.
        limit: pairs at the most.

    Returns:
        Pairs whose first is ``row 7``, and the second another row or a record's identifier.

    Raises:
        UsageError: as for an import, ``quality.no_index``, or ``quality.long_file``.
        AccessDenied: the actor may not do that; logged.
    """
    session.require("record.import", type)
    session.require("record.search", type)
    record_type = session.type(type)
    fields = compared_fields(record_type, session.view(record_type))
    rows = _rows(session, record_type, fields, path, mapping or FileMapping())
    engine, acting = session.engine, session.acting
    return engine.run(
        lambda tx, moment: _found(engine, acting, tx, moment, record_type, fields, rows, at_least, limit),
        acting,
    )


def _rows(
    session: Records,
    record_type: RecordType,
    fields: Sequence[Field],
    path: str | os.PathLike[str],
    mapping: FileMapping,
) -> dict[int, dict[str, Value]]:
    """What each row says of the fields that are compared; cells that no field takes say nothing."""
    keys = {field.key for field in fields}
    context = session.engine.value_context()
    found: dict[int, dict[str, Value]] = {}
    with open_table(path, **mapping.reading(), known=known_headers(record_type, mapping)) as table:
        plan = resolve(table.header, record_type, mapping, first_column=table.first_column)
        for row in table.rows:
            if row.issues:
                continue
            try:
                given = plan.values(row)
            except Invalid:
                continue
            values, _ = record_type.normalise(
                {key: value for key, value in given.items() if key in keys},
                context=context,
                partial=True,
                kinds=session.kinds,
            )
            found[row.number] = {key: value for key, value in values.items() if value is not None}
            if len(found) > _MOST_ROWS:
                raise UsageError("quality.long_file", maximum=_MOST_ROWS)
    return found


def _found(
    engine: Engine,
    acting: Acting,
    tx: Transaction,
    moment: Moment,
    record_type: RecordType,
    fields: Sequence[Field],
    rows: Mapping[int, Mapping[str, Value]],
    at_least: int,
    limit: int,
) -> Sequence[Pair]:
    indexed = indexed_fields(engine, record_type, fields)
    if not indexed:
        raise UsageError("quality.no_index", where=record_type.key)
    require_layout(engine, tx)
    keys = [field.key for field in fields]
    having: dict[_Name, set[int]] = defaultdict(set)
    for number, values in rows.items():
        for token, _ in tokens_of(engine, record_type, keys, values, b""):
            if token[1:3] in indexed:
                having[token[1:4]].add(number)
    inside: Counter[tuple[int, int]] = Counter()
    outside: Counter[tuple[int, bytes]] = Counter()
    for (field, kind, code), numbers in having.items():
        if len(numbers) > _LARGEST_BLOCK:
            continue
        weight = 2 if indexed[field, kind] == 1 else 1
        for pair in combinations(sorted(numbers), 2):
            inside[pair] += weight
        holders = tx.find_tokens(SHARD, field, kind, (code,))[code]
        for record in holders if len(holders) <= _LARGEST_BLOCK else ():
            for number in numbers:
                outside[number, record] += weight
    records = {record for (_, record), count in outside.items() if count >= 2}
    needs = needs_of(engine, acting, record_type, ("record.search",), read=keys)
    if needs is not None:
        records = reached_records(engine, tx, needs, records)
    opened = opened_records(engine, tx, record_type, fields, records)
    alike_in = partial(compare, fields, region=engine.settings.default_region, titles=record_type.title)
    made: list[tuple[Pair, bytes | None]] = []
    for (first, second), count in inside.items():
        score, alike = alike_in(rows[first], rows[second])
        if count >= 2 and score >= at_least:
            made.append((Pair(f"row {first}", f"row {second}", score, alike), None))
    for (number, record), count in outside.items():
        if count >= 2 and record in opened:
            score, alike = alike_in(rows[number], opened[record][1])
            if score >= at_least:
                made.append((Pair(f"row {number}", id_text(record), score, alike), record))
    made.sort(key=lambda one: (-one[0].score, one[0].first, one[0].second))
    shown = made[: max(1, limit)]
    versions = {record: opened[record][0] for _, record in shown if record is not None}
    plan = plan_of(engine, acting, record_type, keys)
    drafts = disclosure(engine, tx, acting, "record.match", plan, list(versions.values()))
    engine.logbook.append(tx, moment, drafts, actor=acting.actor.id)
    return [pair for pair, _ in shown]
