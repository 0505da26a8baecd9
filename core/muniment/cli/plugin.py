"""``muniment plugin``: what is installed, what is enabled, and why something is not loaded."""

from __future__ import annotations

from typing import Any

import click

from muniment.cli.base import Entry, LazyGroup, argument, option, verb
from muniment.cli.invocation import Invocation
from muniment.errors import ConfigError, PluginError, UsageError

__all__ = ["disable", "enable", "info", "list_plugins", "plugin"]

_HERE = "muniment.cli.plugin"

plugin = LazyGroup(
    "plugin",
    {
        "list": Entry(
            f"{_HERE}:list_plugins", ("Plugins, installed and enabled.", "列出已安装和启用的插件。")
        ),
        "info": Entry(f"{_HERE}:info", ("What a plugin brings.", "查看插件提供的内容。")),
        "enable": Entry(f"{_HERE}:enable", ("Use a plugin in this archive.", "在此档案库中启用插件。")),
        "disable": Entry(f"{_HERE}:disable", ("Use it no longer.", "停用插件。")),
    },
    words=(
        "Plugins: installed is not enabled. muniment.toml names what an archive uses. "
        "A plugin runs inside the process and is trusted code.",
        "插件：安装不等于启用，由 muniment.toml 指定档案库使用的插件。插件在进程内运行，属于受信任代码。",
    ),
)


def _enabled(call: Invocation) -> tuple[str, ...]:
    """The plugins that the file names; works also where the archive itself does not open."""
    try:
        return call.settings().plugins
    except (UsageError, ConfigError):
        return ()


def _found(call: Invocation) -> list[dict[str, Any]]:
    from muniment.plugins import installed, load

    enabled = _enabled(call)
    described = {one["name"]: {**one, "enabled": True} for one in load(enabled).describe(lang=call.language)}
    for one in installed():
        described.setdefault(
            one.name,
            {
                "name": one.name,
                "state": "installed",
                "version": one.version,
                "distribution": one.distribution,
                "enabled": False,
            },
        )
    return [described[name] for name in sorted(described)]


@verb("list", ("Plugins, installed and enabled.", "列出已安装和启用的插件。"))
@click.pass_obj
def list_plugins(call: Invocation) -> None:
    """Plugins, installed and enabled."""
    from muniment.cli.output import emit, table, talk

    found = _found(call)
    if call.json:
        emit({"plugins": found})
        return
    if not found:
        talk(call.say("cli.no_plugins"))
        return
    states = {
        "loaded": call.say("cli.plugin_loaded"),
        "quarantined": call.say("cli.plugin_quarantined"),
        "installed": call.say("cli.plugin_installed"),
    }
    header = call.words("cli.label_plugin", "cli.label_state", "cli.label_version", "cli.label_notes")
    table(
        header,
        [[one["name"], states[one["state"]], one.get("version", ""), one.get("reason", "")] for one in found],
    )


@verb("info", ("What a plugin brings; imports it.", "查看插件提供的内容（会加载该插件）。"))
@argument("name", ("The plugin's name.", "插件名称。"), metavar="P")
@click.pass_obj
def info(call: Invocation, name: str) -> None:
    """What a plugin brings."""
    from muniment.cli.output import clean, emit, labels
    from muniment.plugins import load

    found = load([name], environ={})
    if found.quarantined:
        raise found.quarantined[name]
    described = next((one for one in found.describe(lang=call.language) if one["name"] == name), None)
    if described is None:
        raise PluginError("plugin.not_installed", name=name)
    described["enabled"] = name in _enabled(call)
    if call.json:
        emit({"plugins": [described]})
        return
    title = described["title"].get(call.language) or described["title"].get("en", "")
    labels(
        [
            (call.say("cli.label_plugin"), clean(name)),
            (call.say("cli.label_title"), clean(title)),
            (call.say("cli.label_version"), described["version"]),
            (call.say("cli.label_distribution"), described["distribution"]),
            ("API", described["api"]),
            (call.say("cli.label_hooks"), ", ".join(described["hooks"])),
            (call.say("cli.label_kinds"), ", ".join(described["field_kinds"])),
            (
                call.say("cli.label_state"),
                call.say("cli.plugin_enabled" if described["enabled"] else "cli.plugin_installed"),
            ),
        ]
    )


_reason = option(
    "--reason", metavar="TEXT", words=("Why, in your own words; sealed.", "原因，用自己的话说明；加密保存。")
)


@verb(
    "enable",
    (
        "Use a plugin in this archive: writes its name into muniment.toml and applies that.",
        "在此档案库中启用插件：将其名称写入 muniment.toml 并应用。",
    ),
)
@argument("name", ("The plugin's name.", "插件名称。"), metavar="P")
@_reason
@click.pass_obj
def enable(call: Invocation, name: str, reason: str | None) -> None:
    """Use a plugin in this archive."""
    _set(call, name, enabled=True, reason=reason)


@verb(
    "disable",
    (
        "Use a plugin no longer.\n"
        "Values of its kinds stay readable, exportable and erasable, but cannot be written.",
        "停用插件。\n其字段种类的值仍可读取、导出和清除，但不能写入。",
    ),
)
@argument("name", ("The plugin's name.", "插件名称。"), metavar="P")
@_reason
@click.pass_obj
def disable(call: Invocation, name: str, reason: str | None) -> None:
    """Use a plugin no longer."""
    _set(call, name, enabled=False, reason=reason)


def _set(call: Invocation, name: str, *, enabled: bool, reason: str | None) -> None:
    """Change the list of plugins in the file, apply the file, and put it back where that is refused."""
    from muniment.cli.output import emit, one_line, put
    from muniment.exports.files import replacing

    with call.session() as (archive, session):
        session.require("config.change")
        path = archive.folder / "muniment.toml"
        before = path.read_bytes()
        # What else stands in the file waits for its own `config apply`.
        if archive.config_differs:
            raise ConfigError("cli.config_waits", where=str(path))
        with replacing(path) as new:
            new.write_text(_edited(before.decode("utf-8"), name, enabled=enabled), encoding="utf-8")
        try:
            done = archive.apply_config(session, reason=reason or "")
        except BaseException:
            with replacing(path) as new:
                new.write_bytes(before)
            raise
        if call.json:
            emit({"plugins": archive.plugins.describe(lang=call.language), "applied": done})
        else:
            put(one_line(call.say("cli.plugin_on" if enabled else "cli.plugin_off", name=name)))


def _edited(text: str, name: str, *, enabled: bool) -> str:
    import tomlkit

    document = tomlkit.parse(text)
    table: Any = document.setdefault("plugins", tomlkit.table())
    names = [one for one in table.get("enabled", []) if one != name]
    table["enabled"] = [*names, name] if enabled else names
    return tomlkit.dumps(document)
