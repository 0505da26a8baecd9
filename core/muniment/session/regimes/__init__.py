"""Reports under regimes: what this archive shows for each clause, checked when they are asked for."""

from __future__ import annotations

from muniment.session.regimes.report import Regimes

__all__ = ["Regimes"]
