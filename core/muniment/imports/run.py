"""Bring a spreadsheet into the archive: batch by batch, each row about one record, every refusal told.

An import is a record itself, written before the first row and finished behind the
last one; each version that it writes names it in the entry's detail. A trial run
goes the same way up to the last step, and leaves nothing but the entry of what it
looked at.

**Which record a row means.** By the column ``muniment:id`` of an export, or by the
fields that the caller or the mapping names, or by the type's unique field where
the file has it. A record is written once in an import: a later row of the same key
says nothing new where it says the same, and is refused where it says something else.

**Empty cells.** A new record has no value there. A record that is found keeps the
value it has, and the import counts that as the warning ``import.kept``; only where the
mapping (``empty = "clear"``) or the caller says so does an empty cell clear it. A
column that is not in the file never changes anything.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import attrs

from muniment.errors import Invalid, Issue, StoreError, UsageError
from muniment.exports.files import Written
from muniment.imports.delimited import LONGEST_ROW
from muniment.imports.mapping import Mapping as FileMapping
from muniment.imports.plan import Plan, known_headers, resolve
from muniment.imports.reader import open_table
from muniment.imports.rejects import Rejects
from muniment.imports.rows import RECORD_ID, Corridor, Difference, Given, Outcome, RowWriter
from muniment.imports.seen import Seen
from muniment.imports.tables import Row, Table

__all__ = ["BATCH", "Imported", "Preview", "Problem", "Progress", "run_import"]

BATCH: Final = 500
"""How many records are written in one transaction."""

_MOST_HELD: Final = 5_000
_MOST_WAITING: Final = 50_000
_MOST_PROBLEMS: Final = 20
_WORD: Final = (1 << 64) - 1

Progress = Callable[[int, int | None], None]
"""Told how many rows are done, and of how many where that is known."""


@attrs.frozen
class Problem:
    """A row that was refused.

    Attributes:
        row: its number as a spreadsheet program shows it.
        columns: the headers at fault.
        issues: what is wrong, without any cell.
    """

    row: int
    columns: tuple[str, ...]
    issues: tuple[Issue, ...]


@attrs.frozen
class Preview:
    """What a trial run would do with one row.

    Attributes:
        row: its number.
        status: ``created`` or ``updated``.
        record: UUID text of the record that would be updated.
        changes: field by field, as the actor may see them.
    """

    row: int
    status: str
    record: str
    changes: tuple[Difference, ...]


@attrs.frozen
class Imported:
    """What an import did, or a trial run would do; ``rows`` is the sum of the four others.

    Attributes:
        id: UUID text of the import; empty for a trial run.
        type: key of the record type.
        rows: how many rows there were below the header, without blank ones.
        created: how many records were made.
        updated: how many got a new version.
        unchanged: how many rows said nothing new.
        rejected: how many rows were refused.
        match: by what rows found their records: keys of fields, or ``muniment:id``.
        notes: what a person should know about file and columns.
        warnings: how many times something was taken all the same, by code.
        problems: the first rows that were refused.
        changes: the first rows that a trial run would write.
        rejects: the file of the refused rows, where one was asked for and there are any.
        dry_run: whether it was a trial run.
        mapping: what says all of that about the next file of the same form.
    """

    id: str
    type: str
    rows: int
    created: int
    updated: int
    unchanged: int
    rejected: int
    match: tuple[str, ...]
    notes: tuple[Issue, ...]
    warnings: Mapping[str, int]
    problems: tuple[Problem, ...]
    changes: tuple[Preview, ...]
    rejects: Written | None
    dry_run: bool
    mapping: FileMapping | None = None


def run_import(
    session: Corridor,
    type: str,
    path: str | os.PathLike[str],
    *,
    mapping: FileMapping | None = None,
    match: Iterable[str] = (),
    dry_run: bool = False,
    empty: str = "",
    sheet: str | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    header_row: int | None = None,
    rejects_to: str | os.PathLike[str] | None = None,
    lang: str = "en",
    reason: str | None = None,
    progress: Progress | None = None,
    batch: int = BATCH,
    preview: int = 20,
) -> Imported:
    """Import a CSV file or a workbook.

    Args:
        session: who imports; it checks rights and writes.
        type: key of the record type.
        path: the file.
        mapping: what a team wrote down about it.
        match: keys of the fields by which a row finds its record, or ``muniment:id``; they come
            before the mapping's. By default ``muniment:id`` where the file has that column, else
            the type's unique field.
        dry_run: write nothing but the entry of what was looked at.
        empty: what an empty cell does to a record that is found: ``keep`` or ``clear`` its value;
            by default what the mapping says, else keep.
        sheet: as for ``open_table``; all of these come before the mapping's.
        encoding: likewise.
        delimiter: likewise.
        header_row: likewise.
        rejects_to: a CSV or XLSX file for the refused rows, to be mended and imported again.
        lang: ``en`` or ``zh``, of the reasons in that file.
        reason: a person's own words; sealed.
        progress: told after each batch.
        batch: how many records are written in one transaction.
        preview: how many rows a trial run shows in full.

    Returns:
        What was done; an import with refused rows is one too.

    Raises:
        UsageError: the file cannot be read as a table, or columns and fields do not fit; codes of
            the area ``import``. Nothing was written.
        ConfigError: the mapping does not fit.
        AccessDenied: the actor may not import this, or not match by that; logged.
        Conflict: ``import.stopped`` where somebody undid the import while it went on.
    """
    session.require("record.import", type)
    mapping = mapping or FileMapping()
    if (empty or mapping.empty or "keep") not in ("keep", "clear"):
        raise UsageError("import.empty_cells", name=empty)
    keep_empty = (empty or mapping.empty) != "clear"
    asked = tuple(match) or mapping.match
    reading = _reading(mapping, sheet, encoding, delimiter, header_row)
    record_type = session.type(type)
    reading["known"] = known_headers(record_type, mapping)
    with ExitStack() as stack:
        table = stack.enter_context(open_table(path, **reading))
        fields = tuple(name for name in asked if name != RECORD_ID)
        plan = resolve(
            table.header,
            record_type,
            attrs.evolve(mapping, match=()),
            match=() if mapping.lenient and not match else fields,
            first_column=table.first_column,
        )
        if mapping.lenient and not match:
            asked = tuple(name for name in asked if name in plan.fields)
            plan = attrs.evolve(plan, match=asked)
        by_id = _by_id(plan, asked)
        writer = session.row_writer(
            type,
            plan.fields,
            match=plan.match if asked else None,
            by_id=by_id,
            context=mapping.context(),
            keep_empty=keep_empty,
            dry_run=dry_run,
        )
        _proved(path, reading, table)
        rejects = None
        if rejects_to is not None:
            _writable(rejects_to, path)
            rejects = stack.enter_context(Rejects(rejects_to, table.header, lang=lang))
        begun = {
            "file_name": Path(path).name,
            "record_type": type,
            "state": "running",
            "file_digest": table.digest.hex(),
            "mapping_digest": sha256(json.dumps(attrs.asdict(mapping), sort_keys=True).encode()).hexdigest(),
        }
        run = _Run(
            plan,
            writer,
            rejects,
            writer.begin(begun, rows=table.count_hint, reason=reason),
            table.count_hint or None,
            progress,
            min(max(batch, 1), _MOST_HELD),
            preview if dry_run else 0,
        )
        run.all(table.rows)
        done = run.finish(type, (*table.notes, *plan.notes), rejects_to, dry_run=dry_run)
        return attrs.evolve(done, mapping=settled(mapping, plan, type, table, reading, done.match, empty))


def settled(
    mapping: FileMapping,
    plan: Plan,
    type: str,
    table: Table,
    reading: Mapping[str, Any],
    match: Sequence[str],
    empty: str,
) -> FileMapping:
    """The mapping with what was found out and asked for beside it, for files of the same form."""
    columns = {
        plan.columns_of(key)[0]: key
        for key in plan.fields
        if key not in mapping.joins and key not in mapping.constants
    }
    named = {*columns, *(name for one in mapping.joins.values() for name in one.columns)}
    asked = {name: value for name, value in reading.items() if name != "known" and value}
    return attrs.evolve(
        mapping,
        type=type,
        columns={**{name: key for name, key in mapping.columns.items() if mapping.lenient}, **columns},
        ignore=tuple(name for name in mapping.ignore if name not in named),
        match=tuple(match),
        empty=empty or mapping.empty,
        **{"delimiter": table.delimiter if table.delimiter not in ("", ",") else "", **asked},
    )


def _reading(
    mapping: FileMapping,
    sheet: str | None,
    encoding: str | None,
    delimiter: str | None,
    header_row: int | None,
) -> dict[str, Any]:
    given = {"sheet": sheet, "encoding": encoding, "delimiter": delimiter, "header_row": header_row}
    return mapping.reading() | {name: value for name, value in given.items() if value}


def _by_id(plan: Plan, asked: tuple[str, ...]) -> bool:
    """Whether rows are matched by the column of identifiers."""
    if RECORD_ID in asked and (plan.record_id is None or len(asked) > 1):
        raise UsageError("import.match", field=RECORD_ID)
    return RECORD_ID in asked or (plan.record_id is not None and not asked)


def _proved(path: str | os.PathLike[str], reading: dict[str, Any], table: Table) -> None:
    """Go through a long text file once before the first row is written, so that no fault comes half way.

    The bytes are proved when the file is opened, a workbook is read whole. What is left is a row
    that does not end, and it takes a file that is longer than such a row.

    Raises:
        UsageError: as reading the rows would.
    """
    if table.format != "csv" or os.path.getsize(path) < LONGEST_ROW:
        return
    with open_table(path, **reading) as again:
        if again.digest != table.digest:
            raise UsageError("import.changed", where=os.fspath(path))
        for _ in again.rows:
            pass


def _writable(rejects_to: str | os.PathLike[str], path: str | os.PathLike[str]) -> None:
    """Find out before the first row whether the refused ones can be put down.

    Raises:
        UsageError: ``import.rejects_source``, ``export.no_folder`` or ``export.folder``.
        StoreError: ``export.read_only``.
    """
    target = Path(os.path.realpath(rejects_to))
    if target == Path(os.path.realpath(path)):
        raise UsageError("import.rejects_source", where=os.fspath(rejects_to))
    if target.is_dir():
        raise UsageError("export.folder", where=os.fspath(rejects_to))
    if not target.parent.is_dir():
        raise UsageError("export.no_folder", where=str(target.parent))
    if not os.access(target.parent, os.W_OK):
        raise StoreError("export.read_only", where=os.fspath(rejects_to))


@attrs.define
class _Row:
    """A row that is held until its batch is written."""

    row: Row
    given: Given
    key: int
    says: int
    followers: list[_Row] = attrs.field(factory=list)


class _Run:
    """The rows of one import on their way, and what became of them."""

    def __init__(
        self,
        plan: Plan,
        writer: RowWriter,
        rejects: Rejects | None,
        identifier: str,
        total: int | None,
        progress: Progress | None,
        size: int,
        preview: int,
    ) -> None:
        self._plan = plan
        self._writer = writer
        self._rejects = rejects
        self._id = identifier
        self._total = total
        self._progress = progress
        self._size = size
        self._preview = preview
        self._seen = Seen()
        self._batch: list[_Row] = []
        self._leaders: dict[int, _Row] = {}
        self._held = 0
        self._waiting: list[_Row] = []
        self._again = False
        self._rows = 0
        self._count = Counter[str]()
        self._warnings = Counter[str]()
        self._refused: list[tuple[Row, Sequence[Issue]]] = []
        self._problems: list[Problem] = []
        self._changes: list[Preview] = []

    def all(self, rows: Iterable[Row]) -> None:
        """Take all rows, and at last those that waited for others."""
        for row in rows:
            self._rows += 1
            self._take(row)
        while self._batch:
            self._flush()
        while self._waiting:
            waiting, self._waiting = self._waiting, []
            accepted = self._accepted
            for held in waiting:
                for one in (attrs.evolve(held, followers=[]), *held.followers):
                    self._hold(one)
            while self._batch:
                self._flush()
            if self._accepted == accepted and self._waiting:
                # Nothing came that any of them waited for, and nothing will.
                self._again = True
        self._give_back()

    @property
    def _accepted(self) -> int:
        return self._count["created"] + self._count["updated"] + self._count["unchanged"]

    def _take(self, row: Row) -> None:
        if row.issues:
            self._reject(row, row.issues)
            return
        place = self._plan.record_id
        try:
            values = self._plan.values(row)
            given = self._writer.take(values, "" if place is None else row.cells[place])
        except Invalid as error:
            self._reject(row, error.issues)
            return
        if given.key is None:
            self._hold(_Row(row, given, 0, 0))
            return
        # Zero says of a key that no row of it was taken.
        says = hash(tuple(map(str, values.values()))) or 1
        self._hold(_Row(row, given, hash(given.key), says))

    def _hold(self, held: _Row) -> None:
        if held.says:
            before = self._seen.get(held.key)
            if before:
                self._follow(held, before)
                return
            leader = self._leaders.get(held.key)
            if leader is not None and leader.says == held.says:
                leader.followers.append(held)
                self._held += 1
                if self._held >= _MOST_HELD:
                    self._flush()
                return
            if leader is not None:
                # What becomes of it depends on what becomes of the other one.
                self._flush()
                self._hold(held)
                return
            self._leaders[held.key] = held
        self._batch.append(held)
        self._held += 1
        if len(self._batch) >= self._size:
            self._flush()

    def _follow(self, held: _Row, before: int) -> None:
        """A later row of a key that was taken says the same again, or is refused."""
        if held.says & _WORD == before:
            self._count["unchanged"] += 1
        else:
            self._reject(held.row, (Issue("import.twice"),))

    def _flush(self) -> None:
        """Write what is held; rows that must be looked at again are held anew."""
        batch, self._batch, self._leaders, self._held = self._batch, [], {}, 0
        while batch:
            outcomes = self._writer.write([held.given for held in batch])
            for held, outcome in zip(batch, outcomes, strict=False):
                self._settle(held, outcome)
            batch = batch[len(outcomes) :]
        self._give_back()
        if self._progress is not None:
            self._progress(min(self._rows, sum(self._count.values())), self._total)

    def _settle(self, held: _Row, outcome: Outcome) -> None:
        """Count a row, and those that say the same."""
        if outcome.status != "rejected":
            self._accept(held, outcome)
            self._count["unchanged"] += len(held.followers)
        elif outcome.waits and not self._again and len(self._waiting) < _MOST_WAITING:
            self._waiting.append(held)
        else:
            for one in (held, *held.followers):
                self._reject(one.row, outcome.issues)

    def _accept(self, held: _Row, outcome: Outcome) -> None:
        self._count[outcome.status] += 1
        if held.says:
            self._seen.put(held.key, held.says)
        for issue in outcome.issues:
            self._warnings[issue.code] += 1
        if outcome.status != "unchanged" and len(self._changes) < self._preview:
            self._changes.append(
                Preview(held.row.number, outcome.status, outcome.record, tuple(outcome.changes))
            )

    def _reject(self, row: Row, issues: Sequence[Issue]) -> None:
        self._count["rejected"] += 1
        self._refused.append((row, issues))
        if len(self._refused) >= _MOST_HELD:
            self._give_back()

    def _give_back(self) -> None:
        """Put the refused rows down in the order of the file."""
        self._refused.sort(key=lambda one: one[0].number)
        for row, issues in self._refused:
            if self._rejects is not None:
                self._rejects.add(row, issues, plan=self._plan)
            if len(self._problems) < _MOST_PROBLEMS:
                self._problems.append(self._problem(row, issues))
        self._refused.clear()

    def _problem(self, row: Row, issues: Sequence[Issue]) -> Problem:
        errors = tuple(issue for issue in issues if issue.severity == "error")
        columns = dict.fromkeys(
            name for issue in errors for name in (self._plan.columns_of(issue.field) or _named(issue))
        )
        return Problem(row.number, tuple(columns), errors)

    def finish(
        self,
        type: str,
        notes: tuple[Issue, ...],
        rejects_to: str | os.PathLike[str] | None,
        *,
        dry_run: bool,
    ) -> Imported:
        """Write the end down, hand the refused rows out, and say what was done."""
        count = {name: self._count[name] for name in ("created", "updated", "unchanged", "rejected")}
        written = None
        if self._rejects is not None and self._rejects.count and rejects_to is not None:
            self._writer.handed_out(Path(rejects_to).name, self._rejects.count)
        self._writer.finish({"state": "done", "rows": self._rows, **count})
        if self._rejects is not None:
            written = self._rejects.close()
        return Imported(
            self._id,
            type,
            self._rows,
            created=count["created"],
            updated=count["updated"],
            unchanged=count["unchanged"],
            rejected=count["rejected"],
            match=tuple(self._writer.match),
            notes=notes,
            warnings=dict(sorted(self._warnings.items())),
            problems=tuple(sorted(self._problems, key=lambda one: one.row)),
            changes=tuple(self._changes),
            rejects=written,
            dry_run=dry_run,
        )


def _named(issue: Issue) -> tuple[str, ...]:
    found = issue.parameters.get("column") or issue.field
    return (str(found),) if found else ()
