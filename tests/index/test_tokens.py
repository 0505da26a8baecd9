"""Normal forms and tokens: what counts as the same, and what a token tells."""

from __future__ import annotations

import csv
import hashlib
import hmac
import json
import struct
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from muniment import index
from muniment.errors import ConfigError, UsageError
from muniment.keys import derive
from muniment.model import Money

VECTORS = Path(__file__).resolve().parents[2] / "schemas" / "muniment_schemas" / "vectors" / "index.json"
DOCUMENT = json.loads(VECTORS.read_text(encoding="utf-8"))
ROOT, ARCHIVE = bytes.fromhex(DOCUMENT["index_root"]), bytes.fromhex(DOCUMENT["archive"])

texts = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=30)
names = st.text(st.sampled_from("abcZÄéßø'- .,李娜张伟カナー김민·　Ａ１2हि\u0301"), max_size=14)


def index_key(field: int, kind: int, normaliser: int, epoch: int) -> bytes:
    """The key as formats/indexes.md says, with nothing of muniment."""
    info = b"muniment/index/v1" + struct.pack(">16sIBHI", ARCHIVE, field, kind, normaliser, epoch)
    return hmac.new(ROOT, info + b"\x01", hashlib.sha512).digest()[:32]


def forms(kind: str, field_kind: str, value: Any, **more: Any) -> list[str]:
    return [form.decode() for form in index.tokens(kind, field_kind, value, **more)]


# -------------------------------------------------------------------- vectors


def test_published_numbers_are_the_core_s() -> None:
    """Kinds and normal forms have their published numbers."""
    assert DOCUMENT["kinds"] == {kind.name: kind.number for kind in index.INDEX_KINDS.values()}
    assert DOCUMENT["normalisers"] == dict(index.NORMALISERS)


@pytest.mark.parametrize("case", DOCUMENT["tokens"], ids=lambda case: case["token"])
def test_published_tokens(case: dict[str, Any]) -> None:
    """Another derivation and another HMAC give the published key and token; the tail of a byte is zero."""
    key = index_key(case["field"], case["kind"], case["normaliser"], case["epoch"])
    assert case["key"] == key.hex()
    numbers = (case["field"], case["kind"], case["normaliser"], case["epoch"])
    assert derive.index_key(ROOT, ARCHIVE, *numbers) == key
    whole = hmac.new(key, bytes.fromhex(case["normalised"]), hashlib.sha256).digest()
    bits = case["bits"]
    shifted = int.from_bytes(whole, "big") >> 256 - bits << -bits % 8
    token = shifted.to_bytes((bits + 7) // 8, "big")
    assert case["token"] == token.hex()
    assert token == index.token_bytes(key, bytes.fromhex(case["normalised"]), bits)


def test_published_compound() -> None:
    """Members of a compound are normalised, and set apart by their lengths."""
    members = [("text", "Müller "), ("date", date(1980, 1, 2)), ("phone", "030 1234567")]
    made = index.compound_form(members, default_region="DE")
    expected = b"\x00\x03"
    for part in ("müller", "1980-01-02", "+49301234567"):
        expected += len(part.encode()).to_bytes(4, "big") + part.encode()
    assert expected == made == bytes.fromhex(DOCUMENT["compound"]["normalised"])


# --------------------------------------------------------------------- tokens


@given(form=st.binary(max_size=40), bits=st.integers(1, 256), key=st.binary(min_size=32, max_size=32))
def test_a_token_is_the_top_bits(form: bytes, bits: int, key: bytes) -> None:
    """A shorter token is the beginning of a longer one, and holds not one bit more."""
    token = index.token_bytes(key, form, bits)
    whole = int.from_bytes(index.token_bytes(key, form, 256), "big")
    assert len(token) == (bits + 7) // 8
    assert int.from_bytes(token, "big") >> (-bits % 8) == whole >> (256 - bits)
    assert int.from_bytes(token, "big") % 2 ** (-bits % 8) == 0


def test_tokens_differ_by_field_kind_form_and_epoch() -> None:
    """The same value has unrelated tokens in another field, kind, version of the form, or epoch."""
    keys = {
        index_key(*numbers)
        for numbers in (
            (5, 2, 0x0301, 1),
            (6, 2, 0x0301, 1),
            (5, 3, 0x0301, 1),
            (5, 2, 0x0302, 1),
            (5, 2, 0x0301, 2),
        )
    }
    made = {index.token_bytes(key, b"anna@example.com", 64) for key in keys}
    assert len(made) == 5


@pytest.mark.parametrize(("size", "bits"), [(31, 12), (33, 12), (0, 12), (32, 0), (32, 257)])
def test_a_wrong_key_makes_no_token(size: int, bits: int) -> None:
    """A key that is not 32 bytes, or an impossible length, is an error."""
    with pytest.raises(UsageError, match=r"index\.key"):
        index.token_bytes(bytes(size), b"x", bits)


def test_a_set_of_tokens_has_no_duplicates() -> None:
    """Words that fall together on short tokens give one row, and none is missing."""
    many = " ".join(f"word{number}" for number in range(50))
    made = index.token_set(bytes(32), "words", "text", many, bits=3)
    assert made <= {bytes((number << 5,)) for number in range(8)}
    assert made == {index.token_bytes(bytes(32), form, 3) for form in index.tokens("words", "text", many)}


@pytest.mark.parametrize("kind", [kind for kind in index.INDEX_KINDS if kind not in ("compound", "buckets")])
def test_an_empty_value_has_no_token(kind: str) -> None:
    """None, an empty text and blanks leave nothing to count."""
    for empty in (None, "", "  ", "　"):
        assert index.tokens(kind, "text", empty) == []
    assert index.tokens("exact", "several choices", ()) == []
    assert index.compound_form([("text", "a"), ("text", None)]) is None
    assert index.compound_form([("text", "a"), ("text", " ")]) is None


def test_kinds_refuse_fields_they_are_not_for() -> None:
    """An unknown kind, or one that does not fit the field, is an error that names those that do."""
    with pytest.raises(ConfigError, match=r"index\.takes") as refused:
        index.tokens("last_four", "date", date(2026, 1, 1))
    assert "buckets" in refused.value.parameters["kinds"]
    with pytest.raises(ConfigError, match=r"index\.kind\]"):
        index.tokens("fuzzy", "text", "x")
    for field_kind in ("checkbox", "file"):
        with pytest.raises(ConfigError, match=r"index\.takes"):
            index.check_kind("exact", field_kind)
    with pytest.raises(UsageError, match=r"index\.value"):
        index.tokens("words", "text", 5.0)
    with pytest.raises(UsageError, match=r"index\.value"):
        index.tokens("exact", "text", 5.0)


def test_kinds_of_plugins_are_taken_as_they_are_stored() -> None:
    """A plugin's kind is spoken of by the encoding it is stored in."""
    assert index.base_kind("e-mail", 1) == "e-mail"
    assert index.base_kind("resident_id", 1) == "identifier"
    assert index.base_kind("weight", 3) == "decimal"
    with pytest.raises(UsageError, match=r"index\.field_kind"):
        index.base_kind("weight", 99)


def test_every_pair_of_kinds_has_one_form() -> None:
    """Each index kind hashes a published form for each field kind it takes, and the form is in the key."""
    for kind in index.INDEX_KINDS.values():
        for field_kind in kind.takes:
            assert index.normaliser(kind.name, field_kind) in index.NORMALISERS.values()
    assert index.normaliser("normalised", "phone") != index.normaliser("normalised", "e-mail")


# --------------------------------------------------------------- plain values


def test_equal_values_have_equal_forms() -> None:
    """12.5 is 12.50, 5 EUR is 5.00 EUR, one moment is one moment in every zone; nothing else is."""
    assert forms("exact", "decimal", Decimal("12.50")) == forms("exact", "decimal", Decimal("12.5"))
    assert forms("exact", "decimal", Decimal("-0.0")) == forms("exact", "decimal", Decimal(0))
    assert forms("exact", "decimal", Decimal("1E+3")) == ["1000"]
    assert forms("exact", "money", Money(Decimal("5.00"), "EUR")) == ["EUR 5"]
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert forms("exact", "datetime", noon) == forms(
        "exact", "datetime", noon.astimezone(timezone(timedelta(hours=8)))
    )
    assert forms("exact", "text", "e\u0301") == forms("exact", "text", "é")
    assert forms("exact", "text", "Anna") != forms("exact", "text", "anna")
    assert forms("exact", "identifier", "0012") != forms("exact", "identifier", "12")


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4))
def test_numbers_have_one_form(number: Decimal) -> None:
    """The form of a number is the same number again, however it was written."""
    (form,) = forms("exact", "decimal", number)
    assert Decimal(form) == number
    assert forms("exact", "decimal", Decimal(form)) == [form]


# ------------------------------------------------------------ text and e-mail


@given(texts | names)
def test_folding_is_idempotent(text: str) -> None:
    """A folded text folds to itself."""
    assert index.fold(index.fold(text)) == index.fold(text)


def test_folding_is_idempotent_for_every_character() -> None:
    """No character, alone or under a mark that case folding moves, needs a second round."""
    for point in (*range(0xD800), *range(0xE000, 0x30000)):
        for text in (chr(point), f"{chr(point)}\u0345"):
            folded = index.fold(text)
            assert index.fold(folded) == folded


@given(names)
def test_folding_forgets_case_and_spaces(text: str) -> None:
    """Upper case and wider spaces make no difference."""
    assert index.fold(text.replace(" ", " \u3000")) == index.fold(text)
    assert index.fold(index.fold(text).upper().lower()) == index.fold(text) or not text.isascii()


@given(
    texts
    | st.emails()
    | st.builds("{}@{}".format, names, st.sampled_from(["münchen.de", "例子.公司", "Ａ.com"]))
)
def test_email_form_is_idempotent(text: str) -> None:
    """The normal form of an address is the normal form of itself, also where it is no address."""
    once = index.email_form(text)
    assert index.email_form(once) == once


@given(st.emails())
def test_plain_addresses_are_as_the_library_says(text: str) -> None:
    """The short way for plain addresses gives what email-validator gives, but for case."""
    email_validator = pytest.importorskip("email_validator")
    try:
        address = email_validator.validate_email(text, check_deliverability=False)
    except email_validator.EmailNotValidError:
        assume(False)
    assert index.email_form(text) == f"{address.local_part}@{address.ascii_domain}".lower()


@pytest.mark.parametrize(
    ("written", "form"),
    [
        (" Anna.Schmidt@Example.COM ", "anna.schmidt@example.com"),
        ("anna@MÜNCHEN.de", "anna@xn--mnchen-3ya.de"),
        ("anna@xn--mnchen-3ya.de", "anna@xn--mnchen-3ya.de"),
        ("Ｂｏｂ＠example.com", "bob@example.com"),
        ("no address", "no address"),
    ],
)
def test_addresses(written: str, form: str) -> None:
    """Case, width and the two spellings of an international domain make no difference."""
    assert forms("normalised", "e-mail", written) == [form]


# --------------------------------------------------------------------- phones

NUMBERS = ["030 1234567", "+49 30 1234567", "0049 30 1234567", "+49 (0)30 / 123-45-67", "030 1234567 ext. 12"]


@pytest.mark.parametrize("written", NUMBERS)
def test_spellings_of_a_phone_number_are_one(written: str) -> None:
    """Separators, country codes, a trunk zero and an extension make no difference."""
    assert forms("normalised", "phone", written, default_region="DE") == ["+49301234567"]


@pytest.mark.parametrize(
    "written",
    [
        "010-62345678转12",
        "010 6234 5678 转 12",
        "(010)62345678 分机 12",
        "+86 10 6234 5678 ext 12",
        "０１０６２３４５６７８",
    ],
)
def test_chinese_extensions_are_left_out(written: str) -> None:
    """Extensions as people in China write them are taken off before the number is read."""
    assert forms("normalised", "phone", written, default_region="CN") == ["+861062345678"]


@given(
    st.from_regex(r"\+?[0-9 ()/.-]{3,18}( ext\.? ?[0-9]{1,4})?", fullmatch=True),
    st.sampled_from(["DE", "CN", "US", ""]),
)
def test_phone_form_is_idempotent(written: str, region: str) -> None:
    """What was read as a number is read as the same one again, whatever the default region."""
    form = index.phone_form(written, region)
    if form is not None:
        assert index.phone_form(form, region) == form
        assert index.phone_form(form, "") == form


def test_an_unreadable_phone_has_no_token_but_a_unique_one() -> None:
    """It cannot be found by its number; that it stands there twice is still seen."""
    for kind in ("normalised", "exact", "last_four"):
        assert forms(kind, "phone", "ask Tom", default_region="DE") == []
    assert forms("unique", "phone", "Ask  Tom") == ["ask tom"]
    assert forms("last_four", "phone", "+453 3331 9991") == ["9991"]


def test_three_of_chinook_cannot_be_read(test_data: Path) -> None:
    """Of the 58 numbers in the sample table all but three are read."""
    with (test_data / "data" / "chinook_customer.csv").open(encoding="utf-8-sig", newline="") as file:
        phones = [row["phone"] for row in csv.DictReader(file) if row["phone"]]
    unreadable = [phone for phone in phones if not index.tokens("normalised", "phone", phone)]
    assert len(phones) == 58
    assert len(unreadable) == 3


# ------------------------------------------------------ prefix, last four, words


@given(names)
def test_prefixes_begin_the_folded_text(text: str) -> None:
    """There is one token for each of three lengths that the text has."""
    folded = index.fold(text)
    assert forms("prefix", "text", text) == [folded[:length] for length in (2, 4, 8) if length <= len(folded)]


def test_last_four() -> None:
    """Separators do not count, letters do but for phones, fewer than four give none."""
    assert forms("last_four", "identifier", "DE89 3704-0044 0532 0130 00") == ["3000"]
    assert forms("last_four", "identifier", "11010519491231002X") == ["002x"]
    assert forms("last_four", "integer", 123456) == ["3456"]
    assert forms("last_four", "phone", "030 1234567 ext. 12", default_region="DE") == ["4567"]
    assert forms("last_four", "text", "12-3") == []


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("Anna-Maria O'Brien", {"anna", "maria", "brien"}),
        ("ＭÜLLER  & Söhne GmbH", {"muller", "sohne", "gmbh"}),
        ("张伟明", {"张", "伟", "明", "张伟", "伟明"}),
        ("李　娜", {"李", "娜", "李娜"}),
        ("Studio 54", {"studio", "54"}),
        ("हिन्दी", {"हिन्दी"}),
        ("… - !", set()),
    ],
)
def test_words(written: str, expected: set[str]) -> None:
    """Words are folded and lose their accents; Chinese gives characters and pairs, also across a space."""
    assert set(forms("words", "text", written)) == expected


# -------------------------------------------------------------------- buckets


def test_buckets() -> None:
    """Days go by month, times by the month in UTC, numbers by their width, amounts by currency."""
    assert forms("buckets", "date", date(2026, 2, 28)) == ["2026-02"]
    late = datetime(2026, 1, 31, 23, 30, tzinfo=timezone(-timedelta(hours=2)))
    assert forms("buckets", "datetime", late) == ["2026-02"]
    assert forms("buckets", "integer", -1, width=100) == ["-1"]
    assert forms("buckets", "decimal", Decimal("99.99"), width=100) == ["0"]
    assert forms("buckets", "money", Money(Decimal(100), "EUR"), width=100) == ["EUR 1"]
    for width in (None, 0, -5):
        with pytest.raises(UsageError, match=r"index\.width"):
            index.tokens("buckets", "integer", 5, width=width)


@given(st.dates(max_value=date(9800, 1, 1)), st.integers(0, 15_000), st.integers(0, 15_000))
def test_a_day_between_lies_in_a_bucket_of_the_range(low: date, more: int, rest: int) -> None:
    """A range of days names the bucket of every day in it."""
    day, high = low + timedelta(more), low + timedelta(more + rest)
    (bucket,) = index.tokens("buckets", "date", day)
    assert bucket in index.bucket_forms(low, high)


@given(st.integers(-(10**6), 10**6), st.integers(0, 2_500), st.integers(0, 2_500), st.integers(5, 999))
def test_a_number_between_lies_in_a_bucket_of_the_range(low: int, more: int, rest: int, width: int) -> None:
    """A range of numbers names the bucket of every number in it."""
    (bucket,) = index.tokens("buckets", "integer", low + more, width=width)
    assert bucket in index.bucket_forms(low, low + more + rest, width=width)


@pytest.mark.parametrize(
    ("low", "high"),
    [
        (date(1, 1, 1), date(2026, 1, 1)),
        (Money(Decimal(1), "EUR"), Money(Decimal(2), "USD")),
        (Decimal(1), Money(Decimal(2), "USD")),
        (0, 10**9),
    ],
    ids=str,
)
def test_a_range_that_is_too_wide_or_mixed_is_an_error(low: Any, high: Any) -> None:
    """A range over too many buckets, two currencies or two kinds of value is refused."""
    with pytest.raises(UsageError, match=r"index\.range"):
        index.bucket_forms(low, high, width=10)


# ------------------------------------------------------------------- compound


@given(st.lists(texts, min_size=1, max_size=3), st.lists(texts, min_size=1, max_size=3))
def test_compounds_of_different_members_differ(first: list[str], second: list[str]) -> None:
    """Lengths stand before the members, so that nothing can be shifted from one to the next."""
    one, two = (index.compound_form([("text", text) for text in members]) for members in (first, second))
    assume(one is not None)
    same = [index.fold(text) for text in first] == [index.fold(text) for text in second]
    assert (one == two) == same


@given(st.sampled_from(("exact", "normalised", "unique", "prefix", "last_four")), names, st.integers(1, 256))
def test_a_maker_gives_the_tokens_of_the_set(kind: str, value: str, bits: int) -> None:
    """What was checked once makes the same tokens as what is checked for each value."""
    key = index_key(7, 1, 1, 1)
    make = index.token_maker(key, kind, "text", bits=bits)
    assert make(value) == index.token_set(key, kind, "text", value, bits=bits)
