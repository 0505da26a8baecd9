"""What a law wants kept: it stays for storage only, the certificate says so, and somebody else lifts it."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

import muniment_schemas
from muniment.errors import AccessDenied, Conflict
from muniment.retention.page import certificate_page
from muniment.testing import TickingClock, assert_logged, open_again
from muniment.verify.certificate import check_certificate

DAY_US = 86_400_000_000

RULES = """
[retention]
[[retention.rule]]
id = "ORDERS"
effect = "MIN"
minimum = "P10Y"
source = "house rule 1"
categories = ["order"]
anchors = ["ordered_at"]
verified_by = "counsel"
"""


@pytest.fixture
def clock():
    return TickingClock()


@pytest.fixture
def archive_options(clock):
    return {"clock": clock, "templates": ["customer-info", "ecommerce"]}


@pytest.fixture
def ruled(archive, session):
    def write(text):
        path = archive.folder / "muniment.toml"
        path.write_text(path.read_text("utf-8") + text, "utf-8")
        archive.apply_config(session, reason="rules")

    return write


@pytest.fixture
def partly(session, people, ruled):
    """Anna is erased, but for the order, which a duty keeps."""
    ruled(RULES)
    return session.erase(people.anna, reason="she asked")


def test_what_stays_is_for_storage_only(archive, session, people, partly):
    """From the transaction that begins the erasure on; the rest is gone."""
    (one,) = partly.refused
    assert "keep.duty" == one.error.code
    with (
        assert_logged(archive, "access.deny", outcome="denied", code="access.storage_only"),
        pytest.raises(AccessDenied),
    ):
        session.get(people.order)
    assert [people.other] == [one.id for one in session.list("order").records]
    (held,) = session.restrictions.list()
    assert (people.anna, "storage_only", "ORDERS") == (held.subject, held.state, held.basis)
    assert partly.id == held.erasure
    with archive.session(actor="owner", purpose="RightsFulfillment") as officer:
        assert "SO-19283746" == officer.get(people.order).fields["order_number"]


def test_the_certificate_says_so(session, archive, people, partly):
    """Which facet, under which rule, until when; signed for, and on the page."""
    (kept,) = partly.certificate["kept"]
    assert {
        "record": people.order,
        "subject": people.anna,
        "type": "order",
        "category": "order",
        "rule": "ORDERS",
        "until": "2035-06-01",
        "state": "storage_only",
    } == kept
    made = session.erasures.certificate(partly.id)
    schema = json.loads(_schema().read_text("utf-8"))
    jsonschema.validate(made, schema)
    assert check_certificate(json.dumps(made), key=archive.verifier_key.text).trusted
    made["certificate"]["kept"][0]["until"] = "2026-01-01"
    with pytest.raises(Exception, match="digest"):
        check_certificate(json.dumps(made))
    for lang, words in (("en", "What was not erased"), ("zh", "未删除的内容")):
        page = certificate_page(made, lang)
        assert words in page
        assert "ORDERS" in page


def _schema():
    return Path(muniment_schemas.__file__).parent / "certificate.schema.json"


def test_a_crash_leaves_no_gap(archive, session, people, ruled, cut_at):
    """Begun and restricted are one; the opening that finishes it certifies what was kept."""
    ruled(RULES)
    crash = cut_at(archive, "begun")
    with pytest.raises(crash):
        session.erase(people.anna, reason="asked")
    archive.engine.step = lambda name: None
    archive.close()
    with (
        open_again(archive.folder, clock=archive.engine.clock) as again,
        again.session(actor="owner", purpose="ServiceProvision") as mine,
    ):
        with pytest.raises(AccessDenied):
            mine.get(people.order)
        (certificate,) = mine.erasures.certificates()
        assert [people.order] == [one["record"] for one in certificate["kept"]]


def test_somebody_else_lifts_it(archive, session, people, partly):
    """Whoever ordered the erasure does not put what is left back to use; it needs a reason."""
    with pytest.raises(AccessDenied) as caught:
        session.restrictions.lift(people.anna, reason="she came back")
    assert "restriction.four_eyes" == caught.value.code
    with pytest.raises(Conflict):
        session.restrictions.place(people.anna, state="restricted")
    session.create("user", {"login": "vera", "roles": ["owner"]})
    with archive.session(actor="vera", purpose="ServiceProvision") as vera:
        vera.restrictions.lift(people.anna, reason="she came back, and was told")
    assert "SO-19283746" == session.get(people.order).fields["order_number"]


def test_it_goes_when_the_duty_ends(archive, session, people, partly, clock):
    """Retention takes the rest, and the restriction with the person."""
    clock.now_us += 10 * 366 * DAY_US
    path = archive.folder / "muniment.toml"
    text = path.read_text("utf-8").replace('effect = "MIN"', 'effect = "MIN+MAX"\nmaximum = "P10Y"')
    path.write_text(text, "utf-8")
    archive.apply_config(session, reason="and gone by then")
    done = session.retention.apply(reason="its time", types=["order"])
    assert done.facets >= 1
    assert [] == [one for one in session.restrictions.list() if one.subject == people.anna]
    archive.log.verify()


def test_one_record_of_which_something_stays(session, people, ruled):
    """Asked for one record alone, that record alone is restricted."""
    ruled(RULES.replace('["order"]', '["contact"]').replace('["ordered_at"]', '["record.created"]'))
    session.erasures.record(people.anna, reason="wrong")
    with pytest.raises(AccessDenied):
        session.get(people.anna)
    assert "SO-19283746" == session.get(people.order).fields["order_number"]
    (held,) = session.restrictions.list()
    assert people.anna == held.record


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ('anchors = ["ordered_at"]', 'anchors = ["interaction.occurred_at"]', "keep.duty_day"),
        ('anchors = ["ordered_at"]', 'event = "end.of.business"\nanchors = ["nothing"]', "keep.duty_anchor"),
        ('minimum = "P10Y"', 'minimum = "PERMANENT"', "keep.duty_permanent"),
    ],
)
def test_what_is_missing_is_said_in_words(session, people, ruled, old, new, code):
    """Not a question mark where the day would be: which day nobody knows, or that there is none."""
    assert old in RULES
    ruled(RULES.replace(old, new))
    done = session.erase(people.anna, reason="asked")
    (one,) = done.refused
    assert code == one.error.code
    for lang in ("en", "zh"):
        assert "?" not in one.error.text(lang)
        assert "ORDERS" in one.error.text(lang)
