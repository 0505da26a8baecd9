"""Entry point by entry point: import, check against the hooks, ask what it brings."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from muniment import errors
from muniment.errors import PluginError
from muniment.plugins._calls import failure_of
from muniment.plugins._set import Plugin, PluginSet
from muniment.plugins._values import Installed, PluginInfo

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["API", "GROUP", "Installed", "installed", "load"]

API = 1
"""The version of the hooks; a plugin states the range it is written for, such as ``>=1,<2``."""

GROUP = "muniment"
"""The group of entry points that plugins stand in."""

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_BOUND = re.compile(r"\s*(>=|<=|==|<|>)\s*([0-9]{1,6})\s*")
_MEETS: Mapping[str, Callable[[int, int], bool]] = {
    ">=": int.__ge__,
    "<=": int.__le__,
    "==": int.__eq__,
    ">": int.__gt__,
    "<": int.__lt__,
}
_TEXTS = frozenset({"en", "zh", "hint_en", "hint_zh"})


def _entry_points() -> Iterable[EntryPoint]:
    from importlib import metadata  # costs a third of the command's start-up; most archives never need it

    return metadata.entry_points(group=GROUP)


def _installed(entry: EntryPoint) -> Installed:
    dist = entry.dist
    return Installed(entry.name, dist.name if dist else "", dist.version if dist else "", entry.value)


def installed(*, find: Callable[[], Iterable[EntryPoint]] = _entry_points) -> tuple[Installed, ...]:
    """List the plugins that are installed, enabled or not, without importing any.

    Args:
        find: gives the entry points; for tests.

    Returns:
        One value for each entry point, by name and distribution.
    """
    return tuple(
        sorted((_installed(entry) for entry in find()), key=lambda one: (one.name, one.distribution))
    )


def load(
    names: Iterable[str],
    *,
    environ: Mapping[str, str] = os.environ,
    find: Callable[[], Iterable[EntryPoint]] = _entry_points,
) -> PluginSet:
    """Load the plugins that an archive has enabled.

    The environment's ``MUNIMENT_LOAD_PLUGINS`` (names, separated by commas or
    spaces; empty: none) says instead which plugins to load. An enabled one that
    it leaves out is quarantined, so that the variable is no way around a
    plugin's checks.

    Args:
        names: the enabled plugins.
        environ: where the variable is looked up.
        find: gives the entry points; for tests.

    Returns:
        The loaded ones, and the reason for each of the others. Nothing is
        raised for a broken plugin.
    """
    enabled = set(names)
    override = environ.get("MUNIMENT_LOAD_PLUGINS")
    wanted = enabled if override is None else set(re.split(r"[\s,]+", override)) - {""}
    quarantined = {name: PluginError("plugin.left_out", name=name) for name in enabled - wanted}
    loaded: dict[str, Plugin] = {}
    if wanted:
        _load_all(wanted, find(), loaded, quarantined)
    return PluginSet(tuple(loaded.values()), dict(sorted(quarantined.items())))


def _load_all(
    wanted: set[str],
    entries: Iterable[EntryPoint],
    loaded: dict[str, Plugin],
    quarantined: dict[str, PluginError],
) -> None:
    from muniment.plugins._kinds import colliding_kinds

    offers: dict[str, list[EntryPoint]] = {}
    for entry in entries:
        offers.setdefault(entry.name, []).append(entry)
    for name in sorted(wanted):
        try:
            loaded[name] = _load_one(name, offers.get(name, []))
        except PluginError as error:
            quarantined[name] = error
    collisions = colliding_kinds({name: plugin.field_kinds for name, plugin in loaded.items()})
    quarantined.update(collisions)
    for name in collisions:
        del loaded[name]


def _load_one(name: str, offers: Sequence[EntryPoint]) -> Plugin:
    # Only here: an archive without plugins must not pay for pluggy at every start.
    from muniment.plugins._hooks import implementations
    from muniment.plugins._kinds import checked_kinds

    if not offers:
        raise PluginError("plugin.not_installed", name=name)
    sources = [_installed(offer) for offer in offers]
    if len(offers) > 1:
        listed = ", ".join(sorted(f"{source.distribution} {source.version}" for source in sources))
        raise PluginError("plugin.duplicate", name=name, distributions=listed)
    target = sources[0].target
    calls = implementations(name, _asked(name, target, offers[0].load))
    if "muniment_plugin_info" not in calls:
        raise PluginError("plugin.info", name=name)
    info = _asked(name, target, calls["muniment_plugin_info"])
    _check_info(name, info)
    kinds: Sequence[object] = ()
    if "muniment_field_kinds" in calls:
        kinds = _asked(name, target, lambda: tuple(calls["muniment_field_kinds"]()))
    return Plugin(sources[0], info, checked_kinds(name, kinds), calls)


def _asked(name: str, target: str, call: Callable[[], Any]) -> Any:
    """Call into a plugin while it loads; whatever it raises is the reason of its quarantine."""
    try:
        return call()
    # A module that ends the process while it is imported must not end this one.
    except (Exception, SystemExit) as error:
        failure = failure_of(name, "", error, target=target)
    raise PluginError("plugin.import", name=name, type=failure.type, file=failure.file, line=failure.line)


def _check_info(name: str, info: object) -> None:
    if not isinstance(info, PluginInfo):
        raise PluginError("plugin.info", name=name)
    if info.name != name or not _NAME.fullmatch(name):
        raise PluginError("plugin.name", name=name, given=info.name)
    bounds = [_BOUND.fullmatch(bound) for bound in info.api.split(",")]
    if not all(bound and _MEETS[bound[1]](API, int(bound[2])) for bound in bounds):
        raise PluginError("plugin.api", name=name, api=info.api, current=API)
    for code, texts in info.messages.items():
        whole = code.startswith(f"{name}.") and {"en", "zh"} <= texts.keys() <= _TEXTS
        if not whole or not all(texts.values()):
            raise PluginError("plugin.messages", name=name, issue=code)
    errors.add_catalogue(name, info.messages)
