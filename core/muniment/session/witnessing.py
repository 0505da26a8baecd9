"""Having the log witnessed and timestamped; every answer stands in the log itself.

A cosignature is kept as the target of a ``log.witness`` entry, with the size of
the checkpoint it is for: the checkpoint can be made again from its size, and
the line put under it.
"""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import attrs

from muniment import audit
from muniment.errors import IntegrityError, LogError, UsageError
from muniment.evidence.asking import Known, ask_witness, parse_known, post
from muniment.log import timestamps
from muniment.log.checkpoint import attach, verify_cosignatures
from muniment.log.tiles import tile_hashes
from muniment.log.tree import consistency_proof
from muniment.session.ground import Footing
from muniment.session.kernel.acting import Acting
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.kernel.logbook import Moment
from muniment.session.kernel.tiles import TileReader
from muniment.session.reading.generations import chosen
from muniment.store import Checkpoint, LogFilter, Transaction

__all__ = [
    "Asked",
    "Stamped",
    "Vouched",
    "Witnessing",
    "ask_all",
    "checkpoint_of",
    "cosigned",
    "known_witnesses",
    "stamps",
    "vouch_for",
]


@attrs.frozen
class Vouched:
    """What one witness said of the log.

    Attributes:
        name: the witness.
        size: entries it vouched for; 0 if it never did.
        time_us: when, as it says; 0 likewise.
        line: its signature line under the checkpoint of that size.
        until: the last day on which its key counts; None where no end is set.
    """

    name: str
    size: int = 0
    time_us: int = 0
    line: str = ""
    until: date | None = None


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


@attrs.frozen
class Stamped:
    """A token of a timestamp authority.

    Attributes:
        size: entries of the checkpoint it is over.
        time_us: when, as the authority says; in what the log holds, the time of its entry.
        authority: its address.
        token: DER of its reply.
    """

    size: int
    time_us: int
    authority: str
    token: bytes


class Witnessing(Footing):
    """What a session does with witnesses.

    Args:
        engine: the opened archive.
        acting: who, why and through what.
    """

    def list(self) -> Sequence[Vouched]:
        """Each configured witness with the newest that it vouched for.

        Raises:
            AccessDenied: ``access.action``; logged.
        """
        engine = self._engine
        self._require("log.read")
        newest = {one.name: one for one in _vouched(engine)}
        return [
            attrs.evolve(newest.get(known.key.name, Vouched(known.key.name)), until=known.until)
            for known in map(parse_known, engine.settings.witness.known)
        ]

    def ask(self, names: Sequence[str] = ()) -> Sequence[Asked]:
        """Sign the log as it stands and have it witnessed.

        Args:
            names: of the witnesses to ask; by default all that are configured.

        Raises:
            UsageError: ``witness.unknown``.
            AccessDenied: ``access.action``; logged.
        """
        engine = self._engine
        self._require("log.checkpoint")
        known = known_witnesses(engine)
        if set(names) - {one.key.name for one in known}:
            raise UsageError("witness.unknown")
        wanted = [one for one in known if not names or one.key.name in names]
        return ask_all(engine, self._acting, wanted)

    def timestamp(self) -> Stamped:
        """Sign the log as it stands and have an authority say that it existed now.

        Raises:
            UsageError: ``timestamp.none_configured``, ``timestamp.roots`` or ``timestamp.library``.
            LogError: ``witness.unreachable`` or ``timestamp.refused``.
            IntegrityError: ``timestamp.token``.
            AccessDenied: ``access.action``; logged.
        """
        engine, acting = self._engine, self._acting
        with engine.guarded(acting, "log.checkpoint"):
            engine.policy.require(acting.actor, "log.checkpoint")
        policy = engine.settings.witness
        if not policy.timestamps or not policy.timestamp_roots:
            raise UsageError("timestamp.none_configured")
        try:
            roots = timestamps.read_roots((engine.folder / policy.timestamp_roots).read_bytes())
        except OSError:
            raise UsageError("timestamp.roots", where=policy.timestamp_roots) from None
        signed = engine.logbook.sign(engine.store)
        assert signed is not None
        message = signed.note.encode("utf-8")
        asked = timestamps.make_request(message)
        status, reply, _ = post(policy.timestamps, asked.data, timestamps.REQUEST_TYPE)
        if status != 200:
            raise LogError("timestamp.refused", where=policy.timestamps, status=status)
        time_us = timestamps.verify_reply(reply, message, roots, stamp=asked)
        token = b2a_base64(reply, newline=False).decode("ascii")
        target = {"authority": policy.timestamps, "size": signed.size, "token": token}
        engine.note(acting, "log.timestamp", target=target)
        return Stamped(signed.size, time_us, policy.timestamps, reply)


def stamps(engine: Engine) -> list[Stamped]:
    """The tokens that the log holds, the newest last; their times are not read again."""
    found = []
    for time_us, target in _targets(engine, "log.timestamp"):
        if "token" in target:
            token = a2b_base64(str(target["token"]))
            found.append(Stamped(int(target["size"]), time_us, str(target["authority"]), token))
    return found


def known_witnesses(engine: Engine) -> list[Known]:
    """The witnesses in the applied configuration whose keys count today."""
    today = engine.value_context().today
    return [one for one in map(parse_known, engine.settings.witness.known) if one.counts_on(today)]


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
            vouched = _read(one, signed.note, signed.size, line)
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
        asked.append(Asked(one.key.name, vouched))
    return asked


def _proof(engine: Engine, signed: Checkpoint, old: int) -> list[bytes]:
    with engine.store.transaction() as tx:
        reader = TileReader(tx, SHARD, signed.gen, signed.size)
        return consistency_proof(old, signed.size, tile_hashes(reader.read, signed.size))


def _read(known: Known, note: str, size: int, line: str) -> Vouched:
    found = verify_cosignatures(attach(note, [line]), [known.key])[0]
    if not known.counts_on(date(1970, 1, 1) + timedelta(seconds=found.time_s)):
        raise LogError("witness.date", name=known.key.name)
    return Vouched(known.key.name, size, found.time_s * 1_000_000, line)


def _vouched(engine: Engine, gen: int | None = None) -> list[Vouched]:
    """What witnesses said of a generation, by default the newest, the newest last."""
    return [
        Vouched(str(target["witness"]), int(target["size"]), time_us, f"{target['line']}\n")
        for time_us, target in _targets(engine, "log.witness", gen)
        if "line" in target
    ]


def _targets(engine: Engine, kind: str, gen: int | None = None) -> list[tuple[int, dict[str, Any]]]:
    """Time and target of the newest entries of a kind in a generation, the newest last."""

    def body(tx: Transaction, moment: Moment) -> list[tuple[int, dict[str, Any]]]:
        ((wanted, size),) = chosen(tx, moment, gen)
        audit.catch_up(tx, SHARD, wanted, stop=size)
        rows = tx.find_entries(SHARD, wanted, LogFilter(kinds=(kind,), outcome="ok", limit=_REMEMBERED))
        found = [audit.entry_at(tx, SHARD, wanted, row.seq) for row in reversed(rows)]
        return [(one.entry.time_us, (one.detail or {}).get("target", {})) for one in found]

    return engine.run(body)


_REMEMBERED = 1_000


def cosigned(engine: Engine, gen: int | None = None) -> str | None:
    """The newest checkpoint that a witness vouched for, with all lines under it; None where there is none.

    Args:
        engine: the opened archive.
        gen: the generation of the log, by default the newest.
    """
    found = _vouched(engine, gen)
    if not found:
        return None
    size = max(one.size for one in found)
    kept = checkpoint_of(engine, size, gen)
    if kept is None:
        return None
    lines = {one.line for one in found if one.size == size}
    return attach(kept.note, sorted(lines))


def checkpoint_of(engine: Engine, size: int, gen: int | None = None) -> Checkpoint | None:
    """The checkpoint that was signed at a size of a generation, by default the newest, if it was."""
    with engine.store.transaction(write=False) as tx:
        head = tx.head(SHARD)
        rows = () if head is None else tx.checkpoints(SHARD, head.gen if gen is None else gen)
        return next((row for row in rows if row.size == size), None)


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
