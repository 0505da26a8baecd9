"""A real browser over a real server: what only a browser can tell. Few, for each costs seconds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from muniment.testing import new_archive
from muniment_web.testing import ANNA, PASSWORD, give_password, new_web, served

pytestmark = pytest.mark.slow
PAGES = ("/dashboards", "/t/customer", "RECORD", "/log", "/account")
MORE = ("/", "RECORD/compare", "/users", "/import", "/changes")


@pytest.fixture(scope="module")
def site(tmp_path_factory, around) -> Iterator[tuple[str, str]]:
    """The address of a server over an archive with a few customers, and one of their records."""
    archive = new_archive(tmp_path_factory.mktemp("browser") / "customers")
    with archive:
        with archive.session(actor="owner") as session:
            for number in range(12):
                values = {**ANNA, "customer_number": f"C-{number}", "full_name": f"Anna {number}"}
                anna = session.create("customer", values, reason="for a test").id
            session.update(anna, {"city": "Bonn"}, reason="moved")
        give_password(archive, "owner")
        with served(new_web(archive), around=around) as url:
            yield url, f"/t/customer/{anna}"


@pytest.fixture
def opened(new_page, site):
    """Opens a signed-in page of a size, language and colours; it is closed after the test."""
    made = []

    def make(locale: str = "en", width: int = 1440, colours: str = "light"):
        made.append(new_page(site[0], "owner", locale, width, colours))
        return made[-1]

    yield make
    for page in made:
        page.context.close()


@pytest.mark.parametrize(
    ("locale", "width", "colours"), [("en", 1440, "light"), ("zh-CN", 1440, "dark"), ("zh-CN", 390, "light")]
)
def test_pages_are_whole_in_each_language_and_size(opened, site, whole, locale, width, colours):
    """Nothing on the console, no report of the policy, nothing wider than the screen, no finding of axe."""
    page = opened(locale, width, colours)
    for path in (*PAGES, *(MORE if colours == "dark" else ())):
        path = path.replace("RECORD", site[1])
        page.goto(site[0] + path)
        whole(page, path)


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_whoever_reads_chooses_the_colours_and_paper_is_light(opened, site, colours):
    """As the system asks until somebody chooses; a choice holds against it; what is printed is on white."""
    page = opened(colours=colours)

    def ink() -> str:
        page.goto(site[0] + "/account")
        shown = page.evaluate("getComputedStyle(document.querySelector('main')).color")
        page.emulate_media(media="print")
        printed = page.evaluate("getComputedStyle(document.querySelector('main')).color")
        page.emulate_media(media="screen")
        assert "rgb(29, 35, 41)" == printed
        return {"rgb(29, 35, 41)": "light", "rgb(230, 233, 236)": "dark"}[shown]

    assert colours == ink()
    other = {"light": "dark", "dark": "light"}[colours]
    for wanted in (other, colours):
        offered = page.locator('.rail button[name="theme"]:visible')
        assert 1 == offered.count()
        with page.expect_navigation():
            offered.click()
        assert wanted == ink()
    for chosen in ("dark", "light"):
        page.context.add_cookies([{"name": "theme", "value": chosen, "url": site[0]}])
        assert chosen == ink()


def test_the_keyboard_alone_finds_reveals_and_enters(opened, site, expect, axe_findings):
    """Search with /, walk with arrows, reveal with Enter, change a cell by typing, save with a reason."""
    page = opened()
    page.clock.install()
    page.goto(f"{site[0]}/t/customer")
    page.keyboard.press("/")
    page.keyboard.type("C-7")
    page.keyboard.press("Enter")
    expect(page.locator("#grid tbody tr")).to_have_count(1)
    assert page.url == f"{site[0]}/t/customer"
    page.locator("#grid tbody td[tabindex]").focus()
    walk_to(page, "phone", "ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator("dialog[open] select")).to_be_focused()
    assert [] == axe_findings(page)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.type("T-1")
    page.keyboard.press("Enter")
    expect(page.locator("td.revealed")).to_contain_text("1234567")
    assert [] == page.evaluate("[...Object.keys(localStorage), ...Object.keys(sessionStorage)]")
    assert page.evaluate("history.state") is None
    sleep_a_minute(page)
    assert 0 == page.locator("td.revealed").count()
    assert "1234567" not in page.content()
    leave_and_come_back(page, site, expect)
    walk_to(page, "city", "ArrowRight")
    page.keyboard.type("Bremen")
    page.keyboard.press("Enter")
    expect(page.locator("td.edited")).to_have_text("Bremen")
    expect(page.locator("m-tray tr[data-f=city]")).to_have_count(1)
    page.locator("#twhy").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.locator("m-tray button.main").press("Enter")
    expect(page.locator(".note")).to_contain_text("Records saved: 1")
    assert [] == page.complaints


def sleep_a_minute(page):
    """The machine sleeps: the day goes on, timers do not; a second later they run again."""
    page.clock.set_system_time(page.evaluate("Date.now()") / 1000 + 60)
    page.clock.run_for(1_000)


def leave_and_come_back(page, site, expect):
    """What was revealed is not there when one comes back, from the next page or from the browser's memory."""
    page.locator("#grid tbody td.m .rv").first.click()
    expect(page.locator("dialog[open] select")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("td.revealed")).to_have_count(1)
    page.goto(site[0] + site[1])
    fields = page.locator(
        "form.form input:not([type=hidden],[type=checkbox],[type=file]), form.form textarea"
    )
    assert {"off"} == set(fields.evaluate_all("all => all.map(one => one.autocomplete)"))
    page.go_back()
    page.wait_for_selector("#grid tbody td.m")
    assert 0 == page.locator("td.revealed").count()
    assert "1234567" not in page.content()
    assert [] == page.evaluate("[...Object.keys(localStorage), ...Object.keys(sessionStorage)]")
    page.fill("[name=q]", "C-7")
    page.press("[name=q]", "Enter")
    expect(page.locator("#grid tbody tr")).to_have_count(1)
    walk_from(page, 1, "phone")


def walk_to(page, field, key):
    """Press an arrow until the focus is in a column."""
    for _ in range(12):
        if page.evaluate("document.activeElement.dataset.f") == field:
            return
        page.keyboard.press(key)
    raise AssertionError(f"no arrow leads to {field}")


def walk_from(page, row, field):
    """Go to a column from the first cell of a row: a settling table moves no focus, but may move a cell."""
    page.locator("#grid tbody td[tabindex]").focus()
    page.keyboard.press("Home")
    page.keyboard.press("Control+ArrowUp")
    for _ in range(1, row):
        page.keyboard.press("ArrowDown")
    walk_to(page, field, "ArrowRight")


PASTE = """(text) => {
    const data = new DataTransfer();
    data.setData("text/plain", text);
    document.activeElement.dispatchEvent(new ClipboardEvent("paste", {clipboardData: data, bubbles: true}));
}"""


def test_what_is_pasted_from_a_spreadsheet_waits_in_the_tray(opened, site, expect, axe_findings):
    """Cells fill the table from the focus on, each is checked at once, and all outlast a reload."""
    page = opened()
    page.goto(f"{site[0]}/t/customer")
    edited, refused = page.locator("#grid td.edited"), page.locator("#grid td.refused")
    held = page.locator("m-tray details[open] tr[data-f]")
    walk_from(page, 2, "company")
    page.evaluate(PASTE, 'Nordwind\tKiel\r\n"Süd\twind"\tUlm\r\n')
    expect(held).to_have_count(4)
    expect(edited).to_have_count(4)
    expect(refused, "a tab in a field of one line").to_have_text(["Süd wind"])
    walk_to(page, "email", "ArrowLeft")
    page.evaluate(PASTE, "no address")
    expect(page.locator('#grid td.refused[data-f="email"]')).to_have_count(1)
    expect(refused).to_have_count(2)
    assert [] == axe_findings(page)
    page.reload()
    expect(edited).to_have_count(5)
    expect(page.locator("#grid")).to_contain_text("Süd wind")
    assert [] == page.evaluate("[...Object.keys(localStorage), ...Object.keys(sessionStorage)]")
    walk_from(page, 2, "email")
    page.keyboard.press("Control+z")
    expect(edited).to_have_count(4)
    page.click("m-tray button[value=discard]")
    expect(edited).to_have_count(0)
    page.click("#notice .btn")
    expect(edited, "what was dropped").to_have_count(4)
    expect(page.locator("m-tray tr[data-f]")).to_have_count(4)
    page.click("m-tray button[value=discard]")
    expect(edited).to_have_count(0)
    # What stands there already is no change; what no column takes is a warning, and nothing that went well.
    walk_from(page, 2, "city")
    page.evaluate(PASTE, "Berlin")
    expect(page.locator("#notice .note")).to_have_text("Already so: 1 cell.")
    expect(page.locator("#notice .btn"), "of what was dropped before").to_have_count(0)
    page.evaluate(PASTE, "Berlin\t" + "x\t" * 30)
    expect(page.locator("#notice .note.warn")).to_contain_text("Not taken")
    page.click("m-tray button[value=discard]")
    expect(edited).to_have_count(0)
    page.reload()
    expect(page.locator("#grid")).not_to_contain_text("Nordwind")
    assert [] == page.complaints


def test_a_phone_shows_what_waits_line_by_line(opened, site, expect, axe_findings):
    """Each change with its field, what was and what is typed below, the cross to take it back in sight."""
    page = opened("zh-CN", 390)
    page.goto(f"{site[0]}/t/customer")
    rows = page.locator("#grid tbody tr")
    for field in ("full_name", "city"):
        cell = rows.nth(2).locator(f"td[data-f={field}]")
        cell.click()
        cell.click()
        page.keyboard.type("Kiel")
        page.keyboard.press("Enter")
    changes = page.locator("m-tray tr[data-f]")
    expect(changes).to_have_count(2)
    page.click("m-tray .looked summary")
    for at in range(2):
        changes.nth(at).scroll_into_view_if_needed()
        name, before, after, cross = (
            changes.nth(at).locator(each).bounding_box()
            for each in ("th", "td >> nth=1", "td >> nth=2", "button")
        )
        assert name["x"] + name["width"] <= cross["x"] < cross["x"] + cross["width"] <= 390
        assert name["y"] < before["y"] < after["y"]
        assert name["height"] < 40, "the name of a field stands in one line"
    assert [] == axe_findings(page)
    changes.nth(0).locator("button").click()
    expect(changes).to_have_count(1)
    page.click("m-tray button[value=discard]")
    expect(changes).to_have_count(0)
    assert [] == page.complaints


def test_a_name_that_nobody_has_is_said_while_one_types(opened, site, expect, axe_findings):
    """Silence could mean that it is still looked for; what is said there cannot be chosen."""
    page = opened()
    page.goto(f"{site[0]}/t/customer")
    walk_from(page, 1, "account_owner")
    page.keyboard.type("zzz")
    said = page.locator(".picks li")
    expect(said).to_have_text("None found that you may choose. Give a whole name, number or login.")
    assert [] == axe_findings(page)
    page.keyboard.press("ArrowDown")
    said.dispatch_event("pointerdown")
    assert "zzz" == page.locator("td.editing input:visible").input_value()
    page.keyboard.press("Escape")
    expect(page.locator("#grid td.edited")).to_have_count(0)
    assert [] == page.complaints


def test_an_answer_to_an_older_question_undoes_nothing(opened, site, expect):
    """What was typed while an answer was on its way stays; of two searches the newer one is shown."""
    page, held = opened(), []
    page.goto(f"{site[0]}/t/customer")
    page.route("**/t/customer/tray", lambda route: held.append(route))
    for row, text in ((1, "Kiel"), (2, "Jena")):
        walk_from(page, row, "city")
        page.keyboard.type(text)
        page.keyboard.press("Enter")
    while held or page.locator("m-tray[aria-busy]").count():
        expect(page.locator("#grid td.edited")).to_have_text(["Kiel", "Jena"])
        if held:
            held.pop(0).continue_()
    expect(page.locator("m-tray tr[data-f=city]")).to_have_count(2)
    expect(page.locator("#grid td.edited")).to_have_text(["Kiel", "Jena"])
    page.unroute("**/t/customer/tray")
    page.click("m-tray button[value=discard]")
    expect(page.locator("#grid td.edited")).to_have_count(0)

    page.route("**/t/customer", lambda route: held.append(route))
    for words in ("C-3", "C-4", "C-5"):
        with page.expect_request("**/t/customer"):
            page.fill("[name=q]", words)
            page.press("[name=q]", "Enter")
    for asked in held:
        asked.continue_()
    expect(page.locator("#grid tbody tr")).to_have_count(1)
    expect(page.locator("#grid tbody tr")).to_contain_text("C-5")
    assert [] == page.complaints


def test_a_passkey_is_added_and_signs_in(opened, site, expect):
    """A device's key, made and used in the browser, opens the pages without a password."""
    page = opened()
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    devtools.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )
    page.goto(f"{site[0]}/account")
    page.click("m-passkey summary, details:has(m-passkey) summary")
    page.fill("#p3", PASSWORD)
    page.fill("#pkn", "laptop")
    with page.expect_navigation():
        page.click("m-passkey button")
    expect(page.locator("main")).to_contain_text("laptop")
    page.click('form[action="/sign-out"] button')
    page.wait_for_url("**/sign-in")
    page.click("m-passkey button")
    page.wait_for_url(f"{site[0]}/")
    assert [] == page.complaints
