"""Types change while records stay: classes rise, fields are renamed, old versions show as they were."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import muniment.archive
from muniment.archive import Archive
from muniment.errors import AccessDenied, StoreError
from muniment.keys import write_key_file
from muniment.schema.template import Template, parse_template
from muniment.session import Change
from muniment.store import ListQuery

_FIRST = """
format = 1
key = "shop"
label = { en = "Shop", zh = "商店" }
[[type]]
key = "client"
label = { en = "Client", zh = "客户" }
subject = "self"
title = ["name"]
[[type.group]]
key = "main"
label = { en = "Main", zh = "主要" }
category = "profile"
[[type.group.field]]
key = "name"
kind = "text"
label = { en = "Name", zh = "姓名" }
class = "personal"
[[type.group.field]]
key = "limit"
kind = "text"
label = { en = "Limit", zh = "额度" }
class = "internal"
"""


def _template(text: str) -> Template:
    return parse_template(text, where="shop.toml")


@pytest.fixture
def opened(tmp_path: Path) -> Archive:
    root = write_key_file(tmp_path / "root.key", os.urandom(16))
    return muniment.archive.create(
        tmp_path / "archive", templates=[_template(_FIRST)], root=root, recovery=False
    ).archive


def _raise_class(opened: Archive) -> None:
    risen = _FIRST.replace('class = "internal"', 'class = "restricted"')
    opened.apply_templates(opened.session(actor="owner"), [_template(risen)], reason="found sensitive")


def test_a_class_that_rose_protects_old_versions_too(opened: Archive) -> None:
    """What was written while a field was internal is masked once the field is restricted."""
    owner = opened.session(actor="owner")
    client = owner.create("client", {"name": "Anna", "limit": "5,000"})
    owner.write([Change("create", "user", values={"login": "ed", "roles": ["editor"], "state": "active"})])
    assert opened.session(actor="ed").get(client.id).fields["limit"] == "5,000"
    _raise_class(opened)
    editor = opened.session(actor="ed")
    seen = editor.get(client.id)
    assert seen.masked == {"limit"}
    assert "5,000" not in repr(seen)
    assert "5,000" not in repr(editor.history(client.id))
    with pytest.raises(AccessDenied):
        editor.list("client", where={"limit": "5,000"})


def test_a_record_is_sealed_in_its_new_groups_when_it_is_next_written(opened: Archive) -> None:
    """After an update under the new definition a field lies in the group of its class and reads the same."""
    owner = opened.session(actor="owner")
    client = owner.create("client", {"name": "Anna", "limit": "5,000"})
    _raise_class(opened)
    owner = opened.session(actor="owner")
    assert owner.get(client.id).fields == {"name": "Anna", "limit": "5,000"}
    owner.update(client.id, {"name": "Anna Schmidt"})
    assert owner.get(client.id).fields == {"name": "Anna Schmidt", "limit": "5,000"}
    assert owner.get(client.id, version=1).fields == {"name": "Anna", "limit": "5,000"}
    owner.delete(client.id, reason="left")
    owner.undelete(client.id)
    assert owner.get(client.id).fields == {"name": "Anna Schmidt", "limit": "5,000"}
    record_type = opened.engine.record_type("client")
    groups = {field.seal_group for field in record_type.fields}
    version = opened.store.version(0, bytes.fromhex(client.id.replace("-", "")))
    assert version is not None
    stored = {part.grp for part in opened.store.parts_of(0, version.record, version.version)}
    assert groups <= stored
    opened.log.verify()


def test_a_risen_field_leaves_the_clear_table_with_the_next_rebuild(opened: Archive) -> None:
    """The current state holds no value of a class that may not stand in clear."""
    owner = opened.session(actor="owner")
    owner.create("client", {"name": "Anna", "limit": "canary-limit"})
    _raise_class(opened)
    number = opened.engine.record_type("client").number
    rows = opened.store.list_current(0, ListQuery(number))
    assert "canary-limit" not in rows[0].clear


def test_a_new_index_on_an_old_field_finds_old_records(opened: Archive) -> None:
    """A lookup never silently misses what was written before the index."""
    owner = opened.session(actor="owner")
    client = owner.create("client", {"name": "Anna Schmidt"})
    indexed = _FIRST.replace('class = "personal"', 'class = "personal"\nindex = ["words"]')
    opened.apply_templates(owner, [_template(indexed)], reason="search names")
    found = opened.session(actor="owner").search("client", "schmidt")
    assert [record.id for record in found.records] == [client.id]


def test_tokens_of_another_layout_answer_nothing(opened: Archive) -> None:
    """Where the token table does not fit the types, a lookup is an error and never an empty list."""
    owner = opened.session(actor="owner")
    indexed = _FIRST.replace('class = "personal"', 'class = "personal"\nindex = ["words"]')
    opened.apply_templates(owner, [_template(indexed)], reason="search names")
    owner.create("client", {"name": "Anna Schmidt"})
    with opened.store.transaction() as tx:
        tx.clear_rebuildable(["token"])
    opened.engine.forget_definitions()
    with pytest.raises(StoreError, match=r"index\.stale"):
        opened.session(actor="owner").search("client", "schmidt")
    opened.session(actor="owner").rebuild_data()
    assert len(opened.session(actor="owner").search("client", "schmidt").records) == 1


def test_types_are_read_anew_where_they_changed_and_nowhere_else(archive, session):
    """Writing what the framework keeps leaves them be; they are large, and none stays that holds no more."""
    engine = archive.engine

    def held():
        engine.refresh()
        return engine.definitions

    before = held()
    session.suggestions.make("larger letters")
    session.create("customer", {"full_name": "Anna Schmidt"})
    assert before is held()
    session.create("user", {"login": "mia", "roles": ["reader"], "state": "active"})
    after = held()
    assert after is not before
    assert "mia" in after.users
    old = {id(one) for one in before.types.values() if not one.built_in}
    assert not old & {id(one) for one, _ in engine.sealer._layouts.values()}
