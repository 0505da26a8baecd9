"""Normal forms of values: what counts as the same when an index is asked; pure.

Each form has a number and a version (``NORMALISERS``); both go into the index
key, so tokens of an older form are never taken for those of a newer one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType
from typing import Final
from unicodedata import category, normalize

from muniment.errors import UsageError
from muniment.model import FileRef, Money, Value, micros_of
from muniment.schema.phones import e164

__all__ = [
    "NORMALISERS",
    "email_form",
    "fold",
    "last_four_form",
    "phone_form",
    "plain_forms",
    "query_words",
    "stored_words",
]

NORMALISERS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "plain": 0x0101,
        "folded": 0x0201,
        "e-mail": 0x0301,
        "phone": 0x0401,
        "prefix": 0x0501,
        "last_four": 0x0601,
        "words": 0x0701,
        "compound": 0x0801,
        "buckets": 0x0901,
    }
)
"""The forms, u16 each: which form in the high byte, its version in the low one."""


def fold(text: str) -> str:
    """Text without regard to case, width and spacing: NFKC, case folding (UAX 15, UAX 21), single spaces."""
    if text.isascii():
        return " ".join(text.lower().split())
    return " ".join(normalize("NFKC", normalize("NFKC", text).casefold()).split())


# ---------------------------------------------------------------- plain values


def _number(value: Decimal) -> str:
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def plain_forms(value: Value) -> list[str]:
    """A value as one text, so that equal values give equal texts; a list gives one for each member.

    Numbers lose closing zeros behind the point, times become microseconds since
    1970 in UTC, text is in normal form C without surrounding space.
    """
    if isinstance(value, str):
        text = normalize("NFC", value).strip()
        return [text] if text else []
    if isinstance(value, bool):
        return ["1" if value else "0"]
    if isinstance(value, int):
        return [str(value)]
    if isinstance(value, Decimal):
        return [_number(value)]
    if isinstance(value, Money):
        return [f"{value.currency} {_number(value.amount)}"]
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise UsageError("usage.time")
        return [str(micros_of(value))]
    if isinstance(value, date):
        return [value.isoformat()]
    if isinstance(value, (tuple, list)):
        return [form for member in value for form in plain_forms(member)]
    if isinstance(value, FileRef):
        # No index is for files; whoever scans means the name.
        return plain_forms(value.name)
    if value is None:
        return []
    raise UsageError("index.value")


# --------------------------------------------------------------------- e-mail


def email_form(text: str) -> str:
    """An e-mail address as it is compared: case folded, the domain in ASCII (RFC 5891).

    What email-validator does not take for an address is folded like any text,
    so that it can still be found.
    """
    text = text.strip()
    # A plain address comes out of the library unchanged but for its case, and the library is slow to import.
    return text.lower() if text.isascii() else _international(text)


@lru_cache(maxsize=1_024)
def _international(text: str) -> str:
    from email_validator import EmailNotValidError, validate_email

    try:
        address = validate_email(normalize("NFKC", text), check_deliverability=False)
    except (EmailNotValidError, ValueError):
        return fold(text)
    return f"{fold(address.local_part)}@{(address.ascii_domain or address.domain).lower()}"


# ---------------------------------------------------------------------- phone


def phone_form(text: str, default_region: str = "") -> str | None:
    """A phone number as ITU-T E.164 (``+4930123456``), without its extension.

    Args:
        text: as somebody wrote it.
        default_region: two letters, ISO 3166-1; where a number without a
            country code belongs.

    Returns:
        The number, or None where it is none that can exist.
    """
    return e164(text, default_region)


def last_four_form(text: str, *, phone: bool = False, default_region: str = "") -> str | None:
    """The last four letters and digits of a text, folded; None where there are fewer.

    Args:
        text: such as a card, contract or phone number.
        phone: whether an extension is left out and only digits count.
        default_region: as for ``phone_form``.
    """
    if phone:
        text = phone_form(text, default_region) or text
    kept = "".join(filter(str.isdigit if phone else str.isalnum, fold(text)))
    return kept[-4:] if len(kept) >= 4 else None


# ---------------------------------------------------------------------- words

_ASCII_WORD: Final = re.compile(r"[0-9a-z]+")
_MARKS: Final = re.compile("[\u0300-\u036f]")
_UNSPACED: Final = (
    "\u3005\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\U00020000-\U0003ffff"
)
_RUN: Final = re.compile(f"[{_UNSPACED}]+|[^{_UNSPACED}]+")
_GAP: Final = re.compile(f"(?<=[{_UNSPACED}])[ ·・]+(?=[{_UNSPACED}])")
_IS_UNSPACED: Final = re.compile(f"[{_UNSPACED}]").match


def _search_form(text: str) -> str:
    """Folded, and without the accents of Latin, Greek and Cyrillic letters: people search without them."""
    folded = fold(text)
    if folded.isascii():
        return folded
    return fold(normalize("NFC", _MARKS.sub("", normalize("NFD", folded))))


def _runs(text: str) -> list[str]:
    """The words of a text in search form; scripts without spaces give runs of their own."""
    if text.isascii():
        return _ASCII_WORD.findall(text)
    spaced = "".join(letter if category(letter)[0] in "LMN" else " " for letter in text)
    return [run for word in spaced.split() for run in _RUN.findall(word)]


def _pairs(run: str) -> set[str]:
    return {run[place : place + 2] for place in range(len(run) - 1)}


def stored_words(text: str) -> set[str]:
    """The terms under which a text is found.

    A word of letters that are written with spaces is one term, from two letters
    on. Chinese, Japanese and Korean runs give each character and each pair of
    neighbours, also across a space or a middle dot, as in ``李 娜``.
    """
    form = _search_form(text)
    found: set[str] = set()
    for run in _runs(form):
        if _IS_UNSPACED(run):
            found.update(run)
            found |= _pairs(run)
        elif len(run) > 1:
            found.add(run)
    if not form.isascii():
        closed = _GAP.sub("", form)
        if closed != form:
            for run in _runs(closed):
                if _IS_UNSPACED(run):
                    found |= _pairs(run)
    return found


def query_words(text: str) -> set[str]:
    """The terms that a record must have, all of them, to be found by a text.

    Empty where the text says too little.
    """
    wanted: set[str] = set()
    for run in _runs(_search_form(text)):
        if _IS_UNSPACED(run):
            wanted |= _pairs(run) or {run}
        elif len(run) > 1:
            wanted.add(run)
    return wanted
