"""Where the rail at the left leads: only to what the person may use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import attrs

from muniment.session.outreach.followups import meant_for
from muniment_web.frame.call import Call
from muniment_web.server.waiting import Due

__all__ = [
    "Item",
    "Section",
    "counts_of",
    "due_of",
    "help_topic",
    "navigation",
    "place_of",
    "short_navigation",
]


@attrs.frozen
class Item:
    """One page; a phone's bar shows its short name, where it has one."""

    path: str
    label: str
    icon: str
    current: bool = False
    count: int = 0
    short: str = ""


@attrs.frozen
class Section:
    """Pages of one kind, under a heading.

    Attributes:
        label: the heading.
        items: what is shown.
        open: whether it is unfolded at first.
        more: what is folded away under the items, where there are many.
    """

    label: str
    items: tuple[Item, ...]
    open: bool = True
    more: tuple[Item, ...] = ()


_DAILY = (
    ("/incoming", "incoming.title", "inbox", ("inbox.read",)),
    ("/mailings", "mailings.title", "mail", ("mail.read", "mail.send")),
)
_RIGHTS = (
    ("/requests", "nav.requests", "inbox", "request.read"),
    ("/consents", "nav.consents", "check", "consent.read"),
    ("/retention", "nav.retention", "clock", "retention.read"),
    ("/holds", "nav.holds", "flag", "hold.read"),
    ("/erasures", "nav.erasures", "cross", "erasure.read"),
)
_OVERSIGHT = (
    ("/changes", "nav.changes", "users", "record.list"),
    ("/log", "nav.log", "book", "log.read"),
    ("/audit", "nav.audit", "search", "log.read"),
    ("/alerts", "nav.alerts", "warn", "alert.read"),
    ("/incidents", "nav.incidents", "flag", "incident.read"),
    ("/break-glass", "nav.glass", "eye", ("break_glass.begin", "break_glass.review")),
    ("/evidence", "nav.evidence", "shield", "log.export"),
    ("/regimes", "nav.regimes", "chart", "config.read"),
)
_SETUP = (
    ("/status", "nav.status", "chart", "config.read"),
    ("/import", "nav.import", "import", "record.import"),
    ("/quality", "nav.quality", "check", "data.check"),
    ("/schema", "nav.schema", "table", "schema.read"),
    ("/templates", "nav.templates", "file", "schema.read"),
    ("/config", "nav.config", "gear", "config.read"),
    ("/plugins", "nav.plugins", "plug", "config.read"),
    ("/users", "nav.users", "users", "user.read"),
    ("/roles", "nav.roles", "shield", "user.read"),
    ("/keys", "nav.keys", "key", "key.read"),
    ("/backups", "nav.backups", "export", "backup.read"),
    ("/webhooks", "nav.webhooks", "link", "config.read"),
    ("/suggestions", "nav.suggestions", "inbox", "config.read"),
    ("/api", "nav.api", "code", "schema.read"),
)
_Row = tuple[str, str, str, str | tuple[str, ...]]
_MOST_TABLES: Final = 9
"""So many tables stand in the rail; the others are folded away, or nobody finds what stands below them."""


def place_of(path: str) -> str:
    """The page of the rail to which an address belongs: a table's for all of its records."""
    if path.startswith("/p/"):
        return path
    return "/".join(path.split("/")[: 3 if path.startswith("/t/") else 2])


def navigation(call: Call, counts: Mapping[str, int]) -> tuple[Section, ...]:
    """The sections of the rail, without what the person may not do, with what waits at some pages."""
    session, say, place = call.session, call.say, place_of(call.request.url.path)
    engine = call.web.engine
    types = sorted(
        (one for one in engine.definitions.types.values() if not one.built_in and not one.retired),
        key=lambda one: one.number,
    )
    records = [Item("/", say("nav.desk"), "desk", place == "/")]
    if _has_follow_ups(call):
        at = place == "/follow-ups"
        records.append(Item("/follow-ups", say("followups.title"), "calendar", at, short=say("nav.due")))
    for path, key, name, actions in _DAILY:
        if any(session.may(one) for one in actions):
            records.append(Item(path, say(key), name, place == path, counts.get(path, 0)))
    if session.may("schema.read"):
        records.append(Item("/dashboards", say("nav.dashboards"), "chart", place == "/dashboards"))
    tables = [
        Item(path, one.label.of(call.lang) or one.key, "table", place == path)
        for one in types
        if session.may("record.list", one.key) and (path := f"/t/{one.key}")
    ]

    brought = [(plugin, one) for plugin, one in engine.plugins.pages() if session.may(one.action)]

    def of_plugins(section: str) -> tuple[Item, ...]:
        return tuple(
            Item(path, one.label.of(call.lang), "plug", place == path)
            for plugin, one in brought
            if one.section == section and (path := f"/p/{plugin}/{one.name}")
        )

    records += of_plugins("records")

    def may(actions: str | tuple[str, ...]) -> bool:
        return any(session.may(one) for one in ((actions,) if isinstance(actions, str) else actions))

    def listed(rows: Sequence[_Row]) -> tuple[Item, ...]:
        return tuple(
            Item(path, say(key), name, place == path, counts.get(path, 0))
            for path, key, name, actions in rows
            if may(actions)
        )

    sections = [Section(say("nav.work"), tuple(records))]
    if tables:
        shown = len(tables) if len(tables) <= _MOST_TABLES + 2 else _MOST_TABLES
        sections.append(Section(say("nav.records"), tuple(tables[:shown]), more=tuple(tables[shown:])))
    for key, rows in (("nav.rights", _RIGHTS), ("nav.oversight", _OVERSIGHT), ("nav.setup", _SETUP)):
        items = (*listed(rows), *of_plugins(key.removeprefix("nav.")))
        if items:
            # What is set up once need not take room every day.
            shown = key != "nav.setup" or len(sections) < 4 or any(one.current for one in items)
            sections.append(Section(say(key), items, shown))
    return tuple(sections)


def short_navigation(sections: Sequence[Section]) -> tuple[Item, ...]:
    """What a phone's bar has room for: the desk, the first tables, and the first page of oversight."""
    daily = sections[0].items if sections else ()
    tables = [item for section in sections for item in section.items if item.path.startswith("/t/")][:1]
    others = daily[1:]
    rest = tuple(item for section in sections[1:] for item in section.items if item.path == "/log")
    return (*daily[:1], *tables, *others[: 3 - len(tables) - len(rest)], *rest)


_HELP: Final = (
    (("/log", "/alerts"), "log"),
    (("/audit", "/evidence", "/regimes", "/break-glass", "/incidents"), "audit"),
    (("/requests", "/consents", "/retention", "/holds", "/restrictions", "/erasures"), "rights"),
    (("/import",), "import"),
    (("/changes",), "waiting"),
    (("/find",), "find"),
    (("/account",), "privacy"),
    (("/t",), "change"),
    (("/users", "/roles", "/schema", "/templates", "/config", "/plugins", "/keys", "/webhooks"), "setup"),
)


def help_topic(here: str) -> str:
    """The part of the guide that is about a page; empty for the whole of it."""
    for paths, topic in _HELP:
        if any(here == path or here.startswith(f"{path}/") for path in paths):
            return topic
    return ""


def _has_follow_ups(call: Call) -> bool:
    """Whether there is a table that says when something is due, and the person may list it."""
    for one in call.web.engine.definitions.types.values():
        due = meant_for(one, "due") if not one.built_in and not one.retired else None
        if due is not None and not due.computed and call.session.may("record.list", one.key):
            return True
    return False


def due_of(call: Call) -> Due | None:
    """What retention has waiting; whoever reaches some records alone is told on its own pages."""
    may = call.web.waiting.due is not None and call.session.may("retention.read")
    return call.web.waiting.due if may and not call.session.retention.limited else None


def counts_of(call: Call) -> Mapping[str, int]:
    """The counts that the rail shows to a person, by path."""
    session, waiting, engine = call.session, call.web.waiting, call.web.engine
    actor, shown = session.acting.actor, {}
    lists = (
        ("/alerts", "alert.read", session.alerts),
        ("/break-glass", "break_glass.review", session.emergencies),
        ("/incoming", "inbox.read", session.inbox),
    )
    for path, action, area in lists:
        if engine.policy.may_everywhere(actor, action):
            shown[path] = waiting.counts(engine)[path]
        elif session.may(action):
            # A count of all would tell whose roles end at some rows of what is not there for them.
            shown[path] = waiting.own(engine, actor, path, area.waiting)
    due = due_of(call)
    if due is not None:
        shown["/retention"] = due.due + due.review
    return shown
