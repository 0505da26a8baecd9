"""LOINC: the codes of laboratory tests and clinical observations."""

from __future__ import annotations

import re
from typing import Final

from muniment import hookimpl
from muniment.schema import KINDS, Context, Field, FieldKind, Label, Parser, ValueProblem

__all__ = ["LOINC"]

_FORM = re.compile(r"([0-9]{1,7})-([0-9])")


def _prepare(field: Field) -> Parser:
    clean = KINDS["identifier"].prepare(field)

    def parse(raw: object, context: Context) -> str | None:
        text = clean(raw, context)
        if not isinstance(text, str):
            return None
        found = _FORM.fullmatch(text)
        if found is None:
            raise ValueProblem("healthcare.loinc_form")
        if _check_digit(found[1]) != int(found[2]):
            raise ValueProblem("healthcare.loinc_check")
        return text

    return parse


def _check_digit(number: str) -> int:
    """LOINC Users' Guide, appendix C: modulus 10, every second digit from the right doubled."""
    digits = [int(digit) for digit in reversed(number)]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[::2]]
    return -(sum(doubled) + sum(digits[1::2])) % 10


LOINC: Final = FieldKind(
    name="loinc",
    encoding=1,
    label=Label("LOINC", "LOINC 编码"),
    prepare=_prepare,
    mask_style="full",
    examples=("882-1", "2345-7", "4548-4"),
)
"""Identifies what was measured, such as 882-1 for the blood group."""


@hookimpl
def muniment_field_kinds() -> list[FieldKind]:
    """Add the kind ``loinc``."""
    return [LOINC]
