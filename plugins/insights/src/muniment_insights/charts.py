"""Bar and line charts as SVG, in the colours of the page they stand in; a table says the same beside."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

__all__ = ["bars", "lines"]

_WIDTH: Final = 640
_ROW: Final = 26
_LEFT: Final = 200
_RIGHT: Final = 90
_TALL: Final = 220


def bars(title: str, rows: Sequence[tuple[str, float, str]]) -> str:
    """Horizontal bars, one a row, with the value as text at its end.

    Args:
        title: for readers who do not see the picture.
        rows: name, length and text of each; lengths below zero are drawn as none.
    """
    longest = max((length for _, length, _ in rows), default=0.0)
    room = _WIDTH - _LEFT - _RIGHT
    parts = []
    for place, (name, length, text) in enumerate(rows):
        top = place * _ROW + 6
        wide = room * max(length, 0.0) / longest if longest > 0 else 0.0
        parts.append(
            f'<text x="{_LEFT - 8}" y="{top + 13}" text-anchor="end">{escape(_cut(name))}</text>'
            f'<rect x="{_LEFT}" y="{top}" width="{wide:.1f}" height="18" class="bar"/>'
            f'<text x="{_LEFT + wide + 6:.1f}" y="{top + 13}">{escape(text)}</text>'
        )
    return _picture(title, len(rows) * _ROW + 8, "".join(parts))


def lines(title: str, points: Sequence[tuple[str, float | None, str]]) -> str:
    """A line through points in order; one without a value leaves a gap.

    Args:
        title: for readers who do not see the picture.
        points: name, height and text of each.
    """
    heights = [height for _, height, _ in points if height is not None]
    low, high = min([0.0, *heights]), max([0.0, *heights])
    span, step = (high - low) or 1.0, (_WIDTH - 80) / max(len(points) - 1, 1)

    def place(number: int, height: float) -> tuple[float, float]:
        return 40 + number * step, 20 + (_TALL - 60) * (1 - (height - low) / span)

    parts: list[str] = []
    run: list[tuple[float, float]] = []
    for number, (name, height, text) in enumerate(points):
        if height is None:
            parts.append(_line(run))
            run = []
        else:
            across, down = place(number, height)
            run.append((across, down))
            parts.append(
                f'<circle cx="{across:.1f}" cy="{down:.1f}" r="3" class="dot">'
                f"<title>{escape(name)}: {escape(text)}</title></circle>"
            )
        # Where there are many, every few are named.
        if number % max(len(points) // 8, 1) == 0:
            across = 40 + number * step
            parts.append(
                f'<text x="{across:.1f}" y="{_TALL - 12}" text-anchor="middle">{escape(name)}</text>'
            )
    base = 20 + (_TALL - 60) * (1 - (0.0 - low) / span)
    axis = f'<line x1="40" y1="{base:.1f}" x2="{_WIDTH - 40}" y2="{base:.1f}" class="axis"/>'
    return _picture(title, _TALL, axis + "".join([*parts, _line(run)]))


def _line(points: Sequence[tuple[float, float]]) -> str:
    if len(points) < 2:
        return ""
    listed = " ".join(f"{across:.1f},{down:.1f}" for across, down in points)
    return f'<polyline points="{listed}" class="line"/>'


def _cut(name: str) -> str:
    # A Chinese character is about twice as wide as a Latin letter.
    used, kept = 0, list[str]()
    for sign in name:
        used += 2 if ord(sign) > 0x2E7F else 1
        if used > 28:
            return "".join(kept) + "…"
        kept.append(sign)
    return name


def _picture(title: str, height: int, inside: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" '
        f'height="{height}" role="img" aria-label="{escape(title, quote=True)}">{inside}</svg>'
    )
