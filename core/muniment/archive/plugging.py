"""Plugins for whoever decides about them: what there is, what one brings, how one is switched."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from muniment.errors import PluginError

if TYPE_CHECKING:
    from muniment.archive._opened import Archive
    from muniment.archive.editing import Edit
    from muniment.plugins import Installed, PluginSet

__all__ = ["about", "about_unused", "available", "switching"]


def _folder(archive: Archive) -> Path | None:
    """The folder of the archive's own plugins."""
    inside = archive.applied.plugins_dir
    return archive.folder / inside if inside else None


def available(archive: Archive) -> Mapping[str, Installed]:
    """The plugins that are on this machine, by name; none is imported."""
    from muniment.plugins import installed

    return {one.name: one for one in installed(folder=_folder(archive))}


def about(archive: Archive, name: str, *, lang: str) -> dict[str, Any]:
    """What a plugin is and brings, as JSON; one that is not in use is imported for that.

    Args:
        archive: the opened archive.
        name: the plugin's name.
        lang: of the reason why one does not load.

    Raises:
        PluginError: ``plugin.not_installed``, or why it does not load.
    """
    if name in {one.name for one in archive.plugins.loaded}:
        return _told(archive.plugins, name, lang)
    if name in archive.plugins.quarantined:
        raise archive.plugins.quarantined[name]
    return about_unused(name, folder=_folder(archive), lang=lang, environ=os.environ)


def about_unused(
    name: str, *, folder: Path | None, lang: str, environ: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The same of one that no archive uses; it and what it needs are imported.

    Args:
        name: the plugin's name.
        folder: of an archive's own plugins; None for none.
        lang: of texts.
        environ: may name the only plugins to be loaded; see ``muniment.plugins.load``.

    Raises:
        PluginError: why it does not load.
    """
    from muniment.plugins import load, needed, types_in_reach

    found = load(needed([name], folder=folder), environ=environ or {}, folder=folder)
    if not found.quarantined:
        found = found.for_types(types_in_reach(found))
    if name in found.quarantined:
        raise found.quarantined[name]
    return _told(found, name, lang)


def _told(found: PluginSet, name: str, lang: str) -> dict[str, Any]:
    told = next(one for one in found.describe(lang=lang) if one["name"] == name)
    brought = {key: one for key, some in sorted(found.brought.items()) for one in some if one.plugin == name}
    told["fields"] = {key: [field.key for field in one.fields] for key, one in brought.items() if one.fields}
    told["retention_rules"] = {
        key: [attrs.asdict(rule) for rule in one.rules] for key, one in brought.items() if one.rules
    }
    return told


def switching(
    archive: Archive, name: str, *, enabled: bool, settings: Mapping[str, Any] | None = None
) -> Edit:
    """The edit of ``muniment.toml`` that uses a plugin, with those that it needs, or uses it no longer.

    Args:
        archive: the opened archive.
        name: the plugin's name.
        enabled: whether it is to be used.
        settings: what is set about it; None leaves that as it is. What is set as usual is left unsaid.

    Raises:
        PluginError: ``plugin.not_installed``: what is not on this machine is never named.
    """
    import tomlkit

    from muniment.plugins import needed

    if enabled and name not in available(archive):
        raise PluginError("plugin.not_installed", name=name)
    names = needed([name], folder=_folder(archive)) if enabled else ()
    unusual = settings
    if enabled and settings:
        schema = about(archive, name, lang="en")["settings"].get("properties", {})
        unusual = {
            key: value
            for key, value in settings.items()
            if key not in schema or value != schema[key]["default"]
        }

    def edit(document: Any) -> None:
        table = document.setdefault("plugins", tomlkit.table())
        # What it needs may be in use already, and then keeps its place.
        others = [one for one in table.get("enabled", []) if one != name]
        if enabled and name in table.get("enabled", []):
            others = list(table["enabled"])
        wanted = [*others, *(one for one in reversed(names) if one not in others)]
        if wanted != list(table.get("enabled", [])):
            table["enabled"] = wanted
        if not enabled or unusual is not None:
            _set(table, name, unusual if enabled else {})

    return edit


def _set(table: Any, name: str, values: Mapping[str, Any] | None) -> None:
    """Put what is set about a plugin in place of what was."""
    import tomlkit

    if values:
        own = table.setdefault("settings", tomlkit.table(is_super_table=True)).setdefault(
            name, tomlkit.table()
        )
        for key in [key for key in own if key not in values]:
            del own[key]
        for key, value in values.items():
            if own.get(key) != value:
                own[key] = value
    elif name in table.get("settings", {}):
        del table["settings"][name]
        if not table["settings"]:
            del table["settings"]
