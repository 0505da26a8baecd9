"""Asking an index: which one answers, that it finds, and that it says so when it cannot."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment import index
from muniment.errors import UsageError, text_of
from muniment.model import Money

names = st.text(st.sampled_from("abZÄéß'- .李娜张伟カナー김·　Ａ2\u0301"), min_size=1, max_size=12)
PEOPLE = [
    "Anna Schmidt",
    "anna schmidt-Müller",
    "李娜",
    "李 娜",
    "张伟明",
    "José da Silva",
    "Schmidt, Anna",
    None,
]


def search(
    operator: str, field_kind: str, asked: Any, stored: list[Any], kind: str, **more: Any
) -> list[Any]:
    """What a session does: tokens, candidates, a second look."""
    question = index.lookup(operator, field_kind, asked, kinds=(kind,), where="field", **more)
    more.pop("high", None)
    found = []
    for value in stored:
        have = set(index.tokens(kind, field_kind, value, **more))
        wanted = set(question.normalised)
        hit = wanted <= have if question.every else bool(wanted & have)
        if hit and index.matches(question, value):
            found.append(value)
    return found


@pytest.mark.parametrize(
    ("operator", "asked", "kind", "expected"),
    [
        ("word", "schmidt", "words", ["Anna Schmidt", "anna schmidt-Müller", "Schmidt, Anna"]),
        ("word", "muller ANNA", "words", ["anna schmidt-Müller"]),
        ("word", "李娜", "words", ["李娜", "李 娜"]),
        ("word", "李 娜", "words", ["李娜", "李 娜"]),
        ("word", "伟", "words", ["张伟明"]),
        ("word", "伟张", "words", []),
        ("word", "jose", "words", ["José da Silva"]),
        ("equals", "ANNA  schmidt", "words", ["Anna Schmidt"]),
        ("equals", "anna schmidt", "normalised", ["Anna Schmidt"]),
        ("equals", "Anna Schmidt", "exact", ["Anna Schmidt"]),
        ("equals", "anna schmidt", "exact", []),
        ("prefix", "ann", "prefix", ["Anna Schmidt", "anna schmidt-Müller"]),
        ("prefix", "anna schmidt-", "prefix", ["anna schmidt-Müller"]),
        ("prefix", "李娜", "prefix", ["李娜"]),
    ],
)
def test_names_are_found(operator: str, asked: str, kind: str, expected: list[str]) -> None:
    """Every way to look for a name finds those, and only those, that a person would expect."""
    assert expected == search(operator, "text", asked, PEOPLE, kind)


@pytest.mark.parametrize("kind", ["words", "normalised"])
@given(stored=names, asked=names)
def test_an_index_finds_what_a_scan_finds(kind: str, stored: str, asked: str) -> None:
    """No record that opening every record would find is missed by the index."""
    for operator in ("equals", "word") if kind == "words" else ("equals",):
        try:
            question = index.scan(operator, "text", asked, kinds=(kind,), where="field")
            found = search(operator, "text", asked, [stored], kind)
        except UsageError:
            continue
        assert found == [stored] * index.matches(question, stored)


@given(stored=names, data=st.data())
def test_every_beginning_is_found(stored: str, data: st.DataObject) -> None:
    """A record is found by every beginning of its text that is long enough."""
    folded = index.fold(stored)
    length = data.draw(st.integers(1, max(len(folded), 1)))
    if len(index.fold(folded[:length])) >= 2 and folded.startswith(index.fold(folded[:length])):
        assert search("prefix", "text", folded[:length], [stored], "prefix") == [stored]


@given(names)
def test_a_text_is_found_by_its_own_words(stored: str) -> None:
    """Looking for the whole of a text finds it, if there is a word in it."""
    if index.tokens("words", "text", stored):
        assert search("word", "text", stored, [stored], "words") == [stored]
    else:
        with pytest.raises(UsageError, match=r"index\.(word|empty)"):
            search("word", "text", stored, [stored], "words")


def test_a_beginning_is_looked_up_by_its_longest_token() -> None:
    """The longest token that a beginning contains opens the fewest records."""
    asked = {start: index.lookup("prefix", "text", start, kinds=("prefix",), where="name").normalised
             for start in ("an", "ann", "anna", "anna schmidt")}  # fmt: skip
    assert asked == {"an": (b"an",), "ann": (b"an",), "anna": (b"anna",), "anna schmidt": (b"anna sch",)}


def test_phones_and_addresses_are_found_however_written() -> None:
    """A phone is found by another spelling and by its last four digits, an address in any case."""
    phones = ["030 1234567", "+49 30 7654321", "ask Tom", "+453 3331 9991"]
    assert (
        search("equals", "phone", "+49 30 123-4567", phones, "normalised", default_region="DE") == phones[:1]
    )
    assert search("last_four", "phone", "4321", phones, "last_four", default_region="DE") == phones[1:2]
    assert search("last_four", "phone", "9991", phones, "last_four", default_region="DE") == phones[3:]
    assert search("equals", "phone", "ASK TOM", phones, "unique", default_region="DE") == ["ask Tom"]
    mails = ["Anna@Example.com", "bob@example.com"]
    assert search("equals", "e-mail", "anna@EXAMPLE.com", mails, "normalised") == mails[:1]


def test_choices_and_ranges_are_found() -> None:
    """One of several choices finds its holders; a range finds what lies in it, both ends included."""
    colours = [("red", "green"), ("red",), ()]
    assert search("equals", "several choices", "red", colours, "exact") == colours[:2]
    assert search("equals", "several choices", ("green", "red"), colours, "exact") == colours[:1]
    days = [date(2026, 1, 2), date(2026, 1, 3), date(2026, 3, 1), date(2026, 3, 2)]
    assert search("between", "date", days[1], days, "buckets", high=days[2]) == days[1:3]
    prices = [Money(Decimal(text), code) for text, code in (("-5", "EUR"), ("99.5", "EUR"), ("99.5", "USD"))]
    asked = (Money(Decimal(0), "EUR"), Money(Decimal(150), "EUR"))
    assert search("between", "money", asked[0], prices, "buckets", high=asked[1], width=100) == prices[1:2]


def test_collisions_are_thrown_away() -> None:
    """A hit that only shares the token is not what was asked for."""
    question = index.lookup("equals", "text", "anna", kinds=("exact",), where="name")
    assert not index.matches(question, "bob")
    assert not index.matches(question, None)


@pytest.mark.parametrize(
    ("operator", "field_kind", "kinds", "code", "named"),
    [
        ("prefix", "text", ("words",), "index.unsupported", "prefix"),
        ("word", "text", (), "index.unsupported", "words"),
        ("equals", "text", ("prefix", "last_four"), "index.unsupported", "unique, exact, normalised, words"),
        ("between", "date", ("exact",), "index.unsupported", "buckets"),
        ("last_four", "phone", ("normalised",), "index.unsupported", "last_four"),
        ("prefix", "phone", ("normalised",), "index.unanswerable", ""),
        ("between", "text", ("words",), "index.unanswerable", ""),
    ],
)
def test_a_question_no_index_answers_is_an_error(
    operator: str, field_kind: str, kinds: tuple[str, ...], code: str, named: str
) -> None:
    """Never an empty list: the error says which index would answer, and names the logged way."""
    value: Any = date(2026, 1, 1) if field_kind == "date" else "1234"
    if operator == "between" and field_kind == "text":
        value = 5
    with pytest.raises(UsageError) as refused:
        index.lookup(operator, field_kind, value, kinds=kinds, where="field", high=value)
    assert refused.value.code == code
    assert refused.value.parameters["kinds"] == named
    for lang in ("en", "zh"):
        assert "--scan" in refused.value.text(lang)
        assert named in refused.value.text(lang)


@pytest.mark.parametrize(
    ("operator", "field_kind", "asked", "kind", "code"),
    [
        ("equals", "phone", "ask Tom", "normalised", "index.phone"),
        ("equals", "text", "", "exact", "index.empty"),
        ("equals", "text", None, "exact", "index.empty"),
        ("equals", "text", "　", "exact", "index.empty"),
        ("equals", "several choices", (), "exact", "index.empty"),
        ("prefix", "text", "a", "prefix", "index.short"),
        ("word", "text", "a . !", "words", "index.word"),
        ("equals", "text", "! x", "words", "index.word"),
        ("last_four", "phone", "123", "last_four", "index.last_four"),
        ("last_four", "phone", "12345", "last_four", "index.last_four"),
        ("word", "text", 5.5, "words", "index.value"),
        ("contains", "text", "x", "words", "index.operator"),
        ("equals", "colour", "x", "exact", "index.field_kind"),
    ],
)
def test_too_little_to_look_up_is_an_error(
    operator: str, field_kind: str, asked: Any, kind: str, code: str
) -> None:
    """A value that gives no token is an error, never an empty list, and is not repeated in it."""
    with pytest.raises(UsageError) as refused:
        index.lookup(operator, field_kind, asked, kinds=(kind,), where="field")
    assert refused.value.code == code
    assert "Tom" not in refused.value.text()


def test_a_range_without_an_end_is_an_error() -> None:
    """Both ends are needed, and of one kind."""
    for high in (None, 5):
        with pytest.raises(UsageError, match=r"index\.range"):
            index.lookup("between", "date", date(2026, 1, 1), kinds=("buckets",), where="day", high=high)


def test_the_index_with_fewest_companions_answers() -> None:
    """Of several that could, the one is asked whose tokens are shared by the fewest."""
    kinds = ("prefix", "words", "normalised", "exact", "unique")
    chosen = []
    for left in range(len(kinds), 1, -1):
        chosen.append(index.lookup("equals", "text", "anna", kinds=kinds[:left], where="name").kind)
    assert chosen == ["unique", "exact", "normalised", "words"]


def test_a_scan_means_the_same_as_the_index() -> None:
    """Case matters in a scan exactly where an exact or unique index says so."""
    loose = index.scan("equals", "text", "ANNA", kinds=("words",), where="name")
    strict = index.scan("equals", "text", "ANNA", kinds=("exact", "words"), where="name")
    assert index.matches(loose, "Anna")
    assert not index.matches(strict, "Anna")
    assert index.matches(index.scan("equals", "decimal", Decimal("1.50"), where="price"), Decimal("1.5"))
    assert index.matches(index.scan("last_four", "phone", "9991", where="phone"), "+453 3331 9991")


def test_every_text_of_an_index_is_there_in_both_languages() -> None:
    """Each kind says what it leaks, in English and in Chinese."""
    for kind in index.INDEX_KINDS:
        for lang in ("en", "zh"):
            assert text_of(f"index.leak_{kind}", lang, field="name", shared="5")[0] != f"index.leak_{kind}"
