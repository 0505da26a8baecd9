"""What was last signed for a log: never two roots for one size, never a smaller size."""

from __future__ import annotations

import struct
from hmac import compare_digest
from typing import Final

import attrs

from muniment.errors import KeyStoreError
from muniment.keys._vault import Vault

__all__ = ["Signed", "Signing", "last_signed"]

_HEAD: Final = struct.Struct(">BQ32s")


@attrs.frozen
class Signed:
    """A tree head that was signed.

    Attributes:
        size: number of entries.
        root: 32 bytes.
        frontier: the hashes that the next entries are added to, 32 bytes each, as the log packs them.
    """

    size: int
    root: bytes
    frontier: bytes


def _name(origin: str) -> str:
    return f"signed/{origin}"


def last_signed(vault: Vault, origin: str) -> Signed | None:
    """What was last signed for a log; None before the first time."""
    data = vault.get_box(_name(origin))
    if data is None:
        return None
    if len(data) < _HEAD.size or data[0] != 1:
        raise KeyStoreError("key.box_damaged", name=_name(origin))
    _, size, root = _HEAD.unpack_from(data)
    return Signed(size, root, data[_HEAD.size :])


class Signing:
    """The right to sign for one log, while ``KeyStore.signing`` lasts.

    Attributes:
        origin: the log's name.
        last: what was signed before; None for the first time.
    """

    def __init__(self, origin: str, last: Signed | None) -> None:
        self.origin = origin
        self.last = last
        self._next: Signed | None = None

    def store(self, size: int, root: bytes, frontier: bytes) -> None:
        """Say what is being signed; durable when the context ends.

        Args:
            size: number of entries, not below the last one.
            root: 32 bytes; the same as before where the size is.
            frontier: as in ``Signed``.

        Raises:
            KeyStoreError: ``key.signed_back`` for a smaller size, ``key.signed_fork`` for a second root of
                one size, ``key.size`` for a root that is not 32 bytes.
        """
        if len(root) != 32:
            raise KeyStoreError("key.size", name="root", count=32)
        before = self._next or self.last
        if before is not None:
            if size < before.size:
                raise KeyStoreError("key.signed_back", where=self.origin, number=size, last=before.size)
            if size == before.size and not compare_digest(root, before.root):
                raise KeyStoreError("key.signed_fork", where=self.origin, number=size)
        self._next = Signed(size, root, frontier)

    def keep(self, vault: Vault) -> None:
        """Write down what was stored; inside the write transaction."""
        if self._next is not None and self._next != self.last:
            made = _HEAD.pack(1, self._next.size, self._next.root) + self._next.frontier
            vault.put_box(_name(self.origin), made)
