"""An archive always has somebody who may let others in."""

from __future__ import annotations

import pytest

from muniment.errors import AccessDenied
from muniment.session import Change


def _owner(archive):
    return bytes(archive.engine.definitions.users["owner"].record)


@pytest.mark.parametrize(
    "change",
    [
        {"operation": "update", "values": {"state": "disabled"}},
        {"operation": "update", "values": {"roles": ["reader"]}},
        {"operation": "delete"},
    ],
    ids=["disabled", "another role", "deleted"],
)
def test_the_last_owner_stays_on_every_way_of_writing(archive, change):
    """Nobody could add a user any more, so the core itself refuses, and writes the refusal down."""
    session = archive.session(actor="owner")
    with pytest.raises(AccessDenied, match=r"access\.last_owner"):
        session.write([Change(record=_owner(archive), **change)])
    assert session.entries()[0].kind == "access.deny"
    values = {"login": "second", "roles": ["owner"], "state": "active"}
    session.write([Change("create", "user", values=values)])
    archive.session(actor="second").write([Change(record=_owner(archive), **change)])
    archive.engine.refresh()
    assert "owner" not in archive.engine.actor("owner").roles
