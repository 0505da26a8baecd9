"""How a built-in record type is made: its numbers and its one category.

A type's number is below 256, its fields' numbers have the top bit set, and its
one retention category is number 1, so none of them ever meets a template's.
"""

from __future__ import annotations

from typing import Final

import attrs

from muniment.schema.fields import Choice, Field, LayoutGroup, seal_group
from muniment.schema.kinds import KINDS
from muniment.schema.types import RecordType
from muniment.schema.values import Label

__all__ = [
    "ARCHIVE_CATEGORY",
    "LONGEST_DOCUMENT",
    "builtin_field",
    "builtin_type",
    "login_field",
    "state_field",
]

ARCHIVE_CATEGORY: Final = ("archive", 1)
"""Name and number of the retention category of what belongs to the archive itself."""

_GROUP: Final = LayoutGroup("main", Label("Main", "主要信息"), ARCHIVE_CATEGORY[0])


def builtin_type(number: int, key: str, label: Label, *fields: Field, title: tuple[str, ...]) -> RecordType:
    """A built-in record type; its fields are numbered in the order given, so only ever append."""
    numbered = tuple(
        attrs.evolve(
            field,
            number=1 << 31 | number << 8 | place,
            encoding=KINDS[field.kind].encoding,
            group=_GROUP.key,
            category=ARCHIVE_CATEGORY[0],
            seal_group=seal_group(ARCHIVE_CATEGORY[1], field.sensitivity),
        )
        for place, field in enumerate(fields, 1)
    )
    return RecordType(
        key=key, number=number, label=label, subject="none", title=title, groups=(_GROUP,),
        fields=numbered, definition_version=1,
    )  # fmt: skip


def builtin_field(
    key: str,
    kind: str,
    en: str,
    zh: str,
    *,
    required: bool = False,
    max_length: int = 0,
    order: int = 0,
    emphasis: str = "",
    default: str | None = None,
    choices: tuple[Choice, ...] = (),
    unique: bool = False,
    hidden: bool = False,
    sensitivity: str = "internal",
    minimum: str | None = None,
) -> Field:
    """A field of a built-in record type, of class internal unless it is said to be more.

    What is not said is as in ``Field``; a field that is unique is indexed by that.
    """
    return Field(
        key=key, kind=kind, label=Label(en, zh), required=required, max_length=max_length, order=order,
        emphasis=emphasis, default=default, choices=choices, unique=unique,
        index=("unique",) if unique else (), hidden=hidden, sensitivity=sensitivity, minimum=minimum,
    )  # fmt: skip


def state_field(
    *choices: Choice, order: int = 0, emphasis: str = "", default: str | None = None, required: bool = True
) -> Field:
    """Where a record of its type stands: one of these."""
    return builtin_field(
        "state", "choice", "State", "状态", required=required, order=order, emphasis=emphasis,
        default=default, choices=choices,
    )  # fmt: skip


def login_field() -> Field:
    """Whose record it is: one for each login, which it goes by."""
    return builtin_field(
        "login", "identifier", "Login", "登录名", required=True, max_length=100, unique=True, order=1,
        emphasis="title",
    )  # fmt: skip


LONGEST_DOCUMENT: Final = 10_000_000
"""Characters of the longest text that a built-in field takes."""
