"""Checks a whole archive from its rows alone: needs a reader and no keys, and names the first bad entry."""

from __future__ import annotations

from muniment.verify.check import Progress, Reading, Report, Secrets, check

__all__ = ["Progress", "Reading", "Report", "Secrets", "check"]
