"""What the calls of all areas are made of: identifiers, times, versions, files, values as JSON."""

from __future__ import annotations

import binascii
import zipfile
from base64 import b64decode
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path as FilePath
from typing import Annotated, Any, Final, TypeVar
from uuid import UUID

from fastapi import Header, Path, Query, Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from muniment.cli.values import value_json
from muniment.errors import Conflict, NotFound, UsageError, text_of
from muniment.model import micros_of, parse_time, rfc3339
from muniment.policy import Role
from muniment.roles import beyond_rows
from muniment.schema import Label as Words
from muniment.schema import RecordType
from muniment.session import Session
from muniment.session.writing.seen import Seen
from muniment.session.writing.writes import Saved as SavedChange
from muniment_web.server.folders import own_folder

__all__ = [
    "After",
    "Cursor",
    "Day",
    "DayShown",
    "Done",
    "Fields",
    "Id",
    "Idempotency",
    "IfMatch",
    "Key",
    "Label",
    "Limit",
    "Login",
    "MaybeWhy",
    "Moment",
    "Name",
    "Order",
    "Paged",
    "Reason",
    "Shown",
    "Strict",
    "Text",
    "Time",
    "TimeText",
    "TypeKey",
    "Upload",
    "UuidText",
    "Values",
    "When",
    "Why",
    "Word",
    "Written",
    "WrittenAll",
    "check_type",
    "file_answers",
    "micros",
    "of_type",
    "plain",
    "put_configuration",
    "put_version",
    "replacing",
    "require_seen",
    "uploaded",
    "version_of",
    "written",
    "zipped",
]

_KEY: Final = r"^[a-z][a-z0-9_]{0,62}$"


def _moment(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        return rfc3339(value)
    return rfc3339(micros_of(value)) if isinstance(value, datetime) else value


def _day(value: object) -> object:
    return value.isoformat() if isinstance(value, date) and not isinstance(value, datetime) else value


def _when(value: object) -> object:
    return _day(value) if _day(value) is not value else _moment(value)


def _fields(value: object) -> object:
    return {key: value_json(one) for key, one in value.items()} if isinstance(value, Mapping) else value


def _label(value: object) -> object:
    return {"en": value.en, "zh": value.zh} if isinstance(value, Words) else value


Key = Annotated[str, StringConstraints(pattern=_KEY)]
Order = Annotated[
    str,
    StringConstraints(pattern=r"^-?[a-z][a-z0-9_]{0,62}(,-?[a-z][a-z0-9_]{0,62}){0,4}$"),
    Field(description="fields such as city,-score, what counts most first; with a minus, largest first"),
]
Name = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Word = Annotated[str, StringConstraints(max_length=200)]
Text = Annotated[str, StringConstraints(max_length=4_000)]
Reason = Annotated[str, StringConstraints(min_length=1, max_length=4_000)]
Cursor = Annotated[str, StringConstraints(max_length=8_192)]
Time = Annotated[str, StringConstraints(max_length=40), Field(json_schema_extra={"format": "date-time"})]
Values = dict[str, Any]

TimeText = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
"""A time that is RFC 3339 in UTC already, with six decimals and Z: the one shape that answers have."""

Moment = Annotated[TimeText, BeforeValidator(_moment)]
"""A time in that shape, made of microseconds since 1970 or of a time of Python."""

DayShown = Annotated[str, BeforeValidator(_day), Field(json_schema_extra={"format": "date"})]
"""A day."""

When = Annotated[
    str,
    BeforeValidator(_when),
    Field(json_schema_extra={"anyOf": [{"format": "date-time"}, {"format": "date"}]}),
]
"""A time, or a day where only that is known."""

Fields = Annotated[dict[str, Any], BeforeValidator(_fields)]
"""Values by field key, as JSON."""

Label = Annotated[dict[str, str], BeforeValidator(_label)]
"""A text in English and Chinese, by ``en`` and ``zh``."""

UuidText = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
"""An identifier in a list, or one that may be left out."""

Login = Annotated[str, Path(alias="login", min_length=1, max_length=200)]
TypeKey = Annotated[str, Path(alias="type", pattern=_KEY)]
Id = Annotated[UUID, Path(alias="id")]
Limit = Annotated[int, Query(ge=1, le=1000)]
After = Annotated[str | None, Query(max_length=8_192, description="as the page before names it")]
Day = Annotated[
    str | None, Query(max_length=40, description="RFC 3339", json_schema_extra={"format": "date-time"})
]
IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        description='the version seen, such as "3"',
        json_schema_extra={"pattern": '^(W/)?"?[0-9]{1,9}"?$'},
    ),
]
Idempotency = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        description="a retry with the same key does nothing twice and gives the first answer, for a day",
    ),
]


class Strict(BaseModel):
    """What is sent; unknown members are refused."""

    model_config = ConfigDict(extra="forbid")


class Shown(BaseModel):
    """What is answered, made of the session's own values."""

    model_config = ConfigDict(from_attributes=True)


class RoleSaid(Shown):
    """What whoever gives a role should know of it."""

    role: str
    code: str
    detail: str


def beyond_said(roles: Iterable[Role], lang: str) -> list[RoleSaid]:
    """Of roles that end at some rows those that read the log whole, in words."""
    code = "policy.beyond_rows"
    return [
        RoleSaid(role=key, code=code, detail=text_of(code, lang, name=key)[0]) for key in beyond_rows(roles)
    ]


class Paged(Shown):
    """A page of a list."""

    after: str | None = Field(default=None, description="asks for the next page; null behind the last")


class Why(Strict):
    """A person's own words; sealed."""

    reason: Reason


class MaybeWhy(Strict):
    """A person's own words, where there are any; sealed."""

    reason: Text | None = None


class Done(BaseModel):
    """Where it stands now."""

    id: str
    state: str


class Written(Shown):
    """What became of a record of the archive's own."""

    id: str
    version: int
    written: bool


class WrittenAll(Shown):
    """What became of a change set."""

    saved: list[Written]


class Upload(Strict):
    """A file within a request."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    content: Annotated[str, StringConstraints(max_length=140 << 20)] = Field(description="base64")


# Records


def check_type(session: Session, type: str) -> RecordType:
    """A record type of the archive's own tables.

    Raises:
        NotFound: ``schema.unknown_type``; what is built in has calls of its own.
    """
    return session.own_type(type)


def of_type(session: Session, type: str, id: UUID, action: str = "") -> str:
    """UUID text of a record that an address names; one that is there, but of another type, is not there.

    Whether there is one at all, and whether it may be seen, the session says.

    Args:
        session: who asks.
        type: key of the record type in the address.
        id: of the record.
        action: that the session asks for before it looks for the record: to whom lacks it all are alike;
            empty where it looks first.

    Raises:
        AccessDenied: ``access.action``; logged.
        NotFound: ``record.not_found``; logged.
    """
    from muniment.session.kernel.engine import SHARD

    wanted = check_type(session, type)
    with session.engine.store.transaction(write=False) as tx:
        version = tx.version(SHARD, id.bytes)
    if version is not None and version.type != wanted.number:
        if action:
            session.require(action)
        error = NotFound("record.not_found")
        session.engine.refused(
            session.acting, action or "record.read", error, type=wanted.key, record=str(id)
        )
        raise error
    return str(id)


def plain(found: Any) -> Any:
    """What is made of sets and tuples as JSON has it."""
    if isinstance(found, dict):
        return {str(key): plain(value) for key, value in found.items()}
    if isinstance(found, (frozenset, set)):
        return sorted(found)
    return [plain(one) for one in found] if isinstance(found, (list, tuple)) else found


def written(saved: SavedChange) -> Written:
    """What became of a change."""
    return Written(id=saved.id, version=saved.version, written=saved.written)


# Versions


def version_of(if_match: str | None) -> int:
    """The version that the caller saw.

    Raises:
        UsageError: ``serve.if_match`` where the header is missing or no version.
    """
    text = (if_match or "").strip().removeprefix("W/").strip('"')
    if not (text.isascii() and text.isdecimal()) or len(text) > 9:
        raise UsageError("serve.if_match")
    return int(text)


def require_seen(if_match: str | None, version: int) -> None:
    """Refuse an act on something that moved since the caller saw it; without If-Match any version will do.

    Raises:
        Conflict: ``conflict.version``.
    """
    if if_match is not None and version_of(if_match) != version:
        raise Conflict("conflict.version", found=version, expected=version_of(if_match))


def replacing(if_match: str | None) -> Seen:
    """What refuses to replace something of which the caller has not seen the newest version (RFC 6585, 3).

    Raises:
        UsageError: ``serve.if_match`` where something is there and no version of it is named.
        Conflict: ``conflict.version`` where another one is there than the one named, or none.
    """

    def seen(version: int) -> None:
        if version or if_match is not None:
            require_seen(if_match or "", version)

    return seen


def put_version(response: Response, version: int) -> None:
    """Name the version of what is answered."""
    response.headers["ETag"] = f'"{version}"'


def put_configuration(response: Response, session: Session) -> None:
    """Name the version of the configuration, where what is answered stands in it."""
    held = session.engine.definitions.configuration
    put_version(response, 0 if held is None else held[1])


def micros(text: str | None) -> int | None:
    """Microseconds since 1970 of a time in a request.

    Raises:
        UsageError: ``usage.time``.
    """
    return None if text is None else parse_time(text)


# Files

_Made = TypeVar("_Made")


def file_answers(media_type: str, what: str) -> dict[int | str, dict[str, Any]]:
    """How the description tells of an answer that is a file."""
    schema = {"type": "string", "format": "binary"}
    return {200: {"content": {media_type: {"schema": schema}}, "description": what}}


@contextmanager
def uploaded(given: Upload | None) -> Iterator[FilePath | None]:
    """A file of a request in a folder that is removed behind it; None where there was none.

    Raises:
        UsageError: ``serve.base64``.
    """
    if given is None:
        yield None
        return
    try:
        content = b64decode(given.content, validate=True)
    except (binascii.Error, ValueError):
        raise UsageError("serve.base64") from None
    with own_folder() as folder:
        target = folder / safe_name(given.name)
        target.write_bytes(content)
        yield target


def zipped(folder: FilePath, target: FilePath) -> None:
    """Put the files of a folder into a ZIP."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as made:
        for one in sorted(folder.rglob("*")):
            if one.is_file():
                made.write(one, one.relative_to(folder))


def safe_name(name: str) -> str:
    """What a file is called here: the last part of its name alone, and never a name of the system's."""
    last = name.replace("\\", "/").rpartition("/")[2].replace("\0", "").lstrip(".")
    while len(last.encode("utf-8", "replace")) > 200:
        last = last[1:]
    return last or "file"
