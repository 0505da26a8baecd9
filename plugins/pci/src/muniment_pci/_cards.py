"""Card data where it must not stand: codes anywhere, whole numbers in what is no field for them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import cycle
from typing import Final

from muniment import hookimpl
from muniment.errors import Issue
from muniment.plugins import RecordState

__all__ = ["muniment_validate"]

_DIGITS = re.compile(r"[0-9][ -]?[0-9][ -]?[0-9]")
_TEXTS: Final = frozenset({"text", "long text", "several choices"})
_CODE = re.compile(
    r"(?:\b(?:cvv2?|cvc2?|cav2|cid|csc|card verification (?:code|value)|security code)\b"
    r"|卡?(?:安全|验证)码)\W{0,3}(?:is|为|是)?\W{0,3}[0-9]{3,4}(?![0-9])",
    re.IGNORECASE,
)
# ISO/IEC 7812-1: a payment card's number has 13 to 19 digits, often in groups, and begins with 2 to 6.
_NUMBER = re.compile(r"(?<![0-9])[2-6](?:[ -]?[0-9]){12,18}(?![0-9])")


@hookimpl
def muniment_validate(record: RecordState, changes: Mapping[str, object]) -> Iterator[Issue]:
    """The issues of ``muniment_validate``: a code is refused, a number is warned of."""
    for key, value in changes.items():
        if value is None or record.kinds.get(key) not in _TEXTS:
            continue
        text = " ".join(map(str, value)) if isinstance(value, tuple) else str(value)
        # Most texts hold no three digits, and an import asks about every one.
        if not _DIGITS.search(text):
            continue
        if _CODE.search(text):
            yield Issue("pci.verification_value", key)
        elif any(_luhn(found[0]) for found in _NUMBER.finditer(text)):
            yield Issue("pci.number_in_text", key, "warning")


def _luhn(text: str) -> bool:
    """ISO/IEC 7812-1, annex B."""
    digits = [int(sign) for sign in reversed(text) if sign.isdecimal()]
    doubled = [sum(divmod(digit * times, 10)) for digit, times in zip(digits, cycle((1, 2)), strict=False)]
    return sum(doubled) % 10 == 0
