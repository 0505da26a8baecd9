"""Drafts as documents: a form as somebody left it, checked by nothing yet; pure."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any, Final

import attrs

from muniment.codec import canonical, decode_value, encode_value, parse_canonical
from muniment.errors import IntegrityError
from muniment.schema.fields import Field

__all__ = ["Form", "pack_form", "raw_value", "unpack_form"]

_FORMAT: Final = 1
_EXACT: Final = 1 << 53


@attrs.frozen
class Form:
    """What a draft holds.

    Attributes:
        operation: ``create`` or ``update``.
        type: number of the record type.
        record: 16 bytes; of a new record the identifier that it will have.
        base: the version it builds on; 0 for a new record.
        values: what was typed, by the field's number, as ``raw_value`` gives it.
        on_behalf_of: for whom the owner acted, where that was a service.
    """

    operation: str
    type: int
    record: bytes
    base: int
    values: Mapping[int, Any]
    on_behalf_of: str = ""


def raw_value(field: Field, value: object) -> Any:
    """A value of a form as JSON: what was typed as it was typed, anything else in the field's encoding.

    Args:
        field: whose value it is.
        value: text, a truth value, a number, a list of texts, or what the field's kind gives.
    """
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, int) and -_EXACT < value < _EXACT:
        return value
    if isinstance(value, (list, tuple)) and all(isinstance(one, str) for one in value):
        return list(value)
    return {"value": b64encode(encode_value(field.encoding, value)).decode("ascii")}


def _given(raw: Any) -> object:
    if isinstance(raw, dict):
        return decode_value(b64decode(raw["value"], validate=True))
    return tuple(raw) if isinstance(raw, list) else raw


def pack_form(form: Form) -> str:
    """A form as JCS in base64, which no cleaning of texts can change."""
    made = {
        "v": _FORMAT,
        "operation": form.operation,
        "type": form.type,
        "record": form.record.hex(),
        "base": form.base,
        "values": [[number, raw] for number, raw in sorted(form.values.items())],
        "on_behalf_of": form.on_behalf_of,
    }
    return b64encode(canonical(made)).decode("ascii")


def unpack_form(text: str) -> Form:
    """The form back, its values as they can be given to a write.

    Raises:
        IntegrityError: ``integrity.json`` or ``integrity.value`` where ``pack_form`` cannot have written it.
    """
    try:
        data = parse_canonical(b64decode(text, validate=True))
        if data["v"] != _FORMAT:
            raise ValueError
        return Form(
            data["operation"],
            data["type"],
            bytes.fromhex(data["record"]),
            data["base"],
            {number: _given(raw) for number, raw in data["values"]},
            data["on_behalf_of"],
        )
    except (ValueError, TypeError, LookupError):
        raise IntegrityError("integrity.value") from None
