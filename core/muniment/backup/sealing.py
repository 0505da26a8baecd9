"""A backup as one sealed file: a tar of its folder, sealed like an attached file, under a key of its own.

The key comes from the archive's own secret in the key store, so today's keys open
every sealed backup, and there is no further key to lose. The form is in
``formats/backups.md``.
"""

from __future__ import annotations

import re
import shutil
import struct
import tarfile
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import attrs

from muniment.backup.manifest import MANIFEST, Manifest, read_manifest
from muniment.errors import IntegrityError
from muniment.files import sync_folder
from muniment.keys import derive
from muniment.model import Random, id_text, instant
from muniment.seal import open_file, seal_file

__all__ = ["Sealed", "name_of", "parse_names", "seal_backup", "unseal_backup"]

_MARK: Final = b"\x42\x01"
_HEAD: Final = struct.Struct(">2s16s16s")
_TYPE: Final = 14
_FIELD: Final = 1
_SLOT: Final = 4
_NAME: Final = re.compile(
    r"muniment-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})-(\d{8}T\d{6}Z)-(\d+)\.sealed", re.ASCII
)


@attrs.frozen
class Sealed:
    """A sealed backup by its name; what the name says counts for nothing until it was opened.

    Attributes:
        name: of the file.
        made: when.
        size: entries of the log in it.
    """

    name: str
    made: datetime
    size: int


def name_of(manifest: Manifest) -> str:
    """What a sealed backup is called."""
    made = instant(manifest.made_us)
    return f"muniment-{id_text(manifest.archive)}-{made:%Y%m%dT%H%M%SZ}-{manifest.size}.sealed"


def parse_names(names: Iterable[str], archive: bytes) -> list[Sealed]:
    """The sealed backups of an archive among names, oldest first; others are passed over."""
    found = []
    for name in names:
        parts = _NAME.fullmatch(name)
        if parts is not None and parts[1] == id_text(archive):
            made = datetime.strptime(parts[2], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
            found.append(Sealed(name, made, int(parts[3])))
    return sorted(found, key=lambda one: (one.made, one.name))


def seal_backup(folder: Path, target: Path, *, archive_secret: bytes, archive: bytes, random: Random) -> None:
    """Seal the folder of a backup into one file.

    Args:
        folder: of the backup.
        target: a new file.
        archive_secret: 32 bytes.
        archive: 16 bytes.
        random: gives so many random bytes.
    """
    backup = random(16)
    packed = target.with_name(f".{target.name}.tar")
    manifest = read_manifest(folder)
    try:
        with tarfile.open(packed, "x", format=tarfile.PAX_FORMAT) as tar:
            for path in (MANIFEST, *(one.path for one in manifest.items)):
                tar.add(folder / path, arcname=path, recursive=False, filter=_plain)
        with packed.open("rb") as source, target.open("xb") as sealed:
            sealed.write(_HEAD.pack(_MARK, archive, backup))
            seal_file(
                source,
                sealed,
                data_key=derive.backup_key(archive_secret, archive, backup),
                archive=archive,
                type_number=_TYPE,
                subject=archive,
                record=backup,
                field=_FIELD,
                file=backup,
                facet_slot=_SLOT,
                subject_slot=_SLOT,
                random=random,
            )
    finally:
        with suppress(OSError):
            packed.unlink()


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Who owns the files on this machine is nobody's business."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode = 0o600
    return member


def unseal_backup(file: Path, folder: Path, *, archive_secret: bytes, archive: bytes) -> Manifest:
    """Open a sealed backup into a new folder.

    Args:
        file: the sealed backup.
        folder: not there yet.
        archive_secret: 32 bytes.
        archive: 16 bytes; a backup of another archive is refused.

    Raises:
        IntegrityError: ``backup.sealed`` for anything that was not sealed so; then no folder is left.
    """
    packed = folder.with_name(f".{folder.name}.tar")
    folder.mkdir(mode=0o700)
    try:
        with file.open("rb") as source, packed.open("xb") as opened:
            mark, owner, backup = _HEAD.unpack(source.read(_HEAD.size))
            if mark != _MARK or owner != archive:
                raise IntegrityError("backup.sealed", where=str(file))
            open_file(
                source,
                opened,
                data_key=derive.backup_key(archive_secret, archive, backup),
                archive=archive,
                type_number=_TYPE,
                subject=archive,
                record=backup,
                field=_FIELD,
                file=backup,
            )
        _unpack(packed, folder)
        return read_manifest(folder)
    except (struct.error, tarfile.TarError, IntegrityError, ValueError):
        shutil.rmtree(folder, ignore_errors=True)
        raise IntegrityError("backup.sealed", where=str(file)) from None
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    finally:
        with suppress(OSError):
            packed.unlink()


def _unpack(packed: Path, folder: Path) -> None:
    """Write out the plain files that the manifest, which comes first, names; anything else is refused."""
    with tarfile.open(packed, "r:") as tar:
        allowed: set[str] = {MANIFEST}
        for member in tar:
            if not member.isreg() or member.name not in allowed:
                raise ValueError
            content = tar.extractfile(member)
            assert content is not None  # it is a plain file
            target = folder / member.name
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with target.open("xb") as writing:
                shutil.copyfileobj(content, writing, 1 << 20)
            if member.name == MANIFEST:
                allowed = {one.path for one in read_manifest(folder).items}
    sync_folder(folder)
