"""Oversight: alerts, incidents, emergency access."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from fastapi import Depends, Query, Response
from pydantic import Field, StringConstraints

from muniment.session import Session
from muniment.session.oversight.affected import Scope
from muniment.session.oversight.alert_values import Alert
from muniment.session.oversight.emergency import Emergency
from muniment.session.oversight.incident_values import Incident
from muniment_web.api._calls import area, may
from muniment_web.api._parts import (
    After,
    Done,
    Id,
    IfMatch,
    Limit,
    Moment,
    Paged,
    Reason,
    Shown,
    Strict,
    Text,
    Time,
    Upload,
    Word,
    micros,
    put_version,
    require_seen,
    uploaded,
)

__all__ = ["router"]

router: Final = area("oversight")
Alerted = Annotated[Session, Depends(may("log", "alert.read"))]
Running = Annotated[Session, Depends(may("log", "alert.run"))]
Reviewing = Annotated[Session, Depends(may("log", "alert.review"))]
Reading = Annotated[Session, Depends(may("log", "incident.read"))]
Changing = Annotated[Session, Depends(may("log", "incident.change", once="mark"))]
Drafting = Annotated[Session, Depends(may("log", "incident.read", once="never"))]
Breaking = Annotated[Session, Depends(may("write", "break_glass.begin"))]
Broken = Annotated[Session, Depends(may("log", "break_glass.review"))]
Lang = Literal["en", "zh"]


# Alerts


class AlertShown(Shown):
    """What is odd in the log, and what became of it."""

    id: str
    rule: str
    label: str
    severity: str
    state: str
    actor: str
    subject: str | None = None
    entries: list[str]
    why: dict[str, Any]
    text: str
    explained_by: str


class Alerts(Paged):
    """Alerts, the newest first."""

    alerts: list[AlertShown]


class AlertDecision(Strict):
    """What became of an alert."""

    state: Literal["open", "explained", "violation"]
    reason: Reason


class AlertRun(Shown):
    """What a run found."""

    first: str
    last: str
    entries: int
    raised: list[str]


class AlertRuleShown(Shown):
    """A rule by which alerts are raised."""

    key: str
    label: dict[str, str]
    severity: str
    explained_by: dict[str, str]


class AlertRules(Shown):
    """The rules by which alerts are raised."""

    rules: list[AlertRuleShown]


class SignOff(Shown):
    """A span of the log that was signed off."""

    first: str
    last: str
    reviewer: str
    time: Moment | None = None


class SignOffs(Paged):
    """Spans of the log that were signed off, oldest first."""

    reviews: list[SignOff]


class SignOffRequest(Strict):
    """What was looked at; sealed."""

    reason: Text = ""


@router.get("/alerts")
def list_alerts(
    session: Alerted,
    state: Literal["open", "explained", "violation"] = "open",
    lang: Lang = "en",
    limit: Limit = 100,
    after: After = None,
) -> Alerts:
    """What is odd in the log, the newest first."""
    found = session.alerts.list(states=(state,), limit=limit, after=after)
    return Alerts(alerts=[_alert(session, one, lang) for one in found], after=found.after)


def _alert(session: Session, one: Alert, lang: str) -> AlertShown:
    return AlertShown(**one.document(session.alerts.rules, lang))


@router.post("/alerts/run")
def run_alerts(session: Running) -> AlertRun:
    """Look at every entry since the last run, and raise what is odd."""
    done = session.alerts.run()
    return AlertRun(
        first=str(done.first),
        last=str(done.last),
        entries=done.entries,
        raised=[one.id for one in done.raised],
    )


@router.get("/alerts/rules")
def list_alert_rules(session: Alerted) -> AlertRules:
    """The rules by which alerts are raised."""
    session.require("alert.read")
    rules = session.alerts.rules.values()
    return AlertRules(
        rules=[
            AlertRuleShown(
                key=one.key,
                label=dict(one.label),
                severity=one.severity,
                explained_by=dict(one.explained_by),
            )
            for one in rules
        ]
    )


@router.get("/alerts/sign-off")
def list_sign_offs(session: Alerted, limit: Limit = 100, after: After = None) -> SignOffs:
    """The spans of the log that were signed off, oldest first."""
    found = session.alerts.reviews(limit=limit, after=after)
    return SignOffs(
        reviews=[
            SignOff.model_validate(
                {
                    "first": str(one.first),
                    "last": str(one.last),
                    "reviewer": one.reviewer,
                    "time": one.time_us,
                }
            )
            for one in found
        ],
        after=found.after,
    )


@router.post("/alerts/sign-off")
def sign_off(session: Reviewing, given: SignOffRequest) -> SignOff:
    """Sign the log off from where the last review ended."""
    first, last = session.alerts.review(reason=given.reason)
    return SignOff(first=str(first), last=str(last), reviewer=session.actor)


@router.get("/alerts/{id}")
def get_alert(session: Alerted, id: Id, response: Response, lang: Lang = "en") -> AlertShown:
    """One alert."""
    found = session.alerts.get(str(id))
    put_version(response, found.version)
    return _alert(session, found, lang)


@router.post("/alerts/{id}/close")
def close_alert(session: Reviewing, id: Id, given: AlertDecision, if_match: IfMatch = None) -> Done:
    """Say what became of an alert."""
    if if_match is not None:
        require_seen(if_match, session.alerts.get(str(id)).version)
    saved = session.alerts.close(str(id), given.state, reason=given.reason)
    return Done(id=saved.id, state=given.state)


# Incidents


class IncidentShown(Shown):
    """An incident, with the state of its clocks."""

    id: str
    version: int
    title: str
    state: str
    drill: bool
    nature: str
    severity: str | None = None
    risk: str
    laws: list[str]
    happened: Moment | None = None
    ended: Moment | None = None
    found: Moment | None = None
    known: Moment | None = None
    assessed: Moment | None = None
    clocks: list[dict[str, Any]]
    scope: dict[str, Any] | None = None
    affected: dict[str, Any] | None = None
    steps: list[dict[str, Any]]
    told: dict[str, str] = Field(default={}, description="what is known, by what it is about")


class Incidents(Paged):
    """Incidents, the newest first."""

    incidents: list[IncidentShown]


class IncidentOpen(Strict):
    """What happened."""

    title: Annotated[str, StringConstraints(min_length=1, max_length=400)]
    nature: Word = "disclosed"
    known: Time | None = None
    found: Time | None = None
    happened: Time | None = None
    ended: Time | None = None
    laws: list[Word] = Field(default=[])
    drill: bool = False
    reason: Text | None = None


class IncidentAdd(Strict):
    """What is known now, or what was done."""

    what: Word
    text: Text = ""
    entries: list[Annotated[int, Field(ge=0, lt=2**53)]] = Field(default=[], max_length=1000)
    evidence: Upload | None = None
    at: Time | None = None
    reason: Text | None = None


class IncidentAssess(Strict):
    """How grave it is."""

    severity: Word | None = None
    risk: Word | None = None
    laws: list[Word] | None = None
    text: Text = ""
    reason: Text | None = None


class IncidentScope(Strict):
    """What in the log is searched for whom it affects."""

    actors: list[Word] = Field(default=[])
    sessions: list[Word] = Field(default=[])
    ops: list[Word] = Field(default=[])
    types: list[Word] = Field(default=[])
    kinds: list[Word] = Field(default=[])
    acts: Word = "read"
    since: Time | None = None
    until: Time | None = None
    everything: bool = False
    reason: Text | None = None


class IncidentTold(Strict):
    """Who was told, which ends a clock."""

    clock: Word
    at: Time | None = None
    recipient: Word = ""
    text: Text = ""
    reason: Text | None = None


class IncidentClose(Strict):
    """How it ended."""

    text: Reason
    despite_clocks: bool = False
    reason: Text | None = None


class Checked(Shown):
    """Whether the log still gives the figures that are kept."""

    same: bool


class Affected(Shown):
    """Whom an incident affects."""

    subjects: list[str]


def _incident(session: Session, one: Incident) -> IncidentShown:
    document = one.document(session.engine.clock())
    known = set(IncidentShown.model_fields)
    told = {key: value for key, value in document.items() if key not in known and isinstance(value, str)}
    return IncidentShown(**{key: value for key, value in document.items() if key in known}, told=told)


def _seen(session: Session, id: str, if_match: str | None) -> None:
    if if_match is not None:
        require_seen(if_match, session.incidents.get(id).version)


@router.get("/incidents")
def list_incidents(
    session: Reading, closed: bool = False, limit: Limit = 100, after: After = None
) -> Incidents:
    """The open incidents, or all, the newest first."""
    found = session.incidents.listed(closed=closed, limit=limit, after=after)
    return Incidents(incidents=[_incident(session, one) for one in found], after=found.after)


@router.post("/incidents", status_code=201)
def open_incident(session: Changing, given: IncidentOpen) -> IncidentShown:
    """Write an incident down; from then on its clocks run."""
    values = given.model_dump()
    return _incident(session, session.incidents.open(values.pop("title"), **values))


@router.get("/incidents/{id}")
def get_incident(session: Reading, id: Id, response: Response) -> IncidentShown:
    """One incident with all that is known of it."""
    found = session.incidents.get(str(id))
    put_version(response, found.version)
    return _incident(session, found)


@router.post("/incidents/{id}/add")
def add_to_incident(session: Changing, id: Id, given: IncidentAdd, if_match: IfMatch = None) -> IncidentShown:
    """Add to what is known, or to what was done."""
    _seen(session, str(id), if_match)
    with uploaded(given.evidence) as evidence:
        found = session.incidents.add(
            str(id),
            given.what,
            given.text,
            entries=given.entries,
            evidence=evidence,
            at=given.at,
            reason=given.reason,
        )
    return _incident(session, found)


@router.post("/incidents/{id}/assess")
def assess_incident(
    session: Changing, id: Id, given: IncidentAssess, if_match: IfMatch = None
) -> IncidentShown:
    """Say how grave it is, what it means for persons, and which laws apply; the clocks follow."""
    _seen(session, str(id), if_match)
    return _incident(session, session.incidents.assess(str(id), **given.model_dump()))


@router.post("/incidents/{id}/find")
def find_affected(session: Changing, id: Id, given: IncidentScope, if_match: IfMatch = None) -> IncidentShown:
    """Compute from the log whom and what it affects, and keep the figures."""
    _seen(session, str(id), if_match)
    values = given.model_dump(exclude={"reason", "since", "until"})
    scope = Scope(**values, since_us=micros(given.since), until_us=micros(given.until))
    return _incident(session, session.incidents.find(str(id), scope, reason=given.reason))


@router.post("/incidents/{id}/check")
def check_incident(session: Drafting, id: Id) -> Checked:
    """Whether the log still gives the figures that are kept, at the entry they were computed at."""
    return Checked(same=session.incidents.check(str(id)))


@router.post("/incidents/{id}/subjects")
def affected_subjects(session: Drafting, id: Id) -> Affected:
    """The identifiers of whom it affects, computed anew."""
    return Affected(subjects=session.incidents.subjects(str(id))[1])


@router.post("/incidents/{id}/told")
def told_of_incident(
    session: Changing, id: Id, given: IncidentTold, if_match: IfMatch = None
) -> IncidentShown:
    """Write down that somebody was told, which ends a clock."""
    _seen(session, str(id), if_match)
    values = given.model_dump()
    return _incident(session, session.incidents.told(str(id), values.pop("clock"), **values))


@router.post("/incidents/{id}/close")
def close_incident(
    session: Changing, id: Id, given: IncidentClose, if_match: IfMatch = None
) -> IncidentShown:
    """End an incident."""
    _seen(session, str(id), if_match)
    return _incident(session, session.incidents.close(str(id), **given.model_dump()))


@router.post("/incidents/{id}/notice")
def incident_notice(
    session: Drafting,
    id: Id,
    audience: Annotated[str, Query(max_length=40)],
    lang: Lang = "en",
    law: Annotated[str, Query(max_length=40)] = "",
) -> dict[str, Any]:
    """The draft of a notice, with its gaps marked."""
    return session.incidents.notice(str(id), audience, lang=lang, law=law)


# Emergency access


class EmergencyShown(Shown):
    """An emergency access."""

    id: str
    actor: str
    record: str
    subject: str
    began: Moment
    expires: Moment
    state: str
    reason: str
    reviewer: str
    finding: str


class Emergencies(Paged):
    """Emergency accesses, oldest first."""

    emergencies: list[EmergencyShown]


class EmergencyRequest(Strict):
    """For which record the glass is broken, and why."""

    record: Annotated[str, StringConstraints(pattern=r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")]
    reason: Reason
    minutes: Annotated[int, Field(ge=1, le=10_000)] | None = None


class EmergencyReview(Strict):
    """What an emergency access was."""

    finding: Reason


def _emergency(one: Emergency) -> EmergencyShown:
    names = ("id", "actor", "record", "subject", "state", "reason", "reviewer", "finding")
    return EmergencyShown.model_validate(
        {**{name: getattr(one, name) for name in names}, "began": one.began_us, "expires": one.expires_us}
    )


@router.get("/emergencies")
def list_emergencies(
    session: Broken, reviewed: bool = False, limit: Limit = 100, after: After = None
) -> Emergencies:
    """The emergency accesses that nobody has reviewed, oldest first."""
    found = session.emergencies.list(reviewed=reviewed, limit=limit, after=after)
    return Emergencies(emergencies=[_emergency(one) for one in found], after=found.after)


@router.post("/emergencies", status_code=201)
def begin_emergency(session: Breaking, given: EmergencyRequest) -> EmergencyShown:
    """Break the glass for one record: for a while its person's records can be read."""
    return _emergency(session.emergencies.begin(given.record, reason=given.reason, minutes=given.minutes))


@router.post("/emergencies/{id}/end")
def end_emergency(session: Breaking, id: Id) -> Done:
    """End one's own emergency access before its time."""
    session.emergencies.end(str(id))
    return Done(id=str(id), state="ended")


@router.post("/emergencies/{id}/review")
def review_emergency(session: Broken, id: Id, given: EmergencyReview) -> Done:
    """Say what an emergency access was; whoever began it never can."""
    session.emergencies.review(str(id), finding=given.finding)
    return Done(id=str(id), state="reviewed")
