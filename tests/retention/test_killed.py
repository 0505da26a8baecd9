"""SIGKILL at every step of an erasure, the key store's own among them: the next opening finishes it."""

from __future__ import annotations

import json
import os
import signal

import pytest

from muniment.errors import NotFound
from muniment.testing import assert_no_plaintext, open_again
from muniment.verify.certificate import check_certificate

STEPS = (
    "begun", "destroy", "destroy: commit", "destroy: committed", "destroy: truncate", "destroyed", "disposed",
    "files", "rotate", "rotate: waiting file", "rotate: all waiting", "rotate: commit", "rotate: committed",
    "rotate: wipe", "rotate: promote", "rotate: swept", "rotated", "done", "certified",
)  # fmt: skip


def erase_and_die(folder, clock, subject, step):
    """In a process of its own; it never returns."""
    try:
        archive = open_again(folder, clock=clock)

        def die(name):
            if name == step:
                os.kill(os.getpid(), signal.SIGKILL)

        archive.engine.step = archive.keys._vault.step = die
        with archive.session(actor="owner", purpose="ServiceProvision") as session:
            session.erase(subject, reason="asked for it")
    finally:
        os._exit(1)


@pytest.mark.slow
@pytest.mark.parametrize("step", STEPS)
def test_a_kill_at_any_step_is_finished_by_the_next_opening(archive, session, people, step):
    """Nothing is half erased and called done, and no key that should live is lost."""
    clock, folder = archive.engine.clock, archive.folder
    archive.close()
    pid = os.fork()
    if pid == 0:
        erase_and_die(folder, clock, people.anna, step)
    _, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status)
    with (
        open_again(folder, clock=clock) as again,
        again.session(actor="owner", purpose="ServiceProvision") as mine,
    ):
        assert ["erasing", "erased"] == [state.state for state in again.store.states(0)]
        assert not again.keys.rotation_due
        with pytest.raises(NotFound):
            mine.get(people.anna)
        assert "Berthold Klein" == mine.get(people.bert).fields["full_name"]
        assert [] == list(mine.check_data())
        assert 0 == again.log.verify().unfinished
        check_certificate(json.dumps(mine.erasures.certificate(people.anna)))
    assert_no_plaintext(folder, people.forms)
