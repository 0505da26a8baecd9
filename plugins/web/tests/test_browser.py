"""A real browser over a real server: what only a browser can tell. Few, for each costs seconds."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest

from muniment.testing import new_archive
from muniment_web.testing import ANNA, PASSWORD, give_password, new_web, served

pytestmark = pytest.mark.slow
PAGES = ("/dashboards", "/t/customer", "RECORD", "/log", "/account")
MORE = ("/", "RECORD/compare", "/users", "/import", "/changes")


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Iterator[tuple[str, str]]:
    """The address of a server over an archive with a few customers, and one of their records."""
    archive = new_archive(tmp_path_factory.mktemp("browser") / "customers")
    with archive:
        with archive.session(actor="owner") as session:
            for number in range(12):
                values = {**ANNA, "customer_number": f"C-{number}", "full_name": f"Anna {number}"}
                anna = session.create("customer", values, reason="for a test").id
            session.update(anna, {"city": "Bonn"}, reason="moved")
        give_password(archive, "owner")
        with served(new_web(archive, reveal_seconds=2)) as url:
            yield url, f"/t/customer/{anna}"


@pytest.fixture
def opened(chromium, site):
    """Opens a signed-in page of a size, language and colours; what it complains of is kept."""
    made = []

    def make(locale: str = "en", width: int = 1440, colours: str = "light"):
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, locale=locale, color_scheme=colours
        )
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.complaints = []
        page.on("console", lambda said: page.complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.goto(f"{site[0]}/sign-in")
        page.fill("#login", "owner")
        page.fill("#password", PASSWORD)
        page.press("#password", "Enter")
        page.wait_for_url(f"{site[0]}/")
        made.append(context)
        return page

    yield make
    for context in made:
        context.close()


def axe_findings(page) -> list[str]:
    source = resources.files("muniment_web").joinpath("assets", "axe.js").read_text(encoding="utf-8")
    page.evaluate(source)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in found["violations"]]


@pytest.mark.parametrize(
    ("locale", "width", "colours"), [("en", 1440, "light"), ("zh-CN", 1440, "dark"), ("zh-CN", 390, "light")]
)
def test_pages_are_whole_in_each_language_and_size(opened, site, locale, width, colours):
    """Nothing on the console, no report of the policy, nothing wider than the screen, no finding of axe."""
    page = opened(locale, width, colours)
    for path in (*PAGES, *(MORE if colours == "dark" else ())):
        page.goto(site[0] + path.replace("RECORD", site[1]))
        page.wait_for_load_state("networkidle")
        assert [] == axe_findings(page), path
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        folder = os.environ.get("MUNIMENT_SCREENSHOTS")
        if folder:
            name = f"{path.strip('/').replace('/', '-')[:20] or 'desk'}-{locale}-{width}.png"
            page.screenshot(path=Path(folder) / name, full_page=True)
    assert [] == page.complaints


def test_the_keyboard_alone_finds_reveals_and_enters(opened, site):
    """Search with /, walk with arrows, reveal with Enter, change a cell by typing, save with a reason."""
    page = opened()
    page.goto(f"{site[0]}/t/customer")
    page.keyboard.press("/")
    page.keyboard.type("C-7")
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.querySelectorAll('#grid tbody tr').length === 1")
    assert page.url == f"{site[0]}/t/customer"
    page.locator("#grid tbody td").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.wait_for_selector("dialog[open] select")
    assert [] == axe_findings(page)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.type("T-1")
    page.keyboard.press("Enter")
    page.wait_for_selector("td.revealed")
    assert "1234567" in page.inner_text("td.revealed")
    assert [] == page.evaluate("[...Object.keys(localStorage), ...Object.keys(sessionStorage)]")
    page.wait_for_selector("td.revealed", state="detached")
    assert "1234567" not in page.content()
    walk_to(page, "city", "ArrowRight")
    page.keyboard.type("Bremen")
    page.keyboard.press("Enter")
    assert page.inner_text("td.edited") == "Bremen"
    page.wait_for_selector("m-tray #twhy")
    page.locator("#twhy").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.locator("m-tray button.main").press("Enter")
    page.wait_for_selector(".note")
    assert "Records saved: 1" in page.inner_text(".note")
    assert [] == page.complaints


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


def test_what_is_pasted_from_a_spreadsheet_waits_in_the_tray(opened, site):
    """Cells fill the table from the focus on, each is checked at once, and all outlast a reload."""
    page = opened()
    page.goto(f"{site[0]}/t/customer")
    walk_from(page, 2, "company")
    page.evaluate(PASTE, 'Nordwind\tKiel\r\n"Süd\twind"\tUlm\r\n')
    page.wait_for_selector("m-tray details[open] tr[data-f] >> nth=3")
    assert 4 == page.locator("#grid td.edited").count()
    assert "Süd wind" in page.inner_text("#grid td.refused"), "a tab in a field of one line"
    walk_to(page, "email", "ArrowLeft")
    page.evaluate(PASTE, "no address")
    page.wait_for_selector('#grid td.refused[data-f="email"]')
    assert 2 == page.locator("#grid td.refused").count()
    assert [] == axe_findings(page)
    page.reload()
    page.wait_for_selector("#grid td.edited >> nth=4")
    assert "Süd wind" in page.inner_text("#grid")
    assert [] == page.evaluate("[...Object.keys(localStorage), ...Object.keys(sessionStorage)]")
    walk_from(page, 2, "email")
    page.keyboard.press("Control+z")
    page.wait_for_function("() => document.querySelectorAll('#grid td.edited').length === 4")
    page.click("m-tray button[value=discard]")
    page.wait_for_selector("#grid td.edited", state="detached")
    page.reload()
    assert "Nordwind" not in page.inner_text("#grid")
    assert [] == page.complaints


def test_a_passkey_is_added_and_signs_in(opened, site, chromium):
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
    assert "laptop" in page.content()
    page.click('form[action="/sign-out"] button')
    page.wait_for_url("**/sign-in")
    with page.expect_navigation():
        page.click("m-passkey button")
    assert page.url == f"{site[0]}/"
    assert [] == page.complaints
