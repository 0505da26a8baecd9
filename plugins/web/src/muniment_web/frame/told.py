"""What several areas of the pages tell alike: problems, places of records, days, files to take away."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any

import attrs
from starlette.responses import Response

from muniment.errors import Invalid, Issue, MunimentError, UsageError, text_of
from muniment.log.kinds import KINDS
from muniment.model import id_bytes, id_text, micros_of
from muniment.session.kernel.engine import SHARD
from muniment_web.frame.call import Call
from muniment_web.server.folders import own_folder

__all__ = [
    "AUTHS",
    "SIGNED_OUT",
    "Place",
    "auth_of",
    "caught",
    "changed_text",
    "day_of",
    "field_names",
    "form_page",
    "hint_of",
    "issue_text",
    "named_places",
    "number_of",
    "part_of",
    "places_of",
    "problem_of",
    "purpose_of",
    "purposes_of",
    "roles_of",
    "sent_file",
    "sentence_of",
    "time_us_of",
    "type_names",
    "types_called",
    "worded",
]

AUTHS = ("password", "passkey", "token", "os-user", "asserted")
"""How it is known who acted."""

SIGNED_OUT = ("access.changed", "access.disabled", "access.unknown_actor")
"""Codes of errors after which somebody is signed out: they are not who they were when they signed in."""

_OPERATIONS = frozenset({"create", "update", "correct", "delete", "undelete", "revert"})


@attrs.frozen
class Place:
    """Where a record is looked at.

    Attributes:
        id: UUID text.
        type: key of its type; empty for one that is not there or is none of a table's.
        label: of the type.
        title: what it goes by; empty where nobody asked or nothing may be told.
    """

    id: str
    type: str = ""
    label: str = ""
    title: str = ""

    @property
    def path(self) -> str:
        """The path of its page; empty where there is none."""
        return f"/t/{self.type}/{self.id}" if self.type else ""


def number_of(text: str) -> int | None:
    """A number of up to nine digits; None for everything else."""
    return int(text) if 0 < len(text) < 10 and text.isascii() and text.isdecimal() else None


def changed_text(call: Call, what: str) -> str:
    """What a proposal does, such as ``update customer`` or an action of the policy, as people read it."""
    operation, _, key = what.partition(" ")
    found = call.web.engine.definitions.types.get(key)
    label = key if found is None else found.label.of(call.lang) or key
    kind = KINDS.get(operation)
    if operation in _OPERATIONS:
        operation = call.say(f"record.op_{operation}")
    elif kind is not None:
        operation = kind.zh if call.lang == "zh" else kind.en
    return f"{operation} · {label}" if label else operation


def caught(error: MunimentError) -> MunimentError:
    """An error that stands above a form.

    Raises:
        MunimentError: one that no form may catch: somebody is signed out, or what they asked for waits
            for a second person.
    """
    if error.code in SIGNED_OUT or error.code == "approval.waits":
        raise error
    return error


def worded(call: Call, error: MunimentError) -> MunimentError:
    """The same error, naming tables, and fields that this reader may know, by what they are called."""
    if isinstance(error, Invalid) or call.sign is None:
        return error
    called, parameters = types_called(call), dict(error.parameters)
    for name in ("type", "target"):
        if parameters.get(name) in called:
            parameters[name] = called[parameters[name]]
    if error.code == "schema.unknown_type":
        parameters["known"] = call.say("common.comma").join(label for _, label in type_names(call))
    found = call.web.engine.definitions.types.get(error.where or "")
    if found is not None and isinstance(parameters.get("names"), str):
        readable = call.session.view(found).readable
        labels = {one.key: one.label.of(call.lang) or one.key for one in found.fields if one.key in readable}
        names = parameters["names"].split(", ")
        parameters["names"] = call.say("common.comma").join(labels.get(one, one) for one in names)
    return type(error)(error.code, where=called.get(error.where or "", error.where), **parameters)


def hint_of(call: Call, error: MunimentError) -> str:
    """What to do about an error, in words for a page: nobody types an option of a command there."""
    error = worded(call, error)
    return call.say.hint(error.code, **error.parameters) or error.hint(call.lang)


def sentence_of(call: Call, error: MunimentError) -> str:
    """An error on one line, without its code."""
    if isinstance(error, Invalid):
        listed = "; ".join(
            f"{one.field}: {issue_text(call, one)}" if one.field else issue_text(call, one)
            for one in error.issues
        )
        return f"{text_of(error.code, call.lang, count=len(error.issues))[0]} {listed}"
    found = worded(call, error)
    text = found.text(call.lang).rpartition(" [")[0]
    hint = found.hint(call.lang)
    return text.removesuffix(hint) + hint_of(call, error) if hint else text


def issue_text(call: Call, issue: Issue) -> str:
    """What is wrong with one field and what to do about it; the field itself stands beside it."""
    found = call.web.engine.definitions.types.get(str(issue.parameters.get("target")))
    if found is not None and found.label.of(call.lang):
        called = {**issue.parameters, "target": found.label.of(call.lang)}
        issue = attrs.evolve(issue, parameters=called)
    text = issue.text(call.lang).removeprefix(f"{issue.field}: ")
    own = call.say.hint(issue.code, **issue.parameters)
    hint = text_of(issue.code, call.lang, field=issue.field, **issue.parameters)[1]
    return text.removesuffix(hint) + own if own and hint else text


def problem_of(call: Call, error: MunimentError | None) -> Mapping[str, str] | None:
    """An error for the box above a form; None for none."""
    if error is None:
        return None
    text, hint = sentence_of(call, error), hint_of(call, error)
    return {"code": error.code, "text": text.removesuffix(hint).strip(), "hint": hint}


def form_page(call: Call, template: str, problem: MunimentError | None, **values: Any) -> Response:
    """A page with a form: with what is wrong above it, where something is."""
    status = 422 if problem else 200
    return call.page(template, status=status, problem=problem_of(call, problem), **values)


def places_of(call: Call, ids: Iterable[str]) -> dict[str, Place]:
    """Which tables records are in; nothing of their values is read."""
    engine = call.web.engine
    wanted = sorted(set(ids))
    by_number = engine.definitions.by_number
    found = {}
    with engine.store.transaction(write=False) as tx:
        versions = tx.newest_versions(SHARD, [id_bytes(one) for one in wanted])
    for record, version in versions.items():
        record_type = by_number.get(version.type)
        if record_type is not None and not record_type.built_in:
            label = record_type.label.of(call.lang) or record_type.key
            found[id_text(record)] = Place(id_text(record), record_type.key, label)
    return {one: found.get(one, Place(one)) for one in wanted}


def named_places(call: Call, ids: Iterable[str]) -> dict[str, Place]:
    """The same with what the records go by; each look-up is an entry."""
    places = places_of(call, ids)
    by_type: dict[str, list[str]] = {}
    for one in places.values():
        if one.type and call.session.may("record.list", one.type):
            by_type.setdefault(one.type, []).append(one.id)
    for key, listed in by_type.items():
        for id, title in call.session.titles(key, listed).items():
            places[id] = attrs.evolve(places[id], title=title)
    return places


def purpose_of(call: Call, term: str) -> str:
    """A purpose in words; the term itself where nobody named it."""
    from muniment.purposes import PURPOSES

    found = PURPOSES.get(term) or call.web.archive.plugins.purposes().get(term)
    return term if found is None else found.label.of(call.lang) or term


def purposes_of(call: Call) -> Sequence[str]:
    """The purposes that there are, in the order in which people read them."""
    from muniment.purposes import PURPOSES

    names = {*PURPOSES, *call.web.archive.plugins.purposes()}
    return sorted(names, key=lambda name: purpose_of(call, name).casefold())


def roles_of(call: Call, keys: Iterable[str]) -> list[str]:
    """What roles are called."""
    roles = call.web.engine.policy.roles
    return [roles[key].label.get(call.lang) or key if key in roles else key for key in keys]


def types_called(call: Call) -> dict[str, str]:
    """What the record types are called, by key; those of the archive itself too."""
    types = call.web.engine.definitions.types
    return {key: one.label.of(call.lang) or key for key, one in types.items()}


def part_of(call: Call, type_key: str, category: str) -> str:
    """Which part of a record stands under a retention category: its form's headings, or the category."""
    found = call.web.engine.definitions.types.get(type_key)
    groups = () if found is None else found.groups
    names = [one.label.of(call.lang) or one.key for one in groups if one.category == category]
    return call.say("common.comma").join(names) or category


def field_names(call: Call) -> list[tuple[str, str]]:
    """The fields that this reader may know, by key, with what they are called."""
    names: dict[str, str] = {}
    for one in call.session.types():
        readable = call.session.view(one).readable
        for field in one.fields:
            if field.key in readable:
                names.setdefault(field.key, field.label.of(call.lang) or field.key)
    return sorted(names.items(), key=lambda pair: pair[1].casefold())


def type_names(call: Call) -> list[tuple[str, str]]:
    """The tables that this reader may know, by key, with what they are called."""
    return [(one.key, one.label.of(call.lang) or one.key) for one in call.session.types()]


def auth_of(call: Call, name: str) -> str:
    """How it is known who acted, in words."""
    return call.say(f"log.auth_{name}") if name in AUTHS else name


def day_of(text: str) -> date | None:
    """A day as YYYY-MM-DD; None for an empty text.

    Raises:
        UsageError: ``usage.time``.
    """
    if not text.strip():
        return None
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise UsageError("usage.time") from None


def time_us_of(call: Call, text: str, *, end: bool = False) -> int | None:
    """The first moment of a day in the archive's zone, or the first one after it; None for an empty text.

    Raises:
        UsageError: ``usage.time``.
    """
    from datetime import timedelta

    day = day_of(text)
    if day is None:
        return None
    start = datetime(day.year, day.month, day.day, tzinfo=call.web.engine.zone)
    return micros_of(start + timedelta(days=1) if end else start)


@contextmanager
def sent_file(call: Call, name: str) -> Iterator[Path | None]:
    """An uploaded file, in a folder that is gone after the block; None where none was sent."""
    found = call.upload(name)
    if found is None:
        yield None
        return
    with own_folder() as folder:
        # Only the last part of what the browser calls it, and never a name of the system's.
        target = folder / (Path(found.filename or "").name.lstrip(".") or "file")
        with target.open("wb") as out:
            while piece := found.file.read(1 << 20):
                out.write(piece)
        yield target
