"""A report as one page of HTML: a chart and a table for each part, nothing that runs, fit to be printed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

import attrs

__all__ = ["Part", "page"]

_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"
"""Whatever a text of a record says, the page loads nothing and runs nothing."""

_STYLE: Final = """
:root { color-scheme: light dark; --ink: #1c1e21; --quiet: #5c6370; --line: #d8dbe0; --paper: #fff;
  --mark: #2f6f62; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e7e9ec; --quiet: #a2a9b4; --line: #3a3f47; --paper: #16181b; --mark: #6fbfae; }
}
body { font: 15px/1.5 system-ui, "Noto Sans SC", "Microsoft YaHei", sans-serif; color: var(--ink);
  background: var(--paper); max-width: 52rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin: 0 0 .3rem; } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
.quiet, caption { color: var(--quiet); font-size: .87rem; text-align: left; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; }
td.number, th.number { text-align: right; }
figure { margin: .5rem 0; } svg { width: 100%; height: auto; } .word { fill: var(--ink); }
.bar, .dot { fill: var(--mark); } .line { stroke: var(--mark); }
.axis { stroke: var(--line); }
section { break-inside: avoid; }
@media print { :root { --ink: #000; --quiet: #444; --line: #bbb; --paper: #fff; --mark: #2f6f62; }
  body { margin: 0; max-width: none; } }
"""


@attrs.frozen
class Part:
    """One part of a report.

    Attributes:
        title: its heading.
        chart: SVG, made by ``muniment.charts``; empty for none.
        header: of the table.
        rows: its cells as text.
        numbers: places of the columns that hold numbers.
        notes: sentences under it: method, inputs, confidence, what is withheld.
    """

    title: str
    chart: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: frozenset[int] = frozenset()
    notes: Sequence[str] = ()


def page(title: str, about: Mapping[str, str], parts: Sequence[Part], *, lang: str) -> str:
    """The report.

    Args:
        title: of the page.
        about: who made it when, why and from what: names and texts.
        parts: in order.
        lang: ``en`` or ``zh``.
    """
    told = " · ".join(f"{escape(name)}: {escape(text)}" for name, text in about.items())
    language = "zh-CN" if lang == "zh" else "en"
    return (
        f'<!doctype html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f'<h1>{escape(title)}</h1>\n<p class="quiet">{told}</p>\n'
        + "\n".join(_section(part) for part in parts)
        + "\n</body>\n</html>\n"
    )


def _section(part: Part) -> str:
    def cells(row: Sequence[str], tag: str, more: str = "") -> str:
        made = []
        for place, text in enumerate(row):
            right = ' class="number"' if place in part.numbers else ""
            made.append(f"<{tag}{more}{right}>{escape(text)}</{tag}>")
        return "<tr>" + "".join(made) + "</tr>"

    head = cells(part.header, "th", ' scope="col"')
    body = "".join(cells(row, "td") for row in part.rows)
    notes = "".join(f'<p class="quiet">{escape(note)}</p>' for note in part.notes)
    return (
        f"<section>\n<h2>{escape(part.title)}</h2>\n{part.chart}\n"
        f"<table><thead>{head}</thead><tbody>{body}</tbody></table>\n{notes}</section>"
    )
