"""Cleaning: one form for what people type in many, proposed with before and after, written when accepted."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final
from unicodedata import normalize

import attrs

from muniment.errors import MunimentError
from muniment.model import Value, id_bytes
from muniment.schema import Field, RecordType, e164
from muniment.session.reading import lists
from muniment.session.writing.writes import Change, Saved, write

if TYPE_CHECKING:
    from muniment.session.reading.pieces import Piece
    from muniment.session.records import Records
    from muniment.session.tables.duplicates import Pair
    from muniment.session.tables.links import Links
    from muniment.session.tables.quality import Quality

__all__ = ["Cleaned", "Cleaning", "Proposal", "tidy"]

_BATCH: Final = 200
_HAN_GAP: Final = re.compile("(?<=[\u3400-\u9fff\uf900-\ufaff])[ \u3000]+(?=[\u3400-\u9fff\uf900-\ufaff])")
_SPACES: Final = re.compile(r"[ \t\u00a0\u3000]+")


@attrs.frozen
class Proposal:
    """One value that has a tidier form; the values are as the actor may see them in clear.

    Attributes:
        record: UUID text.
        version: the version that it builds on.
        field: key of the field.
        before: the value as it is.
        after: as it would be.
    """

    record: str
    version: int
    field: str
    before: Value
    after: Value


@attrs.frozen
class Cleaned:
    """What became of accepted proposals.

    Attributes:
        records: how many got a new version.
        refused: how many were refused, such as those that somebody changed meanwhile.
    """

    records: int
    refused: int


def tidy(field: Field, value: Value, region: str) -> Value:
    """The tidier form of a value, or the value itself where it is tidy or nothing is known of its kind.

    Phones get their international form (E.123), e-mails a lower-case domain; texts and identifiers lose
    full-width letters and digits, double spaces and spaces between Chinese characters.

    Args:
        field: whose value it is.
        value: as it stands.
        region: two letters, for phones without a country.
    """
    if not isinstance(value, str):
        return value
    if field.kind == "phone":
        return _phone(value, region)
    if field.kind == "e-mail":
        name, at, domain = normalize("NFKC", value).strip().rpartition("@")
        return f"{name}{at}{domain.lower()}" if at else value
    if field.kind in ("text", "identifier"):
        plain = _SPACES.sub(" ", _half_width(value)).strip()
        return (_HAN_GAP.sub("", plain) if field.kind == "text" else plain) or value
    return value


def _half_width(text: str) -> str:
    # Letters and digits only: full-width punctuation belongs to Chinese texts.
    return "".join(chr(ord(sign) - 0xFEE0) if sign in _WIDE else sign for sign in text)


_WIDE: Final = frozenset(
    chr(place)
    for first, last in (("０", "９"), ("Ａ", "Ｚ"), ("ａ", "ｚ"))
    for place in range(ord(first), ord(last) + 1)
)


def _phone(value: str, region: str) -> str:
    import phonenumbers

    number = e164(normalize("NFKC", value), region)
    if number is None:
        return value
    try:
        parsed = phonenumbers.parse(number)
        return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    except phonenumbers.NumberParseException:
        return value


class Cleaning:
    """What one actor does to keep records clean.

    Args:
        session: who acts.
    """

    def __init__(self, session: Records) -> None:
        self._session = session

    @property
    def links(self) -> Links:
        """Records merged, and taken apart again."""
        from muniment.session.tables.links import Links

        return Links(self._session)

    def duplicates(
        self, type: str, *, at_least: int = 60, limit: int = 100, after: str | None = None
    ) -> Piece[Pair]:
        """Pairs of records that may be about the same; see ``tables.duplicates.find_duplicates``."""
        from muniment.session.tables.duplicates import find_duplicates

        return find_duplicates(
            self._session.engine, self._session.acting, type, at_least=at_least, limit=limit, after=after
        )

    def duplicates_in_file(self, type: str, path: str, **options: Any) -> Sequence[Pair]:
        """Rows of a file that may be about the same; see ``tables.filed.find_in_file``."""
        from muniment.session.tables.filed import find_in_file

        return find_in_file(self._session, type, path, **options)

    def quality(self, type: str, **options: Any) -> Quality:
        """What is wrong with the records of a type; see ``tables.quality.check_quality``."""
        from muniment.session.tables.quality import check_quality

        return check_quality(self._session, type, **options)

    def proposals(
        self,
        type: str,
        *,
        fields: Sequence[str] | None = None,
        progress: Callable[[int, int | None], None] | None = None,
    ) -> Iterator[Proposal]:
        """Values that have a tidier form, record by record; nothing is written.

        Args:
            type: key of the record type.
            fields: keys of the fields to look at; by default all that the actor reads in clear and writes.
            progress: told after each page.

        Raises:
            AccessDenied: ``access.action``; logged.
            NotFound: ``schema.unknown_field``.
        """
        session = self._session
        session.require("data.check", type)
        record_type = session.type(type)
        looked = self._fields(record_type, fields)
        if not looked:
            return
        region = session.engine.settings.default_region
        asked = lists.Asked(
            type, fields=[field.key for field in looked], limit=500, count=True, kind="data.check"
        )
        done, total = 0, None
        for page in session.pages(asked):
            total = page.total if page.total is not None else total
            for record in page.records:
                for field in looked:
                    before = record.fields.get(field.key)
                    after = tidy(field, before, region)
                    if after != before:
                        yield Proposal(record.id, record.version, field.key, before, after)
            done += len(page.records)
            if progress is not None:
                progress(done, total)

    def _fields(self, record_type: RecordType, names: Sequence[str] | None) -> list[Field]:
        view = self._session.view(record_type)
        usable = [
            field
            for field in record_type.fields
            if field.key in view.clear
            and field.key in view.writable
            and field.writable
            and field.key not in record_type.fixed
            and field.kind in ("phone", "e-mail", "text", "identifier")
        ]
        if names is None:
            return usable
        keys = {field.key for name in names if (field := record_type.field(name)) is not None}
        return [field for field in usable if field.key in keys]

    def accept(self, proposals: Sequence[Proposal], *, reason: str | None = None) -> Cleaned:
        """Write accepted proposals: one act, a version for each record, none where somebody moved first.

        Args:
            proposals: as ``proposals`` gave them.
            reason: a person's own words; sealed.

        Raises:
            AccessDenied: the actor may not change such records; logged.
        """
        values: dict[tuple[str, int], dict[str, object]] = {}
        for one in proposals:
            values.setdefault((one.record, one.version), {})[one.field] = one.after
        changes = [
            Change("update", record=id_bytes(record), values=new, expected_version=version)
            for (record, version), new in values.items()
        ]
        op = self._session.engine.new_id()
        written = refused = 0
        for at in range(0, len(changes), _BATCH):
            results = write(
                self._session.engine,
                self._session.acting,
                changes[at : at + _BATCH],
                reason=reason if not at else None,
                collect=True,
                op=op,
            )
            written += sum(isinstance(one, Saved) and one.written for one in results)
            refused += sum(isinstance(one, MunimentError) for one in results)
        return Cleaned(written, refused)
