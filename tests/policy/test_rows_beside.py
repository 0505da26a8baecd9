"""Conditions on rows hold for what is kept beside records too: what came in, imports, merges, emergencies."""

from __future__ import annotations

from functools import partial

import attrs
import pytest
from click.testing import CliRunner

from muniment.alerts import Finding, Watch
from muniment.cli.app import app
from muniment.errors import AccessDenied, NotFound
from muniment.model import CLASSES, id_bytes
from muniment.policy import ACTIONS, BUILTIN_ROLES, Role, RowTest, TypeRule
from muniment.roles import beyond_rows
from muniment.schema.builtin import ALERT
from muniment.session.approval.tray import Edit
from muniment.session.writing.changes import Change
from muniment.session.writing.writes import write
from muniment.testing import assert_logged, log_entries, log_size
from muniment.testing.archives import key_file_of

CLEAR = dict.fromkeys(CLASSES, "clear")
KEEPER = Role(
    "keeper",
    {"en": "Keeper", "zh": "管理"},
    frozenset(ACTIONS) - {"break_glass.begin"},
    CLEAR,
    frozenset(CLASSES),
    rules={
        "customer": TypeRule(rows=((RowTest("account_owner", ("actor",)),),)),
        "interaction": TypeRule(rows=((RowTest("customer.account_owner", ("actor",)),),)),
    },
)
WHOLE = Role("whole", {}, KEEPER.actions, CLEAR, frozenset(CLASSES))
LETTER = (
    "From: {0}\r\nTo: shop@shop.example\r\nSubject: asked\r\nMessage-ID: <{1}@example.org>\r\n\r\nWhen?\r\n"
)


def refused(shop, act, code):
    """The act is refused as what is not there is, and that is in the log."""
    start = log_size(shop.archive)
    with pytest.raises(NotFound) as caught:
        act()
    assert code == caught.value.code
    (entry,) = log_entries(shop.archive, start=start)
    assert ("access.deny", code) == (entry.kind, entry.detail["code"])


def by_owner(shop):
    """A session of somebody whose roles reach everything."""
    return shop.archive.session(actor="owner", purpose="CustomerManagement")


# What came in


@pytest.fixture
def letters(shop):
    """Messages of Anna, of Bert, of both at once, and of nobody known; their identifiers, by whose."""
    with by_owner(shop) as session:
        for customer, name in ((shop.anna, "anna"), (shop.bert, "bert")):
            session.update(customer.id, {"email": f"{name}@example.org"})
        for name, sender in (("anna", "anna"), ("bert", "bert"), ("nobody", "someone")):
            letter = LETTER.format(f"{sender}@example.org", name)
            session.inbox.take([(name, letter.encode())])
        session.update(shop.anna.id, {"email": "both@example.org"})
        session.update(shop.bert.id, {"email": "both@example.org"})
        session.inbox.take([("both", LETTER.format("both@example.org", "both").encode())])
        found = session.inbox.listed()
        assert [1, 1, 0, 2] == [len(one.proposal.persons) for one in sorted(found, key=lambda one: one.id)]
        names = ("anna", "bert", "nobody", "both")
        return dict(zip(names, sorted(one.id for one in found), strict=True))


def test_a_message_of_somebody_out_of_reach_is_not_there(shop, letters, tmp_path):
    """Neither listed, opened, decided nor given out; nor one that may be somebody's out of reach."""
    with shop.acting("li", KEEPER) as session:
        assert {letters["anna"], letters["nobody"]} == {one.id for one in session.inbox.listed()}
        for name in ("bert", "both"):
            refused(shop, lambda name=name: session.inbox.get(letters[name]), "inbox.none")
            for act in (
                lambda name=name: session.inbox.original(letters[name], tmp_path / "out"),
                lambda name=name: session.inbox.accept(letters[name], person=shop.anna.id),
                lambda name=name: session.inbox.refuse(letters[name], reason="not ours"),
            ):
                refused(shop, act, "inbox.none")
    with by_owner(shop) as session:
        assert 4 == len(session.inbox.listed())


def test_a_message_of_ones_own_customer_is_read_and_accepted_whole(shop, letters, tmp_path):
    """Whose roles end at some rows gets its original, and accepting it leaves nothing half done."""
    with shop.acting("li", KEEPER) as session:
        session.inbox.original(letters["anna"], tmp_path / "out")
        assert b"When?" in (tmp_path / "out").read_bytes()
        made = session.inbox.accept(letters["anna"])
        assert session.get(made.id).fields["attachments"].name == "message.eml"
        assert "accepted" == session.inbox.get(letters["anna"]).state


def test_a_message_is_decided_as_far_as_the_right_to_decide_reaches(shop, letters):
    """Reading everything does not widen what a role that is limited may decide."""
    reading = attrs.evolve(WHOLE, key="reading", actions=frozenset({"inbox.read", "record.read"}))
    with shop.acting("li", KEEPER, reading) as session:
        assert letters["bert"] == session.inbox.get(letters["bert"]).id
        refused(shop, lambda: session.inbox.refuse(letters["bert"], reason="not ours"), "inbox.none")
        assert session.inbox.refuse(letters["anna"], reason="of no use").written


# Imports


def imported(session, tmp_path, number):
    """An import of one customer; gives its identifier."""
    path = tmp_path / f"rows {number}.csv"
    path.write_text(f"customer_number,full_name\n{number},Person {number}\n", encoding="utf-8")
    return session.import_file("customer", path).id


def test_an_import_is_its_makers_and_theirs_who_reach_all_of_its_type(shop, tmp_path):
    """Others neither list nor undo it: before, it was marked as undone and its maker could not any more."""
    with shop.acting("wu", KEEPER) as session:
        foreign = imported(session, tmp_path, "C-8")
    with shop.acting("li", KEEPER) as session:
        own = [imported(session, tmp_path, f"C-9{n}") for n in range(3)]
        first = session.imports(limit=2)
        assert own[:0:-1] == [one.id for one in first]
        assert {"rows C-92.csv", "rows C-91.csv"} == {one.fields["file_name"] for one in first}
        rest = session.imports(limit=2, after=first.after)
        assert ([own[0]], None) == ([one.id for one in rest], rest.after)
        refused(shop, lambda: session.revert_import(foreign), "record.not_found")
        with pytest.raises(NotFound):
            session.get(foreign)
        assert 1 == session.revert_import(own[0]).deleted
    with shop.acting("wu", KEEPER) as session:
        assert 1 == session.revert_import(foreign).deleted
    with shop.acting("li", KEEPER, WHOLE) as session:
        assert {foreign, *own} == {one.id for one in session.imports()}
        assert 1 == session.revert_import(own[1]).deleted


def test_the_list_of_ones_imports_is_written_down(shop, tmp_path):
    """Its entry names the imports that are given out, and no others."""
    with shop.acting("wu", KEEPER) as session:
        imported(session, tmp_path, "C-8")
    with shop.acting("li", KEEPER) as session:
        own, start = imported(session, tmp_path, "C-9"), log_size(shop.archive)
        session.imports()
        (entry,) = log_entries(shop.archive, start=start)
        assert ("import.list", [own]) == (entry.kind, [line["id"] for line in entry.lines])


def test_what_an_import_did_is_written_by_imports_alone(shop, tmp_path):
    """Nobody who may import marks one as undone, or writes other counts into it, by hand."""
    with shop.acting("li", WHOLE) as session:
        own = imported(session, tmp_path, "C-9")
        for values in ({"state": "reverted"}, {"created": 9}):
            with pytest.raises(AccessDenied) as caught:
                session.update(own, values)
            assert "access.guarded" == caught.value.code


# Merges


def test_a_merge_of_records_out_of_reach_is_not_there(shop):
    """It is neither listed nor undone, and answers as one that there is not."""
    with by_owner(shop) as session:
        owner = session.get(shop.bert.id).fields["account_owner"]
        values = {"full_name": "Bert Blau", "account_owner": owner}
        pairs = []
        for account_owner in (owner, shop.li):
            twice = [
                session.create(
                    "customer",
                    {**values, "account_owner": account_owner, "customer_number": f"{account_owner}{n}"},
                ).id
                for n in range(2)
            ]
            pairs.append(session.cleaning.links.merge(*twice, reason="the same").id)
    with shop.acting("li", KEEPER) as session:
        links = session.cleaning.links
        assert [pairs[1]] == [one.id for one in links.list()]
        refused(shop, lambda: links.undo(pairs[0], reason="no"), "link.unknown")
        assert pairs[1] == links.undo(pairs[1], reason="not the same").id
    with by_owner(shop) as session:
        assert [pairs[0]] == [one.id for one in session.cleaning.links.list()]


# Emergencies


def test_an_emergency_is_reviewed_as_far_as_the_rows_reach(shop):
    """Its reason tells of a person: whose roles do not reach that person neither read nor review it."""
    with by_owner(shop) as session:
        ours = session.emergencies.begin(shop.anna.id, reason="found unconscious").id
        foreign = session.emergencies.begin(shop.bert.id, reason="asked for by phone").id
    with shop.acting("li", KEEPER) as session:
        emergencies = session.emergencies
        assert [ours] == [one.id for one in emergencies.list()]
        assert "found unconscious" == emergencies.get(ours).reason
        refused(shop, lambda: emergencies.get(foreign), "record.not_found")
        refused(shop, lambda: emergencies.review(foreign, finding="fine"), "record.not_found")
        emergencies.review(ours, finding="was needed")
        assert [ours] == [one.id for one in emergencies.list(reviewed=True)]
    with by_owner(shop) as session:
        session.emergencies.end(foreign)
        assert ["ended"] == [one.state for one in session.emergencies.list()]


def test_what_waits_is_counted_as_the_lists_show_it(shop, letters, alerts):
    """Emergencies, messages and alerts out of reach add to no number, and counting releases nothing."""
    with by_owner(shop) as session:
        for customer in (shop.anna, shop.bert, shop.bert):
            session.emergencies.begin(customer.id, reason="asked for by phone")
        ended = session.emergencies.begin(shop.anna.id, reason="asked for by phone").id
        session.emergencies.end(ended)
    with shop.acting("li", KEEPER) as session:
        areas = ((session.emergencies, session.emergencies.list), (session.inbox, session.inbox.listed),
                 (session.alerts, session.alerts.list))  # fmt: skip
        for area, listed in areas:
            assert 2 == area.waiting({}) == len(listed())
        start = log_size(shop.archive)
        known = {}
        assert 2 == session.emergencies.waiting(known)
        assert 4 == len(known)
        assert start == log_size(shop.archive)
        session.emergencies.review(ended, finding="was needed")
        session.inbox.refuse(letters["anna"], reason="of no use")
        session.alerts.close(alerts["anna"], "explained", reason="was asked")
        for area, listed in areas:
            assert 1 == area.waiting({}) == len(listed())
        assert 1 == session.emergencies.waiting(known)
    with shop.acting("li", WHOLE) as session:
        assert [3, 3, 2] == [one.waiting({}) for one in (session.emergencies, session.inbox, session.alerts)]


# What is typed


def test_a_tray_takes_what_its_owner_reaches(shop):
    """Nothing is typed into a record out of reach, nor further into one that went out of reach since."""
    with by_owner(shop) as session:
        owner = session.get(shop.bert.id).fields["account_owner"]
    with shop.acting("li", KEEPER) as session:
        tray = session.drafts.tray("customer")
        for values in ({"city": "Ulm"}, {"nonsense": "x"}, {}):
            edit = Edit(shop.bert.id, values)
            refused(shop, lambda edit=edit: tray.keep([edit]), "record.not_found")
        assert [shop.anna.id] == tray.keep([Edit(shop.anna.id, {"city": "Ulm"})])
        with by_owner(shop) as whole:
            whole.update(shop.anna.id, {"account_owner": owner})
        refused(shop, lambda: tray.keep([Edit(shop.anna.id, {"city": "Bonn"})]), "record.not_found")
    with shop.acting("li", WHOLE) as session:
        tray = session.drafts.tray("customer")
        refused(shop, lambda: tray.keep([Edit(shop.call.id, {})]), "record.not_found")
        with assert_logged(shop.archive, "draft.read"):
            assert [shop.anna.id] == list(tray.problems())


# Alerts


@pytest.fixture
def alerts(shop):
    """An alert about Anna, one about Bert, and one about nobody; their identifiers, by whose."""
    found = {}
    with by_owner(shop) as session:
        for name, subject in (("anna", shop.anna), ("bert", shop.bert), ("nobody", None)):
            values = {
                "rule": "A22", "severity": "critical", "state": "open", "grade": "open-critical",
                "actor": "wu", "last": 3, "generation": 0, "entries": '["0:3"]', "why": '{"age":16}',
                "key": name,
            }  # fmt: skip
            about = None if subject is None else id_bytes(subject.subject)
            change = Change(
                "create", ALERT.key, values=values, subject=about, kind="alert.raise", inside=True
            )
            (found[name],) = (one.id for one in write(session.engine, session.acting, [change]))
    return found


def test_an_alert_about_somebody_out_of_reach_is_not_there(shop, alerts):
    """Neither listed, in any order or state, nor shown, nor closed; about nobody: as the role says."""
    with shop.acting("li", KEEPER) as session:
        mine = {alerts["anna"], alerts["nobody"]}
        for gravest in (False, True):
            for states in (("open",), ("open", "explained"), ()):
                assert mine == {one.id for one in session.alerts.list(states=states, gravest=gravest)}
        first = session.alerts.list(limit=1)
        rest = session.alerts.list(limit=1, after=first.after)
        assert [alerts["nobody"], alerts["anna"]] == [one.id for one in (*first, *rest)]
        assert rest.after is None
        for act in (
            lambda: session.alerts.get(alerts["bert"]),
            lambda: session.alerts.close(alerts["bert"], "explained", reason="was asked"),
        ):
            refused(shop, act, "alert.none")
        for act in (session.get, session.history, session.accesses):
            with pytest.raises(NotFound):
                act(alerts["bert"])
        session.alerts.close(alerts["anna"], "explained", reason="was asked")
    with by_owner(shop) as session:
        assert {alerts["bert"], alerts["nobody"]} == {one.id for one in session.alerts.list()}
        assert [alerts["anna"]] == [
            one.id for one in session.alerts.list(states=("explained",), gravest=True)
        ]


def test_an_alert_out_of_reach_is_counted_nowhere(shop, alerts):
    """The entry of a list counts what was given out."""
    with shop.acting("li", KEEPER) as session:
        start = log_size(shop.archive)
        session.alerts.list()
        (entry,) = log_entries(shop.archive, start=start)
        assert ("alert.read", 2) == (entry.kind, entry.detail["count"])


def test_an_alert_is_closed_as_far_as_the_right_to_close_reaches(shop, alerts):
    """Reading all of them does not widen what a role that is limited may close."""
    reading = attrs.evolve(WHOLE, key="reading", actions=frozenset({"alert.read", "record.read"}))
    with shop.acting("li", KEEPER, reading) as session:
        assert set(alerts.values()) == {one.id for one in session.alerts.list()}
        assert "A22" == session.alerts.get(alerts["bert"]).rule
        refused(shop, lambda: session.alerts.close(alerts["bert"], "explained", reason="no"), "alert.none")
        session.alerts.close(alerts["anna"], "violation", reason="was not asked")


def test_a_run_tells_of_the_alerts_within_reach_alone(shop, monkeypatch):
    """What it raised about others is there for those who reach them."""
    subjects = [id_bytes(one.subject).hex() for one in (shop.anna, shop.bert)]
    found = [Finding("A22", "low", "wu", (n,), {"age": 16}, one) for n, one in enumerate(subjects)]
    monkeypatch.setattr(Watch, "tick", lambda self, now_us: iter(found))
    with shop.acting("li", KEEPER) as session:
        assert [shop.anna.subject] == [one.subject for one in session.alerts.run().raised]
    with by_owner(shop) as session:
        assert {shop.anna.subject, shop.bert.subject} == {one.subject for one in session.alerts.list()}


RULES = """
[roles.keeper]
label = { en = "Keeper", zh = "管理" }
actions = ["alert.read", "alert.review", "record.read", "record.list"]
read = { public = "clear", internal = "clear", personal = "clear" }
[roles.keeper.type.customer]
rows = { account_owner = "actor" }
"""


def command(folder, login, *words, code=0):
    """What a command says, run by somebody."""
    given = {
        "MUNIMENT_ARCHIVE": str(folder), "MUNIMENT_KEY": str(key_file_of(folder)),
        "MUNIMENT_PURPOSE": "CustomerManagement", "MUNIMENT_ACTOR": login, "LANG": "C.UTF-8",
    }  # fmt: skip
    done = CliRunner().invoke(app, words, env=given)
    assert code == done.exit_code, done.output
    return done.output


def test_the_command_knows_no_alert_out_of_reach(shop, alerts):
    """It lists, shows and closes what is about one's own customers, and answers for the rest as for none."""
    path = shop.archive.folder / "muniment.toml"
    path.write_text(path.read_text(encoding="utf-8") + RULES, encoding="utf-8")
    with by_owner(shop) as session:
        shop.archive.apply_config(session, reason="keepers")
        session.update(shop.li, {"roles": ["keeper"]})
    shop.archive.close()
    run = partial(command, shop.archive.folder, "li")
    listed = run("alert", "list", "--json")
    assert alerts["anna"] in listed
    assert alerts["nobody"] in listed
    assert alerts["bert"] not in listed
    closing = ("--as", "explained", "--reason", "was asked")
    missing = "00000000-0000-7000-8000-000000000000"
    for words, more in ((("alert", "show"), ()), (("alert", "close"), closing)):
        hidden, none = (run(*words, one, *more, "--json", code=1) for one in (alerts["bert"], missing))
        assert hidden.replace(alerts["bert"], missing) == none
    run("alert", "close", alerts["anna"], *closing)
    assert alerts["anna"] not in run("alert", "list", "--json")


def test_a_role_that_ends_at_rows_and_reads_the_log_is_named(shop):
    """By the command that looks at it, that puts it into force, and that shows it; others are not."""
    path = shop.archive.folder / "muniment.toml"
    reading = RULES.replace('"alert.review"', '"log.read"').replace("roles.keeper", "roles.teller")
    book = RULES.replace("roles.keeper", "roles.clerk").replace('"alert.review"', '"erasure.read"')
    path.write_text(path.read_text(encoding="utf-8") + RULES + reading + book, encoding="utf-8")
    shop.archive.close()
    run = partial(command, shop.archive.folder, "owner")
    for words in (("config", "diff"), ("config", "diff", "--json"), ("config", "apply", "--reason", "roles")):
        said = run(*words)
        assert "The role teller ends" in said
        assert "The role clerk ends" in said
        assert "The role keeper ends" not in said
    assert "角色 teller 仅限" in run("--lang", "zh", "role", "show", "teller")
    assert "角色" not in run("--lang", "zh", "role", "show", "keeper", "--json").partition("{")[0]
    assert () == beyond_rows(BUILTIN_ROLES.values())
