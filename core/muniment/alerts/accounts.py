"""Rules about accounts, rights and the log itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from muniment.alerts.events import LOOKS, WRITES, Event, Facts
from muniment.alerts.rule import MOST_ENTRIES, Finding, Parameters, make_rule

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
        login, role = str(event.target.get("user", "")), str(event.target.get("role", ""))
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


class _LogItself:
    """A17: something happened to the log that needs a look."""

    def __init__(self, parameters: Parameters, facts: Facts) -> None:
        self.state: dict[str, Any] = {}

    def see(self, event: Event) -> Iterator[Finding]:
        if event.kind == "log.verify" and event.ok:
            return
        yield Finding("A17", "critical", event.actor, (event.entry,), {"kind": event.kind})


class _FourEyes:
    """A21: whoever approved is whoever asked."""

    def __init__(self, parameters: Parameters, facts: Facts) -> None:
        self.state: dict[str, Any] = {}

    def see(self, event: Event) -> Iterator[Finding]:
        if event.ok and event.actor in event.made_by:
            yield Finding("A21", "high", event.actor, (event.entry,), {"login": event.actor})


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


_LOG_KINDS: Final = frozenset(
    {"log.continue", "log.takeover", "log.resume", "clock.skew", "backup.restore", "log.verify"}
)

RULES: Final = (
    make_rule(
        "A12", "medium", frozenset(), _Leaver,
        parameters={"days": 90},
        label=("A leaver's or long unused account", "离职或长期未用的账户"),
        why=("A disabled account was tried, or one that was idle for {days} days came back.",
             "已停用的账户被尝试使用，或闲置 {days} 天的账户重新启用。"),
        explained_by=("A return that was announced.", "事先说明的复工。"),
    ),
    make_rule(
        "A14", "high", LOOKS | {"access.deny"}, _Denied,
        parameters={"times": 5, "minutes": 10, "bypass_minutes": 30},
        label=("Many refusals, or a way round one", "多次被拒或绕过拒绝"),
        why=("{count} refusals within {minutes} minutes, or access soon after one.",
             "{minutes} 分钟内 {count} 次被拒，或被拒后不久又取得访问。"),
        explained_by=("Rights that were missing and have been mended.", "权限缺失且已补正。"),
    ),
    make_rule(
        "A15", "high", frozenset(), _Places,
        parameters={"places": 3, "minutes": 15},
        label=("One account in two places at once", "同一账户同时出现在两处"),
        why=("Sessions from different networks within {minutes} minutes.",
             "{minutes} 分钟内来自不同网络的会话。"),
        explained_by=("A change of network on the way.", "途中更换网络。"),
    ),
    make_rule(
        "A16", "high",
        LOOKS | WRITES | {"role.grant", "role.revoke", "record.list", "record.search", "record.export"},
        _Grants,
        parameters={"hours": 24},
        label=("A right given, used and taken away", "授权、使用后随即撤销"),
        why=("{role} for {login}: given and taken away around its use, or given to oneself.",
             "为 {login} 授予 {role}：使用前后一天内授予并撤销，或授予本人。"),
        explained_by=("A request that names the task.", "写明任务的申请。"),
    ),
    make_rule(
        "A17", "critical", _LOG_KINDS, _LogItself,
        label=("Something happened to the log", "日志发生异常"),
        why=("The log says {kind}.", "日志记载了 {kind}。"),
        explained_by=("A repair or restore that was announced.", "事先说明的修复或恢复。"),
    ),
    make_rule(
        "A20", "high", frozenset({"none"}), _Places,
        label=("A shared account", "共用账户"),
        why=("One account from {count} addresses within {minutes} minutes.",
             "{minutes} 分钟内同一账户来自 {count} 个地址。"),
        explained_by=("A change of network on the way.", "途中更换网络。"),
    ),
    make_rule(
        "A21", "high", frozenset({"change.approve", "approval.give"}), _FourEyes,
        label=("Four eyes that were two", "四眼原则被破坏"),
        why=("{login} approved what they had asked for.", "{login} 批准了自己提出的申请。"),
        explained_by=("Nothing.", "无。"),
    ),
    make_rule(
        "R01", "medium", frozenset(), _Review,
        parameters={"days": 31},
        label=("The log was not reviewed", "日志未按期复核"),
        why=("Nobody has signed the log off for {days} days.", "已超过 {days} 天无人复核日志。"),
        explained_by=("A review.", "完成复核。"),
    ),
)  # fmt: skip
"""Rules about accounts, by key."""
