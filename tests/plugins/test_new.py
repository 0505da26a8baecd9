"""``plugin new`` writes a distribution that installs, and whose tests pass as they are."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from muniment.cli.app import app
from muniment.errors import UsageError
from muniment.scaffold import write_plugin


def _run(*words: str, folder: Path, site: Path) -> str:
    environ = {**os.environ, "PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1"}
    for name in list(environ):
        if name.startswith(("MUNIMENT_", "PYTEST_", "COV_")):
            del environ[name]
    done = subprocess.run(
        [sys.executable, "-m", *words], cwd=folder, env=environ, capture_output=True, text=True, check=False
    )
    assert 0 == done.returncode, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_a_new_plugin_installs_and_its_tests_pass_unedited(tmp_path):
    """Built by its own build backend, without a network and without its dependencies."""
    folder, site = tmp_path / "made", tmp_path / "site"
    write_plugin("ward_round", folder)
    quiet = ("--quiet", "--disable-pip-version-check", "--no-index", "--no-deps", "--no-build-isolation")
    _run("pip", "install", *quiet, "--target", str(site), str(folder), folder=tmp_path, site=site)
    assert (site / "muniment_ward_round" / "visits.toml").is_file()
    said = _run("pytest", "-q", "-W", "error", "-p", "no:cacheprovider", folder=folder, site=site)
    assert "8 passed" in said
    found = _run("muniment", "plugin", "check", "ward_round", "--json", folder=tmp_path, site=site)
    assert '"sound": true' in found


def test_it_is_written_where_it_is_told(tmp_path, monkeypatch):
    """By default beside where one is; nothing of the pattern's own words is left."""
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["plugin", "new", "ward_round"])
    assert 0 == result.exit_code
    files = [path for path in Path("muniment-ward-round").rglob("*") if path.is_file()]
    assert sorted(map(str, files)) == sorted(result.stdout.split())
    assert not [path for path in files if "@" in path.name or "@name@" in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("name", ["Ward", "2nd", "a__b", "ward-round", "value", "plugin", "x" * 41, "../x"])
def test_names_that_no_plugin_can_have_are_refused(name, tmp_path):
    """Before a file is written."""
    with pytest.raises(UsageError, match=r"plugin\.new_name"):
        write_plugin(name, tmp_path / "made")
    assert not (tmp_path / "made").exists()


def test_nothing_is_written_over(tmp_path):
    """A folder with anything in it stays as it is."""
    (tmp_path / "kept").write_text("mine")
    with pytest.raises(UsageError, match=r"plugin\.new_folder"):
        write_plugin("ward", tmp_path)
    assert ["kept"] == os.listdir(tmp_path)
