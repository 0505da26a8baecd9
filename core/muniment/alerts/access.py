"""Rules about who looks at whom: access that nothing explains, and what makes it worse."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from muniment.alerts.events import HANDLES, LOOKS, WRITES, Event, Facts
from muniment.alerts.numbers import percentile, robust_limit
from muniment.alerts.rule import MOST_ENTRIES, AlertRule, Finding, Parameters, make_rule

__all__ = ["RULES"]

HOUR_US: Final = 3_600_000_000
DAY_US: Final = 24 * HOUR_US


class _Unexplained:
    """A01, and with what is known of the subject A03 to A05, A07, A24: looks that no work explains.

    A look waits for so long: who looks first and writes down the call a minute later has explained it.
    """

    def __init__(self, parameters: Parameters, facts: Facts) -> None:
        self._parameters = parameters
        self._facts = facts
        # work: last work of actor on subject; explained: last explained look; waiting: looks in order.
        self.state: dict[str, Any] = {"work": {}, "explained": {}, "waiting": []}

    def see(self, event: Event) -> Iterator[Finding]:
        if not event.ok:
            return
        if event.kind in WRITES or event.kind in HANDLES:
            for subject in event.subjects:
                self.state["work"][f"{event.actor} {subject}"] = event.time_us
        elif event.records <= 1 and not set(event.roles) & set(self._parameters["exempt_roles"]):
            for subject in event.subjects:
                looked = [event.entry, event.time_us, event.actor, subject, event.break_glass]
                self.state["waiting"].append(looked)
        yield from self.tick(event.time_us)

    def tick(self, now_us: int) -> Iterator[Finding]:
        waiting = self.state["waiting"]
        patience = int(self._parameters["wait_hours"] * HOUR_US)
        done = 0
        found: dict[tuple[str, str], list[int]] = {}
        for index, time_us, actor, subject, emergency in waiting:
            if time_us + patience > now_us:
                break
            done += 1
            if not self._explained(time_us, actor, subject, emergency):
                found.setdefault((actor, subject), []).append(index)
        del waiting[:done]
        for (actor, subject), entries in found.items():
            yield self._finding(actor, subject, entries, now_us)

    def _explained(self, time_us: int, actor: str, subject: str, emergency: bool) -> bool:
        name = f"{actor} {subject}"
        back = self._parameters["days"] * DAY_US
        work, before = self.state["work"].get(name, 0), self.state["explained"].get(name, 0)
        related = set(self._facts.related(subject))
        team = self._facts.team(actor)
        explained = bool(
            emergency
            or abs(time_us - work) <= back
            or 0 <= time_us - before <= back
            or actor in related
            or (team and any(self._facts.team(one) == team for one in related))
        )
        if explained:
            self.state["explained"][name] = time_us
        return explained

    def _finding(self, actor: str, subject: str, entries: list[int], now_us: int) -> Finding:
        rule, severity = "A01", "medium"
        if self._facts.neighbours(actor, subject):
            rule, severity = "A07", "high"
        elif self._facts.namesakes(actor, subject):
            rule = "A04"
        colleague = self._facts.employee(subject)
        if self._facts.vip(subject):
            rule, severity = "A03", "high"
        elif colleague and colleague != actor:
            rule, severity = "A05", "high"
        violated = self._facts.violated(subject)
        if violated and now_us - violated <= 365 * DAY_US:
            rule, severity = "A24", "high"
        why = {"count": len(entries), "days": self._parameters["days"]}
        return Finding(rule, severity, actor, tuple(entries[-MOST_ENTRIES:]), why, subject)


class _Itself:
    """A06: somebody looks at the record about themselves."""

    def __init__(self, parameters: Parameters, facts: Facts) -> None:
        self._facts = facts
        self.state: dict[str, Any] = {}

    def see(self, event: Event) -> Iterator[Finding]:
        for subject in event.subjects if event.ok and event.records <= 1 else ():
            if self._facts.employee(subject) == event.actor:
                yield Finding("A06", "medium", event.actor, (event.entry,), {}, subject)


class _Crowd:
    """A03b: many different people look at one subject within a day."""

    def __init__(self, parameters: Parameters, facts: Facts) -> None:
        self._parameters = parameters
        self.state: dict[str, Any] = {"day": 0, "seen": {}, "past": {}}

    def see(self, event: Event) -> Iterator[Finding]:
        state = self.state
        if not event.ok or event.records > 1:
            return
        if event.day != state["day"]:
            for subject, actors in state["seen"].items():
                past = state["past"].setdefault(subject, [])
                past.append(len(actors))
                del past[: -self._parameters["days"]]
            state["seen"], state["day"] = {}, event.day
        for subject in event.subjects:
            actors = state["seen"].setdefault(subject, {})
            known = event.actor in actors
            actors.setdefault(event.actor, event.entry)
            usual = percentile(state["past"].get(subject, ()), 0.95)
            limit = max(self._parameters["people"], self._parameters["times"] * usual)
            if not known and len(actors) == int(limit) + 1:
                why = {"count": len(actors), "limit": int(limit)}
                entries = tuple(sorted(actors.values())[-MOST_ENTRIES:])
                yield Finding("A03", "high", event.actor, entries, why, subject)


class _BreakGlass:
    """A02: emergency access that nobody reviewed in time, or that somebody uses far too often."""

    def __init__(self, parameters: Parameters, facts: Facts) -> None:
        self._parameters = parameters
        self.state: dict[str, Any] = {"open": {}, "begun": {}}

    def see(self, event: Event) -> Iterator[Finding]:
        state, limit_us = self.state, self._parameters["days"] * DAY_US
        named = event.named[0] if event.named else event.op
        if event.kind == "break_glass.review":
            state["open"].pop(named, None)
        elif event.kind == "break_glass.begin" and event.ok:
            state["open"][named] = [event.entry, event.time_us, event.actor]
            begun = state["begun"].setdefault(event.actor, [])
            begun.append([event.time_us, event.entry])
            for actor, times in list(state["begun"].items()):
                state["begun"][actor] = [one for one in times if event.time_us - one[0] <= limit_us]
            counts = [len(times) for actor, times in state["begun"].items() if actor != event.actor and times]
            limit = max(self._parameters["times"], robust_limit(counts, 3))
            count = len(state["begun"][event.actor])
            if count == int(limit) + 1:
                entries = tuple(index for _, index in state["begun"][event.actor][-MOST_ENTRIES:])
                why = {"count": count, "limit": int(limit), "days": self._parameters["days"]}
                yield Finding("A02", "high", event.actor, entries, why)
        yield from self.tick(event.time_us)

    def tick(self, now_us: int) -> Iterator[Finding]:
        patience = self._parameters["review_hours"] * HOUR_US
        for named, (index, time_us, actor) in list(self.state["open"].items()):
            if now_us - time_us > patience:
                del self.state["open"][named]
                why = {"hours": self._parameters["review_hours"]}
                yield Finding("A02", "high", actor, (index,), why)


_WORK: Final = (
    "Work on the record, its assignment to them or their team, or emergency access with a reason.",
    "处理过该记录、该记录分配给本人或其团队，或有理由的紧急访问。",
)
_LOOKED: Final = (
    "{count} looks at somebody with whom nothing in {days} days connects them.",
    "{count} 次查看与其在 {days} 天内毫无业务关联的人。",
)


class _Never:
    """A rule that A01 finds for: what it calls a finding when more is known of the subject."""

    def __init__(self, parameters: Parameters, facts: Facts) -> None:
        self.state: dict[str, Any] = {}

    def see(self, event: Event) -> Iterator[Finding]:
        return iter(())


def _worse(key: str, severity: str, label: tuple[str, str]) -> AlertRule:
    return make_rule(key, severity, frozenset({"none"}), _Never, label=label, why=_LOOKED, explained_by=_WORK)


RULES: Final = (
    make_rule(
        "A01", "medium", LOOKS | WRITES | HANDLES, _Unexplained,
        parameters={"days": 30, "wait_hours": 24, "exempt_roles": ("auditor",)},
        label=("Access that nothing explains", "无法解释的访问"),
        why=_LOOKED,
        explained_by=_WORK,
    ),
    make_rule(
        "A02", "high", frozenset({"break_glass.begin", "break_glass.review"}), _BreakGlass,
        parameters={"review_hours": 72, "times": 3, "days": 30},
        label=("Emergency access not reviewed, or too often", "紧急访问未复核或过于频繁"),
        why=("Nobody reviewed it within {hours} hours, or {count} times where {limit} are usual.",
             "紧急访问在 {hours} 小时内无人复核，或使用 {count} 次（通常不超过 {limit} 次）。"),
        explained_by=("A review by somebody else in time.", "由他人及时复核。"),
    ),
    make_rule(
        "A03", "high", LOOKS, _Crowd,
        parameters={"people": 5, "times": 3, "days": 60},
        label=("Somebody who draws the curious", "受关注人物被窥视"),
        why=("{count} looks or people at one person; at most {limit} are usual.",
             "同一人被 {count} 次（人）查看，通常不超过 {limit}。"),
        explained_by=_WORK,
    ),
    _worse("A04", "medium", ("Somebody of the same, rare surname", "与查看者同姓（罕见姓氏）")),
    _worse("A05", "high", ("A colleague's record", "查看同事的记录")),
    make_rule(
        "A06", "medium", LOOKS, _Itself,
        label=("Their own record", "查看本人记录"),
        why=("They looked at the record about themselves.", "查看了关于其本人的记录。"),
        explained_by=("A request under their own rights.", "以本人权利提出的请求。"),
    ),
    _worse("A07", "high", ("Somebody of the same household or next door", "查看同住者或邻居的记录")),
    _worse("A24", "high", ("The target of an earlier violation again", "曾受侵犯者再次被查看")),
)  # fmt: skip
"""Rules about access, by key."""
