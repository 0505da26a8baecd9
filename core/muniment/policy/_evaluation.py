"""The rules of several roles put together: what one actor may do, on every path."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import attrs

from muniment.errors import AccessDenied
from muniment.policy._builtin import ACTIONS, BUILTIN_ROLES
from muniment.policy._values import (
    SYSTEM,
    Actor,
    BreakGlass,
    FieldRule,
    Reached,
    Rights,
    Role,
    TypeRule,
    View,
)
from muniment.schema.fields import Field
from muniment.schema.types import RecordType

__all__ = ["Policy"]


class Policy:
    """Answers what an actor may do; compiled once, asked on every path.

    What several roles of one person come to:

    - An act or a field is allowed where any role allows it, for records that this
      role reaches: conditions on rows belong to their role, and its rights end
      where they do.
    - A deny beats every allow. It holds for every record and under every purpose,
      also where its role reaches nothing.
    - A role counts only under its purposes, and a field is there only under its own.
    - What nobody allows is denied, and a role that is named nowhere grants nothing.

    Args:
        roles: the roles in force, by key.
        purposes: the purposes that may be given; empty for any.
        known: further purposes that have a name; with the table of the core they are what may be given
            where ``purposes`` is empty. None takes every word.
        break_glass: what emergency access allows; by default to read everything for an hour.
    """

    def __init__(
        self,
        roles: Mapping[str, Role] = BUILTIN_ROLES,
        *,
        purposes: Iterable[str] = (),
        known: Iterable[str] | None = None,
        break_glass: BreakGlass | None = None,
    ) -> None:
        self.roles = dict(roles)
        self.purposes = frozenset(purposes)
        self.known = None if known is None else frozenset(known)
        self.break_glass = break_glass or BreakGlass()
        self._views: dict[tuple[tuple[str, ...], str, Reached, int, int], tuple[RecordType, View]] = {}
        self._rights: dict[tuple[tuple[str, ...], str, str | None], Rights] = {}

    # Actions

    def rights(self, actor: Actor, record_type: str | None) -> Rights:
        """What the actor's roles grant on records of a type; of any type, where none is named."""
        name = (actor.roles, actor.purpose, record_type)
        found = self._rights.get(name)
        if found is None:
            if len(self._rights) > 10_000:
                self._rights.clear()
            found = self._rights[name] = self._compile_rights(actor, record_type)
        return found

    def _compile_rights(self, actor: Actor, record_type: str | None) -> Rights:
        held = self._roles_of(actor)
        if any(record_type in role.deny_types for role in held):
            return Rights((), {}, {}, False)
        denied = frozenset[str]().union(*(_denied(role, record_type) for role in held))
        counting = tuple(
            role
            for role in held
            if (not role.purposes or actor.purpose in role.purposes)
            and (record_type is None or role.is_for(record_type))
        )
        actions: dict[str, set[str]] = {}
        for role in counting:
            for action in _allowed(role, record_type) - denied:
                actions.setdefault(action, set()).add(role.key)
        rows = {role.key: _rule(role, record_type).rows for role in counting}
        return Rights(
            counting,
            {action: frozenset(keys) for action, keys in actions.items()},
            rows,
            any(rows.values()),
        )

    def may(
        self, actor: Actor, action: str, record_type: str | None = None, *, reached: Reached = None
    ) -> bool:
        """Whether any role of the actor allows the action and none denies it.

        Args:
            actor: who.
            action: out of ``ACTIONS``.
            record_type: key of the type; without one the question is whether it is allowed anywhere.
            reached: the roles that reach the record in question. Without it the answer is for any
                record, and is not enough where ``rights`` are limited.
        """
        if actor is SYSTEM:
            return True
        allowing = self.rights(actor, record_type).actions.get(action)
        return allowing is not None and (reached is None or not allowing.isdisjoint(reached))

    def may_everywhere(self, actor: Actor, action: str) -> bool:
        """Whether a role allows the action that is limited to some records of no type.

        What the framework keeps about persons beside their records has no rows of its own: it is as a
        whole for those alone whose reach does not end somewhere.
        """
        if actor is SYSTEM:
            return True
        rights = self.rights(actor, None)
        allowing = rights.actions.get(action, frozenset())
        return any(
            role.key in allowing and not any(rule.rows for rule in role.rules.values())
            for role in rights.roles
        )

    def require(
        self, actor: Actor, action: str, record_type: str | None = None, *, reached: Reached = None
    ) -> None:
        """Refuse the action unless it is allowed.

        Raises:
            AccessDenied: ``access.action``, or as ``require_known``.
        """
        self.require_known(actor)
        if action not in ACTIONS or not self.may(actor, action, record_type, reached=reached):
            raise AccessDenied("access.action", where=record_type, action=action)

    def require_known(self, actor: Actor) -> None:
        """Refuse somebody whom the archive does not know, or no longer lets in.

        Raises:
            AccessDenied: ``access.disabled`` or ``access.unknown_actor``.
        """
        if actor.disabled:
            raise AccessDenied("access.disabled")
        if not actor.roles and actor is not SYSTEM:
            raise AccessDenied("access.unknown_actor")

    def require_purpose(self, purpose: str | None, actor: Actor | None = None) -> str:
        """The purpose, if it may be given.

        Args:
            purpose: a W3C DPV term.
            actor: whose roles must count under it; None asks only what the archive allows.

        Raises:
            AccessDenied: ``access.no_purpose``, ``access.purpose`` or ``access.role_purpose``.
        """
        if not purpose:
            raise AccessDenied("access.no_purpose")
        if self.purposes and purpose not in self.purposes:
            raise AccessDenied("access.purpose", known=", ".join(sorted(self.purposes)))
        if not self.purposes and self.known is not None and purpose not in self.known:
            raise AccessDenied("access.unknown_purpose")
        if actor is not None:
            held = self._roles_of(actor)
            if held and not any(not role.purposes or purpose in role.purposes for role in held):
                given = sorted(frozenset[str]().union(*(role.purposes for role in held)))
                raise AccessDenied("access.role_purpose", known=", ".join(given))
        return purpose

    # Fields

    def view(self, actor: Actor, record_type: RecordType, *, reached: Reached = None) -> View:
        """How the actor sees the fields of a record type, or of one record.

        Args:
            actor: who.
            record_type: a definition.
            reached: the roles that reach the record in question. Without it the view is the widest
                that any record may have: right for forms and headers, and not for releasing a record
                where ``rights`` are limited.
        """
        key = (actor.roles, actor.purpose, reached, record_type.number, record_type.definition_version)
        found = self._views.get(key)
        # The same definition may have come back with classes that rose since.
        if found is None or found[0] is not record_type:
            if len(self._views) > 10_000:
                self._views.clear()
            found = self._views[key] = (record_type, self._compile(actor, record_type, reached))
        return found[1]

    def _compile(self, actor: Actor, record_type: RecordType, reached: Reached) -> View:
        key = record_type.key
        held = self._roles_of(actor)
        roles = [
            role for role in self.rights(actor, key).roles if reached is None or role.key in reached
        ]  # fmt: skip
        sets: tuple[set[str], ...] = (set(), set(), set(), set(), set(), set())
        clear, masked, writable, searchable, handed, handed_masked = sets
        for field in record_type.fields:
            if field.purposes and actor.purpose not in field.purposes:
                continue
            if any(_field_rule(_rule(role, key), field).deny for role in held):
                continue
            for role in roles:
                way, write, search, export = _ways(role, key, field)
                if way != "none":
                    (clear if way == "clear" else masked).add(field.key)
                    if export:
                        (handed if way == "clear" else handed_masked).add(field.key)
                if write:
                    writable.add(field.key)
                if search:
                    searchable.add(field.key)
        return View(
            frozenset(clear),
            frozenset(masked - clear),
            frozenset(writable),
            frozenset(searchable - clear),
            frozenset(handed),
            frozenset(handed_masked - handed),
        )

    def _roles_of(self, actor: Actor) -> list[Role]:
        # A role that is named nowhere grants nothing: fail closed.
        return [self.roles[key] for key in actor.roles if key in self.roles]

    def denies(self, actor: Actor, action: str, record_type: str) -> bool:
        """Whether a role of the actor denies an action on a type, so that nothing can allow it."""
        return any(
            record_type in role.deny_types or action in _denied(role, record_type)
            for role in self._roles_of(actor)
        )

    def view_under_glass(self, actor: Actor, record_type: RecordType, view: View) -> View:
        """A view with what emergency access adds to it: reading, where no role denies it.

        Args:
            actor: whose emergency access it is.
            record_type: a definition.
            view: what the actor sees without it.
        """
        held = self._roles_of(actor)
        if any(record_type.key in role.deny_types for role in held):
            return view
        clear, masked = set(view.clear), set(view.masked)
        for field in record_type.fields:
            way = self.break_glass.read.get(field.sensitivity, "none")
            barred = field.purposes and actor.purpose not in field.purposes
            if way == "none" or barred:
                continue
            if not any(_field_rule(_rule(role, record_type.key), field).deny for role in held):
                (clear if way == "clear" else masked).add(field.key)
        return attrs.evolve(view, clear=frozenset(clear), masked=frozenset(masked - clear))

    # What there is to see

    def matrix(self, types: Iterable[RecordType]) -> dict[str, dict[str, Any]]:
        """What each role may do, asked of the functions that enforce it.

        Returns:
            By role: ``actions``, ``purposes`` (empty: any), and by type ``actions``, the keys of the fields
            that are ``clear``, ``masked``, ``writable``, ``searchable``, ``exported``, in ``purposes`` the
            fields that are there under some purposes alone, and in ``rows`` which records it reaches
            (empty: all).
        """
        listed = list(types)
        return {key: self._column(self.roles[key], listed) for key in sorted(self.roles)}

    def _column(self, role: Role, types: Sequence[RecordType]) -> dict[str, Any]:
        given = sorted(role.purposes or self.purposes or self.known or {""})
        actors = [Actor(role.key, (role.key,), purpose=one) for one in given]
        first = actors[0]
        found: dict[str, Any] = {
            "actions": sorted(action for action in ACTIONS if self.may(first, action)),
            "purposes": sorted(role.purposes),
            "types": {},
        }
        for record_type in types:
            limited = {field.key: field.purposes for field in record_type.fields if field.purposes}
            # A field that is there under some purposes alone is asked for under each of them.
            asked = [one for one in actors if any(one.purpose in named for named in limited.values())]
            views = [self.view(one, record_type) for one in (first, *asked)]
            rights = self.rights(first, record_type.key)
            clear = frozenset[str]().union(*(view.clear for view in views))
            found["types"][record_type.key] = {
                "actions": sorted(action for action in rights.actions if action.startswith("record.")),
                "clear": sorted(clear),
                "masked": sorted(frozenset[str]().union(*(view.masked for view in views)) - clear),
                "writable": sorted(frozenset[str]().union(*(view.writable for view in views))),
                "searchable": sorted(frozenset[str]().union(*(view.searchable for view in views)) - clear),
                "exported": sorted(
                    frozenset[str]().union(*(view.handed | view.handed_masked for view in views))
                    if "record.export" in rights.actions
                    else ()
                ),
                "purposes": {key: sorted(set(named) & set(given)) for key, named in sorted(limited.items())},
                "rows": [
                    {test.field: list(test.values) for test in tests}
                    for tests in rights.rows.get(role.key, ())
                ],
            }
        return found


_NO_RULE: Final = TypeRule()
_NO_FIELD_RULE: Final = FieldRule()


def _rule(role: Role, record_type: str | None) -> TypeRule:
    return role.rules.get(record_type, _NO_RULE) if record_type is not None else _NO_RULE


def _allowed(role: Role, record_type: str | None) -> frozenset[str]:
    if record_type is None:
        more = (rule.actions for rule in role.rules.values() if rule.actions)
        return role.actions.union(*more)
    actions = _rule(role, record_type).actions
    return role.actions if actions is None else actions


def _denied(role: Role, record_type: str | None) -> frozenset[str]:
    return role.deny | _rule(role, record_type).deny


def _field_rule(rule: TypeRule, field: Field) -> FieldRule:
    found = rule.fields.get(field.key)
    if found is None and rule.fields:
        # A role goes on meaning the field that it named before that was renamed.
        found = next((rule.fields[old] for old in field.former_keys if old in rule.fields), None)
    return found or _NO_FIELD_RULE


def _ways(role: Role, record_type: str, field: Field) -> tuple[str, bool, bool, bool]:
    """How one role reads a field, and whether it writes, searches, exports it."""
    rule = _rule(role, record_type)
    own = _field_rule(rule, field)
    name = field.sensitivity
    exporting = role.export if rule.export is None else rule.export
    return (
        own.read or rule.read.get(name) or role.read.get(name, "none"),
        _first(own.write, name in (role.write if rule.write is None else rule.write)),
        _first(own.search, name in (role.search if rule.search is None else rule.search)),
        _first(own.export, exporting is None or name in exporting),
    )


def _first(own: bool | None, general: bool) -> bool:
    return general if own is None else own
