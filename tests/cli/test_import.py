"""Tables in and out again from the command line."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

HEADER = "客户编号,姓名,Phone,City\n"
MEMBERS = {
    "id", "type", "file", "dry_run", "rows", "created", "updated", "unchanged", "rejected", "match", "notes",
    "warnings", "problems", "changes", "rejects",
}  # fmt: skip


def counts(done: dict) -> tuple[int, ...]:
    return tuple(done[name] for name in ("rows", "created", "updated", "unchanged", "rejected"))


def test_a_table_comes_in_changes_and_goes_out_again(cli, tmp_path):
    """New rows make records, known ones update, the same again changes nothing, and it can be undone."""
    table = tmp_path / "table.csv"
    table.write_text(
        HEADER + "C-1,Anna Schmidt,030 23125001,Berlin\nC-9,李雷,+86 13800138009,上海\n", encoding="utf-8"
    )
    words = (
        "import",
        "file",
        "customer",
        "table.csv",
        "--match",
        "customer_number",
        "--reason",
        "the old list",
    )
    (tried,) = cli.json(*words, "--dry-run")["imports"]
    assert MEMBERS == tried.keys()
    assert ((2, 1, 1, 0, 0), None, True) == (counts(tried), tried["id"], tried["dry_run"])
    assert {"field": "city", "before": None, "after": "Berlin"} in tried["changes"][0]["changes"]
    assert 2 == len(cli.json("record", "list", "customer")["records"])
    (done,) = cli.json(*words)["imports"]
    assert (2, 1, 1, 0, 0) == counts(done)
    assert (2, 0, 0, 2, 0) == counts(cli.json(*words)["imports"][0])
    listed = cli.json("import", "list")["imports"]
    assert [("table.csv", "done", 2)] * 2 == [(one["file_name"], one["state"], one["rows"]) for one in listed]
    assert done["id"] in {one["id"] for one in listed}
    assert "李雷" in cli.run("record", "search", "customer", "李雷").stdout
    reverted = cli.json("import", "revert", done["id"], "--reason", "the wrong list")["reverted"]
    assert (1, 1, 0) == tuple(reverted[name] for name in ("deleted", "restored", "conflicts"))
    assert "city" not in cli.json("record", "get", "customer:C-1")["records"][0]["fields"]
    assert [] == cli.json("record", "search", "customer", "李雷")["records"]


def test_what_was_changed_since_is_left_alone(cli, tmp_path):
    """An undo tells what it did not touch, with exit code 5; it can be made to."""
    (tmp_path / "table.csv").write_text(HEADER + "C-1,Anna Schmidt,,Berlin\n", encoding="utf-8")
    done = cli.json("import", "file", "customer", "table.csv", "--match", "customer_number")["imports"][0]
    cli.run("record", "update", "customer:C-1", "city=Bonn")
    undone = cli.json("import", "revert", done["id"], code=5)["reverted"]
    assert (0, 1) == (undone["restored"], undone["conflicts"])
    assert "Bonn" == cli.json("record", "get", "customer:C-1")["records"][0]["fields"]["city"]
    assert "left alone" in cli.run("import", "revert", done["id"], "--force").stdout
    assert "city" not in cli.json("record", "get", "customer:C-1")["records"][0]["fields"]


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_refused_rows_come_out_to_be_mended(cli, tmp_path, ending):
    """Exit code 6; each refused row has its number, column and reason, and no message its cells."""
    rows = "C-20,Canary One,,x\nC-21,,,Canary77\nC-20,Canary Two,,y\nC-22,Good,,z\n"
    (tmp_path / "table.csv").write_text(HEADER + rows, encoding="utf-8")
    words = (
        "import",
        "file",
        "customer",
        "table.csv",
        "--match",
        "customer_number",
        "--rejects",
        f"bad.{ending}",
    )
    told = cli.run(*words, code=6)
    assert "Canary" not in told.output
    assert f"bad.{ending}" in told.stderr
    again = cli.json("import", "file", "customer", f"bad.{ending}", "--match", "customer_number", code=6)[
        "imports"
    ][0]
    # The second row of C-20 is now the only one of its key.
    assert (2, 0, 1, 0, 1) == counts(again)
    problems = cli.json(*words, code=6)["imports"][0]["problems"]
    assert {3: "value.required", 4: "import.twice"} == {
        one["row"]: one["issues"][0]["code"] for one in problems
    }
    assert "中" not in told.output
    assert "行" in cli.run(*words, "--lang", "zh", code=6).output


def test_a_mapping_says_what_headers_do_not(cli, tmp_path):
    """Joined columns, constants, and what is left out."""
    (tmp_path / "table.csv").write_text("First,Last,Nr,Junk\nAda,Lovelace,C-30,x\n", encoding="utf-8")
    (tmp_path / "map.toml").write_text(
        'format = 1\ntype = "customer"\nmatch = ["customer_number"]\nignore = ["Junk"]\n'
        '[columns]\n"Nr" = "customer_number"\n[join.full_name]\ncolumns = ["First", "Last"]\n'
        '[constants]\ncity = "London"\n',
        encoding="utf-8",
    )
    done = cli.json("import", "file", "customer", "table.csv", "--map", "map.toml")["imports"][0]
    assert (1, 1, 0, 0, 0) == counts(done)
    fields = cli.json("record", "get", "customer:C-30")["records"][0]["fields"]
    assert ("Ada Lovelace", "London") == (fields["full_name"], fields["city"])


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "import.empty"),
        (b"%PDF-1.7\n", "import.not_a_table"),
        (b"Nonsense,Other\n1,2\n", "import.no_header"),
        (b"Name,Name\nA,B\n", "import"),
        (b"Name,City\nA,\xff\xfe\xfa\n", "import"),
        (b"\0\0\0\0\0\0\0\0" * 100, "import"),
    ],
)
def test_files_that_are_no_table_are_refused_before_anything_is_written(cli, tmp_path, content, code):
    """One line with a code; no import is begun."""
    (tmp_path / "table.csv").write_bytes(content)
    assert cli.json("import", "file", "customer", "table.csv", code=2)["code"].startswith(code)
    assert [] == cli.json("import", "list")["imports"]


def test_who_may_not_import_is_refused(cli, tmp_path):
    """With exit code 4, before the file is looked at; lists and undoing too."""
    assert (
        "access.action" == cli.json("import", "file", "customer", "no.csv", "--as", "reader", code=4)["code"]
    )
    assert "access.action" == cli.json("import", "list", "--as", "reader", code=4)["code"]
    assert "import.missing" == cli.json("import", "file", "customer", "no.csv", code=2)["code"]


def test_what_is_exported_imports_unchanged(cli, tmp_path):
    """By identifier, in each format that is a table."""
    for name in ("out.csv", "out.xlsx"):
        cli.run("export", "customer", "--to", name, "--ids", "--headers", "zh", "--reason", "copy")
        done = cli.json("import", "file", "customer", name)["imports"][0]
        assert (2, 0, 0, 2, 0) == counts(done)


@pytest.mark.slow
def test_chinook_comes_in_whole(cli, tmp_path, test_data, new_cli):
    """59 customers with their accents and zeros; the same again changes nothing, one cell one record."""
    source = (test_data / "data" / "chinook_customer.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(source.splitlines()))
    (tmp_path / "map.toml").write_text(MAPPING, encoding="utf-8")
    words = ("import", "file", "customer", "chinook.csv", "--map", "map.toml", "--match", "customer_number")
    (tmp_path / "chinook.csv").write_text(source, encoding="utf-8")
    assert (59, 59, 0, 0, 0) == counts(cli.json(*words, "--dry-run")["imports"][0])
    assert (59, 59, 0, 0, 0) == counts(cli.json(*words)["imports"][0])
    assert (59, 0, 0, 59, 0) == counts(cli.json(*words)["imports"][0])
    page = cli.json("record", "list", "customer", "--limit", "100")["records"]
    found = {one["fields"]["customer_number"]: one["fields"] for one in page}
    for row in rows:
        fields = found[row["id"]]
        assert f"{row['firstname']} {row['lastname']}" == fields["full_name"]
        assert (row["postalcode"] or None) == fields.get("postal_code")
    assert 13 == sum(not found[row["id"]]["full_name"].isascii() for row in rows)
    changed = source.replace(rows[4]["city"], "Brno", 1)
    (tmp_path / "chinook.csv").write_text(changed, encoding="utf-8")
    assert (59, 0, 1, 58, 0) == counts(cli.json(*words)["imports"][0])


MAPPING = """\
format = 1
ignore = ["support_rep"]
[columns]
state = "region"
[join.full_name]
columns = ["firstname", "lastname"]
"""


def test_the_demonstration_table_is_a_table(tmp_path):
    """What the demonstration imports has Chinese and English headers and the seed's rows."""
    from muniment.demo import customers, write_csv

    write_csv(Path(tmp_path) / "customers.csv", customers(5))
    rows = list(csv.reader((tmp_path / "customers.csv").read_text(encoding="utf-8").splitlines()))
    assert 6 == len(rows)
    assert {"姓名", "E-mail"} <= set(rows[0])


def test_columns_are_left_out_by_name_or_because_nobody_knows_them(cli, tmp_path):
    """Both are told from the command line; neither needs a mapping, and what was left out is said."""
    (tmp_path / "table.csv").write_text("姓名,Shoe size,Phone\nAnna,39,030 23125001\n", encoding="utf-8")
    assert "Shoe size" in cli.run("import", "file", "customer", "table.csv", code=2).stderr
    told = cli.run("import", "file", "customer", "table.csv", "--ignore-unknown", "--dry-run")
    assert "Shoe size" in told.stderr
    (done,) = cli.json(
        "import", "file", "customer", "table.csv", "--ignore", "Shoe size", "--ignore", "Phone", "--dry-run"
    )["imports"]
    assert (1, 1, 0, 0, 0) == counts(done)
    assert "phone" not in {one["field"] for one in done["changes"][0]["changes"]}


def test_rows_with_the_same_fault_are_told_in_one_line(cli, tmp_path):
    """A column that is wrong as a whole fills no screen."""
    rows = ["Anna,x", "Berta,x", "Carla,", "Dora,x"]
    (tmp_path / "table.csv").write_text("\n".join(["姓名,E-mail", *rows]) + "\n", encoding="utf-8")
    told = cli.run("import", "file", "customer", "table.csv", "--dry-run", code=6).stdout
    assert 1 == told.count("value.")
    assert "2-3, 5" in told
