"""The command line as a person at a terminal has it, in this process."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
from click.testing import CliRunner, Result

from muniment.cli.app import app

NAMES = ("MUNIMENT_ARCHIVE", "MUNIMENT_KEY", "MUNIMENT_ACTOR", "MUNIMENT_PURPOSE", "MUNIMENT_PASSPHRASE")


@attrs.define
class Cli:
    """Runs commands on one archive."""

    folder: Path
    key: Path

    def run(self, *words: str, code: int = 0, stdin: str | bytes | None = None, **environ: str) -> Result:
        """Run a command; its exit code must be as expected."""
        given = {
            "MUNIMENT_ARCHIVE": str(self.folder),
            "MUNIMENT_KEY": str(self.key),
            "LANG": "C.UTF-8",
            **environ,
        }
        for name in (*NAMES, "LC_ALL", "LC_MESSAGES", "MUNIMENT_DEBUG"):
            given.setdefault(name, "")
        result = CliRunner().invoke(app, list(words), input=stdin, env=given)
        assert code == result.exit_code, (words, result.exit_code, result.stdout, result.stderr)
        return result

    def json(self, *words: str, code: int = 0, stdin: str | bytes | None = None, **environ: str) -> Any:
        """Run a command and read its JSON document."""
        return json.loads(self.run(*words, "--json", code=code, stdin=stdin, **environ).stdout)

    def create(self, *values: str, type: str = "customer") -> str:
        """Make a record and give its identifier."""
        identifier: str = self.json("record", "create", type, *values)["records"][0]["id"]
        return identifier


@pytest.fixture(scope="session")
def _made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive with a few customers and users, made once and copied for each test."""
    base = tmp_path_factory.mktemp("made")
    cli = Cli(base / "archive", base / "archive.key")
    words = ("init", str(cli.folder), "-t", "customer-info", "-t", "interaction-log", "--region", "DE")
    cli.run(*words, "--key-file", str(cli.key), MUNIMENT_ARCHIVE="", MUNIMENT_KEY="")
    added = (
        "schema",
        "field",
        "add",
        "customer",
        "passport",
        "--kind",
        "identifier",
        "--class",
        "restricted",
    )
    cli.run(*added, "--index", "exact", "--label-zh", "护照", "--label-en", "Passport")
    cli.create(
        "customer_number=C-1", "full_name=Anna Schmidt", "phone=030 23125001", "email=anna@example.com"
    )
    cli.create(
        "customer_number=C-2", "full_name=王芳", "phone=+86 138 0013 8000", "city=上海", "passport=E99887766"
    )
    for login in ("reader", "editor", "auditor"):
        cli.run("user", "add", login, "--role", login)
    return base


@pytest.fixture
def cli(_made: Path, tmp_path: Path) -> Iterator[Cli]:
    """An archive of the test's own, with customers C-1 and C-2 and a user for each role."""
    shutil.copytree(_made / "archive", tmp_path / "archive")
    shutil.copy2(_made / "archive.key", tmp_path / "archive.key")
    before = os.getcwd()
    os.chdir(tmp_path)
    try:
        yield Cli(tmp_path / "archive", tmp_path / "archive.key")
    finally:
        os.chdir(before)


@pytest.fixture(scope="session")
def cli_of() -> type[Cli]:
    """Makes the command line of an archive: of its folder, and its key file."""
    return Cli


@pytest.fixture
def new_cli(tmp_path: Path) -> Callable[..., Cli]:
    """Makes a new archive with the given words behind ``init DIR``."""

    def make(*words: str, **environ: str) -> Cli:
        cli = Cli(tmp_path / "new", tmp_path / "new.key")
        cli.run(
            "init",
            str(cli.folder),
            *words,
            **{"MUNIMENT_ARCHIVE": "", "MUNIMENT_KEY": "", "XDG_CONFIG_HOME": str(tmp_path), **environ},
        )
        return cli

    return make
