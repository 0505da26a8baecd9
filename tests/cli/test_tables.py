"""Commands for exports, templates and the fields of a type: what each does, its JSON, and both languages."""

from __future__ import annotations

import csv
import io
import json
import sys

import pytest

from muniment.session import Asked

# export


def test_an_export_is_one_act_and_reads_back(cli, tmp_path):
    """All pages share an op, the reason is bound, no value is in the log, and the file's digest is told."""
    done = cli.json(
        "export",
        "customer",
        "--to",
        "out.csv",
        "--headers",
        "en",
        "--fields",
        "customer_number,full_name,phone",
        "--reason",
        "audit of March",
    )
    assert (2, "out.csv") == (done["export"]["rows"], done["export"]["path"])
    rows = list(csv.reader(io.StringIO((tmp_path / "out.csv").read_text(encoding="utf-8-sig"))))
    assert [["Customer number", "Name", "Phone"], ["C-1", "Anna Schmidt", "030 23125001"]] == rows[:2]
    assert "'+86 138 0013 8000" == rows[2][2]
    entries = cli.json("log", "list", "--kind", "record.export")["entries"]
    assert 1 == len({one["op"] for one in entries})
    assert ("out.csv", 2) == (entries[0]["detail"]["recipient"], sum(one["count"] for one in entries))
    assert entries[-1]["detail"]["reason"]
    assert "audit of March" not in json.dumps(entries)
    cli.run("log", "verify")


def test_an_export_of_many_pages_is_one_act(cli, monkeypatch):
    """One export of all is found as one act for everybody in it."""
    monkeypatch.setattr(sys.modules[Asked.__module__], "_LARGEST_PAGE", 2)
    for number in range(5):
        cli.create(f"full_name=Person {number}")
    cli.run("export", "customer", "--to", "out.ndjson", "--reason", "r")
    entries = cli.json("log", "list", "--kind", "record.export")["entries"]
    assert (1, 7) == (len({one["op"] for one in entries}), sum(one["count"] for one in entries))
    assert 1 == sum("reason" in one["detail"] for one in entries)
    cli.run("log", "verify")


@pytest.mark.parametrize("form", ["csv", "ndjson"])
def test_an_export_goes_to_standard_output(cli, form):
    """Data alone; what is said about it goes elsewhere."""
    result = cli.run(
        "export", "customer", "--to", "-", "--format", form, "--reason", "r", "--fields", "full_name"
    )
    lines = result.stdout.splitlines()
    assert (
        (["full_name", "Anna Schmidt", "王芳"] == lines)
        if form == "csv"
        else (["Anna Schmidt", "王芳"] == [json.loads(line)["fields"]["full_name"] for line in lines])
    )
    assert "standard output: 2" in result.stderr


def test_an_export_masks_and_leaves_out_as_the_role_says(cli, tmp_path):
    """An editor's file shows a mask for what is restricted; who may not export gets no file."""
    cli.run("export", "customer", "--to", "out.ndjson", "--reason", "r", "--as", "editor")
    text = (tmp_path / "out.ndjson").read_text()
    assert "E99887766" not in text
    assert "passport" in json.loads(text.splitlines()[1])["masked"]
    assert (
        "access.action"
        == cli.json("export", "customer", "--to", "no.csv", "--reason", "r", "--as", "reader", code=4)["code"]
    )
    assert not (tmp_path / "no.csv").exists()
    told = [
        cli.json("export", "customer", "--to", "no.csv", "--fields", name, "--reason", "r", code=2)["code"]
        for name in ("nonsense",)
    ]
    assert ["schema.unknown_field"] == told
    assert not (tmp_path / "no.csv").exists()


def test_an_export_leaves_the_old_file_where_it_fails(cli, tmp_path):
    """There whole or not at all."""
    (tmp_path / "out.csv").write_text("before")
    cli.run("export", "customer", "--to", "out.csv", "--where", "postal_code=1", "--reason", "r", code=2)
    assert "before" == (tmp_path / "out.csv").read_text()


# template and schema


def test_templates_are_listed_and_shown(cli):
    """In both languages, with their types and fields; no archive is needed."""
    found = {one["key"]: one for one in cli.json("template", "list", MUNIMENT_ARCHIVE="")["templates"]}
    assert {"customer-info", "interaction-log"} <= found.keys()
    assert "客户信息表" == found["customer-info"]["label"]["zh"]
    (shown,) = cli.json("template", "show", "customer-info", MUNIMENT_ARCHIVE="")["templates"]
    assert "full_name" in {field["key"] for field in shown["types"][0]["fields"]}
    assert (
        "电子邮箱" in cli.run("template", "show", "customer-info", "--lang", "zh", MUNIMENT_ARCHIVE="").stdout
    )


TEMPLATE = """\
format = 1
key = "shoes"
label = { en = "Shoes", zh = "鞋" }

[[type]]
key = "shoe"
label = { en = "Shoe", zh = "鞋" }
subject = "none"
title = ["name"]

[[type.group]]
key = "main"
label = { en = "Main", zh = "主要" }
category = "goods"

[[type.group.field]]
key = "name"
label = { en = "Name", zh = "名称" }
kind = "text"
class = "public"
required = true
"""


def test_a_template_of_ones_own_is_tried_then_applied(cli, tmp_path):
    """A dry run changes nothing and shows every change; a second application changes nothing."""
    (tmp_path / "shoes.toml").write_text(TEMPLATE, encoding="utf-8")
    tried = cli.json("template", "apply", "shoes.toml", "--dry-run")
    assert (["shoe"], False) == (tried["types"], tried["applied"])
    assert "shoe" not in {one["key"] for one in cli.json("schema", "list")["types"]}
    done = cli.json("template", "apply", "shoes.toml", "--reason", "new goods")
    assert (tried["changes"], True) == (done["changes"], done["applied"])
    assert cli.create("name=Boot", type="shoe")
    assert ([], False) == (lambda again: (again["types"], again["applied"]))(
        cli.json("template", "apply", "shoes.toml")
    )
    assert "access.action" == cli.json("template", "apply", "shoes.toml", "--as", "editor", code=4)["code"]


def test_a_field_is_added_renamed_hidden_and_retired(cli):
    """Each is a version of the definition; values written before show as they were."""
    cli.run(
        "schema",
        "field",
        "add",
        "customer",
        "shoe",
        "--kind",
        "choice",
        "--class",
        "internal",
        "--choice",
        "a:Large:大",
        "--choice",
        "b",
    )
    cli.run("record", "update", "customer:C-1", "shoe=大")
    cli.run(
        "schema",
        "field",
        "rename",
        "customer",
        "shoe",
        "shoe_size",
        "--label-zh",
        "鞋码",
        "--reason",
        "clearer",
    )
    record = cli.json("record", "get", "customer:C-1")["records"][0]
    assert "a" in (record["fields"].get("shoe_size"), record["fields"].get("shoe"))
    cli.run("schema", "field", "hide", "customer", "shoe_size")
    cli.run("schema", "field", "retire", "customer", "shoe_size")
    assert "value.retired" in json.dumps(cli.json("record", "update", "customer:C-1", "shoe_size=b", code=6))
    history = cli.json("schema", "history", "customer")["versions"]
    assert "clearer" in [one["reason"] for one in history]
    assert [one["version"] for one in history] == list(range(1, len(history) + 1))
    changes = cli.json("schema", "diff", "customer", str(len(history) - 3), str(len(history) - 2))["changes"]
    assert "field_renamed" in {one["code"] for one in changes}
    assert cli.run("schema", "history", "customer", "--lang", "zh").stdout
    assert (
        "schema.unknown_near" == cli.json("schema", "field", "hide", "customer", "full_nam", code=2)["code"]
    )
    assert (
        "access.action"
        == cli.json("schema", "field", "hide", "customer", "shoe_size", "--as", "editor", code=4)["code"]
    )


def test_a_change_of_a_field_says_first_what_it_means_for_records(cli):
    """A dry run counts the records that a change concerns, and changes nothing."""
    words = ("schema", "field", "add", "customer", "hat", "--kind", "integer", "--class", "internal")
    told = cli.json(*words, "--required", "--dry-run")
    assert not told["applied"]
    assert [("missing", "hat", 2, 2)] == [
        (one["code"], one["field"], one["count"], one["records"]) for one in told["effects"]
    ]
    (retired,) = cli.json("schema", "field", "retire", "customer", "full_name", "--dry-run")["effects"]
    assert ("kept", 2) == (retired["code"], retired["count"])
    fields = cli.json("schema", "show", "customer")["types"][0]["fields"]
    assert "hat" not in {one["key"] for one in fields}
    cli.run("record", "update", "customer:C-1", "full_name=Anna Weber")


def test_the_planner_tells_what_indexes_leak(cli):
    """In plain words, with bits and skew, in both languages."""
    found = cli.json("schema", "index", "customer")
    indexes = {(one["field"], one["kind"]): one for one in found["indexes"]}
    assert (
        indexes["customer_number", "unique"]["bits"]
        == indexes["customer_number", "unique"]["bits_in_use"]
        == 128
    )
    assert all(one["text"] for one in found["indexes"])
    assert "phone" in cli.run("schema", "index", "customer", "--rows", "1000000").stdout
    assert "索引" in cli.run("schema", "index", "customer", "--lang", "zh").stdout
