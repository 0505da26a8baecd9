from __future__ import annotations

import importlib.util
import zipfile
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from types import ModuleType

import attrs
import pytest

from muniment.archive import Archive
from muniment.session import Change
from muniment.testing import TickingClock, new_archive

VERIFIER = Path(str(files("muniment_schemas") / "evidence" / "verify.py"))

Contents = dict[str, bytes]


@attrs.frozen
class Case:
    """An archive that was lived in: 500 entries, 40 people, what each read and changed.

    Attributes:
        people: identifiers of the records, in order.
        kept: a checkpoint that an auditor kept early on.
    """

    archive: Archive
    people: list[str]
    kept: str

    @property
    def key(self) -> str:
        """The verifier key that an auditor was given."""
        return self.archive.engine.logbook.verifier_key().text


@pytest.fixture(scope="session")
def case(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    folder = tmp_path_factory.mktemp("evidence") / "archive"
    with new_archive(folder, clock=TickingClock()) as archive:
        yield _grown(archive)


@pytest.fixture
def by_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a small archive that commands find, vera acting; its clock is real."""
    folder = tmp_path / "archive"
    with new_archive(folder) as archive:
        with archive.session(actor="owner") as session:
            for login, role in (("li.na", "editor"), ("vera", "auditor")):
                session.create("user", {"login": login, "display_name": login, "roles": role})
        with archive.session(actor="li.na", purpose="ServiceProvision") as session:
            person = session.create("customer", {"full_name": "Anna", "phone": "030 5550001"}).id
            for _ in range(12):
                session.get(person)
    monkeypatch.setenv("MUNIMENT_ARCHIVE", str(folder))
    monkeypatch.setenv("MUNIMENT_KEY", str(folder.with_name(f"{folder.name}.key")))
    monkeypatch.setenv("MUNIMENT_ACTOR", "vera")
    return folder


def _grown(archive: Archive) -> Case:
    with archive.session(actor="owner") as session:
        for login, role in (("li.na", "editor"), ("vera", "auditor")):
            session.create("user", {"login": login, "display_name": login, "roles": role})
    with archive.session(actor="li.na", purpose="ServiceProvision") as session:
        changes = [
            Change("create", "customer", values={"full_name": f"Person {n}", "phone": f"030 555 {n:04d}"})
            for n in range(40)
        ]
        people = [one.id for one in session.write(changes)]
    with archive.session(actor="owner") as session:
        kept = session.checkpoint().note
    with archive.session(actor="li.na", purpose="ServiceProvision") as session:
        for n in range(420):
            session.get(people[n % 40])
        for n in range(0, 40, 3):
            session.update(people[n], {"phone": f"030 777 {n:04d}"}, reason="called")
        session.list("customer", limit=30)
        session.search("customer", "Person")
    return Case(archive, people, kept)


@pytest.fixture(scope="session")
def verifier() -> ModuleType:
    """The program that goes into every bundle, as an auditor runs it."""
    spec = importlib.util.spec_from_file_location("bundle_verify", VERIFIER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


Verdict = Callable[..., str]


@pytest.fixture
def verdict(verifier: ModuleType, capsys: pytest.CaptureFixture[str]) -> Verdict:
    """What the program says of a bundle: all it prints, or why it refuses."""

    def say(path: Path, *arguments: str) -> str:
        try:
            verifier.main([str(path), *arguments])
        except verifier.Altered as error:
            capsys.readouterr()
            return f"ALTERED: {error}"
        except verifier.Unusable as error:
            capsys.readouterr()
            return f"NOT CHECKED: {error}"
        return capsys.readouterr().out

    return say


def contents(path: Path) -> Contents:
    """The files of a bundle by name."""
    with zipfile.ZipFile(path) as zipped:
        return {name: zipped.read(name) for name in zipped.namelist()}


def rewritten(path: Path, files_of: Mapping[str, bytes]) -> Path:
    """A bundle of these files, with sums that fit: what a forger would hand over."""
    listed = {name: data for name, data in files_of.items() if name not in ("SHA256SUMS", "verify.py")}
    sums = "".join(f"{sha256(data).hexdigest()}  {name}\n" for name, data in sorted(listed.items()))
    with zipfile.ZipFile(path, "w") as zipped:
        for name, data in {**files_of, "SHA256SUMS": sums.encode()}.items():
            zipped.writestr(name, data)
    return path
