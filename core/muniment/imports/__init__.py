"""Spreadsheets in: files of any kind as rows of text, their columns as fields, refused rows in a file.

Names are loaded when they are first used: whoever opens an archive needs one small
module of this package, and must not wait for those that read workbooks.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from muniment.imports.mapping import (
        Join,
        Mapping,
        load_mapping,
        mapping_document,
        parse_mapping,
        shipped_mapping,
        shipped_mappings,
    )
    from muniment.imports.plan import Plan, header_key, resolve
    from muniment.imports.reader import MAX_CELL, open_table, sheet_names
    from muniment.imports.rejects import Rejects
    from muniment.imports.tables import Row, Table

__all__ = [
    "MAX_CELL",
    "Join",
    "Mapping",
    "Plan",
    "Rejects",
    "Row",
    "Table",
    "header_key",
    "load_mapping",
    "mapping_document",
    "open_table",
    "parse_mapping",
    "resolve",
    "sheet_names",
    "shipped_mapping",
    "shipped_mappings",
]

_HOMES = {
    "MAX_CELL": "reader",
    "Join": "mapping",
    "Mapping": "mapping",
    "Plan": "plan",
    "Rejects": "rejects",
    "Row": "tables",
    "Table": "tables",
    "header_key": "plan",
    "load_mapping": "mapping",
    "mapping_document": "mapping",
    "open_table": "reader",
    "parse_mapping": "mapping",
    "resolve": "plan",
    "sheet_names": "reader",
    "shipped_mapping": "mapping",
    "shipped_mappings": "mapping",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = found
    return found
