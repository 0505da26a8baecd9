"""What all sessions of one opened archive share, and the one place that opens transactions."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import date, tzinfo
from pathlib import Path
from typing import Any, TypeVar, cast

import attrs

from muniment.config import Configuration, WitnessPolicy
from muniment.errors import AccessDenied, KeyStoreError, MunimentError, NotFound
from muniment.keys import KeyStore
from muniment.model import Clock, Random, Uuid7, id_text, instant, zone_named
from muniment.plugins import PluginSet
from muniment.policy import SYSTEM, Actor, Policy
from muniment.schema import Context, FieldKind, RecordType
from muniment.session.kernel.acting import Acting
from muniment.session.kernel.begun import marking
from muniment.session.kernel.definitions import (
    Definitions,
    Fingerprint,
    definition_at,
    fingerprint,
    load_definitions,
)
from muniment.session.kernel.details import form_of
from muniment.session.kernel.gates import Gate
from muniment.session.kernel.logbook import Draft, Logbook, Moment
from muniment.session.kernel.sealer import Sealer
from muniment.session.kernel.together import Reads, Waiting
from muniment.store import Reader, State, Store, Transaction

__all__ = ["SHARD", "Engine", "Settings"]

SHARD = 0
"""There is one shard for now; every key starts with it all the same."""

_RESTRICTION = 26
_FORMS_KEPT = 1_000
_CHANGED = "session"
"""What an entry says was refused to somebody whose roles changed meanwhile."""

_Result = TypeVar("_Result")


@attrs.frozen
class Settings:
    """What the archive's configuration says about reading values and using indexes.

    Attributes:
        default_region: two letters, ISO 3166-1, for phone numbers without a country.
        timezone: IANA name; where the archive's days begin, and of times without a zone.
        currency: ISO 4217, for amounts without one.
        date_order: ``dmy``, ``mdy`` or empty.
        purposes: the purposes that may be given; empty for any.
        index_rows: for how many records of a type the blind indexes are laid out.
        index_epoch: raised when the indexes are laid out anew.
        applied: the whole configuration, for what only one area asks for.
        witness: who vouches for the log from outside.
    """

    default_region: str = ""
    timezone: str = "UTC"
    currency: str = ""
    date_order: str = ""
    purposes: tuple[str, ...] = ()
    index_rows: int = 10_000
    index_epoch: int = 1
    witness: WitnessPolicy = attrs.field(factory=WitnessPolicy)
    applied: Configuration | None = None


@attrs.define
class Engine:
    """The parts of an opened archive, and what is compiled from its definitions.

    Attributes:
        archive: the archive's identifier, 16 bytes; also the subject of what has none.
        gates: what may close a subject to an access, beside roles; see ``kernel.gates``.
        make_gates: gives the gates anew where what they hang on changed.
        restricted: whether anybody's data is, or was, restricted.
        links: what knows who is linked to a subject as the same.
        parting: raises where those who were linked must stay so, such as under a hold on one of them.
        step: for tests: called with a name around each durable step of an erasure.
    """

    archive: bytes
    folder: Path
    store: Store
    keys: KeyStore
    logbook: Logbook
    sealer: Sealer
    policy: Policy
    plugins: PluginSet
    kinds: Mapping[str, FieldKind]
    settings: Settings
    clock: Clock
    random: Random
    new_id: Uuid7
    definitions: Definitions = attrs.field(factory=Definitions)
    ruleset: str = ""
    make_ruleset: Callable[[Definitions], str] = attrs.field(default=lambda definitions: "")
    any_states: bool = True
    gates: tuple[Gate, ...] = ()
    make_gates: Callable[[Engine], tuple[Gate, ...]] = attrs.field(default=lambda engine: ())
    restricted: bool = False
    links: tuple[Callable[[Transaction, bytes], frozenset[bytes]], ...] = ()
    parting: Callable[[Transaction, str, frozenset[bytes], frozenset[bytes]], None] = attrs.field(
        default=lambda tx, link, kept, duplicate: None
    )
    step: Callable[[str], None] = attrs.field(default=lambda name: None)
    _seen: int = -1
    _destructions: int = -1
    _print: Fingerprint = ()
    _lock: threading.RLock = attrs.field(factory=threading.RLock)
    reaches: dict[Any, Any] = attrs.field(factory=dict)
    _reads: Reads = attrs.field(init=False)
    indexes: dict[tuple[int, int], Any] = attrs.field(factory=dict)
    plans: dict[Any, Any] = attrs.field(factory=dict)
    touched: dict[Any, Any] = attrs.field(factory=dict)
    opened: dict[tuple[bytes, int, bool], Any] = attrs.field(factory=dict)
    approvals: tuple[tuple[bytes, int], Any] | None = None
    layout_checked: bool = False
    _subject_keys: dict[bytes, bytes] = attrs.field(factory=dict)
    _context: tuple[tuple[date, str, Settings] | None, Context | None] = (None, None)
    _forms: dict[tuple[int, str, int], tuple[Acting, RecordType, str, bytes]] = attrs.field(factory=dict)
    _old_types: dict[tuple[int, int], RecordType] = attrs.field(factory=dict)

    @_reads.default
    def _make_reads(self) -> Reads:
        return Reads(self._lock, self._commit)

    @property
    def zone(self) -> tzinfo:
        """Where the archive's days begin and end, and in which a time is that names none."""
        return zone_named(self.settings.timezone)

    def today(self) -> date:
        """The day it is in the archive's time zone."""
        return instant(self.clock(), self.zone).date()

    def value_context(self, *, lang: str = "en") -> Context:
        """What typed values are read against, today."""
        day = self.today()
        name, found = self._context
        if found is None or name != (day, lang, self.settings):
            found = self._context_of(day, lang)
            self._context = ((day, lang, self.settings), found)
        return found

    def _context_of(self, day: date, lang: str) -> Context:
        return Context(
            today=day,
            default_region=self.settings.default_region,
            timezone=self.settings.timezone,
            currency=self.settings.currency,
            date_order=self.settings.date_order,
            lang=lang,
        )

    # Transactions

    def run(self, body: Callable[[Transaction, Moment], _Result], acting: Acting | None = None) -> _Result:
        """Run one transaction under the definitions and users that hold in it.

        Another process may have changed a type or a role since this one last
        looked. The log tells whether anybody wrote in between; only then is it
        worth comparing.

        Args:
            body: what to do in it.
            acting: for whom; a session that began under other roles ends here.

        Raises:
            AccessDenied: ``access.changed``; logged.
        """
        marked = body if acting is None or acting.mark is None else marking(body, acting.mark, SHARD)
        one = Waiting(marked, acting)
        with self._lock:
            self._commit([one])
        return cast(_Result, self._answer(one))

    def read(self, body: Callable[[Transaction, Moment], _Result], acting: Acting) -> _Result:
        """``run`` for what only reads and appends entries: it may share its transaction and be done twice.

        Args:
            body: what to do in it; it changes nothing outside, and writes nothing but entries.
            acting: as for ``run``.

        Raises:
            AccessDenied: ``access.changed``; logged.
        """
        one = Waiting(body, acting)
        self._reads.run(one)
        return cast(_Result, self._answer(one))

    def _commit(self, some: list[Waiting]) -> None:
        """Do these in one transaction; the caller holds the lock."""
        with self.store.transaction() as tx:
            moment = self.logbook.begin(tx)
            if moment.size != self._seen:
                self._catch_up(tx)
            if len(some) > 1:
                moment.gathered = []
            for one in some:
                one.same = one.acting is None or self._is_current(one.acting.actor)
                if one.same:
                    one.result = one.body(tx, moment)
            self.logbook.flush(tx, moment)
        self.logbook.committed(moment)
        self._seen = moment.size
        if self.logbook.due:
            self.logbook.sign(self.store)

    def _answer(self, one: Waiting) -> Any:
        if one.error is not None:
            raise one.error
        if not one.same and one.acting is not None:
            error = AccessDenied("access.changed")
            self.refused(one.acting, _CHANGED, error)
            raise error
        return one.result

    def _is_current(self, actor: Actor) -> bool:
        """Whether somebody still has the roles under which they began."""
        users = self.definitions.users
        if actor is SYSTEM:
            return True
        user = users.get(actor.id)
        # A new archive has no users yet; somebody unknown has no roles and never had any.
        if user is None or not user.active:
            return not users or not actor.roles
        return actor.roles == user.roles and actor.attributes == user.attributes

    def _catch_up(self, tx: Transaction) -> None:
        self.any_states = tx.has_states(SHARD)
        restricted = bool(tx.builtin(SHARD, (_RESTRICTION,)))
        if restricted != self.restricted:
            self.restricted = restricted
            self.gates = self.make_gates(self)
        if self.any_states and self.keys.destructions != self._destructions:
            # Somebody erased: what was derived from secrets that are gone must be gone as well.
            self._destructions = self.keys.destructions
            self.forget_keys()
        now = fingerprint(tx)
        if now != self._print or self._seen < 0:
            self.definitions = load_definitions(tx, self.sealer)
            self.ruleset = self.make_ruleset(self.definitions)
            self._print = now
            self.layout_checked = False
            # What was made of the types before holds on to them, and they are large.
            self._old_types.clear()
            self.reaches.clear()
            self.plans.clear()
            self.sealer.forget_layouts()

    def adopt(self, definitions: Definitions, print_of: Fingerprint) -> None:
        """Go on under definitions that were loaded to open the archive; they are parsed once."""
        self.definitions = definitions
        self.ruleset = self.make_ruleset(definitions)
        self._print = print_of
        self._seen = 0

    def forget_definitions(self) -> None:
        """Have the next transaction load types and users anew."""
        self._seen = -1

    def look_again(self) -> None:
        """Have the next transaction see whether types, users or rules are other ones."""
        self._seen = 0

    def refresh(self) -> None:
        """Load what another process changed; without any entry, so nothing may be released by it."""
        with self._lock, self.store.transaction(write=False) as tx:
            head = tx.head(SHARD)
            size = 0 if head is None else head.first_seq + head.n
            # Whatever changes types, users or rules writes an entry: the same log, the same rules.
            if size != self._seen or not size:
                self._catch_up(tx)
                self._seen = size

    # Types and actors

    def record_type(self, name: str) -> RecordType:
        """The record type of that key.

        Raises:
            NotFound: ``schema.unknown_type``.
        """
        found = self.definitions.types.get(name)
        return self.own_type(name) if found is None else found

    def own_type(self, name: str) -> RecordType:
        """The record type of that key, of those that the archive was given; none that is built in.

        Raises:
            NotFound: ``schema.unknown_type``.
        """
        own = {key: one for key, one in self.definitions.types.items() if not one.built_in}
        if name not in own:
            raise NotFound("schema.unknown_type", where=name, known=", ".join(sorted(own)))
        return own[name]

    def definition_at(self, tx: Transaction, type_number: int, definition: int) -> RecordType:
        """An earlier definition of a type, as it stood."""
        name = (type_number, definition)
        if name not in self._old_types:
            self._old_types[name] = definition_at(tx, self.sealer, self.definitions, type_number, definition)
        return self._old_types[name]

    def actor(self, login: str, *, auth: str = "asserted", on_behalf_of: str | None = None) -> Actor:
        """The actor of that login, with the roles the archive gave it.

        Somebody unknown is ``anonymous``: what was typed as a login may be anything, also a password.
        """
        user = self.definitions.users.get(login)
        if user is None:
            return Actor("anonymous", (), auth)
        roles = user.roles if user.active else ()
        return Actor(
            login,
            roles,
            auth,
            on_behalf_of,
            not user.active,
            attributes=user.attributes,
            record=id_text(user.record),
        )

    # Entries

    def detail(self, acting: Acting, op: bytes, **members: object) -> dict[str, object]:
        """The members of a detail that every entry has, and the given ones that say something."""
        actor: dict[str, object] = {"id": acting.actor.id}
        if acting.actor.roles:
            actor["roles"] = list(acting.actor.roles)
        if acting.actor.on_behalf_of:
            actor["on_behalf_of"] = acting.actor.on_behalf_of
        source: dict[str, object] = {"program": acting.program}
        if acting.address:
            source["address"] = acting.address
        if acting.session:
            source["session"] = acting.session
        detail: dict[str, object] = {
            "op": op.hex(),
            "actor": actor,
            "auth": acting.actor.auth,
            "purpose": acting.purpose,
            "source": source,
            "ruleset": self.ruleset,
            "outcome": "ok",
        }
        if acting.legal_basis:
            detail["legal_basis"] = acting.legal_basis
        for name, value in members.items():
            if value is not None:
                detail[name] = value
        return detail

    def form(self, acting: Acting, kind: str, record_type: RecordType) -> bytes:
        """The detail of an entry about records of one type, with blanks; see ``details.form_of``."""
        name = (id(acting), kind, record_type.number)
        found = self._forms.get(name)
        if (
            found is None
            or found[0] is not acting
            or found[1] is not record_type
            or found[2] is not self.ruleset
        ):
            if len(self._forms) > _FORMS_KEPT:
                self._forms.clear()
            members = self.detail(acting, b"", kind=kind, type=record_type.key)
            found = self._forms[name] = (acting, record_type, self.ruleset, form_of(members))
        return found[3]

    def note(self, acting: Acting, kind: str, **members: object) -> int:
        """Write one entry that concerns no subject, in a transaction of its own; give its index."""

        def body(tx: Transaction, moment: Moment) -> int:
            # Made in the transaction: the ruleset in it is the one that holds there.
            draft = Draft(kind, self.detail(acting, self.new_id(), **members))
            return self.logbook.append(tx, moment, [draft], actor=acting.actor.id)

        return self.run(body, None if kind == "access.deny" else acting)

    def refused(self, acting: Acting, action: str, error: MunimentError, **members: object) -> None:
        """Write a refusal down, in a transaction of its own, so that the rollback keeps it.

        A name of a type that does not exist may be anything that somebody typed,
        so it is left out.
        """
        if error.code == "access.changed" and action != _CHANGED:
            return  # written down where it was found out
        if members.get("type") not in self.definitions.types:
            members.pop("type", None)
        self.note(
            acting,
            "access.deny",
            outcome="denied",
            code=error.code if error.refused_by is None else error.refused_by[1],
            plugin=self.refuser(error),
            target={"action": action, **{name: value for name, value in members.items() if value}},
        )

    def refuser(self, error: MunimentError) -> dict[str, str] | None:
        """The plugin that refused, as a detail names it."""
        if error.refused_by is None:
            return None
        name = error.refused_by[0]
        version = next((one.source.shown_version for one in self.plugins.loaded if one.name == name), "")
        return {"name": name, "version": version}

    @contextmanager
    def guarded(self, acting: Acting, action: str, **members: object) -> Iterator[None]:
        """Write a refusal inside the block to the log before it reaches the caller."""
        try:
            yield
        except (AccessDenied, NotFound) as error:
            self.refused(acting, action, error, **members)
            raise

    # Subjects

    def check_live(self, tx: Transaction, ids: set[bytes]) -> dict[tuple[bytes, int], State]:
        """States of what is being erased or was, among these subjects and records.

        Raises:
            NotFound: ``record.not_found`` where a whole subject or record is gone.
        """
        if not self.any_states:
            return {}
        gone = tx.state_of(SHARD, ids)
        for state in gone:
            if state.category == 0:
                raise NotFound("record.not_found")
        return {(state.id, state.category): state for state in gone}

    def gone(self, tx: Reader, ids: Collection[bytes]) -> frozenset[bytes]:
        """Those of these subjects and records that are erased as a whole, or are being erased.

        Of whom one category went is still there: merges, restrictions and requests of theirs hold.
        """
        if not self.any_states or not ids:
            return frozenset()
        return frozenset(state.id for state in tx.state_of(SHARD, ids) if not state.category)

    def subject_key(self, tx: Transaction, subject: bytes) -> bytes:
        """The tag key of a subject, 32 bytes."""
        found = self._subject_keys.get(subject)
        if found is None:
            row = tx.subject(SHARD, subject)
            if row is None:
                raise NotFound("record.not_found")
            found = self.subject_key_at(row.slot, subject)
        return found

    def subject_keys(self, tx: Transaction, subjects: Iterable[bytes]) -> list[bytes]:
        """The tag keys of those subjects that still have one; the archive's own is no subject's."""
        listed = [subject for subject in subjects if subject != self.archive]
        if self.any_states and listed:
            gone = {state.id for state in tx.state_of(SHARD, listed) if state.category == 0}
            listed = [subject for subject in listed if subject not in gone]
        self._prepare_subjects(tx, listed)
        keys = []
        for subject in listed:
            try:
                keys.append(self.subject_key(tx, subject))
            except KeyStoreError as error:
                # Rows that were put back may not know yet that their subject is gone.
                if error.code != "key.destroyed":
                    raise
        return keys

    def _prepare_subjects(self, tx: Transaction, subjects: Sequence[bytes]) -> None:
        """Get the keys of those whose are not in memory at once: a page of a list is about a hundred."""
        missing = [subject for subject in subjects if subject not in self._subject_keys]
        if len(missing) < 2:
            return
        with suppress(KeyStoreError):  # each is asked for by itself, which tells whose is gone
            found = self.sealer.subject_tag_keys(tx.subject_slots(SHARD, missing))
            if len(self._subject_keys) > 20_000:
                self._subject_keys.clear()
            self._subject_keys |= found

    def subject_key_at(self, slot: int, subject: bytes) -> bytes:
        """The tag key of the subject whose secret lies in that slot, 32 bytes."""
        found = self._subject_keys.get(subject)
        if found is None:
            if len(self._subject_keys) > 20_000:
                self._subject_keys.clear()
            found = self._subject_keys[subject] = self.sealer.subject_tag_key(slot, subject)
        return found

    def forget_keys(self) -> None:
        """Drop every key kept in memory, as after a destruction."""
        self._subject_keys.clear()
        self.sealer.forget()


def record_line(record: bytes, version: int, previous: int, field_set: int) -> bytes:
    """One record's line in the detail of an entry: which version, and which field set of the detail."""
    return (
        f'{{"id":"{id_text(record)}","previous":{previous},"set":{field_set},"version":{version}}}'
    ).encode("ascii")
