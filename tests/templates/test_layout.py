"""How the shipped tables look: columns, titles, colours, and forms that do not depend on the order."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import attrs
import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import muniment_schemas
from muniment.errors import ConfigError
from muniment.exports import columns_of, write_xlsx
from muniment.model import Value
from muniment.schema import (
    Field,
    Highlight,
    LayoutGroup,
    RecordType,
    Registry,
    fold_name,
    load_template,
    parse_type,
    template_names,
)
from muniment.schema.rules import COLOURS

TYPES = {
    name: parse_type(muniment_schemas.read("types", name), where=name)
    for name in muniment_schemas.names("types")
}
TEMPLATES = {name: load_template(name) for name in template_names()}


def plain(registry: Registry) -> dict[str, RecordType]:
    """The types of a registry without what depends on who came first: numbers and versions."""
    return {
        one.key: attrs.evolve(
            one,
            number=0,
            definition_version=0,
            fields=tuple(attrs.evolve(field, number=0, seal_group=0) for field in one.fields),
        )
        for one in registry.types
        if one.number > 255
    }


def numbers(registry: Registry) -> dict[str, int]:
    """Every number that was given, by what has it."""
    given = {}
    for one in registry.types:
        given[one.key] = one.number
        given.update({f"{one.key}.{field.key}": field.number for field in one.fields})
    return given | {f"category {name}": number for name, number in registry.categories.items()}


@settings(max_examples=15)
@given(st.permutations(template_names()), st.integers(2, len(template_names())))
def test_templates_join_to_the_same_types_in_any_order(order, count):
    """Any of them, one after the other or at once; a number that was given stays."""
    chosen = order[:count]
    registry = Registry()
    for name in chosen:
        before = numbers(registry)
        registry = registry.apply([TEMPLATES[name]]).registry
        assert before.items() <= numbers(registry).items()
    at_once = Registry().apply([TEMPLATES[name] for name in sorted(chosen)]).registry
    assert plain(at_once) == plain(registry)
    again = registry.apply([TEMPLATES[name] for name in chosen])
    assert ((), numbers(registry)) == (again.changed, numbers(again.registry))


def test_all_templates_together_are_the_whole_library():
    """Every type with all of its fields, in the library's order."""
    together = plain(Registry().apply(TEMPLATES.values()).registry)
    assert TYPES.keys() == together.keys()
    for key, one in TYPES.items():
        assert [group.key for group in one.groups] == [group.key for group in together[key].groups]
        assert list(one.by_key) == list(together[key].by_key)


def test_a_teams_own_group_stays_behind_those_of_templates():
    """Also when a further template comes after it."""
    registry = Registry().apply([TEMPLATES["customer-info"]]).registry
    customer = registry.by_key["customer"]
    own = LayoutGroup("pets", customer.label, "profile")
    changed = registry.replace(attrs.evolve(customer, groups=(*customer.groups, own))).registry
    after = changed.apply([TEMPLATES["ecommerce"]]).registry.by_key["customer"]
    assert ["personal", "preferences", "shop", "pets"] == [group.key for group in after.groups][-4:]


@pytest.mark.parametrize("key", TYPES)
def test_a_list_shows_what_people_look_for(key):
    """Its columns are numbered from 1, one stands out as the title, and no long text is among them."""
    record_type = TYPES[key]
    columns = sorted((field for field in record_type.fields if field.order), key=lambda field: field.order)
    assert list(range(1, len(columns) + 1)) == [field.order for field in columns]
    assert 3 <= len(columns) <= 11
    assert 1 == sum(field.emphasis == "title" for field in columns)
    assert not [field.key for field in columns if field.kind in ("long text", "file") and key != "segment"]
    assert record_type.title
    # Who it is about can be told from the list alone.
    assert not isinstance(record_type.subject, tuple) or record_type.by_key[record_type.subject[0]].order
    assert not [field.key for field in record_type.fields if field.required and not field.order]


@pytest.mark.parametrize("key", TYPES)
def test_headers_of_sheets_are_told_apart(key):
    """A label or another header means one field; only what is asked about on purpose means two."""
    shared = {name: keys for name, keys in TYPES[key].headers.items() if len(keys) > 1}
    assert shared == ({"兴趣爱好": ("hobbies", "interests")} if key == "customer" else {})
    for field in TYPES[key].fields:
        assert (field.key,) == TYPES[key].headers[fold_name(field.key)]
        assert (field.key,) == TYPES[key].headers[fold_name(field.label.en)]
        assert (field.key,) == TYPES[key].headers[fold_name(field.label.zh)]


def test_every_reference_to_records_with_a_number_takes_it():
    """A sheet of another program has the customer's number, and no identifier of ours."""
    for record_type in TYPES.values():
        for field in record_type.references:
            if field.target == "user":
                continue
            assert any(one.unique for one in TYPES[field.target].fields), (record_type.key, field.key)
            if field.target == "customer" and field.key == "customer" and record_type.key != "referral":
                assert ("customer",) == record_type.headers["客户编号"]
                assert ("customer",) == record_type.headers["customer number"]


@attrs.frozen
class Record:
    """What an export needs to know of a record."""

    fields: dict[str, Value]
    id: str = "0197a0c0-0000-7000-8000-000000000001"
    type: str = "coupon"
    subject: str = "0197a0c0-0000-7000-8000-000000000001"
    version: int = 1


def rules_of(path: Path) -> dict[str, list[tuple[str, list[str]]]]:
    """The conditional formats of the first sheet: cells, kinds, formulas."""
    sheet = openpyxl.load_workbook(path).worksheets[0]
    return {
        str(area.sqref): [(rule.type, rule.formula) for rule in area.rules]
        for area in sheet.conditional_formatting
    }


@pytest.mark.parametrize(("headers", "label"), [("en", "Issued"), ("zh", "未使用"), ("key", "issued")])
def test_a_workbook_colours_only_what_the_rule_says(tmp_path, headers, label):
    """A coupon that was used never expires; the rule reads the state beside the date."""
    path = tmp_path / "coupons.xlsx"
    keys = ["valid_until", "coupon_state"]
    record = Record({"valid_until": date(2026, 1, 1), "coupon_state": "issued"})
    write_xlsx(path, columns_of(TYPES["coupon"], fields=keys, headers=headers), [record])
    ((area, rules),) = rules_of(path).items()
    assert area.startswith("A2:A")
    assert [
        ("expression", [f'AND(ISNUMBER($A2),$A2>=1,$A2<=TODAY()-1,$B2="{label}")']),
        ("expression", [f'AND(ISNUMBER($A2),$A2>=TODAY(),$A2<=TODAY()+7,$B2="{label}")']),
    ] == rules


def test_a_workbook_has_every_colour(tmp_path):
    """No rule of a template is lost on the way into a spreadsheet."""
    rules = tuple(Highlight("is", colour, "1") for colour in COLOURS)
    path = tmp_path / "colours.xlsx"
    kind = RecordType(key="coupon", fields=(Field(key="count", kind="integer", highlight=rules),))
    write_xlsx(path, columns_of(kind), [Record({"count": 1})])
    assert len(COLOURS) == sum(len(found) for found in rules_of(path).values())


def test_a_rule_about_a_column_that_is_not_there_colours_nothing(tmp_path):
    """Nor about one of which only the mask is shown."""
    path = tmp_path / "coupons.xlsx"
    record = Record({"valid_until": date(2026, 1, 1)})
    write_xlsx(path, columns_of(TYPES["coupon"], fields=["valid_until"]), [record])
    assert {} == rules_of(path)
    columns = columns_of(TYPES["coupon"], fields=["valid_until", "coupon_state"], masked={"coupon_state"})
    write_xlsx(path, columns, [record])
    assert {} == rules_of(path)


def test_conditions_on_other_tests_compare_as_the_tests_do(tmp_path):
    """Amounts above, texts that are, and cells that are empty."""
    order = TYPES["order"]
    state = order.by_key["order_state"]
    choice = attrs.evolve(
        order.by_key["payment_state"],
        highlight=(
            attrs.evolve(order.by_key["payment_state"].highlight[0], where="order_state=new"),
            attrs.evolve(state.highlight[0], test="empty", value="", where="order_state=new"),
        ),
    )
    count = Field(
        key="count", kind="integer", highlight=(attrs.evolve(choice.highlight[0], test="above", value="3"),)
    )
    kind = RecordType(key="order", fields=(state, choice, count))
    path = tmp_path / "orders.xlsx"
    write_xlsx(path, columns_of(kind, headers="en"), [Record({"order_state": "new"})])
    formulas = [rule[1][0] for rules in rules_of(path).values() for rule in rules if rule[0] == "expression"]
    assert [
        'AND($B2="Unpaid",$A2="New")',
        'AND($B2="",$A2="New")',
        'AND($C2>3.0,$A2="New")',
    ] == formulas


@pytest.mark.parametrize(
    ("where", "near"),
    [("follow_state=open", "follow_up_state"), ("follow_up_state=opened", "open"), ("due_at=open", "")],
)
def test_a_condition_that_can_never_hold_is_refused(where, near):
    """It names a choice of a field that has some; what was probably meant is said."""
    text = muniment_schemas.read("types", "follow_up").replace(
        'where = "follow_up_state=open"', f'where = "{where}"'
    )
    with pytest.raises(ConfigError, match=r"schema\.unknown") as caught:
        parse_type(text, where="follow_up.toml")
    assert "follow_up.due_at.highlight.where" in str(caught.value.where)
    assert near in caught.value.text()


def test_a_place_below_nothing_is_refused():
    """Places in a form begin at 1."""
    text = muniment_schemas.read("types", "follow_up").replace("order = 10", "order = -1")
    with pytest.raises(ConfigError, match=r"schema\.negative"):
        parse_type(text, where="follow_up.toml")
