"""Rules about how much, how fast and when: against one's own past and one's peers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import pairwise
from statistics import median
from typing import Any, Final

from muniment.alerts.events import LOOKS, Event, Facts
from muniment.alerts.numbers import percentile, robust_limit
from muniment.alerts.rule import MOST_ENTRIES, Finding, Parameters, make_rule

__all__ = ["RULES"]

SECOND_US: Final = 1_000_000
_SENSITIVE: Final = frozenset({"sensitive", "restricted"})
_PEERS_KEPT: Final = 2_000


class _PerDay:
    """Counts something for each person and day, and finds what is far above their past and their peers'.

    Args:
        key: of the rule.
        severity: of what it finds.
        things: what of an event is counted, each once a day; nothing where it is none of the rule's.
        limit: how many are too many, of the days before and of the peers' days.
        amount: how much the things of a day are, with the records of each; by default how many.
    """

    def __init__(
        self,
        key: str,
        severity: str,
        parameters: Parameters,
        things: Callable[[Event], Collection[str]],
        limit: Callable[[Parameters, Sequence[int], Sequence[int]], float],
        amount: Callable[[Mapping[str, int]], int] = len,
    ) -> None:
        self._key = key
        self._severity = severity
        self._parameters = parameters
        self._things = things
        self._limit = limit
        self._amount = amount
        # today: [day, things, entries] by person; past: counts of days by person; peers: by role.
        self.state: dict[str, Any] = {"today": {}, "past": {}, "peers": {}, "raised": {}}

    def see(self, event: Event) -> Iterator[Finding]:
        state, actor, least = self.state, event.actor, self._parameters["least"]
        things = self._things(event)
        if not things:
            return
        day, seen, entries = state["today"].get(actor, (event.day, {}, []))
        raised, usual = state["raised"].get(actor, (0, 0))
        if day != event.day:
            # What was found too much makes the days after it no more usual than the limit it passed.
            count = self._amount(seen)
            self._close(actor, event.roles, min(count, usual) if raised == day else count)
            seen, entries = {}, []
        for thing in things:
            seen[thing] = seen.get(thing, 0) + max(event.records, 1)
        entries.append(event.entry)
        del entries[:-MOST_ENTRIES]
        state["today"][actor] = (event.day, seen, entries)
        if raised == event.day or self._amount(seen) <= least:
            return
        peers = [count for role in event.roles for count in state["peers"].get(role, ())]
        count, limit = self._amount(seen), self._limit(self._parameters, state["past"].get(actor, ()), peers)
        if count > max(least, limit):
            state["raised"][actor] = (event.day, int(max(least, limit)))
            why = {"count": count, "limit": int(max(least, limit))}
            yield Finding(self._key, self._severity, actor, tuple(entries), why)

    def _close(self, actor: str, roles: tuple[str, ...], count: int) -> None:
        past = self.state["past"].setdefault(actor, [])
        past.append(count)
        del past[: -self._parameters["days"]]
        for role in roles:
            peers = self.state["peers"].setdefault(role, [])
            peers.append(count)
            del peers[:-_PEERS_KEPT]


def _volume(parameters: Parameters, facts: Facts) -> _PerDay:
    """A09: far more people in a day than usual for this person and for this role."""
    return _PerDay(
        "A09",
        "medium",
        parameters,
        lambda event: event.subjects if event.ok and event.records <= 1 else (),
        lambda given, past, peers: max(robust_limit(past, given["widths"]), percentile(peers, 0.99)),
    )


def _revealed(parameters: Parameters, facts: Facts) -> _PerDay:
    """A19: far more people's sensitive fields in clear than peers need."""

    def things(event: Event) -> Collection[str]:
        seen = event.ok and event.records <= 1 and event.classes & _SENSITIVE
        return event.subjects if seen else ()

    def limit(given: Parameters, past: Sequence[int], peers: Sequence[int]) -> float:
        return max(robust_limit(past, 6), float(given["times"]) * percentile(peers, 0.99))

    return _PerDay("A19", "medium", parameters, things, limit)


def _exported(parameters: Parameters, facts: Facts) -> _PerDay:
    """A11: far more exported rows than usual."""
    return _PerDay(
        "A11",
        "high",
        parameters,
        lambda event: ("rows",) if event.ok else (),
        lambda given, past, _: float(given["times"] * percentile(past, 0.95)),
        lambda seen: sum(seen.values()),
    )


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


class _OffHours:
    """A08: outside the rota, or where there is none at hours at which this person never works."""

    def __init__(self, parameters: Parameters, facts: Facts) -> None:
        self._parameters = parameters
        self._facts = facts
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
        if self._usual(event):
            return
        odd = state["odd"].setdefault(actor, [])
        odd.append(event.entry)
        if len(odd) == self._parameters["events"]:
            hour = f"{event.minute // 60:02d}:{event.minute % 60:02d}"
            yield Finding("A08", "low", actor, tuple(odd), {"count": len(odd), "hour": hour})

    def _usual(self, event: Event) -> bool:
        """Whether they work at that time of the day, or nothing is known of when they do."""
        slack = self._parameters["minutes"]
        rota = self._facts.hours(event.actor, event.roles)
        if rota is not None:
            early, late = rota[0] - slack, rota[1] + slack
            # A night shift ends on the next day.
            return early <= event.minute <= late if early <= late else not late < event.minute < early
        days = self.state["minutes"].get(event.actor, ())
        if len(days) < self._parameters["known_days"]:
            return True
        first = percentile([one for one, _ in days], 0.025) - slack
        last = percentile([one for _, one in days], 0.975) + slack
        return bool(first <= event.minute <= last)


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


RULES: Final = (
    make_rule(
        "A08", "low", LOOKS, _OffHours,
        parameters={"days": 60, "known_days": 20, "minutes": 60, "events": 3},
        label=("Unusual hours", "非正常时段"),
        why=("{count} accesses around {hour}, when they do not work.",
             "在其不工作的 {hour} 前后访问 {count} 次。"),
        explained_by=("A changed shift.", "班次变动。"),
    ),
    make_rule(
        "A09", "medium", LOOKS, _volume,
        parameters={"least": 20, "widths": 6, "days": 30},
        label=("Many more people than usual", "查看人数激增"),
        why=("{count} people in a day; at most {limit} are usual for them and for their role.",
             "一天内查看 {count} 人，其本人及同角色通常不超过 {limit} 人。"),
        explained_by=("A campaign or a task that needs it.", "确有需要的活动或任务。"),
    ),
    make_rule(
        "A10", "high", LOOKS, _Enumeration,
        parameters={"people": 20, "minutes": 10, "seconds": 2},
        label=("One record after the other", "逐条遍历"),
        why=("{count} people within {minutes} minutes, faster than anybody reads.",
             "{minutes} 分钟内连续查看 {count} 人，快于正常阅读。"),
        explained_by=("A program that works for them and says so.", "代其工作且已声明的程序。"),
    ),
    make_rule(
        "A11", "high", frozenset({"record.export", "subject.export"}), _exported,
        parameters={"least": 500, "times": 5, "days": 30},
        label=("Many more exported rows than usual", "导出量激增"),
        why=("{count} rows in a day; at most {limit} are usual.",
             "一天内导出 {count} 行，通常不超过 {limit} 行。"),
        explained_by=("An export that was approved.", "经批准的导出。"),
    ),
    make_rule(
        "A13", "medium", LOOKS | {"record.list", "record.search", "record.export"}, _Purpose,
        parameters={"events": 200, "share": 0.01},
        label=("An unusual purpose", "不寻常的目的"),
        why=("{purpose} is hardly ever given in this role.", "该角色极少使用目的 {purpose}。"),
        explained_by=("A new task of that role.", "该角色的新任务。"),
    ),
    make_rule(
        "A19", "medium", LOOKS, _revealed,
        parameters={"least": 10, "times": 1, "days": 30},
        label=("Many sensitive fields in clear", "大量查看敏感字段明文"),
        why=("Sensitive fields of {count} people in a day; at most {limit} are usual.",
             "一天内查看 {count} 人的敏感字段，通常不超过 {limit} 人。"),
        explained_by=("A task that needs them.", "确有需要的任务。"),
    ),
)  # fmt: skip
"""Rules about volume, by key."""
