"""What a restore makes ready beside the archive: rows of the backup, and entries on what became of them."""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Sequence
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Final

import attrs

from muniment.archive._opened import Archive
from muniment.archive._places import DATABASE
from muniment.backup import Manifest
from muniment.errors import IntegrityError, KeyStoreError, MunimentError
from muniment.keys import KeyStore, Signed
from muniment.log import checkpoint as notes
from muniment.log.binding import binding
from muniment.model import rfc3339
from muniment.session import Acting
from muniment.session.kernel.engine import SHARD
from muniment.session.kernel.logbook import Draft, Logbook, Moment
from muniment.session.kernel.reasons import put_reason
from muniment.session.rebuild import rebuild_data
from muniment.session.rights.disposing import Disposed, dispose_again
from muniment.session.rights.holding import hold_again
from muniment.store import Head, Reader, Transaction
from muniment.stores.sqlite import SqliteStore
from muniment.verify import Lost

__all__ = ["Behind", "Requested", "Staged", "advance", "compare", "stage"]

_RECOVERY: Final = "backup.restore"


@attrs.frozen
class Requested:
    """Who restores, why and through what; None leaves it to the backup's configuration."""

    actor: str | None = None
    purpose: str | None = None
    auth: str = "asserted"
    program: str = "python"
    reason: str | None = None


@attrs.frozen
class Behind:
    """How a backup stands to what was signed and written since.

    Attributes:
        lost: the entries that it lacks.
        note: the newest checkpoint that was ever signed; empty where there was none.
        gen: the generation that the log goes on in where entries are lost.
        keys_older: whether the key store lacks what the backup has, so that nobody knows what was signed.
    """

    lost: tuple[Lost, ...]
    note: str
    gen: int
    keys_older: bool = False


@attrs.frozen
class Staged:
    """What was made ready.

    Attributes:
        origin: of the generation that the log goes on in.
        size: entries in it.
        disposed: what was disposed of again.
        held: how many holds were placed again.
    """

    origin: str
    size: int
    disposed: Disposed
    held: int


# What would be lost


def compare(backup: Path, keys: KeyStore, book: Logbook, present: Reader | None) -> Behind:
    """Which entries a backup lacks of those that were signed, or that are there now.

    Args:
        backup: its folder, verified.
        keys: know what was signed last, of each generation.
        book: names the generations.
        present: the rows that are there now, if they can be read.

    Raises:
        IntegrityError: ``integrity.fork`` where the backup is of another log than was signed.
    """
    store = SqliteStore(backup / DATABASE, read_only=True)
    try:
        head = store.head(SHARD)
        assert head is not None  # it was verified
        newest = store.last_checkpoint(SHARD, head.gen)
    finally:
        store.close()
    size = head.first_seq + head.n
    signed = _signed(book, keys, head.gen)
    own = signed.get(head.gen)
    if newest is not None and newest.size > (0 if own is None else own.size):
        return Behind((), newest.note, max(signed, default=head.gen) + 1, keys_older=True)
    if own is not None and own.size == size and own.root != head.root:
        raise IntegrityError("integrity.fork", where=book.origin(head.gen), index=size)
    ends = {gen: one.size for gen, one in signed.items()}
    there = None if present is None else _head(present)
    if there is not None and there.gen >= head.gen:
        ends[there.gen] = max(ends.get(there.gen, 0), there.first_seq + there.n)
    kept = {head.gen: size}
    lost = [
        Lost(book.origin(gen), kept.get(gen, 0), end - 1)
        for gen, end in sorted(ends.items())
        if end > kept.get(gen, 0)
    ]
    return Behind(tuple(lost), _newest_note(book, keys, signed), max(ends, default=head.gen) + 1)


def _signed(book: Logbook, keys: KeyStore, first: int) -> dict[int, Signed]:
    found: dict[int, Signed] = {}
    for gen in count(first):
        last = keys.last_signed(book.origin(gen))
        if last is None:
            break
        found[gen] = last
    return found


def _newest_note(book: Logbook, keys: KeyStore, signed: dict[int, Signed]) -> str:
    """The newest checkpoint that was signed, made once more: Ed25519 gives the same bytes again."""
    if not signed:
        return ""
    gen = max(signed)
    statement = notes.Checkpoint(book.origin(gen), signed[gen].size, signed[gen].root)
    return notes.sign(statement, keys.signing_seed)


def _head(reader: Reader) -> Head | None:
    try:
        return reader.head(SHARD)
    except MunimentError:
        return None  # broken rows: nobody can say what is in them


def advance(keys: KeyStore, database: Path) -> None:
    """Let no slot that the rows name be given again by a key store that was itself put back from a copy."""
    store = SqliteStore(database, read_only=True)
    try:
        highest = max(row.slot for rows in (store.facets(SHARD), store.subjects(SHARD)) for row in rows)
    finally:
        store.close()
    try:
        keys.destroyed([highest])
    except KeyStoreError as error:
        if error.code == "key.unknown":
            keys.advance(highest)
        elif error.code != "key.reserved":
            raise


# Making it ready


def stage(archive: Archive, requested: Requested, manifest: Manifest, behind: Behind) -> Staged:
    """Write down what is being done, dispose again of what was erased since, and make lists and indexes anew.

    Args:
        archive: opened over a copy of the backup's rows.
        requested: who restores.
        manifest: of the backup.
        behind: what is given up.

    Raises:
        AccessDenied: ``access.*``: by the users of the backup.
    """
    engine = archive.engine
    engine.refresh()
    who = engine.actor(requested.actor or archive.applied.actor, auth=requested.auth)
    engine.policy.require(who, "backup.restore")
    purpose = engine.policy.require_purpose(requested.purpose or archive.applied.purpose)
    acting = Acting(who, purpose, requested.program)
    op = engine.new_id()
    with archive.store.transaction() as tx:
        moment = engine.logbook.begin(tx)
        if behind.lost or behind.keys_older:
            moment = _continue(archive, tx, acting, op, behind)
        draft = _draft(archive, tx, moment, acting, op, manifest, requested.reason)
        engine.logbook.append(tx, moment, [draft], actor=who.id)
    engine.logbook.committed(moment)
    engine.forget_definitions()
    disposed = dispose_again(engine, acting, op)
    held = hold_again(engine, acting, op)
    rebuild_data(engine, acting)
    head = archive.store.head(SHARD)
    assert head is not None  # it was just written to
    return Staged(engine.logbook.origin(head.gen), head.first_seq + head.n, disposed, held)


def _continue(archive: Archive, tx: Transaction, acting: Acting, op: bytes, behind: Behind) -> Moment:
    """Begin a new generation; its first entry names what was signed before, and what of it is lost."""
    engine = archive.engine
    moment = engine.logbook.begin_generation(tx, behind.gen)
    target: dict[str, object] = {}
    if behind.lost:
        target["lost"] = [one.text for one in behind.lost]
    if behind.note:
        target["checkpoint"] = behind.note
    if behind.keys_older:
        target["keys_older"] = True
    bound = sha256(behind.note.encode("utf-8")).digest() if behind.note else None
    draft = Draft("log.continue", engine.detail(acting, op, target=target), binding=bound)
    engine.logbook.append(tx, moment, [draft], actor=acting.actor.id)
    return moment


def _draft(
    archive: Archive,
    tx: Transaction,
    moment: Moment,
    acting: Acting,
    op: bytes,
    manifest: Manifest,
    reason: str | None,
) -> Draft:
    engine = archive.engine
    target = {
        "made": rfc3339(manifest.made_us),
        "manifest": _b64(sha256(manifest.encode()).digest()),
        "origin": manifest.origin,
        "size": manifest.size,
    }
    loose: Sequence[bytes] = ()
    if reason:
        loose = (put_reason(engine, tx, moment, engine.archive, reason, seq=moment.size),)
    detail = engine.detail(acting, op, target=target, reason=_b64(loose[0]) if loose else None)
    return Draft(_RECOVERY, detail, binding=binding((), loose))


def _b64(data: bytes) -> str:
    return b2a_base64(data, newline=False).decode("ascii")
