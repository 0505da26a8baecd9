"""The tasks of teams and auditors, each walked in a real browser by the person it is for."""

from __future__ import annotations

from threading import Event

import pytest

from muniment.testing import assert_no_plaintext, log_entries

pytestmark = pytest.mark.slow
PERSON = {"full_name": "Theodora Tannhauser", "phone": "089 445566", "city": "Ulm"}


@pytest.fixture
def person(site):
    """A person of the walk's own."""
    with site.archive.session(actor="owner", purpose="ServiceProvision") as session:
        number = f"B-{session.note('log.read')}"
        return session.create("customer", {**PERSON, "customer_number": number}).id


def submit(page, button) -> None:
    """Press a button that loads the next page."""
    with page.expect_navigation():
        page.click(button)


def test_a1_who_saw_this_person(signed_in, site):
    """From the record to everybody who saw it, and on to an entry with its proof."""
    page = signed_in("ada")
    page.goto(f"{site.base}/t/customer/{site.anna}")
    with page.expect_navigation():
        page.click(f'a[href="/audit?q=who&record={site.anna}"]')
    table = page.inner_text("table")
    for login in ("owner", "li.na", "eve"):
        assert login in table
    assert "1234567" not in page.content()
    with page.expect_navigation():
        page.locator('table a[href^="/log/"]').first.click()
    with page.expect_download() as download:
        page.click('a[href$="/proof"]')
    assert download.value.suggested_filename.endswith(".tlog-proof")
    assert [] == page.complaints


def test_a2_what_this_employee_did(signed_in, site, tmp_path):
    """An export of all customers is one act, however many records it holds."""
    with site.archive.session(actor="mo", purpose="ServiceProvision") as session:
        session.export_file("customer", tmp_path / "all.ndjson", reason="letters")
    page = signed_in("ada")
    page.goto(f"{site.base}/audit?q=did")
    page.fill("#actor", "mo")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    row = page.locator("tr", has=page.locator('button[value="record.export"]'))
    assert "1" == row.locator("td").nth(3).inner_text()
    assert int(row.locator("td").nth(5).inner_text()) >= 3


def test_a3_how_it_stood_on_a_day_and_what_changed(signed_in, site):
    """As recorded then, behind the auditor's masks; and two versions side by side."""
    page = signed_in("ada")
    today = site.web.engine.today().isoformat()
    page.goto(f"{site.base}/audit?q=stood&record={site.anna}&day={today}")
    assert page.url.endswith(f"/t/customer/{site.anna}?as_of={today}")
    assert "1234567" not in page.content()
    page.goto(f"{site.base}/audit?q=changed&since={today}")
    submit(page, f'a[href="/t/customer/{site.anna}/compare?a=0&b=2"], a[href*="{site.anna}/compare"], '
                 f'table a[href="/t/customer/{site.anna}"]')  # fmt: skip
    assert site.anna in page.url


def test_a4_verify_now_without_leaving_the_page(signed_in, site, expect):
    """The button starts a run, the badge follows it, and the page is never loaded again."""
    page = signed_in("ada")
    page.goto(f"{site.base}/log")
    page.evaluate("() => { window.stayed = true; }")
    with page.expect_response(lambda answer: answer.url.endswith("/log/verify")):
        page.click("#badge button")
    # An earlier run may have left the badge green: this one has begun, and is waited for.
    site.web.verifying.wait()
    expect(page.locator("#badge .chip.green")).to_contain_text("Intact")
    assert page.evaluate("() => window.stayed")
    expect(page.locator("#seal .sealed.sound")).to_contain_text("verified to #")
    assert [] == page.complaints


def test_the_rail_follows_a_run_on_every_page(signed_in, site, expect, monkeypatch):
    """It counts while the run goes on, ends with what the run found, and asks no more then."""
    page = signed_in("ada")
    begun, go = Event(), Event()
    verify = site.archive.log.verify

    def slow(*, progress):
        progress(1, 4)
        begun.set()
        assert go.wait(300)
        return verify(progress=progress)

    monkeypatch.setattr(type(site.archive.log), "verify", lambda self, **more: slow(**more))
    try:
        with site.archive.session(actor="ada") as session:
            site.web.verifying.start(session)
            assert begun.wait(300)
        page.goto(f"{site.base}/t/customer")
        expect(page.locator("#seal .running")).to_contain_text("25 %")
        assert page.locator("#seal .sound").count() == 0
    finally:
        go.set()
        site.web.verifying.wait()
    expect(page.locator("#seal .sound")).to_contain_text("verified to #")
    assert page.locator("#seal [hx-get]").count() == 0
    assert [] == page.complaints


def test_a5_evidence_is_downloaded(signed_in, site):
    """A bundle about one person comes as a file; that it was made stands in the log."""
    page = signed_in("ada")
    start = len(log_entries(site.archive))
    page.goto(f"{site.base}/evidence")
    page.fill("#record", site.anna)
    with page.expect_download() as download:
        page.click("main form button.main")
    assert "evidence.zip" == download.value.suggested_filename
    assert "log.bundle" in [one.kind for one in log_entries(site.archive)[start:]]


def test_a6_the_matrix_equals_what_is_enforced(signed_in, site):
    """What the page says that somebody sees is what the policy gives them."""
    page = signed_in("ada")
    today = site.web.engine.today().isoformat()
    page.goto(f"{site.base}/audit?q=could&type=customer&day={today}")
    heads = [one.split()[0] for one in page.locator("thead th").all_inner_texts()]
    record_type = site.archive.engine.definitions.types["customer"]
    read = "rows => rows.map(row => [...row.cells].map(cell => cell.innerText.trim()))"
    rows = {row[0]: row for row in page.eval_on_selector_all("tbody tr", read)}
    with site.archive.session(actor="ada") as session:
        view = session.view(record_type)
    for field in record_type.fields:
        if not field.retired:
            said = rows[field.label.en][heads.index("ada")]
            assert {"in clear": field.key in view.clear, "masked": field.key in view.masked}.get(
                said, field.key not in view.readable
            ), field.key


def test_a7_an_alert_is_explained_by_keyboard(signed_in, site):
    """Opened, read, answered with a reason and Control-S's button, without a mouse."""
    page = signed_in("ada")
    page.goto(f"{site.base}/alerts")
    page.locator("tbody a").first.focus()
    with page.expect_navigation():
        page.keyboard.press("Enter")
    page.locator("#reason").focus()
    page.keyboard.type("a test of refusals")
    page.keyboard.press("Tab")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert "Saved." in page.inner_text("#notice")
    page.goto(f"{site.base}/alerts?state=explained")
    with page.expect_navigation():
        page.locator("tbody a").first.click()
    page.fill("#reason", "once more")
    submit(page, 'button[value="open"]')


def test_a8_emergency_access_is_seen_on_every_page(signed_in, site, person):
    """The banner stands until it is ended, on the phone too."""
    page = signed_in("eve", "zh-CN", 390)
    page.goto(f"{site.base}/break-glass")
    page.fill("#record", person)
    page.fill("#reason", "救护车在线")
    submit(page, "main form .btn.danger")
    assert page.url.endswith(person)
    page.goto(f"{site.base}/t/customer")
    assert "紧急访问进行中" in page.inner_text(".glass >> nth=-1")
    count = page.locator(".glass").count()
    submit(page, ".glass >> nth=-1 >> button")
    assert count - 1 == page.locator(".glass").count()
    assert [] == page.complaints


def test_a9_disposal_is_proved(signed_in, site, person):
    """What was erased is named with who, when and why, and its certificate is a file."""
    with site.archive.session(actor="owner", purpose="ServiceProvision") as session:
        session.erase(person, reason="asked")
    page = signed_in("ada")
    page.goto(f"{site.base}/erasures")
    card = page.locator("section.card", has_text=person)
    assert "on request" in card.inner_text()
    with page.expect_download() as download:
        card.locator('a[href$="/certificate"]').click()
    assert download.value.suggested_filename.startswith("certificate-")


def test_a10_rules_of_a_day(signed_in, site):
    """Configuration, plugins, tables and users as they were; and the text of the configuration."""
    page = signed_in("ada")
    today = site.web.engine.today().isoformat()
    page.goto(f"{site.base}/audit?q=rules&day={today}")
    assert "li.na" in page.inner_text("main")
    submit(page, 'a[href^="/config?version="]')
    assert "[archive]" in page.inner_text("main")


def test_t5_an_import_is_undone(signed_in, site, whole, way, tmp_path):
    """Its records leave the lists again, as new versions with a reason."""
    sheet = tmp_path / "products.csv"
    sheet.write_text("product_code,product_name\nI-1,Inkwell\nI-2,Icebox\n", encoding="utf-8")
    with site.archive.session(actor="cho", purpose="ServiceProvision") as session:
        session.import_file("product", sheet, reason="from the old list")
    page = signed_in("cho", *way)
    page.goto(f"{site.base}/import")
    page.locator("tr", has_text="products.csv").locator("details.menu summary").first.click()
    page.locator('details[open] input[name="note"]').fill("wrong file")
    whole(page, "/import")
    submit(page, "main details[open] .btn.danger")
    assert page.url.endswith("/import")
    whole(page, "/import?undone")
    with site.archive.session(actor="cho", purpose="ServiceProvision") as session:
        assert [] == list(session.list("product").records)


def test_t6_a_sealed_value_is_found_and_lies_nowhere_in_clear(signed_in, site, person, expect, whole, way):
    """By phone, from the keyboard; the number is in no address and in no file of the archive."""
    page = signed_in("li.na", *way)
    page.goto(f"{site.base}/t/customer")
    page.keyboard.press("/")
    page.keyboard.type(PERSON["phone"])
    page.keyboard.press("Enter")
    expect(page.locator(f'#grid tbody tr[data-id="{site.anna}"]')).to_have_count(0)
    expect(page.locator(f'#grid tbody tr[data-id="{person}"]')).to_have_count(1)
    assert "445566" not in page.url
    whole(page, "/t/customer?found")
    assert_no_plaintext(site.archive.folder, ["089 445566", "+4989445566"])


def test_t7_what_a_role_may_not_read_is_nowhere_on_its_pages(signed_in, site, person, way):
    """Record, list, search, history, comparison, accesses: the auditor sees masks alone."""
    page = signed_in("ada", *way)
    base = f"/t/customer/{person}"
    for path in ("/t/customer", base, f"{base}/history", f"{base}/compare", f"{base}/accesses", "/log"):
        page.goto(site.base + path)
        assert "445566" not in page.content(), path
    assert [] == page.complaints


def test_t8_what_is_due_is_disposed_of_in_two_steps(signed_in, site, whole, way):
    """Chosen with one box, previewed, and let go with a reason."""
    page = signed_in("cho", *way)
    page.goto(f"{site.base}/retention")
    before = page.locator('tbody input[name="record"]').count()
    page.locator('tbody input[name="record"]').first.check()
    submit(page, "main form button.main")
    assert ("What remains" if way[0] == "en" else "保留") in page.inner_text("main")
    whole(page, "/retention/apply")
    page.goto(f"{site.base}/retention")
    assert before == page.locator('tbody input[name="record"]').count()
    assert [] == page.complaints


def test_t9_a_person_is_erased(signed_in, site, person, whole, way):
    """From the record, in two steps; nothing of the person is found afterwards."""
    page = signed_in("cho", *way)
    page.goto(f"{site.base}/t/customer/{person}/erase")
    whole(page, "/t/customer/ID/erase")
    page.select_option("#why", "request")
    submit(page, "main form .btn.danger")
    assert person in page.inner_text("main")
    whole(page, "/erasures?done")
    assert_no_plaintext(site.archive.folder, ["Tannhauser"])


def test_t10_four_eyes(signed_in, site, person, whole, way):
    """The maker cannot check; somebody else approves exactly what was shown."""
    maker, checker = signed_in("li.na", *way), signed_in("mo", *way)
    maker.goto(f"{site.base}/t/customer/{person}")
    maker.fill('[name="v.city"]', "Ulm an der Donau")
    maker.select_option("#why", "request")
    submit(maker, 'main form.form .btn.main[data-key="s"]')
    maker.goto(f"{site.base}/changes")
    submit(maker, "tbody a >> nth=0")
    assert ("Somebody else" if way[0] == "en" else "他人") in maker.inner_text("main")
    whole(maker, "/changes/ID?mine")
    assert 0 == maker.locator('button[value="approve"]').count()
    checker.goto(maker.url)
    assert "Ulm an der Donau" in checker.inner_text("main")
    whole(checker, "/changes/ID")
    submit(checker, 'button[value="approve"]')
    maker.goto(f"{site.base}/t/customer/{person}")
    assert "Ulm an der Donau" == maker.input_value('[name="v.city"]')
