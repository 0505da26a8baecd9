"""Commands that plugins bring: found by an entry point, imported when one is called.

A plugin's distribution names its command in the group ``muniment.commands``, under the plugin's own
name, so that whoever reads a command line knows whose code runs. Installing it is enough for the
command to be there; what it does in an archive asks for the plugin to be enabled there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from muniment.errors import PluginError

if TYPE_CHECKING:
    from muniment.archive import Archive

__all__ = ["GROUP", "offered_command", "offered_names", "require_plugin"]

GROUP: Final = "muniment.commands"
"""The group of entry points that commands of plugins stand in."""


def offered_command(name: str) -> click.Command | None:
    """The command of an installed plugin, imported; None where no plugin brings one of that name.

    Args:
        name: as it is typed.

    Raises:
        PluginError: ``plugin.duplicate``, ``plugin.import``, ``plugin.slow`` or ``plugin.command``.
    """
    # Costs a third of the command's start-up, so only a name that the core does not know gets here.
    from importlib import metadata

    from muniment.plugins import ask_loading

    found = tuple(metadata.entry_points(group=GROUP, name=name))
    if not found:
        return None
    if len(found) > 1:
        listed = sorted(f"{one.dist.name} {one.dist.version}" if one.dist else one.value for one in found)
        raise PluginError("plugin.duplicate", name=name, distributions=", ".join(listed))
    made = ask_loading(name, found[0].value, found[0].load)
    if not isinstance(made, click.Command) or made.name != name:
        raise PluginError("plugin.command", name=name, file=found[0].value)
    return made


def offered_names(plugin: str) -> list[str]:
    """The commands that a plugin's distribution brings, imported or not.

    Args:
        plugin: the plugin's name.
    """
    from importlib import metadata

    return sorted({one.name for one in metadata.entry_points(group=GROUP, name=plugin)})


def require_plugin(archive: Archive, name: str) -> None:
    """Refuse a command of a plugin that the archive does not use, or cannot.

    Args:
        archive: opened with its plugins.
        name: the plugin's name.

    Raises:
        PluginError: ``plugin.not_enabled``, or the reason of its quarantine.
    """
    plugins = archive.engine.plugins
    if name in plugins.quarantined:
        raise plugins.quarantined[name]
    if all(plugin.name != name for plugin in plugins.loaded):
        raise PluginError("plugin.not_enabled", name=name)
