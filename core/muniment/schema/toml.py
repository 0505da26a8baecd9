"""Tables out of TOML, checked as they are read: what templates, dashboards and letters are made from."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any, Final
from unicodedata import normalize

from muniment.errors import ConfigError
from muniment.schema.rules import one_of, refuse
from muniment.schema.values import Label

__all__ = ["FORMAT", "read_document", "read_label", "read_strings", "read_table", "read_text"]

FORMAT: Final = 1
"""What ``format`` says in every such file."""

_LABEL: Final = {"en": str, "zh": str}
_WORDS: Final = {
    bool: "true or false",
    int: "a whole number",
    str: "text",
    list: "a list",
    dict: "a table",
}


def read_document(text: str, where: str) -> dict[str, Any]:
    """A whole file.

    Args:
        text: TOML.
        where: the file, for errors.

    Raises:
        ConfigError: ``schema.toml`` or ``schema.format``.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        # The parser's own words name a line and a column, which no catalogue can.
        raise ConfigError("schema.toml", where=where, problem=str(problem)) from None
    if document.get("format") != FORMAT:
        raise refuse("format", where, expected=FORMAT)
    return document


def read_table(given: Any, known: Mapping[str, Any], where: str, *required: str) -> dict[str, Any]:
    """A table that has these keys and no others.

    Args:
        given: as it was parsed.
        known: what each key holds: a type, or a tuple of types.
        where: the place, for errors.
        required: keys that must be there.

    Raises:
        ConfigError: ``schema.value``, ``schema.unknown`` or ``schema.missing``.
    """
    if not isinstance(given, dict):
        raise refuse("value", where, expected=_WORDS[dict])
    for name, value in given.items():
        one_of(name, known, where, "key")
        expected = known[name] if isinstance(known[name], tuple) else (known[name],)
        # In Python true is also a number; in TOML it is not.
        if not isinstance(value, expected) or (isinstance(value, bool) and bool not in expected):
            raise refuse("value", f"{where}.{name}", expected=_WORDS[expected[0]])
        # Numbers of a definition are places, widths and lengths; a greater one is no JSON number either.
        if isinstance(value, int) and abs(value) >= 1 << 31:
            raise refuse("value", f"{where}.{name}", expected=_WORDS[int])
    for name in required:
        if name not in given:
            raise refuse("missing", where, name=name)
    return given


def read_text(value: str) -> str:
    """A text in the form in which texts are kept (NFC)."""
    return normalize("NFC", value)


def read_label(given: Any, where: str) -> Label:
    """A text in both languages."""
    table = read_table(given, _LABEL, where, "en", "zh")
    return Label(read_text(table["en"]), read_text(table["zh"]))


def read_strings(given: Any, where: str) -> tuple[str, ...]:
    """A list of texts."""
    if not isinstance(given, list) or not all(isinstance(item, str) for item in given):
        raise refuse("value", where, expected="a list of texts")
    return tuple(map(read_text, given))
