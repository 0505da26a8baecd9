"""Numbers of things in shops."""

from __future__ import annotations

import re
from typing import Final

from muniment.schema import Context, FieldKind
from muniment_identifiers._form import text_kind
from muniment_identifiers._stdnum import number as known
from muniment_identifiers._stdnum import refuse, stdnum_kind

__all__ = ["KINDS"]


def _isbn(number: str, context: Context) -> str:
    """ISO 2108: thirteen digits; a number of ten is kept as the thirteen that mean the same."""
    number = number.removeprefix("ISBN")
    if len(number) not in (10, 13):
        refuse("number_length")
    found = known("isbn", number)
    if len(found) == 13:
        return found
    from stdnum import isbn

    return str(isbn.to_isbn13(found))


def _imei(number: str, context: Context) -> str:
    """3GPP TS 23.003, 6.2.1: fifteen digits, the last one by Luhn's formula."""
    if not re.fullmatch("[0-9]*", number):
        refuse("number_form")
    if len(number) != 15:
        # The library takes 14 and 16 digits too; those have no check digit.
        refuse("number_length")
    return known("imei", number)


def _gtin(number: str, context: Context) -> str:
    """GS1 General Specifications, 7.9: 8, 12, 13 or 14 digits, the last one by weights 3 and 1."""
    return known("ean", number)


KINDS: Final[tuple[FieldKind, ...]] = (
    text_kind("gtin", "GTIN", "商品条码（GTIN）", _gtin),
    text_kind("isbn", "ISBN", "国际标准书号（ISBN）", _isbn),
    text_kind("imei", "IMEI", "手机设备识别码（IMEI）", _imei),
    stdnum_kind("issn", "issn", "ISSN", "国际标准连续出版物号（ISSN）"),
    stdnum_kind("ismn", "ismn", "ISMN", "国际标准乐谱号（ISMN）"),
)
"""Goods, books, devices."""
