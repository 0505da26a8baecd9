"""Take the pictures in docs/pictures: real pages over the made-up company, in a real browser.

Run it after a change to how pages look: ``make pictures``. It needs Chromium (``CHROMIUM`` says which).
Nothing compares the pictures with the pages: fonts differ from machine to machine.
"""

from __future__ import annotations

import base64
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
from playwright.sync_api import Page, sync_playwright

import muniment
from muniment.archive import Archive
from muniment.cli.app import app
from muniment.errors import ApprovalNeeded
from muniment.keys import KeyFile
from muniment_web.testing import PASSWORD, give_password, new_web, served

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
_SIZE = "60"


@attrs.frozen
class Look:
    """One picture.

    Attributes:
        name: of its file, without the ending.
        path: of the page; ``{id}`` is a customer.
        login: who looks.
        locale: of the browser.
        width: of the window, in CSS pixels.
        height: of it.
        colours: ``light`` or ``dark``.
        press: what is pressed before, as a selector.
    """

    name: str
    path: str
    login: str = "owner"
    locale: str = "en"
    width: int = 1200
    height: int = 720
    colours: str = "light"
    press: str = ""


LOOKS = (
    Look("table", "/t/customer"),
    Look("record.zh", "/t/customer/{id}", locale="zh-CN"),
    Look("reveal", "/t/customer/{id}", press="a.lockbtn"),
    Look("dashboard", "/dashboards/team", login="chen.jing"),
    Look("log.zh", "/log", locale="zh-CN"),
    Look("retention", "/retention"),
    Look("phone.zh", "/audit?q=who&record={id}", locale="zh-CN", width=390, height=780, colours="dark"),
    # The last ones: a first sign-in shows first steps.
    Look("desk", "/"),
    Look("desk.zh", "/", locale="zh-CN"),
)


@contextmanager
def company() -> Iterator[Archive]:
    """The made-up company, where something waits for a second person."""
    base = Path(tempfile.mkdtemp(prefix="muniment-pictures-"))
    try:
        app(["demo", str(base / "demo"), "--size", _SIZE], standalone_mode=False)
        with muniment.open(
            base / "demo" / "customers", root=KeyFile(base / "demo" / "customers.key")
        ) as archive:
            path = archive.folder / "muniment.toml"
            rule = '\n[[approvals.rule]]\nname = "cities"\noperations = ["update"]\nfields = ["city"]\n'
            path.write_text(path.read_text("utf-8") + rule, "utf-8")
            with archive.session(actor="owner") as session:
                archive.apply_config(session, reason="four eyes")
            _wait(archive)
            for login in {one.login for one in LOOKS}:
                give_password(archive, login)
            yield archive
    finally:
        shutil.rmtree(base)


def _wait(archive: Archive) -> None:
    with archive.session(actor="li.na", purpose="ServiceProvision") as session:
        one = session.list("customer", limit=3).records[0]
        try:
            session.update(one.id, {"city": "Bonn"}, expected_version=one.version, reason="moved")
        except ApprovalNeeded:
            return


def take(page: Page, look: Look, base: str, known: dict[str, str]) -> None:
    """One picture, as WebP."""
    page.goto(base + look.path.format(**known))
    if look.press:
        page.click(look.press)
        page.wait_for_selector("dialog[open] select")
    page.wait_for_function("() => !document.querySelector('.htmx-request, [aria-busy=true]')")
    shot: dict[str, Any] = page.context.new_cdp_session(page).send(
        "Page.captureScreenshot", {"format": "webp", "quality": 82}
    )
    (FOLDER / f"{look.name}.webp").write_bytes(base64.b64decode(shot["data"]))
    sys.stderr.write(f"{look.name}\n")


def main() -> None:
    """Take them all."""
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    with company() as archive, served(new_web(archive)) as base, sync_playwright() as playwright:
        with archive.session(actor="owner", purpose="ServiceProvision") as session:
            known = {"id": session.list("customer", limit=4).records[3].id}
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        for look in LOOKS:
            context = browser.new_context(
                viewport={"width": look.width, "height": look.height},
                locale=look.locale,
                color_scheme=look.colours,  # type: ignore[arg-type]  # one of the two that it knows
            )
            page = context.new_page()
            page.goto(f"{base}/sign-in")
            page.fill("#login", look.login)
            page.fill("#password", PASSWORD)
            page.press("#password", "Enter")
            page.wait_for_url(f"{base}/")
            if look.path == "/log":
                page.goto(f"{base}/log")
                page.click("#badge form button")
                page.wait_for_selector("#badge .chip.green")
            take(page, look, base, known)
            context.close()
        browser.close()


if __name__ == "__main__":
    main()
