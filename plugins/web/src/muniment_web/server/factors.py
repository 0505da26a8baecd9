"""The second factor: codes that change every thirty seconds (RFC 6238), and codes for when it is lost."""

from __future__ import annotations

import secrets
from hashlib import sha256
from typing import Final

import attrs
import pyotp

from muniment.session.credentials import Credential, Credentials
from muniment.session.kernel.engine import Engine

__all__ = ["new_recovery_codes", "new_seed", "qr_svg", "totp_step", "use_code"]

_STEP_SECONDS: Final = 30
_LETTERS: Final = "abcdefghjkmnpqrstuvwxyz23456789"


def new_seed() -> str:
    """A new seed, base32."""
    return pyotp.random_base32()


def totp_step(seed: str, code: str, now_us: int) -> int:
    """The time step of a code, one step before and after now allowed; 0 where it is wrong."""
    digits = "".join(code.split())
    totp = pyotp.TOTP(seed)
    step = now_us // 1_000_000 // _STEP_SECONDS
    found = 0
    for one in (step - 1, step, step + 1):
        if pyotp.utils.strings_equal(digits, totp.generate_otp(one)):
            found = one
    return found


def use_code(engine: Engine, credentials: Credentials, login: str, code: str) -> bool:
    """Whether a code is right; a code is used up by that, and none is taken twice."""
    taken = False
    hashed = _hash(code)

    def use(held: Credential) -> Credential:
        nonlocal taken
        if hashed in held.recovery:
            taken = True
            return attrs.evolve(held, recovery=tuple(one for one in held.recovery if one != hashed))
        step = totp_step(held.totp, code, engine.clock())
        if step > held.totp_last:
            taken = True
            return attrs.evolve(held, totp_last=step)
        return held

    credentials.use(login, use)
    return taken


def new_recovery_codes(count: int = 10) -> tuple[list[str], tuple[str, ...]]:
    """Codes that work once each, of 59 bits, and what is kept of them."""
    codes = ["-".join(_group() for _ in range(3)) for _ in range(count)]
    return codes, tuple(_hash(one) for one in codes)


def _group() -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(4))


def _hash(code: str) -> str:
    plain = "".join(sign for sign in code.lower() if sign.isalnum())
    return sha256(plain.encode()).hexdigest()


def qr_svg(seed: str, login: str, issuer: str) -> str:
    """The seed as a picture for an authenticator: SVG paths without style or script."""
    import segno

    address = pyotp.TOTP(seed).provisioning_uri(name=login, issuer_name=issuer)
    return str(
        segno.make(address, error="m").svg_inline(
            scale=4, dark="#000", light="#fff", svgclass="qr", lineclass=None
        )
    )
