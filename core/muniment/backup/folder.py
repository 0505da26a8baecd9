"""A backup as a folder: written under a working name, verified, and only then given its own."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import attrs

from muniment import verify
from muniment.backup.manifest import CONFIGURATION, DATABASE, MANIFEST, Item, Manifest, read_manifest
from muniment.errors import IntegrityError, MunimentError, StoreError
from muniment.files import sync_folder, write_atomically
from muniment.log.checkpoint import VerifierKey
from muniment.model import id_text
from muniment.store import Reader, Store
from muniment.stores.sqlite import SqliteStore

__all__ = [
    "Progress",
    "Source",
    "Steps",
    "copy_file",
    "file_path",
    "make_backup",
    "no_step",
    "verify_backup",
    "working_name",
]

_SHARD: Final = 0
_BLOCK: Final = 1 << 20

Progress = Callable[[int, int], None]
"""Told how many of how many are done."""

Steps = Callable[[str], None]
"""Called with a name at each durable step; tests stop there."""


def no_step(name: str) -> None:
    """Nobody listens for durable steps outside the tests."""


@attrs.frozen
class Source:
    """What is backed up.

    Attributes:
        store: the archive's rows.
        folder: the archive's folder, with its configuration and attached files.
        archive: the archive's identifier, 16 bytes.
        origin: of the log, without shard and generation.
        key: checks the log's checkpoints.
    """

    store: Store
    folder: Path
    archive: bytes
    origin: str
    key: VerifierKey


def file_path(file: str) -> str:
    """Where a backup and an archive keep the sealed bytes of a file, by its identifier."""
    return f"files/{file[-2:]}/{file}"


def working_name(target: Path) -> Path:
    """What a backup is called until it is whole."""
    return target.with_name(f".{target.name}.making")


def make_backup(
    source: Source,
    target: Path,
    *,
    made_us: int,
    inside: bool = False,
    progress: Progress | None = None,
    step: Steps = no_step,
) -> tuple[Manifest, verify.Report]:
    """Write a backup into a new folder, read it back, and verify it as an auditor would, without keys.

    The caller holds the archive's lock, so that no file named by the copy is erased meanwhile; others
    may go on reading and writing.

    Args:
        source: what is backed up.
        target: a folder that is not there, or is empty; outside the archive's folder.
        made_us: the time that the manifest states.
        inside: the target may lie in the archive's folder: a working copy that is sealed and removed.
        progress: told how many of how many pages, then files, are done.
        step: for tests.

    Raises:
        StoreError: ``store.folder_used``, ``backup.inside``, or it cannot be written; then nothing is left.
        IntegrityError: the archive itself does not verify.
    """
    if not inside and target.resolve().is_relative_to(source.folder.resolve()):
        raise StoreError("backup.inside", where=str(target))
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise StoreError("store.folder_used", where=str(target))
    making = working_name(target)
    try:
        with suppress(FileNotFoundError):
            shutil.rmtree(making)
        making.mkdir(mode=0o700, parents=True)
        step("backup: begun")
        items = list(_copy(source, making, progress, step))
        manifest = _describe(source, making, items, made_us)
        write_atomically(making / MANIFEST, manifest.encode())
        step("backup: written")
        report = verify_backup(
            making, archive=source.archive, origin=source.origin, key=source.key, progress=progress
        )
        step("backup: verified")
        making.replace(target)
        sync_folder(target.parent)
    except OSError as error:
        _discard(making)
        raise StoreError("store.cannot_write", where=str(error.filename or target)) from None
    except MunimentError:
        _discard(making)
        raise
    step("backup: named")
    return manifest, report


def _discard(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


def _copy(source: Source, making: Path, progress: Progress | None, step: Steps) -> Iterator[Item]:
    source.store.copy_to(making / DATABASE, progress=progress)
    step("backup: rows")
    yield _item(making, DATABASE)
    yield copy_file(source.folder / CONFIGURATION, making, CONFIGURATION)
    copy = SqliteStore(making / DATABASE, read_only=True)
    try:
        named = sorted(id_text(row.file) for row in copy.files(_SHARD))
    finally:
        copy.close()
    folders = set()
    for done, file in enumerate(named, start=1):
        place = source.folder / file_path(file)
        # Of a file that was erased only its row and its gap are left.
        if place.exists():
            yield copy_file(place, making, file_path(file))
            folders.add((making / file_path(file)).parent)
        if progress is not None:
            progress(done, len(named))
    for folder in sorted(folders):
        sync_folder(folder)
    if folders:
        sync_folder(making / "files")
        step("backup: files")


def copy_file(place: Path, folder: Path, path: str) -> Item:
    """Copy one file into a folder durably, hashing what goes by; the caller syncs the folder's names."""
    target = folder / path
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    hasher, size = hashlib.sha256(), 0
    with place.open("rb") as reading, open(target, "xb", opener=_private) as writing:
        while block := reading.read(_BLOCK):
            hasher.update(block)
            writing.write(block)
            size += len(block)
        writing.flush()
        os.fsync(writing.fileno())
    return Item(path, size, hasher.digest())


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _item(folder: Path, path: str) -> Item:
    hasher = hashlib.sha256()
    with (folder / path).open("rb") as reading:
        while block := reading.read(_BLOCK):
            hasher.update(block)
        return Item(path, reading.tell(), hasher.digest())


def _describe(source: Source, making: Path, items: list[Item], made_us: int) -> Manifest:
    copy = SqliteStore(making / DATABASE, read_only=True)
    try:
        head = copy.head(_SHARD)
        if head is None:
            raise IntegrityError("backup.empty", where=str(source.folder))
        signed = copy.last_checkpoint(_SHARD, head.gen)
    finally:
        copy.close()
    return Manifest(
        source.archive,
        made_us,
        f"{source.origin}/{_SHARD}.{head.gen}",
        head.first_seq + head.n,
        head.root,
        "" if signed is None else signed.note,
        tuple(sorted(items, key=lambda one: one.path)),
    )


def verify_backup(
    folder: Path,
    *,
    archive: bytes,
    origin: str,
    key: VerifierKey | None,
    secrets: verify.Secrets | None = None,
    trusted: tuple[str, ...] = (),
    progress: Progress | None = None,
) -> verify.Report:
    """Check a backup: every file against the manifest, and everything in it as ``log verify`` does.

    Args:
        folder: of the backup.
        archive: the archive that it must be of, 16 bytes.
        origin: of its log, without shard and generation.
        key: the log's verifier key, from elsewhere than the backup; None where nobody has one.
        secrets: checks the macs of the log's batches as well.
        trusted: checkpoints kept elsewhere, as signed notes.
        progress: told about progress.

    Returns:
        What was found sound.

    Raises:
        StoreError: ``backup.none``.
        IntegrityError: ``backup.*`` for a file that is missing, too many or not as written; ``integrity.*``
            for what is inside.
    """
    manifest = read_manifest(folder)
    if manifest.archive != archive:
        raise IntegrityError("backup.other_archive", where=str(folder), name=id_text(manifest.archive))
    _check_files(folder, manifest)
    store = SqliteStore(folder / DATABASE, read_only=True)
    try:
        with store.snapshot() as reader:
            report = verify.check(
                reader,
                archive=archive,
                origin_base=origin,
                key=key,
                trusted=trusted,
                secrets=secrets,
                files=folder / "files",
                progress=progress,
            )
            _check_inside(reader, folder, archive)
    finally:
        store.close()
    if (report.origin, report.size, report.root) != (manifest.origin, manifest.size, manifest.root.hex()):
        raise IntegrityError("backup.manifest", where=str(folder / MANIFEST))
    return report


def _check_inside(reader: Reader, folder: Path, archive: bytes) -> None:
    """The copy is of this archive, and holds nothing that can be rebuilt: values stand there in clear."""
    if reader.subject(_SHARD, archive) is None:
        raise IntegrityError("backup.other_archive", where=str(folder), name=id_text(archive))
    if next(reader.currents(_SHARD), None) is not None or next(reader.tokens(_SHARD), None) is not None:
        raise IntegrityError("backup.rebuildable", where=str(folder / DATABASE))


def _check_files(folder: Path, manifest: Manifest) -> None:
    listed = {one.path: one for one in manifest.items}
    found = set()
    for base, _, names in os.walk(folder):
        for name in names:
            path = (Path(base) / name).relative_to(folder).as_posix()
            if path != MANIFEST and path not in listed:
                raise IntegrityError("backup.stray", where=str(folder / path))
            found.add(path)
    for path, item in listed.items():
        if path not in found:
            raise IntegrityError("backup.missing", where=str(folder / path))
        if _item(folder, path) != item:
            raise IntegrityError("backup.changed", where=str(folder / path))
