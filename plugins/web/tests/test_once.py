"""Answers that are kept for a retry: to whom they are given again, for how long, and how many."""

from __future__ import annotations

import pytest

from muniment.errors import Conflict, UsageError
from muniment_web.api import _once
from muniment_web.api._once import LARGEST, Answer, Answers

DAY_US = 86_400_000_000


@pytest.fixture
def answers(clock):
    """Nothing kept yet."""
    return Answers(clock, b"s" * 32)


def answered(body: bytes | None = b"{}") -> Answer:
    """What was answered."""
    return Answer(201, (("location", "/1"),), body)


def test_a_retry_gets_the_first_answer_and_nobody_else_does(answers):
    """The same who, key and request; another who begins anew, another request under the key is refused."""
    assert answers.begin("a", "k", b"asked") is None
    answers.keep("a", "k", answered())
    assert answered() == answers.begin("a", "k", b"asked")
    assert answers.begin("b", "k", b"asked") is None
    assert answers.begin("a", "k2", b"asked") is None
    with pytest.raises(Conflict, match=r"conflict\.idempotency"):
        answers.begin("a", "k", b"asked otherwise")


def test_a_second_one_waits_for_the_first(answers):
    """While a request goes on, the same one is refused; when it came to nothing, it may be tried again."""
    assert answers.begin("a", "k", b"asked") is None
    with pytest.raises(Conflict, match=r"serve\.once_running"):
        answers.begin("a", "k", b"asked")
    answers.drop("a", "k")
    assert answers.begin("a", "k", b"asked") is None


@pytest.mark.parametrize("body", [None, b"x" * (LARGEST + 1)])
def test_what_is_not_kept_is_not_done_again(answers, body):
    """A secret, or an answer that is too large, is told once; a retry learns that it was."""
    assert answers.begin("a", "k", b"asked") is None
    answers.keep("a", "k", answered(body))
    with pytest.raises(Conflict, match=r"serve\.once_gone"):
        answers.begin("a", "k", b"asked")
    assert answers.begin("a", "most", b"asked") is None
    answers.keep("a", "most", answered(b"x" * LARGEST))
    assert answered(b"x" * LARGEST) == answers.begin("a", "most", b"asked")


def test_an_answer_is_kept_for_a_day(answers, clock):
    """To the microsecond: one less, and it is given again; then the key begins anew."""
    assert answers.begin("a", "k", b"asked") is None
    answers.keep("a", "k", answered())
    clock.now_us += DAY_US - 1
    assert answered() == answers.begin("a", "k", b"asked")
    clock.now_us += 1
    assert answers.begin("a", "k", b"asked otherwise") is None


def test_what_is_kept_has_a_bound(answers, monkeypatch):
    """In number and in bytes; the oldest goes first, and what it held is counted off."""
    monkeypatch.setattr(_once, "_MOST", 3)
    for key in "abcd":
        assert answers.begin("w", key, b"asked") is None
        answers.keep("w", key, answered())
    assert answered() == answers.begin("w", "d", b"asked")
    assert answers.begin("w", "a", b"asked otherwise") is None


def test_large_answers_push_the_oldest_out(answers, monkeypatch):
    """Of answers of 64 KiB as many stay as fit; what was pushed out does not go on counting."""
    monkeypatch.setattr(_once, "_BYTES", 3 * LARGEST)
    for key in "abcdefgh":
        assert answers.begin("w", key, b"asked") is None
        answers.keep("w", key, answered(b"x" * LARGEST))
    assert answered(b"x" * LARGEST) == answers.begin("w", "h", b"asked")
    assert answered(b"x" * LARGEST) == answers.begin("w", "g", b"asked")
    assert answers.begin("w", "a", b"asked otherwise") is None


@pytest.mark.parametrize("key", ["", "k" * 201])
def test_a_key_has_a_length(answers, key):
    """From one to 200 characters."""
    with pytest.raises(UsageError, match=r"usage\.idempotency_key"):
        answers.begin("a", key, b"asked")
    assert answers.begin("a", "k" * 200, b"asked") is None
