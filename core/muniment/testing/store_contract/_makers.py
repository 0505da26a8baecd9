"""How the contract comes by a store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Protocol

import pytest

from muniment.store import Store

__all__ = ["StoreMaker", "other", "store"]


class StoreMaker(Protocol):
    """How the contract gets at a store, and at its rows behind its back."""

    @property
    def attacks(self) -> Mapping[str, str]:
        """Raw statements that each try to change, remove or replace a row of an append-only table.

        The names say which and how; the rows are those that the contract puts there: it fills every
        append-only table. A statement that hits no row proves nothing.
        """

    def make(self) -> Store:
        """A new, empty store."""

    def again(self) -> Store:
        """The store made last, opened once more, as another process would."""

    def attack(self, statement: str) -> bool:
        """Run a raw statement over a connection that knows nothing of muniment; whether it was refused.

        Raises:
            LookupError: it went through and hit no row.
        """


@pytest.fixture
def store(store_maker: StoreMaker) -> Iterator[Store]:
    """A new, empty store."""
    with closing(store_maker.make()) as made:
        yield made


@pytest.fixture
def other(store_maker: StoreMaker, store: Store) -> Iterator[Store]:
    """The same store, opened once more."""
    with closing(store_maker.again()) as made:
        yield made
