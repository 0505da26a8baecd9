"""The published vectors of formats/keys.md, opened by an implementation that shares nothing with muniment.

HPKE is written apart here from RFC 9180, over X25519, HMAC and AES-GCM.
"""

from __future__ import annotations

import base64
import json
import struct
import subprocess
import sys
import unicodedata
from hashlib import sha256
from hmac import digest
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from hypothesis import given, settings
from hypothesis import strategies as st

from muniment_schemas import __file__ as schemas

VECTORS: dict[str, Any] = json.loads(
    (Path(schemas).parent / "vectors" / "keys.json").read_text(encoding="utf-8")
)
ARCHIVE = bytes.fromhex(VECTORS["archive"])
KEY = bytes.fromhex(VECTORS["archive_key"])
EPOCH: int = VECTORS["epoch"]


# --- RFC 9180, base mode, DHKEM(X25519, HKDF-SHA256) and HKDF-SHA256 -------------------------------------

_KEM = b"KEM\x00\x20"


def _extract(suite: bytes, salt: bytes, label: bytes, material: bytes) -> bytes:
    return digest(salt or bytes(32), b"HPKE-v1" + suite + label + material, "sha256")


def _expand(suite: bytes, key: bytes, label: bytes, info: bytes, length: int) -> bytes:
    block, made, number = b"", b"", 0
    labelled = length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
    while len(made) < length:
        number += 1
        block = digest(key, block + labelled + bytes((number,)), "sha256")
        made += block
    return made[:length]


def _context(shared: bytes, enc: bytes, public: bytes, info: bytes, aead: int) -> tuple[AESGCM, bytes]:
    """Key and base nonce (RFC 9180, 4.1 and 5.1)."""
    secret = _expand(_KEM, _extract(_KEM, b"", b"eae_prk", shared), b"shared_secret", enc + public, 32)
    suite = b"HPKE\x00\x20\x00\x01" + aead.to_bytes(2, "big")
    schedule = b"\0" + _extract(suite, b"", b"psk_id_hash", b"") + _extract(suite, b"", b"info_hash", info)
    key = _extract(suite, secret, b"secret", b"")
    length = {1: 16, 2: 32}[aead]
    return AESGCM(_expand(suite, key, b"key", schedule, length)), _expand(
        suite, key, b"base_nonce", schedule, 12
    )


def hpke_open(
    private: bytes, enc: bytes, sealed: bytes, info: bytes, *, aead: int = 2, bound: bytes = b""
) -> bytes:
    """Open one message."""
    mine = X25519PrivateKey.from_private_bytes(private)
    shared = mine.exchange(X25519PublicKey.from_public_bytes(enc))
    box, nonce = _context(shared, enc, mine.public_key().public_bytes_raw(), info, aead)
    return box.decrypt(nonce, sealed, bound)


def hpke_seal(ephemeral: bytes, public: bytes, plain: bytes, info: bytes) -> tuple[bytes, bytes]:
    """Seal one message with AES-256-GCM."""
    mine = X25519PrivateKey.from_private_bytes(ephemeral)
    enc = mine.public_key().public_bytes_raw()
    box, nonce = _context(mine.exchange(X25519PublicKey.from_public_bytes(public)), enc, public, info, 2)
    return enc, box.encrypt(nonce, plain, b"")


def test_the_other_implementation_opens_the_rfcs_own_vector() -> None:
    """RFC 9180, A.1.1.1, first message: AES-128-GCM, the one suite with X25519 and AES that it lists."""
    opened = hpke_open(
        bytes.fromhex("4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8"),
        bytes.fromhex("37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431"),
        bytes.fromhex(
            "f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea87e13c512a"
        ),
        b"Ode on a Grecian Urn",
        aead=1,
        bound=b"Count-0",
    )
    assert b"Beauty is truth, truth beauty" == opened


# --- the vectors ----------------------------------------------------------------------------------------


def test_the_page_opens() -> None:
    """Header, nonce, associated data and the secrets, byte for byte; the destroyed one is zeros."""
    vector = VECTORS["page"]
    sealed = bytes.fromhex(vector["sealed"])
    mark, form, number, epoch, used = struct.unpack_from(">BBQIH", sealed)
    assert (0x50, 1, vector["number"], EPOCH, vector["used"]) == (mark, form, number, epoch, used)
    secrets = AESGCM(KEY).decrypt(sealed[16:28], sealed[28:], sealed[:28] + ARCHIVE)
    assert 256 * 32 == len(secrets)
    assert vector["sha256_of_secrets"] == sha256(secrets).hexdigest()
    assert vector["first_secret"] == secrets[:32].hex()
    assert vector["destroyed"] == [n for n in range(256) if secrets[n * 32 : n * 32 + 32] == bytes(32)]


def test_the_box_opens() -> None:
    """And under another name, or for another archive, it does not."""
    vector = VECTORS["box"]
    sealed = bytes.fromhex(vector["sealed"])
    assert b"\x42\x01" + EPOCH.to_bytes(4, "big") == sealed[:6]

    def opened(archive: bytes, name: str) -> bytes:
        bound = b"muniment/box/v1\n" + sealed[:18] + archive + name.encode()
        return AESGCM(KEY).decrypt(sealed[6:18], sealed[18:], bound)

    assert vector["content"] == opened(ARCHIVE, vector["name"]).hex()
    for archive, name in ((bytes(16), vector["name"]), (ARCHIVE, "signed/example.com/customers/0.1")):
        with pytest.raises(InvalidTag):
            opened(archive, name)


def _private(credential: dict[str, str], cost: dict[str, Any] | None) -> bytes:
    if "private" in credential:
        return bytes.fromhex(credential["private"])
    assert cost is not None
    typed = credential.get("words", "")
    if "passphrase" in credential:
        spaced = (" " if unicodedata.category(s) == "Zs" else s for s in credential["passphrase"])
        typed = unicodedata.normalize("NFC", "".join(spaced))
    return Argon2id(
        salt=base64.b64decode(cost["salt"]),
        length=32,
        iterations=cost["t"],
        lanes=cost["p"],
        memory_cost=cost["m_kib"],
    ).derive(typed.encode())


@pytest.mark.parametrize("number", range(3))
def test_each_slot_file_gives_the_archive_key(number: int) -> None:
    """From its credential: private key, passphrase as typed, recovery phrase."""
    vector = VECTORS["slots"][number]
    file = json.loads(vector["file"])
    assert vector["file"] == json.dumps(file, sort_keys=True, separators=(",", ":"))
    assert vector["name"] == file["slot"] + ".json"
    assert ARCHIVE.hex() == file["archive"].replace("-", "")
    assert (1, EPOCH) == (file["v"], file["epoch"])
    private = _private(vector["credential"], file.get("argon2"))
    public = X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()
    assert public == base64.b64decode(file["public"])
    slot = bytes.fromhex(file["slot"].replace("-", ""))
    info = b"muniment/slot/v1\n" + ARCHIVE + slot + EPOCH.to_bytes(4, "big")
    enc, wrap = base64.b64decode(file["enc"]), base64.b64decode(file["wrap"])
    assert KEY == hpke_open(private, enc, wrap, info)
    with pytest.raises(InvalidTag):
        hpke_open(private, enc, wrap, info[:-1] + b"\0")


def _hkdf_expand(key: bytes, info: bytes) -> bytes:
    return digest(key, info + b"\x01", "sha512")


def test_the_derived_keys_are_the_ones_of_the_format() -> None:
    """HKDF-SHA512 of RFC 5869, one block each."""
    derived = {
        name: {k: bytes.fromhex(v) if k != "actor" and isinstance(v, str) else v for k, v in vector.items()}
        for name, vector in VECTORS["derived"].items()
    }
    data = derived["data_key"]
    info = b"muniment/data/v1" + ARCHIVE + data["record"] + data["category"].to_bytes(2, "big")
    extracted = digest(data["subject_secret"], data["facet_secret"], "sha512")
    assert data["key"] == _hkdf_expand(extracted, info)
    subject = derived["subject_tag_key"]
    info = b"muniment/tagkey/v1" + ARCHIVE + subject["subject"]
    assert subject["key"] == _hkdf_expand(subject["subject_secret"], info)[:32]
    actor = derived["actor_tag_key"]
    info = b"muniment/actortag/v1" + ARCHIVE + sha256(actor["actor"].encode()).digest()[:16]
    assert actor["key"] == _hkdf_expand(actor["tag_root"], info)[:32]
    index = derived["index_key"]
    place = struct.pack(">IBHI", index["field"], index["kind"], index["normaliser"], index["epoch"])
    assert index["key"] == _hkdf_expand(index["index_root"], b"muniment/index/v1" + ARCHIVE + place)[:32]
    backup = derived["backup_key"]
    info = b"muniment/backup/v1" + ARCHIVE + backup["backup"]
    assert backup["key"] == _hkdf_expand(backup["archive_secret"], info)


# --- and the other way round ----------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(ephemeral=st.binary(min_size=32, max_size=32), key=st.binary(min_size=32, max_size=32))
def test_a_wrap_made_apart_opens_in_muniment(ephemeral: bytes, key: bytes) -> None:
    """So the layout of enc and wrap is RFC 9180's, not one library's."""
    from muniment.keys.slots import HpkeProvider, PrivateKeyOpener

    private, info = bytes(range(32)), b"muniment/slot/v1\n" + bytes(36)
    opener = PrivateKeyOpener(private)
    enc, wrap = hpke_seal(ephemeral, opener.public, key, info)
    assert key == opener.open(enc, wrap, info)
    enc, wrap = HpkeProvider().wrap(key, opener.public, info, None)
    assert (32, 48) == (len(enc), len(wrap))
    assert key == hpke_open(private, enc, wrap, info)


def test_phrases_are_read_as_published() -> None:
    """What people type, and the words that Argon2id is given."""
    from muniment.keys import read_phrase

    for vector in VECTORS["phrases"]:
        assert vector["words"] == read_phrase(vector["typed"])


def test_the_published_vectors_are_what_muniment_makes() -> None:
    """The tool that makes them would change nothing."""
    tool = Path(__file__).parents[1] / "tools" / "make_keys_vectors.py"
    done = subprocess.run([sys.executable, str(tool), "--check"], capture_output=True, text=True, check=False)
    assert (0, "") == (done.returncode, done.stderr)
