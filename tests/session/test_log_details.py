"""Every entry that muniment writes is of a published kind, and its detail of the published form."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from jsonschema import Draft202012Validator

import muniment_schemas
from muniment.errors import MunimentError
from muniment.log.kinds import KINDS
from muniment.model import id_bytes, id_text
from muniment.plugins import PluginFailure
from muniment.session import Change
from muniment.testing import log_entries


def _published():
    from importlib import resources

    text = resources.files(muniment_schemas).joinpath("detail.schema.json").read_text(encoding="utf-8")
    return json.loads(text)


SCHEMA = _published()
DETAIL = Draft202012Validator(SCHEMA)
LINE = Draft202012Validator({"$defs": SCHEMA["$defs"], "$ref": "#/$defs/line"})


@pytest.fixture
def archive_options():
    return {"templates": ["customer-info", "interaction-log"]}


def _do_everything(archive, session, tmp_path):
    anna = session.create("customer", {"full_name": "Anna", "phone": "030 1234567"}, reason="walk-in")
    session.update(anna.id, {"phone": None, "city": "Bonn"}, effective="2026-01-01", idempotency_key="k")
    session.correct(anna.id, {"full_name": "Anna S."})
    session.delete(anna.id, reason="gone")
    session.undelete(anna.id)
    session.write([Change("create", "customer", values={"full_name": f"P {number}"}) for number in range(12)])
    values = {"customer": anna.id, "occurred_at": "2026-01-01T10:00:00Z", "channel": "phone"}
    session.create("interaction", values, reason="called")
    user = session.write([Change("create", "user", values={"login": "vera", "roles": ["reader"]})])[0]
    session.write([Change("update", record=id_bytes(user.id), values={"state": "disabled"})], reason="left")
    session.get(anna.id, fields=["full_name"])
    session.get(anna.id, version=1)
    session.history(anna.id)
    session.diff(anna.id, 1, 2)
    session.list("customer", where={"city": "Bonn", "phone": "030 1234567"}, order_by="city", deleted=True)
    session.list("customer", where={"notes": "x"}, scan=True)
    session.list("customer", limit=3, count=True)
    session.search("customer", "nobody")
    session.accesses(anna.id)
    session.entries()
    session.entry(3)
    session.prove(2)
    session.export_log(tmp_path / "log")
    session.check_data()
    session.rebuild_data()
    session.checkpoint()
    session.types()
    for act in (
        lambda: session.get("0" * 8 + "-0000-7000-8000-" + "0" * 12),
        lambda: session.list("nonsense"),
        lambda: session.list("customer", where={"nonsense": 1}),
        lambda: session.create("customer", {"full_name": "A", "customer_number": "1"}),
        lambda: session.create("customer", {"full_name": "A", "customer_number": "1"}),
        lambda: archive.session(actor="nobody", purpose="Audit").list("customer"),
        lambda: archive.session(actor="vera", purpose="Audit").list("customer"),
        lambda: archive.session(actor="owner", purpose="Audit", auth="password", address="10.0.0.1",
                                sign_in="s", legal_basis="A6-1b", on_behalf_of="anna").list("customer"),
    ):  # fmt: skip
        try:
            act()
        except MunimentError:
            continue


def test_every_detail_keeps_to_the_published_schema(archive, session, tmp_path):
    """Whatever was done: of a listed kind, with no member that the schema does not know."""
    _do_everything(archive, session, tmp_path)
    entries = log_entries(archive)
    seen = {entry.kind for entry in entries}
    assert {"record.create", "record.scan", "user.add", "access.deny", "log.prove", "data.rebuild"} <= seen
    faults = []
    for entry in entries:
        assert entry.kind in KINDS
        assert not KINDS[entry.kind].retired
        assert entry.kind == entry.detail["kind"]
        faults += [
            (entry.kind, error.json_path, error.message[:120]) for error in DETAIL.iter_errors(entry.detail)
        ]
        for line in entry.lines:
            faults += [(entry.kind, "line", error.message[:120]) for error in LINE.iter_errors(line)]
    assert faults == []


def test_a_failure_of_a_plugin_keeps_to_it_too(archive, session, monkeypatch):
    """Which plugin in which version, and where it failed."""
    failure = PluginFailure("clinic", "muniment_after_commit", "ValueError", "clinic.py", 7)
    plugin = SimpleNamespace(name="clinic", source=SimpleNamespace(shown_version="1.0"))
    stand_in = SimpleNamespace(
        validates=False,
        approves=False,
        authorizes=False,
        observes=True,
        loaded=[plugin],
        after_commit=lambda *given: [failure],
        require_all=lambda: None,
        search_terms=lambda: (),
    )
    monkeypatch.setattr(archive.engine, "plugins", stand_in)
    session.create("customer", {"full_name": "Anna"})
    entry = log_entries(archive)[-1]
    assert "plugin.fail" == entry.kind
    assert [] == [error.message for error in DETAIL.iter_errors(entry.detail)]


def test_a_subject_finds_every_entry_about_them_by_one_key(archive, session, tmp_path):
    """Who has one subject's tag key can prove which entries are tagged for them, and none is left out."""
    from muniment.log.entry import tag

    _do_everything(archive, session, tmp_path)
    entries = log_entries(archive)
    people = [row for row in archive.store.subjects(0) if row.subject != archive.engine.archive]
    assert len(people) > 10
    for row in people[:3]:
        key = archive.engine.sealer.subject_tag_key(row.slot, row.subject)
        tagged = {
            entry.index for entry in entries if tag(key, entry.entry.commitment) in entry.entry.subject_tags
        }
        own = {
            version.seq for version in archive.store.versions_by_record(0) if version.subject == row.subject
        }
        assert own <= tagged
        name = id_text(row.subject)
        named = {entry.index for entry in entries if any(line["id"] == name for line in entry.lines)}
        assert named <= tagged
