"""Gates: what else may close a subject's data, beside roles; asked in the transaction of every access.

Roles say what an actor may do. Whether this may be done *to this person* at the
moment can hang on other things: a purpose that rests on a consent which was not
given or was withdrawn, or processing that the person had restricted. What knows
of such things is a **gate**: one object with one function. The engine asks each
of them, inside the transaction that reads or writes and before anything is
opened for release, and a refusal is written to the log like any other.

How an area plugs one in: make a class with ``refusals``, and add it to
``Engine.gates`` where the archive is opened (``archive._opened``)::

    class ConsentGate:
        def refusals(self, tx, touch, asked):
            if not rests_on_consent(touch.purpose):
                return {}
            return {one: "access.no_consent" for one in asked if not has_given(tx, one.subject, touch)}

What a refusal does depends on the way:

- one record (get, history, diff, a file) and any write are refused with
  ``AccessDenied`` under the code that the gate gave;
- lists, searches and exports go on without these records, and give no count.

A gate is asked about records of teams' types (numbers from 256), not about the
built-in ones: a consent must be readable and withdrawable under any purpose. It
is not asked about a subject that the write itself makes: somebody who is not
there yet has given nothing and asked for nothing. Erasure, retention, holds,
subject reports and the list of accesses to a record do not ask gates: they
serve the person, or the law.

Whatever a gate raises refuses the act. There are no gates by default, and then
nothing is asked.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final, NamedTuple, Protocol

import attrs

from muniment.schema import RecordType
from muniment.store import Transaction

__all__ = [
    "NO_CONSENT",
    "PURPOSES_LEFT",
    "RESTRICTED",
    "STORAGE_ONLY",
    "About",
    "Gate",
    "Handing",
    "Touch",
]

NO_CONSENT: Final = "access.no_consent"
"""The purpose rests on a consent, and there is none that covers it."""

RESTRICTED: Final = "access.restricted"
"""The subject is restricted: its data is kept and used for a few purposes alone (GDPR 18)."""

STORAGE_ONLY: Final = "access.storage_only"
"""The subject's data is stored and protected, and nothing else is done with it (PIPL 47)."""

PURPOSES_LEFT: Final[Mapping[str, frozenset[str]]] = {
    "restricted": frozenset({"RightsFulfillment", "DisputeManagement", "LegalCompliance"}),
    "storage_only": frozenset({"RightsFulfillment", "DisputeManagement"}),
}
"""The purposes (W3C DPV) for which a restricted person's data may still be used, by state."""


class About(NamedTuple):
    """One record that an access is about.

    Attributes:
        subject: whose it is, 16 bytes; never the archive itself where a gate is asked.
        record: identifier, 16 bytes; None where it is not there yet.
    """

    subject: bytes
    record: bytes | None = None


@attrs.frozen
class Handing:
    """That data is handed to somebody outside.

    Attributes:
        recipient: who gets it; empty where nobody said.
        country: where they are, ISO 3166-1; empty where nobody said.
        public: whether anybody may have it.
    """

    recipient: str = ""
    country: str = ""
    public: bool = False

    def __bool__(self) -> bool:
        return bool(self.recipient or self.country or self.public)


@attrs.frozen
class Touch:
    """One access, as a gate is told of it.

    Attributes:
        action: the policy's name for it, such as ``record.read`` or ``record.update``.
        writes: whether it changes something.
        purpose: why, a W3C DPV term.
        actor: the login of whoever acts.
        type: of the records; its fields' classes say how sensitive they are.
        time_us: when, microseconds since 1970.
        legal_basis: what the caller said that it rests on, where they said it.
        fields: keys of the fields that would be released or written; None where it may be any of them.
        emergency: whether it is an access under a broken glass, which is reviewed afterwards.
        handing: to whom it is handed out, where it is.
    """

    action: str
    writes: bool
    purpose: str
    actor: str
    type: RecordType
    time_us: int
    legal_basis: str | None = None
    fields: frozenset[str] | None = None
    emergency: bool = False
    handing: Handing | None = None


class Gate(Protocol):
    """Something that may close subjects, or single records, to an access."""

    def refusals(self, tx: Transaction, touch: Touch, asked: Collection[About]) -> Mapping[About, str]:
        """Which of these are closed to this access, and why.

        It may read in the transaction and must not write in it. It is asked about
        up to a few hundred records at once.

        Args:
            tx: the transaction of the access.
            touch: what is done, by whom, why.
            asked: the records concerned, of one type, and whose they are.

        Returns:
            The code of a refusal (area ``access``) for each that is closed; empty where all are open.
        """
        ...
