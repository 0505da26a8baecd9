"""Rules about whom data is about: the dead, children, and people whose data may only be stored."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any, Final

from muniment.alerts.events import LOOKS, WRITES, Event, Facts
from muniment.alerts.rule import Finding, Parameters, make_rule

__all__ = ["RULES"]


class _Closed:
    """A18: a look at somebody long dead, or at a business that is long closed."""

    def __init__(self, parameters: Parameters, facts: Facts) -> None:
        self._days = int(parameters["days"])
        self._purposes = frozenset(parameters["purposes"])
        self._facts = facts
        self.state: dict[str, Any] = {}

    def see(self, event: Event) -> Iterator[Finding]:
        if not event.ok or event.purpose in self._purposes or event.records > 1:
            return
        for subject in event.subjects:
            closed = self._facts.closed(subject)
            if closed and event.day - closed > self._days:
                why = {"days": event.day - closed}
                yield Finding("A18", "medium", event.actor, (event.entry,), why, subject)


class _Minor:
    """A22: a look at a child that nobody else had allowed before."""

    def __init__(self, parameters: Parameters, facts: Facts) -> None:
        self._age = int(parameters["age"])
        self._purposes = frozenset(parameters["purposes"])
        self._facts = facts
        self.state: dict[str, Any] = {}

    def see(self, event: Event) -> Iterator[Finding]:
        if not event.ok or event.purpose in self._purposes or event.records > 1 or event.break_glass:
            return
        for subject in event.subjects:
            born = self._facts.born(subject)
            if not born or _age(born, event.day) >= self._age:
                continue
            allowed = self._facts.allowed(subject)
            if not any(login == event.actor and time_us <= event.time_us for login, time_us in allowed):
                yield Finding("A22", "critical", event.actor, (event.entry,), {"age": self._age}, subject)


def _age(born: int, day: int) -> int:
    """Whole years from one day to another; whoever is born on 29 February ages on 1 March."""
    first, now = date.fromordinal(born), date.fromordinal(day)
    return now.year - first.year - ((now.month, now.day) < (first.month, first.day))


class _Restricted:
    """A23: something was done with data that might only be stored."""

    def __init__(self, parameters: Parameters, facts: Facts) -> None:
        self._purposes = frozenset(parameters["purposes"])
        self._facts = facts
        self.state: dict[str, Any] = {}

    def see(self, event: Event) -> Iterator[Finding]:
        if not event.ok or event.purpose in self._purposes:
            return
        # A person as a whole, or one record of theirs.
        for target in (*event.subjects, *(one for one in event.named if one not in event.subjects)):
            purposes = self._facts.restricted(target, event.time_us)
            if purposes is not None and event.purpose not in purposes:
                subject = target if target in event.subjects else "".join(event.subjects[:1])
                yield Finding("A23", "critical", event.actor, (event.entry,), {}, subject)
                return


RULES: Final = (
    make_rule(
        "A18", "medium", LOOKS, _Closed,
        parameters={
            "days": 90,
            "purposes": ("DisputeManagement", "LegalCompliance", "RecordManagement", "RightsFulfillment"),
        },
        label=("Somebody dead, or long closed", "查看已故者或已注销的客户"),
        why=("Looked at {days} days after death or closure.", "在其死亡或注销 {days} 天后查看。"),
        explained_by=("A legal claim, retention, or a request of those who may ask.",
                      "法律主张、留存处理或有权者的请求。"),
    ),
    make_rule(
        "A22", "critical", LOOKS, _Minor,
        parameters={"age": 14, "purposes": ("RightsFulfillment",)},
        label=("A child's record without approval", "未经批准查看未成年人信息"),
        why=("A look at somebody under {age} that nobody in charge had allowed.",
             "未经负责人批准查看未满 {age} 周岁者的记录。"),
        explained_by=("An approval by somebody else before, or emergency access.",
                      "事先由他人批准，或紧急访问。"),
    ),
    make_rule(
        "A23", "critical", LOOKS | WRITES | {"record.export", "record.list", "record.search"}, _Restricted,
        parameters={"purposes": ()},
        label=("Use of restricted data", "使用了受限制的数据"),
        why=("Data that may only be stored was used for another purpose.",
             "仅可存储的数据被用于其他目的。"),
        explained_by=("Storage, a legal claim or the person's own request.", "存储、法律主张或本人请求。"),
    ),
)  # fmt: skip
"""Rules about states, by key. Sources: GDPR Art. 18, PIPL Art. 47; Regulations on the Protection of Minors in
Cyberspace (未成年人网络保护条例) Art. 36."""
