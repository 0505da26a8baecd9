"""Regimes as data: what each clause asks for, which checks look at it, what lies outside; pure."""

from __future__ import annotations

from muniment.regimes.model import (
    VERDICTS,
    CheckWords,
    Clause,
    Finding,
    Regime,
    check_words,
    packaged,
    parse_regime,
    verdict_of,
)
from muniment.regimes.page import report_page

__all__ = [
    "VERDICTS",
    "CheckWords",
    "Clause",
    "Finding",
    "Regime",
    "check_words",
    "packaged",
    "parse_regime",
    "report_page",
    "verdict_of",
]
