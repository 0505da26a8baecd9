"""Entry point by entry point: import, check against the hooks, ask what it brings."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import attrs

from muniment import errors
from muniment.errors import PluginError
from muniment.plugins._calls import Call, ask_loading
from muniment.plugins._plugin import Plugin
from muniment.plugins._set import PluginSet
from muniment.plugins._settings import filled, schema_problem, setting_problem, wanted_of
from muniment.plugins._values import Installed, Pin, PluginInfo

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["API", "GROUP", "Installed", "installed", "load", "needed"]

API = 1
"""The version of the hooks; a plugin states the range it is written for, such as ``>=1,<2``."""

GROUP = "muniment"
"""The group of entry points that plugins stand in."""

_NEEDS = "plugin.needs"
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
    if dist is None:
        return Installed(entry.name, "", "", entry.value)
    summary = str(dist.metadata["Summary"] or "") if "Summary" in dist.metadata else ""
    return Installed(entry.name, dist.name, dist.version, entry.value, summary=summary)


def installed(
    *, find: Callable[[], Iterable[EntryPoint]] = _entry_points, folder: Path | None = None
) -> tuple[Installed, ...]:
    """List the plugins that can be enabled, without importing any.

    Args:
        find: gives the entry points; for tests.
        folder: of an archive's own plugins.

    Returns:
        One value for each entry point and each plugin of the folder, by name and distribution.
    """
    found = [_installed(entry) for entry in find()]
    if folder is not None:
        from muniment.plugins._local import local_plugins

        found += [
            Installed(name, "", "", str(path))
            for name, paths in local_plugins(folder).items()
            for path in paths
        ]
    return tuple(sorted(found, key=lambda one: (one.name, one.distribution, one.target)))


def load(
    names: Iterable[str],
    *,
    environ: Mapping[str, str] = os.environ,
    find: Callable[[], Iterable[EntryPoint]] = _entry_points,
    folder: Path | None = None,
    pins: Mapping[str, Pin | None] | None = None,
    settings: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
) -> PluginSet:
    """Load the plugins that an archive has enabled.

    The environment's ``MUNIMENT_LOAD_PLUGINS`` (names, separated by commas or
    spaces; empty: none) says instead which plugins to load. An enabled one that
    it leaves out is quarantined, so that the variable is no way around a
    plugin's checks.

    Args:
        names: the enabled plugins, in any order.
        environ: the environment.
        find: gives the entry points; for tests.
        folder: of the archive's own plugins; None for none.
        pins: which code of each plugin was applied; another is quarantined before a line of it runs. A
            plugin of the folder needs one. None, for all or for one, takes the code that is there.
        settings: what a team set about plugins, by name; one that does not take them is quarantined.

    Returns:
        The sound plugins and, for each of the others, why it is not loaded.
    """
    enabled = set(names)
    given = environ.get("MUNIMENT_LOAD_PLUGINS")
    wanted = enabled if given is None else set(re.split(r"[\s,]+", given.strip())) - {""}
    quarantined = {name: PluginError("plugin.left_out", name=name) for name in enabled - wanted}
    loaded: dict[str, Plugin] = {}
    if wanted:
        _load_all(wanted, _offers(wanted, find(), folder), pins, loaded, quarantined)
        _put_aside(_wrongly_set(loaded, settings), loaded, quarantined)
        _put_aside(_without_needs(loaded), loaded, quarantined)
    held = {
        name: filled(plugin.info.settings, settings.get(name, {}))
        for name, plugin in loaded.items()
        if plugin.info.settings
    }
    return PluginSet(tuple(loaded.values()), dict(sorted(quarantined.items())), settings=held)


def needed(
    names: Iterable[str],
    *,
    find: Callable[[], Iterable[EntryPoint]] = _entry_points,
    folder: Path | None = None,
) -> tuple[str, ...]:
    """The plugins, and those that they need.

    Args:
        names: of plugins.
        find: gives the entry points; for tests.
        folder: of an archive's own plugins; None for none.

    Returns:
        The names as given, then the others, sorted. What cannot be loaded says nothing of its needs.
    """
    given = tuple(dict.fromkeys(names))
    wanted = set(given)
    while True:
        found = load(wanted, environ={}, find=find, folder=folder)
        more = {name for plugin in found.loaded for name in plugin.info.needs}
        more |= {str(why.parameters["other"]) for why in found.quarantined.values() if why.code == _NEEDS}
        if more <= wanted:
            return (*given, *sorted(wanted - set(given)))
        wanted |= more


@attrs.frozen
class _Offer:
    """One place where a plugin of a name can be had."""

    source: Installed
    load: Callable[[], Any]


def _offers(
    wanted: set[str], entries: Iterable[EntryPoint], folder: Path | None
) -> dict[str, list[_Offer | PluginError]]:
    offers: dict[str, list[_Offer | PluginError]] = {}
    for entry in entries:
        offers.setdefault(entry.name, []).append(_Offer(_installed(entry), entry.load))
    if folder is None:
        return offers
    from muniment.plugins._local import local_plugins

    for name, paths in local_plugins(folder).items():
        if name in wanted:
            offers.setdefault(name, []).extend(_local(name, path) for path in paths)
    return offers


def _local(name: str, path: Path) -> _Offer | PluginError:
    from muniment.plugins._local import import_local, read_local

    try:
        read = read_local(name, path)
    except PluginError as error:
        return error
    return _Offer(Installed(name, "", "", str(path), read.digest), lambda: import_local(read))


def _load_all(
    wanted: set[str],
    offers: Mapping[str, Sequence[_Offer | PluginError]],
    pins: Mapping[str, Pin | None] | None,
    loaded: dict[str, Plugin],
    quarantined: dict[str, PluginError],
) -> None:
    from muniment.plugins._declare import all_kinds, colliding_declarations, declared
    from muniment.plugins._kinds import colliding_kinds

    for name in sorted(wanted):
        try:
            loaded[name] = _load_one(name, offers.get(name, []), pins)
        except PluginError as error:
            quarantined[name] = error
    _put_aside(
        colliding_kinds({name: plugin.field_kinds for name, plugin in loaded.items()}), loaded, quarantined
    )
    _put_aside(_without_needs(loaded), loaded, quarantined)
    kinds = all_kinds(loaded.values())
    for name, plugin in list(loaded.items()):
        try:
            loaded[name] = declared(plugin, kinds)
        except PluginError as error:
            _put_aside({name: error}, loaded, quarantined)
    _put_aside(colliding_declarations(loaded.values()), loaded, quarantined)
    _put_aside(_without_needs(loaded), loaded, quarantined)


def _wrongly_set(
    loaded: Mapping[str, Plugin], settings: Mapping[str, Mapping[str, Any]]
) -> dict[str, PluginError]:
    """The plugins that do not take what was set about them."""
    found = {}
    for name, plugin in loaded.items():
        key = setting_problem(plugin.info.settings, settings.get(name, {}))
        if key:
            wanted = wanted_of(plugin.info.settings, key)
            found[name] = PluginError("plugin.settings", name=name, key=key, known=wanted)
    return found


def _without_needs(loaded: Mapping[str, Plugin]) -> dict[str, PluginError]:
    """The plugins that need one which is not loaded, and those that need these."""
    found: dict[str, PluginError] = {}
    while True:
        sound = loaded.keys() - found.keys()
        more = {
            name: PluginError(_NEEDS, name=name, other=other)
            for name in sorted(sound)
            for other in loaded[name].info.needs
            if other not in sound
        }
        if not more:
            return found
        found |= more


def _put_aside(
    found: Mapping[str, PluginError], loaded: dict[str, Plugin], quarantined: dict[str, PluginError]
) -> None:
    quarantined.update(found)
    for name in found:
        loaded.pop(name, None)


def _load_one(
    name: str, offers: Sequence[_Offer | PluginError], pins: Mapping[str, Pin | None] | None
) -> Plugin:
    # Only here: an archive without plugins must not pay for pluggy at every start.
    from muniment.plugins._hooks import implementations
    from muniment.plugins._kinds import checked_kinds

    if not offers:
        raise PluginError("plugin.not_installed", name=name)
    offer = _only(name, offers)
    source = offer.source
    _check_pin(source, pins)
    calls = implementations(name, ask_loading(name, source.target, offer.load))
    if "muniment_plugin_info" not in calls:
        raise PluginError("plugin.info", name=name, file=source.target, line=1)
    asked = calls["muniment_plugin_info"]
    info = ask_loading(name, source.target, asked)
    _check_info(name, info, asked)
    kinds: Sequence[object] = ()
    if "muniment_field_kinds" in calls:
        kinds = ask_loading(name, source.target, lambda: tuple(calls["muniment_field_kinds"]()))
    return Plugin(source, info, checked_kinds(name, kinds), calls)


def _only(name: str, offers: Sequence[_Offer | PluginError]) -> _Offer:
    for offer in offers:
        if isinstance(offer, PluginError):
            raise offer
    found = [offer for offer in offers if isinstance(offer, _Offer)]
    if len(found) > 1:
        sources = [offer.source for offer in found]
        places = (f"{one.distribution} {one.version}" if one.distribution else one.target for one in sources)
        raise PluginError("plugin.duplicate", name=name, distributions=", ".join(sorted(places)))
    return found[0]


def _check_pin(source: Installed, pins: Mapping[str, Pin | None] | None) -> None:
    if pins is None or pins.get(source.name, "") is None:
        return
    pin = pins.get(source.name)
    if source.digest:
        if pin is None or pin.digest != source.digest:
            raise PluginError("plugin.changed", name=source.name, file=source.target)
    elif pin is not None and pin != source.pin:
        raise PluginError(
            "plugin.other_version",
            name=source.name,
            applied=pin.version or f"sha256:{pin.digest[:12]}",
            found=source.version,
        )


def _check_info(name: str, info: object, asked: Call) -> None:
    place = asked.place
    if not isinstance(info, PluginInfo):
        raise PluginError("plugin.info", name=name, **place)
    if info.name != name or not _NAME.fullmatch(name):
        raise PluginError("plugin.name", name=name, given=info.name, **place)
    bounds = [_BOUND.fullmatch(bound) for bound in info.api.split(",")]
    if not all(bound and _MEETS[bound[1]](API, int(bound[2])) for bound in bounds):
        raise PluginError("plugin.api", name=name, api=info.api, current=API, **place)
    needs: Any = info.needs
    if not (isinstance(needs, tuple) and all(isinstance(one, str) for one in needs)):
        raise PluginError("plugin.info", name=name, **place)
    if problem := schema_problem(info.settings):
        raise PluginError("plugin.settings_schema", name=name, key=problem, **place)
    for code, texts in info.messages.items():
        whole = code.startswith(f"{name}.") and {"en", "zh"} <= texts.keys() <= _TEXTS
        if not whole or not all(texts.values()):
            raise PluginError("plugin.messages", name=name, issue=code, **place)
    errors.add_catalogue(name, info.messages)
