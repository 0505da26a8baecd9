from __future__ import annotations

import json
from pathlib import Path

import attrs
import pytest
from click.testing import CliRunner

from muniment.archive import restore
from muniment.cli.app import app
from muniment.errors import AccessDenied, ApprovalNeeded, Conflict, LogError, NotFound, UsageError
from muniment.keys import KeyFile
from muniment.model import id_bytes, rfc3339
from muniment.schema.builtin import INCIDENT
from muniment.session import Change
from muniment.session.oversight.affected import Scope
from muniment.session.oversight.persons_to_tell import persons_to_tell
from muniment.store import LogFilter
from muniment.testing import TickingClock, new_archive, open_again

HOUR = 3_600_000_000


@attrs.define
class Breach:
    """An archive from which somebody took five of seven customers."""

    archive: object
    clock: TickingClock
    people: list[str]
    folder: Path


@pytest.fixture
def breach(tmp_path):
    clock = TickingClock()
    with new_archive(tmp_path / "archive", clock=clock) as archive:
        with archive.session(actor="owner") as session:
            for login, role in (("li.na", "editor"), ("rea", "reader"), ("vera", "auditor")):
                session.create("user", {"login": login, "display_name": login, "roles": role})
            people = [
                session.create("customer", {"full_name": f"Person {n}", "phone": f"030 5550{n}00"}).id
                for n in range(7)
            ]
        with archive.session(actor="li.na", purpose="ServiceProvision", sign_in="night") as session:
            for one in people[:3]:
                session.get(one, fields=["full_name"])
            session.list("customer", limit=5, fields=["full_name", "phone"])
            session.update(people[6], {"phone": "030 999"}, reason="x")
        with archive.session(actor="rea", purpose="ServiceProvision") as session:
            session.list("customer", fields=["full_name"])
        yield Breach(archive, clock, people, tmp_path)


def opened(session, **given):
    return session.incidents.open("Customer list taken", laws=["gdpr", "hipaa"], **given)


def test_whom_it_affects_is_computed_from_the_log(breach):
    """Reads and lists of one person, with the fields and classes that were shown; of nobody else."""
    with breach.archive.session(actor="owner") as session:
        made = session.incidents.find(opened(session).id, Scope(actors=("li.na",)))
        found = made.affected
        assert (5, 5, 4) == (found["subjects"], found["records"], found["entries"])
        assert {"record.read": 3, "record.list": 1} == found["kinds"]
        assert ["full_name", "phone"] == found["types"]["customer"]["clear"]
        assert {"personal": {"clear": 5}} == found["classes"]
        written = session.incidents.find(made.id, Scope(actors=("li.na",), acts="write")).affected
        assert (1, ["phone"]) == (written["subjects"], written["types"]["customer"]["written"])


@pytest.mark.parametrize(
    ("scope", "subjects"),
    [
        (Scope(sessions=("night",)), 5),
        (Scope(sessions=("noon",)), 0),
        (Scope(actors=("rea",)), 7),
        (Scope(actors=("rea", "li.na")), 7),
        (Scope(actors=("li.na",), kinds=("record.read",)), 3),
        (Scope(actors=("li.na",), types=("company",)), 0),
        (Scope(everything=True), 7),
    ],
)
def test_every_part_of_a_scope_narrows_it(breach, scope, subjects):
    """By sign-in, person, kind, type; or everything that is there."""
    with breach.archive.session(actor="owner") as session:
        made = session.incidents.find(opened(session).id, scope)
        assert subjects == made.affected["subjects"]


def test_a_span_of_time_narrows_it(breach):
    """From a time on, and before one."""
    with breach.archive.session(actor="owner") as session:
        newest = session.entries(LogFilter(actor="li.na", kinds=("record.list",)))[0]
        one = opened(session)
        since = session.incidents.find(one.id, Scope(actors=("li.na",), since_us=newest.time_us))
        until = session.incidents.find(one.id, Scope(actors=("li.na",), until_us=newest.time_us))
        assert (5, 3) == (since.affected["subjects"], until.affected["subjects"])


def test_a_scope_that_names_nothing_is_refused(breach):
    """Else everybody would have done everything."""
    with breach.archive.session(actor="owner") as session:
        one = opened(session)
        for scope in (None, Scope(), Scope(acts="both")):
            with pytest.raises(UsageError, match=r"incident\.scope"):
                session.incidents.find(one.id, scope)


def test_the_same_index_gives_the_same_persons_again(breach):
    """Later reads by the same person do not move what was kept; searched anew they count."""
    with breach.archive.session(actor="owner") as session:
        one = session.incidents.find(opened(session).id, Scope(actors=("li.na",)))
    with breach.archive.session(actor="li.na", purpose="ServiceProvision") as session:
        session.list("customer")
    with breach.archive.session(actor="owner") as session:
        assert session.incidents.check(one.id)
        _, subjects = session.incidents.subjects(one.id)
        assert 5 == len(subjects)
        assert 7 == session.incidents.find(one.id).affected["subjects"]


def test_a_digest_that_does_not_fit_is_found(breach, monkeypatch):
    """The log gives other persons than those that were kept."""
    with breach.archive.session(actor="owner") as session:
        one = session.incidents.find(opened(session).id, Scope(actors=("li.na",)))
        monkeypatch.setattr("muniment.session.oversight.affected.READING", ("record.read",))
        assert not session.incidents.check(one.id)


def test_entries_without_details_are_said_to_be_unread(breach):
    """What the log's retention disposed of is not counted, and not passed over either."""
    from muniment.session.oversight.affected import Affected

    made = Affected(10, 0)
    with breach.archive.log.reader() as reader:
        from muniment import audit

        found = audit.entry_at(reader, 0, 0, 20)
        made.add(attrs.evolve(found, detail=None, opening=None), audit.Projector(reader, 0, 0), b"")
    assert (1, 1) == (made.entries, made.figures({})["unread"])


def test_nobody_is_listed_in_what_is_stored(breach):
    """Neither names nor identifiers of persons stand in the record of an incident."""
    with breach.archive.session(actor="owner") as session:
        one = session.incidents.find(opened(session).id, Scope(actors=("li.na",)))
        stored = json.dumps({name: str(value) for name, value in one.values.items()})
    assert not [person for person in breach.people if person in stored]
    raw = b"".join(path.read_bytes() for path in breach.folder.rglob("*") if path.is_file())
    assert b"Customer list taken" not in raw
    assert b"li.na" not in raw.partition(b"recipients")[2]


def test_the_search_is_a_reading_of_the_log(breach):
    """With the incident that it was for; and a list of persons is a disclosure of each of them."""
    with breach.archive.session(actor="owner") as session:
        one = session.incidents.find(opened(session).id, Scope(actors=("li.na",)))
        read = session.entries(LogFilter(kinds=("log.read",)))[0]
        assert ("incident", one.id) == (read.detail["target"]["question"], read.detail["target"]["incident"])
        told = list(persons_to_tell(session, one.id))
        assert {"there"} == {each.state for each in told}
        assert {f"Person {n}" for n in range(5)} == {each.record.fields["full_name"] for each in told}
        given = session.questions.disclosures(id_bytes(breach.people[0]))
    assert "record.export" in {each.kind for each in given}


def test_an_erased_person_is_counted_and_not_listed(breach):
    """Of whom nothing is left nobody can be told."""
    with breach.archive.session(actor="owner") as session:
        one = session.incidents.find(opened(session).id, Scope(actors=("li.na",)))
        session.erase(breach.people[0], reason="asked")
        states = [each.state for each in persons_to_tell(session, one.id)]
    assert (4, 1) == (states.count("there"), states.count("erased"))


def test_a_list_of_persons_needs_the_right_to_hand_them_out(breach):
    """Whoever may read incidents and the log may not export by that."""
    with breach.archive.session(actor="owner") as session:
        one = session.incidents.find(opened(session).id, Scope(actors=("li.na",)))
    with (
        breach.archive.session(actor="vera", purpose="Audit") as session,
        pytest.raises(AccessDenied, match=r"access\.action"),
    ):
        list(persons_to_tell(session, one.id))


def test_a_list_of_persons_waits_where_exports_do(breach):
    """A second person approves exactly this list, once; nothing leaves before."""
    _rule(breach, '[[approvals.rule]]\nname = "exports"\noperations = ["export"]\n')
    with breach.archive.session(actor="owner") as session:
        session.create("user", {"login": "eve", "display_name": "eve", "roles": "owner"})
        one = session.incidents.find(opened(session).id, Scope(actors=("li.na",)))
        with pytest.raises(ApprovalNeeded) as caught:
            list(persons_to_tell(session, one.id))
        assert () == session.entries(LogFilter(kinds=("record.export",)))
    number = str(caught.value.parameters["number"])
    with breach.archive.session(actor="eve", purpose="LegalCompliance") as session:
        session.changes.approve(number, digest=session.changes.show(number).digest)
    with breach.archive.session(actor="owner") as session:
        assert 5 == len(list(persons_to_tell(session, one.id)))
        assert "approval" in session.entries(LogFilter(kinds=("record.export",)))[0].detail
        with pytest.raises(ApprovalNeeded):
            list(persons_to_tell(session, one.id))


def _rule(breach, text):
    path = breach.archive.folder / "muniment.toml"
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")
    with breach.archive.session(actor="owner") as session:
        breach.archive.apply_config(session, reason="rules")


def test_nothing_of_a_list_is_released_that_no_witness_saw(breach):
    """Where exports wait for witnesses, so does this."""
    witness = attrs.evolve(breach.archive.engine.settings.witness, witnessed=("record.export",), quorum=1)
    breach.archive.engine.settings = attrs.evolve(breach.archive.engine.settings, witness=witness)
    with breach.archive.session(actor="owner") as session:
        one = session.incidents.find(opened(session).id, Scope(actors=("li.na",)))
        with pytest.raises(LogError, match=r"witness\.too_few"):
            next(persons_to_tell(session, one.id))


def test_what_happened_before_a_restore_counts_too(tmp_path):
    """Every generation of the log is searched; what was computed in one is computed again."""
    clock = TickingClock()
    base = tmp_path / "archive"
    with new_archive(base, clock=clock) as archive, archive.session(actor="owner") as session:
        session.create("user", {"login": "li.na", "display_name": "li.na", "roles": "editor"})
        people = [session.create("customer", {"full_name": f"Person {n}"}).id for n in range(3)]
        with archive.session(actor="li.na", purpose="ServiceProvision") as hers:
            hers.get(people[0])
        session.backups.create(tmp_path / "backup")
        session.get(people[2])
    root = KeyFile(base.with_name("archive.key"))
    restore(tmp_path / "backup", base, root=root, accept_loss=True, clock=clock)
    with open_again(base, clock=clock) as archive:
        with archive.session(actor="li.na", purpose="ServiceProvision") as hers:
            hers.get(people[1])
        with archive.session(actor="owner") as session:
            one = session.incidents.find(opened(session).id, Scope(actors=("li.na",)))
            assert (1, 2) == (one.affected["generation"], one.affected["subjects"])
            assert session.incidents.check(one.id)


def test_a_time_of_zero_is_a_time():
    """Since 1970 is everything, and says so when it is read again."""
    scope = Scope(since_us=0)
    scope.check()
    assert scope == Scope.of(json.loads(json.dumps(scope.document())))


@pytest.mark.parametrize("act", ["open", "list"])
def test_who_has_no_right_to_incidents_is_refused(breach, act):
    """And the refusal is in the log."""
    with (
        breach.archive.session(actor="rea", purpose="ServiceProvision") as session,
        pytest.raises(AccessDenied),
    ):
        opened(session) if act == "open" else session.incidents.listed()
    with breach.archive.session(actor="vera", purpose="Audit") as session:
        assert "rea" == session.entries(LogFilter(kinds=("access.deny",)))[0].actor


def test_an_auditor_reads_incidents_whole_and_changes_none(breach):
    """The right to read them decides, not the classes of their fields."""
    with breach.archive.session(actor="owner") as session:
        one = opened(session)
    with breach.archive.session(actor="vera", purpose="Audit") as session:
        assert "Customer list taken" == session.incidents.get(one.id).title
        with pytest.raises(AccessDenied):
            session.incidents.assess(one.id, risk="high")


def test_nobody_writes_an_incident_past_its_module(breach):
    """Its clocks hang on more than values."""
    with breach.archive.session(actor="owner") as session:
        one = opened(session)
        with pytest.raises((AccessDenied, NotFound, UsageError)):
            session.write([Change("update", record=id_bytes(one.id), values={"state": "closed"})])


def test_steps_move_the_clocks(breach):
    """An assessment takes a duty away or brings one; told in time is told."""
    with breach.archive.session(actor="owner") as session:
        one = opened(session)
        now = breach.clock.now_us
        assert {"gdpr.persons", "gdpr.authority"} <= _running(one, now)
        one = session.incidents.assess(one.id, risk="unlikely", laws=["gdpr"])
        assert set() == _running(one, breach.clock.now_us)
        one = session.incidents.assess(one.id, risk="high")
        one = session.incidents.told(one.id, "gdpr.authority", recipient="an authority")
        assert {"gdpr.persons"} == _running(one, breach.clock.now_us)
        with pytest.raises(UsageError, match=r"incident\.clocks_run"):
            session.incidents.close(one.id, text="over")
        session.incidents.told(one.id, "gdpr.persons")
        assert "closed" == session.incidents.close(one.id, text="over").state
        with pytest.raises(UsageError, match=r"incident\.closed"):
            session.incidents.add(one.id, "note", "more")
        assert [] == session.incidents.listed()
    breach.archive.log.verify()


def _running(one, now):
    return {each.name for each in one.clocks if each.state(now) in ("running", "at_once", "late")}


def test_what_was_told_stays_told_when_laws_change(breach):
    """A later search or assessment forgets nothing."""
    with breach.archive.session(actor="owner") as session:
        one = opened(session)
        session.incidents.told(one.id, "gdpr.authority", recipient="an authority")
        one = session.incidents.find(one.id, Scope(actors=("li.na",)))
        (met,) = [each for each in one.clocks if each.met_us is not None]
    assert ("gdpr.authority", "an authority", "owner") == (met.name, met.recipient, met.met_by)


def test_times_that_cannot_be_are_refused(breach):
    """Nothing lies ahead, and nothing is known before it began."""
    with breach.archive.session(actor="owner") as session:
        ahead = rfc3339(breach.clock.now_us + HOUR)
        for given in ({"known": ahead}, {"happened": "2025-12-02", "known": "2025-12-01"}):
            with pytest.raises(UsageError, match=r"incident\.times"):
                opened(session, **given)
        one = opened(session)
        with pytest.raises(UsageError, match=r"incident\.times"):
            session.incidents.told(one.id, "gdpr.authority", at=ahead)


def test_two_people_at_one_incident_lose_nothing(breach):
    """Whoever comes second is told."""
    with breach.archive.session(actor="owner") as session:
        one = opened(session)
        stale = session.incidents._open_one(one.id)
        session.incidents.add(one.id, "note", "first")
        with pytest.raises(Conflict, match=r"conflict\.version"):
            session.incidents._update(stale, {}, session.incidents._step("note", text="second"), None)


def test_the_tick_counts_clocks_and_a_late_one_raises_an_alert(breach):
    """Once for each clock, however often it runs."""
    with breach.archive.session(actor="owner") as session:
        one = opened(session)
        counts = session.tick(only=["incidents"])[0].counts
        assert (1, 0) == (counts["open"], counts["late"])
        assert counts["running"] >= 3
        assert not [alert for alert in session.alerts.run().raised if alert.rule == "I01"]
        breach.clock.now_us += 73 * HOUR
        assert 2 == session.tick(only=["incidents"])[0].counts["late"]
        raised = [alert for alert in session.alerts.run().raised if alert.rule == "I01"]
        assert {"gdpr.authority", "gdpr.persons"} == {alert.why["clock"] for alert in raised}
        assert {one.id} == {alert.why["incident"] for alert in raised}
        assert "gdpr.authority" in raised[0].text(session.alerts.rules, "zh") + raised[1].text(
            session.alerts.rules, "en"
        )
        assert not [alert for alert in session.alerts.run().raised if alert.rule == "I01"]


def test_a_drill_is_marked_wherever_it_shows(breach):
    """In the record, in every entry of it, and on every draft."""
    with breach.archive.session(actor="owner") as session:
        one = opened(session, drill=True)
        session.incidents.find(one.id, Scope(actors=("li.na",)))
        session.incidents.assess(one.id, risk="high")
        entries = session.entries(LogFilter(kinds=("incident.open", "incident.step")))
        assert {True} == {each.detail["target"]["drill"] for each in entries}
        assert session.incidents.notice(one.id, "persons", lang="en")["drill"]


def test_evidence_is_sealed_beside_the_incident(breach):
    """A file, with the entries that show it."""
    path = breach.folder / "mail.txt"
    path.write_text("taken last night")
    with breach.archive.session(actor="owner") as session:
        one = opened(session)
        made = session.incidents.add(one.id, "evidence", "a mail", entries=[20], evidence=path)
        session.read_file(one.id, "evidence", breach.folder / "again.txt")
    assert ("mail.txt", [20]) == (made.steps[-1]["file"], made.steps[-1]["entries"])
    assert "taken last night" == (breach.folder / "again.txt").read_text()
    sealed = b"".join(file.read_bytes() for file in (breach.folder / "archive").rglob("*") if file.is_file())
    assert b"taken last night" not in sealed


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("audience", ["authority", "persons"])
def test_a_notice_says_what_is_known_and_marks_what_is_not(breach, audience, lang):
    """Filling a gap in takes it away."""
    from muniment.incidents import notice_html, notice_markdown

    with breach.archive.session(actor="owner") as session:
        one = opened(session)
        before = session.incidents.notice(one.id, audience, lang=lang)
        session.incidents.find(one.id, Scope(actors=("li.na",)))
        session.incidents.assess(one.id, risk="high")
        for name in ("cause", "harm", "measures", "advice", "contact"):
            session.incidents.add(one.id, name, f"<b>{name}</b> & *more*")
        after = session.incidents.notice(one.id, audience, lang=lang)
        printed = session.entries(LogFilter(kinds=("record.print",)))
    assert after["gaps"] < before["gaps"]
    assert 2 == len(printed)
    page, text = notice_html(after), notice_markdown(after)
    assert "<b>" not in page
    assert "&lt;b&gt;harm&lt;/b&gt; &amp; *more*" in page
    assert "\\<b\\>harm" in text
    assert page.count('class="gap"') == after["gaps"]
    assert ("About 5 persons" in page if lang == "en" else "约 5 个主体" in page) == (audience == "authority")
    assert "Person 1" not in page


def test_the_record_type_is_number_18_for_ever():
    """And the numbers of its fields never move."""
    assert (18, "title", 1 << 31 | 18 << 8 | 1) == (
        INCIDENT.number,
        INCIDENT.fields[0].key,
        INCIDENT.fields[0].number,
    )


# By command


def run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, list(words), standalone_mode=False)
    return done.return_value or 0, done.output


def test_an_incident_by_command(by_command, tmp_path, monkeypatch):
    """From opening it to closing it; drafts and lists are files."""
    monkeypatch.setenv("MUNIMENT_ACTOR", "owner")
    code, out = run("incident", "open", "Taken", "--law", "gdpr", "--json")
    assert 0 == code
    (made,) = json.loads(out)["incidents"]
    id = made["id"]
    code, out = run("incident", "find", id, "--actor", "li.na", "--json")
    assert 1 == json.loads(out)["incidents"][0]["affected"]["subjects"]
    assert 0 == run("incident", "find", id, "--check")[0]
    assert 0 == run("incident", "assess", id, "--severity", "high", "--risk", "high")[0]
    assert 0 == run("incident", "add", id, "contain", "account disabled")[0]
    for name in ("notice.html", "notice.md", "notice.json"):
        words = ("incident", "notice", id, "authority", "--law", "gdpr", "--to", str(tmp_path / name))
        assert 0 == run(*words, "--lang", "zh")[0]
        assert (tmp_path / name).stat().st_size > 500
    words = ("incident", "notice", id, "authority", "--to", str(tmp_path / "notice.html"))
    assert 1 == app.main(list(words), standalone_mode=False)
    assert 0 == run("incident", "persons", id, "--to", str(tmp_path / "persons.csv"))[0]
    assert "Anna" in (tmp_path / "persons.csv").read_text(encoding="utf-8-sig")
    code, out = run("incident", "list")
    assert "gdpr.persons" in out
    for clock in ("gdpr.authority", "gdpr.persons"):
        assert 0 == run("incident", "notify", id, clock, "--to", "somebody")[0]
    assert 0 == run("incident", "close", id, "--text", "done")[0]
    code, out = run("incident", "show", id, "--lang", "zh")
    assert "已结案" in out


def test_laws_are_listed_without_an_archive(tmp_path, monkeypatch):
    """With their sources and how sure they are."""
    monkeypatch.chdir(tmp_path)
    _, out = run("incident", "laws", "--json")
    laws = {one["key"] for one in json.loads(out)["laws"]}
    assert {"gdpr", "pipl", "hipaa", "pci", "sec_8k"} <= laws


def test_a_drill_goes_from_end_to_end(tmp_path):
    """On an archive of its own, which verifies afterwards; its entries say that it is a drill."""
    code, out = run("incident", "drill", str(tmp_path / "drill"), "--json")
    assert 0 == code, out
    steps = json.loads(out)["drill"]["steps"]
    assert 8 == len(steps)
    assert {0} == {command["exit"] for step in steps for command in step["commands"]}
    assert {
        "authority-en.html",
        "authority-zh.html",
        "persons-en.html",
        "persons-zh.html",
        "persons.csv",
    } <= {path.name for path in (tmp_path / "drill").iterdir()}
