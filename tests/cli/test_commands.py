"""The other nouns: what each does, its JSON, and both languages."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import stat
import sys
import types

import pytest

from muniment.log.checkpoint import parse_verifier_key, verify
from muniment.log.proof import verify_proof
from muniment.session import Asked

# init


def test_init_tells_what_must_be_kept(cli, tmp_path):
    """Verifier key, key file, the phrase once, and commands to go on with; as text and as a document."""
    words = ("init", "made", "-t", "customer-info", "--name", "Shop", "--region", "cn", "--currency", "CNY")
    made = cli.json(*words, XDG_CONFIG_HOME=str(tmp_path / "config"), MUNIMENT_ARCHIVE="", MUNIMENT_KEY="")[
        "archive"
    ]
    assert {
        "id",
        "folder",
        "name",
        "origin",
        "templates",
        "types",
        "verifier_key",
        "key_file",
        "recovery_phrase",
        "next",
    } == made.keys()
    assert (["customer-info"], "customer", "Shop") == (made["templates"], made["types"][0], made["name"])
    assert 12 == len(made["recovery_phrase"].split())
    assert made["key_file"].startswith(str(tmp_path / "config"))
    assert 0o600 == stat.S_IMODE(os.stat(made["key_file"]).st_mode)
    assert parse_verifier_key(made["verifier_key"]).text in (tmp_path / "made" / "muniment.toml").read_text()
    told = cli.run("init", "other", "--lang", "zh", XDG_CONFIG_HOME=str(tmp_path / "config")).stdout
    assert "恢复短语" in told
    assert "muniment template" in told


def test_what_init_says_to_try_next_works(cli, tmp_path):
    """The first record is in within three commands."""
    import shlex

    made = cli.json("init", "made", "-t", "customer-info", "--key-file", str(tmp_path / "k.key"))["archive"]
    environ = {}
    for line in made["next"]:
        words = shlex.split(line)
        if words[0] == "export":
            name, _, value = words[1].partition("=")
            environ[name] = value
        else:
            result = cli.run(*words[1:], **environ)
    assert "Anna Schmidt" in result.stdout


def test_init_makes_nothing_where_something_is_wrong(cli, tmp_path):
    """A template that is not there, a folder in use, a key file inside: nothing is left behind."""
    assert "schema.unknown_near" == cli.json("init", "made", "-t", "customer-inf", code=2)["code"]
    assert "plugin.not_installed" == cli.json("init", "made", "--plugin", "nonsense", code=7)["code"]
    assert "cli.key_inside" == cli.json("init", "made", "--key-file", "made/k.key", code=2)["code"]
    assert not (tmp_path / "made").exists()
    assert "config.folder_used" == cli.json("init", str(cli.folder), code=1)["code"]


def test_a_passphrase_opens_what_it_made(cli, tmp_path):
    """Out of the environment, or typed."""
    secret = "correct horse battery"
    cli.run("init", "made", "--root", "passphrase", MUNIMENT_PASSPHRASE=secret, XDG_CONFIG_HOME=str(tmp_path))
    away = {"MUNIMENT_ARCHIVE": "made", "MUNIMENT_KEY": "", "XDG_CONFIG_HOME": str(tmp_path)}
    assert [] == cli.json("status", MUNIMENT_PASSPHRASE=secret, **away)["types"]
    assert (
        "key.wrong_passphrase"
        == cli.json("status", MUNIMENT_PASSPHRASE="wrong horse", code=1, **away)["code"]
    )
    assert "cli.no_key" == cli.json("status", code=1, **away)["code"]


def test_the_recovery_phrase_opens_the_archive(cli):
    """When the key file is lost; the phrase is read from standard input where nobody sits at a terminal."""
    made = cli.json("init", "made", "--key-file", "made.key")["archive"]
    words = ("status", "--recovery", "--archive", "made")
    assert [] == cli.json(*words, stdin=made["recovery_phrase"] + "\n", MUNIMENT_KEY="")["types"]
    assert cli.json(*words, stdin="not these words\n", code=1, MUNIMENT_KEY="")["code"].startswith(
        "key.phrase"
    )
    assert "cli.no_answer" == cli.json(*words, stdin="", code=2, MUNIMENT_KEY="")["code"]


# status


def test_status_counts_without_reading(cli):
    """Types with their counts, the log, the keys, the configuration, plugins; no entry of a record."""
    cli.run("record", "delete", "customer:C-2", "--reason", "r")
    before = len(cli.json("log", "list", "--kind", "record.read,record.list", "--limit", "100")["entries"])
    found = cli.json("status")
    assert {"archive", "types", "log", "keys", "backup", "config", "plugins", "users"} == found.keys()
    counts = {one["key"]: (one["records"], one["deleted"]) for one in found["types"]}
    assert ((1, 1), (0, 0)) == (counts["customer"], counts["interaction"])
    assert (False, 4, 0) == (found["config"]["differs"], found["users"], found["log"]["since_checkpoint"])
    assert "key.backup_none" in {one["code"] for one in found["keys"]["warnings"]}
    assert before == len(
        cli.json("log", "list", "--kind", "record.read,record.list", "--limit", "100")["entries"]
    )
    assert "客户" in cli.run("status", "--lang", "zh").stdout


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


# users and roles


def test_users_come_and_go(cli):
    """Added, given other roles, disabled, enabled; each is a version and an entry."""
    cli.run("user", "add", "li.na", "--name", "李娜", "--role", "reader,editor", "--reason", "new colleague")
    users = {one["login"]: one for one in cli.json("user", "list")["users"]}
    assert (["reader", "editor"], "李娜", True) == tuple(
        users["li.na"][name] for name in ("roles", "name", "active")
    )
    cli.run("user", "role", "li.na", "--role", "reader")
    cli.run("record", "update", "customer:C-1", "city=X", "--as", "li.na", code=4)
    cli.run("user", "disable", "li.na")
    assert cli.json("record", "list", "customer", "--as", "li.na", code=4)["code"].startswith("access.")
    assert [True] == [one["active"] for one in cli.json("user", "enable", "li.na")["users"]]
    assert "cli.no_user" == cli.json("user", "disable", "nobody", code=1)["code"]
    assert "value.not_unique" in json.dumps(cli.json("user", "add", "li.na", "--role", "reader", code=6))
    assert (
        "access.action" == cli.json("user", "add", "x", "--role", "owner", "--as", "editor", code=4)["code"]
    )
    assert "access.action" == cli.json("user", "list", "--as", "reader", code=4)["code"]


def test_the_last_owner_stays(cli):
    """An archive without an owner could never be changed again."""
    for words in (("disable", "owner"), ("role", "owner", "--role", "reader")):
        assert "access.last_owner" == cli.json("user", *words, code=4)["code"]
    cli.run("user", "add", "second", "--role", "owner")
    cli.run("user", "disable", "owner")
    assert "access.disabled" == cli.json("status", code=4)["code"]


def test_records_of_the_archive_itself_ask_for_rights_of_their_own(cli):
    """Whoever may list records may not thereby list users, definitions or configurations."""
    for type_key in ("user", "configuration", "definition"):
        cli.run("record", "list", type_key, "--json")
    for type_key in ("user", "configuration"):
        assert "access.action" == cli.json("record", "list", type_key, "--as", "reader", code=4)["code"]
    owner = next(one["id"] for one in cli.json("user", "list")["users"] if one["login"] == "owner")
    for words in (("get", owner), ("history", owner)):
        assert "record.not_found" == cli.json("record", *words, "--as", "reader", code=1)["code"]


def test_the_matrix_is_what_is_enforced(cli):
    """For every role and field, as the sessions see it."""
    found = {one["key"]: one for one in cli.json("role", "matrix")["roles"]}
    assert {"owner", "editor", "reader", "auditor"} == found.keys()
    assert "passport" in found["editor"]["types"]["customer"]["masked"]
    assert "record.export" not in found["reader"]["actions"]
    shown = cli.json("role", "list")["roles"][0].keys()
    assert {"key", "origin", "actions", "read", "write", "types", "deny", "purposes", "rules"} <= shown
    assert "可读" in cli.run("role", "matrix", "--lang", "zh").stdout
    assert "reads" in cli.run("role", "list").stdout


# log


def test_a_sound_log_verifies_with_and_without_keys(cli, tmp_path):
    """Without keys the first line says what no signature covers."""
    found = cli.json("log", "verify")["verified"]
    assert (True, None) == (found["with_keys"], found["first_unsigned"])
    without = cli.json("log", "verify", "--no-keys")["verified"]
    assert (False, found["entries"] + 1) == (without["with_keys"], without["entries"])
    assert cli.run("log", "verify", "--no-keys").stdout.startswith("A signature covers all")
    lost = cli.run("log", "verify", MUNIMENT_KEY=str(tmp_path / "lost.key"))
    assert "Checked without keys" in lost.stdout
    assert "key.file_missing" in lost.stderr
    assert cli.run("log", "verify", "--no-keys", "--lang", "zh").stdout.startswith("签名覆盖")


def test_a_cut_tail_is_found_with_a_kept_checkpoint(cli, tmp_path):
    """An old copy of the whole archive is sound by itself; the checkpoint tells what is gone."""
    shutil.copytree(cli.folder, tmp_path / "old")
    cli.run("record", "update", "customer:C-1", "city=Berlin")
    cli.run("log", "checkpoint", "--to", "kept.txt")
    cli.run("log", "verify", "--trusted", "kept.txt")
    for more in ((), ("--no-keys",)):
        old = ("log", "verify", "--archive", str(tmp_path / "old"), *more)
        cli.run(*old)
        assert "integrity.cut" == cli.json(*old, "--trusted", "kept.txt", code=3)["code"]


def test_a_changed_byte_ends_with_3(cli):
    """With keys and without, one line, and the same as a document."""
    from muniment.demo import alter

    alter(cli.folder)
    for words in (("log", "verify"), ("log", "verify", "--no-keys")):
        assert cli.json(*words, code=3)["code"].startswith("integrity.")
        assert 1 == cli.run(*words, code=3).stderr.count("\n")


def test_an_archive_that_cannot_open_is_verified_all_the_same(cli):
    """Where users or types were altered nobody can act, and that is when it matters."""
    import sqlite3

    guard = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'part'"
    with sqlite3.connect(cli.folder / "archive.db") as database:
        triggers = database.execute(guard).fetchall()
        for name, _ in triggers:
            database.execute(f"DROP TRIGGER {name}")
        users = "SELECT record FROM record_version WHERE type = 2"
        database.execute(f"UPDATE part SET sealed = CAST(sealed || x'00' AS BLOB) WHERE record IN ({users})")
        for _, sql in triggers:
            database.execute(sql)
    database.close()
    assert 3 == cli.run("status", code=3).exit_code
    problem = cli.json("log", "verify", code=3)
    assert problem["code"].startswith("integrity.")


def test_a_foreign_verifier_key_verifies_nothing(cli, tmp_path):
    """The auditor's own copy of the key counts, not the one in the folder."""
    other = cli.json("init", "other", "--key-file", "other.key")["archive"]["verifier_key"]
    assert "integrity.checkpoint" == cli.json("log", "verify", "--key", other, code=3)["code"]
    mine = cli.json("log", "key")["log"]["verifier_key"]
    cli.run("log", "verify", "--key", mine)


def test_a_checkpoint_is_a_signed_note(cli):
    """What is printed is what others' tools read."""
    note = cli.run("log", "checkpoint").stdout
    key = parse_verifier_key(cli.run("log", "key").stdout.strip())
    signed = cli.json("log", "checkpoint")["checkpoint"]
    assert signed["size"] > verify(note, [key]).size
    assert signed["root"] == verify(signed["note"], [key]).root.hex()


def test_entries_are_filtered_shown_and_proven(cli, tmp_path):
    """By kind, actor, time and record; one in full; and its proof for others."""
    cli.run("record", "get", "customer:C-1", "--as", "reader")
    found = cli.json("log", "list", "--actor", "reader")["entries"]
    assert {"reader"} == {one["actor"] for one in found}
    index = found[0]["index"]
    (one,) = cli.json("log", "show", str(index))["entries"]
    assert (index, found[0]["kind"]) == (one["index"], one["kind"])
    assert found[0]["kind"] in cli.run("log", "show", str(index)).stdout
    cli.run("log", "prove", str(index), "--to", "proof.txt")
    key = parse_verifier_key(cli.run("log", "key").stdout.strip())
    assert index == verify_proof((tmp_path / "proof.txt").read_text(), [key]).index
    assert [] == cli.json("log", "list", "--until", "2020-01-01")["entries"]
    assert "log.no_entry" == cli.json("log", "show", "99999", code=1)["code"]
    assert "access.action" == cli.json("log", "list", "--as", "editor", code=4)["code"]


def test_the_log_is_exported_as_tiles(cli, tmp_path):
    """With the checkpoint beside the tiles; a folder that holds something is refused."""
    done = cli.json("log", "export", "tiles")["export"]
    assert done["entries"] > 0
    assert (tmp_path / "tiles" / "checkpoint").read_text().splitlines()[1] == str(done["entries"])
    assert "store.folder_used" == cli.json("log", "export", "tiles", code=1)["code"]


# keys


def test_keys_are_shown_rotated_and_backed_up(cli, tmp_path):
    """Slots with their kinds; a rotation raises the epoch; a backup silences its warning."""
    status = cli.json("key", "status")["keys"]
    assert {"keyfile", "recovery"} == {one["kind"] for one in status["slots"]}
    assert 2 == cli.json("key", "rotate")["rotated"]["epoch"]
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    backed = cli.json("key", "backup", "a", "--slots", "b", "--days", "30")["keys"]
    assert "key.backup_none" not in {one["code"] for one in backed["warnings"]}
    kinds = [one["kind"] for one in cli.json("log", "list", "--kind", "key.rotate,key.backup")["entries"]]
    # Each act is written down before it begins and after it ended.
    assert ["key.backup", "key.backup", "key.rotate", "key.rotate"] == kinds
    assert "access.action" == cli.json("key", "rotate", "--as", "auditor", code=4)["code"]
    assert "密钥文件" in cli.run("key", "status", "--lang", "zh").stdout


def test_slots_are_added_and_removed(cli, tmp_path):
    """A passphrase, a new phrase, another key file; each opens the archive until it is taken away."""
    secret = "a quite long passphrase"
    (added,) = cli.json("key", "slot", "add", "passphrase", MUNIMENT_NEW_PASSPHRASE=secret)["slots"]
    cli.run("status", MUNIMENT_KEY="", MUNIMENT_PASSPHRASE=secret)
    (phrase,) = cli.json("key", "slot", "add", "recovery")["slots"]
    cli.run("status", "--recovery", stdin=phrase["recovery_phrase"] + "\n", MUNIMENT_KEY="")
    cli.run("key", "slot", "add", "keyfile", "--path", "second.key")
    cli.run("status", "--key", "second.key")
    cli.run("key", "slot", "remove", added["id"])
    assert (
        cli.json(
            "status", MUNIMENT_KEY="", MUNIMENT_PASSPHRASE=secret, XDG_CONFIG_HOME=str(tmp_path), code=1
        )["code"]
        == "cli.no_key"
    )
    assert "cli.bad_value" == cli.json("key", "slot", "add", "recipient", "--public", "zz", code=2)["code"]
    assert (
        "cli.key_inside"
        == cli.json("key", "slot", "add", "keyfile", "--path", str(cli.folder / "k"), code=2)["code"]
    )


# config


def test_a_configuration_holds_once_it_is_applied(cli):
    """The file says, the difference shows, the application counts, and yesterday's can be read."""
    path = cli.folder / "muniment.toml"
    path.write_text(path.read_text().replace('region = "DE"', 'region = "CN"'), encoding="utf-8")
    assert cli.json("config", "diff")["config"]["differs"]
    assert "value.phone" in json.dumps(
        cli.json("record", "create", "customer", "full_name=A", "phone=13800138000")
    )
    cli.run("config", "apply", "--reason", "moved to China")
    assert not cli.json("config", "diff")["config"]["differs"]
    assert (
        []
        == cli.json("record", "create", "customer", "full_name=B", "phone=13800138001")["records"][0][
            "warnings"
        ]
    )
    shown = cli.json("config", "show")["config"]
    assert 'region = "CN"' in shown["text"]
    assert not cli.json("config", "apply", "--reason", "again")["config"]["applied"]
    assert "access.action" == cli.json("config", "apply", "--reason", "x", "--as", "auditor", code=4)["code"]
    cli.run("config", "show", "--as", "auditor")


def test_a_broken_configuration_is_named(cli):
    """The file, the place, and what is known there; the archive itself goes on under what was applied."""
    path = cli.folder / "muniment.toml"
    good = path.read_text()
    cli.run("config", "check")
    for change, code in (
        ('regoin = "X"\nregion', "config.unknown"),
        ("region = 7 #", "config.type"),
        ("region = [", "config.syntax"),
    ):
        path.write_text(good.replace("region", change, 1), encoding="utf-8")
        assert code == cli.json("config", "check", code=1)["code"]
    path.write_text(good, encoding="utf-8")
    other = cli.json("init", "other", "--key-file", "other.key")["archive"]["verifier_key"]
    mine = cli.json("log", "key")["log"]["verifier_key"]
    path.write_text(good.replace(mine, other), encoding="utf-8")
    assert "config.other_archive" == cli.json("config", "apply", "--reason", "x", code=1)["code"]


# data and plugins


def test_tables_that_were_changed_behind_our_back_are_mended(cli):
    """``data check`` names them with exit code 3, ``data rebuild`` makes them anew."""
    import sqlite3

    assert [] == cli.json("data", "check")["faults"]
    with sqlite3.connect(cli.folder / "archive.db") as database:
        database.execute("UPDATE current SET clear = '{}' WHERE type >= 256")
        database.execute("DELETE FROM token")
    database.close()
    faults = cli.json("data", "check", code=3)["faults"]
    assert {"current", "token"} == {one["table"] for one in faults}
    assert cli.json("data", "rebuild")["rebuilt"]["records"] >= 2
    assert [] == cli.json("data", "check")["faults"]
    assert 1 == len(cli.json("record", "search", "customer", "schmidt")["records"])
    assert "重建" in cli.run("data", "rebuild", "--lang", "zh").stdout


def test_plugins_are_listed_also_where_one_is_missing(cli):
    """The list names the missing one with its reason; help and verification go on."""
    path = cli.folder / "muniment.toml"
    path.write_text(path.read_text().replace("enabled = []", 'enabled = ["nowhere"]'), encoding="utf-8")
    (found,) = [one for one in cli.json("plugin", "list")["plugins"] if one["name"] == "nowhere"]
    assert ("quarantined", "plugin.not_installed") == (found["state"], found["code"])
    assert "nowhere" in cli.run("plugin", "list", "--lang", "zh").stdout
    assert "plugin.not_installed" == cli.json("plugin", "info", "nowhere", code=7)["code"]
    assert cli.json("config", "apply", "--reason", "x", code=7)["code"].startswith("plugin.")
    cli.run("log", "verify")
    assert "plugins" in cli.json("plugin", "list", MUNIMENT_ARCHIVE="")


def test_a_plugin_is_enabled_and_disabled(cli, monkeypatch):
    """Its name goes into the file and the file into force, or neither; comments stay; both are entries."""
    from importlib.metadata import EntryPoint

    from muniment.plugins import _load

    text = (cli.folder / "muniment.toml").read_text()
    assert (
        "plugin.not_installed" == cli.json("plugin", "enable", "nowhere", "--reason", "try", code=7)["code"]
    )
    assert text == (cli.folder / "muniment.toml").read_text()
    entry = EntryPoint("small", "small_plugin", "muniment")
    monkeypatch.setitem(sys.modules, "small_plugin", _small_plugin())
    for function in (_load.load, _load.installed):
        monkeypatch.setitem(function.__kwdefaults__, "find", lambda: [entry])
    assert ["loaded"] == [
        one["state"] for one in cli.json("plugin", "enable", "small", "--reason", "needed")["plugins"]
    ]
    assert "# Two letters" in (cli.folder / "muniment.toml").read_text()
    assert ["small"] == [one["name"] for one in cli.json("status")["plugins"]]
    assert cli.json("plugin", "info", "small")["plugins"][0]["enabled"]
    assert [] == cli.json("plugin", "disable", "small")["plugins"]
    kinds = [
        one["kind"] for one in cli.json("log", "list", "--kind", "plugin.enable,plugin.disable")["entries"]
    ]
    assert ["plugin.disable", "plugin.enable"] == kinds
    path = cli.folder / "muniment.toml"
    path.write_text(path.read_text().replace('name = ""', 'name = "Shop"'))
    assert "cli.config_waits" == cli.json("plugin", "enable", "small", "--reason", "x", code=1)["code"]


def _small_plugin() -> types.ModuleType:
    from muniment import hookimpl
    from muniment.plugins import PluginInfo

    module = types.ModuleType("small_plugin")

    @hookimpl
    def muniment_plugin_info() -> PluginInfo:
        return PluginInfo("small", ">=1,<2", title={"en": "Small", "zh": "小"})

    module.muniment_plugin_info = muniment_plugin_info
    return module


# demo


def test_the_demonstration_shows_the_whole_job(cli, tmp_path):
    """Every step ends as it should, and what it leaves can be used."""
    told = cli.run("demo", "shown", MUNIMENT_ARCHIVE="", MUNIMENT_KEY="").stdout
    for number in range(1, 9):
        assert f"\n{number}. " in told
    for word in ("Anna Schmidt-Weber", "[access.action]", "[integrity.", "No file of the archive holds"):
        assert word in told
    shown = {
        "MUNIMENT_ARCHIVE": str(tmp_path / "shown" / "customers"),
        "MUNIMENT_KEY": str(tmp_path / "shown" / "customers.key"),
    }
    assert 40 == cli.json("record", "list", "customer", "--count", "--limit", "1", **shown)["total"]
    assert "config.folder_used" == cli.json("demo", "shown", code=1)["code"]


def test_the_demonstration_speaks_chinese_and_json(cli):
    """The same steps, told to other readers."""
    assert "按电话找人" in cli.run("demo", "--lang", "zh", "one").stdout
    steps = cli.json("demo", "two")["demo"]["steps"]
    assert 8 == len(steps)
    assert {0, 3, 4} == {one["exit"] for step in steps for one in step["commands"]}


def test_the_customers_of_the_demonstration_are_the_same_each_time():
    """Out of a seed, in both scripts, and none of them twice."""
    from muniment.demo import customers

    assert customers() == customers()
    assert 40 == len({one.phone for one in customers()}) == len({one.number for one in customers()})
    assert any("\u4e00" <= one.name[0] <= "\u9fff" for one in customers())
    assert any(not one.name.isascii() and one.name[0].isalpha() and " " in one.name for one in customers())
