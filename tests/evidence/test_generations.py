"""A restore that gives entries up ends one generation of the log; what was before it stays evidence."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
from click.testing import CliRunner

from muniment.archive import restore
from muniment.cli.app import app
from muniment.errors import IntegrityError, NotFound, UsageError
from muniment.keys import KeyFile
from muniment.log.checkpoint import verifier_key
from muniment.log.proof import verify_proof
from muniment.model import id_bytes
from muniment.session.oversight.evidence import Scope
from muniment.session.reading.generations import Place, parse_place
from muniment.store import LogFilter
from muniment.testing import TickingClock, new_archive, open_again


@attrs.frozen
class Restored:
    """An archive whose log is in its second generation.

    Attributes:
        folder: of the archive.
        anna: whom both generations know.
        first: the index of the read of her in the first generation.
        kept: a checkpoint of the first generation that was kept elsewhere.
    """

    folder: Path
    anna: str
    first: int
    kept: str


@pytest.fixture(scope="module")
def restored(tmp_path_factory: pytest.TempPathFactory) -> Restored:
    base = tmp_path_factory.mktemp("restored")
    clock, who = TickingClock(), {"actor": "owner", "purpose": "ServiceProvision"}
    with new_archive(base / "archive", clock=clock) as archive, archive.session(**who) as session:
        for login, role in (("li.na", "editor"), ("vera", "auditor")):
            session.create("user", {"login": login, "display_name": login, "roles": role})
        anna = session.create("customer", {"full_name": "Anna", "phone": "030 5550001"}).id
        with archive.session(actor="li.na", purpose="ServiceProvision") as hers:
            hers.get(anna)
            hers.export_file("customer", base / "out.csv")
        (read,) = session.entries(LogFilter(kinds=("record.read",)))
        session.backups.create(base / "backup")
        kept = session.checkpoint().note
        session.get(anna)
    restore(
        base / "backup", base / "archive", root=KeyFile(base / "archive.key"), accept_loss=True, clock=clock
    )
    with open_again(base / "archive", clock=clock) as archive, archive.session(**who) as session:
        session.get(anna)
    return Restored(base / "archive", anna, read.index, kept)


@pytest.fixture
def vera(restored: Restored) -> Iterator[Any]:
    with (
        open_again(restored.folder, clock=TickingClock()) as archive,
        archive.session(actor="vera", purpose="Audit") as session,
    ):
        yield session


def test_entries_of_every_generation_are_found(restored, vera):
    """By default those of the newest; the page says that there are others."""
    newest = vera.log_page()
    assert (0, 1) == newest.generations
    assert {1} == {one.generation for one in newest.entries}
    assert {0} == {one.generation for one in vera.log_page(generation=0).entries}
    together = vera.log_page(LogFilter(kinds=("record.read",)), generation="all")
    assert ["owner", "li.na"] == [one.actor for one in together.entries]
    assert 2 == together.total
    assert restored.first == vera.entry(restored.first, generation=0).index
    with pytest.raises(NotFound) as caught:
        vera.log_page(generation=2)
    assert "log.no_generation" == caught.value.code


@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("order_by", ["seq", "actor"])
def test_pages_over_all_generations_skip_and_repeat_nothing(vera, order_by, descending):
    """One generation behind the other, each sorted for itself."""
    asked, after, seen = (
        LogFilter(limit=7, order_by=order_by, descending=descending, until_us=2**60),
        None,
        [],
    )
    sizes = {one.generation: one.size for one in vera.generations()}
    while True:
        page = vera.log_page(attrs.evolve(asked, before=sizes[1]), after=after, generation="all")
        seen += [one.place for one in page.entries]
        after = page.after
        if after is None:
            break
    wanted = {Place(gen, index) for gen, size in sizes.items() for index in range(min(size, sizes[1]))}
    assert wanted == set(seen)
    assert len(seen) == len(wanted)
    generations = [one.generation for one in seen]
    assert sorted(generations, reverse=descending) == generations


def test_a_cursor_of_one_generation_is_not_for_another(vera):
    """A page behind an entry that is not there would skip or repeat."""
    after = vera.log_page(LogFilter(limit=2), generation=0).after
    with pytest.raises(UsageError) as caught:
        vera.log_page(LogFilter(limit=2), after=after, generation=1)
    assert "usage.cursor" == caught.value.code


def test_questions_are_answered_from_all_generations(restored, vera):
    """Whoever saw somebody before the restore saw them."""
    seen = vera.questions.who(id_bytes(restored.anna))
    assert {"li.na", "owner"} <= {one.actor for one in seen if one.kind == "record.read"}
    assert {"li.na"} == {one.actor for one in vera.questions.disclosures(id_bytes(restored.anna))}
    assert any(one.kind == "record.read" for one in vera.questions.did("li.na"))
    assert not vera.questions.did("li.na", generation=1)
    (read,) = [one for one in seen if (one.actor, one.kind) == ("li.na", "record.read")]
    assert (f"0:{restored.first}",) == read.entries


def test_an_entry_of_an_ended_generation_is_proven_by_its_last_checkpoint(restored, vera):
    """Its own origin, its own key id; the same seed signs."""
    book = vera.engine.logbook
    for gen in (0, 1):
        proven = verify_proof(vera.prove(3, generation=gen), [book.verifier_key(gen)])
        assert 3 == proven.index
    with pytest.raises(NotFound):
        vera.prove(10_000, generation=0)


def test_each_generation_is_exported_as_a_log_of_its_own(vera, tmp_path):
    """Under its origin, up to its last checkpoint."""
    for gen in (0, 1):
        vera.export_log(tmp_path / str(gen), generation=gen)
        checkpoint = (tmp_path / str(gen) / "checkpoint").read_text(encoding="utf-8")
        assert checkpoint.startswith(f"{vera.engine.logbook.origin(gen)}\n")


def test_a_bundle_of_each_generation_verifies_under_the_key_of_the_first(restored, vera, tmp_path, verdict):
    """Whoever was given the key before the restore needs no other."""
    key = vera.engine.logbook.verifier_key(0).text
    for gen in (0, 1):
        path = tmp_path / f"{gen}.zip"
        scope = Scope(subject=id_bytes(restored.anna))
        made = vera.bundle(path, scope, tag_keys=True, generation=gen)
        said = verdict(path, "--key", key)
        assert "VERIFIED under the key" in said
        assert "complete: the" in said
        assert (gen == 1) == ("not the first generation" in said)
        assert (gen, True) == (made.gen, made.opened > 0)
    other = verifier_key(vera.engine.logbook.origin(1), bytes(32))
    assert "not signed with your key" in verdict(tmp_path / "1.zip", "--key", other.text)


def test_a_checkpoint_of_another_generation_vouches_for_nothing_here(restored, vera, tmp_path, verdict):
    """It is neither called altered nor counted; the auditor is told which bundle to ask for."""
    kept = tmp_path / "kept.txt"
    kept.write_text(restored.kept, encoding="utf-8")
    vera.bundle(tmp_path / "new.zip", Scope(), generation=1)
    said = verdict(tmp_path / "new.zip", "--trusted", str(kept))
    assert said.startswith("NOT CHECKED")
    assert "ask for a bundle of that generation" in said
    vera.bundle(tmp_path / "old.zip", Scope(), generation=0)
    key = vera.engine.logbook.verifier_key(0).text
    # What was kept covers entries that the restore gave up: that is found, and said.
    assert "cut or rolled back" in verdict(tmp_path / "old.zip", "--key", key, "--trusted", str(kept))


def test_whoever_follows_the_log_goes_on_in_the_next_generation(restored, vera):
    """At its beginning; nothing is skipped, and what was given up is not waited for."""
    ahead = Place(0, 10_000)
    entries, place = vera.follow(ahead, limit=3)
    assert [Place(1, n) for n in range(3)] == [one.place for one in entries]
    assert Place(1, 3) == place
    assert "log.continue" == entries[0].kind
    with pytest.raises(IntegrityError) as caught:
        vera.follow(Place(1, 10_000))
    assert "log.behind" == caught.value.code


@pytest.mark.parametrize("text", ["", ":", "1:", ":1", "-1", "1:2:3", "a", "1:a", "٣"])
def test_what_names_no_entry_is_refused(text):
    """Nothing is guessed."""
    with pytest.raises(UsageError):
        parse_place(text)


@pytest.fixture
def command(restored, tmp_path, monkeypatch):
    """Runs commands as vera, on a copy: their clock is real."""
    folder = tmp_path / "copy"
    shutil.copytree(restored.folder, folder)
    monkeypatch.setenv("MUNIMENT_ARCHIVE", str(folder))
    monkeypatch.setenv("MUNIMENT_KEY", str(restored.folder.with_name("archive.key")))
    monkeypatch.setenv("MUNIMENT_ACTOR", "vera")

    def run(*arguments: str) -> Any:
        return CliRunner().invoke(app, list(arguments))

    return run


def test_commands_name_generations_and_say_that_there_are_earlier_ones(restored, command, tmp_path):
    """In both languages; silence would pass for completeness."""
    said = command("log", "list")
    assert "generation 1" in said.stderr, said.output
    assert "第 1 代" in command("--lang", "zh", "log", "list").stderr
    assert "generation" not in command("log", "list", "--generation", "1").stderr
    assert f"0:{restored.first}" in command("log", "list", "--generation", "all").stdout
    assert 0 == command("log", "show", f"0:{restored.first}").exit_code
    assert "all generations" in command("audit", "did", "li.na").stderr
    assert 2 == command("log", "list", "--generation", "first").exit_code
    assert 2 == command("log", "show", "first").exit_code
    for name in ("export", "bundle"):
        done = command("--json", "log", name, str(tmp_path / name), "--generation", "all")
        assert 0 == done.exit_code, done.output
    assert {"0", "1"} == {path.name for path in (tmp_path / "export").iterdir()}
    assert {"bundle.0", "bundle.1"} <= {path.name for path in tmp_path.iterdir()}
    assert 0 == command("log", "prove", "0:3", "--to", str(tmp_path / "proof")).exit_code


def test_verification_states_every_generation(command):
    """With what a restore gave up."""
    report = json.loads(command("--json", "log", "verify").stdout)["verified"]
    assert [0, 1] == [one["generation"] for one in report["generations"]]
    assert report["entries"] == sum(one["size"] for one in report["generations"])
    assert "generation 0" in command("log", "verify").stdout.lower()


def test_alerts_and_reviews_go_on_in_the_next_generation(restored, vera):
    """What the first one showed is named by its place; a review reaches over both."""
    run = vera.alerts.run()
    assert (Place(0, 0), 1) == (run.first, run.last.generation)
    assert run.entries > vera.generations()[0].size
    (restart,) = [one for one in run.raised if one.rule == "A17" and one.why["kind"] == "log.continue"]
    assert (Place(1, 0),) == restart.entries
    again = vera.alerts.run()
    assert again.first == run.last
    for one in vera.alerts.list():
        vera.alerts.close(one.id, "explained", reason="the restore of March")
    first, last = vera.alerts.review(until=Place(1, 1))
    assert (Place(0, 0), Place(1, 1)) == (first, last)
    assert Place(1, 1) == vera.alerts.review()[0]
