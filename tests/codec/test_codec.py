"""Canonical bytes and value encodings."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from muniment.codec import ENCODINGS, canonical, decode_value, encode_value, parse_canonical
from muniment.errors import IntegrityError, UsageError
from muniment.model import FileRef, Money, instant, micros_of, parse_time, rfc3339

VECTORS = Path(__file__).resolve().parents[2] / "schemas" / "muniment_schemas" / "vectors" / "values.json"
DOCUMENT = json.loads(VECTORS.read_text(encoding="utf-8"))

texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=40)
keys = st.text(st.characters(min_codepoint=0, max_codepoint=127), max_size=10)
leaves = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | texts
documents = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(keys, inner, max_size=5),
    max_leaves=20,
)


@given(documents)
def test_canonical_is_rfc_8785(document: Any) -> None:
    """For documents with ASCII keys and without floats our bytes are those of another implementation."""
    assert rfc8785.dumps(document) == canonical(document)


@given(documents)
def test_canonical_reads_back(document: Any) -> None:
    """What was written is read back equal."""
    assert document == parse_canonical(canonical(document))


@pytest.mark.parametrize(
    "data",
    [
        b'{"b":1,"a":2}',
        b'{"a": 1}',
        b'{"a":1,"a":1}',
        b'["\\u0061"]',
        b"[1] ",
        b"[1.0]",
        b"[1e3]",
        b"[NaN]",
        b'["\\ud800"]',
        b"\xff",
        b"",
        b"[" * 100_000,
    ],
    ids=lambda data: repr(data[:16]),
)
def test_other_json_is_refused(data: bytes) -> None:
    """JSON that canonical() would not have written is refused: one document has one form."""
    with pytest.raises(IntegrityError, match=r"integrity\.json"):
        parse_canonical(data)


def test_half_characters_are_refused() -> None:
    """A lone surrogate has no UTF-8 and is refused, in documents and in values."""
    with pytest.raises(UsageError, match=r"usage\.text"):
        canonical(["\ud800"])
    with pytest.raises(UsageError, match=r"usage\.text"):
        encode_value(1, "\ud800")


decimals = st.decimals(allow_nan=False, allow_infinity=False, places=3) | st.decimals(
    allow_nan=False, allow_infinity=False
).filter(lambda number: abs(number.as_tuple().exponent) < 50 and number.adjusted() < 50)
zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1), timezones=zones)
files = st.builds(FileRef, st.uuids().map(str), texts, st.just("application/pdf"), st.integers(0, 2**53 - 1))
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "text": texts,
    "integer": st.integers(),
    "decimal": decimals,
    "money": st.builds(Money, decimals, st.from_regex(r"[A-Z]{3}", fullmatch=True)),
    "date": st.dates(),
    "datetime": moments,
    "boolean": st.booleans(),
    "list": st.lists(texts, max_size=5).map(tuple),
    "reference": st.uuids().map(str),
    "file": files,
}


@pytest.mark.parametrize("name", ENCODINGS)
@given(data=st.data())
def test_every_encoding_reads_back(name: str, data: st.DataObject) -> None:
    """A value comes back equal, of the same type, and encodes to the same bytes again."""
    value = data.draw(VALUES[name])
    encoded = encode_value(ENCODINGS[name], value)
    decoded = decode_value(encoded)
    assert encoded[0] == ENCODINGS[name]
    assert value == decoded
    assert type(value) is type(decoded)
    assert encoded == encode_value(ENCODINGS[name], decoded)


@given(decimals)
def test_decimals_keep_their_places(number: Decimal) -> None:
    """12.50 is kept as 12.50: what was typed is what is shown, without an exponent."""
    decoded = decode_value(encode_value(ENCODINGS["decimal"], number))
    assert format(number, "f") == format(decoded, "f")


@given(moments)
def test_times_keep_their_zone(moment: datetime) -> None:
    """A time keeps the moment, to the microsecond, and the zone it was written in."""
    decoded = decode_value(encode_value(ENCODINGS["datetime"], moment))
    assert isinstance(decoded, datetime)
    assert moment.utcoffset() == decoded.utcoffset()
    assert moment.replace(tzinfo=None) == decoded.replace(tzinfo=None)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_are_none_cannot_be_kept(number: str) -> None:
    """NaN and infinity have no bytes, alone or as an amount."""
    for encoding, value in ((3, Decimal(number)), (4, Money(Decimal(number), "EUR"))):
        with pytest.raises(UsageError, match=r"usage\.number"):
            encode_value(encoding, value)


@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """Bytes give a value that has these very bytes, or the one error there is."""
    try:
        value = decode_value(data)
    except IntegrityError:
        with pytest.raises(IntegrityError, match=r"integrity\.value"):
            decode_value(data)
    else:
        assert data == encode_value(data[0], value)


@pytest.mark.parametrize("data", DOCUMENT["refused"])
def test_published_wrong_values_are_refused(data: str) -> None:
    """Every published wrong encoding is refused."""
    with pytest.raises(IntegrityError, match=r"integrity\.value"):
        decode_value(bytes.fromhex(data))


def other_decode(data: bytes) -> Any:
    """A value as values.json shows it, read with nothing of muniment."""
    body = data[1:]
    match data[0]:
        case 1 | 2 | 3 | 5:
            return body.decode()
        case 4:
            return {"amount": body[4:].decode(), "currency": body[:3].decode()}
        case 6:
            micros, minutes = body[:8], body[8:]
            return {
                "micros": str(int.from_bytes(micros, "big", signed=True)),
                "offset_minutes": int.from_bytes(minutes, "big", signed=True),
            }
        case 7:
            return body == b"\x01"
        case 8 | 10:
            return json.loads(body)
        case 9:
            return str(UUID(bytes=body))
    raise AssertionError(data[0])


@pytest.mark.parametrize("case", DOCUMENT["values"], ids=lambda case: str(case["encoding"]))
def test_published_values(case: dict[str, Any]) -> None:
    """Every published value is read alike with and without muniment, and written to the same bytes."""
    data = bytes.fromhex(case["bytes"])
    assert case["value"] == other_decode(data)
    assert DOCUMENT["encodings"][case["encoding"]] == data[0]
    assert data == encode_value(data[0], decode_value(data))


def test_published_numbers_are_the_core_s() -> None:
    """The closed list of encodings is the published one."""
    assert DOCUMENT["encodings"] == dict(ENCODINGS)


def test_a_known_moment_and_day() -> None:
    """The epoch is zero, a day is its ISO form."""
    assert encode_value(6, datetime(1970, 1, 1, tzinfo=UTC)) == b"\x06" + bytes(10)
    assert encode_value(5, date(2026, 2, 28)) == b"\x052026-02-28"


@given(st.integers(0, 10**17), st.timezones())
def test_points_in_time_are_exact_in_every_zone(time_us: int, zone: Any) -> None:
    """Not a microsecond is lost on the way through a zone: deadlines and hashes hang on it."""
    moment = instant(time_us, zone)
    assert time_us == micros_of(moment)
    assert moment == instant(time_us)
    assert time_us == parse_time(rfc3339(time_us))
