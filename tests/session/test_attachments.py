"""Attached files: sealed, named by a version, logged when read, and never half there."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

import muniment.archive
from muniment.archive import Archive
from muniment.errors import IntegrityError, MunimentError, NotFound
from muniment.keys import write_key_file
from muniment.session.attachments import file_place


@pytest.fixture
def opened(tmp_path: Path) -> Archive:
    root = write_key_file(tmp_path / "root.key", os.urandom(16))
    made = muniment.archive.create(
        tmp_path / "archive", templates=["customer-info", "interaction-log"], root=root, recovery=False
    )
    return made.archive


@pytest.fixture
def interaction(opened: Archive) -> str:
    session = opened.session(actor="owner")
    customer = session.create("customer", {"full_name": "李娜"})
    values = {"customer": customer.id, "occurred_at": "2026-01-01T10:00:00Z", "channel": "phone"}
    return session.create("interaction", values).id


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    path = tmp_path / "scan.pdf"
    path.write_bytes(b"%PDF canary-in-a-file " * 5_000)
    return path


def test_a_file_comes_back_as_it_was_and_nothing_of_it_lies_in_clear(
    opened: Archive, interaction: str, scan: Path, tmp_path: Path
) -> None:
    """What is attached is read back byte for byte, and sealed where it is kept."""
    session = opened.session(actor="owner")
    saved = session.attach(interaction, "attachments", scan, reason="signed form")
    assert saved.version == 2
    read = session.read_file(interaction, "attachments", tmp_path / "back.pdf")
    assert (read.name, read.media_type, read.size) == ("scan.pdf", "application/pdf", scan.stat().st_size)
    assert (tmp_path / "back.pdf").read_bytes() == scan.read_bytes()
    kept = b"".join(path.read_bytes() for path in opened.folder.rglob("*") if path.is_file())
    assert b"canary-in-a-file" not in kept
    assert opened.log.verify().versions > 0


def test_reading_a_file_is_in_the_log_before_it_is_there(
    opened: Archive, interaction: str, scan: Path, tmp_path: Path
) -> None:
    """A read leaves an entry of its own that names the record and the field."""
    session = opened.session(actor="owner")
    session.attach(interaction, "attachments", scan)
    session.read_file(interaction, "attachments", tmp_path / "back.pdf")
    newest = session.entries()[0]
    assert newest.kind == "file.read"
    assert newest.detail["sets"] == [{"sensitive": {"clear": ["attachments"]}}]
    assert [line["id"] for line in newest.records] == [interaction]


def test_an_altered_file_is_named_by_verification_and_does_not_open(
    opened: Archive, interaction: str, scan: Path, tmp_path: Path
) -> None:
    """One flipped bit is found without keys, and nothing of such a file is released."""
    session = opened.session(actor="owner")
    session.attach(interaction, "attachments", scan)
    reference = session.get(interaction).fields["attachments"]
    place = file_place(opened.folder, reference.id)
    data = bytearray(place.read_bytes())
    data[len(data) // 2] ^= 1
    place.write_bytes(data)
    with pytest.raises(IntegrityError, match=r"integrity\.file"):
        opened.log.verify()
    with pytest.raises(IntegrityError, match=r"integrity\.seal"):
        session.read_file(interaction, "attachments", tmp_path / "back.pdf")
    assert not (tmp_path / "back.pdf").exists()
    assert list(tmp_path.glob(".muniment-*")) == []


def test_another_records_file_cannot_be_named(opened: Archive, interaction: str, scan: Path) -> None:
    """A version names only a file that was attached to it, never one whose id somebody knows."""
    session = opened.session(actor="owner")
    session.attach(interaction, "attachments", scan)
    stolen = session.get(interaction).fields["attachments"]
    other = session.create("customer", {"full_name": "Anna"})
    values = {"customer": other.id, "occurred_at": "2026-01-01T10:00:00Z", "channel": "chat"}
    mine = session.create("interaction", values)
    with pytest.raises(MunimentError, match=r"value\.file_missing"):
        session.update(mine.id, {"attachments": stolen})


def test_whoever_may_not_read_the_field_gets_no_file(
    opened: Archive, interaction: str, scan: Path, tmp_path: Path
) -> None:
    """A masked field's file answers as if it were not there, and the refusal is written down."""
    owner = opened.session(actor="owner")
    owner.attach(interaction, "attachments", scan)
    owner.write([_user("reader1", "reader")])
    reader = opened.session(actor="reader1")
    with pytest.raises(NotFound):
        reader.read_file(interaction, "attachments", tmp_path / "back.pdf")
    assert owner.entries()[0].kind == "access.deny"


def test_what_an_interrupted_write_left_is_removed_at_opening(
    opened: Archive, interaction: str, scan: Path, tmp_path: Path
) -> None:
    """A sealed file that no version came to name goes; those that are named stay."""
    session = opened.session(actor="owner")
    session.attach(interaction, "attachments", scan)
    folder = opened.folder
    left = "01a20032-40c5-7001-b0df-b4c08b111eb2"
    place = file_place(folder, left)
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(b"left behind")
    os.link(place, folder / "files" / "new" / left)
    long_ago = time.time() - 7_200
    os.utime(place, (long_ago, long_ago))
    opened.close()
    from muniment.keys import KeyFile

    with muniment.archive.open(folder, root=KeyFile(tmp_path / "root.key")) as again:
        assert not place.exists()
        assert list((folder / "files" / "new").iterdir()) == []
        again.log.verify()


def _user(login: str, role: str) -> object:
    from muniment.session import Change

    return Change("create", "user", values={"login": login, "roles": [role], "state": "active"})
