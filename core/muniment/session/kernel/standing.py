"""How an actor stands to one record: which of their roles reach it, and whether a broken glass covers it.

Asked in the transaction of every access to a record. Denied and missing answer alike.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

import attrs

from muniment.errors import AccessDenied, MunimentError, NotFound
from muniment.model import Value, id_text, rfc3339
from muniment.plugins import HookContext
from muniment.policy import Reached, View
from muniment.schema import RecordType, is_built_in
from muniment.session.kernel.acting import Acting
from muniment.session.kernel.builtins import rules_of
from muniment.session.kernel.definitions import Glass
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.kernel.gates import About
from muniment.session.kernel.gating import require_open
from muniment.session.kernel.reach import reach_of, reached_by, stored_values
from muniment.store import Transaction, Version

__all__ = [
    "ANY",
    "Standing",
    "authorize",
    "denied",
    "may_read",
    "pass_gates",
    "stand",
    "standing_to",
    "view_of",
]

_UNDER_GLASS: Final = frozenset({"record.read", "record.history"})
"""What emergency access allows."""


@attrs.frozen
class Standing:
    """How an actor stands to one record.

    Attributes:
        reached: the keys of their roles that reach it; None where none is limited.
        glass: the emergency access that covers it.
    """

    reached: Reached = None
    glass: Glass | None = None

    @property
    def members(self) -> dict[str, object]:
        """What the detail of an access says beside the usual."""
        if self.glass is None:
            return {}
        return {"break_glass": {"id": id_text(self.glass.record), "expires": rfc3339(self.glass.expires_us)}}


ANY: Final = Standing()
"""To no record in particular: the widest that the actor may have to any of the type."""


def may_read(
    engine: Engine, acting: Acting, action: str, record_type: RecordType, *, reached: Reached = None
) -> bool:
    """Whether the actor may read records of a type in this way; built-in types ask for their own right.

    Of those that only the framework writes, whose roles end at some rows reads through their own calls.

    Args:
        engine: the opened archive.
        acting: who, why and through what.
        action: out of ``policy.ACTIONS``.
        record_type: of the records.
        reached: the roles that reach the record in question; None asks about any.
    """
    if record_type.built_in:
        rules = rules_of(record_type)
        allowed = engine.policy.may_everywhere if rules.guarded else engine.policy.may
        if not rules.read or not allowed(acting.actor, rules.read):
            return False
    return engine.policy.may(acting.actor, action, record_type.key, reached=reached)


def stand(
    engine: Engine, tx: Transaction, acting: Acting, action: str, version: Version, time_us: int
) -> Standing:
    """How the actor stands to a record, if they may read it in this way.

    Args:
        engine: the opened archive.
        tx: the transaction of the access.
        acting: who, why and through what.
        action: ``record.read``, ``record.history`` and the like.
        version: any version of the record; the newest decides.
        time_us: of the transaction.

    Raises:
        NotFound: ``record.not_found``: there is no such record for this actor.
    """
    record_type = engine.definitions.by_number.get(version.type)
    if record_type is None:
        raise NotFound("record.not_found")
    reached = reached_by(engine, tx, acting, record_type, version)
    glass = _glass(engine, acting, version, time_us) if engine.definitions.glasses else None
    if not may_read(engine, acting, action, record_type, reached=reached):
        denied = engine.policy.denies(acting.actor, action, record_type.key)
        if glass is None or action not in _UNDER_GLASS or denied:
            raise NotFound("record.not_found")
    return Standing(reached, glass)


def pass_gates(
    engine: Engine,
    tx: Transaction,
    acting: Acting,
    action: str,
    version: Version,
    fields: frozenset[str],
    time_us: int,
    standing: Standing,
) -> None:
    """Ask what may close a record to an access that the policy allows: gates, then plugins.

    Args:
        engine: the opened archive.
        tx: the transaction of the access.
        acting: who, why and through what.
        action: the policy's name for the access.
        version: any version of the record.
        fields: keys of the fields that would be shown.
        time_us: of the transaction.
        standing: how the actor stands to the record.

    Raises:
        AccessDenied: a gate closes its subject.
        NotFound: a plugin denies it; it answers like a missing one.
        PluginError: a plugin fails, or breaks the contract.
    """
    record_type = engine.definitions.by_number[version.type]
    require_open(
        engine,
        tx,
        acting,
        action,
        record_type,
        (About(version.subject, version.record),),
        time_us,
        fields=fields,
        emergency=standing.glass is not None,
    )
    authorize(engine, acting, action, record_type, fields, version.record, time_us)


def denied(
    engine: Engine,
    acting: Acting,
    action: str,
    record_type: RecordType,
    fields: Collection[str],
    record: bytes | None,
    time_us: int,
) -> tuple[str, str] | None:
    """The plugin that denies an access, and its code; None where none does, or none is asked.

    Args:
        engine: the opened archive.
        acting: who, why and through what.
        action: the policy's name for the access.
        record_type: of the record; plugins are not asked about built-in ones.
        fields: keys of the fields that would be shown, or that change.
        record: identifier, 16 bytes; None where it is about no single record.
        time_us: of the transaction.

    Raises:
        PluginError: one that fails, or breaks the contract.
    """
    if not engine.plugins.authorizes or record_type.built_in:
        return None
    context = HookContext(
        acting.actor.id,
        acting.purpose,
        action,
        acting.program,
        time_us,
        default_region=engine.settings.default_region,
        timezone=engine.settings.timezone,
    )
    named = None if record is None else id_text(record)
    return engine.plugins.authorize(action, record_type.key, fields, named, context)


def authorize(
    engine: Engine,
    acting: Acting,
    action: str,
    record_type: RecordType,
    fields: Collection[str],
    record: bytes | None,
    time_us: int,
) -> None:
    """Refuse an access that a plugin denies; see ``denied`` for the arguments.

    Raises:
        NotFound: ``record.not_found``, for a record: it answers like a missing one.
        AccessDenied: ``access.plugin``, where it is about no single record.
        PluginError: as ``denied``.
    """
    found = denied(engine, acting, action, record_type, fields, record, time_us)
    if found is None:
        return
    error: MunimentError = NotFound("record.not_found")
    if record is None:
        error = AccessDenied("access.plugin", where=record_type.key, name=found[0], action=action)
    error.refused_by = found
    raise error


def standing_to(
    engine: Engine,
    tx: Transaction,
    acting: Acting,
    record_type: RecordType,
    record: bytes,
    values: Mapping[str, Value],
) -> Standing:
    """How the actor's roles reach a record, or one that is not there yet, by the values it would have.

    Args:
        engine: the opened archive.
        tx: the transaction of the access.
        acting: who, for which purpose.
        record_type: the newest definition.
        record: identifier, 16 bytes.
        values: those that it would have, by key; a record that is there is judged by its own.
    """
    reach = reach_of(engine, acting, record_type)
    if reach is None:
        return ANY
    version = tx.version(SHARD, record)
    if version is not None:
        values = stored_values(engine, tx, version, reach.numbers)
    return Standing(reach.roles(engine, tx, values))


def _glass(engine: Engine, acting: Acting, version: Version, time_us: int) -> Glass | None:
    """The emergency access of this actor that covers a record and is not over."""
    if is_built_in(version.type) or not engine.policy.may(acting.actor, "break_glass.begin"):
        return None
    for one in engine.definitions.glasses.get(acting.actor.id, ()):
        covers = version.record == one.target or version.subject == one.subject != engine.archive
        if covers and time_us < one.expires_us:
            return one
    return None


def view_of(engine: Engine, acting: Acting, record_type: RecordType, standing: Standing = ANY) -> View:
    """How the actor sees a definition: an old one no wider than the newest, since a class may have risen.

    Args:
        engine: the opened archive.
        acting: who, for which purpose.
        record_type: the definition.
        standing: to the record that is to be shown.
    """
    view = _view(engine, acting, record_type, standing)
    newest = engine.definitions.by_number.get(record_type.number, record_type)
    if newest.definition_version == record_type.definition_version:
        return view
    now = _view(engine, acting, newest, standing)
    today = {key: newest.by_number.get(record_type.by_key[key].number) for key in view.readable}

    def narrowed(then: frozenset[str], allowed: frozenset[str]) -> frozenset[str]:
        return frozenset(
            key for key in then if key in today and ((field := today[key]) is None or field.key in allowed)
        )

    clear = narrowed(view.clear, now.clear)
    readable = narrowed(view.readable, now.readable)
    handed = narrowed(view.handed, now.handed)
    handed_any = narrowed(view.handed | view.handed_masked, now.handed | now.handed_masked)
    return attrs.evolve(
        view, clear=clear, masked=readable - clear, handed=handed, handed_masked=handed_any - handed
    )


def _view(engine: Engine, acting: Acting, record_type: RecordType, standing: Standing) -> View:
    view = engine.policy.view(acting.actor, record_type, reached=standing.reached)
    if standing.glass is None:
        return view
    return engine.policy.view_under_glass(acting.actor, record_type, view)
