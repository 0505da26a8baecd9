"""One archive in which something waits on every page, one server over it and one browser, for all walks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest

from muniment import config
from muniment.archive import Archive
from muniment.errors import ApprovalNeeded
from muniment.model import id_text
from muniment.session.oversight.affected import Scope
from muniment.session.rights.consents import Terms
from muniment.testing import new_archive
from muniment_web.server.web import Web
from muniment_web.testing import ANNA, Browser, give_password, new_web, served

USERS = {
    "li.na": ("editor",),
    "mo": ("editor",),
    "tom": ("reader",),
    "ada": ("auditor",),
    "cho": ("owner",),
    "eve": ("reader", "emergency"),
}
RULES = """
[roles.emergency]
label = { en = "Emergency", zh = "紧急" }
actions = ["break_glass.begin"]

[consent]
purposes = ["DirectMarketing"]

[retention]

[[retention.rule]]
id = "ORDERS"
effect = "MIN"
minimum = "P2Y"
source = "house rule 1"
categories = ["order", "invoice"]
anchors = ["ordered_at"]
verified_by = "counsel"

[[approvals.rule]]
name = "cities"
operations = ["update"]
types = ["customer"]
fields = ["city"]
"""
ORDERS = ("2015-09-15", "2016-09-15", "2017-03-01")


@attrs.frozen
class Site:
    """What a walk knows of the archive that it walks through."""

    archive: Archive
    web: Web
    base: str
    anna: str
    bert: str
    twin: str
    orders: tuple[str, ...]

    def browser(self, login: str) -> Browser:
        """A browser without a window, signed in."""
        return Browser.of(self.web).sign_in(login)


def fill(archive: Archive) -> dict[str, Any]:
    """People of every role, records, and something that waits for each of them."""
    with archive.session(actor="owner", purpose="ServiceProvision") as session:
        for login in USERS:
            session.create("user", {"login": login, "roles": ["reader"], "state": "active"})
        path = archive.folder / config.FILE_NAME
        path.write_text(path.read_text(encoding="utf-8") + RULES, encoding="utf-8")
        archive.apply_config(session, reason="house rules")
        users = archive.engine.definitions.users
        for login, roles in USERS.items():
            session.update(id_text(users[login].record), {"roles": list(roles)}, reason="as agreed")
        anna = session.create("customer", {**ANNA, "customer_number": "A-1"}, reason="walk-in").id
        bert = session.create("customer", {"full_name": "Berthold Klein", "customer_number": "A-2"}).id
        twin = session.create(
            "customer", {"full_name": "Anna Schmidt", "customer_number": "A-3", "phone": "030 1234567"}
        ).id
        orders = [
            session.create(
                "order",
                {"customer": anna if at else bert, "order_number": f"SO-{at}", "ordered_at": day},
            ).id
            for at, day in enumerate(ORDERS)
        ]
        session.update(anna, {"company": "Nordwind"}, expected_version=1, reason="caller said so")
        session.holds.place("case 7", subjects=[bert], reason="lawyer asked")
        session.consents.write_notice(
            "newsletter",
            {
                "text_en": "We send you our letter once a month.",
                "text_zh": "我们每月向您发送一次通讯。",
                "purposes": ["DirectMarketing"],
                "jurisdiction": "EU",
            },
        )
        terms = Terms("DirectMarketing", notice="newsletter", method="web")
        session.consents.give(anna, terms)
        incident = session.incidents.open("Letters to the wrong houses", laws=["gdpr"])
        session.incidents.find(incident.id, Scope(actors=("owner",)))
        requests = session.requests
        today = session.engine.today()
        late = requests.open(bert, "access", law="gdpr", received=today - timedelta(days=40), channel="mail")
        requests.open(anna, "erasure", law="gdpr", received=today - timedelta(days=2), channel="phone")
        requests.step(late.id, "identity_check", note="passport seen")
    with archive.session(actor="li.na", purpose="ServiceProvision") as session:
        session.get(anna)
        with pytest.raises(ApprovalNeeded):
            session.update(anna, {"city": "Bonn"}, expected_version=2, reason="moved")
    with archive.session(actor="eve", purpose="ServiceProvision") as session:
        session.emergencies.begin(anna, reason="ambulance on the line", minutes=30)
        session.get(anna)
    with archive.session(actor="owner") as session:
        for _ in range(12):
            session.note(
                "access.deny", outcome="denied", code="access.action", target={"action": "record.read"}
            )
        session.alerts.run()
    return {"anna": anna, "bert": bert, "twin": twin, "orders": tuple(orders)}


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, around: Callable[[Any], Any]) -> Iterator[Site]:
    """The archive with its server; a walk that changes something takes records of its own."""
    templates = ("customer-info", "ecommerce")
    with new_archive(tmp_path_factory.mktemp("walks") / "customers", templates=templates) as archive:
        made = fill(archive)
        for login in ("owner", *USERS):
            give_password(archive, login)
        web = new_web(archive)
        with served(web, around=around) as base:
            yield Site(archive, web, base, **made)


@pytest.fixture(scope="session")
def signed_in(new_page: Callable[..., Any], site: Site) -> Iterator[Callable[..., Any]]:
    """A page of somebody who is signed in, in a language, size and colours; kept for all walks."""
    made: dict[tuple[str, str, int, str], Any] = {}

    def make(login: str, locale: str = "en", width: int = 1440, colours: str = "light") -> Any:
        key = (login, locale, width, colours)
        # Of somebody's many sign-ins in these walks the oldest end.
        if key in made and "/sign-in" in made[key].context.request.get(f"{site.base}/account").url:
            made.pop(key).context.close()
        if key not in made:
            made[key] = new_page(site.base, *key)
        return made[key]

    yield make
    for page in made.values():
        page.context.close()


@pytest.fixture(
    params=[
        ("en", 1440),
        ("zh-CN", 390),
        pytest.param(("en", 390), marks=pytest.mark.soak),
        pytest.param(("zh-CN", 1440), marks=pytest.mark.soak),
    ],
    ids=lambda way: f"{way[0]}-{way[1]}",
)
def way(request: pytest.FixtureRequest) -> tuple[str, int]:
    """The language of somebody's browser and how wide it is: a desk or a phone."""
    way: tuple[str, int] = request.param
    return way


@pytest.fixture(scope="session")
def nothing_lost() -> Callable[..., None]:
    """Asks of an opened page that nothing of it is cut off, covered or out of reach.

    Text is given the spacing that readers may ask for (WCAG 2.2, 1.4.12). In full it is looked at as
    it stands too, and, where the window is wide, at 200 % (1.4.4), which makes it half as wide.
    """
    source = Path(__file__).with_name("seen.js").read_text(encoding="utf-8")

    def look(page: Any, path: str, *, full: bool = False) -> None:
        page.evaluate(source)
        if full:
            assert [] == page.evaluate("lost()"), path
        page.evaluate("spaced()")
        assert [] == page.evaluate("lost()"), f"{path}, with its text spaced out"
        page.evaluate("plain()")
        size = page.viewport_size
        if full and size["width"] > 1000:
            page.set_viewport_size({**size, "width": size["width"] // 2})
            assert [] == page.evaluate("lost()"), f"{path}, at twice its size"
            page.set_viewport_size(size)

    return look


@pytest.fixture
def looked_at(site: Site, whole: Callable[[Any, str], None]) -> Callable[[Any, str], None]:
    """Opens a path and asks for what holds of every page: whole, quiet, no finding of axe, not too wide."""

    def look(page: Any, path: str, press: str = "") -> None:
        page.goto(site.base + path)
        if press:
            with page.expect_navigation():
                page.click(press)
        whole(page, path)

    return look
