"""Which records the rows of a table mean, many at a time: by identifier, or by indexed fields.

Tokens narrow down; every candidate is opened and compared in its normal form
inside the transaction. What was opened and does not fit goes no further.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

import attrs

from muniment.errors import AccessDenied, NotFound, UsageError
from muniment.index import base_kind, check_kind, token_bytes, tokens
from muniment.log.binding import OPERATIONS
from muniment.model import Value
from muniment.policy import View
from muniment.schema import Field, RecordType
from muniment.session.kernel.acting import Acting
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.kernel.layout import require_layout
from muniment.session.kernel.loading import definition_of, loaded_from, open_loaded, wanted_groups
from muniment.session.kernel.reach import Needs, needs_of, stored_values
from muniment.session.kernel.tokens import UNIQUE, Index, indexes_of
from muniment.store import Transaction, Version

__all__ = ["NOTHING", "Found", "Key", "Matcher"]

Key = tuple[bytes, ...]
"""What equal values have in common, for each field that is matched by."""

_ANSWERING: Final = ("unique", "exact", "normalised")
_DELETE: Final = OPERATIONS["delete"]


@attrs.frozen
class Found:
    """What the archive has for one key.

    Attributes:
        versions: the newest version of each live record that fits.
        deleted: whether a deleted record has the same unique value.
    """

    versions: Sequence[Version] = ()
    deleted: bool = False


NOTHING: Final = Found()
"""What there is for a key that nobody has."""


@attrs.frozen
class _By:
    """One field that records are found or told apart by.

    Attributes:
        kind: the index whose normal form counts.
        index: the index itself; None for a field that only tells candidates apart.
    """

    field: Field
    base: str
    kind: str
    index: Index | None

    def form(self, value: Value, region: str) -> bytes | None:
        """What equal values have in common; None where a value cannot be looked up."""
        if self.index is not None and self.kind == "unique":
            # 128 bits of a keyed hash differ where the values do.
            return next(iter(self.index.tokens(value)), None)
        forms = tokens(self.kind, self.base, value, default_region=region)
        return forms[0] if forms else None


class Matcher:
    """Finds records of one type by the values of some fields, all of which must agree.

    Args:
        engine: the opened archive.
        acting: who asks; records that they do not reach are not found.
        record_type: whose records they are.
        view: how the actor sees them; what one may not read in clear cannot be matched by.
        keys: of the fields.
        action: that must be allowed on a record that is found; None finds also what is out of reach.

    Raises:
        AccessDenied: ``access.field``.
        UsageError: ``index.unsupported`` where none of the fields has an index that answers.
    """

    def __init__(
        self,
        engine: Engine,
        acting: Acting,
        record_type: RecordType,
        view: View,
        keys: Sequence[str],
        *,
        action: str | None = "record.list",
    ) -> None:
        self._engine = engine
        self._acting = acting
        self._action = action
        self._type = record_type
        hidden = [key for key in keys if key not in view.clear | view.searchable]
        if hidden:
            named = [key for key in hidden if key in view.readable] or ["?"]
            raise AccessDenied("access.field", where=record_type.key, action="match", names=", ".join(named))
        self._by = tuple(_by(engine, record_type, key) for key in keys)
        leading = [one for one in self._by if one.index is not None]
        if not leading:
            raise UsageError(
                "index.unsupported", where=", ".join(keys), operator="equals", kinds=", ".join(_ANSWERING)
            )
        # The fewer records share a token, the better.
        self._leading = min(leading, key=lambda one: _ANSWERING.index(one.kind))
        self._place = self._by.index(self._leading)
        self.fields = tuple(one.field for one in self._by)
        """The fields, in order."""

    def key(self, values: Mapping[str, Value]) -> Key | None:
        """The key of cleaned values; None where one of them cannot be looked up."""
        region = self._engine.settings.default_region
        forms = []
        for one in self._by:
            value = values.get(one.field.key)
            form = None if value is None else one.form(value, region)
            if form is None:
                return None
            forms.append(form)
        return tuple(forms)

    def token(self, key: Key) -> tuple[int, int, bytes]:
        """What the key is looked up under: field, index and token."""
        index = self._leading.index
        assert index is not None
        form = key[self._place]
        token = form if self._leading.kind == "unique" else token_bytes(index.key, form, index.bits)
        return index.field.number, index.number, token

    def find(self, tx: Transaction, keys: Collection[Key]) -> dict[Key, Found]:
        """The live records that have these keys, each opened and compared.

        Args:
            tx: the transaction; the caller's entry belongs into the same one.
            keys: from ``key``.
        """
        if not keys:
            return {}
        require_layout(self._engine, tx)
        wanted: dict[bytes, list[Key]] = {}
        for key in keys:
            wanted.setdefault(self.token(key)[2], []).append(key)
        index = self._leading.index
        assert index is not None
        stored = tx.find_tokens(SHARD, index.field.number, index.number, wanted)
        candidates = [(token, record) for token, records in stored.items() for record in records]
        newest = tx.newest_versions(SHARD, [record for _, record in candidates]) if candidates else {}
        live: dict[Key, list[Version]] = {}
        deleted: set[Key] = set()
        needs = self._needs()
        compared: list[tuple[Version, bytes]] = []
        for token, record in candidates:
            version = newest.get(record)
            if version is None or version.type != self._type.number:
                continue
            if version.operation != _DELETE:
                compared.append((version, token))
            elif (
                index.number == UNIQUE
                and len(self._by) == 1
                and (needs is None or self._met(tx, needs, version))
            ):
                # Only a unique token says for certain that it is the same value.
                deleted.update(wanted[token])
        for version, token, found in self._opened(tx, compared):
            if found in wanted[token] and (needs is None or self._met(tx, needs, version)):
                live.setdefault(found, []).append(version)
        if not live and not deleted:
            return dict.fromkeys(keys, NOTHING)
        return {key: Found(live.get(key, ()), key in deleted) for key in keys}

    def _needs(self) -> Needs | None:
        if self._action is None:
            return None
        keys = [field.key for field in self.fields]
        return needs_of(self._engine, self._acting, self._type, (self._action,), compared=keys)

    def _met(self, tx: Transaction, needs: Needs, version: Version) -> bool:
        values = stored_values(self._engine, tx, version, needs.reach.numbers)
        return needs.met(needs.reach.roles(self._engine, tx, values))

    def _opened(
        self, tx: Transaction, candidates: Sequence[tuple[Version, bytes]]
    ) -> Iterator[tuple[Version, bytes, Key]]:
        """The candidates with the keys that they have, opened from their parts."""
        numbers = frozenset(one.field.number for one in self._by)
        loading = []
        places: dict[bytes, tuple[int, frozenset[int]]] = {}
        for version, token in candidates:
            own = definition_of(self._engine, tx, version)
            groups = frozenset(
                own.by_number[number].seal_group for number in numbers if number in own.by_number
            )
            try:
                live, wanted, closed = wanted_groups(self._engine, tx, version, groups)
            except NotFound:
                continue  # erased between the index and here: as if it had never matched
            places[version.record] = version.version, wanted
            loading.append((version, token, own, live, wanted, closed))
        parts = tx.parts_at(SHARD, places)
        for version, token, own, live, wanted, closed in loading:
            loaded = loaded_from(version, own, parts.get(version.record, ()), live, wanted, closed)
            try:
                opened = open_loaded(self._engine, loaded, numbers)
            except NotFound:
                continue
            names = ((one.field.key, own.by_number.get(one.field.number)) for one in self._by)
            key = self.key({name: opened.get(field.key) for name, field in names if field is not None})
            if key is not None:
                yield version, token, key


def _by(engine: Engine, record_type: RecordType, key: str) -> _By:
    field = record_type.by_key[key]
    base = base_kind(field.kind, field.encoding)
    made = {index.kind: index for index in indexes_of(engine, record_type).get(key, ())}
    kind = next((name for name in _ANSWERING if name in made), None)
    if kind is not None:
        return _By(field, base, kind, made[kind])
    check_kind("exact", base, where=key)
    return _By(field, base, "exact", None)
