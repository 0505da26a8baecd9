"""Lists of commands come in pieces: each entry once and in order, however few are asked for at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest

from muniment.archive import Archive
from muniment.cli.app import app
from muniment.cli.base import LazyGroup
from muniment.errors import ApprovalNeeded
from muniment.model import system_clock
from muniment.session.rights.consents import Terms
from muniment.testing import TickingClock, new_archive
from muniment.testing.archives import key_file_of

_DAY_US = 86_400_000_000
SETTINGS = """
[backup]
to = "kept"

[mail]
from = "Shop <shop@example.org>"

[[approvals.rule]]
name = "customers"
types = ["customer"]
"""
# The words of the command, and the name of the list in its JSON.
LISTS = {
    "alert list --all": "alerts",
    "backup list": "backups",
    "break-glass list": "emergencies",
    "certificate list": "certificates",
    "change list": "changes",
    "consent list": "consents",
    "consent notice list": "notices",
    "data merges": "merges",
    "followup list": "follow_ups",
    "hold list": "holds",
    "import list": "imports",
    "inbox list": "incoming",
    "incident list": "incidents",
    "mail list": "mailings",
    "record list customer": "records",
    "record accesses customer:C-13": "entries",
    "subject requests list": "requests",
    "subject restrictions": "restrictions",
    "template history": "templates",
    "token list": "tokens",
    "user list": "users",
    "webhook list": "webhooks",
    "log list": "entries",
}
BY_NAME = "what people name for a menu of theirs"
SETTINGS_NAME = "as many as configuration, plugins, templates or laws name"
WHOLE = {
    **dict.fromkeys(("dashboard list", "import map list", "log query list", "view list"), BY_NAME),
    **dict.fromkeys(
        ("log witness list", "plugin list", "purpose list", "role list", "schema list", "template list"),
        SETTINGS_NAME,
    ),
}
"""Lists that are printed whole, and what bounds each: nobody's daily work makes them longer."""


def fill(archive: Archive, folder: Path, clock: TickingClock) -> None:
    """Three of everything."""
    with archive.session(actor="owner") as session:
        made = [
            session.create("customer", {"full_name": f"N {n}", "customer_number": f"C-{n}"})
            for n in range(14)
        ]
        ids = [one.id for one in made]
        for n in range(3):
            session.create("user", {"login": f"u{n}", "roles": ["owner"], "state": "active"})
            session.credentials.issue("owner", name=f"t{n}", scopes=("read",), days=366)
            session.holds.place(f"case {n}", records=[ids[n]])
            session.requests.open(ids[n], "access")
            session.incidents.open(f"lost laptop {n}")
            session.webhooks.add(f"system {n % 2}", "https://example.org/hook", ["record.*"])
            session.consents.write_notice(f"notice{n}", {"text_en": f"We keep what you tell us {n}."})
            session.consents.give(ids[n], Terms("DirectMarketing", method="paper"))
            session.cleaning.links.merge(ids[3 + n], ids[6 + n], reason="twice")
            session.erasures.subject(made[9 + n].subject, reason="asked")
            session.create("follow_up", {"customer": ids[12], "due_at": "2026-08-02 08:00"})
            session.restrictions.place(made[n].subject, state="restricted", basis="asked")
            rows = folder / f"rows{n}.csv"
            rows.write_text(f"full_name,customer_number\nImported {n},I-{n}\n", encoding="utf-8")
            session.import_file("customer", rows, mapping=None)
            session.inbox.take([(f"letter {n}", f"From: a@example.org\nSubject: {n}\n\nHello\n".encode())])
    for n in range(3):
        with archive.session(actor=f"u{n}") as session:
            session.emergencies.begin(ids[12], reason="found unconscious")
        clock.now_us += 4 * _DAY_US  # nobody reviews it
        with archive.session(actor="owner") as session:
            session.alerts.run()
    path = archive.folder / "muniment.toml"
    path.write_text(path.read_text(encoding="utf-8") + SETTINGS, encoding="utf-8")
    with archive.session(actor="owner") as session:
        archive.apply_config(session, reason="rules")
        session.backups.prepare()
        for n in range(3):
            session.backups.run()
            session.mail.send(
                session.mail.letter("satisfaction"), name=f"spring {n}", into=folder / f"out{n}"
            )
            with pytest.raises(ApprovalNeeded):
                session.update(ids[13], {"city": f"City {n}"})
            session.get(ids[13])


@pytest.fixture(scope="module")
def full(tmp_path_factory, cli_of):
    """The command line of an archive with three of everything."""
    folder = tmp_path_factory.mktemp("pieces")
    clock = TickingClock(system_clock() - 14 * _DAY_US)  # what is filled in takes twelve days
    with new_archive(
        folder / "archive", templates=("account-manager", "service-feedback", "segmentation"), clock=clock
    ) as archive:
        fill(archive, folder, clock)
    return cli_of(folder / "archive", key_file_of(folder / "archive"))


def walked(cli: Any, words: list[str], name: str) -> list[Any]:
    """The whole list, one by one."""
    found: list[Any] = []
    after: list[str] = []
    for _ in range(500):
        piece = cli.json(*words, "--limit", "1", *after)
        assert len(piece[name]) <= 1
        found += piece[name]
        if piece["after"] is None:
            return found
        after = ["--after", piece["after"]]
    raise AssertionError(f"{words} has no end")


@pytest.mark.parametrize("line", [one for one in LISTS if not one.startswith(("log", "record accesses"))])
def test_a_list_in_pieces_is_the_list(full, line):
    """Each entry once, in the order of the whole; what is not data says where the next piece begins."""
    words, name = line.split(), LISTS[line]
    whole = full.json(*words)
    assert whole["after"] is None
    assert len(whole[name]) >= 3
    assert whole[name] == walked(full, words, name)
    said = full.run(*words, "--limit", "1")
    assert "--after " in said.stderr
    assert "--after " not in said.stdout
    further = said.stderr.split("--after ")[1].split()[0]
    assert full.json(*words, "--limit", "1", "--after", further)[name] == whole[name][1:2]
    assert "--after " not in full.run(*words).stderr


@pytest.mark.parametrize("line", LISTS)
def test_a_made_up_place_is_refused(full, line):
    """And nothing is shown for it."""
    refused = full.json(*line.split(), "--after", "nonsense", code=2)
    assert "usage.cursor" == refused["code"]


def test_who_touched_a_record_goes_on_behind_what_was_shown(full):
    """Each look is an entry itself, on top; what was there is led through once."""
    words = ["record", "accesses", "customer:C-13"]
    whole = [one["index"] for one in full.json(*words)["entries"]]
    found, after = [], []
    while True:
        piece = full.json(*words, "--limit", "2", *after)
        found += [one["index"] for one in piece["entries"]]
        if piece["after"] is None:
            break
        after = ["--after", piece["after"]]
    assert whole == found[-len(whole) :]


def test_every_list_is_in_pieces_or_cannot_grow():
    """A command that is added and lists something leads on, or what bounds it stands above."""

    def commands(group: LazyGroup, path: tuple[str, ...]) -> Any:
        context = click.Context(group)
        for name in group.list_commands(context):
            one = group.get_command(context, name)
            if isinstance(one, LazyGroup):
                yield from commands(one, (*path, name))
            else:
                yield " ".join((*path, name)), {word for param in one.params for word in param.opts}

    every = dict(commands(app, ()))
    paged = {name for name, words in every.items() if "--after" in words}
    assert {name for name in paged if "--limit" not in every[name]} == set()
    others = {"record search", "data duplicates", "log query run"}
    listed = {next(name for name in every if f"{line} ".startswith(f"{name} ")) for line in LISTS}
    assert listed == paged - others
    assert WHOLE.keys() == {name for name in every if name.endswith(" list")} - paged
