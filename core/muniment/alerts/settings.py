"""The table ``[alerts]`` of a configuration."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import attrs

from muniment.errors import ConfigError

__all__ = ["AlertSettings", "read_alerts"]

_FIELDS = ("assigned", "vip", "employee", "closed", "born", "name", "address", "allowed")
_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")
_SEVERITIES = ("low", "medium", "high", "critical")


@attrs.frozen
class AlertSettings:
    """What alert rules know besides the log, and where alerts are sent.

    Attributes:
        rules: by rule, parameters that differ from its own; ``{"off": True}`` turns it off.
        assigned: clear fields that hold the login of who looks after a record, as ``type.field``.
        vip: clear fields that mark a person as one who draws the curious.
        employee: clear fields that hold the login of the person a record is about.
        closed: dates of death or closure. Like the next three they may be sealed, and are then opened in
            memory, compared and forgotten.
        born: dates of birth.
        name: names of people, to tell those of a rare surname that whoever looked has too.
        address: the lines of an address, to tell neighbours.
        allowed: clear fields that hold the login of who was allowed to see whom their record is about.
        team: the attribute of users that names their team.
        hours: by login or role, or ``default``, the hours of work, as ``08:00-17:00``.
        least: the mildest severity that is sent.
        webhook: where alerts are posted; empty for nowhere.
        mail_to: who gets them by e-mail; empty for nobody.
        mail_from: the sender; by default one at the mail server.
    """

    rules: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict)
    assigned: tuple[str, ...] = ()
    vip: tuple[str, ...] = ()
    employee: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()
    born: tuple[str, ...] = ()
    name: tuple[str, ...] = ()
    address: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()
    team: str = ""
    hours: Mapping[str, tuple[int, int]] = attrs.field(factory=dict)
    least: str = "medium"
    webhook: str = ""
    mail_to: str = ""
    mail_from: str = ""


def read_alerts(table: Mapping[str, Any], where: str) -> AlertSettings:
    """Check the table.

    Args:
        table: as it was parsed.
        where: the file, for errors.

    Raises:
        ConfigError: ``config.value`` or ``config.type`` with the place.
    """
    place = f"{where}: alerts"
    rules: dict[str, Mapping[str, Any]] = {}
    for key, parameters in table.get("rules", {}).items():
        if not isinstance(parameters, dict):
            raise ConfigError("config.type", where=f"{place}.rules.{key}", wanted="a table")
        rules[key] = parameters
    named: dict[str, tuple[str, ...]] = {}
    for key in _FIELDS:
        names = table.get(key, [])
        if not all(isinstance(name, str) and name.count(".") == 1 for name in names):
            raise ConfigError("config.value", where=f"{place}.{key}", known="type.field")
        named[key] = tuple(names)
    least, webhook = table.get("least", "medium"), table.get("webhook", "")
    if least not in _SEVERITIES:
        raise ConfigError("config.value", where=f"{place}.least", known=", ".join(_SEVERITIES))
    if webhook and not webhook.startswith(("https://", "http://")):
        raise ConfigError("config.value", where=f"{place}.webhook", known="https://...")
    return AlertSettings(
        rules,
        **named,
        team=table.get("team", ""),
        hours=_hours(table.get("hours", {}), f"{place}.hours"),
        least=least,
        webhook=webhook,
        mail_to=table.get("mail_to", ""),
        mail_from=table.get("mail_from", ""),
    )


def _hours(table: Mapping[str, Any], where: str) -> dict[str, tuple[int, int]]:
    """Minutes of the day at which somebody begins and ends."""
    found = {}
    for whose, text in table.items():
        span = _HOURS.fullmatch(text) if isinstance(text, str) else None
        if span is None:
            raise ConfigError("config.value", where=f"{where}.{whose}", known="08:00-17:00")
        first, first_minute, last, last_minute = map(int, span.groups())
        found[whose] = (first * 60 + first_minute, last * 60 + last_minute)
    return found
