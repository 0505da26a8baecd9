"""Every page of oversight and rights in a real browser: whole in both languages, sizes and colours."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.slow


def paths_of(site, login: str) -> list[str]:
    """The pages that the walks are about, with identifiers filled in."""
    with site.archive.session(actor="owner", purpose="ServiceProvision") as session:
        alert = session.alerts.list(states=("open", "explained", "violation"))[0].id
        request = session.requests.listed(everything=True)[0].id
        glass = session.emergencies.list()[0].id
        incident = session.incidents.listed(closed=True)[0].id
    person = f"/t/customer/{site.anna}"
    return [
        "/",
        "/requests",
        f"/requests/{request}",
        "/retention",
        "/retention/blocked",
        "/retention/runs",
        "/retention/report",
        "/find",
        f"{person}/retention",
        "/break-glass",
        f"/break-glass/{glass}",
        "/alerts",
        f"/alerts/{alert}",
        "/alerts/rules",
        "/alerts/sign-off",
        f"/audit?q=who&record={site.anna}",
        "/audit?q=did",
        "/audit?q=could&type=customer&day=2026-11-22",
        "/evidence",
        "/log?field=phone&kind=record.read",
        person,
        "/consents",
        f"{person}/consents",
        "/consents/notices/newsletter",
        "/config",
        "/templates",
        "/templates/account-manager",
        "/quality?type=customer",
        "/duplicates?type=customer",
        "/restrictions",
        "/incidents",
        "/regimes",
        f"/incidents/{incident}",
        "/erasures",
        "/follow-ups",
        *(("/incoming", "/mailings", "/mailings/letters/satisfaction") if login == "cho" else ()),
        *((f"/merge?first={site.anna}&second={site.twin}", "/merges") if login != "ada" else ()),
        *((f"{person}/requests", f"{person}/restriction", f"{person}/erase") if login != "ada" else ()),
    ]


@pytest.mark.parametrize(
    ("login", "locale", "width", "colours", "part"),
    [("cho", "en", 1440, "light", 0), ("ada", "zh-CN", 390, "dark", 1)],
)
def test_pages_are_whole(signed_in, site, looked_at, login, locale, width, colours, part):
    """Nothing on the console, no report of the policy, nothing wider than the screen, no finding of axe."""
    page = signed_in(login, locale, width, colours)
    for path in paths_of(site, login)[part::2]:
        looked_at(page, path)
    if part:
        looked_at(page, "/regimes", press="main .btn.main")


@pytest.mark.soak
@pytest.mark.parametrize("login", ["cho", "ada"])
@pytest.mark.parametrize("locale", ["en", "zh-CN"])
@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("colours", ["light", "dark"])
def test_every_page_is_whole_in_every_way(signed_in, site, looked_at, login, locale, width, colours):
    """The same of each page, for those who change and those who look, in each language, size and colours."""
    page = signed_in(login, locale, width, colours)
    for path in paths_of(site, login):
        looked_at(page, path)
