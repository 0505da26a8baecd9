"""The clear fields of a record as the current-state table keeps them, for lists to filter and sort by.

Only fields of class ``public`` and ``internal``; values that are released are
opened from sealed parts all the same.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from json.encoder import encode_basestring as _quote

from muniment.model import Money, Value, micros_of, rfc3339
from muniment.schema import RecordType

__all__ = ["clear_json", "drop_clear", "patch_clear", "sortable"]

_EXACT = 2**53

_dump = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode


def sortable(value: Value) -> str | int | float | None:
    """A value as SQLite and PostgreSQL sort and compare it inside JSON.

    Amounts become floats here and only here: the sealed part keeps them exact.
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int):
        return value if -_EXACT < value < _EXACT else float(value)
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, Money):
        return float(value.amount)
    if isinstance(value, datetime):
        return rfc3339(micros_of(value))
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple):
        return ", ".join(str(one) for one in value)
    return str(getattr(value, "name", ""))


def _clear_fields(record_type: RecordType) -> dict[str, str]:
    """The number of each clear field by key, as it stands in JSON, in the order of JCS."""
    found = _CLEAR.get(id(record_type))
    if found is None or found[0] is not record_type:
        if len(_CLEAR) > 256:
            _CLEAR.clear()
        pairs = sorted((str(field.number), field.key) for field in record_type.fields if field.in_clear)
        found = _CLEAR[id(record_type)] = (record_type, {key: number for number, key in pairs})
    return found[1]


_CLEAR: dict[int, tuple[RecordType, dict[str, str]]] = {}


def clear_json(record_type: RecordType, values: Mapping[str, Value]) -> str:
    """The clear fields of a whole record, as a JSON object by field number."""
    # Put together by hand: an encoder made for each record would cost more than the record.
    members = []
    for key, number in _clear_fields(record_type).items():
        value = values.get(key)
        if value is not None:
            if type(value) is str:
                text = _quote(value)
            elif type(value) is int and -_EXACT < value < _EXACT:
                text = str(value)
            else:
                text = _dump(sortable(value))
            members.append(f'"{number}":{text}')
    return "{" + ",".join(members) + "}"


def patch_clear(
    record_type: RecordType, before: str, changed: Iterable[str], values: Mapping[str, Value]
) -> str:
    """The clear fields after some of them changed."""
    fields = _clear_fields(record_type)
    touched = [key for key in changed if key in fields]
    if not touched:
        return before
    document = json.loads(before)
    for key in touched:
        value = values.get(key)
        if value is None:
            document.pop(fields[key], None)
        else:
            document[fields[key]] = sortable(value)
    return _dump(document)


def drop_clear(before: str, numbers: Collection[int]) -> str:
    """The clear fields without those of these numbers."""
    document = json.loads(before)
    kept = {number: value for number, value in document.items() if int(number) not in numbers}
    return before if len(kept) == len(document) else _dump(kept)
