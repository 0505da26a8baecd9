from __future__ import annotations

import json
import re

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from muniment.cli.app import app
from muniment.errors import PluginError, UsageError
from muniment.exports.siem import LOG_FORMATS, OCSF_VERSION, line_of, to_cef, to_fhir, to_ocsf
from muniment.plugins import CORE_FORMATS, LogFormat, load
from muniment.plugins._formats import guarded
from muniment.schema import Label
from muniment.session.reading.generations import Place

# What the published schemas require of each class, and of an AuditEvent.
OCSF_BASE = {"activity_id", "category_uid", "class_uid", "metadata", "severity_id", "time", "type_uid"}
OCSF_CLASSES = {
    6005: {"actor", "src_endpoint", "table"},
    6003: {"actor", "src_endpoint", "api"},
    3002: {"user"},
    3004: {"entity"},
}
FHIR_REQUIRED = {"resourceType", "code", "recorded", "agent", "source"}


@pytest.fixture(scope="module")
def documents(case):
    with case.archive.session(actor="vera") as session:
        return [one.document() for one in session.follow(Place(0, 0), limit=10_000)[0]]


def test_every_entry_is_an_ocsf_event(documents):
    """With what the schema requires of its class, and the version stamped on it."""
    classes = set()
    for document in documents:
        event = to_ocsf(document)
        classes.add(event["class_uid"])
        assert event.keys() >= OCSF_BASE | OCSF_CLASSES[event["class_uid"]]
        assert event["type_uid"] == event["class_uid"] * 100 + event["activity_id"]
        assert event["class_uid"] // 1000 == event["category_uid"]
        assert {"version", "product"} <= event["metadata"].keys()
        assert OCSF_VERSION == event["metadata"]["version"]
        assert event["time"] > 1_700_000_000_000
    assert {6005, 6003, 3004} <= classes


def test_every_entry_is_a_fhir_audit_event(documents):
    """With what R5 requires: a code, a time, an agent with who, a source with observer."""
    for document in documents:
        event = to_fhir(document)
        assert event.keys() >= FHIR_REQUIRED
        assert all("who" in agent and isinstance(agent["requestor"], bool) for agent in event["agent"])
        assert "observer" in event["source"]
        assert event["action"] in set("CRUDE")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT.*Z", event["recorded"])


def test_every_entry_is_a_line_of_cef(documents):
    """Seven fields before the extension, none broken by what stands in them."""
    for document in documents:
        line = to_cef(document)
        assert "\n" not in line
        assert 8 == len(re.split(r"(?<!\\)\|", line))


@given(st.text(max_size=40), st.text(max_size=40))
def test_nothing_that_stands_in_an_entry_breaks_a_line(actor, purpose):
    """A login with a separator in it makes no second event."""
    document = {"index": 1, "kind": "record.read", "time": "2026-01-01T00:00:00.000000Z", "actor": actor,
                "purpose": purpose, "outcome": "ok", "type": "customer", "count": 1, "op": "o", "detail": {},
                "records": []}  # fmt: skip
    for made in LOG_FORMATS.values():
        assert 1 == len(made.line(document).split("\n"))


def test_a_quiet_log_is_followed_without_writing(case):
    """The entry of one's own reading is no news."""
    with case.archive.session(actor="vera") as session:
        place = Place(0, 0)
        while True:
            entries, place = session.follow(place)
            if not entries:
                break
        assert ([], place) == session.follow(place)
        session.entries()
        entries, _ = session.follow(place)
    assert ["log.read"] == [one.kind for one in entries]


def test_the_command_goes_on_where_it_stopped(by_command, tmp_path):
    """What was printed is not printed again; each line is one entry."""
    command = ["log", "follow", "--once", "--format", "ocsf", "--state", str(tmp_path / "next")]
    first = CliRunner().invoke(app, command)
    assert 0 == first.exit_code, first.output
    seen = [json.loads(line)["metadata"]["uid"] for line in first.stdout.splitlines()]
    assert [str(n) for n in range(len(seen))] == seen
    assert 0 == CliRunner().invoke(app, ["log", "list", "--limit", "1"]).exit_code
    second = CliRunner().invoke(app, command)
    again = [json.loads(line)["metadata"]["uid"] for line in second.stdout.splitlines()]
    assert not set(seen) & set(again)
    assert again


def test_the_cores_forms_are_those_that_no_plugin_may_take():
    """Whoever reads OCSF gets what the core writes."""
    assert CORE_FORMATS == set(LOG_FORMATS)
    with pytest.raises(UsageError) as caught:
        line_of(load([], environ={}), "house")
    assert "log.no_format" == caught.value.code


def test_a_plugins_form_is_guarded(documents):
    """One that raises or gives two lines is named, and what it said is not."""

    def fails(document):
        raise ValueError("secret")

    for line in (fails, lambda document: "a\nb", lambda document: "", lambda document: None):
        form = guarded("house", LogFormat("house", Label("In-house", "内部格式"), line))
        with pytest.raises(PluginError) as caught:
            form.line(documents[0])
        assert caught.value.code in ("plugin.raised", "plugin.log_line")
        assert "secret" not in caught.value.text()
    form = guarded("house", LogFormat("house", Label("In-house", "内部格式"), lambda one: one["kind"]))
    assert documents[0]["kind"] == form.line(documents[0])
