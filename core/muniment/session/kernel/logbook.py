"""Appends entries to the log inside a transaction, and signs checkpoints over what was committed.

Nobody extends a log whose newest batch does not carry the right mac, so that
rows forged with raw SQL are never built upon or signed.
"""

from __future__ import annotations

import os
from binascii import b2a_base64
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Final

import attrs

from muniment.codec import canonical
from muniment.errors import IntegrityError, LogError
from muniment.keys import KeyStore, derive
from muniment.log import checkpoint as notes
from muniment.log.detail import pack_rows
from muniment.log.entry import commitment, entry_bytes, pack_entries, tag, tagger, unpack_entries
from muniment.log.kinds import KINDS
from muniment.log.tree import EMPTY, Frontier, leaf_hash, leaf_hashes
from muniment.model import Clock, Random, rfc3339
from muniment.session.kernel.details import Filled
from muniment.store import Checkpoint, Head, LogBatch, LogDetail, Reader, Store, Transaction

__all__ = ["MAX_SUBJECTS", "Draft", "Logbook", "Moment"]

MAX_SUBJECTS: Final = 100
"""So many subjects at most stand in one entry; a longer result is several entries."""

CHECKPOINT_EVERY: Final = 1024
"""Entries after which a checkpoint is signed."""

_FRONTIER_EVERY = 256
_AHEAD_US = 5 * 60 * 1_000_000

_Opened = tuple[int, bytes, bytes, list[tuple[bytes, bytes]]]


@attrs.define
class Draft:
    """An entry before it has a time and a place.

    Attributes:
        kind: out of the closed list.
        detail: what an auditor reads; identifiers and field names only. A filled form is of this kind.
        lines: JCS of one record's line each; their salted hashes stand in the detail.
        subject_keys: tag keys, 32 bytes each, of the subjects it concerns.
        binding: what the entry binds, 32 bytes, or None.
    """

    kind: str
    detail: dict[str, object] | Filled
    lines: Sequence[bytes] = ()
    subject_keys: Sequence[bytes] = ()
    binding: bytes | None = None


@attrs.define
class Moment:
    """Where the log stands in one transaction, and the time its new entries will carry.

    Attributes:
        size: entries so far; those gathered are not among them.
        written: the newest batch of this transaction.
        gathered: drafts with their actor that ``flush`` will append as one batch; None to append at once.
    """

    gen: int
    size: int
    root: bytes
    frontier: Frontier
    time_us: int
    written: Head | None = None
    gathered: list[tuple[Draft, str]] | None = None


class Logbook:
    """The one place that extends a shard's log.

    Args:
        archive: 16 bytes.
        base: the origin without shard and generation, such as ``example.com/customers``.
        keys: gives the mac key, the tag root and the signing seed.
        clock: microseconds since 1970.
        random: gives so many random bytes.
        shard: the shard whose log it is.
    """

    def __init__(
        self,
        archive: bytes,
        base: str,
        keys: KeyStore,
        *,
        clock: Clock,
        random: Random = os.urandom,
        shard: int = 0,
    ) -> None:
        self._archive = archive
        self.base = base
        self._keys = keys
        self._clock = clock
        self._random = random
        self.shard = shard
        self._mac_key = keys.log_mac_key
        self._tag_root = keys.tag_root
        self._actor_keys: dict[str, bytes] = {}
        self._actor_tags: dict[str, Callable[[bytes], bytes]] = {}
        self._known: tuple[Head | None, Frontier] = (None, Frontier())
        self._own: dict[int, Head] = {}
        self._unsigned = 0

    def origin(self, gen: int) -> str:
        """The name of one generation of the log."""
        return f"{self.base}/{self.shard}.{gen}"

    def verifier_key(self, gen: int = 0) -> notes.VerifierKey:
        """The key that checks this log's checkpoints."""
        return notes.verifier_key(self.origin(gen), self._keys.signing_seed)

    # Appending

    def begin(self, tx: Transaction) -> Moment:
        """Read where the log stands and fix the time of what this transaction appends.

        Raises:
            IntegrityError: ``log.mac`` where the newest batch is not ours, ``integrity.root``
                where it does not follow from the entries.
            LogError: ``log.clock`` where it is more than five minutes ahead of our clock.
        """
        now = self._clock()
        head = tx.head(self.shard)
        if head is None:
            return Moment(0, 0, EMPTY, Frontier(), now)
        if head.created_us > now + _AHEAD_US:
            raise LogError("log.clock", where=self.origin(head.gen), head=rfc3339(head.created_us))
        known, frontier = self._known
        if head == known:
            # Byte for byte the row that we wrote, mac and root included.
            frontier = frontier.copy()
        else:
            self._check_mac(head)
            frontier = self._frontier_at(tx, head)
        return Moment(head.gen, head.first_seq + head.n, head.root, frontier, max(now, head.created_us))

    def begin_generation(self, tx: Transaction, gen: int) -> Moment:
        """Where a new generation starts: a log of its own, whose first entry is ``log.continue``.

        Args:
            tx: the transaction that appends that entry.
            gen: above every generation that there was, lost ones included.

        Raises:
            LogError: ``log.clock``.
        """
        moment = self.begin(tx)
        return Moment(gen, 0, EMPTY, Frontier(), moment.time_us)

    def _check_mac(self, batch: LogBatch | Head) -> None:
        origin = self.origin(batch.gen)
        notes.check_batch_mac(batch.mac, self._mac_key, origin, batch.first_seq, batch.n, batch.root)

    def _frontier_at(self, reader: Reader, head: Head) -> Frontier:
        """The compact range after the head, from the newest stored one and the entries since."""
        kept = reader.last_frontier(self.shard, head.gen)
        stored = None if kept is None else kept.frontier
        frontier = Frontier() if stored is None else Frontier.from_bytes(stored)
        for batch in reader.batches(self.shard, head.gen, start=frontier.size):
            if batch.first_seq >= frontier.size:
                frontier.extend([leaf_hash(entry) for entry in unpack_entries(batch.entries)])
        if frontier.size != head.first_seq + head.n or frontier.root() != head.root:
            raise IntegrityError("integrity.root", where=self.origin(head.gen), index=head.first_seq)
        return frontier

    def actor_key(self, actor: str) -> bytes:
        """The tag key of an actor, 32 bytes."""
        found = self._actor_keys.get(actor)
        if found is None:
            if len(self._actor_keys) > 10_000:
                self._actor_keys.clear()
            found = derive.actor_tag_key(self._tag_root, self._archive, actor)
            self._actor_keys[actor] = found
        return found

    def _actor_tag(self, actor: str) -> Callable[[bytes], bytes]:
        """What gives the tags of an actor."""
        found = self._actor_tags.get(actor)
        if found is None:
            if len(self._actor_tags) > 1_000:
                self._actor_tags.clear()
            found = self._actor_tags[actor] = tagger(self.actor_key(actor))
        return found

    def append(self, tx: Transaction, moment: Moment, drafts: Sequence[Draft], *, actor: str) -> int:
        """Append entries as one batch; they hold once the transaction commits.

        Args:
            tx: the transaction.
            moment: from ``begin`` of the same transaction; moved behind the new entries.
            drafts: at least one.
            actor: whose tag they carry.

        Returns:
            The index of the first one.
        """
        given = [(draft, actor) for draft in drafts]
        if moment.gathered is not None:
            first = moment.size + len(moment.gathered)
            moment.gathered += given
            return first
        return self._append(tx, moment, given)

    def flush(self, tx: Transaction, moment: Moment) -> None:
        """Append what was gathered, as one batch, and gather no more."""
        given, moment.gathered = moment.gathered, None
        if given:
            self._append(tx, moment, given)

    def _append(self, tx: Transaction, moment: Moment, given: Sequence[tuple[Draft, str]]) -> int:
        first, time_us = moment.size, moment.time_us
        time_text = rfc3339(time_us)
        randomness = self._random(sum([32 + 32 * len(draft.lines) for draft, _ in given]))
        at = 0
        entries: list[bytes] = []
        by_rule: dict[int, list[_Opened]] = {}
        for place, (draft, actor) in enumerate(given):
            detail, kind = draft.detail, draft.kind
            lines: list[tuple[bytes, bytes]] = []
            hashes: list[bytes] = []
            for line in draft.lines:
                salt = randomness[at : at + 32]
                at += 32
                lines.append((salt, line))
                # As line_hash does; a call for each record would cost as much again.
                hashes.append(b2a_base64(sha256(salt + line).digest(), newline=False))
            r = randomness[at : at + 32]
            at += 32
            if isinstance(detail, Filled):
                form, count, op, sets = detail
                plain = form % (count, op, b'","'.join(hashes), sets, time_text.encode("ascii"))
            else:
                detail["kind"] = kind
                detail["time"] = time_text
                if lines:
                    detail["records"] = [one.decode("ascii") for one in hashes]
                plain = canonical(detail)
            committed = commitment(r, plain)
            entries.append(
                entry_bytes(
                    kind=kind,
                    time_us=time_us,
                    commitment=committed,
                    actor_tag=self._actor_tag(actor)(committed),
                    subject_tags=[tag(key, committed) for key in draft.subject_keys],
                    binding=draft.binding,
                )
            )
            by_rule.setdefault(KINDS[kind].rule, []).append((place, r, plain, lines))
        return self._store(tx, moment, first, entries, by_rule)

    def _store(
        self,
        tx: Transaction,
        moment: Moment,
        first: int,
        entries: list[bytes],
        by_rule: dict[int, list[_Opened]],
    ) -> int:
        frontier = moment.frontier
        if len(entries) == 1:
            frontier.append(leaf_hash(entries[0]))
        else:
            frontier.extend(leaf_hashes(entries))
        root = frontier.root()
        size = frontier.size
        keep = size // _FRONTIER_EVERY > first // _FRONTIER_EVERY
        mac = notes.batch_mac(self._mac_key, self.origin(moment.gen), first, len(entries), root)
        tx.append_batch(
            LogBatch(
                self.shard,
                moment.gen,
                first,
                len(entries),
                moment.root,
                root,
                frontier.to_bytes() if keep else None,
                pack_entries(entries),
                mac,
                moment.time_us,
            ),
            [
                LogDetail(self.shard, moment.gen, first, rule, pack_rows(by_rule[rule]))
                for rule in sorted(by_rule)
            ],
        )
        moment.size, moment.root = size, root
        moment.written = Head(moment.gen, first, len(entries), root, mac, moment.time_us)
        return first

    def committed(self, moment: Moment) -> None:
        """Remember where the log stands, once the transaction of ``moment`` committed."""
        if moment.written is not None:
            self._unsigned += moment.written.n
            self._own[moment.written.first_seq] = moment.written
            self._known = (moment.written, moment.frontier)

    # Signing

    @property
    def due(self) -> bool:
        """Whether enough was appended since the last checkpoint for another one."""
        return self._unsigned >= CHECKPOINT_EVERY

    @property
    def unsigned(self) -> bool:
        """Whether this process appended anything that it has not signed yet."""
        return self._unsigned > 0

    def sign(self, store: Store) -> Checkpoint | None:
        """Sign the newest committed size and root, after checking all since the last signature.

        The last signed size and root lie in the key store, so that a shortened
        or replaced log is never signed: the entries in between are hashed anew
        and every batch's mac is checked.

        Returns:
            The checkpoint, or None for an empty log.

        Raises:
            IntegrityError: ``integrity.below_signed``, ``integrity.root`` or ``log.mac``.
        """
        head = store.head(self.shard)
        if head is None:
            return None
        origin = self.origin(head.gen)
        with self._keys.signing(origin) as signing:
            if self._keys.last_signed(self.origin(head.gen + 1)) is not None:
                # A later generation was opened: this one is over, whoever put its rows back.
                raise LogError("log.ended", where=origin)
            # Read again under the key store's lock: another process may have signed further.
            head = store.head(self.shard) or head
            size = head.first_seq + head.n
            last = signing.last
            frontier = Frontier() if last is None else Frontier.from_bytes(last.frontier)
            if last is not None and (frontier.size != last.size or frontier.root() != last.root):
                raise IntegrityError("integrity.below_signed", where=origin, index=last.size)
            if size < frontier.size:
                raise IntegrityError("integrity.below_signed", where=origin, index=frontier.size)
            frontier = self._extended(store, head, frontier)
            signing.store(size, head.root, frontier.to_bytes())
        note = notes.sign(notes.Checkpoint(origin, size, head.root), self._keys.signing_seed)
        row = Checkpoint(self.shard, head.gen, size, head.root, note)
        with store.transaction() as tx:
            tx.add_checkpoint(row)
        self._unsigned = 0
        self._own.clear()
        return row

    def _extended(self, reader: Reader, head: Head, signed: Frontier) -> Frontier:
        """The frontier at the head, once every batch since the last signature was looked at."""
        frontier = signed.copy()
        try:
            self._extend(reader, head, frontier)
        except IntegrityError:
            if not self._own:
                raise
            # Once more, trusting nothing that is remembered: that names the first bad batch.
            self._own.clear()
            frontier = signed.copy()
            self._extend(reader, head, frontier)
        return frontier

    def _extend(self, reader: Reader, head: Head, frontier: Frontier) -> None:
        """Add the entries up to the head, of batches that carry the right mac and lead to the right root.

        A batch that this process wrote has both when its row still says what was
        written; its entries are hashed all the same, and the root behind it tells.
        """
        origin, root, at = self.origin(head.gen), frontier.root(), frontier.size
        leaves: list[bytes] = []
        for batch in reader.batches(self.shard, head.gen, start=at, stop=head.first_seq + head.n):
            if batch.first_seq + batch.n <= at:
                continue
            if batch.first_seq != at:
                raise IntegrityError("integrity.sequence", where=origin, index=at)
            entries = unpack_entries(batch.entries)
            if len(entries) != batch.n or batch.prev_root != root:
                raise IntegrityError("integrity.root", where=origin, index=at)
            leaves += leaf_hashes(entries)
            root = batch.root
            written = Head(batch.gen, at, batch.n, root, batch.mac, batch.created_us)
            if self._own.get(at) != written:
                self._check_mac(batch)
                frontier.extend(leaves)
                leaves.clear()
                if frontier.root() != root:
                    raise IntegrityError("integrity.root", where=origin, index=at)
            at += batch.n
        frontier.extend(leaves)
        if frontier.root() != head.root or frontier.size != head.first_seq + head.n:
            raise IntegrityError("integrity.root", where=origin, index=head.first_seq)
