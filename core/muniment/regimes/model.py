"""What a regime, a clause, a check and a finding are, and how files say so."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Final

import attrs

import muniment_schemas
from muniment.errors import ConfigError
from muniment.schema import Label

__all__ = [
    "VERDICTS",
    "CheckWords",
    "Clause",
    "Finding",
    "Regime",
    "check_words",
    "packaged",
    "parse_regime",
    "verdict_of",
]

VERDICTS: Final = ("shown", "part", "nothing", "gap", "outside")
"""What a report says of a clause. None says that anybody obeys a rule: that is for people to judge."""

_FOLDER: Final = "regimes"
_CHECKS: Final = "checks"
_SURE: Final = ("S", "S2", "Mh", "Mm", "Ml")


@attrs.frozen
class Finding:
    """What a check found.

    Attributes:
        verdict: ``shown``, ``part``, ``nothing`` or ``gap``.
        code: of the text that says so.
        figures: what the text names: numbers and names, never a value of a record.
        entries: places of log entries that show it.
        text: in place of the code's, for checks of plugins.
    """

    verdict: str
    code: str
    figures: Mapping[str, object] = attrs.field(factory=dict)
    entries: tuple[str, ...] = ()
    text: Label | None = None


@attrs.frozen
class Clause:
    """One clause of a regime.

    Attributes:
        id: ours; never changes.
        cite: where it is written.
        sure: how well that was read: ``S``, ``S2``, ``Mh``, ``Mm`` or ``Ml``.
        asks: what it asks for, in our own words.
        checks: names of checks, with an argument behind a colon where they take one.
        outside: what of it muniment does not do, and what is needed instead; None where nothing is left.
    """

    id: str
    cite: str
    sure: str
    asks: Label
    checks: tuple[str, ...] = ()
    outside: Label | None = None


@attrs.frozen
class Regime:
    """One regime.

    Attributes:
        key: as it is asked for.
        label: what it is called.
        clauses: in order.
        checks: further checks by name, for regimes of plugins: each takes the facts and its argument.
    """

    key: str
    label: Label
    clauses: tuple[Clause, ...]
    checks: Mapping[str, Callable[[Any, int], Finding]] = attrs.field(factory=dict)


@attrs.frozen
class CheckWords:
    """What a check looks at, and what anybody can run to see it.

    Attributes:
        label: what it looks at.
        commands: command lines that show the same.
    """

    label: Label
    commands: tuple[str, ...] = ()


def verdict_of(findings: Sequence[Finding], *, outside: bool) -> str:
    """The verdict on a clause: the worst of its findings, and at most in part where something is left.

    Args:
        findings: of its checks.
        outside: whether something of it lies outside the program.
    """
    found = {one.verdict for one in findings}
    if not found:
        return "outside"
    if "gap" in found:
        return "gap"
    if found == {"nothing"}:
        return "nothing"
    return "part" if outside or found & {"part", "nothing"} else "shown"


def _label(table: Mapping[str, Any], where: str) -> Label:
    if not all(isinstance(table.get(lang), str) and table[lang].strip() for lang in ("en", "zh")):
        raise ConfigError("regime.words", where=where)
    return Label(table["en"], table["zh"])


def parse_regime(
    text: str, *, where: str, known: Iterable[str] | None = None, checks: Mapping[str, Any] | None = None
) -> Regime:
    """A regime out of TOML, as ``regime.schema.json`` describes it.

    Args:
        text: the file.
        where: its name, for errors.
        known: names of checks that there are; by default the packaged ones.
        checks: further ones that the regime brings, by name.

    Raises:
        ConfigError: ``config.syntax``; ``regime.words``, ``regime.clause`` or ``regime.check``.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError("config.syntax", where=where, detail=str(error)) from None
    names = {*(check_words() if known is None else known), *(checks or {})}
    clauses: list[Clause] = []
    for one in document.get("clause", ()):
        place = f"{where}: {one.get('id', len(clauses) + 1)}"
        sound = isinstance(one.get("id"), str) and isinstance(one.get("cite"), str)
        if not sound or one.get("sure") not in _SURE or one["id"] in {each.id for each in clauses}:
            raise ConfigError("regime.clause", where=place)
        asked = tuple(one.get("checks", ()))
        for check in asked:
            name, _, argument = check.partition(":")
            if name not in names or (argument and not argument.isdigit()):
                raise ConfigError("regime.check", where=place, name=check)
        outside = one.get("outside")
        if not asked and outside is None:
            raise ConfigError("regime.clause", where=place)
        clauses.append(
            Clause(
                one["id"],
                one["cite"],
                one["sure"],
                _label(one, place),
                asked,
                None if outside is None else _label(outside, place),
            )
        )
    if not isinstance(document.get("key"), str) or not clauses:
        raise ConfigError("regime.clause", where=where)
    return Regime(
        document["key"], _label(document.get("label", {}), where), tuple(clauses), dict(checks or {})
    )


@cache
def check_words() -> Mapping[str, CheckWords]:
    """What each packaged check looks at, by name."""
    document = tomllib.loads(muniment_schemas.read(_FOLDER, _CHECKS))
    return {
        name: CheckWords(Label(one["en"], one["zh"]), tuple(one.get("commands", ())))
        for name, one in document.items()
    }


@cache
def packaged() -> Mapping[str, Regime]:
    """The regimes that come with muniment, by key."""
    names = [name for name in muniment_schemas.names(_FOLDER) if name != _CHECKS]
    made = [parse_regime(muniment_schemas.read(_FOLDER, name), where=f"{name}.toml") for name in names]
    return {one.key: one for one in made}
