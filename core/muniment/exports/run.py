"""Hand records out as a file: one act in the log, each page written down before any of it is written.

What the actor sees masked goes out masked, under a header that no import takes for
the field. The file is there whole or not at all.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from muniment.exports.columns import Headers, columns_of
from muniment.exports.files import Written
from muniment.exports.tables import Exported, format_of, write_csv, write_ndjson, write_xlsx
from muniment.policy import View
from muniment.schema.kinds import FieldKind
from muniment.schema.listviews import Condition
from muniment.schema.types import RecordType

__all__ = ["Corridor", "ExportPage", "Progress", "run_export"]

_STANDARD_OUTPUT = "-"

Progress = Callable[[int, int | None], None]
"""Told how many records are written, and of how many where that is known."""


class ExportPage(Protocol):
    """One page of records; ``session.Page`` is one."""

    @property
    def records(self) -> Sequence[Exported]:
        """What the actor may see of each."""

    @property
    def total(self) -> int | None:
        """How many there are on all pages, where it may be told; on the first page only."""


class Corridor(Protocol):
    """What an export asks of a session."""

    @property
    def kinds(self) -> Mapping[str, FieldKind]:
        """The kinds of field that the archive knows."""

    def require(self, action: str, record_type: str | None = None) -> None:
        """Refuse an action that is not allowed, and write the refusal down."""

    def type(self, name: str) -> RecordType:
        """One record type."""

    def view(self, record_type: RecordType) -> View:
        """Which fields the actor sees in clear or masked."""

    def exported(
        self,
        type: str,
        *,
        where: Mapping[str, object],
        fields: Sequence[str],
        deleted: bool,
        scan: bool,
        recipient: str,
        reason: str | None,
        filters: Sequence[Condition] = (),
        order_by: str | None = None,
        descending: bool = False,
        view: str = "",
        country: str = "",
        public: bool = False,
        outside: bool = False,
        file: str = "",
        records: Sequence[str] | None = None,
    ) -> Iterator[ExportPage]:
        """The records page by page, each page's entry committed before it is given.

        Args:
            type: key of the record type.
            where: values by field key.
            fields: keys of the fields wanted.
            deleted: what was deleted, instead.
            scan: open and compare every record where no index answers.
            recipient: who gets them, or into which file they go.
            reason: a person's own words; sealed.
            filters: conditions beyond ``where``.
            order_by: keys of clear fields, such as ``city,-score``; with a minus, largest first.
            descending: the other way round; without ``order_by`` the newest first.
            view: which view it is, as the log names it.
            country: where the recipient is, ISO 3166-1; empty where nobody said.
            public: whether anybody may have them.
            outside: whether the recipient is somebody else than the team.
            file: the name of the file.
            records: identifiers of the records of which alone there is an answer.
        """


def run_export(
    session: Corridor,
    type: str,
    path: str | os.PathLike[str],
    *,
    where: Mapping[str, object] | None = None,
    fields: Iterable[str] | None = None,
    headers: Headers = "key",
    form: str | None = None,
    ids: bool = False,
    deleted: bool = False,
    scan: bool = False,
    reason: str | None = None,
    progress: Progress | None = None,
    filters: Sequence[Condition] = (),
    order_by: str | None = None,
    descending: bool = False,
    view: str = "",
    recipient: str = "",
    country: str = "",
    public: bool = False,
    records: Sequence[str] | None = None,
) -> Written:
    """Export records as CSV, XLSX or NDJSON.

    Args:
        session: who exports; it checks rights and writes every page down.
        type: key of the record type.
        path: the file; ``-`` for the standard output.
        where: values by field key that records must have.
        fields: keys in the order of the columns; by default all that may be seen and are not retired.
        headers: the field's key, or its label in English or Chinese.
        form: ``csv``, ``xlsx`` or ``ndjson``; by default what the file's name says, and NDJSON for
            the standard output.
        ids: a first column with the records' identifiers, by which an import finds them again.
        deleted: what was deleted, instead.
        scan: open and compare every record where no index answers; logged as such.
        reason: a person's own words; sealed.
        progress: told after each page.
        filters: conditions beyond ``where``, all of which must hold.
        order_by: keys of clear fields, such as ``city,-score``; with a minus, largest first.
        descending: the other way round; without ``order_by`` the newest first.
        view: which view it is, as the log names it.
        recipient: who gets it, where that is somebody else; the law may want a separate consent.
        country: where they are, two letters, ISO 3166-1.
        public: whether it is going to be public.
        records: identifiers, UUID texts: only these, as far as everything else lets them; None for all.

    Returns:
        What was written.

    Raises:
        AccessDenied: the actor may not export this; logged.
        NotFound: ``schema.unknown_type`` or ``schema.unknown_field``.
        UsageError: where there can be no such file, or no index answers.
        StoreError: where the disk refuses it.
    """
    session.require("record.export", type)
    name = os.fspath(path)
    file = "stdout" if name == _STANDARD_OUTPUT else Path(name).name[:400]
    chosen = format_of(name, given=form or ("ndjson" if name == _STANDARD_OUTPUT else None))
    record_type = session.type(type)
    seen = session.view(record_type).for_export()
    if fields is None:
        keys = [one.key for one in record_type.fields if one.key in seen.readable and not one.retired]
    else:
        keys = list(fields)
    pages = session.exported(
        type,
        where=where or {},
        fields=keys,
        deleted=deleted,
        scan=scan,
        recipient=" ".join(recipient.split())[:400] or file,
        file=file,
        reason=reason,
        filters=filters,
        order_by=order_by,
        descending=descending,
        view=view,
        country=country,
        public=public,
        outside=bool(recipient.strip()),
        records=records,
    )
    known = [one for one in map(record_type.field, keys) if one is not None and one.key in seen.readable]
    if len(known) < len(keys):
        # The session refuses what is not there and what may not be seen alike, and writes it down.
        next(pages)
    keys = [one.key for one in known]
    rows = _records(pages, progress)
    kinds = session.kinds
    if chosen == "ndjson":
        return write_ndjson(name, record_type, rows, fields=keys, masked=seen.masked, kinds=kinds)
    columns = columns_of(record_type, fields=keys, headers=headers, masked=seen.masked, ids=ids)
    if chosen == "csv":
        return write_csv(name, columns, rows, kinds=kinds)
    title = record_type.label.of("zh" if headers == "zh" else "en") or record_type.key
    return write_xlsx(name, columns, rows, title=title, kinds=kinds)


def _records(pages: Iterable[ExportPage], progress: Progress | None) -> Iterator[Exported]:
    done, total = 0, None
    for page in pages:
        total = page.total if page.total is not None else total
        yield from page.records
        done += len(page.records)
        if progress is not None:
            progress(done, None if total is None else max(total, done))
