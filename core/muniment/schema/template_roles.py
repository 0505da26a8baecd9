"""The roles that come with the templates, fitted to the types that an archive has; pure but for the files.

A role is data, in the form that ``[roles.<key>]`` has in ``muniment.toml``: there it is applied, with a
reason, and there a team changes it. Fitted, it names no type and no field that is not there. Where
the condition on rows cannot be asked, the whole type goes: a role must never reach more than it says.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any

import muniment_schemas
from muniment.schema.rules import one_of
from muniment.schema.types import RecordType

__all__ = ["fitted_role", "role_names", "template_role"]


def role_names() -> tuple[str, ...]:
    """The keys of the roles that come with the templates."""
    return muniment_schemas.names("roles")


def template_role(key: str) -> dict[str, Any]:
    """One of them, whole.

    Args:
        key: one out of ``role_names``.

    Raises:
        ConfigError: ``schema.unknown``.
    """
    one_of(key, role_names(), key, "role")
    return tomllib.loads(muniment_schemas.read("roles", key))


def fitted_role(key: str, types: Mapping[str, RecordType]) -> dict[str, Any] | None:
    """One of them as it is stated for these types; None where it would be for none.

    Args:
        key: one out of ``role_names``.
        types: the archive's record types, by key.
    """
    role = template_role(key)
    rules = role.pop("type", {})
    kept: dict[str, Any] = {}
    names = []
    for name in role["types"]:
        record_type = types.get(name)
        if record_type is None:
            continue
        rule = _fitted_rule(rules.get(name, {}), record_type, types)
        if rule is None:
            continue
        names.append(name)
        if rule:
            kept[name] = rule
    if all(types[name].built_in for name in names):
        return None  # to see one's colleagues alone is no role
    return {**role, "types": names, **({"type": kept} if kept else {})}


def _fitted_rule(
    rule: Mapping[str, Any], record_type: RecordType, types: Mapping[str, RecordType]
) -> dict[str, Any] | None:
    made = dict(rule)
    if "rows" in made:
        given = made["rows"] if isinstance(made["rows"], list) else [made["rows"]]
        rows = [table for table in given if all(_leads(name, record_type, types) for name in table)]
        if not rows:
            return None
        made["rows"] = rows if len(rows) > 1 else rows[0]
    if "field" in made:
        made["field"] = {name: one for name, one in made["field"].items() if record_type.field(name)}
        if not made["field"]:
            del made["field"]
    return made


def _leads(path: str, record_type: RecordType, types: Mapping[str, RecordType]) -> bool:
    """Whether a path of references ends at a field that a condition can ask."""
    *steps, last = path.split(".")
    at: RecordType | None = record_type
    for step in steps:
        field = None if at is None else at.field(step)
        at = None if field is None or field.kind != "reference" else types.get(field.target)
    found = None if at is None else at.field(last)
    return found is not None and found.in_clear and not found.retired
