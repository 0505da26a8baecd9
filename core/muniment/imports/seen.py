"""A small table of numbers in flat memory, for telling what came before in a long file."""

from __future__ import annotations

from array import array

__all__ = ["Seen"]

_LEAST = 1 << 10
_WORD = (1 << 64) - 1


class Seen:
    """Maps keys to values, both 64-bit numbers, in 16 bytes a place.

    A dictionary would take ten times that. Keys are hashes: of a million of them
    two share a place's key once in thirty million files.
    """

    __slots__ = ("_keys", "_mask", "_used", "_values")

    def __init__(self) -> None:
        self._make(_LEAST)

    def _make(self, size: int) -> None:
        self._keys = array("Q", bytes(8 * size))
        self._values = array("Q", bytes(8 * size))
        self._mask = size - 1
        self._used = 0

    def __len__(self) -> int:
        return self._used

    def _place(self, key: int) -> int:
        keys, mask = self._keys, self._mask
        # The lower bits of a small number's hash are the number itself; the upper ones scatter it.
        place = (key ^ key >> 32) & mask
        while keys[place] not in (0, key):
            place = place + 1 & mask
        return place

    def get(self, key: int) -> int:
        """The value of a key, 0 where it has none."""
        return self._values[self._place(key & _WORD or 1)]

    def put(self, key: int, value: int) -> None:
        """Give a key its value; 0 takes it away."""
        key = key & _WORD or 1
        place = self._place(key)
        if not self._keys[place]:
            if 2 * self._used > self._mask:
                self._grow()
                place = self._place(key)
            self._keys[place] = key
            self._used += 1
        self._values[place] = value & _WORD

    def _grow(self) -> None:
        keys, values = self._keys, self._values
        self._make(2 * len(keys))
        for key, value in zip(keys, values, strict=True):
            if value:
                place = self._place(key)
                self._keys[place], self._values[place] = key, value
                self._used += 1
