"""Nobody waits for themselves: while anything is written, no state of the archive is held open."""

from __future__ import annotations

import sqlite3

import pytest

from muniment.session.oversight.affected import Scope
from muniment.session.oversight.evidence import Scope as Entries
from muniment.session.rights.consents import Terms
from muniment.stores import sqlite
from muniment.testing import new_archive


@pytest.fixture
def held(monkeypatch):
    """What began to write while a state was held: then the write-ahead log cannot be folded back.

    An erasure that comes by at such a moment waits as long as it is allowed to. Nothing waits here: what is
    held is told by asking, without any time in which it could be let go.
    """
    found: list[str] = []
    enter = sqlite._Scope.__enter__

    def entered(self):
        if self._begin == "BEGIN IMMEDIATE":
            try:
                self._db.execute("PRAGMA busy_timeout = 0")
                if self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                    found.append("another connection reads")
            except sqlite3.OperationalError:
                found.append("the same connection reads")
            finally:
                self._db.execute("PRAGMA busy_timeout = 30000")
        return enter(self)

    monkeypatch.setattr(sqlite._Scope, "__enter__", entered)
    return found


@pytest.fixture
def town(tmp_path):
    """Some people, of whom somebody looked up too many, with consents that are over."""
    with (
        new_archive(tmp_path / "archive", templates=["customer-info"]) as archive,
        archive.session(actor="owner", purpose="CustomerManagement") as session,
    ):
        people = [
            session.create("customer", {"full_name": f"Person {number}", "phone": f"030 12345{number:02}"}).id
            for number in range(12)
        ]
        for one in people:
            session.consents.give(one, Terms("DirectMarketing", valid_until="2020-01-01T00:00:00Z"))
            session.get(one)
        incident = session.incidents.open("lost laptop").id
        yield archive, session, people, incident


ACTS = {
    "alerts": lambda session, people, incident, folder: session.alerts.run(),
    "consents": lambda session, people, incident, folder: session.consents.expire(),
    "tick": lambda session, people, incident, folder: session.tick(),
    "incident": lambda session, people, incident, folder: session.incidents.find(
        incident, Scope(actors=["owner"])
    ),
    "retention": lambda session, people, incident, folder: session.retention.apply(reason="due"),
    "erasure": lambda session, people, incident, folder: session.erase(people[0], reason="asked"),
    "accesses": lambda session, people, incident, folder: session.persons.accesses(people[1], folder / "out"),
    "report": lambda session, people, incident, folder: session.persons.report(people[1]),
    "bundle": lambda session, people, incident, folder: session.bundle(folder / "bundle.zip", Entries()),
    "regime": lambda session, people, incident, folder: session.regimes.report("gdpr"),
    "export": lambda session, people, incident, folder: session.export_file("customer", folder / "out.csv"),
    "rebuild": lambda session, people, incident, folder: list(session.check_data()),
}


@pytest.mark.parametrize("act", ACTS)
def test_nothing_is_held_while_it_writes(act, held, town, tmp_path):
    """Whatever reads much and writes what it found reads first."""
    _, session, people, incident = town
    held.clear()
    ACTS[act](session, people, incident, tmp_path)
    assert [] == held


def test_a_state_that_is_held_is_noticed(held, town):
    """The fixture sees what it is made to see, in either connection."""
    archive, session, people, _ = town
    held.clear()
    with archive.store.snapshot() as reader:
        reader.head(0)
        session.update(people[0], {"city": "Bonn"})
    assert "another connection reads" in held
    held.clear()
    rows = archive.store.batches(0, 0)
    next(rows)
    session.get(people[0])
    assert "the same connection reads" in held
    del rows
