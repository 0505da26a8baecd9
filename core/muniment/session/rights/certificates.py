"""Certificates of erasure: what went, when, under which rule, and what of it is final when.

A certificate is a JSON document (``muniment_schemas/certificate.schema.json``)
that the archive keeps as a record and whose digest stands in the entry
``erasure.certify``. The file that leaves the archive adds the evidence: the
details of the entries, and their proofs under a signed checkpoint. Whoever has
the log's verifier key checks it with nothing else; see ``verify.certificate``.
"""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import attrs

from muniment import audit
from muniment.codec import parse_canonical
from muniment.errors import NotFound
from muniment.log.proof import make_proof
from muniment.log.tiles import tile_hashes
from muniment.model import id_bytes, id_text, rfc3339
from muniment.schema.builtin import ERASURE
from muniment.session.kernel.acting import Acting
from muniment.session.kernel.definitions import open_version
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.kernel.logbook import Draft, Moment
from muniment.session.kernel.tiles import TileReader
from muniment.session.reading.pieces import Kept, Piece, stored_piece
from muniment.store import Current, LogFilter, Transaction

if TYPE_CHECKING:
    from muniment.keys import KeyStatus

__all__ = ["Done", "certificate_file", "certificate_of", "list_certificates"]

_LEFT: Final = (
    "record.export",
    "record.print",
    "subject.export",
    "subject.report",
    "disclosure.record",
    "mail.send",
    "webhook.send",
    "calendar.export",
)
"""Kinds of entry by which data left the archive, where no erasure follows it."""

_MOST_NAMED: Final = 200


@attrs.frozen
class Done:
    """What an erasure knows at its end.

    Attributes:
        id: UUID text of its record.
        targets: what each beginning entry named, with that entry's index.
        detail: of the first of them.
        begun_us: when it began.
        slots: how many secrets were destroyed.
        epoch: of the archive key before it was rotated, as far as this run knows.
        keys: how the key store stands now.
        backup: whether the key backup was made anew; None where none is kept or nothing was rotated.
    """

    id: str
    targets: Sequence[tuple[Mapping[str, Any], int]]
    detail: Mapping[str, Any]
    begun_us: int
    slots: int
    epoch: int
    keys: KeyStatus
    backup: bool | None


def certificate_of(engine: Engine, tx: Transaction, moment: Moment, done: Done, first: int) -> dict[str, Any]:
    """The certificate of an erasure, as it is about to be written down.

    Args:
        engine: the opened archive.
        tx: the transaction that says it is done.
        moment: of that transaction.
        done: what was done.
        first: index of the first entry that says so; the targets' entries follow in order.
    """
    certificate: dict[str, Any] = {
        "v": 1,
        "id": done.id,
        "archive": id_text(engine.archive),
        "log": engine.logbook.origin(moment.gen),
        "begun": rfc3339(done.begun_us),
        "done": rfc3339(moment.time_us),
        "by": {name: done.detail[name] for name in ("actor", "auth", "purpose") if name in done.detail},
        "targets": [
            {
                **{name: value for name, value in named.items() if name not in ("erasure", "group")},
                "begin": begin,
                "done": first + place,
            }
            for place, (named, begin) in enumerate(done.targets)
        ],
        "keys": _keys(done),
        "final": _final(engine, tx, moment, done),
    }
    if "approval" in done.detail:
        certificate["approval"] = done.detail["approval"]
    return certificate


def _keys(done: Done) -> dict[str, Any]:
    return {
        "destroyed": done.slots,
        "epoch": done.keys.epoch,
        "slots": [
            {
                "id": one.slot,
                "kind": one.kind,
                "present": one.present,
                **({} if one.tested_epoch is None else {"tested": one.tested_epoch}),
            }
            for one in done.keys.slots
        ],
    }


def _final(engine: Engine, tx: Transaction, moment: Moment, done: Done) -> list[dict[str, Any]]:
    """For each place where something of it could be: whether it is gone, or until when it may not be."""
    now = rfc3339(moment.time_us)
    found: list[dict[str, Any]] = [
        {"place": "archive", "state": "gone", "at": now},
        {"place": "write_ahead_log", "state": "gone", "at": now},
        {"place": "processes", "state": "next_access"},
    ]
    left = [one for one in done.keys.left if one.epoch < done.keys.epoch]
    if done.keys.backup is not None and done.keys.backup.epoch < done.keys.epoch:
        left.append(done.keys.backup)
    if left:
        last = max(one.expires for one in left)
        found.append({"place": "key_backups", "state": "until", "at": rfc3339(last), "count": len(left)})
    else:
        found.append({"place": "key_backups", "state": "gone", "at": now})
    # Data backups hold no keys: they open with those of today, which lack these secrets.
    found.append({"place": "data_backups", "state": "until" if left else "unreadable",
                  "at": rfc3339(max(one.expires for one in left)) if left else now})  # fmt: skip
    found.append({"place": "key_copies", "state": "unknown"})
    found.append({"place": "replicas", "state": "unknown"})
    found.append(_departed(tx, moment, done))
    return found


def _departed(tx: Transaction, moment: Moment, done: Done) -> dict[str, Any]:
    """What left the archive, as the log has it."""
    audit.catch_up(tx, SHARD, moment.gen, stop=done.targets[0][1])
    found: dict[int, dict[str, Any]] = {}
    count = 0
    any_left = tx.find_entries(SHARD, moment.gen, LogFilter(kinds=_LEFT, limit=1))
    for named, _ in done.targets if any_left else ():
        filters = LogFilter(kinds=_LEFT, about=id_bytes(str(named["record"])), limit=1000)
        for row in tx.find_entries(SHARD, moment.gen, filters):
            if row.seq not in found:
                count += 1
                if len(found) < _MOST_NAMED:
                    one = {"entry": row.seq, "kind": row.kind, "time": rfc3339(row.time_us)}
                    detail = audit.entry_at(tx, SHARD, moment.gen, row.seq).detail or {}
                    if "recipient" in detail:
                        one["recipient"] = detail["recipient"]
                    found[row.seq] = one
    if not count:
        return {"place": "exports", "state": "none"}
    return {
        "place": "exports",
        "state": "out_of_reach",
        "count": count,
        "entries": [found[seq] for seq in sorted(found)],
    }


# Certificates that are kept


def list_certificates(
    engine: Engine,
    acting: Acting,
    *,
    about: bytes | None = None,
    limit: int | None = None,
    after: str | None = None,
    newest: bool = False,
) -> Piece[dict[str, Any]]:
    """The certificates, oldest first; logged.

    Args:
        engine: the opened archive.
        acting: who, why and through what.
        about: of erasures of this subject or record alone, 16 bytes.
        limit: so many at the most; by default all.
        after: what the piece before gave.
        newest: the last ones first.

    Raises:
        AccessDenied: ``access.action``; logged.
        UsageError: ``usage.cursor``.
    """

    def body(tx: Transaction, moment: Moment) -> Piece[dict[str, Any]]:
        engine.policy.require(acting.actor, "erasure.read")

        def shown(row: Current) -> dict[str, Any] | None:
            made = _certified(engine, tx, row.record)
            return None if made is None or not (about is None or _is_about(made[1], about)) else made[1]

        found = stored_piece(engine, tx, _kept(newest), shown, limit=limit, after=after)
        detail = engine.detail(acting, engine.new_id(), type=ERASURE.key, count=len(found))
        engine.logbook.append(tx, moment, [Draft("record.list", detail)], actor=acting.actor.id)
        return found

    with engine.guarded(acting, "erasure.read"):
        return engine.run(body, acting)


def _is_about(certificate: Mapping[str, Any], about: bytes) -> bool:
    return any(one["record"] == id_text(about) for one in certificate["targets"])


def _kept(newest: bool) -> Kept:
    """The list of the erasures that are done; an identifier grows with time."""
    return Kept("erasure", ERASURE.number, [[(ERASURE.by_key["state"].number, "done")]], descending=newest)


def _certified(engine: Engine, tx: Transaction, record: bytes) -> tuple[int, dict[str, Any]] | None:
    """The certificate of an erasure, and the index of the entry that certifies it; None where it has none."""
    version = tx.version(SHARD, record)
    if version is None or version.type != ERASURE.number:
        return None
    text = open_version(tx, engine.sealer, version, ERASURE).get("certificate")
    return None if text is None else (version.seq, parse_canonical(str(text).encode("utf-8")))


def _meant(engine: Engine, tx: Transaction, id: bytes) -> tuple[int, dict[str, Any]] | None:
    """The certificate of that identifier, or the newest that is about it."""

    def shown(row: Current) -> tuple[int, dict[str, Any]] | None:
        made = _certified(engine, tx, row.record)
        return made if made is not None and _is_about(made[1], id) else None

    found = _certified(engine, tx, id)
    return found or next(iter(stored_piece(engine, tx, _kept(True), shown, limit=1)), None)


def certificate_file(engine: Engine, acting: Acting, id: bytes) -> dict[str, Any]:
    """A certificate with its evidence, to be handed out.

    Args:
        engine: the opened archive.
        acting: who, why and through what.
        id: of the erasure, or of a subject or record that was erased, whose newest certificate is meant.

    Raises:
        AccessDenied: ``access.action``; logged.
        NotFound: ``erasure.none`` where there is no such certificate; logged.
    """

    def body(tx: Transaction, moment: Moment) -> tuple[int, dict[str, Any]]:
        engine.policy.require(acting.actor, "erasure.read")
        found = _meant(engine, tx, id)
        if found is None:
            raise NotFound("erasure.none", where=id_text(id))
        seq, made = found
        detail = engine.detail(acting, engine.new_id(), target={"certificate": made["id"], "index": seq})
        engine.logbook.append(tx, moment, [Draft("log.prove", detail)], actor=acting.actor.id)
        return seq, made

    with engine.guarded(acting, "erasure.read"):
        certify, certificate = engine.run(body, acting)
    signed = engine.logbook.sign(engine.store)
    assert signed is not None
    with engine.store.transaction() as tx:
        reader = TileReader(tx, SHARD, signed.gen, signed.size)
        indexes = [one["done"] for one in certificate["targets"]]
        wanted = {*indexes, certify}
        entries = audit.entries_of(tx, SHARD, signed.gen, start=min(wanted), stop=max(wanted) + 1)
        found = {one.index: one for one in entries if one.index in wanted}
        evidence = [
            _evidence(found[index], reader, signed.size, signed.note) for index in [*indexes, certify]
        ]
    return {
        "certificate": certificate,
        "verifier_key": engine.logbook.verifier_key(signed.gen).text,
        "evidence": evidence,
    }


def _evidence(found: audit.Found, reader: TileReader, size: int, note: str) -> dict[str, Any]:
    index = found.index
    assert found.opening is not None  # the log keeps the details of its evidence as long as itself
    return {
        "index": index,
        "detail": found.opening.detail.decode("utf-8"),
        "r": b2a_base64(found.opening.r, newline=False).decode("ascii"),
        "proof": make_proof(found.data, index, tile_hashes(reader.read, size), note),
    }
