"""Checks that take a second field: what one value says of another, and what a country expects.

A field is looked at for its kind. Which other fields go with it, their keys say: what
stands before ``resident_id`` in ``guardian_resident_id`` stands before
``birth_date`` in ``guardian_birth_date`` too. A check speaks only where the number
or its companion is being written, so that an old record is not held up by what
nobody touches.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import date, datetime
from typing import Final

from muniment.errors import Issue
from muniment.plugins import HookContext, RecordState
from muniment_identifiers._countries import country_of
from muniment_identifiers._form import AREA
from muniment_identifiers._postal import LAYOUTS, fits
from muniment_identifiers._travel import PASSPORTS

__all__ = ["disagreements"]

Values = Mapping[str, object]
_Check = Callable[[str, str, Values, Collection[str], HookContext], Iterator[Issue]]

_BIRTH_DATES: Final = ("birth_date", "date_of_birth")
_SEXES: Final = ("gender", "sex", "administrative_gender")
_PLACES: Final = ("birth_place_code", "native_place_code", "place_code")
_STATES: Final = ("passport_country", "issuing_country", "nationality", "citizenship")
_COUNTRIES: Final = ("country", "country_code")

_TAILS: Final[Mapping[str, tuple[str, ...]]] = {
    "resident_id": (
        "resident_identity_number", "resident_id", "identity_number", "id_number", "id_card", "id_no",
        "national_id",
    ),
    "passport": ("passport_number", "passport_no", "passport"),
    "postal_code": ("postal_code", "postcode", "post_code", "zip_code", "zipcode", "zip", "plz"),
}  # fmt: skip

# GB/T 2261.1, and what forms ask for; anything else says nothing that a number could contradict.
_MALE: Final = frozenset({"male", "m", "man", "1", "男", "男性"})
_FEMALE: Final = frozenset({"female", "f", "woman", "2", "女", "女性"})


def disagreements(record: RecordState, changes: Mapping[str, object], context: HookContext) -> list[Issue]:
    """What is wrong between the numbers of a record and its other fields; see ``muniment_validate``."""
    watched = [(key, kind) for key, kind in record.kinds.items() if kind in _CHECKS]
    if not watched or not changes:
        return []
    after = {**record.values, **changes}
    found: list[Issue] = []
    for key, kind in watched:
        value = after.get(key)
        if isinstance(value, str):
            found += _CHECKS[kind](key, value, after, changes.keys(), context)
    return found


def _prefix(key: str, kind: str) -> str | None:
    """What stands before the number's name in a key; None where the key has another name."""
    tails = (tail for tail in _TAILS[kind] if key == tail or key.endswith(f"_{tail}"))
    tail = next(tails, None)
    return None if tail is None else key[: len(key) - len(tail)]


def _companion(
    names: Collection[str], key: str, prefix: str, after: Values, changed: Collection[str]
) -> object:
    """The value of the first companion that is there; None where neither it nor the number is written."""
    for name in names:
        other = prefix + name
        if after.get(other) is not None:
            return after[other] if key in changed or other in changed else None
    return None


def _resident(
    key: str, number: str, after: Values, changed: Collection[str], context: HookContext
) -> Iterator[Issue]:
    """GB 11643-1999: digits 1 to 6 are the region, 7 to 14 the day of birth, 17 is odd for a man."""
    prefix = _prefix(key, "resident_id")
    # What was kept under another rule, or by another plugin, may have any form.
    if prefix is None or not re.fullmatch("[0-9]{17}[0-9X]", number):
        return
    born = _companion(_BIRTH_DATES, key, prefix, after, changed)
    if isinstance(born, date):
        day = born.date() if isinstance(born, datetime) else born
        if number[6:14] != day.isoformat().replace("-", ""):
            yield Issue(f"{AREA}.resident_birth_differs", key)
    sex = str(_companion(_SEXES, key, prefix, after, changed)).casefold()
    if sex in (_FEMALE if int(number[16]) % 2 else _MALE):
        # What a person is registered as and what a record rightly says may differ.
        yield Issue(f"{AREA}.resident_sex_differs", key, "warning")
    place = _companion(_PLACES, key, prefix, after, changed)
    whole = isinstance(place, str) and place.isdecimal() and len(place) in (2, 4, 6)
    # 330000 is a whole province, 330100 a whole city.
    if whole and not number.startswith(str(place).rstrip("0").ljust(2, "0")):
        yield Issue(f"{AREA}.resident_place_differs", key, "warning")


def _passport(
    key: str, number: str, after: Values, changed: Collection[str], context: HookContext
) -> Iterator[Issue]:
    prefix = _prefix(key, "passport")
    if prefix is None:
        return
    pattern = PASSPORTS.get(country_of(_companion(_STATES, key, prefix, after, changed)))
    if pattern is not None and not re.fullmatch(pattern, number):
        # States begin new series without telling anybody.
        yield Issue(f"{AREA}.passport_country", key, "warning")


def _postal(
    key: str, code: str, after: Values, changed: Collection[str], context: HookContext
) -> Iterator[Issue]:
    prefix = _prefix(key, "postal_code")
    own = [f"{prefix or ''}{name}" for name in _COUNTRIES]
    named = next((name for name in (*own, *_COUNTRIES) if after.get(name) is not None), None)
    if key not in changed and named not in changed:
        return
    country = country_of(after[named]) if named else context.default_region.upper()
    if country not in LAYOUTS:
        yield Issue(f"{AREA}.postal_country", key, "warning")
    elif not fits(country, code):
        # Only of the country that goes with this very code is it known to be wrong.
        sure = prefix is not None and named in own
        yield Issue(f"{AREA}.postal_differs", key, "error" if sure else "warning")


_CHECKS: Final[Mapping[str, _Check]] = {
    "resident_id": _resident,
    "passport": _passport,
    "postal_code": _postal,
}
