"""Values as cells of a workbook: typed where the program keeps them exactly, else as text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from muniment.exports.cells import plain_text
from muniment.exports.columns import Column
from muniment.exports.workbook import Workbook
from muniment.model import Money
from muniment.schema.fields import Choice
from muniment.schema.kinds import KINDS, FieldKind

__all__ = ["decorate", "label_of", "width_of", "writer"]

_WIDTHS = {
    "long text": 50, "integer": 10, "decimal": 14, "money": 14, "date": 12, "datetime": 28, "checkbox": 9,
    "choice": 16, "e-mail": 28, "phone": 20, "URL": 32, "identifier": 18, "reference": 38,
}  # fmt: skip
# Spreadsheet programs know no day before 1900 and one too many in that year.
_FIRST_DAY = date(1900, 3, 1)


def writer(
    book: Workbook, place: int, column: Column, kinds: Mapping[str, FieldKind] = KINDS
) -> Callable[[int, Any], None]:
    """How the values of one column are written: typed where the program keeps them exactly, else as text.

    Args:
        book: the workbook.
        place: the column's, from 0.
        column: what it holds.
        kinds: the kinds that are known.
    """
    plain = plain_text(column, kinds)
    text_format = book.format(num_format="@", valign="top", **_emphasis(column), **_wrapped(column))

    def text(row: int, value: Any) -> None:
        book.text(row, place, plain(value), text_format)

    def number(row: int, value: Any) -> None:
        amount = value.amount if isinstance(value, Money) else value
        if not isinstance(amount, (int, Decimal)) or not _kept(amount):
            return text(row, value)
        places = -int(amount.as_tuple().exponent) if isinstance(amount, Decimal) else 0
        digits = "0." + "0" * places if places > 0 else "0"
        book.put(row, place, float(amount), book.format(num_format=digits, valign="top"))
        return None

    def day(row: int, value: Any) -> None:
        if type(value) is date and value >= _FIRST_DAY:
            book.put(row, place, value, book.format(num_format="yyyy-mm-dd", valign="top"))
        else:
            text(row, value)

    def tick(row: int, value: Any) -> None:
        if isinstance(value, bool):
            book.put(row, place, value, book.format(valign="top"))
        else:
            text(row, value)

    kind = column.field.kind if column.field is not None and column.part in ("value", "amount") else ""
    typed = {"integer": number, "decimal": number, "money": number, "date": day, "checkbox": tick}
    return typed.get(kind, text)


def _kept(amount: int | Decimal) -> bool:
    """Whether a spreadsheet program keeps the number as it is: it counts with 15 digits."""
    if isinstance(amount, int):
        return abs(amount) < 10**15
    shape = amount.as_tuple()
    return len(shape.digits) <= 15 and -15 <= int(shape.exponent) <= 0 and abs(amount) < 10**15


def _emphasis(column: Column) -> dict[str, Any]:
    how = column.field.emphasis if column.field is not None else ""
    if how in ("title", "strong"):
        return {"bold": True}
    return {"font_color": "#6B6B6B"} if how == "quiet" else {}


def _wrapped(column: Column) -> dict[str, Any]:
    return {"text_wrap": True} if column.field is not None and column.field.kind == "long text" else {}


def width_of(column: Column) -> float:
    """How wide a column is, in characters."""
    field = column.field
    if column.part == "currency":
        return 10
    if field is None:
        return 38
    return field.width or _WIDTHS.get(field.kind, 24)


def label_of(choice: Choice, lang: str) -> str:
    """What a column of choices shows for one."""
    return (choice.label.of(lang) if lang else "") or choice.key


def decorate(book: Workbook, place: int, column: Column, columns: Sequence[Column]) -> None:
    """Offer the choices of a column, and colour what its field's rules name.

    Args:
        book: the workbook.
        place: the column's, from 0.
        column: what it holds.
        columns: all of the sheet, for rules that look at another one.
    """
    field = column.field
    if field is None or column.part not in ("value", "amount"):
        return
    if field.kind == "choice":
        book.choices(place, [label_of(choice, column.lang) for choice in field.choices if not choice.retired])
    for rule in field.highlight:
        only = _condition(rule.where, columns)
        if only is not None or not rule.where:
            book.highlight(place, rule, _operand(column, rule.value), only=only)


def _condition(where: str, columns: Sequence[Column]) -> tuple[int, str] | None:
    """The column that a rule looks at and the text it must show; None where the sheet lacks it."""
    key, _, choice = where.partition("=")
    for place, column in enumerate(columns):
        field = column.field
        if column.part == "value" and field is not None and key in (field.key, *field.former_keys):
            return place, str(_operand(column, choice))
    return None


def _operand(column: Column, text: str) -> str | float | None:
    field = column.field
    if field is None or not text:
        return None
    if field.kind in ("choice", "several choices"):
        return next((label_of(choice, column.lang) for choice in field.choices if choice.key == text), text)
    try:
        return float(text)
    except ValueError:
        return text
