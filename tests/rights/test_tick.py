"""``tick`` does what is due, writes down each run, and does nothing twice."""

from __future__ import annotations

import pytest

from muniment.errors import AccessDenied
from muniment.session.rights.consents import Terms
from muniment.session.ticking import JOBS
from muniment.testing import assert_logged, log_entries


def test_each_job_is_an_entry_and_a_second_run_does_nothing_new(archive, owner, clock):
    """What was due is done once."""
    anna = owner.create("customer", {"full_name": "Anna"})
    owner.consents.give(anna.id, Terms("DirectMarketing", valid_until="2026-02-01T00:00:00Z"))
    owner.requests.open(anna.id, "access", law="pipl")
    clock.now_us += 40 * 86_400_000_000
    with assert_logged(archive, "job.run", entries=len(JOBS)):
        first = {one.job: one for one in owner.tick()}
    assert {"expired": 1, "expiring": 0} == first["consents"].counts
    assert 1 == first["requests"].counts["late"]
    assert not any(one.code for one in first.values())
    second = {one.job: one for one in owner.tick()}
    assert {"expired": 0, "expiring": 0} == second["consents"].counts
    assert 1 == [one.kind for one in log_entries(archive)].count("consent.expire")
    archive.log.verify()


def test_a_job_that_fails_stops_no_other(archive, owner, reconfigure):
    """It is written down with its code, and the rest is done."""
    reconfigure("\n[consent]\n", '\n[backup]\nto = "/nowhere/at/all"\n\n[consent]\n')
    with assert_logged(archive, "job.fail", outcome="failed", code="backup.place", target={"job": "backup"}):
        done = {one.job: one for one in owner.tick()}
    assert "backup.place" == done["backup"].code
    assert "" == done["index"].code


def test_jobs_need_their_right(archive, owner):
    """An editor runs none."""
    owner.create("user", {"login": "vera", "roles": "editor", "state": "active"})
    with (
        archive.session(actor="vera", purpose="RecordManagement") as vera,
        pytest.raises(AccessDenied),
    ):
        vera.tick()


def test_the_names_of_jobs_lead_somewhere():
    """A misspelt line would be noticed by a scheduler at night."""
    from importlib import import_module

    for target in JOBS.values():
        module, _, name = target.partition(":")
        assert callable(getattr(import_module(module), name))
