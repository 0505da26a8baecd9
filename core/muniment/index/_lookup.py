"""The asking side: which index answers a question, with which tokens, and what is a hit; pure."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

import attrs

from muniment.errors import UsageError
from muniment.index._kinds import (
    FIELD_KINDS,
    INDEX_KINDS,
    PREFIX_LENGTHS,
    bucket_forms,
    check_kind,
    tokens,
)
from muniment.index._normalise import fold, last_four_form, plain_forms, query_words, stored_words
from muniment.model import Money, Value

__all__ = ["OPERATORS", "Lookup", "lookup", "matches", "scan"]

OPERATORS: Final = ("equals", "prefix", "last_four", "word", "between")
"""What can be asked of a sealed field."""

# The first that the field has answers: the fewer records share a token, the better.
_PREFERENCE: Final = ("unique", "exact", "normalised", "words", "prefix", "last_four", "buckets")
_TEXTS: Final = frozenset({"text", "long text", "identifier", "URL", "choice"})


@attrs.frozen
class Lookup:
    """A question about one field, and how an index narrows it down.

    Attributes:
        operator: a name out of ``OPERATORS``.
        kind: the index that answers; empty for a scan.
        field_kind: the kind of the field.
        asked: the value in the form in which it is compared.
        normalised: what to make tokens of.
        every: whether a record must have all of these tokens, or any.
        folded: whether text counts as equal without regard to case, width and spacing.
        default_region: where a phone number without a country code belongs.
    """

    operator: str
    kind: str
    field_kind: str
    asked: Any
    normalised: tuple[bytes, ...]
    every: bool
    folded: bool
    default_region: str


def lookup(
    operator: str,
    field_kind: str,
    value: Value,
    *,
    kinds: Collection[str],
    where: str,
    high: Value = None,
    default_region: str = "",
    width: int | Decimal | None = None,
) -> Lookup:
    """Choose the index that answers a question, and what to look up in it.

    Tokens narrow down, they do not prove: each hit is opened and asked with ``matches``.

    Args:
        operator: a name out of ``OPERATORS``.
        field_kind: a name out of ``FIELD_KINDS``.
        value: what is asked for; the least value of ``between``.
        kinds: the indexes that the field has.
        where: the field's key, for errors.
        high: the greatest value of ``between``.
        default_region: two letters, ISO 3166-1.
        width: of the field's buckets.

    Raises:
        UsageError: ``index.operator`` for an unknown one; ``index.unsupported`` where
            no index of the field answers, naming those that would; ``index.empty``,
            ``index.phone``, ``index.short``, ``index.last_four``, ``index.word``,
            ``index.range`` where the value says too little to be looked up.
    """
    answering = [name for name in _PREFERENCE if operator in INDEX_KINDS[name].answers]
    chosen = next((name for name in answering if name in kinds), None)
    question = scan(
        operator, field_kind, value, kinds=kinds, where=where, high=high, default_region=default_region
    )
    if chosen is None:
        fitting = [name for name in answering if field_kind in INDEX_KINDS[name].takes]
        raise UsageError(
            "index.unsupported" if fitting else "index.unanswerable",
            where=where,
            operator=operator,
            kinds=", ".join(fitting),
        )
    check_kind(chosen, field_kind, where=where)
    return attrs.evolve(
        question,
        kind=chosen,
        normalised=_wanted(question, chosen, value, high, width, where),
        every=operator != "between",
    )


def scan(
    operator: str,
    field_kind: str,
    value: Value,
    *,
    kinds: Collection[str] = (),
    where: str,
    high: Value = None,
    default_region: str = "",
) -> Lookup:
    """The same question without an index, for a scan that opens every record.

    It means the same as with the field's indexes: e-mail and phone compare in
    their normal forms, text without regard to case unless an exact or unique
    index says that case matters.

    Args:
        operator: as for ``lookup``.
        field_kind: as for ``lookup``.
        value: as for ``lookup``.
        kinds: as for ``lookup``.
        where: as for ``lookup``.
        high: as for ``lookup``.
        default_region: as for ``lookup``.

    Raises:
        UsageError: as ``lookup``, but for ``index.unsupported``.
    """
    if field_kind not in FIELD_KINDS:
        raise UsageError("index.field_kind", where=where, name=field_kind)
    if operator not in OPERATORS:
        raise UsageError("index.operator", where=where, name=operator, operators=", ".join(OPERATORS))
    if value is None or value == "" or value == ():
        raise UsageError("index.empty", where=where)
    folded = field_kind in _TEXTS and not {"exact", "unique"} & set(kinds)
    asked: Any
    if operator == "equals":
        asked = frozenset(_equal_forms(value, field_kind, folded, default_region))
        if not asked:
            raise UsageError("index.phone" if field_kind == "phone" else "index.empty", where=where)
    elif operator == "between":
        if high is None or _comparable(value).__class__ is not _comparable(high).__class__:
            raise UsageError("index.range", where=where, most=0)
        asked = (_comparable(value), _comparable(high))
    else:
        asked = _asked_text(operator, field_kind, value, where, default_region)
    return Lookup(operator, "", field_kind, asked, (), True, folded, default_region)


def _asked_text(operator: str, field_kind: str, value: Value, where: str, default_region: str) -> Any:
    text = str(value) if isinstance(value, int) else value
    if not isinstance(text, str):
        raise UsageError("index.value", where=where)
    if operator == "prefix":
        start = fold(text)
        if len(start) < PREFIX_LENGTHS[0]:
            raise UsageError("index.short", where=where, least=PREFIX_LENGTHS[0])
        return start
    if operator == "last_four":
        last = last_four_form(text)
        if last is None or len(fold(text)) != 4:
            raise UsageError("index.last_four", where=where)
        return last
    terms = query_words(text)
    if not terms:
        raise UsageError("index.word", where=where)
    return frozenset(terms)


def _equal_forms(value: Value, field_kind: str, folded: bool, default_region: str) -> list[str]:
    if field_kind in ("e-mail", "phone"):
        # As in a unique index: a number that cannot be read equals what is written the same way.
        return [form.decode() for form in tokens("unique", field_kind, value, default_region=default_region)]
    forms = plain_forms(value)
    return [form for form in map(fold, forms) if form] if folded else forms


def _comparable(value: Value) -> Any:
    if isinstance(value, Money):
        return (value.currency, value.amount)
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    if isinstance(value, (date, datetime, Decimal)):
        return value
    raise UsageError("index.value")


def _wanted(
    question: Lookup, kind: str, value: Value, high: Value, width: int | Decimal | None, where: str
) -> tuple[bytes, ...]:
    if kind == "buckets":
        return tuple(bucket_forms(value, high, width=width))
    if kind == "prefix":
        start = fold(str(value))
        longest = max(length for length in PREFIX_LENGTHS if length <= len(start))
        return (start[:longest].encode(),)
    if kind == "words":
        terms = query_words(str(value))
        if not terms:
            raise UsageError("index.word", where=where)
        return tuple(term.encode() for term in sorted(terms))
    if kind == "last_four":
        return (question.asked.encode(),)
    forms = tokens(kind, question.field_kind, value, default_region=question.default_region)
    if not forms:
        raise UsageError("index.phone" if question.field_kind == "phone" else "index.empty", where=where)
    return tuple(forms)


def matches(question: Lookup, value: Value) -> bool:
    """Whether a record's value is what was asked for; the second look at every hit of an index.

    Args:
        question: from ``lookup`` or ``scan``.
        value: as the record holds it.
    """
    if value is None:
        return False
    asked, region = question.asked, question.default_region
    if question.operator == "equals":
        return bool(asked <= set(_equal_forms(value, question.field_kind, question.folded, region)))
    if question.operator == "between":
        found = _comparable(value)
        if isinstance(value, Money) and found[0] != asked[0][0]:
            return False
        return bool(asked[0] <= found <= asked[1])
    text = str(value)
    if question.operator == "prefix":
        return bool(fold(text).startswith(asked))
    if question.operator == "last_four":
        return bool(
            asked == last_four_form(text, phone=question.field_kind == "phone", default_region=region)
        )
    return bool(asked <= stored_words(text))
