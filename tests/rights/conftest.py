from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from muniment.archive import Archive
from muniment.session import Session
from muniment.testing import TickingClock, new_archive

CONSENT = """
[consent]
purposes = ["DirectMarketing", "Personalisation"]
before_save = []
separate = []
guardian_below = 14
birth_field = "customer.birth_date"
"""
OWNER = {"actor": "owner", "purpose": "ServiceProvision"}


def configure(archive: Archive, text: str) -> None:
    """Append to the configuration and apply it."""
    path = archive.folder / "muniment.toml"
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")
    with archive.session(**OWNER) as session:
        archive.apply_config(session, reason="for the test")


@pytest.fixture
def clock() -> TickingClock:
    """A clock that a test can move."""
    return TickingClock()


@pytest.fixture
def archive(tmp_path: Path, clock: TickingClock) -> Iterator[Archive]:
    """An archive in which two purposes rest on consent."""
    with new_archive(tmp_path / "archive", clock=clock) as made:
        configure(made, CONSENT)
        yield made


@pytest.fixture
def owner(archive: Archive) -> Iterator[Session]:
    """The owner, for a purpose that rests on a contract."""
    with archive.session(**OWNER) as session:
        yield session


@pytest.fixture
def marketing(archive: Archive) -> Iterator[Session]:
    """The owner, for a purpose that rests on consent."""
    with archive.session(actor="owner", purpose="DirectMarketing") as session:
        yield session


@pytest.fixture
def reconfigure(archive: Archive) -> Callable[[str, str], None]:
    """Changes one line of the configuration and applies it."""

    def change(old: str, new: str) -> None:
        path = archive.folder / "muniment.toml"
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")
        with archive.session(**OWNER) as session:
            archive.apply_config(session, reason="for the test")

    return change
