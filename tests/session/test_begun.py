"""Requests that are not done twice: what of them is kept, when, and under whose name."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from muniment.errors import Conflict
from muniment.session import Session
from muniment.session.kernel.acting import Acting
from muniment.session.kernel.begun import Mark
from muniment.session.kernel.engine import SHARD
from muniment.testing import new_archive

SECRET = b"s" * 32


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """An archive with customers."""
    with new_archive(tmp_path_factory.mktemp("begun") / "customers", templates=("customer-info",)) as made:
        yield made


def mark_of(**other: Any) -> Mark:
    """The mark of a request, or of one that differs in something."""
    said = {"actor": "owner", "who": "token-1", "key": "k", "asked": b"POST /holds {}", **other}
    return Mark.of(SECRET, **said)


def marked(archive, mark: Mark) -> Session:
    """A session of the owner's that acts for a request."""
    acting = Acting(archive.engine.actor("owner"), "CustomerManagement", mark=mark)
    return Session(archive.engine, acting)


def left(archive, mark: Mark):
    """What a request left."""
    with archive.store.transaction(write=False) as tx:
        return mark.found(tx, SHARD)


def test_a_request_is_marked_by_its_first_entry_alone(archive):
    """Two acts under one request: the mark stands where the first entry of the first one does, and stays."""
    mark = mark_of(key="two acts")
    session = marked(archive, mark)
    assert left(archive, mark) is None
    with archive.store.transaction(write=False) as tx:
        head = tx.head(SHARD)
    session.create("customer", {"full_name": "Ann"}, reason="one")
    one = left(archive, mark)
    assert (head.first_seq + head.n, mark.hash) == (one.seq, one.request_hash)
    session.create("customer", {"full_name": "Bob"}, reason="two")
    assert one == left(archive, mark)


def test_what_writes_no_entry_leaves_no_mark(archive):
    """A transaction that came to nothing must not stop the request from being sent again."""
    mark = mark_of(key="nothing")
    session = marked(archive, mark)
    archive.engine.run(lambda tx, moment: None, session.acting)
    assert left(archive, mark) is None


def test_a_mark_is_found_by_nobody_elses_request(archive):
    """Under another credential or key there is none; under the same for something else it is a conflict."""
    mark = mark_of(key="4711")
    marked(archive, mark).create("customer", {"full_name": "Eve"}, reason="mine")
    assert left(archive, mark) is not None
    for other in ({"who": "token-2"}, {"key": "471"}, {"who": "token-14", "key": "711"}, {"actor": "tom"}):
        assert left(archive, mark_of(**{"key": "4711", **other})) is None
    with pytest.raises(Conflict, match=r"conflict\.idempotency"):
        left(archive, mark_of(key="4711", asked=b"POST /holds {1}"))
    assert b"4711" not in attrs.evolve(mark, hash=b"").key.encode()
