"""The kinds of blind index, what each takes, and the tokens of a value; pure but for HMAC."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import ROUND_FLOOR, Context, Decimal
from hmac import digest as hmac_digest
from types import MappingProxyType
from typing import Final

import attrs

from muniment.errors import ConfigError, UsageError
from muniment.index._normalise import (
    NORMALISERS,
    email_form,
    fold,
    last_four_form,
    phone_form,
    plain_forms,
    stored_words,
)
from muniment.log.keyed import keyed
from muniment.model import Money, Value

__all__ = [
    "FIELD_KINDS",
    "INDEX_KINDS",
    "PREFIX_LENGTHS",
    "IndexKind",
    "base_kind",
    "bucket_forms",
    "check_kind",
    "compound_form",
    "normaliser",
    "token_bytes",
    "token_maker",
    "token_set",
    "tokens",
]

FIELD_KINDS: Final = (
    "text",
    "long text",
    "integer",
    "decimal",
    "money",
    "date",
    "datetime",
    "checkbox",
    "choice",
    "several choices",
    "e-mail",
    "phone",
    "URL",
    "identifier",
    "reference",
    "file",
)
"""The kinds of field that are told apart here; ``base_kind`` finds the one for a plugin's kind."""

_BASE: Final[Mapping[int, str]] = MappingProxyType(
    {
        1: "identifier",
        2: "integer",
        3: "decimal",
        4: "money",
        5: "date",
        6: "datetime",
        7: "checkbox",
        8: "several choices",
        9: "reference",
        10: "file",
    }
)

PREFIX_LENGTHS: Final = (2, 4, 8)
"""Of how many characters there is a token; a longer beginning is looked up by the next shorter one."""

_SCALARS: Final = frozenset(FIELD_KINDS) - {"long text", "checkbox", "several choices", "file"}


@attrs.frozen
class IndexKind:
    """One kind of blind index.

    Attributes:
        name: as in a template.
        number: u8, part of the index key and of the stored row; permanent.
        takes: the kinds of field it is for.
        answers: the operators it can answer.
        bits: the length of its tokens where it is fixed; 0 where the planner chooses.
    """

    name: str
    number: int
    takes: frozenset[str]
    answers: tuple[str, ...]
    bits: int = 0


INDEX_KINDS: Final[Mapping[str, IndexKind]] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            IndexKind("exact", 1, _SCALARS | {"several choices"}, ("equals",)),
            IndexKind("normalised", 2, frozenset({"text", "identifier", "e-mail", "phone"}), ("equals",)),
            IndexKind("unique", 3, _SCALARS, ("equals",), bits=128),
            IndexKind("prefix", 4, frozenset({"text", "identifier", "e-mail", "URL"}), ("prefix",)),
            IndexKind("last_four", 5, frozenset({"text", "identifier", "phone", "integer"}), ("last_four",)),
            IndexKind("words", 6, frozenset({"text", "long text"}), ("word", "equals")),
            IndexKind("compound", 7, _SCALARS | {"checkbox"}, ()),
            IndexKind(
                "buckets", 8, frozenset({"date", "datetime", "integer", "decimal", "money"}), ("between",)
            ),
        )
    }
)
"""The kinds by name. Numbers and normal forms are permanent; a changed form takes a new version."""


def base_kind(field_kind: str, encoding: int) -> str:
    """The kind of field to speak of here: itself, or for a plugin's kind the one it is stored as.

    Args:
        field_kind: the name of the kind.
        encoding: the number of the encoding it is stored in.

    Raises:
        UsageError: ``index.field_kind`` for an encoding that does not exist.
    """
    if field_kind in FIELD_KINDS:
        return field_kind
    try:
        return _BASE[encoding]
    except KeyError:
        raise UsageError("index.field_kind", name=field_kind) from None


def _kind(name: str) -> IndexKind:
    try:
        return INDEX_KINDS[name]
    except KeyError:
        raise ConfigError("index.kind", name=name, kinds=", ".join(INDEX_KINDS)) from None


def check_kind(kind: str, field_kind: str, *, where: str | None = None) -> IndexKind:
    """Give an index kind, if it is one for fields of this kind.

    Args:
        kind: the name of the index kind.
        field_kind: a name out of ``FIELD_KINDS``.
        where: the field, for the error.

    Raises:
        ConfigError: ``index.kind`` for an unknown kind, ``index.takes`` for one that
            is not for such fields.
    """
    found = _kind(kind)
    if field_kind not in found.takes:
        fitting = ", ".join(other.name for other in INDEX_KINDS.values() if field_kind in other.takes)
        raise ConfigError("index.takes", where=where, name=kind, field_kind=field_kind, kinds=fitting or "-")
    return found


def normaliser(kind: str, field_kind: str) -> int:
    """The number of the normal form that an index hashes, u16; part of the index key.

    Raises:
        ConfigError: ``index.kind`` or ``index.takes``, as ``check_kind``.
    """
    check_kind(kind, field_kind)
    return NORMALISERS[_form(kind, field_kind)]


def _form(kind: str, field_kind: str) -> str:
    if kind in ("exact", "normalised", "unique"):
        if field_kind in ("e-mail", "phone"):
            return field_kind
        return "folded" if kind == "normalised" else "plain"
    return kind


def _single(value: Value, field_kind: str, default_region: str) -> str | None:
    """The one form of a value in which it is equal to another; None where there is none."""
    if field_kind == "phone":
        return phone_form(_text(value), default_region)
    if field_kind == "e-mail":
        return email_form(_text(value)) or None
    forms = plain_forms(value)
    return forms[0] if forms else None


def _text(value: Value) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise UsageError("index.value")


def _exact(value: Value, field_kind: str, default_region: str) -> list[str]:
    if field_kind in ("e-mail", "phone"):
        # These have one meaning however they are written, so exact can be no stricter.
        return _normalised(value, field_kind, default_region)
    return plain_forms(value)


def _normalised(value: Value, field_kind: str, default_region: str) -> list[str]:
    form = (
        _single(value, field_kind, default_region)
        if field_kind in ("e-mail", "phone")
        else fold(_text(value))
    )
    return [form] if form else []


def _unique(value: Value, field_kind: str, default_region: str) -> list[str]:
    form = _single(value, field_kind, default_region)
    # A phone number that cannot be read may not stand there twice either.
    if form is None and field_kind == "phone":
        form = fold(_text(value))
    return [form] if form else []


def _prefix(value: Value, field_kind: str, default_region: str) -> list[str]:
    form = fold(_text(value))
    return [form[:length] for length in PREFIX_LENGTHS if length <= len(form)]


def _last_four(value: Value, field_kind: str, default_region: str) -> list[str]:
    form = last_four_form(_text(value), phone=field_kind == "phone", default_region=default_region)
    return [form] if form else []


def _words(value: Value, field_kind: str, default_region: str) -> list[str]:
    return sorted(stored_words(_text(value)))


_FORMS: Final[Mapping[str, Callable[[Value, str, str], list[str]]]] = MappingProxyType(
    {
        "exact": _exact,
        "normalised": _normalised,
        "unique": _unique,
        "prefix": _prefix,
        "last_four": _last_four,
        "words": _words,
    }
)


def tokens(
    kind: str,
    field_kind: str,
    value: Value,
    *,
    default_region: str = "",
    width: int | Decimal | None = None,
) -> list[bytes]:
    """What an index hashes for a value: its normal forms, in UTF-8.

    Args:
        kind: the name of the index kind; ``compound`` has ``compound_form``.
        field_kind: a name out of ``FIELD_KINDS``.
        value: as the record holds it.
        default_region: two letters, ISO 3166-1; for phone numbers without a country code.
        width: of a bucket of numbers; days go by month.

    Returns:
        One normal form for each token, without duplicates; none for an empty
        value, and for a phone number that cannot be read (unless it is to be unique).

    Raises:
        ConfigError: ``index.kind`` or ``index.takes``, as ``check_kind``.
        UsageError: ``index.value`` for a value of another type than the field's
            kind has, ``index.width`` for buckets of numbers without a width.
    """
    check_kind(kind, field_kind)
    if value is None:
        return []
    if kind == "buckets":
        return [_bucket(value, width)]
    if kind == "compound":
        raise UsageError("index.value")
    return [form.encode() for form in dict.fromkeys(_FORMS[kind](value, field_kind, default_region))]


def compound_form(members: Sequence[tuple[str, Value]], *, default_region: str = "") -> bytes | None:
    """What a compound index hashes for the values of several fields.

    Args:
        members: the kind of field and the value of each, in the index's order.
        default_region: as for ``tokens``.

    Returns:
        Count u16, then length u32 and normal form of each member (e-mail and
        phone normalised, text folded, other kinds as they are); None where a
        member is empty or cannot be read.

    Raises:
        ConfigError: ``index.takes`` for kinds that have no single value.
    """
    made = [len(members).to_bytes(2, "big")]
    for field_kind, value in members:
        check_kind("compound", field_kind)
        form = None if value is None else _single(value, field_kind, default_region)
        if form is not None and field_kind in ("text", "identifier"):
            form = fold(form)
        if not form:
            return None
        data = form.encode()
        made.append(len(data).to_bytes(4, "big") + data)
    return b"".join(made)


# -------------------------------------------------------------------- buckets

_MOST_BUCKETS: Final = 1_200
_FLOOR: Final = Context(prec=100, rounding=ROUND_FLOOR)


def _step(value: Value, width: int | Decimal | None) -> int:
    """The number of a value's bucket: months since year 0, or whole widths."""
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise UsageError("usage.time")
        # One moment has one month, whatever zone it was written in.
        value = value.astimezone(UTC)
    if isinstance(value, date):
        return value.year * 12 + value.month - 1
    if isinstance(value, Money):
        value = value.amount
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        raise UsageError("index.value")
    if width is None or width <= 0:
        raise UsageError("index.width")
    return int((Decimal(value) / Decimal(width)).to_integral_value(ROUND_FLOOR, _FLOOR))


def _name(step: int, value: Value) -> bytes:
    if isinstance(value, date):
        return b"%04d-%02d" % (step // 12, step % 12 + 1)
    if isinstance(value, Money):
        return value.currency.encode() + b" %d" % step
    return b"%d" % step


def _bucket(value: Value, width: int | Decimal | None) -> bytes:
    return _name(_step(value, width), value)


def bucket_forms(low: Value, high: Value, *, width: int | Decimal | None = None) -> list[bytes]:
    """The buckets from one value to another, both included.

    Args:
        low: the least value.
        high: the greatest one, of the same type (and currency).
        width: of a bucket of numbers.

    Raises:
        UsageError: ``index.range`` where they are more than 1,200, or differ in
            type or currency; ``index.value`` and ``index.width`` as ``tokens``.
    """
    first, last = _step(low, width), _step(high, width)
    alike = isinstance(low, date) == isinstance(high, date) and isinstance(low, Money) == isinstance(
        high, Money
    )
    if isinstance(low, Money) and isinstance(high, Money):
        alike = low.currency == high.currency
    if not alike or last - first >= _MOST_BUCKETS:
        raise UsageError("index.range", most=_MOST_BUCKETS)
    return [_name(step, low) for step in range(first, last + 1)]


# --------------------------------------------------------------------- tokens

_MASKS: Final = (0xFF, 0x80, 0xC0, 0xE0, 0xF0, 0xF8, 0xFC, 0xFE)


def token_bytes(key: bytes, normalised: bytes, bits: int) -> bytes:
    """The token of one normal form: the top bits of HMAC-SHA-256 (RFC 2104).

    Args:
        key: the index key, 32 bytes; it binds archive, field, kind, normal form and epoch.
        normalised: from ``tokens``, ``compound_form`` or ``bucket_forms``.
        bits: 1 to 256.

    Returns:
        As few bytes as hold the bits; what is left of the last one is zero.

    Raises:
        UsageError: ``index.key`` for a key or a number of bits that cannot be.
    """
    if len(key) != 32 or not 1 <= bits <= 256:
        raise UsageError("index.key")
    mac = hmac_digest(key, normalised, "sha256")
    if not bits & 7:
        return mac[: bits >> 3]
    whole = bits >> 3
    return mac[:whole] + bytes((mac[whole] & _MASKS[bits & 7],))


def token_maker(
    key: bytes, kind: str, field_kind: str, *, bits: int, default_region: str = ""
) -> Callable[[Value], frozenset[bytes]]:
    """What gives the tokens of values under one index, checked once for all of them.

    Args:
        key: as for ``token_bytes``.
        kind: as for ``tokens``, but no ``compound`` and no ``buckets``.
        field_kind: as for ``tokens``.
        bits: as for ``token_bytes``.
        default_region: as for ``tokens``.

    Returns:
        A function that gives what ``token_set`` does for a value that is not None.

    Raises:
        ConfigError: as ``tokens``.
        UsageError: as ``token_bytes``; what is returned raises ``index.value``, as ``tokens``.
    """
    check_kind(kind, field_kind)
    token_bytes(key, b"", bits)
    forms, whole, mac = _FORMS[kind], bits >> 3, keyed(key)

    def make(value: Value) -> frozenset[bytes]:
        found = forms(value, field_kind, default_region)
        if len(found) == 1 and not bits & 7:
            return frozenset((mac(found[0].encode())[:whole],))
        return frozenset([token_bytes(key, form.encode(), bits) for form in found])

    return make


def token_set(
    key: bytes,
    kind: str,
    field_kind: str,
    value: Value,
    *,
    bits: int,
    default_region: str = "",
    width: int | Decimal | None = None,
) -> frozenset[bytes]:
    """The tokens of a value under one index; two normal forms may share one.

    After an update, drop what the old value's set has over the new one's, and add the reverse.

    Args:
        key: the index key, 32 bytes.
        kind: as for ``tokens``.
        field_kind: as for ``tokens``.
        value: as for ``tokens``.
        bits: as for ``token_bytes``.
        default_region: as for ``tokens``.
        width: as for ``tokens``.

    Raises:
        ConfigError: as ``tokens``.
        UsageError: as ``tokens`` and ``token_bytes``.
    """
    forms = tokens(kind, field_kind, value, default_region=default_region, width=width)
    return frozenset(token_bytes(key, form, bits) for form in forms)
