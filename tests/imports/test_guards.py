from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from muniment.exports import protect, unprotect

SIGNS = "=+-@＝＋－＠"
DANGEROUS = st.text(
    st.sampled_from([*SIGNS, "'", "\t", "\r", "\n", ";", " ", "\u3000", "\ufeff", "a", "1", '"'])
)
ANY = st.text() | DANGEROUS


def begins_a_formula(text: str) -> bool:
    """What a careful spreadsheet program could take for a formula, told in another way than the code does."""
    stripped = text.lstrip("".join(map(chr, range(33))) + "\x7f\xa0\u200b\u3000\ufeff")
    return text[:1] in ("\t", "\r", "\n") or unicodedata.normalize("NFKC", stripped[:1]) in (
        "=",
        "+",
        "-",
        "@",
    )


@settings(max_examples=500)
@given(ANY)
@example("'=1")
@example("\t=1")
@example("'\t'=1")
def test_protection_is_undone_exactly(text: str) -> None:
    """Every text comes back as it was, also one that held apostrophes before."""
    assert text == unprotect(protect(text))


@settings(max_examples=500)
@given(ANY)
def test_a_protected_text_begins_no_formula_anywhere(text: str) -> None:
    """Not at its start, nor where a program set to another separator would see a cell begin."""
    safe = protect(text)
    assert not begins_a_formula(safe)
    for piece in re.split("[;\t\r\n]", safe)[1:]:
        assert not begins_a_formula(piece) or piece == ""


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("=cmd|'/c calc'!A1", "'=cmd|'/c calc'!A1"),
        ("+49 30 1234567", "'+49 30 1234567"),
        ("-5", "'-5"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t'=1"),
        (" =1", "' =1"),
        ("＝1+1", "'＝1+1"),
        ("x;=1", "x;'=1"),
        ("a\n- b", "a\n'- b"),
        ("O'Brien", "O'Brien"),
        ("'tis", "'tis"),
        ("1-2=3", "1-2=3"),
        ("a, b; c", "a, b; c"),
        ("", ""),
    ],
)
def test_known_texts(text: str, safe: str) -> None:
    """What is dangerous gets an apostrophe, what is not stays as it is."""
    assert safe == protect(text)
    assert text == unprotect(safe)


@given(st.text(st.characters(exclude_characters="'")))
def test_a_text_without_apostrophes_is_read_as_it_is(text: str) -> None:
    """Reading a file of another program changes nothing that holds no apostrophe."""
    assert text == unprotect(text)
