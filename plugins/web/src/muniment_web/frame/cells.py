"""Values as markup: the cells of a table, made column by column, and read-only fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from markupsafe import Markup, escape

from muniment.model import FileRef, Money, Value
from muniment.plugins import Drawn
from muniment.schema import Context, Field, FieldKind
from muniment.schema.fields import Highlight
from muniment.schema.values import ValueProblem
from muniment.session.kernel.views import Record
from muniment_web.server.format import escaped
from muniment_web.server.plugged import Draw
from muniment_web.server.texts import Say

__all__ = ["Column", "column_of", "rows_of", "shown"]

Column = Callable[[Sequence[Record]], list[str]]
"""Gives the ``td`` of each of some records."""

_NUMERIC: Final = frozenset({"integer", "decimal", "money"})
_LINKED: Final = frozenset({"choice", "reference", "URL"})


def column_of(
    field: Field,
    kind: FieldKind | None,
    say: Say,
    context: Context,
    *,
    revealable: bool,
    titles: Mapping[str, str],
    link: str = "",
    draw: Draw | None = None,
) -> Column:
    """The function that makes the cells of one column.

    Args:
        field: the column.
        kind: of the field; None where its plugin is gone.
        say: texts.
        context: today, for rules that look at days.
        revealable: whether a mask can be lifted.
        titles: what records that are referred to go by, by identifier.
        link: where the cell leads, up to the record's identifier; empty for nowhere.
        draw: a plugin's way to show the value; None for ours.
    """
    key, lang = field.key, say.lang
    rules = tuple(_rule(one, field, kind, context) for one in field.highlight)
    classes = " n" if field.kind in _NUMERIC else ""
    classes += f" {field.emphasis}" if field.emphasis in ("strong", "quiet") else ""
    plain = f'<td class="{classes[1:]}" data-f="{key}">' if classes else f'<td data-f="{key}">'
    erased = f'<span class="chip grey">{escape(say("common.erased"))}</span>'
    untitled = escape(say("common.untitled"))
    before, behind = f'<td class="m" data-f="{key}"><span class="mk">', "</span></td>"
    if revealable:
        hint = escape(say("reveal.of", field=field.label.of(lang) or key))
        before = (
            f'<td class="m" data-f="{key}"><button type="button" class="rv" tabindex="-1" title="{hint}">'
        )
        behind = "</button></td>"
    written = _written(field, kind, say, titles, draw)

    def column(records: Sequence[Record]) -> list[str]:
        made = []
        for record in records:
            value = record.fields.get(key)
            if key in record.masked:
                made.append(f"{before}{escaped(str(value))}{behind}")
                continue
            body = "" if value is None else written(value)
            if key in record.erased:
                body = erased
            if link:
                body = f'<a href="{link}{record.id}">{body or untitled}</a>'
            colour = _colour(rules, record, value) if rules else ""
            if colour:
                made.append(f'<td class="hl-{colour}{classes}" data-f="{key}">{body}</td>')
            else:
                made.append(f"{plain}{body}</td>")
        return made

    return column


def rows_of(columns: Sequence[Column], records: Sequence[Record]) -> list[str]:
    """The cells of each record, in the order of the columns."""
    if not columns:
        return [""] * len(records)
    return ["".join(row) for row in zip(*[column(records) for column in columns], strict=True)]


def _written(
    field: Field, kind: FieldKind | None, say: Say, titles: Mapping[str, str], draw: Draw | None
) -> Callable[[Any], str]:
    """What makes the markup of one column's values: what a page holds a hundred times takes the short way."""
    lang = say.lang
    made: dict[str, str] = {}

    def once(value: Any) -> str:
        # Many records name the same few choices and records.
        if not isinstance(value, str):
            return shown(value, field, kind, say, titles)
        found = made.get(value)
        if found is None:
            found = made[value] = shown(value, field, kind, say, titles)
        return found

    def text(value: Any) -> str:
        if kind is not None and isinstance(value, str):
            return escaped(kind.show(value, lang, field))
        return shown(value, field, kind, say, titles)

    usual = once if kind is None or field.kind in _LINKED else text
    if draw is None:
        return usual

    def drawn(value: Any) -> str:
        found = draw(value, lang)
        return usual(value) if found is None else _drawn(found)

    return drawn


def _drawn(one: Drawn) -> str:
    text = escape(one.text)
    return f'<span class="chip {one.tone}">{text}</span>' if one.tone else str(text)


def shown(value: Value, field: Field, kind: FieldKind | None, say: Say, titles: Mapping[str, str]) -> str:
    """A value as markup."""
    lang = say.lang
    if isinstance(value, bool):
        return str(escape(say("common.yes" if value else "common.no")))
    if field.kind == "choice":
        return _choice(str(value), field, lang)
    if isinstance(value, tuple):
        return " ".join(_several(one, field, lang) for one in value)
    if isinstance(value, Money):
        return f"{value.amount:,f} {escape(value.currency)}"
    if isinstance(value, (int, Decimal)):
        return f"{value:,}" if isinstance(value, int) else f"{value:,f}"
    if isinstance(value, datetime):
        return str(escape(value.strftime("%Y-%m-%d %H:%M")))
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, UUID) or field.kind == "reference":
        text = titles.get(str(value), "")
        label = escape(text or f"{str(value)[:8]}…")
        if field.target == "user":
            # Users have a page of their own, for those who change them.
            return f'<span data-ref="{escape(str(value))}">{label}</span>'
        return f'<a href="/t/{field.target}/{escape(str(value))}">{label}</a>'
    if isinstance(value, FileRef):
        return str(escape(value.name))
    if field.kind == "URL" and str(value).startswith(("http://", "https://")):
        address = escape(str(value))
        return f'<a href="{address}" rel="noreferrer noopener" target="_blank">{address}</a>'
    return str(escape(str(value) if kind is None else kind.format(value, lang, field)))


def _several(one: str, field: Field, lang: str) -> str:
    """One of several, in a chip also where nobody listed it: one would not see where it ends."""
    if any(choice.key == one for choice in field.choices):
        return _choice(one, field, lang)
    return f'<span class="chip plain">{escape(one)}</span>'


def _choice(key: str, field: Field, lang: str) -> str:
    for choice in field.choices:
        if choice.key == key:
            label = escape(choice.label.of(lang) or key)
            return f'<span class="chip {choice.colour or "plain"}">{label}</span>'
    return str(escape(key))


_Rule = tuple[Callable[[Any], bool], str, str, str]


def _rule(rule: Highlight, field: Field, kind: FieldKind | None, context: Context) -> _Rule:
    key, _, choice = rule.where.partition("=")
    return _test(rule, field, kind, context), rule.colour, key, choice


def _test(rule: Highlight, field: Field, kind: FieldKind | None, context: Context) -> Callable[[Any], bool]:
    today = context.today
    if rule.test == "empty":
        return lambda value: value is None
    if rule.test == "past":
        return lambda value: value is not None and _day(value) < today
    if rule.test == "within_days":
        last = today + timedelta(days=int(rule.value))
        return lambda value: value is not None and today <= _day(value) <= last
    try:
        wanted = None if kind is None else kind.parse(rule.value, field, context)
    except ValueProblem:
        wanted = None
    if wanted is None or kind is None:
        return lambda value: False
    if rule.test == "is":
        return lambda value: value == wanted or (isinstance(value, tuple) and wanted in value)
    bound = _amount(wanted)
    if rule.test == "below":
        return lambda value: value is not None and _amount(value) < bound
    return lambda value: value is not None and _amount(value) > bound


def _amount(value: Any) -> Any:
    return value.amount if isinstance(value, Money) else value


def _day(value: Any) -> date:
    return value.date() if isinstance(value, datetime) else value


def _colour(rules: tuple[_Rule, ...], record: Record, value: Value) -> str:
    for test, colour, key, choice in rules:
        if key and record.fields.get(key) != choice:
            continue
        if test(value):
            return colour
    return ""


def markup(value: Value, field: Field, kind: FieldKind | None, say: Say, titles: Mapping[str, str]) -> Markup:
    """A value as markup for a template."""
    return Markup(shown(value, field, kind, say, titles))
