"""A plugin may take away what roles allow: any denial decides, a failure refuses."""

from __future__ import annotations

import attrs
import pytest

from muniment.errors import AccessDenied, NotFound, PluginError
from muniment.plugins import Decision, Plugin, PluginSet
from muniment.plugins._calls import Call
from muniment.plugins._values import Installed, PluginInfo
from muniment.testing import log_entries, log_size


@attrs.define
class Judge:
    """Denies what its function says, and remembers what it was asked."""

    says: object = None
    asked: list = attrs.field(factory=list)

    def __call__(self, action, record_type, fields, record_id, context):
        self.asked.append((action, record_type, fields, record_id, context))
        return self.says(action, record_type, fields, record_id, context) if self.says else None


@pytest.fixture
def judge(shop):
    made = Judge()
    plugin = Plugin(
        Installed("judge", "", "", "judge.py", "ab" * 32),
        PluginInfo("judge", ">=1,<2"),
        calls={"muniment_authorize": Call(made, (0, 1, 2, 3, 4))},
    )
    shop.archive.engine.plugins = PluginSet((plugin,))
    return made


def acting(shop):
    return shop.archive.session(actor="owner", purpose="CustomerManagement")


def test_it_is_asked_about_every_read_and_write(shop, judge):
    """With the action, the type, the fields and the record; and once for a list as a whole."""
    with acting(shop) as session:
        session.get(shop.anna.id, fields=["phone"])
        session.history(shop.anna.id)
        session.update(shop.anna.id, {"city": "Bonn"})
        session.delete(shop.anna.id, reason="x")
        session.undelete(shop.anna.id)
        session.accesses(shop.anna.id)
        assert [
            ("record.read", {"phone"}), ("record.history", None), ("record.update", {"city"}),
            ("record.delete", set()), ("record.undelete", None), ("record.accesses", set()),
        ] == [
            (action, None if action in ("record.history", "record.undelete") else set(fields))
            for action, _, fields, _, _ in judge.asked
        ]  # fmt: skip
        assert {(shop.anna.id, "owner", "CustomerManagement")} == {
            (record, context.actor, context.purpose) for _, _, _, record, context in judge.asked
        }
        judge.asked.clear()
        session.list("customer")
        session.search("customer", "schmidt")
        records = [(action, record) for action, _, _, record, _ in judge.asked]
        assert [
            ("record.list", None), ("record.list", shop.anna.id), ("record.list", shop.bert.id),
            ("record.search", None), ("record.search", shop.anna.id),
        ] == records  # fmt: skip
        judge.asked.clear()
        session.list("user")
        session.create("customer", {"customer_number": "C-3", "full_name": "Cy"})
        assert [("record.create", None)] == [(action, record) for action, _, _, record, _ in judge.asked]


def test_a_record_that_it_denies_is_as_good_as_missing(shop, judge):
    """By identifier not found, in lists left out and not counted; the log names the plugin and its code."""
    judge.says = lambda action, type, fields, record, context: (
        Decision(False) if record == shop.bert.id else None
    )
    with acting(shop) as session:
        for act in (
            lambda: session.get(shop.bert.id),
            lambda: session.history(shop.bert.id),
            lambda: session.update(shop.bert.id, {"city": "x"}),
            lambda: session.delete(shop.bert.id, reason="x"),
            lambda: session.accesses(shop.bert.id),
        ):
            start = log_size(shop.archive)
            with pytest.raises(NotFound) as caught:
                act()
            assert "record.not_found" == caught.value.code
            (entry,) = log_entries(shop.archive, start=start)
            assert ("access.deny", "access.plugin", "judge") == (
                entry.kind, entry.detail["code"], entry.detail["plugin"]["name"],
            )  # fmt: skip
        page = session.list("customer", count=True)
        assert ([shop.anna.id], None) == ([one.id for one in page.records], page.total)


def test_it_denies_lists_and_new_records_as_a_whole(shop, judge):
    """Where no record is named the refusal says who refused."""
    judge.says = lambda action, type, fields, record, context: Decision(False)
    with acting(shop) as session:
        for act in (
            lambda: session.list("customer"),
            lambda: session.create("customer", {"customer_number": "C-3", "full_name": "Cy"}),
        ):
            with pytest.raises(AccessDenied) as caught:
                act()
            assert ("access.plugin", "judge") == (caught.value.code, caught.value.parameters["name"])


def test_allowing_grants_nothing(shop, judge):
    """Roles are asked first, and only they allow."""
    judge.says = lambda *given: Decision(True)
    with shop.archive.session(actor="li", purpose="CustomerManagement") as session:
        with pytest.raises(AccessDenied):
            session.update(shop.anna.id, {"city": "x"})
        session.get(shop.anna.id)


def fails(*given):
    raise ValueError("Anna Schmidt")


@pytest.mark.parametrize(
    ("says", "code"),
    [
        (fails, "plugin.raised"),
        (lambda *given: "no", "plugin.result"),
        (lambda *given: Decision("yes"), "plugin.result"),
        (lambda *given: Decision(True, "judge.nonsense"), "plugin.unknown_code"),
    ],
)
def test_a_failure_refuses(shop, judge, says, code):
    """Whatever it was asked about, and nothing of what it said comes out."""
    judge.says = says
    with acting(shop) as session:
        for act in (
            lambda: session.get(shop.anna.id),
            lambda: session.list("customer"),
            lambda: session.update(shop.anna.id, {"city": "x"}),
        ):
            with pytest.raises(PluginError) as caught:
                act()
            assert code == caught.value.code
            assert "Anna" not in caught.value.text()
