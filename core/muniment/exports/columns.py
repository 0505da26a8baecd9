"""What an export has for columns, and the headers under which an import finds its way back."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Literal
from unicodedata import normalize

import attrs

from muniment.errors import UsageError
from muniment.schema.fields import Field
from muniment.schema.types import RecordType

__all__ = ["RESERVED", "Column", "Headers", "columns_of", "is_reserved", "money_headers"]

RESERVED = "muniment:"
"""Headers that begin with this are muniment's own: columns it added, which an import leaves out."""

Headers = Literal["key", "en", "zh"]
"""How columns are headed: by the field's key, or by its label in a language."""


@attrs.frozen
class Column:
    """One column of an export.

    Attributes:
        header: its first cell.
        part: ``value``, ``amount``, ``currency``, ``masked`` or ``id``.
        key: the field's key; empty for the identifier.
        field: the field; None for the identifier.
        lang: the language of choices and yes or no; empty for their keys.
    """

    header: str
    part: str
    key: str
    field: Field | None
    lang: str


def is_reserved(name: str) -> bool:
    """Whether a column was added by muniment itself and says nothing for an import."""
    return normalize("NFKC", name).strip().casefold().startswith(RESERVED)


def money_headers(field: Field) -> dict[str, str]:
    """The headers of the currency beside an amount, by the kind of header."""
    return {
        "key": f"{field.key}.currency",
        "en": f"{field.label.of('en') or field.key} (currency)",
        "zh": f"{field.label.of('zh') or field.key}（币种）",
    }


def columns_of(
    record_type: RecordType,
    *,
    fields: Iterable[str] | None = None,
    headers: Headers = "key",
    masked: Collection[str] = (),
    ids: bool = False,
) -> tuple[Column, ...]:
    """The columns of an export.

    An amount of money takes two, for its currency stands beside it. What is masked is
    headed as muniment's own, so that no import takes the mask for the value.

    Args:
        record_type: whose records are exported.
        fields: keys in the order of the columns; None takes every field that is not retired.
        headers: the field's key, or its label in English or Chinese.
        masked: keys of the fields of which only a mask is shown.
        ids: whether the record's identifier comes first.

    Raises:
        UsageError: ``export.unknown_field``.
    """
    if fields is None:
        fields = [field.key for field in record_type.fields if not field.retired]
    lang = "" if headers == "key" else headers
    columns = [Column(f"{RESERVED}id", "id", "", None, lang)] if ids else []
    for name in fields:
        field = record_type.field(name)
        if field is None:
            raise UsageError("export.unknown_field", name=name, type=record_type.key)
        header = (field.label.of(lang) if lang else "") or field.key
        if field.key in masked:
            sign = "（已遮盖）" if lang == "zh" else " (masked)"
            columns.append(Column(f"{RESERVED} {header}{sign}", "masked", field.key, field, lang))
        elif field.kind == "money":
            columns.append(Column(header, "amount", field.key, field, lang))
            columns.append(Column(money_headers(field)[headers], "currency", field.key, field, lang))
        else:
            columns.append(Column(header, "value", field.key, field, lang))
    return _apart(columns)


def _apart(columns: list[Column]) -> tuple[Column, ...]:
    # Two fields may share a label; their keys tell them apart, and every import knows keys.
    heads = [column.header.casefold() for column in columns]
    return tuple(
        attrs.evolve(column, header=f"{column.key}.currency" if column.part == "currency" else column.key)
        if column.part in ("value", "amount", "currency") and heads.count(head) > 1
        else column
        for column, head in zip(columns, heads, strict=True)
    )
