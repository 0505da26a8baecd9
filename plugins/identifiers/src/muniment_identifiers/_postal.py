"""Postal codes, by country.

What a code looks like depends on the country, which stands in another field or is
the archive's own. So the kind only brings a code into one form and refuses what is no
postal code anywhere; whether it is one of its country, the check before each write says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Final

from muniment.schema import Context, FieldKind
from muniment_identifiers._form import plain, text_kind
from muniment_identifiers._stdnum import refuse

__all__ = ["KINDS", "LAYOUTS", "fits", "laid_out"]

# N is a digit, A a letter, * either; a space or hyphen stands where people write one.
# Universal Postal Union, "Postal addressing systems in member countries" and its table of postcode
# formats; Canada without D, F, I, O, Q, U is left to the post office.
_UK: Final = ("AN NAA", "ANN NAA", "AAN NAA", "AANN NAA", "ANA NAA", "AANA NAA")
_FOUR: Final = ("NNNN",)
_FIVE: Final = ("NNNNN",)
_SIX: Final = ("NNNNNN",)
_SPACED: Final = ("NNN NN",)
_ZIP: Final = ("NNNNN", "NNNNN-NNNN")

LAYOUTS: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys(("GB", "GG", "IM", "JE"), _UK),
    **dict.fromkeys(("US", "PR"), _ZIP),
    **dict.fromkeys(
        ("AL", "AM", "AT", "AU", "AZ", "BD", "BE", "BG", "CH", "CY", "DK", "GE", "HU", "LI", "LU",
         "LV", "MD", "MK", "NO", "NZ", "PH", "PY", "SI", "TN", "VE", "ZA"),
        _FOUR,
    ),
    **dict.fromkeys(
        ("BA", "CR", "DE", "DO", "DZ", "EE", "EG", "ES", "FI", "FR", "HR", "ID", "IT", "JO", "KE",
         "KR", "KW", "LA", "LK", "LT", "MA", "MC", "ME", "MM", "MN", "MX", "MY", "NP", "PE", "PK",
         "SM", "TH", "TR", "UA", "UY", "VA"),
        _FIVE,
    ),
    **dict.fromkeys(
        ("BY", "CN", "CO", "EC", "IN", "KG", "KZ", "NG", "RO", "RU", "SG", "UZ"),
        _SIX,
    ),
    **dict.fromkeys(("CZ", "GR", "SE", "SK"), _SPACED),
    "AD": ("ANNN", "AANNN"),
    "AR": ("NNNN", "ANNNNAAA"),
    "BR": ("NNNNN-NNN",),
    "CA": ("ANA NAN",),
    "CL": ("NNNNNNN",),
    "IE": ("ANN ****", "ANA ****"),
    "IL": ("NNNNNNN", "NNNNN"),
    "IR": ("NNNNN-NNNNN",),
    "IS": ("NNN",),
    "JP": ("NNN-NNNN",),
    "KH": ("NNNNNN", "NNNNN"),
    "LB": ("NNNN", "NNNN NNNN"),
    "MT": ("AAA NNNN", "AAA NN"),
    "NL": ("NNNN AA", "NNNN"),
    "PL": ("NN-NNN",),
    "PT": ("NNNN-NNN",),
    "RS": ("NNNNN", "NNNNNN"),
    "SA": ("NNNNN", "NNNNN-NNNN"),
    "TW": ("NNN", "NNNNN", "NNNNNN"),
    "VN": ("NNNNN", "NNNNNN"),
}  # fmt: skip
"""How the postal codes of a country look."""

# Letters and digits stand so in one country's codes only; a person knows them wherever the archive is.
_TELLING: Final = ("GB", "CA", "NL", "IE")
_CODE = re.compile(r"(?=.*[0-9])[A-Z0-9]+(?:[ -][A-Z0-9]+)*")
_LONGEST: Final = 12
# "D-10115", "LV-1010": the country's letters before its code, as CEPT once recommended.
_PREFIX = re.compile(r"[A-Z]{1,3}-(?=[0-9])")
_SIGNS: Final[Mapping[str, str]] = {"N": "[0-9]", "A": "[A-Z]", "*": "[A-Z0-9]"}


@cache
def _layouts(country: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    made = []
    for layout in LAYOUTS.get(country, ()):
        signs = [_SIGNS[sign] for sign in layout if sign in _SIGNS]
        made.append((re.compile("".join(signs)), layout))
    return tuple(made)


def laid_out(country: str, code: str) -> str:
    """A code as its country writes it.

    Args:
        country: two letters, ISO 3166-1.
        code: in capitals.

    Returns:
        Empty where the country's codes look otherwise, or how they look is not known.
    """
    found = _PREFIX.match(code)
    prefix = found[0] if found else ""
    bare = re.sub("[ -]", "", code[len(prefix) :])
    for pattern, layout in _layouts(country):
        if pattern.fullmatch(bare):
            rest = iter(bare)
            return prefix + "".join(next(rest) if sign in _SIGNS else sign for sign in layout)
    return ""


def fits(country: str, code: str) -> bool | None:
    """Whether a code looks like those of a country; None where that is not known."""
    return bool(laid_out(country, code)) if country in LAYOUTS else None


def _tidy(text: str) -> str:
    return re.sub(r"\s*-\s*", "-", " ".join(plain(text).upper().split()))


def _check(code: str, context: Context) -> str:
    if len(code) > _LONGEST or len(code) < 2 or not _CODE.fullmatch(code):
        refuse("postal_form")
    own = laid_out(context.default_region.upper(), code)
    if own:
        return own
    for country in _TELLING:
        found = laid_out(country, code)
        if found and not found.isdecimal():
            return found
    # Of digits alone, spaces between them say nothing.
    together = code.replace(" ", "")
    return together if together.isdecimal() else code


KINDS: Final[tuple[FieldKind, ...]] = (
    text_kind("postal_code", "Postal code", "邮政编码", _check, tidy=_tidy, mask="full"),
)
"""Postal codes."""
