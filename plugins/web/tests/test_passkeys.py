"""Passkeys: what a device that is not honest, or a page that is not ours, tries with them."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from base64 import urlsafe_b64encode
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import attrs
import cbor2
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from muniment_web.server.challenges import Challenges
from muniment_web.testing import PASSWORD

_PRESENT, _VERIFIED, _ATTESTED = 0x01, 0x04, 0x40


def _text(content: bytes) -> str:
    return urlsafe_b64encode(content).decode().rstrip("=")


@attrs.define
class Device:
    """A passkey made of software, that does what it is told (W3C Web Authentication, ES256).

    Attributes:
        id: as the device names the key.
        count: how often it signed.
        host: whom it signs for.
        origin: which page asked, as the browser says.
        verified: whether it saw its owner's finger.
    """

    id: bytes = attrs.field(factory=lambda: secrets.token_bytes(32))
    count: int = 0
    host: str = "localhost"
    origin: str = "http://localhost:8765"
    verified: bool = True
    key: ec.EllipticCurvePrivateKey = attrs.field(factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def _data(self, attested: bytes = b"") -> bytes:
        self.count += 1
        flags = _PRESENT | (_VERIFIED if self.verified else 0) | (_ATTESTED if attested else 0)
        host = hashlib.sha256(self.host.encode()).digest()
        return host + bytes([flags]) + self.count.to_bytes(4, "big") + attested

    def _client(self, kind: str, challenge: str) -> bytes:
        return json.dumps(
            {"type": f"webauthn.{kind}", "challenge": challenge, "origin": self.origin}
        ).encode()

    def made(self, challenge: str) -> str:
        """What a browser sends where a key is added."""
        point = self.key.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}
        attested = bytes(16) + len(self.id).to_bytes(2, "big") + self.id + cbor2.dumps(cose)
        told = {"fmt": "none", "attStmt": {}, "authData": self._data(attested)}
        return self._sent(
            {
                "clientDataJSON": _text(self._client("create", challenge)),
                "attestationObject": _text(cbor2.dumps(told)),
            }
        )

    def signed(self, challenge: str) -> str:
        """What a browser sends where somebody signs in."""
        client, data = self._client("get", challenge), self._data()
        signature = self.key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        return self._sent(
            {
                "clientDataJSON": _text(client),
                "authenticatorData": _text(data),
                "signature": _text(signature),
                "userHandle": None,
            }
        )

    def _sent(self, response: dict[str, Any]) -> str:
        name = _text(self.id)
        document = {"id": name, "rawId": name, "type": "public-key", "clientExtensionResults": {}}
        return json.dumps({**document, "response": response})


def side_by_side(count, act):
    """What comes of doing something several times at once."""
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(act, range(count)))


def challenge_of(browser, path, **form):
    """The challenge that a page of ours has a device sign."""
    return browser.post(path, form).json()["challenge"]


def add(browser, device):
    """Add a device to the account of whoever is signed in."""
    challenge = challenge_of(browser, "/account/passkeys/options", current=PASSWORD)
    return browser.post("/account/passkeys", {"credential": device.made(challenge), "name": "key"})


def let_in(browser, device, challenge=""):
    """Whether a device lets its owner in."""
    challenge = challenge or challenge_of(browser, "/sign-in/passkey/options")
    answer = browser.client.post("/sign-in/passkey", data={"credential": device.signed(challenge)})
    assert answer.status_code in (200, 403), answer.status_code
    return 200 == answer.status_code


@pytest.fixture
def device(made, signed):
    """A device of tom's."""
    one = Device()
    assert 200 == add(signed("tom"), one).status_code
    yield one
    with made.session(actor="owner") as session:
        for login in ("tom", "li.na"):
            session.credentials.change(login, "passkey", lambda held: attrs.evolve(held, passkeys=()))


def test_a_passkey_lets_its_owner_in_and_a_challenge_works_once(web, browser, device):
    """What was signed and heard on the way opens nothing the second time, not even side by side."""
    assert let_in(browser(), device)
    challenge = challenge_of(browser(), "/sign-in/passkey/options")
    sent = [device.signed(challenge) for _ in range(4)]
    found = side_by_side(
        4, lambda n: browser().client.post("/sign-in/passkey", data={"credential": sent[n]}).status_code
    )
    assert 1 == found.count(200)


@pytest.mark.parametrize(
    "twist",
    [
        {"origin": "https://evil.example"},
        {"origin": "http://localhost:8766"},
        {"host": "evil.example"},
        {"verified": False},
        {"count": 0},
        {"key": Device().key},
    ],
    ids=["origin", "port", "host", "nobody there", "cloned", "another key"],
)
def test_a_passkey_that_signed_something_else_lets_nobody_in(browser, device, logged, twist):
    """Another site, another host, no finger, a counter that went back, another key: refused, and an entry."""
    assert let_in(browser(), device)
    assert let_in(browser(), device)
    assert not let_in(browser(), attrs.evolve(device, **twist))
    assert "user.sign_fail" in [one.kind for one in logged()]


def test_a_challenge_of_one_s_own_making_is_none(browser, device):
    """Neither a made-up one, nor one that was changed."""
    one = browser()
    challenge = challenge_of(one, "/sign-in/passkey/options")
    for forged in ("AAAA", "A" * 75, challenge[:-4] + "AAAA", ""):
        if forged:
            assert not let_in(one, device, forged)


def test_asking_for_challenges_keeps_nobody_out(browser, device, web):
    """Somebody who asks for thousands of them pushes nobody's out, for none is kept."""
    one = browser()
    challenge = challenge_of(one, "/sign-in/passkey/options")
    for _ in range(3_000):
        web.challenges.new()
    assert let_in(one, device, challenge)


def test_challenges_end_after_five_minutes():
    """Old, unborn, and of another server."""
    now = 1_000_000_000
    ours, other = Challenges(lambda: now, lambda n: b"1" * n), Challenges(lambda: now, lambda n: b"2" * n)
    made = ours.new()
    assert ours.good(made)
    assert not other.good(made)
    now += 300_000_001
    assert not ours.use(made)
    now -= 600_000_000
    assert not ours.use(made)


def test_nobody_registers_another_s_key(signed, browser, device):
    """A device that names its key like another's would come between that person and their sign-in."""
    assert 403 == add(signed("li.na"), Device(id=device.id)).status_code
    assert let_in(browser(), device)


def test_wrong_signatures_keep_no_owner_of_a_key_out(browser, device):
    """Failures from an address slow down failures; a right signature from there is let in."""
    for _ in range(12):
        browser().client.post("/sign-in/passkey", data={"credential": Device().signed("AAAA")})
    assert let_in(browser(), device)


@pytest.mark.parametrize(
    "credential",
    [
        "",
        "[]",
        "[" * 60_000,
        "1",
        "null",
        '{"response": 5, "rawId": []}',
        '{"response": {"clientDataJSON": "W10"}}',
        '{"rawId": "x", "response": {"clientDataJSON": "bnVsbA"}}',
    ],
)
def test_what_no_browser_sends_is_refused_and_no_fault_of_ours(browser, credential):
    """Nothing but a refusal comes of it."""
    answer = browser().client.post("/sign-in/passkey", data={"credential": credential})
    assert answer.status_code in (400, 403)


def test_a_key_is_removed_with_the_password_and_ends_other_sign_ins(signed, device, made):
    """Whoever finds a screen unlocked does not take the owner's key away."""
    here, there = signed("tom"), signed("tom")
    named = re.search(r'name="key" value="([0-9a-f]+)"', here.get("/account").text)
    assert named is not None
    here.post("/account/passkeys/remove", {"key": named[1]})
    assert 1 == len(held(made))
    here.post("/account/passkeys/remove", {"key": named[1], "current": PASSWORD})
    assert 0 == len(held(made))
    assert 303 == there.get("/", follow_redirects=False).status_code


def held(made):
    """Tom's passkeys."""
    with made.session(actor="owner") as session:
        return session.credentials.of("tom").passkeys


def test_what_a_key_is_called_is_one_line_that_shows_what_it_holds(made, signed):
    """Signs that break a line or turn its direction are left out of what somebody calls a key."""
    one, device = signed("tom"), Device()
    challenge = challenge_of(one, "/account/passkeys/options", current=PASSWORD)
    form = {"credential": device.made(challenge), "name": "desk\n\u202e\x1b key"}
    assert 200 == one.post("/account/passkeys", form).status_code
    with made.session(actor="owner") as session:
        (held,) = session.credentials.of("tom").passkeys
        session.credentials.change("tom", "passkey", lambda held: attrs.evolve(held, passkeys=()))
    assert "desk key" == held.name
