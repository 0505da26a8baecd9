from __future__ import annotations

import csv
import json
from typing import Any

import pytest
from click.testing import CliRunner
from openpyxl import load_workbook

from muniment.cli.app import app
from muniment.errors import AccessDenied, UsageError
from muniment.store import LogFilter

from .conftest import Case


def _kinds(case: Case, **filters: object) -> list[str]:
    with case.archive.session(actor="vera") as session:
        return [one.kind for one in session.entries(LogFilter(limit=1000, **filters))]


@pytest.mark.parametrize(
    ("filters", "holds"),
    [
        ({"terms": ("role:editor",)}, lambda one: "editor" in one.roles),
        ({"terms": ("field:phone",)}, lambda one: "phone" in one.fields),
        (
            {"terms": ("field:customer.phone", "role:editor")},
            lambda one: one.actor == "li.na" and "phone" in one.fields,
        ),
        (
            {"terms": ("class:personal",)},
            lambda one: any("personal" in its for its in one.detail.get("sets", ())),
        ),
        ({"terms": ("program:python",)}, lambda one: one.detail["source"]["program"] == "python"),
        (
            {"actor": "li.na", "kinds": ("record.update", "record.search")},
            lambda one: one.kind in ("record.update", "record.search"),
        ),
    ],
)
def test_entries_are_found_by_what_they_say(case, filters, holds):
    """Each filter finds what it says and nothing else."""
    with case.archive.session(actor="vera") as session:
        found = session.entries(LogFilter(limit=1000, **filters))
        everything = session.entries(LogFilter(limit=1000, before=found[0].index + 1))
    assert [one.index for one in everything if holds(one)] == [one.index for one in found]


@pytest.mark.parametrize("order_by", ["seq", "kind", "actor", "purpose", "outcome", "type", "records"])
@pytest.mark.parametrize("descending", [True, False])
def test_pages_skip_and_repeat_nothing_while_the_log_grows(case, order_by, descending):
    """Each page is an entry itself, so the log grows under whoever reads it."""
    seen, after = [], None
    with case.archive.session(actor="vera") as session:
        size = session.entries(LogFilter(limit=1))[0].index + 1
        while True:
            page = session.log_page(
                LogFilter(order_by=order_by, descending=descending, limit=100, before=size), after=after
            )
            seen += [one.index for one in page.entries]
            after = page.after
            if after is None:
                break
    assert sorted(seen) == list(range(size))
    assert size == page.total


def test_the_cursor_of_another_archive_or_a_made_one_is_refused(case):
    """It is sealed; nobody steers by it."""
    with case.archive.session(actor="vera") as session:
        for after in ("", "x", "AAAA" * 20):
            with pytest.raises(UsageError):
                session.log_page(after=after)


def test_reading_the_log_is_an_entry_and_needs_the_right(case):
    """Whoever looks at who looked is written down too, with whom it was about."""
    with case.archive.session(actor="vera") as session:
        session.entries(LogFilter(about=bytes.fromhex(case.people[0].replace("-", ""))))
        newest = session.entries(LogFilter(limit=1))[0]
    assert ("log.read", "vera", case.people[0]) == (
        newest.kind,
        newest.actor,
        newest.detail["target"]["record"],
    )
    session = case.archive.session(actor="li.na", purpose="ServiceProvision")
    with pytest.raises(AccessDenied):
        session.entries()
    assert "access.deny" == _kinds(case)[0]


def _run(*arguments: str) -> dict[str, Any]:
    done = CliRunner().invoke(app, ["--json", *arguments])
    assert 0 == done.exit_code, done.output
    return json.loads(done.stdout)


def test_the_command_writes_all_that_match_as_a_table(by_command, tmp_path):
    """CSV and XLSX hold the same rows; a page of the terminal does not limit them."""
    tables = []
    for name in ("log.csv", "log.xlsx"):
        path = tmp_path / name
        told = _run("log", "list", "--kind", "record.read", "--to", str(path))["export"]
        if name.endswith("csv"):
            with path.open(encoding="utf-8-sig", newline="") as file:
                rows = list(csv.reader(file))
        else:
            sheet = load_workbook(path).active
            rows = [["" if cell is None else str(cell) for cell in row] for row in sheet.values]
        assert told["rows"] == len(rows) - 1
        tables.append(rows)
    assert tables[0] == tables[1]
    assert 13 == len(tables[0])


def test_the_command_filters_sorts_and_pages(by_command):
    """As an auditor would ask, and the answer says how many there are."""
    asked = ("log", "list", "--field", "phone", "--role", "editor", "--sort", "actor", "--limit", "5")
    first = _run(*asked)
    assert 5 == len(first["entries"])
    assert 13 == first["total"]
    second = _run(*asked, "--after", first["after"])
    assert not {one["index"] for one in first["entries"]} & {one["index"] for one in second["entries"]}
