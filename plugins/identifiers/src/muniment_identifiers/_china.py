"""Numbers of people and bodies in mainland China."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from muniment.schema import Context, FieldKind
from muniment_identifiers._form import text_kind
from muniment_identifiers._stdnum import ask, refuse

__all__ = ["KINDS"]

# GB 32100-2015: the registering department and the kind of body are letters or digits, the region is digits.
_USCC = re.compile(r"[0-9A-HJ-NP-RTUWXY]{2}[0-9]{6}[0-9A-HJ-NP-RTUWXY]{10}")
_FIRST_YEAR: Final = "1985"
"""Regulations on Resident Identity Cards, September 1985."""
_RESIDENT = re.compile(r"[0-9]{17}[0-9X]")


def _uscc(number: str, context: Context) -> str:
    """GB 32100-2015: characters, and the check character mod 31 with weights 3^i."""
    from stdnum.cn import uscc

    if not _USCC.fullmatch(number):
        refuse("uscc_form")
    # Not uscc.validate: it refuses the letters that departments other than the usual ones start with.
    if number[-1] != uscc.calc_check_digit(number):
        refuse("uscc_check")
    return number


def _resident(number: str, context: Context) -> str:
    """GB 11643-1999: check character ISO 7064 mod 11-2, a day of birth that was, a known region."""
    from stdnum.cn import ric

    if not _RESIDENT.fullmatch(number):
        refuse("resident_form")
    if number[-1] != ric.calc_check_digit(number):
        refuse("resident_check")
    born = number[6:14]
    # Eight digits compare as days do.
    if _impossible(born) or born > context.today.strftime("%Y%m%d"):
        refuse("resident_birth")
    # Whoever was born before there were such numbers was given the region's code of those days.
    if not any(_was_region(number[:6], year) for year in {born[:4], max(born[:4], _FIRST_YEAR)}):
        # No list of former regions is complete, and a number on a valid card must find its place.
        refuse("resident_region", kept=number)
    return number


@lru_cache(maxsize=4096)
def _was_region(region: str, year: str) -> bool:
    # Looking it up takes longer than all the rest, and most people come from few places.
    from stdnum.cn import ric

    reason, _ = ask(lambda text: str(ric.get_birth_place(text)), f"{region}{year}01010000")
    return not reason


def _impossible(day: str) -> bool:
    from datetime import date

    try:
        date(int(day[:4]), int(day[4:6]), int(day[6:]))
    except ValueError:
        return True
    return False


KINDS: Final[tuple[FieldKind, ...]] = (
    text_kind("uscc", "Unified social credit code", "统一社会信用代码", _uscc),
    text_kind("resident_id", "Resident identity number", "居民身份证号码", _resident),
)
"""Unified social credit code, resident identity number."""
