"""What is asked about one record, subject or entry is found by an index, however many others there are."""

from __future__ import annotations

import re
import sqlite3

import pytest

from muniment.session.rights.consents import Terms
from muniment.stores.sqlite import SqliteStore

WALKS = {
    "sqlite_master",  # asked once, at opening
    "state_entry",  # read from its end
    "token",  # of an erasure: see drop_tokens_of
    "idem",  # of an erasure, and of one day
    "log_index",  # a maximum
    "checkpoint",  # a maximum
}
"""What is walked through on purpose; each is bounded, or happens once for many."""
STEP = re.compile(r"(?:SCAN|SEARCH) (\w+)(?: USING (?:COVERING )?(?:INDEX (\w+)|PRIMARY KEY))?(?: \((.*)\))?")


@pytest.fixture
def asked(monkeypatch):
    """The statements that an archive asks its store, with their values."""
    found: dict[str, str] = {}
    opened = SqliteStore._opened

    def traced(self, path, query):
        connection = opened(self, path, query)
        connection.set_trace_callback(
            lambda sql: found.setdefault(re.sub(r"x?'[^']*'|\b\d+\b", "?", sql), sql)
        )
        return connection

    monkeypatch.setattr(SqliteStore, "_opened", traced)
    return found


def test_one_record_is_found_without_walking_past_all(asked, archive, session):
    """SQLite takes a shard for selective, of which there is one: without a hint it walks in a key's order."""
    archive.close()  # it was opened before anybody listened
    from muniment.testing import open_again

    with (
        open_again(archive.folder, clock=archive.engine.clock) as again,
        again.session(actor="owner", purpose="CustomerManagement") as mine,
    ):
        anna, bert, carl = (
            mine.create("customer", {"full_name": name, "phone": "030 1234567"}, reason="walk-in").id
            for name in ("Anna", "Bert", "Carl")
        )
        mine.update(anna, {"city": "Bonn"}, idempotency_key="1")
        mine.list("customer", where={"phone": "030 1234567"}, count=True)
        mine.search("customer", "anna")
        mine.history(anna)
        mine.holds.place("1", subjects=[bert])
        mine.consents.give(bert, Terms("DirectMarketing"))
        mine.requests.open(bert, "erasure")
        mine.requests.listed()
        mine.drafts.save({"city": "Kiel"}, record=bert)
        mine.drafts.list()
        list(mine.retention.plan())
        mine.persons.report(bert)
        mine.erasures.record(carl, category="contact", reason="x")
        mine.erase(anna, reason="asked")
    database = sqlite3.connect(archive.folder / "archive.db")
    walked = set()
    for sql in asked.values():
        if sql.startswith(("SELECT", "WITH", "DELETE", "UPDATE")):
            for *_, step in database.execute(f"EXPLAIN QUERY PLAN {sql}"):
                found = STEP.fullmatch(step)
                if (
                    found
                    and found[3] in (None, "shard=?", "shard=? AND gen=?")
                    and found[1] not in ("w", "wanted")
                ):
                    walked.add(found[2] if found[2] in WALKS else found[1])
    database.close()
    assert walked <= WALKS
    assert len(asked) > 50
