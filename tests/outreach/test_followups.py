"""Follow-ups: what is due, to whom it is shown, and what becomes of it."""

from __future__ import annotations

import pytest

from muniment.errors import AccessDenied, ConfigError, Invalid, NotFound, UsageError
from muniment.schema import parse_template
from muniment.testing import assert_logged

VISITS = """
format = 1
key = "visits"
label = { en = "Visits", zh = "拜访" }
[[type]]
key = "visit"
label = { en = "Visit", zh = "拜访" }
subject = "none"
title = ["place"]
[[type.group]]
key = "visit"
label = { en = "Visit", zh = "拜访" }
category = "record"
[[type.group.field]]
key = "place"
kind = "text"
class = "internal"
label = { en = "Place", zh = "地点" }
[[type.group.field]]
key = "on"
kind = "date"
class = "internal"
meaning = "due"
label = { en = "On", zh = "日期" }
[[type.group.field]]
key = "last"
kind = "date"
class = "internal"
meaning = "last_contact"
label = { en = "Last", zh = "上次" }
[[type.group.field]]
key = "by"
kind = "reference"
target = "user"
class = "internal"
meaning = "owner"
label = { en = "By", zh = "执行人" }
"""
TODAY_US = 1_937_721_600_000_000  # 2031-05-28, four in the afternoon in Shanghai


@pytest.fixture
def diary(archive, session, user):
    """Three customers of two managers, with follow-ups before and after a day that stands still."""
    archive.engine.clock = lambda: TODAY_US
    made = {}
    archive.apply_templates(session, [parse_template(VISITS, where="visits.toml")], reason="visits")
    for name, login in (("Anna", "li.na"), ("Mei", "li.na"), ("Tom", "tom")):
        values = {"full_name": name, "customer_number": f"C-{name}", "account_owner": user(login)}
        made[name] = session.create("customer", values).id
    made["visit"] = session.create("visit", {"place": "Ulm", "on": "2031-05-20", "by": user("chen")}).id
    for name, login, due, state in (
        ("Anna", "li.na", "2031-05-27 10:00", "open"),
        ("Mei", "li.na", "2031-05-29 09:30", "open"),
        ("Mei", "li.na", "2031-05-01 09:30", "done"),
        ("Tom", "tom", "2031-05-26 09:30", "open"),
    ):
        made[name, due] = session.create(
            "follow_up",
            {
                "customer": made[name],
                "due_at": due,
                "assigned_to": user(login),
                "follow_up_state": state,
                "purpose_note": f"call {name}",
                "remind_before_minutes": "15",
            },
        ).id
    return made


def told(found):
    return [(one.type, one.name, one.due.isoformat()[:16], one.overdue) for one in found]


def test_what_is_due_of_every_type_soonest_first(people, diary):
    """A table of follow-ups and a date among customers are read alike; what is done is not due."""
    mine = people("li.na").follow_ups
    assert [
        ("follow_up", "Anna", "2031-05-27T10:00", True),
        ("follow_up", "Mei", "2031-05-29T09:30", False),
    ] == told(mine.list(owner="me"))
    assert 1 == len(mine.list(owner="me", overdue=True))
    assert 2 == len(mine.list(owner="me", days=1))
    assert 1 == len(mine.list(owner="me", days=0))
    everything = people("owner").follow_ups
    assert ("visit", "Ulm", "2031-05-20", True) == told(everything.list())[0]
    assert ["visit"] == [one.type for one in everything.list(owner="chen")]


def test_nobody_is_shown_what_is_somebody_elses(people, diary):
    """Some reach their own customers alone, a supervisor all; a login that is not there is told."""
    assert {"Anna", "Mei"} == {one.name for one in people("li.na").follow_ups.list()}
    assert [] == list(people("li.na").follow_ups.list(owner="tom"))
    assert {"Anna", "Mei", "Tom"} == {one.name for one in people("chen").follow_ups.list()}
    assert ["Tom"] == [one.name for one in people("chen").follow_ups.list(owner="tom")]
    with pytest.raises(NotFound):
        people("chen").follow_ups.list(owner="nobody")


def test_looking_is_logged(archive, people, diary):
    """As a list of follow-ups and one of the customers that they name."""
    with assert_logged(archive, "record.list", entries=2):
        people("li.na").follow_ups.list(owner="me")


def test_done_keeps_the_talk_and_goes_on(archive, people, session, diary):
    """State, talk and the next time in one change set."""
    mine = people("li.na").follow_ups
    mine.done(diary["Anna", "2031-05-27 10:00"], note="wants an offer", next="2031-06-03 11:00")
    assert "done" == session.get(diary["Anna", "2031-05-27 10:00"]).fields["follow_up_state"]
    (talk,) = session.list("interaction").records
    assert ("phone", "follow_up", "wants an offer", diary["Anna"]) == tuple(
        talk.fields[key] for key in ("channel", "topic", "resolution", "customer")
    )
    again = [one for one in mine.list(owner="me") if one.due.isoformat().startswith("2031-06-03T11:00")]
    assert [("Anna", "call Anna")] == [(one.name, one.about) for one in again]


def test_done_of_what_has_no_state_clears_or_moves_the_day(session, diary):
    """And says when there was contact last."""
    session.follow_ups.done(diary["visit"])
    record = session.get(diary["visit"])
    assert "on" not in record.fields
    assert "2031-05-28" == record.fields["last"].isoformat()
    session.follow_ups.done(diary["visit"], next="2031-07-01")
    assert "2031-07-01" == session.get(diary["visit"]).fields["on"].isoformat()


@pytest.mark.parametrize(
    ("until", "expected"), [("+3", "2031-05-31T10:00"), ("2031-06-09 08:00", "2031-06-09T08:00")]
)
def test_snoozing_keeps_the_time_of_day(people, diary, until, expected):
    """Days are counted from today."""
    mine = people("li.na").follow_ups
    mine.snooze(diary["Anna", "2031-05-27 10:00"], until)
    assert expected in {one.due.isoformat()[:16] for one in mine.list(owner="me")}


def test_what_cannot_be_done_is_refused(people, session, diary):
    """A day that is none, a type without follow-ups, somebody else's, and a role that may not write."""
    mine = people("li.na").follow_ups
    with pytest.raises(Invalid):
        mine.snooze(diary["Anna", "2031-05-27 10:00"], "soon")
    with pytest.raises(NotFound):
        mine.done(diary["Tom", "2031-05-26 09:30"])
    product = session.create("product", {"product_name": "Tea", "product_code": "P"}).id
    with pytest.raises(UsageError) as caught:
        session.follow_ups.done(product)
    assert "followup.none" == caught.value.code
    with pytest.raises((AccessDenied, NotFound)):
        people("eva").follow_ups.done(diary["Anna", "2031-05-27 10:00"])


def test_a_calendar_names_customers_by_number_alone(archive, people, diary):
    """Whoever's phone it lies on learns no name and no matter; the same thing keeps its mark."""
    icalendar = pytest.importorskip("icalendar")
    mine = people("li.na").follow_ups
    with assert_logged(archive, "calendar.export"):
        content = mine.calendar()
    for secret in (b"Anna ", b"Mei ", b"call"):
        assert secret not in content
    events = icalendar.Calendar.from_ical(content).walk("VEVENT")
    assert ["Follow-up C-Anna", "Follow-up C-Mei"] == [str(one["SUMMARY"]) for one in events]
    assert f"{diary['Anna', '2031-05-27 10:00']}@muniment" == str(events[0]["UID"])
    assert "2031-05-27T10:00:00+08:00" == events[0].decoded("DTSTART").isoformat()
    assert -900 == events[0].walk("VALARM")[0].decoded("TRIGGER").total_seconds()
    mine.snooze(diary["Mei", "2031-05-29 09:30"], "+5")
    later = icalendar.Calendar.from_ical(mine.calendar(lang="zh")).walk("VEVENT")[1]
    assert (str(events[1]["UID"]), 2) == (str(later["UID"]), int(later["SEQUENCE"]))
    assert "跟进 C-Mei" == str(later["SUMMARY"])


@pytest.mark.parametrize(
    ("kind", "more", "meaning"),
    [
        ("text", "", "due"),
        ("date", 'class = "personal"', "due"),
        ("reference", 'target = "customer"', "owner"),
        ("date", "", "nothing"),
    ],
)
def test_a_field_that_cannot_mean_that_is_refused(kind, more, meaning):
    """When the template is read."""
    sensitivity = "" if "class" in more else 'class = "internal"'
    source = (
        'format = 1\nkey = "x"\nlabel = { en = "X", zh = "甲" }\n[[type]]\nuse = "customer"\n[[type.field]]\n'
        f'key = "when"\nkind = "{kind}"\ngroup = "identity"\nlabel = {{ en = "W", zh = "何" }}\n'
        f'{sensitivity}\n{more}\nmeaning = "{meaning}"\n'
    )
    with pytest.raises(ConfigError) as caught:
        parse_template(source, where="x.toml")
    assert caught.value.code in ("schema.meaning", "schema.unknown", "schema.unknown_near")
