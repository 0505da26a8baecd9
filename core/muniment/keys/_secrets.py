"""The secrets of a key store: those reserved for the archive itself, and those leased for what it holds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from muniment.errors import KeyStoreError
from muniment.keys import _rotation
from muniment.keys._pages import PAGE_SECRETS, SECRET, Page
from muniment.keys._vault import Vault
from muniment.keys.derive import DESTROYED

__all__ = ["Secrets"]

_PLACES: Final = {"signing seed": 0, "log MAC key": 1, "tag root": 2, "index root": 3, "archive secret": 4}
_FURTHEST: Final = 1 << 20  # pages that ``advance`` makes at most


class Secrets:
    """Secrets by their slots, each 32 bytes, sealed in pages."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

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


def _at(page: Page, slot: int) -> bytes:
    place = slot & 255
    return page.secrets[place * SECRET : (place + 1) * SECRET]
