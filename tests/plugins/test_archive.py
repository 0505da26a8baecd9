"""Plugins inside an archive: their kinds are stored, their checks hold, no value of theirs gets out."""

from __future__ import annotations

import pytest

import muniment
from muniment import plugins
from muniment.errors import Invalid, PluginError
from muniment.schema import KINDS
from muniment.schema.template import parse_template

IBAN = "GB82WEST12345698765432"

TEMPLATE = """
format = 1
key = "payees"
label = { en = "Payees", zh = "收款人" }

[[type]]
key = "payee"
label = { en = "Payee", zh = "收款人" }
subject = "self"

[[type.group]]
key = "main"
label = { en = "Account", zh = "账户" }
category = "account"

[[type.group.field]]
key = "account"
label = { en = "Account", zh = "账号" }
kind = "iban"
class = "sensitive"
"""

GATE = """
    from muniment.errors import Issue
    SEEN = []
    @muniment.hookimpl
    def muniment_validate(record, changes, context):
        SEEN.append((record.version, dict(changes), context.operation, context.actor))
        return [Issue("value.required", "account")] if changes.get("account", "").startswith("DE") else ()
    @muniment.hookimpl
    def muniment_after_commit(versions):
        SEEN.extend((one.version, one.fields) for one in versions if one.type == "payee")
        raise ValueError(repr(SEEN))
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("MUNIMENT_LOAD_PLUGINS", raising=False)
    return tmp_path / "archive"


def _template():
    brought = plugins.load(["identifiers"], environ={}).field_kinds()
    kinds = {**KINDS, **{kind.name: kind for kind in brought}}
    return parse_template(TEMPLATE, where="payees.toml", kinds=kinds)


def _session(archive):
    return archive.session(actor="owner", purpose="PaymentManagement")


def test_a_kind_of_a_plugin_is_stored_in_its_one_form(folder):
    """What was typed with spaces comes back without; a wrong number is refused with the plugin's text."""
    made = muniment.create(folder, templates=[_template()], plugins=["identifiers"], recovery=False)
    with made.archive as archive, _session(archive) as session:
        saved = session.create("payee", {"account": "gb82 west 1234 5698 7654 32"})
        assert IBAN == session.get(saved.id).fields["account"]
        with pytest.raises(Invalid) as caught:
            session.update(saved.id, {"account": "GB82WEST12345698765433"}, expected_version=1)
    assert ["identifiers.iban_check"] == [issue.code for issue in caught.value.issues]
    assert "IBAN 校验位不符" in caught.value.text("zh")
    assert "WEST" not in caught.value.text()


def test_a_gate_refuses_and_an_observer_does_not_hinder(folder, install):
    """A gate is asked before, an observer told after; its failure leaves the write and the log whole."""
    install("clinic", GATE)
    made = muniment.create(folder, templates=[_template()], plugins=["identifiers", "clinic"], recovery=False)
    with made.archive as archive:
        with _session(archive) as session:
            saved = session.create("payee", {"account": IBAN})
            with pytest.raises(Invalid, match=r"value\.required"):
                session.update(saved.id, {"account": "DE89370400440532013000"}, expected_version=1)
            assert IBAN == session.get(saved.id).fields["account"]
        archive.log.verify()
    import muniment_clinic_installed

    assert [
        (0, {"account": IBAN}, "create", "owner"),
        (1, ("account",)),
        (1, {"account": "DE89370400440532013000"}, "update", "owner"),
    ] == muniment_clinic_installed.SEEN


def test_without_its_plugin_an_archive_is_read_and_not_written(folder, monkeypatch):
    """Values outlive the plugin that brought their kind; its checks cannot be walked around."""
    made = muniment.create(folder, templates=[_template()], plugins=["identifiers"], recovery=False)
    with made.archive as archive, _session(archive) as session:
        saved = session.create("payee", {"account": IBAN})
    monkeypatch.setenv("MUNIMENT_LOAD_PLUGINS", "")
    with muniment.open(folder) as archive, _session(archive) as session:
        assert IBAN == session.get(saved.id).fields["account"]
        with pytest.raises(PluginError) as caught:
            session.update(saved.id, {"account": None}, expected_version=1)
        assert ("plugin.not_loaded", "identifiers") == (caught.value.code, caught.value.parameters["name"])
        archive.log.verify()
