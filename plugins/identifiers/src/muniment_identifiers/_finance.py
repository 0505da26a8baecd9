"""Accounts, banks, securities, cards."""

from __future__ import annotations

import re
from typing import Final

from muniment.schema import Context, FieldKind
from muniment_identifiers._form import plain, text_kind
from muniment_identifiers._stdnum import ask, refuse, stdnum_kind

__all__ = ["KINDS"]

_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
_LEI = re.compile(r"[0-9A-Z]{18}[0-9]{2}")
_BIC = re.compile(r"[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}(?:[A-Z0-9]{3})?")
# ISO/IEC 7812-1: an issuer number that payment cards have never starts with 0.
_CARD = re.compile(r"[1-9][0-9]{11,18}")
_TRACK = re.compile(r"[%;^=?]|\A[bB][0-9]{12}")
_GAPS = re.compile(r"[\s.\u00b7-]")


def _iban(number: str, context: Context) -> str:
    """ISO 13616: the country's length and structure, ISO 7064 mod 97-10, and national check digits."""
    from stdnum import iban  # the tables of countries are read when it is imported
    from stdnum.iso7064 import mod_97_10

    if not _IBAN.fullmatch(number):
        refuse("iban_form")
    # Compared, not only divided: 00, 01 and 99 leave the same remainder as 97, 98 and 02.
    if number[2:4] != mod_97_10.calc_check_digits(number[4:] + number[:2]):
        refuse("iban_check")
    reason, _ = ask(iban.validate, number)
    if reason:
        refuse("iban_check" if reason == "check" else "iban_form")
    return number


def _lei(number: str, context: Context) -> str:
    """ISO 17442-1: 18 letters and digits, two check digits of ISO 7064 mod 97-10."""
    from stdnum.iso7064 import mod_97_10

    if not _LEI.fullmatch(number):
        refuse("lei_form")
    if number[18:] != mod_97_10.calc_check_digits(number[:18]):
        refuse("lei_check")
    return number


def _bic(number: str, context: Context) -> str:
    """ISO 9362: party prefix, country, suffix, branch. XXX means the main office, as no branch does."""
    if not _BIC.fullmatch(number):
        refuse("bic_form")
    if number.endswith("XXX") and len(number) == 11:
        number = number[:8]
    from stdnum import bic

    # The library knows which countries take part; of the prefix it knows letters only.
    reason, _ = ask(bic.validate, re.sub("[0-9]", "A", number[:4]) + number[4:])
    if reason:
        refuse("bic_country")
    return number


def _card(text: str, context: Context) -> str:
    """ISO/IEC 7812-1: 12 to 19 digits, the last one by Luhn's formula."""
    from stdnum import luhn

    if _TRACK.search(text):
        # PCI DSS v4.0.1, requirement 3.3.1: what a stripe holds is never kept, so no part of it is taken.
        refuse("card_track")
    number = _GAPS.sub("", text)
    if not _CARD.fullmatch(number):
        refuse("card_form")
    if luhn.checksum(number):
        refuse("card_check")
    return number


KINDS: Final[tuple[FieldKind, ...]] = (
    text_kind("iban", "IBAN", "国际银行账号", _iban),
    text_kind("bic", "BIC", "银行识别代码", _bic),
    text_kind("lei", "LEI", "全球法人识别编码", _lei),
    text_kind("card_number", "Card number", "银行卡号", _card, tidy=plain),
    stdnum_kind("isin", "isin", "ISIN", "国际证券识别码"),
    stdnum_kind("cusip", "cusip", "CUSIP", "美国证券识别码（CUSIP）"),
    stdnum_kind("sedol", "gb.sedol", "SEDOL", "伦敦证券交易所证券代码"),
    stdnum_kind("figi", "figi", "FIGI", "金融工具全球标识（FIGI）"),
    stdnum_kind("aba_rtn", "us.rtn", "ABA routing number", "美国银行路由号码"),
    stdnum_kind("creditor_reference", "iso11649", "Creditor reference", "收款参考号（ISO 11649）"),
)
"""IBAN, BIC, LEI, card numbers, and numbers of securities and payments."""
