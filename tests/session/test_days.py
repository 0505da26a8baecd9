"""A day begins where the archive is: nobody's morning is still to come, and nobody's evening is over."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from muniment.cli.app import app
from muniment.errors import ConfigError, Invalid
from muniment.model import age_on, micros_of, zone_named
from muniment.plugins import HookContext
from muniment.testing import TickingClock, new_archive

ZONES = ("Asia/Shanghai", "Europe/Berlin", "America/Los_Angeles", "Pacific/Kiritimati", "UTC")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def _archive(folder, zone, moment):
    return new_archive(
        folder,
        templates=["customer-info", "interaction-log"],
        timezone=zone,
        clock=TickingClock(micros_of(moment)),
        root="a cheap passphrase",
    )


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("hour", [3, 17, 23])
def test_what_happened_today_is_past_and_tomorrow_is_not(tmp_path, zone, hour):
    """At every hour of the machine's day, in every zone: today is taken, a day later is refused."""
    moment = NOON.replace(hour=hour, minute=30)
    here = moment.astimezone(zone_named(zone))
    with _archive(tmp_path / "archive", zone, moment) as archive, archive.session(actor="owner") as session:
        assert here.date() == archive.engine.today()
        customer = session.create("customer", {"full_name": "Anna", "birth_date": here.date()})
        talk = {"customer": customer.id, "channel": "email", "direction": "inbound"}
        session.create("interaction", {**talk, "occurred_at": here.isoformat(timespec="seconds")})
        later = here + timedelta(days=1)
        with pytest.raises(Invalid) as refused:
            session.create("interaction", {**talk, "occurred_at": later.isoformat(timespec="seconds")})
        assert ["value.future"] == [one.code for one in refused.value.issues]
        with pytest.raises(Invalid) as refused:
            session.create("customer", {"full_name": "Bert", "birth_date": later.date()})
        assert ["value.future"] == [one.code for one in refused.value.issues]


def test_the_day_passes_at_the_archives_midnight(tmp_path):
    """What is read in the last second of a day is read against it, and in the next against the next."""
    midnight = datetime(2026, 3, 2, tzinfo=zone_named("Asia/Shanghai"))
    clock = TickingClock(micros_of(midnight) - 1, step_us=0)
    with new_archive(
        tmp_path / "archive", timezone="Asia/Shanghai", clock=clock, root="a cheap passphrase"
    ) as archive:
        assert date(2026, 3, 1) == archive.engine.value_context().today
        clock.now_us += 1
        assert date(2026, 3, 2) == archive.engine.value_context().today


def test_plugins_are_told_the_archives_day():
    """A check that asks how old somebody is counts from the day it is there."""
    late = micros_of(NOON.replace(hour=17))
    assert date(2026, 3, 1) == HookContext("li.na", "x", "create", "cli", late).today
    assert (
        date(2026, 3, 2) == HookContext("li.na", "x", "create", "cli", late, timezone="Asia/Shanghai").today
    )


@given(st.dates(date(1900, 1, 1), date(2020, 12, 31)), st.integers(0, 60_000))
def test_an_age_is_the_number_of_birthdays(born, days):
    """The last birthday is not after the day, the next one is; some have it on 29 February, or 1 March."""
    day = born + timedelta(days=days)

    def birthday(age):
        try:
            return born.replace(year=born.year + age)
        except ValueError:
            return date(born.year + age, 3, 1)

    age = age_on(born, day)
    assert birthday(age) <= day < birthday(age + 1)


@pytest.mark.parametrize("name", ["Asia/Nowhere", "../../etc/passwd", "/etc/localtime", "Europe"])
def test_an_archive_is_not_made_in_a_zone_that_there_is_not(tmp_path, name):
    """One clear error, and nothing is left half made."""
    with pytest.raises(ConfigError) as refused:
        _archive(tmp_path / "archive", name, NOON)
    assert "schema.timezone" == refused.value.code
    assert [] == [one for one in tmp_path.iterdir() if one.suffix != ".key"]


def test_a_wrong_zone_is_not_applied(tmp_path):
    """It is said with its place, and what was applied still holds."""
    folder = tmp_path / "archive"
    environ = {"MUNIMENT_ARCHIVE": str(folder), "MUNIMENT_KEY": str(tmp_path / "key"), "LANG": "C.UTF-8"}
    run = CliRunner()
    made = run.invoke(app, ["init", str(folder), "--key-file", str(tmp_path / "key")], env=environ)
    assert 0 == made.exit_code, made.output
    config = folder / "muniment.toml"
    before = config.read_text(encoding="utf-8")
    config.write_text(before.replace('timezone = "UTC"', 'timezone = "Mars/Olympus"'), encoding="utf-8")
    for words in (["config", "diff"], ["config", "apply", "--reason", "we moved"]):
        told = run.invoke(app, words, env=environ)
        assert 1 == told.exit_code
        assert "[schema.timezone]" in told.stderr
        assert "defaults.timezone" in told.stderr
    config.write_text(before, encoding="utf-8")
    assert 0 == run.invoke(app, ["log", "verify"], env=environ).exit_code
