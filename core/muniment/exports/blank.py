"""An empty workbook for a record type, for people who have no table yet."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from muniment.errors import UsageError, text_of
from muniment.exports.columns import Column, Headers, columns_of
from muniment.exports.files import Written, measured, replacing
from muniment.exports.typed import decorate, width_of
from muniment.exports.workbook import Workbook
from muniment.schema.fields import Field
from muniment.schema.kinds import KINDS, FieldKind
from muniment.schema.types import RecordType

__all__ = ["write_blank"]


def write_blank(
    path: str | os.PathLike[str],
    record_type: RecordType,
    *,
    fields: Iterable[str],
    headers: Headers = "en",
    kinds: Mapping[str, FieldKind] = KINDS,
) -> Written:
    """Write a workbook with a header, drop-downs, and help beside each cell, and no rows.

    Fields that are computed, retired or hold files are left out: an import takes none of these.

    Args:
        path: a file that ends in ``.xlsx``; there whole or not at all.
        record_type: whose records will stand in it.
        fields: keys of the fields.
        headers: ``key``, ``en`` or ``zh``.
        kinds: the kinds that are known.

    Returns:
        What was written; its rows are the columns.

    Raises:
        UsageError: ``export.format``, or as ``columns_of``.
        StoreError: where the disk refuses it.
    """
    name = os.fspath(path)
    if Path(name).suffix.lower() != ".xlsx":
        raise UsageError("export.format", where=name, formats="xlsx")
    known = (record_type.by_key[key] for key in fields)
    wanted = [field.key for field in known if field.writable and field.kind != "file"]
    lang = "zh" if headers == "zh" else "en"
    columns = columns_of(record_type, fields=wanted, headers=headers)
    with replacing(Path(name)) as new:
        book = Workbook(new, record_type.label.of(lang) or record_type.key)
        try:
            parts = [
                column.field.kind if column.field and column.part in ("value", "amount") else ""
                for column in columns
            ]
            book.header((column.header for column in columns), map(width_of, columns), parts)
            for place, column in enumerate(columns):
                if column.field is not None:
                    book.prompt(place, column.header, _help(column, column.field, lang, kinds))
                decorate(book, place, column, columns)
        except BaseException:
            book.abandon()
            raise
        book.close()
        out = measured(new)
    return out.written(name, len(columns))


def _help(column: Column, field: Field, lang: str, kinds: Mapping[str, FieldKind]) -> str:
    """What a person needs to know of a column: whether it must be filled in, what it takes, what for."""
    if column.part == "currency":
        return text_of("export.currency_help", lang)[0]
    kind = kinds.get(field.kind)
    pieces = [text_of("export.required_help", lang)[0]] if field.required else []
    if field.unique:
        pieces.append(text_of("export.unique_help", lang)[0])
    if kind is not None:
        pieces.append(f"{kind.label.of(lang)}.")
    return " ".join([*pieces, field.help.of(lang)]).strip()
