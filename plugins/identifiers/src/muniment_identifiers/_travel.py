"""Passports and machine-readable zones of travel documents."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from muniment.schema import Context, FieldKind
from muniment_identifiers._form import joined, plain, text_kind
from muniment_identifiers._stdnum import refuse

__all__ = ["KINDS", "PASSPORTS"]

# ICAO 9303-3, 4.1: nine characters at most in the zone; some states print longer numbers.
_NUMBER = re.compile(r"(?=[A-Z]{0,4}[0-9])[A-Z0-9]{5,12}")
_ZONE = re.compile(r"[A-Z0-9<]+")
_LINE: Final = 44

# ICAO 9303, parts 4 to 7. Each document by the length of its lines run together: the pieces that
# have a check digit of their own (start, end, place of the digit), then the pieces that the last
# digit goes over, and its place; places count from 0.
_Part = tuple[int, int, int]
_ZONES: Final[Mapping[int, tuple[tuple[_Part, ...], tuple[tuple[int, int], ...], int]]] = {
    88: (
        ((44, 53, 53), (57, 63, 63), (65, 71, 71), (72, 86, 86)),
        ((44, 54), (57, 64), (65, 87)),
        87,
    ),
    72: (((36, 45, 45), (49, 55, 55), (57, 63, 63)), ((36, 46), (49, 56), (57, 71)), 71),
    90: (((5, 14, 14), (30, 36, 36), (38, 44, 44)), ((5, 30), (30, 37), (38, 45), (48, 59)), 59),
}

PASSPORTS: Final[Mapping[str, str]] = {
    "AT": "[A-Z][0-9]{7}|[A-Z]{2}[0-9]{7}",
    "AU": "[A-Z]{1,2}[0-9]{7}",
    "BE": "[A-Z]{2}[0-9]{6}",
    "BR": "[A-Z]{2}[0-9]{6}",
    "CA": "[A-Z]{2}[0-9]{6}|[A-Z][0-9]{6}[A-Z]{2}",
    "CH": "[A-Z][0-9A-Z][0-9]{6}|[A-Z][0-9][A-Z0-9]{6}",
    "CN": "[EG][0-9]{8}|E[A-HJ-NP-Z][0-9]{7}|(?:D|S|P|DE|SE|PE)[0-9]{7,8}",
    "DE": "[CFGHJKLMNPRTVWXYZ0-9]{9}",
    "ES": "[A-Z]{2,3}[0-9]{6}",
    "FR": "[0-9]{2}[A-Z]{2}[0-9]{5}",
    "GB": "[0-9]{9}",
    "HK": "(?:K|KJ|H|HJ)[0-9]{7,8}",
    "IE": "[A-Z]{1,2}[0-9]{7}",
    "IN": "[A-Z][0-9]{7}",
    "IT": "[A-Z]{2}[0-9]{7}",
    "JP": "[A-Z]{2}[0-9]{7}",
    "KR": "[A-Z]{1,2}[0-9]{7,8}|[A-Z][0-9]{3}[A-Z][0-9]{4}",
    "MO": "M[A-Z]?[0-9]{7,8}",
    "NL": "[A-NP-Z]{2}[A-NP-Z0-9]{6}[0-9]",
    "NZ": "[A-Z]{1,2}[0-9]{6}",
    "PL": "[A-Z]{2}[0-9]{7}",
    "PT": "[A-Z]{1,2}[0-9]{6}",
    "RU": "[0-9]{9}",
    "SE": "[0-9]{8}|[A-Z]{2}[0-9]{6}",
    "SG": "[A-Z][0-9]{7}[A-Z]",
    "TW": "[0-9]{9}",
    "US": "[0-9]{9}|[A-Z][0-9]{8}",
}
"""How passport numbers of a country look, as regular expressions, from what states publish (Council of
the European Union, PRADO; the passport authorities' own pages). A new series may look different."""


def _check_digit(text: str) -> str:
    """ICAO 9303-3, 4.9: weights 7, 3, 1 over digits, letters (A is 10) and fillers (0), modulus 10."""
    values = (0 if character == "<" else int(character, 36) for character in text)
    return str(sum(value * (7, 3, 1)[place % 3] for place, value in enumerate(values)) % 10)


def _fits(text: str, digit: str) -> bool:
    # Where a piece is empty, its digit may be a filler.
    return digit == _check_digit(text) or (digit == "<" and not text.strip("<"))


def _checked_zone(zone: str, code: str) -> None:
    """Check the digits of a whole zone, its lines run together.

    Raises:
        ValueProblem: ``<code>_form`` or ``<code>_check``.
    """
    if len(zone) not in _ZONES or not _ZONE.fullmatch(zone):
        refuse(f"{code}_form")
    parts, whole, last = _ZONES[len(zone)]
    if zone[0] == "V" and len(zone) != 90:
        # ICAO 9303-7: a visa has no personal number and no digit over everything.
        parts, whole = parts[:3], ()
    elif len(zone) == 90 and zone[14] == "<":
        # ICAO 9303-5, 4.2.2: a long number goes on behind the filler, its digit at its end.
        longer = zone[15:30].split("<", 1)[0]
        if not longer or not _fits(zone[5:14] + longer[:-1], longer[-1]):
            refuse(f"{code}_check")
        parts = parts[1:]
    for start, end, place in parts:
        if not _fits(zone[start:end], zone[place]):
            refuse(f"{code}_check")
    if whole and zone[last] != _check_digit("".join(zone[start:end] for start, end in whole)):
        refuse(f"{code}_check")


def _run_together(text: str) -> str:
    return "".join(plain(text).split()).upper()


def _mrz(zone: str, context: Context) -> str:
    _checked_zone(zone, "mrz")
    return zone


def _passport(text: str, context: Context) -> str:
    """The number; of a zone, or its second line, that was read in, only the number is kept."""
    if "<" in text:
        second = text[-_LINE:]
        if len(text) not in (_LINE, 2 * _LINE) or (text != second and text[0] != "P"):
            refuse("passport_form")
        _checked_zone("P".ljust(_LINE, "<") + second, "passport")
        text = second[:9].rstrip("<")
    number = joined(text)
    if not _NUMBER.fullmatch(number):
        refuse("passport_form")
    return number


KINDS: Final[tuple[FieldKind, ...]] = (
    text_kind("passport", "Passport number", "护照号码", _passport, tidy=_run_together, lines=True),
    text_kind(
        "mrz", "Machine-readable zone", "证件机读码", _mrz, tidy=_run_together, mask="full", lines=True
    ),
)
"""Passport numbers, and the zones that readers scan."""
