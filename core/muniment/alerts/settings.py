"""The table ``[alerts]`` of a configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from muniment.errors import ConfigError

__all__ = ["AlertSettings", "read_alerts"]

_SEVERITIES = ("low", "medium", "high", "critical")


@attrs.frozen
class AlertSettings:
    """What alert rules know besides the log, and where alerts are sent.

    Attributes:
        rules: by rule, parameters that differ from its own; ``{"off": True}`` turns it off.
        assigned: clear fields that hold the login of who looks after a record, as ``type.field``.
        vip: clear fields that mark a person as one who draws the curious.
        employee: clear fields that hold the login of the person a record is about.
        least: the mildest severity that is sent.
        webhook: where alerts are posted; empty for nowhere.
        mail_to: who gets them by e-mail; empty for nobody.
        mail_from: the sender; by default one at the mail server.
    """

    rules: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict)
    assigned: tuple[str, ...] = ()
    vip: tuple[str, ...] = ()
    employee: tuple[str, ...] = ()
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
    for key in ("assigned", "vip", "employee"):
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
        least=least,
        webhook=webhook,
        mail_to=table.get("mail_to", ""),
        mail_from=table.get("mail_from", ""),
    )
