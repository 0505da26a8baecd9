"""What can be read of records over one SQLite connection."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from itertools import chain

from muniment.store import (
    Current,
    Facet,
    File,
    Gap,
    Part,
    Remembered,
    SidePart,
    State,
    Subject,
    Token,
    Version,
)
from muniment.stores._connection import columns
from muniment.stores._reading_current import CurrentReading, is_field_index
from muniment.stores.migrations import (
    APPEND_ONLY,
    RULE_BITS,
    batch_id,
    expected_objects,
)

__all__ = ["Reading"]

_IDS_A_QUERY = 500
_PLACES_A_QUERY = 101
_YOUNG = 8
"""A record of no more versions has its parts walked."""

_ENTRY_COLUMNS = {
    "log_batch": "first_seq",
    "log_detail": "first_seq",
    "checkpoint": "size",
    "record_version": "seq",
    "side_part": "seq",
    "state": "seq",
    "gap": "seq",
    "log_gap": "by_seq",
}
"""Which column of an append-only table says to which entry a row belongs."""

_VERSION = (
    f"SELECT {columns(Version)} FROM record_version "
    "WHERE shard = ? AND record = ? AND version <= ? ORDER BY version DESC LIMIT 1"
)
_CURRENT = f"SELECT {columns(Current)} FROM current WHERE shard = ? AND record = ?"
_SUBJECT = f"SELECT {columns(Subject)} FROM subject WHERE shard = ? AND subject = ?"
_FACETS = f"SELECT {columns(Facet)} FROM facet WHERE shard = ? AND record = ? ORDER BY category"


@lru_cache(maxsize=64)
def _parts_query(groups: int) -> str:
    """The newest part of each of so many groups, in one statement: each is a seek in the key."""
    one = (
        f"SELECT * FROM (SELECT {columns(Part)} FROM part WHERE shard = ?1 AND record = ?2 "
        "AND grp = ?{} AND version <= ?3 ORDER BY version DESC LIMIT 1)"
    )
    return " UNION ALL ".join(one.format(place + 4) for place in range(groups))


@lru_cache(maxsize=64)
def _newest_query(records: int) -> str:
    """The newest version of each of so many records: two seeks in the key for each."""
    values = ", ".join(f"(?{place + 2})" for place in range(records))
    columns = ", ".join(f"v.{name}" for name in Version._fields)
    return (
        f"WITH wanted(record) AS (VALUES {values}) SELECT {columns} FROM wanted w "
        "CROSS JOIN record_version v ON v.shard = ?1 AND v.record = w.record AND v.version = "
        "(SELECT max(version) FROM record_version WHERE shard = ?1 AND record = w.record)"
    )


@lru_cache(maxsize=64)
def _about_query(subjects: int) -> str:
    """The newest version of every record of one built-in type about so many subjects."""
    marks = ", ".join(f"?{place + 3}" for place in range(subjects))
    columns = ", ".join(f"v.{name}" for name in Version._fields)
    return (
        f"SELECT {columns} FROM record_version f CROSS JOIN record_version v "
        "ON v.shard = ?1 AND v.record = f.record AND v.version = "
        "(SELECT max(version) FROM record_version WHERE shard = ?1 AND record = f.record) "
        f"WHERE f.shard = ?1 AND f.type = ?2 AND f.type < 256 AND f.version = 1 AND f.subject <> f.record "
        f"AND f.subject IN ({marks})"
    )


@lru_cache(maxsize=64)
def _places_query(places: int) -> str:
    """The newest part of each of so many groups of records, likewise."""
    values = ", ".join(f"(?{3 * place + 2}, ?{3 * place + 3}, ?{3 * place + 4})" for place in range(places))
    columns = ", ".join(f"p.{name}" for name in Part._fields)
    return (
        f"WITH wanted(record, grp, version) AS (VALUES {values}) SELECT {columns} FROM wanted w "
        "CROSS JOIN part p ON p.shard = ?1 AND p.record = w.record AND p.grp = w.grp AND p.version = "
        "(SELECT max(version) FROM part WHERE shard = ?1 AND record = w.record AND grp = w.grp "
        "AND version <= w.version)"
    )


@lru_cache(maxsize=64)
def _young_query(records: int, groups: int) -> str:
    """The parts of so many records that lie in these groups."""
    marks, wanted = ", ".join("?" * records), ", ".join("?" * groups)
    # A plus sign keeps the group out of the choice of an index: a record is walked, not sought by group.
    return (
        f"SELECT {columns(Part)} FROM part WHERE shard = ? AND record IN ({marks}) AND +grp IN ({wanted}) "
        "ORDER BY record, grp, version"
    )


# As ``_make`` does, without a call of Python for each of the hundreds of rows behind a page.
_part = partial(tuple.__new__, Part)
_version = partial(tuple.__new__, Version)


class Reading(CurrentReading):
    """What can be read over one connection: the log, records, and what can be rebuilt.

    ``INDEXED BY`` stands where SQLite, which takes a shard for selective, would walk through a whole table
    in the order of its key.
    """

    # Records

    def _versions(self, rest: str, parameters: Sequence[object]) -> Iterator[Version]:
        return self._rows(Version, f"SELECT {columns(Version)} FROM record_version {rest}", parameters)

    def versions_by_entry(
        self, shard: int, gen: int, *, start: int = 0, stop: int | None = None
    ) -> Iterator[Version]:
        # A row of a negative entry, which only somebody who edits the file can make, is not left out.
        span = (start or -(2**63), 2**63 - 1 if stop is None else stop - 1)
        return self._versions(
            "WHERE shard = ? AND gen = ? AND seq BETWEEN ? AND ? ORDER BY seq, record, version",
            (shard, gen, *span),
        )

    def versions_by_record(self, shard: int) -> Iterator[Version]:
        return self._versions("WHERE shard = ? ORDER BY record, version", (shard,))

    def versions_of(self, shard: int, record: bytes) -> list[Version]:
        return list(self._versions("WHERE shard = ? AND record = ? ORDER BY version", (shard, record)))

    def versions_at(self, shard: int, gen: int, first: int, last: int) -> list[Version]:
        return list(
            self._versions(
                "WHERE shard = ? AND gen = ? AND seq BETWEEN ? AND ? ORDER BY seq, record, version",
                (shard, gen, first, last),
            )
        )

    def version(self, shard: int, record: bytes, version: int | None = None) -> Version | None:
        wanted = 2**62 if version is None else version
        found = self._one(Version, _VERSION, (shard, record, wanted))
        return None if found is not None and version is not None and found.version != version else found

    def newest_versions(self, shard: int, records: Sequence[bytes]) -> dict[bytes, Version]:
        found: dict[bytes, Version] = {}
        for at in range(0, len(records), _PLACES_A_QUERY):
            some = records[at : at + _PLACES_A_QUERY]
            for row in self._fetch(_newest_query(len(some)), (shard, *some)):
                version = _version(row)
                found[version.record] = version
        return found

    def parts_at(
        self, shard: int, places: Mapping[bytes, tuple[int, Collection[int]]]
    ) -> dict[bytes, list[Part]]:
        # Few versions lie side by side in the key: walking them takes less than seeking each part.
        young = [record for record, (version, _) in places.items() if version <= _YOUNG]
        groups = set[int]().union(*[places[record][1] for record in young])
        found: dict[bytes, list[Part]] = {}
        for at in range(0, len(young), _PLACES_A_QUERY):
            some = young[at : at + _PLACES_A_QUERY]
            for row in self._fetch(_young_query(len(some), len(groups)), (shard, *some, *groups)):
                _, record, group, number, _ = row
                version, wanted = places[record]
                if number <= version and group in wanted:
                    parts = found.setdefault(record, [])
                    if parts and parts[-1].grp == group:
                        # In order of version: this one is newer.
                        parts.pop()
                    parts.append(_part(row))
        later = [
            (record, group, version)
            for record, (version, wanted) in places.items()
            if version > _YOUNG
            for group in wanted
        ]
        for at in range(0, len(later), _PLACES_A_QUERY):
            sought = later[at : at + _PLACES_A_QUERY]
            rows = self._fetch(_places_query(len(sought)), (shard, *chain.from_iterable(sought)))
            for row in rows:
                found.setdefault(row[1], []).append(_part(row))
        return found

    def builtin(self, shard: int, types: Collection[int]) -> list[tuple[int, bytes, int]]:
        found: list[tuple[int, bytes, int]] = []
        for number in sorted(types):
            found += self._fetch(
                # Left to itself SQLite walks every record there is, to have them in order.
                "SELECT type, record, max(version) FROM record_version INDEXED BY record_version_builtin "
                "WHERE shard = ? AND type = ? AND type < 256 GROUP BY record ORDER BY record",
                (shard, number),
            )
        return found

    def newest_about(self, shard: int, type: int, subjects: Collection[bytes]) -> list[Version]:
        found: list[Version] = []
        listed = sorted(subjects)
        for place in range(0, len(listed), _IDS_A_QUERY):
            some = listed[place : place + _IDS_A_QUERY]
            found += self._rows(Version, _about_query(len(some)), (shard, type, *some))
        return found

    def parts_by_record(self, shard: int) -> Iterator[Part]:
        return self._rows(
            Part,
            f"SELECT {columns(Part)} FROM part WHERE shard = ? ORDER BY record, grp, version",
            (shard,),
        )

    def parts_of(
        self, shard: int, record: bytes, version: int, groups: Collection[int] | None = None
    ) -> list[Part]:
        if groups is None:
            groups = [
                grp
                for (grp,) in self._fetch(
                    "SELECT DISTINCT grp FROM part WHERE shard = ? AND record = ?", (shard, record)
                )
            ]
        if not groups:
            return []
        return [
            Part._make(row)
            for row in self._fetch(_parts_query(len(groups)), (shard, record, version, *sorted(groups)))
        ]

    def parts_of_record(self, shard: int, record: bytes) -> list[Part]:
        return list(
            self._rows(
                Part,
                f"SELECT {columns(Part)} FROM part WHERE shard = ? AND record = ? ORDER BY grp, version",
                (shard, record),
            )
        )

    def side_parts(self, shard: int) -> Iterator[SidePart]:
        return self._rows(
            SidePart,
            f"SELECT {columns(SidePart)} FROM side_part WHERE shard = ? ORDER BY gen, seq, record, version",
            (shard,),
        )

    def side_part(self, shard: int, gen: int, seq: int) -> list[SidePart]:
        return list(
            self._rows(
                SidePart,
                f"SELECT {columns(SidePart)} FROM side_part INDEXED BY side_part_entry "
                "WHERE shard = ? AND gen = ? AND seq = ? ORDER BY record, version",
                (shard, gen, seq),
            )
        )

    def side_parts_of(self, shard: int, record: bytes) -> list[SidePart]:
        return list(
            self._rows(
                SidePart,
                f"SELECT {columns(SidePart)} FROM side_part WHERE shard = ? AND record = ? ORDER BY version",
                (shard, record),
            )
        )

    def files(self, shard: int) -> Iterator[File]:
        return self._rows(
            File, f"SELECT {columns(File)} FROM file WHERE shard = ? ORDER BY record, file", (shard,)
        )

    def files_of(self, shard: int, record: bytes) -> list[File]:
        return list(
            self._rows(
                File,
                f"SELECT {columns(File)} FROM file INDEXED BY file_record "
                "WHERE shard = ? AND record = ? ORDER BY file",
                (shard, record),
            )
        )

    def has_file(self, shard: int, file: bytes) -> bool:
        return bool(self._fetch("SELECT 1 FROM file WHERE shard = ? AND file = ?", (shard, file)))

    def subjects(self, shard: int) -> Iterator[Subject]:
        return self._rows(
            Subject, f"SELECT {columns(Subject)} FROM subject WHERE shard = ? ORDER BY subject", (shard,)
        )

    def subject(self, shard: int, subject: bytes) -> Subject | None:
        return self._one(Subject, _SUBJECT, (shard, subject))

    def subject_slots(self, shard: int, subjects: Collection[bytes]) -> dict[bytes, int]:
        found: dict[bytes, int] = {}
        listed = list(subjects)
        for at in range(0, len(listed), _PLACES_A_QUERY):
            some = listed[at : at + _PLACES_A_QUERY]
            marks = ", ".join("?" * len(some))
            sql = f"SELECT subject, slot FROM subject WHERE shard = ? AND subject IN ({marks})"
            found.update(self._fetch(sql, (shard, *some)))
        return found

    def subject_records(self, shard: int, subject: bytes) -> list[Version]:
        return list(
            self._versions(
                "WHERE shard = ? AND record = ? AND version = 1 AND subject = record", (shard, subject)
            )
        ) + list(
            self._versions(
                "INDEXED BY record_version_subject "
                "WHERE shard = ? AND subject = ? AND version = 1 AND subject <> record ORDER BY record",
                (shard, subject),
            )
        )

    def facets(self, shard: int) -> Iterator[Facet]:
        return self._rows(
            Facet, f"SELECT {columns(Facet)} FROM facet WHERE shard = ? ORDER BY record, category", (shard,)
        )

    def facets_of(self, shard: int, record: bytes) -> list[Facet]:
        return [Facet._make(row) for row in self._fetch(_FACETS, (shard, record))]

    def states(self, shard: int) -> Iterator[State]:
        return self._rows(
            State, f"SELECT {columns(State)} FROM state WHERE shard = ? ORDER BY id, category, n", (shard,)
        )

    def has_states(self, shard: int) -> bool:
        return bool(self._fetch("SELECT 1 FROM state WHERE shard = ? LIMIT 1", (shard,)))

    def state_of(self, shard: int, ids: Collection[bytes]) -> list[State]:
        newest = {(state.id, state.category): state for state in self.steps_of(shard, ids)}
        return [state for state in newest.values() if state.state != "live"]

    def steps_of(self, shard: int, ids: Collection[bytes]) -> list[State]:
        found: list[State] = []
        listed = sorted(ids)
        for place in range(0, len(listed), _IDS_A_QUERY):
            some = listed[place : place + _IDS_A_QUERY]
            rows = self._fetch(
                f"SELECT {columns(State)} FROM state WHERE shard = ? "
                f"AND id IN ({', '.join('?' * len(some))}) ORDER BY id, category, n",
                (shard, *some),
            )
            found += map(State._make, rows)
        return found

    def unfinished(self, shard: int) -> list[State]:
        found: list[State] = []
        for state in self._rows(
            State,
            f"SELECT {columns(State)} FROM state WHERE shard = ? ORDER BY gen DESC, seq DESC, id, category",
            (shard,),
        ):
            if state.state != "erasing":
                break
            found.append(state)
        return sorted(found, key=lambda state: (state.gen, state.seq, state.id, state.category))

    def gaps(self, shard: int) -> Iterator[Gap]:
        return self._rows(
            Gap, f"SELECT {columns(Gap)} FROM gap WHERE shard = ? ORDER BY record, grp, version", (shard,)
        )

    # Rebuildable

    def current(self, shard: int, record: bytes) -> Current | None:
        return self._one(Current, _CURRENT, (shard, record))

    def current_of(self, shard: int, records: Sequence[bytes]) -> list[Current]:
        found: dict[bytes, Current] = {}
        for at in range(0, len(records), _PLACES_A_QUERY):
            some = records[at : at + _PLACES_A_QUERY]
            marks = ", ".join("?" * len(some))
            sql = f"SELECT {columns(Current)} FROM current WHERE shard = ? AND record IN ({marks})"
            found |= {row.record: row for row in self._rows(Current, sql, (shard, *some))}
        return [found[record] for record in records if record in found]

    def currents(self, shard: int) -> Iterator[Current]:
        return self._rows(
            Current, f"SELECT {columns(Current)} FROM current WHERE shard = ? ORDER BY record", (shard,)
        )

    def records_of_subject(self, shard: int, subject: bytes) -> list[Current]:
        return [
            Current._make(row)
            for row in self._fetch(
                f"SELECT {columns(Current)} FROM current WHERE shard = ?1 AND record = ?2 UNION ALL "
                f"SELECT {', '.join(f'c.{name}' for name in Current._fields)} FROM record_version v "
                "INDEXED BY record_version_subject "
                "JOIN current c ON c.shard = v.shard AND c.record = v.record "
                "WHERE v.shard = ?1 AND v.subject = ?2 AND v.version = 1 AND v.subject <> v.record",
                (shard, subject),
            )
        ]

    def tokens(self, shard: int) -> Iterator[Token]:
        return self._rows(
            Token,
            f"SELECT {columns(Token)} FROM token WHERE shard = ? ORDER BY field, kind, token, record",
            (shard,),
        )

    def find_tokens(
        self, shard: int, field: int, kind: int, tokens: Collection[bytes]
    ) -> dict[bytes, list[bytes]]:
        found: dict[bytes, list[bytes]] = {token: [] for token in tokens}
        listed = sorted(found)
        for place in range(0, len(listed), _IDS_A_QUERY):
            some = listed[place : place + _IDS_A_QUERY]
            for token, record in self._fetch(
                "SELECT token, record FROM token WHERE shard = ? AND field = ? AND kind = ? "
                f"AND token IN ({', '.join('?' * len(some))})",
                (shard, field, kind, *some),
            ):
                found[token].append(record)
        return found

    def records_under(self, shard: int, tokens: Iterable[tuple[int, int, bytes]]) -> set[bytes]:
        sql = "SELECT record FROM token WHERE shard = ? AND field = ? AND kind = ? AND token = ?"
        found: set[tuple[bytes]] | None = None
        for name in tokens:
            # Of a frequent word there are thousands: rows go into sets as they are, without a list of them.
            rows = self._tuples(sql, (shard, *name))
            found = set(rows) if found is None else found.intersection(rows)
            if not found:
                break
        return {record for (record,) in found or ()}

    def remembered(self, shard: int, actor: str, idem_key: str) -> Remembered | None:
        return self._one(
            Remembered,
            f"SELECT {columns(Remembered)} FROM idem WHERE shard = ? AND actor = ? AND idem_key = ?",
            (shard, actor, idem_key),
        )

    def strays(self, shards: int) -> list[tuple[str, int | None]]:
        heads = [head for shard in range(shards) if (head := self.head(shard)) is not None]
        newest = max((head.gen for head in heads), default=-1)
        found: list[tuple[str, int | None]] = []
        for table in APPEND_ONLY:
            key, end = ("shard", shards)
            if table in ("log_batch", "log_detail", "log_gap"):
                key, end = "id", batch_id(shards, 0, 0) << (0 if table == "log_batch" else RULE_BITS)
            # One seek in the key for each, where a single condition would walk the table.
            outside = [f"{key} < 0", f"{key} >= {end}"]
            if table in ("checkpoint", "record_version"):
                for shard in range(shards):
                    outside += [f"shard = {shard} AND gen < 0", f"shard = {shard} AND gen > {newest}"]
            entry = _ENTRY_COLUMNS.get(table, "NULL")
            for condition in outside:
                for (index,) in self._fetch(f"SELECT {entry} FROM {table} WHERE {condition} LIMIT 1"):
                    found.append((table, index))
        return found

    def schema_faults(self) -> list[str]:
        expected = expected_objects()
        found = {
            name: sql
            for name, sql in self._fetch("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
            if not name.startswith(("sqlite_stat", "sqlite_autoindex")) and not is_field_index(name, sql)
        }
        return sorted(
            name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name)
        )
