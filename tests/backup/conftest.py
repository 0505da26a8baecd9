from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from muniment.archive import Archive, Restored, check, restore
from muniment.keys import KeyFile
from muniment.schema.template import Template, parse_template
from muniment.testing import TickingClock, new_archive, open_again

EVERYTHING = Path(__file__).parent.parent / "everything.toml"
OWNER = {"actor": "owner", "purpose": "ServiceProvision"}


@pytest.fixture(scope="session")
def everything() -> Template:
    """Every kind of field, in every class that matters."""
    return parse_template(EVERYTHING.read_text(encoding="utf-8"), where=EVERYTHING.name)


@pytest.fixture(scope="session")
def _backed_up(tmp_path_factory: pytest.TempPathFactory, everything: Template) -> Path:
    base = tmp_path_factory.mktemp("backed") / "one"
    base.mkdir()
    with (
        new_archive(base / "archive", templates=[everything], clock=TickingClock()) as archive,
        archive.session(**OWNER) as session,
    ):
        for number in range(5):
            values = {"number": f"P-{number}", "name": f"Person {number}", "secret": f"secret {number}"}
            session.create("person", values, reason="walk-in")
        contract = base / "contract.txt"
        contract.write_bytes(b"what was agreed" * 2_000)
        session.attach(session.list("person").records[0].id, "contract", contract)
        session.backups.create(base / "backup")
    return base


@pytest.fixture
def base(_backed_up: Path, tmp_path: Path) -> Path:
    """A folder with an archive, its key and its newest backup, and nothing written since."""
    target = tmp_path / "base"
    shutil.copytree(_backed_up, target)
    return target


@pytest.fixture
def opened() -> Callable[[Path], Archive]:
    """Opens the archive in a base folder."""
    return lambda base: open_again(base / "archive")


@pytest.fixture
def put_back() -> Callable[..., Restored]:
    """Restores the backup in a base folder over its archive."""

    def run(base: Path, **options: object) -> Restored:
        return restore(base / "backup", base / "archive", root=KeyFile(base / "archive.key"), **options)

    return run


@pytest.fixture
def checked() -> Callable[[Path], object]:
    """Verifies the archive in a base folder with its keys."""
    return lambda base: check(base / "archive", root=KeyFile(base / "archive.key"))
