"""Spreadsheets in: files of any kind as rows of text, their columns as fields, refused rows in a file."""

from __future__ import annotations

from muniment.imports.mapping import Join, Mapping, load_mapping, parse_mapping
from muniment.imports.plan import Plan, header_key, resolve
from muniment.imports.reader import MAX_CELL, open_table
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
    "open_table",
    "parse_mapping",
    "resolve",
]
