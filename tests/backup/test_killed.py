"""Killed at every durable step of a backup and of a restore: the next opening finishes it, or undoes it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from muniment.backup import verify_backup
from muniment.testing import log_entries

STEPPING = Path(__file__).parent / "stepping.py"
OWNER = {"actor": "owner", "purpose": "ServiceProvision"}


@pytest.fixture(scope="module")
def stepping():
    """Does something in a process of its own that dies at a step; gives the steps and whether it ended."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONDONTWRITEBYTECODE": "1"}
    with subprocess.Popen(
        [sys.executable, STEPPING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    ) as process:

        def run(what, base, die_at):
            process.stdin.write(json.dumps([what, str(base), die_at]).encode() + b"\n")
            process.stdin.flush()
            steps = []
            while isinstance(line := json.loads(process.stdout.readline()), str):
                steps.append(line)
            assert "error" not in line, line
            return steps, line["ended"]

        yield run
        process.stdin.close()


def fresh(base, number):
    target = base.with_name(f"try{number}")
    shutil.copytree(base, target)
    return target


@pytest.mark.slow
def test_a_backup_is_whole_or_not_there(base, stepping, opened, checked):
    """What has the name of a backup was verified; what has another is removed by the next one."""
    number = 1
    while True:
        here = fresh(base, number)
        steps, ended = stepping("backup", here, number)
        if (here / "second").exists():
            with opened(here) as archive:
                key = archive.verifier_key
                origin, identifier = archive.file.origin, archive.file.archive
            verify_backup(here / "second", archive=identifier, origin=origin, key=key)
        checked(here)
        with opened(here) as archive, archive.session(**OWNER) as session:
            session.backups.create(here / "third")
            assert [one.kind for one in log_entries(archive)].count("backup.create") >= 2
        (here / "third" / "manifest.json").stat()
        with opened(here) as archive, archive.session(**OWNER) as session:
            if not (here / "second").exists():
                session.backups.create(here / "second")
        assert not list(here.glob(".*making"))
        shutil.rmtree(here)
        if ended:
            break
        number += 1
    assert ["backup: signed", "backup: begun", "backup: rows", "backup: files"] == steps[:4]
    assert number == len(steps) + 1 == 8


@pytest.mark.slow
@pytest.mark.parametrize("there", ["everything", "no rows"])
def test_a_restore_is_finished_or_undone(base, stepping, opened, checked, there):
    """At each step the archive holds the old data or the backup's, verifies, and can be written to."""
    with opened(base) as archive, archive.session(**OWNER) as session:
        extra = session.create("person", {"number": "P-9", "name": "Person 9"})
        (base / "given.txt").write_bytes(b"given later")
        session.attach(extra.id, "contract", base / "given.txt")
    if there == "no rows":
        for name in ("archive.db", "archive.db-wal", "archive.db-shm"):
            (base / "archive" / name).unlink(missing_ok=True)
    number, states = 1, []
    while True:
        here = fresh(base, number)
        steps, ended = stepping("restore", here, number)
        done = "restore: ready" in steps
        states.append(done)
        if there == "no rows" and not done:
            assert not (here / "archive" / "archive.db").exists()
        else:
            with opened(here) as archive, archive.session(**OWNER) as session:
                found = sorted(one.fields["name"] for one in session.list("person").records)
                assert [f"Person {one}" for one in range(5)] + ["Person 9"] * (not done) == found
                assert [] == list(session.check_data())
                session.create("person", {"number": "P-7", "name": "Person 7"})
            report = checked(here)
            assert done == bool(report.lost)
            files = [one for one in (here / "archive" / "files").rglob("*") if one.is_file()]
            waiting = [one for one in files if one.parent.name == "new"]
            assert [] == waiting or not done
            assert (1 if done else 2) == len(files) - len(waiting)
        assert not done or not (here / "archive" / ".restoring").exists()
        shutil.rmtree(here)
        if ended:
            break
        number += 1
    assert states == sorted(states)
    assert ["restore: ready", "restore: signed", "restore: replaced", "restore: swept"] == steps[-4:]
