"""The planner: lengths that keep both bounds, and words for what they tell."""

from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment import index
from muniment.errors import ConfigError

CUSTOMER = [
    index.IndexedField("customer_number", "identifier", ("unique",)),
    index.IndexedField("full_name", "text", ("words",), common=0.07),
    index.IndexedField("phone", "phone", ("normalised", "last_four")),
    index.IndexedField("email", "e-mail", ("normalised",)),
]


@given(st.integers(8, 10**10))
def test_bits_keep_both_bounds(rows: int) -> None:
    """From eight rows on, two rows at least share a token, and no lookup opens more than the square root."""
    shared = rows / 2 ** index.bits_for(rows)
    assert 2 <= shared <= math.sqrt(rows)


@given(st.integers(0, 10**9), st.floats(1, 60))
def test_bits_are_never_more_than_the_value_has(rows: int, entropy: float) -> None:
    """Tokens are never longer than the value they stand for, and never empty."""
    assert 1 <= index.bits_for(rows, entropy) <= entropy


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_bits_grow_with_rows(first: int, second: int) -> None:
    """More rows never mean shorter tokens."""
    fewer, more = sorted((first, second))
    assert index.bits_for(fewer) <= index.bits_for(more)


@given(st.integers(8, 10**8), st.integers(8, 10**8))
def test_due_bits_stay_until_they_do_not_fit(before: int, now: int) -> None:
    """An index is built anew only when a bound is broken, and the new length keeps both."""
    bits = index.bits_for(before)
    due = index.bits_due(bits, now, kind="normalised", field_kind="e-mail")
    fits = 2 <= now / 2**bits <= math.sqrt(now)
    assert (due == bits) == fits
    assert 2 <= now / 2**due <= math.sqrt(now)


def test_unique_has_128_bits_at_any_size() -> None:
    """A unique index tells equality by design; its length never changes."""
    for rows in (0, 10, 10**9):
        (planned,) = index.plan(CUSTOMER[:1], rows).indexes
        assert (planned.bits, planned.rebuild_at, planned.collisions) == (128, 0, 0)
    assert index.bits_due(12, 5, kind="unique", field_kind="text") == 128


def test_real_tokens_are_shared_as_planned() -> None:
    """With 20,000 values the tokens of the planned length are shared about as often as was said."""
    rows = 20_000
    (planned,) = index.plan([index.IndexedField("email", "e-mail", ("normalised",))], rows).indexes
    counted = Counter(
        index.token_bytes(bytes(range(32)), b"person%d@example.com" % number, planned.bits)
        for number in range(rows)
    )
    assert planned.shared_by / 1.1 <= rows / len(counted) <= planned.shared_by * 1.1
    assert max(counted.values()) <= math.sqrt(rows)


@pytest.mark.parametrize("kind", ["exact", "buckets"])
def test_few_values_are_refused_outside_a_compound(kind: str) -> None:
    """Below 2^7 values counting gives a field away; with others in a compound it may be indexed."""
    field = index.IndexedField("month", "date", (kind,), distinct=127)
    with pytest.raises(ConfigError, match=r"index\.few_values"):
        index.plan([field], 1_000)
    index.plan([index.IndexedField("month", "date", (kind,), distinct=128)], 1_000)
    with pytest.raises(ConfigError, match=r"index\.few_values"):
        index.plan([index.IndexedField("gender", "choice", ("exact",))], 1_000)
    index.plan([index.IndexedField("gender+born", "choice", ("compound",), distinct=4 * 20_000)], 1_000)


def test_a_common_value_is_warned_of() -> None:
    """A surname that seven in a hundred share is named, with its numbers, in both languages."""
    planned = {(one.field, one.kind): one for one in index.plan(CUSTOMER, 100_000).indexes}
    assert planned["full_name", "words"].warnings == ("index.common",)
    assert planned["email", "normalised"].warnings == ()
    for lang in ("en", "zh"):
        (warning,) = [line for line in planned["full_name", "words"].text(lang) if "7.0" in line]
        assert "7,000" in warning


def test_coarse_values_are_warned_of() -> None:
    """Where values are too few for the rows, the planner says that lookups open many."""
    (planned,) = index.plan([index.IndexedField("city", "text", ("exact",), distinct=200)], 1_000_000).indexes
    assert planned.warnings == ("index.coarse",)
    assert planned.rebuild_at == 0


def test_together_the_indexes_tell_rows_apart() -> None:
    """The planner adds up what all tokens of a row tell, and says whether that makes it unmistakable."""
    whole = index.plan(CUSTOMER, 100_000)
    assert whole.tells_rows_apart
    assert whole.together == sum(min(one.bits, one.value_bits) for one in whole.indexes)
    single = index.plan(CUSTOMER[1:2], 100_000)
    assert not single.tells_rows_apart
    assert whole.text() != single.text()


def test_growth_says_when_to_rebuild() -> None:
    """Longer tokens are due from the very number of rows at which the upper bound breaks."""
    (planned,) = index.plan(CUSTOMER[3:], 1_000).indexes
    at = planned.rebuild_at
    more = {"kind": "normalised", "field_kind": "e-mail"}
    assert index.bits_due(planned.bits, at - 1, **more) == planned.bits
    assert index.bits_due(planned.bits, at, **more) > planned.bits
    assert [rows for rows, _ in planned.growth] == [10**power for power in range(3, 8)]


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("rows", [0, 1, 7, 59, 10_000, 10**9])
def test_plans_are_told_in_words(lang: str, rows: int) -> None:
    """Every sentence is there in both languages, with every name and number filled in."""
    whole = index.plan(
        [*CUSTOMER, index.IndexedField("born", "date", ("buckets", "exact")),
         index.IndexedField("code", "text", ("prefix",)),
         index.IndexedField("a+b", "text", ("compound",))],
        rows,
    )  # fmt: skip
    lines = [line for one in whole.indexes for line in one.text(lang)] + whole.text(lang)
    for line in lines:
        assert not line.startswith("index.")
        assert "{" not in line
        assert any("\u4e00" <= letter <= "\u9fff" for letter in line) == (lang == "zh")
