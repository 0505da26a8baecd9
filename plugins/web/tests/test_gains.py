"""Who gains and loses what, before it holds; a person's copy; generations of the log."""

from __future__ import annotations

import io
import re
import zipfile

import attrs
import pytest

from muniment import config
from muniment.session import Session
from muniment.store import LogFilter
from muniment.testing import log_entries, new_archive
from muniment_web.server.shifts import shifted
from muniment_web.testing import ANNA, Browser, give_password, new_web

PROVIDED = '\n[rights]\nprovided = ["customer.full_name", "customer.email"]\n'
ROLE = """
[roles.phone]
label = { en = "Phone desk", zh = "电话客服" }
actions = ["record.list", "record.read", "schema.read"]
"""


@pytest.fixture
def small(tmp_path):
    """An archive of this test's own, since its configuration changes."""
    with new_archive(tmp_path / "customers", templates=("customer-info",)) as archive:
        with archive.session(actor="owner") as session:
            session.create("user", {"login": "tom", "roles": ["reader"], "state": "active"})
        give_password(archive, "owner")
        yield archive


def signed(archive) -> Browser:
    """A browser of the owner."""
    return Browser.of(new_web(archive)).sign_in("owner")


def write(archive, text: str) -> None:
    """Add to the configuration file, and apply nothing."""
    path = archive.folder / config.FILE_NAME
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")


def test_other_roles_are_looked_at_before_they_hold(small):
    """What the person gains and loses, by table and field; looking changes nothing."""
    one = signed(small)
    page = one.post("/users/tom/change", {"do": "look", "role": ["auditor"], "note": "moved"}).text
    gains, losses = page.partition('class="chip red"')[::2]
    assert "log.read" in gains
    assert "sees masked" in gains
    assert "sees in clear" in losses
    assert ("reader",) == small.engine.definitions.users["tom"].roles
    same = one.post("/users/tom/change", {"do": "look", "role": ["reader"]}).text
    assert "Nobody gains or loses" in same
    one.post("/users/tom/change", {"do": "roles", "role": ["auditor"], "note": "moved"})
    assert ("auditor",) == small.engine.definitions.users["tom"].roles


def test_a_configuration_says_whom_it_changes_before_it_holds(small):
    """A role that somebody has loses an act in the file: the page names them, and nothing holds yet."""
    one = signed(small)
    write(small, ROLE)
    assert "Nobody gains or loses" in one.get("/config").text
    with small.session(actor="owner") as session:
        small.apply_config(session, reason="desk")
        session.create("user", {"login": "pia", "roles": ["phone"], "state": "active"})
    path = small.folder / config.FILE_NAME
    path.write_text(path.read_text(encoding="utf-8").replace('"record.read", ', ""), encoding="utf-8")
    page = one.get("/config").text
    losses = page.partition('class="chip red"')[2]
    assert "record.read" in losses
    assert ["pia"] == re.findall(r"<h3>\s*([\w.]+)\s", page)  # nobody else


def test_whom_fewer_records_are_left_is_said_to_lose_the_others(small):
    """A condition on rows takes every other record away: both are told, each list of conditions as one."""
    write(small, ROLE)
    with small.session(actor="owner") as session:
        small.apply_config(session, reason="desk")
        session.create("user", {"login": "pia", "roles": ["phone"], "state": "active"})
    rows = '[{ region = "north", status = "active" }, { city = "Kiel" }]'
    write(small, f"\n[roles.phone.type.customer]\nrows = {rows}\n")
    one = signed(small)
    gains, losses = one.get("/config").text.partition('class="shift"')[2].partition('class="chip red"')[::2]
    assert ["city=Kiel", "region=north &amp; status=active"] == re.findall(r"<code>([^<]*)</code>", gains)
    assert "every record" in losses


def test_rights_are_told_once_and_of_what_would_be_there(small):
    """Acts on records by table, others once; a role that is gone allows nothing, nor a table."""
    engine = small.engine
    people = {"a": (("reader",), ("auditor", "nosuch")), "b": (("reader",), ("reader",))}
    (one,) = shifted(engine, people, purpose="CustomerManagement")
    assert (("a",), ("reader",), ("auditor", "nosuch")) == (one.logins, one.before, one.after)
    assert ("does", "", "log.read") in one.gains
    told = {*one.gains, *one.losses}
    assert {"record"} == {name.partition(".")[0] for way, table, name in told if way == "does" and table}
    (gone,) = shifted(engine, {"b": people["b"]}, purpose="CustomerManagement", types={})
    assert (set(), {"customer"}) == (set(gone.gains), {table for _, table, _ in gone.losses})
    assert ("rows", "customer", "") in gone.losses
    assert [] == shifted(engine, {"b": people["b"]}, purpose="CustomerManagement")


def test_a_person_gets_a_copy_to_take_elsewhere(small):
    """Nothing is handed out before fields are named; then one file, as one disclosure."""
    with small.session(actor="owner") as session:
        anna = session.create("customer", ANNA).id
    one = signed(small)
    path = f"/t/customer/{anna}/portable"
    assert "[rights] provided" in one.get(path).text
    assert 422 == one.post(path, {"basis": "contract"}).status_code
    write(small, PROVIDED)
    with small.session(actor="owner") as session:
        small.apply_config(session, reason="rights")
    assert "E-mail" in one.get(path).text
    assert 422 == one.post(path, {"basis": "consent"}).status_code
    before = len(log_entries(small))
    answer = one.post(path, {"basis": "contract"})
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        text = packed.read("person.json").decode("utf-8")
    assert "anna@example.org" in text
    assert "Berlin" not in text
    assert "subject.export" in {entry.kind for entry in log_entries(small, start=before)}


def test_an_older_generation_of_the_log_is_chosen(small, monkeypatch):
    """The choice is there once there is more than one, and narrows the list."""
    one = signed(small)
    assert 'name="generation"' not in one.get("/log").text
    asked = []
    real = Session.log_page

    def listed(self, filter: LogFilter, **more):
        asked.append(more["generation"])
        return attrs.evolve(real(self, filter, **{**more, "generation": "all"}), generations=(0, 1))

    monkeypatch.setattr(Session, "log_page", listed)
    page = one.get("/log?generation=0").text
    assert '<option value="0" selected>' in page
    assert "Generation: 0" in page
    one.get("/log?generation=none")
    assert [0, "all"] == asked
