"""The kinds as the loader gives them, and how tests read with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date

import pytest

from muniment import plugins
from muniment.schema import Context, Field, FieldKind, ValueProblem

Read = Callable[..., object]
Judge = Callable[..., str]


@pytest.fixture(scope="session")
def kinds() -> Mapping[str, FieldKind]:
    """Every kind by its name, guarded as in an archive."""
    found = plugins.load(["identifiers"], environ={})
    assert {} == dict(found.quarantined)
    return {kind.name: kind for kind in found.field_kinds()}


@pytest.fixture(scope="session")
def read(kinds: Mapping[str, FieldKind]) -> Read:
    """``read(kind, text)`` gives the value on 1 March 2026, or raises ``ValueProblem``."""
    parsers = {name: kind.prepare(Field(key="number", kind=name)) for name, kind in kinds.items()}

    def value(kind: str, raw: object, region: str = "") -> object:
        return parsers[kind](raw, Context(today=date(2026, 3, 1), default_region=region))

    return value


@pytest.fixture(scope="session")
def judge(read: Read) -> Judge:
    """``judge(kind, text)`` gives the code with which a text is refused or kept; empty where it is taken."""

    def code(kind: str, raw: object, region: str = "") -> str:
        try:
            read(kind, raw, region)
        except ValueProblem as problem:
            return problem.code.removeprefix("identifiers.")
        return ""

    return code
