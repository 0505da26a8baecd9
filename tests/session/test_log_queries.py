"""Saved queries of the log: what they find, for whom, and that they tell nothing to others."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.codec import canonical
from muniment.errors import AccessDenied, Conflict, NotFound, UsageError
from muniment.log.kinds import KINDS
from muniment.model import id_text
from muniment.session import Change
from muniment.session.oversight import log_queries
from muniment.session.oversight.log_queries import LogQuery, query_from_document
from muniment.testing import assert_logged, assert_no_plaintext, log_entries, log_size, open_again


@pytest.fixture
def people(archive, session):
    """An auditor, a second one, and a reader."""
    for login, role in (("ada", "auditor"), ("ben", "auditor"), ("rea", "reader")):
        values = {"login": login, "roles": [role], "state": "active"}
        session.write([Change("create", "user", values=values)])
    return {login: archive.session(actor=login, purpose="Audit") for login in ("ada", "ben", "rea")}


def kinds_found(session, name):
    """The kinds of the entries that a query finds."""
    return [one.kind for one in session.log_queries.run(name)[1].entries]


def test_a_query_is_kept_run_changed_and_removed(archive, people):
    """It finds what the filter finds; the reading names it; of a name there is one."""
    ada = people["ada"]
    saved = ada.log_queries.save("users added", LogQuery(kinds=("user.add",), actor="owner"))
    assert {"user.add"} == set(kinds_found(ada, "Users Added"))
    newest = log_entries(archive)[-1]
    assert "log.read" == newest.kind
    assert saved.id == newest.detail["target"]["query"]
    again = ada.log_queries.save("users added", LogQuery(kinds=("user.disable",)))
    assert (saved.id, 2) == (again.id, again.version)
    assert [] == kinds_found(ada, saved.id)
    ada.log_queries.remove("users added")
    assert [] == list(ada.log_queries.list())
    assert_logged(archive, "view.remove", actor="ada")
    with pytest.raises(NotFound, match=r"query\.unknown"):
        ada.log_queries.run(saved.id)


def test_one_s_own_query_is_nobody_else_s(archive, people):
    """Another auditor neither sees, runs nor removes it, and may use the name; whoever may share shares."""
    saved = people["ada"].log_queries.save("mine", LogQuery(actor="ben"))
    for name in ("mine", saved.id):
        with pytest.raises(NotFound, match=r"query\.unknown"):
            people["ben"].log_queries.remove(name)
    people["ben"].log_queries.save("mine", LogQuery(actor="ada"))
    assert "ben" == people["ada"].log_queries.get("mine").query.actor
    with pytest.raises(AccessDenied, match=r"access\.action"):
        people["ada"].log_queries.save("ours", LogQuery(days=7), audience="everyone")
    with archive.session(actor="owner") as owner:
        owner.log_queries.save("ours", LogQuery(days=7), audience="everyone")
        owner.log_queries.save("auditors", LogQuery(days=1), audience="role", roles=["auditor"])
        owner.log_queries.save("editors", LogQuery(days=1), audience="role", roles=["editor"])
    assert ["mine", "auditors", "ours"] == [one.name for one in people["ada"].log_queries.list()]
    with pytest.raises(AccessDenied, match=r"access\.action"):
        people["ada"].log_queries.remove("ours")


def test_whoever_may_not_read_the_log_has_no_queries(people):
    """Not to list, run or save one: each refusal is logged as such."""
    queries = people["rea"].log_queries
    for act in (queries.list, lambda: queries.run("x"), lambda: queries.save("x", LogQuery(days=1))):
        with pytest.raises(AccessDenied, match=r"access\.action"):
            act()


def test_what_is_nobody_s_to_ask_is_refused_in_the_log(archive, people):
    """A query of somebody else's is asked for in vain, and an auditor sees that it was."""
    saved = people["ada"].log_queries.save("mine", LogQuery(actor="ben"))
    for name in ("mine", saved.id):
        start = log_size(archive)
        with pytest.raises(NotFound, match=r"query\.unknown"):
            people["ben"].log_queries.run(name)
        (entry,) = log_entries(archive, start=start)
        assert ("access.deny", "query.unknown") == (entry.kind, entry.detail["code"])
        assert "mine" not in str(entry.detail)


def test_of_two_who_change_a_query_at_once_one_is_told(archive, monkeypatch):
    """What everybody runs is not overwritten by somebody who saw another one."""
    with archive.session(actor="owner") as owner:
        owner.log_queries.save("ours", LogQuery(days=7), audience="everyone")
        writing = log_queries.write

        def late(*given, **more):
            monkeypatch.undo()
            owner.log_queries.save("ours", LogQuery(days=8), audience="everyone")
            return writing(*given, **more)

        monkeypatch.setattr(log_queries, "write", late)
        with pytest.raises(Conflict, match=r"conflict\.version"):
            owner.log_queries.save("ours", LogQuery(days=9), audience="everyone")
        assert 8 == owner.log_queries.get("ours").query.days


def test_each_condition_of_a_query_narrows_what_it_finds(archive, session, people):
    """None is kept and then forgotten when it is run."""
    anna, bert = (
        session.create("customer", {"full_name": name, "city": "Ulm"}).id for name in ("Anna", "Bert")
    )
    for record in (anna, bert):
        session.get(record, fields=["city"] if record == anna else ["full_name"])
    found = {}
    for name, query in {
        "about": LogQuery(about=anna, kinds=("record.read",)),
        "field": LogQuery(field="customer.city", kinds=("record.read",)),
        "other": LogQuery(about=bert, kinds=("record.read",)),
        "nobody": LogQuery(actor="ben", kinds=("record.read",)),
        "program": LogQuery(program="api", kinds=("record.read",)),
        "role": LogQuery(role="reader", kinds=("record.read",)),
        "auth": LogQuery(auth="passkey", kinds=("record.read",)),
        "class": LogQuery(sensitivity="restricted", kinds=("record.read",)),
        "purpose": LogQuery(purpose="Marketing", kinds=("record.read",)),
        "outcome": LogQuery(outcome="denied", kinds=("record.read",)),
        "type": LogQuery(type="user", kinds=("record.read",)),
        "op": LogQuery(op="0" * 32, kinds=("record.read",)),
        "until": LogQuery(until_us=1, kinds=("record.read",)),
        "all": LogQuery(kinds=("record.read",)),
    }.items():
        people["ada"].log_queries.save(name, query)
        entries = people["ada"].log_queries.run(name)[1].entries
        found[name] = {record["id"] for one in entries for record in one.records}
    assert {anna, bert} == found.pop("all")
    assert ({anna}, {anna}, {bert}) == (found.pop("about"), found.pop("field"), found.pop("other"))
    assert {frozenset()} == set(map(frozenset, found.values()))


def test_whom_a_query_is_about_stands_nowhere_in_clear(archive, people):
    """Neither its name nor what it asks for is in any file of the archive."""
    people["ada"].log_queries.save("Whistleblower Q", LogQuery(purpose="HonestlySecretWord"))
    assert_no_plaintext(archive.folder, ["Whistleblower Q", "whistleblower q", "HonestlySecretWord"])
    with open_again(archive.folder) as again, again.session(actor="ada", purpose="Audit") as session:
        assert "HonestlySecretWord" == session.log_queries.get("Whistleblower Q").query.purpose


def test_the_last_days_are_counted_from_when_it_is_run(archive, people):
    """A query of the last days moves with time; one of fixed days does not."""
    query = LogQuery(days=7)
    day = 86_400_000_000
    assert 3 * day == query.filters(10 * day).since_us
    assert 5 * day == query.filters(12 * day).since_us
    assert 0 == query.filters(day).since_us
    assert kinds_found(people["ada"], people["ada"].log_queries.save("week", query).id)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        (LogQuery(), "query.empty"),
        (LogQuery(kinds=("record.peek",)), "query.value"),
        (LogQuery(outcome="maybe"), "query.value"),
        (LogQuery(days=0), "query.value"),
        (LogQuery(days=7, since_us=1), "query.value"),
        (LogQuery(until_us=-1), "query.value"),
        (LogQuery(about="nobody"), "usage.identifier"),
    ],
)
def test_what_cannot_be_run_is_not_kept(people, query, code):
    """It would fail at every run, or narrow nothing."""
    with pytest.raises(UsageError, match=re.escape(code)):
        people["ada"].log_queries.save("x", query)


@pytest.mark.parametrize("name", ["", " x", "x" * 101, "a\nb"])
def test_a_name_is_one_line(people, name):
    """It stands on a tab."""
    with pytest.raises(UsageError, match=r"query\.name"):
        people["ada"].log_queries.save(name, LogQuery(days=1))


@given(
    st.builds(
        LogQuery,
        kinds=st.lists(st.sampled_from(sorted(KINDS)), unique=True).map(tuple),
        actor=st.text(),
        about=st.binary(min_size=16, max_size=16).map(id_text),
        field=st.text(),
        until_us=st.none() | st.integers(0, 2**53 - 1),
        days=st.none() | st.integers(1, 36_600),
    )
)
def test_a_query_survives_being_kept(query):
    """What is kept is what was asked."""
    kept = json.loads(canonical(query.document()))
    assert query == query_from_document(kept)
