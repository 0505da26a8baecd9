"""The kinds: how each number is written, checked, masked.

A value is kept as capital letters and digits without separators, so that the
same number typed in two ways is one value, and an ``exact`` index finds it.
Full-width digits, as Chinese input methods make them, are taken for plain ones.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final
from unicodedata import normalize

from muniment.schema import KINDS as CORE_KINDS
from muniment.schema import Context, Field, FieldKind, Label, Parser, ValueProblem

__all__ = ["KINDS"]

_SEPARATORS = re.compile(r"[\s.\u2010-\u2015\u00b7-]")
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
# GB 32100-2015: the registering department and the kind of body are letters or digits, the region is digits.
_USCC = re.compile(r"[0-9A-HJ-NP-RTUWXY]{2}[0-9]{6}[0-9A-HJ-NP-RTUWXY]{10}")
_RESIDENT = re.compile(r"[0-9]{17}[0-9X]")


def _check_iban(number: str, context: Context) -> None:
    """ISO 13616: the country's length and structure, ISO 7064 mod 97-10, and national check digits."""
    from stdnum import iban  # the tables of countries are read when it is imported
    from stdnum.exceptions import InvalidChecksum, ValidationError

    if not _IBAN.fullmatch(number):
        raise ValueProblem("identifiers.iban_form")
    # Compared, not only divided: 00, 01 and 99 leave the same remainder as 97, 98 and 02.
    if number[2:4] != iban.calc_check_digits(number):
        raise ValueProblem("identifiers.iban_check")
    try:
        iban.validate(number)
    except InvalidChecksum:
        raise ValueProblem("identifiers.iban_check") from None
    except ValidationError:
        raise ValueProblem("identifiers.iban_form") from None


def _check_uscc(number: str, context: Context) -> None:
    """GB 32100-2015: characters, and the check character mod 31 with weights 3^i."""
    from stdnum.cn import uscc

    if not _USCC.fullmatch(number):
        raise ValueProblem("identifiers.uscc_form")
    # Not uscc.validate: it refuses the letters that departments other than the usual ones start with.
    if number[-1] != uscc.calc_check_digit(number):
        raise ValueProblem("identifiers.uscc_check")


def _check_resident(number: str, context: Context) -> None:
    """GB 11643-1999: check character ISO 7064 mod 11-2, a day of birth that was, a known region."""
    from stdnum.cn import ric
    from stdnum.exceptions import ValidationError

    if not _RESIDENT.fullmatch(number):
        raise ValueProblem("identifiers.resident_form")
    if number[-1] != ric.calc_check_digit(number):
        raise ValueProblem("identifiers.resident_check")
    try:
        born = ric.get_birth_date(number)
    except ValidationError:
        born = None
    if born is None or born > context.today:
        raise ValueProblem("identifiers.resident_birth")
    try:
        ric.get_birth_place(number)
    except ValidationError:
        # No list of former regions is complete, and a number on a valid card must find its place.
        raise ValueProblem("identifiers.resident_region", kept=number) from None


def _prepare(check: Callable[[str, Context], None]) -> Callable[[Field], Parser]:
    def prepare(field: Field) -> Parser:
        tidy = CORE_KINDS["identifier"].prepare(field)

        def parse(raw: object, context: Context) -> object:
            text = tidy(raw, context)
            if not isinstance(text, str):
                return None
            number = _SEPARATORS.sub("", normalize("NFKC", text)).upper()
            check(number, context)
            return number

        return parse

    return prepare


KINDS: Final = (
    FieldKind(
        name="iban",
        encoding=1,
        label=Label("IBAN", "国际银行账号"),
        prepare=_prepare(_check_iban),
        mask_style="last_four",
    ),
    FieldKind(
        name="uscc",
        encoding=1,
        label=Label("Unified social credit code", "统一社会信用代码"),
        prepare=_prepare(_check_uscc),
        mask_style="last_four",
    ),
    FieldKind(
        name="resident_id",
        encoding=1,
        label=Label("Resident identity number", "居民身份证号码"),
        prepare=_prepare(_check_resident),
        mask_style="last_four",
    ),
)
"""What ``muniment_field_kinds`` returns."""
