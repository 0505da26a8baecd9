"""The file ``jurisdictions.toml`` of a pack."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from muniment.errors import ConfigError
from muniment.plugins import Jurisdiction, SeparateConsent
from muniment.schema import Label

__all__ = ["parse_jurisdictions"]

_TABLE: Final[Mapping[str, type]] = {
    "key": str,
    "en": str,
    "zh": str,
    "guardian_below": int,
    "guardian_source": str,
    "holidays": list,
    "workdays": list,
    "holidays_until": date,
    "holidays_source": str,
    "separate": list,
}
_SEPARATE: Final[Mapping[str, type]] = {
    "act": str,
    "source": str,
    "classes": list,
    "not_to": list,
    "verified_by": str,
}


def parse_jurisdictions(text: str, *, where: str) -> tuple[Jurisdiction, ...]:
    """Read a file of jurisdictions.

    Args:
        text: TOML, with ``[[jurisdiction]]`` tables and ``[[jurisdiction.separate]]`` in them.
        where: the file, for errors.

    Raises:
        ConfigError: ``config.syntax``, ``config.unknown`` or ``config.type``, with the place.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError("config.syntax", where=where, detail=str(error)) from None
    tables = document.get("jurisdiction", [])
    if document.keys() - {"jurisdiction"} or not isinstance(tables, list):
        raise ConfigError("config.unknown", where=where, known="jurisdiction")
    return tuple(_read(one, f"{where}: jurisdiction {place + 1}") for place, one in enumerate(tables))


def _read(table: Mapping[str, Any], where: str) -> Jurisdiction:
    _check(table, _TABLE, ("key", "en", "zh"), where)
    for one in table.get("separate", ()):
        _check(one, _SEPARATE, ("act", "source"), f"{where}.separate")
    return Jurisdiction(
        key=table["key"],
        label=Label(table["en"], table["zh"]),
        separate=tuple(map(_separate, table.get("separate", ()))),
        guardian_below=table.get("guardian_below", 0),
        guardian_source=table.get("guardian_source", ""),
        holidays=frozenset(table.get("holidays", ())),
        workdays=frozenset(table.get("workdays", ())),
        holidays_until=table.get("holidays_until"),
        holidays_source=table.get("holidays_source", ""),
    )


def _separate(table: Mapping[str, Any]) -> SeparateConsent:
    return SeparateConsent(
        act=table["act"],
        source=table["source"],
        classes=tuple(table.get("classes", ())),
        not_to=tuple(table.get("not_to", ())),
        verified_by=table.get("verified_by", ""),
    )


def _check(table: Mapping[str, Any], known: Mapping[str, type], needed: tuple[str, ...], where: str) -> None:
    if not isinstance(table, dict) or table.keys() - known.keys():
        raise ConfigError("config.unknown", where=where, known=", ".join(known))
    for name in needed:
        if name not in table:
            raise ConfigError("config.type", where=f"{where}.{name}", wanted="text")
    for name, value in table.items():
        if not isinstance(value, known[name]) or isinstance(value, bool):
            raise ConfigError("config.type", where=f"{where}.{name}", wanted=known[name].__name__)
