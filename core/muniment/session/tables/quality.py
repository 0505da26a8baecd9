"""What is missing, stale, malformed, not covered by consent or points to nothing: found, never mended here.

One pass over the records of a type, page by page, each written down before it is looked at. What is found
names records, fields and codes, never a value.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Final

import attrs

from muniment.model import Value, id_bytes, id_text
from muniment.schema import Field, RecordType
from muniment.schema.values import ValueProblem
from muniment.session.kernel.engine import SHARD
from muniment.session.kernel.views import Record
from muniment.session.reading import lists

if TYPE_CHECKING:
    from muniment.session.records import Records

__all__ = ["FieldUse", "Finding", "Quality", "check_quality"]

_DAY_US: Final = 86_400_000_000
_MOST_FINDINGS: Final = 1_000
_CONSENT: Final = "consent_state"
_VERIFIED: Final = "verified_on"
_OWNER: Final = "account_owner"


@attrs.frozen
class Finding:
    """One thing about one record.

    Attributes:
        code: ``missing``, ``malformed``, ``stale``, ``unconsented`` or ``orphaned``.
        record: UUID text.
        field: key of the field; empty for the record as a whole.
        owner: login of the account manager; empty where the type has none or nobody is named.
    """

    code: str
    record: str
    field: str = ""
    owner: str = ""


@attrs.frozen
class FieldUse:
    """How much one field is used.

    Attributes:
        field: its key.
        filled: how many records have a value.
        rate: percent of all records, rounded down.
        last_us: when a record that has a value was last written; None where none has one.
    """

    field: str
    filled: int
    rate: int
    last_us: int | None


@attrs.frozen
class Quality:
    """What a check of one type found.

    Attributes:
        type: key of the record type.
        records: how many there are.
        findings: the first thousand.
        counts: how many of each code.
        owners: how many by account manager and code; nobody named is the empty text.
        fields: how much each field is used, least used first.
    """

    type: str
    records: int
    findings: Sequence[Finding]
    counts: Mapping[str, int]
    owners: Mapping[str, Mapping[str, int]]
    fields: Sequence[FieldUse]


def check_quality(
    session: Records,
    type: str,
    *,
    stale_days: int = 365,
    progress: Callable[[int, int | None], None] | None = None,
) -> Quality:
    """Go through the records of a type once.

    Args:
        session: whose actor may check data; fields that they do not read in clear are not looked at.
        type: key of the record type.
        stale_days: a record is stale when nobody wrote or verified it for so long.
        progress: told after each page.

    Raises:
        AccessDenied: ``access.action``; logged.
        NotFound: ``schema.unknown_type``.
    """
    session.require("data.check", type)
    record_type = session.type(type)
    view = session.view(record_type)
    fields = [field for field in record_type.fields if field.key in view.clear and not field.retired]
    work = _Work(session, record_type, fields, stale_days)
    asked = lists.Asked(
        type, fields=[field.key for field in fields], limit=500, count=True, kind="data.check"
    )
    total = None
    for page in session.pages(asked):
        total = page.total if page.total is not None else total
        work.take(page.records)
        if progress is not None:
            progress(work.records, total)
    return work.result()


class _Work:
    """One pass, and what it found so far."""

    def __init__(
        self, session: Records, record_type: RecordType, fields: Sequence[Field], stale_days: int
    ) -> None:
        engine = session.engine
        self._session = session
        self._type = record_type
        self._fields = fields
        self._context = engine.value_context()
        self._oldest_us = engine.clock() - stale_days * _DAY_US
        self._oldest_day = self._context.today - timedelta(days=stale_days)
        self._required = record_type.required
        self._parsers = {
            field.key: engine.kinds[field.kind].prepare(field)
            for field in fields
            if field.writable and field.kind in engine.kinds and field.kind not in ("reference", "file")
        }
        self._logins = {id_text(user.record): login for login, user in engine.definitions.users.items()}
        self._there: dict[str, bool] = {}
        self.records = 0
        self._found: list[Finding] = []
        self._counts: Counter[str] = Counter()
        self._owners: dict[str, Counter[str]] = {}
        self._filled: Counter[str] = Counter()
        self._last: dict[str, int] = {}

    def take(self, records: Sequence[Record]) -> None:
        """Look at a page of records."""
        self._look_up(records)
        for record in records:
            self.records += 1
            owner = self._logins.get(str(record.fields.get(_OWNER) or ""), "")
            for key in record.fields:
                self._filled[key] += 1
                self._last[key] = max(self._last.get(key, 0), record.recorded_us)
            for code, key in self._wrong(record):
                self._counts[code] += 1
                self._owners.setdefault(owner, Counter())[code] += 1
                if len(self._found) < _MOST_FINDINGS:
                    self._found.append(Finding(code, record.id, key, owner))

    def _wrong(self, record: Record) -> list[tuple[str, str]]:
        fields, found = record.fields, []
        seen = {field.key for field in self._fields}
        found += [("missing", key) for key in sorted(self._required & seen) if fields.get(key) is None]
        for field in self._fields:
            value = fields.get(field.key)
            if value is None:
                continue
            if field.kind == "reference" and not self._there.get(str(value), True):
                found.append(("orphaned", field.key))
            elif self._is_malformed(field, value):
                found.append(("malformed", field.key))
        if self._is_stale(record):
            found.append(("stale", ""))
        if _CONSENT in seen and fields.get(_CONSENT) in ("withdrawn", "expired", "none", None):
            found.append(("unconsented", _CONSENT))
        return found

    def _is_malformed(self, field: Field, value: Value) -> bool:
        """Whether the value would not be taken today, or only with a warning."""
        parse = self._parsers.get(field.key)
        if parse is None:
            return False
        try:
            parse(value, self._context)
        except ValueProblem as problem:
            # A day that has passed, or a choice that was retired, is no fault of the record.
            return problem.code not in ("value.future", "value.choice_retired")
        return False

    def _is_stale(self, record: Record) -> bool:
        verified = record.fields.get(_VERIFIED)
        if isinstance(verified, date) and not isinstance(verified, datetime):
            return verified < self._oldest_day
        return record.recorded_us < self._oldest_us

    def _look_up(self, records: Sequence[Record]) -> None:
        """Find out which of the records that these refer to are there; their values stay closed."""
        keys = [field.key for field in self._fields if field.kind == "reference"]
        wanted = {str(record.fields[key]) for record in records for key in keys if record.fields.get(key)}
        missing = wanted - self._there.keys()
        if not missing:
            return
        if len(self._there) > 200_000:
            self._there.clear()
        with self._session.engine.store.transaction(write=False) as tx:
            for text in missing:
                row = tx.current(SHARD, id_bytes(text))
                self._there[text] = row is not None and not row.deleted

    def result(self) -> Quality:
        """What was found."""
        total = max(self.records, 1)
        uses = [
            FieldUse(
                field.key,
                self._filled[field.key],
                100 * self._filled[field.key] // total,
                self._last.get(field.key),
            )
            for field in self._fields
        ]
        uses.sort(key=lambda one: (one.filled, one.field))
        return Quality(
            self._type.key,
            self.records,
            tuple(self._found),
            dict(sorted(self._counts.items())),
            {owner: dict(sorted(counts.items())) for owner, counts in sorted(self._owners.items())},
            uses,
        )
