"""Values as they are typed on a command line, and as they are shown and written as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from muniment.errors import UsageError
from muniment.model import FileRef, Money, Value, instant, rfc3339, zone_named

if TYPE_CHECKING:
    from muniment.archive import Archive
    from muniment.schema import FieldKind, RecordType
    from muniment.session import Record

__all__ = [
    "OPERATIONS",
    "assignments",
    "document_of",
    "fields_json",
    "json_values",
    "local_time",
    "record_json",
    "shown_value",
    "text_of_file",
    "value_json",
]

OPERATIONS: Final = {
    "create": "cli.operation_create",
    "update": "cli.operation_update",
    "correct": "cli.operation_correct",
    "delete": "cli.operation_delete",
    "undelete": "cli.operation_undelete",
    "revert": "cli.operation_revert",
    "erase": "erasure.operation_erase",
    "erasing": "erasure.operation_erasing",
}
"""The text for what made a version."""

_LONGEST = 16 * 1024 * 1024


def assignments(given: Sequence[str]) -> dict[str, object]:
    """Values out of ``field=value`` words.

    An empty value clears, ``@path`` reads a file, ``@@`` begins with an at sign.

    Raises:
        UsageError: ``cli.assignment``, ``cli.given_twice``, ``cli.no_file``; nothing of a value is repeated.
    """
    values: dict[str, object] = {}
    for place, word in enumerate(given, 1):
        name, equals, text = word.partition("=")
        name = name.strip()
        if not equals or not name:
            raise UsageError("cli.assignment", number=place)
        if name in values:
            raise UsageError("cli.given_twice", name=name)
        if text.startswith("@@"):
            text = text[1:]
        elif text.startswith("@"):
            text = text_of_file(text[1:])
        values[name] = text
    return values


def text_of_file(path: str) -> str:
    """The text of a file, or of standard input for ``-``.

    Raises:
        UsageError: ``cli.no_file``, ``cli.long_file`` or ``cli.not_utf8``.
    """
    try:
        data = sys.stdin.buffer.read(_LONGEST + 1) if path == "-" else _read(Path(path))
    except (OSError, ValueError):
        raise UsageError("cli.no_file", where=path) from None
    if len(data) > _LONGEST:
        raise UsageError("cli.long_file", where=path, maximum=_LONGEST >> 20)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError("cli.not_utf8", where=path) from None


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_LONGEST + 1)


def document_of(path: str) -> Any:
    """A JSON document out of a file, or of standard input for ``-``; numbers stay exact, no name twice.

    Raises:
        UsageError: ``cli.json`` or ``cli.no_file``.
    """
    try:
        return json.loads(
            text_of_file(path), parse_float=Decimal, object_pairs_hook=_once, parse_constant=_refuse
        )
    except (ValueError, RecursionError):
        raise UsageError("cli.json", where=path) from None


def _refuse(name: str) -> Any:
    raise ValueError(name)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def json_values(path: str) -> dict[str, object]:
    """Field values out of a JSON object of them, or of a record as ``get --json`` prints one.

    Raises:
        UsageError: ``cli.json_shape``, and as ``document_of``.
    """
    document = document_of(path)
    if (
        isinstance(document, dict)
        and isinstance(document.get("records"), list)
        and len(document["records"]) == 1
    ):
        document = document["records"][0]
    if isinstance(document, dict) and {"id", "fields"} <= document.keys():
        # A mask is no value: what was only shown covered up is not written back.
        covered = {*document.get("masked", ()), *document.get("erased", ())}
        document = {key: value for key, value in document["fields"].items() if key not in covered}
    if not isinstance(document, dict):
        raise UsageError("cli.json_shape", where=path)
    return {key: tuple(value) if isinstance(value, list) else value for key, value in document.items()}


# Out


def value_json(value: Value) -> Any:
    """A value as JSON by what it is, where its kind is not known here."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return value if -(2**53) < value < 2**53 else str(value)
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, Money):
        return {"amount": f"{value.amount:f}", "currency": value.currency}
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, FileRef):
        return {"id": value.id, "name": value.name, "size": value.size, "type": value.media_type}
    return str(value)


def _kind_of(record_type: RecordType | None, kinds: Mapping[str, FieldKind], key: str) -> FieldKind | None:
    field = None if record_type is None else record_type.by_key.get(key)
    return None if field is None else kinds.get(field.kind)


def fields_json(
    fields: Mapping[str, Value],
    masked: Iterable[str],
    record_type: RecordType | None,
    kinds: Mapping[str, FieldKind],
) -> dict[str, Any]:
    """Released fields as JSON; a mask is a text."""
    covered = frozenset(masked)
    made = {}
    for key, value in fields.items():
        kind = None if key in covered else _kind_of(record_type, kinds, key)
        made[key] = value_json(value) if kind is None else kind.to_json(value)
    return made


def record_json(record: Record, archive: Archive) -> dict[str, Any]:
    """A record as the API and the command print it."""
    record_type = archive.engine.definitions.types.get(record.type)
    document: dict[str, Any] = {
        "id": record.id,
        "type": record.type,
        "subject": record.subject,
        "version": record.version,
        "fields": fields_json(record.fields, record.masked, record_type, archive.engine.kinds),
        "operation": record.operation,
        "recorded": rfc3339(record.recorded_us),
        "effective": rfc3339(record.effective_us),
    }
    for name, keys in (("masked", record.masked), ("erased", record.erased)):
        if keys:
            document[name] = sorted(keys)
    if record.deleted:
        document["deleted"] = True
    return document


def shown_value(
    key: str,
    value: Value,
    *,
    masked: bool,
    record_type: RecordType | None,
    kinds: Mapping[str, FieldKind],
    lang: str,
) -> str:
    """A released value as people read it."""
    if value is None:
        return ""
    kind = None if masked else _kind_of(record_type, kinds, key)
    if kind is None or record_type is None:
        plain = value_json(value)
        return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)
    return kind.format(value, lang, record_type.by_key[key])


def local_time(micros: int, timezone: str) -> str:
    """A time in the archive's own zone, to the second, with its offset."""
    return instant(micros, zone_named(timezone)).isoformat(sep=" ", timespec="seconds")
