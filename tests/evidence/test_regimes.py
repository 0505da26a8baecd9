from __future__ import annotations

import json
import os
import re
import shlex
import sqlite3
import tomllib
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from muniment.cli.app import app
from muniment.errors import AccessDenied, ConfigError, NotFound
from muniment.regimes import VERDICTS, Finding, check_words, packaged, parse_regime, report_page, verdict_of
from muniment.schema import Label
from muniment.session.regimes.registry import CHECKS
from muniment.store import LogFilter
from muniment.testing import TickingClock, new_archive

SCHEMAS = files("muniment_schemas")
FACTS = Path(os.environ.get("MUNIMENT_TEST_DATA", "/nowhere")) / "facts" / "compliance.md"
CLAIM = re.compile(r"complian|complies|conform|certified|合规|符合要求", re.IGNORECASE)


@pytest.fixture
def fresh(tmp_path):
    """An archive that was just made."""
    with new_archive(tmp_path / "archive", clock=TickingClock()) as archive:
        yield archive


# The data


def documents():
    for name in sorted(packaged()):
        text = SCHEMAS.joinpath("regimes", f"{name}.toml").read_text(encoding="utf-8")
        yield name, tomllib.loads(text)


def test_regimes_fit_their_published_form():
    """Whoever brings another one can check it with the schema."""
    schema = json.loads(SCHEMAS.joinpath("regime.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    for name, document in documents():
        jsonschema.validate(document, schema)
        assert name == document["key"]
    assert {"hipaa", "part11", "pci", "gdpr", "pipl", "sox"} <= packaged().keys()


def test_every_check_is_named_worded_and_used():
    """None is forgotten, and none is named that there is not."""
    used = {
        check.partition(":")[0]
        for regime in packaged().values()
        for clause in regime.clauses
        for check in clause.checks
    }
    assert used == CHECKS.keys() == check_words().keys()


@pytest.mark.skipif(not FACTS.is_file(), reason="MUNIMENT_TEST_DATA names no folder with the facts")
def test_every_clause_of_the_facts_is_mapped():
    """Part 1 of the facts lists them; a row may stand for several, and keeps its first name."""
    text = FACTS.read_text(encoding="utf-8")
    part = text[text.index("### 1.1") : text.index("### 1.9")]
    rows = [line.split("|")[1].strip() for line in part.splitlines() if line.startswith("| ")]
    listed = {row.split(" / ")[0] for row in rows if row not in ("id", "---")} - {""}
    mapped = {clause.id for regime in packaged().values() for clause in regime.clauses}
    assert len(listed) > 120
    assert set() == {row for row in listed if not row.startswith("-")} - mapped


def test_no_text_claims_that_anybody_obeys():
    """Neither the data nor the texts that checks may print."""
    folder = Path(str(files("muniment"))) / "messages"
    texts = [
        text
        for entry in tomllib.loads((folder / "regime.toml").read_text(encoding="utf-8")).values()
        for text in entry.values()
    ]
    texts += [json.dumps(document, ensure_ascii=False) for _, document in documents()]
    assert [] == [text for text in texts if CLAIM.search(text)]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (("key =", "name ="), "regime.clause"),
        (('zh = "记录"', ""), "regime.words"),
        (('checks = ["reads"]', 'checks = ["magic"]'), "regime.check"),
        (('checks = ["reads"]', 'checks = ["reads:soon"]'), "regime.check"),
        (('checks = ["reads"]', "checks = []"), "regime.clause"),
        (('sure = "S"', 'sure = "very"'), "regime.clause"),
        (("[[clause]]", "[[clause"), "config.syntax"),
    ],
)
def test_a_regime_that_does_not_fit_is_refused(change, code):
    """With the place in the file, before anybody reads a report under it."""
    text = (
        'key = "own"\nlabel = { en = "Own", zh = "自有" }\n[[clause]]\nid = "1"\ncite = "1"\nsure = "S"\n'
        'en = "Records."\nzh = "记录"\nchecks = ["reads"]\n'
    )
    assert "own" == parse_regime(text, where="own.toml").key
    with pytest.raises(ConfigError) as caught:
        parse_regime(text.replace(*change), where="own.toml")
    assert (code, True) == (caught.value.code, "own.toml" in str(caught.value))


@given(st.lists(st.sampled_from(["shown", "part", "nothing", "gap"])), st.booleans())
def test_a_clause_is_never_better_than_its_findings(verdicts, outside):
    """One gap makes a gap; all have to be shown, and nothing left outside, for shown."""
    found = verdict_of([Finding(one, "regime.nothing") for one in verdicts], outside=outside)
    assert found in VERDICTS
    assert ("gap" in verdicts) == (found == "gap")
    assert (found == "shown") == (bool(verdicts) and set(verdicts) == {"shown"} and not outside)
    assert (found == "outside") == (not verdicts)


# Reports


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The reports under all regimes of an archive that was lived in."""
    folder = tmp_path_factory.mktemp("reports") / "archive"
    with new_archive(folder, clock=TickingClock()) as archive:
        with archive.session(actor="owner") as session:
            session.create("user", {"login": "vera", "display_name": "Vera", "roles": "auditor"})
            session.create("user", {"login": "rea", "display_name": "Rea", "roles": "reader"})
            session.create("customer", {"full_name": "Anna Secret", "phone": "030 1234567"})
        with archive.session(actor="vera", purpose="Audit") as session:
            reports = {key: session.regimes.report(key) for key in session.regimes.listed()}
            entries = session.entries(LogFilter(kinds=("audit.report",), limit=100))
        yield archive, reports, entries


def test_reports_fit_their_published_form(made):
    """Other programs may read them."""
    schema = json.loads(SCHEMAS.joinpath("regime_report.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    for report in made[1].values():
        jsonschema.validate(json.loads(json.dumps(report)), schema)
        assert len(report["clauses"]) == sum(report["summary"].values())


def test_making_a_report_is_an_entry_that_it_names(made):
    """A report without its own entry would be a reading that nobody can find."""
    _, reports, entries = made
    assert {(report["regime"], report["entry"]) for report in reports.values()} == {
        (one.detail["target"]["regime"], f"0:{one.index}") for one in entries
    }
    assert {"vera"} == {one.actor for one in entries}


def test_a_report_holds_no_value_and_claims_nothing(made):
    """Names, numbers and places only; and never that a rule is kept."""
    for report in made[1].values():
        text = json.dumps(report, ensure_ascii=False) + report_page(report, "en") + report_page(report, "zh")
        assert "Anna" not in text
        assert "1234567" not in text
        assert not CLAIM.search(text)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_page_stands_alone_and_says_every_clause(made, lang):
    """No script, nothing fetched, every clause with its verdict and commands."""
    for report in made[1].values():
        page = report_page(report, lang)
        assert "<script" not in page
        assert not re.search(r"(?:src|href)=", page)
        assert page.count("<article") == len(report["clauses"])
        for clause in report["clauses"]:
            assert f'id="{clause["id"]}"' in page.replace("&#x27;", "'")
        assert (f'lang="{"zh-CN" if lang == "zh" else "en"}"') in page


def test_verification_is_run_and_its_failure_is_a_gap(fresh):
    """What a report says of the log comes from looking; left out, it says that nobody looked."""

    def verdicts(**given):
        with fresh.session(actor="owner") as session:
            report = session.regimes.report("nist", **given)
        return {one["check"]: one["verdict"] for clause in report["clauses"] for one in clause["findings"]}

    with fresh.session(actor="owner") as session:
        session.create("customer", {"full_name": "Anna"})
    assert ("shown", "nothing") == (verdicts()["verified"], verdicts(verified=False)["verified"])
    with sqlite3.connect(fresh.folder / "archive.db") as db:
        for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            db.execute(f"DROP TRIGGER {name}")
        db.execute("UPDATE part SET sealed = zeroblob(length(sealed))")
    db.close()
    found = verdicts()
    assert ("gap", "gap") == (found["verified"], found["writes"])


def test_a_report_needs_the_rights_to_read_log_and_settings(made):
    """Refused and written down, for a regime that there is not too."""
    archive = made[0]
    with (
        archive.session(actor="rea", purpose="Audit") as session,
        pytest.raises(AccessDenied, match=r"access\.action"),
    ):
        session.regimes.report("gdpr")
    with archive.session(actor="vera", purpose="Audit") as session:
        assert "rea" == session.entries(LogFilter(kinds=("access.deny",)))[0].actor
        with pytest.raises(NotFound, match=r"regime\.none"):
            session.regimes.report("lex")


def test_a_plugin_brings_a_regime_with_a_check_of_its_own(fresh, monkeypatch):
    """Beside the packaged ones, with words of its own; a check that there is not ends the report."""
    text = (
        'key = "house"\nlabel = { en = "House", zh = "本院" }\n[[clause]]\nid = "1"\ncite = "1"\nsure = "S"\n'
        'en = "A"\nzh = "甲"\nchecks = ["reads", "beds:3"]\n'
    )

    def beds(facts, argument):
        return Finding("gap", "", {"beds": argument}, text=Label("Three beds.", "三张床。"))

    regime = parse_regime(text, where="house.toml", checks={"beds": beds})
    monkeypatch.setattr("muniment.plugins.PluginSet.regimes", lambda self: (regime,))
    with fresh.session(actor="owner") as session:
        assert "house" in session.regimes.listed()
        (clause,) = session.regimes.report("house")["clauses"]
    assert [("reads", "nothing"), ("beds:3", "gap")] == [
        (one["check"], one["verdict"]) for one in clause["findings"]
    ]
    assert {"en": "Three beds.", "zh": "三张床。"} == clause["findings"][1]["text"]


# By command


def run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, list(words), standalone_mode=False)
    return done.return_value or 0, done.output


def test_reports_by_command(by_command, tmp_path):
    """Listed, printed, and written as a page or JSON; an existing file is not written over."""
    code, out = run("audit", "report", "--json")
    assert {"hipaa", "pipl"} <= {one["key"] for one in json.loads(out)["regimes"]}
    code, out = run("audit", "report", "--regime", "pipl", "--lang", "zh")
    assert (0, True) == (code, "PIPL-57" in out and "存在缺口" in out)
    page = tmp_path / "report.html"
    assert 0 == run("audit", "report", "--regime", "hipaa", "--to", str(page))[0]
    assert "H-312b" in page.read_text(encoding="utf-8")
    assert 0 == run("audit", "report", "--regime", "gdpr", "--to", str(tmp_path / "r.json"), "--no-verify")[0]
    assert not json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))["log"]["verified"]
    assert 0 != run("audit", "report", "--regime", "hipaa", "--to", str(page))[0]
    assert 0 != run("audit", "report", "--regime", "lex")[0]


def test_every_command_that_a_report_names_runs(by_command, monkeypatch):
    """On a small archive, as the owner; an auditor who types them gets an answer."""
    monkeypatch.setenv("MUNIMENT_ACTOR", "owner")
    commands = sorted({command for words in check_words().values() for command in words.commands})
    failed = []
    for command in commands:
        program, *words = shlex.split(command)
        assert "muniment" == program
        code, out = run(*words)
        if code:
            failed.append((command, code, out))
    assert [] == failed
