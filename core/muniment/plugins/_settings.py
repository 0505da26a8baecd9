"""What a team sets about a plugin: described by a JSON Schema, checked by it, and given to the plugin.

The schema is a small part of JSON Schema (draft 2020-12): one object whose properties are whole numbers,
truth values, texts and lists of texts, each with a default, so that a form can be made of it in any
language and a plugin finds every value. Everything else in a schema is refused: what is not checked here
would be promised and not kept. Texts for people are ``title`` and ``description`` in English, and the same
under ``x-zh`` in Chinese.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

__all__ = ["filled", "schema_problem", "setting_problem", "wanted_of"]

_KEY: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")
_TYPES: Final[Mapping[str, type]] = {"integer": int, "boolean": bool, "string": str, "array": list}
_COMMON: Final = frozenset({"type", "title", "description", "default", "x-zh"})
_MORE: Final[Mapping[str, frozenset[str]]] = {
    "integer": frozenset({"minimum", "maximum"}),
    "boolean": frozenset(),
    "string": frozenset({"enum", "minLength", "maxLength", "pattern"}),
    "array": frozenset({"items", "maxItems", "uniqueItems"}),
}
_TOP: Final = frozenset({"type", "properties", "additionalProperties", "$schema", "title", "description"})


def _is(value: object, kind: str) -> bool:
    # In Python true is also a number; in TOML and JSON it is not.
    return isinstance(value, _TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))


def schema_problem(schema: object) -> str:
    """The place of what such a schema may not say; empty where it is sound.

    Args:
        schema: from a plugin; an empty one describes no settings.
    """
    if not isinstance(schema, Mapping):
        return "settings"
    if not schema:
        return ""
    properties = schema.get("properties")
    if schema.get("type") != "object" or not isinstance(properties, Mapping) or not set(schema) <= _TOP:
        return "settings"
    if schema.get("additionalProperties", False) is not False:
        return "settings.additionalProperties"
    for key, one in properties.items():
        place = f"settings.{key}"
        if not isinstance(key, str) or not _KEY.fullmatch(key) or _property_problem(one):
            return place
        if "default" not in one or _value_problem(one, one["default"]):
            return f"{place}.default"
    return ""


def _property_problem(one: object) -> bool:
    if not isinstance(one, Mapping) or one.get("type") not in _TYPES:
        return True
    kind = one["type"]
    if not set(one) <= _COMMON | _MORE[kind] or not isinstance(one.get("title"), str):
        return True
    chinese = one.get("x-zh")
    if not isinstance(chinese, Mapping) or not isinstance(chinese.get("title"), str):
        return True
    numbers = ("minimum", "maximum", "minLength", "maxLength", "maxItems")
    if not all(_is(one[name], "integer") for name in numbers if name in one):
        return True
    if kind == "array":
        items = one.get("items")
        return not isinstance(items, Mapping) or items.get("type") != "string" or _string_problem(items)
    return kind == "string" and _string_problem(one)


def _string_problem(one: Mapping[str, Any]) -> bool:
    choices = one.get("enum", [])
    if not isinstance(choices, list) or not all(isinstance(each, str) for each in choices):
        return True
    if not set(one) <= _COMMON | _MORE["string"]:
        return True
    try:
        re.compile(one.get("pattern", ""))
    except (re.error, TypeError):
        return True
    return False


def setting_problem(schema: Mapping[str, Any], given: Mapping[str, Any]) -> str:
    """The key of the first value that the schema does not take; empty where it takes all.

    Args:
        schema: sound.
        given: what a team set, by key.
    """
    properties = schema.get("properties", {})
    for key, value in given.items():
        if key not in properties or _value_problem(properties[key], value):
            return key
    return ""


def _value_problem(one: Mapping[str, Any], value: object) -> bool:
    kind = one["type"]
    if not _is(value, kind):
        return True
    if isinstance(value, list):
        texts = [each for each in value if isinstance(each, str)]
        repeated = one.get("uniqueItems", False) and len(set(texts)) < len(texts)
        long = len(value) > one.get("maxItems", len(value))
        items = {"type": "string", **one["items"]}
        return repeated or long or any(_value_problem(items, each) for each in value)
    if isinstance(value, str):
        if "enum" in one:
            return value not in one["enum"]
        fits = re.search(one.get("pattern", ""), value) is not None
        return not fits or not one.get("minLength", 0) <= len(value) <= one.get("maxLength", len(value))
    if isinstance(value, int) and kind == "integer":
        return not one.get("minimum", value) <= value <= one.get("maximum", value)
    return False


def wanted_of(schema: Mapping[str, Any], key: str) -> str:
    """What a setting takes, for an error: its type and bounds, or the keys that there are."""
    properties = schema.get("properties", {})
    if key not in properties:
        return ", ".join(properties) or "-"
    one = properties[key]
    if one["type"] == "integer":
        return f"{one.get('minimum', '')}..{one.get('maximum', '')}"
    choices = one.get("enum") or one.get("items", {}).get("enum")
    if choices:
        return ", ".join(choices)
    return str(one.get("pattern") or one["type"])


def filled(schema: Mapping[str, Any], given: Mapping[str, Any]) -> Mapping[str, object]:
    """What a plugin is given: what a team set, and the defaults of all else; read-only.

    Args:
        schema: sound.
        given: what it takes.
    """
    values: dict[str, object] = {}
    for key, one in schema.get("properties", {}).items():
        value = given.get(key, one["default"])
        values[key] = tuple(value) if isinstance(value, list) else value
    return MappingProxyType(values)
