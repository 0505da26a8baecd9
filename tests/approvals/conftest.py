from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from muniment.archive import Archive
from muniment.errors import ApprovalNeeded, MunimentError
from muniment.schema.template import parse_template
from muniment.session import Session
from muniment.testing import TickingClock, new_archive

PURPOSE = "CustomerManagement"
TEMPLATE = Path(__file__).parent.parent / "everything.toml"
ANNA = {"full_name": "Anna Schmidt", "phone": "030 1234567", "email": "anna@example.org"}

PHONES = """
[[approvals.rule]]
name = "phones"
types = ["customer"]
fields = ["phone", "full_name"]
operations = ["update"]
"""
EVERYTHING = """
[[approvals.rule]]
name = "customers"
types = ["customer"]
"""


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    """An archive with three editors, a reader and an auditor, and a rule about phones and names."""
    with new_archive(tmp_path / "archive", clock=TickingClock()) as made:
        with made.session(actor="owner", purpose=PURPOSE) as owner:
            people = {"li": "editor", "wu": "editor", "bo": "editor", "kim": "reader", "ann": "auditor"}
            for login, role in people.items():
                owner.create("user", {"login": login, "roles": [role], "state": "active"})
        rule(made, PHONES)
        yield made


def rule(archive: Archive, text: str) -> None:
    """Apply a configuration with these rules in place of others."""
    path = archive.folder / "muniment.toml"
    before = path.read_text(encoding="utf-8").partition("\n[approvals")[0].partition("\n[[approvals")[0]
    path.write_text(f"{before}\n{text}", encoding="utf-8")
    with archive.session(actor="owner", purpose=PURPOSE) as owner:
        archive.apply_config(owner, reason="rules")


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Archive]:
    """An archive whose type has a restricted field that editors see behind a mask."""
    template = parse_template(TEMPLATE.read_text(encoding="utf-8"), where="everything")
    with new_archive(tmp_path / "clinic", templates=[template], clock=TickingClock()) as made:
        with made.session(actor="owner", purpose=PURPOSE) as owner:
            for login, role in {"li": "editor", "eve": "owner"}.items():
                owner.create("user", {"login": login, "roles": [role], "state": "active"})
        rule(made, '[[approvals.rule]]\nname = "people"\ntypes = ["person"]\n')
        yield made


@pytest.fixture
def as_(archive: Archive) -> Callable[..., Session]:
    """A session of somebody."""

    def begin(login: str, **more: str) -> Session:
        return archive.session(actor=login, purpose=PURPOSE, **more)

    return begin


def waits(act: Callable[[], object]) -> str:
    """The number of the proposal that something was put aside as."""
    with pytest.raises(ApprovalNeeded) as caught:
        act()
    assert "approval.waits" == caught.value.code
    return str(caught.value.parameters["number"])


@contextmanager
def refused(code: str, error: type[MunimentError] = MunimentError) -> Iterator[None]:
    """The block is refused with this code."""
    with pytest.raises(error) as caught:
        yield
    assert code == caught.value.code
