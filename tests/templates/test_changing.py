"""Choosing templates, seeing what one would change, and which were applied when."""

from __future__ import annotations

import itertools

import pytest

from muniment.cli.template_choose import QUESTIONS, proposed
from muniment.schema import load_template, parse_template, template_names
from muniment.schema.template import template_digest
from muniment.session.tables.preview import effects_of
from muniment.testing import assert_logged, log_entries, log_size

STRICT = """
format = 1
key = "strict"
label = { en = "Strict", zh = "严格" }
[[type]]
use = "customer"
groups = ["identity", "contact", "address"]
[[type.field]]
key = "city"
max_length = 3
[[type.field]]
key = "email"
required = true
[[type.field]]
key = "fax"
retired = true
[[type.field]]
key = "customer_kind"
class = "personal"
"""


def test_every_answer_leads_to_templates_that_ship():
    """And every template is some answer's."""
    names = [name for name, _ in QUESTIONS]
    reached = set()
    for answers in itertools.product(*(known for _, known in QUESTIONS)):
        found = [template for template, _ in proposed(dict(zip(names, answers, strict=True)))]
        assert len(set(found)) == len(found)
        reached |= set(found)
    assert reached <= set(template_names())
    assert set(template_names()) - reached == {"customer-profile"}


def test_what_a_change_does_is_counted_before_it_is_made(archive, session):
    """Values that are missing or would be refused, what is retired, what is guarded better."""
    session.create("customer", {"full_name": "A", "city": "Köln", "fax": "030 1", "customer_kind": "person"})
    session.create("customer", {"full_name": "B", "city": "Ulm", "email": "b@example.com"})
    made = archive.apply_templates(session, [parse_template(STRICT, where="x")], reason=None, dry_run=True)
    before = archive.engine.definitions.types["customer"].definition_version
    with assert_logged(archive, "data.check"):
        effects = effects_of(session, made.changed)
    assert {
        ("missing", "email", 1),
        ("refused", "city", 1),
        ("kept", "fax", 1),
        ("raised", "customer_kind", 2),  # by default a person
    } == {(one.code, one.field, one.count) for one in effects}
    assert {2} == {one.records for one in effects}
    assert before == session.type("customer").definition_version


def test_a_change_for_the_eyes_opens_nothing(archive, session):
    """Labels, help and order decide nothing, so no record is read for them."""
    session.create("customer", {"full_name": "A"})
    text = (
        STRICT.partition("[[type.field]]")[0]
        + '[[type.field]]\nkey = "city"\nhelp = { en = "x", zh = "y" }\n'
    )
    made = archive.apply_templates(session, [parse_template(text, where="x")], reason=None, dry_run=True)
    before = log_size(archive)
    assert [] == list(effects_of(session, made.changed))
    assert before == log_size(archive)


def test_a_template_that_is_applied_stands_in_the_log(archive, session):
    """By key and digest, in one act with what it brought; applied again without a change it does not."""
    template = load_template("service-feedback")
    with assert_logged(archive, "template.apply", target={"template": "service-feedback"}) as found:
        archive.apply_templates(session, [template], reason="we ask customers")
    assert template_digest(template) == found[0].detail["target"]["digest"]
    op = found[0].detail["op"]
    kinds = {one.kind for one in log_entries(archive) if one.detail.get("op") == op}
    assert {"template.apply", "schema.apply", "view.save"} <= kinds
    before = log_size(archive)
    archive.apply_templates(session, [template], reason="again")
    assert before == log_size(archive)


@pytest.mark.parametrize("name", template_names())
def test_a_template_s_digest_tells_its_versions_apart(name):
    """The same at every reading, and another for anything that it says otherwise."""
    import attrs

    template = load_template(name)
    assert template_digest(template) == template_digest(load_template(name))
    other = attrs.evolve(template, views=template.views[1:])
    assert template_digest(other) != template_digest(template)
