"""Alerts: rules over the log that say what is odd, why, and what would have explained it; pure.

A rule sees events in the order of the log and keeps a small state of its own, so
that a run reads only what is new. It never sees a value of a record.
"""

from __future__ import annotations

from muniment.alerts.events import Event, Facts, event_of
from muniment.alerts.rule import AlertRule, Detector, Finding
from muniment.alerts.rules import BUILTIN_RULES
from muniment.alerts.watch import Watch

__all__ = ["BUILTIN_RULES", "AlertRule", "Detector", "Event", "Facts", "Finding", "Watch", "event_of"]
