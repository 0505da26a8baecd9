"""A spreadsheet into the archive: what is written, what is left alone, what is refused, what is logged."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

import muniment_schemas
from muniment.archive import Archive
from muniment.errors import AccessDenied, Conflict, NotFound, UsageError
from muniment.imports import parse_mapping
from muniment.imports.run import Imported
from muniment.session import Record, Session
from muniment.testing import assert_logged, assert_no_plaintext, log_entries, open_again

Put = Callable[..., Path]

HEADER = "number,name,email,city\n"
THREE = HEADER + "1,Anna Schmidt,anna@corp.de,Kiel\n2,李娜,li.na@corp.cn,北京\n3,Zoë Roy,zoe@corp.fr,Lyon\n"


def table(header: Sequence[str], *rows: Sequence[object]) -> str:
    """CSV text."""
    out = io.StringIO()
    csv.writer(out).writerows([header, *rows])
    return out.getvalue()


def counts(done: Imported) -> tuple[int, int, int, int]:
    """Created, updated, unchanged, rejected."""
    assert done.rows == done.created + done.updated + done.unchanged + done.rejected
    return done.created, done.updated, done.unchanged, done.rejected


def codes(done: Imported) -> list[str]:
    """Why rows were refused, in order."""
    return [issue.code for problem in done.problems for issue in problem.issues]


def by_number(session: Session, type: str = "member") -> dict[str, Record]:
    """All live records by their number."""
    return {str(one.fields.get("number")): one for one in session.list(type, limit=1000).records}


def tables_of(archive: Archive) -> dict[str, int]:
    """How many rows each table of the archive has."""
    with sqlite3.connect(archive.folder / "archive.db") as db:
        names = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: db.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in names}


# What is written


def test_new_rows_become_records_that_name_their_import(club: Archive, owner: Session, put: Put) -> None:
    """Every version's entry names the import, which is a record itself with what it did."""
    with assert_logged(club, "record.create", target={}) as written:
        done = owner.import_file("member", put(THREE))
    assert counts(done) == (3, 0, 0, 0)
    assert written[0].detail["target"] == {"import": done.id}
    assert written[0].detail["count"] == 3
    assert by_number(owner)["2"].fields["name"] == "李娜"
    (record,) = owner.imports()
    assert record.id == done.id
    assert record.fields["state"] == "done"
    assert record.fields["file_name"] == "table.csv"
    assert [record.fields[key] for key in ("rows", "created", "updated", "unchanged", "rejected")] == [
        3,
        3,
        0,
        0,
        0,
    ]
    club.log.verify()


def test_ten_versions_share_an_entry_and_an_import_is_one_act(
    club: Archive, owner: Session, put: Put
) -> None:
    """25 rows are three entries; all that the import wrote carries one op."""
    rows = [(number, f"Member {number}") for number in range(25)]
    with assert_logged(club, "record.create", entries=3) as written:
        done = owner.import_file("member", put(table(("number", "name"), *rows)), batch=25)
    assert [one.detail["count"] for one in written] == [10, 10, 5]
    ops = {one.detail["op"] for one in log_entries(club, start=written[0].index - 2)}
    assert len(ops) == 1
    assert counts(done) == (25, 0, 0, 0)


def test_a_second_import_writes_no_version(club: Archive, owner: Session, put: Put) -> None:
    """What the archive has already is counted as unchanged; only the entries of the look are new."""
    path = put(THREE)
    owner.import_file("member", path)
    before = tables_of(club)
    size = len(log_entries(club))
    done = owner.import_file("member", path)
    assert counts(done) == (0, 0, 3, 0)
    assert done.match == ("number",)
    after = tables_of(club)
    # The import itself is a record of two versions.
    assert after["record_version"] == before["record_version"] + 2
    assert after["token"] == before["token"]
    assert after["subject"] == before["subject"]
    assert [one.kind for one in log_entries(club, start=size)] == [
        "import.begin",
        "record.match",
        "import.finish",
    ]
    assert {one.version for one in owner.list("member").records} == {1}


def test_one_cell_changed_is_one_version(owner: Session, put: Put) -> None:
    """Only the record whose row says something new gets a version, of the field that changed."""
    owner.import_file("member", put(THREE))
    done = owner.import_file("member", put(THREE.replace("Kiel", "Bremen")))
    assert counts(done) == (0, 1, 2, 0)
    anna = by_number(owner)["1"]
    assert anna.version == 2
    assert [step.field for step in owner.history(anna.id)[-1].changes] == ["city"]


def test_columns_that_are_not_there_change_nothing(owner: Session, put: Put) -> None:
    """A file of two columns leaves all other fields as they are."""
    owner.import_file("member", put(THREE))
    owner.import_file("member", put("number,city\n1,Bremen\n"))
    assert by_number(owner)["1"].fields["email"] == "anna@corp.de"


def test_an_empty_cell_keeps_the_value_and_says_so(owner: Session, put: Put) -> None:
    """By default nothing is cleared; how many values were kept is told, and a required one is no fault."""
    owner.import_file("member", put(THREE))
    done = owner.import_file("member", put(HEADER + "1,,,\n2,李娜, ,上海\n"))
    assert counts(done) == (0, 1, 1, 0)
    assert done.warnings == {"import.kept": 4}
    records = by_number(owner)
    assert records["1"].fields["city"] == "Kiel"
    assert records["2"].fields["email"] == "li.na@corp.cn"
    assert records["2"].fields["city"] == "上海"


@pytest.mark.parametrize("said", ["mapping", "caller"])
def test_an_empty_cell_clears_where_it_is_to(owner: Session, put: Put, said: str) -> None:
    """Mapping or caller decide; a required field cannot be cleared."""
    owner.import_file("member", put(THREE))
    options = {"empty": "clear"} if said == "caller" else {"mapping": parse_mapping({"empty": "clear"})}
    done = owner.import_file("member", put(HEADER + "1,,a@corp.de,Kiel\n2,李娜,,北京\n"), **options)
    assert counts(done) == (0, 1, 0, 1)
    assert codes(done) == ["value.required"]
    assert "email" not in by_number(owner)["2"].fields
    with pytest.raises(UsageError, match=r"import\.empty_cells"):
        owner.import_file("member", put(THREE), empty="both")


def test_defaults_are_for_new_records(owner: Session, put: Put) -> None:
    """A default fills a new record, and does not come back into one that was changed."""
    owner.import_file("member", put(THREE))
    anna = by_number(owner)["1"]
    assert anna.fields["level"] == "basic"
    owner.update(anna.id, {"level": ""})
    assert counts(owner.import_file("member", put(THREE))) == (0, 0, 3, 0)
    assert "level" not in by_number(owner)["1"].fields


def test_labels_of_both_languages_and_constants_work(owner: Session, put: Put) -> None:
    """Headers find their fields, a mapping adds what no column has."""
    mapping = parse_mapping({"constants": {"city": "上海"}, "values": {"level": {"A": "gold"}}})
    done = owner.import_file("member", put("会员号,姓名,等级\n7,王伟,A\n8,李雷,B\n"), mapping=mapping)
    assert counts(done) == (1, 0, 0, 1)
    assert codes(done) == ["import.unlisted"]
    assert by_number(owner)["7"].fields == {"number": "7", "name": "王伟", "level": "gold", "city": "上海"}


def test_numbers_of_another_country_keep_their_country(owner: Session, put: Put) -> None:
    """Read by the file's region, a number is stored so that the archive's own region reads it the same."""
    mapping = parse_mapping({"default_region": "GB"})
    owner.import_file("member", put("number,name,phone\n1,Ann,020 7946 0958\n"), mapping=mapping)
    assert by_number(owner)["1"].fields["phone"] == "+442079460958"
    assert len(owner.list("member", where={"phone": "+44 20 7946 0958"}).records) == 1


# Rows that are refused


def test_accepted_and_rejected_rows_add_up_and_can_be_mended(
    club: Archive, owner: Session, put: Put, tmp_path: Path
) -> None:
    """Each refused row is in a file with its row, column and reason; mended, it is imported as it is."""
    bad = (
        HEADER
        + "1,Anna,anna@corp.de,Kiel\n2,,nobody,Kiel\n3,Zoë,zoe@corp.fr,Lyon,more\n4,Eve,eve(at)corp.de,Rom\n"
    )
    to = tmp_path / "rejects.csv"
    with assert_logged(club, "import.rejects", recipient="rejects.csv", target={"rows": 3}):
        done = owner.import_file("member", put(bad), rejects_to=to)
    assert counts(done) == (1, 0, 0, 3)
    assert [problem.row for problem in done.problems] == [3, 4, 5]
    assert done.problems[2].columns == ("email",)
    assert done.rejects is not None
    assert done.rejects.rows == 3
    rows = list(csv.DictReader(io.StringIO(to.read_text(encoding="utf-8-sig"))))
    assert [row["muniment: row"] for row in rows] == ["3", "4", "5"]
    assert "[value.required]" in rows[0]["muniment: reason"]
    assert "[value.email]" in rows[0]["muniment: reason"]
    assert rows[1]["muniment: more cells"] == "more"
    text = to.read_text(encoding="utf-8-sig")
    mended = text.replace("2,,nobody", "2,Bob,bob@corp.de").replace("eve(at)", "eve@")
    again = owner.import_file("member", put(mended))
    assert counts(again) == (3, 0, 0, 0)
    assert set(by_number(owner)) == {"1", "2", "3", "4"}


def test_without_refused_rows_there_is_no_file(owner: Session, put: Put, tmp_path: Path) -> None:
    """A file of rejects means that there are some."""
    done = owner.import_file("member", put(THREE), rejects_to=tmp_path / "rejects.csv")
    assert done.rejects is None
    assert not (tmp_path / "rejects.csv").exists()


def test_where_refused_rows_cannot_go_nothing_is_imported(
    club: Archive, owner: Session, put: Put, tmp_path: Path
) -> None:
    """Not over the file itself, not into a folder that is not there: told before the first row."""
    path = put(THREE)
    size = len(log_entries(club))
    for to, code in (
        (path, "import.rejects_source"),
        (tmp_path / "nowhere" / "r.csv", "export.no_folder"),
        (tmp_path, "export.folder"),
        (tmp_path / "r.txt", "import.rejects_format"),
    ):
        with pytest.raises(UsageError) as caught:
            owner.import_file("member", path, rejects_to=to)
        assert caught.value.code == code
    assert len(log_entries(club)) == size
    assert path.read_text(encoding="utf-8") == THREE


def test_the_file_of_refused_rows_keeps_identifiers(owner: Session, put: Put, tmp_path: Path) -> None:
    """A row that was matched by its identifier is matched again after it was mended."""
    owner.import_file("member", put(THREE))
    anna = by_number(owner)["1"]
    to = tmp_path / "rejects.csv"
    done = owner.import_file("member", put(f"muniment:id,email\n{anna.id},broken\n"), rejects_to=to)
    assert counts(done) == (0, 0, 0, 1)
    mended = to.read_text(encoding="utf-8-sig").replace("broken", "new@corp.de")
    assert counts(owner.import_file("member", put(mended))) == (0, 1, 0, 0)
    assert by_number(owner)["1"].fields["email"] == "new@corp.de"


def test_the_same_row_again_is_unchanged_and_another_one_refused(owner: Session, put: Put) -> None:
    """A record is written once in an import; in one batch or in several makes no difference."""
    rows = HEADER + "1,Anna,a@corp.de,Kiel\n1,Anna,a@corp.de,Kiel\n1,Anna,a@corp.de,Bonn\n2,Bob,,\n"
    for size in (1, 2, 500):
        done = owner.import_file(
            "member", put(rows.replace("1,", f"1{size},").replace("2,", f"2{size},")), batch=size
        )
        assert counts(done) == (2, 0, 1, 1)
        assert codes(done) == ["import.twice"]


def test_a_row_may_follow_one_that_was_refused(owner: Session, put: Put) -> None:
    """Of two rows of one key the first that is sound is taken; the same fault twice is told twice."""
    rows = HEADER + "1,Anna,broken,Kiel\n1,Anna,broken,Kiel\n1,Anna,a@corp.de,Kiel\n1,Anna,a@corp.de,Bonn\n"
    for size in (1, 2, 3, 500):
        done = owner.import_file("member", put(rows.replace("1,", f"1{size},")), batch=size)
        assert counts(done) == (1, 0, 0, 3)
        assert codes(done) == ["value.email", "value.email", "import.twice"]


def test_unique_values_are_refused_within_a_file_and_against_the_archive(
    club: Archive, owner: Session, put: Put
) -> None:
    """The first one has it; that somebody has it is a disclosure and is logged as one."""
    owner.create("member", {"number": "9", "name": "Nora", "card": "C-1"})
    rows = "number,name,card\n1,Anna,C-1\n2,Bob,C-2\n3,Cleo,C-2\n4,Dan,C-4\n"
    with assert_logged(club, "access.deny", outcome="denied", code="value.not_unique"):
        done = owner.import_file("member", put(rows))
    assert counts(done) == (2, 0, 0, 2)
    assert codes(done) == ["value.not_unique", "value.not_unique"]


# Rights


def test_who_may_not_import_opens_no_file(club: Archive, tmp_path: Path) -> None:
    """The refusal comes first and is logged."""
    with (
        assert_logged(club, "access.deny", outcome="denied", code="access.action"),
        pytest.raises(AccessDenied),
    ):
        club.session(actor="reader").import_file("member", tmp_path / "not there")


def test_a_column_that_may_not_be_written_refuses_the_file(club: Archive, put: Put) -> None:
    """Nothing is written, also not of the other columns."""
    editor = club.session(actor="editor")
    before = tables_of(club)["record_version"]
    with (
        assert_logged(club, "access.deny", outcome="denied", code="access.field"),
        pytest.raises(AccessDenied),
    ):
        editor.import_file("member", put("number,name,debt\n1,Anna,12.5\n"))
    assert tables_of(club)["record_version"] == before


def test_what_one_may_not_read_cannot_be_matched_by(club: Archive, put: Put) -> None:
    """Matching would tell what the field holds."""
    template = HEADER.replace("city", "debt")
    with pytest.raises(AccessDenied):
        club.session(actor="editor").import_file("member", put(template + "1,Anna,,12.5\n"), match=["debt"])


def test_built_in_types_and_unknown_ones_are_refused(owner: Session, put: Put) -> None:
    """Users and definitions do not come out of spreadsheets."""
    with pytest.raises(UsageError, match=r"import\.built_in"):
        owner.import_file("user", put("login,state\neve,active\n"))
    with pytest.raises(NotFound):
        owner.import_file("nothing", put(THREE))


# What is written down


def test_details_are_as_published(club: Archive, owner: Session, put: Put, tmp_path: Path) -> None:
    """All entries of an import, a trial run, an undoing and an export fit the published schema."""
    size = len(log_entries(club))
    path = put(THREE + "4,,,\n")
    owner.import_file("member", path, dry_run=True)
    done = owner.import_file("member", path, rejects_to=tmp_path / "r.csv", reason="spring")
    owner.import_file("member", path)
    owner.export_file("member", tmp_path / "out.csv", reason="check")
    owner.revert_import(done.id, reason="wrong file")
    source = Path(muniment_schemas.__file__).parent / "detail.schema.json"
    validator = Draft202012Validator(json.loads(source.read_text(encoding="utf-8")))
    for entry in log_entries(club, start=size):
        validator.validate(entry.detail)


def test_nothing_of_a_file_stands_in_clear(club: Archive, owner: Session, put: Put, tmp_path: Path) -> None:
    """Neither rows that were taken, nor refused ones, nor the file's name, nor the reason."""
    path = put(
        HEADER + "1,Canary One,canary.two@corp.de,Kiel\n2,Canary Three,canary(at)four,Kiel\n",
        "canary five.csv",
    )
    owner.import_file("member", path, dry_run=True)
    done = owner.import_file("member", path, reason="canary six")
    owner.revert_import(done.id, reason="canary seven")
    canaries = [
        "Canary One",
        "canary.two@corp.de",
        "Canary Three",
        "canary(at)four",
        "canary six",
        "canary seven",
    ]
    assert_no_plaintext(club.folder, canaries)


def test_a_reason_is_kept_with_the_beginning(club: Archive, owner: Session, put: Put) -> None:
    """The entry that begins the import holds the hash of the sealed reason."""
    with assert_logged(club, "import.begin") as begun:
        done = owner.import_file("member", put(THREE), reason="spring fair")
    assert "reason" in begun[0].detail
    assert owner.history(done.id)[0].reason == "spring fair"


def test_progress_is_told_batch_by_batch(owner: Session, put: Put) -> None:
    """Of a CSV file the number of rows is known before the first one is written."""
    rows = [(number, f"Member {number}") for number in range(25)]
    seen: list[tuple[int, int | None]] = []
    owner.import_file(
        "member",
        put(table(("number", "name"), *rows)),
        batch=10,
        progress=lambda done, of: seen.append((done, of)),
    )
    assert seen == [(10, 25), (20, 25), (25, 25)]


# Trial runs


def test_a_trial_run_leaves_one_entry_and_no_other_row(club: Archive, owner: Session, put: Put) -> None:
    """New, changed, unchanged and refused rows: only the entry of the look, and no key is leased."""
    owner.import_file("member", put(THREE))
    path = put(THREE.replace("Kiel", "Bonn") + "4,Dan,d@corp.de,Rom\n5,,,\n")
    before, used = tables_of(club), club.keys.used_slots if hasattr(club.keys, "used_slots") else None
    with assert_logged(club, "import.preview", count=3, type="member") as looked:
        done = owner.import_file("member", path, dry_run=True, reason="not kept")
    after = tables_of(club)
    assert counts(done) == (1, 1, 2, 1)
    assert done.id == ""
    assert {name: after[name] - before[name] for name in after if after[name] != before[name]} == {
        "log_batch": 1,
        "log_detail": 1,
    }
    assert {line["version"] for line in looked[0].lines} == {1}
    if used is not None:
        assert used == club.keys.used_slots
    assert counts(owner.import_file("member", path)) == (1, 1, 2, 1)


def test_a_trial_run_shows_what_would_change(owner: Session, put: Put) -> None:
    """Field by field, before and after; what is new has no before."""
    owner.import_file("member", put(THREE))
    done = owner.import_file("member", put(THREE.replace("Kiel", "Bonn") + "4,Dan,,\n"), dry_run=True)
    changed, new = done.changes
    assert (changed.row, changed.status, changed.record) == (2, "updated", by_number(owner)["1"].id)
    assert [(one.field, one.before, one.after) for one in changed.changes] == [("city", "Kiel", "Bonn")]
    assert (new.row, new.status, new.record) == (5, "created", "")
    assert {one.field: one.after for one in new.changes} == {"number": "4", "name": "Dan", "level": "basic"}


def test_a_trial_run_shows_masks_where_the_view_has_them(club: Archive, owner: Session, put: Put) -> None:
    """A preview is a reading like any other."""
    owner.import_file("member", put("number,name,debt\n1,Anna,12.5\n"))
    editor = club.session(actor="editor")
    done = editor.import_file("member", put("number,city\n1,Bonn\n"), dry_run=True)
    assert [one.field for one in done.changes[0].changes] == ["city"]


def test_a_long_trial_run_names_a_hundred_records_in_an_entry(
    club: Archive, owner: Session, put: Put
) -> None:
    """What would be too much for one entry is several of one act."""
    rows = [(number, f"Member {number}") for number in range(150)]
    path = put(table(("number", "name"), *rows))
    owner.import_file("member", path)
    with assert_logged(club, "import.preview", entries=2) as looked:
        owner.import_file("member", path, dry_run=True, batch=40)
    assert [one.detail["count"] for one in looked] == [100, 50]
    assert len({one.detail["op"] for one in looked}) == 1


def test_a_trial_run_knows_what_earlier_rows_would_have_taken(owner: Session, put: Put) -> None:
    """A unique value of an earlier batch is taken, one that an earlier row gives up is free."""
    owner.import_file("member", put("number,name,card\n1,Anna,C-1\n2,Bob,C-2\n"))
    path = put("number,name,card\n1,Anna,C-9\n3,Cleo,C-1\n4,Dan,C-9\n5,Eve,C-2\n6,Finn,C-6\n7,Gus,C-6\n")
    for size in (1, 2, 500):
        trial = owner.import_file("member", path, dry_run=True, batch=size)
        assert [(one.row, one.issues[0].code) for one in trial.problems] == [
            (4, "value.not_unique"),
            (5, "value.not_unique"),
            (7, "value.not_unique"),
        ]
    assert counts(trial) == counts(owner.import_file("member", path, batch=2))


# Interruptions


def test_an_import_that_was_killed_is_completed_by_the_next(club: Archive, put: Put) -> None:
    """After SIGKILL whole batches are there, the import is listed, and the same file completes it."""
    rows = [(number, f"Member {number}") for number in range(50)]
    path = put(table(("number", "name"), *rows))
    script = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from muniment.testing import open_again\n"
        "archive = open_again(Path(sys.argv[1]))\n"
        "session = archive.session(actor='owner')\n"
        "kill = lambda done, of: done < 20 or os.kill(os.getpid(), signal.SIGKILL)\n"
        "session.import_file('member', sys.argv[2], batch=10, progress=kill)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(club.folder), str(path)], env=os.environ, check=False
    )
    assert done.returncode == -signal.SIGKILL
    with open_again(club.folder) as archive:
        archive.log.verify()
        session = archive.session(actor="owner")
        assert len(by_number(session)) == 20
        (killed,) = session.imports()
        assert killed.fields["state"] == "running"
        assert counts(session.import_file("member", path)) == (30, 0, 20, 0)
        undone = session.revert_import(killed.id)
        assert (undone.deleted, undone.conflicts) == (20, 0)
        assert len(by_number(session)) == 30
        archive.log.verify()


def test_an_import_that_is_undone_while_it_runs_stops(club: Archive, owner: Session, put: Put) -> None:
    """It writes nothing behind the undoing, which takes back what it wrote until then."""
    rows = [(number, f"Member {number}") for number in range(30)]

    def undo(done: int, of: int | None) -> None:
        if done == 20:
            (running,) = owner.imports()
            owner.revert_import(running.id)

    with pytest.raises(Conflict, match=r"import\.stopped"):
        owner.import_file("member", put(table(("number", "name"), *rows)), batch=10, progress=undo)
    assert by_number(owner) == {}
    club.log.verify()
