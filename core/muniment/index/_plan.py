"""The planner: how long the tokens of each index are, and what they tell; pure.

Longer tokens make lookups cheaper and tell more to whoever copies the database
without its keys. With R rows and K-bit values the planner aims for
2 <= R / 2^min(bits, K) <= sqrt(R): each token is shared by two rows at least,
and a lookup opens no more rows than the square root of all.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

import attrs

from muniment.errors import ConfigError, text_of
from muniment.index._kinds import check_kind

__all__ = [
    "LEAST_VALUE_BITS",
    "IndexPlan",
    "IndexedField",
    "Plan",
    "bits_due",
    "bits_for",
    "plan",
    "value_bits",
]

LEAST_VALUE_BITS: Final = 7
"""A field of fewer than 2^7 values gives itself away by counting; it may stand in a compound only."""

_COMMON: Final = 2.0**-LEAST_VALUE_BITS
_GROWTH: Final = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)

_FIELD_BITS: Final[Mapping[str, float]] = MappingProxyType(
    {
        "text": 16,
        "long text": 16,
        "identifier": 20,
        "URL": 24,
        "e-mail": 32,
        "phone": 30,
        "integer": 13,
        "decimal": 13,
        "money": 13,
        "date": 14,
        "datetime": 30,
        "reference": 20,
        "choice": 3,
        "several choices": 3,
    }
)
"""How many bits of choice a value has where nobody said: rough, and only ever lowered by what is known."""

_KIND_BITS: Final[Mapping[str, float]] = MappingProxyType(
    {"prefix": 9, "last_four": 13, "words": 11, "buckets": 9}
)


def _tokens_a_value(kind: str, field_kind: str) -> int:
    """How many tokens a value has, roughly."""
    if kind == "words":
        return 40 if field_kind == "long text" else 3
    return 3 if kind == "prefix" else 1


@attrs.frozen
class IndexedField:
    """A field with its indexes, as the planner wants it.

    Attributes:
        key: the field's key; of a compound, its members' joined by ``+``.
        field_kind: a name out of ``FIELD_KINDS``.
        kinds: names of index kinds.
        distinct: how many values the field can take (not how many it has today); 0 where nobody knows.
        common: the share of rows that hold the most common value, 0 to 1; 0 where nobody knows.
    """

    key: str
    field_kind: str
    kinds: tuple[str, ...]
    distinct: int = 0
    common: float = 0.0


@attrs.frozen
class IndexPlan:
    """What was planned for one index.

    Attributes:
        field: the field's key.
        kind: the name of the index kind.
        bits: the length of its tokens.
        value_bits: how many bits of choice the indexed form has.
        shared_by: how many rows share one token, on average.
        hits: how many rows a lookup finds rightly, on average.
        collisions: how many rows a lookup opens in vain, on average.
        rebuild_at: the number of rows from which longer tokens are due; 0 for never.
        growth: the length of tokens by number of rows.
        warnings: codes of the catalogue, area ``index``.
        common: the share of rows that hold the most common value.
        rows: how many rows were planned for.
    """

    field: str
    kind: str
    bits: int
    value_bits: float
    shared_by: float
    hits: float
    collisions: float
    rebuild_at: int
    growth: tuple[tuple[int, int], ...]
    warnings: tuple[str, ...]
    common: float
    rows: int

    def text(self, lang: str = "en") -> list[str]:
        """What it tells a stranger, what it costs, when it grows, and what to mind; a sentence each."""
        words = {
            "field": self.field,
            "bits": self.bits,
            "shared": _count(self.shared_by),
            "hits": _count(self.hits),
            "collisions": _count(self.collisions),
            "rebuild_at": _count(self.rebuild_at),
            "share": f"{100 * self.common:.1f}",
            "common": _count(self.common * self.rows),
            "growth": ", ".join(f"{rows:,}: {bits}" for rows, bits in self.growth),
        }
        codes = [f"index.leak_{self.kind}", "index.cost"]
        codes.append("index.grows" if self.rebuild_at else "index.fixed")
        return [text_of(code, lang, **words)[0] for code in (*codes, *self.warnings)]


@attrs.frozen
class Plan:
    """What was planned for all indexes of a record type.

    Attributes:
        rows: how many rows were planned for.
        indexes: one plan for each.
        together: at most so many bits all tokens of one row tell.
        needed: so many bits tell one row from all others.
    """

    rows: int
    indexes: tuple[IndexPlan, ...]
    together: float
    needed: float

    @property
    def tells_rows_apart(self) -> bool:
        """Whether all tokens of a row, taken together, are likely to be that row's alone."""
        return self.together >= self.needed

    def text(self, lang: str = "en") -> list[str]:
        """What all indexes tell together; a sentence each."""
        code = "index.together_apart" if self.tells_rows_apart else "index.together_shared"
        alike = self.rows / 2 ** min(self.together, 1000.0)
        named = text_of(
            code,
            lang,
            rows=f"{self.rows:,}",
            together=round(self.together),
            needed=math.ceil(self.needed),
            alike=_count(alike),
        )[0]
        return [named, text_of("index.never", lang)[0]]


def _count(number: float) -> str:
    return f"{number:.1f}" if 0 < number < 10 else f"{round(number):,}"


def value_bits(kind: str, field_kind: str, distinct: int = 0) -> float:
    """How many bits of choice the form has that an index of this kind hashes.

    Args:
        kind: the name of the index kind.
        field_kind: a name out of ``FIELD_KINDS``.
        distinct: how many values the field can take; 0 where nobody knows.
    """
    known = math.log2(distinct) if distinct else None
    if kind == "compound":
        return 24.0 if known is None else known
    assumed = _FIELD_BITS.get(field_kind, 0.0)
    if kind in _KIND_BITS:
        return min(_KIND_BITS[kind], assumed if known is None else known)
    return assumed if known is None else known


def bits_for(rows: int, bits_of_value: float = 256.0) -> int:
    """The length of tokens for so many rows: the middle of what is allowed, never longer than the value.

    Below eight rows no length satisfies both bounds; the token then has a single bit.

    Args:
        rows: how many rows (times tokens a row) there are, or are soon to be.
        bits_of_value: how many bits of choice a value has.
    """
    if rows < 8:
        return 1
    size = math.log2(rows)
    least, most = math.ceil(size / 2), math.floor(size - 1)
    middle = min(max(round(0.75 * size - 0.5), least), most)
    return max(1, min(middle, math.floor(bits_of_value)))


def bits_due(bits: int, rows: int, *, kind: str, field_kind: str, distinct: int = 0) -> int:
    """The length that the tokens of an index should have now: the same as long as it still fits.

    Where it differs, build the index anew under the next epoch.

    Args:
        bits: how long they are.
        rows: how many rows there are.
        kind: the name of the index kind.
        field_kind: a name out of ``FIELD_KINDS``.
        distinct: how many values the field can take; 0 where nobody knows.

    Raises:
        ConfigError: ``index.kind`` or ``index.takes``, as ``check_kind``.
    """
    fixed = check_kind(kind, field_kind).bits
    if fixed:
        return fixed
    entropy = value_bits(kind, field_kind, distinct)
    many = rows * _tokens_a_value(kind, field_kind)
    fits = 2 <= many / 2 ** min(float(bits), entropy) <= math.sqrt(many)
    return bits if fits else bits_for(many, entropy)


def _plan_index(field: IndexedField, kind: str, rows: int) -> IndexPlan:
    fixed = check_kind(kind, field.field_kind, where=field.key).bits
    entropy = value_bits(kind, field.field_kind, field.distinct)
    if entropy < LEAST_VALUE_BITS and not fixed:
        raise ConfigError(
            "index.few_values", where=field.key, name=kind, least=2**LEAST_VALUE_BITS, field=field.key
        )
    many = rows * _tokens_a_value(kind, field.field_kind)
    bits = fixed or bits_for(many, entropy)
    shared = many / 2 ** min(float(bits), entropy)
    right = many / 2**entropy
    warnings = []
    if field.common > _COMMON:
        warnings.append("index.common")
    if not fixed and rows >= 8 and shared > math.sqrt(many):
        warnings.append("index.coarse")
    grows = not fixed and bits < math.floor(entropy)
    return IndexPlan(
        field=field.key,
        kind=kind,
        bits=bits,
        value_bits=entropy,
        shared_by=1.0 if fixed else shared,
        hits=1.0 if fixed else max(1.0, right),
        collisions=0.0 if fixed else max(0.0, shared - right),
        rebuild_at=4**bits // _tokens_a_value(kind, field.field_kind) + 1 if grows else 0,
        growth=tuple(
            (size, fixed or bits_for(size * _tokens_a_value(kind, field.field_kind), entropy))
            for size in _GROWTH
        ),
        warnings=tuple(warnings),
        common=field.common,
        rows=rows,
    )


def plan(fields: Sequence[IndexedField], rows: int) -> Plan:
    """Plan the indexes of one record type.

    Args:
        fields: its fields with indexes.
        rows: how many records there are, or are soon to be: before a great
            import, count what will be there after it.

    Raises:
        ConfigError: ``index.kind`` and ``index.takes`` as ``check_kind``;
            ``index.few_values`` for a field of fewer than 128 possible values
            outside a compound.
    """
    made = tuple(_plan_index(field, kind, rows) for field in fields for kind in field.kinds)
    together = sum(min(float(index.bits), index.value_bits) for index in made)
    return Plan(rows, made, together, math.log2(max(rows, 1)))
