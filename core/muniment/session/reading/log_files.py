"""Proofs of entries, and the log as files that other people's tools read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from muniment import audit
from muniment.errors import LogError, NotFound, StoreError
from muniment.files import write_atomically
from muniment.log.detail import Opening
from muniment.log.entry import unpack_entries
from muniment.log.proof import make_proof
from muniment.log.tiles import TILE_WIDTH, export_tree, tile_hashes
from muniment.log.tree import leaf_hashes
from muniment.session.kernel.acting import Acting
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.kernel.tiles import TileReader
from muniment.session.reading.generations import signed_end
from muniment.store import Reader

__all__ = ["export_log", "proof_of", "prove_entry"]


def prove_entry(engine: Engine, acting: Acting, index: int, *, generation: int | None = None) -> str:
    """The proof that one entry is in the log that the newest checkpoint signs (c2sp.org/tlog-proof).

    Args:
        engine: the opened archive.
        acting: who, why and through what.
        index: of the entry.
        generation: of the log; one that is over is proven by its last checkpoint.

    Raises:
        NotFound: ``log.no_entry`` where nothing signed covers it, ``log.no_generation``.
        AccessDenied: ``access.action``; logged.
    """
    target: dict[str, object] = {"index": index}
    if generation is not None:
        target["generation"] = generation
    with engine.guarded(acting, "log.export"):
        engine.policy.require(acting.actor, "log.export")
        engine.note(acting, "log.prove", target=target)
    signed = signed_end(engine, generation)
    if not 0 <= index < signed.size:
        raise NotFound("log.no_entry", index=index)
    with engine.store.transaction() as tx:
        reader = TileReader(tx, SHARD, signed.gen, signed.size)
        found = audit.entry_at(tx, SHARD, signed.gen, index)
        return make_proof(found.data, index, tile_hashes(reader.read, signed.size), signed.note)


def proof_of(engine: Engine, gen: int, index: int) -> tuple[str, Opening]:
    """The proof of one entry with what opens its detail; for acts whose own entries say what they give out.

    Args:
        engine: the opened archive.
        gen: the generation of the log; one that ended is proven by its newest checkpoint.
        index: of the entry.

    Raises:
        NotFound: ``log.no_entry`` where nothing signed covers it, or its detail was disposed of.
    """
    signed = signed_end(engine, gen)
    if not 0 <= index < signed.size:
        raise NotFound("log.no_entry", index=index)
    with engine.store.transaction() as tx:
        reader = TileReader(tx, SHARD, gen, signed.size)
        found = audit.entry_at(tx, SHARD, gen, index)
        if found.opening is None:
            raise NotFound("log.no_entry", index=index)
        return make_proof(
            found.data, index, tile_hashes(reader.read, signed.size), signed.note
        ), found.opening


def export_log(
    engine: Engine,
    acting: Acting,
    folder: Path,
    *,
    generation: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Write one generation of the log as files that other people's tools read (c2sp.org/tlog-tiles).

    Args:
        engine: the opened archive.
        acting: who, why and through what.
        folder: new or empty.
        generation: of the log, by default the newest; one that is over ends with its last checkpoint.
        progress: told how many of how many entries are written.

    Returns:
        How many entries were written.

    Raises:
        NotFound: ``log.no_generation``.
        StoreError: ``store.folder_used`` where the folder holds something.
        LogError: ``log.changed`` where the files do not give the signed root.
    """
    if folder.exists() and any(folder.iterdir()):
        raise StoreError("store.folder_used", where=str(folder))
    said = None if generation is None else {"generation": generation}
    with engine.guarded(acting, "log.export"):
        engine.policy.require(acting.actor, "log.export")
        engine.note(acting, "log.export", recipient=str(folder.name), target=said)
    signed = signed_end(engine, generation)
    reader: Reader
    with engine.store.snapshot() as reader:
        done = 0

        def entries() -> Iterator[bytes]:
            nonlocal done
            for batch in reader.batches(SHARD, signed.gen, stop=signed.size):
                for data in unpack_entries(batch.entries):
                    yield data
                    done += 1
                if progress is not None:
                    progress(done, signed.size)

        hashes = _RootCheck()
        for path, content in export_tree(hashes.seen(entries()), signed.size):
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(target, content)
    if hashes.root != signed.root:
        raise LogError("log.changed", where=str(folder))
    # Last, so that a folder with a checkpoint is a whole one.
    write_atomically(folder / "checkpoint", signed.note.encode("utf-8"))
    return signed.size


class _RootCheck:
    """Hashes entries on their way out, so that what was written is what was signed."""

    def __init__(self) -> None:
        from muniment.log.tree import Frontier

        self._frontier = Frontier()

    def seen(self, entries: Iterator[bytes]) -> Iterator[bytes]:
        """The same entries, hashed on the way."""
        waiting: list[bytes] = []
        for data in entries:
            waiting.append(data)
            if len(waiting) == TILE_WIDTH:
                self._frontier.extend(leaf_hashes(waiting))
                waiting = []
            yield data
        self._frontier.extend(leaf_hashes(waiting))

    @property
    def root(self) -> bytes:
        """The root of all that went by."""
        return self._frontier.root()
