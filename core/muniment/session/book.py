"""What a session does with the log: read it, prove it, hand it out, sign it, check what follows from it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from muniment.model import id_bytes, parse_time
from muniment.session import rebuild
from muniment.session.ground import Ground
from muniment.session.reading import log_files, logs
from muniment.session.reading.generations import Asked, Place, Span, generations_of
from muniment.session.reading.logs import LogEntry, LogPage
from muniment.session.reading.pieces import Piece
from muniment.session.rebuild import Fault, Rebuilt
from muniment.store import LogFilter

if TYPE_CHECKING:
    from muniment.evidence import Bundled
    from muniment.session.oversight.evidence import Scope
    from muniment.session.rights.log_disposal import DisposedDetails
    from muniment.store import Checkpoint

__all__ = ["Book"]


class Book(Ground):
    """The acts of a session on the log."""

    def entries(self, filters: LogFilter | None = None) -> Sequence[LogEntry]:
        """Entries of the log that match, newest first unless asked otherwise; logged like any reading.

        Raises:
            UsageError: ``log.order``.
            AccessDenied: ``access.action``; logged.
        """
        return self.log_page(filters).entries

    def log_page(
        self, filters: LogFilter | None = None, *, after: str | None = None, generation: Asked = None
    ) -> LogPage:
        """The same with how many match and where the next page begins; ``after`` is from the page before."""
        asked = filters or LogFilter()
        return logs.find_entries(self._engine, self._acting, asked, after=after, generation=generation)

    def generations(self) -> Sequence[Span]:
        """Generations of the log, oldest first: a restore that gives entries up ends one."""
        return generations_of(self._engine, self._acting)

    def follow(self, start: Place, *, limit: int = 1_000) -> tuple[Sequence[LogEntry], Place]:
        """Entries from a place on, oldest first, and where to go on; see ``reading.logs.follow_entries``."""
        return logs.follow_entries(self._engine, self._acting, start, limit=limit)

    def entry(self, index: int, *, generation: int | None = None) -> LogEntry:
        """One entry of the log with all that its detail says."""
        return logs.show_entry(self._engine, self._acting, index, generation=generation)

    def reason(self, index: int, *, generation: int | None = None) -> str:
        """What a person said when they did what an entry tells; see ``reading.log_reasons.reason_of``."""
        from muniment.session.reading.log_reasons import reason_of

        return reason_of(self._engine, self._acting, index, generation=generation)

    def accesses(self, id: str, *, limit: int = 1000, after: str | None = None) -> Piece[LogEntry]:
        """Every entry about a record or its subject: who saw it, who changed it, who was refused.

        Args:
            id: UUID text.
            limit: so many at the most, the newest first.
            after: what the piece before gave.

        Raises:
            NotFound: ``record.not_found``; logged.
            UsageError: ``usage.cursor``.
        """
        return logs.accesses_of(self._engine, self._acting, id_bytes(id), limit=limit, after=after)

    def prove(self, index: int, *, generation: int | None = None) -> str:
        """The proof that an entry is in the signed log, as c2sp.org/tlog-proof."""
        return log_files.prove_entry(self._engine, self._acting, index, generation=generation)

    def export_log(
        self,
        folder: Path,
        *,
        generation: int | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> int:
        """Write a generation of the log as a c2sp.org/tlog-tiles tree; give how many entries it has."""
        return log_files.export_log(
            self._engine, self._acting, folder, generation=generation, progress=progress
        )

    def bundle(self, path: str | os.PathLike[str], scope: Scope, **options: Any) -> Bundled:
        """Write a bundle of evidence that anybody can check; see ``oversight.evidence.make_bundle``.

        Raises:
            AccessDenied: ``access.action``; logged.
        """
        from muniment.session.oversight.evidence import make_bundle

        return make_bundle(self._engine, self._acting, Path(path), scope, **options)

    def check_data(self, *, progress: Callable[[int, int], None] | None = None) -> Sequence[Fault]:
        """What in the rebuildable tables does not follow from the sealed parts."""
        self.require("data.check")
        return rebuild.check_data(self._engine, self._acting, progress=progress)

    def rebuild_data(self, *, progress: Callable[[int, int], None] | None = None) -> Rebuilt:
        """Make the rebuildable tables anew from the sealed parts."""
        self.require("data.rebuild")
        return rebuild.rebuild_data(self._engine, self._acting, progress=progress)

    def checkpoint(self) -> Checkpoint:
        """Append a ``log.checkpoint`` entry and sign the log as it then stands."""
        self.require("log.checkpoint")
        self._engine.note(self._acting, "log.checkpoint")
        signed = self._engine.logbook.sign(self._engine.store)
        assert signed is not None
        return signed

    def dispose_log(self, rule: str, *, before: str) -> DisposedDetails:
        """Dispose of details of the log that are older than a time; entries and proofs stay.

        Args:
            rule: ``changes``, ``accesses`` or ``security``.
            before: RFC 3339.
        """
        from muniment.session.rights.log_disposal import dispose_details

        return dispose_details(self._engine, self._acting, rule=rule, before_us=parse_time(before))
