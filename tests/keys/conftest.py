from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from muniment.keys import Cost, KeyFile, KeyStore, Passphrase, RecoveryPhrase, write_key_file

ARCHIVE = bytes(range(16))
CHEAP = Cost(m_kib=8, t=1, p=1)
PHRASE = "legal winner thank year wave sausage worth useful legal winner thank yellow"


@pytest.fixture
def archive() -> bytes:
    """The identifier of the archive under test."""
    return ARCHIVE


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The archive's folder, empty."""
    folder = tmp_path / "archive"
    folder.mkdir()
    return folder


@pytest.fixture
def key_file(tmp_path: Path) -> KeyFile:
    """A key file outside the archive's folder."""
    return write_key_file(tmp_path / "root.key", ARCHIVE)


@pytest.fixture
def passphrase() -> Passphrase:
    """A passphrase that costs nothing to stretch."""
    return Passphrase("correct horse battery", cost=CHEAP)


@pytest.fixture
def recovery() -> RecoveryPhrase:
    """A recovery phrase that costs nothing to stretch."""
    return RecoveryPhrase(PHRASE, cost=CHEAP)


@pytest.fixture
def store(home: Path, key_file: KeyFile, recovery: RecoveryPhrase) -> Iterator[KeyStore]:
    """A new store with two slots, both of whose roots are present."""
    with KeyStore.create(home, ARCHIVE, [key_file, recovery]) as made:
        yield made


@pytest.fixture
def reopen(home: Path) -> Iterator[Callable[..., KeyStore]]:
    """Opens the store once more, as another process would."""
    opened: list[KeyStore] = []

    def again(*roots: object, **options: object) -> KeyStore:
        opened.append(KeyStore.open(home, ARCHIVE, *roots, **options))
        return opened[-1]

    yield again
    for each in opened:
        each.close()
