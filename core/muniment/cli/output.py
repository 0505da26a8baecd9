"""What the command prints: one JSON document, or labels and tables for people; data on standard output.

Nothing that came out of a record can steer a terminal: control characters and
marks that turn the direction of writing are shown as what they are.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from muniment.cli.invocation import Invocation

__all__ = ["clean", "emit", "heading", "labels", "lead_on", "one_line", "put", "table", "talk", "width"]

# C0 and C1 controls, line separators, and the marks of Unicode's bidirectional algorithm (UAX 9).
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_GAP = "  "


def _shown(found: re.Match[str]) -> str:
    return f"\\x{ord(found[0]):02x}" if ord(found[0]) < 256 else f"\\u{ord(found[0]):04x}"


def clean(text: str) -> str:
    """A text without anything that steers a terminal; line ends and tabs become spaces."""
    return _UNSAFE.sub(_shown, text.replace("\r\n", " ").replace("\n", " ").replace("\t", " "))


def one_line(text: str) -> str:
    """A message on one line."""
    return clean(text).strip()


def width(text: str) -> int:
    """How many columns of a terminal a text takes (UAX 11: wide and full-width signs take two)."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(sign) else 2 if unicodedata.east_asian_width(sign) in "WF" else 1
        for sign in text
    )


def emit(document: Any) -> None:
    """Print one JSON document in UTF-8, without escapes."""
    text = json.dumps(document, ensure_ascii=False, indent=2)
    click.echo(text.encode("utf-8", "backslashreplace"))


def put(text: str = "") -> None:
    """Print data for people."""
    click.echo(text)


def talk(text: str) -> None:
    """Say something that is not data, on standard error."""
    click.echo(text, err=True)


def lead_on(call: Invocation, after: str | None) -> None:
    """Say how a list goes on, where it does."""
    if after is not None:
        talk(call.say("cli.more", after=after))


def heading(text: str) -> str:
    """A text that stands out on a terminal."""
    return click.style(text, bold=True)


def _padded(text: str, columns: int) -> str:
    return text + " " * (columns - width(text))


def _cut(text: str, columns: int) -> str:
    if width(text) <= columns:
        return text
    kept, used = [], 1
    for sign in text:
        used += width(sign)
        if used > columns:
            break
        kept.append(sign)
    return "".join(kept) + "…"


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print an aligned table; on a terminal its widest columns are cut to fit.

    Args:
        header: of the columns.
        rows: cells; columns of nothing but numbers are put to the right.
    """
    cells = [["" if cell is None else clean(str(cell)) for cell in row] for row in rows]
    places = range(len(header))
    right = [bool(rows) and all(type(row[place]) is int for row in rows) for place in places]
    widths = [max([width(header[place]), *(width(row[place]) for row in cells)]) for place in places]
    if sys.stdout.isatty():
        widths = _fitted(widths, shutil.get_terminal_size().columns)
    put(heading(_line(header, widths, right)))
    for row in cells:
        put(_line(row, widths, right))


def _fitted(widths: list[int], columns: int) -> list[int]:
    """Widths that fit, taken from the widest columns; never less than eight each."""
    room = columns - len(_GAP) * (len(widths) - 1)
    fitted = list(widths)
    while sum(fitted) > room and max(fitted) > 8:
        place = fitted.index(max(fitted))
        fitted[place] -= 1
    return fitted


def _line(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    made = []
    for cell, columns, to_right in zip(cells, widths, right, strict=True):
        cut = _cut(cell, columns)
        made.append(" " * (columns - width(cut)) + cut if to_right else _padded(cut, columns))
    return _GAP.join(made).rstrip()


def labels(pairs: Iterable[tuple[str, object]], *, indent: int = 0) -> None:
    """Print names with their values, one a line, aligned; further lines of a value stand under its first."""
    listed = [(name, "" if value is None else str(value)) for name, value in pairs]
    columns = max((width(name) for name, _ in listed), default=0)
    lead = " " * indent
    for name, value in listed:
        lines = [clean(line) for line in value.splitlines()] or [""]
        put(f"{lead}{_padded(name, columns)}{_GAP}{lines[0]}".rstrip())
        for line in lines[1:]:
            put(f"{lead}{' ' * columns}{_GAP}{line}".rstrip())
