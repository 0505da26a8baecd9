"""What all kinds share: how a text becomes one number, and how a kind is made of a check.

A value is kept as capital letters and digits without separators, so that the
same number typed in two ways is one value, and an ``exact`` index finds it.
Full-width digits, as Chinese input methods make them, are taken for plain ones.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final
from unicodedata import normalize

from muniment.model import Value
from muniment.schema import KINDS as CORE_KINDS
from muniment.schema import Context, Field, FieldKind, Label, Parser, ValueProblem

__all__ = ["AREA", "Check", "exact_text", "joined", "plain", "text_kind"]

AREA: Final = "identifiers"
"""The plugin's name, and the first part of its codes."""

Check = Callable[[str, Context], str]
"""Takes a tidied text, gives what is stored, raises ``ValueProblem`` where it is refused."""

_DASHES = re.compile("[\u2010-\u2015\u2212\ufe58\ufe63]")
_SEPARATORS = re.compile(r"[\s.\u00b7-]")


def plain(text: str) -> str:
    """A text with plain letters, digits and hyphens for full-width and typographic ones (UAX 15, NFKC)."""
    return _DASHES.sub("-", normalize("NFKC", text)).strip()


def joined(text: str) -> str:
    """A text in capitals, without spaces, points and hyphens."""
    return _SEPARATORS.sub("", plain(text)).upper()


def exact_text(data: object) -> Value:
    """What JSON holds for a value, where it is one.

    Raises:
        TypeError: where it is no text.
    """
    if not isinstance(data, str):
        raise TypeError
    return data


def text_kind(
    name: str,
    english: str,
    chinese: str,
    check: Check,
    *,
    tidy: Callable[[str], str] = joined,
    mask: str = "last_four",
    lines: bool = False,
) -> FieldKind:
    """A kind whose values are texts.

    Args:
        name: as it stands in definitions.
        english: what people read.
        chinese: the same in Simplified Chinese.
        check: what is stored for a tidied text.
        tidy: what becomes of a text before it is checked.
        mask: a name out of ``muniment.schema.MASKS``.
        lines: whether a line break may stand inside what is typed.
    """
    read = CORE_KINDS["long text" if lines else "identifier"].prepare

    def prepare(field: Field) -> Parser:
        clean = read(field)

        def parse(raw: object, context: Context) -> Value:
            text = clean(raw, context)
            if not isinstance(text, str):
                return None
            # Of what is longer than any number, nothing needs to be looked at.
            if len(text) > 400:
                raise ValueProblem(f"{AREA}.number_length")
            tidied = tidy(text)
            return check(tidied, context) if tidied else None

        return parse

    return FieldKind(
        name=name,
        encoding=1,
        label=Label(english, chinese),
        prepare=prepare,
        load=exact_text,
        mask_style=mask,
    )
