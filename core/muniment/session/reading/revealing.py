"""Lifting the mask from fields of one record: written down with its reason, and only then shown."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from muniment.errors import AccessDenied, NotFound, UsageError
from muniment.model import id_text
from muniment.session.kernel.acting import Acting
from muniment.session.kernel.engine import Engine
from muniment.session.kernel.logbook import Moment
from muniment.session.kernel.reasons import put_reason
from muniment.session.kernel.standing import pass_gates
from muniment.session.kernel.views import Record
from muniment.session.reading.reads import (
    Loaded,
    Plan,
    choose_visible,
    definition_of,
    disclosure,
    load,
    plan_of,
    release,
    stand,
)
from muniment.store import Transaction

__all__ = ["reveal_fields"]


def reveal_fields(
    engine: Engine,
    acting: Acting,
    record: bytes,
    fields: Sequence[str],
    *,
    reason: str,
    version: int | None = None,
) -> Record:
    """Some fields of one record in clear, for a stated reason.

    Raises:
        UsageError: ``usage.no_reason``.
        AccessDenied: ``access.field`` where the roles show a mask at the most; logged.
        NotFound: there is no such record or field for this actor; logged.
    """
    if not reason.strip():
        raise UsageError("usage.no_reason")
    unmasked = attrs.evolve(acting, masked=False)

    def body(tx: Transaction, moment: Moment) -> tuple[Loaded, Plan]:
        chosen = choose_visible(engine, tx, acting, record, moment, version=version)
        record_type = definition_of(engine, tx, chosen)
        standing = stand(engine, tx, acting, "record.read", chosen, moment.time_us)
        plan = plan_of(engine, unmasked, record_type, tuple(fields), standing=standing)
        pass_gates(engine, tx, acting, "record.read", chosen, plan.keys, moment.time_us, standing)
        if plan.masks:
            raise AccessDenied(
                "access.field", where=record_type.key, action="reveal", names=", ".join(sorted(plan.masks))
            )
        loaded = load(engine, tx, chosen, record_type, plan.groups)
        sealed = put_reason(engine, tx, moment, chosen.subject, reason.strip(), seq=moment.size)
        drafts = disclosure(
            engine, tx, acting, "record.reveal", plan, [chosen], loose=sealed, standing=standing
        )
        engine.logbook.append(tx, moment, drafts, actor=acting.actor.id)
        return loaded, plan

    try:
        return release(engine, *engine.run(body, acting))
    except (AccessDenied, NotFound) as error:
        engine.refused(acting, "record.reveal", error, record=id_text(record))
        raise
