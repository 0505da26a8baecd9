"""Rules of one table under a role, edited in the file: what was stated holds, and nothing else moves."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muniment import config
from muniment.archive.editing import edit_configuration, propose
from muniment.archive.roles import KEPT, RoleStated, RuleStated, defining, removing, role_text, ruling
from muniment.errors import ConfigError, NotFound
from muniment.model import CLASSES
from muniment.policy import ACTIONS, FieldRule, RowTest
from muniment.roles import read_roles
from muniment.testing import new_archive

WRITTEN = """
# ours, as somebody wrote it
[roles.desk]
label = { en = "Desk", zh = "前台" }
actions = ["record.list", "record.read"]  # no more
read = { public = "clear", internal = "clear", personal = "mask" }

[roles.desk.type.customer]
deny = ["record.export"]  # never
rows = [{ country = ["DE", "FR"] }, { status = "active" }]

[roles.desk.type.customer.field.notes]
read = "none"
search = false

[roles.other]
actions = ["record.list"]
"""
FIELDS = ("notes", "email", "phone", "status")


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """An archive whose file has a role with a rule."""
    folder = tmp_path_factory.mktemp("ruling") / "customers"
    with new_archive(folder, templates=("customer-info", "interaction-log")) as archive:
        path = archive.folder / config.FILE_NAME
        path.write_text(path.read_text("utf-8") + WRITTEN, "utf-8")
        with archive.session(actor="owner") as session:
            archive.apply_config(session, reason="a role")
            yield archive, session


ways = st.sampled_from([None, "clear", "mask", "none"])
said = st.sampled_from([None, True, False])
field_rules = st.dictionaries(
    st.sampled_from(FIELDS), st.builds(FieldRule, ways, said, said, said, st.booleans()), max_size=4
)
values = st.lists(st.sampled_from(["actor", "actor.region", "DE", 'a "b"', "法国"]), min_size=1, max_size=3)
tests = st.dictionaries(st.sampled_from(["country", "status"]), values, min_size=1, max_size=2)
rows = st.lists(tests, max_size=3).map(
    lambda lists: tuple(
        tuple(RowTest(field, tuple(some)) for field, some in sorted(one.items())) for one in lists
    )
)
actions = st.frozensets(st.sampled_from(sorted(ACTIONS)), max_size=4)
classes = st.frozensets(st.sampled_from(CLASSES))
reads = st.dictionaries(st.sampled_from(CLASSES), st.sampled_from(["clear", "mask", "none"]))
kept = st.just(KEPT)
rules = st.builds(
    RuleStated,
    st.none() | actions,
    field_rules,
    rows,
    kept | reads,
    *[kept | st.none() | classes] * 3,
    kept | actions,
)
roles = st.builds(
    RoleStated,
    st.just({"en": "Desk", "zh": "前台"}),
    actions,
    reads,
    classes,
    st.just(frozenset()),
    st.just(frozenset()),
    kept | actions,
    kept | classes,
    kept | st.none() | classes,
    kept | st.frozensets(st.sampled_from(["customer", "interaction"])),
)


@settings(deadline=None)
@given(rules)
def test_what_is_stated_of_a_table_is_what_the_file_says(desk, stated):
    """Any rule is read back as it was stated; other rules, other roles and comments stay as they are."""
    archive, session = desk
    found = propose(archive, session, ruling(archive, "desk", "customer", stated))
    before, after = (
        {one.key: one for one in config.parse(text, where="f").roles} for text in (found.before, found.after)
    )
    rule = after["desk"].rules["customer"]
    assert stated.actions == rule.actions
    assert {key: one for key, one in stated.fields.items() if one != FieldRule()} == dict(rule.fields)
    assert stated.rows == rule.rows
    held = before["desk"].rules["customer"]
    for name in ("read", "write", "search", "export", "deny"):
        value = getattr(stated, name)
        assert (getattr(held, name) if value is KEPT else value) == getattr(rule, name)
    assert before["other"] == after["other"]
    assert before["desk"].actions == after["desk"].actions
    for comment in ("# ours, as somebody wrote it", "# no more"):
        assert comment in found.after
    assert "# never" in found.after or stated.deny not in (KEPT, held.deny)


@settings(deadline=None, max_examples=50)
@given(st.sampled_from(["desk", "fresh"]), roles)
def test_what_is_stated_of_a_role_is_what_the_file_says(desk, key, stated):
    """Denials, what is asked and handed out among it; a new role says the same, and tables' rules stay."""
    archive, session = desk
    found = propose(archive, session, defining(archive, key, stated))
    before, after = (
        {one.key: one for one in config.parse(text, where="f").roles} for text in (found.before, found.after)
    )
    role, held = after[key], before.get(key)
    assert (stated.actions, stated.write) == (role.actions, role.write)
    said = [{name: way for name, way in one.read.items() if way != "none"} for one in (stated, role)]
    assert said[0] == said[1]
    for name in ("deny", "search", "export", "deny_types"):
        value = getattr(stated, name)
        usual = None if name == "export" else frozenset()
        as_held = usual if held is None else getattr(held, name)
        assert (as_held if value is KEPT else value) == getattr(role, name)
    assert (held.rules if held else {}) == role.rules
    assert before["other"] == after["other"]


def test_a_role_is_shown_as_it_would_be_written(desk):
    """Whatever it says of itself: read back, the text of a role that every archive has is that role."""
    archive, _ = desk
    for key in ("owner", "editor", "reader", "auditor"):
        text = role_text(archive, key).replace(f"[roles.{key}]", "[roles.copied]")
        (copied,) = read_roles(tomllib.loads(text)["roles"], where="f")
        role = archive.engine.policy.roles[key]
        for name in ("actions", "read", "write", "types", "purposes", "deny", "search", "export"):
            assert getattr(role, name) == getattr(copied, name)


def test_what_means_the_same_is_not_rewritten(desk):
    """A form that was sent back as it came leaves every byte of the file alone."""
    archive, session = desk
    rule = archive.engine.policy.roles["desk"].rules["customer"]
    stated = RuleStated(rule.actions, rule.fields, rule.rows)
    found = propose(archive, session, ruling(archive, "desk", "customer", stated))
    assert found.before == found.after


def test_a_rule_that_says_nothing_more_is_gone(desk):
    """Where nothing is left the table leaves the file, and the role reaches every record again."""
    archive, session = desk
    stated = RuleStated(frozenset({"record.list"}), {"channel": FieldRule("mask")})
    narrow, wide = (ruling(archive, "desk", "interaction", one) for one in (stated, RuleStated()))
    assert edit_configuration(archive, session, narrow, reason="narrower")
    rule = archive.engine.policy.roles["desk"].rules["interaction"]
    assert ({"record.list"}, FieldRule("mask")) == (set(rule.actions or ()), rule.fields["channel"])
    assert edit_configuration(archive, session, wide, reason="all again")
    assert "interaction" not in archive.engine.policy.roles["desk"].rules
    assert "type.interaction" not in (archive.folder / config.FILE_NAME).read_text("utf-8")


def test_what_does_not_fit_is_refused_and_the_file_stays(desk):
    """An unknown field, one that cannot choose rows, another's role: one code, and nothing is written."""
    archive, session = desk
    path = archive.folder / config.FILE_NAME
    held = path.read_bytes()
    for code, key, table, stated in (
        ("config.role_field", "desk", "customer", RuleStated(fields={"nosuch": FieldRule("mask")})),
        ("config.role_row", "desk", "customer", RuleStated(rows=((RowTest("notes", ("x",)),),))),
        ("config.role_type", "desk", "nosuch", RuleStated(frozenset())),
    ):
        with pytest.raises(ConfigError) as caught:
            edit_configuration(archive, session, ruling(archive, key, table, stated), reason="x")
        assert code == caught.value.code
        assert held == path.read_bytes()
    with pytest.raises(ConfigError, match=r"config\.role_builtin"):
        ruling(archive, "reader", "customer", RuleStated())
    for edit in (
        lambda: ruling(archive, "nosuch", "customer", RuleStated()),
        lambda: removing(archive, "no"),
    ):
        with pytest.raises(NotFound, match=r"cli\.no_role"):
            edit()
