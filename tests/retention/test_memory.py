"""Planning over many records takes no more memory than over few."""

from __future__ import annotations

import gc
import tracemalloc
from contextlib import ExitStack

import pytest

from muniment.retention.plan import STATES
from muniment.session import Change
from muniment.session.rights import facets
from muniment.testing import TickingClock, new_archive

RULES = """
[retention]
[[retention.rule]]
id = "PEOPLE"
effect = "MIN"
minimum = "P2Y"
source = "house rule 1"
categories = ["profile", "contact"]
anchors = ["record.changed", "order.ordered_at"]
verified_by = "counsel"
[[retention.rule]]
id = "ORDERS"
effect = "MIN"
minimum = "P2Y"
source = "house rule 2"
categories = ["order"]
anchors = ["ordered_at"]
suspended_by = ["litigation"]
verified_by = "counsel"
"""

FEW, MANY = 30, 180
MORE = 2 * (MANY - FEW)
"""So many more records are in the larger town: customers, and an order each."""

IDENTIFIER = 160
"""Bytes of an identifier in a set, and of its text in the entry that says who was looked at."""


def town(folder, count):
    """So many customers with an order each, rules about both, and some holds."""
    archive = new_archive(folder, templates=["customer-info", "ecommerce"], clock=TickingClock())
    with archive.session(actor="owner", purpose="CustomerManagement") as session:
        people = [Change("create", "customer", values={"full_name": f"Person {n}"}) for n in range(count)]
        ids = [one.id for one in session.write(people)]
        day = {"ordered_at": "2025-06-01"}
        session.write(
            [Change("create", "order", values={"customer": one, "order_number": one, **day}) for one in ids]
        )
        session.holds.place("1", subjects=ids[:3])
        path = archive.folder / "muniment.toml"
        path.write_text(path.read_text() + RULES)
        archive.apply_config(session, reason="rules")
    return archive


def peak(archive, act):
    """The most that an act has at once, in bytes, once what is remembered for good is there.

    The least of three times: what else is remembered or cleared up meanwhile is none of the act's.
    """
    with archive.session(actor="owner", purpose="CustomerManagement") as session:
        act(session)
        return min(_once(act, session) for _ in range(3))


def _once(act, session):
    gc.collect()
    tracemalloc.start()
    try:
        act(session)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.fixture(scope="module")
def towns(tmp_path_factory):
    """One of few people, and one of six times as many."""
    with ExitStack() as held:
        folder = tmp_path_factory.mktemp("towns")
        yield [held.enter_context(town(folder / str(count), count)) for count in (FEW, MANY)]


def plan(session):
    for _ in session.retention.plan(states=STATES):
        pass


def report(session):
    session.retention.report()


def apply(session):
    assert 0 == session.retention.apply(reason="nothing is due").facets


def kept(session):
    return list(session.retention.plan(states=STATES))


@pytest.mark.slow
def test_memory_does_not_grow_with_the_records(towns, monkeypatch):
    """With each record comes its identifier and no more: a page is looked at, and forgotten."""
    monkeypatch.setattr(facets, "_PAGE", 15)
    for act in (plan, report, apply):
        few, many = (peak(archive, act) for archive in towns)
        assert many - few < MORE * IDENTIFIER, act.__name__
    few, many = (peak(archive, kept) for archive in towns)
    assert many - few > 4 * MORE * IDENTIFIER, "or this would not find what is kept"
