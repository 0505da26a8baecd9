"""A report to a person as one page of HTML, in English or Chinese; it loads nothing from elsewhere."""

from __future__ import annotations

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
    "scope": "page_scope",
    "record": "page_record",
    "basis": "page_basis",
    "recipient": "page_recipient",
    "type": "page_type",
    "fields": "page_fields",
    "actor": "page_actor",
}
"""The text over each column, by what stands in it."""

_STYLE: Final = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a}"
    "h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem;border-bottom:1px solid #ccc}"
    "table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.3rem .6rem .3rem 0;"
    "vertical-align:top;border-bottom:1px solid #eee}th{font-weight:600}"
    "@media print{body{margin:0}h2{break-after:avoid}tr{break-inside:avoid}}"
)


def _row(cells: Iterable[str], tag: str = "td") -> str:
    return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    body = "".join(_row(row) for row in rows)
    return f"<table><thead>{_row(head, 'th')}</thead><tbody>{body}</tbody></table>"


def report_page(
    document: Mapping[str, Any], say: Callable[[str], str], labels: Mapping[str, Mapping[str, str]], lang: str
) -> str:
    """The page.

    Args:
        document: the report as JSON.
        say: a text of the catalogue, without its area.
        labels: what people call the fields, by type and field.
        lang: ``en`` or ``zh``.

    Returns:
        HTML; every value in it is escaped, and it loads nothing.
    """
    parts = [
        f"<h1>{escape(say('page_title'))}</h1>",
        f"<p>{escape(say('page_subject'))}: {escape(document['subject'])}<br>"
        f"{escape(say('page_made'))}: {escape(document['made'][:19])} UTC</p>",
        f"<h2>{escape(say('page_data'))}</h2>",
    ]
    for record in document["records"]:
        names = labels.get(record["type"], {})
        parts.append(f"<h3>{escape(names.get('', record['type']))}</h3>")
        fields = record["fields"].items()
        parts.append(
            _table(
                (say("page_field"), say("page_value")),
                [(names.get(key, key), _shown(value)) for key, value in fields],
            )
        )
    for title, member, columns in (
        ("page_sources", "sources", ("time", "kind", "program")),
        ("page_consents", "consents", ("purpose", "state", "given", "until")),
        ("page_restrictions", "restrictions", ("state", "scope", "record", "basis")),
        ("page_disclosures", "disclosures", ("time", "recipient", "purpose", "type")),
        ("page_accesses", "accesses", ("time", "kind", "purpose", "type", "fields", "actor")),
    ):
        rows = document[member]
        held = [name for name in columns if any(name in row for row in rows)]
        parts.append(f"<h2>{escape(say(title))}</h2>")
        if rows:
            listed = [[_shown(row.get(name, "")) for name in held] for row in rows]
            parts.append(_table([say(_HEADS[name]) for name in held], listed))
        else:
            parts.append(f"<p>{escape(say('page_none'))}</p>")
    purposes = document["purposes"].items()
    parts.append(f"<h2>{escape(say('page_purposes'))}</h2>")
    parts.append(
        _table((say("page_purpose"), say("page_count")), [(name, str(count)) for name, count in purposes])
    )
    parts.append(f"<h2>{escape(say('page_retention'))}</h2>")
    rules = [
        (labels.get(name, {}).get("", name), _rule(rule))
        for name, listed in document["retention"].items()
        for rule in listed
    ]
    parts.append(
        _table((say("page_type"), say("page_rule")), rules) if rules else f"<p>{escape(say('page_none'))}</p>"
    )
    parts.append(f"<p>{escape(say('page_rights'))}</p>")
    body = "\n".join(parts)
    return (
        f'<!doctype html>\n<html lang="{"zh-CN" if lang == "zh" else "en"}"><head><meta charset="utf-8">'
        f"<title>{escape(say('page_title'))}</title><style>{_STYLE}</style></head><body>\n{body}\n</body></html>\n"
    )


def _shown(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(_shown(one) for one in value)
    if isinstance(value, Mapping):
        return " ".join(_shown(one) for one in value.values())
    return "" if value is None else str(value)


def _rule(rule: Mapping[str, str]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in rule.items())
