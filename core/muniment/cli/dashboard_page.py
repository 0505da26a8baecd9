"""A computed dashboard as one page of HTML with charts, each with its table; it loads nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Final

from muniment.cli.values import local_time
from muniment.errors import text_of
from muniment.schema import FieldKind
from muniment.session.tables.charting import (
    cells_of,
    chart_of,
    how_computed,
    label_of,
    marks_of,
    number_of,
)

if TYPE_CHECKING:
    from muniment.schema.dashboards import Tile
    from muniment.session.tables.dashboards import Shown

__all__ = ["dashboard_page"]

_STYLE: Final = (
    "body{font:15px/1.5 system-ui,'Noto Sans SC',sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;"
    "color:#1a1a1a;background:#fff}h1{font-size:1.5rem}h2{font-size:1.05rem;margin:0 0 .4rem}"
    ".tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,30rem),1fr));gap:1rem}"
    ".numbers{grid-template-columns:repeat(auto-fill,minmax(13rem,1fr));margin-bottom:1rem}"
    "section{border:1px solid #d0d7de;border-radius:6px;padding:.8rem 1rem;break-inside:avoid}"
    ".number{font-size:1.7rem;margin:0}.how{color:#57606a;font-size:.85rem;margin:.4rem 0 0}"
    "svg{max-width:100%;height:auto}table{border-collapse:collapse;width:100%;font-size:.9rem}"
    "td,th{text-align:left;padding:.2rem .6rem .2rem 0;border-bottom:1px solid #eee}"
    "@media print{body{margin:0;max-width:none}}"
)


def dashboard_page(shown: Shown, kinds: Mapping[str, FieldKind], lang: str, zone: str) -> str:
    """The page.

    Args:
        shown: what was computed.
        kinds: the kinds of field that the archive knows.
        lang: ``en`` or ``zh``.
        zone: IANA name, for times.
    """

    def say(code: str, **parameters: object) -> str:
        return escape(text_of(code, lang, **parameters)[0])

    dashboard = shown.saved.dashboard
    title = escape(dashboard.label.of(lang) or dashboard.key)
    made = say("figure.made", time=local_time(shown.time_us, zone), login=shown.login)
    single = [tile for tile in dashboard.tiles if tile.key in shown.figures and not tile.by]
    others = [tile for tile in dashboard.tiles if tile not in single]

    def drawn(tiles: Iterable[Tile]) -> str:
        return "".join(_tile(shown, tile, kinds, lang, zone) for tile in tiles)

    return (
        f'<!doctype html><html lang="{"zh-CN" if lang == "zh" else "en"}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{title}</title><style>{_STYLE}</style>'
        f"</head><body><main><h1>{title}</h1><p>{made}</p>"
        f'<div class="tiles numbers">{drawn(single)}</div>'
        f'<div class="tiles">{drawn(others)}</div>'
        "</main></body></html>\n"
    )


def _tile(shown: Shown, tile: Tile, kinds: Mapping[str, FieldKind], lang: str, zone: str) -> str:
    record_type = shown.types[tile.type]
    figure = shown.figures.get(tile.key)
    if figure is None:
        head = [record_type.by_key[key].label.of(lang) for key in tile.columns]
        records = shown.lists[tile.key]
        body = _table(
            head, (cells_of(one, record_type, kinds, tile.columns, shown.names, lang) for one in records)
        )
    elif not tile.by:
        body = f'<p class="number">{escape(number_of(figure, lang))}</p>'
    else:
        head = [text_of("figure.group", lang)[0], text_of("figure.value", lang)[0]]
        body = chart_of(figure, f"c-{tile.key}", lang)
        body += _table(head, ([mark.label, mark.text] for mark in marks_of(figure, lang)))
    how = escape(how_computed(tile, record_type, figure, lang))
    if figure is not None and figure.kept_us is not None:
        how += "<br>" + escape(text_of("figure.kept", lang, time=local_time(figure.kept_us, zone))[0])
    return f'<section><h2>{escape(label_of(tile, lang))}</h2>{body}<p class="how">{how}</p></section>'


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    def row(cells: Sequence[str], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"

    body = "".join(row(cells, "td") for cells in rows)
    return f"<table><thead>{row(head, 'th')}</thead><tbody>{body}</tbody></table>"
