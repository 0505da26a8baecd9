"""One role: what it may do and see, in words and as a table; those of a team's own are made here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from starlette.responses import Response
from starlette.routing import BaseRoute

from muniment.archive.editing import Edit
from muniment.archive.roles import RoleStated, defining, origin_of, removing, role_text
from muniment.errors import MunimentError, NotFound
from muniment.model import CLASSES
from muniment.policy import ACTIONS, Role
from muniment.purposes import PURPOSES
from muniment_web.frame.call import Call
from muniment_web.frame.proposing import Seen, beyond_said, look_or_edit
from muniment_web.frame.reasons import REASONS
from muniment_web.frame.routing import page
from muniment_web.frame.told import form_page, purpose_of, type_names

__all__ = ["routes"]

_WAYS = ("none", "mask", "clear")


def routes() -> list[BaseRoute]:
    """The routes of this area."""
    return [
        page("/roles/new", new),
        page("/roles/new", define, methods=("POST",)),
        page("/roles/{role}", role),
        page("/roles/{role}", remove, methods=("POST",)),
        page("/roles/{role}/change", change),
        page("/roles/{role}/change", define, methods=("POST",)),
    ]


def _role_of(call: Call, key: str) -> Role:
    found = call.web.engine.policy.roles.get(key)
    if found is None:
        raise NotFound("serve.not_found")
    return found


def _grouped(actions: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Actions by what they are done to."""
    found: dict[str, list[str]] = {}
    for one in sorted(actions):
        found.setdefault(one.partition(".")[0], []).append(one)
    return list(found.items())


# One role


def role(call: Call) -> Response:
    """What one role says, in words, and what that comes to for each table."""
    return _page(call)


def _page(call: Call, *, seen: Seen | None = None, problem: MunimentError | None = None) -> Response:
    session, web = call.session, call.web
    session.require("user.read")
    session.note("role.read")
    found = _role_of(call, call.path["role"])
    column = web.engine.policy.matrix(session.types())[found.key]
    origin, plugin = origin_of(web.archive, found.key)
    tables = []
    for one in session.types():
        if one.retired:
            continue
        own = column["types"][one.key]
        labels = {each.key: each.label.of(call.lang) or each.key for each in one.fields if not each.retired}
        ways = {
            way: [labels[key] for key in own[way] if key in labels] for way in ("clear", "masked", "writable")
        }
        hidden = [labels[key] for key in labels if key not in own["clear"] and key not in own["masked"]]
        tables.append(
            {
                "label": one.label.of(call.lang) or one.key,
                "key": one.key,
                "actions": own["actions"],
                "rows": own["rows"],
                "ruled": found.is_for(one.key),
                "every": len(labels),
                "hidden": hidden,
                **ways,
            }
        )
    return form_page(
        call,
        "role.html",
        problem,
        role=found,
        warnings=beyond_said(call, (found,)),
        origin=origin,
        plugin=plugin,
        classes=CLASSES,
        actions=_grouped(column["actions"]),
        denied=sorted(found.deny),
        purposes=[purpose_of(call, one) for one in column["purposes"]],
        tables=tables,
        people=[
            one.login
            for one in web.engine.definitions.users.values()
            if found.key in one.roles and one.active
        ],
        text=role_text(web.archive, found.key),
        may=session.may("config.change"),
        seen=seen,
        reasons=REASONS,
        notes=call.taken_notes(),
    )


def remove(call: Call) -> Response:
    """Look what taking a role out would come to, or take it out."""
    call.session.require("config.change")
    key = call.path["role"]
    return look_or_edit(
        call,
        lambda: removing(call.web.archive, key),
        again=partial(_page, call),
        done="/roles",
        note=call.say("roles.removed", role=key),
    )


# Of a team's own


def new(call: Call) -> Response:
    """The form of a new role, as it stands or like one that is there."""
    call.session.require("config.change")
    like = call.query("like")
    start = _role_of(call, like) if like else Role("", {}, frozenset(), {})
    return _form(call, {**_values(start), "key": "", "label_en": "", "label_zh": ""})


def change(call: Call) -> Response:
    """The form of a role of the archive's own."""
    call.session.require("config.change")
    found = _role_of(call, call.path["role"])
    if origin_of(call.web.archive, found.key)[0] != "archive":
        raise NotFound("serve.not_found")
    return _form(call, _values(found))


def _values(found: Role) -> dict[str, Any]:
    return {
        "key": found.key,
        "label_en": found.label.get("en", ""),
        "label_zh": found.label.get("zh", ""),
        "read": dict(found.read),
        "write": sorted(found.write),
        "actions": sorted(found.actions),
        "types": sorted(found.types),
        "purposes": sorted(found.purposes),
        "search": sorted(found.search),
        "export": None if found.export is None else sorted(found.export),
        "deny": sorted(found.deny),
        "deny_types": sorted(found.deny_types),
    }


def _form(
    call: Call, values: Mapping[str, Any], *, seen: Seen | None = None, problem: MunimentError | None = None
) -> Response:
    web = call.web
    held = call.path.get("role", "")
    purposes = web.archive.applied.purposes or sorted({*PURPOSES, *web.archive.plugins.purposes()})
    return form_page(
        call,
        "role_form.html",
        problem,
        held=held,
        values=values,
        classes=CLASSES,
        ways=_WAYS,
        groups=_grouped(sorted(ACTIONS)),
        types=type_names(call),
        purposes=[(one, purpose_of(call, one)) for one in purposes],
        more=bool(held) and bool(_role_of(call, held).rules),
        seen=seen,
        reasons=REASONS,
    )


def define(call: Call) -> Response:
    """Look what a role would come to, or have it hold."""
    call.session.require("config.change")
    held = call.path.get("role", "")
    key = held or call.text("key").strip()
    en, zh = call.text("label_en").strip(), call.text("label_zh").strip()
    read = {name: call.text(f"read.{name}") for name in CLASSES if call.text(f"read.{name}") in _WAYS}
    values: dict[str, Any] = {
        "key": key,
        "label_en": en,
        "label_zh": zh,
        "read": read,
        "write": call.texts("write"),
        "actions": call.texts("action"),
        "types": call.texts("type"),
        "purposes": call.texts("purpose"),
        "search": call.texts("search"),
        # Whoever ticks a class means it; only nothing at all has to be said by itself.
        "export": call.texts("export") if call.text("own_export") or call.texts("export") else None,
        "deny": call.texts("deny"),
        "deny_types": call.texts("deny_type"),
    }
    stated = RoleStated(
        {"en": en or zh or key, "zh": zh or en or key},
        frozenset(values["actions"]),
        read,
        frozenset(values["write"]),
        frozenset(values["types"]),
        frozenset(values["purposes"]),
        frozenset(values["deny"]),
        frozenset(values["search"]),
        None if values["export"] is None else frozenset(values["export"]),
        frozenset(values["deny_types"]),
    )
    return look_or_edit(
        call,
        lambda: _defining(call, held, key, stated),
        again=partial(_form, call, values),
        done=f"/roles/{key}",
        note=call.say("roles.holds", role=key),
    )


def _defining(call: Call, held: str, key: str, stated: RoleStated) -> Edit:
    from muniment.errors import ConfigError

    if not held and key in call.web.engine.policy.roles:
        raise ConfigError("config.role_taken", where=f"roles.{key}", name=key)
    return defining(call.web.archive, key, stated)
