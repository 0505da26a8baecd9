"""How things are printed: aligned in both scripts, cut to a terminal, never steering it."""

from __future__ import annotations

import io
import sys

import pytest

from muniment.cli import invocation, output
from muniment.cli.output import clean, labels, table, width
from muniment.cli.progress import progress
from muniment.errors import UsageError


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_columns_stand_under_one_another_in_both_scripts(capsys):
    """A Chinese sign takes two columns, a combining mark none."""
    assert (2, 4, 3, 1) == (width("ab"), width("王芳"), width("a王"), width("e\u0301"))
    table(["Name", "N"], [["王芳", 1], ["Zoe\u0308", 22], ["Anna", 333]])
    lines = capsys.readouterr().out.splitlines()
    assert ["Name    N", "王芳    1", "Zoe\u0308    22", "Anna  333"] == lines


def test_a_table_fits_its_terminal(monkeypatch):
    """The widest columns give way, and a mark says so."""
    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setenv("COLUMNS", "40")
    table(["Short", "Long"], [["a", "x" * 90], ["b", "王" * 40]])
    lines = screen.getvalue().splitlines()
    assert all(width(line.replace("\x1b[1m", "").replace("\x1b[0m", "")) <= 40 for line in lines)
    assert all(line.endswith("…") for line in lines[1:])


def test_nothing_in_a_value_steers_the_terminal(capsys):
    """Escapes, bells, new lines, and marks of direction are shown as what they are."""
    text = "a\x1b[31mb\x07c\u202ed\x9be\u2066f\r\ng\th"
    assert "a\\x1b[31mb\\x07c\\u202ed\\x9be\\u2066f g h" == clean(text)
    table(["A"], [[text]])
    labels([("B", text)])
    shown = capsys.readouterr().out
    assert not set("\x1b\x07\u202e\x9b\u2066") & set(shown)


def test_further_lines_of_a_value_stand_under_its_first(capsys):
    """So that a long text is read as one."""
    labels([("Note", "first\nsecond"), ("A longer name", "")], indent=2)
    assert [
        "  Note           first",
        "                 second",
        "  A longer name",
    ] == capsys.readouterr().out.splitlines()


def test_progress_shows_on_a_terminal_alone(monkeypatch):
    """Nothing goes into a log file or between the lines of a pipe."""
    for stream, quiet, expected in (
        (Terminal(), False, True),
        (io.StringIO(), False, False),
        (Terminal(), True, False),
    ):
        monkeypatch.setattr(sys, "stderr", stream)
        with progress("Counting sheep", quiet=quiet) as told:
            told(1, 2)
            told(2, 0)
        assert expected == ("Counting sheep" in stream.getvalue())


def test_a_secret_is_asked_for_without_showing_it(monkeypatch):
    """Twice where it is new; two that differ are refused."""
    answers = iter(("one secret", "one secret", "one secret", "another"))
    asked = []

    def prompt(question, **settings):
        assert settings["hide_input"]
        assert settings["err"]
        asked.append(question)
        return next(answers)

    monkeypatch.setattr(invocation, "_can_ask", lambda: True)
    monkeypatch.setattr("click.prompt", prompt)
    assert "one secret" == invocation.read_secret("New", "cli.no_answer", confirm="Again")
    with pytest.raises(UsageError, match=r"\[cli.answers_differ\]"):
        invocation.read_secret("New", "cli.no_answer", confirm="Again")
    assert ["New", "Again"] * 2 == asked


def test_one_line_stays_one():
    """Also where a path holds a line end."""
    assert "a b\\x00c" == output.one_line(" a\nb\x00c\n")
