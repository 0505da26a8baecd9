from __future__ import annotations

import json
import tomllib
from datetime import date
from importlib.resources import files

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.errors import UsageError
from muniment.incidents import LAWS, Due, Times, due_dates
from muniment.incidents.laws import REMIND_US
from muniment.model import parse_time, rfc3339

SCHEMAS = files("muniment_schemas")
FRIDAY = parse_time("2026-03-06T10:00:00Z")
HOUR = 3_600_000_000


def clock(name, **given):
    law = name.partition(".")[0]
    times = given.pop("times", Times(FRIDAY))
    return next(one for one in due_dates([law], times, **given) if one.name == name)


def test_the_laws_fit_their_published_form():
    """Whoever brings other laws can check them with the schema."""
    schema = json.loads(SCHEMAS.joinpath("incident_laws.schema.json").read_text(encoding="utf-8"))
    document = tomllib.loads(SCHEMAS.joinpath("incidents", "laws.toml").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(document, schema)
    assert len(document["law"]) == len(LAWS)


@pytest.mark.parametrize(
    ("name", "due"),
    [
        ("gdpr.authority", "2026-03-09T10:00:00.000000Z"),
        ("pipl.authority", "2026-03-06T10:00:00.000000Z"),
        ("hipaa.persons", "2026-05-05T10:00:00.000000Z"),
        ("hipaa.hhs_yearly", "2027-03-02T00:00:00.000000Z"),
        ("nydfs.nydfs", "2026-03-09T10:00:00.000000Z"),
        ("glba.ftc", "2026-04-05T10:00:00.000000Z"),
        ("reg_s_p.persons", "2026-04-05T10:00:00.000000Z"),
        ("cn_network_data.authority", "2026-03-07T10:00:00.000000Z"),
    ],
)
def test_a_clock_runs_as_its_law_says(name, due):
    """Hours, days, days after the end of the year, or at once."""
    found = clock(name)
    assert found.due_us is not None
    assert due == rfc3339(found.due_us)


def test_working_days_leave_out_weekends_and_holidays():
    """Four working days from a Friday, with Monday off, end on the Friday after."""
    times = Times(FRIDAY, assessed=FRIDAY)
    plain = clock("sec_8k.form_8k", times=times)
    holiday = clock("sec_8k.form_8k", times=times, holidays={date(2026, 3, 9)})
    assert ("2026-03-12", "2026-03-13") == (rfc3339(plain.due_us)[:10], rfc3339(holiday.due_us)[:10])


def test_a_clock_that_waits_for_an_assessment_has_no_date():
    """Nobody can be late before."""
    found = clock("sec_8k.form_8k")
    assert (None, "waiting") == (found.due_us, found.state(FRIDAY + 10**15))


@pytest.mark.parametrize(
    ("name", "risk", "persons", "applies"),
    [
        ("gdpr.authority", "unknown", None, True),
        ("gdpr.authority", "unlikely", None, False),
        ("gdpr.persons", "risk", None, False),
        ("gdpr.persons", "high", None, True),
        ("hipaa.hhs", "risk", 499, False),
        ("hipaa.hhs", "risk", 500, True),
        ("hipaa.hhs_yearly", "risk", 499, True),
        ("hipaa.hhs_yearly", "risk", 500, False),
        ("hipaa.media", "risk", 500, False),
        ("hipaa.media", "risk", 501, True),
        ("glba.ftc", "high", 499, False),
    ],
)
def test_risk_and_number_say_whether_somebody_has_to_be_told(name, risk, persons, applies):
    """What is not known yet counts as the graver case."""
    assert applies is clock(name, risk=risk, persons=persons).applies


def test_states_follow_the_time():
    """Running until the hour, late behind it, and told in time or late."""
    one = clock("gdpr.authority")
    due = one.due_us
    assert ("running", "late") == (one.state(due), one.state(due + 1))
    told = due_dates(["gdpr"], Times(FRIDAY), before=[_told(one, due)])
    late = due_dates(["gdpr"], Times(FRIDAY), before=[_told(one, due + 1)])
    assert "met" == next(each for each in told if each.name == one.name).state(due + HOUR)
    assert "met_late" == next(each for each in late if each.name == one.name).state(due + HOUR)


def test_at_once_is_late_after_a_day_without_a_word():
    """The law gives no hour; the reminder is ours."""
    one = clock("pipl.authority")
    assert ("at_once", "at_once", "late") == tuple(
        one.state(FRIDAY + after) for after in (0, REMIND_US, REMIND_US + 1)
    )


def test_an_unknown_law_is_refused():
    """No clock is invented for it."""
    with pytest.raises(UsageError, match=r"incident\.law"):
        due_dates(["lex"], Times(FRIDAY))


@given(
    st.lists(st.sampled_from(sorted(LAWS)), unique=True),
    st.integers(1_600_000_000_000_000, 2_000_000_000_000_000),
    st.sampled_from(["unknown", "unlikely", "risk", "high"]),
    st.none() | st.integers(0, 2_000),
)
def test_clocks_are_kept_as_json_and_never_due_before_they_start(laws, known, risk, persons):
    """Written and read again they are the same; the first due comes first."""
    found = due_dates(laws, Times(known, assessed=known), risk=risk, persons=persons)
    assert found == [Due.of(json.loads(json.dumps(one.document()))) for one in found]
    dates = [one.due_us for one in found]
    assert dates == sorted(dates)
    assert all(one >= known for one in dates)


def _told(one, when):
    import attrs

    return attrs.evolve(one, met_us=when, met_by="owner")
