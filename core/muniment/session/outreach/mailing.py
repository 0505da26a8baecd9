"""Mailings: a letter to everybody who may get it, each message written down before it leaves.

A message is an entry and a record about its person, made in the transaction that asks consent and
restriction once more. Only then it is handed over, and what became of it is written. Where a
process ends in between, nobody knows whether the server took the message: it is never sent again by
itself. A mailing that is begun again goes on with those who have none.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from email.utils import format_datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs

from muniment.codec import canonical
from muniment.config import Configuration
from muniment.errors import NotFound, UsageError
from muniment.model import id_bytes, id_text, instant
from muniment.outreach.letters import (
    Letter,
    Written,
    check_letter,
    letter_names,
    load_letter,
    parse_letter,
    write_letter,
)
from muniment.outreach.sending import Unclear, Way, message_of, open_way
from muniment.outreach.settings import MailSettings
from muniment.schema.builtin import MAILING, MESSAGE
from muniment.session.approval.asking import approve_export
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.kernel.logbook import Moment
from muniment.session.kernel.views import Record
from muniment.session.outreach.messages import Mailing, link_of, mailing_of, mailings
from muniment.session.outreach.recipients import Candidate, Choosing, Selection
from muniment.session.reading.pieces import Kept, Piece, stored_piece
from muniment.session.rights.opt_outs import address_token
from muniment.session.writing.writes import Change, Saved, sole, write
from muniment.store import ListQuery, Transaction

if TYPE_CHECKING:
    from muniment.session.records import Records

__all__ = ["Mailings", "Preview", "Sent"]

_LONGEST_NAME: Final = 100
_FAILURES: Final = 5
_INTERACTION: Final = "interaction"


@attrs.frozen
class Preview:
    """What a mailing would do; nothing was sent.

    Attributes:
        letter: which.
        going: identifiers of the records of those who get it.
        left_out: why somebody gets none, by identifier of their record.
        sample: the first letter, filled in; None where nobody gets it.
    """

    letter: Letter
    going: Sequence[str]
    left_out: Mapping[str, str]
    sample: Written | None

    @property
    def reasons(self) -> Mapping[str, int]:
        """How many get none, by reason."""
        return dict(sorted(Counter(self.left_out.values()).items()))


@attrs.frozen
class Sent:
    """What became of a mailing in this run.

    Attributes:
        mailing: its identifier.
        name: what it is called.
        sent: how many messages were handed over.
        failed: how many the server refused.
        unclear: how many nobody knows of.
        left_out: how many got none, by reason.
        state: ``open`` or ``done``.
    """

    mailing: str
    name: str
    sent: int
    failed: int
    unclear: int
    left_out: Mapping[str, int]
    state: str


class Mailings:
    """Letters to customers; reached as ``session.mail``.

    Args:
        session: who sends.
        sleep: waits so many seconds; tests do not.
    """

    def __init__(self, session: Records, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._session = session
        self._engine: Engine = session.engine
        self._sleep = sleep

    @property
    def settings(self) -> MailSettings:
        """What the configuration says of mail."""
        applied = self._engine.settings.applied
        return MailSettings() if applied is None else applied.mail

    # Letters

    def letters(self) -> list[Letter]:
        """The letters that ship, and those in the archive's folder ``letters``, by key."""
        found = {name: load_letter(name) for name in letter_names()}
        folder = self._engine.folder / "letters"
        for path in sorted(folder.glob("*.toml")) if folder.is_dir() else ():
            made = self._read(path)
            found[made.key] = made
        return [found[key] for key in sorted(found)]

    def letter(self, name: str) -> Letter:
        """A letter by its key, or out of a file.

        Raises:
            NotFound: ``mail.no_letter``.
            ConfigError: the file is wrong.
        """
        if name.endswith(".toml"):
            return self._read(Path(name))
        for one in self.letters():
            if name.strip().casefold() in (one.key, one.label.en.casefold(), one.label.zh):
                return one
        raise NotFound("mail.no_letter", known=", ".join(one.key for one in self.letters()))

    def _read(self, path: Path) -> Letter:
        try:
            return parse_letter(path.read_text(encoding="utf-8-sig"), where=str(path))
        except (OSError, UnicodeDecodeError):
            raise UsageError("cli.no_file", where=str(path)) from None

    # Looking

    def preview(
        self,
        letter: Letter,
        selection: Selection | None = None,
        *,
        name: str = "",
        progress: Callable[[int, int], None] | None = None,
    ) -> Preview:
        """Who would get a letter and who would not, with the first one filled in; nothing is sent.

        Args:
            letter: which.
            selection: who else is left out.
            name: of the mailing that would go on; those who have its letter are left out.
            progress: told how many people were looked at.

        Raises:
            AccessDenied: ``access.action``, ``access.field`` or ``access.purpose``; logged.
        """
        before = self._mailing(name) if name else None
        choosing = self._choosing(letter, selection or Selection(), before.id if before else "")
        going, left_out, sample = [], dict(choosing.closed_by_gates()), None
        for count, one in enumerate(choosing, 1):
            if one.why_not:
                left_out[one.record.id] = one.why_not
            else:
                if sample is None:
                    sample = self._written(choosing, one.record, "", "")
                going.append(one.record.id)
            if progress is not None:
                progress(count, 0)
        return Preview(letter, going, left_out, sample)

    def list(
        self, *, limit: int | None = None, after: str | None = None
    ) -> Piece[tuple[Mailing, Mapping[str, int]]]:
        """The mailings, newest first, each with how many messages are in which state.

        Args:
            limit: so many at the most; by default all.
            after: what the piece before gave.

        Raises:
            AccessDenied: ``access.action``; logged.
            UsageError: ``usage.cursor``.
        """
        self._session.require("mail.read")
        engine = self._engine
        states = [choice.key for choice in MESSAGE.by_key["state"].choices]
        of, state = (MESSAGE.by_key[key].number for key in ("mailing", "state"))

        def body(tx: Transaction, moment: Moment) -> Piece[tuple[Mailing, Mapping[str, int]]]:
            kept = Kept("mailing", MAILING.number, descending=True)
            some = stored_piece(
                engine, tx, kept, lambda row: mailing_of(engine, tx, row.record), limit=limit, after=after
            )
            tx.ready_listing(SHARD, ListQuery(MESSAGE.number, equals=((of, ""),)))
            found: Piece[tuple[Mailing, Mapping[str, int]]] = Piece()
            found.after = some.after
            for one in some:
                counts = {
                    key: tx.count_current(
                        SHARD, ListQuery(MESSAGE.number, equals=((of, one.id), (state, key)))
                    )
                    for key in states
                }
                found.append((one, {key: count for key, count in counts.items() if count}))
            return found

        found = engine.run(body, self._session.acting)
        engine.note(self._session.acting, "record.list", type=MAILING.key, count=len(found))
        return found

    # Sending

    def send(
        self,
        letter: Letter,
        selection: Selection | None = None,
        *,
        name: str,
        into: Path | None = None,
        reason: str | None = None,
        limit: int | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Sent:
        """Send a letter to everybody who may get it, or go on with a mailing that was interrupted.

        Args:
            letter: which.
            selection: who else is left out.
            name: what the mailing is called; the same name goes on with the same mailing.
            into: a folder for ``.eml`` files, in place of the mail server.
            reason: a person's own words; sealed.
            limit: so many messages at most in this run.
            progress: told how many messages were handed over.

        Raises:
            AccessDenied: ``access.action``, ``access.field`` or ``access.purpose``; logged.
            ApprovalNeeded: ``approval.waits`` where exports need a second person.
            UsageError: ``mail.other_letter`` where the name is that of another mailing, ``mail.no_server``,
                ``mail.no_sender``.
            LogError: ``mail.unsent`` where the server cannot be reached; what was sent is sent.
        """
        selection = selection or Selection()
        before = self._mailing(name)
        choosing = self._choosing(letter, selection, before.id if before else "")
        way = open_way(self.settings, self._engine.folder, into=into)
        try:
            mailing = self._begun(choosing, selection, before, name, way.name, reason)
            choosing = self._choosing(letter, selection, mailing.id)
            return _Run(self, choosing, mailing, way, self._sleep).run(limit, progress)
        finally:
            way.close()

    def _choosing(self, letter: Letter, selection: Selection, mailing: str) -> Choosing:
        session = self._session
        session.require("mail.send")
        check_letter(letter, session.type(letter.type))
        return Choosing(self._for(letter.purpose), letter, selection, mailing=mailing)

    def _for(self, purpose: str) -> Records:
        """A session of the same actor for the letter's purpose."""
        from muniment.errors import AccessDenied
        from muniment.session.records import Records

        acting = self._session.acting
        if acting.purpose == purpose:
            return self._session
        try:
            self._engine.policy.require_purpose(purpose, attrs.evolve(acting.actor, purpose=purpose))
        except AccessDenied as error:
            self._engine.refused(acting, "mail.send", error)
            raise
        return Records(self._engine, attrs.evolve(acting, purpose=purpose, masked=False))

    def _mailing(self, name: str) -> Mailing | None:
        with self._engine.store.transaction(write=False) as tx:
            return next((one for one in mailings(self._engine, tx) if one.name == name), None)

    def _begun(
        self,
        choosing: Choosing,
        selection: Selection,
        before: Mailing | None,
        name: str,
        way: str,
        reason: str | None,
    ) -> Mailing:
        letter = choosing.letter
        digest = sha256(canonical({"filters": selection.texts})).hexdigest()
        if before is not None:
            if (before.digest, before.selection, before.way) != (letter.digest, digest, way):
                raise UsageError("mail.other_letter", name=name)
            return before
        if not name.strip() or name != name.strip() or len(name) > _LONGEST_NAME or not name.isprintable():
            raise UsageError("view.name", maximum=_LONGEST_NAME)
        granted = approve_export(
            self._engine,
            self._session.acting,
            choosing.type,
            {},
            choosing.keys,
            {"letter": letter.digest, "mailing": name, "way": way},
            filters=(*letter.filters, *selection.filters),
            recipient=f"mail:{letter.key}",
            reason=reason,
        )
        values = {
            "name": name,
            "letter": letter.key,
            "digest": letter.digest,
            "record_type": letter.type,
            "purpose": letter.purpose,
            "selection": digest,
            "way": way,
            "state": "open",
            "started_by": self._session.acting.actor.id,
        }
        members: dict[str, object] = {} if granted is None else {"approval": granted.detail}
        change = Change("create", MAILING.key, values=values, inside=True)
        write(self._engine, self._session.acting, [change], reason=reason, members=members)
        found = self._mailing(name)
        assert found is not None
        return found

    # Filling in

    def _written(self, choosing: Choosing, record: Record, leave: str, ask: str) -> Written:
        letter, engine = choosing.letter, self._engine
        applied: Configuration | None = engine.settings.applied
        own = applied.language if applied is not None else "en"
        spoken = str(record.fields.get(letter.language) or "")
        lang = "zh" if spoken.startswith("zh") else "en" if spoken else own
        title = next((str(record.fields[key]) for key in choosing.type.title if record.fields.get(key)), "")
        blanks = {
            "archive": (applied.name if applied is not None else "") or "muniment",
            "today": engine.value_context().today.isoformat(),
            "name": title,
            "unsubscribe": self._link("leave", leave),
            "survey": self._link("ask", ask),
        }
        for key in letter.fields:
            field = choosing.type.field(key)
            assert field is not None  # checked when the letter was chosen
            value = record.fields.get(field.key)
            kind = engine.kinds.get(field.kind)
            blanks[key] = (
                "" if value is None else str(value) if kind is None else kind.format(value, lang, field)
            )
        return write_letter(letter, blanks, lang)

    def _link(self, what: str, token: str) -> str:
        base = self.settings.link
        if not token:
            return f"{base}/{what}/…" if base else "…"
        return f"{base}/{what}/{token}" if base else f"mailto:{self.settings.sender}?subject={what}%20{token}"


class _Run:
    """One run of one mailing."""

    def __init__(
        self,
        mail: Mailings,
        choosing: Choosing,
        mailing: Mailing,
        way: Way,
        sleep: Callable[[float], None],
    ) -> None:
        self._mail, self._choosing, self._mailing, self._way = mail, choosing, mailing, way
        self._sleep = sleep
        self._engine = mail._engine
        self._acting = mail._for(choosing.letter.purpose).acting
        self._counts: Counter[str] = Counter()
        self._left_out: Counter[str] = Counter(choosing.closed_by_gates().values())
        self._pause = 60 / mail.settings.per_minute if way.name == "smtp" else 0.0

    def run(self, limit: int | None, progress: Callable[[int, int], None] | None) -> Sent:
        whole = True
        for candidate in self._choosing:
            if candidate.why_not:
                self._left_out[candidate.why_not] += 1
                continue
            if limit is not None and self._counts.total() >= limit:
                whole = False
                break
            if self._counts.total() and self._pause:
                self._sleep(self._pause)
            self._one(candidate)
            if self._counts["failed"] >= _FAILURES and not self._counts["sent"]:
                # A server that refuses everybody refuses us.
                whole = False
                break
            if progress is not None:
                progress(self._counts.total(), 0)
        state = "done" if whole else "open"
        if state != self._mailing.state:
            self._finish(state)
        return Sent(
            self._mailing.id,
            self._mailing.name,
            self._counts["sent"],
            self._counts["failed"],
            self._counts["unclear"],
            dict(sorted(self._left_out.items())),
            state,
        )

    def _finish(self, state: str) -> None:
        change = Change(
            "update",
            record=id_bytes(self._mailing.id),
            values={"state": state},
            expected_version=self._mailing.version,
            inside=True,
            kind="mail.finish" if state == "done" else "mail.begin",
        )
        write(self._engine, self._acting, [change])

    def _one(self, candidate: Candidate) -> None:
        engine, letter = self._engine, self._choosing.letter
        leave, leave_hash = link_of(engine)
        ask, ask_hash = link_of(engine) if letter.survey else ("", "")
        record = candidate.record
        # Filled in first: a letter that cannot be written leaves no trace of one that was.
        written = self._mail._written(self._choosing, record, leave, ask)
        message = self._put_down(record, leave_hash, ask_hash)
        if message is None:
            return
        settings = self._mail.settings
        headers = {}
        if settings.link:
            # One click, without a page in between (RFC 8058).
            headers["List-Unsubscribe"] = f"<{settings.link}/leave/{leave}>"
            headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        else:
            headers["List-Unsubscribe"] = f"<mailto:{settings.sender}?subject=leave%20{leave}>"
        domain = settings.sender.rpartition("@")[2].rstrip("> ") or "muniment"
        mail = message_of(
            settings,
            str(record.fields[letter.email]),
            written.subject,
            written.text,
            html=written.html,
            message_id=f"{message.id}@{domain}",
            headers=headers,
            when=format_datetime(instant(engine.clock())),
        )
        try:
            refused = self._way.hand_over(mail)
        except Unclear:
            self._counts["unclear"] += 1
            return
        except BaseException:
            # Nothing was handed over: the next run may try again.
            self._became(message, record, "unreached", "failed", written)
            raise
        self._became(message, record, refused, "failed" if refused else "sent", written)
        self._counts["failed" if refused else "sent"] += 1

    def _put_down(self, record: Record, leave: str, ask: str) -> Saved | None:
        """Make the message's record and entry, if the person may still get it at this moment."""
        engine, letter = self._engine, self._choosing.letter
        subject = id_bytes(record.subject)
        until = instant(engine.clock()) + timedelta(days=self._mail.settings.link_days)
        refusal = ""

        def changes(tx: Transaction, moment: Moment) -> list[Change]:
            nonlocal refusal
            refusal = self._choosing.refusal_now(tx, record, moment.time_us)
            if refusal:
                return []
            values = {
                "mailing": self._mailing.id,
                "letter": letter.key,
                "purpose": letter.purpose,
                "to_record": record.id,
                "state": "sending",
                "expires_at": until.isoformat(timespec="seconds"),
                "leave": leave,
                "ask": ask or None,
                "sent_by": self._acting.actor.id,
                "address": address_token(engine, str(record.fields[letter.email])),
            }
            return [Change("create", MESSAGE.key, values=values, subject=subject, inside=True)]

        members = {"mailing": self._mailing.id, "way": self._way.name}
        done = write(engine, self._acting, changes, members=members, action="mail.send")
        if refusal:
            self._left_out[refusal] += 1
            return None
        return sole(done)

    def _became(self, message: Saved, record: Record, code: str, state: str, written: Written) -> None:
        engine = self._engine
        changes = [
            Change(
                "update",
                record=id_bytes(message.id),
                values={"state": state, "code": code or None},
                expected_version=message.version,
                inside=True,
                kind="mail.done" if state == "sent" else "mail.fail",
            )
        ]
        if state == "sent":
            changes += self._interaction(record, written)
        write(engine, self._acting, changes, members={"mailing": self._mailing.id})

    def _interaction(self, record: Record, written: Written) -> list[Change]:
        """What stands among the talks with the customer, where the archive keeps them and the sender may."""
        engine, actor = self._engine, self._acting.actor
        kept = engine.definitions.types.get(_INTERACTION)
        if kept is None or not engine.policy.may(actor, "record.create", _INTERACTION):
            return []
        user = engine.definitions.users.get(actor.id)
        values = {
            "customer": record.id,
            "occurred_at": instant(engine.clock()).isoformat(timespec="seconds"),
            "channel": "email",
            "direction": "outbound",
            "topic": "marketing",
            "resolution": written.subject,
            "handled_by": id_text(user.record) if user is not None else None,
        }
        view = engine.policy.view(actor, kept)
        known = {key: value for key, value in values.items() if key in view.writable}
        if "customer" not in known or kept.by_key["customer"].target != record.type:
            return []
        return [Change("create", _INTERACTION, values=known)]
