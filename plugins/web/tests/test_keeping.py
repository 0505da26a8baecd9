"""Views, the change tray, approvals, holds, consents and erasing on the pages."""

from __future__ import annotations

import json
import re

import pytest

from muniment import config
from muniment_web.testing import ANNA


def test_a_view_is_saved_and_chosen(signed, anna):
    """What the table shows is kept under a name, as a tab of one's own."""
    one = signed("li.na")
    form = {"ff": "city", "fv": "Berlin", "do": "save", "name": "Berliners", "group": "status"}
    page = one.post("/t/customer", form)
    assert "view=Berliners" in page.text
    shown = one.get("/t/customer?view=Berliners")
    assert anna in shown.text
    assert 'class="grp"' in shown.text
    assert "view=Berliners" not in signed("owner").get("/t/customer").text
    assert 404 == one.get("/t/customer?view=nothing").status_code


def test_the_change_tray_saves_together_or_not_at_all(made, signed, anna):
    """Cells changed in place become versions with one reason; a conflict saves none and says where."""
    with made.session(actor="owner") as session:
        other = session.create("customer", {"full_name": "Other", "customer_number": f"T-{anna}"}).id
    one = signed("li.na")

    def send(rows, **more):
        return one.post("/t/customer/tray", {"rows": json.dumps(rows), "why": "request", **more})

    rows = [
        {"id": anna, "version": "1", "fields": {"city": "Bonn"}},
        {"id": other, "version": "9", "fields": {"city": "Bonn"}},
    ]
    refused = send(rows)
    assert 422 == refused.status_code
    with made.session(actor="owner") as session:
        assert "Berlin" == session.get(anna).fields["city"]
    rows[1]["version"] = "1"
    assert "usage.no_reason" in send(rows, why="").json()["problem"]
    assert "/t/customer" == send(rows).json()["go"]
    with made.session(actor="owner") as session:
        assert ["Bonn", "Bonn"] == [session.get(one).fields["city"] for one in (anna, other)]
    for wrong in ("x", "{}", "[1]", '[{"id": 1}]', '[{"id": "x", "version": 1, "fields": {}}]'):
        assert one.post("/t/customer/tray", {"rows": wrong, "why": "request"}).status_code in (400, 422)
    lower = signed("tom").post("/t/customer/tray", {"rows": json.dumps(rows[:1]), "why": "request"})
    assert 400 <= lower.status_code < 500


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
