"""Templates and indexes agree on which field may have which index."""

from __future__ import annotations

import pytest

from muniment import index
from muniment.errors import ConfigError
from muniment.schema import KINDS, Choice, Field, Label, LayoutGroup, RecordType, check_type


def template(kind: str, **more: object) -> RecordType:
    label = Label("a", "a")
    field = Field(
        key="given",
        group="all",
        kind=kind,
        label=label,
        help=label,
        category="core",
        sensitivity="personal",
        choices=(Choice("x", label),) if "choice" in kind else (),
        target="customer" if kind == "reference" else "",
        currency="EUR" if kind == "money" else "",
        **more,
    )
    return RecordType(key="thing", label=label, groups=(LayoutGroup("all", label, "core"),), fields=(field,))


def accepted(record_type: RecordType) -> bool:
    try:
        check_type(record_type, KINDS)
    except ConfigError as refused:
        if refused.code != "schema.not_for_kind":
            raise
        return False
    return True


@pytest.mark.parametrize("field_kind", KINDS)
def test_what_a_template_may_say_an_index_can_do(field_kind: str) -> None:
    """An index that a template may give to a field is one that takes fields of its kind."""
    for name in ("exact", "normalised", "unique", "prefix", "last_four", "words"):
        if accepted(template(field_kind, index=(name,))):
            index.check_kind(name, field_kind)
    assert accepted(template(field_kind, unique=True)) == (field_kind in index.INDEX_KINDS["unique"].takes)


def test_field_kinds_are_the_core_s() -> None:
    """Indexes know every kind of field that the core has."""
    assert set(index.FIELD_KINDS) == set(KINDS)
