"""Saved queries of the log: what an auditor asks again and again, kept under a name.

A query is run by whoever runs it: it finds what their own reading of the log
finds, and that reading is an entry which names the query. One's own is a note
like any other; one for others is shared by whoever may share views.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import attrs

from muniment.codec import canonical
from muniment.errors import NotFound, UsageError
from muniment.log.binding import OPERATIONS
from muniment.log.kinds import KINDS
from muniment.model import Value, id_bytes, id_text
from muniment.schema.builtin import LOG_QUERY
from muniment.session.kernel.definitions import open_version
from muniment.session.kernel.engine import SHARD
from muniment.session.reading import logs
from muniment.session.reading.generations import ALL, Asked
from muniment.session.writing.writes import Change, Saved, sole, write
from muniment.store import LogFilter

if TYPE_CHECKING:
    from muniment.session.ground import Ground
    from muniment.store import Transaction, Version

__all__ = ["LogQueries", "LogQuery", "SavedQuery", "query_from_document"]

_DELETE: Final = OPERATIONS["delete"]
_LONGEST_NAME: Final = 100
_MOST_DAYS: Final = 36_600
_DAY_US: Final = 86_400_000_000
_LAST_US: Final = 2**53
_RANK: Final = {"person": 0, "role": 1, "everyone": 2}


@attrs.frozen
class LogQuery:
    """What is asked of the log; what is empty leaves that open.

    Attributes:
        kinds: of entries.
        actor: login of whoever acted.
        outcome: ``ok``, ``denied`` or ``failed``.
        type: key of a record type.
        purpose: as the entries name it.
        op: everything of one act.
        about: UUID text of a record or a subject.
        field: name of a field that was shown or changed.
        sensitivity: class of such a field.
        role: under which it was done.
        program: through which.
        auth: how the actor was known.
        since_us: from this time on, microseconds since 1970.
        until_us: before this time.
        days: of the last so many days instead, counted back whenever it is run.
    """

    kinds: tuple[str, ...] = ()
    actor: str = ""
    outcome: str = ""
    type: str = ""
    purpose: str = ""
    op: str = ""
    about: str = ""
    field: str = ""
    sensitivity: str = ""
    role: str = ""
    program: str = ""
    auth: str = ""
    since_us: int | None = None
    until_us: int | None = None
    days: int | None = None

    @property
    def is_empty(self) -> bool:
        """Whether it asks for everything."""
        return self == LogQuery()

    def document(self) -> dict[str, Any]:
        """What is asked for, for JSON, without what is left open."""
        shown = {**attrs.asdict(self), "kinds": list(self.kinds)}
        return {name: value for name, value in shown.items() if value not in ("", [], None)}

    def filters(self, now_us: int, *, limit: int = 100) -> LogFilter:
        """The same as the log is asked.

        Args:
            now_us: from where ``days`` count back, microseconds since 1970.
            limit: rows of a page at the most.

        Raises:
            UsageError: ``usage.identifier``.
        """
        terms = {
            "role": self.role,
            "field": self.field,
            "class": self.sensitivity,
            "program": self.program,
            "auth": self.auth,
        }
        return LogFilter(
            since_us=self.since_us if self.days is None else max(0, now_us - self.days * _DAY_US),
            until_us=self.until_us,
            kinds=self.kinds,
            actor=self.actor or None,
            purpose=self.purpose or None,
            outcome=self.outcome or None,
            type=self.type or None,
            op=self.op or None,
            terms=tuple(f"{name}:{value}" for name, value in terms.items() if value),
            about=id_bytes(self.about) if self.about else None,
            limit=limit,
        )


def query_from_document(document: Mapping[str, Any]) -> LogQuery:
    """A query as ``LogQuery.document`` gave it."""
    return LogQuery(**{**document, "kinds": tuple(document.get("kinds", ()))})


@attrs.frozen
class SavedQuery:
    """A query with its name, and whose it is.

    Attributes:
        name: as people call it.
        query: what it asks for.
        id: UUID text of its record.
        version: of that.
        audience: ``person``, ``role`` or ``everyone``.
        holders: the login, or keys of the roles.
    """

    name: str
    query: LogQuery
    id: str = ""
    version: int = 0
    audience: str = "person"
    holders: tuple[str, ...] = ()

    @property
    def address(self) -> str:
        """What there is once: whose it is and its name."""
        sign = {"person": "~", "role": "@"}.get(self.audience)
        owner = sign + "+".join(sorted(self.holders)) if sign else ""
        return f"{owner}/{self.name.casefold()}"

    def document(self) -> dict[str, Any]:
        """The saved query for JSON."""
        return {
            "id": self.id,
            "name": self.name,
            "audience": self.audience,
            "holders": list(self.holders),
            "version": self.version,
            "query": self.query.document(),
        }


class LogQueries:
    """The saved queries of one actor: found, run, saved and removed.

    Args:
        session: who asks; every act needs ``log.read``, for a query may name somebody.
    """

    def __init__(self, session: Ground) -> None:
        self._session = session
        self._engine = session.engine

    def list(self) -> Sequence[SavedQuery]:
        """The queries that the actor may run: one's own, one's roles', everyone's, each by name.

        Raises:
            AccessDenied: ``access.action``; logged.
        """
        self._session.require("log.read")
        mine = [one for one in self._stored() if self._is_mine(one)]
        return sorted(mine, key=lambda one: (_RANK[one.audience], one.name.casefold()))

    def get(self, name: str) -> SavedQuery:
        """One query by its name or identifier; of several with a name the one that is listed first.

        Raises:
            NotFound: ``query.unknown``, also for one of somebody else: alike; logged.
            AccessDenied: ``access.action``; logged.
        """
        wanted = name.strip()
        for one in self.list():
            if wanted == one.id or wanted.casefold() == one.name.casefold():
                return one
        error = NotFound("query.unknown")
        self._engine.refused(self._session.acting, "log.read", error)
        raise error

    def run(
        self, name: str, *, after: str | None = None, generation: Asked = ALL, limit: int = 100
    ) -> tuple[SavedQuery, logs.LogPage]:
        """One page of what a query finds; the entry of this reading names the query.

        Args:
            name: or identifier.
            after: what the page before gave.
            generation: of the log; by default all.
            limit: entries at the most.

        Raises:
            NotFound: ``query.unknown``.
            UsageError: ``usage.cursor``.
            AccessDenied: ``access.action``; logged.
        """
        one = self.get(name)
        filters = one.query.filters(self._engine.clock(), limit=limit)
        page = logs.find_entries(
            self._engine, self._session.acting, filters, after=after, generation=generation, query=one.id
        )
        return one, page

    def save(
        self,
        name: str,
        query: LogQuery,
        *,
        audience: str = "person",
        roles: Sequence[str] = (),
        reason: str | None = None,
    ) -> Saved:
        """Keep a query, in place of the one of that name for the same people.

        Args:
            name: as people call it.
            query: what it asks for.
            audience: ``person`` for oneself, ``role`` or ``everyone``.
            roles: keys of the roles that it is for.
            reason: a person's own words; sealed.

        Raises:
            UsageError: ``query.name``, ``query.empty``, ``query.value`` or ``query.audience``.
            AccessDenied: ``access.action``; logged.
        """
        session, known = self._session, self._engine.policy.roles
        session.require("log.read")
        if not name.strip() or name != name.strip() or len(name) > _LONGEST_NAME or not name.isprintable():
            raise UsageError("query.name", maximum=_LONGEST_NAME)
        if audience not in _RANK or (audience == "role") != bool(roles) or not set(roles) <= set(known):
            raise UsageError("query.audience", known=", ".join(sorted(known)))
        _check(query)
        session.require("view.save" if audience == "person" else "view.share")
        holders = (session.acting.actor.id,) if audience == "person" else tuple(dict.fromkeys(roles))
        made = SavedQuery(name, query, audience=audience, holders=holders)
        before = next((one for one in self._stored() if one.address == made.address), None)
        change = Change("create", LOG_QUERY.key, values=_values(made), inside=True)
        if before is not None:
            change = attrs.evolve(
                change,
                operation="update",
                type="",
                record=id_bytes(before.id),
                expected_version=before.version,
            )
        return sole(write(self._engine, session.acting, [change], reason=reason))

    def remove(self, name: str, *, reason: str | None = None) -> None:
        """Take a query away that ``get`` finds.

        Raises:
            NotFound: ``query.unknown``.
            AccessDenied: ``access.action``; logged.
        """
        one = self.get(name)
        self._session.require("view.save" if one.audience == "person" else "view.share")
        change = Change(
            "delete",
            record=id_bytes(one.id),
            expected_version=one.version,
            inside=True,
            kind="view.remove",
        )
        write(self._engine, self._session.acting, [change], reason=reason)

    def _is_mine(self, one: SavedQuery) -> bool:
        actor = self._session.acting.actor
        if one.audience == "person":
            return actor.id in one.holders
        return one.audience == "everyone" or not set(one.holders).isdisjoint(actor.roles)

    def _stored(self) -> Sequence[SavedQuery]:
        """Every query that is kept; opened from its sealed parts, as views are, without an entry."""
        engine, found = self._engine, []
        with engine.store.transaction(write=False) as tx:
            for _, record, newest in tx.builtin(SHARD, (LOG_QUERY.number,)):
                version = tx.version(SHARD, record, newest)
                if version is not None and version.operation != _DELETE:
                    found.append(self._opened(tx, version))
        return found

    def _opened(self, tx: Transaction, version: Version) -> SavedQuery:
        values = open_version(tx, self._engine.sealer, version, LOG_QUERY)
        holders = values.get("holders") or ()
        assert isinstance(holders, tuple)
        return SavedQuery(
            str(values["name"]),
            query_from_document(json.loads(str(values["definition"]))),
            id_text(version.record),
            version.version,
            str(values["audience"]),
            holders,
        )


def _check(query: LogQuery) -> None:
    """Whether a query can be run, whoever runs it.

    Raises:
        UsageError: ``query.empty``, ``query.value`` or ``usage.identifier``.
    """
    if query.is_empty:
        raise UsageError("query.empty")
    unknown = [kind for kind in query.kinds if kind not in KINDS]
    if unknown:
        raise UsageError("query.value", name=", ".join(unknown))
    times = [one for one in (query.since_us, query.until_us) if one is not None]
    if any(not 0 <= one < _LAST_US for one in times):
        raise UsageError("query.value", name="since, until")
    if query.days is not None and (not 1 <= query.days <= _MOST_DAYS or times):
        raise UsageError("query.value", name="days")
    if query.outcome not in ("", "ok", "denied", "failed"):
        raise UsageError("query.value", name="outcome")
    if query.about:
        id_bytes(query.about)


def _values(one: SavedQuery) -> Mapping[str, Value]:
    return {
        "address": one.address,
        "name": one.name,
        "audience": one.audience,
        "holders": one.holders or None,
        "definition": canonical(one.query.document()).decode("utf-8"),
    }
