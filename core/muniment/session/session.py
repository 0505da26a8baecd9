"""A session: one actor with one purpose, and the only corridor to the records."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from muniment.model import id_bytes
from muniment.session.areas import Areas
from muniment.session.book import Book
from muniment.session.kernel.views import Page, Record
from muniment.session.reading.pieces import Piece

if TYPE_CHECKING:
    from muniment.exports import Written
    from muniment.imports.run import Imported
    from muniment.session.rights.erasing import Erased
    from muniment.session.tables.importing import RowWriter
    from muniment.session.tables.reverting import Reverted
    from muniment.session.ticking import Done

__all__ = ["Session"]


class Session(Areas, Book):
    """What one actor may do, for one purpose; every act is written to the log.

    Made by ``Archive.session``. A context manager; there is nothing to commit,
    each call stands for itself.
    """

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None

    # Tables in and out

    def import_file(self, type: str, path: str | os.PathLike[str], **options: Any) -> Imported:
        """Import a CSV file or a workbook; see ``imports.run.run_import`` for the options.

        Raises:
            UsageError: the file, its columns or the mapping do not fit; nothing was written.
            AccessDenied: the actor may not import this; logged.
        """
        from muniment.imports.run import run_import

        return run_import(self, type, path, **options)

    def row_writer(self, type: str, fields: Iterable[str], **how: Any) -> RowWriter:
        """What writes the rows of one import; see ``imports.rows.Corridor``."""
        from muniment.session.tables.importing import RowWriter

        with self._engine.guarded(self._acting, "record.import", type=type):
            return RowWriter(self._engine, self._acting, self._engine.record_type(type), fields, **how)

    def imports(self, *, limit: int = 100, after: str | None = None) -> Piece[Record]:
        """The imports that the actor may know of, newest first, each a record of the type ``import``.

        Whose roles end at some records of a type knows of their own imports of it alone.

        Args:
            limit: records at the most, up to 1,000.
            after: what the page before gave.

        Raises:
            AccessDenied: ``access.action``; logged.
            UsageError: ``usage.cursor``.
        """
        from muniment.session.tables.imported import list_imports

        self.require("record.import")
        return list_imports(self._engine, self._acting, limit=limit, after=after)

    def revert_import(
        self,
        id: str,
        *,
        reason: str | None = None,
        force: bool = False,
        progress: Callable[[int, int | None], None] | None = None,
    ) -> Reverted:
        """Undo an import as new versions; what somebody changed since is left alone unless forced.

        Args:
            id: UUID text of the import.
            reason: a person's own words; sealed.
            force: set back the fields that the import wrote all the same.
            progress: told how many entries were gone through, and of how many.

        Raises:
            NotFound: there is no such import; logged.
            AccessDenied: the actor may not undo it; logged.
        """
        from muniment.session.tables.reverting import revert_import

        return revert_import(
            self._engine, self._acting, id_bytes(id), reason=reason, force=force, progress=progress
        )

    def export_file(self, type: str, path: str | os.PathLike[str], **options: Any) -> Written:
        """Export records as CSV, XLSX or NDJSON; see ``exports.run.run_export`` for the options.

        Raises:
            AccessDenied: the actor may not export this; logged.
        """
        from muniment.exports.run import run_export

        return run_export(self, type, path, **options)

    def exported(self, type: str, **asked: Any) -> Iterator[Page]:
        """The records of an export page by page; see ``session.tables.exporting.exported_pages``.

        Raises:
            ApprovalNeeded: ``approval.waits`` where a second person has to approve it.
        """
        from muniment.session.tables.exporting import exported_pages

        return exported_pages(self, type, **asked)

    def tick(self, *, only: Iterable[str] = ()) -> Sequence[Done]:
        """Do what is due today; see ``session.ticking``."""
        from muniment.session.ticking import run_jobs

        return run_jobs(self, only=frozenset(only))

    # The end of a record's life

    def erase(self, subject: str, *, reason: str) -> Erased:
        """Erase a person or organisation everywhere; see ``rights.erasures.Erasures.subject``."""
        return self.erasures.subject(subject, reason=reason)
