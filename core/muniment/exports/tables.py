"""Write records as CSV, XLSX or NDJSON."""

from __future__ import annotations

import codecs
import json
import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from muniment.errors import UsageError
from muniment.exports.cells import csv_line, texts
from muniment.exports.columns import Column
from muniment.exports.files import Written, measured, output, replacing
from muniment.exports.guards import protect
from muniment.exports.typed import decorate, width_of, writer
from muniment.exports.workbook import Workbook
from muniment.model import Value
from muniment.schema.kinds import KINDS, FieldKind
from muniment.schema.types import RecordType

__all__ = ["FORMATS", "Exported", "format_of", "write_csv", "write_ndjson", "write_xlsx"]

FORMATS = ("csv", "xlsx", "ndjson")
"""The formats of an export, which are the endings of the file's name too."""


class Exported(Protocol):
    """What an export needs to know of a record; masked fields hold their mask, a text."""

    @property
    def id(self) -> str:
        """UUID text."""

    @property
    def type(self) -> str:
        """The key of the record type."""

    @property
    def subject(self) -> str:
        """UUID text."""

    @property
    def version(self) -> int:
        """From 1."""

    @property
    def fields(self) -> Mapping[str, Value]:
        """The values by key; empty ones are left out or None."""


def format_of(path: str | os.PathLike[str], *, given: str | None = None) -> str:
    """The format in which an export is written.

    Args:
        path: its ending decides.
        given: what the caller asks for, which comes first.

    Raises:
        UsageError: ``export.format``.
    """
    name = given or Path(path).suffix.removeprefix(".").lower()
    name = {"jsonl": "ndjson"}.get(name, name)
    if name not in FORMATS:
        raise UsageError("export.format", where=os.fspath(path), formats=", ".join(FORMATS))
    return name


def write_csv(
    path: str | os.PathLike[str],
    columns: Sequence[Column],
    records: Iterable[Exported],
    *,
    kinds: Mapping[str, FieldKind] = KINDS,
) -> Written:
    """Write CSV (RFC 4180): UTF-8, in a file with the mark by which spreadsheet programs know it.

    No cell runs as a formula (see ``exports.guards``), and an import reads the values back equal.

    Args:
        path: the file, there whole or not at all; ``-`` for the standard output.
        columns: as ``columns_of`` made them.
        records: what is to be written.
        kinds: the kinds that are known.

    Raises:
        UsageError: where there can be no such file.
        StoreError: where the disk refuses it.
    """
    name = os.fspath(path)
    cells = [_getter(column, texts(column, kinds)) for column in columns]
    with output(name) as out:
        if name != "-":
            out.write(codecs.BOM_UTF8)
        out.write(csv_line([protect(column.header) for column in columns]).encode())
        count = 0
        for record in records:
            out.write(csv_line([cell(record) for cell in cells]).encode())
            count += 1
    return out.written(name, count)


def _getter(column: Column, text: Callable[[Any], str]) -> Callable[[Exported], str]:
    if column.part == "id":
        return lambda record: record.id
    key = column.key

    def cell(record: Exported) -> str:
        value = record.fields.get(key)
        return "" if value is None else text(value)

    return cell


def write_ndjson(
    path: str | os.PathLike[str],
    record_type: RecordType,
    records: Iterable[Exported],
    *,
    fields: Iterable[str] | None = None,
    masked: Collection[str] = (),
    kinds: Mapping[str, FieldKind] = KINDS,
) -> Written:
    """Write one JSON object for each record, each on a line of its own (UTF-8, no mark).

    The object has ``id``, ``type``, ``subject``, ``version``, ``fields``, and ``masked``
    with the keys of those fields that hold a mask.

    Args:
        path: the file, there whole or not at all; ``-`` for the standard output.
        record_type: whose records they are.
        records: what is to be written.
        fields: keys; None takes all that the records hold.
        masked: keys of the fields of which only a mask is shown.
        kinds: the kinds that are known.

    Raises:
        UsageError: where there can be no such file.
        StoreError: where the disk refuses it.
    """
    name = os.fspath(path)
    chosen = None if fields is None else frozenset(fields)
    hidden = frozenset(masked)
    dump: dict[str, Callable[[Value], Any]] = {
        field.key: kinds[field.kind].to_json
        for field in record_type.fields
        if field.kind in kinds and field.key not in hidden
    }
    encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str).encode
    with output(name) as out:
        count = 0
        for record in records:
            values = {
                key: dump[key](value) if key in dump else value
                for key, value in record.fields.items()
                if value is not None and (chosen is None or key in chosen)
            }
            document: dict[str, Any] = {
                "id": record.id,
                "type": record.type,
                "subject": record.subject,
                "version": record.version,
                "fields": values,
            }
            if covered := sorted(hidden & values.keys()):
                document["masked"] = covered
            out.write(encode(document).encode() + b"\n")
            count += 1
    return out.written(name, count)


def write_xlsx(
    path: str | os.PathLike[str],
    columns: Sequence[Column],
    records: Iterable[Exported],
    *,
    title: str = "",
    kinds: Mapping[str, FieldKind] = KINDS,
) -> Written:
    """Write an XLSX workbook of one sheet: typed cells, a fixed header, filters, choices to pick from.

    Whole numbers, decimals and amounts of up to 15 digits are numbers, days are days, yes and
    no are booleans; everything else, times with their zone among it, is text and stays text.

    Args:
        path: the file, there whole or not at all.
        columns: as ``columns_of`` made them.
        records: what is to be written.
        title: the name of the sheet.
        kinds: the kinds that are known.

    Raises:
        UsageError: ``export.no_stdout``, or where a cell or the sheet cannot hold it all.
        StoreError: where the disk refuses it.
    """
    name = os.fspath(path)
    if name == "-":
        raise UsageError("export.no_stdout")
    with replacing(Path(name)) as new:
        book = Workbook(new, title)
        try:
            parts = [
                column.field.kind if column.field and column.part in ("value", "amount") else ""
                for column in columns
            ]
            book.header((column.header for column in columns), map(width_of, columns), parts)
            put = [writer(book, place, column, kinds) for place, column in enumerate(columns)]
            row = 0
            for row, record in enumerate(records, 1):
                for column, cell in zip(columns, put, strict=True):
                    value = record.id if column.part == "id" else record.fields.get(column.key)
                    if value is not None:
                        cell(row, value)
            book.rows = row + 1
            for place, column in enumerate(columns):
                decorate(book, place, column, columns)
        except BaseException:
            book.abandon()
            raise
        book.close()
        out = measured(new)
    return out.written(name, row)
