"""What ``plugin new`` writes, served: one each of what a plugin brings to the pages, in both languages."""

from __future__ import annotations

import importlib
import re
import sys
from contextlib import contextmanager

import pytest

from muniment.scaffold import write_plugin
from muniment.testing import new_archive
from muniment_web.testing import Browser, give_password, new_web


@contextmanager
def with_plugin(tmp_path, *templates):
    """An archive with a new plugin in it."""
    write_plugin("ward_round", tmp_path / "made")
    site = tmp_path / "made" / "src"
    info = site / "muniment_ward_round-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: muniment-ward-round\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text("[muniment]\nward_round = muniment_ward_round\n")
    sys.path.insert(0, str(site))
    importlib.invalidate_caches()
    try:
        with new_archive(tmp_path / "a", templates=templates, plugins=("ward_round",)) as archive:
            give_password(archive, "owner")
            yield archive
    finally:
        sys.path.remove(str(site))
        for name in [one for one in sys.modules if one.startswith("muniment_ward_round")]:
            del sys.modules[name]


@pytest.fixture
def browser(tmp_path):
    """Somebody who looks at an archive with a new plugin in it; its record's identifier."""
    with with_plugin(tmp_path, "customer-info", "ward-round-visits") as archive:
        with archive.session(actor="owner") as session:
            values = {"visitor": "<b>Anna</b>", "started_on": "2026-01-26", "ended_on": "2026-01-28"}
            saved = session.create("ward_round_visit", {**values, "code": "A1234-0"})
        yield Browser.of(new_web(archive, plugin_seconds=60)).sign_in("owner"), saved.id


def test_its_page_says_what_is_missing_before_the_template_is_applied(tmp_path):
    """Whoever enables the plugin as its README says finds no error behind its place in the navigation."""
    with with_plugin(tmp_path, "customer-info") as archive:
        one = Browser.of(new_web(archive, plugin_seconds=60)).sign_in("owner")
        shown = one.get("/p/ward_round/coming")
        assert 200 == shown.status_code
        assert "apply the template" in shown.text
        assert "schema.unknown_type" not in shown.text


@pytest.mark.parametrize(
    ("lang", "page", "panel"), [("en", "Coming visits", "Days"), ("zh", "即将来访", "天数")]
)
def test_a_new_plugin_shows_one_of_each(browser, lang, page, panel):
    """A page and its place in the navigation, a panel, a column that is drawn, the widget of its kind."""
    one, record = browser
    one.post("/language", {"lang": lang, "back": "/"})
    path = f"/t/ward_round_visit/{record}"
    assert '<a href="/p/ward_round/coming">' in one.get("/").text
    assert page in one.get("/").text
    shown = one.get("/p/ward_round/coming").text
    assert "2026-01-26" in shown
    assert f'href="{path}"' in shown
    assert "<b>Anna" not in shown
    assert f'hx-get="{path}/panel/ward_round/length"' in one.get(path).text
    beside = one.get(f"{path}/panel/ward_round/length", headers={"HX-Request": "true"}).text
    assert re.search(rf"<dt>{panel}</dt>\s*<dd>3</dd>", beside)
    assert '<span class="chip blue">2026-01-28</span>' in one.get("/t/ward_round_visit").text
    assert 'name="v.code"' in one.get("/t/ward_round_visit/new").text
