"""Rules about accounts, rights and the log itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from muniment.alerts.events import LOOKS, WRITES, Event, Facts
from muniment.alerts.rule import MOST_ENTRIES, AlertRule, Finding, Parameters

__all__ = ["RULES"]

MINUTE_US: Final = 60_000_000
HOUR_US: Final = 60 * MINUTE_US
DAY_US: Final = 24 * HOUR_US


class _Leaver:
    """A12: an account that was disabled, or that nobody used for long."""

    def __init__(self, parameters: Parameters, facts: Facts) -> None:
        self._parameters = parameters
        self._facts = facts
        self.state: dict[str, Any] = {"last": {}}

    def see(self, event: Event) -> Iterator[Finding]:
        if not event.actor or event.actor == "anonymous":
            return
        last = self.state["last"].get(event.actor)
        if event.code == "access.disabled":
            yield Finding("A12", "critical", event.actor, (event.entry,), {"days": 0})
        elif event.ok:
            idle = 0 if last is None else (event.time_us - last) // DAY_US
            self.state["last"][event.actor] = event.time_us
            if idle > self._parameters["days"]:
                yield Finding("A12", "medium", event.actor, (event.entry,), {"days": int(idle)})

    def tick(self, now_us: int) -> Iterator[Finding]:
        return iter(())


class _Denied:
    """A14: many refusals at once, or a refusal and soon after another way in."""

    def __init__(self, parameters: Parameters, facts: Facts) -> None:
        self._parameters = parameters
        self.state: dict[str, Any] = {"denied": {}, "closed": {}, "until": {}}

    def see(self, event: Event) -> Iterator[Finding]:
        state, actor = self.state, event.actor
        if event.kind == "access.deny":
            window = self._parameters["minutes"] * MINUTE_US
            denied = state["denied"].setdefault(actor, [])
            denied.append([event.time_us, event.entry])
            while event.time_us - denied[0][0] > window:
                denied.pop(0)
            for subject in event.subjects:
                state["closed"][f"{actor} {subject}"] = [event.time_us, event.entry]
            if len(denied) >= self._parameters["times"] and state["until"].get(actor, 0) <= event.time_us:
                state["until"][actor] = event.time_us + window
                why = {"count": len(denied), "minutes": self._parameters["minutes"]}
                entries = tuple(index for _, index in denied[-MOST_ENTRIES:])
                yield Finding("A14", "high", actor, entries, why)
            return
        for subject in event.subjects if event.ok and event.break_glass else ():
            time_us, index = state["closed"].pop(f"{actor} {subject}", (0, 0))
            if time_us and event.time_us - time_us <= self._parameters["bypass_minutes"] * MINUTE_US:
                why = {"count": 1, "minutes": self._parameters["bypass_minutes"]}
                yield Finding("A14", "high", actor, (index, event.entry), why, subject)

    def tick(self, now_us: int) -> Iterator[Finding]:
        return iter(())


class _Places:
    """A15 and A20: one account from places or sessions that one person cannot be in at once."""

    def __init__(self, parameters: Parameters, facts: Facts) -> None:
        self._parameters = parameters
        self.state: dict[str, Any] = {"recent": {}, "until": {}}

    def see(self, event: Event) -> Iterator[Finding]:
        if not event.address or not event.ok:
            return
        window = self._parameters["minutes"] * MINUTE_US
        recent = self.state["recent"].setdefault(event.actor, [])
        recent.append([event.time_us, event.entry, event.address, event.session])
        while event.time_us - recent[0][0] > window:
            recent.pop(0)
        addresses = {one[2] for one in recent}
        odd = {"A20": len(addresses) >= self._parameters["places"], "A15": _overlap(recent)}
        for rule in (rule for rule, found in odd.items() if found):
            name = f"{rule} {event.actor}"
            if self.state["until"].get(name, 0) <= event.time_us:
                self.state["until"][name] = event.time_us + window
                why = {"count": len(addresses), "minutes": self._parameters["minutes"]}
                entries = tuple(one[1] for one in recent[-MOST_ENTRIES:])
                yield Finding(rule, "high", event.actor, entries, why)

    def tick(self, now_us: int) -> Iterator[Finding]:
        return iter(())


def _overlap(recent: list[list[Any]]) -> bool:
    """Whether two sessions from different networks take turns: the first goes on after the second began."""
    last = recent[-1]
    for place, one in enumerate(recent[:-1]):
        if one[3] == last[3] and any(
            other[3] != last[3] and _network(other[2]) != _network(last[2]) for other in recent[place:-1]
        ):
            return True
    return False


def _network(address: str) -> str:
    """The /16 of an IPv4 address, the /32 of an IPv6 one."""
    if ":" in address:
        return ":".join(address.split(":")[:2])
    return ".".join(address.split(".")[:2])


class _Grants:
    """A16: a right that was given, used and taken away within a day, or that somebody gave themselves."""

    def __init__(self, parameters: Parameters, facts: Facts) -> None:
        self._parameters = parameters
        self.state: dict[str, Any] = {"given": {}, "used": {}}

    def see(self, event: Event) -> Iterator[Finding]:
        state, span = self.state, self._parameters["hours"] * HOUR_US
        login, role = str(event.target.get("login", "")), str(event.target.get("role", ""))
        if event.kind == "role.grant" and event.ok:
            if login == event.actor:
                yield Finding("A16", "high", event.actor, (event.entry,), {"role": role, "login": login})
            state["given"][f"{login} {role}"] = [event.time_us, event.entry]
        elif event.kind == "role.revoke" and event.ok:
            given = state["given"].pop(f"{login} {role}", None)
            used = state["used"].get(login)
            if given and used and used[0] >= given[0] and event.time_us - used[0] <= span:
                entries = (given[1], used[1], event.entry)
                if used[0] - given[0] <= span:
                    why = {"role": role, "login": login}
                    yield Finding("A16", "high", event.actor, entries, why)
        elif event.ok:
            state["used"][event.actor] = [event.time_us, event.entry]

    def tick(self, now_us: int) -> Iterator[Finding]:
        return iter(())


class _LogItself:
    """A17: something happened to the log that needs a look."""

    def __init__(self, parameters: Parameters, facts: Facts) -> None:
        self.state: dict[str, Any] = {}

    def see(self, event: Event) -> Iterator[Finding]:
        if event.kind == "log.verify" and event.ok:
            return
        yield Finding("A17", "critical", event.actor, (event.entry,), {"kind": event.kind})

    def tick(self, now_us: int) -> Iterator[Finding]:
        return iter(())


class _FourEyes:
    """A21: whoever approved is whoever asked."""

    def __init__(self, parameters: Parameters, facts: Facts) -> None:
        self.state: dict[str, Any] = {}

    def see(self, event: Event) -> Iterator[Finding]:
        maker = str(event.target.get("maker", ""))
        if event.ok and maker and maker == event.actor:
            yield Finding("A21", "high", event.actor, (event.entry,), {"login": maker})

    def tick(self, now_us: int) -> Iterator[Finding]:
        return iter(())


class _Review:
    """R01: nobody has signed the log off for too long."""

    def __init__(self, parameters: Parameters, facts: Facts) -> None:
        self._parameters = parameters
        self.state: dict[str, Any] = {"last": 0, "index": 0, "raised": 0}

    def see(self, event: Event) -> Iterator[Finding]:
        state = self.state
        if event.kind == "audit.review" or not state["last"]:
            state["last"], state["index"], state["raised"] = event.time_us, event.entry, 0
        yield from self.tick(event.time_us)

    def tick(self, now_us: int) -> Iterator[Finding]:
        state, days = self.state, self._parameters["days"]
        if state["last"] and not state["raised"] and now_us - state["last"] > days * DAY_US:
            state["raised"] = now_us
            yield Finding("R01", "medium", "", (state["index"],), {"days": days})


_LOG_KINDS = frozenset(
    {"log.continue", "log.takeover", "log.resume", "clock.skew", "backup.restore", "log.verify"}
)

RULES: Final = (
    AlertRule(
        "A12",
        {"en": "A leaver's or long unused account", "zh": "离职或长期未用的账户"},
        {
            "en": "A disabled account was tried, or one that was idle for {days} days came back.",
            "zh": "已停用的账户被尝试使用，或闲置 {days} 天的账户重新启用。",
        },
        {"en": "A return that was announced.", "zh": "事先说明的复工。"},
        "medium",
        {"days": 90},
        frozenset(),
        _Leaver,
    ),
    AlertRule(
        "A14",
        {"en": "Many refusals, or a way round one", "zh": "多次被拒或绕过拒绝"},
        {
            "en": "{count} refusals within {minutes} minutes, or access soon after one.",
            "zh": "{minutes} 分钟内 {count} 次被拒，或被拒后不久又取得访问。",
        },
        {"en": "Rights that were missing and have been mended.", "zh": "权限缺失且已补正。"},
        "high",
        {"times": 5, "minutes": 10, "bypass_minutes": 30},
        LOOKS | {"access.deny"},
        _Denied,
    ),
    AlertRule(
        "A15",
        {"en": "One account in two places at once", "zh": "同一账户同时出现在两处"},
        {
            "en": "Sessions from different networks within {minutes} minutes.",
            "zh": "{minutes} 分钟内来自不同网络的会话。",
        },
        {"en": "A change of network on the way.", "zh": "途中更换网络。"},
        "high",
        {"places": 3, "minutes": 15},
        frozenset(),
        _Places,
    ),
    AlertRule(
        "A16",
        {"en": "A right given, used and taken away", "zh": "授权、使用后随即撤销"},
        {
            "en": "{role} for {login}: given and taken away around its use, or given to oneself.",
            "zh": "为 {login} 授予 {role}：使用前后一天内授予并撤销，或授予本人。",
        },
        {"en": "A request that names the task.", "zh": "写明任务的申请。"},
        "high",
        {"hours": 24},
        LOOKS | WRITES | {"role.grant", "role.revoke", "record.list", "record.search", "record.export"},
        _Grants,
    ),
    AlertRule(
        "A17",
        {"en": "Something happened to the log", "zh": "日志发生异常"},
        {"en": "The log says {kind}.", "zh": "日志记载了 {kind}。"},
        {"en": "A repair or restore that was announced.", "zh": "事先说明的修复或恢复。"},
        "critical",
        {},
        frozenset(
            {"log.continue", "log.takeover", "log.resume", "clock.skew", "backup.restore", "log.verify"}
        ),
        _LogItself,
    ),
    AlertRule(
        "A20",
        {"en": "A shared account", "zh": "共用账户"},
        {
            "en": "One account from {count} addresses within {minutes} minutes.",
            "zh": "{minutes} 分钟内同一账户来自 {count} 个地址。",
        },
        {"en": "A change of network on the way.", "zh": "途中更换网络。"},
        "high",
        {},
        frozenset({"none"}),
        _Places,
    ),
    AlertRule(
        "A21",
        {"en": "Four eyes that were two", "zh": "四眼原则被破坏"},
        {"en": "{login} approved what they had asked for.", "zh": "{login} 批准了自己提出的申请。"},
        {"en": "Nothing.", "zh": "无。"},
        "high",
        {},
        frozenset({"change.approve", "approval.give"}),
        _FourEyes,
    ),
    AlertRule(
        "R01",
        {"en": "The log was not reviewed", "zh": "日志未按期复核"},
        {"en": "Nobody has signed the log off for {days} days.", "zh": "已超过 {days} 天无人复核日志。"},
        {"en": "A review.", "zh": "完成复核。"},
        "medium",
        {"days": 31},
        frozenset(),
        _Review,
    ),
)
"""Rules about accounts, by key."""
