from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from muniment.archive import Archive
from muniment.session import Session
from muniment.testing import TickingClock, new_archive

OWNER = {"actor": "owner", "purpose": "ServiceProvision"}
CONFIGURATION = """
[inbox]
own = ["@shop.example"]
"""


def letter(
    number: int = 1,
    *,
    sender: str = "Wang Xiaoming <wang@example.cn>",
    to: str = "shop@shop.example",
    subject: str = "Order 12",
    text: str = "When will it come?",
    more: str = "",
) -> bytes:
    """A plain message."""
    return (
        f"From: {sender}\r\nTo: {to}\r\nSubject: {subject}\r\nDate: Mon, 05 Jan 2026 10:00:00 +0800\r\n"
        f"Message-ID: <{number}@example.cn>\r\n{more}"
        f"Content-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"
    ).encode()


@pytest.fixture
def clock() -> TickingClock:
    """A clock that a test can move."""
    return TickingClock()


@pytest.fixture
def archive(tmp_path: Path, clock: TickingClock) -> Iterator[Archive]:
    """An archive that knows one of its own addresses."""
    templates = ("customer-info", "interaction-log")
    with new_archive(tmp_path / "archive", templates=templates, clock=clock) as made:
        path = made.folder / "muniment.toml"
        path.write_text(path.read_text(encoding="utf-8") + CONFIGURATION, encoding="utf-8")
        with made.session(**OWNER) as session:
            made.apply_config(session, reason="for the test")
        yield made


@pytest.fixture
def owner(archive: Archive) -> Iterator[Session]:
    """Who decides."""
    with archive.session(**OWNER) as session:
        yield session


@pytest.fixture
def wang(owner: Session) -> str:
    """A customer whose address is known."""
    return owner.create("customer", {"full_name": "王小明", "email": "wang@example.cn"}).id


@pytest.fixture
def post(owner: Session, tmp_path: Path) -> Callable[..., list[str]]:
    """Takes messages; gives the identifiers of what waits."""

    def take(*messages: bytes) -> list[str]:
        owner.inbox.take([(f"m{number}", data) for number, data in enumerate(messages)])
        return [one.id for one in owner.inbox.listed()]

    return take
