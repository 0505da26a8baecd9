"""Retention: what is due and why, what is kept and why, and disposing of what was chosen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

from starlette.responses import Response
from starlette.routing import BaseRoute

from muniment.errors import MunimentError, UsageError
from muniment.retention.plan import Verdict
from muniment.session.rights.planned import LISTS, Planned
from muniment.store import LogFilter
from muniment_web.frame.call import Call
from muniment_web.frame.reasons import REASONS, reason_of
from muniment_web.frame.routing import page
from muniment_web.frame.told import caught, form_page, part_of, places_of, problem_of
from muniment_web.server.waiting import Due

__all__ = ["routes"]

_SHOWN: Final = 500
_PATIENCE_SECONDS: Final = 5.0
_RUNS: Final = ("retention.apply", "erasure.refuse", "erasure.certify")


def routes() -> list[BaseRoute]:
    """The routes of this area."""
    return [
        page("/retention", show),
        page("/retention/blocked", blocked),
        page("/retention/plan", progress),
        page("/retention/plan", renew, methods=("POST",)),
        page("/retention/runs", runs),
        page("/retention/report", report),
        page("/retention/preview", preview, methods=("POST",)),
        page("/retention/apply", apply, methods=("POST",)),
        page("/t/{type}/{id:uuid}/retention", of_record),
    ]


def rows_of(call: Call, verdicts: Sequence[Verdict]) -> list[dict[str, Any]]:
    """Verdicts as rows: where the record is, since when, and why in words."""
    places = places_of(call, [one.facet.record for one in verdicts])
    return [
        {
            "place": places[one.facet.record],
            "id": one.facet.record,
            "part": part_of(call, one.facet.type, one.facet.category),
            "state": one.state,
            "said": call.core(f"keep.state_{one.state}"),
            "rule": one.rule,
            "due": "" if one.due is None else one.due.isoformat(),
            "must": "" if one.must_go_by is None else one.must_go_by.isoformat(),
            "keep": "" if one.keep_until is None else one.keep_until.isoformat(),
            "hold": one.facet.held,
            "why": [call.core(found.code, **found.told) for found in one.findings],
            "unverified": bool(one.unverified),
        }
        for one in verdicts
    ]


def _by_record(call: Call, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row for a record and what decides about it: a person chooses records, not parts of them."""
    found: dict[tuple[object, ...], dict[str, Any]] = {}
    for row in rows:
        key = (row["id"], row["rule"], row["state"], row["due"], tuple(row["why"]))
        if key in found:
            found[key]["part"] += call.say("common.comma") + row["part"]
        else:
            found[key] = row
    return list(found.values())


def _planned(call: Call, name: str = "due") -> Planned | None:
    """A list of the plan that was made last; where nobody has planned yet, that is begun."""
    found = call.session.retention.planned(name, limit=_SHOWN)
    if found is None:
        _renew(call)
        found = call.session.retention.planned(name, limit=_SHOWN)
    if found is not None and not call.session.retention.limited:
        states = Counter({state: 0 for state in LISTS["due"]})
        if name == "due" and not found.more:
            states.update(one.state for one in found.verdicts)
        else:
            for _, _, state, _, count in found.facets:
                states[state] += count
        call.web.waiting.due = Due(found.time_us, states["due"], states["review"])
    return found


def _renew(call: Call) -> None:
    """Plan anew, and wait as long as people do for a page: few records are soon looked at."""
    call.session.require("retention.read")
    call.web.planning.start(call.session.retention.renew)
    call.web.planning.wait(_PATIENCE_SECONDS)


def _about(call: Call, found: Planned | None) -> dict[str, Any]:
    """What a page says of the plan: when it was made, what was written since, whether another one is made."""
    return {
        "planned": "" if found is None else call.time(found.time_us),
        "changes": 0 if found is None else found.changes,
        "run": call.web.planning.run,
        "failed": problem_of(call, call.web.planning.run.problem),
    }


def renew(call: Call) -> Response:
    """Plan anew."""
    _renew(call)
    return call.go("/retention")


def progress(call: Call) -> Response:
    """How far the plan is that is made; the page follows at its end."""
    if not call.web.planning.run.running:
        return call.go("/retention")
    return call.page("_planned.html", **_about(call, None))


def show(call: Call, problem: MunimentError | None = None) -> Response:
    """What is due, by the rule that says so."""
    found = _planned(call)
    verdicts = [] if found is None else found.verdicts
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in _by_record(call, rows_of(call, verdicts)):
        groups.setdefault(row["rule"], []).append(row)
    may = call.session.may("retention.apply") and call.session.may("subject.erase")
    return form_page(
        call,
        "retention.html",
        problem,
        groups=sorted(groups.items()),
        more=_SHOWN if found is not None and found.more else 0,
        may=may,
        **_about(call, found),
        notes=call.taken_notes(),
    )


def blocked(call: Call) -> Response:
    """What would be disposed of but for a hold, a contradiction, or a day that nobody knows."""
    found = _planned(call, "blocked")
    verdicts = [] if found is None else found.verdicts
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in rows_of(call, verdicts):
        groups.setdefault(row["state"], []).append(row)
    return call.page(
        "retention_blocked.html",
        groups=[(state, groups[state]) for state in LISTS["blocked"] if state in groups],
        more=_SHOWN if found is not None and found.more else 0,
        **_about(call, found),
    )


def of_record(call: Call) -> Response:
    """How each part of one record stands, and what every rule says of it."""
    from muniment_web.frame.named import type_of

    record_type, identifier = type_of(call), str(call.path["id"])
    rows = rows_of(call, call.session.retention.explain(identifier))
    template = "_clock_of.html" if call.partial else "retention_record.html"
    return call.page(template, type=record_type, id=identifier, rows=rows)


def _chosen(call: Call) -> list[str]:
    from muniment.model import id_bytes, id_text

    found = list(dict.fromkeys(id_text(id_bytes(one)) for one in call.texts("record")))
    if not found:
        raise UsageError("serve.nothing_chosen")
    return found


def preview(call: Call) -> Response:
    """The first step: what would be erased, and what would remain."""
    try:
        chosen = _chosen(call)
    except UsageError as error:
        return show(call, error)
    return _preview(call, call.session.retention.plan(only=chosen), None)


def _preview(call: Call, verdicts: Iterable[Verdict], problem: MunimentError | None) -> Response:
    listed = list(verdicts)
    counts = Counter((one.facet.type, one.facet.category, one.rule) for one in listed)
    types = call.web.engine.definitions.types
    return form_page(
        call,
        "retention_apply.html",
        problem,
        records=sorted({one.facet.record for one in listed}),
        reviewed=sorted({one.facet.record for one in listed if one.state == "review"}),
        facets=len(listed),
        counts=[
            (
                types[key].label.of(call.lang) or key if key in types else key,
                part_of(call, key, category),
                rule,
                count,
            )
            for (key, category, rule), count in sorted(counts.items())
        ],
        unverified=sorted({name for one in listed for name in one.unverified}),
        reasons=REASONS,
    )


def apply(call: Call) -> Response:
    """The second step: dispose of exactly what was shown, as far as it is due still."""
    try:
        chosen = _chosen(call)
        reason = reason_of(call)
        if not reason:
            raise UsageError("usage.no_reason")
        done = call.session.retention.apply(reason=reason, only=chosen, reviewed=call.texts("reviewed"))
    except MunimentError as error:
        problem, wanted = caught(error), call.texts("record")
        return _preview(call, call.session.retention.plan(only=wanted) if wanted else (), problem)
    call.web.totals.clear()
    call.web.waiting.due = None
    note = call.core(
        "keep.applied",
        count=done.facets,
        subjects=done.subjects,
        refused=done.refused,
        waiting=done.waiting,
    )
    return call.go("/retention/runs", note=note)


def runs(call: Call) -> Response:
    """What was disposed of so far, what was refused, and the certificates of it."""
    from muniment_web.pages.log import row_of

    entries = []
    if call.session.may("log.read"):
        entries = [row_of(call, one) for one in call.session.entries(LogFilter(kinds=_RUNS, limit=200))]
    return call.page(
        "retention_runs.html",
        entries=entries,
        may_certificates=call.session.may("erasure.read"),
        notes=call.taken_notes(),
    )


def report(call: Call) -> Response:
    """How many parts of records stand how, by table, category and rule."""
    found = _planned(call)
    types = call.web.engine.definitions.types
    colours = {"due": "red", "review": "amber", "keep": "green", "held": "blue"}
    return call.page(
        "retention_report.html",
        rows=[
            {
                "label": types[key].label.of(call.lang) or key if key in types else key,
                "part": part_of(call, key, category),
                "rule": rule,
                "count": count,
                "said": call.core(f"keep.state_{state}"),
                "colour": colours.get(state, "grey"),
            }
            for key, category, state, rule, count in (() if found is None else found.facets)
        ],
        unverified=call.session.retention.unverified(),
        **_about(call, found),
    )
