"""What a team says about retention in ``muniment.toml``; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from muniment.errors import ConfigError
from muniment.retention.rules import RuleStatement, statements_of

__all__ = ["Retention", "read_retention"]


@attrs.frozen
class Retention:
    """How retention is applied.

    Attributes:
        accepted_by: name and day of the person who answers for applying rules that nobody compared with
            their source; empty: such rules plan and explain, and nothing is disposed of under them.
        jurisdictions: under whose law the records are, as ISO 3166 with the union before it; empty: every
            rule counts.
        jurisdiction_field: key of a field that says so for one record; empty for none.
        fiscal_year_end: with which month the fiscal year ends.
        own: the team's own rules.
    """

    accepted_by: str = ""
    jurisdictions: tuple[str, ...] = ()
    jurisdiction_field: str = ""
    fiscal_year_end: int = 12
    own: tuple[RuleStatement, ...] = ()


def read_retention(table: Mapping[str, Any], where: str) -> Retention:
    """The table ``retention`` of a configuration.

    Raises:
        ConfigError: ``config.value``, ``config.type``, or ``retention.*`` for a rule.
    """
    jurisdictions = table.get("jurisdictions", [])
    if not all(isinstance(one, str) for one in jurisdictions):
        raise ConfigError("config.type", where=f"{where}: retention.jurisdictions", wanted="a list of texts")
    month = table.get("fiscal_year_end", 12)
    if not 1 <= month <= 12:
        raise ConfigError("config.value", where=f"{where}: retention.fiscal_year_end", known="1..12")
    return Retention(
        table.get("accepted_by", "").strip(),
        tuple(jurisdictions),
        table.get("jurisdiction_field", ""),
        month,
        statements_of(table.get("rule", []), f"{where}: retention.rule"),
    )
