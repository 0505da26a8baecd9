"""Having the log witnessed and timestamped; every answer stands in the log itself.

A cosignature is kept as the target of a ``log.witness`` entry, with the size of
the checkpoint it is for: the checkpoint can be made again from its size, and
the line put under it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from muniment import audit
from muniment.errors import IntegrityError, LogError, UsageError
from muniment.evidence.asking import Known, ask_witness, parse_known
from muniment.log.checkpoint import attach, verify_cosignatures
from muniment.log.tiles import tile_hashes
from muniment.log.tree import consistency_proof
from muniment.session.engine import SHARD, Acting, Engine
from muniment.session.tiles import TileReader
from muniment.store import Checkpoint, LogFilter, Transaction

__all__ = ["Asked", "Vouched", "Witnessing", "ask_all", "cosigned", "known_witnesses", "vouch_for"]


@attrs.frozen
class Vouched:
    """What one witness said of the log.

    Attributes:
        name: the witness.
        size: entries it vouched for; 0 if it never did.
        time_us: when, as it says; 0 likewise.
        line: its signature line under the checkpoint of that size.
    """

    name: str
    size: int = 0
    time_us: int = 0
    line: str = ""


@attrs.frozen
class Asked:
    """What became of asking one witness.

    Attributes:
        vouched: what it said; None where it did not sign.
        error: why not.
    """

    name: str
    vouched: Vouched | None = None
    error: LogError | IntegrityError | None = None


class Witnessing:
    """What a session does with witnesses.

    Args:
        engine: the opened archive.
        acting: who, why and through what.
    """

    def __init__(self, engine: Engine, acting: Acting) -> None:
        self._engine = engine
        self._acting = acting

    def list(self) -> Sequence[Vouched]:
        """Each configured witness with the newest that it vouched for.

        Raises:
            AccessDenied: ``access.action``; logged.
        """
        engine = self._engine
        with engine.guarded(self._acting, "log.read"):
            engine.policy.require(self._acting.actor, "log.read")
        newest = {one.name: one for one in _vouched(engine)}
        return [newest.get(known.key.name, Vouched(known.key.name)) for known in known_witnesses(engine)]

    def ask(self, names: Sequence[str] = ()) -> Sequence[Asked]:
        """Sign the log as it stands and have it witnessed.

        Args:
            names: of the witnesses to ask; by default all that are configured.

        Raises:
            UsageError: ``witness.unknown``.
            AccessDenied: ``access.action``; logged.
        """
        engine = self._engine
        with engine.guarded(self._acting, "log.checkpoint"):
            engine.policy.require(self._acting.actor, "log.checkpoint")
        known = known_witnesses(engine)
        if set(names) - {one.key.name for one in known}:
            raise UsageError("witness.unknown")
        wanted = [one for one in known if not names or one.key.name in names]
        return ask_all(engine, self._acting, wanted)


def known_witnesses(engine: Engine) -> list[Known]:
    """The witnesses in the applied configuration."""
    return [parse_known(text) for text in engine.settings.witness.known]


def ask_all(
    engine: Engine, acting: Acting, known: Sequence[Known], *, signed: Checkpoint | None = None
) -> list[Asked]:
    """Ask these witnesses about a checkpoint, by default of the log as it stands; each answer is an entry."""
    signed = signed or engine.logbook.sign(engine.store)
    assert signed is not None
    seen = {one.name: one.size for one in _vouched(engine)}
    asked = []
    for one in known:
        old = min(seen.get(one.key.name, 0), signed.size)
        try:
            line = ask_witness(one, signed.note, signed.size, old, lambda old: _proof(engine, signed, old))
        except (LogError, IntegrityError) as error:
            engine.note(
                acting,
                "log.witness",
                outcome="failed",
                code=error.code,
                target={"witness": one.key.name, "size": signed.size},
            )
            asked.append(Asked(one.key.name, error=error))
            continue
        engine.note(
            acting, "log.witness", target={"witness": one.key.name, "size": signed.size, "line": line.strip()}
        )
        asked.append(Asked(one.key.name, _read(one, signed.note, signed.size, line)))
    return asked


def _proof(engine: Engine, signed: Checkpoint, old: int) -> list[bytes]:
    with engine.store.transaction() as tx:
        reader = TileReader(tx, SHARD, signed.gen, signed.size)
        return consistency_proof(old, signed.size, tile_hashes(reader.read, signed.size))


def _read(known: Known, note: str, size: int, line: str) -> Vouched:
    found = verify_cosignatures(attach(note, [line]), [known.key])[0]
    return Vouched(known.key.name, size, found.time_s * 1_000_000, line)


def _vouched(engine: Engine) -> list[Vouched]:
    """What witnesses said, the newest last."""

    def body(tx: Transaction, moment: Any) -> list[Vouched]:
        audit.catch_up(tx, SHARD, moment.gen, stop=moment.size)
        rows = tx.find_entries(
            SHARD, moment.gen, LogFilter(kinds=("log.witness",), outcome="ok", limit=_REMEMBERED)
        )
        found = []
        for row in reversed(rows):
            one = audit.entry_at(tx, SHARD, moment.gen, row.seq)
            target = (one.detail or {}).get("target", {})
            if "line" in target:
                line = f"{target['line']}\n"
                found.append(Vouched(str(target["witness"]), int(target["size"]), one.entry.time_us, line))
        return found

    return engine.run(body)


_REMEMBERED = 1_000


def cosigned(engine: Engine) -> str | None:
    """The newest checkpoint that a witness vouched for, with all lines under it; None where there is none."""
    found = _vouched(engine)
    if not found:
        return None
    size = max(one.size for one in found)
    with engine.store.transaction(write=False) as tx:
        head = tx.head(SHARD)
        rows = () if head is None else tx.checkpoints(SHARD, head.gen)
        kept = next((row for row in rows if row.size == size), None)
    if kept is None:
        return None
    lines = {one.line for one in found if one.size == size}
    return attach(kept.note, sorted(lines))


def vouch_for(engine: Engine, acting: Acting, action: str) -> None:
    """Wait, where the configuration asks for it, until an act's entry is signed or witnessed.

    Called between the commit of the entry and the release of what it names.

    Raises:
        LogError: ``witness.too_few``; then nothing may be released.
    """
    policy = engine.settings.witness
    if action in policy.witnessed:
        asked = ask_all(engine, acting, known_witnesses(engine))
        count = sum(one.vouched is not None for one in asked)
        if count < policy.quorum:
            raise LogError("witness.too_few", count=count, wanted=policy.quorum)
    elif action in policy.checkpointed:
        engine.logbook.sign(engine.store)
