"""The rules that the core brings.

Definitions follow what the literature found to work (explanation before
statistics: Fabbri and LeFevre, PVLDB 5(1), 2011, and JAMIA 2013; filters before
learning: Kim and others, AMIA 2011); every threshold is a parameter.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from muniment.alerts import access, accounts, backups, incidents, states, volume
from muniment.alerts.rule import AlertRule

__all__ = ["BUILTIN_RULES"]

BUILTIN_RULES: Final[Mapping[str, AlertRule]] = MappingProxyType(
    {
        rule.key: rule
        for rule in sorted(
            (*access.RULES, *states.RULES, *volume.RULES, *accounts.RULES, *backups.RULES, *incidents.RULES),
            key=lambda rule: rule.key,
        )
    }
)
"""The core's rules by key."""
