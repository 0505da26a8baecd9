"""Opening: keys and data must be of one age, and an archive is there whole or not at all."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

import muniment.archive
from muniment.errors import ConfigError, IntegrityError, KeyStoreError
from muniment.keys import KeyFile, write_key_file


@pytest.fixture
def root(tmp_path: Path) -> KeyFile:
    return write_key_file(tmp_path / "root.key", os.urandom(16))


@pytest.fixture
def folder(tmp_path: Path, root: KeyFile) -> Path:
    made = muniment.archive.create(
        tmp_path / "archive", templates=["customer-info"], root=root, recovery=False
    )
    made.archive.close()
    return tmp_path / "archive"


def _write(folder: Path, root: KeyFile, name: str) -> None:
    with muniment.archive.open(folder, root=root) as opened:
        opened.session(actor="owner").create("customer", {"full_name": name})


def _copy(folder: Path, name: str, to: Path) -> None:
    shutil.copy(folder / name, to / name)


def test_an_older_key_store_is_refused(folder: Path, root: KeyFile, tmp_path: Path) -> None:
    """Keys from before the newest checkpoint could give a secret out twice."""
    _copy(folder, "keys.db", tmp_path)
    _write(folder, root, "Anna")
    _copy(tmp_path, "keys.db", folder)
    with pytest.raises(KeyStoreError, match=r"store\.keys_older"):
        muniment.archive.open(folder, root=root)


def test_older_records_are_refused(folder: Path, root: KeyFile, tmp_path: Path) -> None:
    """A log shorter than what was signed is not opened, so nothing is built on it."""
    _copy(folder, "archive.db", tmp_path)
    _write(folder, root, "Anna")
    _copy(tmp_path, "archive.db", folder)
    with pytest.raises(IntegrityError, match=r"integrity\.below_signed"):
        muniment.archive.open(folder, root=root)


def test_an_interrupted_start_leaves_no_archive_and_is_begun_again(tmp_path: Path, root: KeyFile) -> None:
    """A working folder that was left behind is no archive, and the next start clears it."""
    left = tmp_path / ".archive.making"
    (left / "slots").mkdir(parents=True)
    (left / "keys.db").write_bytes(b"half made")
    with pytest.raises(ConfigError):
        muniment.archive.open(tmp_path / "archive", root=root)
    made = muniment.archive.create(tmp_path / "archive", root=root, recovery=False)
    made.archive.close()
    assert not left.exists()
    found = {path.name for path in (tmp_path / "archive").iterdir()}
    assert found - {"archive.lock"} == {
        "archive.db",
        "files",
        "keys.db",
        "muniment.toml",
        "slots",
    }


def test_a_folder_with_something_in_it_is_not_used(tmp_path: Path, root: KeyFile) -> None:
    """Making an archive never mixes with what lies there already."""
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive" / "letter.txt").write_text("mine")
    with pytest.raises(ConfigError, match=r"config\.folder_used"):
        muniment.archive.create(tmp_path / "archive", root=root)
    assert (tmp_path / "archive" / "letter.txt").read_text() == "mine"


def test_a_mount_is_no_place_for_an_archive(
    tmp_path: Path, root: KeyFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A volume cannot be moved onto: that is said before a key is made, with what to name instead."""
    volume = tmp_path / "volume"
    volume.mkdir()
    monkeypatch.setattr(Path, "is_mount", lambda self: self == volume)
    with pytest.raises(ConfigError, match=r"config\.folder_mounted") as caught:
        muniment.archive.create(volume, key_file=tmp_path / "key")
    assert f"{volume}/customers" in caught.value.hint()
    assert not (tmp_path / "key").exists()
    muniment.archive.create(volume / "customers", root=root).archive.close()


def test_a_log_keeps_its_name(folder: Path, root: KeyFile) -> None:
    """An origin that was edited is named as what is wrong, and not the keys."""
    file = folder / "muniment.toml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace('origin = "muniment/', 'origin = "elsewhere/'), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"config\.origin"):
        muniment.archive.open(folder, root=root)
