"""Pages, panels and columns of plugins: what a good one shows, and that a bad one does no harm."""

from __future__ import annotations

import importlib
import json
import re
import sys
import threading

import pytest

from muniment.testing import log_entries, new_archive
from muniment_web.testing import ANNA, Browser, give_password, new_web, served

SOURCE = """
import threading
import muniment
from muniment.plugins import *
from muniment.schema import Label

GATE = threading.Event()

@muniment.hookimpl
def muniment_plugin_info():
    return PluginInfo("mischief", ">=1,<2", title={"en": "Mischief", "zh": "捣蛋"})

def visits(asking):
    page = asking.session.list("customer", fields=["full_name", "phone"], limit=5)
    rows = [[str(one.fields["full_name"]), str(one.fields["phone"])] for one in page.records]
    said = asking.form.get("word", "")
    return [Text("Heading <b>", heading=True), Facts([("Said", said)]), Table(["Name", "Phone"], rows),
            Link("Away", "//evil.example/"), Form([Input("word", "Word")], "Send")]

def inline(asking):
    return [Html("<script>document.title='owned'</script><p id=calm style='color:red' onclick='x()'>Calm</p>"
                 "<img src=x onerror=\\"document.title='owned'\\">" + GADGETS)]

def fails(asking):
    raise ValueError("030 1234567 is a secret")

def slow(asking):
    GATE.wait(300)
    return [Text("late")]

def nothing(asking):
    return ["<b>no block</b>"]

@muniment.hookimpl
def muniment_pages():
    en = lambda text: Label(text, text)
    return [Page("visits", en("Visits"), visits), Page("inline", en("Inline"), inline, section=""),
            Page("fails", en("Fails"), fails, section=""), Page("slow", en("Slow"), slow, section=""),
            Page("nothing", en("Nothing"), nothing, section=""),
            Page("keys", en("Keys page"), nothing, section="setup", action="key.read")]

def beside(asking):
    return [Text(str(asking.session.get(asking.record, fields=["full_name"]).fields["full_name"]))]

@muniment.hookimpl
def muniment_panels(record_type):
    if record_type != "customer":
        return []
    return [Panel("beside", Label("Beside", "旁边"), beside), Panel("broken", Label("Broken", "坏"), fails)]

def draw(value, lang):
    if value == "Ulm":
        raise KeyError(value)
    return Drawn(f"<{value}>", "green")

@muniment.hookimpl
def muniment_columns(record_type):
    return [Column("city", draw)] if record_type == "customer" else []
"""


GADGETS = r"""
<div hx-post="/users/tom/change" hx-trigger="load" hx-include="[name=csrf]" hx-vals='{"do": "disable"}'></div>
<div data-hx-get="/keys" hx-on:load="document.title='owned'">in</div><m-passkey data-mode="add">in</m-passkey>
<meta http-equiv="refresh" content="0;url=https://evil.example/"><base href="https://evil.example/">
<form id="f" action="/sign-out" method="post"><input name="x"><button formaction="/keys">Go</button></form>
<a href="https://evil.example/" id="away">a</a><a href="/\evil.example">b</a>
<a href="javascript:alert(1)">c</a>
<a href="/t/customer">stays</a><dialog id="dialog" open>fake</dialog><p id="dialog">fake</p></div></main>
<svg viewBox="0 0 9 9" role="img" aria-labelledby="t"><title id="t">Chart</title>
<rect x="1" width="3" fill="#123456"/><script>document.title='owned'</script><use href="#x"/>
<foreignObject><form></form></foreignObject><a xlink:href="https://evil.example/"><text>d</text></a></svg>
<style>*{display:none}</style><iframe src="/"></iframe><textarea></textarea>
<math><mtext><table><mglyph><style><img src=x onerror="document.title='owned'"></style></mglyph></table>
</mtext></math><svg><p><style><a title="</style><img src=x onerror=alert(1)>"></style></p></svg>
"""
"""What leads away, acts, or passes for something of ours; and a drawing, which may stay."""


@pytest.fixture(scope="module")
def module(tmp_path_factory):
    """The plugin, installed for this module's tests alone."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "muniment_mischief_made.py").write_text(f"{SOURCE}\nGADGETS = {GADGETS!r}\n", encoding="utf-8")
    info = folder / "muniment_mischief-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: muniment-mischief\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[muniment]\nmischief = muniment_mischief_made\n")
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    yield
    sys.path.remove(str(folder))
    sys.modules.pop("muniment_mischief_made", None)


@pytest.fixture(scope="module")
def archive(module, tmp_path_factory):
    folder = tmp_path_factory.mktemp("plugged") / "customers"
    with new_archive(folder, templates=("customer-info",), plugins=("mischief",)) as made:
        with made.session(actor="owner") as session:
            session.create("user", {"login": "tom", "roles": ["reader"], "state": "active"})
            session.create("customer", {**ANNA, "customer_number": "P-1"})
            session.create("customer", {**ANNA, "customer_number": "P-2", "city": "Ulm"})
        give_password(made, "owner")
        give_password(made, "tom")
        yield made


@pytest.fixture
def browser(archive):
    def sign(login: str = "owner", **settings) -> Browser:
        return Browser.of(new_web(archive, **{"plugin_seconds": 60, **settings})).sign_in(login)

    return sign


@pytest.fixture
def anna(archive):
    with archive.session(actor="owner") as session:
        return session.list("customer", where={"customer_number": "P-1"}).records[0].id


def failures(archive):
    return [entry for entry in log_entries(archive) if entry.kind == "plugin.fail"]


def test_a_page_has_its_place_and_shows_values_as_the_reader_may_see_them(browser, archive):
    """In the navigation, escaped, masked first, with a form that comes back; its reads are logged."""
    one = browser()
    assert 'href="/p/mischief/visits"' in one.get("/").text
    shown = one.get("/p/mischief/visits").text
    assert "Heading &lt;b&gt;" in shown
    assert "Anna Schmidt" in shown
    assert "1234567" not in shown
    assert "//evil.example" not in shown
    assert "<dd>hello</dd>" in one.post("/p/mischief/visits", {"word": "hello"}).text
    assert 403 == one.post("/p/mischief/visits", {"word": "hello"}, csrf="forged").status_code
    assert "record.list" in {entry.kind for entry in log_entries(archive)[-4:]}


def test_whoever_may_not_has_no_page(browser):
    """The role is asked before the plugin is, and the navigation leaves it out."""
    tom = browser("tom")
    assert 403 == tom.get("/p/mischief/keys").status_code
    assert "Keys page" not in tom.get("/").text
    assert 404 == tom.get("/p/mischief/other").status_code
    assert 404 == tom.get("/p/nobody/visits").status_code
    assert "/sign-in" in str(
        Browser.of(new_web(tom.client.app.state.web.archive)).get("/p/mischief/visits").url
    )


@pytest.mark.parametrize(("page", "code"), [("fails", "plugin.raised_page"), ("nothing", "plugin.result")])
def test_a_page_that_fails_says_so_and_tells_no_value(browser, archive, page, code):
    """Its reader is told which plugin it was; the log has the line; neither has what it held."""
    before = len(failures(archive))
    shown = browser().get(f"/p/mischief/{page}")
    assert 200 == shown.status_code
    assert "The plugin mischief could not show this." in shown.text
    assert "secret" not in shown.text
    failed = failures(archive)[before:]
    assert [code] == [entry.detail["code"] for entry in failed]
    assert "1234567" not in json.dumps(failed[0].detail)


def test_markup_of_a_plugin_is_words_tables_and_drawings_alone(browser):
    """What a script of ours would obey, a form, another host, a name of ours: nothing of it is left."""
    shown = browser().get("/p/mischief/inline").text
    main = shown[shown.index('<p id="x-calm"') : shown.rindex("</main>")]
    assert not re.findall(r"(?i)<(?!/?(?:p|div|a|svg|title|rect|table|text)[ />])[^>]*", main)
    assert not re.findall(r"(?i)[ \n](?:hx-|data-|on\w+|style|action|formaction|src|xlink)[\w:-]*=", main)
    assert "evil.example" not in re.sub(r"&[lg]t;[^<]*", "", main)
    assert 'id="dialog"' not in main
    assert '<a href="/t/customer">stays</a>' in main
    assert 'aria-labelledby="x-t"><title id="x-t">Chart</title>' in main
    assert 'fill="#123456"' in main


def test_a_slow_page_keeps_nobody_waiting(browser, archive):
    """Its reader is answered, a third request is told that it is busy, and other pages go on."""
    one = browser(plugin_seconds=0.05)
    gate = sys.modules["muniment_mischief_made"].GATE
    try:
        for _ in range(2):
            assert "plugin.slow_page" in one.get("/p/mischief/slow").text
        assert "plugin.busy" in one.get("/p/mischief/slow").text
        assert 200 == one.get("/t/customer").status_code
    finally:
        gate.set()
    assert threading.active_count() < 40


def test_panels_load_beside_the_record(browser, anna):
    """Each by itself after the page is there; a broken one says so and hinders no other."""
    one = browser()
    record = one.get(f"/t/customer/{anna}").text
    assert f'hx-get="/t/customer/{anna}/panel/mischief/beside"' in record
    partial = {"HX-Request": "true"}
    assert "Anna Schmidt" in one.get(f"/t/customer/{anna}/panel/mischief/beside", headers=partial).text
    broken = one.get(f"/t/customer/{anna}/panel/mischief/broken", headers=partial)
    assert "could not show this" in broken.text
    assert "<html" not in broken.text


def test_cells_look_as_the_plugin_says_and_as_ever_where_it_fails(browser, archive):
    """Escaped, with a tone; one failure is one entry, and the value stands there all the same."""
    before = len(failures(archive))
    shown = browser().get("/t/customer").text
    assert '<span class="chip green">&lt;Berlin&gt;</span>' in shown
    assert ">Ulm</td>" in shown
    (failed,) = failures(archive)[before:]
    assert "muniment_columns" == failed.detail["target"]["hook"]
    assert "Ulm" not in json.dumps(failed.detail)


def test_the_conformance_check_finds_what_cannot_be_shown(module):
    """What fails or is inline is told before anybody enables it."""
    from muniment.testing.conformance import check_plugin

    # The check asks every page, the slow one too: nobody waits for it here.
    gate = importlib.import_module("muniment_mischief_made").GATE
    gate.set()
    found = {str(one.parameters.get("problem")) for one in check_plugin("mischief", records=2)}
    gate.clear()
    assert {"inline", "ValueError", "result"} <= found


@pytest.mark.slow
def test_no_script_of_a_plugin_runs_in_a_browser(archive, new_page, around):
    """Neither a script nor a handler in its markup; the text around them is shown."""
    with served(new_web(archive), around=around) as url:
        page = new_page(url, "owner")
        page.goto(f"{url}/p/mischief/inline")
        page.click("#x-calm")
        assert "owned" not in page.title()
        assert f"{url}/p/mischief/inline" == page.url
        assert archive.engine.definitions.users["tom"].active
        assert "rgb(255, 0, 0)" != page.evaluate("getComputedStyle(document.querySelector('#x-calm')).color")
        page.context.close()
