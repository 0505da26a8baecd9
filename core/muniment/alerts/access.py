"""Rules about who looks at whom: access that nothing explains, and what makes it worse."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from muniment.alerts.events import LOOKS, WRITES, Event, Facts
from muniment.alerts.numbers import percentile, robust_limit
from muniment.alerts.rule import MOST_ENTRIES, AlertRule, Finding, Parameters

__all__ = ["RULES"]

HOUR_US: Final = 3_600_000_000
DAY_US: Final = 24 * HOUR_US


class _Unexplained:
    """A01, and with what is known of the subject A03, A05, A24: looks that no work explains.

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
        if event.kind in WRITES:
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

    def tick(self, now_us: int) -> Iterator[Finding]:
        return iter(())


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

    def tick(self, now_us: int) -> Iterator[Finding]:
        return iter(())


class _BreakGlass:
    """A02: emergency access that nobody reviewed in time, or that somebody uses far too often."""

    def __init__(self, parameters: Parameters, facts: Facts) -> None:
        self._parameters = parameters
        self.state: dict[str, Any] = {"open": {}, "begun": {}}

    def see(self, event: Event) -> Iterator[Finding]:
        state, limit_us = self.state, self._parameters["days"] * DAY_US
        named = str(event.target.get("grant") or event.target.get("record") or event.op)
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


class _Restricted:
    """A23: something was done with data that may only be stored."""

    def __init__(self, parameters: Parameters, facts: Facts) -> None:
        self._facts = facts
        self._purposes = frozenset(parameters["purposes"])
        self.state: dict[str, Any] = {}

    def see(self, event: Event) -> Iterator[Finding]:
        if event.ok and event.purpose not in self._purposes:
            for subject in event.subjects:
                if self._facts.restricted(subject):
                    yield Finding("A23", "critical", event.actor, (event.entry,), {}, subject)

    def tick(self, now_us: int) -> Iterator[Finding]:
        return iter(())


_WORK = {"en": "Work on the record, its assignment to them or their team, or emergency access with a reason.",
         "zh": "处理过该记录、该记录分配给本人或其团队，或有理由的紧急访问。"}  # fmt: skip

_LOOKED = ("{count} looks at somebody with whom nothing in {days} days connects them.",
           "{count} 次查看与其在 {days} 天内毫无业务关联的人。")  # fmt: skip


def _unexplained(key: str, en: str, zh: str, severity: str, makes: bool) -> AlertRule:
    """A01 finds them all; the others are what it calls a finding when more is known of the subject."""
    return AlertRule(
        key, {"en": en, "zh": zh}, dict(zip(("en", "zh"), _LOOKED, strict=True)), _WORK, severity,
        {"days": 30, "wait_hours": 24, "exempt_roles": ("auditor",)} if makes else {},
        LOOKS | WRITES if makes else frozenset({"none"}), _Unexplained if makes else _Never,
    )  # fmt: skip


class _Never:
    """A rule that another one finds for."""

    def __init__(self, parameters: Parameters, facts: Facts) -> None:
        self.state: dict[str, Any] = {}

    def see(self, event: Event) -> Iterator[Finding]:
        return iter(())

    def tick(self, now_us: int) -> Iterator[Finding]:
        return iter(())


RULES: Final = (
    _unexplained("A01", "Access that nothing explains", "无法解释的访问", "medium", True),
    AlertRule(
        "A02",
        {"en": "Emergency access not reviewed, or too often", "zh": "紧急访问未复核或过于频繁"},
        {
            "en": "Nobody reviewed it within {hours} hours, or {count} times where {limit} are usual.",
            "zh": "紧急访问在 {hours} 小时内无人复核，或使用 {count} 次（通常不超过 {limit} 次）。",
        },
        {"en": "A review by somebody else in time.", "zh": "由他人及时复核。"},
        "high",
        {"review_hours": 72, "times": 3, "days": 30},
        frozenset({"break_glass.begin", "break_glass.review"}),
        _BreakGlass,
    ),
    AlertRule(
        "A03",
        {"en": "Somebody who draws the curious", "zh": "受关注人物被窥视"},
        {
            "en": "{count} looks or people at one person; at most {limit} are usual.",
            "zh": "同一人被 {count} 次（人）查看，通常不超过 {limit}。",
        },
        _WORK,
        "high",
        {"people": 5, "times": 3, "days": 60},
        LOOKS,
        _Crowd,
    ),
    _unexplained("A05", "A colleague's record", "查看同事的记录", "high", False),
    AlertRule(
        "A06",
        {"en": "Their own record", "zh": "查看本人记录"},
        {"en": "They looked at the record about themselves.", "zh": "查看了关于其本人的记录。"},
        {"en": "A request under their own rights.", "zh": "以本人权利提出的请求。"},
        "medium",
        {},
        LOOKS,
        _Itself,
    ),
    AlertRule(
        "A23",
        {"en": "Use of restricted data", "zh": "使用了受限制的数据"},
        {
            "en": "Data that may only be stored was used for another purpose.",
            "zh": "仅可存储的数据被用于其他目的。",
        },
        {"en": "Storage, a legal claim or the person's own request.", "zh": "存储、法律主张或本人请求。"},
        "critical",
        {"purposes": ("RightsFulfillment", "LegalCompliance", "RecordManagement")},
        LOOKS | WRITES,
        _Restricted,
    ),
    _unexplained("A24", "The target of an earlier violation again", "曾受侵犯者再次被查看", "high", False),
)
"""Rules about access, by key."""
