"""Charts as SVG that everybody can read: a title and a description in each, a table beside it, no script.

Colours stand as attributes, so a chart is the same in a page with a strict content policy, in
print, and by itself; a page's style sheet may name its own for the classes ``bar``, ``line``,
``dot``, ``axis`` and ``word``. Written here because the libraries that draw SVG bring scripts or
style attributes, which such a policy forbids.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from decimal import Decimal
from html import escape
from itertools import pairwise
from typing import Final

import attrs

__all__ = ["Mark", "bars", "line", "shown_number"]

_WIDTH: Final = 400
_ROW: Final = 26
_SIGN: Final = 8.0  # the width of a letter, about
_WORDS: Final = 18  # so many letters of a label at most
_HEIGHT: Final = 170
_FONT: Final = 'font-family="system-ui, Noto Sans SC, sans-serif" font-size="13"'
_INK: Final = "#27313b"
_BLUE: Final = "#2563a8"
_FAINT: Final = "#c9d1d9"


@attrs.frozen
class Mark:
    """One bar or point.

    Attributes:
        label: what people read.
        value: its length or height; None draws none.
        text: the value as people read it, such as ``1,204 CNY`` or ``fewer than 5``.
    """

    label: str
    value: Decimal | None
    text: str


def shown_number(value: Decimal, unit: str = "") -> str:
    """A number as people read it in either language: digits in threes, no more decimals than it has.

    Args:
        value: the number.
        unit: a currency, ``%`` or empty.
    """
    whole = value == value.to_integral_value()
    text = f"{value.quantize(Decimal(1)):,}" if whole else f"{value.normalize():,f}"
    return f"{text}%" if unit == "%" else f"{text} {unit}".rstrip()


def _columns(text: str) -> float:
    return sum(2.0 if unicodedata.east_asian_width(sign) in "WF" else 1.0 for sign in text)


def _cut(text: str, columns: int) -> str:
    if _columns(text) <= columns:
        return text
    kept = ""
    for sign in text:
        if _columns(kept + sign) >= columns:
            break
        kept += sign
    return kept + "…"


def _frame(name: str, title: str, description: str, height: int, body: Sequence[str]) -> str:
    """The picture with its title and description, which a screen reader says (SVG 2, 5.8)."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="{name}-t {name}-d" '
        f'class="chart" viewBox="0 0 {_WIDTH} {height}" {_FONT}>'
        f'<title id="{name}-t">{escape(title)}</title><desc id="{name}-d">{escape(description)}</desc>'
        f"{''.join(body)}</svg>"
    )


def _word(x: float, y: float, text: str, anchor: str = "start") -> str:
    return (
        f'<text class="word" fill="{_INK}" x="{x:g}" y="{y:g}" text-anchor="{anchor}">{escape(text)}</text>'
    )


def _description(marks: Sequence[Mark]) -> str:
    return "; ".join(f"{mark.label}: {mark.text}" for mark in marks)


def bars(name: str, title: str, marks: Sequence[Mark]) -> str:
    """Horizontal bars, one a line, each with its label and its figure.

    Args:
        name: unique in its page; letters, digits and hyphens.
        title: what it shows.
        marks: in order.
    """
    most = max((mark.value for mark in marks if mark.value is not None), default=Decimal(0))
    body = []
    labels = [_cut(mark.label, _WORDS) for mark in marks]
    start = max([6.0, *(_columns(one) for one in labels)]) * _SIGN + 12
    room = _WIDTH - start - max([4.0, *(_columns(mark.text) for mark in marks)]) * _SIGN - 12
    for place, mark in enumerate(marks):
        y = place * _ROW + 5
        body.append(_word(start - 8, y + 14, labels[place], "end"))
        share = float(max(mark.value, Decimal(0)) / most) if mark.value is not None and most > 0 else 0.0
        body.append(
            f'<rect class="bar" fill="{_BLUE}" x="{start:g}" y="{y}" width="{max(share * room, 1):.1f}" '
            f'height="{_ROW - 8}" rx="2"/>'
        )
        body.append(_word(start + share * room + 6, y + 14, mark.text))
    return _frame(name, title, _description(marks), len(marks) * _ROW + 10, body)


def line(name: str, title: str, marks: Sequence[Mark]) -> str:
    """A line over time; where nothing is known it is broken.

    Args:
        name: unique in its page; letters, digits and hyphens.
        title: what it shows.
        marks: from the oldest to the newest.
    """
    most = max((mark.value for mark in marks if mark.value is not None), default=Decimal(0)) or Decimal(1)
    left, right, top, foot = 12, _WIDTH - 12, 26, _HEIGHT - 30
    step = (right - left) / max(len(marks) - 1, 1)
    body = [
        f'<line class="axis" stroke="{_FAINT}" x1="{left}" y1="{y:g}" x2="{right}" y2="{y:g}"/>'
        for y in (top, (top + foot) / 2, foot)
    ]
    places = [
        None
        if mark.value is None
        else (left + at * step, foot - float(max(mark.value, Decimal(0)) / most) * (foot - top))
        for at, mark in enumerate(marks)
    ]
    for first, second in pairwise(places):
        if first is not None and second is not None:
            body.append(
                f'<line class="line" stroke="{_BLUE}" stroke-width="2" x1="{first[0]:.1f}" '
                f'y1="{first[1]:.1f}" x2="{second[0]:.1f}" y2="{second[1]:.1f}"/>'
            )
    # The first and the last label stand inside the picture, so they reach half a label towards the next one.
    widest = max([1.0, *(_columns(mark.label) for mark in marks)]) * _SIGN
    most_words = max(2, min(7, int((right - left) / (1.5 * widest))))
    every = max(1, -(-len(marks) // most_words))
    for at, (mark, place) in enumerate(zip(marks, places, strict=True)):
        last = at == len(marks) - 1
        if place is not None:
            body.append(f'<circle class="dot" fill="{_BLUE}" cx="{place[0]:.1f}" cy="{place[1]:.1f}" r="3"/>')
        if (at % every == 0 and (last or len(marks) - 1 - at >= every)) or last:
            anchor = "start" if at == 0 else "end" if last else "middle"
            x = left + at * step
            body.append(_word(x, _HEIGHT - 10, mark.label, anchor))
            if place is not None:
                body.append(_word(x, max(place[1] - 8, 12), mark.text, anchor))
    return _frame(name, title, _description(marks), _HEIGHT, body)
