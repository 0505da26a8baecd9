"""What a page of a long list costs hangs on the page alone: the store finds it, and only it is opened."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from muniment.archive import Archive
from muniment.codec import canonical
from muniment.schema.builtin import (
    ALERT,
    BREAK_GLASS,
    ERASURE,
    HOLD,
    INCIDENT,
    INCOMING,
    MAILING,
    NOTICE,
    REQUEST,
    RESTRICTION,
    REVIEW,
    SUBJECT_LINK,
    SUGGESTION,
    WEBHOOK,
)
from muniment.session import Session
from muniment.session.reading.pieces import Piece
from muniment.session.writing.changes import Change
from muniment.session.writing.writes import write
from muniment.testing import new_archive

FEW, MANY = 36, 2_400
OPENED = 12
"""What six entries take at the most, of which five are shown: the parts of two classes each."""


def _alert(n: int) -> dict[str, Any]:
    severity = "critical" if n % 400 == 0 else "low"
    return {
        "rule": "A08",
        "severity": severity,
        "state": "open",
        "grade": f"open-{severity}",
        "last": n,
        "generation": 0,
        "key": f"k{n}",
    }


def _review(n: int) -> dict[str, Any]:
    return {
        "first": n,
        "last": n + 1,
        "first_generation": 0,
        "last_generation": 0,
        "reviewer": "owner",
    }


def _hook(n: int) -> dict[str, Any]:
    return {
        "name": f"system {n:05}",
        "url": "https://example.org/hook",
        "kinds": "record.*",
        "state": "paused",
        "generation": 0,
        "next": 0,
    }


def _suggestion(n: int) -> dict[str, Any]:
    return {"text": f"larger letters {n}", "author": "owner", "state": "open"}


def _notice(n: int) -> dict[str, Any]:
    return {"key": f"n{n:05}", "text_en": f"We keep what you tell us {n}."}


def _request(n: int) -> dict[str, Any]:
    """Half of them closed, long ago."""
    closed = n % 2 == 0
    received = date(2020, 1, 1) + timedelta(days=n)
    return {
        "right": "access",
        "state": "closed" if closed else "received",
        "law": "gdpr",
        "received": received,
        "due": received + timedelta(days=30),
        "closed_on": received + timedelta(days=9) if closed else None,
    }


def _erasure(n: int) -> dict[str, Any]:
    certificate = {"id": _id(n), "targets": [{"record": _id(n), "category": "profile"}]}
    return {
        "cause": "request",
        "state": "done",
        "targets": 1,
        "certificate": canonical(certificate).decode("utf-8"),
    }


def _id(n: int) -> str:
    return str(UUID(int=n))


def _merge(n: int) -> dict[str, Any]:
    names = ("kept", "duplicate", "kept_subject", "duplicate_subject")
    return {"record_type": "customer", **{name: _id(4 * n + place) for place, name in enumerate(names)}}


def _restriction(n: int) -> dict[str, Any]:
    state = ("lifted", "restricted", "storage_only")[n % 3]
    return {"target": _id(n), "scope": "subject", "state": state, "placed_by": "owner"}


def _hold(n: int) -> dict[str, Any]:
    targets = canonical([{"scope": "record", "value": _id(n)}]).decode("utf-8")
    return {"matter": f"case {n}", "state": "released" if n % 2 else "placed", "targets": targets}


def _incoming(n: int) -> dict[str, Any]:
    proposal = {"type": "customer", "values": {}, "persons": [], "person": {}, "shown": {}}
    return {
        "key": f"{n:064}",
        "state": "waiting",
        "source": "mail",
        "received_at": datetime(2020, 1, 1, tzinfo=UTC) + timedelta(hours=n),
        "proposal": canonical(proposal).decode("utf-8"),
    }


def _mailing(n: int) -> dict[str, Any]:
    names = ("letter", "digest", "record_type", "purpose", "selection", "way")
    return {"name": f"spring {n}", "state": "done", "started_by": "owner", **dict.fromkeys(names, "x")}


def _incident(n: int) -> dict[str, Any]:
    state = "closed" if n % 2 else "open"
    known = datetime(2020, 1, 1, tzinfo=UTC)
    return {"title": f"laptop {n}", "state": state, "nature": "lost", "risk": "unknown", "known": known}


def _emergency(n: int) -> dict[str, Any]:
    return {
        "actor": "owner",
        "record": _id(n),
        "expires": datetime(2020, 1, 1, tzinfo=UTC),
        "state": ("reviewed", "open", "ended")[n % 3],
        "reason": "found unconscious",
    }


MAKES = {
    ALERT.key: _alert,
    REVIEW.key: _review,
    WEBHOOK.key: _hook,
    SUGGESTION.key: _suggestion,
    NOTICE.key: _notice,
    REQUEST.key: _request,
    ERASURE.key: _erasure,
    SUBJECT_LINK.key: _merge,
    RESTRICTION.key: _restriction,
    HOLD.key: _hold,
    INCOMING.key: _incoming,
    MAILING.key: _mailing,
    INCIDENT.key: _incident,
    BREAK_GLASS.key: _emergency,
}
LISTS: dict[str, Callable[[Session, Any], Piece[Any]]] = {
    "alerts": lambda session, more: session.alerts.list(**more),
    "gravest alerts": lambda session, more: session.alerts.list(gravest=True, **more),
    "sign-offs": lambda session, more: session.alerts.reviews(newest=True, **more),
    "webhooks": lambda session, more: session.webhooks.all(**more),
    "suggestions": lambda session, more: session.suggestions.all(**more),
    "notices": lambda session, more: session.consents.notices(**more),
    "tokens of all": lambda session, more: session.credentials.listed(**more),
    "own tokens": lambda session, more: session.credentials.own(**more),
    "open requests": lambda session, more: session.requests.listed(**more),
    "all requests": lambda session, more: session.requests.listed(everything=True, **more),
    "certificates": lambda session, more: session.erasures.certificates(**more),
    "newest certificates": lambda session, more: session.erasures.certificates(newest=True, **more),
    "merges": lambda session, more: session.cleaning.links.list(**more),
    "newest merges": lambda session, more: session.cleaning.links.list(newest=True, **more),
    "restrictions": lambda session, more: session.restrictions.list(**more),
    "holds": lambda session, more: session.holds.list(**more),
    "all holds, newest first": lambda session, more: session.holds.list(released=True, newest=True, **more),
    "what came in": lambda session, more: session.inbox.listed(**more),
    "all that came in": lambda session, more: session.inbox.listed(everything=True, **more),
    "mailings": lambda session, more: session.mail.list(**more),
    "open incidents": lambda session, more: session.incidents.listed(**more),
    "all incidents": lambda session, more: session.incidents.listed(closed=True, **more),
    "emergencies": lambda session, more: session.emergencies.list(**more),
    "reviewed emergencies": lambda session, more: session.emergencies.list(reviewed=True, **more),
}


def fill(archive: Archive, count: int) -> None:
    """So many of everything; of tokens fewer, which are not written in one transaction."""
    with archive.session(actor="owner") as session:
        for key, made in MAKES.items():
            for at in range(0, count, 800):
                changes = [
                    Change("create", key, values=made(n), inside=True)
                    for n in range(at, min(at + 800, count))
                ]
                write(session.engine, session.acting, changes)
        for n in range(min(count, 150)):
            session.credentials.issue("owner", name=f"t{n}", scopes=("read",), days=1)


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Archive, Archive]]:
    """An archive with few of everything, and one with thousands."""
    folder = tmp_path_factory.mktemp("long")
    templates = ("customer-info",)
    with (
        new_archive(folder / "few", templates=templates) as few,
        new_archive(folder / "many", templates=templates) as many,
    ):
        fill(few, FEW)
        fill(many, MANY)
        yield few, many


def cost(archive: Archive, monkeypatch: pytest.MonkeyPatch, name: str) -> tuple[int, int]:
    """Of the second piece of a list, after a first one: seals and boxes opened, and what the store did."""
    opened: list[object] = []
    steps: list[object] = []
    engine = archive.engine

    def counted(before: Any) -> Any:
        def counting(*given: Any, **more: Any) -> Any:
            opened.append(given)
            return before(*given, **more)

        return counting

    with monkeypatch.context() as patched, archive.session(actor="owner") as session:
        patched.setattr(type(engine.sealer), "open", counted(type(engine.sealer).open))
        patched.setattr(type(engine.keys), "box_get", counted(type(engine.keys).box_get))
        first = LISTS[name](session, {"limit": 5})
        assert len(opened) <= OPENED
        opened.clear()
        # A hundred instructions of SQLite's machine at a time.
        database = engine.store._db
        database.set_progress_handler(lambda: steps.append(None), 100)
        found = LISTS[name](session, {"limit": 5, "after": first.after})
        database.set_progress_handler(None, 0)
    assert 5 == len(first) == len(found)
    assert found.after
    return len(opened), len(steps)


@pytest.mark.slow
@pytest.mark.parametrize("name", LISTS)
def test_a_piece_costs_the_same_among_thousands(archives, monkeypatch, name):
    """At the beginning and further on no more is opened, and the store walks no further, than it shows."""
    few, many = (cost(one, monkeypatch, name) for one in archives)
    assert few[0] == many[0] <= OPENED
    assert many[1] <= 2 * few[1] + 20
