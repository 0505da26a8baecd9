"""Attached files: sealed beside the records, named by a version, written down when they are read.

A file is written and synced before the transaction that names it. Until that
is committed a second name for it stands in ``files/new``; what is left there by
an interrupted write is settled at the next opening, so nobody has to look
through all files.
"""

from __future__ import annotations

import contextlib
import mimetypes
import os
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Final

from muniment.errors import AccessDenied, Conflict, MunimentError, NotFound, StoreError, UsageError
from muniment.files import sync_folder
from muniment.model import FileRef, id_bytes, id_text
from muniment.schema import Field, RecordType, category_of_group
from muniment.seal import open_file, read_file_header, seal_file
from muniment.session.approval.asking import approve_file
from muniment.session.kernel.acting import Acting
from muniment.session.kernel.builtins import rules_of
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.kernel.logbook import Moment
from muniment.session.kernel.reach import reached_by
from muniment.session.kernel.standing import ANY, pass_gates
from muniment.session.reading.reads import (
    choose_visible,
    definition_of,
    disclosure,
    load,
    may_read,
    open_loaded,
    plan_of,
    stand,
    view_of,
)
from muniment.session.writing.approving import Sanction
from muniment.session.writing.writes import Change, Saved, sole, write
from muniment.store import Transaction, Version

__all__ = ["attach_file", "file_place", "read_bytes", "read_file", "remove_orphans"]

_ORPHAN_SECONDS: Final = 3600
"""What stands in ``files/new`` may belong to a write that is going on, unless it is as old as this."""


def _waiting(folder: Path, file: str) -> Path:
    return folder / "files" / "new" / file


def file_place(folder: Path, file: str) -> Path:
    """Where the sealed bytes of a file lie: under the last two digits, which are random."""
    return folder / "files" / file[-2:] / file


def _file_field(record_type: RecordType, name: str, allowed: frozenset[str]) -> Field:
    field = record_type.field(name)
    if field is None or field.key not in allowed:
        raise NotFound("schema.unknown_field", where=record_type.key, name=name)
    if field.kind != "file":
        raise UsageError("usage.no_file_field", where=field.key)
    return field


def attach_file(
    engine: Engine,
    acting: Acting,
    record: bytes,
    field_name: str,
    path: Path | bytes,
    *,
    name: str | None = None,
    expected_version: int | None = None,
    reason: str | None = None,
    inside: str = "",
) -> Saved:
    """Seal a file and write a version that names it; the field's file before stays with its version.

    Args:
        engine: the opened archive.
        acting: who, why and through what.
        record: 16 bytes.
        field_name: key of a field of kind ``file``.
        path: the file; or its content, which then touches no disk in clear, and needs a ``name``.
        name: what it is called; by default its own name.
        expected_version: the version that was seen; a newer one is a conflict.
        reason: a person's own words; sealed.
        inside: for the framework's own modules: the kind of entry, for a field of a built-in type.

    Raises:
        StoreError: ``store.no_such_file``, or it cannot be stored; then nothing is left behind.
    """
    if isinstance(path, Path) and not path.is_file():
        raise StoreError("store.no_such_file", where=str(path))
    with engine.store.transaction(write=False) as tx:
        version = tx.version(SHARD, record)
        record_type = None if version is None else definition_of(engine, tx, version)
        newest = None if record_type is None else engine.definitions.by_number.get(record_type.number)
        reached = None
        if version is not None and newest is not None:
            reached = reached_by(engine, tx, acting, newest, version)
        facets = {facet.category: facet.slot for facet in tx.facets_of(SHARD, record)}
        owner = None if version is None else tx.subject(SHARD, version.subject)
    try:
        if version is None or newest is None or owner is None:
            raise NotFound("record.not_found")
        if not inside and not may_read(engine, acting, "record.read", newest, reached=reached):
            raise NotFound("record.not_found")
        if inside:
            engine.policy.require(acting.actor, rules_of(newest).write, newest.key)
            field = _file_field(newest, field_name, frozenset({field_name}))
        else:
            engine.policy.require(acting.actor, "record.update", newest.key, reached=reached)
            view = engine.policy.view(acting.actor, newest, reached=reached)
            field = _file_field(newest, field_name, view.writable)
    except (AccessDenied, NotFound) as error:
        engine.refused(acting, "record.update", error, record=id_text(record))
        raise
    called = name or (path.name if isinstance(path, Path) else "")
    granted, digest = approve_file(engine, acting, version, newest, field.key, path, called, reason=reason)
    category = category_of_group(field.seal_group)
    facet_slot = facets.get(category)
    given = {}
    if facet_slot is None:
        facet_slot = given[record, category] = engine.sealer.slots(1)[0]
    reference, hashed = _seal(engine, version, field, (owner.slot, facet_slot), path, called, expected=digest)
    change = Change(
        "update",
        record=record,
        values={field.key: reference},
        expected_version=expected_version,
        inside=bool(inside),
        kind=inside,
    )
    try:
        written = write(
            engine,
            acting,
            [change],
            reason=reason,
            files={reference.id: hashed},
            facets=given,
            sanction=Sanction(granted, aside=False),
        )
    except MunimentError:
        _forget(file_place(engine.folder, reference.id), _waiting(engine.folder, reference.id))
        raise
    _forget(_waiting(engine.folder, reference.id))
    return sole(written)


def _forget(*paths: Path) -> None:
    for path in paths:
        with contextlib.suppress(OSError):
            path.unlink()


def _seal(
    engine: Engine,
    version: Version,
    field: Field,
    slots: tuple[int, int],
    path: Path | bytes,
    name: str,
    *,
    expected: bytes = b"",
) -> tuple[FileRef, bytes]:
    file = engine.new_id()
    place = file_place(engine.folder, id_text(file))
    beside = _waiting(engine.folder, id_text(file))
    category = category_of_group(field.seal_group)
    try:
        for folder in (place.parent, beside.parent):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _source(path) as file_source, open(beside, "xb", opener=_private) as target:
            source = _Hashed(file_source)
            sealed = seal_file(
                source,  # type: ignore[arg-type]  # only read() is asked of it
                target,
                data_key=engine.sealer.data_key(*slots, version.record, category),
                archive=engine.archive,
                type_number=version.type,
                subject=version.subject,
                record=version.record,
                field=field.number,
                file=file,
                facet_slot=slots[1],
                subject_slot=slots[0],
                random=engine.random,
            )
            target.flush()
            os.fsync(target.fileno())
        if expected and source.hash.digest() != expected:
            _forget(beside)
            # It was another file when somebody approved it.
            raise Conflict("approval.file", where=name)
        os.link(beside, place)
        sync_folder(beside.parent)
        sync_folder(place.parent)
    except OSError:
        _forget(place, beside)
        raise StoreError("store.cannot_write", where=str(place)) from None
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return FileRef(id_text(file), name, kind, sealed.size), sealed.hash


def _source(path: Path | bytes) -> BinaryIO:
    return path.open("rb") if isinstance(path, Path) else BytesIO(path)


class _Hashed:
    """A file that is hashed while it is read."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self.hash = sha256()

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        data = self._source.read(size)
        self.hash.update(data)
        return data


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def read_file(
    engine: Engine,
    acting: Acting,
    record: bytes,
    field_name: str,
    target: Path,
    *,
    version: int | None = None,
    inside: bool = False,
) -> FileRef:
    """Open an attached file into a new file, after its entry is in the log.

    Args:
        engine: the opened archive.
        acting: who, why and through what.
        record: 16 bytes.
        field_name: key of a field of kind ``file``.
        target: must not be there.
        version: an earlier version's file.
        inside: asked for by the framework itself, which decided that the actor may have it.

    Raises:
        NotFound: no such record, field or file for this actor; logged.
        IntegrityError: the sealed bytes are not what was sealed; then there is no target.
    """
    reference, field, chosen = _released(engine, acting, record, field_name, version, inside=inside)
    beside = target.with_name(f".muniment-{target.name}")
    try:
        with open(beside, "xb", opener=_private) as made:
            _open(engine, chosen, field, reference, made)
            made.flush()
            os.fsync(made.fileno())
        os.link(beside, target)
    except FileExistsError:
        raise StoreError("store.file_exists", where=str(target)) from None
    except OSError:
        raise StoreError("store.cannot_write", where=str(target)) from None
    finally:
        # What was opened before something went wrong must not stay.
        with contextlib.suppress(OSError):
            beside.unlink()
    return reference


def read_bytes(
    engine: Engine,
    acting: Acting,
    record: bytes,
    field_name: str,
    *,
    version: int | None = None,
    inside: bool = False,
) -> tuple[FileRef, bytes]:
    """The same into memory, for what must not touch a disk in clear.

    Raises:
        NotFound: no such record, field or file for this actor; logged.
        IntegrityError: the sealed bytes are not what was sealed.
        StoreError: ``store.cannot_read``.
    """
    reference, field, chosen = _released(engine, acting, record, field_name, version, inside=inside)
    made = BytesIO()
    try:
        _open(engine, chosen, field, reference, made)
    except OSError:
        raise StoreError("store.cannot_read", where=str(file_place(engine.folder, reference.id))) from None
    return reference, made.getvalue()


def _released(
    engine: Engine, acting: Acting, record: bytes, field_name: str, version: int | None, *, inside: bool
) -> tuple[FileRef, Field, Version]:
    """The file that a record names, once its entry is in the log."""

    def body(tx: Transaction, moment: Moment) -> tuple[FileRef, Field, Version]:
        chosen = choose_visible(engine, tx, acting, record, moment, version=version)
        record_type = definition_of(engine, tx, chosen)
        standing = ANY if inside else stand(engine, tx, acting, "record.read", chosen, moment.time_us)
        view = view_of(engine, acting, record_type, standing)
        field = _file_field(record_type, field_name, view.clear)
        plan = plan_of(engine, acting, record_type, [field.key], standing=standing)
        pass_gates(engine, tx, acting, "record.read", chosen, plan.keys, moment.time_us, standing)
        loaded = load(engine, tx, chosen, record_type, plan.groups)
        reference = open_loaded(engine, loaded, plan.numbers).get(field.key)
        if not isinstance(reference, FileRef):
            raise NotFound("record.no_file", where=field.key)
        drafts = disclosure(
            engine, tx, acting, "file.read", plan, [chosen], target={"file": reference.id}, standing=standing
        )
        engine.logbook.append(tx, moment, drafts, actor=acting.actor.id)
        return reference, field, chosen

    try:
        return engine.run(body, acting)
    except (AccessDenied, NotFound) as error:
        engine.refused(acting, "file.read", error, record=id_text(record))
        raise


def _open(engine: Engine, version: Version, field: Field, reference: FileRef, made: BinaryIO) -> None:
    with file_place(engine.folder, reference.id).open("rb") as source:
        header = read_file_header(source)
        source.seek(0)
        key = engine.sealer.data_key(
            header.subject_slot, header.facet_slot, version.record, category_of_group(field.seal_group)
        )
        open_file(
            source,
            made,
            data_key=key,
            archive=engine.archive,
            type_number=version.type,
            subject=version.subject,
            record=version.record,
            field=field.number,
            file=id_bytes(reference.id),
        )


def remove_orphans(engine: Engine) -> int:
    """Settle what interrupted writes left: remove sealed files that no version came to name.

    Returns:
        How many were removed.
    """
    now = engine.clock() / 1_000_000
    with contextlib.suppress(OSError):
        waiting = [path for path in _waiting(engine.folder, "").iterdir()]
        old = [path for path in waiting if now - path.stat().st_mtime > _ORPHAN_SECONDS]
        if old:
            return _settle(engine, old)
    return 0


def _settle(engine: Engine, old: list[Path]) -> int:
    with engine.store.transaction(write=False) as tx:
        named = {path.name for path in old if tx.has_file(SHARD, id_bytes(path.name))}
    for path in old:
        if path.name not in named:
            _forget(file_place(engine.folder, path.name))
        _forget(path)
    return len(old) - len(named)
