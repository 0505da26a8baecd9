"""A seeded house full of people at work, with violations planted in it: for alert rules.

Everybody has a role, a team, working hours and people they look after; they open
records, write about them, list and export, get a ticket about somebody else's
customer now and then. Into that so many violations of each kind are planted, each
with a label, so that precision and recall can be measured. Nothing is taken from
real logs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from random import Random
from typing import Any, Final

import attrs

from muniment.alerts.events import Event, Facts

__all__ = ["House", "Planted", "Score", "findings", "score", "simulate"]

MINUTE_US: Final = 60_000_000
DAY_US: Final = 1_440 * MINUTE_US
_FIRST_DAY: Final = 739_252  # 2025-01-01 as an ordinal; any working day would do
_START_US: Final = 1_735_689_600_000_000
_STILL: Final = frozenset({"LegalCompliance"})
_SOON: Final = 4
"""Days within which a violation must be found."""

_ROLES: Final = ("service", "sales", "finance")


@attrs.frozen
class Planted:
    """One violation that was planted.

    Attributes:
        rule: the rule that must find it.
        actor: who did it.
        day: when, an ordinal.
    """

    rule: str
    actor: str
    day: int


@attrs.define
class House:
    """What was simulated.

    Attributes:
        events: in order of time, numbered from 0.
        facts: what is known besides them.
        planted: the violations in them.
    """

    events: list[Event]
    facts: Facts
    planted: list[Planted]


@attrs.define
class _Draft:
    time_us: int
    kind: str
    actor: str
    subjects: tuple[str, ...] = ()
    outcome: str = "ok"
    code: str = ""
    records: int = 1
    purpose: str = "ServiceProvision"
    address: str = ""
    session: str = ""
    classes: frozenset[str] = frozenset({"personal"})
    break_glass: bool = False
    target: dict[str, str] = attrs.field(factory=dict)
    named: tuple[str, ...] = ()
    made_by: tuple[str, ...] = ()


@attrs.define
class _Makes:
    """The house while it is being made."""

    random: Random
    staff: list[str]
    days: int
    assigned: dict[str, list[str]]
    owner: dict[str, str]
    hours: dict[str, tuple[int, int]]
    roles: dict[str, str]
    vips: set[str]
    employees: dict[str, str]
    closed: dict[str, int] = attrs.field(factory=dict)
    born: dict[str, int] = attrs.field(factory=dict)
    restricted: dict[str, int] = attrs.field(factory=dict)
    allowed: dict[str, list[tuple[str, int]]] = attrs.field(factory=dict)
    namesakes: set[tuple[str, str]] = attrs.field(factory=set)
    neighbours: set[tuple[str, str]] = attrs.field(factory=set)
    drafts: list[_Draft] = attrs.field(factory=list)
    planted: list[Planted] = attrs.field(factory=list)
    busy: set[str] = attrs.field(factory=set)
    met: set[tuple[str, str]] = attrs.field(factory=set)

    def at(self, day: int, minute: float) -> int:
        """A time of a day."""
        return _START_US + day * DAY_US + int(minute * MINUTE_US)

    def add(self, day: int, minute: float, kind: str, actor: str, *subjects: str, **more: Any) -> None:
        """One event."""
        place = self.staff.index(actor) if actor in self.staff else 0
        more.setdefault("address", f"10.{place % 200}.0.{1 + place // 200}")
        more.setdefault("session", f"{actor}-{day}")
        made = _Draft(self.at(day, minute), kind, actor, subjects)
        self.drafts.append(attrs.evolve(made, **more))

    def strangers(self, actor: str, count: int) -> list[str]:
        """People with whom somebody has nothing to do, whom nobody takes for anything special."""
        special = {*self.vips, *self.employees, *self.closed, *self.born, *self.restricted}
        everybody = [
            one
            for one in self.owner
            if self.owner[one] != actor and one not in special and (actor, one) not in self.met
        ]
        chosen = self.random.sample(everybody, count)
        # Work on somebody that is planted later must not explain a look that was planted before.
        self.met.update((actor, one) for one in chosen)
        return chosen


def simulate(
    seed: int, *, staff: int = 200, subjects: int = 5_000, days: int = 90, planted: int = 3
) -> House:
    """Make a house.

    Args:
        seed: the same seed makes the same house.
        staff: people who work there.
        subjects: people they look after.
        days: how many, weekends among them.
        planted: violations of each kind; 0 for a house without any.
    """
    random = Random(seed)
    people = [f"u{place:03d}" for place in range(staff)]
    everybody = [f"{random.getrandbits(128):032x}" for _ in range(subjects)]
    owner = {one: people[place % staff] for place, one in enumerate(everybody)}
    assigned: dict[str, list[str]] = {one: [] for one in people}
    for one, login in owner.items():
        assigned[login].append(one)
    makes = _Makes(
        random,
        people,
        days,
        assigned,
        owner,
        {one: (random.choice((480, 510, 540, 600)), random.choice((510, 540))) for one in people},
        {one: _ROLES[place % len(_ROLES)] for place, one in enumerate(people)},
        set(random.sample(everybody, max(3, subjects // 500))),
        dict(zip(random.sample(everybody, max(3, staff // 20)), random.sample(people, max(3, staff // 20)),
                 strict=True)),
    )  # fmt: skip
    for day in range(days):
        if (_FIRST_DAY + day) % 7 not in (0, 6):
            for login in people:
                _working_day(makes, login, day)
    if planted:
        for plant in _PLANTS:
            for _ in range(planted):
                plant(makes)
    makes.drafts.sort(key=lambda one: one.time_us)
    facts = Facts(
        related=lambda subject: (owner[subject],) if subject in owner else (),
        team=lambda login: "",
        vip=makes.vips.__contains__,
        employee=lambda subject: makes.employees.get(subject, ""),
        namesakes=lambda login, subject: (login, subject) in makes.namesakes,
        neighbours=lambda login, subject: (login, subject) in makes.neighbours,
        closed=lambda subject: makes.closed.get(subject, 0),
        born=lambda subject: makes.born.get(subject, 0),
        allowed=lambda subject: makes.allowed.get(subject, ()),
        restricted=lambda subject, time_us: (
            _STILL if time_us >= makes.restricted.get(subject, time_us + 1) else None
        ),
    )
    events = [_event(makes, place, one) for place, one in enumerate(makes.drafts)]
    return House(events, facts, makes.planted)


def _event(makes: _Makes, place: int, one: _Draft) -> Event:
    since = one.time_us - _START_US
    return Event(
        place, one.time_us, _FIRST_DAY + since // DAY_US, since % DAY_US // MINUTE_US, one.kind, one.outcome,
        one.code, one.actor, (makes.roles.get(one.actor, "service"),), one.purpose, one.address, one.session,
        "customer", one.records, one.subjects, one.classes, f"{place:x}", one.break_glass, one.target,
        one.named, one.made_by,
    )  # fmt: skip


def _working_day(makes: _Makes, login: str, day: int) -> None:
    random = makes.random
    if random.random() < 0.06:
        return  # ill, or on leave
    begin, length = makes.hours[login]
    for _ in range(random.randint(12, 24)):
        minute = begin + random.random() * length
        # A customer of one's own, or a ticket about somebody else's that is written up at once.
        own = random.random() < 0.9
        subject = random.choice(
            makes.assigned[login] if own else list(makes.assigned[random.choice(makes.staff)])
        )
        special = subject in makes.vips or subject in makes.employees
        if (special and not own) or makes.employees.get(subject) == login:
            continue
        makes.met.add((login, subject))
        sensitive = random.random() < 0.2 and own
        classes = frozenset({"personal", "sensitive"} if sensitive else {"personal"})
        makes.add(day, minute, "record.read", login, subject, classes=classes)
        if not own or random.random() < 0.3:
            makes.add(day, minute + random.uniform(1, 20), "record.update", login, subject)
    makes.add(day, begin + 5, "record.list", login, records=100)
    if random.random() < 0.05:
        makes.add(day, begin + 60, "record.export", login, records=random.randint(20, 120))
    if random.random() < 0.02:
        makes.add(day, begin + 90, "access.deny", login, outcome="denied", code="access.field")


# Violations: each makes the events and the label


def _pick(makes: _Makes) -> tuple[str, int]:
    """Somebody on a working day late enough that their past is known; a new one while there are any."""
    fresh = [one for one in makes.staff if one not in makes.busy] or makes.staff
    login = makes.random.choice(fresh)
    makes.busy.add(login)
    while True:
        day = makes.random.randrange(makes.days * 2 // 3, makes.days - 2)
        if (_FIRST_DAY + day) % 7 not in (0, 6):
            return login, day


def _snoop(makes: _Makes) -> None:
    login, day = _pick(makes)
    (subject,) = makes.strangers(login, 1)
    makes.add(day, makes.hours[login][0] + 100, "record.read", login, subject)
    makes.planted.append(Planted("A01", login, _FIRST_DAY + day))


def _vip(makes: _Makes) -> None:
    login, day = _pick(makes)
    subject = makes.random.choice([one for one in sorted(makes.vips) if makes.owner[one] != login])
    makes.add(day, makes.hours[login][0] + 110, "record.read", login, subject)
    makes.planted.append(Planted("A03", login, _FIRST_DAY + day))


def _colleague(makes: _Makes) -> None:
    login, day = _pick(makes)
    others = [
        one
        for one, employee in makes.employees.items()
        if employee != login and makes.owner[one] != login and one not in makes.vips
    ]
    makes.add(day, makes.hours[login][0] + 120, "record.read", login, makes.random.choice(others))
    makes.planted.append(Planted("A05", login, _FIRST_DAY + day))


def _itself(makes: _Makes) -> None:
    subject, login = makes.random.choice(sorted(makes.employees.items()))
    _, day = _pick(makes)
    makes.add(day, makes.hours[login][0] + 130, "record.read", login, subject)
    makes.planted.append(Planted("A06", login, _FIRST_DAY + day))


def _unreviewed(makes: _Makes) -> None:
    login, day = _pick(makes)
    day = min(day, makes.days - 6)
    (subject,) = makes.strangers(login, 1)
    makes.add(day, 700, "break_glass.begin", login, subject, named=(f"{login}{day}",))
    makes.add(day, 701, "record.read", login, subject, break_glass=True)
    makes.planted.append(Planted("A02", login, _FIRST_DAY + day))


def _night(makes: _Makes) -> None:
    login, day = _pick(makes)
    for place in range(4):
        makes.add(day, 120 + place * 5, "record.read", login, makes.random.choice(makes.assigned[login]))
    makes.planted.append(Planted("A08", login, _FIRST_DAY + day))


def _crowd_of_people(makes: _Makes) -> None:
    login, day = _pick(makes)
    begin = makes.hours[login][0]
    for place, subject in enumerate(makes.strangers(login, 70)):
        # Written up afterwards, so that nothing but the number is odd.
        makes.add(day, begin + place * 5, "record.read", login, subject)
        makes.add(day, begin + place * 5 + 2, "record.update", login, subject)
    makes.planted.append(Planted("A09", login, _FIRST_DAY + day))


def _crawl(makes: _Makes) -> None:
    login, day = _pick(makes)
    for place, subject in enumerate(makes.strangers(login, 25)):
        makes.add(day, 650 + place / 60, "record.read", login, subject)
        makes.add(day, 660 + place / 60, "record.update", login, subject)
    makes.planted.append(Planted("A10", login, _FIRST_DAY + day))


def _big_export(makes: _Makes) -> None:
    login, day = _pick(makes)
    makes.add(day, 700, "record.export", login, records=4_000)
    makes.planted.append(Planted("A11", login, _FIRST_DAY + day))


def _left(makes: _Makes) -> None:
    login, day = _pick(makes)
    makes.add(day, 700, "access.deny", f"gone-{login}", outcome="denied", code="access.disabled")
    makes.planted.append(Planted("A12", f"gone-{login}", _FIRST_DAY + day))


def _strange_purpose(makes: _Makes) -> None:
    login, day = _pick(makes)
    makes.add(day, 705, "record.read", login, makes.assigned[login][0], purpose="Marketing")
    makes.planted.append(Planted("A13", login, _FIRST_DAY + day))


def _refused(makes: _Makes) -> None:
    login, day = _pick(makes)
    for place in range(6):
        makes.add(day, 710 + place, "access.deny", login, outcome="denied", code="access.action")
    makes.planted.append(Planted("A14", login, _FIRST_DAY + day))


def _two_places(makes: _Makes) -> None:
    login, day = _pick(makes)
    for place in range(4):
        subject = makes.assigned[login][place % 2]
        makes.add(day, 720 + place * 2, "record.read", login, subject,
                  address=f"{(80, 91)[place % 2]}.1.2.3", session=f"{login}-{place % 2}")  # fmt: skip
    makes.planted.append(Planted("A15", login, _FIRST_DAY + day))


def _short_grant(makes: _Makes) -> None:
    login, day = _pick(makes)
    target = {"user": login, "role": "doctor"}
    makes.add(day, 500, "role.grant", "admin", target=target)
    makes.add(day, 505 + makes.hours[login][0] / 10, "record.read", login, makes.assigned[login][0])
    makes.add(day, 900, "role.revoke", "admin", target=target)
    makes.planted.append(Planted("A16", "admin", _FIRST_DAY + day))


def _unmasked(makes: _Makes) -> None:
    login, day = _pick(makes)
    begin = makes.hours[login][0]
    for place, subject in enumerate(makes.assigned[login] * 2 + makes.strangers(login, 25)):
        makes.add(day, begin + place * 6, "record.read", login, subject, classes=frozenset({"sensitive"}))
        makes.add(day, begin + place * 6 + 1, "record.update", login, subject)
    makes.planted.append(Planted("A19", login, _FIRST_DAY + day))


def _shared(makes: _Makes) -> None:
    login, day = _pick(makes)
    for place in range(3):
        makes.add(day, 730 + place * 3, "record.read", login, makes.assigned[login][0],
                  address=f"10.{place + 1}.9.9", session=f"{login}-{day}")  # fmt: skip
    makes.planted.append(Planted("A20", login, _FIRST_DAY + day))


def _namesake(makes: _Makes) -> None:
    login, day = _pick(makes)
    (subject,) = makes.strangers(login, 1)
    makes.namesakes.add((login, subject))
    makes.add(day, makes.hours[login][0] + 140, "record.read", login, subject)
    makes.planted.append(Planted("A04", login, _FIRST_DAY + day))


def _neighbour(makes: _Makes) -> None:
    login, day = _pick(makes)
    (subject,) = makes.strangers(login, 1)
    makes.neighbours.add((login, subject))
    makes.add(day, makes.hours[login][0] + 150, "record.read", login, subject)
    makes.planted.append(Planted("A07", login, _FIRST_DAY + day))


def _dead(makes: _Makes) -> None:
    login, day = _pick(makes)
    subject = _own(makes, login)
    makes.closed[subject] = _FIRST_DAY + day - 120
    makes.add(day, makes.hours[login][0] + 160, "record.read", login, subject)
    makes.planted.append(Planted("A18", login, _FIRST_DAY + day))


def _child(makes: _Makes) -> None:
    login, day = _pick(makes)
    subject = _own(makes, login)
    makes.born[subject] = _FIRST_DAY - 9 * 365
    # Whoever else looked after the child was allowed to; this one was allowed a day too late.
    makes.allowed[subject] = [(login, makes.at(day + 1, 0))]
    makes.add(day, makes.hours[login][0] + 170, "record.read", login, subject)
    makes.planted.append(Planted("A22", login, _FIRST_DAY + day))


def _restricted_use(makes: _Makes) -> None:
    login, day = _pick(makes)
    subject = _own(makes, login)
    makes.restricted[subject] = makes.at(day, 0)
    makes.add(day, makes.hours[login][0] + 180, "record.read", login, subject)
    makes.planted.append(Planted("A23", login, _FIRST_DAY + day))


def _own_approval(makes: _Makes) -> None:
    login, day = _pick(makes)
    makes.add(day, makes.hours[login][0] + 190, "change.approve", login, made_by=(login,))
    makes.planted.append(Planted("A21", login, _FIRST_DAY + day))


def _own(makes: _Makes, login: str) -> str:
    """A new customer of their own."""
    subject = f"{makes.random.getrandbits(128):032x}"
    makes.owner[subject] = login
    makes.assigned[login].append(subject)
    return subject


_PLANTS: Final[tuple[Callable[[_Makes], None], ...]] = (
    _snoop, _vip, _colleague, _itself, _unreviewed, _night, _crowd_of_people, _crawl, _big_export, _left,
    _strange_purpose, _refused, _two_places, _short_grant, _unmasked, _shared, _namesake, _neighbour,
    _dead, _child, _restricted_use, _own_approval,
)  # fmt: skip


def findings(house: House) -> Iterator[tuple[str, str, int, str]]:
    """Rule, actor, day and severity of all that the core's rules find in a house."""
    from muniment.alerts import BUILTIN_RULES, Watch

    watch = Watch(BUILTIN_RULES, house.facts)
    last = house.events[-1].time_us + 2 * DAY_US
    for found in (*watch.see(house.events), *watch.tick(last)):
        day = house.events[found.entries[-1]].day if found.entries else 0
        yield found.rule, found.actor, day, found.severity


@attrs.frozen
class Score:
    """How well rules did in a house.

    Attributes:
        events: in the house.
        planted: violations in it.
        missed: those that the rule for them did not find within four days.
        alerts: raised, by rule.
        idle: alerts about nobody who did anything that was planted within those days.
        worst: the highest severity of an alert; empty where none was raised.
    """

    events: int
    planted: int
    missed: tuple[Planted, ...]
    alerts: Mapping[str, int]
    idle: int
    worst: str

    @property
    def recall(self) -> float:
        """The share of the planted violations that were found."""
        return 1 - len(self.missed) / self.planted if self.planted else 1.0

    @property
    def precision(self) -> float:
        """The share of the alerts that are about something that was planted."""
        total = sum(self.alerts.values())
        return 1 - self.idle / total if total else 1.0

    @property
    def per_10_000(self) -> float:
        """Alerts for 10,000 entries."""
        return sum(self.alerts.values()) * 10_000 / self.events


def score(house: House) -> Score:
    """Let the core's rules look at a house, and compare with what was planted in it."""
    from muniment.alerts.rule import SEVERITIES

    seen = list(findings(house))

    def soon(one: Planted, actor: str, day: int) -> bool:
        return one.actor == actor and one.day <= day <= one.day + _SOON

    missed = [
        one
        for one in house.planted
        if not any(one.rule == rule and soon(one, actor, day) for rule, actor, day, _ in seen)
    ]
    idle = [one for one in seen if not any(soon(planted, one[1], one[2]) for planted in house.planted)]
    worst = max((SEVERITIES.index(severity) for _, _, _, severity in seen), default=-1)
    return Score(
        len(house.events),
        len(house.planted),
        tuple(missed),
        dict(sorted(Counter(rule for rule, _, _, _ in seen).items())),
        len(idle),
        SEVERITIES[worst] if worst >= 0 else "",
    )
