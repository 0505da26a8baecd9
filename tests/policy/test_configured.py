"""Roles in ``muniment.toml``: checked with their place, applied as logged acts, in force in every process."""

from __future__ import annotations

import pytest

from muniment import config
from muniment.errors import AccessDenied, ConfigError
from muniment.policy import GROUPS
from muniment.testing import log_entries, log_size, open_again

SALES = """
[roles.sales]
label = { en = "Sales", zh = "销售" }
actions = ["read", "record.c*", "record.export"]
deny = ["record.delete"]
purposes = ["CustomerManagement"]
read = { internal = "clear", personal = "mask" }
write = ["internal"]
export = ["internal"]

[roles.sales.type.customer]
rows = [{ account_owner = "actor" }, { region = ["north", "west"] }]
search = ["personal"]
[roles.sales.type.customer.field]
phone = "clear"
email = "deny"
city = { write = false, export = false }

[break_glass]
read = { internal = "clear" }
minutes = 10
"""


def applied(archive, text):
    """Append to the file, and apply it."""
    path = archive.folder / config.FILE_NAME
    path.write_text(archive.applied.text + text, encoding="utf-8")
    with archive.session(actor="owner", purpose="CustomerManagement") as session:
        return archive.apply_config(session, reason="rights")


def test_a_role_means_what_it_says(shop):
    """Groups and patterns of actions, classes, single fields, rows, purposes, emergency access."""
    assert applied(shop.archive, SALES)
    policy = shop.archive.engine.policy
    role = policy.roles["sales"]
    assert GROUPS["read"] | {"record.create", "record.correct", "record.export"} == role.actions
    column = policy.matrix([shop.archive.engine.definitions.types["customer"]])["sales"]
    found = column["types"]["customer"]
    assert ["CustomerManagement"] == column["purposes"]
    assert [{"account_owner": ["actor"]}, {"region": ["north", "west"]}] == found["rows"]
    assert "phone" in found["clear"]
    assert "full_name" in found["masked"]
    assert "full_name" in found["searchable"]
    assert "email" not in {*found["clear"], *found["masked"], *found["searchable"], *found["writable"]}
    assert "city" in found["clear"]
    assert "city" not in {*found["writable"], *found["exported"]}
    assert ({"internal": "clear"}, 10) == (dict(policy.break_glass.read), policy.break_glass.minutes)


WRONG = {
    "unknown key": ("[roles.a]\nactons = []", "config.unknown", "roles.a.actons"),
    "no such action": ('[roles.a]\nactions = ["record.reed"]', "config.role_action", "roles.a.actions"),
    "no such class": ('[roles.a]\nwrite = ["secret"]', "config.value", "roles.a.write"),
    "no such way": ('[roles.a]\nread = { personal = "yes" }', "config.value", "roles.a.read.personal"),
    "not a list": ('[roles.a]\nactions = "read"', "config.type", "roles.a.actions"),
    "no such type": ('[roles.a]\ntypes = ["custmer"]', "config.role_type", "roles.a"),
    "a rule of no type": ("[roles.a.type.custmer]\nwrite = []", "config.role_type", "roles.a"),
    "another type": ('[roles.a]\ntypes = ["customer"]\n[roles.a.type.interaction]\nwrite = []',
                     "config.role_other_type", "roles.a.type.interaction"),
    "no such field": ('[roles.a.type.customer.field]\nfone = "deny"', "config.role_field",
                      "roles.a.type.customer.field"),
    "no such row": ('[roles.a.type.customer]\nrows = { owner = "actor" }', "config.role_field",
                    "roles.a.type.customer.rows"),
    "a sealed row": ('[roles.a.type.customer]\nrows = { address = "x" }', "config.role_row",
                     "roles.a.type.customer.rows"),
    "a row through nothing": ('[roles.a.type.customer]\nrows = { "city.x" = "x" }', "config.role_row",
                              "roles.a.type.customer.rows"),
    "an empty row": ("[roles.a.type.customer]\nrows = [{}]", "config.type", "roles.a.type.customer.rows[0]"),
    "rows of users": ('[roles.a.type.user]\nrows = { login = "actor" }', "config.role_row",
                      "roles.a.type.user.rows"),
    "one of the core's": ("[roles.owner]\nactions = []", "config.role_builtin", "roles.owner"),
    "a bad key": ("[roles.A-B]\nactions = []", "config.role_key", "roles.A-B"),
    "no such purpose": ('[roles.a]\npurposes = ["Nosing"]', "config.role_purpose", "roles.a.purposes"),
    "too long": ("[break_glass]\nminutes = 99999", "config.value", "break_glass"),
    "roles that are none": ("roles = 1", "config.type", "roles"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_mistake_names_its_place_and_changes_nothing(shop, name):
    """What would guard nothing is refused, with what was probably meant."""
    text, code, place = WRONG[name]
    before = shop.archive.applied.text
    start = log_size(shop.archive)
    path = shop.archive.folder / config.FILE_NAME
    path.write_text(f"{text}\n{before}" if name == "roles that are none" else before + "\n" + text, "utf-8")
    with (
        shop.archive.session(actor="owner", purpose="CustomerManagement") as session,
        pytest.raises(ConfigError) as caught,
    ):
        shop.archive.apply_config(session, reason="x")
    assert (code, True) == (caught.value.code, caught.value.where.endswith(place))
    assert before == shop.archive.applied.text
    assert "config.apply" not in [entry.kind for entry in log_entries(shop.archive, start=start)]


def test_every_change_of_a_role_is_an_entry(shop):
    """Defined, changed, removed; given and taken, whichever way a user is written."""

    def kinds(act):
        start = log_size(shop.archive)
        act()
        return [
            (entry.kind, entry.detail["target"].get("role"), entry.detail["target"].get("user"))
            for entry in log_entries(shop.archive, start=start) if entry.kind.startswith("role.")
        ]  # fmt: skip

    first = shop.archive.applied.text
    assert [("role.define", "sales", None)] == kinds(lambda: applied(shop.archive, SALES))
    with shop.archive.session(actor="owner", purpose="CustomerManagement") as session:
        assert [("role.grant", "sales", "li"), ("role.revoke", "reader", "li")] == kinds(
            lambda: session.update(shop.li, {"roles": ["sales"]})
        )
        assert [("role.revoke", "sales", "li")] == kinds(lambda: session.delete(shop.li, reason="left"))
        assert [("role.grant", "reader", "ada")] == kinds(
            lambda: session.create("user", {"login": "ada", "roles": ["reader"]})
        )
    path = shop.archive.folder / config.FILE_NAME
    path.write_text(shop.archive.applied.text.replace('write = ["internal"]', "write = []"), "utf-8")
    with shop.archive.session(actor="owner", purpose="CustomerManagement") as session:
        assert [("role.define", "sales", None)] == kinds(
            lambda: shop.archive.apply_config(session, reason="narrower")
        )
        path.write_text(first, "utf-8")
        assert [("role.remove", "sales", None)] == kinds(
            lambda: shop.archive.apply_config(session, reason="back")
        )


def test_what_another_process_applied_holds_with_the_next_act(shop):
    """A session that was begun before goes on under the rights of now."""
    applied(shop.archive, SALES)
    with shop.archive.session(actor="owner", purpose="CustomerManagement") as session:
        session.update(shop.li, {"roles": ["sales"]})
    with open_again(shop.archive.folder) as other:
        mine = other.session(actor="li", purpose="CustomerManagement")
        assert "phone" in mine.get(shop.anna.id).fields
        before = other.engine.ruleset
        path = shop.archive.folder / config.FILE_NAME
        path.write_text(shop.archive.applied.text.replace('phone = "clear"', 'phone = "deny"'), "utf-8")
        with shop.archive.session(actor="owner", purpose="CustomerManagement") as session:
            shop.archive.apply_config(session, reason="narrower")
        assert "phone" not in mine.get(shop.anna.id).fields
        assert before != other.engine.ruleset


def test_a_role_counts_under_its_purposes(shop):
    """Nobody begins under a purpose that none of their roles may give; an unknown word is none."""
    applied(shop.archive, SALES)
    with shop.archive.session(actor="owner", purpose="CustomerManagement") as session:
        session.update(shop.li, {"roles": ["sales"]})
    for purpose, code in (("Marketing", "access.role_purpose"), ("Nosing", "access.unknown_purpose")):
        with pytest.raises(AccessDenied) as caught:
            shop.archive.session(actor="li", purpose=purpose)
        assert code == caught.value.code
    with shop.archive.session(actor="owner", purpose="CustomerManagement") as session:
        session.update(shop.li, {"roles": ["sales", "reader"]})
    with shop.archive.session(actor="li", purpose="Marketing") as session:
        # Only the reader counts here; but what the other denies is denied.
        assert "full_name" in session.get(shop.bert.id).fields
        assert (
            "email" not in session.type("customer").by_key or "email" not in session.get(shop.bert.id).fields
        )
