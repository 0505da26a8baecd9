"""The text of a value in an export, so written that an import reads the same value; pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from muniment.exports.columns import Column
from muniment.exports.guards import protect
from muniment.model import Money
from muniment.schema.kinds import KINDS, FieldKind

__all__ = ["csv_line", "number_text", "plain_text", "texts"]

# One to three digits, a point and three digits: in half the world that is a whole number.
_TWO_READINGS = re.compile(r"-?[1-9][0-9]{0,2}\.[0-9]{3}")


def number_text(value: Decimal | int) -> str:
    """A number in digits, with a point before the decimals.

    One that could also be read as thousands (1.234) gets a zero behind it (1.2340),
    which is the same number and has one reading.
    """
    text = format(value, "f") if isinstance(value, Decimal) else str(value)
    return text + "0" if _TWO_READINGS.fullmatch(text) else text


def plain_text(column: Column, kinds: Mapping[str, FieldKind] = KINDS) -> Callable[[Any], str]:
    """How the values of one column become text, before any protection.

    Args:
        column: the column.
        kinds: the kinds that are known; a value of another kind is shown as it is.
    """
    field = column.field
    if column.part == "amount":
        return lambda value: number_text(value.amount) if isinstance(value, Money) else str(value)
    if column.part == "currency":
        return lambda value: value.currency if isinstance(value, Money) else ""
    if field is None or column.part == "masked":
        return str
    if field.kind in ("integer", "decimal"):
        return number_text
    if field.kind == "checkbox" and not column.lang:
        return lambda value: "true" if value else "false"
    kind = kinds.get(field.kind)
    if kind is None:
        return str
    named = field if column.lang else None
    return lambda value: kind.format(value, column.lang or "en", named)


def texts(column: Column, kinds: Mapping[str, FieldKind] = KINDS) -> Callable[[Any], str]:
    """How the values of one column become cells of a CSV file.

    A negative number of a number field stands bare: a sign and digits are a constant and
    no formula. Every other text is protected.
    """
    plain = plain_text(column, kinds)
    if column.part == "amount" or (column.field is not None and column.field.kind in ("integer", "decimal")):
        return lambda value: _bare(plain(value))
    return lambda value: protect(plain(value))


_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")


def _bare(text: str) -> str:
    return text if _NUMBER.fullmatch(text) else protect(text)


# Also what a program set to another separator would cut at, and what it might strip.
_QUOTED = re.compile("""[,;\t|"'\r\n]|^\\s|\\s$""")


def csv_line(cells: list[str]) -> str:
    """One row of a CSV file (RFC 4180), with its end."""
    line = ",".join('"' + cell.replace('"', '""') + '"' if _QUOTED.search(cell) else cell for cell in cells)
    return (line or '""') + "\r\n"
