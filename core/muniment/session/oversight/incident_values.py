"""What an incident is as a value, and reading the records that keep incidents."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

import attrs

from muniment.incidents import Due
from muniment.log.binding import OPERATIONS
from muniment.model import Value, id_text, micros_of, rfc3339
from muniment.schema.builtin import INCIDENT
from muniment.session.kernel.definitions import open_version
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.oversight.affected import Scope
from muniment.session.reading.generations import Place
from muniment.session.reading.reads import whole_plan
from muniment.store import Reader, Version

__all__ = [
    "NATURES",
    "PLAN",
    "RISKS",
    "SEVERITIES",
    "TOLD",
    "Incident",
    "incident_of",
    "late_clocks",
    "newest",
]

NATURES: Final = ("disclosed", "altered", "lost")
RISKS: Final = ("unlikely", "risk", "high")
SEVERITIES: Final = ("low", "medium", "high", "critical")

TOLD: Final = ("cause", "harm", "measures", "advice", "contact")
"""What people write about an incident, each in a field of its own."""


@attrs.frozen
class Incident:
    """One incident as it stands.

    Attributes:
        id: UUID text of its record.
        version: of the record.
        values: the fields of the record that the reader may see.
    """

    id: str
    version: int
    values: Mapping[str, Value]

    @property
    def state(self) -> str:
        """``open`` or ``closed``."""
        return str(self.values.get("state", ""))

    @property
    def title(self) -> str:
        """What people call it."""
        return str(self.values.get("title", ""))

    @property
    def drill(self) -> bool:
        """Whether it is an exercise."""
        return bool(self.values.get("drill"))

    @property
    def laws(self) -> tuple[str, ...]:
        """Keys of the laws that apply."""
        return tuple(filter(None, str(self.values.get("laws") or "").split(",")))

    @property
    def risk(self) -> str:
        """To the persons concerned."""
        return str(self.values.get("risk") or "unknown")

    @property
    def clocks(self) -> list[Due]:
        """Its clocks, the first due first."""
        return [Due.of(one) for one in self._json("clocks", [])]

    @property
    def scope(self) -> Scope | None:
        """What was searched for; None before."""
        found = self._json("scope", None)
        return None if found is None else Scope.of(found)

    @property
    def affected(self) -> dict[str, Any] | None:
        """The figures of whom and what it affects; None before they were computed."""
        found: dict[str, Any] | None = self._json("affected", None)
        return found

    @property
    def steps(self) -> list[dict[str, Any]]:
        """What was done, oldest first: ``at``, ``by``, ``what`` and what it says."""
        found: list[dict[str, Any]] = self._json("steps", [])
        return found

    def _json(self, key: str, otherwise: Any) -> Any:
        text = self.values.get(key)
        return json.loads(str(text)) if text else otherwise

    def time(self, key: str) -> int | None:
        """One of its times, microseconds since 1970."""
        found = self.values.get(key)
        return micros_of(found) if isinstance(found, datetime) else None

    def late(self, now_us: int) -> list[Due]:
        """The clocks that ran out before anybody was told."""
        return [one for one in self.clocks if one.state(now_us) == "late"] if self.state == "open" else []

    def document(self, now_us: int) -> dict[str, Any]:
        """The incident for JSON, with the state of its clocks now."""
        times = {name: self.time(name) for name in ("happened", "ended", "found", "known", "assessed")}
        return {
            "id": self.id,
            "version": self.version,
            "title": self.title,
            "state": self.state,
            "drill": self.drill,
            "nature": str(self.values.get("nature", "")),
            "severity": self.values.get("severity"),
            "risk": self.risk,
            **{name: None if value is None else rfc3339(value) for name, value in times.items()},
            "laws": list(self.laws),
            "clocks": [{**one.document(), "state": one.state(now_us)} for one in self.clocks],
            "scope": None if self.scope is None else self.scope.document(),
            "affected": self.affected,
            **{name: self.values.get(name) for name in TOLD},
            "steps": self.steps,
        }


PLAN: Final = whole_plan(INCIDENT)
"""Whoever may read incidents must know all of them, whatever classes they read else."""


def late_clocks(engine: Engine, reader: Reader, now_us: int) -> Iterator[tuple[str, Due, int]]:
    """The clocks of open incidents that ran out: incident, clock, ordinal of the entry that opened it."""
    for version in newest(reader):
        one = incident_of(engine, reader, version)
        late = one.late(now_us)
        first = reader.version(SHARD, version.record, 1) if late else None
        for clock in late:
            yield one.id, clock, 0 if first is None else Place(first.gen, first.seq).ordinal


def incident_of(engine: Engine, reader: Reader, version: Version) -> Incident:
    """An incident out of a version of its record; the caller writes down that it is released."""
    values = open_version(reader, engine.sealer, version, INCIDENT)
    return Incident(id_text(version.record), version.version, values)


def newest(reader: Reader) -> list[Version]:
    """The newest version of every incident, the newest incident first."""
    rows = reader.builtin(SHARD, (INCIDENT.number,))
    found = [reader.version(SHARD, record, newest) for _, record, newest in rows]
    standing = [one for one in found if one is not None and one.operation != OPERATIONS["delete"]]
    return sorted(standing, key=lambda one: one.record, reverse=True)
