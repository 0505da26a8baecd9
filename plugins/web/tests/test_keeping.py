"""Views, the change tray, approvals, holds, consents and erasing on the pages."""

from __future__ import annotations

import json
import re
from html import unescape

import pytest
import tomlkit

from muniment import config
from muniment.archive.editing import edit_configuration
from muniment.model import id_text
from muniment.schema import ListView
from muniment.schema.template_roles import fitted_role
from muniment.testing import log_entries, new_archive
from muniment_web.frame import call
from muniment_web.testing import ANNA, Browser, give_password, new_web


def test_a_view_is_saved_and_chosen(made, signed, anna):
    """What the table shows is kept under a name, as a tab of one's own."""
    with made.session(actor="owner") as session:
        session.update(anna, {"city": "Ulm"}, reason="moved")
    one = signed("li.na")
    form = {"ff": "city", "fs": "=", "fv": "Ulm", "do": "save", "name": "Nearby", "group": "status"}
    page = one.post("/t/customer", form)
    assert "view=Nearby" in page.text
    shown = one.get("/t/customer?view=Nearby")
    assert anna in shown.text
    assert 'class="grp"' in shown.text
    # What the view leaves out is said, and is not taken away by a cross: it belongs to the view.
    told = shown.text.partition('class="fchip held"')[2].partition("</span>")[0]
    assert "City = Ulm" in told
    assert "fchip held" not in one.get("/t/customer").text
    assert "view=Nearby" not in signed("owner").get("/t/customer").text
    assert 404 == one.get("/t/customer?view=nothing").status_code


def test_a_view_is_renamed_locked_and_removed(made, signed, anna):
    """Its owner renames and removes it; a shared one is locked by whoever may, and then left alone."""
    one = signed("li.na")
    one.post("/t/customer", {"do": "save", "name": "Mine", "ff": "city", "fs": "=", "fv": "Berlin"})
    renamed = one.post("/t/customer", {"do": "rename", "view": "Mine", "rename": "Ours"})
    assert "view=Ours" in str(renamed.url)
    assert "view=Mine" not in renamed.text
    assert "The view was removed" in one.post("/t/customer", {"do": "unview", "view": "Ours"}).text
    assert 404 == one.get("/t/customer?view=Ours").status_code
    with made.session(actor="owner") as session:
        shared = ListView(key="Everybody", type="customer", columns=("full_name", "city"))
        session.views.save(shared, audience="everyone")
    owner = signed("owner")
    assert 'value="lock"' in owner.get("/t/customer?view=Everybody").text
    owner.post("/t/customer", {"do": "lock", "view": "Everybody"})
    assert 'value="unlock"' in owner.get("/t/customer?view=Everybody").text
    assert 'value="unview"' not in one.get("/t/customer?view=Everybody").text
    assert 403 == one.post("/t/customer", {"do": "unview", "view": "Everybody"}).status_code
    owner.post("/t/customer", {"do": "unview", "view": "Everybody"})


def keep(one, edits, **more):
    """What the page's script sends when cells were typed into."""
    form = {"do": "keep", "edits": json.dumps(edits), **more}
    return one.post("/t/customer/tray", form, headers={"HX-Request": "true"})


@pytest.fixture
def tray(signed):
    """Somebody's browser with an empty tray."""

    def begin(login: str = "li.na"):
        one = signed(login)
        one.post("/t/customer/tray", {"do": "discard"})
        return one

    return begin


def test_the_change_tray_waits_on_the_server_and_saves_together(made, signed, tray, anna, logged):
    """Cells wait sealed, also for another browser; saving writes them as one set with one reason."""
    with made.session(actor="owner") as session:
        other = session.create("customer", {"full_name": "Other", "customer_number": f"T-{anna}"}).id
    one = tray()
    rows = [{"id": name, "version": 1, "fields": {"city": "Bonn"}} for name in (anna, other)]
    kept = keep(one, rows)
    assert "cells 2, records 2" in kept.text
    assert "Berlin" in kept.text  # what it replaces stands beside it
    again = signed("li.na").get("/t/customer/tray").text
    assert "cells 2, records 2" in again
    assert 'data-held="2"' in one.get("/t/customer").text
    without = one.post("/t/customer/tray", {"do": "save"})
    assert 422 == without.status_code
    assert "reason" in without.text
    with made.session(actor="owner") as session:
        assert "Berlin" == session.get(anna).fields["city"]
    saved = one.post("/t/customer/tray", {"do": "save", "why": "request"})
    assert "Records saved: 2" in saved.text
    with made.session(actor="owner") as session:
        assert ["Bonn", "Bonn"] == [session.get(one).fields["city"] for one in (anna, other)]
    written = [entry for entry in logged() if entry.kind == "record.update"]
    assert 1 == len({entry.detail["op"] for entry in written})
    assert 'data-held="0"' in one.get("/t/customer").text


def test_every_cell_that_is_refused_says_so_at_once(made, tray, anna):
    """Two fields of one record are refused together, beside their cells, and nothing is saved."""
    one = tray()
    keep(one, [{"id": anna, "version": 1, "fields": {"email": "none", "full_name": "", "city": "Ulm"}}])
    refused = one.post("/t/customer/tray", {"do": "save", "why": "request"})
    assert 422 == refused.status_code
    assert 2 == refused.text.count('class="bad"')
    assert "Nothing was saved" in refused.text
    one.post("/t/customer/tray", {"do": f"drop:{anna}/email"})
    left = one.post("/t/customer/tray", {"do": f"drop:{anna}/full_name"}).text
    assert "cells 1, records 1" in left
    assert "Records saved: 1" in one.post("/t/customer/tray", {"do": "save", "why": "request"}).text


def test_what_would_be_refused_stands_first(made, signed, tray, anna):
    """Below many rows that are well nobody would find the one that is not."""
    with made.session(actor="owner") as session:
        others = [
            session.create("customer", {"full_name": "Other", "customer_number": f"F{at}-{anna}"}).id
            for at in range(3)
        ]
    one = tray()
    rows = [*others[:2], anna, others[2]]
    edits = [{"id": name, "version": 1, "fields": {"city": "Bonn"}} for name in rows]
    edits[2]["fields"]["email"] = "none"
    kept = keep(one, edits, check="1")
    order = list(dict.fromkeys(re.findall(r'<tr data-id="([^"]+)"', kept.text)))
    assert (anna, set(others)) == (order[0], set(order[1:]))
    assert anna != re.findall(r'<tr data-id="([^"]+)"', keep(one, []).text)[0]


@pytest.fixture
def sales(tmp_path):
    """An archive with a customer, an account manager and whoever supervises them."""
    with new_archive(tmp_path / "sales", templates=("account-manager",)) as archive:
        with archive.session(actor="owner") as session:
            types = archive.engine.definitions.types

            def edit(document):
                table = document.setdefault("roles", tomlkit.table(is_super_table=True))
                for key in ("sales_supervisor", "account_manager"):
                    table[key] = fitted_role(key, types)

            edit_configuration(archive, session, edit, reason="roles")
        with archive.session(actor="owner") as session:
            for login, role in (("chen", "sales_supervisor"), ("li.na", "account_manager")):
                session.create("user", {"login": login, "roles": [role], "state": "active"})
        with archive.session(actor="owner") as session:
            owner = id_text(archive.engine.definitions.users["li.na"].record)
            anna = session.create("customer", {"full_name": "Anna Schmidt", "account_owner": owner}).id
        yield archive, anna


def test_a_supervisor_picks_whose_customer_it_is(sales):
    """Colleagues are found by login, as one types and where one is pasted; nothing else of them is shown."""
    archive, anna = sales
    web = new_web(archive)
    for login in ("chen", "li.na"):
        give_password(archive, login)
    one, other = (Browser.of(web).sign_in(login) for login in ("chen", "li.na"))
    found = one.post("/choose/user", {"q": "li"}).json()["found"]
    assert [("li.na", "li.na")] == [(each["label"], each["hint"]) for each in found]
    assert ["li.na"] == [each["label"] for each in other.post("/choose/user", {"q": ""}).json()["found"]]
    assert 403 == one.get("/users").status_code
    chen = id_text(archive.engine.definitions.users["chen"].record)
    kept = keep(one, [{"id": anna, "version": 1, "fields": {"account_owner": "chen"}}], check="1")
    assert f'"{chen}"' in unescape(kept.text)
    assert 'class="bad"' not in kept.text


def test_a_name_that_may_not_be_looked_for_costs_no_other_cell(sales):
    """A pasted block waits whole: that cell is refused in it, and one refusal is in the log, not one each."""
    archive, anna = sales
    give_password(archive, "li.na")
    one = Browser.of(new_web(archive)).sign_in("li.na")
    with archive.session(actor="owner") as session:
        owner = id_text(archive.engine.definitions.users["li.na"].record)
        more = [
            session.create("customer", {"full_name": f"C{at}", "account_owner": owner}).id for at in (1, 2)
        ]
    before = len(log_entries(archive))
    fields = {"city": "Bonn", "account_owner": "chen"}
    edits = [{"id": name, "version": 1, "fields": fields} for name in (anna, *more)]
    edits[2]["fields"] = {"city": "Bonn", "account_owner": "li.na"}
    kept = keep(one, edits, check="1")
    assert 200 == kept.status_code
    assert "cells 6, records 3" in kept.text
    assert 2 == kept.text.count('class="bad"')
    denied = [entry for entry in log_entries(archive)[before:] if entry.kind == "access.deny"]
    assert 1 == len(denied)


def test_whoever_saved_first_stands_beside_it(made, tray, anna):
    """What was there, what is there now and what was typed, side by side; then one of two ways out."""
    one = tray()
    keep(one, [{"id": anna, "version": 1, "fields": {"city": "Ulm"}}])
    with made.session(actor="owner") as session:
        session.update(anna, {"city": "Kiel"}, reason="first")
    moved = one.post("/t/customer/tray", {"do": "save", "why": "request"})
    assert 409 == moved.status_code
    assert all(text in moved.text for text in ("Berlin", "Kiel", "Ulm", f"over:{anna}"))
    assert "somebody else saved some of these records" in moved.text
    assert "draft" not in moved.text
    one.post("/t/customer/tray", {"do": f"over:{anna}"})
    assert "Records saved: 1" in one.post("/t/customer/tray", {"do": "save", "why": "request"}).text
    with made.session(actor="owner") as session:
        assert "Ulm" == session.get(anna).fields["city"]


@pytest.mark.parametrize(
    "wrong", ["x", "{}", "[1]", '[{"id": 1}]', '[{"id": "x", "version": 1, "fields": {}}]',
              '[{"id": "x", "fields": {"city": {"a": 1}}}]', "[" * 3000]
)  # fmt: skip
def test_a_tray_takes_no_nonsense(tray, wrong):
    """What no page of ours sends is refused, without a failure of ours."""
    answer = tray().post("/t/customer/tray", {"do": "keep", "edits": wrong})
    assert 400 <= answer.status_code < 500


def test_a_tray_is_for_those_who_may_write(signed, anna, tray):
    """A reader has none, a field that one may not write is refused, and nobody sees another's."""
    assert 403 == keep(signed("tom"), [{"id": anna, "version": 1, "fields": {"city": "X"}}]).status_code
    assert 403 == signed("tom").get("/t/customer/tray").status_code
    one = tray()
    keep(one, [{"id": anna, "version": 1, "fields": {"city": "Secretville"}}])
    assert "Secretville" not in tray("owner").get("/t/customer/tray").text
    assert 404 == keep(one, [{"id": anna, "version": 1, "fields": {"nothing": "X"}}]).status_code


def test_a_person_is_held_and_then_not_erased(signed, made, logged):
    """A hold stops erasing; once it is released the person goes, with a certificate."""
    one = signed("owner")
    with made.session(actor="owner") as session:
        person = session.create("customer", {**ANNA, "customer_number": f"H-{len(logged())}{id(one)}"}).id
    path = f"/t/customer/{person}"
    held = one.post(f"{path}/hold", {"matter": "case 7"})
    assert "The hold is in force" in held.text
    refused = one.post(f"{path}/erase", {"what": "subject", "why": "request"})
    assert refused.status_code in (403, 409)
    page = one.get("/holds")
    assert "case 7" in page.text
    hold = re.search(r"/holds/([0-9a-f-]{36})/release", page.text).group(1)
    one.post(f"/holds/{hold}/release", {"note": "settled"})
    assert "cannot be undone" in one.get(f"{path}/erase").text
    done = one.post(f"{path}/erase", {"what": "subject", "why": "request"})
    assert "/erasures" == done.url.path
    assert person in done.text
    assert 404 == one.get(path).status_code
    assert 403 == signed("li.na").get(f"{path}/erase").status_code


def test_consents_of_a_person_are_told(signed, anna):
    """The panel of a record, empty or not."""
    one = signed("owner")
    assert "No consent is written down" in one.get(f"/t/customer/{anna}/consents").text


@pytest.mark.slow
def test_a_change_waits_for_a_second_person(tmp_path):
    """The maker sees that it waits and cannot approve it; somebody else approves exactly what was shown."""
    from muniment.testing import new_archive
    from muniment_web.testing import Browser, give_password, new_web

    archive = new_archive(tmp_path / "customers")
    with archive:
        with archive.session(actor="owner") as session:
            for login, role in (("li.na", "editor"), ("mo", "editor")):
                session.create("user", {"login": login, "roles": [role], "state": "active"})
            anna = session.create("customer", {**ANNA}).id
            path = archive.folder / config.FILE_NAME
            rule = '\n[[approvals.rule]]\nname = "cities"\noperations = ["update"]\ntypes = ["customer"]\n'
            path.write_text(path.read_text(encoding="utf-8") + rule, encoding="utf-8")
            archive.apply_config(session, reason="four eyes")
        for login in ("li.na", "mo"):
            give_password(archive, login)
        web = new_web(archive)
        maker, checker = Browser.of(web).sign_in("li.na"), Browser.of(web).sign_in("mo")
        form = {"expected": "1", "v.city": "Bonn", "why": "request"}
        waits = maker.post(f"/t/customer/{anna}", form)
        assert "Berlin" in waits.text
        number = re.search(r"/changes/(\d+)", maker.get("/changes").text).group(1)
        own = maker.get(f"/changes/{number}")
        assert "Somebody else has to approve" in own.text
        digest = re.search(r'name="digest" value="([0-9a-f]+)"', own.text).group(1)
        forced = maker.post(f"/changes/{number}", {"do": "approve", "digest": digest})
        assert forced.status_code == 422
        shown = checker.get(f"/changes/{number}")
        assert "Bonn" in shown.text
        wrong = checker.post(f"/changes/{number}", {"do": "approve", "digest": "0" * 64})
        assert "approval.digest" in wrong.text
        done = checker.post(f"/changes/{number}", {"do": "approve", "digest": digest, "why": "audit"})
        assert "done" in done.text
        assert 'value="Bonn"' in maker.get(f"/t/customer/{anna}").text


def test_long_lists_come_in_pieces(made, signed, monkeypatch):
    """A page shows so many and leads on to the rest, with what was asked for; nothing twice or lost."""
    monkeypatch.setattr(call, "_PIECE", 2)
    with made.session(actor="owner") as session:
        ids = [session.create("customer", {"full_name": f"Zoe {n}", "city": "Ulm"}).id for n in range(5)]
        for at, one in enumerate(ids):
            session.holds.place(f"long case {at}", records=[one])
            session.incidents.open(f"lost laptop {at}")
            session.requests.open(one, "access")
            session.restrictions.place(one, state="restricted", basis="asked")
            session.create("user", {"login": f"zz{at}", "roles": ["reader"], "state": "active"})
        requests = len(session.requests.listed(everything=True))
        restrictions = len(session.restrictions.list())
    many = {"/requests?state=all": requests, "/restrictions": restrictions}
    one = signed("owner")
    for path, mark in (
        ("/holds", "long case [0-9]"),
        ("/incidents?state=all", "lost laptop [0-9]"),
        ("/requests?state=all", 'href="/requests/[0-9a-f-]{36}"'),
        ("/restrictions", 'action="/restrictions/[^"]+"'),
        ("/users", "zz[0-9]"),
    ):
        found: list[str] = []
        here, pages = path, 0
        while here:
            text = one.get(here).text
            marked = set(re.findall(mark, text))
            assert len(marked) <= 2, (path, here)
            assert marked.isdisjoint(found), (path, here)
            found += sorted(marked)
            further = re.search(r'class="btn" href="([?][^"]*after=[^"]+)"', text)
            here = path.partition("?")[0] + unescape(further[1]) if further else ""
            assert not here or "state=all" in here or "?" not in path
            pages += 1
        assert many.get(path, 5) == len(found), (path, found)
        assert pages >= 3
    assert 400 == one.get("/holds?after=nonsense").status_code
