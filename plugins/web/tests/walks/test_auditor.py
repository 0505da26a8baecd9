"""Somebody with the role auditor does their whole job here, and changes nothing."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import zipfile
from hashlib import sha256

import pytest

from muniment.log.kinds import KINDS
from muniment.testing import log_entries
from muniment_web.pages import routes

pytestmark = pytest.mark.slow

# What an auditor's acts may leave in the log: readings, refusals, and what their role has.
MAY = {
    "access.deny", "alert.read", "alert.review", "alert.run", "alert.raise", "audit.review", "log.read",
    "log.verify", "log.bundle", "log.checkpoint", "log.prove", "log.witness", "log.timestamp", "data.check",
    "break_glass.review", "user.sign_in", "user.sign_out", "view.save", "user.read", "config.read",
    "role.review", "view.remove", "retention.report",
}  # fmt: skip


def readings() -> set[str]:
    """Kinds of entry that say that somebody looked."""
    return {
        name for name in KINDS if name.rpartition(".")[2] in ("read", "list", "search", "history", "plan")
    }


def test_every_form_is_refused_to_an_auditor_except_what_the_role_has(site):
    """Each POST of the pages is sent as the auditor, with what a form would hold: nothing changes."""
    ada = site.browser("ada")
    with site.archive.session(actor="owner", purpose="ServiceProvision") as session:
        before = [session.get(one).version for one in (site.anna, site.bert, site.twin)]
        request = session.requests.listed(everything=True)[0].id
        hold = session.holds.list()[0].id
    start = len(log_entries(site.archive))
    form = {
        "why": "audit", "note": "x", "reason": "x", "matter": "x", "right": "access", "to": "scoped",
        "purpose": "DirectMarketing", "field": "phone", "expected": "1", "v.city": "Ulm", "record": site.anna,
        "login": "new", "name": "new", "role": "owner", "do": "approve", "digest": "0" * 64, "key": "k",
        "first": site.anna, "second": site.twin, "kept": site.anna, "duplicate": site.twin, "what": "subject",
        "state": "restricted", "minutes": "30", "rows": "[]", "text_en": "x", "template": "ecommerce",
    }  # fmt: skip
    skipped = ("/sign", "/welcome", "/language", "/theme", "/account", "/import")
    sent = 0
    for route in routes():
        path = getattr(route, "path", "")
        if "POST" not in (getattr(route, "methods", None) or ()) or path.startswith(skipped):
            continue
        ids = {"/holds": hold, "/requests": request, "/t/": site.anna}
        id = next((found for start_of, found in ids.items() if path.startswith(start_of)), site.anna)
        path = path.replace("{type}", "customer").replace("{login}", "tom").replace("{id:uuid}", id)
        path = path.replace("{id}", "1").replace("{index:int}", "1").replace("{name}", "ecommerce")
        path = re.sub(r"\{[^}]*\}", "x", path)
        assert ada.post(path, form).status_code < 500, path
        sent += 1
    assert sent > 20
    done = {one.kind for one in log_entries(site.archive)[start:]}
    assert set() == done - MAY - readings()
    with site.archive.session(actor="owner", purpose="ServiceProvision") as session:
        assert before == [session.get(one).version for one in (site.anna, site.bert, site.twin)]
        assert session.requests.get(request).state == "identity_check"
    users = site.archive.engine.definitions.users
    assert "new" not in users
    assert ("reader",) == users["tom"].roles


def test_the_auditor_takes_evidence_away_that_verifies_without_us(site, tmp_path):
    """A bundle from the page opens and verifies with its own program and the log's key alone."""
    ada = site.browser("ada")
    answer = ada.post("/evidence", {"actor": "li.na", "recipient": "the authority"})
    assert "application/zip" == answer.headers["content-type"]
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        packed.extractall(tmp_path)
    (tmp_path / "evidence.zip").write_bytes(answer.content)
    key = site.archive.verifier_key.text
    program = next(tmp_path.rglob("verify.py"))
    done = subprocess.run(
        [sys.executable, str(program), str(tmp_path / "evidence.zip"), "--key", key],
        capture_output=True,
        text=True,
        check=False,
    )
    assert 0 == done.returncode, done.stdout + done.stderr


def test_who_saw_this_person_is_complete_for_lists_and_exports(site):
    """A1: a list and an export are found beside single reads, with their fields and a link to each entry."""
    with site.archive.session(actor="mo", purpose="ServiceProvision") as session:
        list(session.list("customer", fields=["full_name", "phone"]).records)
    page = site.browser("ada").get(f"/audit?q=who&record={site.anna}").text
    assert "mo" in page
    assert "li.na" in page
    assert "/log/" in page
    assert "1234567" not in page


def test_entries_are_shown_with_proof_and_a_command(site):
    """A4: an entry's own bytes, its hash, its proof as a file, and what to type."""
    ada = site.browser("ada")
    index = log_entries(site.archive)[-1].index
    page = ada.get(f"/log/{index}").text
    assert "muniment log prove" in page
    proof = ada.get(f"/log/{index}/proof").text
    assert proof.startswith("c2sp.org/tlog-proof@v1\n")


def test_an_alert_is_triaged_with_a_reason_by_somebody_else(site):
    """A7: without a reason it stays open; with one it is explained, and stands in the log."""
    ada = site.browser("ada")
    with site.archive.session(actor="owner") as session:
        alert = session.alerts.list(states=("open", "explained", "violation"))[0].id
    assert "alert.reason" in ada.post(f"/alerts/{alert}", {"state": "explained"}).text

    ada.post(f"/alerts/{alert}", {"state": "violation", "reason": "looked into"})
    assert alert in ada.get("/alerts?state=violation").text
    ada.post(f"/alerts/{alert}", {"state": "open", "reason": "once more"})


def test_rules_and_rights_are_told_as_of_a_day(site):
    """A6 and A10: who could see what, and which rules held, from the log like data."""
    today = site.web.engine.today().isoformat()
    ada = site.browser("ada")
    could = ada.get(f"/audit?q=could&type=customer&day={today}").text
    assert "masked" in could
    rules = ada.get(f"/audit?q=rules&day={today}").text
    assert "li.na" in rules
    assert "audit.before" in ada.get("/audit?q=rules&day=2001-01-01").text


def test_a_report_by_regime_names_entries_and_gaps(site):
    """Each clause says what was checked; the same comes as a page to print and for programs."""
    ada = site.browser("ada")
    page = ada.post("/regimes", {"regime": "hipaa", "form": "page"})
    assert "/log/" in page.text
    assert "164." in page.text
    printed = ada.post("/regimes", {"regime": "hipaa", "form": "html"})
    assert "attachment" in printed.headers["content-disposition"]
    assert "hipaa" == ada.post("/regimes", {"regime": "hipaa", "form": "json"}).json()["regime"]
    assert 403 == site.browser("tom").get("/regimes").status_code


def test_why_somebody_looked_is_read_beside_the_entry(site):
    """The words of a reason are asked for by themselves, and asking is an entry."""
    with site.archive.session(actor="li.na", purpose="CustomerCare", masked=True) as session:
        session.reveal(site.anna, ["phone"], reason="her own words")
    entries = log_entries(site.archive)
    index = next(one.index for one in reversed(entries) if one.kind == "record.reveal")
    ada = site.browser("ada")
    page = ada.get(f"/log/{index}").text
    assert "her own words" not in page
    assert f'href="/log/{index}?reason=1"' in page
    assert "<q>her own words</q>" in ada.get(f"/log/{index}?reason=1").text
    told = [one.detail.get("target", {}) for one in log_entries(site.archive) if one.kind == "log.read"]
    assert [index] == [one["index"] for one in told if "reason" in one]
    assert "log.no_reason" in ada.get("/log/0?reason=1").text


def test_who_saw_many_phone_numbers_is_one_question(site):
    """Counted by records; below the least nobody is named; on to the entries without a name in an address."""
    with site.archive.session(actor="mo", purpose="CustomerCare", masked=True) as session:
        for one in (site.anna, site.twin):
            session.reveal(one, ["phone"], reason="called back")
    ada = site.browser("ada")
    found = ada.post("/audit", {"q": "saw", "field": "phone", "least": "2"}).text
    assert 'value="mo"' in found
    assert "query.value" in ada.post("/audit", {"q": "saw", "field": "phone", "least": "none"}).text
    assert 'value="mo"' not in ada.post("/audit", {"q": "saw", "field": "phone", "least": "99999"}).text
    only = ada.post("/audit", {"q": "who", "record": "customer:A-1", "field": "phone"}).text
    assert site.anna in only


def test_two_days_are_compared_for_who_could_see_what(site):
    """The same day beside itself says that nothing changed; of one field only its row is shown."""
    today = site.web.engine.today().isoformat()
    ada = site.browser("ada")
    asked = {"q": "could", "type": "customer", "day": today, "before": today, "field": "phone"}
    page = ada.post("/audit", asked).text
    assert "Everybody could see the same" in page
    assert 1 == len(re.findall(r'<tr>\s*<th scope="row">', page))


def test_the_rights_are_signed_as_reviewed(site):
    """Words are needed; afterwards the page says who, when, and whether anything moved since."""
    ada, start = site.browser("ada"), len(log_entries(site.archive))
    assert "usage.no_reason" in ada.post("/roles/review", {"reason": " "}).text
    page = ada.post("/roles/review", {"reason": "read each role, asked two people"}).text
    assert "Last reviewed by ada" in page
    assert "nothing changed since" in page
    assert "asked two people" not in page
    assert 403 == site.browser("tom").post("/roles/review", {"reason": "x"}).status_code
    assert 1 == [one.kind for one in log_entries(site.archive)[start:]].count("role.review")


def test_the_commands_of_the_page_verify_the_bundle(site, tmp_path):
    """What the page says to type is typed, as it stands there, with nothing but Python: the log holds."""
    import html
    import shlex

    ada = site.browser("ada")
    (tmp_path / "evidence.zip").write_bytes(ada.post("/evidence", {"record": site.anna}).content)
    page = ada.get("/evidence").text
    typed = html.unescape(re.search(r"<pre[^>]*>(python3 -m zipfile.*?)</pre>", page, re.S).group(1))
    for line in typed.strip().splitlines():
        words = [sys.executable, "-I", *shlex.split(line)[1:]]
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert 0 == done.returncode, done.stdout + done.stderr
    program = (tmp_path / "evidence" / "verify.py").read_bytes()
    assert sha256(program).hexdigest() in page
    wrong = typed.replace("/0.0+", "/0.1+")
    words = [sys.executable, "-I", *shlex.split(wrong.strip().splitlines()[-1])[1:]]
    assert 0 != subprocess.run(words, cwd=tmp_path, capture_output=True, check=False).returncode


@pytest.mark.parametrize(
    ("locale", "width"),
    [
        ("zh-CN", 390),
        pytest.param("zh-CN", 1440, marks=pytest.mark.soak),
        pytest.param("en", 390, marks=pytest.mark.soak),
        pytest.param("en", 1440, marks=pytest.mark.soak),
    ],
)
def test_every_task_is_walked_in_each_language_and_size(signed_in, site, whole, locale, width):
    """A1 to A10, one after the other, as an auditor who came for a day; each page is whole on the way."""
    today = site.web.engine.today().isoformat()
    page = signed_in("ada", locale, width)

    def ask(question, **given):
        page.goto(f"{site.base}/audit?q={question}")
        for name, value in given.items():
            box = page.locator(f"#{name}")
            box.select_option(value) if box.evaluate("one => one.tagName") == "SELECT" else box.fill(value)
        with page.expect_navigation():
            page.click("main form.toolbar .btn.main")
        whole(page, f"/audit-{question}")

    ask("who", record=site.anna, field="phone")  # A1
    with page.expect_navigation():
        page.locator('table a[href^="/log/"]').first.click()
    whole(page, "/log/entry")
    ask("saw", field="phone", least="1")
    ask("did", actor="li.na")  # A2
    with page.expect_navigation():
        page.locator("table button.linked").first.click()
    whole(page, "/log-of-an-act")
    ask("changed", since=today)  # A3
    page.goto(f"{site.base}/t/customer/{site.anna}/compare")
    whole(page, "/compare")
    page.goto(f"{site.base}/log")  # A4
    whole(page, "/log")
    page.goto(f"{site.base}/evidence")  # A5
    whole(page, "/evidence")
    ask("could", type="customer", day=today, before=today)  # A6
    page.goto(f"{site.base}/roles")
    whole(page, "/roles")
    for path in ("/alerts", "/break-glass", "/erasures"):  # A7, A8, A9
        page.goto(site.base + path)
        whole(page, path)
    ask("rules", day=today)  # A10
