from __future__ import annotations

import json
import timeit
import tomllib
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.errors import ConfigError, Invalid, MunimentError, UsageError
from muniment.imports import Join, Mapping, Row, header_key, load_mapping, open_table, parse_mapping, resolve
from muniment.schema.fields import Field
from muniment.schema.types import RecordType
from muniment.schema.values import Label

Put = Callable[..., Path]

CHINOOK = """
format = 1
type = "customer"
ignore = ["city", "fax", "company", "state", "address", "support_rep"]
match = ["number"]
keep_unlisted = ["note"]
default_region = "US"

[columns]
id = "number"
country = "note"

[join.full_name]
columns = ["firstname", "lastname"]
han_columns = ["lastname", "firstname"]

[constants]
level = "gold"

[values.note]
Brazil = "from Brazil"
"""


def values(
    header: tuple[str, ...], kind: RecordType, *cells: str, mapping: Mapping | None = None
) -> dict[str, object]:
    return resolve(header, kind, mapping).values(Row(2, cells))


def refused(
    header: tuple[str, ...], kind: RecordType, mapping: Mapping | None = None, **options: Any
) -> MunimentError:
    with pytest.raises(MunimentError) as caught:
        resolve(header, kind, mapping, **options)
    for lang in ("en", "zh"):
        text = caught.value.text(lang)
        assert "{" not in text
        assert caught.value.code != text.split(" [")[0]
    return caught.value


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("number", "number"),
        ("Customer number", "number"),
        ("customer-NUMBER:", "number"),
        ("客户编号", "number"),
        ("客户 编号", "number"),
        ("客户号", "number"),
        ("ＩＤ", "number"),
        ("Full_Name", "full_name"),
        ("姓名", "full_name"),
        ("Ｅ－ｍａｉｌ", "email"),
        ("Email", "email"),
        ("remark", "note"),
        ("last\nseen", "seen"),
    ],
)
def test_a_header_finds_its_field(customer: RecordType, header: str, field: str) -> None:
    """Key, former key, label in either language or alias; case, width, spaces and signs do not count."""
    assert (field,) == resolve((header,), customer).fields


def test_a_key_comes_before_a_label_and_a_label_before_an_alias() -> None:
    """Where one name means several fields, the nearer meaning counts; equally near ones are refused."""
    kind = RecordType(
        key="thing",
        fields=(
            Field(key="phone", kind="phone", label=Label("Main", "主要")),
            Field(key="other", kind="phone", label=Label("Phone", "电话"), aliases=("Tel",)),
            Field(key="third", kind="phone", label=Label("Third", "第三"), aliases=("电话", "tel.")),
        ),
    )
    assert ("phone",) == resolve(("Phone",), kind).fields
    assert ("other",) == resolve(("电话",), kind).fields
    error = refused(("TEL",), kind)
    assert ("import.ambiguous_column", "other, third") == (error.code, error.parameters["fields"])


def test_an_unknown_column_is_refused_with_a_guess(customer: RecordType) -> None:
    """A column that is no field stops the import, and the nearest name is offered."""
    error = refused(("number", "Postel code"), customer)
    assert "import.unknown_column_near" == error.code
    assert "postal_code" in error.text()
    assert "B “Postel code”" in error.text()
    assert "import.unknown_column" == refused(("number", "Wetter"), customer).code
    assert ("number",) == resolve(("number", "Wetter"), customer, Mapping(ignore=("wetter",))).fields


def test_a_file_without_header_shows_nobody(customer: RecordType) -> None:
    """Where no column is known the first row is likely a person; the message names no cell."""
    error = refused(("Anna Schmidt", "Berlin"), customer)
    assert "import.no_header" == error.code
    assert "Anna" not in error.text()


def test_a_retired_field_is_unknown(customer: RecordType) -> None:
    """A retired field takes no values, by no name."""
    assert "import.unknown_column" == refused(("number", "fax"), customer).code.removesuffix("_near")


def test_two_columns_of_one_field_are_refused(customer: RecordType) -> None:
    """Two columns that lead to one field are an error that names both."""
    error = refused(("phone", "手机"), customer)
    assert "import.field_twice" == error.code
    assert "A “phone”, B “手机”" == error.parameters["columns"]
    assert ("phone",) == resolve(("phone", "手机"), customer, Mapping(ignore=("手机",))).fields


def test_what_is_left_out_is_said(customer: RecordType) -> None:
    """Computed and file columns and muniment's own are left out with a note; a missing field is noted."""
    plan = resolve(("number", "Value", "合同", "muniment: row", "MUNIMENT：id"), customer)
    assert ("number",) == plan.fields
    notes = {(note.code, note.field) for note in plan.notes}
    assert {
        ("import.computed", "value"),
        ("import.file", "contract"),
        ("import.own_columns", None),
        ("import.required", "full_name"),
    } == notes
    assert all(note.severity == "warning" and note.text("zh") for note in plan.notes)
    assert 4 == plan.record_id


def test_empty_headers_are_left_out(customer: RecordType) -> None:
    """A column without header and data is nobody's."""
    assert {"number": "1", "phone": "2"} == values(("number", "", "phone"), customer, "1", "", "2")


def test_empty_cells_say_that_there_is_no_value(customer: RecordType) -> None:
    """An empty cell is given as an empty text, so that it can clear a value."""
    assert {"number": "1", "phone": ""} == values(("number", "phone"), customer, "1", "")


def test_the_mapping_makes_a_customer_out_of_chinook(customer: RecordType, data: Path) -> None:
    """Joined names, renamed, constant, translated and ignored columns, on the real file."""
    mapping = parse_mapping(tomllib.loads(CHINOOK))
    with open_table(data / "chinook_customer.csv", **mapping.reading()) as table:
        plan = resolve(table.header, customer, mapping)
        rows = [plan.values(row) for row in table.rows]
    assert ("number",) == plan.match
    assert 59 == len(rows)
    assert 13 == sum(not str(row["full_name"]).isascii() for row in rows)
    assert {
        "number": "1",
        "full_name": "Luís Gonçalves",
        "phone": "+55 (12) 3923-5555",
        "email": "luisg@embraer.com.br",
        "postal_code": "12227-000",
        "note": "from Brazil",
        "level": "gold",
    } == rows[0]
    assert ("firstname", "lastname") == plan.columns_of("full_name")
    assert () == plan.columns_of("level")


@pytest.mark.parametrize(
    ("first", "last", "name"),
    [
        ("Anna", "Schmidt", "Anna Schmidt"),
        ("娜", "李", "李娜"),
        (" 修 ", "欧阳", "欧阳修"),
        ("Anna", "李", "Anna 李"),
        ("", "Schmidt", "Schmidt"),
        ("", "李", "李"),
        ("", "", ""),
    ],
)
def test_names_are_joined_as_they_are_written(customer: RecordType, first: str, last: str, name: str) -> None:
    """Chinese names begin with the family name and have no space; others as the mapping says."""
    join = Join(columns=("First", "Last"), han_columns=("Last", "First"))
    mapping = Mapping(joins={"full_name": join})
    assert {"full_name": name} == values(("First", "Last"), customer, first, last, mapping=mapping)


def test_texts_are_translated_and_unlisted_ones_refused(customer: RecordType) -> None:
    """A text that the mapping does not list refuses the row, unless it is said to go through."""
    table = {"level": {"1": "gold", "2": "silver"}}
    plan = resolve(("level",), customer, Mapping(values=table))
    assert {"level": "gold"} == plan.values(Row(2, (" 1 ",)))
    assert {"level": ""} == plan.values(Row(3, ("",)))
    with pytest.raises(Invalid) as caught:
        plan.values(Row(4, ("geheim",)))
    assert ("import.unlisted", "level") == (caught.value.issues[0].code, caught.value.issues[0].field)
    assert "geheim" not in caught.value.text()
    kept = resolve(("level",), customer, Mapping(values=table, keep_unlisted=("level",)))
    assert {"level": "x"} == kept.values(Row(4, ("x",)))


def test_an_amount_and_its_currency_stand_in_two_columns(customer: RecordType) -> None:
    """The columns of an export of money are put together again; a currency alone is refused."""
    for header in (("spent", "spent.currency"), ("Spent", "Spent (currency)"), ("消费", "消费（币种）")):
        assert {"spent": "12.50 EUR"} == values(header, customer, "12.50", "EUR")
        assert {"spent": ""} == values(header, customer, "", "EUR")
        assert {"spent": "12.50"} == values(header, customer, "12.50", "")
    assert "import.currency_alone" == refused(("number", "spent.currency"), customer).code


def test_matching_needs_a_column(customer: RecordType) -> None:
    """A field to match by must be among what the rows give; the call comes before the mapping."""
    mapping = Mapping(match=("number",))
    assert ("number",) == resolve(("number", "email"), customer, mapping).match
    assert ("email",) == resolve(("number", "email"), customer, mapping, match=["email"]).match
    assert "import.match" == refused(("email",), customer, mapping).code
    assert "import.match" == refused(("email",), customer, match=["nothing"]).code


@pytest.mark.parametrize(
    ("mapping", "code"),
    [
        (Mapping(type="order"), "import.mapping_type"),
        (Mapping(columns={"number": "nothing"}), "import.mapping_field"),
        (Mapping(columns={"number": "value"}), "import.mapping_field"),
        (Mapping(columns={"number": "contract"}), "import.mapping_field"),
        (Mapping(columns={"none": "phone"}), "import.mapping_column"),
        (Mapping(ignore=("none",)), "import.mapping_column"),
        (Mapping(constants={"phone": "1"}), "import.field_given"),
        (
            Mapping(constants={"email": "1"}, joins={"email": Join(columns=("number",))}),
            "import.mapping_twice",
        ),
        (Mapping(values={"email": {"a": "b"}}), "import.mapping_values"),
        (Mapping(ignore=("number", "phone")), "import.no_columns"),
    ],
)
def test_a_mapping_that_does_not_fit_is_refused(customer: RecordType, mapping: Mapping, code: str) -> None:
    """Whatever a mapping names must be there, and say one thing only."""
    assert code == refused(("number", "phone"), customer, mapping).code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("columns = 3", "import.mapping_value"),
        ("nothing = 3", "import.mapping_key"),
        ("format = 2", "import.mapping_value"),
        ('date_order = "ymd"', "import.mapping_value"),
        ('currency = "euro"', "import.mapping_value"),
        ('delimiter = ";;"', "import.mapping_value"),
        ("header_row = 0", "import.mapping_value"),
        ('ignore = "a"', "import.mapping_value"),
        ("[join.full_name]\ncolumns = []", "import.mapping_value"),
        ('[join.full_name]\ncolumns = ["a"]\nseperator = ""', "import.mapping_key"),
        ('[join.full_name]\ncolumns = ["a", "b"]\nhan_columns = ["a"]', "import.mapping_value"),
        ("[values]\nlevel = 1", "import.mapping_value"),
        ("[constants]\nlevel = [1]", "import.mapping_value"),
        ('[columns]\na = "phone"\nb = "phone"', "import.mapping_twice"),
        ('keep_unlisted = ["level"]', "import.mapping_value"),
    ],
)
def test_a_wrong_mapping_is_refused_by_name(text: str, code: str) -> None:
    """A misspelt or mistyped mapping says which of its items is wrong."""
    with pytest.raises(ConfigError) as caught:
        parse_mapping(tomllib.loads(text), where="m.toml")
    assert code == caught.value.code
    assert "m.toml" in caught.value.text()


def test_a_mapping_file_is_read_or_explained(put: Put, tmp_path: Path) -> None:
    """A mapping is a TOML file; a missing or broken one is told with its line."""
    mapping = load_mapping(put(CHINOOK, "m.toml"))
    assert ("customer", ("number",), {"default_region": "US"}) == (
        mapping.type,
        mapping.match,
        mapping.context(),
    )
    assert {"sheet": "A", "header_row": 3} == load_mapping(
        put('sheet = "A"\nheader_row = 3', "s.toml")
    ).reading()
    for path, code in (
        (tmp_path / "no.toml", "missing"),
        (put("a = \n", "x.toml"), "toml"),
        (tmp_path, "toml"),
    ):
        with pytest.raises(ConfigError) as caught:
            load_mapping(path)
        assert f"import.mapping_{code}" == caught.value.code
    assert "line 1" in caught.value.parameters["place"]


def test_the_published_schema_says_what_the_reader_takes() -> None:
    """Every mapping that the schema refuses is refused by the reader, and its properties are the reader's."""
    source = resources.files("muniment_schemas").joinpath("mapping.schema.json")
    schema = json.loads(source.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    assert not list(validator.iter_errors(tomllib.loads(CHINOOK)))
    for text in (
        "columns = 3",
        "nothing = 3",
        'currency = "euro"',
        "header_row = 0",
        "[join.a]\ncolumns = []",
    ):
        assert list(validator.iter_errors(tomllib.loads(text)))
        with pytest.raises(ConfigError):
            parse_mapping(tomllib.loads(text))
    names = {"joins" if name == "join" else name for name in schema["properties"]} - {"format"}
    assert {field.name for field in Mapping.__attrs_attrs__} == names


@given(st.text())
def test_comparing_headers_is_stable(name: str) -> None:
    """A header as it is compared stays the same when it is made so again."""
    assert header_key(header_key(name)) == header_key(name)


@pytest.mark.slow
def test_a_row_becomes_values_fast() -> None:
    """A row of 20 columns, one of them joined of two, costs at most 4 microseconds, measured generously."""
    fields = tuple(Field(key=f"f{place}", kind="text") for place in range(20))
    kind = RecordType(key="wide", fields=fields)
    header = (*(f"f{place}" for place in range(19)), "a", "b")
    plan = resolve(header, kind, Mapping(joins={"f19": Join(columns=("a", "b"))}, constants={}))
    row = Row(2, tuple(f"value {place}" for place in range(21)))
    best = min(timeit.repeat(lambda: plan.values(row), number=2_000, repeat=5)) / 2_000
    assert 20 == len(plan.values(row))
    assert best < 12e-6


def test_usage_errors_are_usage_errors(customer: RecordType) -> None:
    """What is wrong with the file is a usage error, what is wrong with the mapping one of configuration."""
    assert isinstance(refused(("number", "Wetter"), customer), UsageError)
    assert isinstance(refused(("number",), customer, Mapping(type="x")), ConfigError)
