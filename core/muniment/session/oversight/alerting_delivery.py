"""Sending alerts to where people look: a webhook (Standard Webhooks) and e-mail.

What could not be sent is tried again at the next run. Secrets never stand in the
configuration: ``MUNIMENT_WEBHOOK_SECRET`` (``whsec_`` and base64) signs webhooks;
for mail see ``alerting_mail``. A message names rule, people by login and identifiers,
and entries; never a value.
"""

from __future__ import annotations

import hmac
import os
from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from muniment.alerts import AlertRule
from muniment.alerts.rule import SEVERITIES
from muniment.alerts.settings import AlertSettings
from muniment.codec import canonical
from muniment.errors import LogError, UsageError
from muniment.model import id_bytes
from muniment.session.kernel.acting import Acting
from muniment.session.kernel.engine import Engine
from muniment.session.oversight.alerting_mail import Mailer, message_of
from muniment.session.writing.changes import Change
from muniment.session.writing.writes import write

if TYPE_CHECKING:
    from muniment.session.oversight.alert_values import Alert

__all__ = ["deliver", "signature_of"]

_TRIES_A_RUN: Final = 100


def deliver(
    engine: Engine,
    acting: Acting,
    settings: AlertSettings,
    rules: Mapping[str, AlertRule],
    alerts: Sequence[Alert],
) -> tuple[int, int]:
    """Send what was not sent yet, by every way that is configured.

    Returns:
        How many alerts were sent now, and how many still wait.
    """
    ways = [way for way, wanted in (("webhook", settings.webhook), ("mail", settings.mail_to)) if wanted]
    least = SEVERITIES.index(settings.least)
    waiting = [
        one
        for one in alerts
        if SEVERITIES.index(one.severity) >= least and not set(ways) <= set(one.sent.split())
    ]
    if not ways or not waiting:
        return 0, 0
    sent = 0
    with Mailer(settings) as mailer:
        posts = {
            "webhook": lambda one: _post(engine, settings.webhook, rules, one),
            "mail": lambda one: mailer.send(message_of(settings, rules, one)),
        }
        for one in waiting[:_TRIES_A_RUN]:
            done = set(one.sent.split())
            done |= {way for way in ways if way not in done and _sent(engine, acting, one, way, posts[way])}
            if done != set(one.sent.split()):
                values = {"sent": " ".join(sorted(done))}
                change = Change(
                    "update", record=id_bytes(one.id), values=values, kind="alert.send", inside=True
                )
                write(engine, acting, [change])
            sent += set(ways) <= done
    return sent, len(waiting) - sent


def _sent(engine: Engine, acting: Acting, one: Alert, way: str, send: Callable[[Alert], None]) -> bool:
    """Whether one way took it; both outcomes are entries."""
    try:
        send(one)
    except (LogError, UsageError) as error:
        engine.note(acting, f"{way}.fail", outcome="failed", code=error.code, target={"alert": one.id})
        return False
    engine.note(acting, f"{way}.send", target={"alert": one.id})
    return True


def signature_of(secret: str, message_id: str, time_s: int, body: bytes) -> str:
    """The signature of a webhook: Standard Webhooks, ``v1,`` and HMAC-SHA256 in base64.

    Args:
        secret: ``whsec_`` and base64.
        message_id: the same for every try.
        time_s: seconds since 1970.
        body: what is sent.

    Raises:
        UsageError: ``alert.secret`` where the secret is none.
    """
    try:
        if not secret.startswith("whsec_"):
            raise ValueError
        key = a2b_base64(secret.removeprefix("whsec_"), strict_mode=True)
        if len(key) < 24:
            raise ValueError
    except (ValueError, Base64Error):
        raise UsageError("alert.secret") from None
    signed = hmac.digest(key, f"{message_id}.{time_s}.".encode("ascii") + body, "sha256")
    return "v1," + b2a_base64(signed, newline=False).decode("ascii")


def _post(engine: Engine, url: str, rules: Mapping[str, AlertRule], one: Alert) -> None:
    from urllib.request import Request

    from muniment.evidence.asking import send

    time_s = engine.clock() // 1_000_000
    document = {
        **one.document(rules, "en"),
        "text_zh": one.text(rules, "zh"),
        "archive": engine.archive.hex(),
    }
    body = canonical({"data": document, "timestamp": time_s, "type": "alert.raised"})
    secret = os.environ.get("MUNIMENT_WEBHOOK_SECRET", "")
    headers = {
        "Content-Type": "application/json",
        "webhook-id": f"alert_{one.id}",
        "webhook-timestamp": str(time_s),
        "webhook-signature": signature_of(secret, f"alert_{one.id}", time_s, body),
    }
    status, _, _ = send(Request(url, data=body, headers=headers, method="POST"))
    if not 200 <= status < 300:
        raise LogError("alert.refused", where=url, status=status)
