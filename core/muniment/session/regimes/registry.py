"""The checks by the names that regimes know them by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from muniment.regimes import Finding
from muniment.session.regimes import access_checks, data_checks, keeping_checks, log_checks
from muniment.session.regimes.facts import Facts

__all__ = ["CHECKS"]

Check = Callable[[Facts, int], Finding]

CHECKS: Final[Mapping[str, Check]] = MappingProxyType(
    {
        name: getattr(module, name)
        for module in (log_checks, access_checks, data_checks, keeping_checks)
        for name in module.__all__
    }
)
"""Every check of the core. Each takes the facts and its argument, 0 where the data gives none."""
