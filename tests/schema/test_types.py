"""Record types: every problem at once, nothing unknown let in, and what the other modules look up."""

from __future__ import annotations

from datetime import date

import attrs
import pytest

from muniment.errors import Issue
from muniment.model import CLASSES
from muniment.schema import (
    BUILTIN,
    KINDS,
    Choice,
    Context,
    Field,
    FieldKind,
    Label,
    RecordType,
    ValueProblem,
    category_of_group,
    class_of_group,
    e164,
    fold_name,
    seal_group,
)

CONTEXT = Context(today=date(2026, 3, 1))
CUSTOMER = RecordType(
    key="customer",
    number=256,
    title=("name",),
    fields=(
        Field(key="name", kind="text", number=1, required=True, label=Label("Name", "姓名"), seal_group=19),
        Field(key="born", kind="date", number=2, past=True, seal_group=19),
        Field(
            key="phone", kind="phone", number=3, seal_group=27, aliases=("Mobile", "手机"),
            former_keys=("tel",),
        ),
        Field(
            key="state", kind="choice", number=4, seal_group=18, default="new", required=True,
            choices=(Choice("new", Label("New", "新")), Choice("old", Label("Old", "旧"))),
        ),
        Field(key="age", kind="integer", number=5, seal_group=19, computed=True),
        Field(key="fax", kind="text", number=6, seal_group=27, retired=True, aliases=("Mobile",)),
        Field(key="mobile_note", kind="text", number=7, seal_group=27, label=Label("Mobile", "手机备注")),
    ),
)  # fmt: skip


def codes(issues: list[Issue]) -> set[tuple[str | None, str]]:
    return {(issue.field, issue.code) for issue in issues}


def test_a_good_record_comes_back_clean_with_its_defaults():
    """Values are converted, empty ones left out, defaults filled in."""
    values, issues = CUSTOMER.normalise(
        {"name": " Anna ", "born": "1980-02-03", "phone": ""}, context=CONTEXT
    )
    assert ({"name": "Anna", "born": date(1980, 2, 3), "state": "new"}, []) == (values, issues)


def test_every_problem_is_told_at_once():
    """Not only the first."""
    values, issues = CUSTOMER.normalise(
        {
            "name": " ",
            "born": "2030-01-01",
            "state": "gone",
            "age": 3,
            "fax": "1",
            "shoe": "42",
            "phone": "x",
        },
        context=CONTEXT,
    )
    assert {
        ("name", "value.required"),
        ("born", "value.future"),
        ("state", "value.choice"),
        ("age", "value.computed"),
        ("fax", "value.retired"),
        ("shoe", "value.unknown_field"),
        ("phone", "value.phone"),
    } == codes(issues)
    assert {"phone": "x"} == values
    assert ["phone"] == [issue.field for issue in issues if issue.severity == "warning"]


def test_a_refused_value_is_not_also_missing():
    """One problem, one issue; and a default does not stand in for a refused value."""
    values, issues = CUSTOMER.normalise({"name": "a\x00b", "state": "gone"}, context=CONTEXT)
    assert {("name", "value.control"), ("state", "value.choice")} == codes(issues)
    assert {} == values


def test_an_update_looks_at_what_is_given_only():
    """No default, nothing required but what is cleared; None clears."""
    values, issues = CUSTOMER.normalise({"phone": None, "born": ""}, context=CONTEXT, partial=True)
    assert ({"phone": None, "born": None}, []) == (values, issues)
    values, issues = CUSTOMER.normalise({"name": ""}, context=CONTEXT, partial=True)
    assert [Issue("value.required", "name")] == issues


def test_an_explicitly_empty_value_gets_no_default():
    """Whoever clears a required field with a default is told."""
    _, issues = CUSTOMER.normalise({"name": "Anna", "state": ""}, context=CONTEXT)
    assert [Issue("value.required", "state")] == issues


def test_a_former_key_still_finds_its_field():
    """Under the key of today; both at once are refused."""
    values, issues = CUSTOMER.normalise({"tel": "+49 30 1234567"}, context=CONTEXT, partial=True)
    assert ({"phone": "+49 30 1234567"}, []) == (values, issues)
    both = {"tel": "+49 30 1234567", "phone": "+49 30 7654321"}
    _, issues = CUSTOMER.normalise(both, context=CONTEXT, partial=True)
    assert {("phone", "value.given_twice")} == codes(issues)


def test_without_the_plugin_that_brought_its_kind_a_field_takes_nothing():
    """The kind and the plugin are named; the other fields go on."""
    ward = Field(key="ward", kind="ward", number=9, encoding=1, plugin="clinic")
    record_type = attrs.evolve(CUSTOMER, fields=(*CUSTOMER.fields, ward))
    values, issues = record_type.normalise({"ward": "B 12", "name": "Anna"}, context=CONTEXT, partial=True)
    assert {"name": "Anna"} == values
    assert [Issue("value.kind_missing", "ward", parameters={"kind": "ward", "plugin": "clinic"})] == issues


def test_a_plugin_brings_a_kind():
    """Its parser reads and refuses like one of the core, and may read what the core's would not."""

    def prepare(field: Field):
        def parse(raw: object, context: Context) -> object:
            if raw != "B 12":
                raise ValueProblem("clinic.ward", beds=40)
            return "B12"

        return parse

    ward = FieldKind(name="ward", encoding=1, label=Label("Ward", "病房"), prepare=prepare)
    kinds = {**KINDS, "ward": ward}
    record_type = attrs.evolve(CUSTOMER, fields=(Field(key="ward", kind="ward"),))
    assert ({"ward": "B12"}, []) == record_type.normalise({"ward": "B 12"}, context=CONTEXT, kinds=kinds)
    _, issues = record_type.normalise({"ward": "B 99"}, context=CONTEXT, kinds=kinds)
    assert [Issue("clinic.ward", "ward", parameters={"beds": 40})] == issues


def test_a_kind_names_an_encoding_of_the_core():
    """The list is closed, so that values outlive their plugins."""
    with pytest.raises(ValueError, match="encoding 99"):
        FieldKind(name="ward", encoding=99, label=Label("Ward", "病房"), prepare=KINDS["text"].prepare)


def test_headers_are_found_by_key_label_and_alias():
    """A key before a label, a label before an alias, two of one rank both; retired fields not at all."""
    assert ("phone",) == CUSTOMER.headers["tel"]
    assert ("name",) == CUSTOMER.headers["姓名"]
    assert ("mobile_note",) == CUSTOMER.headers["mobile"]
    assert ("phone",) == CUSTOMER.headers["手机"]
    assert "fax" not in CUSTOMER.headers
    assert "mobile note" == fold_name(" Mobile_Note ")


def test_the_number_of_a_seal_group_tells_category_and_class():
    """Category number times eight, plus the class's number from one."""
    assert (19, 2, "personal") == (seal_group(2, "personal"), category_of_group(19), class_of_group(19))
    assert [18, 19, 27] == list(CUSTOMER.by_seal_group)
    assert (3, 6, 7) == tuple(field.number for field in CUSTOMER.by_seal_group[27])


def test_what_may_never_change_and_what_must_be_there():
    """The first step to the subject is fixed; computed and retired fields are asked of nobody."""
    order = RecordType(
        key="line", subject=("order", "customer"), fields=(Field(key="order", kind="reference"),)
    )
    assert ({"order"}, frozenset()) == (order.fixed, CUSTOMER.fixed)
    assert {"name", "state"} == CUSTOMER.required


def test_built_in_types_have_numbers_that_no_template_gets():
    """Types below 256, fields from 2^31, one category, no subject."""
    first = {each.key: each.number for each in BUILTIN if each.number < 5}
    assert {"definition": 1, "user": 2, "import": 3, "configuration": 4} == first
    numbers = [each.number for each in BUILTIN]
    assert len(set(numbers)) == len(numbers) == len({each.key for each in BUILTIN})
    assert max(numbers) < 256
    fields = [field for each in BUILTIN for field in each.fields]
    assert len({field.number for field in fields}) == len(fields)
    assert all(field.number >= 1 << 31 and field.encoding for field in fields)
    assert all(field.seal_group == 8 + CLASSES.index(field.sensitivity) + 1 for field in fields)
    assert {"none"} == {each.subject for each in BUILTIN}


@pytest.mark.parametrize(
    ("text", "region", "expected"),
    [
        ("+49 (0)30 1234567", "", "+49301234567"),
        ("030 1234567", "DE", "+49301234567"),
        ("138 1234 5678", "CN", "+8613812345678"),
        ("010-62345678 转 12", "CN", "+861062345678"),
        ("１３８１２３４５６７８", "CN", "+8613812345678"),
        ("+1 (650) 644-3358", "", "+16506443358"),
        ("+39 02 86984", "", "+390286984"),
        ("030 1234567", "", None),
        ("+453 3331 9991", "", None),
        ("+56 (0)2 635 4444", "", None),
        ("+91 0124 39883988", "", None),
        ("reception", "DE", None),
        ("+", "", None),
    ],
)
def test_phones_as_e164(text, region, expected):
    """With separators, extensions, full-width digits, trunk zeros; None where no such number can exist."""
    assert expected == e164(text, region)
