"""Codes of the second factor: good for their half minute and its neighbours, and each of them once."""

from __future__ import annotations

import attrs
import pyotp
import pytest

from muniment.session.credentials import Credential
from muniment_web.server.factors import new_recovery_codes, new_seed, totp_step, use_code

STEP_US = 30_000_000
NOW_US = 60_000_000 * STEP_US


@attrs.define
class Held:
    """What somebody signs in with, as a key store keeps it; and the time."""

    credential: Credential
    now_us: int = NOW_US

    def clock(self) -> int:
        return self.now_us

    def use(self, login, change):
        self.credential = change(self.credential)

    def take(self, code: str) -> bool:
        """Whether a code is taken."""
        return use_code(self, self, "ada", code)


@pytest.fixture
def held() -> Held:
    """Somebody with a second factor and two recovery codes."""
    return Held(Credential(totp=new_seed()))


def code_of(seed: str, step: int) -> str:
    """The code of so many half minutes from now."""
    return pyotp.TOTP(seed).at((NOW_US + step * STEP_US) // 1_000_000)


def test_a_code_is_good_for_its_half_minute_and_its_neighbours(held):
    """A clock may be half a minute off, and no more."""
    seed = held.credential.totp
    good = [step for step in range(-20, 21) if totp_step(seed, code_of(seed, step), NOW_US)]
    assert [-1, 0, 1] == good
    assert totp_step(seed, f" {code_of(seed, 0)[:3]} {code_of(seed, 0)[3:]}", NOW_US)


def test_no_code_is_taken_twice_nor_one_from_before_it(held):
    """Whoever saw a code over a shoulder opens nothing with it, nor with an older one that was not used."""
    seed = held.credential.totp
    assert held.take(code_of(seed, 0))
    assert not held.take(code_of(seed, 0))
    assert not held.take(code_of(seed, -1))
    assert held.take(code_of(seed, 1))
    assert not held.take(code_of(seed, 0))
    held.now_us += 2 * STEP_US
    assert not held.take(code_of(seed, 1))
    assert held.take(code_of(seed, 2))


@pytest.mark.parametrize(
    "code", ["", " ", "000000", "abcdef", "\u0661\u0662\u0663\u0664\u0665\u0666", "0" * 400]
)
def test_what_is_no_code_is_taken_from_nobody(held, code):
    """Neither from somebody who never used one."""
    wrong = code if code != code_of(held.credential.totp, 0) else "x"
    assert not held.take(wrong)


def test_a_recovery_code_is_used_up_alone(held):
    """Written large or small, with or without its dashes; the others stay, and only hashes are kept."""
    codes, hashes = new_recovery_codes(3)
    held.credential = attrs.evolve(held.credential, recovery=hashes)
    assert 3 == len(set(codes))
    assert held.take(codes[1].upper().replace("-", " "))
    assert not held.take(codes[1])
    assert (hashes[0], hashes[2]) == held.credential.recovery
    assert not any(code in str(held.credential) for code in codes)
    assert held.take(codes[0])
    assert held.take(codes[2])
    assert not any(held.take(code) for code in codes)
