"""Strategies made from record types give what the types take, as values and as typed text."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muniment.schema import KINDS, Choice, Context, Field, Label, RecordType
from muniment.schema.template import load_template
from muniment.testing import texts_for, values_for
from muniment.testing.strategies import files

CONTEXT = Context(today=date(2026, 1, 1), default_region="DE", timezone="Europe/Berlin", currency="EUR")
MARKED = Context(
    today=date(2026, 1, 1), default_region="DE", timezone="Europe/Berlin", currency="EUR", decimal_mark="."
)


FEW = settings(max_examples=25)


def _choice(key, retired=False):
    return Choice(key, Label(f"{key} in English", f"{key}（中文）"), retired=retired)


def _one_of_each():
    more = {
        "choice": {"choices": (_choice("a"), _choice("b"), _choice("old", retired=True))},
        "several choices": {"choices": (_choice("x"), _choice("y"), _choice("z"))},
        "reference": {"target": "customer"},
        "integer": {"minimum": "-5", "maximum": "2000000"},
        "decimal": {"minimum": "0.5", "maximum": "0.75"},
        "money": {"minimum": "0"},
        "date": {"past": True, "minimum": "1990-01-01"},
        "datetime": {"past": True},
        "text": {"max_length": 5},
        "long text": {"max_length": 30},
    }
    fields = [
        Field(key=f"f{place}", kind=kind, required=place % 2 == 0, **more.get(kind, {}))
        for place, kind in enumerate(KINDS)
    ]
    fields.append(Field(key="words", kind="several choices"))
    fields.append(Field(key="made", kind="text", computed=True))
    fields.append(Field(key="old", kind="text", retired=True))
    return RecordType(key="everything", fields=tuple(fields))


EVERYTHING = _one_of_each()
REFERENCES = {
    field.key: {"reference": st.uuids().map(str), "file": files()}[field.kind]
    for field in EVERYTHING.fields
    if field.kind in ("reference", "file")
}


@FEW
@given(values_for(EVERYTHING, references=REFERENCES))
def test_values_are_taken_as_they_are(values):
    """Nothing is refused and nothing changes: every value is in its stored form already."""
    found, issues = EVERYTHING.normalise(values, context=CONTEXT)
    assert not [issue for issue in issues if issue.severity == "error"]
    assert values == found
    assert EVERYTHING.required <= values.keys()
    assert {"made", "old"}.isdisjoint(values)


@FEW
@given(values_for(EVERYTHING, references=REFERENCES, partial=True))
def test_partial_values_are_an_update(values):
    """Any field may be missing; None stands only where it may clear."""
    found, issues = EVERYTHING.normalise(values, context=CONTEXT, partial=True)
    assert not [issue for issue in issues if issue.severity == "error"]
    assert values == found


@pytest.mark.parametrize("lang", ["en", "zh"])
@FEW
@given(data=st.data())
def test_texts_are_read_as_values(lang, data):
    """What somebody types is read without an error, whatever the kind."""
    typed = data.draw(texts_for(EVERYTHING, references=REFERENCES, lang=lang))
    assert all(isinstance(text, str) for text in typed.values())
    found, issues = EVERYTHING.normalise(typed, context=MARKED, partial=True)
    assert not [issue for issue in issues if issue.severity == "error"]
    assert typed.keys() == found.keys()


@pytest.mark.parametrize("name", ["customer-info", "interaction-log"])
@FEW
@given(data=st.data())
def test_packaged_templates_can_be_drawn(name, data):
    """References and computed fields apart, every type gives records."""
    for record_type in load_template(name).types:
        own = {field.key: st.uuids().map(str) for field in record_type.fields if field.kind == "reference"}
        values = data.draw(values_for(record_type, references=own))
        found, issues = record_type.normalise(values, context=CONTEXT)
        assert not [issue for issue in issues if issue.severity == "error"]
        assert values.items() <= found.items()
