"""Saved views: kept as records of a built-in type, brought by templates, or by plugins.

Which view a name means: one's own, then one of one's roles, then everyone's, then a
plugin's. Whoever uses a view asks for a list like any other, so it shows no field, no
row and no order that the list would not.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

import attrs

from muniment.codec import canonical
from muniment.errors import AccessDenied, NotFound, UsageError
from muniment.log.binding import OPERATIONS
from muniment.model import Value, id_bytes, id_text
from muniment.schema import RecordType
from muniment.schema.builtin import VIEW
from muniment.schema.listviews import (
    Condition,
    ListView,
    check_view,
    fitted,
    order_text,
    view_document,
    view_from_document,
)
from muniment.session.kernel.definitions import open_version
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.kernel.views import Page
from muniment.session.reading import lists
from muniment.session.reading.filters import meant
from muniment.session.reading.references import resolve_references
from muniment.session.writing.seen import Seen, any_version
from muniment.session.writing.writes import Change, Saved, sole, write

if TYPE_CHECKING:
    from muniment.schema.template import Template
    from muniment.session.records import Records
    from muniment.store import Transaction

__all__ = ["SavedView", "Views", "shipped_changes"]

_DELETE: Final = OPERATIONS["delete"]
_LONGEST_NAME: Final = 100
_MOST_OPENED: Final = 2_000


@attrs.frozen
class SavedView:
    """A view with where it comes from.

    Attributes:
        view: what it shows.
        id: UUID text of its record; empty for one that a plugin brings.
        version: of the record.
        audience: ``everyone``, ``role`` or ``person``.
        holders: keys of the roles, or the login.
        locked: only somebody who may lock views changes or removes it.
        origin: the template or plugin that brought it; empty for a person's own.
        shipped: digest of what the template shipped; empty for a person's own.
    """

    view: ListView
    id: str = ""
    version: int = 0
    audience: str = "everyone"
    holders: tuple[str, ...] = ()
    locked: bool = False
    origin: str = ""
    shipped: str = ""

    @property
    def name(self) -> str:
        """What the log calls it."""
        return self.id or f"{self.origin}:{self.view.key}"


def _address(type: str, name: str, audience: str, holders: Iterable[str]) -> str:
    sign = {"person": "~", "role": "@"}.get(audience)
    owner = sign + "+".join(sorted(holders)) if sign else ""
    return f"{type}/{owner}/{name.casefold()}"


def _address_of(one: SavedView) -> str:
    return _address(one.view.type, one.view.key, one.audience, one.holders)


def _digest(view: ListView) -> str:
    return sha256(canonical({**view_document(view), "roles": sorted(view.roles)})).hexdigest()


def _stored(engine: Engine, *, removed: bool = False) -> list[SavedView]:
    """Every view that is kept, or was removed; opened from its sealed parts, like types without an entry."""
    found = []
    with engine.store.transaction(write=False) as tx:
        for _, record, newest in tx.builtin(SHARD, (VIEW.number,)):
            one = _opened(engine, tx, record, newest, removed)
            if one is not None:
                found.append(one)
    return found


def _opened(engine: Engine, tx: Transaction, record: bytes, newest: int, removed: bool) -> SavedView | None:
    """A view as its newest version has it; None where it was removed, or, with ``removed``, was not."""
    # A version never changes, and a table's page asks for its views each time.
    known, name = engine.opened, (record, newest, removed)
    if name not in known:
        version = tx.version(SHARD, record, newest)
        view = None
        if version is not None and (version.operation == _DELETE) == removed:
            view = _from_values(id_text(record), newest, open_version(tx, engine.sealer, version, VIEW))
        if len(known) >= _MOST_OPENED:
            known.clear()
        known[name] = view
    found: SavedView | None = known[name]
    return found


def _from_values(id: str, version: int, values: Mapping[str, Value]) -> SavedView:
    holders = values.get("holders") or ()
    assert isinstance(holders, tuple)
    audience = str(values["audience"])
    view = view_from_document(
        json.loads(str(values["definition"])),
        key=str(values["name"]),
        type=str(values["record_type"]),
        roles=holders if audience == "role" else (),
    )
    return SavedView(
        view,
        id,
        version,
        audience,
        holders,
        bool(values.get("locked")),
        str(values.get("origin") or ""),
        str(values.get("shipped") or ""),
    )


def _values(one: SavedView) -> dict[str, object]:
    view = one.view
    return {
        "address": _address_of(one),
        "name": view.key,
        "record_type": view.type,
        "audience": one.audience,
        "holders": one.holders or None,
        "locked": one.locked or None,
        "origin": one.origin or None,
        "shipped": one.shipped or None,
        "definition": canonical(view_document(view)).decode("utf-8"),
    }


def shipped_changes(
    engine: Engine, types: Mapping[str, RecordType], templates: Iterable[Template]
) -> list[Change]:
    """The changes that bring templates' views in; one that somebody changed or removed since stays so.

    Args:
        engine: the opened archive.
        types: the types as they will be, by key.
        templates: in order; a later one's view of the same name takes the place of an earlier one's.
    """
    held, removed = (
        {_address_of(one): one for one in _stored(engine, removed=gone)} for gone in (False, True)
    )
    made = {}
    for template in templates:
        for view in template.views:
            record_type = types.get(view.type)
            if record_type is not None and fitted(view, record_type) is not None:
                audience = "role" if view.roles else "everyone"
                one = SavedView(view, "", 0, audience, view.roles, False, template.key, _digest(view))
                made[_address_of(one)] = one
    changes = []
    for address, one in made.items():
        before, values = held.get(address), _values(one)
        if before is None and address not in removed:
            changes.append(Change("create", VIEW.key, values=values, inside=True))
        elif before is not None and before.shipped and before.shipped == _digest(before.view) != one.shipped:
            del values["locked"]
            changes.append(
                Change(
                    "update",
                    record=_record(before),
                    values=values,
                    expected_version=before.version,
                    inside=True,
                )
            )
    return changes


class Views:
    """The views of one actor: found, used, saved and removed.

    Args:
        session: who asks.
    """

    def __init__(self, session: Records) -> None:
        self._session = session
        self._engine = session.engine

    # Finding

    def list(self, type: str | None = None) -> Sequence[SavedView]:
        """The views that the actor may use, of one type or all, by type and name.

        A view that filters, sorts or groups by what the actor may not read in clear is none of theirs.

        Raises:
            NotFound: ``schema.unknown_type``.
            AccessDenied: ``access.action``; logged.
        """
        session = self._session
        wanted = {one.key: one for one in ([session.type(type)] if type else session.types())}
        found: dict[tuple[str, str], SavedView] = {}
        for one in self._all():
            record_type = wanted.get(one.view.type)
            if record_type is None or not self._is_mine(one):
                continue
            fits = fitted(one.view, record_type)
            if fits is None or not session.may("record.list", record_type.key):
                continue
            seen = session.view(record_type)
            if not fits.needed <= seen.clear:
                continue
            columns = tuple(key for key in fits.columns if key in seen.readable)
            if fits.columns and not columns:
                continue
            found.setdefault(
                (one.view.type, one.view.key.casefold()),
                attrs.evolve(one, view=attrs.evolve(fits, columns=columns)),
            )
        return [one for _, one in sorted(found.items())]

    def _all(self) -> Sequence[SavedView]:
        """Every view, those that count before others of the same name first."""
        rank = {"person": 0, "role": 1, "everyone": 2}
        stored = sorted(_stored(self._engine), key=lambda one: (rank[one.audience], one.view.key))
        brought = [
            SavedView(view, audience="role" if view.roles else "everyone", holders=view.roles, origin=plugin)
            for plugin, views in self._engine.plugins.views().items()
            for view in views
        ]
        return [*stored, *brought]

    def _is_mine(self, one: SavedView) -> bool:
        actor = self._session.acting.actor
        if one.audience == "person":
            return actor.id in one.holders
        return one.audience == "everyone" or not set(one.holders).isdisjoint(actor.roles)

    def get(self, type: str, name: str) -> SavedView:
        """One view that the actor may use, by its key or its label in either language.

        Raises:
            NotFound: ``view.unknown``, also for one of somebody else: alike.
        """
        listed = self.list(type)
        folded = name.strip().casefold()
        for names in (
            lambda one: (one.view.key,),
            lambda one: (one.view.label.en, one.view.label.zh),
        ):
            found = [one for one in listed if folded in {text.casefold() for text in names(one) if text}]
            if found:
                return found[0]
        raise NotFound("view.unknown", where=type, known=", ".join(one.view.key for one in listed))

    # Using

    def asked(self, type: str, shown: ListView, **more: Any) -> lists.Asked:
        """What a list is asked for, to be what a view shows.

        Args:
            type: key of the record type.
            shown: as ``get`` found it, or made for the moment.
            more: further attributes of ``Asked``; ``where`` and ``filters`` are asked as well.

        Raises:
            Invalid: ``value.no_such_record`` for a reference that names no record.
        """
        record_type = self._session.type(type)
        where, filters = self.conditions(record_type, shown.filters)
        asked = lists.Asked(
            type,
            {**where, **(more.pop("where", None) or {})},
            fields=list(shown.columns) or None,
            order_by=order_text(shown.order) or None,
            descending=shown.descending and not shown.order,
            filters=(*filters, *more.pop("filters", ())),
        )
        return attrs.evolve(asked, **{name: value for name, value in more.items() if value is not None})

    def conditions(
        self, record_type: RecordType, conditions: Iterable[Condition]
    ) -> tuple[dict[str, object], tuple[Condition, ...]]:
        """Conditions as a list takes them: what one value answers as such, everything else to be compared."""
        where: dict[str, object] = {}
        filters: list[Condition] = []
        for one in conditions:
            field = record_type.field(one.field)
            if field is not None and field.kind == "reference":
                one = self._referred(record_type, one)
            plain = one.operator == "=" and one.field not in where and "|" not in one.value
            if field is not None and plain and field.kind not in ("several choices", "datetime", "date"):
                where[one.field] = meant(self._engine, self._session.acting, field, one.value) or None
            else:
                filters.append(one)
        return where, tuple(filters)

    def _referred(self, record_type: RecordType, one: Condition) -> Condition:
        field = record_type.field(one.field)
        assert field is not None
        text = meant(self._engine, self._session.acting, field, one.value)
        found = resolve_references(self._session, record_type, {field.key: text})
        return attrs.evolve(one, value=str(found[field.key] or ""))

    def rows(
        self,
        type: str,
        name: str,
        *,
        limit: int = 100,
        after: str | None = None,
        count: bool = False,
    ) -> tuple[SavedView, Page]:
        """One page of what a view shows.

        Args:
            type: key of the record type.
            name: of the view.
            limit: records at the most.
            after: what the page before gave.
            count: say how many there are, where that can be told.

        Raises:
            NotFound: ``view.unknown``.
        """
        one = self.get(type, name)
        asked = self.asked(type, one.view, limit=limit, after=after, count=count, view=one.name)
        return one, lists.list_records(self._engine, self._session.acting, asked)

    # Saving

    def save(
        self,
        view: ListView,
        *,
        audience: str = "person",
        roles: Sequence[str] = (),
        locked: bool | None = None,
        reason: str | None = None,
        seen: Seen = any_version,
    ) -> Saved:
        """Keep a view, in place of the one of that name for the same audience.

        Args:
            view: what it shows; its ``roles`` do not count.
            audience: ``person`` for oneself, ``role`` or ``everyone``.
            roles: keys of the roles that it is for.
            locked: whether only somebody who may lock views changes it from now on; None leaves that.
            reason: a person's own words; sealed.
            seen: told which version this replaces, 0 for none; raises where that is not the one seen.

        Raises:
            AccessDenied: ``access.action``, ``access.field`` for a field that the actor may not use, or
                ``view.locked``; logged.
            ConfigError: the type cannot show that.
            UsageError: ``view.name`` or ``view.audience``.
        """
        session = self._session
        record_type = session.type(view.type)
        self._check_name(view.key)
        if audience not in ("person", "role", "everyone") or (audience == "role") != bool(roles):
            raise UsageError("view.audience")
        session.require("view.save" if audience == "person" else "view.share", record_type.key)
        check_view(view, record_type)
        self._check_seen(view, record_type)
        login = session.acting.actor.id
        holders = (login,) if audience == "person" else tuple(roles)
        before = self._held(view, audience, holders)
        seen(0 if before is None else before.version)
        if locked is not None and locked != (before is not None and before.locked):
            session.require("view.lock", record_type.key)
        self._require_unlocked(before)
        shipped = before.shipped if before is not None else ""
        made = SavedView(
            attrs.evolve(view, roles=tuple(roles)),
            "",
            0,
            audience,
            holders,
            before.locked if locked is None and before is not None else bool(locked),
            before.origin if before is not None else "",
            shipped,
        )
        change = Change("create", VIEW.key, values=_values(made), inside=True)
        if before is not None:
            change = attrs.evolve(change, operation="update", type="", record=_record(before),
                                  expected_version=before.version)  # fmt: skip
        return sole(write(self._engine, session.acting, [change], reason=reason))

    def _check_name(self, name: str) -> None:
        if not name.strip() or name != name.strip() or len(name) > _LONGEST_NAME or not name.isprintable():
            raise UsageError("view.name", maximum=_LONGEST_NAME)

    def _check_seen(self, view: ListView, record_type: RecordType) -> None:
        seen = self._session.view(record_type)
        hidden = [key for key in view.columns if key not in seen.readable]
        unclear = sorted(key for key in view.needed if key not in seen.clear)
        if hidden:
            # Denied and missing answer alike.
            raise NotFound("schema.unknown_field", where=record_type.key, name=hidden[0])
        if unclear:
            raise AccessDenied(
                "access.field", where=record_type.key, action="filter", names=", ".join(unclear)
            )

    def _held(self, view: ListView, audience: str, holders: Sequence[str]) -> SavedView | None:
        wanted = _address(view.type, view.key, audience, holders)
        for one in _stored(self._engine):
            if _address_of(one) == wanted:
                return one
        return None

    def _require_unlocked(self, one: SavedView | None) -> None:
        if one is not None and one.locked and not self._session.may("view.lock", one.view.type):
            error = AccessDenied("view.locked", where=one.view.type)
            self._engine.refused(self._session.acting, "view.save", error, type=one.view.type, view=one.id)
            raise error

    def remove(self, type: str, name: str, *, reason: str | None = None) -> None:
        """Take a view away that ``get`` finds; what it showed stays where it is.

        Raises:
            NotFound: ``view.unknown``.
            AccessDenied: ``access.action`` or ``view.locked``; logged.
            UsageError: ``view.of_plugin``.
        """
        one = self.get(type, name)
        self._session.require("view.save" if one.audience == "person" else "view.share", type)
        if not one.id:
            raise UsageError("view.of_plugin", name=one.origin)
        self._require_unlocked(one)
        change = Change("delete", record=_record(one), expected_version=one.version, inside=True,
                        kind="view.remove")  # fmt: skip
        write(self._engine, self._session.acting, [change], reason=reason)


def _record(one: SavedView) -> bytes:
    return id_bytes(one.id)
