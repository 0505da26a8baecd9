"""The key store: secrets in pages, what was last signed, credentials; all sealed under the archive key.

``keys.db`` is SQLite, and several processes may have it open. The archive key
lies in no file but wrapped in ``slots/``. Each act's order of durable steps,
and what a crash leaves at each, is ``formats/durable-steps.md``; the bytes are
``formats/keys.md``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from muniment.errors import KeyStoreError
from muniment.keys import _database, _making, _rotation
from muniment.keys._secrets import Secrets
from muniment.keys._signing import Signed, Signing, last_signed
from muniment.keys._unlock import unlock
from muniment.keys._vault import Vault
from muniment.keys.lock import ArchiveLock
from muniment.keys.selftest import self_test
from muniment.keys.slots import Root, RootProvider
from muniment.model import Clock, Random, id_text, system_clock

if TYPE_CHECKING:
    from muniment.keys._report import KeyStatus, Rotated

__all__ = ["KeyStore"]

_TIMEOUT_SECONDS: Final = 30.0
_MOST_BOX: Final = 1 << 20


def _no_step(name: str) -> None:
    """Nobody listens for durable steps outside the tests."""


class KeyStore(Secrets):
    """An open key store; made by ``create`` or ``open``, and a context manager that closes it.

    Safe to use from several threads. A secret is handed out as 32 bytes; keep
    it no longer than the work needs it.
    """

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

    # --- how it stands ------------------------------------------------------------------------------------

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

    def box_names(self, prefix: str = "", *, after: str = "", limit: int | None = None) -> list[str]:
        """The names that begin so, in order.

        Args:
            prefix: what they begin with.
            after: only those behind this name.
            limit: so many at the most; by default all.
        """
        first = f"box/{prefix}"
        beyond = first[:-1] + chr(ord(first[-1]) + 1)
        with self._vault.lock:
            rows = self._vault.rows(
                "SELECT name FROM box WHERE name >= ? AND name > ? AND name < ? ORDER BY name LIMIT ?",
                first,
                f"box/{after}" if after else "",
                beyond,
                -1 if limit is None else limit,
            )
        return [name[4:] for (name,) in rows]

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


def _box_name(name: str) -> str:
    if not name or len(name) > 200:
        raise KeyStoreError("key.box_name", name=name)
    return f"box/{name}"
