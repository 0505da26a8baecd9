"""What passes between a file's rows and the session that writes them; values and protocols only.

Rows pass by the hundred thousand, so theirs are named tuples.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from muniment.errors import Issue
from muniment.model import Value
from muniment.schema.types import RecordType

__all__ = ["RECORD_ID", "Corridor", "Difference", "Given", "Outcome", "RowWriter"]

RECORD_ID = "muniment:id"
"""The column of record identifiers, as an export heads it."""


class Given(NamedTuple):
    """One row on its way to a record.

    Attributes:
        values: the text of each field, by key.
        key: by what the row finds the record that it means; None makes a new one.
    """

    values: Mapping[str, object]
    key: tuple[object, ...] | None = None


class Difference(Protocol):
    """How one field would change, as the actor may see it; ``session.kernel.views.Change`` is one."""

    @property
    def field(self) -> str:
        """The key of the field."""

    @property
    def before(self) -> Value:
        """The value before; None where there was none."""

    @property
    def after(self) -> Value:
        """The value after; None where it was cleared."""

    @property
    def masked(self) -> bool:
        """Whether both are only masks."""


class Outcome(NamedTuple):
    """What became of one row.

    Attributes:
        status: ``created``, ``updated``, ``unchanged`` or ``rejected``.
        issues: why it was rejected, or what was taken all the same.
        record: UUID text of the record; empty where there is none.
        changes: what would change; of a trial run only.
        waits: whether it is rejected because it refers to a record that the same file may still bring.
    """

    status: str
    issues: Sequence[Issue] = ()
    record: str = ""
    changes: Sequence[Difference] = ()
    waits: bool = False


class RowWriter(Protocol):
    """One import inside a session; a trial run's writes nothing but the entry of its accesses."""

    @property
    def match(self) -> Sequence[str]:
        """By what rows find their records: keys of fields, or ``muniment:id``."""

    def take(self, values: dict[str, object], identifier: str) -> Given:
        """A row, with what finds its record.

        Args:
            values: the text of each field.
            identifier: the cell of the column ``muniment:id``, or nothing.

        Raises:
            Invalid: the row cannot be matched.
        """

    def begin(self, values: Mapping[str, object], *, rows: int, reason: str | None) -> str:
        """Write down that an import begins.

        Args:
            values: of the record of the import.
            rows: how many there are at the most.
            reason: a person's own words; sealed.

        Returns:
            The identifier of the import; empty for a trial run.
        """

    def write(self, rows: Sequence[Given]) -> list[Outcome]:
        """Write rows in one transaction, each about another record, and say what became of them.

        Args:
            rows: at least one.

        Returns:
            An outcome for each of the first rows, one at the least; the others are to be given again.
        """

    def handed_out(self, recipient: str, count: int) -> None:
        """Write down that the refused rows are handed out.

        Args:
            recipient: the file's name.
            count: how many they are.
        """

    def finish(self, values: Mapping[str, object]) -> None:
        """Write down that the import is done, or what a trial run has looked at.

        Args:
            values: of the record of the import.
        """


class Corridor(Protocol):
    """What an import asks of a session."""

    def require(self, action: str, record_type: str | None = None) -> None:
        """Refuse an action that is not allowed, and write the refusal down."""

    def type(self, name: str) -> RecordType:
        """One record type."""

    def row_writer(
        self,
        type: str,
        fields: Iterable[str],
        *,
        match: Sequence[str] | None,
        by_id: bool,
        context: Mapping[str, Any],
        keep_empty: bool,
        dry_run: bool,
    ) -> RowWriter:
        """What writes the rows of one import.

        Args:
            type: key of the record type.
            fields: keys of the fields that the rows give.
            match: keys of the fields by which a row finds its record; None chooses a unique one
                among the fields, where there is one.
            by_id: a row finds its record by its identifier.
            context: what differs from the archive's settings in reading values.
            keep_empty: an empty cell leaves the value as it is, instead of clearing it.
            dry_run: write nothing.
        """
