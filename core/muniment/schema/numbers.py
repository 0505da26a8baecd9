"""Parsers for integers, decimals and money: exact, never a float, never a guess; pure."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Any
from unicodedata import normalize

from muniment.model import Money, Value
from muniment.schema.currencies import currency
from muniment.schema.fields import Field
from muniment.schema.values import Context, Parser, ValueProblem

__all__ = ["prepare_decimal", "prepare_integer", "prepare_money", "read_number"]

_DIGITS = 38
_PLAIN = re.compile(r"([+-]?)([0-9]*)(?:([.,])([0-9]+))?")
# One mark throughout for thousands, then perhaps another one for the decimals.
_GROUPED = re.compile(r"([+-]?)([0-9]{1,3}(?:([., '])[0-9]{3})(?:\3[0-9]{3})*)(?:(?!\3)([.,])([0-9]+))?")
_TRANSLATE = str.maketrans({"−": "-", "–": "-", "’": "'", "。": "."})


def read_number(text: str, mark: str = "") -> Decimal:
    """A number as people write it, with full-width digits and marks for thousands.

    Args:
        text: such as ``1,234.50``, ``1.234,50`` or ``1 234``.
        mark: the decimal mark where the text alone could be read both ways.

    Raises:
        ValueProblem: ``value.number``, ``value.ambiguous`` or ``value.digits``.
    """
    if len(text) > 100:
        raise ValueProblem("value.number")
    text = normalize("NFKC", text.strip()).translate(_TRANSLATE).strip()
    plain = _PLAIN.fullmatch(text)
    grouped = _GROUPED.fullmatch(text)
    # One mark before exactly three digits is both: thousands, or decimals.
    both = plain and grouped and grouped[3] in (".", ",") and not grouped[2].startswith("0")
    if both and not mark:
        raise ValueProblem("value.ambiguous")
    if plain and (plain[2] or plain[4]) and (not mark or plain[3] in (None, mark)):
        sign, whole, places = plain[1], plain[2] or "0", plain[4]
    elif grouped and grouped[2][0] != "0" and mark != grouped[3] and mark in ("", grouped[4] or mark):
        sign, whole, places = grouped[1], grouped[2].replace(grouped[3], ""), grouped[5]
    else:
        raise ValueProblem("value.number")
    return exact(Decimal(f"{sign}{whole}.{places}" if places else f"{sign}{whole}"))


def exact(value: Decimal) -> Decimal:
    """A finite decimal without exponent and without a negative zero.

    Raises:
        ValueProblem: ``value.number`` or ``value.digits``.
    """
    if not value.is_finite():
        raise ValueProblem("value.number")
    places = value.as_tuple()
    exponent = int(places.exponent)
    if max(len(places.digits) + max(exponent, 0), -exponent) > _DIGITS:
        raise ValueProblem("value.digits", maximum=_DIGITS)
    if exponent > 0:
        value = Decimal(format(value, "f"))
    return value if value else abs(value)


# What cannot be read in two ways: no mark for thousands, no three places after one to three digits.
_CERTAIN = re.compile(r"-?(?:[1-9][0-9]{0,14}|0)(?:\.(?:[0-9]{1,2}|[0-9]{4,15}))?")


def _decimal(raw: object, context: Context) -> Decimal | None:
    if isinstance(raw, str):
        if context.decimal_mark != "," and _CERTAIN.fullmatch(raw):
            value = Decimal(raw)
            return value if value else abs(value)
        return read_number(raw, context.decimal_mark) if raw.strip() else None
    if isinstance(raw, Decimal):
        return exact(raw)
    if isinstance(raw, int) and not isinstance(raw, bool):
        return exact(_whole(raw))
    if isinstance(raw, float):
        # The shortest digits that give this float back are what the person or the sheet meant.
        return exact(Decimal(repr(raw)))
    raise ValueProblem("value.kind", expected="number")


def _whole(raw: int) -> Decimal:
    # Decimal and str of a huge integer are slow or refused; its bits are known at once.
    if raw.bit_length() > 130:
        raise ValueProblem("value.digits", maximum=_DIGITS)
    return Decimal(raw)


def _limit(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _checked(value: Decimal, low: Decimal | None, high: Decimal | None, field: Field) -> None:
    if low is not None and value < low:
        raise ValueProblem("value.below", minimum=field.minimum)
    if high is not None and value > high:
        raise ValueProblem("value.above", maximum=field.maximum)


def prepare_integer(field: Field) -> Parser:
    """A whole number of at most 38 digits."""
    low, high = _limit(field.minimum), _limit(field.maximum)

    def parse(raw: object, context: Context) -> Value:
        if raw.__class__ is str and raw.isascii() and raw.isdigit() and len(raw) < 16:
            whole = int(raw)
        else:
            value = _decimal(raw, context)
            if value is None:
                return None
            if value != value.to_integral_value():
                raise ValueProblem("value.integer")
            whole = int(value)
        if low is not None or high is not None:
            _checked(Decimal(whole), low, high, field)
        return int(whole)

    return parse


def prepare_decimal(field: Field) -> Parser:
    """A decimal number of at most 38 digits, with as many places as were given."""
    low, high = _limit(field.minimum), _limit(field.maximum)

    def parse(raw: object, context: Context) -> Value:
        value = _decimal(raw, context)
        if value is not None:
            _checked(value, low, high, field)
        return value

    return parse


_AMOUNT = re.compile(r"([+-]?)([^0-9.,+-]*)([0-9.,+-](?:[0-9., '’]*[0-9])?)([^0-9.,+-]*)")


def prepare_money(field: Field) -> Parser:
    """An amount in a currency: a code or sign beside it, or the field's, or the context's."""
    low, high = _limit(field.minimum), _limit(field.maximum)

    def parse(raw: object, context: Context) -> Value:
        value = _money(raw, field.currency or context.currency, context)
        if value is not None:
            _checked(value.amount, low, high, field)
        return value

    return parse


def _money(raw: object, default: str, context: Context) -> Money | None:
    if isinstance(raw, Money):
        return Money(exact(raw.amount), currency(raw.currency, default))
    if isinstance(raw, dict) and raw.keys() == {"amount", "currency"}:
        return _money_of(raw["amount"], raw["currency"], default)
    if not isinstance(raw, str):
        amount = _decimal(raw, context)
        return None if amount is None else Money(amount, currency("", default))
    if len(raw) > 100:
        raise ValueProblem("value.number")
    text = normalize("NFKC", raw).translate(_TRANSLATE).strip()
    if not text:
        return None
    parts = _AMOUNT.fullmatch(text)
    if parts is None or (parts[2].strip() and parts[4].strip()):
        raise ValueProblem("value.number")
    amount = read_number(parts[1] + parts[3], context.decimal_mark)
    return Money(amount, currency(parts[2].strip() or parts[4].strip(), default))


def _money_of(amount: Any, name: Any, default: str) -> Money:
    if not isinstance(amount, str) or not isinstance(name, str):
        raise ValueProblem("value.number")
    try:
        return Money(exact(Decimal(amount)), currency(name, default))
    except InvalidOperation:
        raise ValueProblem("value.number") from None
