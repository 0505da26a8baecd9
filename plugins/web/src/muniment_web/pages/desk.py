"""My desk: where the day begins, with what waits for whoever sits at it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from starlette.responses import Response
from starlette.routing import BaseRoute

from muniment.model import id_text, micros_of
from muniment_web.frame.call import Call
from muniment_web.frame.nav import counts_of, due_of
from muniment_web.frame.routing import page
from muniment_web.frame.told import Place, changed_text, named_places

__all__ = ["routes"]

_SHOWN = 6
_COLOURS = {"low": "grey", "medium": "amber", "high": "red", "critical": "purple"}


def routes() -> list[BaseRoute]:
    """The routes of this area."""
    return [page("/", show), page("/help", help_page, public=True)]


def show(call: Call) -> Response:
    """What waits, the tables, and how the archive stands; each only for whom it is."""
    from muniment_web.pages.finding import may_find

    session = call.session
    types = sorted(
        (one for one in session.types() if session.may("record.list", one.key) and not one.retired),
        key=lambda one: one.number,
    )
    changes = session.changes.list()
    return call.page(
        "desk.html",
        types=types,
        steps=() if call.signed.previous_us and types else _first_steps(call, bool(types)),
        waiting=[one for one in changes if not one.mine] if session.may("change.approve") else [],
        changed={one.number: [changed_text(call, each) for each in one.what[:2]] for one in changes},
        mine=[one for one in changes if one.mine],
        requests=_requests(call),
        alerts=_alerts(call),
        glasses_waiting=counts_of(call).get("/break-glass", 0),
        incidents=_incidents(call),
        follow_ups=_follow_ups(call),
        due=due_of(call),
        standing=_standing(call),
        shown=_SHOWN,
        may_find=may_find(call),
        notes=call.taken_notes(),
    )


def _first_steps(call: Call, tables: bool) -> list[tuple[str, str]]:
    """What to do first, by what the person may; as paths and names of texts."""
    from muniment_web.pages.finding import may_find

    session = call.session
    wanted = (
        ("/templates", "templates", not tables and session.may("config.change")),
        ("/import", "import", tables and session.may("record.import")),
        ("/users", "users", session.may("user.change")),
        ("/find", "find", tables and may_find(call)),
        ("/keys", "keys", session.may("key.read")),
        ("/log", "log", session.may("log.read")),
        ("/audit", "audit", session.may("log.read") and not session.may("user.change")),
        ("/requests", "requests", session.may("request.change") and not session.may("user.change")),
        ("/account", "account", True),
        ("/help", "help", True),
    )
    return [(path, name) for path, name, fits in wanted if fits]


def _requests(call: Call) -> dict[str, Any]:
    """The requests that are due first, where the person handles such."""
    from muniment_web.pages.requests import row_of

    if not call.session.may("request.change"):
        return {}
    requests = call.plain.requests
    found = requests.listed()
    if not found:
        return {}
    first = found[:_SHOWN]
    places: dict[str, Place] = named_places(call, [one.subject for one in first])
    today = call.web.engine.today()
    return {
        "count": len(found),
        "rows": [row_of(call, one, places[one.subject], today) for one in first],
    }


def _alerts(call: Call) -> list[dict[str, Any]]:
    """The gravest alerts that nobody has looked into, where the person may."""
    if not call.session.may("alert.review") or counts_of(call).get("/alerts") == 0:
        return []
    alerts = call.session.alerts
    return [
        {**one.document(alerts.rules, call.lang), "colour": _COLOURS.get(one.severity, "grey")}
        for one in alerts.list(gravest=True, limit=_SHOWN)
    ]


def _follow_ups(call: Call) -> list[dict[str, Any]]:
    """What the person promised to customers, the first due first; where the templates' table is in use."""
    session, engine = call.session, call.web.engine
    record_type = engine.definitions.types.get("follow_up")
    user = engine.definitions.users.get(call.signed.login)
    needed = {"customer", "due_at", "assigned_to", "follow_up_state"}
    if record_type is None or user is None or not session.may("record.list", record_type.key):
        return []
    if not needed <= session.view(record_type).clear:
        return []
    found = session.list(
        record_type.key,
        where={"assigned_to": id_text(user.record), "follow_up_state": "open"},
        fields=("customer", "due_at"),
        order_by="due_at",
        limit=_SHOWN,
    ).records
    places = named_places(call, [str(one.fields["customer"]) for one in found])
    now = call.web.engine.clock()
    rows = []
    for one in found:
        due = one.fields["due_at"]
        assert isinstance(due, datetime)
        due_us = micros_of(due)
        rows.append(
            {
                "id": one.id,
                "place": places[str(one.fields["customer"])],
                "due": call.time(due_us),
                "late": due_us < now,
            }
        )
    return rows


def _incidents(call: Call) -> dict[str, int]:
    """How many incidents are open, and how their clocks stand."""
    if not call.session.may("incident.read"):
        return {}
    found = call.session.incidents.standing()
    return dict(found) if found["open"] else {}


def _standing(call: Call) -> dict[str, Any]:
    """How fresh the signature and the backup are, for whoever looks after that; no value is read."""
    from muniment.session.backups import last_backup
    from muniment_web.pages.log import signed_of

    session, engine = call.session, call.web.engine
    found: dict[str, Any] = {}
    if session.may("log.read"):
        signed = signed_of(call)
        found["signed"] = {**signed, "behind": max(signed["size"] - signed["checkpoint"], 0)}
    if session.may("backup.read"):
        last = last_backup(engine)
        found["backup"] = {
            "late": session.backups.late(),
            "made": "" if last is None else call.time(last.made_us),
        }
    if session.may("key.read"):
        found["keys"] = len(call.web.archive.keys.status().warnings)
    if session.may("config.read"):
        found["differs"] = call.web.archive.config_differs
    return found


_TOPICS = (
    ("find", "/find", ("record.search",)),
    ("reveal", "", ()),
    ("change", "", ()),
    ("waiting", "/changes", ("record.list",)),
    ("import", "/import", ("record.import",)),
    ("rights", "/requests", ("request.read",)),
    ("log", "/log", ("log.read",)),
    ("audit", "/audit", ("log.read",)),
    ("setup", "/templates", ("schema.read",)),
    ("keyboard", "", ()),
    ("privacy", "", ()),
)
"""What the guide tells, where that is done, and who may."""


def help_page(call: Call) -> Response:
    """How it is used, and whom to ask; a script asks for the keys alone."""
    if call.partial:
        return call.page("_help_keys.html")

    def place(path: str, actions: tuple[str, ...]) -> str:
        return path if call.sign is not None and any(map(call.session.may, actions)) else ""

    topics = [(name, place(path, actions)) for name, path, actions in _TOPICS]
    return call.page("help.html", topics=topics, support=call.web.settings.support, notes=call.taken_notes())
