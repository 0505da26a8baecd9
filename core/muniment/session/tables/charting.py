"""Figures as people read them: the words of a tile, its marks, its chart; the same for every screen."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from muniment.charts import Mark, bars, line, shown_number
from muniment.errors import text_of
from muniment.model import rfc3339
from muniment.schema import Condition, Field, FieldKind, RecordType
from muniment.schema.dashboards import Tile
from muniment.session.kernel.views import Record
from muniment.session.tables.figures import Figure, Group

if TYPE_CHECKING:
    from muniment.session.tables.dashboards import Shown

__all__ = ["cells_of", "chart_of", "how_computed", "label_of", "marks_of", "number_of", "shown_document"]


_COMPARED: Final = {"=": "is", "!=": "is_not", "<": "below", "<=": "most", ">": "above", ">=": "not_below"}
_TIMED: Final = {"<": "before", "<=": "latest", ">": "after", ">=": "earliest"}
_DAY: Final = re.compile(r"today\s*(?:([+-])\s*([0-9]{1,5}))?")


def label_of(tile: Tile, lang: str) -> str:
    """What people read over a tile."""
    return tile.label.of(lang) or tile.key


def number_of(figure: Figure, lang: str) -> str:
    """The figure over everything, as people read it."""
    if figure.suppressed:
        return text_of("figure.fewer", lang, least=figure.least)[0]
    return "—" if figure.value is None else shown_number(figure.value, figure.unit)


def _group_text(figure: Figure, group: Group, lang: str) -> str:
    if group.suppressed:
        return text_of("figure.hidden", lang)[0]
    return "—" if group.value is None else shown_number(group.value, figure.unit)


def marks_of(figure: Figure, lang: str) -> list[Mark]:
    """The rows of a tile's table, which are the marks of its chart."""
    return [
        Mark(group.label.of(lang), group.value, _group_text(figure, group, lang)) for group in figure.groups
    ]


def chart_of(figure: Figure, name: str, lang: str) -> str:
    """The tile's chart as SVG; empty where it has one figure alone or nothing to draw.

    Args:
        figure: what it came to.
        name: unique in its page; letters, digits and hyphens.
        lang: ``en`` or ``zh``.
    """
    marks = marks_of(figure, lang)
    if not any(mark.value for mark in marks):
        return ""
    title = label_of(figure.tile, lang)
    return line(name, title, marks) if figure.tile.period else bars(name, title, marks)


def how_computed(tile: Tile, record_type: RecordType, figure: Figure | None, lang: str) -> str:
    """How a figure came about, in a sentence: what is counted, of which records, by what."""

    def field(key: str) -> str:
        found = record_type.by_key.get(key)
        return key if found is None else found.label.of(lang) or key

    def conditions(some: tuple[Condition, ...]) -> str:
        texts = (_condition_text(one, record_type.by_key.get(one.field), lang) for one in some)
        return text_of("figure.and", lang)[0].join(texts)

    parts = [
        text_of(f"figure.{tile.measure}", lang, type=record_type.label.of(lang), field=field(tile.field))[0]
    ]
    if tile.of:
        parts.append(text_of("figure.of", lang, conditions=conditions(tile.of))[0])
    if tile.filters:
        parts.append(text_of("figure.where", lang, conditions=conditions(tile.filters))[0])
    if tile.by:
        parts.append(text_of("figure.by", lang, field=field(tile.by))[0])
    if figure is not None and figure.other_currencies:
        parts.append(text_of("figure.currencies", lang, count=figure.other_currencies, unit=figure.unit)[0])
    if figure is not None and figure.least:
        parts.append(text_of("figure.least", lang, least=figure.least)[0])
    if tile.help.en:
        parts.append(tile.help.of(lang))
    return ("；" if lang == "zh" else "; ").join(parts)


def _condition_text(one: Condition, field: Field | None, lang: str) -> str:
    """A condition as people say it: labels for keys, words for signs, ``today`` and ``me``."""
    name = one.field if field is None else field.label.of(lang) or one.field
    if not one.value:
        return text_of("figure.empty" if one.operator == "=" else "figure.filled", lang, field=name)[0]
    labels = {} if field is None else {each.key: each.label.of(lang) for each in field.choices}
    values = text_of("figure.or", lang)[0].join(
        labels.get(value) or _value_text(value, lang) for value in one.values
    )
    timed = field is not None and field.kind in ("date", "datetime") and one.operator in _TIMED
    word = (_TIMED if timed else _COMPARED)[one.operator]
    return text_of(f"figure.{word}", lang, field=name, value=values)[0]


def _value_text(value: str, lang: str) -> str:
    day = _DAY.fullmatch(value)
    if value == "me":
        return text_of("figure.me", lang)[0]
    if day is None:
        return value
    if day[1] is None:
        return text_of("figure.today", lang)[0]
    return text_of("figure.ahead" if day[1] == "+" else "figure.ago", lang, days=int(day[2]))[0]


def cells_of(
    record: Record,
    record_type: RecordType,
    kinds: Mapping[str, FieldKind],
    columns: tuple[str, ...],
    names: Mapping[str, str],
    lang: str,
) -> list[str]:
    """A listed record as people read it, column by column."""
    cells = []
    for key in columns:
        value, field = record.fields.get(key), record_type.by_key[key]
        if value is None:
            cells.append("")
        elif key in record.masked or field.kind not in kinds:
            cells.append(str(value))
        elif field.kind == "reference":
            cells.append(names.get(str(value), "…"))
        elif isinstance(value, datetime):
            cells.append(value.strftime("%Y-%m-%d %H:%M"))
        else:
            cells.append(kinds[field.kind].format(value, lang, field))
    return cells


def shown_document(shown: Shown) -> dict[str, Any]:
    """A computed dashboard as JSON."""
    dashboard = shown.saved.dashboard
    return {
        "id": shown.saved.id,
        "key": dashboard.key,
        "label": {"en": dashboard.label.en or dashboard.key, "zh": dashboard.label.zh or dashboard.key},
        "time": rfc3339(shown.time_us),
        "tiles": [
            _list_document(tile, shown)
            if tile.key in shown.lists
            else _figure_document(shown.figures[tile.key])
            for tile in dashboard.tiles
        ],
    }


def _plain(value: Decimal | None) -> int | str | None:
    if value is None:
        return None
    return (
        int(value) if value == value.to_integral_value() and abs(value) < 2**53 else f"{value.normalize():f}"
    )


def _head(tile: Tile) -> dict[str, Any]:
    label = {"en": tile.label.en or tile.key, "zh": tile.label.zh or tile.key}
    return {"key": tile.key, "label": label, "type": tile.type, "measure": tile.measure}


def _figure_document(figure: Figure) -> dict[str, Any]:
    document = _head(figure.tile) | {
        "value": _plain(figure.value),
        "count": figure.count,
        "unit": figure.unit or None,
        "suppressed": figure.suppressed,
        "least": figure.least or None,
    }
    if figure.kept_us is not None:
        document["counted"] = rfc3339(figure.kept_us)
    if figure.other_currencies:
        document["other_currencies"] = figure.other_currencies
    if figure.tile.by:
        document["by"] = figure.tile.by
        document["groups"] = [
            {
                "key": group.key or None,
                "label": {"en": group.label.en, "zh": group.label.zh},
                "count": group.count,
                "value": _plain(group.value),
                "suppressed": group.suppressed,
            }
            for group in figure.groups
        ]
    return document


def _list_document(tile: Tile, shown: Shown) -> dict[str, Any]:
    records = shown.lists[tile.key]
    columns = shown.types[tile.type].by_key
    return _head(tile) | {
        "columns": list(tile.columns),
        "records": [
            {
                "id": one.id,
                "fields": {
                    key: _cell(one.fields[key])
                    for key in tile.columns
                    if key in one.fields and key in columns
                },
            }
            for one in records
        ],
    }


def _cell(value: Any) -> Any:
    if isinstance(value, (str, int)):
        return value
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, tuple):
        return [str(one) for one in value]
    if hasattr(value, "currency"):
        return {"amount": f"{value.amount:f}", "currency": value.currency}
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
