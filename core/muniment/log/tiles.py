"""A log as files: tiles of hashes and bundles of entries (c2sp.org/tlog-tiles).

A tile is 256 hashes of 32 bytes in a row: at level 0 leaf hashes, above it the
roots of full tiles of the level below. The last tile of a level may be partial;
the last bundle likewise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Final

from muniment.errors import IntegrityError, LogError
from muniment.log.entry import pack_entries
from muniment.log.tree import HashOf, leaf_hashes, node_hash

__all__ = [
    "TILE_WIDTH",
    "entries_path",
    "export_tree",
    "hash_from_tiles",
    "tile_hashes",
    "tile_path",
]

TILE_WIDTH: Final = 256
"""Hashes in a full tile, entries in a full bundle."""

_HEIGHT: Final = 8


def _number(index: int, width: int) -> str:
    groups = [f"{index % 1000:03d}"]
    while index >= 1000:
        index //= 1000
        groups.append(f"x{index % 1000:03d}")
    partial = "" if width == TILE_WIDTH else f".p/{width}"
    return "/".join(reversed(groups)) + partial


def tile_path(level: int, index: int, *, width: int = TILE_WIDTH) -> str:
    """The path of a tile of hashes, such as ``tile/0/x001/234.p/5``.

    Args:
        level: of tiles, from 0: one for every 8 levels of the tree.
        index: of the tile within its level, from 0.
        width: hashes in it, 1 to 256.
    """
    return f"tile/{level}/{_number(index, width)}"


def entries_path(index: int, *, width: int = TILE_WIDTH) -> str:
    """The path of a bundle of entries, such as ``tile/entries/x001/234.p/5``.

    Args:
        index: of the bundle, from 0.
        width: entries in it, 1 to 256.
    """
    return f"tile/entries/{_number(index, width)}"


def _fold(hashes: list[bytes]) -> bytes:
    """The root of a complete subtree, from the hashes of one of its levels."""
    while len(hashes) > 1:
        ahead = iter(hashes)
        hashes = [node_hash(left, right) for left, right in zip(ahead, ahead, strict=True)]
    return hashes[0]


def export_tree(entries: Iterable[bytes], size: int) -> Iterator[tuple[str, bytes]]:
    """The files of a log, one after the other; holds one tile a level, whatever the size.

    The root over the entries is for the caller to check, against a checkpoint
    of the same size, before anybody relies on the files.

    Args:
        entries: all of them, in order.
        size: how many there must be.

    Yields:
        Path and content, each path once; a tile after the tiles it stands on.

    Raises:
        IntegrityError: ``log.export_count`` where there are fewer or more entries.
        LogError: ``log.entry_size`` for an entry that is empty or too long.
    """
    source = iter(entries)
    rows: list[list[bytes]] = []  # The tile that is being filled at each level.
    full: list[int] = []  # How many tiles each level has already.
    done = 0
    while bundle := list(islice(source, TILE_WIDTH)):
        yield entries_path(done // TILE_WIDTH, width=len(bundle)), pack_entries(bundle)
        done += len(bundle)
        if done > size:
            break
        level, carried = 0, leaf_hashes(bundle)
        while carried:
            if level == len(rows):
                rows.append([])
                full.append(0)
            rows[level] += carried
            carried = []
            if len(rows[level]) == TILE_WIDTH:
                yield tile_path(level, full[level]), b"".join(rows[level])
                carried = [_fold(rows[level])]
                rows[level] = []
                full[level] += 1
            level += 1
    if done != size:
        raise IntegrityError("log.export_count", count=done, size=size)
    for level, row in enumerate(rows):
        if row:
            yield tile_path(level, full[level], width=len(row)), b"".join(row)


def hash_from_tiles(read: Callable[[str], bytes], level: int, index: int, size: int) -> bytes:
    """The hash of one complete subtree, read from tiles.

    Tiles are not proof: compare what is made of them with a verified root.

    Args:
        read: gives the content of a path.
        level: of the tree; 0 are the leaves.
        index: of the subtree within its level.
        size: the size of the log that the tiles were written for.

    Returns:
        32 bytes.

    Raises:
        LogError: ``log.index`` where the log has no such complete subtree.
        IntegrityError: ``log.tile`` where a tile has another length than it must.
    """
    if index < 0 or (index + 1) << level > size:
        raise LogError("log.index", index=index, size=size)
    tile_level, within = divmod(level, _HEIGHT)
    first = index << within
    tile = first // TILE_WIDTH
    width = min(TILE_WIDTH, (size >> _HEIGHT * tile_level) - tile * TILE_WIDTH)
    path = tile_path(tile_level, tile, width=width)
    data = read(path)
    if len(data) != 32 * width:
        raise IntegrityError("log.tile", where=path)
    start = first % TILE_WIDTH
    return _fold([data[32 * place : 32 * place + 32] for place in range(start, start + (1 << within))])


def tile_hashes(read: Callable[[str], bytes], size: int) -> HashOf:
    """What proofs ask for their hashes, answered from tiles.

    Args:
        read: gives the content of a path; worth caching, as one proof comes
            back to the same few tiles.
        size: the size of the log that the tiles were written for.
    """

    def hash_of(level: int, index: int) -> bytes:
        return hash_from_tiles(read, level, index, size)

    return hash_of
