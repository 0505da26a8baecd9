"""Choosing a record that another one refers to: looked for while somebody types, within their rights.

What is typed is sent in the body, so it stands in no address, and each look is an entry of the log as any
search is. A sealed name answers to whole words alone; where no index can answer, nothing is found.
"""

from __future__ import annotations

from typing import Any, Final

from starlette.responses import Response
from starlette.routing import BaseRoute

from muniment.errors import Invalid, NotFound, UsageError
from muniment.model import id_text
from muniment.schema import RecordType
from muniment.session.kernel.views import Record
from muniment.session.reading.references import find_reference
from muniment_web.frame.call import Call
from muniment_web.frame.routing import page
from muniment_web.frame.titles import title_of

__all__ = ["routes"]

_MOST: Final = 12
_LONGEST: Final = 200
_USER: Final = "user"


def routes() -> list[BaseRoute]:
    """The routes of this area."""
    return [page("/choose/{type}", choose, methods=("POST",))]


def choose(call: Call) -> Response:
    """The records that answer to what was typed; the first ones where nothing was."""
    words = call.text("q").strip()[:_LONGEST]
    key = str(call.path["type"])
    if key == _USER and not call.session.may("record.list", key):
        found = _oneself(call, words)
    elif key == _USER:
        found = _users(call, words)
    else:
        call.session.require("record.list", key)
        record_type = call.session.type(key)
        if record_type.built_in:
            raise NotFound("serve.not_found")
        found = _records(call, record_type, words)
    return call.json({"found": found})


def _oneself(call: Call, words: str) -> list[dict[str, str]]:
    """Whoever may not list users may still name themselves."""
    login = call.signed.login
    user = call.web.engine.definitions.users.get(login)
    if user is None or words.casefold() not in login.casefold():
        return []
    return [{"id": id_text(user.record), "label": login, "hint": ""}]


def _users(call: Call, words: str) -> list[dict[str, str]]:
    """Logins in which the words stand, beside what the users go by as far as that may be read.

    A login is no secret among those who work here: every history names who wrote.
    """
    users = call.web.engine.definitions.users
    logins = {
        id_text(user.record): login
        for login, user in sorted(users.items())
        if user.active and words.casefold() in login.casefold()
    }
    first = list(logins)[:_MOST]
    titles = call.session.titles(_USER, first)
    return [{"id": one, "label": titles.get(one) or logins[one], "hint": logins[one]} for one in first]


def _records(call: Call, record_type: RecordType, words: str) -> list[dict[str, str]]:
    session, key = call.session, record_type.key
    readable = session.view(record_type).readable
    fields = [one for one in record_type.title if one in readable]
    if not words:
        return _shown(session.list(key, fields=fields, limit=_MOST).records, record_type)
    found: list[Record] = []
    if session.may("record.search", key):
        try:
            found += session.search(key, words, fields=fields, limit=_MOST).records
        except (UsageError, Invalid) as error:
            # Words that no index of this type could hold find nothing.
            if not error.code.startswith(("index.", "usage.")):
                raise
    shown = _shown(found, record_type)
    if not shown:
        exact = find_reference(session, key, words)
        titles = session.titles(key, [exact]) if exact else {}
        shown = [{"id": one, "label": label, "hint": words} for one, label in titles.items()]
    return shown


def _shown(records: Any, record_type: RecordType) -> list[dict[str, str]]:
    """Records by what they go by; the other names of a type stand beside it."""
    made = []
    for one in records:
        label = title_of(one, record_type.title)
        others = [
            str(one.fields[name])
            for name in record_type.title
            if one.fields.get(name) is not None and name not in one.masked and str(one.fields[name]) != label
        ]
        made.append({"id": one.id, "label": label or one.id[-6:], "hint": " · ".join(others)})
    return made
