"""Blind index tokens of a record's fields, and the lookups that answer questions about sealed fields."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Final

import attrs

from muniment.errors import UsageError
from muniment.index import (
    INDEX_KINDS,
    IndexedField,
    base_kind,
    lookup,
    normaliser,
    plan,
    scan,
    token_bytes,
    token_maker,
)
from muniment.index import Lookup as Question
from muniment.index import matches as question_matches
from muniment.keys import derive
from muniment.model import Value
from muniment.policy import View
from muniment.schema import Field, RecordType
from muniment.session.kernel.engine import SHARD, Engine
from muniment.store import Token, Transaction

__all__ = ["UNIQUE", "Lookup", "indexes_of", "lookup_equal", "lookup_words", "tokens_of"]

UNIQUE: Final = INDEX_KINDS["unique"].number
"""The number of the kind of index of which no two records share a token."""


@attrs.frozen
class Index:
    """One blind index of one field, with its key, and what makes the tokens of a value."""

    field: Field
    kind: str
    number: int
    base: str
    key: bytes
    bits: int
    tokens: Callable[[Value], frozenset[bytes]]


def _kinds_of(field: Field) -> tuple[str, ...]:
    names = field.index
    if field.unique and "unique" not in names:
        names = ("unique", *names)
    return names


def indexes_of(engine: Engine, record_type: RecordType) -> Mapping[str, tuple[Index, ...]]:
    """The blind indexes of a type, by field key; compiled once for each definition."""
    name = (record_type.number, record_type.definition_version)
    found = engine.indexes.get(name)
    if found is None:
        made: dict[str, tuple[Index, ...]] = {}
        for field in record_type.fields:
            kinds = _kinds_of(field)
            if kinds:
                base = base_kind(field.kind, field.encoding)
                made[field.key] = tuple(_index(engine, field, kind, base) for kind in kinds)
        found = engine.indexes[name] = made
    return found


def _index(engine: Engine, field: Field, kind: str, base: str) -> Index:
    number = INDEX_KINDS[kind].number
    key = derive.index_key(
        engine.keys.index_root,
        engine.archive,
        field.number,
        number,
        normaliser(kind, base),
        engine.settings.index_epoch,
    )
    bits = _bits(engine, field, kind, base)
    make = token_maker(key, kind, base, bits=bits, default_region=engine.settings.default_region)
    if kind == "words" and engine.plugins.search_terms():
        make = _with_terms(engine, make)
    return Index(field, kind, number, base, key, bits, make)


def _with_terms(
    engine: Engine, make: Callable[[Value], frozenset[bytes]]
) -> Callable[[Value], frozenset[bytes]]:
    """Tokens of a text and of the further words under which plugins have it found."""
    return lambda value: make(engine.plugins.searched(str(value)))


def _bits(engine: Engine, field: Field, kind: str, base: str) -> int:
    """How many bits a token has: few enough that several records share one, many enough to find quickly."""
    asked = IndexedField(field.key, base, (kind,), distinct=len(field.choices))
    return plan((asked,), engine.settings.index_rows).indexes[0].bits


def tokens_of(
    engine: Engine,
    record_type: RecordType,
    keys: Collection[str],
    values: Mapping[str, Value],
    record: bytes,
) -> list[tuple[Token, str]]:
    """The tokens of some fields of a record, each with its field's key."""
    indexes = indexes_of(engine, record_type)
    if not indexes:
        return []
    made = []
    # Few fields have an index.
    for key, listed in indexes.items():
        value = values.get(key)
        if value is None or key not in keys:
            continue
        for index in listed:
            for token in index.tokens(value):
                made.append((Token(SHARD, index.field.number, index.number, token, record), key))
    return made


@attrs.frozen
class Lookup:
    """How a question about sealed fields is answered.

    Attributes:
        fields: keys of the fields that must be opened to compare.
        tokens: alternatives; each a list of (field, kind, token) that a record must all have.
            None where every record is opened, as in a scan.
        matches: whether opened values are what was asked for.
    """

    fields: frozenset[str]
    tokens: tuple[tuple[tuple[int, int, bytes], ...], ...] | None
    matches: Callable[[Mapping[str, Value]], bool]

    def candidates(self, tx: Transaction) -> set[bytes]:
        """Records that may match; more than do."""
        found: set[bytes] = set()
        for alternative in self.tokens or ():
            found |= tx.records_under(SHARD, alternative)
        return found


def lookup_equal(
    engine: Engine, record_type: RecordType, field: Field, value: Value, *, scan: bool
) -> Lookup:
    """Records whose sealed field equals a value.

    Raises:
        UsageError: ``index.unsupported`` where no index of the field answers, with what would.
    """
    base = base_kind(field.kind, field.encoding)
    region = engine.settings.default_region
    question = _question("equals", base, value, field, region, scanning=scan)
    return Lookup(
        frozenset({field.key}),
        None if not question.kind else (_tokens(engine, record_type, field, question),),
        lambda values: question_matches(question, values.get(field.key)),
    )


def _question(
    operator: str, base: str, value: Value, field: Field, region: str, *, scanning: bool
) -> Question:
    kinds = _kinds_of(field)
    try:
        return lookup(operator, base, value, kinds=kinds, where=field.key, default_region=region)
    except UsageError as error:
        if not scanning or error.code not in _SCANNABLE:
            raise
        return scan(operator, base, value, kinds=kinds, where=field.key, default_region=region)


def _tokens(
    engine: Engine, record_type: RecordType, field: Field, question: Question
) -> tuple[tuple[int, int, bytes], ...]:
    index = next(one for one in indexes_of(engine, record_type)[field.key] if one.kind == question.kind)
    return tuple(
        (field.number, index.number, token_bytes(index.key, form, index.bits)) for form in question.normalised
    )


_SCANNABLE: Final = frozenset(
    f"index.{name}" for name in ("unsupported", "unanswerable", "short", "phone", "range", "word")
)
_WORD_OPERATORS: Final = ("word", "equals", "last_four")


def lookup_words(engine: Engine, record_type: RecordType, view: View, words: str, *, scan: bool) -> Lookup:
    """Records in which what somebody typed into a search box is found.

    Every field that may be read in clear and has an index is asked in its own
    way: names by words, phones and e-mails as a whole, phones also by their
    last four digits. One field that says yes is enough.

    Raises:
        UsageError: ``index.nothing_searchable`` where no field could answer.
    """
    region = engine.settings.default_region
    questions: list[tuple[Field, Question]] = []
    for field in record_type.fields:
        if field.key not in view.clear or field.retired:
            continue
        base = base_kind(field.kind, field.encoding)
        for operator in _WORD_OPERATORS:
            if not scan and not _answers(field, operator):
                continue
            try:
                question = _question(operator, base, words, field, region, scanning=scan)
            except UsageError:
                continue  # these words say nothing about such a field, such as a name about a phone
            questions.append((field, question))
    if not questions:
        raise UsageError("index.nothing_searchable", where=record_type.key)

    def matches(values: Mapping[str, Value]) -> bool:
        return any(_is_hit(engine, field, question, values.get(field.key)) for field, question in questions)

    tokens = None
    if all(question.kind for _, question in questions):
        tokens = tuple(_tokens(engine, record_type, field, question) for field, question in questions)
    return Lookup(frozenset(field.key for field, _ in questions), tokens, matches)


def _is_hit(engine: Engine, field: Field, question: Question, value: Value) -> bool:
    if value is not None and question.operator == "word" and "words" in field.index:
        value = engine.plugins.searched(str(value))
    return question_matches(question, value)


def _answers(field: Field, operator: str) -> bool:
    return any(operator in INDEX_KINDS[kind].answers for kind in _kinds_of(field))
