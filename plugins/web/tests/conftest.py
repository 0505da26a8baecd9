"""An archive with users of each role, the pages over it, and browsers that are signed in."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from muniment.archive import Archive
from muniment.testing import log_entries, new_archive
from muniment_web._web import Web
from muniment_web.testing import ANNA, Browser, give_password, new_web

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
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
