"""The Merkle tree of RFC 6962 over SHA-256: roots, proofs, and a frontier that grows.

A tree of n leaves is never held whole. To append, a log keeps the *frontier*:
the root of each complete subtree that the n leaves fall into, one for each bit
set in n. To prove, it asks a ``HashOf`` for complete subtrees by level and
index, so that the answer can come from tiles, from a table or from memory.

Level 0 holds the leaf hashes; the subtree (level, index) spans the leaves
``index << level`` up to ``(index + 1) << level``. Every hash is 32 bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from hmac import compare_digest
from typing import Final

from muniment.errors import IntegrityError, LogError

__all__ = [
    "EMPTY",
    "Frontier",
    "HashOf",
    "consistency_proof",
    "inclusion_proof",
    "leaf_hash",
    "leaf_hashes",
    "node_hash",
    "root_of",
    "verify_consistency",
    "verify_inclusion",
]

HashOf = Callable[[int, int], bytes]
"""Gives the hash of one complete subtree: (level, index) to 32 bytes."""

_sha256 = hashlib.sha256

EMPTY: Final = _sha256(b"").digest()
"""The root of a tree without leaves (RFC 6962, section 2.1)."""

_MARK: Final = b"F\x01"
_MAX_SIZE: Final = (1 << 64) - 1


def leaf_hash(entry: bytes) -> bytes:
    """The hash of one leaf: SHA-256(0x00 | entry), 32 bytes."""
    return _sha256(b"\x00" + entry).digest()


def leaf_hashes(entries: Iterable[bytes]) -> list[bytes]:
    """The hashes of many leaves, in order; quicker than one call each."""
    return [_sha256(b"\x00" + entry).digest() for entry in entries]


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node: SHA-256(0x01 | left | right), 32 bytes."""
    return _sha256(b"\x01" + left + right).digest()


def root_of(hashes: Iterable[bytes]) -> bytes:
    """The root over leaf hashes, 32 bytes; ``EMPTY`` where there are none."""
    frontier = Frontier()
    frontier.extend(hashes)
    return frontier.root()


class Frontier:
    """The complete subtrees at the right edge of a growing tree: all that appending needs.

    Holds at most 64 hashes, whatever the size. Mutable, and not to be shared
    between threads without a lock.
    """

    __slots__ = ("_nodes", "_size")

    def __init__(self) -> None:
        # One hash a level. The one at level k counts only while bit k of the
        # size is set; what an unset bit leaves behind is never read.
        self._nodes: list[bytes] = []
        self._size = 0

    @classmethod
    def at(cls, size: int, hash_of: HashOf) -> Frontier:
        """The frontier of a tree of that size, from its complete subtrees.

        Args:
            size: the number of leaves.
            hash_of: gives complete subtrees, such as a reader of tiles.
        """
        frontier = cls()
        frontier._nodes = [
            hash_of(level, (size >> level) - 1) if size >> level & 1 else b""
            for level in range(size.bit_length())
        ]
        frontier._size = size
        return frontier

    @property
    def size(self) -> int:
        """The number of leaves so far."""
        return self._size

    def append(self, hashed: bytes) -> None:
        """Add one leaf.

        Args:
            hashed: the leaf's hash, 32 bytes.
        """
        size, nodes, level = self._size, self._nodes, 0
        while size >> level & 1:
            hashed = _sha256(b"\x01" + nodes[level] + hashed).digest()
            level += 1
        if level == len(nodes):
            nodes.append(hashed)
        else:
            nodes[level] = hashed
        self._size = size + 1

    def extend(self, hashes: Iterable[bytes]) -> None:
        """Add many leaves, a level at a time: about one SHA-256 for each leaf.

        Args:
            hashes: the leaves' hashes in order, 32 bytes each.
        """
        row = list(hashes)
        size, nodes, level = self._size, self._nodes, 0
        self._size = size + len(row)
        sha256 = _sha256
        while row:
            if level == len(nodes):
                nodes.append(b"")
            if size >> level & 1:
                row.insert(0, nodes[level])
            if len(row) & 1:
                nodes[level] = row.pop()
            ahead = iter(row)
            row = [sha256(b"\x01" + left + right).digest() for left, right in zip(ahead, ahead, strict=True)]
            level += 1

    def append_each(self, hashes: Iterable[bytes]) -> list[bytes]:
        """Add many leaves one by one, and give the root after each: what a verifier of single entries needs.

        Args:
            hashes: the leaves' hashes in order, 32 bytes each.
        """
        size, nodes, sha256 = self._size, self._nodes, _sha256
        # The complete subtrees from the largest to the smallest, each as the left half of a node.
        lefts = [b"\x01" + nodes[level] for level in reversed(range(len(nodes))) if size >> level & 1]
        roots: list[bytes] = []
        for hashed in hashes:
            bits = size
            while bits & 1:
                hashed = sha256(lefts.pop() + hashed).digest()  # it climbs
                bits >>= 1
            root = hashed
            for left in reversed(lefts):
                root = sha256(left + root).digest()
            roots.append(root)
            lefts.append(b"\x01" + hashed)
            size += 1
        self._size = size
        self._nodes = [lefts.pop()[1:] if size >> level & 1 else b"" for level in range(size.bit_length())]
        return roots

    def root(self) -> bytes:
        """The root over all leaves so far, 32 bytes."""
        size, nodes, sha256 = self._size, self._nodes, _sha256
        if not size:
            return EMPTY
        lowest = size & -size
        root = nodes[lowest.bit_length() - 1]
        size ^= lowest
        while size:
            lowest = size & -size
            root = sha256(b"\x01" + nodes[lowest.bit_length() - 1] + root).digest()
            size ^= lowest
        return root

    def copy(self) -> Frontier:
        """Another frontier that grows on its own."""
        twin = Frontier()
        twin._nodes = self._nodes.copy()
        twin._size = self._size
        return twin

    def to_bytes(self) -> bytes:
        """The frontier as it is stored: 0x46 | format 0x01 | size u64 | hashes, largest subtree first.

        There is one hash of 32 bytes for each bit set in the size; integers are
        big-endian.
        """
        size, nodes = self._size, self._nodes
        kept = [nodes[level] for level in reversed(range(len(nodes))) if size >> level & 1]
        return b"".join([_MARK, size.to_bytes(8, "big"), *kept])

    @classmethod
    def from_bytes(cls, data: bytes) -> Frontier:
        """Read back what ``to_bytes`` gave.

        Raises:
            IntegrityError: ``log.frontier`` where the mark or the length is another.
        """
        size = int.from_bytes(data[2:10], "big")
        if data[:2] != _MARK or len(data) != 10 + 32 * size.bit_count():
            raise IntegrityError("log.frontier")
        frontier = cls()
        frontier._size = size
        frontier._nodes = [b""] * size.bit_length()
        place = len(data)
        for level in range(size.bit_length()):
            if size >> level & 1:
                frontier._nodes[level] = data[place - 32 : place]
                place -= 32
        return frontier


def _span(first: int, end: int, hash_of: HashOf) -> bytes:
    """The hash over the leaves first..end, where first is a multiple of the power of two that spans them."""
    peaks = []
    while first < end:
        level = (end - first).bit_length() - 1
        peaks.append(hash_of(level, first >> level))
        first += 1 << level
    root = peaks.pop()
    while peaks:
        root = node_hash(peaks.pop(), root)
    return root


def _half(width: int) -> int:
    """The largest power of two below ``width``: where RFC 6962 splits a tree."""
    return 1 << (width - 1).bit_length() - 1


def inclusion_proof(index: int, size: int, hash_of: HashOf) -> list[bytes]:
    """The hashes that lead from one leaf to the root (RFC 6962, section 2.1.1).

    Args:
        index: the leaf's index, from 0.
        size: the number of leaves of the tree that it is proved in.
        hash_of: gives complete subtrees of that tree.

    Returns:
        At most 64 hashes of 32 bytes, from the leaf's sibling up.

    Raises:
        LogError: ``log.index`` where there is no such leaf.
    """
    if not 0 <= index < size <= _MAX_SIZE:
        raise LogError("log.index", index=index, size=size)
    proof, first, end = [], 0, size
    while end - first > 1:
        middle = first + _half(end - first)
        if index < middle:
            proof.append(_span(middle, end, hash_of))
            end = middle
        else:
            proof.append(_span(first, middle, hash_of))
            first = middle
    proof.reverse()
    return proof


def consistency_proof(old: int, new: int, hash_of: HashOf) -> list[bytes]:
    """The hashes that show a tree to be the beginning of a larger one (RFC 6962, section 2.1.2).

    Args:
        old: the size of the smaller tree.
        new: the size of the larger tree.
        hash_of: gives complete subtrees of the larger tree.

    Returns:
        Hashes of 32 bytes; none where the sizes are equal or the smaller is 0.

    Raises:
        LogError: ``log.sizes`` where the smaller tree is the larger.
    """
    if not 0 <= old <= new <= _MAX_SIZE:
        raise LogError("log.sizes", old=old, new=new)
    if old == 0:
        return []
    proof, first, end, whole = [], 0, new, True
    while old < end:
        middle = first + _half(end - first)
        if old <= middle:
            proof.append(_span(middle, end, hash_of))
            end = middle
        else:
            proof.append(_span(first, middle, hash_of))
            first, whole = middle, False
    if not whole:
        proof.append(_span(first, end, hash_of))
    proof.reverse()
    return proof


def _check_hashes(hashes: Iterable[bytes]) -> None:
    if any(len(one) != 32 for one in hashes):
        raise IntegrityError("log.proof_hash")


def verify_inclusion(leaf: bytes, index: int, size: int, root: bytes, proof: Sequence[bytes]) -> None:
    """Check that a leaf stands at an index of a tree (RFC 9162, section 2.1.3.2).

    Args:
        leaf: the leaf's hash, 32 bytes; hash the entry yourself.
        index: the leaf's index, from 0.
        size: the number of leaves, out of a verified checkpoint.
        root: the root of that tree, out of the same checkpoint.
        proof: the hashes, from the leaf's sibling up.

    Raises:
        IntegrityError: ``log.proof_index`` where the index is not below the
            size, ``log.proof_hash`` for a hash that is not 32 bytes,
            ``log.proof_length`` for too many or too few hashes, and
            ``log.proof_root`` where they lead to another root.
    """
    if not 0 <= index < size <= _MAX_SIZE:
        raise IntegrityError("log.proof_index", index=index, size=size)
    _check_hashes((leaf, root, *proof))
    place, last, node = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise IntegrityError("log.proof_length")
        if place & 1 or place == last:
            node = node_hash(sibling, node)
            while not place & 1 and place:
                place >>= 1
                last >>= 1
        else:
            node = node_hash(node, sibling)
        place >>= 1
        last >>= 1
    if last != 0:
        raise IntegrityError("log.proof_length")
    if not compare_digest(node, root):
        raise IntegrityError("log.proof_root")


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Check that a tree is the beginning of a larger one (RFC 9162, section 2.1.4.2).

    A tree without leaves is the beginning of every tree, so a proof that starts
    at size 0 shows nothing and is refused, also the one from 0 to 0.

    Args:
        old: the size of the smaller tree, at least 1.
        new: the size of the larger tree.
        old_root: the root of the smaller tree, 32 bytes.
        new_root: the root of the larger tree, 32 bytes.
        proof: the hashes; none where the sizes are equal.

    Raises:
        IntegrityError: ``log.proof_sizes`` where the sizes cannot be,
            ``log.proof_hash`` for a hash that is not 32 bytes,
            ``log.proof_length`` for too many or too few hashes, and
            ``log.proof_root`` where they lead to other roots.
    """
    if not 0 < old <= new <= _MAX_SIZE:
        raise IntegrityError("log.proof_sizes", old=old, new=new)
    if old == new:
        if proof:
            raise IntegrityError("log.proof_length")
        if not compare_digest(old_root, new_root):
            raise IntegrityError("log.proof_root")
        return
    _check_hashes((old_root, new_root, *proof))
    place, last = old - 1, new - 1
    while place & 1:
        place >>= 1
        last >>= 1
    # A smaller tree that is one complete subtree is not repeated in the proof.
    hashes = iter((old_root, *proof) if place == 0 else proof)
    before = after = next(hashes, b"")
    if not before:
        raise IntegrityError("log.proof_length")
    for sibling in hashes:
        if last == 0:
            raise IntegrityError("log.proof_length")
        if place & 1 or place == last:
            before = node_hash(sibling, before)
            after = node_hash(sibling, after)
            while not place & 1 and place:
                place >>= 1
                last >>= 1
        else:
            after = node_hash(after, sibling)
        place >>= 1
        last >>= 1
    if last != 0:
        raise IntegrityError("log.proof_length")
    if not (compare_digest(before, old_root) and compare_digest(after, new_root)):
        raise IntegrityError("log.proof_root")
