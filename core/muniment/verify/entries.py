"""The log's side: every entry hashed, the root rebuilt, every detail and binding recomputed."""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from operator import attrgetter
from typing import TYPE_CHECKING, Generic, TypeVar

from muniment.errors import IntegrityError
from muniment.log.binding import side_entry, side_version
from muniment.log.checkpoint import batch_mac
from muniment.log.detail import scan_details
from muniment.log.entry import Scanned, scan_entries
from muniment.log.tree import EMPTY, Frontier, leaf_hashes
from muniment.model import rfc3339
from muniment.store import DetailGap, Gap, LogBatch, LogDetail, Reader, SidePart, State, Version
from muniment.verify.disposed import DetailGaps, Disposals
from muniment.verify.runs import FRONTIER_EVERY, RULES, Walk, readable, runs, scan_run
from muniment.verify.spans import Answer, Span, Task, frontier_of

if TYPE_CHECKING:
    from muniment.verify.signed import Signed

__all__ = ["EntryCheck", "check_span"]

_Named = TypeVar("_Named", Gap, State, SidePart)
_Row = TypeVar("_Row", Version, LogDetail)

_ERASURES = (b"erasure.begin", b"erasure.done", b"part.expire")
_BINDING = (*_ERASURES, b"log.continue", b"log.dispose")
_STATES = {"live": (b"erasure.refuse",), "erasing": (b"erasure.begin",), "erased": (b"erasure.done",)}
_STATED = (b"erasure.begin", b"erasure.done")


class EntryCheck:
    """Walks the log of each generation once, with the versions, reasons and gaps that its entries bind.

    Attributes:
        at: index of the first entry of the batch that is looked at.
        bound: by (generation, index) what an entry binds that states of erasure name, in base64.
        expired: (generation, index) of entries under which parts expired without an erasure.
    """

    def __init__(
        self,
        reader: Reader,
        shard: int,
        origin_base: str,
        mac_key: bytes | None,
        signed: Signed,
        progress: Callable[[int, int], None] | None,
        *,
        span: Span | None = None,
    ) -> None:
        self._reader = reader
        self._shard = shard
        self._base = origin_base
        self._mac_key = mac_key
        self._signed = signed
        self._progress = progress
        self._span = span
        self._gaps = _by_entry(reader.gaps(shard), span)
        # What stands where a reason was: the entry that bound it binds its hash for ever.
        self._texts: dict[tuple[int, int], list[Gap]] = {}
        for gap in reader.gaps(shard):
            name = side_entry(gap.version)
            if not gap.grp and (span is None or (name[0] == span.gen and span.holds(name[1]))):
                self._texts.setdefault(name, []).append(gap)
        self._missing = DetailGaps(
            row
            for row in reader.detail_gaps(shard)
            if span is None or (row.gen == span.gen and span.holds(row.first_seq))
        )
        self._states = _by_entry(reader.states(shard), span)
        self._loose = _by_entry(reader.side_parts(shard), span)
        self.bound: dict[tuple[int, int], bytes] = {}
        self.expired: set[tuple[int, int]] = set()
        self.at = 0
        self.count = 0
        self.size = 0
        self.root = EMPTY
        self.ended: dict[int, tuple[int, bytes]] = {}
        self.frontier = Frontier()
        self.disposed = Disposals()

    def check_generation(self, gen: int) -> None:
        """Check one generation of the log.

        Raises:
            IntegrityError: with the index of the first entry that is not what was written.
        """
        origin = f"{self._base}/{self._shard}.{gen}"
        reader, shard, span = self._reader, self._shard, self._span or Span(gen)
        start, stop = span.start, span.stop
        versions = _Ahead(reader.versions_by_entry(shard, gen, start=start, stop=stop), attrgetter("seq"))
        details = _Ahead(reader.details(shard, gen, start=start, stop=stop), attrgetter("first_seq"))
        frontier = frontier_of(span)
        walk = Walk(frontier, frontier.root(), span.time)
        signed = self._signed.roots.get(gen, {})
        roots = {
            size: root for size, root in signed.items() if start < size and (stop is None or size <= stop)
        }
        head = self._reader.head(self._shard)
        total = 0 if head is None else head.first_seq + head.n
        for run in runs(reader.batches(shard, gen, start=start, stop=stop)):
            first = self.at = run[0].first_seq
            rows = details.upto(run[-1].first_seq)
            forked = any([roots.get(batch.first_seq + batch.n, batch.root) != batch.root for batch in run])
            scanned = None if forked else scan_run(run, rows, walk, origin, self._mac_key)
            if scanned is not None:
                self._check_bindings(scanned, versions, gen, first, origin)
                self.count += len(scanned)
            else:
                self._check_singly(run, rows, versions, roots, walk, gen, origin)
            for batch in run if roots else ():
                roots.pop(batch.first_seq + batch.n, None)
            if self._progress is not None:
                self._progress(self.count, total)
        rest = versions.rest()
        if rest is not None:
            raise _bad("integrity.unlogged_version", origin, rest.seq)
        detail = details.rest()
        if detail is not None:
            raise _bad("integrity.unlogged_detail", origin, detail.first_seq)
        if roots:
            smallest = min(roots)
            size = walk.frontier.size
            raise _bad("integrity.cut" if smallest > size else "integrity.fork", origin, min(smallest, size))
        if stop is not None and walk.frontier.size != stop:
            raise _bad("integrity.sequence", origin, walk.frontier.size)
        self.size, self.root = self.ended[gen] = walk.frontier.size, walk.root
        self.frontier = walk.frontier

    def take(self, gen: int, answers: Sequence[Answer]) -> None:
        """Take for found what other processes found of all stretches of a generation."""
        self.frontier = Frontier.from_bytes(answers[-1].frontier)
        self.size, self.root = self.ended[gen] = self.frontier.size, self.frontier.root()
        for answer in answers:
            self.count += answer.count
            self.bound |= answer.bound
            self.expired |= answer.expired
            self.disposed.take(answer.disposed)
        self._missing = DetailGaps(iter(()))
        for rows in (self._gaps, self._states, self._loose, self._texts):
            # What names an entry of another generation is left, and ``finish`` names it.
            for name in [name for name in rows if name[0] == gen]:
                del rows[name]

    def _check_singly(
        self,
        run: list[LogBatch],
        rows: list[LogDetail],
        versions: _Ahead[Version],
        roots: Mapping[int, bytes],
        walk: Walk,
        gen: int,
        origin: str,
    ) -> None:
        """Check batches one by one: something about them is unusual, or wrong and to be named."""
        details = _Ahead(iter(rows), attrgetter("first_seq"))
        for batch in run:
            first = batch.first_seq
            scanned = self._scan_batch(batch, details.upto(first), walk, gen, origin)
            self._check_bindings(scanned, versions, gen, first, origin)
            if roots.get(first + batch.n, walk.root) != walk.root:
                raise _bad("integrity.fork", origin, first + batch.n)
            self.count += batch.n

    def _scan_batch(
        self, batch: LogBatch, rows: list[LogDetail], walk: Walk, gen: int, origin: str
    ) -> list[Scanned]:
        """The entries of one batch, everything about it being checked and what is wrong named."""
        first, frontier = batch.first_seq, walk.frontier
        self.at = first
        if first != frontier.size:
            raise _bad("integrity.sequence", origin, frontier.size)
        if batch.prev_root != walk.root:
            raise _bad("integrity.root", origin, first)
        try:
            scanned = scan_entries(batch.entries)
        except IntegrityError as error:
            raise _bad("integrity.entry", origin, first + error.parameters.get("place", 0)) from None
        if len(scanned) != batch.n or not scanned:
            raise _bad("integrity.entry_count", origin, first)
        frontier.extend(leaf_hashes([one[0] for one in scanned]))
        if frontier.root() != batch.root:
            raise self._name_changed(batch, gen, origin, scanned)
        self._check_columns(batch, frontier, origin)
        if scanned[0][5] < walk.time:
            raise _bad("integrity.time", origin, first)
        if scanned[-1][5] != rfc3339(batch.created_us).encode("ascii"):
            raise _bad("integrity.time", origin, first + batch.n - 1)
        gone = self._missing.of(gen, first)
        if gone:
            self._check_disposed(scanned, rows, gone, first, origin)
        else:
            self._check_details(scanned, rows, first, origin)
        walk.root, walk.time = batch.root, scanned[-1][5]
        return scanned

    def finish(self) -> None:
        """Refuse what names an entry that is not there.

        Raises:
            IntegrityError: for a gap, state or reason without its entry.
        """
        for rows, code in (
            (self._gaps, "integrity.gap"),
            (self._states, "integrity.state"),
            (self._loose, "integrity.reason"),
            (self._texts, "integrity.gap"),
        ):
            if rows:
                gen, seq = min(rows)
                raise _bad(code, f"{self._base}/{self._shard}.{gen}", seq)
        left = self._missing.left()
        if left is not None:
            raise _bad("integrity.detail_gap", f"{self._base}/{self._shard}.{left.gen}", left.first_seq)
        # What an entry covers may lie in many stretches.
        wrong = self.disposed.wrong() if self._span is None else None
        if wrong is not None:
            raise _bad("integrity.detail_gap", f"{self._base}/{self._shard}.{wrong[0]}", wrong[1])

    def _name_changed(self, batch: LogBatch, gen: int, origin: str, scanned: list[Scanned]) -> IntegrityError:
        """Which entry of a batch with a wrong root it is: the first whose detail is not its own."""
        rules = {row.rule: row for row in self._reader.details(self._shard, gen, start=batch.first_seq)
                 if row.first_seq == batch.first_seq}  # fmt: skip
        for row in rules.values():
            try:
                for place, committed in scan_details(row.details):
                    if place < len(scanned) and scanned[place][2] != committed:
                        return _bad("integrity.entry", origin, batch.first_seq + place)
            except IntegrityError:
                continue
        return _bad("integrity.root", origin, batch.first_seq)

    def _check_columns(self, batch: LogBatch, frontier: Frontier, origin: str) -> None:
        end = batch.first_seq + batch.n
        due = end // FRONTIER_EVERY > batch.first_seq // FRONTIER_EVERY
        if (batch.frontier is not None) != due or (due and batch.frontier != frontier.to_bytes()):
            raise _bad("integrity.frontier", origin, batch.first_seq)
        if self._mac_key is not None:
            expected = batch_mac(self._mac_key, origin, batch.first_seq, batch.n, batch.root)
            if batch.mac != expected:
                raise _bad("integrity.mac", origin, batch.first_seq)

    def _check_details(self, scanned: list[Scanned], rows: list[LogDetail], first: int, origin: str) -> None:
        found = 0
        for row in rows:
            if row.first_seq != first:
                raise _bad("integrity.unlogged_detail", origin, row.first_seq)
            try:
                openings = scan_details(row.details)
            except IntegrityError as error:
                raise _bad("integrity.detail", origin, first + error.parameters.get("place", 0)) from None
            for place, committed in openings:
                if place >= len(scanned):
                    raise _bad("integrity.detail", origin, first)
                entry = scanned[place]
                if entry[2] != committed or RULES[entry[3]] != row.rule:
                    raise _bad("integrity.detail", origin, first + place)
            found += len(openings)
        if found != len(scanned):
            places = {place for row in rows for place, _ in scan_details(row.details)}
            missing = next((place for place in range(len(scanned)) if place not in places), 0)
            raise _bad("integrity.detail_missing", origin, first + missing)

    def _check_disposed(
        self,
        scanned: list[Scanned],
        rows: list[LogDetail],
        gone: Mapping[int, DetailGap],
        first: int,
        origin: str,
    ) -> None:
        """The details of a batch of which some rules were disposed of: each is there or has its gap."""
        opened = {}
        for row in rows:
            if row.first_seq != first or row.rule in gone:
                raise _bad("integrity.unlogged_detail", origin, row.first_seq)
            try:
                for place, committed in scan_details(row.details):
                    opened[place] = (row.rule, committed)
            except IntegrityError as error:
                raise _bad("integrity.detail", origin, first + error.parameters.get("place", 0)) from None
        used = set()
        for place, entry in enumerate(scanned):
            rule = RULES[entry[3]]
            gap = gone.get(rule)
            if gap is not None:
                used.add(rule)
                self.disposed.add(gap, first + place, entry[2])
            elif opened.pop(place, None) != (rule, entry[2]):
                raise _bad("integrity.detail", origin, first + place)
        if opened or used != gone.keys():
            raise _bad("integrity.detail_gap", origin, first)

    def _check_bindings(
        self,
        scanned: list[Scanned],
        versions: _Ahead[Version],
        gen: int,
        first: int,
        origin: str,
    ) -> None:
        plain = not (self._loose or self._gaps or self._states or self._texts)
        # Accesses alone bind nothing.
        if plain and versions.is_beyond(first + len(scanned) - 1) and not any([one[1] for one in scanned]):
            return
        for place, entry in enumerate(scanned):
            seq = self.at = first + place
            rows = versions.upto(seq)
            loose = self._loose.pop((gen, seq), None) if self._loose else None
            gaps = self._gaps.pop((gen, seq), None) if self._gaps else None
            states = self._states.pop((gen, seq), None) if self._states else None
            texts = self._texts.pop((gen, seq), None) if self._texts else None
            bound = entry[1]
            if entry[3] == b"log.dispose":
                self.disposed.covering[gen, seq] = bound
            if any(part.version != side_version(gen, seq) for part in loose or ()):
                raise _bad("integrity.reason", origin, seq)
            if rows or loose or texts:
                if rows and rows[0].seq != seq:
                    raise _bad("integrity.unlogged_version", origin, rows[0].seq)
                hashes = [row.hash for row in rows]
                sealed = [(part.record, sha256(part.sealed).digest()) for part in loose or ()]
                sealed += [(gap.record, gap.hash) for gap in texts or ()]
                hashes += [hashed for _, hashed in sorted(sealed)]
                if b2a_base64(sha256(b"".join(hashes)).digest(), newline=False) != bound:
                    raise _bad("integrity.binding", origin, seq)
                time_text = entry[5].rstrip(b"Z")
                for recorded_us in {row.recorded_us for row in rows}:
                    if rfc3339(recorded_us).encode("ascii").rstrip(b"Z") != time_text:
                        raise _bad("integrity.binding", origin, seq)
                if gaps:
                    raise _bad("integrity.gap", origin, seq)
            elif gaps:
                self._check_gaps(entry, gaps, origin, seq)
            elif bound and entry[3] not in _BINDING:
                raise _bad("integrity.binding", origin, seq)
            if entry[3] in _STATED and not states:
                # What was begun or done to nobody: the states that named it are gone.
                raise _bad("integrity.state", origin, seq)
            if states:
                if any(entry[3] not in _STATES.get(state.state, ()) for state in states):
                    raise _bad("integrity.state", origin, seq)
                self.bound[gen, seq] = bound

    def _check_gaps(self, entry: Scanned, gaps: list[Gap], origin: str, seq: int) -> None:
        ordered = sorted(gaps, key=lambda gap: (gap.record, gap.version, gap.grp))
        expected = b2a_base64(sha256(b"".join(gap.hash for gap in ordered)).digest(), newline=False)
        if entry[3] not in _ERASURES or entry[1] != expected:
            raise _bad("integrity.gap", origin, seq)
        if entry[3] == b"part.expire":
            self.expired.add((gaps[0].gen, seq))


def _bad(code: str, origin: str, index: int) -> IntegrityError:
    return IntegrityError(code, where=origin, index=index)


def check_span(task: Task, span: Span) -> Answer:
    """Verify one stretch of a log, in a process of its own.

    Raises:
        IntegrityError: as ``EntryCheck.check_generation`` and ``finish``.
    """
    with task.opener() as reader:
        check = EntryCheck(reader, task.shard, task.origin_base, task.mac_key, task.signed, None, span=span)
        with readable(f"{task.origin_base}/{task.shard}.{span.gen}", lambda: check.at):
            check.check_generation(span.gen)
        check.finish()
    return Answer(check.frontier.to_bytes(), check.count, check.bound, check.expired, check.disposed)


def _by_entry(rows: Iterator[_Named], span: Span | None) -> dict[tuple[int, int], list[_Named]]:
    found: dict[tuple[int, int], list[_Named]] = {}
    for row in rows:
        if span is not None and (row.gen != span.gen or not span.holds(row.seq)):
            continue
        found.setdefault((row.gen, row.seq), []).append(row)
    return found


class _Ahead(Generic[_Row]):
    """An ordered iterator that gives what belongs to one key and looks one row ahead."""

    def __init__(self, rows: Iterator[_Row], key: Callable[[_Row], int]) -> None:
        self._rows: Iterator[_Row] = rows
        self._key: Callable[[_Row], int] = key
        self._next: _Row | None = next(rows, None)

    def upto(self, key: int) -> list[_Row]:
        """The rows up to and with this key."""
        found: list[_Row] = []
        row, key_of, rows = self._next, self._key, self._rows
        while row is not None and key_of(row) <= key:
            found.append(row)
            row = next(rows, None)
        self._next = row
        return found

    def is_beyond(self, key: int) -> bool:
        """Whether no row is left up to this key."""
        return self._next is None or self._key(self._next) > key

    def rest(self) -> _Row | None:
        """A row that is left over, if any."""
        return self._next
