"""The bytes that an approval names: kept as they were, changed by nothing, guessed by nobody."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

import muniment_schemas
from muniment.changes import (
    Act,
    Approvals,
    Check,
    Common,
    Document,
    Given,
    Maker,
    Need,
    Rule,
    Wanted,
    covered,
    digest_of,
    is_met,
    pack_checks,
    pack_document,
    unpack_checks,
    unpack_document,
)
from muniment.errors import IntegrityError
from muniment.model import Money
from muniment.schema import BUILTIN

from .conftest import refused

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=8)
IDS = st.binary(min_size=16, max_size=16)
VALUES = st.one_of(
    st.tuples(st.just(1), TEXTS.filter(bool)),
    st.tuples(st.just(2), st.integers()),
    st.tuples(st.just(5), st.dates()),
    st.tuples(st.just(7), st.booleans()),
    st.tuples(st.just(8), st.lists(TEXTS, max_size=3).map(tuple)),
    st.tuples(st.just(1), st.none()),
)
FIELDS = st.dictionaries(st.integers(1, 1 << 31), VALUES, max_size=4)


def wanted(place, operation, record, base, effective, fields):
    return Wanted(
        place,
        operation,
        256,
        3,
        record,
        base,
        b"h" * 32 if base else b"",
        effective,
        {number: value for number, (_, value) in fields.items()},
        {number: encoding for number, (encoding, _) in fields.items()},
    )


CHANGES = st.builds(
    wanted,
    st.integers(0, 9),
    st.sampled_from(("create", "update", "delete")),
    IDS,
    st.integers(0, 9),
    st.none() | st.integers(-(1 << 62), 1 << 62),
    FIELDS,
)
NEEDS = st.builds(Need, TEXTS, st.integers(1, 3), st.lists(TEXTS, max_size=2).map(tuple))
ACTS = st.builds(
    Act,
    st.just("record.export"),
    st.binary(min_size=32, max_size=32),
    TEXTS,
    st.lists(TEXTS, max_size=2).map(tuple),
    st.dictionaries(st.from_regex("[a-z]{1,4}", fullmatch=True), TEXTS, max_size=2),
    st.dictionaries(TEXTS, TEXTS, max_size=3),
)
COMMONS = st.builds(
    Common,
    st.lists(IDS, min_size=1, max_size=3).map(tuple),
    st.integers(1, 99),
    st.lists(st.builds(Maker, TEXTS, TEXTS), min_size=1, max_size=2).map(tuple),
    TEXTS,
    st.lists(NEEDS, max_size=2).map(tuple),
    TEXTS,
    st.none() | ACTS,
)
DOCUMENTS = st.builds(
    Document,
    st.binary(min_size=32, max_size=32),
    st.lists(CHANGES, max_size=3).map(tuple),
    st.none() | COMMONS,
)


@given(DOCUMENTS)
def test_a_document_comes_back_as_it_was(document):
    """Values, versions, people, needs and acts."""
    assert document == unpack_document(pack_document(document))


@given(DOCUMENTS, DOCUMENTS)
def test_two_documents_have_two_digests(first, second):
    """Whatever differs in the least; the salt makes even equal wishes differ."""
    digests = [digest_of(b"p" * 16, [(b"p" * 16, pack_document(one))]) for one in (first, second)]
    assert (first == second) == (digests[0] == digests[1])
    other = attrs.evolve(first, salt=bytes(32 - len(first.salt)) + first.salt[::-1] + b"x")
    assert digests[0] != digest_of(b"p" * 16, [(b"p" * 16, pack_document(other))])


def test_the_digest_is_that_of_the_format():
    """As formats/proposals.md computes it, for ever."""
    document = Document(b"s" * 32, (wanted(0, "update", b"r" * 16, 1, None, {7: (1, "Bonn")}),))
    digest = digest_of(b"p" * 16, [(b"p" * 16, pack_document(document))]).hex()
    page = Path(muniment_schemas.__file__).with_name("formats") / "proposals.md"
    assert f"`{digest}`" in page.read_text(encoding="utf-8")
    assert "ed64f770da3259f83d247c5d03ec3c2f7ce2c799366d1de6ed8a825b75585fc7" == digest


CHECKS = st.lists(
    st.builds(
        Given,
        st.builds(Check, TEXTS, TEXTS, st.lists(TEXTS, max_size=2).map(tuple)),
        st.binary(min_size=32, max_size=32),
        st.integers(0, 1 << 60),
        TEXTS,
        TEXTS,
    ),
    max_size=3,
).map(tuple)


@given(CHECKS)
def test_approvals_come_back_as_they_were(checks):
    """None is no text at all."""
    assert checks == unpack_checks(pack_checks(checks))
    assert (pack_checks(checks) is None) == (not checks)


@pytest.mark.parametrize("text", ["", "x", "e30=", "bnVsbA==", "W10=", "ew==", "eyJ2IjoyfQ=="])
def test_what_no_document_is_is_refused(text):
    """Bytes from elsewhere end in an error with a code."""
    with pytest.raises(IntegrityError):
        unpack_document(text)


@pytest.mark.parametrize("text", ["x", "bnVsbA==", "ew==", "W3t9XQ==", "WzFd"])
def test_what_no_approval_is_is_refused(text):
    """Likewise for the approvals."""
    with pytest.raises(IntegrityError):
        unpack_checks(text)


@pytest.mark.parametrize("value", [Decimal("1.50"), Money(Decimal("2.00"), "EUR"), date(2026, 1, 1)])
def test_places_and_days_are_kept(value):
    """An amount is not rounded by waiting."""
    encoding = {Decimal: 3, Money: 4, date: 5}[type(value)]
    document = Document(b"s" * 32, (wanted(0, "update", b"r" * 16, 1, None, {7: (encoding, value)}),))
    assert value == unpack_document(pack_document(document)).changes[0].values[7]


# Rules

PEOPLE = st.sampled_from(("li", "wu", "bo", "Li", "WU"))
GIVEN = st.lists(
    st.builds(
        Check,
        PEOPLE,
        st.sampled_from(("", "", "li", "eve")),
        st.lists(st.sampled_from(("editor", "owner")), max_size=2).map(tuple),
    ),
    max_size=5,
)


SOME_NEEDS = st.builds(Need, st.just("n"), st.integers(1, 3), st.sampled_from(((), ("owner",))))


@given(st.lists(SOME_NEEDS, max_size=3), GIVEN)
def test_needs_are_met_by_different_people_alone(needs, checks):
    """Never by fewer people than the largest of them asks for, and never by taking an approval away."""
    met = is_met(needs, checks)
    people = {one.actor.casefold() for one in checks}
    if needs and met:
        assert len(people) >= max(need.approvers for need in needs)
    if not met:
        assert not is_met([*needs, Need("more")], checks)


@given(
    st.sampled_from(("create", "update", "correct", "revert", "delete", "undelete")),
    st.booleans(),
    st.sets(st.sampled_from(("login", "roles", "state")), min_size=1),
)
def test_a_rule_about_everything_lets_nothing_past(operation, deleted, changed):
    """Every operation falls under one that rules know, and a rule that names nothing means all."""
    user = next(one for one in BUILTIN if one.key == "user")
    found = Approvals((Rule("all"),)).needs(
        covered(operation, deleted=deleted), type=user, changed=changed, roles=[("owner",)]
    )
    assert (Need("all"),) == found


def test_one_who_is_exempt_is_so_only_with_everybody_else_who_made_it():
    """An exempt role does not carry somebody else's edit through."""
    user = next(one for one in BUILTIN if one.key == "user")
    rules = Approvals((Rule("all", exempt=frozenset({"owner"})),))
    about = {"type": user, "changed": ["roles"]}
    assert () == rules.needs({"update"}, **about, roles=[("owner", "editor")])
    assert (Need("all"),) == rules.needs({"update"}, **about, roles=[("owner",), ("editor",)])
    assert (Need("all"),) == rules.needs({"update"}, **about, roles=[])


def test_an_empty_state_is_no_state(as_):
    """A list of what nobody can be in is a mistake, not an empty answer."""
    with refused("approval.no_state"):
        as_("li").changes.list(state="waiting")
