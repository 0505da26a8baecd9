"""Puts a backup in place of an archive's data, under today's keys; finishes or undoes one that was cut short.

Everything is made ready beside the archive first: the backup's rows, the erasures
that it does not know, the entries that say so. Then a note says that it is ready,
and the rest can be done twice. ``formats/durable-steps.md`` has the order.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Final

import attrs

from muniment import config, verify
from muniment.archive._opened import Archive
from muniment.archive._places import DATABASE, RESTORING, UNSEALED, default_key_file
from muniment.archive._staging import Behind, Requested, Staged, advance, compare, stage
from muniment.backup import Manifest, Progress, Steps, no_step, read_manifest, verify_backup
from muniment.backup.folder import copy_file, file_path
from muniment.config import Configuration
from muniment.errors import IntegrityError, KeyStoreError, StoreError
from muniment.files import sync_folder, write_atomically
from muniment.keys import ArchiveLock, KeyFile, KeyStore, Root
from muniment.model import Clock, Random, id_text, system_clock
from muniment.schema import category_of_group
from muniment.session.kernel.engine import SHARD
from muniment.session.kernel.logbook import Logbook
from muniment.session.rights.disposing import Disposed
from muniment.stores.copying import Exclusive, exclusive
from muniment.stores.sqlite import SqliteStore
from muniment.verify import Lost

__all__ = ["Restored", "restore", "settle"]

_READY: Final = "ready"


@attrs.frozen
class Restored:
    """What a restore did.

    Attributes:
        manifest: of the backup.
        origin: of the generation that the log goes on in.
        size: entries in it now.
        lost: entries that were given up.
        disposed: what was erased since the backup was made, and is gone again.
        files: attached files that were put back.
        held: holds that the backup does not know, and that are in place again.
    """

    manifest: Manifest
    origin: str
    size: int
    lost: tuple[Lost, ...]
    disposed: Disposed
    files: int
    held: int = 0


def restore(
    backup: str | Path,
    folder: str | Path,
    *,
    root: Root | None = None,
    accept_loss: bool = False,
    actor: str | None = None,
    purpose: str | None = None,
    auth: str = "asserted",
    program: str = "python",
    reason: str | None = None,
    clock: Clock = system_clock,
    random: Random = os.urandom,
    progress: Progress | None = None,
    step: Steps = no_step,
) -> Restored:
    """Replace an archive's records, log and attached files by those of a backup, keeping its keys.

    Args:
        backup: the folder of the backup, a sealed one, or ``s3://bucket/prefix/name``.
        folder: the archive's, with ``keys.db`` and ``slots/``; its data may be gone or broken.
        root: opens the keys; by default the key file where ``create`` put it.
        accept_loss: give up entries that were signed, or that are there now, but are not in the backup; the
            log then goes on in a new generation that says so.
        actor: a login that the backup knows; by default the one in its configuration.
        purpose: why, a W3C DPV term; by default the one in the configuration.
        auth: how we know who it is.
        program: through what.
        reason: a person's own words; sealed.
        clock: for tests.
        random: for tests.
        progress: told about progress.
        step: for tests.

    Raises:
        IntegrityError: the backup is not what was made, or ``backup.loss`` where entries would be lost.
        KeyStoreError: ``backup.keys_older`` where the keys are older than the backup; as opening raises.
        StoreError: ``store.in_use`` where another process has the archive open.
        AccessDenied: the actor may not restore.
    """
    path = Path(folder)
    requested = Requested(actor, purpose, auth, program, reason)
    source = Path(backup)
    if not source.is_dir():
        return _restore_sealed(
            str(backup),
            path,
            root=root,
            accept_loss=accept_loss,
            actor=actor,
            purpose=purpose,
            auth=auth,
            program=program,
            reason=reason,
            clock=clock,
            random=random,
            progress=progress,
            step=step,
        )
    manifest = read_manifest(source)
    settings = _settings(source, path)
    if manifest.archive != settings.archive:
        raise IntegrityError("backup.other_archive", where=str(source), name=id_text(manifest.archive))
    with ExitStack() as held:
        held.enter_context(ArchiveLock(path, act="restore"))
        opened = KeyStore.open(path, settings.archive, root or _usual(settings), clock=clock, random=random)
        keys = held.enter_context(opened)
        settle(path, keys, settings, clock=clock, step=step)
        book = Logbook(settings.archive, settings.origin, keys, clock=clock, random=random, shard=SHARD)
        verify_backup(
            source,
            archive=settings.archive,
            origin=settings.origin,
            key=book.verifier_key(),
            secrets=verify.Secrets(keys.log_mac_key),
            progress=progress,
        )
        step("restore: verified")
        present = _present(held, path / DATABASE)
        behind = compare(source, keys, book, None if present is None else present.reader)
        _refuse_loss(behind, book, accept_loss)
        work = path / RESTORING
        work.mkdir(mode=0o700)
        try:
            staged, files = _make_ready(
                source, path, keys, settings, requested, manifest, behind, clock, random, progress, step
            )
        except BaseException:
            shutil.rmtree(work, ignore_errors=True)
            raise
        write_atomically(work / _READY, b"")
        step("restore: ready")
        _finish(path, keys, settings, present, clock=clock, step=step)
    return Restored(manifest, staged.origin, staged.size, behind.lost, staged.disposed, files, staged.held)


def _restore_sealed(backup: str, path: Path, *, root: Root | None, **options: Any) -> Restored:
    """Fetch and open a sealed backup beside the archive's own files, and restore from there."""
    from muniment.backup.sealing import unseal_backup
    from muniment.backup.targets import place_of

    settings = config.read(path)
    root = root or _usual(settings)
    unsealed = path / UNSEALED
    shutil.rmtree(unsealed, ignore_errors=True)
    unsealed.mkdir(mode=0o700)
    try:
        file = Path(backup)
        if backup.startswith("s3://"):
            address, _, name = backup.rpartition("/")
            file = unsealed / "sealed"
            place_of(address).get(name, file)
        elif not file.is_file():
            raise StoreError("backup.none", where=backup)
        with KeyStore.open(path, settings.archive, root, read_only=True) as keys:
            secret = keys.archive_secret
        unseal_backup(file, unsealed / "backup", archive_secret=secret, archive=settings.archive)
        return restore(unsealed / "backup", path, root=root, **options)
    finally:
        shutil.rmtree(unsealed, ignore_errors=True)


def _settings(source: Path, path: Path) -> Configuration:
    """The archive's configuration, or the backup's where it was lost with the rest."""
    if (path / config.FILE_NAME).exists():
        return config.read(path)
    if not path.is_dir():
        raise StoreError("backup.no_archive", where=str(path))
    return config.read(source)


def _usual(settings: Configuration) -> Root:
    usual = default_key_file(settings.archive)
    if not usual.is_file():
        raise KeyStoreError("key.no_key_file", where=str(usual))
    return KeyFile(usual)


def _present(held: ExitStack, database: Path) -> Exclusive | None:
    """The rows that are there now, held alone; None where there are none that can be read."""
    if not database.exists():
        return None
    try:
        return held.enter_context(exclusive(database))
    except StoreError as error:
        if error.code in ("store.not_a_database", "store.corrupt"):
            return None
        raise


def _refuse_loss(behind: Behind, book: Logbook, accept_loss: bool) -> None:
    if accept_loss:
        return
    if behind.keys_older:
        raise KeyStoreError("backup.keys_older", where=book.origin(behind.gen - 1))
    if behind.lost:
        first = behind.lost[0]
        raise IntegrityError("backup.loss", where=first.origin, first=first.first, last=first.last)


def _make_ready(
    source: Path,
    path: Path,
    keys: KeyStore,
    settings: Configuration,
    requested: Requested,
    manifest: Manifest,
    behind: Behind,
    clock: Clock,
    random: Random,
    progress: Progress | None,
    step: Steps,
) -> tuple[Staged, int]:
    work = path / RESTORING
    copy_file(source / DATABASE, work, DATABASE)
    step("restore: copied")
    if not (path / config.FILE_NAME).exists():
        write_atomically(path / config.FILE_NAME, settings.text.encode("utf-8"))
    advance(keys, work / DATABASE)
    store = SqliteStore(work / DATABASE)
    try:
        archive = Archive(path, settings, store, keys, clock=clock, random=random, restoring=True)
        staged = stage(archive, requested, manifest, behind)
        step("restore: staged")
        files = _put_files(source, path, store, manifest)
        step("restore: files")
        with store.snapshot() as reader:
            # What is about to be put in place is what it says, all of it: nothing is undone after this.
            verify.check(
                reader,
                archive=settings.archive,
                origin_base=settings.origin,
                key=archive.verifier_key,
                secrets=verify.Secrets(keys.log_mac_key),
                files=path / "files",
                progress=progress,
            )
    finally:
        store.close()
    return staged, files


def _put_files(source: Path, path: Path, store: SqliteStore, manifest: Manifest) -> int:
    """Put the attached files in place under a second name each, as a write that attaches one does.

    What a crash leaves of them is settled at the next opening. One of a facet that is erased stays away.
    """
    gone = {(state.id, state.category) for state in store.states(SHARD)}
    erased = set()
    for row in store.files(SHARD) if gone else ():
        first = store.version(SHARD, row.record, 1)
        assert first is not None  # it was verified
        if gone & {(row.record, category_of_group(row.grp)), (row.record, 0), (first.subject, 0)}:
            erased.add(id_text(row.file))
    waiting = path / "files" / "new"
    waiting.mkdir(mode=0o700, parents=True, exist_ok=True)
    put = 0
    for item in manifest.items:
        name = item.path.rpartition("/")[2]
        place = path / item.path
        if not item.path.startswith("files/") or name in erased or _is(place, item.sha256):
            continue
        with suppress(FileNotFoundError):
            (waiting / name).unlink()
        copied = copy_file(source / item.path, waiting, name)
        if copied.sha256 != item.sha256:
            raise IntegrityError("backup.changed", where=str(source / item.path))
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            place.unlink()
        os.link(waiting / name, place)
        sync_folder(place.parent)
        put += 1
    sync_folder(waiting)
    return put


def _is(place: Path, sha256: bytes) -> bool:
    try:
        with place.open("rb") as reading:
            return hashlib.file_digest(reading, "sha256").digest() == sha256
    except OSError:
        return False


# Ending


def _finish(
    path: Path,
    keys: KeyStore,
    settings: Configuration,
    present: Exclusive | None,
    *,
    clock: Clock,
    step: Steps,
) -> None:
    """Sign what was made ready, put it in place and tidy up; each of it may be done twice."""
    work = path / RESTORING
    if (work / DATABASE).exists():
        store = SqliteStore(work / DATABASE)
        try:
            # From here on the generation before is over, and nobody signs for it any more.
            Logbook(settings.archive, settings.origin, keys, clock=clock, shard=SHARD).sign(store)
        finally:
            store.close()
        step("restore: signed")
        if present is not None:
            present.replace(work / DATABASE)
        else:
            for name in (f"{DATABASE}-wal", f"{DATABASE}-shm"):
                with suppress(FileNotFoundError):
                    (path / name).unlink()
            os.replace(work / DATABASE, path / DATABASE)
            sync_folder(path)
        step("restore: replaced")
    _sweep(path, present)
    step("restore: swept")
    shutil.rmtree(work)
    sync_folder(path)


def _sweep(path: Path, present: Exclusive | None) -> None:
    """Remove the attached files that no version names: they belong to what was given up."""
    if present is not None:
        named = {id_text(row.file) for row in present.reader.files(SHARD)}
    else:
        store = SqliteStore(path / DATABASE, read_only=True)
        try:
            named = {id_text(row.file) for row in store.files(SHARD)}
        finally:
            store.close()
    files = path / "files"
    for place in sorted(files.glob("??/*")):
        if place.name not in named or place.parent != (path / file_path(place.name)).parent:
            place.unlink()
    for waiting in sorted(files.glob("new/*")):
        waiting.unlink()


def settle(
    path: Path, keys: KeyStore, settings: Configuration, *, clock: Clock, step: Steps = no_step
) -> None:
    """Finish a restore that was ready when it was cut short, and undo one that was not.

    Args:
        path: the archive's folder.
        keys: its key store.
        settings: its configuration.
        clock: microseconds since 1970.
        step: for tests.

    Raises:
        KeyStoreError: ``key.locked`` where one is going on.
    """
    work = path / RESTORING
    if not work.exists():
        return
    with ExitStack() as held:
        held.enter_context(ArchiveLock(path, act="restore"))
        if (work / _READY).exists():
            _finish(path, keys, settings, _present(held, path / DATABASE), clock=clock, step=step)
        elif work.exists():
            shutil.rmtree(work)
