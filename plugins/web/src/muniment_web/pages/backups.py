"""Backups: when the last one was made, making one, practising a restore, and where they go."""

from __future__ import annotations

import shlex
from functools import partial
from typing import Any

from starlette.responses import Response
from starlette.routing import BaseRoute

from muniment.archive.backups import backing_up
from muniment.archive.editing import Edit
from muniment.errors import MunimentError, NotFound, UsageError
from muniment.session.reading.pieces import Piece
from muniment.subjects.rules import BackupPlan
from muniment_web.frame.call import Call
from muniment_web.frame.proposing import Seen, look_or_edit
from muniment_web.frame.reasons import REASONS
from muniment_web.frame.routing import page
from muniment_web.frame.told import caught, form_page, problem_of

__all__ = ["routes"]

_COUNTS = ("every_hours", "keep_daily", "keep_weekly", "keep_monthly")


def routes() -> list[BaseRoute]:
    """The routes of this area."""
    return [
        page("/backups", backups),
        page("/backups", act, methods=("POST",)),
        page("/backups/plan", plan, methods=("POST",)),
    ]


def backups(call: Call) -> Response:
    """The backups that are there."""
    return _page(call)


def _page(
    call: Call,
    *,
    seen: Seen | None = None,
    typed: dict[str, str] | None = None,
    problem: MunimentError | None = None,
) -> Response:
    session, archive = call.session, call.web.archive
    session.require("backup.read")
    held, last = archive.applied.backup, session.backups.last()
    fault: MunimentError | None = None
    listed: Piece[Any] = Piece()
    newest = "BACKUP"
    if held.to:
        try:
            listed = session.backups.listed(newest=True, **call.piece)
            last_ones = session.backups.listed(newest=True, limit=1) if call.query("after") else listed
            newest = last_ones[0].name if last_ones else newest
        except UsageError:
            raise
        except MunimentError as error:
            fault = caught(error)
    keys = archive.keys.status() if session.may("key.read") else None
    place = held.to if "://" in held.to else str(archive.folder / held.to) if held.to else "/backup"
    return form_page(
        call,
        "backups.html",
        problem,
        last=last and {"time": call.time(last.made_us), "size": last.size},
        late=session.backups.late(),
        plan=held,
        listed=[
            {"name": one.name, "time": f"{one.made:%Y-%m-%d %H:%M} UTC", "size": one.size} for one in listed
        ],
        more=call.more(listed),
        restoring=f"muniment restore {shlex.quote(f'{place}/{newest}')} {shlex.quote(str(archive.folder))}",
        keys=keys,
        typed=typed or {name: str(getattr(held, name)) for name in ("to", *_COUNTS)},
        may_make=session.may("backup.create"),
        may_plan=session.may("config.change"),
        seen=seen,
        fault=problem_of(call, fault),
        reasons=REASONS,
        notes=call.taken_notes(),
    )


def act(call: Call) -> Response:
    """Make a backup, practise a restore, or remove those that had their time."""
    own, name = call.session.backups, call.text("name")
    try:
        if call.text("do") == "run":
            made = own.run()
            note = call.say("backups.made", name=made.name, size=made.size)
        elif call.text("do") == "drill":
            # A name of the list, never a path of somebody's.
            if name not in {one.name for one in own.listed()}:
                raise NotFound("backup.none", where=name)
            done = own.drill(name)
            note = call.say("backups.drilled", size=done.size, opened=done.opened, erased=done.erased)
        elif call.text("do") == "prune":
            note = call.say("backups.pruned", count=len(own.prune()))
        else:
            raise UsageError("usage.kind")
    except MunimentError as error:
        return _page(call, problem=caught(error))
    return call.go("/backups", note=note)


def plan(call: Call) -> Response:
    """Look what another plan would be, or have it hold."""
    call.session.require("config.change")
    typed = {name: call.text(name).strip() for name in ("to", *_COUNTS)}
    return look_or_edit(
        call,
        lambda: _planned(typed),
        again=partial(_page, call, typed=typed),
        done="/backups",
        note=call.say("backups.planned"),
        after=call.session.backups.prepare,
    )


def _planned(typed: dict[str, str]) -> Edit:
    usual = BackupPlan()
    counts = {}
    for name in _COUNTS:
        text = typed[name] or str(getattr(usual, name))
        if not (text.isascii() and text.isdecimal() and len(text) < 6):
            raise UsageError("usage.number")
        counts[name] = int(text)
    return backing_up(BackupPlan(to=typed["to"], **counts))
