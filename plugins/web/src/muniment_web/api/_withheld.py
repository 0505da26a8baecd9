"""What a caller sent stays with them: no answer that refuses it says it again.

Errors of ours hold names, numbers and places. A caller may put a value where a name goes, and then it would
come back in a sentence, and from there into somebody's log. A name that is written like one is told all the
same: whoever misspelt a field wants to see which.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any, Final

import attrs

from muniment.errors import Invalid, MunimentError
from muniment_web.api._strict import StrictRequest
from muniment_web.server.strict import strict_json

__all__ = ["sent_by", "sent_in", "withhold"]

_NAME: Final = re.compile(r"[a-z][a-z0-9_.:-]{0,62}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9]{1,9}")
_HEADERS: Final = ("if-match", "idempotency-key", "muniment-purpose")
_INSTEAD: Final = "?"


def sent_in(found: Any) -> Iterator[str]:
    """Every text in a document, names of members too."""
    if isinstance(found, str):
        yield found
    elif isinstance(found, Mapping):
        for name, one in found.items():
            yield str(name)
            yield from sent_in(one)
    elif isinstance(found, (list, tuple)):
        for one in found:
            yield from sent_in(one)


async def sent_by(request: StrictRequest) -> list[str]:
    """Every text of a request: of its address, its body, and the headers that are read."""
    found = [*map(str, request.path_params.values()), *request.query_params.values()]
    found += [request.headers[name] for name in _HEADERS if name in request.headers]
    # What is no JSON, or was never read, is in no error.
    with suppress(ValueError, RuntimeError):
        found += sent_in(strict_json(await request.body()))
    return found


def withhold(error: MunimentError, sent: Iterable[str]) -> None:
    """Take out of an error, which is about to be answered, what its caller sent and no name is."""
    odd = sorted({one for one in sent if one.strip() and not _NAME.fullmatch(one)}, key=len, reverse=True)

    def clean(value: Any) -> Any:
        if isinstance(value, str):
            for one in odd:
                value = value.replace(one, _INSTEAD) if len(one) > 2 or value == one else value
        return value

    error.parameters = {name: clean(one) for name, one in error.parameters.items()}
    error.where = clean(error.where)
    if isinstance(error, Invalid):
        error.issues = tuple(
            attrs.evolve(
                one,
                field=clean(one.field),
                parameters={name: clean(each) for name, each in one.parameters.items()},
            )
            for one in error.issues
        )
