from __future__ import annotations

import csv
import hashlib
import os
import random
import resource
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from muniment.errors import MunimentError, UsageError
from muniment.imports import Row, delimited, open_table

Put = Callable[..., Path]


def rows(path: Path, **options: object) -> list[Row]:
    with open_table(path, **options) as table:
        return list(table.rows)


def cells(path: Path, **options: object) -> list[tuple[str, ...]]:
    return [row.cells for row in rows(path, **options)]


def refused(path: Path, **options: object) -> UsageError:
    with pytest.raises(UsageError) as caught:
        rows(path, **options)
    assert caught.value.where is None or str(path) in caught.value.where
    for lang in ("en", "zh"):
        text = caught.value.text(lang)
        assert "\n" not in text
        assert f"[{caught.value.code}]" in text
        assert "{" not in text
    return caught.value


def codes(path: Path, **options: object) -> dict[int, list[str]]:
    return {row.number: [issue.code for issue in row.issues] for row in rows(path, **options) if row.issues}


def test_chinook_customers_arrive_intact(data: Path) -> None:
    """59 customers: 13 names beyond ASCII and 6 postcodes with a leading zero are what the file says."""
    path = data / "chinook_customer.csv"
    with open_table(path) as table:
        found = [dict(zip(table.header, row.cells, strict=True)) for row in table.rows]
        assert hashlib.sha256(path.read_bytes()).digest() == table.digest
        assert (59, "utf-8", ",") == (table.count_hint, table.encoding, table.delimiter)
    assert 59 == len(found)
    assert 13 == sum(not (row["firstname"] + row["lastname"]).isascii() for row in found)
    assert 6 == sum(row["postalcode"].startswith("0") for row in found)
    assert "Gonçalves" == found[0]["lastname"]


def test_superstore_lines_arrive_intact(data: Path) -> None:
    """9,994 lines: quotes, commas and umlauts inside cells are read as the standard library reads them."""
    path = data / "superstore.csv"
    with open(path, encoding="utf-8", newline="") as file:
        expected = [tuple(row) for row in csv.reader(file)]
    with open_table(path) as table:
        assert expected[0] == table.header
        assert expected[1:] == [row.cells for row in table.rows]
    assert any('"' in cell for row in expected for cell in row)
    assert any("ü" in cell for row in expected for cell in row)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(put: Put, delimiter: str) -> None:
    """Whatever usual sign separates the cells is found, also where cells hold the other signs."""
    others = "".join(sign for sign in ",;|" if sign != delimiter)
    path = put(
        f"Name{delimiter}Note{delimiter}City\nA{delimiter}x {others} y{delimiter}\nB{delimiter}{delimiter}Z\n"
    )
    with open_table(path) as table:
        assert ("Name", "Note", "City") == table.header
        assert delimiter == table.delimiter
        assert [("A", f"x {others} y", ""), ("B", "", "Z")] == [row.cells for row in table.rows]


def test_a_table_of_one_column_is_read(put: Put) -> None:
    """A header without any separator is one column."""
    assert [("Anna",), ("Bo",)] == cells(put("Name\nAnna\nBo\n"))


def test_a_separator_line_is_obeyed(put: Put) -> None:
    """The line ``sep=;`` with which files tell a spreadsheet program their separator is no header."""
    with open_table(put("sep=;\nName;Phone\nA;1\n")) as table:
        assert ("Name", "Phone") == table.header
        assert [Row(3, ("A", "1"))] == list(table.rows)


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "gb18030"]
)
def test_encodings_are_recognised(put: Put, encoding: str) -> None:
    """UTF-8, UTF-16 and UTF-32 with their mark, and GB 18030 give the same text."""
    text = "姓名,城市,备注\r\n李娜,北京市朝阳区,“重要客户”\r\n欧阳修,上海,\r\n"
    mark = "\ufeff" if encoding in ("utf-16-le", "utf-16-be") else ""
    with open_table(put(mark + text, encoding=encoding)) as table:
        assert ("姓名", "城市", "备注") == table.header
        assert [("李娜", "北京市朝阳区", "“重要客户”"), ("欧阳修", "上海", "")] == [
            row.cells for row in table.rows
        ]
        assert (encoding == "gb18030") == bool(table.notes)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [("Name,Stadt\nMüller,Köln\nJürgen,Zürich\n", "cp1252"), ("Имя,Город\nИван,Москва\n", "cp1251")],
)
def test_other_encodings_are_asked_for(put: Put, text: str, encoding: str) -> None:
    """Western and Cyrillic bytes are valid GB 18030 by accident; they are not taken for Chinese."""
    path = put(text, encoding=encoding)
    assert "import.encoding" == refused(path).code
    assert [tuple(line.split(",")) for line in text.splitlines()[1:]] == cells(path, encoding=encoding)


def test_a_wrong_encoding_names_the_line(put: Put) -> None:
    """An encoding that was given is proved before the first row, and the bad line is named."""
    path = put(b"Name\nAnna\n" + b"\xff\xfe\xfd\n")
    error = refused(path, encoding="utf-8")
    assert ("import.encoding_wrong", 3) == (error.code, error.parameters["line"])
    for name in ("no such", "zip", "hex", "rot13", "\0"):
        assert "import.encoding_unknown" == refused(path, encoding=name).code


def test_bytes_that_are_no_encoding_are_refused(put: Put) -> None:
    """A file with a byte that neither UTF-8 nor GB 18030 has is refused before the first row."""
    assert "import.encoding" == refused(put("姓名\n李娜\n".encode() + b"\xff\n")).code


def test_cells_with_quotes_and_line_breaks(put: Put) -> None:
    """Quoted cells keep separators, doubled quotes and line breaks exactly."""
    path = put('Name,Note\n"A, B","one\r\ntwo\n""three"""\nC,5" nail\n')
    assert [("A, B", 'one\r\ntwo\n"three"'), ("C", '5" nail')] == cells(path)


def test_rows_are_numbered_as_a_spreadsheet_shows_them(put: Put) -> None:
    """Blank rows are left out and counted; a row of several lines is one row."""
    path = put('\nName,Note\n\nA,"x\ny"\n,\n \t ,\nB,z\n')
    assert [(4, ("A", "x\ny")), (7, ("B", "z"))] == [(row.number, row.cells) for row in rows(path)]


def test_ragged_rows_are_refused_alone(put: Put) -> None:
    """A row with more or fewer cells than the header is refused; its neighbours are not."""
    path = put("a,b,c\n1,2,3\n1,2\n1,2,3,4\n1,2,3,,\n4,5,6\n")
    assert {3: ["import.ragged"], 4: ["import.ragged"]} == codes(path)
    assert [("1", "2", "3"), ("1", "2"), ("1", "2", "3", "4"), ("1", "2", "3"), ("4", "5", "6")] == cells(
        path
    )


def test_bad_quotes_are_refused_alone(put: Put) -> None:
    """A quotation mark in the wrong place costs one row, and one that never closes says so."""
    assert {3: ["import.quote"]} == codes(put('a,b\n1,2\n"x"y,3\n4,5\n'))
    path = put('a,b\n1,2\n3,"open\n4,5\n6,7\n')
    assert {3: ["import.quote_open"]} == codes(path)
    assert ("3", "open\n4,5\n6,7\n") == cells(path)[-1]


def test_huge_cells_are_refused_alone(put: Put) -> None:
    """A cell of 10 MB is refused by its column; rows after it are read."""
    path = put("a,b\n1,2\n3," + "x" * 10_000_000 + "\n" + '4,"' + "y\n" * 600_000 + '"\n5,6\n')
    found = rows(path)
    assert {3: ["import.cell_length"], 4: ["import.cell_length"]} == {
        row.number: [issue.code for issue in row.issues] for row in found if row.issues
    }
    assert "B" == found[1].issues[0].parameters["column"]
    assert [2, 3, 4, 5] == [row.number for row in found]


def test_a_row_without_end_is_one_error(put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    """A quotation mark that swallows a large file is told by its row, long before the file's end."""
    monkeypatch.setattr(delimited, "LONGEST_ROW", 100_000)
    for swallowed in ("4,5\n" * 50_000, "4" * 200_000):
        error = refused(put('a,b\n1,2\n3,"' + swallowed))
        assert ("import.row_length", 3) == (error.code, error.parameters["row"])


def test_zero_bytes_are_refused_alone(put: Put) -> None:
    """A row with a zero byte is refused; its neighbours are not."""
    assert {3: ["import.nul"]} == codes(put("a,b\n1,2\n3,\x004\n5,6\n"))
    assert "import.nul" == refused(put("a,b\0\n1,2\n")).code


@pytest.mark.parametrize("header", ["Name,Phone,Name", "Name,Phone, name ", "姓名,电话,姓名"])
def test_duplicate_headers_are_named(put: Put, header: str) -> None:
    """Two columns of one name are an error that says which."""
    error = refused(put(f"{header}\n1,2,3\n"))
    assert "import.duplicate_header" == error.code
    assert "A “" in error.parameters["columns"]
    assert "C “" in error.parameters["columns"]


def test_columns_without_header(put: Put) -> None:
    """A column without a header may be blank; data in it is an error by its letter, or refuses a late row."""
    with open_table(put("a,,b,,\n1,,2,,\n")) as table:
        assert ("a", "", "b") == table.header
    error = refused(put("a,,b\n1,,2\n3,x,4\n"))
    assert ("import.empty_header", "B") == (error.code, error.parameters["column"])
    late = "a,,b\n" + "1,,2\n" * 30 + "3,x,4\n5,,6\n"
    assert {32: ["import.empty_header"]} == codes(put(late))
    assert "import.empty_header" == refused(put("a,b,,\n1,2,3,\n")).code


def test_the_row_of_the_header_can_be_given(put: Put) -> None:
    """Titles above the header are passed over when its row is said."""
    path = put("Our customers,\nas of March,\nName,Phone\nA,1\n")
    with open_table(path, header_row=3) as table:
        assert ("Name", "Phone") == table.header
        assert [(4, ("A", "1"))] == [(row.number, row.cells) for row in table.rows]
    assert "import.header_row" == refused(path, header_row=9).code


def test_messages_never_show_a_cell(put: Put) -> None:
    """A file without a header has a person in its first row; no message repeats what looks like one."""
    path = put("anna@example.org,030 1234567,anna@example.org\nbo@example.org,1,2\n")
    error = refused(path)
    for lang in ("en", "zh"):
        assert "anna" not in error.text(lang)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "import.empty"),
        (b"\xef\xbb\xbf", "import.empty"),
        (b"\n\n , ,\n", "import.empty"),
        (b"%PDF-1.7\n...", "import.not_a_table"),
        (b"\x89PNG\r\n\x1a\n0000", "import.not_a_table"),
        (b"\xef\xbb\xbf\n<HTML><table><tr><td>name</td></tr></table>", "import.not_a_table"),
        (b'<?xml version="1.0"?><Workbook/>', "import.not_a_table"),
        (b'[{"name": "A"}]', "import.not_a_table"),
        (b'{"name": "A"}\n', "import.not_a_table"),
        (b"\x1f\x8b\x08\x00abc", "import.not_a_table"),
        (b"SQLite format 3\0" + bytes(100), "import.not_a_table"),
        (bytes(range(256)) * 20, "import.binary"),
        (bytes(5_000), "import.empty"),
        (b"a\0b\0,\0c\0\n\0" * 50, "import.binary"),
        (b"PK\x03\x04" + b"junk" * 50, "import.corrupt"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "import.workbook_kind"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), "import.password"),
    ],
)
def test_files_that_are_no_table(put: Put, content: bytes, code: str) -> None:
    """Each kind of junk gets one clear line with its own code."""
    assert code == refused(put(content)).code


def test_random_bytes_are_one_clear_error(put: Put) -> None:
    """Noise is refused, whatever it is."""
    for seed in range(20):
        noise = random.Random(seed).randbytes(3_000)
        assert refused(put(noise)).code in ("import.binary", "import.encoding")


def test_places_without_a_file(tmp_path: Path) -> None:
    """A missing file, a folder and a pipe are told apart."""
    assert "import.missing" == refused(tmp_path / "none.csv").code
    assert "import.missing" == refused(tmp_path / "none" / "none.csv").code
    assert "import.folder" == refused(tmp_path).code
    os.mkfifo(tmp_path / "pipe")
    assert "import.not_a_file" == refused(tmp_path / "pipe").code
    assert "import.unreadable" == refused(tmp_path / "a\0b").code


def test_a_file_that_may_not_be_read(put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file without the right to read it is told as such."""

    def deny(*args: object, **options: object) -> None:
        raise PermissionError

    path = put("a\n1\n")
    monkeypatch.setattr("builtins.open", deny)
    assert "import.unreadable" == refused(path).code


def test_a_file_that_changes_meanwhile_is_told(put: Put) -> None:
    """Rows that were added while the file was read are never passed off as part of what was hashed."""
    path = put("a,b\n" + "1,2\n" * 100)
    with open_table(path) as table:
        next(table.rows)
        with open(path, "a") as file:
            file.write("3,4\n")
        with pytest.raises(MunimentError, match=r"import\.changed"):
            list(table.rows)


def test_csv_has_no_sheets(put: Put) -> None:
    """Asking a CSV file for a sheet is an error, not ignored."""
    assert "import.no_sheets" == refused(put("a\n1\n"), sheet="x").code


TEXT = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="'") | st.sampled_from('\r\n\t,;|"')
)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(TEXT, TEXT, TEXT), max_size=8), st.sampled_from([",", ";", "\t", "|"]))
@example([("a\r", "\r\n", '"')], ";")
def test_every_table_of_text_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, table: list[tuple[str, ...]], delimiter: str
) -> None:
    """Whatever the standard library writes is read back cell by cell, blank rows aside."""
    path = tmp_path_factory.mktemp("any") / "table.csv"
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows([("one", "two", "three"), *table])
    expected = [row for row in table if any(cell.strip() for cell in row)]
    assert expected == cells(path, delimiter=delimiter)
    if expected:
        # Cells full of separators and quotes do not mislead the search for the right one.
        with open_table(path) as found:
            assert delimiter == found.delimiter


@pytest.mark.slow
def test_memory_stays_flat(tmp_path: Path) -> None:
    """300,000 rows take no more memory than a few of them do."""
    path = tmp_path / "many.csv"
    with open(path, "w", encoding="utf-8") as file:
        file.write("number,name,phone,city\n")
        for place in range(300_000):
            file.write(f'{place},"Name, {place}",+49 30 {place:07d},Köln\n')
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    count = 0
    with open_table(path) as table:
        assert 300_000 == table.count_hint
        for _ in table.rows:
            count += 1
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert 300_000 == count
    assert grown * (1 if sys.platform == "darwin" else 1024) < 40_000_000
