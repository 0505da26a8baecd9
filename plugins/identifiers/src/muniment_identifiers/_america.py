"""Numbers of the United States of America that need more than a module of python-stdnum."""

from __future__ import annotations

import re
from typing import Final

from muniment.schema import Context, FieldKind
from muniment_identifiers._form import text_kind
from muniment_identifiers._stdnum import ask, refuse, stdnum_kind

__all__ = ["KINDS"]

_NINE = re.compile("[0-9]{9}")


def _ssn(number: str, context: Context) -> str:
    """SSA, POMS RM 10201.030: no area 000, 666 or 900 to 999, no group 00, no serial 0000, no advert's."""
    if not _NINE.fullmatch(number):
        refuse("ssn_form")
    from stdnum.us import ssn

    reason, _ = ask(ssn.validate, number)
    if reason:
        refuse("ssn_part")
    return number


def _ein(number: str, context: Context) -> str:
    """26 CFR 301.7701-12: nine digits; the first two say which office gave it."""
    if not _NINE.fullmatch(number):
        refuse("ein_form")
    from stdnum.us import ein

    reason, _ = ask(ein.validate, number)
    if reason:
        # The list of prefixes grows, so one that is missing there proves nothing.
        refuse("ein_prefix", kept=number)
    return number


KINDS: Final[tuple[FieldKind, ...]] = (
    text_kind("ssn", "Social security number (US)", "美国社会安全号码（SSN）", _ssn),
    text_kind("ein", "Employer identification number (US)", "美国雇主识别号（EIN）", _ein),
    stdnum_kind("itin", "us.itin", "Individual taxpayer number (US)", "美国个人纳税人识别号（ITIN）"),
)
"""SSN, EIN, ITIN."""
