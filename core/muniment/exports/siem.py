"""Entries of the log in the forms that other systems read: OCSF, FHIR AuditEvent, CEF; pure.

Each mapper takes the document of an entry, as ``LogEntry.document`` gives it, and
says what it says in another vocabulary: identifiers and names of fields, never a
value. Severities are ours: a refusal is worth a look, most else is not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from muniment.errors import UsageError
from muniment.log.kinds import KINDS
from muniment.plugins import LogFormat, PluginSet
from muniment.schema import Label

__all__ = ["CEF_VERSION", "LOG_FORMATS", "OCSF_VERSION", "line_of", "to_cef", "to_fhir", "to_ocsf"]

OCSF_VERSION: Final = "1.5.0"
"""The version of the Open Cybersecurity Schema Framework that is stamped on each event."""

CEF_VERSION: Final = 0

_PRODUCT: Final = {"name": "muniment", "vendor_name": "muniment"}

# OCSF 1.5: Datastore Activity (6005), Authentication (3002), Entity Management (3004), API Activity (6003).
_DATASTORE: Final = {
    "create": 6, "import": 5, "update": 2, "correct": 2, "revert": 2, "migrate": 2,
    "delete": 7, "undelete": 2,
    "read": 1, "reveal": 1, "history": 1, "diff": 1, "print": 1, "export": 1,
    "list": 4, "search": 4, "scan": 4, "aggregate": 4, "match": 4, "accesses": 4,
}  # fmt: skip
_ENTITY: Final = {"add": 1, "define": 1, "issue": 1, "read": 2, "change": 3, "grant": 3, "revoke": 3,
                  "remove": 4, "disable": 3, "enable": 3}  # fmt: skip
_API: Final = {"create": 1, "place": 1, "begin": 1, "give": 1, "open": 1, "read": 2, "list": 2, "show": 2,
               "update": 3, "change": 3, "apply": 3, "delete": 4, "erase": 4}  # fmt: skip
_OUTCOMES: Final = {"ok": (1, "Success"), "denied": (2, "Failure"), "failed": (2, "Failure")}


def _severity(document: Mapping[str, Any]) -> int:
    """1 informational, 2 low, 3 medium, 4 high, 5 critical."""
    noun, _, verb = str(document["kind"]).partition(".")
    if noun == "alert" and verb == "raise":
        return 4
    if noun in ("erasure", "break_glass") or document["kind"] in ("key.rotate", "log.continue"):
        return 3
    return 3 if document.get("outcome") in ("denied", "failed") else 1


def _milliseconds(document: Mapping[str, Any]) -> int:
    moment = datetime.fromisoformat(str(document["time"]).replace("Z", "+00:00"))
    return int(moment.timestamp() * 1000)


def _records(document: Mapping[str, Any]) -> list[str]:
    target = document.get("detail", {}).get("target", {})
    named = [str(one["id"]) for one in document.get("records", ())]
    return named or [str(target[name]) for name in ("record", "subject") if name in target]


def to_ocsf(document: Mapping[str, Any]) -> dict[str, Any]:
    """An entry as an OCSF event of the version in its metadata."""
    noun, _, verb = str(document["kind"]).partition(".")
    detail = document.get("detail", {})
    source = detail.get("source", {})
    user = {"uid": document["actor"] or "unknown", "name": document["actor"] or "unknown"}
    status_id, status = _OUTCOMES.get(str(document.get("outcome", "ok")), (99, "Other"))
    if noun in ("record", "file", "import") and verb in _DATASTORE:
        category, class_uid, activity = 6, 6005, _DATASTORE[verb]
        more: dict[str, Any] = {"table": {"name": document.get("type") or noun}}
    elif noun == "user" and verb in ("sign_in", "sign_out", "sign_fail"):
        category, class_uid, activity = 3, 3002, 2 if verb == "sign_out" else 1
        more = {"user": user}
        if verb == "sign_fail":
            status_id, status = 2, "Failure"
    elif noun in ("user", "role", "credential", "token") and verb in _ENTITY:
        category, class_uid, activity = 3, 3004, _ENTITY[verb]
        more = {"entity": {"type": noun, "name": str(detail.get("target", {}).get("login", noun))}}
    else:
        category, class_uid, activity = 6, 6003, _API.get(verb, 99)
        more = {"api": {"operation": document["kind"]}}
    event = {
        "activity_id": activity,
        "actor": {"user": user, "session": {"uid": source["session"]} if "session" in source else {}},
        "category_uid": category,
        "class_uid": class_uid,
        "metadata": {
            "version": OCSF_VERSION,
            "product": _PRODUCT,
            "uid": str(document["index"]),
            "correlation_uid": document.get("op", ""),
            "event_code": document["kind"],
        },
        "severity_id": _severity(document),
        "src_endpoint": {"ip": source["address"]}
        if "address" in source
        else {"name": source.get("program", "")},
        "status": status,
        "status_id": status_id,
        "time": _milliseconds(document),
        "type_uid": class_uid * 100 + activity,
        "unmapped": {
            "purpose": document.get("purpose", ""),
            "records": _records(document),
            "count": document.get("count", 0),
            "sets": detail.get("sets", []),
        },
        **more,
    }
    if detail.get("code"):
        event["status_code"] = detail["code"]
    return event


_OUTCOME_SYSTEM: Final = "http://terminology.hl7.org/CodeSystem/issue-severity"
_FHIR_ACTIONS: Final = {
    "create": "C", "import": "C",
    "update": "U", "correct": "U", "revert": "U", "undelete": "U",
    "delete": "D",
    "read": "R", "reveal": "R", "history": "R", "diff": "R", "print": "R", "export": "R",
}  # fmt: skip
_FHIR_OUTCOMES: Final = {"ok": ("success", "Success"), "denied": ("error", "Access denied"),
                         "failed": ("error", "Failed")}  # fmt: skip


def to_fhir(document: Mapping[str, Any]) -> dict[str, Any]:
    """An entry as a FHIR R5 AuditEvent (hl7.org/fhir/R5/auditevent.html)."""
    kind = KINDS.get(str(document["kind"]))
    _, _, verb = str(document["kind"]).partition(".")
    detail = document.get("detail", {})
    source = detail.get("source", {})
    outcome, shown = _FHIR_OUTCOMES.get(str(document.get("outcome", "ok")), ("warning", "Other"))
    agent: dict[str, Any] = {
        "who": {"identifier": {"value": document["actor"] or "unknown"}},
        "requestor": True,
        "role": [{"text": role} for role in detail.get("actor", {}).get("roles", ())],
    }
    if not agent["role"]:
        del agent["role"]
    if "address" in source:
        agent["networkString"] = source["address"]
    event: dict[str, Any] = {
        "resourceType": "AuditEvent",
        "id": f"entry-{document['index']}",
        "code": {"coding": [{"system": "urn:muniment:kind", "code": document["kind"],
                             "display": document["kind"] if kind is None else kind.en}]},
        "action": _FHIR_ACTIONS.get(verb, "E"),
        "severity": ("informational", "informational", "notice", "warning", "critical", "critical")[
            _severity(document)
        ],
        "recorded": document["time"],
        "outcome": {"code": {"system": _OUTCOME_SYSTEM, "code": outcome, "display": shown}},
        "agent": [agent],
        "source": {"observer": {"display": f"muniment {source.get('program', '')}".strip()}},
    }  # fmt: skip
    if document.get("purpose"):
        event["authorization"] = [
            {"coding": [{"system": "https://w3id.org/dpv", "code": document["purpose"]}]}
        ]
    entities = [{"what": {"identifier": {"value": one}}} for one in _records(document)]
    if entities:
        event["entity"] = entities
    return event


_CEF_HEAD = re.compile(r"([\\|])")
_CEF_VALUE = re.compile(r"([\\=])")


def to_cef(document: Mapping[str, Any]) -> str:
    """An entry as one line of ArcSight's Common Event Format."""
    kind = KINDS.get(str(document["kind"]))
    detail = document.get("detail", {})
    source = detail.get("source", {})
    head = (
        "muniment", "muniment", "1", document["kind"], document["kind"] if kind is None else kind.en,
        str((0, 1, 3, 5, 8, 10)[_severity(document)]),
    )  # fmt: skip
    extension = {
        "rt": str(_milliseconds(document)),
        "externalId": str(document["index"]),
        "suser": document["actor"],
        "spriv": ",".join(detail.get("actor", {}).get("roles", ())),
        "src": source.get("address", ""),
        "outcome": document.get("outcome", ""),
        "reason": detail.get("code", ""),
        "cnt": str(document.get("count", "")),
        "cs1Label": "purpose",
        "cs1": document.get("purpose", ""),
        "cs2Label": "type",
        "cs2": document.get("type", ""),
        "cs3Label": "op",
        "cs3": document.get("op", ""),
        "cs4Label": "records",
        "cs4": ",".join(_records(document)),
    }
    said = " ".join(f"{name}={_cef_value(str(value))}" for name, value in extension.items() if value)
    return f"CEF:{CEF_VERSION}|" + "|".join(_cef_head(str(one)) for one in head) + f"|{said}"


def _cef_head(text: str) -> str:
    return _CEF_HEAD.sub(r"\\\1", text.replace("\r", " ").replace("\n", " "))


def _cef_value(text: str) -> str:
    return _CEF_VALUE.sub(r"\\\1", text).replace("\r", r"\r").replace("\n", r"\n")


def _line(mapper: Callable[[Mapping[str, Any]], dict[str, Any]]) -> Callable[[Mapping[str, Any]], str]:
    return lambda document: json.dumps(mapper(document), ensure_ascii=False, separators=(",", ":"))


LOG_FORMATS: Final[Mapping[str, LogFormat]] = MappingProxyType(
    {
        one.key: one
        for one in (
            LogFormat("ndjson", Label("Entries as they are", "条目原样"), _line(dict)),
            LogFormat("ocsf", Label(f"OCSF {OCSF_VERSION}", f"OCSF {OCSF_VERSION}"), _line(to_ocsf)),
            LogFormat("fhir", Label("FHIR R5 AuditEvent", "FHIR R5 AuditEvent"), _line(to_fhir)),
            LogFormat("cef", Label("CEF", "CEF"), to_cef),
        )
    }
)
"""The core's forms of a stream of entries, each as a plugin could have brought it."""


def line_of(plugins: PluginSet, key: str) -> Callable[[Mapping[str, Any]], str]:
    """What makes lines in a form of the core's or of a plugin's.

    Args:
        plugins: those of the archive.
        key: of the form.

    Raises:
        UsageError: ``log.no_format``.
    """
    forms = {**plugins.log_formats(), **LOG_FORMATS}
    if key not in forms:
        raise UsageError("log.no_format", known=", ".join(sorted(forms)))
    return forms[key].line
