"""Help in both languages for every command, cheap to print, and the pages that are made from it."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import click
import pytest
from click.testing import CliRunner

from muniment.cli.app import NOUNS, app
from muniment.cli.base import Argument, LazyGroup, Option
from muniment.cli.invocation import language_of

ROOT = Path(__file__).parents[2]
HEAVY = (
    "cryptography",
    "sqlite_utils",
    "sqlite3",
    "rich",
    "phonenumbers",
    "email_validator",
    "pluggy",
    "tomllib",
)


def tool() -> ModuleType:
    """The script that makes the pages."""
    spec = importlib.util.spec_from_file_location(
        "make_cli_docs", ROOT / "tests" / "tools" / "make_cli_docs.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


EVERY = [(path, context) for path, context in tool().commands()]
IDS = [" ".join(path) or "muniment" for path, _ in EVERY]


@pytest.mark.parametrize(("path", "context"), EVERY, ids=IDS)
def test_every_command_explains_itself_in_both_languages(path, context):
    """The command, each of its arguments and options; both languages are real texts."""
    command = context.command
    for words in (
        command.words,
        *(one.words for one in command.params if isinstance(one, (Option, Argument))),
    ):
        assert all(words), (path, words)
        assert any("\u4e00" <= sign <= "\u9fff" for sign in words[1]), (path, words)
        assert not any("\u4e00" <= sign <= "\u9fff" for sign in words[0]), (path, words)
    assert all(isinstance(one, (Option, Argument)) for one in command.params), path
    if isinstance(command, LazyGroup):
        for name, entry in command.entries.items():
            assert all(entry.words), name
            assert name == command.get_command(context, name).name


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_help_is_printed_wherever_it_is_asked_for(lang):
    """``--help`` and ``-h`` of nouns and verbs, the language before or behind."""
    for words in ((), ("record",), ("record", "update"), ("schema", "field", "add")):
        for given in (("--lang", lang, *words, "--help"), (*words, "-h", "--lang", lang)):
            result = CliRunner().invoke(app, list(given))
            assert 0 == result.exit_code
            assert ("用法：" if lang == "zh" else "Usage: ") + "muniment" in result.stdout


@pytest.mark.parametrize(
    "words",
    [
        ("--help",),
        ("--version",),
        *((noun, "--help") for noun in NOUNS),
        ("record", "get", "--help"),
        ("schema", "field", "add", "--help"),
    ],
    ids=" ".join,
)
def test_help_loads_nothing_heavy(words):
    """Whoever asks for help waits for neither cryptography nor a database."""
    code = f"""
import sys; sys.path[:0] = {sys.path!r}
from muniment.cli.app import app
import contextlib, io
with contextlib.redirect_stdout(io.StringIO()):
    assert app.main({list(words)!r}, standalone_mode=False) == 0
print(sorted(set({HEAVY!r}) & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True, env=_plain()
    )
    assert "[]\n" == done.stdout


def _plain() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("MUNIMENT_")}


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_pages_are_up_to_date(lang):
    """``python tests/tools/make_cli_docs.py`` would change nothing."""
    made = tool()
    assert made.PAGES[lang].read_text(encoding="utf-8") == made.page(lang)


def test_the_version_is_told():
    """As text and as JSON."""
    from muniment import __version__

    assert f"muniment {__version__}\n" == CliRunner().invoke(app, ["--version"]).stdout
    assert f'{{"version": "{__version__}"}}\n' == CliRunner().invoke(app, ["--json", "--version"]).stdout


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, ""),
        ({"LANG": "C.UTF-8"}, ""),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "en_GB.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "zh_SG"}, "zh"),
        ({"LANG": "de_DE.UTF-8"}, ""),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": ""}, "zh"),
    ],
)
def test_the_locale_names_the_language(environ, expected):
    """The variables in the order of POSIX; another language than ours leaves the choice to the archive."""
    assert expected == language_of(environ)


def test_shell_completion_knows_the_nouns():
    """Click's own completion works through the late loading."""
    from click.shell_completion import ShellComplete

    def complete(*words: str) -> list[str]:
        return [
            one.value
            for one in ShellComplete(app, {}, "muniment", "_MUNIMENT_COMPLETE").get_completions(
                list(words[:-1]), words[-1]
            )
        ]

    assert ["record"] == complete("rec")
    assert ["--reason"] == complete("record", "update", "x", "--rea")
    assert set(click.Context(app).command.list_commands(click.Context(app))) == set(NOUNS)
