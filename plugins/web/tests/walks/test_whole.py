"""Every page in a real browser: whole in both languages, sizes and colours. A new page is in it by itself."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from muniment_web.pages import routes

pytestmark = pytest.mark.slow

UNSEEN = {
    "/welcome/{token}": "needs a link that works once; signing in is tested for itself",
    "/leave/{token}": "needs a link from a letter; letters are tested for themselves",
    "/ask/{token}": "needs a link from a letter; letters are tested for themselves",
    "/requests/{id:uuid}/evidence": "a file",
    "/t/{type}/{id:uuid}/report": "a file",
    "/t/{type}/{id:uuid}/report.json": "a file",
    "/t/{type}/{id:uuid}/accesses.zip": "a file",
    "/t/{type}/{id:uuid}/consents/receipt": "a file",
    "/t/{type}/{id:uuid}/file/{field}": "a file",
    "/t/{type}/{id:uuid}/file/{field}/change": "a dialog of the table",
    "/erasures/{id:uuid}/certificate": "a file",
    "/follow-ups/calendar.ics": "a file",
    "/incoming/{id:uuid}/original": "a file",
    "/incoming/{id:uuid}": "needs something that came in; tested for itself",
    "/mailings/standing": "a piece of a page",
    "/dashboards/{name}/renew": "a piece of a page",
    "/log/badge": "a piece of a page",
    "/log/seal": "a piece of a page",
    "/log/{place}/proof": "a file",
    "/import/columns": "needs an uploaded file; the wizard is walked for itself",
    "/import/rejects": "a file",
    "/p/{plugin}/{page}": "a page of a plugin; tested with one",
    "/t/{type}/{id:uuid}/panel/{plugin}/{panel}": "a piece of a page, of a plugin",
}
"""The addresses that are not looked at, and why."""


def filled(site) -> dict[str, list[str]]:
    """What stands in the place of what an address names, and questions that a page is asked."""
    with site.archive.session(actor="owner", purpose="ServiceProvision") as session:
        alert = session.alerts.list(states=("open", "explained", "violation"))[0].id
        request = session.requests.listed(everything=True)[0].id
        glass = session.emergencies.list()[0].id
        incident = session.incidents.listed(closed=True)[0].id
        change = session.changes.list()[0].number
    today = site.web.engine.today().isoformat()
    who, pair = f"record={site.anna}", f"first={site.anna}&second={site.twin}"
    return {
        "/alerts/{id:uuid}": [f"/alerts/{alert}"],
        "/requests/{id:uuid}": [f"/requests/{request}"],
        "/break-glass/{id:uuid}": [f"/break-glass/{glass}"],
        "/incidents/{id:uuid}": [f"/incidents/{incident}"],
        "/changes/{id}": [f"/changes/{change}"],
        "/templates/{name}": ["/templates/account-manager"],
        "/dashboards/{name}": ["/dashboards/customers"],
        "/consents/notices/{key}": ["/consents/notices/newsletter"],
        "/mailings/letters/{key}": ["/mailings/letters/satisfaction"],
        "/log/{place}": ["/log/7"],
        "/plugins/{name}": ["/plugins/pinyin"],
        "/schema/{table}/fields/{field}": ["/schema/customer/fields/phone"],
        "/roles/{role}": ["/roles/auditor"],
        "/roles/{role}/change": ["/roles/emergency/change"],
        "/roles/{role}/tables/{type}": ["/roles/emergency/tables/customer"],
        "/log": ["/log", "/log?field=phone&kind=record.read"],
        "/quality": ["/quality?type=customer"],
        "/duplicates": ["/duplicates?type=customer"],
        "/merge": [f"/merge?{pair}"],
        "/t/{type}/{id:uuid}/reveal": [f"/t/customer/{site.anna}/reveal?field=phone"],
        "/audit": [
            f"/audit?q=who&{who}",
            "/audit?q=saw&field=phone",
            "/audit?q=did",
            f"/audit?q=disclosures&{who}",
            "/audit?q=changed&since=2026-01-01",
            f"/audit?q=rules&day={today}",
            f"/audit?q=could&type=customer&day={today}",
        ],
    }


def paths_of(site, login: str) -> list[str]:
    """Every page that somebody may open.

    Raises:
        AssertionError: a page is neither looked at nor left out for a reason.
    """
    known, browser, found = filled(site), site.browser(login), []
    for route in routes():
        if "GET" not in (getattr(route, "methods", None) or ()) or route.path in UNSEEN:
            continue
        plain = route.path
        for name, value in (("{type}", "customer"), ("{table}", "customer"), ("{id:uuid}", site.anna)):
            plain = plain.replace(name, value)
        for path in known.get(route.path, [plain]):
            answer = browser.get(path)
            if answer.status_code == 403 and login != "cho":
                continue
            assert 200 == answer.status_code, f"{path}: say in filled() what it needs, or in UNSEEN why not"
            assert re.match("(?i)<!doctype html>", answer.text), f"{path}: no page; say so in UNSEEN"
            found.append(path)
    return found


@pytest.mark.parametrize(
    ("login", "locale", "width", "colours", "part"),
    [("cho", "en", 1440, "light", 0), ("ada", "zh-CN", 390, "dark", 1)],
)
def test_pages_are_whole(signed_in, site, looked_at, nothing_lost, login, locale, width, colours, part):
    """Quiet, no report of the policy, no finding of axe, nothing too wide; spaced text is there whole."""
    page = signed_in(login, locale, width, colours)
    for path in paths_of(site, login)[part::2]:
        looked_at(page, path)
        nothing_lost(page, path)
    if part:
        looked_at(page, "/regimes", press="main .btn.main")


@pytest.mark.soak
@pytest.mark.parametrize("login", ["cho", "ada"])
@pytest.mark.parametrize("locale", ["en", "zh-CN"])
@pytest.mark.parametrize("width", [1440, 390, 320])
@pytest.mark.parametrize("colours", ["light", "dark"])
def test_every_page_is_whole_in_every_way(
    signed_in, site, looked_at, nothing_lost, login, locale, width, colours
):
    """The same of each page, for those who change and those who look, in each language, size and colours."""
    page = signed_in(login, locale, width, colours)
    for path in paths_of(site, login):
        looked_at(page, path)
        nothing_lost(page, path, full=True)


KEY = re.compile(
    r"(?<![\w.@/:\[-])[a-z][a-z0-9]*(?:[._][a-z0-9_]+)+(?![\w@])"  # record_type, access.action
    r"|\b[A-Z][a-z]+(?:[A-Z][a-z]+)+\b"  # ServiceProvision
    r"|\bP[0-9]+[YMWD]\b"  # ISO 8601: P2Y
)
"""What a program calls something, where a person would not."""

MEANT = {"li_na": "somebody's account, as an example", "record.create": "what is typed there"}
"""Keys that people are to read, and why."""

FILES = (".toml", ".py", ".db", ".json", ".ndjson", ".txt", ".csv", ".xlsx", ".zip", ".pdf")


class Said(HTMLParser):
    """Collects what a page says, but for what it marks as code or as another language."""

    APART = frozenset({"code", "pre", "script", "style", "textarea", "template"})
    VOID = frozenset({"area", "br", "col", "hr", "img", "input", "link", "meta", "wbr"})

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self._apart: list[bool] = [False]

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.words += [given[name] for name in ("aria-label", "alt") if given.get(name)]
        if tag not in self.VOID:
            english = tag != "html" and given.get("lang") == "en"
            code = "code" in (given.get("class") or "").split()
            self._apart.append(self._apart[-1] or tag in self.APART or english or code)

    def handle_endtag(self, tag):
        if tag not in self.VOID and len(self._apart) > 1:
            self._apart.pop()

    def handle_data(self, data):
        if not self._apart[-1]:
            self.words.append(data)


def test_pages_say_words_and_no_keys(site):
    """In Chinese nobody reads what a field, a role, an action or a purpose is called inside."""
    logins, browser, found = set(site.archive.engine.definitions.users), site.browser("cho"), {}
    for path in paths_of(site, "cho"):
        if re.match("/log/[0-9]", path):
            continue  # an entry says both: the word, and the key that stands in the log
        page = Said()
        page.feed(browser.get(path, headers={"accept-language": "zh-CN"}).text)
        keys = {one for text in page.words for one in KEY.findall(text)} - logins - MEANT.keys()
        if keys := {one for one in keys if not one.endswith(FILES)}:
            found[path] = keys
    assert {} == found
