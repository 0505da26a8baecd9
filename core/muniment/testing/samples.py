"""Values for checking plugins: what people type, what nobody should, and what a strategy draws."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal
from random import Random
from typing import Any, Final

from muniment.model import Money
from muniment.schema import Context, Field, FieldKind, Label, LayoutGroup, RecordType

__all__ = ["CONTEXT", "KINDS_TYPE", "drawn", "kinds_type", "odd_values", "pieces_of", "texts_of"]

CONTEXT: Final = Context(
    today=date(2026, 1, 1), default_region="DE", timezone="Europe/Berlin", currency="EUR"
)
"""What values are read against."""

KINDS_TYPE: Final = "checked_kinds"
"""The key of the record type in which kinds are tried."""

_ALPHABETS: Final = (
    "0123456789",
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "0123456789abcdefXYZ .-/<+*^=%;:_",
    "張三李四王五赵六０１２３４５６７８９ＡＢＣ·　",
    "éüßñåøłžİıÅΩ😀👩‍👩‍👧🇨🇳ﬁ½𠮷 \u00a0\u200b\t\n",
)
_PIECE: Final = 5


def texts_of(examples: Sequence[str]) -> list[str]:
    """Texts that somebody might type: random ones, and each example with one character changed.

    Always the same for the same examples.

    Args:
        examples: texts that are taken.
    """
    random = Random(20260101)
    made = ["", " ", "\u3000", "0", "-1", "'", "=1+1", "x" * 300, "1" * 400]
    for alphabet in _ALPHABETS:
        made += ["".join(random.choices(alphabet, k=random.randrange(1, 34))) for _ in range(12)]
    for example in examples[:20]:
        place = random.randrange(len(example)) if example else 0
        made += [
            f" {example} ",
            example.lower(),
            example.replace(" ", ""),
            example[:place] + random.choice("0123456789Xx ") + example[place + 1 :],
            example[:-1],
        ]
    return made


def odd_values() -> list[object]:
    """Python values that a program might hand over instead of text."""
    return [
        0, 1, -1, 10**30, True, 1.5, float("nan"), b"bytes", (), ("a", "b"), [], ["a"], {}, {"a": 1},
        object, Decimal("1.50"), date(2020, 2, 29), datetime(2020, 2, 29, 12), Money(Decimal(1), "EUR"),
    ]  # fmt: skip


def pieces_of(raw: object) -> set[str]:
    """The longer pieces of a value, as they would be seen in a text; none of a short one.

    Args:
        raw: a value.
    """
    text = "" if isinstance(raw, bool) or raw is None else str(raw).casefold().strip()
    return {text[at : at + _PIECE] for at in range(len(text) - _PIECE + 1)}


def kinds_type(kinds: Iterable[FieldKind]) -> RecordType:
    """A record type with a field of each of these kinds that has examples, and one of text.

    Args:
        kinds: a plugin's, with examples.
    """
    group = LayoutGroup("main", Label("Main", "主要信息"), "checked")
    plain = Field(key="plain", kind="text", label=Label("Text", "文本"), group="main", category="checked")
    fields = [
        Field(
            key=f"of_{place}",
            kind=kind.name,
            label=kind.label,
            group="main",
            category="checked",
            sensitivity="sensitive",
        )
        for place, kind in enumerate(kinds)
        if kind.examples
    ]
    return RecordType(
        key=KINDS_TYPE, label=Label("Kinds", "字段种类"), groups=(group,), fields=(plain, *fields)
    )


def drawn(strategy: Any, count: int) -> list[Any]:
    """So many values of a Hypothesis strategy, the same ones at every call.

    Args:
        strategy: the strategy.
        count: how many at the most.
    """
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis.errors import Unsatisfiable

    found: list[Any] = []

    @settings(
        max_examples=count,
        phases=[Phase.generate],
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def take(value: Any) -> None:
        found.append(value)

    # A type of references alone has nothing to draw.
    with suppress(Unsatisfiable):
        take()
    return found
