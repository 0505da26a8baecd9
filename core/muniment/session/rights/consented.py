"""Consents and notices as the archive keeps them, and whom a record is about."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final

import attrs

from muniment.errors import NotFound, UsageError
from muniment.log.binding import OPERATIONS
from muniment.model import Value, id_text, micros_of
from muniment.schema.builtin import CONSENT
from muniment.session.kernel.about import Standing, opened_about, opened_standing
from muniment.session.kernel.acting import Acting
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.kernel.reach import reached_by
from muniment.session.reading.reads import may_read
from muniment.store import Transaction, Version

__all__ = ["Consent", "Notice", "consents_of", "micros", "opened", "subject_of"]

_DELETE: Final = OPERATIONS["delete"]


@attrs.frozen
class Consent(Standing):
    """One person's consent to one purpose, as it stands."""

    @property
    def purpose(self) -> str:
        """What it is to."""
        return str(self.values.get("purpose", ""))

    @property
    def separate(self) -> frozenset[str]:
        """For what it is given separately, as some laws ask."""
        found = self.values.get("separate") or ()
        return frozenset(found) if isinstance(found, tuple) else frozenset()

    def state_at(self, time_us: int) -> str:
        """Its state at a time: one whose validity has ended is expired, whoever noticed."""
        state = str(self.values.get("state", ""))
        until = micros(self.values.get("valid_until"))
        return "expired" if state == "given" and until is not None and until <= time_us else state

    @property
    def is_refusal(self) -> bool:
        """Whether the person said no, or took it back."""
        return self.values.get("state") in ("withdrawn", "refused")

    def holds_at(self, time_us: int) -> bool:
        """Whether it opens anything at a time."""
        since = micros(self.values.get("given_at"))
        return self.state_at(time_us) == "given" and (since is None or since <= time_us)


@attrs.frozen
class Notice:
    """What people are told before they consent.

    Attributes:
        id: UUID text of its record.
        version: of the record, which is that of the notice.
        values: the fields of the record.
    """

    id: str
    version: int
    values: Mapping[str, Value]

    @property
    def key(self) -> str:
        """Its name."""
        return str(self.values["key"])


def micros(value: Value) -> int | None:
    """A point in time in microseconds since 1970; None for anything else."""
    return micros_of(value) if isinstance(value, datetime) else None


# Loading


def consents_of(engine: Engine, tx: Transaction, subjects: Collection[bytes]) -> list[Consent]:
    """The consents of these persons, each opened from its newest version; two questions to the store.

    For the framework's own decisions: nothing of it may be released without an entry.
    """
    return opened_about(engine, tx, Consent, CONSENT, subjects)


def opened(engine: Engine, tx: Transaction, versions: Sequence[Version]) -> list[Consent]:
    """Consents out of these versions; what was erased is left out."""
    return opened_standing(engine, tx, Consent, CONSENT, versions)


def subject_of(engine: Engine, acting: Acting, tx: Transaction, record: bytes) -> bytes:
    """The person whom a record is about, if this actor may know of it.

    Raises:
        NotFound: ``record.not_found``.
        UsageError: ``consent.nobody`` where the record is about nobody.
    """
    version = tx.version(SHARD, record)
    record_type = None if version is None else engine.definitions.by_number.get(version.type)
    if version is None or record_type is None or record_type.built_in:
        raise NotFound("record.not_found")
    reached = reached_by(engine, tx, acting, record_type, version)
    if not may_read(engine, acting, "record.read", record_type, reached=reached):
        raise NotFound("record.not_found")
    if version.subject == engine.archive:
        raise UsageError("consent.nobody", where=id_text(record))
    engine.check_live(tx, {version.subject})
    return version.subject
