"""The rule about clocks of incidents: somebody should have been told by now."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from muniment.alerts.events import Event, Facts
from muniment.alerts.rule import AlertRule, Finding, Parameters

__all__ = ["RULES"]

_KEY: Final = "I01"


class _Overdue:
    """Asks at the end of each run which clocks have run out, and raises each once."""

    def __init__(self, parameters: Parameters, facts: Facts) -> None:
        self.state: dict[str, Any] = {"raised": []}
        self._facts = facts

    def see(self, event: Event) -> Iterator[Finding]:
        """Entries tell nothing: time does."""
        return iter(())

    def tick(self, now_us: int) -> Iterator[Finding]:
        """Raise what has run out since the last run."""
        for incident, clock, due, entry in self._facts.overdue(now_us):
            name = f"{incident}.{clock}"
            if name not in self.state["raised"]:
                self.state["raised"].append(name)
                why: dict[str, int | float | str] = {"incident": incident, "clock": clock, "due": due}
                yield Finding(_KEY, "high", "", (entry,), why, about=name)


RULES: Final = (
    AlertRule(
        _KEY,
        {"en": "Incident: a clock has run out", "zh": "安全事件：法定期限已过"},
        {
            "en": "For incident {incident} {clock} was due at {due}, and nobody was told.",
            "zh": "安全事件 {incident} 的 {clock} 应于 {due} 前完成，尚未告知。",
        },
        {
            "en": "the time at which they were told, noted with the incident, or an assessment by which it "
            "is not due",
            "zh": "在事件中登记告知时间，或经评估无需告知",
        },
        "high",
        {},
        frozenset({"incident.open"}),
        _Overdue,
    ),
)
"""The rules of this module."""
