"""Permanent numbers, joined templates, and what a team changes itself."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muniment.codec import canonical, parse_canonical
from muniment.errors import ConfigError
from muniment.model import CLASSES
from muniment.schema import (
    BUILTIN,
    KINDS,
    Choice,
    Field,
    Highlight,
    Label,
    LayoutGroup,
    RecordType,
    Registry,
    Template,
    add_field,
    add_group,
    change_field,
    definition_document,
    diff,
    hide_field,
    load_template,
    rename_field,
    retire_field,
    type_from_document,
)

INFO, LOG = load_template("customer-info"), load_template("interaction-log")


def made(
    key: str, *fields: Field, subject: str | tuple[str, ...] = "self", category: str = "profile"
) -> RecordType:
    group = LayoutGroup("main", Label("Main", "主要"), category)
    return RecordType(
        key=key, label=Label(key.title(), "类型"), subject=subject, groups=(group,),
        fields=tuple(attrs.evolve(field, group="main", category=category) for field in fields),
    )  # fmt: skip


def field(key: str, kind: str = "text", **attributes: object) -> Field:
    return Field(key=key, kind=kind, label=Label(key.title(), "字段"), **attributes)


def template(key: str, *types: RecordType) -> Template:
    return Template(key, Label(key, key), types=types)


ORDER = made(
    "order", field("number", "identifier"), field("customer", "reference", target="customer", required=True),
    subject=("customer",), category="order",
)  # fmt: skip
LINE = made(
    "line", field("order", "reference", target="order", required=True), field("quantity", "integer"),
    subject=("order", "customer"), category="order",
)  # fmt: skip


def test_numbers_are_given_in_order():
    """Types from 256, fields from 1, categories from 2; built-in ones keep theirs."""
    registry = Registry().apply([INFO, LOG]).registry
    types = ("customer", "interaction", "follow_up")
    assert dict(zip(types, (256, 257, 258), strict=True)) == {
        key: each.number for key, each in registry.by_key.items() if each.number > 255
    }
    numbers = [each.number for key in types for each in registry.by_key[key].fields]
    assert list(range(1, len(numbers) + 1)) == sorted(numbers)
    categories = ("archive", "profile", "contact", "account_plan", "communication", "crm_note")
    assert {name: place for place, name in enumerate(categories, 1)} == dict(registry.categories)
    phone = registry.by_key["customer"].by_key["phone"]
    assert (3 * 8 + 3, KINDS["phone"].encoding) == (phone.seal_group, phone.encoding)
    assert set(BUILTIN) <= set(registry.types)


def test_a_shared_type_joins():
    """What one template has more, the other gains; nothing is there twice."""
    registry = Registry().apply([LOG]).registry
    before = registry.by_key["customer"]
    assert "company" not in before.by_key
    applied = registry.apply([LOG, INFO])
    after = applied.registry.by_key["customer"]
    assert ["customer"] == [each.key for each in applied.changed]
    assert (1, 2) == (before.definition_version, after.definition_version)
    assert all(each == after.by_key[each.key] for each in before.fields)
    assert {change.code for change in applied.changes} == {"group_added", "field_added"}


def test_applying_again_changes_nothing():
    """No new definition, no difference; also with fewer templates than before."""
    registry = Registry().apply([INFO, LOG]).registry
    for templates in ([INFO, LOG], [LOG], [INFO], []):
        applied = registry.apply(templates)
        assert ((), (), registry) == (applied.changed, applied.changes, applied.registry)


def test_a_second_statement_refines_a_field():
    """The class rises, choices, indexes and aliases add up; what stands already stays."""
    base = made("customer", field("code", sensitivity="internal", choices=(), index=("exact",), width=9))
    more = made(
        "customer", field("code", sensitivity="sensitive", index=("prefix",), width=20, required=True)
    )
    code = (
        Registry()
        .apply([template("a", base), template("b", more)])
        .registry.by_key["customer"]
        .by_key["code"]
    )
    assert ("sensitive", ("exact", "prefix"), 9, True) == (
        code.sensitivity,
        code.index,
        code.width,
        code.required,
    )


@pytest.mark.parametrize("later", [False, True])
@pytest.mark.parametrize(
    ("other", "name"),
    [
        (made("customer", field("code", "integer")), "kind"),
        (made("customer", field("code"), category="other"), "category"),
        (made("customer", field("code"), subject="none"), "subject"),
    ],
)
def test_what_collides_is_refused_and_both_sides_are_named(later, other, name):
    """Within one application, and against what the archive has already."""
    base = template("first", made("customer", field("code")))
    clash = template("second", other)
    registry = Registry().apply([base]).registry if later else Registry()
    with pytest.raises(ConfigError) as caught:
        registry.apply([clash] if later else [base, clash])
    assert ("schema.collision", name) == (caught.value.code, caught.value.parameters["name"])
    assert ("the archive" if later else "first") in caught.value.text()
    assert "second" in caught.value.text()


def test_a_class_that_rose_stays_up_and_gives_another_seal_group():
    """A template with a lower class is no way down; an edit is refused."""
    base = made("customer", field("code", sensitivity="internal"))
    registry = Registry().apply([template("a", base)]).registry
    raised = made("customer", field("code", sensitivity="restricted"))
    registry = registry.apply([template("a", base), template("b", raised)]).registry
    assert ("restricted", 2 * 8 + 5) == (
        registry.by_key["customer"].by_key["code"].sensitivity,
        registry.by_key["customer"].by_key["code"].seal_group,
    )
    assert () == registry.apply([template("a", base)]).changed
    with pytest.raises(ConfigError, match="restricted"):
        registry.replace(change_field(registry.by_key["customer"], "code", sensitivity="internal"))


def test_choices_that_a_template_drops_are_retired():
    """Records hold their keys."""
    one, two = (Choice(key, Label(key, key)) for key in ("one", "two"))
    registry = Registry().apply([template("a", made("t", field("c", "choice", choices=(one, two))))]).registry
    registry = registry.apply([template("a", made("t", field("c", "choice", choices=(two,))))]).registry
    assert (two, attrs.evolve(one, retired=True)) == registry.by_key["t"].by_key["c"].choices


def test_a_renamed_field_keeps_its_number_and_is_found_under_both_keys():
    """Also when the template with the old key is applied again."""
    registry = Registry().apply([INFO, LOG]).registry
    number = registry.by_key["customer"].by_key["phone"].number
    edited = rename_field(registry.by_key["customer"], "phone", "mobile", label=Label("Mobile", "手机"))
    applied = registry.replace(edited)
    again = applied.registry.apply([INFO, LOG])
    assert () == again.changed
    customer = again.registry.by_key["customer"]
    assert number == customer.by_key["mobile"].number == customer.field("phone").number
    assert {"field_renamed", "field_changed"} == {change.code for change in applied.changes}
    with pytest.raises(ConfigError, match="field_exists"):
        add_field(customer, field("phone", group="contact"))
    with pytest.raises(ConfigError, match="field_exists"):
        rename_field(customer, "email", "phone")
    assert "phone" == rename_field(customer, "mobile", "phone").by_key["phone"].key


def test_a_template_renames_a_field_by_naming_its_former_key():
    """The number stays, and the title follows."""
    before = attrs.evolve(made("t", field("code")), title=("code",))
    registry = Registry().apply([template("a", before)]).registry
    after = attrs.evolve(made("t", field("sign", former_keys=("code",))), title=("sign",))
    applied = registry.apply([template("a", after)])
    renamed = applied.registry.by_key["t"]
    assert (("sign",), 1, ("code",)) == (
        renamed.title,
        renamed.fields[0].number,
        renamed.fields[0].former_keys,
    )
    assert 1 == len(renamed.fields)


def test_renaming_the_way_to_the_subject_keeps_the_way():
    """Of the type itself and of those that go through it."""
    customer = made("customer", field("code"))
    all_three = [template("a", customer, ORDER, LINE)]
    registry = Registry().apply(all_three).registry
    registry = registry.replace(rename_field(registry.by_key["order"], "customer", "buyer")).registry
    registry = registry.replace(rename_field(registry.by_key["line"], "order", "sale")).registry
    assert ("buyer",) == registry.by_key["order"].subject
    steps = registry.subject_path(registry.by_key["line"])
    assert [("line", "sale"), ("order", "buyer")] == [(here.key, step.key) for here, step in steps]
    assert () == registry.apply(all_three).changed


def test_a_way_that_does_not_lead_to_a_subject_is_refused():
    """Missing types, fields that are not required, a type at the end that has no subject of its own."""
    customer = made("customer", field("code"))
    with pytest.raises(ConfigError, match=r"schema\.target"):
        Registry().apply([template("a", ORDER)])
    with pytest.raises(ConfigError, match=r"schema\.subject"):
        Registry().apply([template("a", attrs.evolve(customer, subject="none"), ORDER)])
    loose = attrs.evolve(
        ORDER, fields=tuple(attrs.evolve(each, required=False) for each in ORDER.fields), subject="self"
    )
    with pytest.raises(ConfigError, match=r"schema\.subject"):
        Registry().apply([template("a", customer, loose, LINE)])
    order = Registry().apply([template("a", customer, ORDER)]).registry.by_key["order"]
    with pytest.raises(ConfigError, match=r"schema\.subject"):
        retire_field(order, "customer")


def test_what_a_team_changed_survives_the_template():
    """Labels, choices, hidden and retired fields; the rest follows the template."""
    registry = Registry().apply([INFO]).registry
    customer = change_field(registry.by_key["customer"], "email", label=Label("Mail", "邮件"))
    customer = hide_field(retire_field(customer, "fax"), "hobbies")
    registry = registry.replace(customer).registry
    wider = attrs.evolve(
        INFO.types[0],
        fields=tuple(attrs.evolve(each, label=Label("X", "某"), width=99) for each in INFO.types[0].fields),
    )
    after = registry.apply([template("customer-info", wider)]).registry.by_key["customer"]
    assert (Label("Mail", "邮件"), 99) == (after.by_key["email"].label, after.by_key["email"].width)
    assert after.by_key["fax"].retired
    assert after.by_key["hobbies"].hidden
    assert Label("X", "某") == after.by_key["company"].label


def test_a_teams_own_field_and_group():
    """They get numbers, keep their place, and no template takes them out."""
    registry = Registry().apply([INFO]).registry
    group = LayoutGroup("garden", Label("Garden", "花园"), "garden_care")
    customer = add_group(registry.by_key["customer"], group)
    customer = add_field(customer, field("lawn", "decimal", group="garden", minimum="0"))
    customer = add_field(customer, field("second_name", group="identity"))
    applied = registry.replace(customer)
    lawn = applied.registry.by_key["customer"].by_key["lawn"]
    assert (41 - len(LOG.types), "garden_care") != (0, lawn.category)
    assert lawn.number == max(each.number for each in registry.by_key["customer"].fields) + 1
    assert applied.registry.categories["garden_care"] == max(registry.categories.values()) + 1
    assert () == applied.registry.apply([INFO]).changed
    with pytest.raises(ConfigError, match="unknown"):
        add_field(customer, field("x", group="nowhere"))
    with pytest.raises(ConfigError, match="twice"):
        add_group(customer, group)


@pytest.mark.parametrize("name", ["kind", "number", "category", "target", "group", "nonsense"])
def test_what_stored_values_depend_on_cannot_be_edited(name):
    """Not through the edit, nor behind its back."""
    registry = Registry().apply([INFO]).registry
    customer = registry.by_key["customer"]
    with pytest.raises(ConfigError, match=r"schema\.fixed"):
        change_field(customer, "email", **{name: "x"})


@pytest.mark.parametrize(
    "change", [{"number": 77}, {"kind": "text"}, {"target": "user"}, {"category": "other"}]
)
def test_the_registry_refuses_what_edits_would_not_make(change):
    """A field renumbered, of another kind, or gone."""
    registry = Registry().apply([INFO]).registry
    customer = registry.by_key["customer"]
    forged = tuple(attrs.evolve(each, **change) if each.key == "email" else each for each in customer.fields)
    with pytest.raises(ConfigError, match=r"schema\.(number|fixed)"):
        registry.replace(attrs.evolve(customer, fields=forged))
    with pytest.raises(ConfigError, match=r"schema\.number"):
        registry.replace(attrs.evolve(customer, fields=customer.fields[1:]))


def test_built_in_types_are_nobodys_to_change():
    """Their keys are reserved."""
    with pytest.raises(ConfigError, match=r"schema\.reserved"):
        Registry().apply([template("a", made("user", field("login")))])
    with pytest.raises(ConfigError, match=r"schema\.reserved"):
        Registry().replace(BUILTIN[1])


def test_a_retired_type_keeps_its_number_and_comes_back():
    """Unless something still refers to it."""
    registry = Registry().apply([INFO, LOG]).registry
    with pytest.raises(ConfigError, match=r"schema\.target"):
        registry.retire("customer")
    retired = registry.retire("interaction").registry
    assert (257, True) == (retired.by_key["interaction"].number, retired.by_key["interaction"].retired)
    back = retired.apply([LOG]).registry.by_key["interaction"]
    assert (257, False, 3) == (back.number, back.retired, back.definition_version)


def test_two_documents_with_one_number_are_refused():
    """Nothing sealed under it could be told apart."""
    customer = definition_document(Registry().apply([INFO]).registry.by_key["customer"])
    for change in ({"key": "twin"}, {"key": "twin", "number": 300}, {"number": 300}):
        with pytest.raises(ConfigError, match=r"schema\.number"):
            Registry.of(map(type_from_document, [customer, {**customer, **change}]))


def test_a_definition_outlives_the_plugin_that_brought_its_kind():
    """It can be read, compared, and its type edited; the kind and the encoding stand in it."""
    kinds = {**KINDS, "iban": attrs.evolve(KINDS["identifier"], name="iban")}
    own = template("bank", made("account", field("iban", "iban", plugin="bank"), field("note")))
    registry = Registry().apply([own], kinds=kinds).registry
    registry = Registry.of([type_from_document(definition_document(registry.by_key["account"]))])
    edited = registry.replace(rename_field(registry.by_key["account"], "note", "remark")).registry
    iban = edited.by_key["account"].by_key["iban"]
    assert ("iban", KINDS["identifier"].encoding, "bank") == (iban.kind, iban.encoding, iban.plugin)


def test_unknown_members_of_a_document_are_refused():
    """A newer program wrote them; what they mean is not guessed."""
    document = definition_document(Registry().apply([INFO]).registry.by_key["customer"])
    for broken in (
        {**document, "format": 2},
        {**document, "colour": "red"},
        {**document, "fields": [{"key": "x"}]},
        {**document, "fields": ["x"]},
        {**document, "fields": [{**document["fields"][0], "sensitivity": "secret"}]},
        {**document, "label": {"fr": "x"}},
    ):
        with pytest.raises(ConfigError, match=r"schema\.document"):
            type_from_document(broken)


def test_differences_are_told_in_both_languages():
    """Every kind of change, without a code or a name of the program in it."""
    registry = Registry().apply([INFO, LOG]).registry
    customer = registry.by_key["customer"]
    edited = rename_field(customer, "phone", "mobile")
    edited = change_field(
        edited, "status", required=True, label=Label("State", "现状"),
        choices=(*customer.by_key["status"].choices[:-1], Choice("won", Label("Won", "赢得"))),
        highlight=(Highlight("is", "green", "won"),),
    )  # fmt: skip
    edited = add_field(edited, field("shoe", group="personal"))
    edited = add_group(edited, LayoutGroup("garden", Label("Garden", "花园"), "garden"))
    changes = registry.replace(edited).changes
    assert {
        "group_added", "field_renamed", "field_changed", "choice_added", "choice_changed", "field_added",
    } == {change.code for change in changes}  # fmt: skip
    assert "customer.status: required was no, is now yes." in [change.text() for change in changes]
    assert "customer.status：名称由“客户状态”改为“现状”。" in [change.text("zh") for change in changes]
    back = diff(edited, customer)
    assert {"group_gone", "field_gone", "choice_gone"} <= {change.code for change in back}
    for change in (*changes, *back):
        for lang in ("en", "zh"):
            assert "schema." not in change.text(lang)
            assert "{" not in change.text(lang)


LABELS = st.builds(Label, st.text(max_size=5), st.text(max_size=5))
FIELDS = st.builds(
    Field,
    key=st.from_regex("[a-z]{1,8}", fullmatch=True),
    kind=st.sampled_from([*KINDS, "gone"]),
    number=st.integers(1, 1 << 31),
    encoding=st.integers(1, 10),
    label=LABELS,
    help=LABELS,
    sensitivity=st.sampled_from(CLASSES),
    seal_group=st.integers(1, 65_000),
    required=st.booleans(),
    default=st.none() | st.text(max_size=3),
    index=st.lists(st.sampled_from(["exact", "words"]), max_size=2).map(tuple),
    choices=st.lists(
        st.builds(Choice, st.text(max_size=3), LABELS, retired=st.booleans()),
        max_size=2,
        unique_by=lambda choice: choice.key,
    ).map(tuple),
    aliases=st.lists(st.text(max_size=3), max_size=2).map(tuple),
    highlight=st.lists(
        st.builds(Highlight, st.just("is"), st.just("red"), st.text(max_size=3)), max_size=1
    ).map(tuple),
)
TYPES = st.builds(
    RecordType,
    key=st.just("t"),
    number=st.integers(256, 1 << 31),
    label=LABELS,
    subject=st.sampled_from(["self", "none", ("a",), ("a", "b")]),
    title=st.lists(st.text(max_size=3), max_size=2).map(tuple),
    groups=st.lists(
        st.builds(LayoutGroup, st.text(max_size=3), LABELS, st.text(max_size=3)),
        max_size=2,
        unique_by=lambda group: group.key,
    ).map(tuple),
    fields=st.lists(FIELDS, max_size=3, unique_by=lambda each: each.number).map(tuple),
    definition_version=st.integers(0, 99),
)


@settings(max_examples=50, deadline=None)
@given(TYPES)
def test_a_definition_comes_back_whole(record_type):
    """Through canonical JSON, whatever stands in it; and it differs from itself in nothing."""
    document = parse_canonical(canonical(definition_document(record_type)))
    assert record_type == type_from_document(document)
    assert [] == diff(record_type, type_from_document(document))


POOL = [
    INFO,
    LOG,
    template("orders", made("customer", field("code")), ORDER),
    template("lines", made("customer", field("code", sensitivity="sensitive")), ORDER, LINE),
    template("other", made("pet", field("name"), field("age", "integer"), category="extra")),
]  # fmt: skip
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["apply", "rename", "add", "hide", "retire", "raise", "retire_type", "reload"]),
        st.integers(0, 10_000),
        st.sets(st.sampled_from(range(len(POOL))), min_size=1),
    ),
    max_size=12,
)


def step(registry: Registry, action: str, pick: int, templates: set[int]) -> Registry:
    if action == "reload":
        return Registry.of(
            type_from_document(definition_document(each)) for each in registry.types if each.number > 255
        )
    if action == "apply":
        return registry.apply([POOL[place] for place in sorted(templates)]).registry
    own = [each for each in registry.types if each.number > 255]
    if not own:
        return registry
    chosen = own[pick % len(own)]
    if action == "retire_type":
        return registry.retire(chosen.key).registry
    target = chosen.fields[pick // 7 % len(chosen.fields)]
    edited = {
        "rename": lambda: rename_field(chosen, target.key, f"f{pick % 40}"),
        "add": lambda: add_field(chosen, field(f"f{pick % 40}", group=target.group)),
        "hide": lambda: hide_field(chosen, target.key, hidden=bool(pick % 2)),
        "retire": lambda: retire_field(chosen, target.key, retired=bool(pick % 3)),
        "raise": lambda: change_field(chosen, target.key, sensitivity=CLASSES[pick % 5]),
    }[action]()
    return registry.replace(edited).registry


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_numbers_never_change_whatever_is_done(steps):
    """Types, fields and categories keep theirs, and what stored bytes depend on; classes only rise."""
    registry = Registry()
    for action, pick, templates in steps:
        before = registry
        try:
            registry = step(registry, action, pick, templates)
        except ConfigError:
            continue
        for old in before.types:
            new = registry.by_number[old.number]
            assert (old.key, old.definition_version <= new.definition_version) == (new.key, True)
            assert (old == new) == (old.definition_version == new.definition_version)
            for one in old.fields:
                other = new.by_number[one.number]
                same = ("kind", "encoding", "category", "target")
                assert [getattr(one, name) for name in same] == [getattr(other, name) for name in same]
                assert CLASSES.index(one.sensitivity) <= CLASSES.index(other.sensitivity)
                assert one.key in (other.key, *other.former_keys)
                assert other is new.field(one.key) or one.key in new.by_key
        assert before.categories.items() <= registry.categories.items()
        numbers = [each.number for record_type in registry.types for each in record_type.fields]
        assert len(numbers) == len(set(numbers))
