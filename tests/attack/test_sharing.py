"""Several processes on one archive at once: no lost update, one log, every slot given once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from muniment.errors import Conflict
from muniment.testing import log_size, new_archive, open_again

SHARING = Path(__file__).parent / "sharing.py"


def run_together(folder, processes, turns):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONDONTWRITEBYTECODE": "1"}
    running = [
        subprocess.Popen(
            [sys.executable, SHARING, folder, str(number), str(turns)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True,
        )
        for number in range(processes)
    ]  # fmt: skip
    for process in running:
        assert process.stdout.readline() == "ready\n"
    for process in running:
        process.stdin.write("\n")
        process.stdin.flush()
    done = []
    for process in running:
        said, _ = process.communicate(timeout=300)
        done.append(json.loads(said.splitlines()[-1]))
        assert "error" not in done[-1], done[-1]
    return done


def share(folder, everything, processes, turns):
    with (
        new_archive(folder, templates=[everything]) as archive,
        archive.session(actor="owner", purpose="ServiceProvision") as session,
    ):
        session.create("product", {"sku": "A-1", "price": "0 EUR"})
        for number in range(5):
            session.create("person", {"name": f"Person {number}", "phone": "030 1234567"})
    done = run_together(folder, processes, turns)
    with open_again(folder) as archive, archive.session(actor="owner", purpose="ServiceProvision") as session:
        counter = session.list("product").records[0]
        added = sum(one["added"] for one in done)
        assert str(added) == str(counter.fields["price"].amount)
        assert added + 1 == counter.version
        assert 5 + sum(one["created"] for one in done) == len(session.list("person", limit=1000).records)
        visits = [record.fields["subject"] for record in session.list("visit", limit=1000).records]
        assert len(set(visits)) == len(visits) > 0
        assert list(session.check_data()) == []
        archive.log.verify()
        slots = [row.slot for row in (*archive.store.subjects(0), *archive.store.facets(0))]
        assert len(set(slots)) == len(slots)
    return done


@pytest.mark.slow
def test_four_processes_lose_nothing(tmp_path, everything):
    """Each update that was acknowledged is counted; every other one was a conflict that said so."""
    done = share(tmp_path / "archive", everything, 4, 50)
    assert all(sum(one.values()) >= 50 for one in done)


@pytest.mark.soak
def test_eight_processes_lose_nothing(tmp_path, everything):
    """The same, longer."""
    print(share(tmp_path / "archive", everything, 8, 400))


def test_threads_take_turns(archive):
    """One archive object serves several threads; of two that saw one version the second is told."""
    with archive.session(actor="owner", purpose="ServiceProvision") as session:
        one = session.create("product", {"sku": "A-1", "price": "0 EUR"})
    before, failed, conflicts = log_size(archive), [], []
    start = threading.Barrier(6)

    def work(number):
        try:
            with archive.session(actor="owner", purpose="ServiceProvision") as session:
                start.wait()
                for turn in range(15):
                    session.create("person", {"name": f"{number} {turn}"})
                    while True:
                        seen = session.get(one.id)
                        price = int(str(seen.fields["price"].amount)) + 1
                        try:
                            session.update(one.id, {"price": f"{price} EUR"}, expected_version=seen.version)
                            break
                        except Conflict:
                            conflicts.append(number)
        except BaseException as error:
            failed.append(error)
            raise

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    with archive.session(actor="owner", purpose="ServiceProvision") as session:
        assert str(session.get(one.id).fields["price"].amount) == "90"
    # A create, a read and an update for each turn, and a read for each conflict.
    assert before + 3 * 90 + len(conflicts) + 1 == log_size(archive)
    archive.log.verify()
