"""An archive with users of each role, the pages over it, and browsers that are signed in.

Two variables make races show themselves in the tests that drive a browser:
``MUNIMENT_SLOW_BROWSER`` is how many times slower its processor seems,
``MUNIMENT_LATE_MS`` by how many milliseconds at most an answer is held back, some not
at all, so that a later one overtakes it.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from muniment.archive import Archive
from muniment.testing import TickingClock, log_entries, new_archive
from muniment_web._app import build
from muniment_web.server.web import Web
from muniment_web.testing import ANNA, PASSWORD, Browser, give_password, new_web

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
SLOWER = float(os.environ.get("MUNIMENT_SLOW_BROWSER") or 1)
LATE_MS = int(os.environ.get("MUNIMENT_LATE_MS") or 0)
WAIT_MS = 60_000
"""How long a test waits for a state; nothing hangs on it but how soon a wrong page is given up."""
USERS = {"li.na": "editor", "tom": "reader", "ada": "auditor"}


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    """One archive for all tests of a process; each test makes the records that it looks at."""
    archive = new_archive(tmp_path_factory.mktemp("web") / "customers", templates=("customer-info",))
    with archive:
        with archive.session(actor="owner") as session:
            for login, role in USERS.items():
                values = {"login": login, "display_name": login, "roles": [role], "state": "active"}
                session.create("user", values)
        yield archive


@pytest.fixture
def web(made: Archive) -> Web:
    """The pages, freshly started."""
    return new_web(made)


@pytest.fixture
def browser(web: Web) -> Callable[[], Browser]:
    """Makes browsers that nobody is signed in with."""
    return lambda: Browser.of(web)


@pytest.fixture
def signed(web: Web, made: Archive) -> Callable[[str], Browser]:
    """Makes browsers in which somebody is signed in."""

    def sign(login: str) -> Browser:
        give_password(made, login)
        return Browser.of(web).sign_in(login)

    return sign


@pytest.fixture
def clock() -> TickingClock:
    """A clock that stands until it is set on."""
    return TickingClock(step_us=0)


@pytest.fixture
def anna(made: Archive) -> str:
    """A customer's record."""
    with made.session(actor="owner") as session:
        number = f"C-{session.note('log.read')}"
        return session.create("customer", {**ANNA, "customer_number": number}).id


@pytest.fixture
def logged(made: Archive) -> Callable[[], list]:
    """The entries that were written since the test began."""
    start = len(log_entries(made))
    return lambda: log_entries(made)[start:]


@pytest.fixture
def in_pieces() -> Callable[..., tuple[int, int]]:
    """Sends a body in a thousand pieces as a server hands them on; the status, and how many were taken."""

    def send_to(web: Web, path: str, headers: dict[str, str], piece: bytes = b"x" * 64) -> tuple[int, int]:
        taken, statuses = 0, []

        async def receive() -> dict[str, Any]:
            nonlocal taken
            taken += 1
            return {"type": "http.request", "body": piece, "more_body": taken < 1_000}

        async def send(message: dict[str, Any]) -> None:
            statuses.append(message.get("status"))

        named = {"host": "localhost:8765", **headers}
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in named.items()],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 8765),
        }
        with ThreadPoolExecutor(1) as thread:
            thread.submit(asyncio.run, build(web)(scope, receive, send)).result()
        return statuses[0], taken

    return send_to


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A browser without a window; where CI is, a missing one is a failure."""
    if CHROMIUM is None:
        if os.environ.get("CI") or os.environ.get("MUNIMENT_NO_SKIP"):
            pytest.fail("the pages are driven in a browser here, and there is none")
        pytest.skip("there is no chromium here")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def expect(chromium: Any) -> Any:
    """Waits until what is claimed of a page holds."""
    from playwright.sync_api import expect

    expect.set_options(timeout=WAIT_MS)
    return expect


@pytest.fixture(scope="session")
def around() -> Callable[[Any], Any]:
    """Puts around an application what holds its answers back, each for another while."""
    pick = random.Random(LATE_MS)

    def put(app: Any) -> Any:
        async def answer(scope: Any, receive: Any, send: Any) -> None:
            held = scope["type"] == "http" and not scope["path"].startswith("/static/")
            late = pick.choice((0, pick.random())) * LATE_MS / 1000 if held else 0

            async def sending(message: Any) -> None:
                if late and message["type"] == "http.response.start":
                    await asyncio.sleep(late)
                await send(message)

            await app(scope, receive, sending)

        return answer if LATE_MS else app

    return put


@pytest.fixture(scope="session")
def new_page(chromium: Any) -> Callable[..., Any]:
    """A page in a context of its own, where somebody, or nobody, is signed in; its complaints are kept."""

    def make(
        base: str, login: str, locale: str = "en", width: int = 1440, colours: str = "light", **more: Any
    ) -> Any:
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, locale=locale, color_scheme=colours, **more
        )
        context.set_default_timeout(WAIT_MS)
        page = context.new_page()
        if SLOWER > 1:
            context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
        page.complaints = []
        page.on("console", lambda said: page.complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        if login:
            page.goto(f"{base}/sign-in")
            page.fill("#login", login)
            page.fill("#password", PASSWORD)
            page.press("#password", "Enter")
            page.wait_for_url(f"{base}/")
        return page

    return make


@pytest.fixture(scope="session")
def axe_findings() -> Callable[[Any], list[str]]:
    """What axe has to say about a page that has settled."""
    source = (Path(__file__).parent / "assets" / "axe.js").read_text(encoding="utf-8")

    def find(page: Any) -> list[str]:
        page.wait_for_function("() => !document.querySelector('.htmx-request, [aria-busy=true]')")
        page.evaluate(source)
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [f"{one['id']}: {one['nodes'][0]['html'][:160]}" for one in found["violations"]]

    return find


@pytest.fixture(scope="session")
def whole(axe_findings: Callable[[Any], list[str]]) -> Callable[[Any, str], None]:
    """Asks of an opened page what holds of each: quiet, no finding of axe, nothing wider than the screen."""

    def look(page: Any, path: str) -> None:
        assert [] == axe_findings(page), path
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, path
        assert [] == page.complaints, path
        folder = os.environ.get("MUNIMENT_SCREENSHOTS")
        if folder:
            place, _, query = path.partition("?")
            name = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "ID", place).strip("/").replace("/", "-") or "desk"
            lang, width = page.evaluate("[document.documentElement.lang, innerWidth]")
            name += query[:6].replace("=", "")
            page.screenshot(path=Path(folder) / f"{name}-{lang[:2]}-{width}.png", full_page=True)

    return look
