"""Roles as ``muniment.toml`` states them: read, checked by themselves, and checked against record types.

A mistake here would open or close something unseen, so whatever is not known is
an error that names its place: an action, a class, a way of reading, and, once
the types are known, a type or field. A rule about a field that does not exist is
a rule that guards nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any, Final, TypeVar

from muniment.errors import ConfigError, UsageError
from muniment.model import CLASSES
from muniment.policy import (
    ACTIONS,
    BUILTIN_ROLES,
    GROUPS,
    BreakGlass,
    FieldRule,
    Role,
    RowTest,
    TypeRule,
)
from muniment.schema import Field, RecordType

__all__ = [
    "beyond_rows",
    "check_roles",
    "read_attributes",
    "read_break_glass",
    "read_roles",
    "tells_rows",
]

_BOOKS: Final = frozenset({"log.read", "erasure.read"})
"""The log and the certificates of erasures: each is one book, for auditors, which ends at no rows."""

_WAYS: Final = ("clear", "mask", "none")
_KEY: Final = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_ATTRIBUTE: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")
_SEPARATOR: Final = re.compile(r"[,;\n\uff0c\uff1b\u3001]")
_EQUALS: Final = frozenset({"exact", "normalised", "unique"})

_COMMON: Final[Mapping[str, type]] = {
    "actions": list, "deny": list, "read": dict, "write": list, "search": list, "export": list,
}  # fmt: skip
_ROLE: Final[Mapping[str, type]] = {
    "label": dict, **_COMMON, "types": list, "deny_types": list, "purposes": list, "type": dict,
}  # fmt: skip
_TYPE: Final[Mapping[str, type | tuple[type, ...]]] = {**_COMMON, "rows": (dict, list), "field": dict}
_FIELD: Final[Mapping[str, type]] = {
    "read": str, "write": bool, "search": bool, "export": bool, "deny": bool,
}  # fmt: skip
_WORDS: Final[Mapping[type, str]] = {
    list: "a list of texts", dict: "a table", str: "a text", bool: "true or false", int: "a whole number",
}  # fmt: skip

_Read = TypeVar("_Read")


def beyond_rows(roles: Iterable[Role]) -> tuple[str, ...]:
    """Keys of the roles that reach some records of a type alone and read the log or the certificates whole.

    Args:
        roles: as they hold, or would.
    """
    return tuple(
        sorted(
            role.key
            for role in roles
            if any(rule.rows for rule in role.rules.values()) and (role.actions - role.deny) & _BOOKS
        )
    )


def read_roles(tables: Any, *, where: str) -> tuple[Role, ...]:
    """The roles of ``[roles.<key>]`` tables, in the order of their keys.

    Args:
        tables: what stands under ``roles``.
        where: the file, for errors.

    Raises:
        ConfigError: ``config.*`` with the place.
    """
    place = f"{where}: roles"
    if not isinstance(tables, dict):
        raise ConfigError("config.type", where=place, wanted=_WORDS[dict])
    return tuple(_role(key, table, f"{place}.{key}") for key, table in sorted(tables.items()))


def read_break_glass(table: Any, *, where: str) -> BreakGlass:
    """What ``[break_glass]`` says of emergency access.

    Args:
        table: what stands there.
        where: the file, for errors.

    Raises:
        ConfigError: ``config.*`` with the place.
    """
    place = f"{where}: break_glass"
    known = _table(table, {"read": dict, "minutes": int, "longest": int}, place)
    usual = BreakGlass()
    longest = known.get("longest", usual.longest)
    made = BreakGlass(
        _ways(known["read"], f"{place}.read") if "read" in known else usual.read,
        known.get("minutes", min(usual.minutes, longest)),
        longest,
    )
    if not 1 <= made.minutes <= made.longest <= 7 * 24 * 60:
        raise ConfigError("config.value", where=place, known="1 <= minutes <= longest <= 10080")
    return made


def _table(given: Any, known: Mapping[str, type | tuple[type, ...]], where: str) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise ConfigError("config.type", where=where, wanted=_WORDS[dict])
    for name, value in given.items():
        expected = known.get(name)
        if expected is None:
            raise ConfigError("config.unknown", where=f"{where}.{name}", known=", ".join(known))
        wanted = expected if isinstance(expected, tuple) else (expected,)
        # In Python true is also a number; in TOML it is not.
        if not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted):
            raise ConfigError("config.type", where=f"{where}.{name}", wanted=_WORDS[wanted[0]])
    return given


def _texts(given: Any, where: str) -> list[str]:
    if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
        raise ConfigError("config.type", where=where, wanted=_WORDS[list])
    return given


def _role(key: str, given: Any, where: str) -> Role:
    if not _KEY.fullmatch(key):
        raise ConfigError("config.role_key", where=where)
    if key in BUILTIN_ROLES:
        raise ConfigError("config.role_builtin", where=where, name=key)
    table = _table(given, _ROLE, where)
    label = _table(table.get("label", {}), {"en": str, "zh": str}, f"{where}.label")
    types = frozenset(_texts(table.get("types", []), f"{where}.types"))
    rules = {
        name: _type_rule(rule, f"{where}.type.{name}") for name, rule in sorted(table.get("type", {}).items())
    }
    for name in rules:
        if types and name not in types:
            raise ConfigError("config.role_other_type", where=f"{where}.type.{name}", name=name)
    return Role(
        key,
        {"en": label.get("en", key), "zh": label.get("zh", label.get("en", key))},
        _actions(table.get("actions", []), f"{where}.actions"),
        _ways(table.get("read", {}), f"{where}.read"),
        _classes(table.get("write", []), f"{where}.write"),
        types,
        _actions(table.get("deny", []), f"{where}.deny"),
        _classes(table.get("search", []), f"{where}.search"),
        _given(table, "export", where, _classes),
        frozenset(_texts(table.get("purposes", []), f"{where}.purposes")),
        rules,
        frozenset(_texts(table.get("deny_types", []), f"{where}.deny_types")),
    )


def _given(
    table: Mapping[str, Any], name: str, where: str, read: Callable[[Any, str], _Read]
) -> _Read | None:
    return read(table[name], f"{where}.{name}") if name in table else None


def _type_rule(given: Any, where: str) -> TypeRule:
    table = _table(given, _TYPE, where)
    return TypeRule(
        _given(table, "actions", where, _actions),
        _ways(table.get("read", {}), f"{where}.read"),
        _given(table, "write", where, _classes),
        _given(table, "search", where, _classes),
        _given(table, "export", where, _classes),
        {
            name: _field_rule(rule, f"{where}.field.{name}")
            for name, rule in sorted(table.get("field", {}).items())
        },
        _rows(table.get("rows", []), f"{where}.rows"),
        _actions(table.get("deny", []), f"{where}.deny"),
    )


def _field_rule(given: Any, where: str) -> FieldRule:
    """A field's rule: a table, or in short how it is read, or ``deny``."""
    if isinstance(given, str):
        if given == "deny":
            return FieldRule(deny=True)
        return FieldRule(_way(given, where, ("deny",)))
    table = _table(given, _FIELD, where)
    read = _way(table["read"], f"{where}.read") if "read" in table else None
    return FieldRule(
        read, table.get("write"), table.get("search"), table.get("export"), table.get("deny", False)
    )


def _actions(given: Any, where: str) -> frozenset[str]:
    """Actions out of their names, the names of groups, and patterns such as ``record.*``."""
    found: set[str] = set()
    for name in _texts(given, where):
        some = GROUPS.get(name) or {action for action in ACTIONS if fnmatchcase(action, name)}
        if not some:
            near = get_close_matches(name, [*ACTIONS, *GROUPS], n=3)
            raise ConfigError(
                "config.role_action", where=where, known=", ".join(near or (*GROUPS, "record.*"))
            )
        found |= some
    return frozenset(found)


def _classes(given: Any, where: str) -> frozenset[str]:
    found = _texts(given, where)
    if not set(found) <= set(CLASSES):
        raise ConfigError("config.value", where=where, known=", ".join(CLASSES))
    return frozenset(found)


def _way(given: str, where: str, more: tuple[str, ...] = ()) -> str:
    if given not in _WAYS:
        raise ConfigError("config.value", where=where, known=", ".join((*_WAYS, *more)))
    return given


def _ways(given: Any, where: str) -> dict[str, str]:
    table = _table(given, dict.fromkeys(CLASSES, str), where)
    return {name: _way(value, f"{where}.{name}") for name, value in table.items()}


def _rows(given: Any, where: str) -> tuple[tuple[RowTest, ...], ...]:
    """Conditions on rows: a table of which all must hold, or a list of such tables of which one must."""
    tables = given if isinstance(given, list) else [given]
    found = []
    for place, table in enumerate(tables):
        spot = f"{where}[{place}]" if isinstance(given, list) else where
        if not isinstance(table, dict) or not table:
            raise ConfigError("config.type", where=spot, wanted=_WORDS[dict])
        found.append(tuple(_row(name, value, f"{spot}.{name}") for name, value in sorted(table.items())))
    return tuple(found)


def _row(name: str, given: Any, where: str) -> RowTest:
    values = [given] if isinstance(given, str) else _texts(given, where)
    if not values or not all(value.strip() for value in values):
        raise ConfigError("config.type", where=where, wanted=_WORDS[str])
    return RowTest(name, tuple(values))


def read_attributes(given: Iterable[str]) -> tuple[str, ...]:
    """Attributes of a user as they were typed, ``name=value``, each as it is kept; for rules on rows.

    Raises:
        UsageError: ``policy.attribute_form``.
    """
    made = []
    for text in given:
        name, sign, value = (part.strip() for part in text.partition("="))
        if not sign or not _ATTRIBUTE.fullmatch(name) or not value or _SEPARATOR.search(value):
            raise UsageError("policy.attribute_form")
        made.append(f"{name}={value}")
    return tuple(dict.fromkeys(made))


# Against record types


def check_roles(
    roles: Iterable[Role],
    types: Mapping[str, RecordType],
    *,
    where: str,
    purposes: Collection[str] | None = None,
) -> None:
    """Refuse what roles say of types, fields and purposes that there are none of.

    Args:
        roles: from ``read_roles``.
        types: the archive's record types, by key.
        where: the file, for errors.
        purposes: those that may be given; None leaves them unchecked.

    Raises:
        ConfigError: ``config.role_type``, ``config.role_field``, ``config.role_row``,
            ``config.role_purpose``.
    """
    for role in roles:
        place = f"{where}: roles.{role.key}"
        for name in sorted({*role.types, *role.deny_types, *role.rules}):
            if name not in types:
                raise ConfigError(
                    "config.role_type", where=place, name=name, known=_near(name, types)
                )  # fmt: skip
        if purposes is not None:
            for name in sorted(role.purposes - set(purposes)):
                raise ConfigError(
                    "config.role_purpose", where=f"{place}.purposes", known=_near(name, purposes)
                )
        for name, rule in role.rules.items():
            _check_rule(rule, types, types[name], f"{place}.type.{name}")


def _check_rule(rule: TypeRule, types: Mapping[str, RecordType], record_type: RecordType, place: str) -> None:
    for name in rule.fields:
        _field(record_type, name, f"{place}.field")
    if rule.rows and record_type.built_in:
        raise ConfigError("config.role_row", where=f"{place}.rows", name=record_type.key)
    for test in (test for tests in rule.rows for test in tests):
        _check_row(test, types, record_type, f"{place}.rows")


def _check_row(test: RowTest, types: Mapping[str, RecordType], record_type: RecordType, place: str) -> None:
    *references, last = test.field.split(".")
    at = record_type
    for name in references:
        field = _field(at, name, place)
        if field.kind != "reference" or field.target not in types:
            raise ConfigError("config.role_row", where=place, name=name)
        at = types[field.target]
    field = _field(at, last, place)
    if not tells_rows(field):
        raise ConfigError("config.role_row", where=place, name=field.key)


def tells_rows(field: Field) -> bool:
    """Whether a field can say which records a role reaches: found by its exact value, under any purpose."""
    indexed = field.in_clear or field.unique or not _EQUALS.isdisjoint(field.index)
    return indexed and field.kind not in ("several choices", "file", "long text") and not field.purposes


def _field(record_type: RecordType, name: str, place: str) -> Field:
    found = record_type.field(name)
    if found is None:
        raise ConfigError(
            "config.role_field",
            where=place,
            name=name,
            type=record_type.key,
            known=_near(name, record_type.by_key),
        )
    return found


def _near(name: str, known: Iterable[str]) -> str:
    listed = sorted(known)
    return ", ".join(get_close_matches(name, listed, n=3) or listed[:12])
