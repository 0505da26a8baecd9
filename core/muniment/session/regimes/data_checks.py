"""Checks of the data: that it is sealed and classed, that its history stays, what persons were given."""

from __future__ import annotations

import json
from itertools import islice

from muniment.model import instant
from muniment.regimes import Finding
from muniment.schema.builtin import CONSENT, INCIDENT, NOTICE, REQUEST, RESTRICTION
from muniment.schema.rules import forbidden_name
from muniment.session.kernel.engine import SHARD
from muniment.session.oversight.incident_values import incident_of
from muniment.session.reading.generations import Place
from muniment.session.regimes.facts import DAY_US, Facts, gap, nothing, part, shown

__all__ = [
    "card_masked",
    "classes",
    "consents",
    "disclosures",
    "exports_bound",
    "forbidden",
    "handed_over",
    "history",
    "incidents",
    "minors",
    "notices",
    "objections",
    "reasons",
    "reports_given",
    "requests",
    "restrictions",
    "sealed",
    "separate_consents",
]

_SAMPLE = 2_000
_MARK = 0x4D
_CARD_KINDS = ("card_number", "pan")
_CARD_NAMES = ("card_number", "pan", "credit_card")
_OUT = ("record.export", "record.print", "subject.export", "disclosure.record", "mail.send", "webhook.send")
_CHANGES = ("record.update", "record.correct", "record.delete", "record.revert")


def sealed(facts: Facts, argument: int) -> Finding:
    """Stored parts are seals, and only clear classes stand in clear beside them."""
    count = 0
    for one in islice(facts.reader.parts_by_record(SHARD), _SAMPLE):
        count += 1
        if not one.sealed or one.sealed[0] != _MARK:
            return gap("regime.unsealed", count=count)
    clear = {
        one.number: {str(field.number) for field in one.fields if field.in_clear}
        for one in facts.engine.definitions.registry.types
    }
    rows = 0
    for row in islice(facts.reader.currents(SHARD), _SAMPLE):
        rows += 1
        if not json.loads(row.clear).keys() <= clear.get(row.type, set()):
            return gap("regime.in_clear", count=rows)
    if not count:
        return nothing()
    return shown("regime.sealed", parts=count, rows=rows)


def classes(facts: Facts, argument: int) -> Finding:
    """Every field has a class; says how many of each."""
    if not facts.types:
        return nothing("regime.no_types")
    counts = {
        name: len(facts.fields_of(name))
        for name in ("public", "internal", "personal", "sensitive", "restricted")
    }
    if not counts["personal"] + counts["sensitive"] + counts["restricted"]:
        return part("regime.all_internal", **counts)
    return shown("regime.classes", **counts)


def forbidden(facts: Facts, argument: int) -> Finding:
    """No field keeps what may not be kept at all, such as a card's security code."""
    found = [
        f"{one.key}.{field.key}" for one in facts.types for field in one.fields if forbidden_name(field.key)
    ]
    if found:
        return gap("regime.forbidden_kept", names=", ".join(found))
    return shown("regime.forbidden", count=sum(len(one.fields) for one in facts.types))


def card_masked(facts: Facts, argument: int) -> Finding:
    """Card numbers are masked for whoever does not need them."""
    fields = [
        (one, field)
        for one in facts.types
        for field in one.fields
        if not field.retired and (field.kind in _CARD_KINDS or field.key in _CARD_NAMES)
    ]
    if not fields:
        return nothing("regime.no_cards")
    open_fields = [f"{one.key}.{field.key}" for one, field in fields if field.in_clear]
    if open_fields:
        return gap("regime.card_clear", names=", ".join(open_fields))
    seeing = [
        user.login
        for user in facts.active
        if any(field.key in facts.view(user, record_type).clear for record_type, field in fields)
    ]
    if len(facts.active) > 1 and len(seeing) == len(facts.active):
        return gap("regime.all_see_cards", count=len(seeing))
    return shown(
        "regime.card_masked", count=len(seeing), fields=len(fields), revealed=facts.count("record.reveal")
    )


def history(facts: Facts, argument: int) -> Finding:
    """Earlier versions of what changed are there."""
    newest = facts.newest(*_CHANGES)
    if newest is None:
        return nothing()
    for version in islice(
        (one for one in facts.reader.versions_by_record(SHARD) if one.version > 1), _SAMPLE
    ):
        if facts.reader.version(SHARD, version.record, version.version - 1) is None:
            return gap("regime.version_missing", str(Place(version.gen, version.seq)))
    return shown("regime.history", newest[1], count=facts.count(*_CHANGES))


def reasons(facts: Facts, argument: int) -> Finding:
    """Whoever changed or deleted something said why."""
    changed = [one for one in facts.sample if one.entry.kind in _CHANGES]
    if not changed:
        return nothing()
    without = [one for one in changed if "reason" not in (one.detail or {})]
    if without:
        place = str(Place(facts.sample_gen, without[-1].index))
        return gap("regime.no_reasons", place, count=len(without), total=len(changed))
    return shown("regime.reasons", count=len(changed))


def disclosures(facts: Facts, argument: int) -> Finding:
    """What left the archive is counted, with who got it."""
    newest = facts.newest(*_OUT, outcome="ok")
    if newest is None:
        return nothing()
    nobody = [
        one
        for one in facts.sample
        if one.entry.kind in _OUT
        and not ((one.detail or {}).get("recipient") or (one.detail or {}).get("target", {}).get("recipient"))
    ]
    if nobody:
        return part("regime.no_recipient", str(Place(facts.sample_gen, nobody[-1].index)), count=len(nobody))
    return shown("regime.disclosures", newest[1], count=facts.count(*_OUT))


def exports_bound(facts: Facts, argument: int) -> Finding:
    """Handing data out is a right of its own, and not everybody's."""
    may = facts.who_may("record.export")
    if len(facts.active) > 1 and len(may) == len(facts.active):
        return gap("regime.all_export", count=len(may))
    if len(facts.active) <= 1:
        return part("regime.one_user")
    return shown("regime.exports_bound", count=len(may), total=len(facts.active))


def consents(facts: Facts, argument: int) -> Finding:
    """What rests on consent is named, and consents are kept with what became of them."""
    settings = facts.applied.consent
    count = len(facts.reader.builtin(SHARD, (CONSENT.number,)))
    if not settings.purposes and not settings.before_save:
        return gap("regime.no_consent_rules", count=count)
    if not count:
        return nothing()
    return shown(
        "regime.consents",
        count=count,
        withdrawn=facts.count("consent.withdraw"),
        purposes=len(settings.purposes),
    )


def separate_consents(facts: Facts, argument: int) -> Finding:
    """Classes of data that need a consent of their own are named."""
    settings = facts.applied.consent
    if not settings.separate:
        return gap("regime.no_separate")
    return shown("regime.separate_consents", names=", ".join(sorted(settings.separate)))


def minors(facts: Facts, argument: int) -> Finding:
    """A guardian consents for children, where an age is known."""
    settings = facts.applied.consent
    born = [one.key for one in facts.types if "birth_date" in one.by_key]
    if settings.guardian_below and settings.birth_field:
        return shown("regime.minors", age=settings.guardian_below)
    if not born and not settings.guardian_below:
        return nothing("regime.no_ages")
    return gap("regime.no_guardian", names=", ".join(born) or "—")


def notices(facts: Facts, argument: int) -> Finding:
    """What persons were told is kept, with its versions."""
    count = len(facts.reader.builtin(SHARD, (NOTICE.number,)))
    if not count:
        return nothing()
    return shown("regime.notices", count=count, versions=facts.count("consent.notice"))


def requests(facts: Facts, argument: int) -> Finding:
    """Requests of persons were answered in time."""
    today = instant(facts.now_us, facts.engine.zone).date().isoformat()
    total = late = 0
    for _, values in facts.kept(REQUEST):
        total += 1
        closed, due = values.get("closed_on"), str(values["due"])
        if (closed is None and today > due) or (closed is not None and str(closed) > due):
            late += 1
    if not total:
        return nothing()
    if late:
        return gap("regime.requests_late", count=late, total=total)
    return shown("regime.requests", count=total)


def reports_given(facts: Facts, argument: int) -> Finding:
    """Persons were given their data, or the list of who saw it."""
    kinds = ("subject.report", "subject.accesses", "record.accesses")
    newest = facts.newest(*kinds, outcome="ok")
    if newest is None:
        return nothing()
    return shown("regime.reports_given", newest[1], count=facts.count(*kinds))


def handed_over(facts: Facts, argument: int) -> Finding:
    """Persons were given their data for use elsewhere."""
    newest = facts.newest("subject.export", "record.export", outcome="ok")
    if newest is None:
        return nothing()
    return shown("regime.handed_over", newest[1], count=facts.count("subject.export", "record.export"))


def restrictions(facts: Facts, argument: int) -> Finding:
    """Data that may only be stored is closed to everything else."""
    count = len(facts.reader.builtin(SHARD, (RESTRICTION.number,)))
    if not count:
        return nothing()
    newest = facts.newest("subject.restrict", "subject.unrestrict")
    places = () if newest is None else (newest[1],)
    return shown("regime.restrictions", *places, count=count)


def objections(facts: Facts, argument: int) -> Finding:
    """Objections and withdrawals were written down."""
    kinds = ("subject.object", "consent.withdraw", "consent.refuse")
    newest = facts.newest(*kinds)
    if newest is None:
        return nothing()
    return shown("regime.objections", newest[1], count=facts.count(*kinds))


def incidents(facts: Facts, argument: int) -> Finding:
    """Incidents are written down and told in time, and dealing with one was practised within a year."""
    late = real = 0
    drilled = 0
    for _, record, newest in facts.reader.builtin(SHARD, (INCIDENT.number,)):
        version = facts.reader.version(SHARD, record, newest)
        if version is None:
            continue
        one = incident_of(facts.engine, facts.reader, version)
        real += not one.drill
        drilled = max(drilled, version.recorded_us if one.drill else 0)
        late += sum(each.state(facts.now_us) in ("late", "met_late") for each in one.clocks)
    if late:
        return gap("regime.incidents_late", count=late, incidents=real)
    if drilled and facts.now_us - drilled <= 365 * DAY_US:
        return shown("regime.incidents", count=real, days=facts.days(drilled))
    if real:
        return part("regime.incidents_undrilled", count=real)
    return nothing("regime.incidents_none")
