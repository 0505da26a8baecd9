"""A log as files: the paths and contents of c2sp.org/tlog-tiles, and proofs made from them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.errors import IntegrityError, LogError
from muniment.log.entry import unpack_entries
from muniment.log.tiles import (
    TILE_WIDTH,
    entries_path,
    export_tree,
    hash_from_tiles,
    tile_hashes,
    tile_path,
)
from muniment.log.tree import (
    Frontier,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)


def entries(size: int) -> Iterator[bytes]:
    return (b"entry %d" % number for number in range(size))


def naive_level(leaves: list[bytes], level: int) -> list[bytes]:
    """The roots of all complete subtrees of 256^level leaves, straight from the definition."""
    hashes = leaves
    for _ in range(8 * level):
        hashes = [
            hashlib.sha256(b"\x01" + left + right).digest()
            for left, right in zip(hashes[::2], hashes[1::2], strict=False)
        ]
    return hashes


@pytest.mark.parametrize(
    ("index", "width", "path"),
    [
        (0, 256, "000"),
        (5, 112, "005.p/112"),
        (999, 256, "999"),
        (1000, 1, "x001/000.p/1"),
        (1_234_067, 256, "x001/x234/067"),
        (1_000_000_000, 255, "x001/x000/x000/000.p/255"),
    ],
)
def test_paths_are_in_groups_of_three_digits(index: int, width: int, path: str) -> None:
    """All groups but the last begin with x, so that no file is also a folder."""
    assert f"tile/7/{path}" == tile_path(7, index, width=width)
    assert f"tile/entries/{path}" == entries_path(index, width=width)


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 511, 512, 700])
def test_an_export_holds_every_tile_and_entry_once(size: int) -> None:
    """Full tiles, the partial ones at the right edge, and bundles that hash to level 0."""
    made = list(export_tree(entries(size), size))
    files = dict(made)
    assert len(made) == len(files)
    leaves = [leaf_hash(entry) for entry in entries(size)]
    expected = {}
    for level in range(3):
        hashes = naive_level(leaves, level)
        for tile, first in enumerate(range(0, len(hashes), TILE_WIDTH)):
            some = hashes[first : first + TILE_WIDTH]
            expected[tile_path(level, tile, width=len(some))] = b"".join(some)
    bundles = {path: files.pop(path) for path in list(files) if path.startswith("tile/entries/")}
    assert expected == files
    again: list[bytes] = []
    for tile, first in enumerate(range(0, size, TILE_WIDTH)):
        path = entries_path(tile, width=min(TILE_WIDTH, size - first))
        again += unpack_entries(bundles.pop(path))
    assert list(entries(size)) == again
    assert {} == bundles


def test_the_example_of_the_specification() -> None:
    """70,000 entries: 273 full tiles and one of 112, one full and one of 17, one of 1."""
    size = 70_000
    paths = [path for path, _ in export_tree(entries(size), size)]
    level0 = [path for path in paths if path.startswith("tile/0/")]
    assert (274, "tile/0/273.p/112") == (len(level0), level0[-1])
    assert {"tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1"} == {
        path for path in paths if path.startswith(("tile/1/", "tile/2/"))
    }


def test_an_export_holds_one_tile_a_level() -> None:
    """Files come out as entries go in: nothing is kept until the end."""
    taken = 0

    def counted() -> Iterator[bytes]:
        nonlocal taken
        for entry in entries(2560):
            taken += 1
            yield entry

    seen = []
    for path, _ in export_tree(counted(), 2560):
        if path.startswith("tile/entries/"):
            seen.append(taken)
    assert all(later - earlier <= TILE_WIDTH for earlier, later in pairwise(seen))
    assert TILE_WIDTH == seen[0]


@pytest.mark.parametrize("given_", [0, 1, 255, 256, 299, 301, 600])
def test_another_number_of_entries_is_refused(given_: int) -> None:
    """Fewer or more than the checkpoint says: the export ends with an error."""
    with pytest.raises(IntegrityError) as caught:
        list(export_tree(entries(given_), 300))
    assert ("log.export_count", 300) == (caught.value.code, caught.value.parameters["size"])


SIZE = 1_300
FILES = dict(export_tree(entries(SIZE), SIZE))
LEAVES = [leaf_hash(entry) for entry in entries(SIZE)]


@given(st.data())
def test_tiles_give_every_complete_subtree(data: st.DataObject) -> None:
    """At every level, also those between the levels of tiles."""
    level = data.draw(st.integers(min_value=0, max_value=SIZE.bit_length() - 1))
    index = data.draw(st.integers(min_value=0, max_value=(SIZE >> level) - 1))
    some = LEAVES[index << level : (index + 1) << level]
    assert root_of(some) == hash_from_tiles(FILES.__getitem__, level, index, SIZE)


@given(st.integers(min_value=1, max_value=SIZE), st.data())
def test_proofs_are_served_from_tiles(old: int, data: st.DataObject) -> None:
    """Inclusion and consistency, verified against roots made another way."""
    index = data.draw(st.integers(min_value=0, max_value=SIZE - 1))
    hash_of = tile_hashes(FILES.__getitem__, SIZE)
    root = root_of(LEAVES)
    verify_inclusion(LEAVES[index], index, SIZE, root, inclusion_proof(index, SIZE, hash_of))
    before = root_of(LEAVES[:old])
    verify_consistency(old, SIZE, before, root, consistency_proof(old, SIZE, hash_of))
    assert before == Frontier.at(old, hash_of).root()


def test_a_forged_tile_leads_nowhere() -> None:
    """A proof made from a tile with one changed bit does not verify."""
    forged = dict(FILES)
    tile = bytearray(forged["tile/0/001"])
    tile[40] ^= 1
    forged["tile/0/001"] = bytes(tile)
    proof = inclusion_proof(256, SIZE, tile_hashes(forged.__getitem__, SIZE))
    with pytest.raises(IntegrityError, match=r"\[log\.proof_root\]"):
        verify_inclusion(LEAVES[256], 256, SIZE, root_of(LEAVES), proof)


def test_a_cut_tile_is_named() -> None:
    """A tile of another length is refused with its path."""
    whole = FILES["tile/0/000"]
    for data in (b"", whole[:-1], whole + b"\x00"):
        with pytest.raises(IntegrityError) as caught:
            hash_from_tiles({"tile/0/000": data}.__getitem__, 0, 3, SIZE)
        assert ("log.tile", "tile/0/000") == (caught.value.code, caught.value.where)


@pytest.mark.parametrize(("level", "index"), [(0, SIZE), (0, -1), (8, SIZE >> 8), (11, 0), (64, 0)])
def test_subtrees_that_are_not_complete_are_not_read(level: int, index: int) -> None:
    """What tiles do not hold is refused before a file is read."""
    with pytest.raises(LogError, match=r"\[log\.index\]"):
        hash_from_tiles(lambda path: pytest.fail(path), level, index, SIZE)
