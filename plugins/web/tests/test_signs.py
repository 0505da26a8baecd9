"""How long a sign-in lasts, and what is left of one that is over."""

from __future__ import annotations

from typing import Any

import pytest

from muniment_web.server.signs import SignIn, SignIns

IDLE_US = 1_800_000_000
LONGEST_US = 43_200_000_000


@pytest.fixture
def signs(clock):
    """Nobody is signed in yet."""
    return SignIns(clock, idle_us=IDLE_US, longest_us=LONGEST_US)


def begin(signs: SignIns, login: str = "tom") -> tuple[SignIn, str]:
    """Somebody signs in; their session is nothing that this is about."""
    session: Any = None
    return signs.begin(
        lambda one, csrf, now: SignIn(one, login, (), "password", "127.0.0.1", csrf, now, now, session)
    )


def test_a_sign_in_that_is_used_lasts_twelve_hours_and_no_longer(signs, clock):
    """Each use puts off the end for want of use; the end after twelve hours nothing puts off."""
    one, cookie = begin(signs)
    began = clock.now_us
    while clock.now_us + IDLE_US <= began + LONGEST_US:
        clock.now_us += IDLE_US
        assert one is signs.find(cookie)
    clock.now_us = began + LONGEST_US
    assert one is signs.find(cookie)
    clock.now_us += 1
    assert signs.find(cookie) is None


def test_a_sign_in_that_nobody_uses_ends(signs, clock):
    """To the microsecond; what a page asks by itself is no use."""
    one, cookie = begin(signs)
    clock.now_us += IDLE_US
    assert one is signs.find(cookie, quiet=True)
    clock.now_us += 1
    assert signs.find(cookie, quiet=True) is None
    assert signs.find(cookie) is None


def test_what_ended_by_itself_is_told_once_and_forgotten(signs, clock):
    """Its end is written down by whoever looks, once; nothing of it stays in memory."""
    one, _ = begin(signs)
    clock.now_us += IDLE_US + 1
    two, cookie = begin(signs, "ada")
    assert [one] == signs.over()
    assert [] == signs.over()
    assert [two] == list(signs)
    assert two is signs.find(cookie)
    assert signs.end(two)
    assert not signs.end(two)
    assert [] == list(signs)


def test_a_person_learns_when_they_signed_in_before(signs, clock):
    """Of their own sign-ins alone."""
    first = clock.now_us
    assert 0 == begin(signs)[0].previous_us
    clock.now_us += 5
    assert 0 == begin(signs, "ada")[0].previous_us
    assert first == begin(signs)[0].previous_us
