"""Schedulers start a tick whenever they like: two at once, one over another; what is due is done once."""

from __future__ import annotations

import os
import sys

import pytest

from muniment.model import system_clock
from muniment.session.rights.consents import Terms
from muniment.testing import TickingClock, log_entries, open_again

OWNER = {"actor": "owner", "purpose": "CustomerManagement"}
DAY_US = 86_400_000_000
PEOPLE = 12


@pytest.fixture
def archive_options():
    # Long ago, so that all of it is due today.
    return {"clock": TickingClock()}


@pytest.fixture
def due(archive, session, tmp_path):
    """An archive with consents that ran out, proposals nobody decided, discarded drafts and a late backup."""
    (tmp_path / "vault").mkdir()
    path = archive.folder / "muniment.toml"
    path.write_text(
        path.read_text()
        + f'\n[backup]\nto = "{tmp_path / "vault"}"\n\n[approvals]\nexpire_days = 1\n'
        + '\n[[approvals.rule]]\nname = "phones"\ntypes = ["customer"]\nfields = ["phone"]\n'
    )
    archive.apply_config(session, reason="plans")
    for n in range(PEOPLE):
        one = session.create("customer", {"full_name": f"Person {n}"}).id
        session.consents.give(one, Terms("DirectMarketing", valid_until="2026-02-01T00:00:00Z"))
        with pytest.raises(Exception, match="approval"):
            session.update(one, {"phone": f"030 123456{n}"})
        session.drafts.discard(session.drafts.save({"city": "Kiel"}, record=one).id)
    archive.close()
    return archive.folder


def tick(folder, go):
    """One in a process of its own, that begins when the others do."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        os.read(go, 1)
        with (
            open_again(folder, clock=lambda: system_clock() + 400 * DAY_US) as archive,
            archive.session(**OWNER) as session,
        ):
            codes = {one.code for one in session.tick()} - {""}
            status = 0 if not codes else 2
            sys.stderr.write(f"{codes}\n")
    except BaseException as error:
        sys.stderr.write(f"{error!r}\n")
    finally:
        os._exit(status)


@pytest.mark.slow
@pytest.mark.parametrize("many", [1, 2, 4])
def test_what_is_due_is_done_once(due, many, tmp_path):
    """However many come at once, and when another comes after them."""
    reading, writing = os.pipe()
    pids = [tick(due, reading) for _ in range(many)]
    os.write(writing, b"!" * many)
    assert [0] * many == [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
    with (
        open_again(due, clock=lambda: system_clock() + 400 * DAY_US) as archive,
        archive.session(**OWNER) as session,
    ):
        assert not [one.code for one in session.tick() if one.code]
        kinds = [one.kind for one in log_entries(archive)]
        assert PEOPLE == kinds.count("consent.expire")
        assert PEOPLE >= kinds.count("change.expire") > 0
        assert 1 == len(list((tmp_path / "vault").iterdir()))
        assert {"Person 3"} <= {one.fields["full_name"] for one in session.list("customer").records}
        assert [] == list(session.check_data())
        assert "job.fail" not in kinds
        archive.log.verify()
