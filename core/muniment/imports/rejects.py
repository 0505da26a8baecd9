"""The rows that an import refused, in a file that a person can mend and import again."""

from __future__ import annotations

import codecs
import os
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from muniment.errors import Issue, UsageError
from muniment.exports.cells import csv_line
from muniment.exports.columns import RESERVED, is_reserved
from muniment.exports.files import Counted, Written, measured, output, replacing
from muniment.exports.guards import protect
from muniment.exports.workbook import LONGEST_TEXT, Workbook
from muniment.imports.plan import Plan, header_key
from muniment.imports.rows import RECORD_ID
from muniment.imports.tables import Row

__all__ = ["Rejects"]

_ADDED = {
    "en": ("row", "column", "reason", "more cells"),
    "zh": ("行号", "列", "原因", "多出的单元格"),
}


class Rejects:
    """Collects refused rows in a file; a context manager. No row, no file.

    The columns are those of the file that was read, cell by cell as they were, and behind
    them the row's number, the columns at fault, the reasons, and the cells of a row that
    has more of them than the header. An import leaves the added columns out, and finds
    records by the column of identifiers, if there is one.

    Args:
        path: ``.csv`` or ``.xlsx``; there whole or not at all.
        header: the header of the file that was read.
        lang: ``en`` or ``zh``, of the reasons.

    Raises:
        UsageError: ``import.rejects_format``.
    """

    def __init__(self, path: str | os.PathLike[str], header: Sequence[str], *, lang: str = "en") -> None:
        self.count = 0
        self._path = os.fspath(path)
        self._lang = lang
        # Of our own columns the identifiers stay: without them a mended row would be a new record.
        self._kept = [
            place
            for place, name in enumerate(header)
            if not is_reserved(name) or header_key(name) == header_key(RECORD_ID)
        ]
        self._width = len(header)
        added = _ADDED.get(lang, _ADDED["en"])
        self._header = [header[place] for place in self._kept] + [f"{RESERVED} {name}" for name in added]
        self._ending = Path(path).suffix.lower()
        if self._ending not in (".csv", ".xlsx"):
            raise UsageError("import.rejects_format", where=self._path)
        self._stack = ExitStack()
        self._text: Counted | None = None
        self._book: Workbook | None = None
        self._new: Path | None = None
        self._done: Written | None = None

    def add(self, row: Row, issues: Iterable[Issue], *, plan: Plan | None = None) -> None:
        """Add one row.

        Args:
            row: as it was read.
            issues: what is wrong with it; warnings are left out where there are errors.
            plan: how the columns became fields, so that the columns at fault can be named.

        Raises:
            UsageError: where there can be no such file.
            StoreError: where the disk refuses it.
        """
        issues = list(issues)
        issues = [issue for issue in issues if issue.severity == "error"] or issues
        columns = dict.fromkeys(name for issue in issues for name in _columns(issue, plan))
        reasons = [f"{issue.text(self._lang)} [{issue.code}]" for issue in issues]
        own = [row.cells[place] if place < len(row.cells) else "" for place in self._kept]
        more = " | ".join(row.cells[self._width :])
        self._write([*own, str(row.number), ", ".join(columns), " ".join(reasons), more])
        self.count += 1

    def _write(self, cells: list[str]) -> None:
        if self._ending == ".csv":
            if self._text is None:
                self._text = self._stack.enter_context(output(self._path))
                self._text.write(codecs.BOM_UTF8 + csv_line(list(map(protect, self._header))).encode())
            self._text.write(csv_line(list(map(protect, cells))).encode())
            return
        if self._book is None:
            self._new = self._stack.enter_context(replacing(Path(self._path)))
            self._book = Workbook(self._new, "muniment")
            self._book.header(self._header, [24] * len(self._kept) + [8, 24, 60, 24])
        for place, cell in enumerate(cells):
            if cell:
                # What no cell can hold is cut; the file that was read still has it.
                cell = cell[:LONGEST_TEXT].replace("\ufffe", "").replace("\uffff", "")
                self._book.text(self.count + 1, place, cell)

    def close(self) -> Written | None:
        """Finish the file.

        Returns:
            What was written, or None where no row was refused.
        """
        if self._done is not None or self.count == 0:
            return self._done
        if self._book is not None and self._new is not None:
            self._book.rows = self.count + 1
            try:
                self._book.close()
            except BaseException as error:
                self._stack.__exit__(type(error), error, error.__traceback__)
                raise
            self._done = measured(self._new).written(self._path, self.count)
        elif self._text is not None:
            self._done = self._text.written(self._path, self.count)
        self._stack.close()
        return self._done

    def __enter__(self) -> Rejects:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
            return
        if self._book is not None:
            self._book.abandon()
        self._stack.__exit__(kind, error, trace)


def _columns(issue: Issue, plan: Plan | None) -> tuple[str, ...]:
    named = plan.columns_of(issue.field) if plan is not None else ()
    found = issue.parameters.get("column") or issue.field
    return named or ((str(found),) if found else ())
