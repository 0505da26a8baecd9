"""Commands that make an archive, open it, and keep it sound: what each does, its JSON, and both languages."""

from __future__ import annotations

import json
import os
import stat
import sys
import types

from muniment.log.checkpoint import parse_verifier_key

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
    assert "运行 muniment serve 即可在浏览器中使用" in told


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
    assert "config.waits" == cli.json("plugin", "enable", "small", "--reason", "x", code=1)["code"]


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
