"""Lines of a form or a card become values of a record type."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final
from unicodedata import normalize

import attrs

from muniment.inbox import Address, Message, contact_of
from muniment.schema import Field, RecordType
from muniment_ocr.reading import Line

__all__ = ["Reading", "read_fields"]

_EMAIL: Final = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_LEAST_LABEL: Final = 2


@attrs.frozen
class Reading:
    """What was found.

    Attributes:
        values: by field key, as texts.
        confidence: 0 to 100 for each of them.
        rest: the lines in which nothing was found.
    """

    values: dict[str, str]
    confidence: dict[str, int]
    rest: tuple[str, ...]


def read_fields(record_type: RecordType, lines: Sequence[Line], *, region: str = "") -> Reading:
    """The values that lines say.

    A line that begins with a field's label, in either language, or with one of its other names,
    gives what follows it; what is left is recognised by what it looks like, as on a card.

    Args:
        record_type: whose fields are looked for.
        lines: from the top.
        region: two letters, for telephone numbers without a country.
    """
    labels = sorted(_labels(record_type), key=lambda one: -len(one[0]))
    values: dict[str, str] = {}
    confidence: dict[str, int] = {}
    rest: list[Line] = []
    for line in lines:
        found = _labelled(line.text, labels)
        if found is None or found[0].key in values:
            rest.append(line)
        elif found[1]:
            field, text = found
            values[field.key], confidence[field.key] = _tidied(field, text), line.confidence
    for key, text, line in _looks(record_type, rest, region):
        if key not in values:
            values[key], confidence[key] = text, line.confidence
    used = set(values.values())
    return Reading(values, confidence, tuple(line.text for line in rest if line.text not in used))


def _labels(record_type: RecordType) -> Iterator[tuple[str, Field]]:
    for field in record_type.fields:
        if field.retired or not field.writable or field.kind in ("file", "reference"):
            continue
        for name in (field.label.en, field.label.zh, *field.aliases):
            plain = _plain(name)
            if len(plain) >= _LEAST_LABEL:
                yield plain, field


def _plain(text: str) -> str:
    return "".join(normalize("NFKC", text).casefold().split())


def _labelled(text: str, labels: Sequence[tuple[str, Field]]) -> tuple[Field, str] | None:
    """The field whose label a line begins with, and what follows."""
    head, colon, tail = normalize("NFKC", text).partition(":")
    if not colon:
        return None
    plain = _plain(head)
    for label, field in labels:
        if plain == label:
            return field, tail.strip()
    return None


def _tidied(field: Field, text: str) -> str:
    if field.choices:
        plain = _plain(text)
        for choice in field.choices:
            if plain in (_plain(choice.key), _plain(choice.label.en), _plain(choice.label.zh)):
                return choice.key
    # Tesseract sets spaces into numbers and addresses.
    return "".join(text.split()) if field.kind in ("e-mail", "phone", "identifier", "url", "date") else text


def _looks(record_type: RecordType, lines: Sequence[Line], region: str) -> Iterator[tuple[str, str, Line]]:
    """What a card tells without labels: an address, a number, a company, and a name in large letters."""
    first = _firsts(record_type)
    left = list(lines)
    for line in lines:
        text = normalize("NFKC", line.text)
        mail = _EMAIL.search(text.replace(" @ ", "@"))
        told = contact_of(_signed(text), region=region)
        if mail and "e-mail" in first:
            yield first["e-mail"], mail[0].lower(), line
        elif told.phones and "phone" in first:
            yield first["phone"], told.phones[0], line
        elif told.company and "company" in first:
            yield first["company"], told.company, line
        else:
            continue
        left.remove(line)
    names = [
        line for line in left if not any(letter.isdigit() for letter in line.text) and len(line.text) <= 40
    ]
    if names and record_type.title and record_type.title[-1] in record_type.by_key:
        largest = max(names, key=lambda one: one.height)
        name = next((key for key in record_type.title if record_type.by_key[key].kind == "text"), "")
        if name:
            yield name, largest.text, largest


def _firsts(record_type: RecordType) -> dict[str, str]:
    found: dict[str, str] = {}
    for field in record_type.fields:
        if field.writable and not field.retired:
            if field.kind in ("e-mail", "phone"):
                found.setdefault(field.kind, field.key)
            if field.key == "company":
                found["company"] = field.key
    return found


def _signed(text: str) -> Message:
    return Message("", None, Address(""), (), "", "", text, ())
