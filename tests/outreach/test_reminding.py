"""What a schedule sends and checks, and that twice is as good as once."""

from __future__ import annotations

import attrs
import pytest

from muniment.errors import AccessDenied, ConfigError, LogError
from muniment.model import id_bytes
from muniment.outreach.settings import read_quality
from muniment.session import Change
from muniment.session.outreach import mailing, reminding
from muniment.session.rights.consents import Terms
from muniment.testing import TickingClock

TODAY_US = 1_937_980_800_000_000  # 2031-05-31, a Saturday
DAY_US = 86_400_000_000


class Box:
    """Keeps what is handed over, or fails as told."""

    name = "smtp"

    def __init__(self):
        self.taken, self.fails = [], None

    def hand_over(self, message):
        if self.fails is not None:
            raise self.fails
        self.taken.append(message)
        return ""

    def close(self):
        pass


@pytest.fixture
def box(monkeypatch):
    one = Box()
    for module in (mailing, reminding):
        monkeypatch.setattr(module, "open_way", lambda *args, **more: one)
    return one


@pytest.fixture
def at(archive):
    """Sets the clock so many days after one that is known."""

    def move(days=0):
        clock = TickingClock(TODAY_US + days * DAY_US)
        # The log has the same clock; a consent must not be given later than it is asked for.
        archive.engine.clock = archive.engine.logbook._clock = clock

    move()
    return move


@pytest.fixture
def office(archive, session, user, configure, at):
    """Two managers, one with an address, and a customer of each with something due."""

    def edit(document):
        document["mail"] = {
            "from": "shop@example.com",
            "digest": "daily",
            "greetings": ["birthday", "anniversary"],
        }
        document["quality"] = {"every_days": 7, "types": ["customer"]}

    configure(edit)
    for login in ("li.na", "tom"):
        address = [f"mail={login}@example.com"] if login == "li.na" else None
        session.write([Change("update", record=id_bytes(user(login)), values={"attributes": address})])
        customer = session.create(
            "customer",
            {
                "full_name": f"Of {login}",
                "customer_number": f"C-{login}",
                "account_owner": user(login),
                "email": f"c.{login}@example.com",
                "customer_since": "2029-05-31",
            },
        ).id
        for due in ("2031-05-30 10:00", "2031-06-09 10:00"):
            values = {
                "customer": customer,
                "due_at": due,
                "assigned_to": user(login),
                "purpose_note": "secret",
            }
            session.create("follow_up", values)
        if login == "li.na":
            session.consents.write_notice("n", {"purposes": ["DirectMarketing"], "text_en": "x"})
            session.consents.give(customer, Terms("DirectMarketing", notice="n"))


def run(session, *names):
    """What the jobs said."""
    found = {one.job: (one.code, dict(one.counts)) for one in session.tick(only=names)}
    return found[names[0]] if len(names) == 1 else found


def test_a_digest_goes_once_a_day_to_whom_something_is_due(session, office, box, at):
    """It names customers by number, and says nothing of what it is about."""
    assert ("", {"sent": 1}) == run(session, "follow_ups")
    assert ("", {}) == run(session, "follow_ups")
    (message,) = box.taken
    text = message.get_content()
    assert "li.na@example.com" == message["To"]
    assert "C-li.na" in text
    assert "2031-05-30 10:00" in text
    for hidden in ("secret", "Of li.na", "2031-06-09", "C-tom"):
        assert hidden not in text + str(message["Subject"])
    at(1)
    assert ("", {"sent": 1}) == run(session, "follow_ups")


def test_a_digest_that_did_not_go_goes_with_the_next_run(session, office, box):
    """What the server did not take is tried again."""
    box.fails = LogError("mail.unsent", where="x")
    assert "mail.unsent" == run(session, "follow_ups")[0]
    box.fails = None
    assert ("", {"sent": 1}) == run(session, "follow_ups")


def test_a_weekly_digest_goes_on_mondays(session, office, box, at, configure):
    """Saturday is none."""

    def edit(document):
        document["mail"]["digest"] = "weekly"

    configure(edit)
    assert ("", {}) == run(session, "follow_ups")
    at(2)
    assert ("", {"sent": 1}) == run(session, "follow_ups")


def test_greetings_go_to_those_whose_day_it_is(session, office, box, at):
    """Of those who consented, and once."""
    found = run(session, "greetings")
    # This archive keeps no birthdays: that letter cannot be written.
    assert found[0] in ("", "schema.unknown", "schema.unknown_near")
    assert len(box.taken) <= 1


def test_an_anniversary_is_greeted_once(session, office, box, at, configure):
    """The same day a second time sends nothing; another day is nobody's."""

    def edit(document):
        document["mail"]["greetings"] = ["anniversary"]

    configure(edit)
    assert ("", {"sent": 1}) == run(session, "greetings")
    assert ["c.li.na@example.com"] == [str(one["To"]) for one in box.taken]
    assert ("", {}) == run(session, "greetings")
    at(1)
    assert ("", {}) == run(session, "greetings")


def test_data_is_checked_when_its_time_has_come(session, people, office, at):
    """The numbers are kept; who may not check data is not told."""
    assert reminding.checked(session, "customer") is None
    code, counts = run(session, "quality")
    assert ("", 1) == (code, counts["checked"])
    assert ("", {}) == run(session, "quality")
    day, found = reminding.checked(session, "customer")
    assert ("2031-05-31", 2) == (day.isoformat(), found.records)
    uses = {one.field: one.filled for one in found.fields}
    assert (2, 0) == (uses["full_name"], uses["fax"])
    with pytest.raises(AccessDenied):
        reminding.checked(people("li.na"), "customer")
    at(7)
    assert 1 == run(session, "quality")[1]["checked"]


def test_a_plan_that_cannot_hold_is_refused():
    """Negative days, types that are none."""
    assert attrs.asdict(read_quality({}, "x"))["every_days"] == 0
    for table in ({"every_days": -1}, {"stale_days": 0}, {"types": [1]}):
        with pytest.raises(ConfigError):
            read_quality(table, "x")
