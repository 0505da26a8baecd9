"""What comes in by mail or on paper: it waits, sealed, until a person accepts it or does not.

Nothing that comes in becomes a record by itself. A message is read, linked to the
persons who have its address, and kept as a proposal with its original; whoever
accepts it writes the record in their own name, through the same gates as any
record. What was decided, or waited too long, is erased through the one door.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import attrs

from muniment.codec import canonical, parse_canonical
from muniment.errors import AccessDenied, Invalid, NotFound, UsageError
from muniment.inbox import InboxSettings, Message, contact_of, messages_in, read_message, require_readers
from muniment.log.binding import OPERATIONS
from muniment.model import Value, id_bytes, id_text, instant
from muniment.policy import SYSTEM
from muniment.schema import RecordType
from muniment.schema.builtin import INCOMING
from muniment.session.attachments import attach_file, read_bytes, read_file
from muniment.session.kernel.definitions import open_version
from muniment.session.kernel.engine import SHARD
from muniment.session.kernel.logbook import Moment
from muniment.session.kernel.reach import reaches
from muniment.session.reading.lists import Asked
from muniment.session.reading.pieces import Kept, Known, Piece, how_many, stored_piece
from muniment.session.reading.reads import Plan, disclosure, plan_of
from muniment.session.rights.consented import subject_of
from muniment.session.rights.erasing import MOST_TARGETS, erase
from muniment.session.rights.scope import Target
from muniment.session.writing.changes import Change
from muniment.session.writing.writes import Saved, write
from muniment.store import Current, Transaction, Version

if TYPE_CHECKING:
    from pathlib import Path

    from muniment.session.records import Records

__all__ = ["Inbox", "Item", "Proposal", "Received"]

_DAY_US: Final = 86_400_000_000
_DELETE: Final = OPERATIONS["delete"]
_BOX: Final = "inbox/imap"
_ANSWERING: Final = {"exact", "normalised", "unique"}


@attrs.frozen
class Proposal:
    """What somebody is asked to accept.

    Attributes:
        type: key of the record type that it becomes.
        values: by field key, as texts.
        persons: UUID texts of the records of whom it may be; one where that is clear.
        person: values of a new record of the person, by field key.
        shown: what helps to decide, by name: sender, subject, names of attachments, confidence.
    """

    type: str
    values: Mapping[str, str]
    persons: tuple[str, ...] = ()
    person: Mapping[str, str] = attrs.field(factory=dict)
    shown: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen
class Item:
    """Something that came in.

    Attributes:
        id: UUID text of its record.
        version: of it.
        subject: UUID text of whom it is about; the archive's where nobody was recognised.
        state: ``waiting``, ``accepted`` or ``refused``.
        source: ``mail``, or what a plugin that reads paper calls itself.
        received_at: when it was sent, or else when it came in.
        made: UUID text of the record that it became; empty so far.
        has_original: whether its original is kept.
        proposal: what is proposed.
    """

    id: str
    version: int
    subject: str
    state: str
    source: str
    received_at: datetime
    made: str
    has_original: bool
    proposal: Proposal


@attrs.frozen
class Received:
    """What became of a run.

    Attributes:
        new: how many came in.
        known: how many were here already.
        refused: those that could not be taken: the place and the code.
    """

    new: int = 0
    known: int = 0
    refused: tuple[tuple[str, str], ...] = ()


_Shown = tuple[Version, Item]


def _kept(everything: bool) -> Kept:
    """The list of what waits, or of all that is here, by when it came."""
    state, received = (INCOMING.by_key[key].number for key in ("state", "received_at"))
    among = ((),) if everything else (((state, "waiting"),),)
    return Kept("incoming", INCOMING.number, among, ((received, False),))


class Inbox:
    """What came in, as acts of somebody; reached as ``session.inbox``."""

    def __init__(self, session: Records) -> None:
        self._session = session
        self._engine = session.engine
        self._acting = session.acting
        applied = self._engine.settings.applied
        self.settings: InboxSettings = applied.inbox if applied is not None else InboxSettings()
        """How mail comes in."""

    # Coming in

    def add(self, path: Path) -> Received:
        """Take the messages of a file, a mailbox or a folder; what is here already is left alone.

        Args:
            path: see ``inbox.messages_in``.

        Raises:
            StoreError, UsageError: the place cannot be read, or holds no message.
            AccessDenied: ``access.action``; logged.
        """
        self._session.require("inbox.change")
        return self.take(messages_in(path))

    def take(self, messages: Iterable[tuple[str, bytes]]) -> Received:
        """Take messages one by one; one that cannot be taken stops no other.

        Args:
            messages: the place of each, and its bytes.
        """
        self._session.require("inbox.change")
        require_readers()
        self._target()
        known = self._known()
        people: dict[str, tuple[str, ...]] = {}
        new = again = 0
        refused: list[tuple[str, str]] = []
        for place, data in messages:
            try:
                message = read_message(data, where=place)
                if known.get(message.key, False):
                    again += 1
                    continue
                self._keep(message, data, people, stored=message.key in known)
            except (UsageError, Invalid) as error:
                refused.append((place, error.code))
                continue
            known[message.key] = True
            new += 1
        return Received(new, again, tuple(refused))

    def offer(self, source: str, key: str, name: str, content: bytes, proposal: Proposal) -> str | None:
        """Keep what a plugin read from paper.

        Args:
            source: what read it.
            key: the same for the same paper, such as hex of the SHA-256 over its bytes.
            name: of the file.
            content: the original.
            proposal: what it says.

        Returns:
            The identifier; None where it is here already.
        """
        self._session.require("inbox.change")
        if self._known().get(key, False):
            return None
        return self._stored(source, key, None, name, content, proposal)

    def _keep(
        self, message: Message, data: bytes, people: dict[str, tuple[str, ...]], *, stored: bool
    ) -> None:
        if stored:
            # Its record was written and something came between it and its original.
            self._attach(self._by_key(message.key), "message.eml", data)
            return
        settings = self.settings
        outbound = message.sender is not None and settings.is_own(message.sender.email)
        others = message.recipients if outbound else (message.sender,) if message.sender else ()
        found: list[str] = []
        for one in others:
            if settings.is_own(one.email):
                continue
            if one.email not in people:
                people[one.email] = self._persons(one.email)
            found += people[one.email]
        proposal = self._proposal(message, outbound, tuple(dict.fromkeys(found)))
        self._stored("mail", message.key, message.sent, "message.eml", data, proposal)

    def _proposal(self, message: Message, outbound: bool, persons: tuple[str, ...]) -> Proposal:
        settings, record_type = self.settings, self._becoming()
        said = "\n\n".join(filter(None, (message.subject, message.text)))
        # A sender's clock may be ahead of ours.
        sent = min(message.sent or self._now(), self._now())
        by_role = {
            "time": sent.isoformat(),
            "direction": "outbound" if outbound else "inbound",
            "out" if outbound else "in": said,
        }
        values = dict(settings.set) | {
            settings.fields[role]: value for role, value in by_role.items() if settings.fields.get(role)
        }
        values = {key: value for key, value in values.items() if value and record_type.field(key) is not None}
        contact = contact_of(message, region=self._engine.settings.default_region)
        person: dict[str, str] = {}
        if not persons and not outbound:
            given = {
                "name": contact.name or contact.email,
                "email": contact.email,
                "phone": contact.phones[0] if contact.phones else "",
                "company": contact.company,
            }
            named = settings.person_fields
            person = {named[role]: value for role, value in given.items() if value and named.get(role)}
        shown = {
            "from": contact.email,
            "to": [one.email for one in message.recipients],
            "subject": message.subject,
            "attachments": [
                {"name": one.name, "type": one.media_type, "size": one.size} for one in message.attachments
            ],
        }
        return Proposal(settings.type, values, persons, person, shown)

    def _now(self) -> datetime:
        return instant(self._engine.clock())

    def _persons(self, email: str) -> tuple[str, ...]:
        """The records of whoever has an address, found by the blind indexes; each search is written down."""
        target = self._target()
        found: list[str] = []
        for record_type in self._session.types():
            link = _link(record_type, target)
            if link is None:
                continue
            for field in record_type.fields:
                if field.kind != "e-mail" or field.retired or not _ANSWERING & set(field.index):
                    continue
                asked = Asked(
                    record_type.key,
                    {field.key: email},
                    fields=[link] if link else [field.key],
                    limit=10,
                    kind="record.search",
                    action="record.search",
                )
                try:
                    page = self._session.listed(asked)
                except (AccessDenied, Invalid, NotFound):
                    continue
                found += [str(one.fields.get(link)) if link else one.id for one in page.records]
        return tuple(dict.fromkeys(one for one in found if one and one != "None"))

    def _becoming(self) -> RecordType:
        try:
            return self._session.type(self.settings.type)
        except NotFound:
            raise UsageError("inbox.no_type", where=self.settings.type) from None

    def _target(self) -> str:
        """The key of the type that the proposed record refers to as its person."""
        record_type = self._becoming()
        field = record_type.field(self.settings.fields.get("customer", ""))
        if field is None or not field.target:
            raise UsageError("inbox.no_person_field", where=record_type.key)
        return field.target

    def _stored(
        self,
        source: str,
        key: str,
        sent: datetime | None,
        name: str,
        content: bytes,
        proposal: Proposal,
    ) -> str:
        values = {
            "key": key,
            "state": "waiting",
            "source": source,
            "received_at": sent or self._now(),
            "proposal": canonical(attrs.asdict(proposal)).decode("utf-8"),
        }
        change = Change(
            "create",
            INCOMING.key,
            values=values,
            subject=self._subject(proposal.persons),
            inside=True,
            kind="inbox.receive",
        )
        saved = self._written([change])[0]
        self._attach(id_bytes(saved.id), name, content)
        return saved.id

    def _subject(self, persons: Sequence[str]) -> bytes | None:
        if len(persons) != 1:
            return None
        with self._engine.store.transaction(write=False) as tx:
            return subject_of(self._engine, self._acting, tx, id_bytes(persons[0]))

    def _attach(self, record: bytes, name: str, content: bytes) -> None:
        attach_file(
            self._engine, self._acting, record, "original", content, name=name, inside="inbox.receive"
        )

    # Mail that is fetched

    def fetch(self) -> Received:
        """Take what is new in the configured mailbox, which is only read: nothing there is marked or moved.

        Raises:
            UsageError: ``inbox.no_account``.
            StoreError: ``inbox.unreachable``, ``inbox.sign_in``; nothing is lost, the next fetch goes on.
        """
        from muniment.inbox.fetching import Place, new_messages

        self._session.require("inbox.change")
        account = self.settings.account
        if not account.host:
            raise UsageError("inbox.no_account")
        kept = self._engine.keys.box_get(_BOX)
        place = Place(**parse_canonical(kept)) if kept else Place()
        total = Received()
        for after, messages in new_messages(account, place, now_us=self._engine.clock()):
            done = self.take(messages)
            total = Received(total.new + done.new, total.known + done.known, total.refused + done.refused)
            self._engine.keys.box_put(_BOX, canonical(attrs.asdict(after)))
        return total

    # Looking

    def listed(
        self, *, everything: bool = False, limit: int | None = None, after: str | None = None
    ) -> Piece[Item]:
        """What waits, oldest first; or all that is still here.

        What came from somebody whom the actor's roles do not reach is not there for them.

        Args:
            everything: what was accepted or refused too.
            limit: so many at the most; by default all.
            after: what the piece before gave.

        Raises:
            AccessDenied: ``access.action``; logged.
            UsageError: ``usage.cursor``.
        """
        engine, acting = self._engine, self._acting

        def body(tx: Transaction, moment: Moment) -> Piece[Item]:
            engine.policy.require(acting.actor, "inbox.read", INCOMING.key)
            plan = plan_of(engine, acting, INCOMING, None)

            def shown(row: Current) -> _Shown | None:
                found = self._shown(tx, row.record, plan.view.clear, ("inbox.read",))
                return found if found is not None and (everything or found[1].state == "waiting") else None

            found = stored_piece(engine, tx, _kept(everything), shown, limit=limit, after=after)
            piece = Piece(self._released(tx, moment, plan, found))
            piece.after = found.after
            return piece

        with engine.guarded(acting, "inbox.read"):
            return engine.run(body, acting)

    def waiting(self, known: Known) -> int:
        """How many of them the list has that wait; for whoever may read what came in.

        Args:
            known: as ``how_many`` takes it.
        """
        with self._engine.store.transaction(write=False) as tx:

            def there(row: Current) -> bool:
                found = self._there(tx, row.record, ("inbox.read",))
                return found is not None and found[1]["state"] == "waiting"

            return how_many(tx, _kept(False), there, known)

    def get(self, id: str) -> Item:
        """One of them.

        Raises:
            NotFound: ``inbox.none``; logged.
        """
        return self._one(id, "inbox.read")

    def _one(self, id: str, *actions: str) -> Item:
        """One of them, for whoever may do all of these; what they read of it is written down."""
        only = id_bytes(id)

        def body(tx: Transaction, moment: Moment) -> Item:
            for action in actions:
                self._engine.policy.require(self._acting.actor, action, INCOMING.key)
            plan = plan_of(self._engine, self._acting, INCOMING, None)
            found = self._shown(tx, only, plan.view.clear, actions)
            if found is None:
                raise NotFound("inbox.none", where=id)
            return self._released(tx, moment, plan, [found])[0]

        with self._engine.guarded(self._acting, actions[0], record=id_text(only)):
            return self._engine.run(body, self._acting)

    def _shown(
        self, tx: Transaction, record: bytes, clear: frozenset[str], actions: Sequence[str]
    ) -> _Shown | None:
        """What an actor sees of one; None where it is not there for them."""
        found = self._there(tx, record, actions)
        if found is None:
            return None
        version, values = found
        return version, _item(version, {key: value for key, value in values.items() if key in clear})

    def _there(
        self, tx: Transaction, record: bytes, actions: Sequence[str]
    ) -> tuple[Version, Mapping[str, Value]] | None:
        """One that comes from nobody known, or from persons whom the actor's roles reach."""
        version = tx.version(SHARD, record)
        if version is None or version.type != INCOMING.number or version.operation == _DELETE:
            return None
        if tx.state_of(SHARD, {version.subject, version.record}):
            return None
        values = open_version(tx, self._engine.sealer, version, INCOMING)
        persons = map(id_bytes, _item(version, values).proposal.persons)
        if not all(
            reaches(self._engine, tx, self._acting, action, one) for one in persons for action in actions
        ):
            return None
        return version, values

    def _released(self, tx: Transaction, moment: Moment, plan: Plan, found: Sequence[_Shown]) -> list[Item]:
        """What is shown, once its entry is written."""
        versions = sorted((version for version, _ in found), key=lambda one: one.record)
        drafts = disclosure(self._engine, tx, self._acting, "record.read", plan, versions)
        self._engine.logbook.append(tx, moment, drafts, actor=self._acting.actor.id)
        return [one for _, one in found]

    def _versions(self, tx: Transaction) -> Iterator[Version]:
        rows = tx.builtin(SHARD, (INCOMING.number,))
        versions = [tx.version(SHARD, record, newest) for _, record, newest in rows]
        standing = [one for one in versions if one is not None and one.operation != _DELETE]
        gone = {
            state.id
            for state in tx.state_of(SHARD, {id for one in standing for id in (one.subject, one.record)})
        }
        return (one for one in standing if one.subject not in gone and one.record not in gone)

    def _known(self) -> dict[str, bool]:
        """The keys of what is here, and whether the original of each is."""
        with self._engine.store.transaction(write=False) as tx:
            found = [open_version(tx, self._engine.sealer, one, INCOMING) for one in self._versions(tx)]
        return {str(one["key"]): one.get("original") is not None for one in found}

    def _by_key(self, key: str) -> bytes:
        with self._engine.store.transaction(write=False) as tx:
            for one in self._versions(tx):
                if open_version(tx, self._engine.sealer, one, INCOMING).get("key") == key:
                    return one.record
        raise NotFound("inbox.none")

    # Deciding

    def accept(
        self,
        id: str,
        *,
        person: str | None = None,
        new: bool = False,
        values: Mapping[str, object] | None = None,
        person_values: Mapping[str, object] | None = None,
        reason: str | None = None,
    ) -> Saved:
        """Write what is proposed, as one change set in one's own name, and give the original to the record.

        Args:
            id: UUID text of the item.
            person: UUID text of the record of whom it is, where that is not clear or not right.
            new: write a record of the proposed person as well.
            values: what differs from the proposal, by field key.
            person_values: the same of the new person.
            reason: one's own words; sealed.

        Raises:
            UsageError: ``inbox.decided``, ``inbox.whose`` where it is not clear of whom it is.
            Invalid, AccessDenied, ApprovalNeeded: as with any write.
        """
        item = self._one(id, "inbox.read", "inbox.change")
        self._require_waiting(item)
        proposal = item.proposal
        changes: list[Change] = []
        made = self._engine.new_id.many(2)
        new_ids = [made[0]]
        if new:
            given = {**proposal.person, **(person_values or {})}
            changes.append(Change("create", self.settings.person, values=given))
            person, new_ids = id_text(made[1]), [made[1], made[0]]
        record: dict[str, object] = {**proposal.values, **(values or {})}
        # The field that leads to the person; a record of the person themselves has none.
        link = next(iter(self._session.type(proposal.type).fixed), "")
        if link and person is None:
            if len(proposal.persons) != 1:
                raise UsageError("inbox.whose", where=id, count=len(proposal.persons))
            person = proposal.persons[0]
        if link:
            record[link] = person
        changes.append(Change("create", proposal.type, values=record))
        changes.append(self._decided(item, "accepted", made=id_text(made[0])))
        saved = self._written(changes, reason=reason, new_ids=new_ids)[-2]
        self._finish(id)
        return saved

    def refuse(self, id: str, *, reason: str) -> Saved:
        """Say that nothing comes of it.

        Raises:
            UsageError: ``usage.no_reason``, ``inbox.decided``.
        """
        if not reason.strip():
            raise UsageError("usage.no_reason")
        item = self._one(id, "inbox.read", "inbox.change")
        self._require_waiting(item)
        return self._written([self._decided(item, "refused")], reason=reason)[0]

    def original(self, id: str, target: Path) -> None:
        """Open the original into a new file, after its entry is in the log.

        Raises:
            NotFound: ``inbox.none``; logged.
        """
        self.get(id)
        read_file(self._engine, self._acting, id_bytes(id), "original", target, inside=True)

    def _require_waiting(self, item: Item) -> None:
        if item.state != "waiting":
            raise UsageError("inbox.decided", where=item.id)

    def _decided(self, item: Item, state: str, *, made: str | None = None) -> Change:
        values: dict[str, object] = {"state": state}
        if made is not None:
            values["made"] = made
        return Change(
            "update",
            record=id_bytes(item.id),
            values=values,
            expected_version=item.version,
            inside=True,
            kind="inbox.accept" if state == "accepted" else "inbox.refuse",
        )

    def _finish(self, id: str) -> None:
        """Give the original to the record that was made of it; done again where it was interrupted."""
        item, field = self.get(id), self.settings.fields.get("file", "")
        if not item.made or not item.has_original or not field:
            return
        record = self._session.get(item.made)
        if self._session.type(record.type).field(field) is None or record.fields.get(field) is not None:
            return
        reference, content = read_bytes(self._engine, self._acting, id_bytes(id), "original", inside=True)
        attach_file(self._engine, self._acting, id_bytes(item.made), field, content, name=reference.name)

    def clear(self) -> int:
        """Erase what was decided or has waited too long; for ``tick``.

        Returns:
            How many records went.

        Raises:
            KeyStoreError: ``key.locked``, ``key.slot_absent``: nothing was erased; another time.
        """
        oldest = self._engine.clock() - self.settings.keep_days * _DAY_US
        with self._engine.store.transaction(write=False) as tx:
            over = []
            for version in self._versions(tx):
                item = _item(version, open_version(tx, self._engine.sealer, version, INCOMING))
                if item.state != "waiting" or version.recorded_us < oldest:
                    over.append((item, Target(version.record)))
        for item, _ in over:
            if item.state == "accepted":
                self._finish(item.id)
        erased, own = 0, attrs.evolve(self._acting, actor=SYSTEM)
        for start in range(0, len(over), MOST_TARGETS):
            some = [target for _, target in over[start : start + MOST_TARGETS]]
            erased += erase(self._engine, own, some, cause="retention", skip_refused=True).targets
        return erased

    def _written(
        self, changes: Sequence[Change], *, reason: str | None = None, new_ids: Sequence[bytes] | None = None
    ) -> list[Saved]:
        done = write(self._engine, self._acting, changes, reason=reason, new_ids=new_ids)
        return [one for one in done if isinstance(one, Saved)]


def _item(version: Version, values: Mapping[str, Value]) -> Item:
    told = parse_canonical(str(values["proposal"]).encode("utf-8")) if "proposal" in values else {}
    received = values["received_at"]
    assert isinstance(received, datetime)
    return Item(
        id_text(version.record),
        version.version,
        id_text(version.subject),
        str(values["state"]),
        str(values["source"]),
        received,
        str(values.get("made") or ""),
        values.get("original") is not None,
        Proposal(
            told.get("type", ""),
            told.get("values", {}),
            tuple(told.get("persons", ())),
            told.get("person", {}),
            told.get("shown", {}),
        ),
    )


def _link(record_type: RecordType, target: str) -> str | None:
    """The field that names the person in records of a type; empty where they are the person, else None."""
    if record_type.key == target:
        return ""
    first = next(iter(record_type.fixed), "")
    return first if first and record_type.by_key[first].target == target else None
