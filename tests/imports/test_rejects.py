from __future__ import annotations

import csv
import os
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest

from muniment.errors import Issue, UsageError
from muniment.imports import Rejects, Row, open_table, resolve
from muniment.schema.types import RecordType
from muniment.schema.values import Context

Put = Callable[..., Path]

TABLE = """number,full_name,Birthday,postal_code
1,Anna,1990-05-01,01099
2,=Bo,03/04/2026,00171
3,'Cem,2026-02-30,
4,Dan
5,Eve,1990-05-01,1,extra,"-more"
"""


def run(path: Path, to: Path, kind: RecordType, context: Context, lang: str = "en") -> tuple[int, int]:
    """What an import does with good and bad rows."""
    accepted = 0
    with open_table(path) as table, Rejects(to, table.header, lang=lang) as rejects:
        plan = resolve(table.header, kind)
        for row in table.rows:
            issues = list(row.issues)
            if not issues:
                issues = kind.normalise(plan.values(row), context=context)[1]
            if issues:
                rejects.add(row, issues, plan=plan)
            else:
                accepted += 1
    return accepted, rejects.count


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_refused_rows_are_mended_and_imported_again(
    put: Put, tmp_path: Path, customer: RecordType, context: Context, suffix: str, lang: str
) -> None:
    """Accepted and rejected rows are all rows; the rejects read back as they were, and again once mended."""
    to = tmp_path / f"rejects{suffix}"
    assert (1, 4) == run(put(TABLE), to, customer, context, lang)
    with open_table(to) as table:
        assert ("number", "full_name", "Birthday", "postal_code") == table.header[:4]
        rows = list(table.rows)
    assert [
        ("2", "=Bo", "03/04/2026", "00171"),
        ("3", "'Cem", "2026-02-30", ""),
        ("4", "Dan", "", ""),
        ("5", "Eve", "1990-05-01", "1"),
    ] == [row.cells[:4] for row in rows]
    assert ["3", "4", "5", "6"] == [row.cells[4] for row in rows]
    assert ["Birthday", "Birthday", "", ""] == [row.cells[5] for row in rows]
    for row, code in zip(rows, ("date_order", "date", "ragged", "ragged"), strict=True):
        assert f".{code}]" in row.cells[6]
        assert (lang == "zh") == any("\u4e00" <= sign <= "\u9fff" for sign in row.cells[6])
    assert ["", "", "", "extra | -more"] == [row.cells[7] for row in rows]

    again = tmp_path / f"again{suffix}"
    assert (2, 2) == run(to, again, customer, context)
    with open_table(again) as table:
        assert 4 + 4 == len(table.header)


def test_no_refused_row_no_file(put: Put, tmp_path: Path, customer: RecordType, context: Context) -> None:
    """Where nothing is refused, nothing is written."""
    to = tmp_path / "rejects.csv"
    assert (1, 0) == run(put("full_name\nAnna\n"), to, customer, context)
    assert ["table.csv"] == os.listdir(tmp_path)
    with Rejects(to, ("a",)) as rejects:
        assert rejects.close() is None


def test_no_cell_of_the_rejects_begins_a_formula(tmp_path: Path) -> None:
    """Cells of strangers are opened by the person who mends them; none runs."""
    path = tmp_path / "r.csv"
    with Rejects(path, ("=a", "b")) as rejects:
        rejects.add(
            Row(2, ("=1", "+1", "@more")),
            [Issue("import.ragged", None, "error", {"found": 3, "expected": 2})],
        )
    with open(path, encoding="utf-8-sig", newline="") as file:
        assert not any(cell.startswith(("=", "+", "-", "@")) for row in csv.reader(file) for cell in row)


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_an_interrupted_import_leaves_the_old_rejects(tmp_path: Path, suffix: str) -> None:
    """The file is there whole or not at all."""
    path = tmp_path / f"r{suffix}"
    path.write_bytes(b"old")

    def interrupted() -> None:
        with Rejects(path, ("a",)) as rejects:
            rejects.add(Row(2, ("1",)), [Issue("import.quote")])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert b"old" == path.read_bytes()
    assert [path.name] == os.listdir(tmp_path)


def test_a_cell_too_long_for_a_workbook_is_cut(tmp_path: Path) -> None:
    """The refusal of a huge cell is itself written; the file that was read still has the cell."""
    path = tmp_path / "r.xlsx"
    issue = Issue("import.cell_length", parameters={"column": "A", "maximum": 1_000_000})
    with Rejects(path, ("a",)) as rejects:
        rejects.add(Row(2, ("x" * 2_000_000,)), [issue])
        done = rejects.close()
    assert done is not None
    assert (1, path.stat().st_size) == (done.rows, done.size)
    sheet = openpyxl.load_workbook(path).active
    assert ("x" * 32_767, "2", "A") == tuple(cell.value for cell in sheet[2][:3])


def test_rejects_are_csv_or_xlsx(tmp_path: Path) -> None:
    """Another ending is refused before the import begins."""
    with pytest.raises(UsageError, match=r"import\.rejects_format"):
        Rejects(tmp_path / "r.txt", ("a",))
