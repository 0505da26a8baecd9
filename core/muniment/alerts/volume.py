"""Rules about how much, how fast and when: against one's own past and one's peers."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from statistics import median
from typing import Any, Final

from muniment.alerts.events import LOOKS, Event, Facts
from muniment.alerts.numbers import percentile, robust_limit
from muniment.alerts.rule import MOST_ENTRIES, AlertRule, Finding, Parameters

__all__ = ["RULES"]

SECOND_US: Final = 1_000_000
_SENSITIVE: Final = frozenset({"sensitive", "restricted"})
_PEERS_KEPT: Final = 2_000


class _PerDay:
    """Counts something for each person and day, and finds what is far above their past and their peers'."""

    def __init__(self, key: str, severity: str, parameters: Parameters) -> None:
        self._key = key
        self._severity = severity
        self._parameters = parameters
        # today: [day, things, entries] by person; past: counts of days by person; peers: by role.
        self.state: dict[str, Any] = {"today": {}, "past": {}, "peers": {}, "raised": {}}

    def things(self, event: Event) -> list[str]:
        """What is counted, each once a day."""
        raise NotImplementedError

    def limit(self, event: Event) -> float:
        """How many are too many for this person today."""
        raise NotImplementedError

    def size(self, things: dict[str, int]) -> int:
        """How much these are."""
        return len(things)

    def see(self, event: Event) -> Iterator[Finding]:
        state, actor = self.state, event.actor
        things = self.things(event)
        if not things:
            return
        day, seen, entries = state["today"].get(actor, (event.day, {}, []))
        if day != event.day:
            self._close(actor, event.roles, self.size(seen))
            seen, entries = {}, []
        for thing in things:
            seen[thing] = seen.get(thing, 0) + max(event.records, 1)
        entries.append(event.entry)
        del entries[:-MOST_ENTRIES]
        state["today"][actor] = (event.day, seen, entries)
        if state["raised"].get(actor) == event.day:
            return
        size = self.size(seen)
        if size > self._parameters["least"]:
            limit = max(self._parameters["least"], self.limit(event))
            if size > limit:
                state["raised"][actor] = event.day
                why = {"count": size, "limit": int(limit)}
                yield Finding(self._key, self._severity, actor, tuple(entries), why)

    def _close(self, actor: str, roles: tuple[str, ...], count: int) -> None:
        past = self.state["past"].setdefault(actor, [])
        past.append(count)
        del past[: -self._parameters["days"]]
        for role in roles:
            peers = self.state["peers"].setdefault(role, [])
            peers.append(count)
            del peers[:-_PEERS_KEPT]

    def past(self, actor: str) -> list[int]:
        """What the person's days before had."""
        found: list[int] = self.state["past"].get(actor, [])
        return found

    def peers(self, roles: tuple[str, ...]) -> list[int]:
        """What the days of everybody with one of these roles had."""
        return [count for role in roles for count in self.state["peers"].get(role, ())]

    def tick(self, now_us: int) -> Iterator[Finding]:
        return iter(())


class _Volume(_PerDay):
    """A09: far more people in a day than usual for this person and for this role."""

    def __init__(self, parameters: Parameters, facts: Facts) -> None:
        super().__init__("A09", "medium", parameters)

    def things(self, event: Event) -> list[str]:
        return list(event.subjects) if event.ok and event.records <= 1 else []

    def limit(self, event: Event) -> float:
        own = robust_limit(self.past(event.actor), self._parameters["widths"])
        return max(own, percentile(self.peers(event.roles), 0.99))


class _Revealed(_PerDay):
    """A19: far more people's sensitive fields in clear than peers need."""

    def __init__(self, parameters: Parameters, facts: Facts) -> None:
        super().__init__("A19", "medium", parameters)

    def things(self, event: Event) -> list[str]:
        if not event.ok or event.records > 1 or not event.classes & _SENSITIVE:
            return []
        return list(event.subjects)

    def limit(self, event: Event) -> float:
        own = robust_limit(self.past(event.actor), 6)
        return max(own, float(self._parameters["times"]) * percentile(self.peers(event.roles), 0.99))


class _Exported(_PerDay):
    """A11: far more exported rows than usual."""

    def __init__(self, parameters: Parameters, facts: Facts) -> None:
        super().__init__("A11", "high", parameters)

    def things(self, event: Event) -> list[str]:
        return ["rows"] if event.ok else []

    def size(self, things: dict[str, int]) -> int:
        return sum(things.values())

    def limit(self, event: Event) -> float:
        return float(self._parameters["times"] * percentile(self.past(event.actor), 0.95))


class _Enumeration:
    """A10: one record after the other, faster than anybody reads."""

    def __init__(self, parameters: Parameters, facts: Facts) -> None:
        self._parameters = parameters
        self.state: dict[str, Any] = {"recent": {}, "until": {}}

    def see(self, event: Event) -> Iterator[Finding]:
        if event.records > 1 or not event.subjects:
            return
        recent = self.state["recent"].setdefault(event.actor, [])
        recent.append([event.time_us, event.entry, event.subjects[0]])
        window = self._parameters["minutes"] * 60 * SECOND_US
        while event.time_us - recent[0][0] > window:
            recent.pop(0)
        people = {subject for _, _, subject in recent}
        if (
            len(people) < self._parameters["people"]
            or self.state["until"].get(event.actor, 0) > event.time_us
        ):
            return
        gaps = [later[0] - earlier[0] for earlier, later in pairwise(recent)]
        if median(gaps) < self._parameters["seconds"] * SECOND_US:
            self.state["until"][event.actor] = event.time_us + window
            why = {"count": len(people), "minutes": self._parameters["minutes"]}
            entries = tuple(index for _, index, _ in recent[-MOST_ENTRIES:])
            yield Finding("A10", "high", event.actor, entries, why)

    def tick(self, now_us: int) -> Iterator[Finding]:
        return iter(())


class _OffHours:
    """A08: at hours at which this person never works."""

    def __init__(self, parameters: Parameters, facts: Facts) -> None:
        self._parameters = parameters
        # minutes: of each active day the first and the last, by person; odd: entries of today outside.
        self.state: dict[str, Any] = {"minutes": {}, "today": {}, "odd": {}}

    def see(self, event: Event) -> Iterator[Finding]:
        state, actor = self.state, event.actor
        if not event.ok:
            return
        day, first, last = state["today"].get(actor, (event.day, event.minute, event.minute))
        if day != event.day:
            days = state["minutes"].setdefault(actor, [])
            days.append([first, last])
            del days[: -self._parameters["days"]]
            first = last = event.minute
            state["odd"].pop(actor, None)
        state["today"][actor] = (event.day, min(first, event.minute), max(last, event.minute))
        days = state["minutes"].get(actor, ())
        if len(days) < self._parameters["known_days"]:
            return
        early = percentile([one for one, _ in days], 0.025) - self._parameters["minutes"]
        late = percentile([one for _, one in days], 0.975) + self._parameters["minutes"]
        if early <= event.minute <= late:
            return
        odd = state["odd"].setdefault(actor, [])
        odd.append(event.entry)
        if len(odd) == self._parameters["events"]:
            hour = f"{event.minute // 60:02d}:{event.minute % 60:02d}"
            yield Finding("A08", "low", actor, tuple(odd), {"count": len(odd), "hour": hour})

    def tick(self, now_us: int) -> Iterator[Finding]:
        return iter(())


class _Purpose:
    """A13: a purpose that this role hardly ever gives."""

    def __init__(self, parameters: Parameters, facts: Facts) -> None:
        self._parameters = parameters
        self.state: dict[str, Any] = {"given": {}, "raised": {}}

    def see(self, event: Event) -> Iterator[Finding]:
        state = self.state
        if not event.ok or not event.purpose:
            return
        rare = bool(event.roles)
        for role in event.roles:
            given = state["given"].setdefault(role, {})
            total = sum(given.values())
            share = given.get(event.purpose, 0) / total if total else 1.0
            rare = rare and total >= self._parameters["events"] and share < self._parameters["share"]
            given[event.purpose] = given.get(event.purpose, 0) + 1
        name = f"{event.actor} {event.purpose}"
        if rare and state["raised"].get(name) != event.day:
            state["raised"][name] = event.day
            yield Finding("A13", "medium", event.actor, (event.entry,), {"purpose": event.purpose})

    def tick(self, now_us: int) -> Iterator[Finding]:
        return iter(())


RULES: Final = (
    AlertRule(
        "A08",
        {"en": "Unusual hours", "zh": "非正常时段"},
        {
            "en": "{count} accesses around {hour}, when they never work.",
            "zh": "在其从不工作的 {hour} 前后访问 {count} 次。",
        },
        {"en": "A changed shift.", "zh": "班次变动。"},
        "low",
        {"days": 60, "known_days": 20, "minutes": 60, "events": 3},
        LOOKS,
        _OffHours,
    ),
    AlertRule(
        "A09",
        {"en": "Many more people than usual", "zh": "查看人数激增"},
        {
            "en": "{count} people in a day; at most {limit} are usual for them and for their role.",
            "zh": "一天内查看 {count} 人，其本人及同角色通常不超过 {limit} 人。",
        },
        {"en": "A campaign or a task that needs it.", "zh": "确有需要的活动或任务。"},
        "medium",
        {"least": 20, "widths": 6, "days": 30},
        LOOKS,
        _Volume,
    ),
    AlertRule(
        "A10",
        {"en": "One record after the other", "zh": "逐条遍历"},
        {
            "en": "{count} people within {minutes} minutes, faster than anybody reads.",
            "zh": "{minutes} 分钟内连续查看 {count} 人，快于正常阅读。",
        },
        {"en": "A program that works for them and says so.", "zh": "代其工作且已声明的程序。"},
        "high",
        {"people": 20, "minutes": 10, "seconds": 2},
        LOOKS,
        _Enumeration,
    ),
    AlertRule(
        "A11",
        {"en": "Many more exported rows than usual", "zh": "导出量激增"},
        {
            "en": "{count} rows in a day; at most {limit} are usual.",
            "zh": "一天内导出 {count} 行，通常不超过 {limit} 行。",
        },
        {"en": "An export that was approved.", "zh": "经批准的导出。"},
        "high",
        {"least": 500, "times": 5, "days": 30},
        frozenset({"record.export", "subject.export"}),
        _Exported,
    ),
    AlertRule(
        "A13",
        {"en": "An unusual purpose", "zh": "不寻常的目的"},
        {"en": "{purpose} is hardly ever given in this role.", "zh": "该角色极少使用目的 {purpose}。"},
        {"en": "A new task of that role.", "zh": "该角色的新任务。"},
        "medium",
        {"events": 200, "share": 0.01},
        LOOKS | {"record.list", "record.search", "record.export"},
        _Purpose,
    ),
    AlertRule(
        "A19",
        {"en": "Many sensitive fields in clear", "zh": "大量查看敏感字段明文"},
        {
            "en": "Sensitive fields of {count} people in a day; at most {limit} are usual.",
            "zh": "一天内查看 {count} 人的敏感字段，通常不超过 {limit} 人。",
        },
        {"en": "A task that needs them.", "zh": "确有需要的任务。"},
        "medium",
        {"least": 10, "times": 1, "days": 30},
        LOOKS,
        _Revealed,
    ),
)
"""Rules about volume, by key."""
