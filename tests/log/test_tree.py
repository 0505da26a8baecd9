"""RFC 6962: roots, frontiers and proofs, against a definition and another project's vectors."""

from __future__ import annotations

import hashlib
import json
import os
from base64 import b64decode
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.errors import IntegrityError, LogError
from muniment.log.tree import (
    EMPTY,
    Frontier,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    leaf_hashes,
    node_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)

SIZES = st.integers(min_value=0, max_value=140)


# The definitions of RFC 6962, section 2.1, as they are written there.


def _split(size: int) -> int:
    half = 1
    while half * 2 < size:
        half *= 2
    return half


def naive_root(leaves: Sequence[bytes]) -> bytes:
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    half = _split(len(leaves))
    both = naive_root(leaves[:half]) + naive_root(leaves[half:])
    return hashlib.sha256(b"\x01" + both).digest()


def naive_path(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    half = _split(len(leaves))
    if index < half:
        return [*naive_path(index, leaves[:half]), naive_root(leaves[half:])]
    return [*naive_path(index - half, leaves[half:]), naive_root(leaves[:half])]


def naive_consistency(old: int, leaves: Sequence[bytes], whole: bool = True) -> list[bytes]:
    if old == len(leaves):
        return [] if whole else [naive_root(leaves)]
    half = _split(len(leaves))
    if old <= half:
        return [*naive_consistency(old, leaves[:half], whole), naive_root(leaves[half:])]
    return [*naive_consistency(old - half, leaves[half:], False), naive_root(leaves[:half])]


def made(size: int) -> list[bytes]:
    return [leaf_hash(b"%d" % number) for number in range(size)]


def subtrees(leaves: Sequence[bytes]) -> Callable[[int, int], bytes]:
    """Complete subtrees only, as tiles hold them; anything else fails the test."""

    def hash_of(level: int, index: int) -> bytes:
        first, end = index << level, (index + 1) << level
        assert end <= len(leaves), "asked for a subtree that is not complete"
        return naive_root(leaves[first:end])

    return hash_of


def frontier_of(size: int) -> Frontier:
    frontier = Frontier()
    frontier.extend(made(size))
    return frontier


def test_empty_tree_has_the_hash_of_nothing() -> None:
    """The root of no leaves is SHA-256 of the empty string."""
    assert hashlib.sha256(b"").digest() == EMPTY == root_of([]) == Frontier().root()


def test_leaves_and_nodes_are_hashed_apart() -> None:
    """A leaf is hashed behind 0x00 and a node behind 0x01, so neither can pass for the other."""
    left, right = leaf_hash(b"a"), leaf_hash(b"b")
    assert hashlib.sha256(b"\x00a").digest() == left
    assert hashlib.sha256(b"\x01" + left + right).digest() == node_hash(left, right)
    assert [left, right] == leaf_hashes([b"a", b"b"])


@given(st.lists(st.integers(min_value=0, max_value=40), max_size=6))
def test_root_is_the_same_however_leaves_arrive(batches: list[int]) -> None:
    """One by one, in batches of any size, or all at once: the root is that of RFC 6962."""
    leaves = made(sum(batches))
    single, batched, at = Frontier(), Frontier(), 0
    for batch in batches:
        batched.extend(leaves[at : at + batch])
        at += batch
        assert naive_root(leaves[:at]) == batched.root()
    for leaf in leaves:
        single.append(leaf)
    assert (len(leaves), naive_root(leaves)) == (single.size, single.root())
    assert single.to_bytes() == batched.to_bytes()


@given(SIZES, SIZES)
def test_a_stored_frontier_goes_on_growing(size: int, more: int) -> None:
    """What from_bytes gives back grows to the same root as the one that was never stored."""
    leaves = made(size + more)
    frontier = Frontier()
    frontier.extend(leaves[:size])
    stored = frontier.to_bytes()
    assert 10 + 32 * size.bit_count() == len(stored)
    again = Frontier.from_bytes(stored)
    assert (size, frontier.root()) == (again.size, again.root())
    again.extend(leaves[size:])
    assert naive_root(leaves) == again.root()
    assert naive_root(leaves[:size]) == frontier.root()


@given(st.integers(min_value=0, max_value=300), st.integers(min_value=0, max_value=40))
def test_leaves_added_singly_give_each_root(size: int, more: int) -> None:
    """The same roots and the same frontier as adding them one after the other."""
    leaves = made(size + more)
    frontier, other = Frontier(), Frontier()
    frontier.extend(leaves[:size])
    other.extend(leaves[:size])
    expected = []
    for leaf in leaves[size:]:
        other.append(leaf)
        expected.append(other.root())
    assert expected == frontier.append_each(leaves[size:])
    assert other.to_bytes() == frontier.to_bytes()
    assert other.root() == frontier.root()


def test_a_copy_grows_on_its_own() -> None:
    """Appending to a copy leaves the first one as it was."""
    frontier = frontier_of(7)
    twin = frontier.copy()
    twin.append(leaf_hash(b"other"))
    assert naive_root(made(7)) == frontier.root()
    assert 8 == twin.size


def test_extend_leaves_the_given_list_alone() -> None:
    """A caller's list of hashes is read, never changed."""
    leaves = made(5)
    frontier = frontier_of(3)
    frontier.extend(leaves)
    assert made(5) == leaves


@given(SIZES)
def test_a_frontier_can_be_read_from_subtrees(size: int) -> None:
    """A lost frontier is computed again from complete subtrees alone."""
    leaves = made(size)
    assert frontier_of(size).to_bytes() == Frontier.at(size, subtrees(leaves)).to_bytes()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"F\x01",
        b"F\x01" + bytes(7),
        b"F\x02" + bytes(8),
        b"G\x01" + bytes(8),
        b"F\x01" + bytes(9),
        b"F\x01" + (3).to_bytes(8, "big") + bytes(32),
        b"F\x01" + (3).to_bytes(8, "big") + bytes(65),
    ],
)
def test_a_broken_frontier_is_refused(data: bytes) -> None:
    """Another mark, or hashes that do not fit the size, is no frontier."""
    with pytest.raises(IntegrityError) as caught:
        Frontier.from_bytes(data)
    assert "log.frontier" == caught.value.code


@given(st.data())
def test_inclusion_proofs_are_those_of_the_definition(data: st.DataObject) -> None:
    """Made from complete subtrees alone, the proof equals PATH(m, D[n]) and verifies."""
    size = data.draw(st.integers(min_value=1, max_value=140))
    index = data.draw(st.integers(min_value=0, max_value=size - 1))
    leaves = made(size)
    proof = inclusion_proof(index, size, subtrees(leaves))
    assert naive_path(index, leaves) == proof
    verify_inclusion(leaves[index], index, size, naive_root(leaves), proof)


@given(st.data())
def test_consistency_proofs_are_those_of_the_definition(data: st.DataObject) -> None:
    """Made from complete subtrees alone, the proof equals PROOF(m, D[n]) and verifies."""
    new = data.draw(st.integers(min_value=1, max_value=140))
    old = data.draw(st.integers(min_value=1, max_value=new))
    leaves = made(new)
    proof = consistency_proof(old, new, subtrees(leaves))
    assert naive_consistency(old, leaves) == proof
    verify_consistency(old, new, naive_root(leaves[:old]), naive_root(leaves), proof)


@given(st.data())
def test_a_changed_inclusion_proof_is_refused(data: st.DataObject) -> None:
    """No other leaf, index, root, size or proof passes."""
    size = data.draw(st.integers(min_value=1, max_value=70))
    index = data.draw(st.integers(min_value=0, max_value=size - 1))
    leaves = made(size)
    root, proof = naive_root(leaves), naive_path(index, leaves)
    other = leaf_hash(b"other")
    changed: list[tuple[bytes, int, bytes, list[bytes]]] = [
        (other, index, root, proof),
        (leaves[index], size, root, proof),
        (leaves[index], -1, root, proof),
        (leaves[index], index, other, proof),
        (leaves[index], index, root, [*proof, other]),
        (leaves[index], index, root, [other, *proof]),
        (leaves[index][:31], index, root, proof),
        (leaves[index], index, root, [*proof, b""]),
    ]
    if proof:
        flipped = data.draw(st.integers(min_value=0, max_value=len(proof) - 1))
        bad = [other if place == flipped else one for place, one in enumerate(proof)]
        changed += [
            (leaves[index], index, root, bad),
            (leaves[index], index, root, proof[:-1]),
            (leaves[index], index, root, [*proof[:-1], proof[-1] + b"\x00"]),
            (leaves[index], index ^ 1, root, proof) if index ^ 1 < size else (other, index, root, proof),
        ]
    for leaf, place, top, path in changed:
        with pytest.raises(IntegrityError) as caught:
            verify_inclusion(leaf, place, size, top, path)
        assert caught.value.code.startswith("log.proof_")


@given(st.data())
def test_a_changed_consistency_proof_is_refused(data: st.DataObject) -> None:
    """No other root, size or proof passes."""
    new = data.draw(st.integers(min_value=2, max_value=70))
    old = data.draw(st.integers(min_value=1, max_value=new - 1))
    leaves = made(new)
    before, after = naive_root(leaves[:old]), naive_root(leaves)
    proof = naive_consistency(old, leaves)
    other = leaf_hash(b"other")
    changed: list[tuple[int, int, bytes, bytes, list[bytes]]] = [
        (old, new, other, after, proof),
        (old, new, before, other, proof),
        (old, new, after, before, proof),
        (0, new, EMPTY, after, proof),
        (0, new, EMPTY, after, []),
        (new, old, after, before, proof),
        (old, new, before, after, []),
        (old, new, before, after, [*proof, other]),
        (old, new, before, after, [other, *proof]),
        (old, new, before, after, proof[:-1]),
        (old, new, before, after, [*proof[:-1], other]),
        (old, new, before, after, [*proof[:-1], proof[-1][:31]]),
        (old, old, before, before, proof),
        (old, old, before, after, []),
    ]
    for small, large, first, second, path in changed:
        with pytest.raises(IntegrityError) as caught:
            verify_consistency(small, large, first, second, path)
        assert caught.value.code.startswith("log.proof_")


def test_proofs_of_what_is_not_there_are_not_made() -> None:
    """An index at the size, and a tree that would shrink, are refused before anything is read."""

    def never(level: int, index: int) -> bytes:
        raise AssertionError("nothing is to be read")

    for index, size in ((0, 0), (5, 5), (-1, 5)):
        with pytest.raises(LogError, match=r"\[log\.index\]"):
            inclusion_proof(index, size, never)
    for old, new in ((6, 5), (-1, 5)):
        with pytest.raises(LogError, match=r"\[log\.sizes\]"):
            consistency_proof(old, new, never)
    assert [] == consistency_proof(0, 5, never)
    assert [] == consistency_proof(5, 5, never)


def test_a_proof_in_a_huge_tree_is_short() -> None:
    """10^11 entries: 37 hashes, and only complete subtrees are asked for."""
    size, index = 10**11, 10**11 - 12_345
    asked = []

    def hash_of(level: int, place: int) -> bytes:
        assert (place + 1) << level <= size
        asked.append((level, place))
        return leaf_hash(b"%d %d" % (level, place))

    assert 37 >= len(inclusion_proof(index, size, hash_of))
    assert 37 * 2 >= len(asked)


# Vectors of transparency-dev/merkle.


def _vectors(name: str) -> list[Any]:
    folder = os.environ.get("MUNIMENT_TEST_DATA")
    if not folder:
        mark = pytest.mark.skip(reason="MUNIMENT_TEST_DATA is not set: no Merkle vectors")
        return [pytest.param(None, id=name, marks=mark)]
    files = sorted((Path(folder) / "vectors" / "merkle" / name).rglob("*.json"))
    return [
        pytest.param(json.loads(file.read_text()), id=f"{file.parent.name}-{file.stem}") for file in files
    ]


def _decoded(vector: dict[str, Any], *names: str) -> list[bytes]:
    return [b64decode(vector[name] or "") for name in names]


def _outcome(check: Callable[[], None]) -> bool:
    try:
        check()
    except IntegrityError as error:
        return error.code.startswith("log.proof_")
    return False


@pytest.mark.parametrize("vector", _vectors("inclusion"))
def test_inclusion_agrees_with_another_project(vector: dict[str, Any]) -> None:
    """What they refuse is refused, what they accept is accepted."""
    leaf, root = _decoded(vector, "leafHash", "root")
    proof = [b64decode(one) for one in vector["proof"] or []]
    index, size = vector["leafIdx"], vector["treeSize"]
    assert vector["wantErr"] == _outcome(lambda: verify_inclusion(leaf, index, size, root, proof))


@pytest.mark.parametrize("vector", _vectors("consistency"))
def test_consistency_agrees_with_another_project(vector: dict[str, Any]) -> None:
    """What they refuse is refused, what they accept is accepted."""
    first, second = _decoded(vector, "root1", "root2")
    proof = [b64decode(one) for one in vector["proof"] or []]
    old, new = vector["size1"], vector["size2"]
    assert vector["wantErr"] == _outcome(lambda: verify_consistency(old, new, first, second, proof))


def test_all_the_vectors_are_there() -> None:
    """98 of each kind were run, so a moved folder does not pass for success."""
    if not os.environ.get("MUNIMENT_TEST_DATA"):
        pytest.skip("MUNIMENT_TEST_DATA is not set: no Merkle vectors")
    assert (98, 98) == (len(_vectors("inclusion")), len(_vectors("consistency")))
