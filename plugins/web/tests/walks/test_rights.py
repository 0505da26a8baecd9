"""What compliance does on the pages: requests, consent, retention, restriction, emergency access, merging."""

from __future__ import annotations

import io
import json
import re
import zipfile
from datetime import timedelta

import pytest

from muniment.testing import assert_no_plaintext, log_entries
from muniment_web.testing import ANNA

pytestmark = pytest.mark.slow


@pytest.fixture
def person(site):
    """A person of the test's own."""
    with site.archive.session(actor="owner", purpose="ServiceProvision") as session:
        number = f"W-{session.note('log.read')}"
        values = {**ANNA, "customer_number": number, "full_name": "Wilhelmina Wagenknecht"}
        return session.create("customer", values).id


def kinds_since(site, start: int) -> list[str]:
    """What was written down since."""
    return [one.kind for one in log_entries(site.archive)[start:]]


def test_a_request_is_begun_stepped_extended_answered_and_closed(site, person):
    """Each step is a version with its note; the longer time is taken once; the evidence comes back."""
    cho = site.browser("cho")
    form = {"right": "access", "law": "gdpr", "channel": "mail", "why": "request"}
    begun = cho.post(f"/t/customer/{person}/requests", form)
    request = begun.url.path
    assert request.startswith("/requests/")
    assert "Wilhelmina" in begun.text
    done = cho.post(
        request, {"to": "identity_check", "note": "passport seen"}, files={"evidence": ("p.txt", b"scan")}
    )
    assert "passport seen" in done.text
    assert b"scan" == cho.get(f"{request}/evidence").content
    cho.post(request, {"to": "scoped"})
    assert "request.step" in cho.post(request, {"to": "closed"}).text
    extended = cho.post(request, {"do": "extend", "note": "many records"})
    assert "extended" in extended.text
    assert "request.extend" in cho.post(request, {"do": "extend", "note": "again"}).text
    cho.post(request, {"to": "collecting"})
    assert "request.ground" in cho.post(request, {"to": "partial"}).text
    cho.post(request, {"to": "granted", "answer": "all of it is enclosed"})
    cho.post(request, {"to": "fulfilled"})
    closed = cho.post(request, {"to": "closed"})
    assert "all of it is enclosed" in closed.text
    assert "/requests/" + request[-36:] not in cho.get("/requests").text
    assert request in cho.get("/requests?state=all").text


def test_the_clock_of_a_request_is_coloured(site):
    """What is late is red, and stands on the desk of whoever handles requests."""
    page = site.browser("cho").get("/").text
    assert re.search(r'chip red">.*?days late', page, re.S)
    assert "Berthold Klein" in page
    assert "days late" not in site.browser("tom").get("/").text


def test_follow_ups_stand_on_the_desk_of_whoever_promised_them(site, person):
    """One that is overdue says so; those of others and those that are done are not there."""
    from muniment.model import id_text

    users = site.archive.engine.definitions.users
    with site.archive.session(actor="owner", purpose="ServiceProvision") as session:
        for login, state, day in (("li.na", "open", "2020-01-02"), ("li.na", "done", "2020-03-04")):
            session.create(
                "follow_up",
                {
                    "customer": person,
                    "due_at": f"{day}T09:00:00Z",
                    "assigned_to": id_text(users[login].record),
                    "follow_up_state": state,
                },
            )
    desk = site.browser("li.na").get("/").text
    assert "2020-01-02" in desk
    assert "overdue" in desk
    assert "2020-03-04" not in desk
    assert "2020-01-02" not in site.browser("mo").get("/").text


def test_whoever_handled_an_erasure_request_does_not_grant_it(site, person):
    """T10 on this page: the pages refuse what the corridor refuses."""
    cho, owner = site.browser("cho"), site.browser("owner")
    request = cho.post(f"/t/customer/{person}/requests", {"right": "erasure", "law": "gdpr"}).url.path
    for to in ("identity_check", "scoped", "collecting"):
        cho.post(request, {"to": to})
    assert "request.four_eyes" in cho.post(request, {"to": "granted"}).text
    assert "granted" in owner.post(request, {"to": "granted"}).text


def test_the_report_is_handed_over_and_the_accesses_prove_that_none_is_missing(site, person):
    """The page names its person; the ZIP has the program that shows that nothing was left out."""
    cho = site.browser("cho")
    report = cho.get(f"/t/customer/{person}/report")
    assert "attachment" in report.headers["content-disposition"]
    assert "Wilhelmina Wagenknecht" in report.text
    assert not re.search(r"<script|https?://", report.text)
    assert person == json.loads(cho.get(f"/t/customer/{person}/report.json").text)["report"]["subject"]
    packed = zipfile.ZipFile(io.BytesIO(cho.get(f"/t/customer/{person}/accesses.zip").content))
    assert "accesses/check_accesses.py" in packed.namelist()


def test_consent_is_given_with_its_notice_withdrawn_and_receipted(site, person):
    """The notice that was shown stands with its version; the receipt is sound, altered it is not."""
    cho = site.browser("cho")
    path = f"/t/customer/{person}/consents"
    form = {"do": "give", "purpose": "DirectMarketing", "notice": "newsletter", "method": "web"}
    given = cho.post(path, form)
    assert "newsletter, version 1" in given.text
    cho.post(
        "/consents/notices", {"key": "newsletter", "text_en": "Twice a month.", "purposes": "DirectMarketing"}
    )
    assert "newsletter, version 1" in cho.get(path).text
    assert "once a month" in cho.get("/consents/notices/newsletter?version=1").text
    receipt = cho.get(f"{path}/receipt?purpose=DirectMarketing").content
    key = site.archive.verifier_key.text

    def check(content: bytes):
        return cho.post("/consents/verify", {"key": key}, files={"receipt": ("r.json", content)})

    assert "The receipt is sound" in check(receipt).text
    for wrong in (receipt.replace(b"DirectMarketing", b"DirectMarketin9"), b"[]", b"{", b'{"core": 1}'):
        assert 422 == check(wrong).status_code
    assert "withdrawn" in cho.post(path, {"do": "withdraw", "purpose": "DirectMarketing"}).text.lower()
    refused = cho.post(path, {"do": "refuse", "purpose": "Personalisation", "notice": ""})
    assert "Refused" in refused.text


def test_what_is_due_is_chosen_previewed_and_disposed_of(site):
    """T8: the plan and the application agree; nothing goes at the first step; what is held stays."""
    cho = site.browser("cho")
    due = cho.get("/retention").text
    held, first, second = site.orders
    assert first in due
    assert held not in due
    assert held in cho.get("/retention/blocked").text
    start = len(log_entries(site.archive))
    assert "serve.nothing_chosen" in cho.post("/retention/preview").text
    preview = cho.post("/retention/preview", {"record": first})
    assert "What remains" in preview.text
    assert "usage.no_reason" in cho.post("/retention/apply", {"record": first}).text
    assert not {"erasure.begin", "erasure.done"} & set(kinds_since(site, start))
    done = cho.post("/retention/apply", {"record": first, "why": "other", "note": "yearly"})
    assert "/retention/runs" == done.url.path
    left = cho.get("/retention").text
    assert first not in left
    assert second in left
    assert first in cho.get("/erasures").text


def test_a_person_is_erased_and_the_certificate_says_so(site, person):
    """T9: two steps, no value left in any file, and the certificate names what was done."""
    cho = site.browser("cho")
    assert "cannot be undone" in cho.get(f"/t/customer/{person}/erase").text
    done = cho.post(f"/t/customer/{person}/erase", {"what": "subject", "why": "request"})
    assert person in done.text
    assert 404 == cho.get(f"/t/customer/{person}").status_code
    assert_no_plaintext(site.archive.folder, ["Wagenknecht"])
    certificate = re.search(r"/erasures/([0-9a-f-]{36})/certificate", done.text).group(1)
    assert person in cho.get(f"/erasures/{certificate}/certificate").text


def test_a_restriction_closes_a_person_and_is_lifted(site, person):
    """Restricted data is there for few purposes; the list names whom, and lifting takes a reason."""
    cho = site.browser("cho")
    form = {"state": "restricted", "basis": "GDPR 18(1)(a)"}
    listed = cho.post(f"/t/customer/{person}/restriction", form)
    assert "GDPR 18(1)(a)" in listed.text
    assert cho.get(f"/t/customer/{person}").status_code in (403, 404)
    assert cho.post(f"/restrictions/{person}/lift").status_code >= 400
    assert person not in cho.post(f"/restrictions/{person}/lift", {"note": "settled"}).text
    assert 200 == cho.get(f"/t/customer/{person}").status_code


def test_emergency_access_shows_its_banner_ends_and_waits_for_its_review(site, person):
    """A8: reason and time first, a banner on every page, marked in the log, reviewed by somebody else."""
    eve = site.browser("eve")
    assert "usage.no_reason" in eve.post("/break-glass", {"record": person, "minutes": "15"}).text
    begun = eve.post("/break-glass", {"record": person, "minutes": "15", "reason": "no pulse"})
    assert f"/t/customer/{person}" == begun.url.path
    for path in ("/", "/t/customer", "/help"):
        assert "Emergency access is on." in eve.get(path).text, path
    id = re.findall(r'action="/break-glass/([0-9a-f-]{36})/end"', eve.get("/").text)[-1]
    ended = eve.post(f"/break-glass/{id}/end")
    assert f'action="/break-glass/{id}/end"' not in ended.text
    ada = site.browser("ada")
    shown = ada.get(f"/break-glass/{id}").text
    assert "no pulse" in shown
    assert "#" in re.search(r"What was looked at.*?</section>", shown, re.S).group(0)
    assert "usage.no_reason" in ada.post(f"/break-glass/{id}").text
    ada.post(f"/break-glass/{id}", {"finding": "an emergency indeed"})
    assert id not in ada.get("/break-glass").text
    assert "an emergency indeed" in ada.get(f"/break-glass/{id}").text


def test_two_records_are_merged_and_taken_apart(site):
    """The pair is found, compared side by side, merged with a reason, and undone."""
    cho = site.browser("cho")
    with site.archive.session(actor="owner", purpose="ServiceProvision") as session:
        pair = [
            session.create(
                "customer",
                {"full_name": "Ottilie Ostermann", "customer_number": f"M-{at}", "phone": "040 998877"},
            ).id
            for at in (1, 2)
        ]
    found = cho.get("/duplicates?type=customer").text
    assert f"/merge?first={pair[0]}&amp;second={pair[1]}" in found
    shown = cho.get(f"/merge?first={pair[0]}&second={pair[1]}").text
    assert "M-1" in shown
    form = {"first": pair[0], "second": pair[1], "kept": pair[0], "fill": "1"}
    assert "usage.no_reason" in cho.post("/merge", form).text
    merged = cho.post("/merge", {**form, "why": "correction"})
    assert "/merges" == merged.url.path
    link = re.search(r"/merges/([0-9a-f-]{36})/undo", merged.text).group(1)
    assert link not in cho.post(f"/merges/{link}/undo", {"why": "correction"}).text


def test_quality_names_what_is_wrong_and_no_value(site):
    """A check tells records, fields and codes."""
    page = site.browser("cho").get("/quality?type=customer").text
    assert "records" in page.lower()
    assert "1234567" not in page


def test_a_configuration_is_seen_before_it_is_applied(site):
    """A10: the difference first, then a version with its reason; every version can be read."""
    from muniment import config

    cho = site.browser("cho")
    path = site.archive.folder / config.FILE_NAME
    before = path.read_text(encoding="utf-8")
    path.write_text(before + "\n# a note\n[backup]\n", encoding="utf-8")
    assert "a note" in cho.get("/config").text
    assert "usage.no_reason" in cho.post("/config").text
    applied = cho.post("/config", {"why": "other", "note": "tidy"})
    assert "The file says what holds" in applied.text
    path.write_text("[nonsense", encoding="utf-8")
    assert "cannot be applied" in cho.get("/config").text
    path.write_text(site.archive.applied.text, encoding="utf-8")
    assert "Version 1" in cho.get("/config?version=1").text


def test_a_template_is_previewed_and_brought_in(site):
    """T1: what it would change is said before, and then it is there."""
    cho = site.browser("cho")
    assert "account-manager" in cho.get("/templates?sells=no&team=managers").text
    shown = cho.get("/templates/service-feedback").text
    assert "would change" in shown
    done = cho.post("/templates/service-feedback", {"why": "other", "note": "feedback"})
    assert "/templates" == done.url.path
    assert 404 == cho.get("/templates/nothing").status_code


def test_a_purpose_that_rests_on_consent_is_said_to_end_soon(site, person):
    """What ends within thirty days is counted on the page of consent."""
    cho = site.browser("cho")
    today = site.web.engine.today()
    form = {"do": "give", "purpose": "DirectMarketing", "until": (today + timedelta(days=9)).isoformat()}
    assert 200 == cho.post(f"/t/customer/{person}/consents", form).status_code
    assert re.search(r"End within thirty days: [1-9]", cho.get("/consents").text)


def test_an_incident_is_written_down_counted_told_and_closed(site):
    """Its clocks run from the first minute, whom it affects comes from the log, a notice is drafted."""
    cho = site.browser("cho")
    begun = cho.post("/incidents", {"title": "Laptop stolen", "nature": "disclosed", "law": "gdpr"})
    incident = begun.url.path
    assert incident.startswith("/incidents/")
    assert "GDPR" in begun.text
    assert "incident.scope" in cho.post(incident, {"do": "find"}).text
    found = cho.post(incident, {"do": "find", "actors": "li.na", "acts": "read"})
    assert re.search(r"of \d+ persons? in \d+ acts?", found.text)
    assert re.search("clocks? runs?", cho.get("/").text)
    cho.post(
        incident, {"do": "assess", "severity": "high", "risk": "high", "law": "gdpr", "text": "no disk lock"}
    )
    cho.post(incident, {"what": "measures", "text": "password changed"}, files={"evidence": ("r.txt", b"x")})
    assert "password changed" in cho.get(incident).text
    draft = cho.post(f"{incident}/notice", {"audience": "authority"})
    assert "attachment" in draft.headers["content-disposition"]
    assert "incident.clocks_run" in cho.post(incident, {"do": "close", "text": "found again"}).text
    cho.post(incident, {"do": "close", "text": "found again", "despite": "1"})
    assert incident not in cho.get("/incidents").text
    assert incident in cho.get("/incidents?state=all").text
    ada = site.browser("ada")
    assert 200 == ada.get(incident).status_code
    assert "access.action" in ada.post("/incidents", {"title": "x"}).text
