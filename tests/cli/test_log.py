"""Commands for users, roles and the log: what each does, its JSON, and both languages."""

from __future__ import annotations

import json
import shutil

from muniment.log.checkpoint import parse_verifier_key, verify
from muniment.log.proof import verify_proof

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


def test_a_witness_whose_key_ends_is_retired_and_missed(cli, tmp_path):
    """Its last day stands beside it, it is asked no longer, and the quorum that lacks it is told of."""
    keys = [
        cli.run("log", "witness", "create", str(tmp_path / name), "--name", name).output.strip()
        for name in ("a.example.com", "b.example.com")
    ]
    for number, key in enumerate(keys, 1):
        cli.run("log", "witness", "add", key, "http://127.0.0.1:9", "--quorum", str(number))
    nobody = cli.json("log", "witness", "retire", "c", "--until", "2020-01-01", code=2)
    assert "witness.unknown" == nobody["code"]
    for name in ("a.example.com", "b.example.com"):
        cli.run("log", "witness", "retire", name, "--until", "2020-01-01", "--reason", "the house closed")
    listed = cli.json("log", "witness", "list")["witnesses"]
    assert ["2020-01-01", "2020-01-01"] == [one["until"] for one in listed]
    asked = cli.run("log", "witness", "ask", code=1)
    assert "0 of the 2" in asked.output


def test_an_entry_is_told_in_words(cli):
    """Every member of a detail has a name in the reader's language; the terms stand beside the words."""
    index = cli.json("log", "list", "--kind", "record.create", "--limit", "1")["entries"][0]["index"]
    english = cli.run("log", "show", str(index)).stdout
    chinese = cli.run("--lang", "zh", "log", "show", str(index)).stdout
    assert "Known by" in english
    assert "customer" in english
    for words in ("操作者", "目的", "结果", "成功", "当时生效的规则", "写入"):
        assert words in chinese
    for raw in ("ruleset", "source", "auth ", "outcome", "sets"):
        assert raw not in chinese, raw
    assert "成功" in cli.run("--lang", "zh", "log", "list").stdout


def test_queries_are_kept_run_and_removed(cli, tmp_path):
    """Saved with the options of the list, listed in words, run as a page or into a file."""
    saved = cli.json("log", "query", "save", "new records", "--kind", "record.create", "--days", "30")
    assert {"kinds": ["record.create"], "days": 30} == saved["queries"][0]["query"]
    found = cli.json("log", "query", "run", "new records")
    assert {"record.create"} == {one["kind"] for one in found["entries"]}
    assert "new records" == found["query"]["name"]
    listed = cli.run("--lang", "zh", "log", "query", "list").stdout
    assert "最近天数: 30" in listed
    cli.run("log", "query", "run", "new records", "--to", str(tmp_path / "new.csv"))
    assert "record.create" in (tmp_path / "new.csv").read_text(encoding="utf-8")
    cli.run("log", "query", "save", "x", "--days", "7", "--since", "2026-01-01", code=2)
    cli.run("log", "query", "save", "x", "--days", "7", "--everyone", "--as", "editor", code=4)
    cli.run("log", "query", "remove", "new records")
    assert "query.unknown" == cli.json("log", "query", "run", "new records", code=1)["code"]
