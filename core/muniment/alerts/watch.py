"""Runs rules over events, and remembers where each stands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from muniment.alerts.events import Event, Facts
from muniment.alerts.rule import AlertRule, Detector, Finding

__all__ = ["Watch"]


class Watch:
    """All rules at work over one log.

    Args:
        rules: by key.
        facts: what is known besides the log.
        parameters: by rule, what differs from the rule's own; a rule set to None is off.
    """

    def __init__(
        self,
        rules: Mapping[str, AlertRule],
        facts: Facts,
        parameters: Mapping[str, Mapping[str, Any] | None] | None = None,
    ) -> None:
        given = parameters or {}
        self._detectors: dict[str, Detector] = {}
        self._by_kind: dict[str, list[Detector]] = {}
        self._always: list[Detector] = []
        self.next_index = 0
        for key, rule in sorted(rules.items()):
            own = given.get(key, {})
            if own is None:
                continue
            detector = rule.make({**rule.parameters, **own}, facts)
            self._detectors[key] = detector
            for kind in rule.kinds:
                self._by_kind.setdefault(kind, []).append(detector)
            if not rule.kinds:
                self._always.append(detector)

    def see(self, events: Iterable[Event]) -> Iterator[Finding]:
        """What is odd about these events, which follow the ones before."""
        by_kind, always = self._by_kind, self._always
        for event in events:
            for detector in by_kind.get(event.kind, ()):
                yield from detector.see(event)
            for detector in always:
                yield from detector.see(event)
            self.next_index = event.entry + 1

    def tick(self, now_us: int) -> Iterator[Finding]:
        """What is odd about the time that passed."""
        for detector in self._detectors.values():
            yield from detector.tick(now_us)

    def dump(self) -> dict[str, Any]:
        """Where every rule stands, for JSON."""
        return {
            "next": self.next_index,
            "rules": {key: detector.state for key, detector in self._detectors.items()},
        }

    def load(self, held: Mapping[str, Any]) -> None:
        """Go on where a ``dump`` stood; a rule that was not there then begins anew."""
        self.next_index = int(held["next"])
        for key, state in held["rules"].items():
            if key in self._detectors:
                self._detectors[key].state = state
