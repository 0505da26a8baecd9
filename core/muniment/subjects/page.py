"""A report to a person as one page of HTML, in English or Chinese; it loads nothing from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from typing import Any, Final

__all__ = ["report_page"]

_HEADS: Final = {
    "time": "page_time",
    "kind": "page_kind",
    "program": "page_program",
    "purpose": "page_purpose",
    "state": "page_state",
    "given": "page_given",
    "until": "page_until",
    "recipient": "page_recipient",
    "type": "page_type",
    "fields": "page_fields",
    "actor": "page_actor",
    "scope": "page_scope",
    "record": "page_record",
    "basis": "page_basis",
}
"""The text over each column, by what stands in it."""

_TABLES: Final = (
    ("page_sources", "sources", "", ("time", "kind", "program")),
    ("page_consents", "consents", "consent", ("purpose", "state", "given", "until")),
    ("page_restrictions", "restrictions", "restriction", ("state", "scope", "record", "basis")),
    ("page_disclosures", "disclosures", "", ("time", "recipient", "purpose", "type")),
    ("page_accesses", "accesses", "", ("time", "kind", "purpose", "type", "fields", "actor")),
)
"""The tables: title, member of the report, the built-in type whose choices they hold, and columns."""

_TIME: Final = re.compile(r"(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}:\d{2})\S*")
_PERIOD: Final = re.compile(r"(\d+)([YMD])")
_UNITS: Final = {"Y": "page_years", "M": "page_months", "D": "page_days"}
_MOST_FIELDS: Final = 12
"""So many fields are named; the report as JSON names all."""

_STYLE: Final = (
    'body{font:15px/1.5 system-ui,"Noto Sans SC",sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;'
    "color:#1a1a1a}h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem;border-bottom:1px solid #ccc}"
    "table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.3rem .6rem .3rem 0;"
    "vertical-align:top;border-bottom:1px solid #eee}th{font-weight:600;white-space:nowrap}"
    "td.time{white-space:nowrap}"
    "@media print{body{margin:0;font-size:10.5pt;max-width:none}h2,h3{break-after:avoid}"
    "tr{break-inside:avoid}thead{display:table-header-group}}"
)

_Say = Callable[[str], str]
_Labels = Mapping[str, Mapping[str, str]]


def _row(cells: Iterable[str], tag: str = "td") -> str:
    made = []
    for cell in cells:
        mark = ' class="time"' if tag == "td" and re.fullmatch(r"[\d :-]{19}", cell) else ""
        made.append(f"<{tag}{mark}>{escape(cell)}</{tag}>")
    return "<tr>" + "".join(made) + "</tr>"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    body = "".join(_row(row) for row in rows)
    return f"<table><thead>{_row(head, 'th')}</thead><tbody>{body}</tbody></table>"


def report_page(document: Mapping[str, Any], say: _Say, labels: _Labels, lang: str) -> str:
    """The page.

    Args:
        document: the report as JSON.
        say: a text of the catalogue, without its area.
        labels: what people call the fields, by type and field, and choices, by ``field=choice``; of the
            empty type what they call purposes and kinds of entry.
        lang: ``en`` or ``zh``.

    Returns:
        HTML; every value in it is escaped, and it loads nothing.
    """
    parts = [
        f"<h1>{escape(say('page_title'))}</h1>",
        f"<p>{escape(say('page_subject'))}: {escape(document['subject'])}<br>"
        f"{escape(say('page_made'))}: {escape(_when(document['made']))} UTC</p>",
    ]
    if document.get("merged"):
        parts.append(f"<p>{escape(say('page_merged'))}: {escape(', '.join(document['merged']))}</p>")
    parts.append(f"<h2>{escape(say('page_data'))}</h2>")
    for record in document["records"]:
        names = labels.get(record["type"], {})
        parts.append(f"<h3>{escape(names.get('', record['type']))}</h3>")
        rows = [(names.get(key, key), _value(key, value, names)) for key, value in record["fields"].items()]
        parts.append(_table((say("page_field"), say("page_value")), rows))
    for title, member, builtin, columns in _TABLES:
        parts.append(f"<h2>{escape(say(title))}</h2>")
        parts.append(_member(document[member], builtin, columns, say, labels, lang))
    purposes = labels.get("", {})
    counted = [(purposes.get(name, name), str(count)) for name, count in document["purposes"].items()]
    parts.append(f"<h2>{escape(say('page_purposes'))}</h2>")
    parts.append(_table((say("page_purpose"), say("page_count")), counted))
    parts.append(f"<h2>{escape(say('page_retention'))}</h2>")
    rules = [
        (labels.get(name, {}).get("", name), rule.get("about", "") or rule.get("category", ""),
         _kept(rule, say), rule.get("source", ""))
        for name, listed in document["retention"].items()
        for rule in listed
    ]  # fmt: skip
    heads = [say(one) for one in ("page_type", "page_about", "page_kept", "page_law")]
    parts.append(_table(heads, rules) if rules else f"<p>{escape(say('page_none'))}</p>")
    parts.append(f"<p>{escape(say('page_rights'))}</p>")
    body = "\n".join(parts)
    return (
        f'<!doctype html>\n<html lang="{"zh-CN" if lang == "zh" else "en"}"><head><meta charset="utf-8">'
        f"<title>{escape(say('page_title'))}</title><style>{_STYLE}</style></head><body>\n{body}\n</body></html>\n"
    )


def _member(
    rows: Sequence[Mapping[str, Any]],
    builtin: str,
    columns: Sequence[str],
    say: _Say,
    labels: _Labels,
    lang: str,
) -> str:
    """One table of the report, in words."""
    if not rows:
        return f"<p>{escape(say('page_none'))}</p>"
    held = [name for name in columns if any(row.get(name) for row in rows)]
    choices, words = labels.get(builtin, {}) if builtin else {}, labels.get("", {})

    def cell(row: Mapping[str, Any], name: str) -> str:
        value = row.get(name, "")
        if name == "fields":
            return _fields(value or (), labels.get(str(row.get("type", "")), {}), lang)
        if name == "type":
            return labels.get(str(value), {}).get("", str(value))
        if name == "kind" and value in ("entry", "import"):
            return say("page_import" if value == "import" else "page_entry")
        if name == "recipient" and value == "myself":
            return say("page_myself")
        text = _when(_shown(value))
        return choices.get(f"{name}={text}", words.get(text, text))

    return _table([say(_HEADS[name]) for name in held], [[cell(row, name) for name in held] for row in rows])


def _fields(keys: Sequence[str], names: Mapping[str, str], lang: str) -> str:
    shown = [names.get(key, key) for key in keys[:_MOST_FIELDS]]
    more = len(keys) - len(shown)
    text = ("、" if lang == "zh" else ", ").join(shown)
    return f"{text} … +{more}" if more else text


def _value(key: str, value: Any, names: Mapping[str, str]) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(_value(key, one, names) for one in value)
    text = _shown(value)
    return names.get(f"{key}={text}", text)


def _shown(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(_shown(one) for one in value)
    if isinstance(value, Mapping):
        return " ".join(_shown(one) for one in value.values())
    return "" if value is None else str(value)


def _when(text: str) -> str:
    """A time to the second, for reading; anything else as it is."""
    found = _TIME.fullmatch(text)
    return f"{found[1]} {found[2]}" if found else text


def _kept(rule: Mapping[str, str], say: _Say) -> str:
    """How long a rule keeps something, in words."""
    found = []
    for name, words in (("minimum", "page_at_least"), ("maximum", "page_at_most")):
        period = rule.get(name, "")
        if period == "PERMANENT":
            found.append(say("page_for_ever"))
        elif period:
            length = " ".join(f"{count} {say(_UNITS[unit])}" for count, unit in _PERIOD.findall(period))
            found.append(f"{say(words)} {length}".strip())
    return ", ".join(found) or say("page_no_number")
