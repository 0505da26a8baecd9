"""What each act says of itself where it may need a second person: its digest, and what a person is shown."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from muniment.changes import Approvals
from muniment.codec import canonical
from muniment.config import digest_of
from muniment.errors import ConfigError
from muniment.model import id_text
from muniment.policy import Actor, Policy
from muniment.schema import DEFINITION, RecordType
from muniment.schema.listviews import Condition
from muniment.schema.registry import Registry
from muniment.session.approval.acts import require
from muniment.session.kernel.acting import Acting
from muniment.session.kernel.definitions import User
from muniment.session.kernel.engine import Engine
from muniment.session.writing.approving import Granted, rules_in_force
from muniment.session.writing.changes import Change
from muniment.store import Version

__all__ = [
    "approve_configuration",
    "approve_export",
    "approve_file",
    "approve_import",
    "approve_merge",
    "approve_revert",
    "approve_types",
    "check_rules",
    "file_digest",
]


def approve_export(
    engine: Engine,
    acting: Acting,
    record_type: RecordType,
    where: Mapping[str, object],
    fields: Sequence[str],
    options: Mapping[str, Any],
    *,
    filters: Sequence[Condition] = (),
    recipient: str,
    reason: str | None,
) -> Granted | None:
    """Go on with an export, or ask for it; see ``acts.require``.

    Args:
        engine: the opened archive.
        acting: who exports.
        record_type: whose records.
        where: values by field key that the records must have.
        fields: keys of the columns.
        options: what else decides which records go out, as texts, numbers and truth values.
        filters: further conditions.
        recipient: the name of the file.
        reason: the maker's own words.
    """
    # By today's keys, whatever name they were asked by.
    named = [record_type.field(name) for name in fields]
    keys = [name if field is None else field.key for name, field in zip(fields, named, strict=True)]
    asked = {name: str(value) for name, value in where.items()}
    for one in filters:
        text = f"{one.operator} {one.value}"
        if one.value == "me":
            # Whoever runs it decides what that is.
            text += f" ({acting.actor.id})"
        asked[one.field] = " ".join(filter(None, (asked.get(one.field), text)))
    document = {
        "definition": record_type.definition_version,
        "fields": keys,
        "options": dict(options),
        "recipient": recipient,
        "type": record_type.key,
        "where": sorted(asked.items()),
    }
    facts = {"file": recipient, **{name: str(value) for name, value in options.items() if value}}
    return require(
        engine,
        acting,
        "record.export",
        document,
        type=record_type.key,
        fields=keys,
        where=asked,
        facts=facts,
        reason=reason,
    )


def approve_import(
    engine: Engine,
    acting: Acting,
    record_type: RecordType,
    values: Mapping[str, object],
    options: Mapping[str, Any],
    *,
    rows: int,
    reason: str | None,
) -> Granted | None:
    """Go on with an import, or ask for the whole of it: its file, its mapping and how rows are matched.

    Where a rule is about records that the import would write, the whole import is asked for:
    its rows cannot wait one by one.

    Args:
        engine: the opened archive.
        acting: who imports.
        record_type: whose records.
        values: of the record of the import; the digests of file and mapping are among them.
        options: how rows are read and matched.
        rows: how many there are at the most.
        reason: the maker's own words.
    """
    keys = options["fields"]
    more = rules_in_force(engine).needs(
        {"create", "update"}, type=record_type, changed=keys, roles=[acting.actor.roles]
    )
    document = {
        "definition": record_type.definition_version,
        "file": values["file_digest"],
        "mapping": values["mapping_digest"],
        "options": dict(options),
        "type": record_type.key,
    }
    facts = {
        "file": str(values["file_name"]),
        "SHA-256": str(values["file_digest"]),
        "rows": str(rows),
        "match": ", ".join(options["match"]),
    }
    return require(
        engine,
        acting,
        "record.import",
        document,
        type=record_type.key,
        fields=keys,
        facts=facts,
        rows=rows,
        more=more,
        reason=reason,
    )


def approve_revert(
    engine: Engine, acting: Acting, record: bytes, type_key: str, *, force: bool, reason: str | None
) -> Granted | None:
    """Go on with undoing an import, or ask for it: it deletes records and sets others back.

    Args:
        engine: the opened archive.
        acting: who undoes it.
        record: identifier of the import, 16 bytes.
        type_key: of the records that it wrote.
        force: also what was changed since.
        reason: the maker's own words.
    """
    record_type = engine.record_type(type_key)
    more = rules_in_force(engine).needs(
        {"update", "delete"},
        type=record_type,
        changed=list(record_type.by_key),
        roles=[acting.actor.roles],
    )
    facts = {"undo": id_text(record), **({"force": "yes"} if force else {})}
    return require(
        engine,
        acting,
        "record.import",
        {"undo": id_text(record), "force": force},
        type=type_key,
        facts=facts,
        more=more,
        reason=reason,
    )


def approve_merge(
    engine: Engine,
    acting: Acting,
    record_type: RecordType,
    document: Mapping[str, Any],
    fields: Sequence[str],
    *,
    subject: bytes,
    reason: str | None,
) -> Granted | None:
    """Go on with making one of two records, or with taking that apart, or ask for it.

    Args:
        engine: the opened archive.
        acting: who does it.
        record_type: of both records.
        document: which records in which versions, and which way; identifiers and numbers.
        fields: keys of the fields that go over, or back.
        subject: whose the duplicate is, 16 bytes.
        reason: the maker's own words.
    """
    more = rules_in_force(engine).needs(
        {"update", "delete"}, type=record_type, changed=fields, roles=[acting.actor.roles]
    )
    return require(
        engine,
        acting,
        "subject.link",
        {**document, "fields": sorted(fields)},
        type=record_type.key,
        fields=sorted(fields),
        facts={name: str(value) for name, value in document.items()},
        more=more,
        subject=subject,
        reason=reason,
    )


def approve_file(
    engine: Engine,
    acting: Acting,
    version: Version,
    record_type: RecordType,
    field: str,
    path: Path | bytes,
    name: str,
    *,
    reason: str | None,
) -> tuple[Granted | None, bytes]:
    """Go on with attaching a file, or ask for it; the file itself stays with its owner until then.

    Args:
        engine: the opened archive.
        acting: who attaches it.
        version: the newest one of the record.
        record_type: its type.
        field: key of the field.
        path: the file, or its content.
        name: what it will be called.
        reason: the maker's own words.

    Returns:
        The approval, and the SHA-256 that the file must have if there is one; else nothing.
    """
    needs = rules_in_force(engine).needs(
        {"update"}, type=record_type, changed=[field], roles=[acting.actor.roles]
    )
    if not needs:
        return None, b""
    digest = file_digest(path)
    facts = {
        "record": id_text(version.record),
        "file": name,
        "size": str(path.stat().st_size if isinstance(path, Path) else len(path)),
        "SHA-256": digest.hex(),
    }
    granted = require(
        engine,
        acting,
        "record.update",
        {**facts, "field": field, "base": version.version},
        type=record_type.key,
        fields=[field],
        facts=facts,
        more=needs,
        subject=version.subject,
        reason=reason,
    )
    return granted, digest


def file_digest(path: Path | bytes) -> bytes:
    """SHA-256 over a file, 32 bytes."""
    if isinstance(path, bytes):
        return sha256(path).digest()
    hashed = sha256()
    with path.open("rb") as source:
        while chunk := source.read(1 << 20):
            hashed.update(chunk)
    return hashed.digest()


def _types_of(changes: Sequence[Change]) -> dict[str, str]:
    """The definitions among some changes: the type's key, and hex of SHA-256 over its definition."""
    return {
        str(one.values["key"]): sha256(str(one.values["definition"]).encode("utf-8")).hexdigest()
        for one in changes
        if "definition" in one.values
    }


def approve_types(
    engine: Engine,
    acting: Acting,
    changes: Sequence[Change],
    *,
    more: Mapping[str, str] | None = None,
    reason: str | None,
) -> Granted | None:
    """Go on with new definitions of record types, or ask for them.

    Args:
        engine: the opened archive.
        acting: who brings them in.
        changes: what is written.
        more: digests of what else comes with them, by name.
        reason: the maker's own words.
    """
    types = {**_types_of(changes), **(more or {})}
    facts = {f"{DEFINITION.key} {key}": digest[:16] for key, digest in _types_of(changes).items()}
    facts |= {name: digest[:16] for name, digest in (more or {}).items()}
    return require(engine, acting, "schema.change", types, facts=facts, reason=reason)


def approve_configuration(
    engine: Engine,
    acting: Acting,
    before: str,
    wanted: str,
    acts: Sequence[Any],
    changes: Sequence[Change],
    *,
    reason: str | None,
) -> Granted | None:
    """Go on with a configuration, or ask for it; who checks it is shown what differs.

    Args:
        engine: the opened archive.
        acting: who applies it.
        before: the text in force.
        wanted: the text of the file.
        acts: the plugins that it enables, disables and upgrades.
        changes: what is written.
        reason: the maker's own words.
    """
    types = _types_of(changes)
    pins = [str(one.values["plugins"] or "") for one in changes if "plugins" in one.values]
    document = {
        "acts": [[one.kind, canonical(dict(one.target)).decode("utf-8")] for one in acts],
        "configuration": digest_of(wanted),
        "plugins": pins,
        "types": types,
    }
    lines = difflib.unified_diff(before.splitlines(), wanted.splitlines(), lineterm="", n=0)
    facts = {"muniment.toml": "\n".join(list(lines)[2:]) or digest_of(wanted)}
    facts |= {f"{one.kind} {number}": str(one.target.get("plugin")) for number, one in enumerate(acts, 1)}
    facts |= {f"{DEFINITION.key} {key}": digest[:16] for key, digest in types.items()}
    also = ("schema.change",) if types else ()
    return require(engine, acting, "config.change", document, facts=facts, also=also, reason=reason)


def check_rules(approvals: Approvals, registry: Registry, policy: Policy, users: Mapping[str, User]) -> None:
    """Refuse rules that name what is not there, and such that nobody could ever meet or take back.

    Args:
        approvals: what the configuration says.
        registry: the types that it will hold for.
        policy: the roles.
        users: by login.

    Raises:
        ConfigError: ``config.value`` or ``approval.nobody``.
    """
    for rule in approvals.rules:
        place = f"muniment.toml: approvals.rule {rule.name}"
        types = [registry.by_key[key] for key in sorted(rule.types) if key in registry.by_key]
        named = types or [one for one in registry.types if not one.built_in]
        fields = {name for name in rule.fields if any(one.field(name) for one in named)}
        for key, given, known in (
            ("types", rule.types, {one.key for one in registry.types}),
            ("fields", rule.fields, fields),
            ("roles", rule.roles, policy.roles.keys()),
            ("exempt", rule.exempt, policy.roles.keys()),
        ):
            if set(given) - set(known):
                names = ", ".join(sorted(known)) if key != "fields" else "muniment schema show"
                raise ConfigError("config.value", where=f"{place}: {key}", known=names)
        for name, action in (("user", "user.change"), ("config", "config.change")):
            if name in rule.operations and not _can_be_met(rule.approvers, rule.roles, action, policy, users):
                raise ConfigError("approval.nobody", where=place, name=name, count=rule.approvers)


def _can_be_met(
    approvers: int, roles: Sequence[str], action: str, policy: Policy, users: Mapping[str, User]
) -> bool:
    """Whether there are people enough to approve what one of them, or another, wants."""
    active = [Actor(user.login, user.roles) for user in users.values() if user.active]
    makers = {one.id for one in active if policy.may(one, action)}
    checkers = {
        one.id
        for one in active
        if one.id in makers
        and policy.may(one, "change.approve")
        and (not roles or not set(roles).isdisjoint(one.roles))
    }
    return any(len(checkers - {maker}) >= approvers for maker in makers)
