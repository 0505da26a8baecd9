"""The suggestion box: what people would like to be otherwise; read by whoever configures the archive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from muniment.errors import MunimentError, NotFound, UsageError
from muniment.log.binding import OPERATIONS
from muniment.model import id_bytes, id_text
from muniment.schema import SUGGESTION
from muniment.session.kernel.definitions import open_version
from muniment.session.kernel.engine import SHARD
from muniment.session.kernel.logbook import Draft, Moment
from muniment.session.reading.pieces import Kept, Piece, stored_piece
from muniment.session.writing.changes import Change
from muniment.session.writing.writes import write
from muniment.store import Transaction

if TYPE_CHECKING:
    from muniment.session.records import Records

__all__ = ["Suggestion", "Suggestions"]

_LONGEST: Final = 4_000
_DELETE: Final = OPERATIONS["delete"]


@attrs.frozen
class Suggestion:
    """What somebody suggested.

    Attributes:
        id: UUID text.
        text: in their own words.
        page: what they were looking at.
        author: their login.
        made_us: when, microseconds since 1970.
        version: of its record.
    """

    id: str
    text: str
    page: str
    author: str
    made_us: int
    version: int


class Suggestions:
    """The box; ``session.suggestions``.

    Args:
        session: anybody known may put something in; ``config.read`` takes it out.
    """

    def __init__(self, session: Records) -> None:
        self._session = session
        self._engine = session.engine

    def make(self, text: str, *, page: str = "") -> str:
        """Suggest something; gives its identifier.

        Raises:
            UsageError: ``suggestion.text`` where there is none, or too much.
        """
        session = self._session
        self._engine.policy.require_known(session.acting.actor)
        if not text.strip() or len(text) > _LONGEST:
            raise UsageError("suggestion.text", maximum=_LONGEST)
        values = {"text": text.strip(), "page": page[:200] or None, "author": session.actor, "state": "open"}
        change = Change("create", SUGGESTION.key, values=values, kind="suggestion.make", inside=True)
        made = write(self._engine, session.acting, [change])[0]
        if isinstance(made, MunimentError):
            raise made
        return made.id

    def all(self, *, limit: int | None = None, after: str | None = None) -> Piece[Suggestion]:
        """What nobody has put away yet, oldest first; reading it is an entry.

        Args:
            limit: so many at the most; by default all.
            after: what the piece before gave.

        Raises:
            AccessDenied: ``access.action``; logged.
            UsageError: ``usage.cursor``.
        """
        self._session.require("config.read")
        engine, acting = self._engine, self._session.acting
        kept = Kept("suggestion", SUGGESTION.number, [[(SUGGESTION.by_key["state"].number, "open")]])

        def body(tx: Transaction, moment: Moment) -> Piece[Suggestion]:
            found = stored_piece(
                engine, tx, kept, lambda row: self._read(tx, row.record), limit=limit, after=after
            )
            if found:
                detail = engine.detail(acting, engine.new_id(), type=SUGGESTION.key, count=len(found))
                engine.logbook.append(tx, moment, [Draft("record.list", detail)], actor=acting.actor.id)
            return found

        return engine.run(body, acting)

    def _read(self, tx: Transaction, record: bytes) -> Suggestion | None:
        """A suggestion that nobody has put away yet."""
        version = tx.version(SHARD, record)
        if version is None or version.type != SUGGESTION.number or version.operation == _DELETE:
            return None
        values = open_version(tx, self._engine.sealer, version, SUGGESTION)
        if values["state"] != "open":
            return None
        return Suggestion(
            id_text(record),
            str(values["text"]),
            str(values.get("page") or ""),
            str(values["author"]),
            version.recorded_us,
            version.version,
        )

    def close(self, id: str) -> None:
        """Put one away.

        Raises:
            NotFound: ``suggestion.unknown``; logged.
            AccessDenied: ``access.action``; logged.
        """
        engine = self._engine
        self._session.require("config.change")
        with engine.store.transaction(write=False) as tx:
            one = self._read(tx, id_bytes(id))
        if one is None:
            error = NotFound("suggestion.unknown")
            engine.refused(self._session.acting, "config.change", error, record=id)
            raise error
        change = Change(
            "update",
            record=id_bytes(id),
            values={"state": "done"},
            expected_version=one.version,
            kind="suggestion.close",
            inside=True,
        )
        write(engine, self._session.acting, [change])
