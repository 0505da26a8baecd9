"""Field kinds of plugins: what is refused when they load, what is contained when they are used."""

from __future__ import annotations

from datetime import date

import pytest

from muniment import plugins
from muniment.errors import PluginError
from muniment.schema import Context, Field, ValueProblem

CANARY = "6222021234567890128"
FIELD = Field(key="ward", kind="ward")
CONTEXT = Context(today=date(2026, 3, 1))

KIND = """
    from muniment.schema import FieldKind, Label, ValueProblem
    def prepare(field):
        def parse(raw, context):
            {body}
        return parse
    KIND = FieldKind(name={kind!r}, encoding=1, label=Label("Ward", "病房"), prepare=prepare, {more})
    @muniment.hookimpl
    def muniment_field_kinds(): return [KIND]
"""


@pytest.fixture
def bring(install):
    """Install a plugin with one kind: ``bring("clinic", body="return raw")``."""

    def put(name: str, *, kind: str = "ward", body: str = "return raw", more: str = "") -> None:
        install(name, KIND.format(kind=kind, body=body, more=more))

    return put


def _only_kind(name: str):
    (kind,) = plugins.load([name], environ={}).field_kinds()
    return kind


def test_a_kind_of_a_plugin_reads_and_refuses_like_one_of_the_core(bring):
    """Values and problems pass through the guard as they are."""
    bring("clinic", body="return raw if raw != 'x' else (_ for _ in ()).throw(ValueProblem('value.kind'))")
    kind = _only_kind("clinic")
    assert "B 12" == kind.parse("B 12", FIELD, CONTEXT)
    with pytest.raises(ValueProblem, match=r"value\.kind"):
        kind.parse("x", FIELD, CONTEXT)


def test_a_kind_that_the_core_has_is_refused(bring):
    """No plugin changes what ``phone`` means."""
    bring("clinic", kind="phone")
    why = plugins.load(["clinic"], environ={}).quarantined["clinic"]
    assert ("plugin.field_kind", "phone", "muniment") == (
        why.code,
        why.parameters["kind"],
        why.parameters["other"],
    )


def test_two_plugins_with_one_kind_are_both_put_aside(bring):
    """Which came first says nothing about which is meant."""
    bring("clinic")
    bring("hospital")
    bring("sound", kind="bed")
    found = plugins.load(["clinic", "hospital", "sound"], environ={})
    assert ["sound"] == [plugin.name for plugin in found.loaded]
    assert {"clinic": "hospital", "hospital": "clinic"} == {
        name: why.parameters["other"] for name, why in found.quarantined.items()
    }


@pytest.mark.parametrize(
    "body", ["return ['ward']", "return None", "yield 'ward'", "return [KIND, KIND]", "raise KeyError('x')"]
)
def test_anything_but_kinds_is_refused(install, body):
    """A plugin whose kinds cannot be told is not loaded."""
    known = "from muniment.schema import KINDS\nKIND = KINDS['text']\n"
    install("clinic", f"{known}@muniment.hookimpl\ndef muniment_field_kinds(): {body}")
    assert ["clinic"] == list(plugins.load(["clinic"], environ={}).quarantined)


@pytest.mark.parametrize("body", ["raise ValueError(raw)", "return raw.nothing", "return int(raw + 'x')"])
def test_a_parser_that_fails_names_the_plugin_and_keeps_the_value_inside(bring, body):
    """Its exception would hold the value; only type, file and line come out."""
    bring("clinic", body=body)
    with pytest.raises(PluginError) as caught:
        _only_kind("clinic").parse(CANARY, FIELD, CONTEXT)
    assert ("plugin.raised", "clinic") == (caught.value.code, caught.value.parameters["name"])
    assert CANARY not in caught.value.text()
    assert caught.value.__context__ is None


@pytest.mark.parametrize("body", ["return 5", "return ('B',)", "raise ValueProblem('value.kind', kept=5)"])
def test_a_value_that_its_encoding_cannot_store_is_refused(bring, body):
    """It is found where it is made, not where it is sealed."""
    bring("clinic", body=body)
    with pytest.raises(PluginError, match=r"plugin\.result"):
        _only_kind("clinic").parse("B 12", FIELD, CONTEXT)


def test_a_problem_without_a_text_is_refused(bring):
    """Nobody should read a bare code."""
    bring("clinic", body="raise ValueProblem('clinic.unheard_of')")
    with pytest.raises(PluginError, match=r"clinic\.unheard_of"):
        _only_kind("clinic").parse("B 12", FIELD, CONTEXT)


@pytest.mark.parametrize(("part", "use"), [("show", "format"), ("dump", "to_json"), ("order", "sort_key")])
def test_showing_a_value_is_guarded_too(bring, part, use):
    """A failure while a value is shown says as little as one while it is read."""
    bring("clinic", more=f"{part}=lambda *given: 1 / 0")
    with pytest.raises(PluginError, match=r"plugin\.raised"):
        getattr(_only_kind("clinic"), use)("B 12")
