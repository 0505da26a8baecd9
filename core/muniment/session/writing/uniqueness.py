"""Values that one live record alone may have."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import attrs

from muniment.errors import Invalid, Issue
from muniment.imports.seen import Seen
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.kernel.layout import require_layout
from muniment.session.kernel.tokens import UNIQUE, tokens_of
from muniment.session.writing.changes import Pending, place_of
from muniment.store import Transaction

__all__ = ["Claims", "Uniqueness"]

_Name = tuple[int, int, bytes]
"""A token without who has it: number of the field, number of the index, token."""


@attrs.define
class Claims:
    """What the changes of a trial run would have taken so far, since nothing of it is stored.

    Attributes:
        taken: unique tokens that new values would have.
        freed: unique tokens of values that would have been replaced.
        records: records that would have been made, as other rows refer to them.
    """

    taken: Seen = attrs.field(factory=Seen)
    freed: Seen = attrs.field(factory=Seen)
    records: set[bytes] = attrs.field(factory=set)


@attrs.frozen
class Uniqueness:
    """Which unique values changes would take, of those that live records have.

    Attributes:
        claims: what a trial run took in transactions before; None where all is stored.
    """

    _engine: Engine
    _claims: Claims | None

    def claim(self, tx: Transaction, pending: Sequence[Pending]) -> dict[int, Invalid]:
        """Make the new tokens of all changes, and refuse those whose unique ones a live record has.

        Returns:
            The refusals, by place in ``pending``.
        """
        asked: list[list[tuple[_Name, str]]] = []
        wanted: dict[tuple[int, int], list[bytes]] = {}
        for one in pending:
            keys: Collection[str] = one.changed
            if one.deleted:
                keys = {*keys, *one.type.unique}
            names: list[tuple[_Name, str]] = []
            if keys and (made := tokens_of(self._engine, one.type, keys, one.new, one.record)):
                one.tokens = [token for token, _ in made]
                for token, key in made:
                    if token[2] == UNIQUE:
                        names.append((token[1:4], key))
                        wanted.setdefault(token[1:3], []).append(token[3])
            asked.append(names)
        if any(not one.type.built_in for one in pending):
            require_layout(self._engine, tx)
        stored: dict[_Name, Sequence[bytes]] = {}
        for (field, kind), codes in wanted.items():
            found = tx.find_tokens(SHARD, field, kind, codes)
            stored.update(((field, kind, code), records) for code, records in found.items())
        return self._refuse(tx, pending, asked, stored)

    def _refuse(
        self,
        tx: Transaction,
        pending: Sequence[Pending],
        asked: Sequence[Sequence[tuple[_Name, str]]],
        stored: Mapping[_Name, Sequence[bytes]],
    ) -> dict[int, Invalid]:
        """Go through the changes in order: each builds on those before it that are not refused."""
        refused: dict[int, Invalid] = {}
        taken: set[_Name] = set()
        settled: dict[bytes, Pending] = {}
        for place, (one, names) in enumerate(zip(pending, asked, strict=True)):
            issues = [
                Issue("value.not_unique", key)
                for name, key in names
                if name in taken or self._is_held(tx, name, stored[name], one.record, settled)
            ]
            if issues:
                refused[place] = Invalid(issues, where=place_of(one))
                continue
            taken.update(name for name, _ in names)
            if one.base is not None:
                settled[one.record] = one
        return refused

    def _is_held(
        self,
        tx: Transaction,
        name: _Name,
        stored: Sequence[bytes],
        asking: bytes,
        settled: Mapping[bytes, Pending],
    ) -> bool:
        """Whether another live record has a unique value, as the changes before leave it."""
        claims = self._claims
        if claims is not None:
            if claims.taken.get(hash(name)):
                return True
            if claims.freed.get(hash(name)):
                return False
        for record in stored:
            if record == asking:
                continue
            other = settled.get(record)
            if other is not None and _gives_up(other, name):
                continue
            row = tx.current(SHARD, record)
            if row is not None and not row.deleted:
                return True
        return False

    def remember(self, pending: Sequence[Pending]) -> None:
        """Keep what a trial run would have taken and freed."""
        assert self._claims is not None
        for one in pending:
            for token in one.tokens:
                if token.kind == UNIQUE:
                    self._claims.taken.put(hash(token[1:4]), 1)
            if one.old:
                for token, _ in tokens_of(self._engine, one.type, one.changed, one.old, one.record):
                    if token.kind == UNIQUE and token not in one.tokens:
                        self._claims.freed.put(hash(token[1:4]), 1)


def _gives_up(one: Pending, name: _Name) -> bool:
    """Whether a record no longer has a unique value after its change."""
    if one.change.operation == "delete":
        return True
    by_key = one.type.by_key
    changes = any(by_key[key].number == name[0] for key in one.changed if key in by_key)
    return changes and all(token[1:4] != name for token in one.tokens)
