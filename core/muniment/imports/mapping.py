"""A mapping: what a team writes down once about a file whose columns are not named as the fields are.

The file is TOML; ``schemas/muniment_schemas/mapping.schema.json`` describes it for editors.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping as AnyMapping
from pathlib import Path
from typing import Any, NoReturn

import attrs

from muniment.errors import ConfigError

__all__ = [
    "Join",
    "Mapping",
    "load_mapping",
    "mapping_document",
    "parse_mapping",
    "shipped_mapping",
    "shipped_mappings",
]


@attrs.frozen(kw_only=True)
class Join:
    """Several columns that make one field.

    Attributes:
        columns: their headers, in the order in which they are joined; empty cells are left out.
        separator: what stands between two of them.
        han_columns: the order where every part is written in Chinese characters, joined without
            a separator, as names are: family name first. Empty keeps ``columns`` and the separator.
    """

    columns: tuple[str, ...]
    separator: str = " "
    han_columns: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class Mapping:
    """How the columns of a file become the fields of a record type.

    Attributes:
        type: the key of the record type it was written for; empty for any.
        columns: a field for each header that does not find its own.
        joins: by field, the columns that are joined into it.
        constants: by field, the text that every row gets.
        values: by field, the text that takes the place of each text in the file.
            The text ``*`` stands for all that are not listed.
        keep_unlisted: fields of ``values`` in which other texts go through as they are; in the
            others they refuse the row.
        epoch: by field, the unit in which its cells count from 1970-01-01Z: ``s``, ``ms`` or ``us``.
        lenient: columns that are named here may be missing, and columns that nobody knows are left out.
        ignore: headers of columns that are left out.
        match: fields by which a row finds the record that it updates.
        empty: ``keep`` or ``clear``; what an empty cell does to the value of a record that is found.
        date_order: ``dmy`` or ``mdy``; how 03/04/2026 is meant.
        decimal_mark: ``.`` or ``,``; how 1.234 is meant.
        currency: ISO 4217, for amounts that name none.
        default_region: ISO 3166-1, for phone numbers without a country code.
        timezone: an IANA name, for times that name none.
        encoding: of the file.
        delimiter: of the file.
        sheet: of the workbook.
        header_row: the row of the header, from 1; 0 finds out.
    """

    type: str = ""
    columns: AnyMapping[str, str] = attrs.field(factory=dict)
    joins: AnyMapping[str, Join] = attrs.field(factory=dict)
    constants: AnyMapping[str, str] = attrs.field(factory=dict)
    values: AnyMapping[str, AnyMapping[str, str]] = attrs.field(factory=dict)
    keep_unlisted: tuple[str, ...] = ()
    epoch: AnyMapping[str, str] = attrs.field(factory=dict)
    lenient: bool = False
    ignore: tuple[str, ...] = ()
    match: tuple[str, ...] = ()
    empty: str = ""
    date_order: str = ""
    decimal_mark: str = ""
    currency: str = ""
    default_region: str = ""
    timezone: str = ""
    encoding: str = ""
    delimiter: str = ""
    sheet: str = ""
    header_row: int = 0

    def context(self) -> dict[str, str]:
        """What it says about reading values, by the names that ``schema.values.Context`` uses."""
        names = ("date_order", "decimal_mark", "currency", "default_region", "timezone")
        return {name: getattr(self, name) for name in names if getattr(self, name)}

    def reading(self) -> dict[str, Any]:
        """What it says about opening the file, by the names that ``open_table`` uses."""
        names = ("encoding", "delimiter", "sheet", "header_row")
        return {name: getattr(self, name) for name in names if getattr(self, name)}


def load_mapping(path: str | os.PathLike[str]) -> Mapping:
    """Read a mapping from a TOML file.

    Args:
        path: the file, UTF-8.

    Raises:
        ConfigError: ``import.mapping_missing``, ``import.mapping_toml``, or as ``parse_mapping``.
    """
    path = Path(path)
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise ConfigError("import.mapping_missing", where=str(path)) from None
    except (OSError, UnicodeError, tomllib.TOMLDecodeError) as error:
        # What the parser says of the place holds a line and a column, and nothing of the text.
        line = str(error).rpartition("(at ")[2].rstrip(")") if "(at " in str(error) else "line 1"
        raise ConfigError("import.mapping_toml", where=str(path), place=line) from None
    return parse_mapping(document, where=str(path))


_TEXTS = {
    "type": re.compile(r".*"),
    "currency": re.compile(r"[A-Z]{3}"),
    "default_region": re.compile(r"[A-Z]{2}"),
    "timezone": re.compile(r".+"),
    "encoding": re.compile(r".+"),
    "delimiter": re.compile(r"."),
    "sheet": re.compile(r".+"),
}
_EXAMPLES = {"currency": '"EUR"', "default_region": '"DE"', "delimiter": '";"'}
_LISTS = ("keep_unlisted", "ignore", "match")
_ONE_OF = {"date_order": ("dmy", "mdy"), "decimal_mark": (".", ","), "empty": ("keep", "clear")}


def parse_mapping(document: AnyMapping[str, Any], *, where: str | None = None) -> Mapping:
    """Read a mapping from what its TOML says; whatever is unknown or misspelt is refused.

    Args:
        document: the tables of the file.
        where: the file, for messages.

    Raises:
        ConfigError: ``import.mapping_key``, ``import.mapping_value`` or ``import.mapping_twice``.
    """
    given: dict[str, Any] = {}
    for key, value in document.items():
        if key in _TEXTS:
            if not isinstance(value, str) or not _TEXTS[key].fullmatch(value):
                _wrong(key, _EXAMPLES.get(key, '"…"'), where)
            given[key] = value
        elif key in _LISTS:
            given[key] = _texts(value, key, where)
        elif key in _ONE_OF:
            if value not in _ONE_OF[key]:
                _wrong(key, " | ".join(_ONE_OF[key]), where)
            given[key] = value
        elif key == "format":
            if value != 1 or isinstance(value, bool):
                _wrong(key, "1", where)
        elif key == "header_row":
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                _wrong(key, "1, 2, 3 …", where)
            given[key] = value
        elif key == "lenient":
            if not isinstance(value, bool):
                _wrong(key, "true | false", where)
            given[key] = value
        elif key == "epoch":
            given["epoch"] = {name: _unit(unit, name, where) for name, unit in _table(value, key, where)}
        elif key in ("columns", "constants"):
            given[key] = {
                name: _text(text, f"{key}.{name}", where) for name, text in _table(value, key, where)
            }
        elif key == "join":
            given["joins"] = {name: _join(name, table, where) for name, table in _table(value, key, where)}
        elif key == "values":
            given["values"] = {
                name: _translation(name, table, where) for name, table in _table(value, key, where)
            }
        else:
            raise ConfigError("import.mapping_key", where=where, name=key)
    mapping = Mapping(**given)
    _consistent(mapping, where)
    return mapping


def _wrong(name: str, expected: str, where: str | None) -> NoReturn:
    raise ConfigError("import.mapping_value", where=where, name=name, expected=expected)


def _text(value: Any, name: str, where: str | None) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if not isinstance(value, str):
        _wrong(name, '"…"', where)
    return value


def _texts(value: Any, name: str, where: str | None) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(text, str) and text for text in value):
        _wrong(name, '["…", "…"]', where)
    return tuple(value)


def _table(value: Any, name: str, where: str | None) -> list[tuple[str, Any]]:
    if not isinstance(value, dict):
        _wrong(name, f"[{name}]", where)
    return list(value.items())


def _join(field: str, value: Any, where: str | None) -> Join:
    name = f"join.{field}"
    table = dict(_table(value, name, where))
    unknown = sorted(table.keys() - {"columns", "separator", "han_columns"})
    if unknown:
        raise ConfigError("import.mapping_key", where=where, name=f"{name}.{unknown[0]}")
    columns = _texts(table.get("columns"), f"{name}.columns", where)
    han = _texts(table.get("han_columns", []), f"{name}.han_columns", where)
    separator = table.get("separator", " ")
    if not isinstance(separator, str):
        _wrong(f"{name}.separator", '"…"', where)
    if not columns or (han and sorted(han) != sorted(columns)):
        _wrong(f"{name}.han_columns" if han else f"{name}.columns", '["…", "…"]', where)
    return Join(columns=columns, separator=separator, han_columns=han)


def _unit(value: Any, name: str, where: str | None) -> str:
    if value not in ("s", "ms", "us"):
        _wrong(f"epoch.{name}", "s | ms | us", where)
    return str(value)


def _translation(field: str, value: Any, where: str | None) -> dict[str, str]:
    return {text: _text(to, f"values.{field}", where) for text, to in _table(value, f"values.{field}", where)}


def _consistent(mapping: Mapping, where: str | None) -> None:
    # Where columns may be missing, several may be named for one field: the first that is there is taken.
    columns = set(mapping.columns.values()) if mapping.lenient else mapping.columns.values()
    fields = [*columns, *mapping.joins, *mapping.constants]
    for field in fields:
        if fields.count(field) > 1:
            raise ConfigError("import.mapping_twice", where=where, field=field)
    for field in mapping.keep_unlisted:
        if field not in mapping.values:
            _wrong("keep_unlisted", f"[values.{field}]", where)


def mapping_document(mapping: Mapping) -> dict[str, Any]:
    """The tables of a mapping, as ``parse_mapping`` reads them; what says nothing is left out."""
    document: dict[str, Any] = {"format": 1}
    for name in (*_TEXTS, *_ONE_OF, "header_row", "lenient"):
        if getattr(mapping, name):
            document[name] = getattr(mapping, name)
    for name in _LISTS:
        if getattr(mapping, name):
            document[name] = list(getattr(mapping, name))
    for name in ("columns", "constants"):
        if getattr(mapping, name):
            document[name] = dict(getattr(mapping, name))
    if mapping.joins:
        document["join"] = {
            key: {
                "columns": list(one.columns),
                "separator": one.separator,
                **({"han_columns": list(one.han_columns)} if one.han_columns else {}),
            }
            for key, one in mapping.joins.items()
        }
    if mapping.values:
        document["values"] = {key: dict(table) for key, table in mapping.values.items()}
    if mapping.epoch:
        document["epoch"] = dict(mapping.epoch)
    return document


def shipped_mappings() -> tuple[str, ...]:
    """The names of the mappings that come with muniment."""
    import muniment_schemas

    return muniment_schemas.names("mappings")


def shipped_mapping(name: str) -> Mapping:
    """A mapping that comes with muniment.

    Args:
        name: one out of ``shipped_mappings``.
    """
    import muniment_schemas

    return parse_mapping(
        tomllib.loads(muniment_schemas.read("mappings", name)), where=f"mappings/{name}.toml"
    )
