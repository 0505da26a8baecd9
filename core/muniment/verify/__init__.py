"""Checks a whole archive from its rows alone: needs a reader and no keys, and names the first bad entry."""

from __future__ import annotations

from muniment.verify.check import Checked, Progress, Reading, Report, Secrets, check
from muniment.verify.generations import Lost

__all__ = ["Checked", "Lost", "Progress", "Reading", "Report", "Secrets", "check"]
