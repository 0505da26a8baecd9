"""What a session does with records: their types, writing them, reading them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from muniment.errors import MunimentError, NotFound, UsageError
from muniment.model import FileRef, id_bytes, parse_time
from muniment.schema import FieldKind, RecordType
from muniment.session import attachments
from muniment.session.ground import Ground
from muniment.session.kernel.gates import Handing
from muniment.session.kernel.views import Change as FieldChange
from muniment.session.kernel.views import Page, Record, Step
from muniment.session.reading import history as histories
from muniment.session.reading import lists, reads, revealing
from muniment.session.writing.writes import Change, Saved, sole, write

if TYPE_CHECKING:
    from muniment.session.reading.finding import Found

__all__ = ["Records"]


class Records(Ground):
    """The acts of a session on records; what the areas of a session stand on."""

    # Types

    def types(self) -> list[RecordType]:
        """The record types of the archive, without the built-in ones."""
        self._engine.refresh()
        self.require("schema.read")
        return [one for _, one in sorted(self._engine.definitions.types.items()) if not one.built_in]

    def type(self, name: str) -> RecordType:
        """One record type, without the fields that this actor may not read.

        Raises:
            NotFound: ``schema.unknown_type``.
        """
        self._engine.refresh()
        self.require("schema.read")
        return self._engine.record_type(name)

    def own_type(self, name: str) -> RecordType:
        """As ``type``, of those that the archive was given; none that is built in."""
        self.type(name)
        return self._engine.own_type(name)

    def definition(self, name: str, version: int) -> RecordType:
        """An earlier definition of a record type.

        Raises:
            NotFound: ``schema.unknown_type``, ``record.no_version``.
        """
        record_type = self.type(name)
        if not 1 <= version <= record_type.definition_version or record_type.built_in:
            raise NotFound("record.no_version", where=name)
        if version == record_type.definition_version:
            return record_type
        with self._engine.store.transaction(write=False) as tx:
            return self._engine.definition_at(tx, record_type.number, version)

    @property
    def kinds(self) -> Mapping[str, FieldKind]:
        """The kinds of field that the archive knows."""
        return self._engine.kinds

    # Writing

    def create(
        self,
        type: str,
        values: Mapping[str, object],
        *,
        reason: str | None = None,
        effective: str | None = None,
        idempotency_key: str | None = None,
    ) -> Saved:
        """Make a record.

        Args:
            type: key of the record type.
            values: by field key; texts are read as typed, Python values as they are.
            reason: a person's own words; sealed.
            effective: since when it holds, RFC 3339; by default now.
            idempotency_key: a retry with the same key gives the first answer again, for a day.

        Raises:
            Invalid: values were refused; every problem is listed.
            AccessDenied, NotFound: the policy refuses; logged.
        """
        change = Change("create", type, None, values, effective_us=_time(effective))
        return self._one(change, reason, idempotency_key)

    def update(
        self,
        id: str,
        values: Mapping[str, object],
        *,
        expected_version: int | None = None,
        reason: str | None = None,
        effective: str | None = None,
        idempotency_key: str | None = None,
    ) -> Saved:
        """Change some fields of a record; saving what is there already writes nothing.

        Args:
            id: UUID text of the record.
            values: by field key; None or an empty text clears.
            expected_version: the version that was seen; a newer one is a conflict.
            reason: a person's own words; sealed.
            effective: since when it holds, RFC 3339; by default now.
            idempotency_key: a retry with the same key gives the first answer again, for a day.

        Raises:
            Conflict: ``conflict.version``.
        """
        return self._change("update", id, values, expected_version, reason, effective, idempotency_key)

    def correct(
        self,
        id: str,
        values: Mapping[str, object],
        *,
        expected_version: int | None = None,
        reason: str | None = None,
        effective: str | None = None,
        idempotency_key: str | None = None,
    ) -> Saved:
        """Put right what was wrong from the start: holds since the version it corrects did."""
        return self._change("correct", id, values, expected_version, reason, effective, idempotency_key)

    def delete(self, id: str, *, reason: str, expected_version: int | None = None) -> Saved:
        """Take a record out of lists at once; it can be brought back until retention disposes of it.

        Raises:
            UsageError: ``usage.no_reason``.
        """
        if not reason.strip():
            raise UsageError("usage.no_reason")
        return self._change("delete", id, {}, expected_version, reason, None, None)

    def undelete(self, id: str, *, reason: str | None = None, expected_version: int | None = None) -> Saved:
        """Bring a deleted record back."""
        return self._change("undelete", id, {}, expected_version, reason, None, None)

    def _change(
        self,
        operation: str,
        id: str,
        values: Mapping[str, object],
        expected_version: int | None,
        reason: str | None,
        effective: str | None,
        idempotency_key: str | None,
    ) -> Saved:
        change = Change(operation, "", id_bytes(id), values, expected_version, _time(effective))
        return self._one(change, reason, idempotency_key)

    def _one(self, change: Change, reason: str | None, idempotency_key: str | None) -> Saved:
        return sole(
            write(self._engine, self._acting, [change], reason=reason, idempotency_key=idempotency_key)
        )

    def write(
        self,
        changes: Sequence[Change],
        *,
        reason: str | None = None,
        idempotency_key: str | None = None,
        collect: bool = False,
        members: Mapping[str, object] | None = None,
    ) -> list[Saved | MunimentError]:
        """Write a change set in one transaction, or with ``collect`` what of it is sound.

        See ``writing.writes.write``.
        """
        return write(
            self._engine,
            self._acting,
            changes,
            reason=reason,
            idempotency_key=idempotency_key,
            collect=collect,
            members=members,
        )

    def attach(
        self,
        id: str,
        field: str,
        path: Path | bytes,
        *,
        name: str | None = None,
        expected_version: int | None = None,
        reason: str | None = None,
    ) -> Saved:
        """Seal a file into a field of kind ``file``; the file before stays with its version."""
        return attachments.attach_file(
            self._engine,
            self._acting,
            id_bytes(id),
            field,
            path,
            name=name,
            expected_version=expected_version,
            reason=reason,
        )

    def read_file(self, id: str, field: str, target: Path, *, version: int | None = None) -> FileRef:
        """Open an attached file into a new file; its entry is in the log before that."""
        return attachments.read_file(self._engine, self._acting, id_bytes(id), field, target, version=version)

    # Reading

    def get(
        self,
        id: str,
        *,
        fields: Sequence[str] | None = None,
        version: int | None = None,
        as_of: str | None = None,
        effective_at: str | None = None,
    ) -> Record:
        """One record; its entry is in the log before this returns.

        Args:
            id: UUID text.
            fields: keys of the fields wanted; by default all that may be seen.
            version: an earlier version.
            as_of: as it was recorded at that time, RFC 3339.
            effective_at: as it held in the world at that time.

        Raises:
            NotFound: there is no such record for this actor; logged.
        """
        return reads.get_record(
            self._engine,
            self._acting,
            id_bytes(id),
            fields=fields,
            version=version,
            as_of_us=_time(as_of),
            effective_us=_time(effective_at),
        )

    def reveal(self, id: str, fields: Sequence[str], *, reason: str, version: int | None = None) -> Record:
        """Fields in clear that a masked session shows behind masks; the reason goes to the log first.

        Args:
            id: UUID text.
            fields: keys of the fields, each one that the actor may read in clear.
            reason: a person's own words; sealed.
            version: an earlier version.

        Raises:
            UsageError: ``usage.no_reason``.
            AccessDenied: ``access.field``; logged.
        """
        return revealing.reveal_fields(
            self._engine, self._acting, id_bytes(id), fields, reason=reason, version=version
        )

    def list(
        self,
        type: str,
        *,
        where: Mapping[str, object] | None = None,
        fields: Sequence[str] | None = None,
        order_by: str | None = None,
        descending: bool = False,
        limit: int = 100,
        after: str | None = None,
        deleted: bool = False,
        scan: bool = False,
        count: bool = False,
    ) -> Page:
        """One page of records, in order of creation or of a clear field.

        Args:
            type: key of the record type.
            where: values by field key; sealed fields need an index, or ``scan``.
            fields: keys of the fields wanted; by default all that may be seen.
            order_by: keys of clear fields, such as ``city,-score``; with a minus, largest first.
            descending: the other way round; without ``order_by`` the newest first.
            limit: records at the most, up to 1,000.
            after: what the page before gave.
            deleted: list what was deleted instead.
            scan: open and compare every record; logged as such.
            count: say how many there are on all pages, where that can be told.

        Raises:
            UsageError: ``index.unsupported`` with what would answer it.
        """
        return lists.list_records(
            self._engine,
            self._acting,
            lists.Asked(
                type,
                dict(where or {}),
                "",
                fields,
                order_by,
                descending,
                limit,
                after,
                deleted,
                scan,
                count,
            ),
        )

    def search(
        self,
        type: str,
        words: str,
        *,
        where: Mapping[str, object] | None = None,
        fields: Sequence[str] | None = None,
        limit: int = 100,
        after: str | None = None,
        scan: bool = False,
    ) -> Page:
        """Records in which the words stand: names, phones, e-mails, identifiers that have an index.

        ``where`` narrows them as in ``list``.
        """
        return lists.search_records(
            self._engine,
            self._acting,
            lists.Asked(
                type,
                dict(where or {}),
                words=words,
                fields=fields,
                limit=limit,
                after=after,
                scan=scan,
                kind="record.search",
                action="record.search",
            ),
        )

    def find(self, words: str, *, limit: int = 10) -> Sequence[Found]:
        """Records of any type in which the words stand; see ``reading.finding.find_anywhere``."""
        from muniment.session.reading.finding import find_anywhere

        return find_anywhere(self._engine, self._acting, words, limit=limit)

    def listed(self, asked: lists.Asked) -> Page:
        """One page of a list that was put together elsewhere, such as by a view."""
        return lists.list_records(self._engine, self._acting, asked)

    def titles(self, type: str, ids: Sequence[str]) -> dict[str, str]:
        """What records go by that others refer to, by identifier; one act, written down as a list.

        Args:
            type: key of their record type.
            ids: UUID texts.
        """
        from muniment.session.reading.titles import titles_of

        return titles_of(self._engine, self._acting, type, ids)

    def several(self, type: str, ids: Sequence[str], fields: Sequence[str]) -> dict[str, Record]:
        """Some fields of several records, by identifier; one act, written down as a list.

        Args:
            type: key of their record type.
            ids: UUID texts; those that the actor may not list have no answer.
            fields: keys of the fields; those that the actor may not see are left out.
        """
        from muniment.session.reading.titles import records_of

        return records_of(self._engine, self._acting, type, ids, fields)

    def pages(self, asked: lists.Asked, *, handing: Handing | None = None) -> Iterator[Page]:
        """All pages of a list as one act, each written down before it is released."""
        import attrs

        acting = self._acting if handing is None else attrs.evolve(self._acting, handing=handing)
        asked = attrs.evolve(asked, op=asked.op or self._engine.new_id())
        while True:
            page = lists.list_records(self._engine, acting, asked)
            policy = self._engine.settings.witness
            if asked.action in policy.witnessed or asked.action in policy.checkpointed:
                from muniment.session.witnessing import vouch_for

                vouch_for(self._engine, self._acting, asked.action)
            yield page
            if page.after is None:
                return
            asked = attrs.evolve(asked, after=page.after, reason=None, count=False)

    def history(self, id: str) -> Sequence[Step]:
        """Every version of a record: who wrote it, when, why, and what changed."""
        return histories.record_history(self._engine, self._acting, id_bytes(id))

    def diff(self, id: str, first: int, second: int) -> Sequence[FieldChange]:
        """What differs between two versions."""
        return histories.diff_versions(self._engine, self._acting, id_bytes(id), first, second)


def _time(text: str | None) -> int | None:
    return None if text is None else parse_time(text)
