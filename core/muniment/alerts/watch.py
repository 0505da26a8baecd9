"""Runs rules over events, and remembers where each stands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from muniment.alerts.events import Event, Facts
from muniment.alerts.rule import AlertRule, Detector, Finding, Waiting
from muniment.errors import PluginError

__all__ = ["Watch"]


class Watch:
    """All rules at work over one log.

    Args:
        rules: by key.
        facts: what is known besides the log.
        parameters: by rule, what differs from the rule's own; ``{"off": True}`` turns it off.
    """

    def __init__(
        self,
        rules: Mapping[str, AlertRule],
        facts: Facts,
        parameters: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        given = parameters or {}
        self._detectors: dict[str, Detector] = {}
        self._by_kind: dict[str, list[tuple[str, Detector]]] = {}
        self._always: list[tuple[str, Detector]] = []
        self.next_index = 0
        for key, rule in sorted(rules.items()):
            own = given.get(key, {})
            if own.get("off"):
                continue
            detector = rule.make({**rule.parameters, **own}, facts)
            self._detectors[key] = detector
            for kind in rule.kinds:
                self._by_kind.setdefault(kind, []).append((key, detector))
            if not rule.kinds:
                self._always.append((key, detector))

    def see(self, events: Iterable[Event]) -> Iterator[Finding]:
        """What is odd about these events, which follow the ones before.

        Raises:
            PluginError: ``alert.rule_failed`` where a rule fails; with the place, never with what it said.
        """
        by_kind, always = self._by_kind, self._always
        for event in events:
            for key, detector in (*by_kind.get(event.kind, ()), *always):
                try:
                    yield from detector.see(event)
                except Exception as error:
                    raise _failed(key, error) from None
            self.next_index = event.entry + 1

    def tick(self, now_us: int) -> Iterator[Finding]:
        """What is odd about the time that passed."""
        for key, detector in self._detectors.items():
            try:
                yield from detector.tick(now_us) if isinstance(detector, Waiting) else ()
            except Exception as error:
                raise _failed(key, error) from None

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


def _failed(key: str, error: Exception) -> PluginError:
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    file = "" if frame is None else frame.tb_frame.f_code.co_filename
    line = 0 if frame is None else frame.tb_lineno
    return PluginError("alert.rule_failed", name=key, type=type(error).__name__, file=file, line=line)
