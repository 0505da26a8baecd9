"""Backups of the data, as acts of somebody: written down, then made, checked and remembered."""

from __future__ import annotations

from pathlib import Path

import attrs

from muniment.backup import Manifest, Progress, Steps, no_step
from muniment.codec import canonical, parse_canonical
from muniment.errors import AccessDenied, MunimentError
from muniment.keys import ArchiveLock
from muniment.model import parse_time, rfc3339
from muniment.session.engine import Acting, Engine

__all__ = ["Backups", "Last", "Made", "last_backup"]

_BOX = "backup/last"


@attrs.frozen
class Made:
    """A backup that was made.

    Attributes:
        folder: where it lies.
        manifest: what it says of itself.
        entries: of all generations, verified.
        versions: of records, verified.
        parts: sealed parts, hashed.
    """

    folder: Path
    manifest: Manifest
    entries: int
    versions: int
    parts: int


@attrs.frozen
class Last:
    """The newest backup that was made and verified.

    Attributes:
        made_us: when, microseconds since 1970.
        size: entries of the log in it.
    """

    made_us: int
    size: int


def last_backup(engine: Engine) -> Last | None:
    """The newest backup that was made and verified; None before the first.

    It is kept beside the keys: an entry behind the backup would be one that the backup lacks.
    """
    data = engine.keys.box_get(_BOX)
    if data is None:
        return None
    document = parse_canonical(data)
    return Last(parse_time(document["made"]), document["size"])


class Backups:
    """What a session may do with backups; reached as ``session.backups``."""

    def __init__(self, engine: Engine, acting: Acting) -> None:
        self._engine = engine
        self._acting = acting

    def create(self, folder: Path, *, progress: Progress | None = None, step: Steps = no_step) -> Made:
        """Back the data up into a new folder while others go on working, and verify what was written.

        No key is in it. Its entry comes first, so that the backup holds it and nothing is lost by putting
        it back at once.

        Args:
            folder: not there yet, or empty; outside the archive's.
            progress: told about progress.
            step: for tests.

        Raises:
            AccessDenied: ``access.action``; logged.
            StoreError: ``store.folder_used``, ``backup.inside``, or it cannot be written.
            IntegrityError: the archive does not verify.
        """
        engine = self._engine
        self._require("backup.create")
        target: dict[str, object] = {"name": folder.name}
        with ArchiveLock(engine.folder, act="backup"):
            engine.note(self._acting, "backup.create", target={"phase": "begin", **target})
            engine.logbook.sign(engine.store)
            step("backup: signed")
            try:
                made = self._make(folder, progress, step)
            except MunimentError as error:
                engine.note(
                    self._acting,
                    "backup.create",
                    outcome="failed",
                    code=error.code,
                    target={"phase": "end", **target},
                )
                raise
            manifest = made.manifest
            content = {"made": rfc3339(manifest.made_us), "size": manifest.size, "v": 1}
            engine.keys.box_put(_BOX, canonical(content))
        return made

    def _make(self, folder: Path, progress: Progress | None, step: Steps) -> Made:
        from muniment.backup.folder import Source, make_backup

        engine = self._engine
        book = engine.logbook
        source = Source(engine.store, engine.folder, engine.archive, book.base, book.verifier_key())
        manifest, report = make_backup(source, folder, made_us=engine.clock(), progress=progress, step=step)
        return Made(folder, manifest, report.entries, report.versions, report.parts)

    def _require(self, action: str) -> None:
        try:
            self._engine.policy.require(self._acting.actor, action)
        except AccessDenied as error:
            self._engine.refused(self._acting, action, error)
            raise
