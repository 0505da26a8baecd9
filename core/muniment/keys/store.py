"""The key store: secrets in pages, what was last signed, credentials; all sealed under the archive key.

``keys.db`` is SQLite, and several processes may have it open. The archive key
lies in no file but wrapped in ``slots/``. Each act's order of durable steps,
and what a crash leaves at each, is ``formats/durable-steps.md``; the bytes are
``formats/keys.md``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from muniment.errors import KeyStoreError
from muniment.keys import _database, _making, _rotation
from muniment.keys._pages import PAGE_SECRETS, SECRET, Page
from muniment.keys._signing import Signed, Signing, last_signed
from muniment.keys._unlock import unlock
from muniment.keys._vault import Vault
from muniment.keys.derive import DESTROYED
from muniment.keys.lock import ArchiveLock
from muniment.keys.selftest import self_test
from muniment.keys.slots import Root, RootProvider
from muniment.model import Clock, Random, id_text, system_clock

if TYPE_CHECKING:
    from muniment.keys._report import KeyStatus, Rotated

__all__ = ["KeyStore"]

_PLACES: Final = {"signing seed": 0, "log MAC key": 1, "tag root": 2, "index root": 3, "archive secret": 4}
_TIMEOUT_SECONDS: Final = 30.0
_FURTHEST: Final = 1 << 20  # pages that ``advance`` makes at most
_MOST_BOX: Final = 1 << 20


def _no_step(name: str) -> None:
    """Nobody listens for durable steps outside the tests."""


class KeyStore:
    """An open key store; made by ``create`` or ``open``, and a context manager that closes it.

    Safe to use from several threads. A secret is handed out as 32 bytes; keep
    it no longer than the work needs it.
    """

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    # --- making, opening, closing -------------------------------------------------------------------------

    @classmethod
    def create(
        cls,
        folder: Path,
        archive: bytes,
        roots: Sequence[Root],
        *,
        clock: Clock = system_clock,
        random: Random = os.urandom,
        providers: Mapping[str, RootProvider] | None = None,
        cache_pages: int = 1024,
        timeout_seconds: float = _TIMEOUT_SECONDS,
        on_step: Callable[[str], None] = _no_step,
    ) -> Self:
        """Make a key store with a slot for each root.

        Args:
            folder: the archive's folder, which is there; gets ``keys.db`` and ``slots/``.
            archive: 16 bytes.
            roots: at least one whose private key is here; two or more are wise.
            clock: microseconds since 1970.
            random: gives so many random bytes.
            providers: how the slots of kinds from plugins are wrapped.
            cache_pages: opened pages to keep in memory, 8 KiB each.
            timeout_seconds: to wait for other processes that write.
            on_step: for tests: called with a name around each durable step.

        Raises:
            KeyStoreError: ``key.exists`` where there is one already; what ``Root.enrol`` raises.
        """
        self_test()
        vault = Vault(
            Path(folder),
            archive,
            clock=clock,
            random=random,
            providers=providers or {},
            cache_pages=cache_pages,
            step=on_step,
        )
        with ArchiveLock(vault.folder, act="create"):
            if _database.exists(vault.path):
                raise KeyStoreError("key.exists", where=str(vault.path))
            try:
                _making.make(vault, roots, timeout_seconds)
            except BaseException:
                vault.close()
                raise
        return cls(vault)

    @classmethod
    def open(
        cls,
        folder: Path,
        archive: bytes,
        *roots: Root,
        read_only: bool = False,
        clock: Clock = system_clock,
        random: Random = os.urandom,
        providers: Mapping[str, RootProvider] | None = None,
        cache_pages: int = 1024,
        timeout_seconds: float = _TIMEOUT_SECONDS,
        on_step: Callable[[str], None] = _no_step,
    ) -> Self:
        """Open a key store, and finish what a crash left unless somebody else holds the archive's lock.

        Args:
            folder: the archive's folder.
            archive: 16 bytes; a store or slot of another archive is refused.
            roots: one is enough; each that is given must open its slot.
            read_only: change nothing, neither in keys.db nor in ``slots/``.
            clock: microseconds since 1970.
            random: gives so many random bytes.
            providers: how the slots of kinds from plugins are wrapped.
            cache_pages: opened pages to keep in memory, 8 KiB each.
            timeout_seconds: to wait for other processes that write.
            on_step: for tests: called with a name around each durable step.

        Raises:
            KeyStoreError: ``key.store_missing``, ``key.store_damaged``, ``key.store_format``,
                ``key.other_archive``, ``key.slots_missing``, ``key.no_slot``, ``key.slot_damaged``,
                ``key.slot_epoch``, ``key.not_this_store``, ``key.wrong_keyfile`` and its like,
                ``key.file_missing``, ``key.read_only``, ``key.no_root``.
        """
        self_test()
        if not roots:
            raise KeyStoreError("key.no_root", where=str(folder))
        vault = Vault(
            Path(folder),
            archive,
            clock=clock,
            random=random,
            providers=providers or {},
            cache_pages=cache_pages,
            step=on_step,
            read_only=read_only,
        )
        vault.attach(_database.connect(vault.path, read_only=read_only, timeout_seconds=timeout_seconds))
        try:
            found = vault.rows("SELECT archive FROM store")
            if not found or found[0][0] != archive:
                raise KeyStoreError("key.other_archive", where=str(vault.path), name=id_text(archive))
            for root in roots:
                unlock(vault, root)
            if not read_only:
                _making.repair(vault)
        except BaseException:
            vault.close()
            raise
        return cls(vault)

    def close(self) -> None:
        """Close the store and let go of every key in memory; closing twice is no error."""
        self._vault.close()

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()

    # --- what is reserved ---------------------------------------------------------------------------------

    @property
    def archive(self) -> bytes:
        """The archive's identifier, 16 bytes."""
        return self._vault.archive

    @property
    def epoch(self) -> int:
        """The epoch of the archive key, counted from 1."""
        with self._vault.lock:
            return self._vault.state()[0]

    @property
    def rotation_due(self) -> bool:
        """Whether something was destroyed since the archive key was last rotated."""
        with self._vault.lock:
            return bool(self._vault.rows("SELECT rotation_due FROM store")[0][0])

    @property
    def destructions(self) -> int:
        """How many acts have destroyed secrets so far; rises with each, in whatever process it was."""
        with self._vault.lock:
            return self._vault.state()[1]

    def require_rotatable(self) -> None:
        """See that every slot could be wrapped anew now, so that a destruction can be completed.

        Raises:
            KeyStoreError: ``key.slot_absent``, ``key.none_present``, ``key.no_provider``, ``key.read_only``.
        """
        with self._vault.lock:
            if self._vault.read_only:
                raise KeyStoreError("key.read_only", where=str(self._vault.path))
            self._vault.fresh()
            _rotation.check_ready(self._vault, self._vault.listed())

    @property
    def signing_seed(self) -> bytes:
        """The seed of the log's Ed25519 key, 32 bytes."""
        return self._reserved("signing seed")

    @property
    def log_mac_key(self) -> bytes:
        """The key of the macs over the log's batches, 32 bytes."""
        return self._reserved("log MAC key")

    @property
    def tag_root(self) -> bytes:
        """The root of the actors' tag keys, 32 bytes."""
        return self._reserved("tag root")

    @property
    def index_root(self) -> bytes:
        """The root of the blind indexes' keys, 32 bytes."""
        return self._reserved("index root")

    @property
    def archive_secret(self) -> bytes:
        """The archive's own secret as a subject, 32 bytes; never destroyed."""
        return self._reserved("archive secret")

    def _reserved(self, name: str) -> bytes:
        place = _PLACES[name]
        with self._vault.lock:
            self._vault.fresh()
            secret = self._vault.page(0).secrets[place * SECRET : (place + 1) * SECRET]
        if secret == DESTROYED:
            raise KeyStoreError("key.destroyed", number=place)
        return secret

    # --- secrets ------------------------------------------------------------------------------------------

    def lease(self, count: int) -> list[int]:
        """Give so many slots, each with a random secret; durable before it returns, and never given again.

        Args:
            count: how many, at least 1.

        Returns:
            The slots' numbers, rising.

        Raises:
            KeyStoreError: ``key.busy``, ``key.disk_full``, ``key.read_only``, ``key.nested``.
        """
        if count < 1:
            raise KeyStoreError("key.count", number=count)
        vault = self._vault
        given: list[int] = []
        written: list[Page] = []
        with vault.lock:
            with vault.write("lease"):
                number = vault.last_page()
                page = vault.load(number)
                while len(given) < count:
                    if page.used == PAGE_SECRETS or number == 0:
                        number += 1
                        page = Page(number, 0, vault.random(PAGE_SECRETS * SECRET))
                    first = number * PAGE_SECRETS + page.used
                    taken = min(count - len(given), PAGE_SECRETS - page.used)
                    given.extend(range(first, first + taken))
                    page = Page(number, page.used + taken, page.secrets)
                    vault.put_page(page)
                    written.append(page)
            for page in written:
                vault.keep(page)
        return given

    def secret(self, slot: int) -> bytes:
        """The secret of one slot, 32 bytes.

        Raises:
            KeyStoreError: ``key.destroyed``, ``key.unknown`` where it was never given, ``key.reserved``.
        """
        return self.secrets((slot,))[0]

    def secrets(self, slots: Iterable[int]) -> list[bytes]:
        """The secrets of slots, in their order; one look at keys.db, and one opened page for each 256 slots.

        Raises:
            KeyStoreError: ``key.destroyed``, ``key.unknown`` where one was never given, ``key.reserved``.
        """
        vault = self._vault
        found: list[bytes] = []
        with vault.lock:
            vault.fresh()
            number, used, held = -1, 0, b""
            for slot in slots:
                place = slot & 255
                if slot >> 8 != number or place >= used:
                    number = slot >> 8
                    page = self._page_of(slot)
                    used, held = page.used, page.secrets
                secret = held[place << 5 : (place + 1) << 5]
                if secret == DESTROYED:
                    raise KeyStoreError("key.destroyed", number=slot)
                found.append(secret)
        return found

    def _page_of(self, slot: int) -> Page:
        """The opened page of a slot that was given."""
        number, place = slot >> 8, slot & 255
        if number < 1:
            raise KeyStoreError("key.reserved", number=slot)
        page = self._vault.page(number)
        if place >= page.used:  # perhaps another process has given it since
            page = self._vault.load(number)
            if place >= page.used:
                raise KeyStoreError("key.unknown", number=slot)
        return page

    def destroyed(self, slots: Iterable[int]) -> list[int]:
        """Which of these slots are destroyed: the ledger that a restore disposes by.

        Raises:
            KeyStoreError: ``key.unknown`` where one was never given, ``key.reserved``.
        """
        with self._vault.lock:
            self._vault.fresh()
            return [slot for slot in slots if _at(self._page_of(slot), slot) == DESTROYED]

    def destroy(self, slots: Iterable[int]) -> None:
        """Put zeros where the secrets were, for ever.

        Copies of keys.db from before still open them until ``rotate`` is done;
        until then ``rotation_due`` stands. Destroying twice is no error.

        Raises:
            KeyStoreError: ``key.unknown``, ``key.reserved``; ``key.slot_absent`` where rotating would fail,
                before anything is destroyed; ``key.busy`` where the WAL could not be cut (the secrets are
                gone then; do it again).
        """
        pages: dict[int, list[int]] = {}
        for slot in slots:
            pages.setdefault(slot >> 8, []).append(slot)
        vault = self._vault
        with vault.lock:
            vault.fresh()
            _rotation.check_ready(vault, vault.listed())
            with vault.write("destroy"):
                for number in sorted(pages):
                    page = vault.load(number) if number else None
                    content = bytearray(page.secrets if page else b"")
                    for slot in pages[number]:
                        place = slot & 255
                        if page is None:
                            raise KeyStoreError("key.reserved", number=slot)
                        if place >= page.used:
                            raise KeyStoreError("key.unknown", number=slot)
                        content[place * SECRET : (place + 1) * SECRET] = DESTROYED
                    if page is not None:
                        vault.put_page(Page(number, page.used, bytes(content)))
                vault.run("UPDATE store SET destructions = destructions + 1, rotation_due = 1")
            vault.step("destroy: truncate")
            vault.truncate_log()

    def advance(self, slot: int) -> None:
        """Count every slot up to this one as given: for a key store that was put back from a copy.

        Slots on pages that the copy has keep their secrets. Those on pages it
        never had are lost, and count as destroyed.

        Raises:
            KeyStoreError: ``key.far`` where that would make more than 2^20 pages.
        """
        vault = self._vault
        with vault.lock, vault.write("advance"):
            last = vault.last_page()
            number, place = slot >> 8, slot & 255
            if number - last > _FURTHEST:
                raise KeyStoreError("key.far", number=slot)
            for each in range(max(1, min(number, last)), last + 1):
                page = vault.load(each)
                used = PAGE_SECRETS if each < number else max(page.used, place + 1)
                if each <= number and used > page.used:
                    vault.put_page(Page(each, used, page.secrets))
            for each in range(last + 1, number + 1):
                vault.put_page(Page(each, PAGE_SECRETS, bytes(PAGE_SECRETS * SECRET)))
            vault.run("UPDATE store SET destructions = destructions + 1")

    # --- signing ------------------------------------------------------------------------------------------

    @contextmanager
    def signing(self, origin: str) -> Iterator[Signing]:
        """Hold the right to sign for one log: nobody else signs until it ends.

        In it, see that the log extends ``last``, sign, and call ``store``; what
        was stored is durable when the context ends without an error. Publish after that.

        Args:
            origin: the log's name in its checkpoints.

        Raises:
            KeyStoreError: ``key.busy``, ``key.read_only``, ``key.nested``.
        """
        vault = self._vault
        with vault.write("sign"):
            held = Signing(origin, last_signed(vault, origin))
            yield held
            held.keep(vault)

    def last_signed(self, origin: str) -> Signed | None:
        """What was last signed for a log; None before the first time."""
        with self._vault.lock:
            self._vault.fresh()
            return last_signed(self._vault, origin)

    # --- boxes --------------------------------------------------------------------------------------------

    def box_get(self, name: str) -> bytes | None:
        """A small blob that was put under a name; None where there is none.

        Raises:
            KeyStoreError: ``key.box_damaged``, ``key.box_name``.
        """
        with self._vault.lock:
            self._vault.fresh()
            return self._vault.get_box(_box_name(name))

    def box_put(self, name: str, content: bytes) -> None:
        """Seal a small blob (credentials and the like) under a name; what was there is overwritten.

        Args:
            name: bound to the blob; stands in clear in keys.db, so it names no person.
            content: at most 1 MiB.

        Raises:
            KeyStoreError: ``key.box_name``, ``key.box_size``, and what ``lease`` raises.
        """
        if len(content) > _MOST_BOX:
            raise KeyStoreError("key.box_size", name=name, count=_MOST_BOX)
        vault = self._vault
        with vault.lock:
            with vault.write("box"):
                replaced = vault.get_box(_box_name(name)) is not None
                vault.put_box(_box_name(name), content)
            if replaced:
                vault.truncate_log()  # what stood there has no history, not even in the WAL

    def box_change(self, name: str, change: Callable[[bytes | None], bytes | None]) -> bytes | None:
        """Put into a box what is made of its content, with nobody else writing in between.

        Args:
            name: as for ``box_put``.
            change: takes the content, None where there is none, and gives the new one, None to
                remove the box. It must not use the key store.

        Returns:
            The new content.

        Raises:
            KeyStoreError: as ``box_put``.
        """
        vault = self._vault
        with vault.lock:
            with vault.write("box"):
                before = vault.get_box(_box_name(name))
                after = change(before)
                if after is not None and len(after) > _MOST_BOX:
                    raise KeyStoreError("key.box_size", name=name, count=_MOST_BOX)
                if after is None:
                    vault.run("DELETE FROM box WHERE name = ?", _box_name(name))
                elif after != before:
                    vault.put_box(_box_name(name), after)
            if before is not None and after != before:
                vault.truncate_log()  # what stood there has no history, not even in the WAL
        return after

    def box_delete(self, name: str) -> None:
        """Remove a blob and what the WAL still has of it; nothing where there is none."""
        with self._vault.lock:
            with self._vault.write("box"):
                self._vault.run("DELETE FROM box WHERE name = ?", _box_name(name))
            self._vault.truncate_log()

    def box_names(self, prefix: str = "") -> list[str]:
        """The names that begin so, in order."""
        with self._vault.lock:
            rows = self._vault.rows("SELECT name FROM box ORDER BY name")
        return [name[4:] for (name,) in rows if name.startswith(f"box/{prefix}")]

    # --- slots, rotation, backup --------------------------------------------------------------------------

    def slot_add(self, root: Root) -> str:
        """Add a slot for a root.

        Returns:
            The slot's identifier, UUID text.

        Raises:
            KeyStoreError: ``key.locked``, ``key.too_many_slots``, ``key.slot_twice``; what ``Root.enrol``
                raises.
        """
        with self._alone("slot add"):
            return id_text(_rotation.add_slot(self._vault, root).slot)

    def slot_remove(self, slot: bytes) -> Rotated:
        """Take a slot away, and rotate the archive key so that it opens nothing from now on.

        Args:
            slot: 16 bytes.

        Raises:
            KeyStoreError: ``key.slot_none`` where it is not listed, ``key.slot_last`` where no root that is
                here would be left; what ``rotate`` raises.
        """
        with self._alone("slot remove"):
            self._vault.fresh()
            listed = [entry.slot for entry in self._vault.listed()]
            if slot not in listed:
                raise KeyStoreError("key.slot_none", name=id_text(slot))
            if not any(each in self._vault.present for each in listed if each != slot):
                raise KeyStoreError("key.slot_last", name=id_text(slot))
            return self._rotated(without=slot)

    def rotate(self) -> Rotated:
        """Seal everything under a new archive key, and wrap that to every slot.

        Once it returns, no copy of keys.db from before opens with what is in
        ``slots/`` now. Slots are wrapped to the kinds and public keys that
        keys.db lists, whatever their files say.

        Raises:
            KeyStoreError: ``key.locked``; ``key.slot_absent`` where a slot needs a device that is not here
                (then nothing was changed); ``key.busy``, ``key.disk_full``.
        """
        with self._alone("rotate"):
            return self._rotated()

    def _rotated(self, *, without: bytes | None = None) -> Rotated:
        from muniment.keys import _copies  # not what every opening needs, so not loaded for it
        from muniment.keys._report import Rotated

        vault = self._vault
        epoch = _rotation.new_epoch(vault, without=without)
        backup = _copies.remake(vault)
        entries = vault.listed()
        untested = tuple(id_text(entry.slot) for entry in entries if entry.tested != epoch)
        return Rotated(epoch, len(entries), untested, backup)

    def backup(self, keys_to: Path, slots_to: Path, *, lifetime_days: int = 90) -> KeyStatus:
        """Copy keys.db to one place and the slot files to another; from now on each rotation does so again.

        Args:
            keys_to: a folder that is there, outside the archive.
            slots_to: another one, kept apart from the first.
            lifetime_days: when ``status`` begins to ask for a new one.

        Raises:
            KeyStoreError: ``key.backup_place``, ``key.backup_failed``, ``key.locked``, ``key.disk_full``.
        """
        from muniment.keys import _copies, _report

        if lifetime_days < 1:
            raise KeyStoreError("key.count", number=lifetime_days)
        with self._alone("key backup"):
            _copies.back_up(self._vault, keys_to, slots_to, lifetime_days)
            return _report.status(self._vault)

    def status(self) -> KeyStatus:
        """How the store stands: epoch, slots, pages, counts, backups, and what is amiss.

        Opens every page to count: 50 ms for a million secrets.
        """
        from muniment.keys import _report

        return _report.status(self._vault)

    @contextmanager
    def _alone(self, act: str) -> Iterator[None]:
        vault = self._vault
        with vault.lock:
            if vault.read_only:
                raise KeyStoreError("key.read_only", where=str(vault.path))
            if vault.db.in_transaction:
                raise KeyStoreError("key.nested")
            with ArchiveLock(vault.folder, act=act):
                yield


def _at(page: Page, slot: int) -> bytes:
    place = slot & 255
    return page.secrets[place * SECRET : (place + 1) * SECRET]


def _box_name(name: str) -> str:
    if not name or len(name) > 200:
        raise KeyStoreError("key.box_name", name=name)
    return f"box/{name}"
