"""What a schedule does for the people at work: digests of what is due, greetings, checks of the data.

Each of them can be done twice: what was sent today is written down before it is sent, and a check
is as old as its record says.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

from muniment.codec import canonical
from muniment.errors import LogError, text_of
from muniment.model import Value, id_bytes, id_text, instant
from muniment.outreach.sending import Unclear, Way, message_of, open_way
from muniment.schema.builtin import QUALITY, REMINDER
from muniment.session.kernel.definitions import User, open_version
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.outreach.followups import Due, FollowUps
from muniment.session.outreach.mailing import Mailings
from muniment.session.tables.cleaning import Cleaning
from muniment.session.tables.quality import FieldUse, Quality
from muniment.session.writing.writes import Change, write

if TYPE_CHECKING:
    from muniment.schema import RecordType
    from muniment.session.records import Records

__all__ = ["checked", "follow_ups", "greetings", "quality"]

_ADDRESS = "mail"


def _kept(engine: Engine, kept: RecordType, key: str) -> dict[str, tuple[str, int, Mapping[str, Value]]]:
    """The records of a built-in type by one of their fields: identifier, version and values."""
    found: dict[str, tuple[str, int, Mapping[str, Value]]] = {}
    with engine.store.transaction(write=False) as tx:
        for _, record, newest in tx.builtin(SHARD, (kept.number,)):
            version = tx.version(SHARD, record, newest)
            if version is not None:
                values = open_version(tx, engine.sealer, version, kept)
                found[str(values[key])] = (id_text(record), newest, values)
    return found


# Digests


def follow_ups(session: Records) -> Mapping[str, int]:
    """Send everybody with an address what is due today or overdue; once a day, or on Mondays."""
    engine = session.engine
    settings = Mailings(session).settings
    today = engine.value_context().today
    counts = Counter[str]()
    if not settings.digest or (settings.digest == "weekly" and today.weekday() != 0):
        return counts
    before = _kept(engine, REMINDER, "login")
    way: Way | None = None
    try:
        for user in sorted(engine.definitions.users.values(), key=lambda one: one.login):
            address = dict(user.attributes).get(_ADDRESS, "")
            known = before.get(user.login)
            if not user.active or not address or (known and known[2].get("sent_on") == today):
                continue
            due = FollowUps(session).list(owner=user.login, days=0)
            if due:
                way = way or open_way(settings, engine.folder)
                counts[_send(session, way, user, address, list(due), today, known)] += 1
    finally:
        if way is not None:
            way.close()
    return counts


def _send(
    session: Records,
    way: Way,
    user: User,
    address: str,
    due: list[Due],
    today: date,
    known: tuple[str, int, Mapping[str, Value]] | None,
) -> str:
    """Send one digest; what it says of customers is their number."""
    engine, applied = session.engine, session.engine.settings.applied
    lang = applied.language if applied is not None else "en"
    values: dict[str, object] = {"login": user.login, "sent_on": today.isoformat(), "count": str(len(due))}
    change = (
        Change("create", REMINDER.key, values=values, inside=True)
        if known is None
        else Change(
            "update", record=id_bytes(known[0]), values=values, expected_version=known[1], inside=True
        )
    )
    written = write(engine, session.acting, [change])[0]
    record, version = str(getattr(written, "id", "")), int(getattr(written, "version", 0))
    late = sum(one.overdue for one in due)

    def say(code: str, **parameters: object) -> str:
        return text_of(code, lang, **parameters)[0]

    lines = [say("followup.greeting", name=user.name or user.login), ""]
    for one in due:
        when = one.due.strftime("%Y-%m-%d %H:%M") if isinstance(one.due, datetime) else one.due.isoformat()
        lines.append(f"{when}  {one.number}  {say('followup.late') if one.overdue else ''}".rstrip())
    settings = Mailings(session).settings
    message = message_of(
        settings,
        address,
        say("followup.subject", late=late, today=len(due) - late),
        "\n".join([*lines, "", say("followup.ending")]),
        message_id=f"{record}.{version}@{settings.sender.rpartition('@')[2].rstrip('> ') or 'muniment'}",
        when=format_datetime(instant(engine.clock())),
    )
    failed = ""
    try:
        failed = way.hand_over(message)
    except Unclear:
        return "unclear"
    except LogError:
        _take_back(session, record, version)
        raise
    if failed:
        _take_back(session, record, version)
        return "refused"
    return "sent"


def _take_back(session: Records, record: str, version: int) -> None:
    """Have the next run try again."""
    change = Change(
        "update",
        record=id_bytes(record),
        values={"sent_on": None},
        expected_version=version,
        inside=True,
        kind="mail.fail",
    )
    write(session.engine, session.acting, [change])


# Greetings


def greetings(session: Records) -> Mapping[str, int]:
    """Send the letters of the day that the configuration names, each person one."""
    counts = Counter[str]()
    mail = Mailings(session)
    today = session.engine.value_context().today.isoformat()
    for name in mail.settings.greetings:
        letter = mail.letter(name)
        if not letter.on or not mail.preview(letter).going:
            continue
        done = mail.send(letter, name=f"{letter.key} {today}")
        counts.update({"sent": done.sent, "refused": done.failed, "unclear": done.unclear})
    return {key: count for key, count in counts.items() if count}


# Data


def quality(session: Records) -> Mapping[str, int]:
    """Check the data of the types whose last check is old enough, and keep its numbers."""
    engine, applied = session.engine, session.engine.settings.applied
    plan = applied.quality if applied is not None else None
    counts = Counter[str]()
    if plan is None or not plan.every_days:
        return counts
    today = engine.value_context().today
    before = _kept(engine, QUALITY, "record_type")
    for kept in session.types():
        known = before.get(kept.key)
        last = known[2].get("checked_on") if known is not None else None
        young = isinstance(last, date) and (today - last).days < plan.every_days
        if kept.retired or young or (plan.types and kept.key not in plan.types):
            continue
        found = Cleaning(session).quality(kept.key, stale_days=plan.stale_days)
        document: dict[str, Any] = {
            "counts": dict(found.counts),
            "owners": {owner: dict(some) for owner, some in found.owners.items()},
            "fields": [[one.field, one.filled, one.last_us] for one in found.fields],
        }
        values: dict[str, object] = {
            "record_type": kept.key,
            "checked_on": today.isoformat(),
            "records": str(found.records),
            "found": canonical(document).decode("utf-8"),
        }
        change = (
            Change("create", QUALITY.key, values=values, inside=True)
            if known is None
            else Change(
                "update", record=id_bytes(known[0]), values=values, expected_version=known[1], inside=True
            )
        )
        write(engine, session.acting, [change])
        counts["checked"] += 1
        counts["findings"] += sum(found.counts.values())
    return counts


def checked(session: Records, type: str) -> tuple[date, Quality] | None:
    """What the last scheduled check of a type found, in numbers, and when; None where there was none.

    Args:
        session: whose actor may check data.
        type: key of the record type.

    Raises:
        AccessDenied: ``access.action``; logged.
    """
    session.require("data.check", type)
    known = _kept(session.engine, QUALITY, "record_type").get(type)
    if known is None:
        return None
    values = known[2]
    found: dict[str, Any] = json.loads(str(values.get("found") or "{}"))
    view = session.view(session.type(type))
    records, day = values["records"], values["checked_on"]
    assert isinstance(records, int)
    assert isinstance(day, date)
    # Who may not read a field is not told how full it is.
    uses = [
        FieldUse(key, filled, 100 * filled // max(records, 1), last)
        for key, filled, last in found.get("fields", ())
        if key in view.clear
    ]
    return day, Quality(type, records, (), found.get("counts", {}), found.get("owners", {}), uses)
