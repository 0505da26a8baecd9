"""Acts on the keys: written down before they begin, so that none happens without an entry."""

from __future__ import annotations

import pytest

from muniment.errors import AccessDenied, KeyStoreError
from muniment.session import Change


def _phases(archive, kind):
    session = archive.session(actor="owner")
    found = [one for one in session.entries() if one.kind == kind]
    return [(one.detail["target"]["phase"], one.outcome) for one in reversed(found)]


def test_a_rotation_stands_in_the_log_before_and_after(archive):
    """Two entries name it, and what was sealed before reads as before."""
    session = archive.session(actor="owner")
    one = session.create("customer", {"full_name": "Anna"})
    done = session.keys.rotate()
    assert done.epoch == 2
    assert _phases(archive, "key.rotate") == [("begin", "ok"), ("end", "ok")]
    assert session.get(one.id).fields["full_name"] == "Anna"
    archive.log.verify()


def test_what_failed_says_so_and_keeps_its_first_entry(archive, monkeypatch):
    """An act that ends in an error, or in a crash, was announced."""
    session = archive.session(actor="owner")

    def fail(*_):
        raise KeyStoreError("key.slot_absent", name="x")

    monkeypatch.setattr(type(archive.keys), "rotate", fail)
    with pytest.raises(KeyStoreError):
        session.keys.rotate()
    assert _phases(archive, "key.rotate") == [("begin", "ok"), ("end", "failed")]


def test_whoever_may_not_touch_keys_is_refused(archive):
    """The refusal is an entry, and nothing was begun."""
    owner = archive.session(actor="owner")
    values = {"login": "ed", "roles": ["editor"], "state": "active"}
    owner.write([Change("create", "user", values=values)])
    with pytest.raises(AccessDenied, match=r"access\.action"):
        archive.session(actor="ed").keys.rotate()
    assert _phases(archive, "key.rotate") == []
    assert archive.keys.epoch == 1
