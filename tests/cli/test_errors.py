"""Every call ends with an exit code and one line, or one document; nothing of a record stands in either."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from muniment import errors
from muniment.cli import errors as ends
from muniment.cli.app import NOUNS, app
from muniment.errors import Issue

MEMBERS = {"type", "title", "status", "detail", "code"}


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [
        (errors.UsageError("usage.time"), 2, 400),
        (errors.IntegrityError("integrity.root", where="o", index=7), 3, 500),
        (errors.AccessDenied("access.action", action="record.update"), 4, 403),
        (errors.Conflict("conflict.version", expected=1, found=2), 5, 409),
        (errors.Invalid([Issue("value.required", "phone")]), 6, 422),
        (errors.PluginError("plugin.not_installed", name="x"), 7, 500),
        (errors.ApprovalNeeded("access.no_reason"), 8, 202),
        (errors.NotFound("record.not_found"), 1, 404),
        (errors.NotFound("schema.unknown_field", where="customer", name="x"), 2, 404),
        (errors.StoreError("store.full"), 1, 503),
        (errors.StoreError("store.corrupt"), 3, 503),
        (errors.KeyStoreError("key.wrong_keyfile"), 1, 503),
        (errors.ConfigError("config.missing", where="x"), 2, 400),
    ],
    ids=lambda value: getattr(value, "code", str(value)),
)
def test_each_kind_of_error_has_its_exit_code_and_status(error, code, status):
    """One table says how a call ends; the document is that of RFC 9457."""
    assert code == ends.exit_code(error)
    document = ends.problem(error, "en")
    assert MEMBERS <= document.keys()
    assert (status, error.code) == (document["status"], document["code"])
    assert f"urn:muniment:error:{error.code}" == document["type"]


def test_an_error_is_one_line_in_the_language_asked_for(cli):
    """What, where, what to do, and the code; in Chinese where that is asked for."""
    words = ("record", "get", "00000000-0000-7000-8000-000000000000")
    english = cli.run(*words, code=1).stderr
    assert 1 == english.count("\n")
    assert english.startswith("There is no such record.")
    assert english.endswith("[record.not_found]\n")
    for given in (("--lang", "zh", *words), (*words, "--lang", "zh"), (*words, "--lang=zh")):
        assert "没有这条记录" in cli.run(*given, code=1).stderr
    assert "没有这条记录" in cli.run(*words, code=1, LANG="zh_CN.UTF-8").stderr


def test_an_archive_made_in_chinese_speaks_chinese(new_cli):
    """Where nobody asks and the locale says nothing, the archive's language counts."""
    made = new_cli("--lang", "zh")
    result = made.run(
        "record",
        "get",
        "00000000-0000-7000-8000-000000000000",
        code=1,
        MUNIMENT_KEY=str(_only_key(made)),
        LANG="C",
    )
    assert "没有这条记录" in result.stderr


def _only_key(cli) -> Path:
    (found,) = (cli.folder.parent / "muniment").glob("*.key")
    return found


def test_global_options_stand_before_and_behind(cli):
    """The later place counts."""
    archive = str(cli.folder)
    for words in (
        ("--archive", archive, "--as", "owner", "--json", "status"),
        ("status", "--archive", archive, "--as", "owner", "--json"),
        ("--archive", "nowhere", "--as", "nobody", "status", "--archive", archive, "--as", "owner", "--json"),
    ):
        found = json.loads(cli.run(*words, MUNIMENT_ARCHIVE="").stdout)
        assert archive == found["archive"]["folder"]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("nonsense",), "cli.no_command"),
        (("record", "nonsense"), "cli.no_command"),
        (("record", "get"), "cli.missing"),
        (("record", "get", "x", "--nonsense"), "cli.no_option"),
        (("record", "lst"), "cli.no_command"),
        (("record", "get", "x", "--field", "a"), "cli.no_option_near"),
        (("record", "list", "customer", "--limit", "0"), "cli.bad_value"),
        (("record", "list", "customer", "--limit", "many"), "cli.bad_value"),
        (("record", "get", "a", "b"), "cli.arguments"),
        (("record", "create", "customer"), "cli.no_values"),
        (("record", "create", "customer", "x"), "cli.assignment"),
        (("record", "create", "customer", "a=1", "a=2"), "cli.given_twice"),
        (("record", "create", "customer", "notes=@no/such/file"), "cli.no_file"),
        (("record", "get", "not-an-identifier"), "usage.identifier"),
        (("record", "list", "nonsense"), "schema.unknown_type"),
        (("record", "get", "customer:C-1", "--as-of", "yesterday"), "usage.time"),
        (("export", "customer", "--to", "x.doc", "--reason", "r"), "export.format"),
        (("user", "add", "x", "--role", "nonsense"), "cli.no_role"),
        (("init", "d", "--root", "nonsense"), "cli.choice"),
        (("init", "d", "-t", "nonsense"), "schema.unknown"),
        (("log", "list", "--kind", "nonsense"), "cli.no_kind"),
        (("log", "verify", "--trusted", "no-such-file"), "cli.no_file"),
        (("record", "get", "--json="), "cli.option_value"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_mistakes_in_usage_end_with_2(cli, words, code):
    """One line with a code, in both languages, and the same as a document."""
    problem = cli.json(*words, code=2)
    assert code == problem["code"]
    for lang in ("en", "zh"):
        told = cli.run(*words, "--lang", lang, code=2)
        assert "" == told.stdout
        assert 1 == told.stderr.count("\n")
        assert f"[{code}]" in told.stderr
        assert (lang == "zh") == any("\u4e00" <= sign <= "\u9fff" for sign in told.stderr)


@pytest.mark.parametrize(
    "words",
    [
        ("record", "create", "customer", "Canary77"),
        ("record", "create", "customer", "phone", "Canary77"),
        ("record", "get", "customer:Canary77"),
        ("record", "get", "Canary77"),
        ("record", "get", "x", "Canary77"),
        ("record", "Canary77"),
        ("record", "list", "customer", "--limit", "Canary77"),
        ("record", "list", "customer", "--where", "birth_date=Canary77"),
        (
            "record",
            "create",
            "customer",
            "full_name=x",
            "status=Canary77",
            "birth_date=Canary77",
            "email=Canary77",
        ),
        ("record", "get", "customer:C-1", "--as-of", "Canary77"),
        ("record", "list", "customer", "--after", "Canary77"),
    ],
    ids=" ".join,
)
def test_no_error_repeats_what_may_be_a_value(cli, words):
    """What was typed in the place of a value stands neither in the message nor in the document."""
    for form in ((), ("--json",)):
        result = CliRunner().invoke(
            app, [*words, *form], env={"MUNIMENT_ARCHIVE": str(cli.folder), "MUNIMENT_KEY": str(cli.key)}
        )
        assert result.exit_code not in (0, 130)
        assert "Canary77" not in result.output


def test_no_archive_is_said_plainly(cli, tmp_path):
    """Nowhere, an empty folder, a file: one line each."""
    (tmp_path / "empty").mkdir()
    assert "cli.no_archive" == cli.json("status", MUNIMENT_ARCHIVE="", code=2)["code"]
    assert "config.missing" == cli.json("status", "--archive", "empty", code=2)["code"]
    assert "config.missing" == cli.json("status", "--archive", "nowhere", code=2)["code"]


def test_the_current_folder_is_the_archive_where_it_is_one(cli):
    """No option is needed inside it."""
    os.chdir(cli.folder)
    assert "." == json.loads(cli.run("status", "--json", MUNIMENT_ARCHIVE="").stdout)["archive"]["folder"]


def test_a_wrong_or_missing_key_is_said_plainly(cli, tmp_path, new_cli):
    """Nothing is asked of somebody who is not there."""
    assert "key.file_missing" == cli.json("status", "--key", "no.key", code=1)["code"]
    other = new_cli("--key-file", str(tmp_path / "other.key"))
    assert "key.wrong_keyfile" == cli.json("status", "--key", str(tmp_path / "other.key"), code=1)["code"]
    assert "cli.no_key" == cli.json("status", MUNIMENT_KEY="", XDG_CONFIG_HOME=str(tmp_path), code=1)["code"]
    assert other.folder.is_dir()


def test_somebody_unknown_is_denied(cli):
    """With exit code 4, whatever they ask."""
    for words in (("status",), ("record", "list", "customer"), ("log", "checkpoint")):
        assert "access.unknown_actor" == cli.json(*words, "--as", "nobody", code=4)["code"]


def test_what_nobody_foresaw_is_one_line_without_its_message(cli, monkeypatch):
    """Type, file and line; never the message, which may hold a value."""
    from muniment.archive import standing

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("Canary77")

    monkeypatch.setattr(standing, "standing", fail)
    told = cli.run("status", code=1)
    assert 1 == told.stderr.count("\n")
    assert "RuntimeError in test_errors.py, line" in told.stderr
    assert "[cli.unexpected]" in told.stderr
    assert "Canary77" not in told.output
    assert "cli.unexpected" == cli.json("status", code=1)["code"]
    assert "Canary77" in cli.run("status", code=1, MUNIMENT_DEBUG="1").stderr


def test_what_the_system_refuses_names_the_file(cli, monkeypatch):
    """Errors of the operating system say their reason and path."""
    from muniment.archive import standing

    def fail(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", "/some/file")

    monkeypatch.setattr(standing, "standing", fail)
    problem = cli.json("status", code=1)
    assert ("cli.system", "/some/file") == (problem["code"], problem["where"])


def test_an_interruption_ends_with_130(cli, monkeypatch):
    """At any place, with one line."""
    from muniment.archive import standing

    for error in (KeyboardInterrupt(), click.Abort()):
        monkeypatch.setattr(standing, "standing", lambda *_, error=error, **__: (_ for _ in ()).throw(error))
        assert "[cli.stopped]" in cli.run("status", code=130).stderr


def test_no_output_where_there_is_no_reader(cli):
    """A pipe that is closed on the other side ends the call without a word."""
    archive = ("--archive", str(cli.folder), "--key", str(cli.key))
    for given in (
        ("--help",),
        (*archive, "record", "list", "customer"),
        (*archive, "status", "--json"),
        (*archive, "x"),
    ):
        words = [sys.executable, "-m", "muniment", *given]
        with subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
        ) as process:
            process.stdout.close()
            told = process.stderr.read()
        assert b"Traceback" not in told
        assert b"Broken" not in told
        assert (2 if given[-1] == "x" else 141) == process.returncode, given


def test_a_signal_from_the_keyboard_ends_a_real_process(cli, tmp_path):
    """Ctrl-C in the middle of a command: exit code 130, one line, no trace."""
    os.mkfifo(tmp_path / "endless")
    # The interpreter itself may be interrupted between opening a file and minding it.
    given = {**environment(), "PYTHONWARNINGS": "ignore"}
    words = [sys.executable, "-m", "muniment", "record", "create", "customer", "notes=@endless"]
    # What is started in the background ignores the keyboard, and so would all that it starts.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=given, cwd=tmp_path
        )
    finally:
        signal.signal(signal.SIGINT, before)
    # Opening it for writing waits until the command has it open for reading.
    with open(tmp_path / "endless", "wb"):
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (130, b"") == (process.returncode, out)
    assert b"[cli.stopped]" in err
    assert b"Traceback" not in err


def test_a_plain_python_runs_the_same_command(cli):
    """``python -m muniment`` is the command; its errors go to standard error."""
    done = subprocess.run(
        [sys.executable, "-m", "muniment", "record", "nonsense"],
        capture_output=True,
        text=True,
        env=environment(),
        check=False,
    )
    assert (2, "") == (done.returncode, done.stdout)
    assert "[cli.no_command]" in done.stderr


def test_a_terminal_of_another_encoding_is_no_error(cli):
    """Names that it cannot show are escaped; JSON is UTF-8 all the same."""
    words = [
        sys.executable,
        "-m",
        "muniment",
        "--archive",
        str(cli.folder),
        "--key",
        str(cli.key),
        "record",
        "get",
        "customer:C-2",
    ]
    given = {**environment(), "PYTHONIOENCODING": "latin-1"}
    shown = subprocess.run(words, capture_output=True, env=given, check=True).stdout
    assert b"\\u738b\\u82b3" in shown
    document = subprocess.run([*words, "--json"], capture_output=True, env=given, check=True).stdout
    assert "王芳" == json.loads(document.decode("utf-8"))["records"][0]["fields"]["full_name"]


def test_every_noun_answers_without_words(cli):
    """A group alone shows its help."""
    for noun, entry in NOUNS.items():
        if entry.target.rpartition(":")[0] in (
            "muniment.cli.init",
            "muniment.cli.demo",
            "muniment.cli.status",
            "muniment.cli.export",
            "muniment.cli.serve",
        ) or noun in ("restore", "tick"):
            continue
        assert "Usage:" in cli.run(noun, code=2).stderr


def environment() -> dict[str, str]:
    """Of a process of its own that finds what this one finds."""
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "PYTHONWARNINGS": "error",
        "LANG": "C.UTF-8",
    }
