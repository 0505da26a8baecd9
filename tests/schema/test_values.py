"""What each kind reads, how it shows it, and what it refuses rather than guess."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest

from muniment.errors import ConfigError, text_of
from muniment.model import FileRef, Money
from muniment.schema import KINDS, Choice, Context, Field, Label, ValueProblem

CONTEXT = Context(today=date(2026, 3, 1), timezone="Asia/Shanghai", currency="CNY", default_region="CN")
STATES = (
    Choice("active", Label("Active", "已成交")),
    Choice("lost", Label("Lost; gone", "已流失"), "red"),
    Choice("old", Label("Old", "旧"), retired=True),
)
CHINA = timezone(timedelta(hours=8))


def read(kind: str, raw: object, context: Context = CONTEXT, **attributes: object) -> object:
    field = Field(key="f", kind=kind, **attributes)
    return KINDS[kind].parse(raw, field, context)


def code(kind: str, raw: object, context: Context = CONTEXT, **attributes: object) -> str:
    with pytest.raises(ValueProblem) as caught:
        read(kind, raw, context, **attributes)
    assert caught.value.kept is None
    return caught.value.code


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("  Anna  Schmidt ", "Anna  Schmidt"),
        ("Jose\u0301", "José"),
        ("李\u3000娜", "李\u3000娜"),
        ("\u3000李娜\u00a0", "李娜"),
        ("01234", "01234"),
        ("👩‍👩‍👧", "👩‍👩‍👧"),
        ("", None),
        (" \t\n ", None),
    ],
)
def test_text_is_composed_and_stripped_and_nothing_else(raw, expected):
    """Normal form C, no surrounding space; leading zeros, inner spaces and emoji stay."""
    assert expected == read("text", raw)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("a\x00b", "value.control"),
        ("a\x1bb", "value.control"),
        ("a\x9fb", "value.control"),
        ("a\nb", "value.line_break"),
        ("a\u2028b", "value.line_break"),
        ("a\tb", "value.line_break"),
        ("a\ud800b", "value.surrogate"),
        ("a" * 1_001, "value.too_long"),
        ("a" * 10_000_000, "value.too_long"),
        (12345, "value.kind"),
        (True, "value.kind"),
        (b"a", "value.kind"),
    ],
)
def test_text_refuses_what_cannot_be_seen_or_is_no_text(raw, expected):
    """Control characters, NUL, lone surrogates, breaks in a line, and numbers that lost their zeros."""
    assert expected == code("text", raw)


def test_a_decomposed_text_counts_as_long_as_it_is_stored():
    """The limit holds for the composed text."""
    assert "é" * 1_000 == read("text", "e\u0301" * 1_000)


def test_a_field_sets_its_own_limit():
    """Lower or higher than the kind's."""
    assert "value.too_long" == code("text", "abcd", max_length=3)
    assert "a" * 2_000 == read("text", "a" * 2_000, max_length=2_000)


def test_long_text_keeps_lines_and_tabs():
    """Line breaks of every system become line feeds."""
    assert "a\n\tb\nc" == read("long text", "a\r\n\tb\rc\n")
    assert "value.control" == code("long text", "a\x00b")
    assert "value.too_long" == code("long text", "a" * 100_001)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [("42", 42), ("-7", -7), ("\uff14\uff12", 42), ("1,234,567", 1234567), ("3.0", 3), (3.0, 3), (9, 9)],
)
def test_integers(raw, expected):
    """Full-width digits, thousands where they are certain, whole floats of a sheet."""
    value = read("integer", raw)
    assert (expected, int) == (value, type(value))


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("1,234", "value.ambiguous"),
        ("3.5", "value.integer"),
        ("abc", "value.number"),
        ("1e5", "value.number"),
        (True, "value.kind"),
        (float("nan"), "value.number"),
        (float("inf"), "value.number"),
        ("9" * 39, "value.digits"),
        pytest.param(1 << 20_000, "value.digits", id="huge"),
        ("9" * 5_000, "value.number"),
    ],
)
def test_integers_refused(raw, expected):
    """What could be another number, or is none."""
    assert expected == code("integer", raw)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("1,234.50", "1234.50"),
        ("1.234,50", "1234.50"),
        ("1 234,50", "1234.50"),
        ("1\u202f234,50", "1234.50"),
        ("1'234.50", "1234.50"),
        ("1,234,567", "1234567"),
        ("1.5", "1.5"),
        ("1,5", "1.5"),
        ("0.123", "0.123"),
        ("0,123", "0.123"),
        ("1234.567", "1234.567"),
        ("1.2340", "1.2340"),
        (".5", "0.5"),
        ("−3.10", "-3.10"),
        ("１２．５", "12.5"),
        ("-0.00", "0.00"),
        (0.1, "0.1"),
        (Decimal("1E+3"), "1000"),
        (12, "12"),
    ],
)
def test_decimals_keep_their_places(raw, expected):
    """Exact, as many places as were given, and marks that can mean one thing only."""
    assert expected == str(read("decimal", raw))


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("1,234", "value.ambiguous"),
        ("1.234", "value.ambiguous"),
        ("-12.345", "value.ambiguous"),
        ("1,23,456", "value.number"),
        ("1.234.56", "value.number"),
        ("1,234,56", "value.number"),
        ("1.2.3", "value.number"),
        ("", None),
        (",", "value.number"),
        ("-", "value.number"),
        (Decimal("1E+50"), "value.digits"),
        (Decimal("1E-50"), "value.digits"),
        (Decimal("NaN"), "value.number"),
        (1e300, "value.digits"),
    ],
)
def test_decimals_that_could_be_two_are_refused(raw, expected):
    """1.234 is a thousand and more, or one and a bit: nobody guesses."""
    if expected is None:
        assert read("decimal", raw) is None
    else:
        assert expected == code("decimal", raw)


def test_a_decimal_mark_settles_what_is_ambiguous():
    """The mark of a file makes its numbers certain, and the wrong mark is refused."""
    point = Context(today=CONTEXT.today, decimal_mark=".")
    comma = Context(today=CONTEXT.today, decimal_mark=",")
    assert Decimal("1.234") == read("decimal", "1.234", point)
    assert Decimal("1234") == read("decimal", "1,234", point)
    assert Decimal("1234") == read("decimal", "1.234", comma)
    assert Decimal("1.234") == read("decimal", "1,234", comma)
    assert "value.number" == code("decimal", "1,5", point)
    assert "value.number" == code("decimal", "1.5", comma)
    assert "value.number" == code("decimal", "1.234,50", point)
    assert "value.number" == code("decimal", "1,234.50", comma)


def test_numbers_keep_to_their_bounds():
    """The bound is named, the value is not."""
    assert 5 == read("integer", "5", minimum="1", maximum="5")
    assert "value.below" == code("integer", "0", minimum="1")
    assert "value.above" == code("integer", "6", maximum="5")
    assert "value.below" == code("decimal", "-0.01", minimum="0")
    assert "value.above" == code("money", "10.01", maximum="10")


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("12.50", Money(Decimal("12.50"), "CNY")),
        ("12.50 EUR", Money(Decimal("12.50"), "EUR")),
        ("eur 12.50", Money(Decimal("12.50"), "EUR")),
        ("€1.234,50", Money(Decimal("1234.50"), "EUR")),
        ("-5 €", Money(Decimal("-5"), "EUR")),
        ("¥100", Money(Decimal(100), "CNY")),
        ("￥100.00", Money(Decimal("100.00"), "CNY")),
        ("100元", Money(Decimal(100), "CNY")),
        ("HK$ 8", Money(Decimal(8), "HKD")),
        (Decimal("3"), Money(Decimal(3), "CNY")),
        (Money(Decimal("1"), "USD"), Money(Decimal(1), "USD")),
        ({"amount": "2.50", "currency": "USD"}, Money(Decimal("2.50"), "USD")),
    ],
)
def test_money(raw, expected):
    """A code, a name or a sign beside the amount, or the default currency."""
    assert expected == read("money", raw)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("$5", "value.currency_shared"),
        ("5 XYZ", "value.currency"),
        ("EUR 5 USD", "value.number"),
        ("EUR", "value.number"),
        ("1,234 EUR", "value.ambiguous"),
        ({"amount": 2.5, "currency": "USD"}, "value.number"),
        ({"amount": "NaN", "currency": "USD"}, "value.number"),
        (Money(Decimal(1), "XYZ"), "value.currency"),
    ],
)
def test_money_refused(raw, expected):
    """A sign that several currencies share is refused unless the default is one of them."""
    assert expected == code("money", raw)


def test_money_needs_a_currency_from_somewhere():
    """Its own, then the field's, then the context's; without any it is refused."""
    bare = Context(today=CONTEXT.today)
    assert "value.currency_missing" == code("money", "5", bare)
    assert Money(Decimal(5), "EUR") == read("money", "5", bare, currency="EUR")
    assert Money(Decimal(5), "CAD") == read("money", "$5", bare, currency="CAD")


@pytest.mark.parametrize(
    "raw",
    [
        "2026-03-01", "2026/3/1", "2026.3.1", "2026年3月1日", "2026 年 3 月 1 日", "20260301",
        "２０２６年３月１日",
        "1 March 2026", "1 Mar 2026", "Mar 1, 2026", "March 1st 2026", "2026-03-01 00:00:00", " 2026-03-01 ",
        "2026-03-01T00:00:00Z", "2026-03-01T00:00:00.000+08:00", "2026/3/1 12:00:00 AM", "2026年3月1日 0:00",
        date(2026, 3, 1), datetime(2026, 3, 1),
    ],
)  # fmt: skip
def test_dates(raw):
    """ISO 8601, Chinese, with a month's name, packed, and what a sheet makes of a day."""
    value = read("date", raw)
    assert (date(2026, 3, 1), date) == (value, type(value))


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("03/04/2026", "value.date_order"),
        ("3.4.2026", "value.date_order"),
        ("2026-02-30", "value.date"),
        ("2026-13-01", "value.date"),
        ("31/31/2026", "value.date"),
        ("2026-W10-7", "value.date"),
        ("01/02/26", "value.date"),
        ("45352", "value.date"),
        ("2026/3-1", "value.date"),
        ("tomorrow", "value.date"),
        ("1799-12-31", "value.year"),
        ("2201-01-01", "value.year"),
        (datetime(2026, 3, 1, 9, 30), "value.date_time"),
        ("2026-03-01T16:00:00Z", "value.date_time"),
        ("1 March 2026 09:30", "value.date_time"),
        ("2026年3月1日10点", "value.date_time"),
        ("00:00", "value.date"),
        (20260301, "value.kind"),
    ],
)
def test_dates_refused(raw, expected):
    """Two readings, no such day, years of two digits, serial numbers."""
    assert expected == code("date", raw)


def test_a_day_with_one_reading_needs_no_order():
    """A number above twelve is a day; two equal numbers are one day."""
    assert date(2026, 12, 25) == read("date", "25/12/2026")
    assert date(2026, 12, 25) == read("date", "12/25/2026")
    assert date(2026, 4, 4) == read("date", "4.4.2026")


def test_the_order_of_a_file_settles_its_dates():
    """And a day that breaks the order is still read the only way it can be."""
    german = Context(today=CONTEXT.today, date_order="dmy")
    american = Context(today=CONTEXT.today, date_order="mdy")
    assert date(2026, 4, 3) == read("date", "03/04/2026", german)
    assert date(2026, 3, 4) == read("date", "03/04/2026", american)


def test_an_ambiguous_date_shows_both_readings_by_position():
    """The problem names the two orders, never a part of the date."""
    with pytest.raises(ValueProblem) as caught:
        read("date", "03/04/2026")
    assert {"readings": "day-month-year | month-day-year"} == caught.value.parameters


def test_a_field_of_the_past_refuses_tomorrow():
    """Today is still possible."""
    assert date(2026, 3, 1) == read("date", "2026-03-01", past=True)
    assert "value.future" == code("date", "2026-03-02", past=True)
    # In Shanghai it is the second of March already.
    assert "value.future" == code("datetime", "2026-03-01T23:00:00+00:00", past=True)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("2026-03-01 09:30", datetime(2026, 3, 1, 9, 30, tzinfo=CHINA)),
        ("2026-03-01T09:30:15.25", datetime(2026, 3, 1, 9, 30, 15, 250_000, tzinfo=CHINA)),
        ("2026-03-01T09:30Z", datetime(2026, 3, 1, 9, 30, tzinfo=UTC)),
        ("2026-03-01 09:30:00+01:00", datetime(2026, 3, 1, 8, 30, tzinfo=UTC)),
        ("2026/3/1 9:30", datetime(2026, 3, 1, 9, 30, tzinfo=CHINA)),
        ("2026年3月1日 9时30分", datetime(2026, 3, 1, 9, 30, tzinfo=CHINA)),
        ("2026年3月1日下午3:05", datetime(2026, 3, 1, 15, 5, tzinfo=CHINA)),
        ("2026-03-01 9:30 PM", datetime(2026, 3, 1, 21, 30, tzinfo=CHINA)),
        ("2026-03-01 12:00 am", datetime(2026, 3, 1, 0, 0, tzinfo=CHINA)),
        ("2026-03-01", datetime(2026, 3, 1, tzinfo=CHINA)),
        (datetime(2026, 3, 1, 9, 30), datetime(2026, 3, 1, 9, 30, tzinfo=CHINA)),
        (date(2026, 3, 1), datetime(2026, 3, 1, tzinfo=CHINA)),
    ],
)
def test_datetimes(raw, expected):
    """With an offset, or in the zone of the context; always aware, always a whole minute off UTC."""
    value = read("datetime", raw)
    assert (expected, True) == (value, value.utcoffset() is not None)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("03/04/2026 9:30", "value.date_order"),
        ("2026-03-01 25:00", "value.datetime"),
        ("2026-03-01 09:60", "value.datetime"),
        ("2026-03-01 13:00 pm", "value.datetime"),
        ("2026-03-01 09:30+99:00", "value.datetime"),
        ("2026-03-01 09:30+01:75", "value.datetime"),
        ("09:30", "value.date"),
        ("1700-01-01 09:30", "value.year"),
        (1772300000, "value.kind"),
    ],
)
def test_datetimes_refused(raw, expected):
    """No such hour, no day, an ambiguous day, seconds since something."""
    assert expected == code("datetime", raw)


@pytest.mark.parametrize("raw", ["2026-03-29 02:30", "2026-10-25 02:30"])
def test_an_hour_that_never_came_or_came_twice_needs_an_offset(raw):
    """When the clocks change, only an offset says which moment is meant."""
    berlin = Context(today=date(2026, 12, 1), timezone="Europe/Berlin")
    assert "value.clock_change" == code("datetime", raw, berlin)
    assert datetime(2026, 10, 25, 1, 30, tzinfo=UTC) == read("datetime", "2026-10-25 02:30+01:00", berlin)


def test_an_unknown_zone_is_an_error_of_configuration():
    """It names the zone."""
    with pytest.raises(ConfigError, match="Asia/Shanghaj"):
        read("datetime", "2026-03-01 09:30", Context(today=CONTEXT.today, timezone="Asia/Shanghaj"))


@pytest.mark.parametrize("raw", ["yes", "Y", "TRUE", "1", "是", "√", "✓", "ｏｎ", True, 1])
def test_ticked(raw):
    """Words, digits and ticks."""
    assert read("checkbox", raw) is True


@pytest.mark.parametrize("raw", ["no", "N", "False", "0", "否", "无", False, 0])
def test_not_ticked(raw):
    """Words and digits; an empty cell says nothing."""
    assert read("checkbox", raw) is False
    assert read("checkbox", " ") is None


@pytest.mark.parametrize("raw", ["x", "×", "maybe", "2", 2, 1.0])
def test_a_cross_is_no_answer(raw):
    """It means yes to some and no to others."""
    assert code("checkbox", raw) in ("value.checkbox", "value.kind")


@pytest.mark.parametrize("raw", ["active", "Active", " ACTIVE ", "已成交"])
def test_a_choice_by_key_or_label(raw):
    """In either language, whatever the case."""
    assert "active" == read("choice", raw, choices=STATES)


def test_a_text_that_is_no_choice_is_told_the_choices():
    """In the reader's language; a retired one is not offered."""
    with pytest.raises(ValueProblem) as caught:
        read("choice", "gone", choices=STATES)
    texts = [text_of("value.choice", lang, **caught.value.parameters)[0] for lang in ("en", "zh")]
    for choice in STATES:
        assert [not choice.retired] * 2 == [
            choice.label.of(lang) in text for lang, text in zip(("en", "zh"), texts, strict=True)
        ]


def test_a_choice_that_is_none_or_retired_is_refused():
    """With a code of its own for each."""
    assert "value.choice" == code("choice", "gone", choices=STATES)
    assert "value.choice_retired" == code("choice", "Old", choices=STATES)


@pytest.mark.parametrize(
    "raw", ["lost; active", "已流失、Active", "lost|active|lost", ["active", "lost"], {"lost", "active"}]
)
def test_several_choices_stand_in_the_order_of_the_field(raw):
    """So that another order is no change."""
    assert ("active", "lost") == read("several choices", raw, choices=STATES)


def test_a_label_with_a_separator_inside_is_read_whole_and_shown_by_its_key():
    """What is shown can be read back."""
    assert ("lost",) == read("several choices", "Lost; gone", choices=STATES)
    field = Field(key="f", kind="several choices", choices=STATES)
    assert "Active; lost" == KINDS["several choices"].format(("active", "lost"), "en", field)


def test_several_choices_without_choices_take_words():
    """As given, each once."""
    assert ("owner", "sales 3") == read("several choices", "owner；sales 3，owner")
    assert read("several choices", " ; ") is None
    assert "value.separator" == code("several choices", ["a;b"])
    assert "value.control" == code("several choices", "a\x00b")
    assert "value.too_many" == code("several choices", ";" * 1_001)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("Anna.Schmidt@Example.COM", "Anna.Schmidt@example.com"),
        ("li_na+news@mail.example.cn", "li_na+news@mail.example.cn"),
        ("用户@例子.公司", "用户@例子.公司"),
        ("o'hara@example.org", "o'hara@example.org"),
    ],
)
def test_email(raw, expected):
    """The domain in small letters, the rest as typed."""
    assert expected == read("e-mail", raw)


@pytest.mark.parametrize(
    "raw", ["anna", "anna@", "@example.com", "a@b@example.com", "anna@example", "a..b@example.com",
            "anna@-example.com", "anna@localhost", "anna@shop.test", "an na@example.com", ".a@example.com"],
)  # fmt: skip
def test_email_refused(raw):
    """What reaches nobody."""
    assert "value.email" == code("e-mail", raw)


def test_a_phone_is_kept_as_typed():
    """Numbers of the default region and of others, extensions, full-width digits."""
    for raw in ("138 1234 5678", "+49 30 1234567", "010-62345678 转 12", "＋86 138 1234 5678"):
        assert raw == read("phone", raw)


def test_a_phone_that_cannot_be_read_is_kept_with_a_warning():
    """Better a number that a person can read than none."""
    with pytest.raises(ValueProblem) as caught:
        read("phone", "ask at the desk")
    assert ("value.phone", "ask at the desk", {}) == (
        caught.value.code, caught.value.kept, caught.value.parameters,
    )  # fmt: skip


@pytest.mark.parametrize(
    "raw", ["https://example.com/a?b=c#d", "http://例子.公司/", "mailto:anna@example.com"]
)
def test_url(raw):
    """As typed."""
    assert raw == read("URL", raw)


@pytest.mark.parametrize(
    "raw", ["javascript:alert(1)", "ftp://example.com", "www.example.com", "https://", "https://a b.com",
            "data:text/html,x", "mailto:nobody", "https://[::1", "https://example.com:port/"],
)  # fmt: skip
def test_url_refused(raw):
    """Anything that could run, and what is not whole."""
    assert "value.url" == code("URL", raw)


def test_reference_is_an_identifier():
    """As text, as UUID or as 16 bytes; a name has to be looked up before."""
    text = "0190b2e4-7b1a-7c3d-8e4f-0123456789ab"
    for raw in (text, text.upper(), UUID(text), UUID(text).bytes):
        assert text == read("reference", raw, target="customer")
    assert "value.reference" == code("reference", "Anna Schmidt", target="customer")


def test_file_is_described_not_held():
    """A name without a path, a media type, a size."""
    ref = FileRef("0190b2e4-7b1a-7c3d-8e4f-0123456789ab", "scan.pdf", "application/pdf", 12)
    assert ref == read("file", ref)
    assert ref == read("file", KINDS["file"].to_json(ref))
    for changed in (
        {"name": "../x"},
        {"name": ""},
        {"size": -1},
        {"size": True},
        {"id": "x"},
        {"type": "pdf"},
    ):
        assert "value.file" == code("file", {**KINDS["file"].to_json(ref), **changed})
    assert "value.file" == code("file", "scan.pdf")


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("text", "Anna Schmidt", "••••"),
        ("phone", "+49 30 1234567", "••••4567"),
        ("phone", "1234567", "••••"),
        ("phone", "+33 1 23 45 2 15", "••••5215"),
        ("e-mail", "anna@example.com", "a••••@example.com"),
        ("e-mail", "jo@example.com", "••••@example.com"),
        ("date", date(1980, 2, 3), "1980-••-••"),
        ("money", Money(Decimal(5), "EUR"), "••••"),
    ],
)
def test_masks_tell_neither_value_nor_length(kind, value, expected):
    """Each kind has a mask; four characters of fewer than eight never show."""
    assert expected == KINDS[kind].mask(value)
    assert "••••" == KINDS[kind].mask(value, "no such mask")


def test_labels_are_shown_in_the_language_of_the_reader():
    """Choices and checkboxes; a choice that nobody knows any more shows its key."""
    field = Field(key="f", kind="choice", choices=STATES)
    assert ("Active", "已成交", "gone") == (
        KINDS["choice"].format("active", "en", field),
        KINDS["choice"].format("active", "zh", field),
        KINDS["choice"].format("gone", "en", field),
    )
    assert ("yes", "否") == (KINDS["checkbox"].format(True, "en"), KINDS["checkbox"].format(False, "zh"))
