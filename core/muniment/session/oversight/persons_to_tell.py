"""The persons whom an incident affects, with how to reach them: handed out, and so disclosures themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

import attrs

from muniment.errors import AccessDenied, NotFound
from muniment.model import id_bytes, id_text
from muniment.schema import RecordType, is_built_in
from muniment.session.approval.asking import approve_export
from muniment.session.kernel.engine import SHARD
from muniment.session.kernel.logbook import Moment
from muniment.session.kernel.standing import pass_gates, stand
from muniment.session.oversight.incident_values import Incident
from muniment.session.oversight.incidents import Incidents
from muniment.session.reading.reads import Loaded, Plan, definition_of, disclosure, load, plan_of, release
from muniment.session.witnessing import vouch_for
from muniment.session.writing.approving import Granted
from muniment.store import Transaction

if TYPE_CHECKING:
    from muniment.session.kernel.views import Record
    from muniment.session.records import Records

__all__ = ["ToTell", "contact_fields", "persons_to_tell"]

_AT_ONCE: Final = 100
_KINDS: Final = ("email", "phone")
_KEYS: Final = ("address", "postal_code", "city", "country", "preferred_language")


@attrs.frozen
class ToTell:
    """One person or organisation to be told.

    Attributes:
        subject: UUID text.
        state: ``there``; ``withheld`` where this actor may not hand the record out, or it is closed to
            them; ``erased``; ``none`` where the subject has no record of its own.
        record: their record with what reaches them; None unless it is there.
    """

    subject: str
    state: str
    record: Record | None = None


def contact_fields(record_type: RecordType) -> tuple[str, ...]:
    """The fields of a type by which somebody is addressed and reached."""
    wanted = {*record_type.title, *_KEYS}
    return tuple(
        field.key
        for field in record_type.fields
        if not field.retired and (field.key in wanted or field.kind in _KINDS)
    )


def persons_to_tell(
    session: Records, id: str, *, fields: Sequence[str] | None = None, reason: str | None = None
) -> Iterator[ToTell]:
    """Whom an incident affects, found anew in the log, with how to reach them; each page is logged first.

    It is an export like any other: where exports need a second person or a witness, it waits for them.

    Args:
        session: whose actor may read the log and hand such records out.
        id: UUID text of the incident.
        fields: keys of the fields wanted; by default names and what reaches people.
        reason: a person's own words, for whoever has to approve it; sealed.

    Raises:
        UsageError: ``incident.not_found_yet`` where nobody was searched for yet.
        ApprovalNeeded: ``approval.waits`` where a second person has to approve it.
        NotFound, AccessDenied: logged.
    """
    engine, acting = session.engine, session.acting
    incident, subjects = Incidents(engine, acting).subjects(id)
    target = {"incident": id, **({"drill": True} if incident.drill else {})}
    session.require("record.export")
    granted = _approved(session, incident, subjects, fields, reason)
    policy = engine.settings.witness
    waits = "record.export" in (*policy.witnessed, *policy.checkpointed)
    op = engine.new_id()
    for start in range(0, len(subjects), _AT_ONCE):
        some = [id_bytes(one) for one in subjects[start : start + _AT_ONCE]]

        def body(
            tx: Transaction, moment: Moment, some: Sequence[bytes] = some
        ) -> list[tuple[bytes, str, tuple[Loaded, Plan] | None]]:
            found = [(one, *_loaded(session, tx, moment, one, fields)) for one in some]
            by_type: dict[str, list[tuple[Loaded, Plan]]] = {}
            for _, _, loaded in found:
                if loaded is not None:
                    by_type.setdefault(loaded[1].type.key, []).append(loaded)
            drafts = []
            for key, pairs in by_type.items():
                drafts += disclosure(
                    engine,
                    tx,
                    acting,
                    "record.export",
                    pairs[0][1],
                    [one.version for one, _ in pairs],
                    plans=[plan for _, plan in pairs],
                    op=op,
                    target=target,
                    approval=None if (one := granted.get(key)) is None else one.detail,
                )
            engine.logbook.append(tx, moment, drafts, actor=acting.actor.id)
            return found

        found = engine.run(body, acting)
        if waits:
            vouch_for(engine, acting, "record.export")
        for subject, state, loaded in found:
            record = None if loaded is None else release(engine, *loaded)
            yield ToTell(id_text(subject), state, record)


def _approved(
    session: Records,
    incident: Incident,
    subjects: Sequence[str],
    fields: Sequence[str] | None,
    reason: str | None,
) -> dict[str, Granted | None]:
    """What the list of each record type is handed out under; nothing is released before all may be."""
    engine, acting = session.engine, session.acting
    with engine.store.transaction(write=False) as tx:
        versions = [tx.version(SHARD, id_bytes(one)) for one in subjects]
    numbers = {one.type for one in versions if one is not None and not is_built_in(one.type)}
    found: dict[str, Granted | None] = {}
    assert incident.affected is not None  # else nobody is to be told
    for number in sorted(numbers & engine.definitions.by_number.keys()):
        record_type = engine.definitions.by_number[number]
        wanted = contact_fields(record_type) if fields is None else fields
        plan = plan_of(engine, acting, record_type, wanted, export=True, lenient=True)
        found[record_type.key] = approve_export(
            engine,
            acting,
            record_type,
            {},
            plan.order,
            {"incident": incident.id, "subjects": len(subjects), "digest": incident.affected["digest"]},
            recipient=f"incident {incident.id}",
            reason=reason,
        )
    return found


def _loaded(
    session: Records, tx: Transaction, moment: Moment, subject: bytes, fields: Sequence[str] | None
) -> tuple[str, tuple[Loaded, Plan] | None]:
    engine, acting = session.engine, session.acting
    if any(one.category == 0 for one in tx.state_of(SHARD, {subject})):
        return "erased", None
    version = tx.version(SHARD, subject)
    if version is None or is_built_in(version.type):
        return "none", None
    try:
        record_type = definition_of(engine, tx, version)
        standing = stand(engine, tx, acting, "record.export", version, moment.time_us)
        wanted = contact_fields(record_type) if fields is None else fields
        plan = plan_of(engine, acting, record_type, wanted, standing=standing, export=True, lenient=True)
        pass_gates(engine, tx, acting, "record.export", version, plan.keys, moment.time_us, standing)
        return "there", (load(engine, tx, version, record_type, plan.groups), plan)
    except (AccessDenied, NotFound):
        return "withheld", None
