"""The self-test finds a library that answers wrongly, before a key is touched."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import cryptography
import pytest
from cryptography.hazmat.primitives.ciphers import aead
from cryptography.hazmat.primitives.kdf import argon2

from muniment.errors import KeyStoreError
from muniment.keys import KeyFile, KeyStore, self_test, slots


@pytest.fixture(autouse=True)
def _afresh() -> Iterator[None]:
    """Each test is a process's first."""
    self_test.cache_clear()
    yield
    self_test.cache_clear()


def _fails() -> str:
    with pytest.raises(KeyStoreError, match=r"key\.self_test") as error:
        self_test()
    return str(error.value.parameters["name"])


def test_it_passes_quickly() -> None:
    """In a few milliseconds of processor time once the library is loaded, and in none the second time."""
    self_test()
    self_test.cache_clear()
    begin = time.process_time()
    self_test()
    assert time.process_time() - begin < 0.02
    assert self_test.cache_info().misses == 1


def test_an_old_library_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that accepts a forged empty message, and one whose version nobody can read."""
    for version in ("47.0.3", "0.9", "unknown"):
        monkeypatch.setattr(cryptography, "__version__", version)
        assert "cryptography >= 48" == _fails()


def test_a_cipher_that_accepts_everything_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """It opens what is right, and what is forged as well."""
    real = aead.AESGCM

    class Lenient:
        def __init__(self, key: bytes) -> None:
            self.encrypt = real(key).encrypt

        def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
            return data[:-16]

    monkeypatch.setattr(aead, "AESGCM", Lenient)
    assert "AES-256-GCM refuses" == _fails()


def test_a_wrong_stretching_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """One pass where three were asked."""

    class Quick:
        def __init__(self, **options: object) -> None:
            pass

        def derive(self, typed: bytes) -> bytes:
            return bytes(32)

    monkeypatch.setattr(argon2, "Argon2id", Quick)
    assert "Argon2id" == _fails()


def test_a_wrap_that_opens_whatever_it_is_bound_to_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """HPKE without its info, or without its tag."""
    monkeypatch.setattr(slots.PrivateKeyOpener, "open", lambda self, enc, wrap, info: bytes(range(32, 64)))
    assert "HPKE refuses" == _fails()


def test_nothing_opens_and_nothing_is_made_without_it(
    home: Path, archive: bytes, key_file: KeyFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes before the first file."""
    monkeypatch.setattr(cryptography, "__version__", "47.0.0")
    with pytest.raises(KeyStoreError, match=r"key\.self_test"):
        KeyStore.create(home, archive, [key_file])
    with pytest.raises(KeyStoreError, match=r"key\.self_test"):
        KeyStore.open(home, archive, key_file)
    assert not list(home.iterdir())
