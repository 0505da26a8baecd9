"""What erasure took: whether anything of a record is left to be shown."""

from __future__ import annotations

from muniment.log.binding import unpack_live
from muniment.schema import category_of_group
from muniment.session.kernel.engine import SHARD, Engine
from muniment.store import Reader, Version

__all__ = ["is_gone"]


def is_gone(engine: Engine, tx: Reader, version: Version) -> bool:
    """Whether nothing of a record is left to be shown: it, its subject, or every facet of it is erased."""
    if not engine.any_states:
        return False
    gone = tx.state_of(SHARD, {version.record, version.subject})
    if any(not state.category for state in gone):
        return True
    live, _ = unpack_live(version.parts)
    groups = {category_of_group(group) for group in live}
    return bool(groups) and groups <= {state.category for state in gone if state.id == version.record}
