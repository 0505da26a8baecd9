"""Templates: what ships is whole, what is wrong is named with its place."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import jsonschema
import pytest

import muniment_schemas
from muniment.errors import ConfigError
from muniment.schema import (
    KINDS,
    MASKS,
    Choice,
    Label,
    dashboards,
    load_template,
    parse_template,
    rules,
    template,
    template_names,
    toml,
)

SCHEMA = json.loads(
    (Path(muniment_schemas.__file__).parent / "template.schema.json").read_text(encoding="utf-8")
)
VALID = jsonschema.Draft202012Validator(SCHEMA)
SHIPPED = [(folder, name) for folder in ("types", "templates") for name in muniment_schemas.names(folder)]

SHOP = """
format = 1
key = "shop"
label = { en = "Shop", zh = "商店" }

[[type]]
use = "customer"
groups = ["identity"]

[[type.group]]
key = "shop"
label = { en = "Shop", zh = "商店" }
category = "account"

[[type.group.field]]
key = "tier"
label = { en = "Tier", zh = "等级" }
kind = "choice"
class = "internal"
choices = [{ key = "gold", label = { en = "Gold", zh = "金" }, colour = "amber" }]
default = "gold"

[[type.field]]
key = "full_name"
class = "sensitive"
width = 30

[[type.field]]
key = "nickname"
label = { en = "Nickname", zh = "昵称" }
kind = "text"
class = "personal"
group = "identity"

[[type]]
key = "order"
label = { en = "Order", zh = "订单" }
subject = "customer"
title = ["number"]

[[type.group]]
key = "order"
label = { en = "Order", zh = "订单" }
category = "order"

[[type.group.field]]
key = "number"
label = { en = "Number", zh = "编号" }
kind = "identifier"
class = "internal"
required = true

[[type.group.field]]
key = "customer"
label = { en = "Customer", zh = "客户" }
kind = "reference"
target = "customer"
class = "internal"
required = true

[[type.group.field]]
key = "total"
label = { en = "Total", zh = "金额" }
kind = "money"
class = "internal"
minimum = "0"
"""


def shop(old: str = "", new: str = "") -> template.Template:
    assert old in SHOP
    return parse_template(SHOP.replace(old, new, 1) if old else SHOP, where="shop.toml")


@pytest.mark.parametrize(("folder", "name"), SHIPPED)
def test_every_shipped_file_is_of_the_published_form(folder, name):
    """Editors complete and check with the same schema."""
    assert [] == list(VALID.iter_errors(tomllib.loads(muniment_schemas.read(folder, name))))


@pytest.mark.parametrize("name", template_names())
def test_every_shipped_template_loads_in_both_languages(name):
    """Labels and helps of every type, group, field and choice."""
    loaded = load_template(name)
    assert name == loaded.key
    for record_type in loaded.types:
        texts = [record_type.label, record_type.help, *(group.label for group in record_type.groups)]
        for field in record_type.fields:
            texts += [field.label, field.help, *(choice.label for choice in field.choices)]
            assert (field.width > 0, True) == (True, bool(field.category))
        assert all(text.en and text.zh for text in texts)
        assert any(field.emphasis == "title" for field in record_type.fields)


def test_the_published_form_knows_what_the_loader_knows():
    """Neither takes a key that the other refuses, nor another list of words."""
    defs = SCHEMA["$defs"]
    for name, table in (
        ("template", template._TEMPLATE),
        ("libraryType", template._LIBRARY),
        ("type", template._TYPE),
        ("use", template._USE),
        ("group", template._GROUP),
        ("field", template._FIELD),
        ("fieldChange", template._FIELD),
        ("choice", template._CHOICE),
        ("highlight", template._HIGHLIGHT),
        ("label", toml._LABEL),
        ("dashboard", dashboards.DASHBOARD),
        ("tile", dashboards.TILE),
    ):
        assert table.keys() == defs[name]["properties"].keys(), name
    field = defs["field"]["properties"]
    assert list(KINDS) == field["kind"]["anyOf"][0]["enum"]
    assert list(MASKS) == field["mask"]["enum"]
    assert list(rules.INDEX_KINDS) == field["index"]["items"]["enum"]
    assert list(rules.COLOURS) == defs["choice"]["properties"]["colour"]["enum"]
    assert list(rules.HIGHLIGHTS) == defs["highlight"]["properties"]["test"]["enum"]
    assert [name for name in rules.EMPHASES if name] == field["emphasis"]["enum"]
    assert list(rules.MEANINGS) == field["meaning"]["enum"]
    assert list(dashboards.MEASURES) == defs["tile"]["properties"]["measure"]["enum"]
    assert list(dashboards.PERIODS) == defs["tile"]["properties"]["period"]["enum"]


def test_every_part_of_the_published_form_is_described():
    """The description is what an editor shows."""
    for definition in SCHEMA["$defs"].values():
        for part in definition.get("properties", {}).values():
            assert part.get("description") or "$ref" in part


def test_a_template_chooses_adds_and_changes():
    """Groups of a library type, further groups and fields, other attributes; and types of its own."""
    assert [] == list(VALID.iter_errors(tomllib.loads(SHOP)))
    customer, order = shop().types
    assert ["identity", "shop"] == [group.key for group in customer.groups]
    assert "phone" not in customer.by_key
    assert ("sensitive", 30, "words") == (
        customer.by_key["full_name"].sensitivity,
        customer.by_key["full_name"].width,
        customer.by_key["full_name"].index[0],
    )
    assert ("profile", "account") == (customer.by_key["nickname"].category, customer.by_key["tier"].category)
    assert (Choice("gold", Label("Gold", "金"), "amber"),) == customer.by_key["tier"].choices
    assert (("customer",), ("number",), "0") == (order.subject, order.title, order.by_key["total"].minimum)


@pytest.mark.parametrize(
    ("old", "new", "code", "place", "hint"),
    [
        ('kind = "identifier"', 'kin = "identifier"', "unknown_near", "[0](order).field(number)", "kind"),
        ('kind = "identifier"', 'kind = "identifer"', "unknown_near", "order.number.kind", "identifier"),
        ('kind = "identifier"', "", "missing", "order).field(number)", "kind"),
        ('use = "customer"', 'use = "custmer"', "unknown_near", "type[0].use", "customer"),
        ('groups = ["identity"]', 'groups = ["identiti"]', "unknown_near", "type[0].groups", "identity"),
        ('class = "sensitive"', 'class = "internal"', "class_lowered", "field[0](full_name)", "personal"),
        ('class = "sensitive"', 'class = "secret"', "unknown", "field[0](full_name).class", "restricted"),
        ("width = 30", 'kind = "integer"', "fixed", "field[0](full_name)", "kind"),
        ("width = 30", 'width = "30"', "value", "field[0](full_name).width", "whole number"),
        ("width = 30", "width = true", "value", "field[0](full_name).width", "whole number"),
        ("width = 30", "width = -1", "negative", "customer.full_name", ""),
        ('group = "identity"', 'group = "contact"', "unknown", "(nickname).group", "identity"),
        ('label = { en = "Shop", zh = "商店" }', 'label = {en = "Shop"}', "missing", "shop.toml: label", ""),
        ('zh = "金"', 'zh = ""', "label", "customer.tier.choices.gold", "zh"),
        ('colour = "amber"', 'colour = "ambre"', "unknown_near", "tier.choices.gold", "amber"),
        ('default = "gold"', 'default = "silver"', "default", "customer.tier.default", "value.choice"),
        ('default = "gold"', 'mask = "lastfour"', "unknown_near", "customer.tier.mask", "last_four"),
        ('minimum = "0"', 'minimum = "none"', "bounds", "order.total", ""),
        ('minimum = "0"', "past = 1", "value", "field(total).past", "true or false"),
        ('target = "customer"', "", "target_missing", "order.customer.target", ""),
        ('subject = "customer"', 'subject = "total"', "subject", "order.subject", "total"),
        ('subject = "customer"', 'subject = "buyer"', "subject", "order.subject", "buyer"),
        ('title = ["number"]', 'title = ["nummer"]', "unknown_near", "order.title", "number"),
        ('key = "number"', 'key = "Number"', "key", "order.Number", "Number"),
        ('key = "number"', 'key = "total"', "twice", "order.field", "total"),
        ('key = "total"', 'key = "cvv"', "forbidden", "order.cvv", "PCI DSS"),
        ('zh = "金额"', 'zh = "信用卡背面三位码"', "forbidden", "order.total", "PCI DSS"),
        ('key = "order"', 'key = "customer"', "twice", "shop.toml: type", "customer"),
        ("format = 1", "format = 2", "format", "shop.toml", "1"),
        ("format = 1", "format = ", "toml", "shop.toml", "line 2"),
        ('key = "shop"', 'key = "Shop"', "key", "shop.toml", "Shop"),
        ('category = "account"', 'category = "account"\nfield = [3]', "toml", "shop.toml", "line"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_file_and_place(old, new, code, place, hint):
    """And, where a word is nearly right, with the word that was probably meant."""
    with pytest.raises(ConfigError) as caught:
        shop(old, new)
    error = caught.value
    assert f"schema.{code}" == error.code
    assert error.where is not None
    assert error.where.startswith("shop.toml")
    assert place in error.where
    assert error.text("en") != error.text("zh")
    assert hint in error.text()


@pytest.mark.parametrize(
    "text", ["", "format = 1", "format = 1\nkey = 3", "format = 1\nkey='a'\nlabel=1\ntype=[]"]
)
def test_a_template_without_its_parts_is_refused(text):
    """With a code, never with a traceback of something else."""
    with pytest.raises(ConfigError, match=r"schema\."):
        parse_template(text, where="empty.toml")


def test_a_name_that_is_no_template_is_refused_with_the_one_meant():
    """As everywhere."""
    with pytest.raises(ConfigError, match="customer-info"):
        load_template("customer-inf")
    with pytest.raises(ConfigError, match="clinic-visits"):
        load_template("nothing-like-it", beside=("clinic-visits",))


def test_a_plugins_kinds_may_stand_in_a_template():
    """Only where the loader is told of them."""
    changed = SHOP.replace('kind = "identifier"', 'kind = "iban"')
    with pytest.raises(ConfigError, match="iban"):
        parse_template(changed, where="shop.toml")
    kinds = {**KINDS, "iban": KINDS["identifier"]}
    assert "iban" == parse_template(changed, where="shop.toml", kinds=kinds).types[1].by_key["number"].kind
