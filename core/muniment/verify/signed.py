"""Checkpoints, stored and kept elsewhere: which root the log must have had at which size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from muniment.errors import IntegrityError
from muniment.log.checkpoint import Checkpoint as Statement
from muniment.log.checkpoint import VerifierKey, parse_checkpoint, parse_note
from muniment.log.checkpoint import verify as verify_note
from muniment.store import Reader
from muniment.verify.generations import Lost

__all__ = ["Signed", "expected_roots"]


@attrs.define
class Signed:
    """What was signed.

    Attributes:
        roots: for each generation the root at each signed size.
        verified: how many signatures were checked.
        size: the largest size signed in the newest generation.
        trusted_size: the largest size of a checkpoint kept elsewhere, likewise.
    """

    roots: dict[int, dict[int, bytes]]
    verified: int = 0
    size: int = 0
    trusted_size: int = 0


def expected_roots(
    reader: Reader,
    shard: int,
    generations: Sequence[int],
    origin_base: str,
    key: VerifierKey | None,
    trusted: Sequence[str],
    own: Mapping[str, tuple[int, bytes]],
    lost: Mapping[str, Lost],
) -> Signed:
    """Verify every signature and say which roots follow from them.

    ``own`` is what the key store signed last, by origin; ``lost`` are the entries that a restore gave up.

    Raises:
        IntegrityError: ``integrity.checkpoint`` for a stored checkpoint that is not what was signed;
            ``log.*`` for a trusted one that does not verify or is of another log.
    """
    newest = generations[-1] if generations else 0
    signed = Signed({gen: {} for gen in generations})
    for gen in generations:
        origin = f"{origin_base}/{shard}.{gen}"
        for row in reader.checkpoints(shard, gen):
            statement = _open(row.note, origin, key, row.size)
            if statement.origin != origin or statement.size != row.size or statement.root != row.root:
                raise IntegrityError("integrity.checkpoint", where=origin, index=row.size)
            signed.roots[gen][row.size] = row.root
            signed.verified += key is not None
            if gen == newest:
                signed.size = max(signed.size, row.size)
    for note in trusted:
        statement = parse_checkpoint(parse_note(note).text)
        gens = {f"{origin_base}/{shard}.{gen}": gen for gen in generations}
        if statement.origin not in gens and statement.origin not in lost:
            raise IntegrityError("integrity.other_log", where=statement.origin)
        _open(note, statement.origin, key, statement.size)
        if _is_lost(lost, statement.origin, statement.size):
            continue
        roots = signed.roots[gens[statement.origin]]
        if roots.setdefault(statement.size, statement.root) != statement.root:
            raise IntegrityError("integrity.fork", where=statement.origin, index=statement.size)
        if gens[statement.origin] == newest:
            signed.trusted_size = max(signed.trusted_size, statement.size)
    for origin, (size, root) in own.items():
        # The key store counts a size as signed before its checkpoint is published.
        gens = {f"{origin_base}/{shard}.{gen}": gen for gen in generations}
        if _is_lost(lost, origin, size):
            continue
        if origin not in gens:
            raise IntegrityError("integrity.cut", where=origin, index=0)
        roots = signed.roots[gens[origin]]
        if roots.setdefault(size, root) != root:
            raise IntegrityError("integrity.fork", where=origin, index=size)
    return signed


def _is_lost(lost: Mapping[str, Lost], origin: str, size: int) -> bool:
    """Whether what was signed of this size ends among entries that a restore gave up."""
    one = lost.get(origin)
    return one is not None and one.first < size <= one.last + 1


def _open(note: str, origin: str, key: VerifierKey | None, size: int) -> Statement:
    try:
        if key is None:
            return parse_checkpoint(parse_note(note).text)
        # One seed signs every generation; the key's name is the generation's origin.
        return verify_note(note, [attrs.evolve(key, name=origin)])
    except IntegrityError as error:
        raise IntegrityError("integrity.checkpoint", where=origin, index=size, why=error.code) from None
