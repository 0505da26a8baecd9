"""Killed at random points: what was acknowledged is there, the rest is there wholly or not at all."""

from __future__ import annotations

import json
import os
import random
import runpy
import signal
import subprocess
import sys
import threading
from collections import defaultdict
from pathlib import Path

import pytest

from muniment.testing import new_archive, open_again

WRITING = Path(__file__).parent / "writing.py"
ROUNDS = int(os.environ.get("MUNIMENT_KILLS", "0"))


class Writer:
    """The process that forks writers, and kills them."""

    def __init__(self):
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONDONTWRITEBYTECODE": "1"}
        self._process = subprocess.Popen(
            [sys.executable, WRITING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
        )

    def run(self, folder, seed, number, dice):
        """Let one write and kill it after a few acknowledgements and a moment more; gives what it said."""
        self._process.stdin.write(json.dumps([str(folder), seed, number]).encode() + b"\n")
        self._process.stdin.flush()
        pid = json.loads(self._process.stdout.readline())["pid"]
        said = [json.loads(self._process.stdout.readline()) for _ in range(dice.choice((0, 1, 2, 5, 12)))]
        killer = threading.Timer(dice.random() * 0.02, os.kill, (pid, signal.SIGKILL))
        killer.start()
        while True:
            line = json.loads(self._process.stdout.readline())
            if "dead" in line:
                break
            said.append(line)
        killer.join()
        return said

    def close(self):
        self._process.stdin.close()
        assert self._process.wait(10) == 0
        self._process.stdout.close()


def check(folder, values_of, acknowledged, versions, attempted):
    """Everything there is against everything that was said."""
    with open_again(folder) as archive, archive.session(actor="owner", purpose="ServiceProvision") as session:
        report = archive.log.verify()
        assert list(session.check_data()) == []
        found, batches, after = {}, defaultdict(list), None
        while True:
            page = session.list("person", limit=1000, after=after)
            for record in page.records:
                found[record.id] = record
                mark, _, _ = record.fields["number"].rpartition("-")
                batches[mark].append(record.id)
            after = page.after
            if after is None:
                break
        for mark, ids in acknowledged.items():
            assert set(ids) == set(batches[mark])
        for mark, wanted in attempted.items():
            assert len(batches.get(mark, ())) in (0, wanted)
        for identifier, (version, number) in versions.items():
            assert found[identifier].version >= version
            if number is not None and found[identifier].version == version:
                assert number == found[identifier].fields["score"]
        for record in found.values():
            wanted = values_of(record.fields["score"])
            assert wanted == {key: record.fields[key] for key in wanted}
        waiting = folder / "files" / "new"
        return report, len(found), len(list(waiting.iterdir())) if waiting.is_dir() else 0


def kill(tmp_path, everything, rounds, seed):
    values_of = runpy.run_path(str(WRITING))["values_of"]
    dice = random.Random(seed)
    folder = tmp_path / "archive"
    new_archive(folder, templates=[everything]).close()
    acknowledged, versions, attempted = {}, {}, {}
    writer = Writer()
    totals = defaultdict(int)
    for number in range(rounds):
        said = writer.run(folder, seed, number, dice)
        for line in said:
            assert "error" not in line, line
            if "many" in line:
                attempted[line["many"]] = line["wanted"]
            for identifier in line.get("created", ()):
                versions[identifier] = (1, None)
                totals["created"] += 1
            if "created" in line:
                acknowledged[line["mark"]] = line["created"]
            for identifier, version, score in line.get("updated", ()):
                versions[identifier] = (version, score)
                totals["updated"] += 1
        report, records, _ = check(folder, values_of, acknowledged, versions, attempted)
        totals["entries"], totals["versions"], totals["records"] = report.size, report.versions, records
    writer.close()
    lost = sum(mark not in acknowledged for mark in attempted)
    return {"kills": rounds, **totals, "unacknowledged lists": lost}


@pytest.mark.slow
def test_what_was_acknowledged_survives_a_kill(tmp_path, everything):
    """Twenty kills under creates, updates, lists, attached files, signatures."""
    totals = kill(tmp_path, everything, 20, seed=1)
    assert totals["created"] > 20
    assert totals["updated"] > 5


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(2, 12))
def test_two_hundred_kills(tmp_path, everything, seed):
    """The same two hundred times in all, each time somewhere else."""
    print(kill(tmp_path, everything, ROUNDS or 20, seed=seed))
