"""Edits of the configuration that are looked at first: plugins, roles, where backups go; and new tables."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, Final, Literal

from fastapi import Depends, Path, Request, Response
from pydantic import Field, StringConstraints

from muniment.archive.backups import backing_up
from muniment.archive.editing import Edit, edit_configuration, propose
from muniment.archive.plugging import switching
from muniment.archive.roles import KEPT, RoleStated, RuleStated, defining, removing, ruling
from muniment.archive.shaping import adding, keep, reshaped
from muniment.policy import FieldRule, RowTest
from muniment.schema.template import read_type
from muniment.session import Session
from muniment.session.writing.seen import Seen
from muniment.subjects.rules import BackupPlan
from muniment_web.api._calls import area, language_of, may
from muniment_web.api._parts import (
    IfMatch,
    RoleSaid,
    Shown,
    Strict,
    Text,
    TypeKey,
    Word,
    beyond_said,
    put_configuration,
    replacing,
    require_seen,
)

__all__ = ["router"]

router: Final = area("switching")
Configuring = Annotated[Session, Depends(may("setup", "config.change"))]
Shaping = Annotated[Session, Depends(may("setup", "schema.change"))]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Named = Annotated[str, Path(min_length=1, max_length=200)]
RoleKey = Annotated[str, Path(alias="role", pattern=r"^[a-z][a-z0-9_-]{0,62}$")]
Several = Annotated[list[Word], Field(min_length=1, max_length=200)]


class Held(Shown):
    """What an edit of the configuration came to, or would; the ETag is the version of the configuration."""

    applied: bool
    text: str | None = Field(default=None, description="the file as it would be")
    acts: list[dict[str, Any]] = Field(default=[])
    types: list[str] = Field(default=[])
    warnings: list[RoleSaid] = Field(
        default=[], description="roles that end at some records, and read the log or the certificates whole"
    )


class LookFirst(Strict):
    """Whether to look only, and why."""

    look: bool = Field(default=False, description="only say what it would come to")
    reason: Text | None = None


def _edited(
    request: Request,
    response: Response,
    session: Session,
    edit: Edit,
    given: LookFirst,
    seen: Seen,
    *,
    plugin: str | None = None,
) -> Held:
    archive = request.app.state.web.archive
    if given.look:
        found = propose(archive, session, edit, plugin=plugin)
        put_configuration(response, session)
        return Held(
            applied=False,
            text=found.after,
            acts=[{"kind": one.kind, **dict(one.target)} for one in found.planned.acts],
            types=[one.key for one in found.planned.made.changed],
            warnings=beyond_said(found.planned.policy.roles.values(), language_of(request)),
        )
    done = edit_configuration(archive, session, edit, reason=given.reason, plugin=plugin, replaced=seen)
    put_configuration(response, session)
    return Held(applied=done)


def _acting(if_match: str | None) -> Seen:
    """For an act, which names the version where that matters to the caller."""
    return partial(require_seen, if_match)


def _replacing(if_match: str | None, there: Callable[[], bool]) -> Seen:
    """For what takes the place of something that may be there in the configuration."""
    seen = replacing(if_match)
    return lambda version: seen(version if there() else 0)


# Plugins


class PluginAct(LookFirst):
    """A plugin switched on or off."""

    enabled: bool
    settings: dict[str, Any] | None = Field(default=None, description="what is set about it; null: as it was")


@router.post("/plugins/{name}", tags=["rules"])
def switch_plugin(
    request: Request,
    response: Response,
    session: Configuring,
    name: Named,
    given: PluginAct,
    if_match: IfMatch = None,
) -> Held:
    """Use a plugin, or use it no longer, or say what that would come to."""
    session.require("config.change")
    archive = request.app.state.web.archive
    edit = switching(archive, name, enabled=given.enabled, settings=given.settings)
    return _edited(request, response, session, edit, given, _acting(if_match), plugin=name)


# Roles and users


class RoleRequest(LookFirst):
    """A role of the archive's own; its rules for single tables stay as they are, as does what is left out."""

    label: dict[Literal["en", "zh"], Word]
    actions: Annotated[list[Word], Field(max_length=200)]
    read: dict[str, Literal["clear", "mask", "none"]]
    write: Annotated[list[Word], Field(max_length=10)] = Field(default=[])
    types: Annotated[list[Word], Field(max_length=500)] = Field(default=[])
    purposes: Annotated[list[Word], Field(max_length=500)] = Field(default=[])
    deny: Annotated[list[Word], Field(max_length=200)] = Field(
        default=[], description="actions that no other role of the same person may allow"
    )
    search: Annotated[list[Word], Field(max_length=10)] = Field(
        default=[],
        description="classes that are asked for by exact value where not read in clear",
    )
    export: Annotated[list[Word], Field(max_length=10)] | None = Field(
        default=None, description="classes that it may hand out; null: what it reads"
    )
    deny_types: Annotated[list[Word], Field(max_length=500)] = Field(
        default=[], description="tables with which no other role of the same person may do anything"
    )


def _given(given: Strict, name: str) -> Any:
    """What a request says of something; what it leaves out stays as the file has it."""
    value = getattr(given, name) if name in given.model_fields_set else KEPT
    return frozenset(value) if isinstance(value, list) else value


@router.put("/roles/{role}", tags=["users"])
def define_role(
    request: Request,
    response: Response,
    session: Configuring,
    role: RoleKey,
    given: RoleRequest,
    if_match: IfMatch = None,
) -> Held:
    """Define a role of the archive's own, or change one, or say what that would come to."""
    session.require("config.change")
    archive = request.app.state.web.archive
    stated = RoleStated(
        {"en": given.label.get("en", role), "zh": given.label.get("zh", given.label.get("en", role))},
        frozenset(given.actions),
        dict(given.read),
        frozenset(given.write),
        frozenset(given.types),
        frozenset(given.purposes),
        *(_given(given, name) for name in ("deny", "search", "export", "deny_types")),
    )
    seen = _replacing(if_match, lambda: role in archive.engine.policy.roles)
    return _edited(request, response, session, defining(archive, role, stated), given, seen)


class FieldRuleStated(Strict):
    """What a role may do with one field; null leaves it to the field's class."""

    read: Literal["clear", "mask", "none"] | None = None
    write: bool | None = None
    search: bool | None = None
    export: bool | None = None
    deny: bool = Field(default=False, description="nothing, whatever other roles of the same person allow")


class TableRuleRequest(LookFirst):
    """What a role may do with one table; what is said of classes and denials stays as it is if left out."""

    actions: Annotated[list[Word], Field(max_length=200)] | None = Field(
        default=None, description="in place of what the role may in general; null: that"
    )
    fields: Annotated[dict[Word, FieldRuleStated], Field(max_length=500)] = Field(default={})
    rows: Annotated[list[dict[Word, Several]], Field(max_length=50)] = Field(
        default=[],
        description="the records that it reaches: those that meet all conditions of one of these; `actor` is "
        "whoever asks, `actor.NAME` their attribute; none: every record",
    )
    read: dict[str, Literal["clear", "mask", "none"]] = Field(
        default={}, description="by class, over the role's own"
    )
    write: Annotated[list[Word], Field(max_length=10)] | None = Field(
        default=None, description="classes, in place of the role's; null: those"
    )
    search: Annotated[list[Word], Field(max_length=10)] | None = Field(
        default=None, description="likewise, what may be asked for by exact value"
    )
    export: Annotated[list[Word], Field(max_length=10)] | None = Field(
        default=None, description="likewise, what may be handed out"
    )
    deny: Annotated[list[Word], Field(max_length=200)] = Field(
        default=[], description="actions there that no other role of the same person may allow"
    )


@router.put("/roles/{role}/tables/{type}", tags=["users"])
def rule_table(
    request: Request,
    response: Response,
    session: Configuring,
    role: RoleKey,
    key: TypeKey,
    given: TableRuleRequest,
    if_match: IfMatch = None,
) -> Held:
    """Say what a role of the archive's own may do with one table, or what that would come to."""
    session.require("config.change")
    stated = RuleStated(
        None if given.actions is None else frozenset(given.actions),
        {key: FieldRule(**one.model_dump()) for key, one in given.fields.items()},
        tuple(tuple(RowTest(key, tuple(some)) for key, some in sorted(one.items())) for one in given.rows),
        *(_given(given, name) for name in ("read", "write", "search", "export", "deny")),
    )
    edit = ruling(request.app.state.web.archive, role, key, stated)
    return _edited(request, response, session, edit, given, replacing(if_match))


@router.post("/roles/{role}/remove", tags=["users"])
def remove_role(
    request: Request,
    response: Response,
    session: Configuring,
    role: RoleKey,
    given: LookFirst,
    if_match: IfMatch = None,
) -> Held:
    """Take a role of the archive's own away, or say what that would come to."""
    session.require("config.change")
    edit = removing(request.app.state.web.archive, role)
    return _edited(request, response, session, edit, given, _acting(if_match))


# Backups


class PlanRequest(LookFirst):
    """Where scheduled backups go, and how long they stay."""

    to: Annotated[str, StringConstraints(min_length=1, max_length=1_000)]
    every_hours: Annotated[int, Field(ge=1, le=99_999)] = BackupPlan().every_hours
    keep_daily: Annotated[int, Field(ge=0, le=99_999)] = BackupPlan().keep_daily
    keep_weekly: Annotated[int, Field(ge=0, le=99_999)] = BackupPlan().keep_weekly
    keep_monthly: Annotated[int, Field(ge=0, le=99_999)] = BackupPlan().keep_monthly


@router.put("/backups/plan", tags=["rules"])
def plan_backups(
    request: Request,
    response: Response,
    session: Configuring,
    given: PlanRequest,
    if_match: IfMatch = None,
) -> Held:
    """Say where scheduled backups go and how long they stay, or what that would come to."""
    session.require("config.change")
    plan = BackupPlan(
        to=given.to,
        every_hours=given.every_hours,
        keep_daily=given.keep_daily,
        keep_weekly=given.keep_weekly,
        keep_monthly=given.keep_monthly,
    )
    seen = _replacing(if_match, lambda: bool(request.app.state.web.archive.applied.backup.to))
    held = _edited(request, response, session, backing_up(plan), given, seen)
    if held.applied:
        session.backups.prepare()
    return held


# Tables


class TableRequest(LookFirst):
    """A new table, in the form that the library has."""

    seen: Digest | None = Field(default=None, description="of the look; anything else is refused")
    table: dict[str, Any] = Field(
        description="as a type stands in the library: key, label, subject, title, group with its fields"
    )


class TableMade(Shown):
    """What a new table came to, or would; give ``seen`` back to have exactly that done."""

    kept: bool
    seen: str | None = None
    changes: list[str]


@router.post("/types", tags=["definitions"], status_code=201)
def add_type(request: Request, session: Shaping, given: TableRequest) -> TableMade:
    """Make a table of one's own, or say what that would come to."""
    session.require("schema.change")
    archive, lang = request.app.state.web.archive, language_of(request)
    shape = adding(read_type(given.table, where="table", kinds=archive.engine.kinds))
    if given.look:
        found = reshaped(archive, session, shape)
        return TableMade(kept=False, seen=found.seen, changes=[one.text(lang) for one in found.made.changes])
    made = keep(archive, session, shape, reason=given.reason, seen=given.seen)
    return TableMade(kept=bool(made.changed), changes=[one.text(lang) for one in made.changes])
