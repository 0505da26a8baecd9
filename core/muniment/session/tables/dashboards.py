"""Dashboards: kept as records of a built-in type, brought by templates, computed for whoever looks.

Which dashboard a name means: one's own, then one of one's roles, then everyone's. Its tiles
show the records and fields of whoever looks; a tile that they may not see at all is left out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Final

import attrs

from muniment.codec import canonical
from muniment.errors import AccessDenied, NotFound, UsageError
from muniment.log.binding import OPERATIONS
from muniment.model import id_bytes, id_text, rfc3339
from muniment.schema import RecordType
from muniment.schema.builtin import DASHBOARD
from muniment.schema.dashboards import (
    Dashboard,
    Tile,
    check_dashboard,
    dashboard_document,
    dashboard_from_document,
    fitted_tile,
)
from muniment.session.kernel.definitions import open_version
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.kernel.views import Record
from muniment.session.reading import lists
from muniment.session.reading.aggregates import aggregate, is_open, release_counted
from muniment.session.tables.figures import LEAST, Figure, Tally
from muniment.session.tables.kept import KeptFigures
from muniment.session.tables.saved import Views
from muniment.session.writing.seen import Seen, any_version
from muniment.session.writing.writes import Change, Saved, sole, write

if TYPE_CHECKING:
    from muniment.schema.template import Template
    from muniment.session.records import Records

__all__ = ["Dashboards", "SavedDashboard", "Shown", "shipped_dashboards"]

_DELETE: Final = OPERATIONS["delete"]
_LONGEST_NAME: Final = 100
_SIGNS: Final = {"person": "~", "role": "@", "everyone": ""}


@attrs.frozen
class SavedDashboard:
    """A dashboard with where it comes from.

    Attributes:
        dashboard: what it shows.
        id: UUID text of its record.
        version: of the record.
        audience: ``everyone``, ``role`` or ``person``.
        holders: keys of the roles, or the login.
        origin: the template that brought it; empty for a person's own.
        shipped: digest of what the template shipped; empty for a person's own.
    """

    dashboard: Dashboard
    id: str = ""
    version: int = 0
    audience: str = "everyone"
    holders: tuple[str, ...] = ()
    origin: str = ""
    shipped: str = ""

    @property
    def address(self) -> str:
        """Whose it is and what it is called; unique."""
        owner = "+".join(sorted(self.holders)) if self.audience != "everyone" else ""
        return f"{_SIGNS[self.audience]}{owner}/{self.dashboard.key.casefold()}"


@attrs.frozen
class Shown:
    """A dashboard as it was computed.

    Attributes:
        saved: which one.
        time_us: when.
        figures: of the tiles that count, by key of the tile.
        lists: of the tiles that list, by key of the tile.
        types: the record types that the tiles are about, by key.
        names: what records go by that listed ones refer to, by identifier.
        login: for whom.
    """

    saved: SavedDashboard
    time_us: int
    figures: dict[str, Figure]
    lists: dict[str, Sequence[Record]]
    types: dict[str, RecordType]
    names: dict[str, str]
    login: str


def _digest(dashboard: Dashboard) -> str:
    return sha256(canonical({**dashboard_document(dashboard), "roles": sorted(dashboard.roles)})).hexdigest()


def _stored(engine: Engine, *, removed: bool = False) -> list[SavedDashboard]:
    """Every dashboard that is kept, or was removed; opened from its sealed parts, like types."""
    found = []
    with engine.store.transaction(write=False) as tx:
        for _, record, newest in tx.builtin(SHARD, (DASHBOARD.number,)):
            version = tx.version(SHARD, record, newest)
            if version is None or (version.operation == _DELETE) != removed:
                continue
            values = open_version(tx, engine.sealer, version, DASHBOARD)
            audience, holders = str(values["audience"]), values.get("holders") or ()
            assert isinstance(holders, tuple)
            dashboard = dashboard_from_document(
                json.loads(str(values["definition"])),
                key=str(values["name"]),
                roles=holders if audience == "role" else (),
            )
            found.append(
                SavedDashboard(
                    dashboard,
                    id_text(record),
                    version.version,
                    audience,
                    holders,
                    str(values.get("origin") or ""),
                    str(values.get("shipped") or ""),
                )
            )
    return found


def _values(one: SavedDashboard) -> dict[str, object]:
    return {
        "address": one.address,
        "name": one.dashboard.key,
        "audience": one.audience,
        "holders": one.holders or None,
        "origin": one.origin or None,
        "shipped": one.shipped or None,
        "definition": canonical(dashboard_document(one.dashboard)).decode("utf-8"),
    }


def _update(before: SavedDashboard, values: dict[str, object]) -> Change:
    record = id_bytes(before.id)
    return Change("update", record=record, values=values, expected_version=before.version, inside=True)


def shipped_dashboards(engine: Engine, templates: Iterable[Template]) -> list[Change]:
    """The changes that bring templates' dashboards in; one that somebody changed or removed stays so.

    Args:
        engine: the opened archive.
        templates: in order; a later one's dashboard takes the place of an earlier one's of that name.
    """
    held, removed = ({one.address: one for one in _stored(engine, removed=gone)} for gone in (False, True))
    made = {}
    for template in templates:
        for dashboard in template.dashboards:
            audience = "role" if dashboard.roles else "everyone"
            one = SavedDashboard(
                dashboard, "", 0, audience, dashboard.roles, template.key, _digest(dashboard)
            )
            made[one.address] = one
    changes = []
    for address, one in made.items():
        before = held.get(address)
        if before is None and address not in removed:
            changes.append(Change("create", DASHBOARD.key, values=_values(one), inside=True))
        elif before is not None and before.shipped == _digest(before.dashboard) != one.shipped:
            changes.append(_update(before, _values(one)))
    return changes


class Dashboards:
    """The dashboards of one actor: found, shown, saved and removed; reached as ``session.dashboards``.

    Args:
        session: who asks.
    """

    def __init__(self, session: Records) -> None:
        self._session = session
        self._engine = session.engine

    # Finding

    def list(self) -> Sequence[SavedDashboard]:
        """The dashboards of which the actor may see something, by name, with the tiles that they may see."""
        session = self._session
        session.require("schema.read")
        rank = {"person": 0, "role": 1, "everyone": 2}
        found: dict[str, SavedDashboard] = {}
        for one in sorted(_stored(self._engine), key=lambda one: (rank[one.audience], one.dashboard.key)):
            if not self._is_mine(one):
                continue
            tiles = tuple(tile for each in one.dashboard.tiles if (tile := self._fit(each)) is not None)
            if tiles:
                dashboard = attrs.evolve(one.dashboard, tiles=tiles)
                found.setdefault(dashboard.key.casefold(), attrs.evolve(one, dashboard=dashboard))
        return [one for _, one in sorted(found.items())]

    def _is_mine(self, one: SavedDashboard) -> bool:
        actor = self._session.acting.actor
        if one.audience == "person":
            return actor.id in one.holders
        # Whoever runs the archive sees what every role is shown.
        everything = "owner" in actor.roles
        return one.audience == "everyone" or everything or not set(one.holders).isdisjoint(actor.roles)

    def _fit(self, tile: Tile) -> Tile | None:
        """The tile as the actor may see it; None where they may not."""
        engine, acting = self._engine, self._session.acting
        record_type = engine.definitions.types.get(tile.type)
        fits = None if record_type is None or record_type.built_in else fitted_tile(tile, record_type)
        if record_type is None or fits is None or not is_open(engine, acting, record_type, fits.needed):
            return None
        readable = self._session.view(record_type).readable
        columns = tuple(key for key in fits.columns if key in readable)
        return None if fits.columns and not columns else attrs.evolve(fits, columns=columns)

    def get(self, name: str) -> SavedDashboard:
        """One dashboard, by its key or its label in either language.

        Raises:
            NotFound: ``dashboard.unknown``, also for one of somebody else: alike.
        """
        self._engine.refresh()
        listed = self.list()
        folded = name.strip().casefold()
        for one in listed:
            label = one.dashboard.label
            if folded in {text.casefold() for text in (one.dashboard.key, label.en, label.zh) if text}:
                return one
        raise NotFound("dashboard.unknown", known=", ".join(one.dashboard.key for one in listed) or "-")

    # Showing

    def show(self, name: str, *, progress: Callable[[int], None] | None = None) -> Shown:
        """Compute a dashboard; one act, whose entries are in the log before this returns.

        Args:
            name: key or label.
            progress: told how many records of a type were looked at.

        Raises:
            NotFound: ``dashboard.unknown``.
            AccessDenied: what the actor may see changed meanwhile; logged.
        """
        saved = self.get(name)
        engine, acting = self._engine, self._session.acting
        op = engine.new_id()
        members = {"dashboard": saved.id}
        types = {tile.type: engine.record_type(tile.type) for tile in saved.dashboard.tiles}
        tallies: dict[str, list[Tally]] = {}
        listed: dict[str, Sequence[Record]] = {}
        for tile in saved.dashboard.tiles:
            if tile.measure == "list":
                listed[tile.key] = self._list(tile, op, saved.id)
            else:
                tallies.setdefault(tile.type, []).append(self._tally(tile))
        figures: dict[str, Figure] = {}
        keeping = KeptFigures(engine, acting)
        for type, some in tallies.items():
            kept = {one: found for one in some if (found := keeping.recent(one)) is not None}
            for time_us, count in sorted({(one.time_us, one.count) for one in kept.values()}):
                then = [one for one, found in kept.items() if found.time_us == time_us]
                about = {**members, "counted": rfc3339(time_us)}
                release_counted(
                    engine, acting, type, [one.sought for one in then], count=count, op=op, members=about
                )
            now = [one for one in some if one not in kept]
            if now:
                sought = [one.sought for one in now]
                aggregate(engine, acting, type, sought, op=op, members=members, progress=progress)
            for one in some:
                found = kept.get(one)
                figures[one.tile.key] = one.figure(self._session, found)
        names = self._names([tile for tile in saved.dashboard.tiles if tile.key in listed], listed, types)
        return Shown(saved, engine.clock(), figures, listed, types, names, self._session.actor)

    # Figures that are kept

    def renew(self, name: str, *, progress: Callable[[int], None] | None = None) -> int:
        """Count anew what may be kept of a dashboard, and keep it; one act, written down as every count is.

        Args:
            name: key or label.
            progress: told how many records of a type were looked at.

        Returns:
            How many figures are kept now: of sealed fields, where nothing in them names anybody.

        Raises:
            NotFound: ``dashboard.unknown``.
            AccessDenied: what the actor may see changed meanwhile; logged.
        """
        saved = self.get(name)
        asked = [self._tally(tile) for tile in saved.dashboard.tiles if tile.measure != "list"]
        return self._keep(asked, {"dashboard": saved.id}, progress)

    def renew_due(self) -> int:
        """Count anew what is kept of any dashboard and has changed since, and keep what is long to count.

        Returns:
            How many figures were counted: of those that the actor may see, of types with many records.
        """
        engine = self._engine
        engine.refresh()
        fitting = (self._fit(tile) for one in _stored(engine) for tile in one.dashboard.tiles)
        asked = [self._tally(tile) for tile in fitting if tile is not None and tile.measure != "list"]
        return self._keep(KeptFigures(engine, self._session.acting).due(asked), {}, None)

    def _tally(self, tile: Tile) -> Tally:
        engine = self._engine
        return Tally(engine, self._session.acting, tile, engine.record_type(tile.type), least=LEAST)

    def _keep(
        self,
        asked: Iterable[Tally],
        members: Mapping[str, object],
        progress: Callable[[int], None] | None,
    ) -> int:
        engine, acting = self._engine, self._session.acting
        keeping, op = KeptFigures(engine, acting), engine.new_id()
        tallies: dict[str, dict[str, Tally]] = {}
        for tally in asked:
            if keeping.may(tally):
                # Several dashboards may ask the same.
                tallies.setdefault(tally.tile.type, {})[keeping.name(tally)] = tally
        for type, named in tallies.items():
            some, began = list(named.values()), engine.clock()
            sought = [one.sought for one in some]
            count = aggregate(engine, acting, type, sought, op=op, members=members, progress=progress)
            keeping.keep([(one, one.figure(self._session)) for one in some], count, began)
        return sum(len(named) for named in tallies.values())

    def _names(
        self,
        tiles: Sequence[Tile],
        listed: Mapping[str, Sequence[Record]],
        types: Mapping[str, RecordType],
    ) -> dict[str, str]:
        """What records go by that these refer to, as far as the actor may list them."""
        wanted: dict[str, set[str]] = {}
        for tile in tiles:
            for key in tile.columns:
                field = types[tile.type].by_key[key]
                if field.kind == "reference":
                    some = (one.fields.get(key) for one in listed[tile.key] if key not in one.masked)
                    wanted.setdefault(field.target, set()).update(str(value) for value in some if value)
        users = self._engine.definitions.users.values()
        # Who is in charge is what such a field says, whether or not one may list everybody's rights.
        names = {id_text(user.record): user.name or user.login for user in users}
        found = {one: names[one] for one in wanted.pop("user", set()) if one in names}
        for target, ids in sorted(wanted.items()):
            found |= self._session.titles(target, sorted(ids))
        return found

    def _list(self, tile: Tile, op: bytes, dashboard: str) -> Sequence[Record]:
        session = self._session
        where, filters = Views(session).conditions(session.type(tile.type), tile.filters)
        asked = lists.Asked(
            tile.type,
            where,
            fields=tile.columns,
            order_by=tile.sort or None,
            descending=tile.descending,
            limit=tile.last,
            op=op,
            filters=filters,
            view=dashboard,
        )
        return session.listed(asked).records

    # Saving

    def save(
        self,
        dashboard: Dashboard,
        *,
        audience: str = "person",
        roles: Sequence[str] = (),
        reason: str | None = None,
        seen: Seen = any_version,
    ) -> Saved:
        """Keep a dashboard, in place of the one of that name for the same audience.

        Args:
            dashboard: what it shows; its ``roles`` do not count.
            audience: ``person`` for oneself, ``role`` or ``everyone``.
            roles: keys of the roles that it is for.
            reason: a person's own words; sealed.
            seen: told which version this replaces, 0 for none; raises where that is not the one seen.

        Raises:
            AccessDenied: ``access.action``, or ``access.field`` for a field that the actor does not read.
            ConfigError: the types cannot show that.
            UsageError: ``view.name`` or ``dashboard.audience``.
        """
        session, key = self._session, dashboard.key
        if audience not in _SIGNS or (audience == "role") != bool(roles):
            raise UsageError("dashboard.audience")
        if not key.strip() or key != key.strip() or len(key) > _LONGEST_NAME or not key.isprintable():
            raise UsageError("view.name", maximum=_LONGEST_NAME)
        session.require("view.save" if audience == "person" else "view.share")
        check_dashboard(dashboard, {one.key: one for one in session.types()})
        for tile in dashboard.tiles:
            if self._fit(tile) is None:
                names = ", ".join(sorted(tile.needed)) or "-"
                raise AccessDenied("access.field", where=tile.type, action="count", names=names)
        holders = (session.acting.actor.id,) if audience == "person" else tuple(roles)
        made = SavedDashboard(attrs.evolve(dashboard, roles=tuple(roles)), "", 0, audience, holders)
        before = next((one for one in _stored(self._engine) if one.address == made.address), None)
        seen(0 if before is None else before.version)
        if before is None:
            change = Change("create", DASHBOARD.key, values=_values(made), inside=True)
        else:
            made = attrs.evolve(made, origin=before.origin, shipped=before.shipped)
            change = _update(before, _values(made))
        return sole(write(self._engine, session.acting, [change], reason=reason))

    def remove(self, name: str, *, reason: str | None = None) -> None:
        """Take a dashboard away that ``get`` finds.

        Raises:
            NotFound: ``dashboard.unknown``.
            AccessDenied: ``access.action``; logged.
        """
        one = self.get(name)
        self._session.require("view.save" if one.audience == "person" else "view.share")
        change = Change("delete", record=id_bytes(one.id), expected_version=one.version, inside=True,
                        kind="view.remove")  # fmt: skip
        write(self._engine, self._session.acting, [change], reason=reason)
