"""The records' side: every version's hash and chain, every part, every row that says where its keys lie."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from hashlib import sha256
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from muniment.errors import IntegrityError
from muniment.log.binding import NO_VERSION, unpack_live, version_hash
from muniment.model import id_text
from muniment.seal import part_header
from muniment.store import Facet, File, Gap, Part, Reader, Subject, Version

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["RecordCheck"]

_Row = TypeVar("_Row")

_SUBJECTS_KEPT = 10_000
_ARCHIVE_SLOT = 4


class RecordCheck:
    """Walks all tables of records side by side, in order of record, holding one record at a time."""

    def __init__(
        self,
        reader: Reader,
        shard: int,
        archive: bytes,
        files: Path | None,
        progress: Callable[[int, int], None] | None,
    ) -> None:
        self._reader = reader
        self._shard = shard
        self._archive = archive
        self._files = files
        self._subject_slots: OrderedDict[bytes, int] = OrderedDict()
        self.versions = 0
        self.parts = 0
        self.gaps = 0

    def check(self) -> None:
        """Check every record.

        Raises:
            IntegrityError: with the index of the entry that wrote the first row that is not as it was.
        """
        reader, shard = self._reader, self._shard
        parts = _Side(reader.parts_by_record(shard), "record")
        gaps = _Side(reader.gaps(shard), "record")
        files = _Side(reader.files(shard), "record")
        facets = _Side(reader.facets(shard), "record")
        subjects = _Side(reader.subjects(shard), "subject")
        for record, rows in groupby(reader.versions_by_record(shard), attrgetter("record")):
            versions = list(rows)
            self._no_stray(parts, gaps, files, record, versions[0])
            self._check_strays_of_keys(facets, subjects, record)
            own_facets = {row.category: row.slot for row in facets.of(record)}
            own_subject = subjects.of(record)
            if own_subject and versions[0].subject != record:
                raise _bad("integrity.subject", versions[0])
            self._check_record(versions, parts.of(record), gaps.of(record), files.of(record), own_facets)
        end = b"\xff" * 17
        self._no_stray(parts, gaps, files, end, None)
        self._check_strays_of_keys(facets, subjects, end)
        self._check_reasons()

    def _no_stray(
        self,
        parts: _Side[Part],
        gaps: _Side[Gap],
        files: _Side[File],
        record: bytes,
        version: Version | None,
    ) -> None:
        for side in (parts, gaps, files):
            stray = side.before(record)
            if stray is not None:
                raise IntegrityError("integrity.stray_part", where=id_text(stray.record), index=None)

    def _check_strays_of_keys(self, facets: _Side[Facet], subjects: _Side[Subject], record: bytes) -> None:
        """Facets and subjects without a record of theirs: only the archive's own may be such."""
        while (facet := facets.before(record)) is not None:
            if facet.record != self._archive:
                raise IntegrityError("integrity.facet", where=id_text(facet.record), index=None)
            facets.skip()
        while (subject := subjects.before(record)) is not None:
            if subject.subject != self._archive or subject.slot != _ARCHIVE_SLOT:
                raise IntegrityError("integrity.subject", where=id_text(subject.subject), index=None)
            subjects.skip()

    def _check_record(
        self,
        versions: list[Version],
        parts: list[Part],
        gaps: list[Gap],
        files: list[File],
        facets: dict[int, int],
    ) -> None:
        by_place = {(part.grp, part.version): part for part in parts}
        gone = {(gap.grp, gap.version): gap for gap in gaps}
        stored = {row.file: row for row in files}
        used_facets: set[int] = {0}
        previous, live = NO_VERSION, {}
        named: dict[bytes, bytes] = {}
        for number, version in enumerate(versions, start=1):
            if version.version != number or version.prev_hash != previous:
                raise _bad("integrity.chain", version)
            hashed = version_hash(
                self._archive,
                version.record,
                version.version,
                version.type,
                version.definition,
                version.subject,
                version.operation,
                version.recorded_us,
                version.effective_us,
                version.prev_hash,
                version.parts,
            )
            if hashed != version.hash:
                raise _bad("integrity.version", version)
            if version.subject != versions[0].subject or version.type != versions[0].type:
                raise _bad("integrity.subject", version)
            now, version_files = unpack_live(version.parts)
            for group, expected in now.items():
                if live.get(group) != expected:
                    self._check_part(version, group, expected, by_place, gone, facets, used_facets)
            for file, expected in version_files.items():
                row = stored.pop(file, None) if file not in named else None
                if file not in named:
                    self._check_file(version, file, expected, row)
                named[file] = expected
            previous, live = version.hash, now
            self.versions += 1
        last = versions[-1]
        if by_place or stored:
            raise _bad("integrity.stray_part", last)
        if gone:
            raise _bad("integrity.gap", last)
        if set(facets) - used_facets:
            raise _bad("integrity.facet", last)

    def _check_part(
        self,
        version: Version,
        group: int,
        expected: bytes,
        by_place: dict[tuple[int, int], Part],
        gone: dict[tuple[int, int], Gap],
        facets: dict[int, int],
        used_facets: set[int],
    ) -> None:
        place = (group, version.version)
        category = group >> 3
        part = by_place.pop(place, None)
        gap = gone.pop(place, None)
        used_facets.add(category)
        if part is None:
            if gap is None or gap.hash != expected:
                raise _bad("integrity.part_gone", version, group=group)
            self.gaps += 1
            return
        if gap is not None or sha256(part.sealed).digest() != expected:
            raise _bad("integrity.part", version, group=group)
        header = part_header(part.sealed)
        if header.group != group:
            raise _bad("integrity.part", version, group=group)
        if header.facet_slot != facets.get(category):
            raise _bad("integrity.facet", version, group=group)
        if header.subject_slot != self._slot_of(version.subject):
            raise _bad("integrity.subject", version, group=group)
        self.parts += 1

    def _slot_of(self, subject: bytes) -> int | None:
        slot = self._subject_slots.get(subject)
        if slot is None:
            row = self._reader.subject(self._shard, subject)
            if row is None:
                return None
            slot = self._subject_slots[subject] = row.slot
            if len(self._subject_slots) > _SUBJECTS_KEPT:
                self._subject_slots.popitem(last=False)
        return slot

    def _check_file(self, version: Version, file: bytes, expected: bytes, row: File | None) -> None:
        if row is None or row.hash != expected or row.version != version.version:
            raise _bad("integrity.file", version)
        if self._files is None:
            return
        name = id_text(file)
        path = self._files / name[-2:] / name
        try:
            with path.open("rb") as source:
                found = _hash_of(iter(lambda: source.read(1 << 20), b""))
        except OSError:
            raise _bad("integrity.file", version) from None
        if found != expected:
            raise _bad("integrity.file", version)

    def _check_reasons(self) -> None:
        """A reason's part must lie under the facet that its header names."""
        for side in self._reader.side_parts(self._shard):
            header = part_header(side.sealed)
            slots = {facet.category: facet.slot for facet in self._reader.facets_of(self._shard, side.record)}
            if header.facet_slot != slots.get(0) or header.subject_slot != self._slot_of(side.record):
                raise IntegrityError("integrity.facet", where=id_text(side.record), index=side.seq)


def _hash_of(chunks: Iterable[bytes]) -> bytes:
    made = sha256()
    for chunk in chunks:
        made.update(chunk)
    return made.digest()


def _bad(code: str, version: Version, **parameters: object) -> IntegrityError:
    parameters = {"version": version.version, "group": None, **parameters}
    return IntegrityError(code, where=id_text(version.record), index=version.seq, **parameters)


class _Side(Generic[_Row]):
    """Rows in order of record, taken a record at a time."""

    def __init__(self, rows: Iterator[_Row], column: str) -> None:
        self._rows = rows
        self._key: Callable[[_Row], Any] = attrgetter(column)
        self._next: _Row | None = next(rows, None)

    def before(self, record: bytes) -> _Row | None:
        """The next row, if it belongs to an earlier record, which then does not exist."""
        row = self._next
        return row if row is not None and self._key(row) < record else None

    def skip(self) -> None:
        """Pass over the next row."""
        self._next = next(self._rows, None)

    def of(self, record: bytes) -> list[_Row]:
        """The rows of a record."""
        found: list[_Row] = []
        while self._next is not None and self._key(self._next) == record:
            found.append(self._next)
            self._next = next(self._rows, None)
        return found
