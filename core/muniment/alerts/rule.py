"""What an alert rule is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Protocol, runtime_checkable

import attrs

from muniment.alerts.events import Event, Facts

__all__ = [
    "MOST_ENTRIES",
    "SEVERITIES",
    "AlertRule",
    "Detector",
    "Finding",
    "Parameters",
    "Waiting",
    "make_rule",
]

SEVERITIES: Final = ("low", "medium", "high", "critical")

MOST_ENTRIES: Final = 100
"""So many entries at most are named in one finding, the newest."""

Parameters = Mapping[str, Any]


@attrs.frozen
class Finding:
    """Something odd.

    Attributes:
        rule: the rule's key.
        severity: out of ``SEVERITIES``.
        actor: who did it.
        entries: the entries that show it, the newest last; at most a hundred.
        why: numbers and names for the rule's text; never a value of a record.
        subject: whom it is about where that is one, hex.
        about: what else it is about, so that two of the same entries are not taken for one.
    """

    rule: str
    severity: str
    actor: str
    entries: tuple[int, ...]
    why: Mapping[str, int | float | str]
    subject: str = ""
    about: str = ""


class Detector(Protocol):
    """A rule at work: sees events in order, keeps a state that JSON can hold."""

    state: dict[str, Any]

    def see(self, event: Event) -> Iterator[Finding]:
        """Look at one event."""


@runtime_checkable
class Waiting(Protocol):
    """What a rule also is that finds something when nothing happens for long."""

    def tick(self, now_us: int) -> Iterator[Finding]:
        """Look at what waited for time to pass, at the end of a run."""


@attrs.frozen
class AlertRule:
    """One rule.

    Attributes:
        key: its name in configuration and log, such as ``A09``.
        label: in English and Chinese.
        why: in English and Chinese, why it was raised, with the names in a finding's ``why``.
        explained_by: in English and Chinese, what would have explained it.
        severity: of what it finds, unless the finding says otherwise.
        parameters: with their defaults.
        kinds: kinds of entry it wants to see; empty for all.
        make: makes the detector from parameters and facts.
    """

    key: str
    label: Mapping[str, str]
    why: Mapping[str, str]
    explained_by: Mapping[str, str]
    severity: str
    parameters: Parameters
    kinds: frozenset[str]
    make: Callable[[Parameters, Facts], Detector]


Both = tuple[str, str]
"""A text in English and in Chinese."""


def make_rule(
    key: str,
    severity: str,
    kinds: frozenset[str],
    make: Callable[[Parameters, Facts], Detector],
    *,
    label: Both,
    why: Both,
    explained_by: Both,
    parameters: Parameters | None = None,
) -> AlertRule:
    """A rule whose texts are given as pairs; the arguments are the attributes of ``AlertRule``."""
    said, raised, excused = ({"en": text[0], "zh": text[1]} for text in (label, why, explained_by))
    return AlertRule(key, said, raised, excused, severity, parameters or {}, kinds, make)
