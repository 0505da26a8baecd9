"""The open key store behind ``KeyStore``: the archive key in memory, checked transactions, opened pages."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from muniment.errors import Issue, KeyStoreError, MunimentError
from muniment.keys import _database
from muniment.keys._listed import SLOTS_BOX, SlotEntry, decode_slots
from muniment.keys._pages import (
    PAGE_SECRETS,
    Page,
    box_epoch,
    open_box,
    open_page,
    page_epoch,
    seal_box,
    seal_page,
)
from muniment.keys.slots import (
    HpkeProvider,
    Opener,
    RootProvider,
    SlotFile,
    SlotFolder,
    slot_info,
)
from muniment.model import Clock, Random

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

__all__ = ["PROVIDERS", "Vault"]

_HPKE: Final = HpkeProvider()
PROVIDERS: Final[Mapping[str, RootProvider]] = {
    "keyfile": _HPKE,
    "passphrase": _HPKE,
    "recovery": _HPKE,
    "recipient": _HPKE,
}
_STATE: Final = "SELECT epoch, destructions FROM store"
_TRIES: Final = 40
_PAUSE_SECONDS: Final = 0.005


def _aead(key: bytes) -> AESGCM:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key)


class Vault:
    """One process's hold on a key store.

    Attributes:
        folder: the archive's folder.
        archive: 16 bytes.
        lock: one lock for every thread; re-entrant.
        epoch: of the archive key in memory; 0 before it is opened.
        present: the slots whose root is here, with what opens them.
        notes: what is amiss about how the roots that were given are kept.
        step: called with a name before and after each durable step; tests raise from it.
    """

    def __init__(
        self,
        folder: Path,
        archive: bytes,
        *,
        clock: Clock,
        random: Random,
        providers: Mapping[str, RootProvider],
        cache_pages: int,
        step: Callable[[str], None],
        read_only: bool = False,
    ) -> None:
        self.folder = folder
        self.path = folder / "keys.db"
        self.archive = archive
        self.slots = SlotFolder(folder / "slots", archive)
        self.clock = clock
        self.random = random
        self.providers = {**PROVIDERS, **providers}
        self.step = step
        self.read_only = read_only
        self.lock = threading.RLock()
        self.present: dict[bytes, Opener] = {}
        self.notes: list[Issue] = []
        self.epoch = 0
        self.key = b""
        self._db: sqlite3.Connection | None = None
        self._aead: AESGCM | None = None
        self._destructions = -1
        self._cache: OrderedDict[int, Page] = OrderedDict()
        self._cache_pages = cache_pages

    # --- the connection -----------------------------------------------------------------------------------

    @property
    def db(self) -> sqlite3.Connection:
        """The connection.

        Raises:
            KeyStoreError: ``key.closed``.
        """
        if self._db is None:
            raise KeyStoreError("key.closed", where=str(self.path))
        return self._db

    def attach(self, db: sqlite3.Connection) -> None:
        """Take a connection over."""
        self._db = db

    def close(self) -> None:
        """Let go of the connection and of every key in memory."""
        with self.lock:
            if self._db is not None:
                self._db.close()
            self._db = self._aead = None
            self.key, self.epoch = b"", 0
            self.present.clear()
            self.notes.clear()
            self._cache.clear()

    def run(self, sql: str, *values: Any) -> None:
        """Execute one statement."""
        try:
            self.db.execute(sql, values)
        except sqlite3.Error as error:
            raise _database.sql_error(error, self.path) from error

    def rows(self, sql: str, *values: Any) -> list[Any]:
        """Every row of a query."""
        try:
            return self.db.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise _database.sql_error(error, self.path) from error

    def state(self) -> tuple[int, int]:
        """The epoch that keys.db is in, and how many acts destroyed something in it."""
        found = self.rows(_STATE)
        if not found:
            raise KeyStoreError("key.store_damaged", where=str(self.path), name="store")
        return found[0]  # type: ignore[no-any-return]  # a row of two integers

    def truncate_log(self) -> None:
        """Move the WAL into keys.db and cut it to nothing, so that no page that was replaced stays in it.

        Raises:
            KeyStoreError: ``key.busy`` where another process reads all the while.
        """
        if self.rows("PRAGMA wal_checkpoint(TRUNCATE)")[0][0]:
            raise KeyStoreError("key.busy", where=str(self.path), name="WAL")

    # --- the archive key ----------------------------------------------------------------------------------

    @property
    def aead(self) -> AESGCM:
        """AES-256-GCM under the archive key in memory."""
        if self._aead is None:
            raise KeyStoreError("key.closed", where=str(self.path))
        return self._aead

    def adopt(self, key: bytes, epoch: int) -> None:
        """Use this archive key from now on."""
        self.key, self.epoch = key, epoch
        self._aead = _aead(key)
        self._cache.clear()

    def forget(self) -> None:
        """Believe nothing that stands in memory but the key, after an act that failed midway."""
        self._cache.clear()
        self._destructions = -1

    def knows(self, file: SlotFile, path: Path, key: bytes, epoch: int) -> None:
        """See that the key opens this keys.db, and that keys.db lists the slot.

        Raises:
            KeyStoreError: ``key.not_this_store``, ``key.slot_unknown``.
        """
        data = self.rows("SELECT data FROM box WHERE name = ?", SLOTS_BOX)
        if not data or box_epoch(data[0][0], SLOTS_BOX) != epoch:
            raise KeyStoreError("key.not_this_store", where=str(path))
        try:
            listed = open_box(_aead(key), self.archive, epoch, SLOTS_BOX, data[0][0])
        except KeyStoreError:
            raise KeyStoreError("key.not_this_store", where=str(path)) from None
        for entry in decode_slots(listed):
            if entry.slot == file.slot and entry.kind == file.kind and entry.public == file.public:
                return
        raise KeyStoreError("key.slot_unknown", where=str(path))

    def reload(self) -> None:
        """Take the archive key of the epoch that keys.db is in, through a root that is still in memory.

        Raises:
            KeyStoreError: ``key.epoch_moved`` where none of them opens it any more.
        """
        for _ in range(_TRIES):
            epoch = self.state()[0]
            if epoch == self.epoch:
                return
            for slot, opener in self.present.items():
                file = self.slots.at_epoch(slot, epoch)
                if file is None:
                    continue
                key = opener.open(file.enc, file.wrap, slot_info(self.archive, slot, epoch))
                if key is None:
                    continue
                try:
                    self.knows(file, self.slots.name(slot), key, epoch)
                except KeyStoreError:
                    continue
                self.adopt(key, epoch)
                return
            time.sleep(_PAUSE_SECONDS)
        raise KeyStoreError("key.epoch_moved", number=self.state()[0])

    def fresh(self) -> None:
        """See whether another process rotated or destroyed since the last look; a few microseconds."""
        try:
            epoch, destructions = self.db.execute(_STATE).fetchone()
        except sqlite3.Error as error:
            raise _database.sql_error(error, self.path) from error
        if destructions != self._destructions:
            self._cache.clear()
            self._destructions = destructions
        if epoch != self.epoch:
            if self.db.in_transaction:
                raise KeyStoreError("key.epoch_moved", number=epoch)
            self.reload()

    # --- transactions -------------------------------------------------------------------------------------

    @contextmanager
    def write(self, act: str) -> Iterator[None]:
        """One write transaction under the key of the epoch that keys.db is in; durable when it ends.

        Raises:
            KeyStoreError: ``key.read_only``, ``key.nested``, ``key.busy``, ``key.disk_full``,
                ``key.epoch_moved``.
        """
        with self.lock:
            if self.read_only:
                raise KeyStoreError("key.read_only", where=str(self.path))
            if self.db.in_transaction:
                raise KeyStoreError("key.nested")
            self._begin("BEGIN IMMEDIATE")
            try:
                yield
                self.step(f"{act}: commit")
                self.run("COMMIT")
            except BaseException:
                self.forget()
                # a failed COMMIT may have rolled back by itself; ROLLBACK then only says so
                if self._db is not None and self._db.in_transaction:
                    self._db.rollback()
                raise
            self.step(f"{act}: committed")

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """One state of keys.db for several reads."""
        with self.lock:
            if self.db.in_transaction:
                raise KeyStoreError("key.nested")
            self._begin("BEGIN")
            try:
                yield
            finally:
                self.db.rollback()

    def _begin(self, how: str) -> None:
        for _ in range(_TRIES):
            self.run(how)
            try:
                self.fresh()
                return
            except MunimentError as error:
                self.db.rollback()
                if error.code != "key.epoch_moved":
                    raise
            self.reload()
        raise KeyStoreError("key.epoch_moved", number=self.state()[0])

    # --- pages and boxes ----------------------------------------------------------------------------------

    def page(self, number: int) -> Page:
        """An opened page, from memory where it is there.

        Raises:
            KeyStoreError: ``key.unknown`` where there is none, ``key.page_damaged``.
        """
        page = self._cache.get(number)
        if page is None:
            return self.load(number)
        self._cache.move_to_end(number)
        return page

    def load(self, number: int) -> Page:
        """A page as it lies in keys.db now; kept in memory."""
        while True:
            found = self.rows("SELECT data FROM page WHERE page = ?", number)
            if not found:
                raise KeyStoreError("key.unknown", number=number * PAGE_SECRETS)
            data = found[0][0]
            if page_epoch(data, number) == self.epoch or self.state()[0] == self.epoch:
                break
            self.fresh()  # rotated between the last look and this page
        page = open_page(self.aead, self.archive, self.epoch, number, data)
        self.keep(page)
        return page

    def keep(self, page: Page) -> None:
        """Keep an opened page in memory, and let the one go that was asked for longest ago."""
        self._cache[page.number] = page
        self._cache.move_to_end(page.number)
        if len(self._cache) > self._cache_pages:
            self._cache.popitem(last=False)

    def put_page(self, page: Page) -> None:
        """Write a page, inside a write transaction."""
        data = seal_page(self.aead, self.archive, self.epoch, page, self.random(12))
        self.run(
            "INSERT INTO page(page, data) VALUES (?, ?) ON CONFLICT(page) DO UPDATE SET data = excluded.data",
            page.number,
            data,
        )
        self._cache.pop(page.number, None)

    def last_page(self) -> int:
        """The number of the last page."""
        return int(self.rows("SELECT max(page) FROM page")[0][0])

    def get_box(self, name: str) -> bytes | None:
        """What a box holds; None where there is none of this name."""
        while True:
            found = self.rows("SELECT data FROM box WHERE name = ?", name)
            if not found:
                return None
            if box_epoch(found[0][0], name) == self.epoch or self.state()[0] == self.epoch:
                return open_box(self.aead, self.archive, self.epoch, name, found[0][0])
            self.fresh()

    def put_box(self, name: str, content: bytes) -> None:
        """Write a box, inside a write transaction."""
        self.run(
            "INSERT INTO box(name, data) VALUES (?, ?) ON CONFLICT(name) DO UPDATE SET data = excluded.data",
            name,
            seal_box(self.aead, self.archive, self.epoch, name, content, self.random(12)),
        )

    def listed(self) -> list[SlotEntry]:
        """The slots that keys.db lists.

        Raises:
            KeyStoreError: ``key.box_damaged``.
        """
        data = self.get_box(SLOTS_BOX)
        if data is None:
            raise KeyStoreError("key.box_damaged", name=SLOTS_BOX)
        return decode_slots(data)

    # --- slots --------------------------------------------------------------------------------------------

    def provider(self, kind: str) -> RootProvider:
        """How slots of a kind are wrapped.

        Raises:
            KeyStoreError: ``key.no_provider``.
        """
        try:
            return self.providers[kind]
        except KeyError:
            raise KeyStoreError("key.no_provider", name=kind) from None

    def wrapped(self, entry: SlotEntry, key: bytes, epoch: int) -> SlotFile:
        """The slot file that gives this key to the slot's root; its content comes from keys.db alone."""
        opener = self.present.get(entry.slot)
        info = slot_info(self.archive, entry.slot, epoch)
        try:
            enc, wrap = self.provider(entry.kind).wrap(key, entry.public, info, opener)
        except ValueError:  # a point of low order: the library refuses it
            raise KeyStoreError("key.recipient") from None
        return SlotFile(
            self.archive, entry.slot, entry.kind, epoch, entry.public, enc, wrap, argon2=entry.argon2
        )

    def opens(self, file: SlotFile, key: bytes) -> bool:
        """Whether the slot's root is here; then its file must give the key.

        Raises:
            KeyStoreError: ``key.slot_damaged`` where the root is here and the file does not open.
        """
        opener = self.present.get(file.slot)
        if opener is None:
            return False
        if opener.open(file.enc, file.wrap, slot_info(self.archive, file.slot, file.epoch)) != key:
            raise KeyStoreError("key.slot_damaged", where=str(self.slots.name(file.slot)))
        return True
