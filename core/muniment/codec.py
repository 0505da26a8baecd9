"""Canonical bytes: JSON as RFC 8785 (JCS) writes it, and the closed list of value encodings.

Keys are ASCII and there are no floats, so a sorted compact UTF-8 dump is JCS;
a property test proves it against another implementation.

Value encodings (one byte, then the value; part of the sealed plaintext):

====  =============  =========================================================
 no.  name           bytes
====  =============  =========================================================
 1    text           UTF-8
 2    integer        ASCII decimal digits, ``-`` before a negative one
 3    decimal        ASCII decimal, no exponent, as many places as were given
 4    money          ISO 4217 code, one space, a decimal
 5    date           ASCII ``YYYY-MM-DD``
 6    datetime       i64 microseconds since 1970-01-01Z | i16 offset in minutes
 7    boolean        one byte, 0 or 1
 8    list of text   JCS array of strings
 9    reference      16 bytes, the record's identifier
10    file           JCS object ``{id, name, size, type}``
====  =============  =========================================================

Integers are big-endian.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Final

from muniment.errors import IntegrityError, UsageError
from muniment.model import FileRef, Money, Value, id_bytes, id_text, instant, micros_of

__all__ = [
    "ENCODINGS",
    "canonical",
    "decode_value",
    "decode_values",
    "encode_value",
    "parse_canonical",
]

_dump = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode


def canonical(document: Any) -> bytes:
    """A JSON document as JCS bytes (RFC 8785).

    Args:
        document: dicts with ASCII keys, lists, tuples, strings, integers below
            2^53, booleans and None. Floats do not belong here.

    Raises:
        UsageError: ``usage.text`` for a lone surrogate.
    """
    try:
        return _dump(document).encode("utf-8")
    except UnicodeEncodeError:
        raise UsageError("usage.text") from None


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("duplicate key")
    return document


def _no_floats(text: str) -> None:
    raise ValueError("a float")


def parse_canonical(data: bytes) -> Any:
    """Read JCS bytes back, refusing whatever ``canonical`` would not have written.

    Raises:
        IntegrityError: ``integrity.json`` where it is no JSON, or not canonical.
    """
    try:
        document = json.loads(data, object_pairs_hook=_no_duplicates, parse_float=_no_floats)
        if _dump(document).encode("utf-8") != data:
            raise ValueError("not canonical")
    except (ValueError, RecursionError):
        raise IntegrityError("integrity.json") from None
    return document


_MOMENT: Final = struct.Struct(">qh")


def _put_datetime(value: datetime) -> bytes:
    offset = value.utcoffset()
    if offset is None:
        raise TypeError("a time without a zone")
    return _MOMENT.pack(micros_of(value), offset // timedelta(minutes=1))


def _get_datetime(data: bytes) -> datetime:
    micros, minutes = _MOMENT.unpack(data)
    return instant(micros).astimezone(timezone(timedelta(minutes=minutes)) if minutes else UTC)


_INTEGER: Final = re.compile(rb"0|-?[1-9][0-9]*").fullmatch
_DECIMAL: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?").fullmatch


def _put_decimal(value: Decimal) -> str:
    if not value.is_finite():
        raise UsageError("usage.number")
    return format(value, "f")


def _get_integer(data: bytes) -> int:
    if not _INTEGER(data):
        raise ValueError("not in plain form")
    return int(data)


def _get_decimal(text: str) -> Decimal:
    if not _DECIMAL(text):
        raise ValueError("not in plain form")
    return Decimal(text)


def _get_date(data: bytes) -> date:
    # fromisoformat takes further forms of ISO 8601.
    if len(data) != 10 or data[4:5] != b"-" or data[7:8] != b"-":
        raise ValueError("not in plain form")
    return date.fromisoformat(data.decode("ascii"))


def _get_boolean(data: bytes) -> bool:
    return {b"\x00": False, b"\x01": True}[data]


def _get_money(data: bytes) -> Money:
    currency, _, amount = data.decode("ascii").partition(" ")
    return Money(_get_decimal(amount), currency)


def _get_list(data: bytes) -> tuple[str, ...]:
    members = parse_canonical(data)
    if not isinstance(members, list) or not all(isinstance(member, str) for member in members):
        raise ValueError("not a list of text")
    return tuple(members)


def _get_reference(data: bytes) -> str:
    if len(data) != 16:
        raise ValueError("not an identifier")
    return id_text(data)


def _put_file(value: FileRef) -> bytes:
    return canonical({"id": value.id, "name": value.name, "size": value.size, "type": value.media_type})


def _get_file(data: bytes) -> FileRef:
    parts = parse_canonical(data)
    return FileRef(parts["id"], parts["name"], parts["type"], parts["size"])


ENCODINGS: Final[Mapping[str, int]] = {
    "text": 1,
    "integer": 2,
    "decimal": 3,
    "money": 4,
    "date": 5,
    "datetime": 6,
    "boolean": 7,
    "list": 8,
    "reference": 9,
    "file": 10,
}

_PUT: Final[Mapping[int, Callable[[Any], bytes]]] = {
    1: lambda value: value.encode("utf-8"),
    2: lambda value: b"%d" % value,
    3: lambda value: _put_decimal(value).encode("ascii"),
    4: lambda value: f"{value.currency} {_put_decimal(value.amount)}".encode("ascii"),
    5: lambda value: value.isoformat().encode("ascii"),
    6: _put_datetime,
    7: lambda value: b"\x01" if value else b"\x00",
    8: lambda value: canonical(list(value)),
    9: id_bytes,
    10: _put_file,
}

_GET: Final[Mapping[int, Callable[[bytes], Value]]] = {
    1: lambda data: data.decode("utf-8"),
    2: _get_integer,
    3: lambda data: _get_decimal(data.decode("ascii")),
    4: _get_money,
    5: _get_date,
    6: _get_datetime,
    7: _get_boolean,
    8: _get_list,
    9: _get_reference,
    10: _get_file,
}


def encode_value(encoding: int, value: Value) -> bytes:
    """A value as the bytes that are sealed: the encoding's number, then the value.

    Args:
        encoding: a number out of ``ENCODINGS``.
        value: of the Python type that the encoding is for.

    Raises:
        UsageError: ``usage.text`` for a lone surrogate.
    """
    try:
        return bytes((encoding,)) + _PUT[encoding](value)
    except UnicodeEncodeError:
        raise UsageError("usage.text") from None


def decode_value(data: bytes) -> Value:
    """The value in bytes that ``encode_value`` made.

    Raises:
        IntegrityError: ``integrity.value`` where the bytes are of no known encoding.
    """
    try:
        if data[0] == 1:
            return data[1:].decode("utf-8")
        return _GET[data[0]](data[1:])
    except (LookupError, ValueError, ArithmeticError, TypeError, struct.error, IntegrityError):
        raise IntegrityError("integrity.value") from None


def decode_values(encoded: Mapping[int, bytes]) -> dict[int, Value]:
    """``decode_value`` of a record's fields; what has no bytes is left out.

    Raises:
        IntegrityError: as ``decode_value``.
    """
    get = _GET
    try:
        # Most are texts, and a call for each would cost as much again.
        return {
            number: data[1:].decode() if data[0] == 1 else get[data[0]](data[1:])
            for number, data in encoded.items()
            if data
        }
    except (LookupError, ValueError, ArithmeticError, TypeError, struct.error, IntegrityError):
        raise IntegrityError("integrity.value") from None
