"""Consent: given, renewed, refused, taken back; the notices that people were shown, and receipts to check."""

from __future__ import annotations

import json
from typing import Any, Final

from starlette.responses import Response
from starlette.routing import BaseRoute

from muniment.errors import MunimentError, UsageError
from muniment.purposes import PURPOSES
from muniment.schema.builtin import CONSENT
from muniment.session.rights.consented import Consent, Notice
from muniment.session.rights.consents import Terms
from muniment_web.frame.call import Call
from muniment_web.frame.named import type_of
from muniment_web.frame.reasons import REASONS, reason_of
from muniment_web.frame.routing import page
from muniment_web.frame.told import (
    caught,
    day_of,
    field_names,
    form_page,
    number_of,
    purpose_of,
    sent_file,
)

__all__ = ["routes"]

_NOTICE_TEXTS: Final = (
    "controller",
    "controller_address",
    "controller_contact",
    "retention",
    "withdrawal",
    "rights",
    "jurisdiction",
    "collection",
)
_NOTICE_LISTS: Final = ("purposes", "data", "special", "recipients", "storage", "processing")
_RECEIPT_BYTES: Final = 1_000_000
_OFFERED: Final = 1_000
"""So many notices are offered where somebody consents."""


def routes() -> list[BaseRoute]:
    """The routes of this area."""
    base = "/t/{type}/{id:uuid}/consents"
    return [
        page(base, of_person),
        page(base, act, methods=("POST",), files=True),
        page(f"{base}/receipt", receipt),
        page("/consents", notices),
        page("/consents/verify", ask_verify),
        page("/consents/verify", verify, methods=("POST",), files=True),
        page("/consents/notices/{key}", notice),
        page("/consents/notices", write_notice, methods=("POST",)),
    ]


def _choices(call: Call, field: str) -> list[tuple[str, str]]:
    return [(one.key, one.label.of(call.lang)) for one in CONSENT.by_key[field].choices]


def _row(call: Call, one: Consent, now: int) -> dict[str, Any]:
    values = one.values
    state = one.state_at(now)
    labels = dict(_choices(call, "state"))
    colours = {choice.key: choice.colour for choice in CONSENT.by_key["state"].choices}
    methods = dict(_choices(call, "method"))
    separate = dict(_choices(call, "separate"))
    return {
        "id": one.id,
        "purpose": one.purpose,
        "purpose_label": purpose_of(call, one.purpose),
        "state": state,
        "label": labels.get(state, state),
        "colour": colours.get(state, "grey"),
        "holds": one.holds_at(now),
        "time": call.time(one.recorded_us),
        "since": str(values.get("given_at") or "")[:10],
        "until": str(values.get("valid_until") or "")[:10],
        "notice": str(values.get("notice") or ""),
        "notice_version": values.get("notice_version"),
        "method": methods.get(str(values.get("method")), ""),
        "separate": [separate.get(key, key) for key in one.separate],
        "guardian": str(values.get("given_by") or ""),
        "evidence": bool(values.get("evidence_digest")),
        "version": one.version,
    }


def of_person(call: Call, problem: MunimentError | None = None) -> Response:
    """What the person of a record consented to, what became of it, and what may be done now."""
    record_type, identifier = type_of(call), str(call.path["id"])
    now = call.web.engine.clock()
    session = call.plain
    found = session.consents.of(identifier)
    may = session.may("consent.change") and not call.partial
    listed = session.consents.notices(limit=_OFFERED) if may else []
    applied = call.web.archive.applied
    steps = {}
    if not call.partial:
        steps = {one.id: _steps(call, one) for one in found if one.version > 1}
    return form_page(
        call,
        "_consents.html" if call.partial else "consents.html",
        problem,
        type=record_type,
        id=identifier,
        consents=[_row(call, one, now) for one in found],
        steps=steps,
        may=session.may("consent.change"),
        may_receipt=session.may("consent.read"),
        notices=[_notice(call, one) for one in listed],
        newest=[(one.key, f"{one.key} v{one.version}") for one in listed],
        purposes=[
            (one, purpose_of(call, one))
            for one in sorted({*applied.consent.purposes, *(applied.purposes or PURPOSES)})
        ],
        methods=_choices(call, "method"),
        separate=_choices(call, "separate"),
        reasons=REASONS,
        notes=call.taken_notes(),
    )


def _steps(call: Call, one: Consent) -> list[dict[str, Any]]:
    """What became of a consent, newest first."""
    labels = dict(_choices(call, "state"))
    found = []
    for version in range(one.version, 0, -1):
        then = call.plain.get(one.id, version=version, fields=("state", "notice_version"))
        found.append(
            {
                "version": version,
                "state": labels.get(str(then.fields.get("state")), ""),
                "time": call.time(then.recorded_us),
                "notice_version": then.fields.get("notice_version"),
            }
        )
    return found


def act(call: Call) -> Response:
    """Write down that somebody consents, renews it, says no, or takes it back."""
    record_type, identifier = type_of(call), str(call.path["id"])
    consents, reason = call.plain.consents, reason_of(call)
    what, purpose = call.text("do"), call.text("purpose").strip()
    try:
        with sent_file(call, "evidence") as sent:
            if what == "withdraw":
                consents.withdraw(identifier, purpose, reason=reason or None)
            elif what == "invalidate":
                if not reason:
                    raise UsageError("usage.no_reason")
                consents.invalidate(identifier, purpose, reason=reason)
            elif what == "refuse":
                consents.refuse(identifier, _terms(call, purpose), reason=reason or None)
            else:
                consents.give(
                    identifier,
                    _terms(call, purpose),
                    evidence=sent,
                    reason=reason or None,
                )
    except MunimentError as error:
        return of_person(call, caught(error))
    return call.go(f"/t/{record_type.key}/{identifier}/consents", note=call.say("common.saved"))


def _terms(call: Call, purpose: str) -> Terms:
    until = day_of(call.text("until"))
    return Terms(
        purpose,
        notice=call.text("notice"),
        language=call.text("language") if call.text("language") in ("en", "zh") else call.lang,
        method=call.text("method") or "other",
        valid_until="" if until is None else f"{until.isoformat()}T23:59:59Z",
        separate=call.texts("separate"),
        guardian=call.text("guardian").strip(),
        relation=call.text("relation").strip(),
    )


def receipt(call: Call) -> Response:
    """A receipt to hand over, which anybody can check offline."""
    type_of(call)
    document = call.plain.consents.receipt(str(call.path["id"]), call.query("purpose"))
    response = Response(
        json.dumps(document, ensure_ascii=False, indent=1) + "\n", media_type="application/json"
    )
    response.headers["Content-Disposition"] = (
        f'attachment; filename="receipt-{document["core"]["receipt"][-6:]}.json"'
    )
    return response


# Notices


def _notice(call: Call, one: Notice) -> dict[str, Any]:
    values = one.values
    purposes = values.get("purposes")
    return {
        "key": one.key,
        "version": one.version,
        "id": one.id,
        "text": str(values.get(f"text_{call.lang}") or values.get("text_en") or values.get("text_zh") or ""),
        "purposes": [purpose_of(call, one) for one in purposes] if isinstance(purposes, tuple) else [],
        "jurisdiction": str(values.get("jurisdiction") or ""),
    }


def notices(call: Call, problem: MunimentError | None = None) -> Response:
    """What people are told before they consent, with the form for the next one."""
    listed = call.session.consents.notices(**call.piece)
    consents = call.web.engine.settings.applied
    resting = () if consents is None else consents.consent.purposes
    return form_page(
        call,
        "notices.html",
        problem,
        notices=[_notice(call, one) for one in listed],
        more=call.more(listed),
        expiring=call.session.consents.expiring(30),
        resting=sorted(purpose_of(call, one) for one in resting),
        may=call.session.may("consent.notice"),
        form={
            name: call.text(name) for name in ("key", "text_en", "text_zh", *_NOTICE_TEXTS, *_NOTICE_LISTS)
        },
        texts=_NOTICE_TEXTS,
        lists=_NOTICE_LISTS,
        notes=call.taken_notes(),
    )


def notice(call: Call) -> Response:
    """One notice as a version of it was shown; what came before is kept."""
    from muniment.errors import NotFound

    found = call.session.consents.notice(call.path["key"])
    if found is None:
        raise NotFound("serve.not_found")
    asked = call.query("version")
    version = number_of(asked) or found.version
    version = min(version, found.version)
    then = call.plain.get(found.id, version=version)
    values = {key: value for key, value in then.fields.items() if value not in (None, "", ())}
    return call.page(
        "notice.html",
        key=found.key,
        versions=range(found.version, 0, -1),
        version=version,
        newest=found.version,
        time=call.time(then.recorded_us),
        values=values,
        facts=[
            (name, _fact(call, name, value))
            for name in (*_NOTICE_LISTS, *_NOTICE_TEXTS)
            if (value := values.get(name)) is not None
        ],
        may=call.session.may("consent.notice"),
        texts=_NOTICE_TEXTS,
        lists=_NOTICE_LISTS,
        form={
            name: "\n".join(value) if isinstance(value := values.get(name) or "", tuple) else str(value)
            for name in ("text_en", "text_zh", *_NOTICE_TEXTS, *_NOTICE_LISTS)
        },
        notes=call.taken_notes(),
    )


def _fact(call: Call, name: str, value: object) -> str:
    """What a notice says of one thing; purposes and kinds of data as people call them."""
    if not isinstance(value, tuple):
        return str(value)
    called = dict(field_names(call)) if name in ("data", "special") else {}
    shown = [purpose_of(call, one) if name == "purposes" else str(called.get(one, one)) for one in value]
    return call.say("common.comma").join(shown)


def write_notice(call: Call) -> Response:
    """Write a notice, or its next version; consents to earlier ones stay as they are."""
    key = call.text("key").strip()
    values: dict[str, object] = {
        name: call.text(name).strip() or None for name in ("text_en", "text_zh", *_NOTICE_TEXTS)
    }
    for name in _NOTICE_LISTS:
        lines = [one.strip() for one in call.text(name).replace(",", "\n").splitlines()]
        values[name] = tuple(one for one in lines if one) or None
    try:
        saved = call.session.consents.write_notice(key, values, reason=call.text("note").strip() or None)
    except MunimentError as error:
        return notices(call, caught(error))
    note = call.say("consent.notice_written", key=key, version=saved.version)
    return call.go("/consents", note=note)


# Receipts


def ask_verify(call: Call) -> Response:
    """The form that checks a receipt."""
    return _verify(call, None, None)


def _verify(call: Call, shown: dict[str, Any] | None, problem: MunimentError | None) -> Response:
    call.session.require("consent.read")
    return form_page(
        call,
        "receipt.html",
        problem,
        shown=shown,
        key=call.text("key") or call.web.archive.verifier_key.text,
    )


def verify(call: Call) -> Response:
    """Check a receipt as anybody could, with the key that is given and nothing else of this archive."""
    from muniment.errors import IntegrityError
    from muniment.subjects.receipts import verify_given

    found = call.upload("receipt")
    try:
        if found is None:
            raise UsageError("serve.nothing_chosen")
        try:
            document = json.loads(found.file.read(_RECEIPT_BYTES))
        except (ValueError, RecursionError):
            raise IntegrityError("consent.receipt") from None
        shown = verify_given(document, call.text("key").strip())
    except MunimentError as error:
        return _verify(call, None, error)
    facts = {
        "purpose": str(shown.consent.get("purpose", "")),
        "notice": str(shown.consent.get("notice", "")),
        "notice_version": shown.consent.get("notice_version", ""),
        "kind": shown.kind,
        "time": shown.time,
        "principal": shown.principal,
        "index": shown.index,
        "size": shown.checkpoint.size,
    }
    return _verify(call, facts, None)
