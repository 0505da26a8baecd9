"""A long log: questions answer from the projection, and alert rules look at what is new alone."""

from __future__ import annotations

import os
import time

import pytest

from muniment import audit
from muniment.model import Uuid7
from muniment.store import IndexRow, LogFilter
from muniment.testing import new_archive

ROWS = int(os.environ.get("MUNIMENT_LOG_ROWS", "1000000"))
"""How long the log of the soak is; the promise is for 10,000,000."""

FIRST_PAGE_SECONDS = 1.0
KINDS = ("record.read", "record.list", "record.update", "record.export", "access.deny")


def test_a_run_of_alerts_reads_what_is_new_alone(tmp_path, monkeypatch):
    """However long the log is: the entries that are opened are counted."""
    with new_archive(tmp_path / "archive") as archive, archive.session(actor="owner") as session:
        for _ in range(300):
            session.note("log.read")
        session.alerts.run()
        opened = []
        entries_of = audit.entries_of

        def counted(*place, **span):
            for found in entries_of(*place, **span):
                opened.append(found.index)
                yield found

        monkeypatch.setattr(audit, "entries_of", counted)
        first = session.entries(LogFilter(limit=1))[0].index + 1
        opened.clear()
        for _ in range(100):
            session.note("log.read")
        run = session.alerts.run()
    assert run.first.index < first
    assert len(opened) == run.entries
    assert min(opened) == run.first.index
    assert run.entries < 110


@pytest.mark.soak
def test_the_first_page_of_every_filter_answers_within_a_second(tmp_path):
    """Over a projection of ``MUNIMENT_LOG_ROWS`` rows, written as catching up writes them."""
    new_id = Uuid7()
    people = [new_id() for _ in range(5_000)]
    shape = audit.shape_of(0, ["auth:asserted", "field:customer.phone", "field:phone", "role:editor"])
    with new_archive(tmp_path / "archive") as archive:
        store = archive.store
        with store.transaction() as tx:
            done = tx.indexed_to(0, 0)
        for start in range(done, done + ROWS, 20_000):
            rows, abouts = [], []
            for seq in range(start, min(start + 20_000, done + ROWS)):
                kind = KINDS[seq * 7 % 97 % 5]
                rows.append(
                    IndexRow(
                        0,
                        0,
                        seq,
                        seq * 1_000,
                        kind,
                        f"u{seq * 31 % 199:03d}",
                        ("Marketing", "Audit")[seq % 2],
                        "denied" if kind == "access.deny" else "ok",
                        "customer",
                        f"{seq:x}",
                        1,
                        shape.shape,
                    )
                )
                abouts.append((0, 0, seq, people[seq * 13 % 5_000]))
            with store.transaction() as tx:
                tx.add_index(rows, abouts, [shape])
        filters = {
            "none": LogFilter(),
            "actor": LogFilter(actor="u007"),
            "nobody": LogFilter(actor="nobody"),
            "kind": LogFilter(kinds=("record.export",)),
            "two kinds": LogFilter(kinds=("record.export", "record.update")),
            "purpose": LogFilter(purpose="Audit"),
            "outcome": LogFilter(outcome="denied"),
            "about": LogFilter(about=people[17]),
            "field": LogFilter(terms=("field:phone",)),
            "time": LogFilter(since_us=ROWS * 500, until_us=ROWS * 501),
            "op": LogFilter(op=f"{done + ROWS // 2:x}"),
            "together": LogFilter(actor="u007", kinds=("record.read",), purpose="Audit", outcome="ok"),
            "oldest": LogFilter(descending=False),
            "by actor": LogFilter(order_by="actor"),
        }
        took = {}
        with store.snapshot() as reader:
            for name, asked in filters.items():
                began = time.perf_counter()
                reader.find_entries(0, 0, asked)
                reader.count_entries(0, 0, asked, most=100_001)
                took[name] = round(time.perf_counter() - began, 3)
    print(took)
    assert {} == {name: seconds for name, seconds in took.items() if seconds > FIRST_PAGE_SECONDS}
