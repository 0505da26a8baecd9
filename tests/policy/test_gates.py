"""Gates: what closes a subject closes it on every path, and an open archive asks nobody."""

from __future__ import annotations

import attrs
import pytest

from muniment.errors import AccessDenied
from muniment.model import id_bytes
from muniment.session.kernel.gates import NO_CONSENT, RESTRICTED
from muniment.testing import assert_logged, new_archive

ANNA = {"customer_number": "C-1", "full_name": "Anna Schmidt", "phone": "030 1234567"}
CALL = {"channel": "phone", "occurred_at": "2026-01-02T10:00:00+01:00"}
BERT = {"customer_number": "C-2", "full_name": "Bert Schmidt", "phone": "030 7654321"}


@attrs.define
class OneGate:
    """Closes some subjects to one purpose, and remembers what it was asked."""

    barred: set = attrs.field(factory=set)
    code: str = NO_CONSENT
    purpose: str = "Marketing"
    touches: list = attrs.field(factory=list)

    def refusals(self, tx, touch, asked):
        self.touches.append((touch, {one.subject for one in asked}))
        closed = [one for one in asked if one.subject in self.barred]
        return dict.fromkeys(closed, self.code) if touch.purpose == self.purpose else {}


@pytest.fixture
def archive(tmp_path):
    with new_archive(tmp_path / "archive", templates=["customer-info", "interaction-log"]) as made:
        yield made


@pytest.fixture
def people(archive):
    with archive.session(purpose="CustomerManagement") as session:
        anna, bert = session.create("customer", ANNA), session.create("customer", BERT)
        visit = session.create("interaction", {**CALL, "customer": anna.id})
    return anna, bert, visit


@pytest.fixture
def gate(archive, people):
    made = OneGate({id_bytes(people[0].id)})
    archive.engine.gates = (made,)
    return made


ACTS = {
    "get": lambda s, one: s.get(one),
    "get as of": lambda s, one: s.get(one, as_of="2100-01-01"),
    "history": lambda s, one: s.history(one),
    "diff": lambda s, one: s.diff(one, 1, 1),
    "update": lambda s, one: s.update(one, {"city": "Bonn"}),
    "correct": lambda s, one: s.correct(one, {"city": "Bonn"}),
    "delete": lambda s, one: s.delete(one, reason="x"),
    "undelete": lambda s, one: s.undelete(one),
    "create under": lambda s, one: s.create("interaction", {**CALL, "customer": one}),
}


@pytest.mark.parametrize("act", ACTS)
def test_a_closed_subject_is_refused_and_logged(archive, people, gate, act):
    """Under the purpose that it is closed to, and under no other."""
    anna, bert, _ = people
    with archive.session(purpose="Marketing") as session:
        with (
            assert_logged(archive, "access.deny", outcome="denied", code=NO_CONSENT),
            pytest.raises(AccessDenied) as caught,
        ):
            ACTS[act](session, anna.id)
        assert NO_CONSENT == caught.value.code
        ACTS[act](session, bert.id)
    with archive.session(purpose="CustomerManagement") as session:
        ACTS[act](session, anna.id)


def test_records_of_a_closed_subject_are_closed_too(archive, people, gate):
    """An interaction belongs to its customer."""
    with archive.session(purpose="Marketing") as session:
        with pytest.raises(AccessDenied):
            session.get(people[2].id)
        assert [] == list(session.list("interaction").records)


@pytest.mark.parametrize(
    "ask",
    [
        lambda s: s.list("customer", count=True),
        lambda s: s.list("customer", order_by="customer_number", count=True),
        lambda s: s.list("customer", where={"full_name": "Anna Schmidt"}, scan=True),
        lambda s: s.search("customer", "schmidt"),
        lambda s: s.list("customer", limit=1),
    ],
)
def test_lists_go_on_without_closed_subjects(archive, people, gate, ask):
    """They are neither shown nor counted, nor leave a hole in a page."""
    with archive.session(purpose="Marketing") as session:
        page = ask(session)
        assert people[0].id not in [one.id for one in page.records]
        assert page.total is None


def test_exports_go_on_without_closed_subjects(archive, people, gate, tmp_path):
    """What is handed out is what may be."""
    with archive.session(purpose="Marketing") as session:
        session.export_file("customer", tmp_path / "out.csv")
    text = (tmp_path / "out.csv").read_text("utf-8")
    assert "Bert" in text
    assert "Anna" not in text


def test_a_gate_is_told_what_is_done(archive, people, gate):
    """The action, whether it writes, the purpose, the type, the subjects; never the archive's own records."""
    gate.code = RESTRICTED
    with archive.session(purpose="CustomerManagement", legal_basis="contract") as session:
        session.get(people[0].id)
        session.update(people[1].id, {"city": "Bonn"})
        session.create("customer", {"customer_number": "C-3", "full_name": "Cy"})
        session.create("user", {"login": "vera", "roles": ["reader"]})
        session.list("user")
    (get, first), (update, second) = gate.touches
    assert ("record.read", False, "CustomerManagement", "customer", "owner", "contract") == (
        get.action, get.writes, get.purpose, get.type.key, get.actor, get.legal_basis,
    )  # fmt: skip
    assert ("record.update", True) == (update.action, update.writes)
    assert [{id_bytes(people[0].id)}, {id_bytes(people[1].id)}] == [first, second]


def test_what_a_gate_raises_refuses(archive, people, gate):
    """A gate that cannot tell lets nobody through."""

    class Broken:
        def refusals(self, tx, touch, asked):
            raise AccessDenied(RESTRICTED)

    archive.engine.gates = (gate, Broken())
    with archive.session() as session:
        for act in (lambda: session.get(people[1].id), lambda: session.list("customer")):
            with pytest.raises(AccessDenied):
                act()
