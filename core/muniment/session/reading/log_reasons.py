"""The words with which somebody said why: sealed beside their entry, and read as an act of its own."""

from __future__ import annotations

from muniment.errors import NotFound
from muniment.session.kernel.acting import Acting
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.kernel.logbook import Draft, Moment
from muniment.session.reading.generations import generation_of
from muniment.store import SidePart, Transaction

__all__ = ["reason_of"]


def reason_of(engine: Engine, acting: Acting, index: int, *, generation: int | None = None) -> str:
    """What a person said when they did what an entry tells; reading it is an entry itself.

    The text is a person's own words and may name anybody, so it is given to whoever reads the log and
    may read records of that kind; it ends with the subject whom it concerns.

    Args:
        engine: the opened archive.
        acting: who, why and through what.
        index: of the entry.
        generation: of the log; by default the newest.

    Raises:
        NotFound: ``log.no_reason`` where none was given, where it was erased, or where the reader may not
            read what it is about: alike. ``log.no_generation``.
        AccessDenied: ``access.action``; logged.
    """

    def body(tx: Transaction, moment: Moment) -> str:
        engine.policy.require(acting.actor, "log.read")
        gen = moment.gen if generation is None else generation_of(tx, generation)
        part = next((one for one in tx.side_part(SHARD, gen, index) if _may(engine, acting, tx, one)), None)
        if part is None:
            raise NotFound("log.no_reason", index=index)
        own = part.record != engine.archive
        keys = [engine.subject_key(tx, part.record)] if own else []
        target: dict[str, object] = {"index": index, "generation": gen, "reason": True}
        detail = engine.detail(acting, engine.new_id(), count=1, target=target)
        draft = Draft("log.read", detail, subject_keys=keys)
        engine.logbook.append(tx, moment, [draft], actor=acting.actor.id)
        return engine.sealer.open_text(part, part.record)

    with engine.guarded(acting, "log.read"):
        return engine.run(body, acting)


def _may(engine: Engine, acting: Acting, tx: Transaction, part: SidePart) -> bool:
    """Whether a sealed text is a reason that this actor may read, of a subject that is still there."""
    if part.record == engine.archive:
        return True
    if engine.gone(tx, {part.record}):
        return False
    version = tx.version(SHARD, part.record)
    record_type = None if version is None else engine.definitions.by_number.get(version.type)
    return record_type is not None and engine.policy.may(acting.actor, "record.read", record_type.key)
