"""A signed review of rights names the rights that held, and nobody signs without a word or a right to."""

from __future__ import annotations

import pytest

from muniment.errors import AccessDenied, UsageError
from muniment.session.kernel.acting import Acting
from muniment.session.oversight.rights_review import review_rights, rights_digest
from muniment.testing import new_archive


@pytest.fixture
def owner(tmp_path):
    with (
        new_archive(tmp_path / "archive", templates=["customer-info"]) as archive,
        archive.session(actor="owner", purpose="CustomerManagement") as session,
    ):
        yield session


def test_a_review_is_an_entry_that_names_the_rights(owner):
    """Its detail has their digest, and its words are sealed."""
    digest = owner.review_rights("every reader still works here")
    newest = owner.entries()[0]
    assert ("role.review", digest) == (newest.kind, newest.detail["target"]["rights"])
    assert "works here" not in str(newest.detail)
    assert digest == rights_digest(owner.engine)


def test_whatever_changes_rights_changes_what_was_reviewed(owner):
    """A user, their roles, their attributes; a record does not."""
    seen = [owner.review_rights("looked")]
    vera = owner.create("user", {"login": "vera", "roles": "reader"})
    owner.engine.refresh()
    seen.append(rights_digest(owner.engine))
    for change in ({"roles": "editor"}, {"attributes": "region=north"}, {"state": "disabled"}):
        version = owner.get(vera.id).version
        owner.update(vera.id, change, expected_version=version, reason="moved")
        owner.engine.refresh()
        seen.append(rights_digest(owner.engine))
    assert seen[0] == seen.pop()  # nobody is there but the owner
    assert len(seen) == len(set(seen))
    owner.create("customer", {"full_name": "Anna Schmidt", "phone": "030 1234567"})
    assert seen[0] == rights_digest(owner.engine)


def test_a_review_needs_a_word_and_a_right(owner):
    """An auditor may sign, an editor may not, and the refusal is in the log."""
    with pytest.raises(UsageError, match="reason"):
        owner.review_rights("  ")
    for login, role in (("vera", "auditor"), ("eva", "editor")):
        owner.create("user", {"login": login, "roles": role})
    owner.engine.refresh()
    vera, eva = (Acting(owner.engine.actor(login), "CustomerManagement") for login in ("vera", "eva"))
    review_rights(owner.engine, vera, "looked")
    with pytest.raises(AccessDenied):
        review_rights(owner.engine, eva, "looked")
    assert "access.deny" == owner.entries()[0].kind
