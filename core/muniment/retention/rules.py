"""Retention rules as data: a file of laws, and what it says of one record type; pure.

A law speaks of "the patient's file" or "vouchers", a record type has retention
categories and dates. A file of rules joins the two: each rule names the categories that
it is about, and the dates that may start it, the first that a type has counting. So one
file of laws serves the types of every plugin and those that a team made itself.

The published form is ``muniment_schemas/retention.schema.json``.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import attrs

from muniment.errors import ConfigError
from muniment.plugins import EVENTS, RetentionCondition, RetentionRule, RetentionTerm
from muniment.schema import Label

__all__ = ["RuleFile", "RuleStatement", "parse_rules", "rules_for", "statements_of"]

_FORMAT: Final = 1


@attrs.frozen(kw_only=True)
class RuleStatement:
    """What a file says of one rule, before it is asked about a record type.

    Attributes:
        rule: the rule; its category and anchor are the first ones named.
        categories: the retention categories that it is about.
        anchors: what may start it, the best first; see ``RetentionRule``.
        types: the keys of the only record types that it is about; empty for all.
    """

    rule: RetentionRule
    categories: tuple[str, ...]
    anchors: tuple[str, ...] = ()
    types: tuple[str, ...] = ()


@attrs.frozen
class RuleFile:
    """A file of rules.

    Attributes:
        key: its name, such as ``cn``.
        label: what people call it.
        statements: its rules in order, a variant after the rule that it varies.
    """

    key: str
    label: Label
    statements: tuple[RuleStatement, ...]


def rules_for(
    statements: Iterable[RuleStatement], record_type: str, fields: Mapping[str, str]
) -> tuple[RetentionRule, ...]:
    """The rules about one record type, with the days that start them there.

    A rule of which the type has neither a starting day nor every further date has no
    anchor, so that a person decides. A condition on a field that the type does not
    have is left out: what nobody knows must not shorten a period.

    Args:
        statements: of one file or several.
        record_type: the type's key.
        fields: the retention category of each of its fields, by key.

    Returns:
        The rules in order; one that is about several categories comes once for each.
    """
    present = dict.fromkeys(fields.values())
    found = []
    for one in statements:
        if not one.types or record_type in one.types:
            for category in one.categories:
                if category in present:
                    found.append(_resolved(one, category, record_type, fields))
    return tuple(found)


def _resolved(
    one: RuleStatement, category: str, record_type: str, fields: Mapping[str, str]
) -> RetentionRule:
    def known(name: str) -> bool:
        return name in EVENTS or "." in name or name in fields

    rule = one.rule
    anchor = next(filter(known, one.anchors), "")
    conditions = tuple(
        attrs.evolve(condition, field=condition.field.removeprefix(f"{record_type}."))
        for condition in rule.where
    )
    where = tuple(condition for condition in conditions if known(condition.field))
    if not anchor or not all(known(term.anchor) for term in rule.terms):
        return attrs.evolve(
            rule, category=category, anchor="", terms=(), combine="", on_death=None, where=where
        )
    return attrs.evolve(rule, category=category, anchor=anchor, where=where)


# Reading a file

_TEXTS: Final = (
    "about", "effect", "minimum", "maximum", "same_as", "event", "combine", "round_up", "at_end", "source",
    "jurisdiction", "industry", "modifiers", "in_force_from", "in_force_to", "confidence", "verified_by",
    "notes",
)  # fmt: skip
_LISTS: Final = ("categories", "anchors", "types", "suspended_by")
_RULE: Final[Mapping[str, type]] = {
    "id": str,
    **dict.fromkeys(_TEXTS, str),
    **dict.fromkeys(_LISTS, list),
    "term": list,
    "on_death": dict,
    "where": list,
    "variant": list,
}
_VARIANT: Final[Mapping[str, type]] = {
    name: kind for name, kind in {**_RULE, "name": str}.items() if name not in ("id", "variant")
}
_TERM: Final[Mapping[str, type]] = {
    "anchor": str, "period": str, "within": str, "age_from": int, "age_to": int,
}  # fmt: skip
_WHERE: Final[Mapping[str, type]] = {"field": str, "values": list}
_FILE: Final[Mapping[str, type]] = {"format": int, "key": str, "label": dict, "rule": list}
_WORDS: Final = {int: "a whole number", str: "text", list: "a list", dict: "a table"}


def parse_rules(text: str, *, where: str) -> RuleFile:
    """A file of rules out of TOML.

    Args:
        text: the TOML.
        where: the file, for errors.

    Raises:
        ConfigError: ``retention.*``, with the file and the place in it.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        # The parser's own words name a line and a column, which no catalogue can.
        raise ConfigError("retention.toml", where=where, problem=str(problem)) from None
    if document.get("format") != _FORMAT:
        raise ConfigError("retention.format", where=where, expected=_FORMAT)
    table = _table(document, _FILE, where, "key", "label", "rule")
    label = _table(table["label"], {"en": str, "zh": str}, f"{where}: label", "en", "zh")
    statements: list[RuleStatement] = []
    for place, given in enumerate(table["rule"]):
        statements += _statements(given, f"{where}: rule[{place}]")
    names = [one.rule.id for one in statements]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError("retention.twice", where=where, name=name)
    return RuleFile(table["key"], Label(label["en"], label["zh"]), tuple(statements))


def statements_of(tables: Sequence[Any], where: str) -> tuple[RuleStatement, ...]:
    """Rules out of tables as a file of rules has them under ``rule``, such as a team's own.

    Raises:
        ConfigError: ``retention.*``, with the place.
    """
    found: list[RuleStatement] = []
    for place, given in enumerate(tables):
        found += _statements(given, f"{where}[{place}]")
    for name in (names := [one.rule.id for one in found]):
        if names.count(name) > 1:
            raise ConfigError("retention.twice", where=where, name=name)
    return tuple(found)


def _statements(given: Any, where: str) -> list[RuleStatement]:
    if isinstance(given, dict) and isinstance(given.get("id"), str):
        where = f"{where}({given['id']})"
    table = dict(_table(given, _RULE, where, "id", "effect", "source", "categories"))
    variants = table.pop("variant", [])
    found = [_statement(table, where)]
    for place, variant in enumerate(variants):
        spot = f"{where}.variant[{place}]"
        changes = dict(_table(variant, _VARIANT, spot, "name"))
        name = f"{table['id']}/{changes.pop('name')}"
        found.append(_statement({**table, **changes, "id": name}, spot))
    return found


def _statement(table: Mapping[str, Any], where: str) -> RuleStatement:
    lists = {name: _strings(table.get(name, []), f"{where}.{name}") for name in _LISTS}
    if not lists["categories"]:
        raise ConfigError("retention.missing", where=where, name="categories")
    rule = RetentionRule(
        id=table["id"],
        category=lists["categories"][0],
        anchor=next(iter(lists["anchors"]), ""),
        suspended_by=lists["suspended_by"],
        terms=tuple(_term(one, f"{where}.term[{place}]") for place, one in enumerate(table.get("term", ()))),
        on_death=_term(table["on_death"], f"{where}.on_death") if "on_death" in table else None,
        where=tuple(
            _condition(one, f"{where}.where[{place}]") for place, one in enumerate(table.get("where", ()))
        ),
        **{name: table[name] for name in _TEXTS if name in table},
    )
    problem = rule.problem()
    if problem:
        raise ConfigError("retention.rule", where=where, name=problem)
    return RuleStatement(
        rule=rule, categories=lists["categories"], anchors=lists["anchors"], types=lists["types"]
    )


def _term(given: Any, where: str) -> RetentionTerm:
    return RetentionTerm(**_table(given, _TERM, where, "anchor", "period"))


def _condition(given: Any, where: str) -> RetentionCondition:
    table = _table(given, _WHERE, where, "field", "values")
    return RetentionCondition(field=table["field"], values=_strings(table["values"], f"{where}.values"))


def _table(given: Any, known: Mapping[str, type], where: str, *required: str) -> Mapping[str, Any]:
    if not isinstance(given, dict):
        raise ConfigError("retention.value", where=where, expected=_WORDS[dict])
    for name, value in given.items():
        if name not in known:
            raise ConfigError("retention.unknown", where=where, name=name, known=", ".join(sorted(known)))
        # In Python true is also a number; in TOML it is not.
        if not isinstance(value, known[name]) or isinstance(value, bool):
            raise ConfigError("retention.value", where=f"{where}.{name}", expected=_WORDS[known[name]])
    for name in required:
        if name not in given:
            raise ConfigError("retention.missing", where=where, name=name)
    return given


def _strings(given: Any, where: str) -> tuple[str, ...]:
    if not isinstance(given, list) or not all(isinstance(item, str) for item in given):
        raise ConfigError("retention.value", where=where, expected="a list of texts")
    return tuple(given)
