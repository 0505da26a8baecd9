"""Asking plugins: gates refuse, observers hinder nobody, no message of an exception gets out."""

from __future__ import annotations

import pytest

from muniment import plugins
from muniment.errors import Issue, PluginError
from muniment.plugins import HookContext, PluginFailure, RecordState, WrittenVersion

RECORD = RecordState("01890000-0000-7000-8000-000000000001", "customer", "s", 1, {"name": "Anna"})
CONTEXT = HookContext("li.na", "ServiceProvision", "update", "api", 1_700_000_000_000_000)
CANARY = "6222021234567890128"


@pytest.fixture
def gate(install):
    """Plugins with one gate each, loaded: ``gate(clinic="return ()")``."""

    def load(**bodies: str) -> plugins.PluginSet:
        for name, body in bodies.items():
            install(
                name,
                "from muniment.errors import Issue\n@muniment.hookimpl\n"
                f"def muniment_validate(record, changes, context):\n    {body}\n",
            )
        found = plugins.load(bodies, environ={})
        assert {} == dict(found.quarantined)
        return found

    return load


def test_without_plugins_nothing_is_asked():
    """An empty set finds nothing and says beforehand that it has nobody to ask."""
    none = plugins.load([], environ={})
    assert (False, False) == (none.validates, none.observes)
    assert () == none.validate(RECORD, {"name": "Berta"}, CONTEXT)
    assert () == none.after_commit(None, [], CONTEXT)


def test_the_issues_of_all_plugins_are_collected(gate):
    """One plugin's refusal does not keep the others from being asked."""
    found = gate(
        b="return [Issue('value.required', 'name')]",
        a="return [Issue('value.required', 'phone', 'warning')]",
        c="return None",
    )
    assert found.validates
    assert (Issue("value.required", "phone", "warning"), Issue("value.required", "name")) == found.validate(
        RECORD, {"name": "Berta"}, CONTEXT
    )


def test_a_gate_sees_the_record_the_changes_and_the_context(gate):
    """Each argument arrives under its own name."""
    found = gate(
        a="assert (record.values['name'], changes['name'], context.actor) == ('Anna', 'Berta', 'li.na')"
    )
    assert () == found.validate(RECORD, {"name": "Berta"}, CONTEXT)


def test_an_implementation_takes_only_what_it_needs(install):
    """Arguments are given by name, in any number and order."""
    install(
        "a", "@muniment.hookimpl\ndef muniment_validate(context, record): assert context.actor == 'li.na'"
    )
    plugins.load(["a"], environ={}).validate(RECORD, {}, CONTEXT)


def test_an_exception_refuses_the_write_and_its_message_stays_inside(gate):
    """The plugin, file and line are named; what the exception said, which may hold a value, is not."""
    found = gate(clinic=f"raise ValueError('{CANARY}')")
    with pytest.raises(PluginError) as caught:
        found.validate(RECORD, {"card": CANARY}, CONTEXT)
    error = caught.value
    assert ("plugin.raised", "clinic", "muniment_validate", "ValueError") == (
        error.code,
        error.parameters["name"],
        error.parameters["hook"],
        error.parameters["type"],
    )
    assert error.parameters["file"].endswith("muniment_clinic_installed.py")
    assert error.parameters["line"] > 0
    assert error.__context__ is None
    assert CANARY not in error.text() + error.text("zh") + repr(error)


def test_the_line_named_is_the_plugins_own(gate):
    """A failure deep in a library is told by the line of the plugin that called it."""
    found = gate(clinic="import json; json.loads('{')")
    with pytest.raises(PluginError) as caught:
        found.validate(RECORD, {}, CONTEXT)
    assert caught.value.parameters["file"].endswith("muniment_clinic_installed.py")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("return 'no'", "plugin.result"),
        ("return [('value.required', 'name')]", "plugin.result"),
        ("return [Issue('value.required', 5)]", "plugin.result"),
        ("return [Issue(5)]", "plugin.result"),
        ("return [Issue('value.required', 'name', 'eror')]", "plugin.result"),
        ("return [Issue('clinic.unheard_of')]", "plugin.unknown_code"),
        ("return 5", "plugin.raised"),
    ],
)
def test_an_answer_outside_the_contract_refuses_the_write(gate, body, code):
    """What is not understood is no permission."""
    with pytest.raises(PluginError) as caught:
        gate(clinic=body).validate(RECORD, {}, CONTEXT)
    assert (code, "clinic") == (caught.value.code, caught.value.parameters["name"])


def test_an_issue_given_by_a_generator_that_fails_midway_is_not_enough(gate):
    """A gate that fails after its first issue has failed."""
    found = gate(clinic="yield Issue('value.required', 'name', 'warning'); raise KeyError('x')")
    with pytest.raises(PluginError, match=r"plugin\.raised"):
        found.validate(RECORD, {}, CONTEXT)


def test_a_gate_cannot_change_what_is_written(gate):
    """The changes it is shown are read-only, and a copy."""
    changes = {"name": "Berta"}
    with pytest.raises(PluginError) as caught:
        gate(clinic="changes['role'] = 'owner'").validate(RECORD, changes, CONTEXT)
    assert ("TypeError", {"name": "Berta"}) == (caught.value.parameters["type"], changes)


def test_nothing_is_written_while_an_enabled_plugin_is_not_loaded():
    """Its checks cannot be asked, so the answer is no, with its name."""
    found = plugins.load(["absent"], environ={})
    assert found.validates
    with pytest.raises(PluginError) as caught:
        found.validate(RECORD, {}, CONTEXT)
    assert ("plugin.not_loaded", "absent") == (caught.value.code, caught.value.parameters["name"])


def test_an_observer_that_fails_hinders_no_other(install):
    """Every observer is called; what failed is handed back for the log, without its message."""
    observer = (
        "seen = []\n@muniment.hookimpl\ndef muniment_after_commit(change_set, versions, context):\n    {}\n"
    )
    install("a", observer.format(f"raise ValueError('{CANARY}')"))
    install("b", observer.format("seen.append((change_set, versions, context))"))
    found = plugins.load(["a", "b"], environ={})
    versions = [WrittenVersion(RECORD.id, "customer", "s", 2, ("name",))]
    (failure,) = found.after_commit("cs", versions, CONTEXT)
    assert found.observes
    assert isinstance(failure, PluginFailure)
    assert ("a", "muniment_after_commit", "ValueError") == (failure.plugin, failure.hook, failure.type)
    assert CANARY not in repr(failure)
    import muniment_b_installed

    assert [("cs", versions, CONTEXT)] == muniment_b_installed.seen
