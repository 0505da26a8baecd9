"""Commands that plugins bring: found by name, and never in the way of the core's own."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from muniment.cli import offered
from muniment.cli.app import app
from muniment.errors import PluginError
from muniment.testing import new_archive

GOOD = """
from muniment.cli.base import verb

@verb("ward", ("Show wards.", "查看病区。"))
def ward():
    print("three wards")
"""


def install(monkeypatch: pytest.MonkeyPatch, folder: Path, code: str, *, times: int = 1) -> None:
    """Have the entry points say that a plugin ``ward`` brings a command."""
    (folder / "wardcode.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(str(folder))
    sys.modules.pop("wardcode", None)
    entry = metadata.EntryPoint("ward", "wardcode:ward", offered.GROUP)
    real = metadata.entry_points

    def found(**asked: str) -> object:
        if asked.get("group") != offered.GROUP:
            return real(**asked)
        return metadata.EntryPoints([entry] * times if asked.get("name", "ward") == "ward" else [])

    monkeypatch.setattr(metadata, "entry_points", found)


def test_a_command_of_a_plugin_is_called_by_its_name(monkeypatch, tmp_path):
    """With its own help in the language of the call."""
    install(monkeypatch, tmp_path, GOOD)
    done = CliRunner().invoke(app, ["ward"])
    assert (0, "three wards\n") == (done.exit_code, done.stdout)
    assert "查看病区。" in CliRunner().invoke(app, ["--lang", "zh", "ward", "--help"]).stdout


@pytest.mark.parametrize(
    ("code", "times", "told"),
    [
        ("raise RuntimeError('secret')", 1, "plugin.import"),
        ("ward = 7", 1, "plugin.command"),
        (GOOD.replace('"ward",', '"other",'), 1, "plugin.command"),
        (GOOD, 2, "plugin.duplicate"),
    ],
)
def test_a_broken_command_is_one_line_and_the_others_go_on(monkeypatch, tmp_path, code, times, told):
    """What is wrong with a plugin is said with its name, without a traceback, and help still works."""
    install(monkeypatch, tmp_path, code, times=times)
    done = CliRunner().invoke(app, ["ward"])
    assert 7 == done.exit_code
    assert f"[{told}]" in done.stderr
    assert "secret" not in done.stderr
    assert 1 == len(done.stderr.strip().splitlines())
    assert 0 == CliRunner().invoke(app, ["--help"]).exit_code
    assert 0 == CliRunner().invoke(app, ["plugin", "list"]).exit_code


def test_a_plugin_cannot_take_the_place_of_a_command(monkeypatch, tmp_path):
    """The core's own nouns are found before any plugin is asked."""
    taken = click.Command("record")
    monkeypatch.setattr(offered, "offered_command", lambda name: taken)
    assert app.get_command(click.Context(app), "record") is not taken
    assert app.get_command(click.Context(app), "ward") is taken


def test_a_command_of_a_plugin_that_the_archive_does_not_use_is_refused(tmp_path):
    """Installed is not enabled."""
    with new_archive(tmp_path / "archive") as archive, pytest.raises(PluginError) as caught:
        offered.require_plugin(archive, "insights")
    assert "plugin.not_enabled" == caught.value.code
