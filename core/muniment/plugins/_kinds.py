"""Field kinds of plugins: checked when they are loaded, their faults contained when they are used."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

import attrs

from muniment.codec import ENCODINGS
from muniment.errors import PluginError
from muniment.model import FileRef, Money
from muniment.plugins._calls import check_code, failure_of, raised
from muniment.schema import KINDS, Context, Field, FieldKind, Parser, ValueProblem
from muniment.schema.rules import forbidden_name

__all__ = ["checked_kinds", "colliding_kinds"]

_HOOK = "muniment_field_kinds"

_STORED: Final[Mapping[int, type]] = {
    ENCODINGS["text"]: str,
    ENCODINGS["integer"]: int,
    ENCODINGS["decimal"]: Decimal,
    ENCODINGS["money"]: Money,
    ENCODINGS["date"]: date,
    ENCODINGS["datetime"]: datetime,
    ENCODINGS["boolean"]: bool,
    ENCODINGS["list"]: tuple,
    ENCODINGS["reference"]: str,
    ENCODINGS["file"]: FileRef,
}
"""What an encoding takes; the type itself, for a bool is an int and a datetime a date."""


def checked_kinds(plugin: str, given: Iterable[object]) -> tuple[FieldKind, ...]:
    """The kinds that a plugin brings, each guarded.

    Raises:
        PluginError: ``plugin.result`` where something is no ``FieldKind`` or
            lacks a label, ``plugin.field_kind`` where the core has that kind,
            or the plugin brings it twice, ``plugin.forbidden_kind`` where its
            values may not be kept at all.
    """
    kinds: dict[str, FieldKind] = {}
    for kind in given:
        if not (isinstance(kind, FieldKind) and kind.label.en and kind.label.zh):
            raise PluginError("plugin.result", name=plugin, hook=_HOOK)
        if forbidden_name(kind.name):
            raise PluginError("plugin.forbidden_kind", name=plugin, kind=kind.name)
        for other, there in (("muniment", KINDS), (plugin, kinds)):
            if kind.name in there:
                raise PluginError("plugin.field_kind", name=plugin, kind=kind.name, other=other)
        kinds[kind.name] = _guarded(plugin, kind)
    return tuple(kinds.values())


def colliding_kinds(brought: Mapping[str, Collection[FieldKind]]) -> dict[str, PluginError]:
    """The plugins that bring a kind which another one brings too, with the reason.

    All of them, because which came first says nothing about which is meant.

    Args:
        brought: the kinds by plugin.
    """
    bringers: dict[str, list[str]] = {}
    for plugin in sorted(brought):
        for kind in brought[plugin]:
            bringers.setdefault(kind.name, []).append(plugin)
    found: dict[str, PluginError] = {}
    for name, plugins in bringers.items():
        for plugin in plugins if len(plugins) > 1 else ():
            others = ", ".join(other for other in plugins if other != plugin)
            found[plugin] = PluginError("plugin.field_kind", name=plugin, kind=name, other=others)
    return found


def _guarded(plugin: str, kind: FieldKind) -> FieldKind:
    # ``load`` stays as it is: ``from_json`` reports what it raises without its message.
    return attrs.evolve(
        kind,
        prepare=_guarded_prepare(plugin, kind),
        show=_guard(plugin, kind.show),
        dump=_guard(plugin, kind.dump),
        order=_guard(plugin, kind.order),
    )


def _guarded_prepare(plugin: str, kind: FieldKind) -> Callable[[Field], Parser]:
    prepare = _guard(plugin, kind.prepare)

    def prepare_guarded(field: Field) -> Parser:
        parse = _guard(plugin, prepare(field))

        def parse_guarded(raw: object, context: Context) -> object:
            try:
                return _checked(plugin, kind, parse(raw, context))
            except ValueProblem as problem:
                check_code(problem.code, plugin, _HOOK)
                _checked(plugin, kind, problem.kept)
                raise

        return parse_guarded

    return prepare_guarded


def _checked(plugin: str, kind: FieldKind, value: object) -> object:
    if value is not None and type(value) is not _STORED[kind.encoding]:
        raise PluginError("plugin.result", name=plugin, hook=_HOOK)
    return value


def _guard(plugin: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def guarded(*arguments: Any) -> Any:
        try:
            return function(*arguments)
        except ValueProblem:
            raise
        except Exception as error:
            failure = failure_of(plugin, _HOOK, error)
        raise raised(failure)

    return guarded
