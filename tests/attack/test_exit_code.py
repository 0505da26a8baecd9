"""``muniment log verify`` ends with exit code 3 and names the entry, also where nothing else opens."""

from __future__ import annotations

import json
import os
import re

import pytest
from click.testing import CliRunner

from muniment.cli.app import app


@pytest.fixture
def run(monkeypatch, tmp_path):
    def command(folder, *words, json_too=True):
        for name in [name for name in os.environ if name.startswith("MUNIMENT_")]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
        key = folder.with_name("archive.key")
        return CliRunner().invoke(
            app, ["--archive", str(folder), "--key-file", str(key), *["--json"] * json_too, *words]
        )

    return command


def test_a_sound_archive_ends_well(victim, run):
    """Exit code 0, and what was checked."""
    done = run(victim(), "log", "verify")
    assert 0 == done.exit_code, done.output
    assert json.loads(done.stdout)["verified"]["size"] > 300


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        ("UPDATE log_batch SET entries = zeroblob(length(entries)) WHERE first_seq = 40", 40),
        ("UPDATE record_version SET effective_us = effective_us + 1 WHERE seq = 9 AND version = 1", 9),
        # Definitions and users: without these nobody can open the archive.
        ("UPDATE part SET sealed = zeroblob(length(sealed)) WHERE record IN "
         "(SELECT record FROM record_version WHERE type = 1)",
         "SELECT min(seq) FROM record_version WHERE type = 1"),
        ("DELETE FROM part WHERE record IN (SELECT record FROM record_version WHERE type = 2)", 1),
        ("UPDATE record_version SET subject = zeroblob(3) WHERE type = 4", 2),
    ],
)  # fmt: skip
def test_a_broken_one_ends_with_3(victim, guardless, run, statement, index):
    """One line that says what and where, with the index, and as JSON the code."""
    folder = victim()
    with guardless(folder) as db:
        if isinstance(index, str):
            (index,) = db.execute(index).fetchone()
        assert db.execute(statement).rowcount
    done = run(folder, "log", "verify")
    assert 3 == done.exit_code, done.output
    assert json.loads(done.stderr or done.stdout)["code"].startswith("integrity.")
    said = run(folder, "log", "verify", json_too=False)
    assert 3 == said.exit_code
    (line,) = said.stderr.splitlines()
    assert re.search(rf"[Ee]ntry {index}\b", line)
