"""What a role of a team's own may do with one table: single fields, records that it reaches, its acts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import Any, Final

from starlette.responses import Response
from starlette.routing import BaseRoute

from muniment.archive.editing import Edit
from muniment.archive.roles import RuleStated, origin_of, ruling
from muniment.errors import ConfigError, MunimentError, NotFound
from muniment.model import CLASSES
from muniment.policy import ACTIONS, FieldRule, Role, RowTest, TypeRule
from muniment.roles import tells_rows
from muniment.schema import Field, RecordType
from muniment_web.frame.call import Call
from muniment_web.frame.proposing import Seen, look_or_edit
from muniment_web.frame.reasons import REASONS
from muniment_web.frame.routing import page
from muniment_web.frame.told import form_page

__all__ = ["routes"]

_WAYS: Final = ("clear", "mask", "none", "deny")
_ANSWERS: Final = {"": None, "yes": True, "no": False}
_SETS: Final = ("write", "search", "export")
_RECORDS: Final = tuple(sorted(one for one in ACTIONS if one.startswith("record.")))
_BETWEEN: Final = re.compile(r"[,;\uff0c\uff1b\u3001]")


def routes() -> list[BaseRoute]:
    """The routes of this area."""
    return [
        page("/roles/{role}/tables/{type}", rule),
        page("/roles/{role}/tables/{type}", state, methods=("POST",)),
    ]


def _of(call: Call) -> tuple[Role, RecordType, TypeRule]:
    """The role of the archive's own, the table, and what the role says of it.

    Raises:
        NotFound: ``serve.not_found``.
    """
    role = call.web.engine.policy.roles.get(call.path["role"])
    found = {one.key: one for one in call.session.types()}.get(call.path["type"])
    if role is None or found is None or origin_of(call.web.archive, role.key)[0] != "archive":
        raise NotFound("serve.not_found")
    if not role.is_for(found.key):
        raise NotFound("serve.not_found")
    return role, found, role.rules.get(found.key, TypeRule())


def rule(call: Call) -> Response:
    """The form, as the rule stands."""
    call.session.require("config.change")
    _, _, held = _of(call)
    return _form(call, _as_held(held))


def _as_held(held: TypeRule) -> RuleStated:
    return RuleStated(
        held.actions, held.fields, held.rows, held.read, held.write, held.search, held.export, held.deny
    )


def state(call: Call) -> Response:
    """Look what a rule would come to, or have it hold."""
    call.session.require("config.change")
    role, table, held = _of(call)
    stated = _as_held(held)

    def making() -> Edit:
        nonlocal stated
        stated = _stated(call, role, table, held)
        return ruling(call.web.archive, role.key, table.key, stated)

    return look_or_edit(
        call,
        making,
        again=lambda *, seen, problem: _form(call, stated, seen=seen, problem=problem),
        done=f"/roles/{role.key}",
        note=call.say("roles.holds", role=role.key),
    )


def _form(
    call: Call, stated: RuleStated, *, seen: Seen | None = None, problem: MunimentError | None = None
) -> Response:
    role, table, held = _of(call)
    fields = [one for one in table.fields if not one.retired]
    ruled, plain = _told_apart(fields, stated, {**role.read, **held.read}, call.lang)
    own = {name: getattr(stated, name) for name in _SETS}
    general = _general(role)
    sets = {name: general[name] if own[name] is None else own[name] for name in _SETS}
    return form_page(
        call,
        "role_table.html",
        problem,
        role=role,
        table=table,
        classes=CLASSES,
        class_ways=_WAYS[:3],
        own=own,
        sets=sets,
        read=stated.read,
        denied=stated.deny,
        ways=_WAYS,
        ruled=ruled,
        plain=plain,
        actions=_RECORDS,
        own_actions=stated.actions is not None,
        chosen=role.actions if stated.actions is None else stated.actions,
        # An empty line in each group, and an empty group, to go on in.
        rows=[(*tests, None) for tests in (*stated.rows, ())],
        choices=_row_fields(fields, stated, call.lang),
        asking=["actor", *_attributes(call)],
        seen=seen,
        reasons=REASONS,
    )


def _told_apart(
    fields: Sequence[Field], stated: RuleStated, usual: Mapping[str, str], lang: str
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The fields with a rule of their own, and those that follow their class: most, on a wide table."""
    ruled: list[dict[str, Any]] = []
    plain: list[dict[str, Any]] = []
    for one in fields:
        rule = stated.fields.get(one.key, FieldRule())
        shown = {
            "key": one.key,
            "label": one.label.of(lang) or one.key,
            "class": one.sensitivity,
            "usual": usual.get(one.sensitivity, "none"),
            "rule": rule,
        }
        (plain if rule == FieldRule() else ruled).append(shown)
    return ruled, plain


def _general(role: Role) -> dict[str, frozenset[str]]:
    """The classes that a role writes, asks for by exact value and hands out where a table says nothing."""
    export = frozenset(CLASSES) if role.export is None else role.export
    return {"write": role.write, "search": role.search, "export": export}


def _row_fields(fields: Sequence[Field], stated: RuleStated, lang: str) -> list[tuple[str, str]]:
    """What may say which records are reached: fields of the table, and those named behind references."""
    found = {one.key: one.label.of(lang) or one.key for one in fields if tells_rows(one)}
    for test in (test for tests in stated.rows for test in tests):
        found.setdefault(test.field, test.field)
    return list(found.items())


def _attributes(call: Call) -> list[str]:
    """What rows may be compared with: the attributes that users have, by name."""
    users = call.web.engine.definitions.users.values()
    return sorted({f"actor.{name}" for one in users for name, _ in one.attributes})


# What was sent


def _stated(call: Call, role: Role, table: RecordType, held: TypeRule) -> RuleStated:
    actions = None
    if call.text("own"):
        # What is no act on records stays as it holds now.
        beside = (role.actions if held.actions is None else held.actions) - set(_RECORDS)
        actions = beside | (set(call.texts("action")) & set(_RECORDS))
    fields = {
        one.key: _field_rule(call, one.key, held.fields.get(one.key, FieldRule()))
        for one in table.fields
        if not one.retired
    }
    # What holds for retired fields is nothing that the form shows.
    kept = {key: rule for key, rule in held.fields.items() if key not in fields}
    read = {name: way for name in CLASSES if (way := call.text(f"class.{name}")) in _WAYS[:3]}
    sets = {name: _set(call, name, getattr(held, name), usual) for name, usual in _general(role).items()}
    return RuleStated(
        actions,
        {**kept, **fields},
        tuple(_rows(call, f"roles.{role.key}.type.{table.key}")),
        read,
        **sets,
        deny=(held.deny - set(_RECORDS)) | (set(call.texts("deny")) & set(_RECORDS)),
    )


def _set(call: Call, name: str, held: frozenset[str] | None, usual: frozenset[str]) -> frozenset[str] | None:
    """The classes in place of the role's; whoever ticks others than the role has means them."""
    chosen = frozenset(call.texts(f"class_{name}"))
    moved = held is None and bool(call.text("classes")) and chosen != usual
    return chosen if moved or call.text(f"own_{name}") else None


def _field_rule(call: Call, key: str, held: FieldRule) -> FieldRule:
    way = call.text(f"read.{key}")
    answers = {name: _ANSWERS.get(call.text(f"{name}.{key}")) for name in _SETS}
    # How a field would be read that is denied stays as the file has it.
    read = held.read if way == "deny" else (way if way in _WAYS else None)
    return FieldRule(read, **answers, deny=way == "deny")


def _rows(call: Call, place: str) -> Iterator[tuple[RowTest, ...]]:
    for number in count():
        fields, values = call.texts(f"row.{number}.field"), call.texts(f"row.{number}.values")
        if not fields or len(fields) != len(values):
            return
        found: dict[str, list[str]] = {}
        for key, text in zip(fields, values, strict=True):
            some = [one.strip() for one in _BETWEEN.split(text) if one.strip()]
            if bool(key) is not bool(some):
                raise ConfigError("config.role_row_half", where=f"{place}.rows")
            if key:
                found.setdefault(key, []).extend(some)
        if found:
            yield tuple(RowTest(key, tuple(dict.fromkeys(some))) for key, some in sorted(found.items()))
