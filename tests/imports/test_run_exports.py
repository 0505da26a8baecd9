"""Records out as a file: logged first, masked as the actor sees them, and back without a change."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from muniment.archive import Archive
from muniment.errors import AccessDenied, NotFound, UsageError
from muniment.session import Session
from muniment.testing import assert_logged

Put = Callable[..., Path]

MEMBERS = (
    "number,name,email,phone,level,city,joined,paid,debt\n"
    '0012,"Schmidt, Anna",anna@corp.de,+49 30 1234567,gold,Kiel,2020-02-29,"1,234.50 EUR",1.234\n'
    "007,=cmd,,,basic,北京,,12 CNY,\n"
    '3,"O\'Neil ""Bob""",bob@corp.de,030 7654321,basic,,1999-12-31,,-5\n'
)


@pytest.fixture
def filled(owner: Session, put: Put) -> Session:
    """The owner's session after the members are in."""
    from muniment.imports import parse_mapping

    done = owner.import_file("member", put(MEMBERS), mapping=parse_mapping({"decimal_mark": "."}))
    assert (done.created, done.rejected) == (3, 0)
    return owner


def rows_of(path: Path) -> list[dict[str, str]]:
    """A CSV file as it stands."""
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"))))


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
@pytest.mark.parametrize("headers", ["key", "en", "zh"])
@pytest.mark.parametrize("ids", [False, True])
def test_an_export_comes_back_without_a_change(
    filled: Session, tmp_path: Path, ending: str, headers: str, ids: bool
) -> None:
    """Every kind of value and header, matched by number or by identifier."""
    path = tmp_path / f"out.{ending}"
    written = filled.export_file("member", path, headers=headers, ids=ids, reason="check")
    assert written.rows == 3
    done = filled.import_file("member", path)
    assert done.match == (("muniment:id",) if ids else ("number",))
    assert (done.created, done.updated, done.unchanged, done.rejected) == (0, 0, 3, 0)


def test_each_page_is_logged_with_recipient_and_reason(
    club: Archive, filled: Session, tmp_path: Path
) -> None:
    """One act, told with the file's name without its folder."""
    with assert_logged(club, "record.export", count=3, recipient="out.csv", type="member") as logged:
        filled.export_file("member", tmp_path / "out.csv", reason="letter in March")
    assert "reason" in logged[0].detail
    assert len(logged[0].entry.subject_tags) == 3
    club.log.verify()


def test_only_what_was_asked_for_goes_out(filled: Session, tmp_path: Path) -> None:
    """Fields in their order, records by value, also by a sealed one."""
    path = tmp_path / "out.csv"
    filled.export_file("member", path, fields=["name", "number"], where={"email": "ANNA@corp.de"})
    assert rows_of(path) == [{"name": "Schmidt, Anna", "number": "0012"}]
    filled.export_file("member", path, where={"level": "basic"}, fields=["number"])
    assert [row["number"] for row in rows_of(path)] == ["007", "3"]


def test_what_is_masked_goes_out_masked_and_does_not_come_back(
    club: Archive, filled: Session, tmp_path: Path
) -> None:
    """The mask's header is muniment's own, so the mask never takes the value's place."""
    editor = club.session(actor="editor")
    path = tmp_path / "out.csv"
    with assert_logged(club, "record.export") as logged:
        editor.export_file("member", path)
    row = rows_of(path)[0]
    assert "debt" not in row
    assert row["muniment: debt (masked)"] != "1.234"
    assert logged[0].detail["sets"][0]["restricted"] == {"masked": ["debt", "passport"]}
    done = editor.import_file("member", path)
    assert (done.unchanged, done.rejected) == (3, 0)
    assert [note.code for note in done.notes] == ["import.own_columns"]


def test_ndjson_goes_to_machines(filled: Session, tmp_path: Path) -> None:
    """One object a line, values as the kinds write them."""
    path = tmp_path / "out.ndjson"
    filled.export_file("member", path)
    first = json.loads(path.read_text(encoding="utf-8").splitlines()[0])
    assert first["fields"]["paid"] == {"amount": "1234.50", "currency": "EUR"}
    assert first["type"] == "member"


def test_a_refused_export_leaves_no_file(club: Archive, filled: Session, tmp_path: Path) -> None:
    """Who may not export, an unknown field, one that may not be seen: logged, and nothing is written."""
    path = tmp_path / "out.csv"
    reader = club.session(actor="reader")
    with (
        assert_logged(club, "access.deny", outcome="denied", code="access.action"),
        pytest.raises(AccessDenied),
    ):
        reader.export_file("member", path)
    for name in ("nothing", "deb"):
        with assert_logged(club, "access.deny", outcome="denied"), pytest.raises(NotFound):
            filled.export_file("member", path, fields=["number", name])
    with pytest.raises(UsageError, match=r"index\.unsupported"):
        filled.export_file("member", path, where={"card": "C-1", "paid": "12 EUR"})
    assert not path.exists()
    assert list(tmp_path.glob(".muniment-*")) == []


def test_progress_and_many_pages(owner: Session, put: Put, tmp_path: Path) -> None:
    """More than one page is one act and one file."""
    rows = "".join(f"{number:05d},Member {number}\n" for number in range(1500))
    owner.import_file("member", put("number,name\n" + rows))
    seen: list[tuple[int, int | None]] = []
    path = tmp_path / "out.csv"
    written = owner.export_file("member", path, progress=lambda done, of: seen.append((done, of)))
    assert written.rows == 1500
    assert seen == [(1000, 1500), (1500, 1500)]
    assert [row["number"] for row in rows_of(path)] == [f"{number:05d}" for number in range(1500)]
