"""Records that may be about the same: proposed by shared index tokens, then opened and compared.

Tokens say which records may share a phone, an e-mail or parts of a name; nothing is opened that
shares none. What was opened and is not alike enough goes no further and is no disclosure; of what
is shown, the entry names each record and the fields that were compared.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations, groupby
from typing import TYPE_CHECKING, Final

import attrs

from muniment.errors import UsageError
from muniment.index import INDEX_KINDS
from muniment.model import Value, id_text
from muniment.schema import Field, RecordType, e164
from muniment.session.kernel.acting import Acting
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.kernel.layout import require_layout
from muniment.session.kernel.logbook import Moment
from muniment.session.kernel.reach import Needs, needs_of, stored_values
from muniment.session.kernel.tokens import indexes_of
from muniment.session.reading.pieces import Piece, piece_of
from muniment.session.reading.reads import (
    definition_of,
    disclosure,
    loaded_from,
    open_loaded,
    plan_of,
    wanted_groups,
)
from muniment.store import Transaction, Version

if TYPE_CHECKING:
    from muniment.policy import View

__all__ = [
    "Alike",
    "Pair",
    "compare",
    "compared_fields",
    "find_duplicates",
    "indexed_fields",
    "opened_records",
    "reached_records",
]

_LARGEST_BLOCK: Final = 60
"""Records that share one token; more of them share something common, such as a surname."""

_MOST_PAIRS: Final = 200_000
_OPENED_AT_ONCE: Final = 500

# How much it says that two records have the same, out of 100.
_SAME: Final[Mapping[str, int]] = {"e-mail": 55, "phone": 50, "identifier": 60, "date": 15}
_NAME: Final = 45
_OTHER_TEXT: Final = 10
_ALIKE: Final = 70


@attrs.frozen
class Alike:
    """One field in which two records are alike or differ.

    Attributes:
        field: its key.
        percent: how alike the values are, 0 to 100.
    """

    field: str
    percent: int


@attrs.frozen
class Pair:
    """Two records that may be about the same.

    Attributes:
        first: UUID text of the older record; of a row of a file ``row 7``.
        second: UUID text of the younger one.
        score: 0 to 100; not a probability.
        fields: what was compared, without a value.
    """

    first: str
    second: str
    score: int
    fields: tuple[Alike, ...]


def compared_fields(record_type: RecordType, view: View) -> tuple[Field, ...]:
    """The fields by which two records of a type are compared: those that tell people apart.

    Names, phones, e-mails, identifiers and birthdays, as far as the actor reads them in clear.
    """
    titles = set(record_type.title)
    return tuple(
        field
        for field in record_type.fields
        if field.key in view.clear
        and not field.retired
        and (
            field.kind in ("e-mail", "phone")
            or (field.kind == "identifier" and (field.unique or "exact" in field.index))
            or (field.kind == "date" and field.past)
            or (field.kind == "text" and (field.key in titles or "words" in field.index))
            or field.key in ("birth_date", "company", "address")
        )
    )


def compare(
    fields: Sequence[Field],
    first: Mapping[str, Value],
    second: Mapping[str, Value],
    *,
    region: str,
    titles: Sequence[str],
) -> tuple[int, tuple[Alike, ...]]:
    """How alike two records are.

    Equal e-mails, phones and numbers count most, names as far as they are alike, birthdays that differ
    count against it. A field that one of them lacks says nothing.

    Args:
        fields: those to compare.
        first: values by key.
        second: likewise.
        region: for phones without a country.
        titles: keys of the fields that name a record.

    Returns:
        The score, 0 to 100, and each field that both have.
    """
    score, found = 0, []
    known: set[str] = set()
    for field in fields:
        pair = first.get(field.key), second.get(field.key)
        if pair[0] is None or pair[1] is None:
            continue
        percent = _percent(field, pair[0], pair[1], region)
        found.append(Alike(field.key, percent))
        weight = _NAME if field.key in titles and field.kind == "text" else _SAME.get(field.kind, _OTHER_TEXT)
        if field.kind in known:
            weight //= 2  # a second phone says less than the first
        if percent >= _ALIKE:
            score += weight * percent // 100
            known.add(field.kind)
        elif field.kind in ("date", "identifier") or (field.key in titles and percent < 40):
            score -= weight // 2
    return max(0, min(score, 100)), tuple(found)


def _percent(field: Field, first: Value, second: Value, region: str) -> int:
    if field.kind == "phone":
        return 100 if _normal(field, first, region) == _normal(field, second, region) else 0
    if field.kind in ("text", "long text"):
        from rapidfuzz import fuzz
        from rapidfuzz.utils import default_process

        texts = [default_process(str(one)) for one in (first, second)]
        return round(max(fuzz.ratio(*texts), fuzz.token_sort_ratio(*texts)))
    return 100 if _normal(field, first, region) == _normal(field, second, region) else 0


def _normal(field: Field, value: Value, region: str) -> object:
    """What two values of a field must have in common to be the same."""
    if field.kind == "phone":
        return e164(str(value), region) or str(value)
    return value.casefold() if isinstance(value, str) else value


def find_duplicates(
    engine: Engine,
    acting: Acting,
    type: str,
    *,
    at_least: int = 60,
    limit: int = 100,
    after: str | None = None,
) -> Piece[Pair]:
    """Pairs of live records of a type that may be about the same, the most alike first.

    Args:
        engine: the opened archive.
        acting: who asks.
        type: key of the record type.
        at_least: the lowest score that is shown, 1 to 100.
        limit: pairs at the most.
        after: what the piece before gave.

    Raises:
        AccessDenied: the actor may not search such records; logged.
        UsageError: ``quality.no_index`` where no field that is compared has an index; ``usage.cursor``.
    """
    with engine.guarded(acting, "record.search", type=type):

        def body(tx: Transaction, moment: Moment) -> Piece[Pair]:
            record_type = engine.record_type(type)
            engine.policy.require(acting.actor, "record.search", record_type.key)
            view = engine.policy.view(acting.actor, record_type)
            fields = compared_fields(record_type, view)
            indexed = indexed_fields(engine, record_type, fields)
            if not indexed:
                raise UsageError("quality.no_index", where=record_type.key)
            require_layout(engine, tx)
            pairs, sharing = _proposed(tx, indexed)
            telling = [field for field in fields if any(number == field.number for number, _ in indexed)]
            _propose(pairs, _equal(engine, tx, record_type, telling, sharing))
            keys = [field.key for field in fields]
            needs = needs_of(engine, acting, record_type, ("record.search",), read=keys)
            if needs is not None:
                pairs = _within_reach(engine, tx, needs, pairs)
            opened = opened_records(engine, tx, record_type, fields, {one for pair in pairs for one in pair})
            scored = _scored(engine, record_type, fields, pairs, opened, at_least)
            alike = piece_of(engine, f"duplicates/{type}", scored, _place, limit=max(1, limit), after=after)
            shown = {record: opened[record][0] for one in alike for record in one[1]}
            plan = plan_of(engine, acting, record_type, [field.key for field in fields])
            drafts = disclosure(engine, tx, acting, "record.match", plan, list(shown.values()))
            engine.logbook.append(tx, moment, drafts, actor=acting.actor.id)
            piece = Piece(pair for pair, _ in alike)
            piece.after = alike.after
            return piece

        return engine.run(body, acting)


def _place(one: tuple[Pair, tuple[bytes, bytes]]) -> tuple[str | int, ...]:
    """The most alike first."""
    return (-one[0].score, one[1][0].hex(), one[1][1].hex())


def _within_reach(
    engine: Engine, tx: Transaction, needs: Needs, pairs: set[tuple[bytes, bytes]]
) -> set[tuple[bytes, bytes]]:
    """The pairs of which the actor reaches both records, with all that is compared."""
    seen = reached_records(engine, tx, needs, {one for pair in pairs for one in pair})
    return {pair for pair in pairs if seen.issuperset(pair)}


def reached_records(engine: Engine, tx: Transaction, needs: Needs, records: Iterable[bytes]) -> set[bytes]:
    """Those of some records that the actor reaches, with all that is compared."""
    newest = tx.newest_versions(SHARD, sorted(set(records)))

    def met(version: Version) -> bool:
        values = stored_values(engine, tx, version, needs.reach.numbers)
        return needs.met(needs.reach.roles(engine, tx, values))

    return {record for record, version in newest.items() if met(version)}


def indexed_fields(
    engine: Engine, record_type: RecordType, fields: Sequence[Field]
) -> dict[tuple[int, int], int]:
    """Which indexes propose: field and kind to how many shared tokens it takes."""
    keys = {field.key for field in fields}
    wanted = {}
    for key, listed in indexes_of(engine, record_type).items():
        for index in listed if key in keys else ():
            if index.kind in ("normalised", "exact"):
                wanted[index.field.number, index.number] = 1
            elif index.kind == "words":
                wanted[index.field.number, index.number] = 2 if index.base in ("text", "long text") else 1
    return wanted


def _proposed(
    tx: Transaction, indexed: Mapping[tuple[int, int], int]
) -> tuple[set[tuple[bytes, bytes]], set[bytes]]:
    """Pairs that share enough words of one field, and the records that share a token of a whole value.

    Blocks of a word that are too large say too little. Tokens of whole values are so short that
    records with other values share them too: who has the same is known when they are opened.
    """
    words = INDEX_KINDS["words"].number
    pairs: set[tuple[bytes, bytes]] = set()
    sharing: set[bytes] = set()
    blocks: list[list[bytes]] = []
    of_record: dict[bytes, list[int]] = defaultdict(list)
    many: dict[bytes, int] = defaultdict(int)
    for (field, kind, _), group in groupby(tx.tokens(SHARD), key=lambda one: one[1:4]):
        needed = indexed.get((field, kind))
        if needed is None:
            continue
        records = sorted({token.record for token in group})
        if kind == words:
            for record in records:
                many[record] += 1
        if needed == 1 and len(records) > 1:
            sharing.update(records)
        if needed == 1 or not 2 <= len(records) <= _LARGEST_BLOCK:
            continue
        for record in records:
            of_record[record].append(len(blocks))
        blocks.append(records)
    # Record by record, for of all pairs that share one word, most share no second one.
    for record, places in of_record.items():
        shared = Counter(other for place in places for other in blocks[place] if other > record)
        # A name of two characters has a single bigram; sharing all that the shorter one has is enough.
        alike = (other for other, count in shared.items() if count >= min(2, many[record], many[other]))
        _propose(pairs, ((record, other) for other in alike))
    return pairs, sharing


def _equal(
    engine: Engine,
    tx: Transaction,
    record_type: RecordType,
    fields: Sequence[Field],
    records: Iterable[bytes],
) -> Iterator[tuple[bytes, bytes]]:
    """Pairs of these records that have the same in one of the fields; values are held as hashes only."""
    region = engine.settings.default_region
    same: dict[int, list[bytes]] = defaultdict(list)
    for some in _slices(sorted(records), _OPENED_AT_ONCE):
        for record, (_, values) in opened_records(engine, tx, record_type, fields, some).items():
            for field in fields:
                if (value := values.get(field.key)) is not None:
                    same[hash((field.key, _normal(field, value, region)))].append(record)
    for group in same.values():
        if 2 <= len(group) <= _LARGEST_BLOCK:
            yield from combinations(sorted(group), 2)


def _propose(pairs: set[tuple[bytes, bytes]], more: Iterable[tuple[bytes, bytes]]) -> None:
    pairs.update(more)
    if len(pairs) > _MOST_PAIRS:
        raise UsageError("quality.too_many", maximum=_MOST_PAIRS)


def opened_records(
    engine: Engine,
    tx: Transaction,
    record_type: RecordType,
    fields: Sequence[Field],
    records: Iterable[bytes],
) -> dict[bytes, tuple[Version, dict[str, Value]]]:
    """The live ones among these records with the values to compare, by the keys of today."""
    numbers = frozenset(field.number for field in fields)
    found: dict[bytes, tuple[Version, dict[str, Value]]] = {}
    for some in _slices(sorted(records), _OPENED_AT_ONCE):
        rows = {row.record for one in some if (row := tx.current(SHARD, one)) is not None and not row.deleted}
        versions = tx.newest_versions(SHARD, sorted(rows)) if rows else {}
        loading = []
        places: dict[bytes, tuple[int, frozenset[int]]] = {}
        for record, version in versions.items():
            if version.type != record_type.number or engine.gone(tx, {record, version.subject}):
                continue
            own = definition_of(engine, tx, version)
            groups = frozenset(own.by_number[one].seal_group for one in numbers if one in own.by_number)
            live, wanted, closed = wanted_groups(engine, tx, version, groups)
            places[record] = version.version, wanted
            loading.append((version, own, live, wanted, closed))
        parts = tx.parts_at(SHARD, places)
        for version, own, live, wanted, closed in loading:
            loaded = loaded_from(version, own, parts.get(version.record, ()), live, wanted, closed)
            values = open_loaded(engine, loaded, numbers)
            today = {
                field.key: values[own.by_number[field.number].key]
                for field in fields
                if field.number in own.by_number and own.by_number[field.number].key in values
            }
            found[version.record] = version, today
    return found


def _slices(listed: Sequence[bytes], size: int) -> Iterator[Sequence[bytes]]:
    for at in range(0, len(listed), size):
        yield listed[at : at + size]


def _scored(
    engine: Engine,
    record_type: RecordType,
    fields: Sequence[Field],
    pairs: Iterable[tuple[bytes, bytes]],
    opened: Mapping[bytes, tuple[Version, Mapping[str, Value]]],
    at_least: int,
) -> list[tuple[Pair, tuple[bytes, bytes]]]:
    made = []
    region = engine.settings.default_region
    for pair in sorted(pairs):
        if pair[0] in opened and pair[1] in opened:
            score, found = compare(
                fields, opened[pair[0]][1], opened[pair[1]][1], region=region, titles=record_type.title
            )
            if score >= at_least:
                made.append((Pair(id_text(pair[0]), id_text(pair[1]), score, found), pair))
    return made
