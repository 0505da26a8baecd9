"""Backups of the data, as acts of somebody: written down, then made, checked and remembered."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from muniment.backup import Manifest, Progress, Steps, no_step
from muniment.codec import canonical, parse_canonical
from muniment.errors import ConfigError, KeyStoreError, MunimentError, StoreError
from muniment.keys import ArchiveLock
from muniment.log.binding import unpack_live
from muniment.model import micros_of, parse_time, rfc3339
from muniment.schema import is_built_in
from muniment.session.ground import Footing
from muniment.session.kernel.definitions import definition_at, load_definitions
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.reading.pieces import Piece, piece_of
from muniment.subjects.rules import BackupPlan

if TYPE_CHECKING:
    from muniment.backup.sealing import Sealed
    from muniment.backup.targets import Place

__all__ = ["Backups", "Drilled", "Last", "Made", "last_backup"]

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


@attrs.frozen
class Drilled:
    """What a restore that was practised showed.

    Attributes:
        size: entries in the backup.
        root: hex of the log's root there.
        versions: of records, verified.
        opened: parts that today's keys open.
        erased: parts of what was erased since, which nothing opens.
    """

    size: int
    root: str
    versions: int
    opened: int
    erased: int


def _open_all(engine: Engine, folder: Path) -> tuple[int, int]:
    """Open every part of a backup, and forget it: how many today's keys open, and how many nothing does.

    Raises:
        IntegrityError: a part is not what was sealed.
    """
    from muniment.backup import DATABASE
    from muniment.stores.sqlite import SqliteStore

    opened = erased = 0
    store = SqliteStore(folder / DATABASE, read_only=True)
    try:
        with store.transaction(write=False) as tx:
            definitions = load_definitions(tx, engine.sealer)
            for _, rows in groupby(tx.versions_by_record(SHARD), attrgetter("record")):
                live: dict[int, bytes] = {}
                for version in rows:
                    now, _ = unpack_live(version.parts)
                    fresh = {group for group in now if now[group] != live.get(group)}
                    live = now
                    record_type = definitions.by_number[version.type]
                    if version.definition != record_type.definition_version and not is_built_in(version.type):
                        record_type = definition_at(
                            tx, engine.sealer, definitions, version.type, version.definition
                        )
                    for part in tx.parts_of(SHARD, version.record, version.version, fresh):
                        try:
                            engine.sealer.open(part, record_type, version.subject, now[part.grp])
                            opened += 1
                        except KeyStoreError as error:
                            if error.code != "key.destroyed":
                                raise
                            erased += 1
    finally:
        store.close()
    return opened, erased


class Backups(Footing):
    """What a session may do with backups; reached as ``session.backups``."""

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
                self._failed(error, target)
                raise
            self._remember(made.manifest)
        return made

    # Sealed, by schedule

    def run(self, *, progress: Progress | None = None) -> Sealed:
        """Make a sealed backup where the configuration says, and remove those that have had their time.

        Raises:
            ConfigError: ``backup.no_plan`` where none is configured; as ``place_of``.
            AccessDenied: ``access.action``; logged.
            StoreError: ``backup.place`` where it cannot be written there; logged.
        """
        from muniment.backup.sealing import name_of, parse_names, seal_backup

        engine = self._engine
        self._require("backup.create")
        with ArchiveLock(engine.folder, act="backup"), self._work() as work:
            engine.note(self._acting, "backup.create", target={"phase": "begin", "sealed": True})
            engine.logbook.sign(engine.store)
            try:
                place = self._place()
                made = self._make(work / "backup", progress, no_step, inside=True)
                name = name_of(made.manifest)
                secret = engine.keys.archive_secret
                seal_backup(
                    made.folder,
                    work / name,
                    archive_secret=secret,
                    archive=engine.archive,
                    random=engine.random,
                )
                place.put(name, work / name)
            except MunimentError as error:
                self._failed(error, {"sealed": True})
                raise
            self._remember(made.manifest)
        return parse_names([name], engine.archive)[0]

    def prepare(self) -> None:
        """Make the folder that is configured, where only it is missing, once somebody said where they go.

        A backup itself makes none, so that a disk that is not mounted is noticed.

        Raises:
            ConfigError: ``backup.no_plan`` where none is configured.
            AccessDenied: ``access.action``; logged.
            StoreError: ``backup.place`` where it cannot be made.
        """
        self._require("backup.create")
        to = self._plan().to
        if not to:
            raise ConfigError("backup.no_plan")
        if "://" in to:
            return
        try:
            (self._engine.folder / to).mkdir(mode=0o700, exist_ok=True)
        except OSError:
            raise StoreError("backup.place", where=to) from None

    def listed(
        self, *, limit: int | None = None, after: str | None = None, newest: bool = False
    ) -> Piece[Sealed]:
        """The sealed backups that are there, oldest first.

        Args:
            limit: so many at the most; by default all.
            after: what the piece before gave.
            newest: the last ones first.

        Raises:
            AccessDenied: ``access.action``; logged.
            UsageError: ``usage.cursor``.
        """
        self._require("backup.read")
        return piece_of(
            self._engine,
            "backup",
            self._sealed(self._place()),
            lambda one: (micros_of(one.made), one.name),
            limit=limit,
            after=after,
            descending=newest,
        )

    def prune(self) -> list[Sealed]:
        """Remove the sealed backups that have had their time; each is written down before it goes."""
        from muniment.backup.generations import kept

        self._require("backup.create")
        plan, place = self._plan(), self._place()
        found = self._sealed(place)
        keep = kept(
            [one.made for one in found],
            daily=plan.keep_daily,
            weekly=plan.keep_weekly,
            monthly=plan.keep_monthly,
        )
        going = [one for one in found if one.made not in keep]
        for one in going:
            self._engine.note(self._acting, "backup.delete", target={"name": one.name})
            place.delete(one.name)
        return going

    def drill(self, name: str, *, progress: Progress | None = None) -> Drilled:
        """Practise a restore: fetch a backup, verify it, and open its parts with today's keys.

        The copy is opened for reading alone: it gets no entry and no signature, and no key changes.

        Args:
            name: of a sealed backup, the path of one, or the folder of a backup.
            progress: told about progress.

        Raises:
            IntegrityError: the backup is not what was made, or a part of it does not open.
        """
        from muniment.backup.folder import verify_backup
        from muniment.verify import Secrets

        engine = self._engine
        self._require("backup.read")
        with ArchiveLock(engine.folder, act="backup"), self._work() as work:
            try:
                folder = Path(name)
                if not folder.is_dir():
                    folder = self._fetched(name, work)
                report = verify_backup(
                    folder,
                    archive=engine.archive,
                    origin=engine.logbook.base,
                    key=engine.logbook.verifier_key(),
                    secrets=Secrets(engine.keys.log_mac_key),
                    progress=progress,
                )
                opened, erased = _open_all(engine, folder)
            except MunimentError as error:
                engine.note(
                    self._acting,
                    "backup.drill",
                    outcome="failed",
                    code=error.code,
                    target={"name": Path(name).name},
                )
                raise
        target = {"name": Path(name).name, "size": report.size, "opened": opened, "erased": erased}
        engine.note(self._acting, "backup.drill", target=target)
        return Drilled(report.size, report.root, report.versions, opened, erased)

    def last(self) -> Last | None:
        """The newest backup that was made and verified; None before the first."""
        return last_backup(self._engine)

    def late(self) -> bool:
        """Whether a backup is configured, and the newest one is older than it may be."""
        plan = self._plan()
        last = last_backup(self._engine)
        if not plan.to:
            return False
        age = None if last is None else self._engine.clock() - last.made_us
        return age is None or age > plan.every_hours * 3_600_000_000

    def _plan(self) -> BackupPlan:
        applied = self._engine.settings.applied
        return BackupPlan() if applied is None else applied.backup

    def _place(self) -> Place:
        from muniment.backup.targets import place_of

        to = self._plan().to
        if not to:
            raise ConfigError("backup.no_plan")
        return place_of(to if "://" in to else str(self._engine.folder / to))

    def _sealed(self, place: Place) -> list[Sealed]:
        from muniment.backup.sealing import parse_names

        return parse_names(place.names(), self._engine.archive)

    def _fetched(self, name: str, work: Path) -> Path:
        from muniment.backup.sealing import unseal_backup

        file = Path(name)
        if not file.is_file():
            if name not in {one.name for one in self._sealed(self._place())}:
                raise StoreError("backup.none", where=name)
            file = work / name
            self._place().get(name, file)
        secret = self._engine.keys.archive_secret
        unseal_backup(file, work / "backup", archive_secret=secret, archive=self._engine.archive)
        return work / "backup"

    @contextmanager
    def _work(self) -> Iterator[Path]:
        """A folder of the archive's own for what is not sealed yet; what a crash left in it goes first."""
        work = self._engine.folder / ".backing-up"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(mode=0o700)
        try:
            yield work
        finally:
            shutil.rmtree(work, ignore_errors=True)

    def _failed(self, error: MunimentError, target: Mapping[str, object]) -> None:
        self._engine.note(
            self._acting,
            "backup.create",
            outcome="failed",
            code=error.code,
            target={"phase": "end", **target},
        )

    def _remember(self, manifest: Manifest) -> None:
        content = {"made": rfc3339(manifest.made_us), "size": manifest.size, "v": 1}
        self._engine.keys.box_put(_BOX, canonical(content))

    def _make(self, folder: Path, progress: Progress | None, step: Steps, *, inside: bool = False) -> Made:
        from muniment.backup.folder import Source, make_backup

        engine = self._engine
        book = engine.logbook
        source = Source(engine.store, engine.folder, engine.archive, book.base, book.verifier_key())
        manifest, report = make_backup(
            source, folder, made_us=engine.clock(), inside=inside, progress=progress, step=step
        )
        return Made(folder, manifest, report.entries, report.versions, report.parts)
