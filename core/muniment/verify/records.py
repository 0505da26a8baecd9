"""The records' side: every version's hash and chain, every part, every row that says where its keys lie."""

from __future__ import annotations

from binascii import b2a_base64
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from hashlib import sha256
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any, Generic, TypeVar

from muniment.errors import IntegrityError
from muniment.log.binding import NO_VERSION, side_entry, unpack_live, version_hash
from muniment.model import id_text
from muniment.schema.builtin import DRAFT, PROPOSAL
from muniment.seal import file_hash, part_header, read_file_header
from muniment.store import Facet, File, Gap, Part, Reader, State, Subject, Version

__all__ = ["RecordCheck"]

_Row = TypeVar("_Row")

_SUBJECTS_KEPT = 10_000
_ARCHIVE_SLOT = 4
_ABOUT_NOBODY_YET = frozenset({PROPOSAL.number, DRAFT.number})
"""Types whose records may be about somebody of whom there is no record yet."""


class RecordCheck:
    """Walks all tables of records side by side, in order of record, holding one record at a time.

    Args:
        reader: sees one state.
        shard: the shard whose records they are.
        archive: the archive's identifier, 16 bytes.
        files: the folder of attached files, or None to leave them out.
        bound: by (generation, index) what the entries bind that states name, in base64.
        expired: (generation, index) of entries under which parts expired without an erasure.

    Attributes:
        at: index of the entry that wrote the version that is looked at.
    """

    def __init__(
        self,
        reader: Reader,
        shard: int,
        archive: bytes,
        files: Path | None,
        bound: Mapping[tuple[int, int], bytes],
        expired: Collection[tuple[int, int]],
    ) -> None:
        self._reader = reader
        self._shard = shard
        self._archive = archive
        self._files = files
        self._bound = bound
        self._expired = expired
        self._subject_slots: OrderedDict[bytes, int] = OrderedDict()
        self._states: dict[tuple[bytes, int], list[State]] = {}
        self._erased: dict[tuple[int, int], list[tuple[bytes, int, int, bytes]]] = {}
        self._nobodys: set[tuple[bytes, int]] = set()
        self._awaited: dict[bytes, str] = {}
        self._first: IntegrityError | None = None
        self.at: int | None = None
        self.versions = 0
        self.parts = 0
        self.gaps = 0
        self.unfinished = 0

    def check(self) -> None:
        """Check every record.

        Raises:
            IntegrityError: of what is not as it was, that with the smallest index of an entry.
        """
        self._load_states()
        reader, shard = self._reader, self._shard
        parts = _Side(reader.parts_by_record(shard), "record")
        gaps = _Side(reader.gaps(shard), "record")
        files = _Side(reader.files(shard), "record")
        facets = _Side(reader.facets(shard), "record")
        subjects = _Side(reader.subjects(shard), "subject")
        for record, rows in groupby(reader.versions_by_record(shard), attrgetter("record")):
            versions = list(rows)
            self._pass_strays((parts, gaps, files), record)
            self._pass_keys(facets, subjects, record)
            taken = parts.of(record), gaps.of(record), files.of(record)
            own_facets = {row.category: row.slot for row in facets.of(record)}
            own_subject = subjects.of(record)
            try:
                if own_subject and versions[0].subject != record:
                    raise _bad("integrity.subject", versions[0])
                for row in own_subject:
                    self._keep_slot(record, row.slot)
                self._check_record(versions, *taken, own_facets)
            except IntegrityError as error:
                self._note(error)
        end = b"\xff" * 17
        self._pass_strays((parts, gaps, files), end)
        self._pass_keys(facets, subjects, end)
        for identifier, code in self._awaited.items():
            self._note(IntegrityError(code, where=id_text(identifier), index=None))
        for check in (self._check_reasons, self._check_states):
            try:
                check()
            except IntegrityError as error:
                self._note(error)
        if self._first is not None:
            raise self._first

    def _note(self, error: IntegrityError) -> None:
        """Keep the error that names the earliest entry; what names none counts last."""
        found = self._first
        if found is None or _place(error) < _place(found):
            self._first = error

    def _pass_strays(self, sides: Iterable[_Side[Any]], record: bytes) -> None:
        """Parts, gaps and files of records that do not exist."""
        for side in sides:
            while (stray := side.before(record)) is not None:
                index = stray.seq if isinstance(stray, Gap) else None
                self._note(IntegrityError("integrity.stray_part", where=id_text(stray.record), index=index))
                side.skip()

    def _pass_keys(self, facets: _Side[Facet], subjects: _Side[Subject], record: bytes) -> None:
        """Facets and subjects without a record of theirs.

        Only the archive's own may be such, and those of somebody whom a proposal or a draft further on
        is about, and for whom no record was made yet: with them the facet of their reasons.
        """
        while (subject := subjects.before(record)) is not None:
            if subject.subject != self._archive:
                self._awaited[subject.subject] = "integrity.subject"
            elif subject.slot != _ARCHIVE_SLOT:
                self._note(IntegrityError("integrity.subject", where=id_text(subject.subject), index=None))
            subjects.skip()
        while (facet := facets.before(record)) is not None:
            theirs = facet.record == self._archive or facet.record in self._awaited
            if facet.category or not theirs:
                self._note(IntegrityError("integrity.facet", where=id_text(facet.record), index=None))
            facets.skip()

    def _check_record(
        self,
        versions: list[Version],
        parts: list[Part],
        gaps: list[Gap],
        files: list[File],
        facets: dict[int, int],
    ) -> None:
        by_place = {(part.grp, part.version): part for part in parts}
        gone = {(gap.grp, gap.version): gap for gap in gaps if gap.grp}
        stored = {row.file: row for row in files}
        used_facets: set[int] = {0}
        previous = NO_VERSION
        live: dict[int, bytes] = {}
        named: dict[bytes, bytes] = {}
        for number, version in enumerate(versions, start=1):
            self.at = version.seq
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
            made = set()
            for group, expected in now.items():
                if live.get(group) != expected:
                    made.add(group)
                    if self._states:
                        self._collect(version, group, expected, gone.get((group, version.version)))
                    self._check_part(version, group, expected, by_place, gone, facets, used_facets)
            for file, expected in version_files.items():
                if file not in named:
                    self._check_file(version, file, expected, stored.pop(file, None), made, facets)
                named[file] = expected
            previous, live = version.hash, now
            self.versions += 1
        if self._awaited and versions[0].type in _ABOUT_NOBODY_YET:
            self._awaited.pop(versions[0].subject, None)
        if self._nobodys:
            self._nobodys -= {(versions[0].record, category) for category in (0, *used_facets)}
            self._nobodys.discard((versions[0].subject, 0))
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
        state = self._state_of(version, category) if self._states else None
        if part is None:
            if gap is None or gap.hash != expected:
                raise _bad("integrity.part_gone", version, group=group)
            if (gap.gen, gap.seq) not in self._expired and (state is None or state.state == "live"):
                raise IntegrityError("integrity.gap", where=id_text(version.record), index=gap.seq)
            self.gaps += 1
            self.unfinished += state is not None and state.state == "erasing"
            return
        if state is not None and state.state == "erased":
            raise IntegrityError("integrity.state", where=id_text(version.record), index=state.seq)
        if gap is not None or sha256(part.sealed).digest() != expected:
            raise _bad("integrity.part_changed", version, group=group)
        try:
            header = part_header(part.sealed)
        except IntegrityError:
            raise _bad("integrity.part_changed", version, group=group) from None
        if header.group != group:
            raise _bad("integrity.part_changed", version, group=group)
        if header.facet_slot != facets.get(category):
            raise _bad("integrity.facet", version, group=group)
        if header.subject_slot != self._slot_of(version.subject):
            raise _bad("integrity.subject", version, group=group)
        self.parts += 1

    # Erasure

    def _load_states(self) -> None:
        """The steps of every facet and subject; few, and each must follow from the one before."""
        after = {None: ("erasing",), "erasing": ("erased", "live"), "live": ("erasing",), "erased": ()}
        for row in self._reader.states(self._shard):
            steps = self._states.setdefault((row.id, row.category), [])
            before = steps[-1].state if steps else None
            if row.n != len(steps) + 1 or row.state not in after[before]:
                self._note(IntegrityError("integrity.state", where=id_text(row.id), index=row.seq))
            steps.append(row)
            if row.state != "live":
                self._erased.setdefault((row.gen, row.seq), [])
        self._nobodys = set(self._states)

    def _steps(self, version: Version, category: int) -> Iterator[State]:
        for name in {(version.record, category), (version.record, 0), (version.subject, 0)}:
            yield from self._states.get(name, ())

    def _state_of(self, version: Version, category: int) -> State | None:
        """The newest step that concerns a part of this version."""
        return max(self._steps(version, category), key=attrgetter("gen", "seq"), default=None)

    def _collect(self, version: Version, group: int, expected: bytes, gap: Gap | None) -> None:
        """Remember a part for every entry of erasure that must have bound it."""
        place = (version.record, version.version, group, expected)
        for step in self._steps(version, group >> 3):
            self._count(step, (version.gen, version.seq), place, gap)

    def _count(
        self, step: State, written: tuple[int, int], place: tuple[bytes, int, int, bytes], gap: Gap | None
    ) -> None:
        if step.state == "live" or written >= (step.gen, step.seq):
            return
        # What was gone before an erasure began is none of what it disposed of.
        begun = self._states[step.id, step.category][step.n - 2] if step.state == "erased" else step
        if gap is None or (gap.gen, gap.seq) >= (begun.gen, begun.seq):
            self._erased[step.gen, step.seq].append(place)

    def _check_states(self) -> None:
        """An entry of erasure binds the parts of just those facets and subjects whose states name it."""
        for name in sorted(self._nobodys):
            raise IntegrityError("integrity.state", where=id_text(name[0]), index=self._states[name][0].seq)
        for (gen, seq), found in sorted(self._erased.items()):
            hashes = b"".join(hashed for *_, hashed in sorted(found))
            expected = b2a_base64(sha256(hashes).digest(), newline=False) if found else b""
            if self._bound.get((gen, seq)) != expected:
                raise IntegrityError("integrity.state", index=seq)

    def _slot_of(self, subject: bytes) -> int | None:
        slot = self._subject_slots.get(subject)
        if slot is None:
            row = self._reader.subject(self._shard, subject)
            if row is None:
                return None
            slot = row.slot
            self._keep_slot(subject, slot)
        return slot

    def _keep_slot(self, subject: bytes, slot: int) -> None:
        self._subject_slots[subject] = slot
        if len(self._subject_slots) > _SUBJECTS_KEPT:
            self._subject_slots.popitem(last=False)

    def _check_file(
        self,
        version: Version,
        file: bytes,
        expected: bytes,
        row: File | None,
        made: Collection[int],
        facets: Mapping[int, int],
    ) -> None:
        # What a record says of its file is sealed in the row's group, as of the version that named it first.
        if row is None or row.hash != expected or row.version != version.version or row.grp not in made:
            raise _bad("integrity.file", version)
        if self._files is None:
            return
        name = id_text(file)
        state = self._state_of(version, row.grp >> 3) if self._states else None
        if state is not None and state.state != "live":
            # Its bytes go once the keys are gone; before that they may be there or not.
            if state.state == "erased" and (self._files / name[-2:] / name).exists():
                raise IntegrityError("integrity.state", where=id_text(version.record), index=state.seq)
            return
        path = self._files / name[-2:] / name
        try:
            with path.open("rb") as source:
                header = read_file_header(source)
                source.seek(0)
                found = file_hash(source)
        except (OSError, IntegrityError):
            raise _bad("integrity.file", version) from None
        if found != expected or header.facet_slot != facets.get(row.grp >> 3):
            raise _bad("integrity.file", version)

    def _check_reasons(self) -> None:
        """A reason's part must lie under the facet that its header names, or have gone with its subject."""
        for gap in self._reader.gaps(self._shard) if self._states else ():
            if not gap.grp:
                steps = self._states.get((gap.record, 0), [])
                if not steps or steps[-1].state == "live":
                    raise IntegrityError("integrity.gap", where=id_text(gap.record), index=gap.seq)
                for step in steps:
                    place = (gap.record, gap.version, 0, gap.hash)
                    self._count(step, side_entry(gap.version), place, gap)
                self.gaps += 1
                self.unfinished += steps[-1].state == "erasing"
        for side in self._reader.side_parts(self._shard):
            slots = {facet.category: facet.slot for facet in self._reader.facets_of(self._shard, side.record)}
            where = id_text(side.record)
            for step in self._states.get((side.record, 0), ()):
                if step.state == "erased":
                    raise IntegrityError("integrity.state", where=where, index=step.seq)
                hashed = sha256(side.sealed).digest()
                self._count(step, (side.gen, side.seq), (side.record, side.version, 0, hashed), None)
            try:
                header = part_header(side.sealed)
            except IntegrityError:
                raise IntegrityError("integrity.reason", where=where, index=side.seq) from None
            if header.facet_slot != slots.get(0) or header.subject_slot != self._slot_of(side.record):
                raise IntegrityError("integrity.facet", where=where, index=side.seq)


def _place(error: IntegrityError) -> float:
    index = error.parameters.get("index")
    return float("inf") if index is None else float(index)


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
