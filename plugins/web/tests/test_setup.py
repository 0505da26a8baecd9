"""Setting an archive up in its pages: plugins, tables and fields, roles, keys, backups."""

from __future__ import annotations

import re

import pytest

from muniment import config
from muniment.testing import log_entries, new_archive
from muniment_web.testing import Browser, give_password, new_web


@pytest.fixture
def small(tmp_path):
    """An archive of this test's own, since its configuration changes."""
    with new_archive(tmp_path / "customers", templates=("customer-info",)) as archive:
        with archive.session(actor="owner") as session:
            session.create("user", {"login": "tom", "roles": ["reader"], "state": "active"})
        for login in ("owner", "tom"):
            give_password(archive, login)
        yield archive


def signed(archive, login: str = "owner") -> Browser:
    """A browser of somebody."""
    return Browser.of(new_web(archive)).sign_in(login)


def seen_in(page: str) -> str:
    """What a page gives to be sent back with the yes."""
    return re.search(r'name="seen" value="([0-9a-f]{64})"', page).group(1)


def file_of(archive):
    """The configuration file."""
    return archive.folder / config.FILE_NAME


def test_a_plugin_is_looked_at_before_it_is_used(small):
    """What it asks for, what the file would say, which fields come; nothing holds and nothing is written."""
    one = signed(small)
    before = file_of(small).read_bytes()
    page = one.get("/plugins/finance").text
    assert "<code>muniment_validate</code>" in page
    assert "it sees the values of the record that is written" in page
    page = one.post("/plugins/finance", {"do": "look_on"}).text
    assert re.search(r"<ins>\+ enabled = \[.*finance.*\]</ins>", page)
    assert before == file_of(small).read_bytes()
    assert () == small.applied.plugins


def test_a_plugin_is_switched_on_and_off(small):
    """The file keeps its comments, the archive holds what it says, and each is an entry with its reason."""
    one = signed(small)
    seen = seen_in(one.post("/plugins/finance", {"do": "look_on"}).text)
    page = one.post("/plugins/finance", {"do": "on", "seen": seen, "why": "other", "note": "clients"})
    assert "finance is in use from now on" in page.text
    assert "finance" in small.applied.plugins
    text = file_of(small).read_text(encoding="utf-8")
    assert "finance" in config.parse(text, where="file").plugins
    assert "# What rests on consent." in text
    kinds = [one.kind for one in log_entries(small)]
    assert "plugin.enable" in kinds
    seen = seen_in(one.post("/plugins/finance", {"do": "look_off"}).text)
    one.post("/plugins/finance", {"do": "off", "seen": seen, "why": "other", "note": "no more"})
    assert "finance" not in small.applied.plugins
    assert "plugin.disable" in [one.kind for one in log_entries(small)]


def test_a_file_that_moved_since_is_left_alone(small):
    """What was looked at is what is written: another file, or one that waits, is refused and kept."""
    one = signed(small)
    seen = seen_in(one.post("/plugins/finance", {"do": "look_on"}).text)
    path = file_of(small)
    moved = path.read_text(encoding="utf-8") + "\n# a line of somebody's\n"
    path.write_text(moved, encoding="utf-8")
    yes = {"do": "on", "seen": seen, "why": "other", "note": "clients"}
    page = one.post("/plugins/finance", yes)
    assert "config.waits" in page.text
    with small.session(actor="owner") as session:
        small.apply_config(session, reason="a comment")
    page = one.post("/plugins/finance", yes)
    assert "config.moved" in page.text
    assert moved == path.read_text(encoding="utf-8")
    assert () == small.applied.plugins


def test_what_is_not_on_this_machine_is_never_named(small):
    """A plugin that is not installed has no page, and a form about it changes nothing."""
    one = signed(small)
    before = file_of(small).read_bytes()
    assert 404 == one.get("/plugins/nonesuch").status_code
    assert 404 == one.post("/plugins/nonesuch", {"do": "on", "why": "other", "note": "x"}).status_code
    assert before == file_of(small).read_bytes()


def test_a_reader_switches_nothing(small):
    """The pages say no, the log has the refusal, and no code of an unused plugin is asked."""
    tom = signed(small, "tom")
    assert 403 == tom.post("/plugins/finance", {"do": "on", "why": "other", "note": "x"}).status_code
    assert () == small.applied.plugins


def test_a_file_that_may_not_be_written_is_a_sentence(small, monkeypatch):
    """Where the process may not write the file, the page says so, and nothing holds."""
    from muniment.archive import editing
    from muniment.errors import ConfigError

    one = signed(small)
    seen = seen_in(one.post("/plugins/finance", {"do": "look_on"}).text)

    def refuse(path, content):
        raise ConfigError("config.not_writable", where=str(path))

    monkeypatch.setattr(editing, "_write", refuse)
    page = one.post("/plugins/finance", {"do": "on", "seen": seen, "why": "other", "note": "clients"})
    assert "may not write" in page.text
    assert () == small.applied.plugins
