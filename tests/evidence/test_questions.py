from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from muniment.cli.app import app
from muniment.errors import AccessDenied, NotFound
from muniment.model import id_bytes
from muniment.session.oversight import questions
from muniment.testing import TickingClock, new_archive


@pytest.fixture
def lived(tmp_path):
    with new_archive(tmp_path / "archive", clock=TickingClock()) as archive:
        with archive.session(actor="owner") as session:
            for login, role in (("li.na", "editor"), ("rea", "reader"), ("vera", "auditor")):
                session.create("user", {"login": login, "display_name": login, "roles": role})
        with archive.session(actor="li.na", purpose="ServiceProvision") as session:
            anna = session.create("customer", {"full_name": "Anna", "phone": "030 5550001"}).id
            bert = session.create("customer", {"full_name": "Bert"}).id
            session.get(anna)
            session.list("customer")
            session.update(anna, {"phone": "030 5550002"}, reason="moved")
            session.export_file("customer", tmp_path / "out.csv", recipient="Kranz  Printers\n")
        yield archive, anna, bert


def test_who_saw_a_person_is_complete(lived):
    """Reads, lists, exports and changes, with fields and purpose; of a list only what concerned them."""
    archive, anna, bert = lived
    with archive.session(actor="vera", purpose="Audit") as session:
        seen = session.questions.who(id_bytes(anna))
        by_kind = {one.kind: one for one in seen if one.actor == "li.na"}
        assert {"record.create", "record.read", "record.list", "record.update", "record.export"} == set(
            by_kind
        )
        assert {"ServiceProvision"} == {one.purpose for one in by_kind.values()}
        assert ("phone",) == by_kind["record.update"].fields
        assert "phone" in by_kind["record.list"].fields
        others = {one.kind for one in session.questions.who(id_bytes(bert)) if one.actor == "li.na"}
        assert {"record.create", "record.list", "record.export"} == others
        newest = session.entries()[0]
    assert ("log.read", "who") == (newest.kind, newest.detail["target"]["question"])


def test_an_export_is_one_act_and_a_disclosure(lived):
    """Whoever it was for is named."""
    archive, anna, _ = lived
    with archive.session(actor="vera", purpose="Audit") as session:
        deeds = {one.kind: one for one in session.questions.did("li.na")}
        assert (1, 2) == (deeds["record.export"].acts, deeds["record.export"].records)
        (given,) = session.questions.disclosures(id_bytes(anna))
        assert ("record.export", "li.na") == (given.kind, given.actor)
        assert ("Kranz Printers", "out.csv") == (given.recipient, given.file)
        told = session.persons.report(anna).disclosures if session.may("subject.report") else ()
        assert all(("Kranz Printers", "out.csv") == (one["recipient"], one["file"]) for one in told)


def test_what_changed_in_a_span_of_time(lived):
    """From the version before it to the version after it."""
    archive, anna, bert = lived
    with archive.session(actor="vera", purpose="Audit") as session:
        changed = {one.record: one for one in session.questions.changed(type="customer")}
        assert (0, 2, ("create", "update")) == (
            changed[anna].before,
            changed[anna].after,
            changed[anna].operations,
        )
        late = session.questions.changed(since_us=changed[bert].last_us + 1, type="customer")
        assert [(anna, 1, 2)] == [(one.record, one.before, one.after) for one in late]


def test_which_rules_held_and_who_could_see(lived):
    """On a day before and after: a user's role and a field's class as they were then."""
    archive, _, _ = lived
    with archive.session(actor="owner") as session:
        before = session.entries()[0].time_us
        (rea,) = [one for one in session.list("user").records if one.fields["login"] == "rea"]
        session.update(rea.id, {"roles": "editor"}, reason="promoted")
    with archive.session(actor="vera", purpose="Audit") as session:
        now = session.entries()[0].time_us
        roles = {
            moment: {one["login"]: one["roles"] for one in session.questions.rules(moment)["users"]}
            for moment in (before, now)
        }
        assert (["reader"], ["editor"]) == (roles[before]["rea"], roles[now]["rea"])
        sensitive = {
            field.key
            for field in archive.engine.record_type("customer").fields
            if field.sensitivity == "sensitive"
        }
        seen = {
            moment: {
                one["login"]: set(one["clear"])
                for one in session.questions.could("customer", moment)["users"]
            }
            for moment in (before, now)
        }
        assert not seen[before]["rea"] & sensitive
        assert sensitive <= seen[now]["rea"]
        with pytest.raises(NotFound):
            session.questions.rules(0)
        with pytest.raises(NotFound):
            session.questions.could("nothing", now)


def test_an_answer_that_counts_not_every_entry_says_so(lived, monkeypatch):
    """The newest entries count, and the answer tells that they are not all of the span."""
    archive, anna, _ = lived
    with archive.session(actor="vera", purpose="Audit") as session:

        def ask() -> list[bool]:
            asked = session.questions
            return [
                asked.who(id_bytes(anna)).whole,
                asked.did("li.na").whole,
                asked.changed().whole,
                asked.saw("full_name").whole,
                asked.disclosures(id_bytes(anna)).whole,
            ]

        assert all(ask())
        entries = sum(one.entries for one in session.questions.did("li.na"))
        monkeypatch.setattr(questions, "MOST", entries)
        assert session.questions.did("li.na").whole
        monkeypatch.setattr(questions, "MOST", entries - 1)
        cut = session.questions.did("li.na")
        assert (False, entries - 1) == (cut.whole, sum(one.entries for one in cut))
        monkeypatch.setattr(questions, "MOST", 0)
        assert not any(ask())


def test_who_may_not_read_the_log_gets_no_answers(lived):
    """And the refusal is written down."""
    archive, anna, _ = lived
    session = archive.session(actor="li.na", purpose="ServiceProvision")
    for ask in (
        lambda: session.questions.who(id_bytes(anna)),
        lambda: session.questions.did("owner"),
        lambda: session.questions.changed(),
        lambda: session.questions.rules(10**18),
    ):
        with pytest.raises(AccessDenied):
            ask()


def test_the_commands_answer_in_both_languages(by_command):
    """As tables and as JSON."""
    (person,) = {
        row["record"]
        for row in json.loads(
            CliRunner().invoke(app, ["--json", "audit", "changed", "--type", "customer"]).stdout
        )["changed"]
    }
    for command in (
        ["who", person],
        ["did", "li.na"],
        ["disclosures", person],
        ["changed"],
        ["rules", "--as-of", "2100-01-01"],
        ["could", "customer", "--as-of", "2100-01-01"],
    ):
        for language in ("en", "zh"):
            done = CliRunner().invoke(app, ["--lang", language, "audit", *command])
            assert 0 == done.exit_code, done.output
        assert json.loads(CliRunner().invoke(app, ["--json", "audit", *command]).stdout)


def test_the_command_says_that_not_every_entry_counts(by_command, monkeypatch):
    """Beside the table, and in the document."""
    monkeypatch.setattr(questions, "MOST", 0)
    assert "narrower span" in CliRunner().invoke(app, ["audit", "changed"]).stderr
    assert json.loads(CliRunner().invoke(app, ["--json", "audit", "changed"]).stdout)["whole"] is False
