"""Rules about backups: whether they are made, as far as the log tells."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from muniment.alerts.events import Event, Facts
from muniment.alerts.rule import Finding, Parameters, make_rule

__all__ = ["RULES"]

_DAY_US: Final = 86_400_000_000


class _Late:
    """R02: a scheduled backup failed, or none was made for days where there were some before."""

    def __init__(self, parameters: Parameters, facts: Facts) -> None:
        self._parameters = parameters
        self.state: dict[str, Any] = {"last": 0, "index": 0, "raised": 0}

    def see(self, event: Event) -> Iterator[Finding]:
        state = self.state
        if event.kind == "backup.create" and event.ok:
            state["last"], state["index"], state["raised"] = event.time_us, event.entry, 0
        elif event.kind == "backup.create" or event.target.get("job") == "backup":
            days = (event.time_us - state["last"]) // _DAY_US if state["last"] else 0
            yield Finding("R02", "high", "", (event.entry,), {"days": int(days)})
        yield from self.tick(event.time_us)

    def tick(self, now_us: int) -> Iterator[Finding]:
        state, days = self.state, self._parameters["days"]
        if state["last"] and not state["raised"] and now_us - state["last"] > days * _DAY_US:
            state["raised"] = now_us
            yield Finding("R02", "high", "", (state["index"],), {"days": days})


RULES: Final = (
    make_rule(
        "R02", "high", frozenset({"backup.create", "job.fail"}), _Late,
        parameters={"days": 2},
        label=("A backup is late", "备份逾期"),
        why=("A backup failed, or none was made for {days} days.", "备份失败，或已有 {days} 天未作备份。"),
        explained_by=("A backup by another program, or a place that was not mounted and is again.",
                      "由其他程序备份，或存放位置曾未挂载现已恢复。"),
    ),
)  # fmt: skip
"""Rules about backups, by key."""
