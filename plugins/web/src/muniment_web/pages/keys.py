"""The key store: how it stands, rotating it, and what has to be done at the machine."""

from __future__ import annotations

import shlex

from starlette.responses import Response
from starlette.routing import BaseRoute

from muniment.errors import MunimentError
from muniment.keys import Rotated
from muniment.model import rfc3339
from muniment_web.frame.call import Call
from muniment_web.frame.routing import page
from muniment_web.frame.told import caught, form_page

__all__ = ["routes"]


def routes() -> list[BaseRoute]:
    """The routes of this area."""
    return [page("/keys", keys), page("/keys", rotate, methods=("POST",))]


def keys(call: Call) -> Response:
    """How the key store stands."""
    return _page(call)


def _page(call: Call, *, done: Rotated | None = None, problem: MunimentError | None = None) -> Response:
    session, archive = call.session, call.web.archive
    session.require("key.read")
    held = archive.keys.status()
    at = f"muniment --archive {shlex.quote(str(archive.folder))} key"
    return form_page(
        call,
        "keys.html",
        problem,
        held=held,
        added={one.slot: rfc3339(one.added)[:10] for one in held.slots},
        kept=held.backup
        and {
            "epoch": held.backup.epoch,
            "made": rfc3339(held.backup.made)[:10],
            "expires": rfc3339(held.backup.expires)[:10],
        },
        commands=(
            ("keys.c_backup", f"{at} backup /KEYS --slots /SLOTS"),
            ("keys.c_file", f"{at} slot add keyfile --path /SAFE/archive.key"),
            ("keys.c_recovery", f"{at} slot add recovery"),
            ("keys.c_remove", f"{at} slot remove SLOT"),
        ),
        may=session.may("key.change"),
        done=done,
    )


def rotate(call: Call) -> Response:
    """Seal everything under a new archive key; old copies of the key store open nothing from then on."""
    try:
        done = call.session.keys.rotate()
    except MunimentError as error:
        return _page(call, problem=caught(error))
    return _page(call, done=done)
