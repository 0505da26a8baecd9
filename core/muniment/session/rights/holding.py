"""Holds written down beside the keys as well, so that no old copy of the rows is rid of one.

The key store is the ledger of what was erased, and of what may not be: whoever puts
back rows from before a hold was placed finds it in place again. It says rather too much
than too little: a hold stands here before it stands in the rows, and is struck out after
it was released there.
"""

from __future__ import annotations

from typing import Any, Final

import attrs

from muniment.codec import canonical, parse_canonical
from muniment.model import id_bytes, id_text
from muniment.policy import SYSTEM
from muniment.schema.builtin import HOLD
from muniment.session.kernel.acting import Acting
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.writing.writes import Change, write

__all__ = ["forget_hold", "hold_again", "keep_hold"]

_PREFIX: Final = "hold/"


def keep_hold(engine: Engine, record: bytes, values: dict[str, Any]) -> None:
    """Write down that a hold is about to be placed.

    Args:
        engine: the opened archive.
        record: 16 bytes of the hold's record.
        values: ``matter`` and ``targets`` of that record.
    """
    content = {"matter": values["matter"], "targets": values["targets"], "v": 1}
    engine.keys.box_put(f"{_PREFIX}{id_text(record)}", canonical(content))


def forget_hold(engine: Engine, record: bytes) -> None:
    """Strike a hold out that was released, or never came to be."""
    engine.keys.box_delete(f"{_PREFIX}{id_text(record)}")


def hold_again(engine: Engine, acting: Acting, op: bytes) -> int:
    """Place what the rows do not know of, as it was placed and under its own identifier.

    Args:
        engine: over the rows that were put back.
        acting: who put them back; that holds go on is the framework's own doing.
        op: 16 bytes, of the restore; the entries name it.

    Returns:
        How many holds there were.
    """
    with engine.store.transaction(write=False) as tx:
        known = {record for _, record, _ in tx.builtin(SHARD, (HOLD.number,))}
    missing = []
    for name in engine.keys.box_names(_PREFIX):
        content = engine.keys.box_get(name)
        record = id_bytes(name.removeprefix(_PREFIX))
        if content is not None and record not in known:
            missing.append((record, parse_canonical(content)))
    own = attrs.evolve(acting, actor=SYSTEM)
    for record, kept in missing:
        values = {"matter": kept["matter"], "state": "placed", "targets": kept["targets"]}
        named = sorted(f"{one['scope']}:{one['value']}" for one in parse_canonical(kept["targets"].encode()))
        change = [Change("create", HOLD.key, values=values, inside=True)]
        members = {"targets": named, "restore": op.hex()}
        write(engine, own, change, new_ids=[record], members=members)
    return len(missing)
