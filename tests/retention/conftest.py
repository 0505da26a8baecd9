"""Archives with several subjects, and a way to cut an act short."""

from __future__ import annotations

import pytest

from muniment.testing import TickingClock


class Cut(Exception):
    """Stands for a crash."""


@pytest.fixture
def archive_options():
    return {"templates": ["customer-info", "ecommerce"], "clock": TickingClock()}


ANNA = {
    "full_name": "Annabella Schmidt",
    "phone": "030 1234567",
    "email": "annabella@example.org",
    "city": "Potsdam-Babelsberg",
}
BERT = {"full_name": "Berthold Klein", "phone": "030 7654321"}
ORDER = {"order_number": "SO-19283746", "ordered_at": "2025-06-01T10:00:00Z"}
FORMS = [
    *ANNA.values(), "+49301234567", "annabella schmidt", "030 9999111", "+49309999111", "SO-19283746",
    "came in by herself", "she moved away",
]  # fmt: skip


class People:
    """Anna with an order and a few versions, and Bert with one."""

    values = ANNA
    forms = FORMS

    def __init__(self, session):
        self.anna = session.create("customer", ANNA, reason="came in by herself").id
        self.bert = session.create("customer", BERT).id
        self.order = session.create("order", {"customer": self.anna, **ORDER}).id
        self.other = session.create("order", {"customer": self.bert, **ORDER, "order_number": "SO-2"}).id
        session.update(self.anna, {"phone": "030 9999111"}, reason="she moved away")


@pytest.fixture
def people(session):
    return People(session)


@pytest.fixture
def cut_at():
    """Makes an archive stop at a step of an erasure, as if it had crashed there."""

    def cut(archive, step):
        def stop(name):
            if name == step:
                raise Cut

        archive.engine.step = stop
        return Cut

    return cut
