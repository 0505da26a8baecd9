"""``muniment plugin``: what is installed, what is enabled, and why something is not loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from muniment.cli.base import Entry, LazyGroup, argument, may_say_why, option, verb
from muniment.cli.invocation import Invocation
from muniment.errors import ConfigError, MunimentError, PluginError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from muniment.archive import Archive
    from muniment.config import Configuration
    from muniment.plugins import Installed

__all__ = ["check", "disable", "enable", "info", "list_plugins", "new", "plugin"]

_HERE = "muniment.cli.plugin"

plugin = LazyGroup(
    "plugin",
    {
        "list": Entry(
            f"{_HERE}:list_plugins", ("Plugins, installed and enabled.", "列出已安装和启用的插件。")
        ),
        "info": Entry(f"{_HERE}:info", ("What a plugin brings.", "查看插件提供的内容。")),
        "check": Entry(
            f"{_HERE}:check", ("Look whether a plugin keeps its promises.", "检查插件是否符合约定。")
        ),
        "new": Entry(f"{_HERE}:new", ("Begin a plugin of your own.", "新建自己的插件。")),
        "enable": Entry(f"{_HERE}:enable", ("Use a plugin in this archive.", "在此档案库中启用插件。")),
        "disable": Entry(f"{_HERE}:disable", ("Use it no longer.", "停用插件。")),
    },
    words=(
        "Plugins: installed is not enabled. muniment.toml names what an archive uses. "
        "A plugin runs inside the process and is trusted code.",
        "插件：安装不等于启用，由 muniment.toml 指定档案库使用的插件。插件在进程内运行，属于受信任代码。",
    ),
)


def _settings(call: Invocation) -> Configuration | None:
    """What the file says; nothing where there is no archive, or the file is wrong."""
    try:
        return call.settings()
    except (UsageError, ConfigError):
        return None


def _folder(call: Invocation, settings: Configuration | None) -> Path | None:
    """The folder of the archive's own plugins."""
    return call.folder() / settings.plugins_dir if settings is not None and settings.plugins_dir else None


def _opens(call: Invocation, settings: Configuration) -> bool:
    """Whether the archive can be opened without asking anybody for a secret."""
    import os

    from muniment.archive import default_key_file

    named = call.key or os.environ.get("MUNIMENT_KEY") or os.environ.get("MUNIMENT_PASSPHRASE")
    return not call.recovery and bool(named or default_key_file(settings.archive).is_file())


def _held(call: Invocation, settings: Configuration | None) -> list[dict[str, Any]] | None:
    """The plugins that were applied, as the archive loads them; None where it does not open."""
    if settings is None or not _opens(call, settings):
        return None
    try:
        with call.opened() as archive:
            return archive.plugins.describe(lang=call.language)
    except MunimentError:
        return None


def _found(call: Invocation) -> list[dict[str, Any]]:
    from muniment.plugins import installed, load

    settings = _settings(call)
    enabled = () if settings is None else settings.plugins
    folder = _folder(call, settings)
    there = {one.name: one for one in installed(folder=folder)}
    held = _held(call, settings)
    if held is None:
        # Nobody can tell whether the archive's own are what was applied, so none of them is run.
        named = [name for name in enabled if name not in there or there[name].distribution]
        described = {one["name"]: one for one in load(named).describe(lang=call.language)}
    else:
        described = {one["name"]: one for one in held}
    waiting = [name for name in enabled if name not in described]
    described |= {one["name"]: one for one in _waiting(call, waiting, there)}
    for name, one in there.items():
        described.setdefault(name, _row(one, "installed"))
    return [{**described[name], "enabled": name in enabled} for name in sorted(described)]


def _waiting(call: Invocation, names: list[str], there: Mapping[str, Installed]) -> list[dict[str, Any]]:
    """Plugins that the file enables and nobody applied yet, or whose state only the keys would tell."""
    rows = []
    for name in names:
        why = PluginError("plugin.waiting" if name in there else "plugin.not_installed", name=name)
        row = _row(there[name], "waiting") if name in there else {"name": name, "state": "quarantined"}
        rows.append({**row, "code": why.code, "reason": why.text(call.language)})
    return rows


def _row(one: Installed, state: str) -> dict[str, Any]:
    return {
        "name": one.name,
        "state": state,
        "code": None,
        "reason": None,
        "version": one.version,
        "distribution": one.distribution or None,
        "path": None if one.distribution else one.target,
        "summary": one.summary or None,
    }


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
        "waiting": call.say("cli.plugin_waiting"),
    }
    header = call.words(
        "cli.label_plugin", "cli.label_title", "cli.label_state", "cli.label_version", "cli.label_notes"
    )
    table(
        header,
        [
            [
                one["name"],
                _title(call, one),
                states[one["state"]],
                one.get("version") or "",
                one.get("reason") or "",
            ]
            for one in found
        ],
    )


def _title(call: Invocation, one: Mapping[str, Any]) -> str:
    """What a plugin calls itself; of one that is not loaded, what its distribution says."""
    title = one.get("title") or {}
    return title.get(call.language) or title.get("en") or one.get("summary") or ""


@verb("info", ("What a plugin brings; imports it.", "查看插件提供的内容（会加载该插件）。"))
@argument("name", ("The plugin's name.", "插件名称。"), metavar="P")
@click.pass_obj
def info(call: Invocation, name: str) -> None:
    """What a plugin brings."""
    from muniment.archive.plugging import about_unused
    from muniment.cli.offered import offered_names
    from muniment.cli.output import clean, emit, labels

    settings = _settings(call)
    described = about_unused(name, folder=_folder(call, settings), lang=call.language)
    described["enabled"] = settings is not None and name in settings.plugins
    described["commands"] = offered_names(name)
    if call.json:
        emit({"plugins": [described]})
        return
    title = described["title"].get(call.language) or described["title"].get("en", "")
    fields = [f"{key}.{field}" for key, keys in described["fields"].items() for field in keys]
    rules = sorted({rule["id"] for one in described["retention_rules"].values() for rule in one})
    labels(
        [
            (call.say("cli.label_plugin"), clean(name)),
            (call.say("cli.label_title"), clean(title)),
            (call.say("cli.label_version"), described["version"]),
            (call.say("cli.label_distribution"), clean(described["distribution"] or described["path"])),
            ("API", described["api"]),
            *(
                (call.say(label), clean(", ".join(values)))
                for label, values in (
                    ("cli.label_needs", described["needs"]),
                    ("cli.label_hooks", described["hooks"]),
                    ("cli.label_commands", [f"muniment {one}" for one in described["commands"]]),
                    ("cli.label_kinds", described["field_kinds"]),
                    ("cli.label_types", described["record_types"]),
                    ("cli.label_fields", fields),
                    ("cli.label_template", described["templates"]),
                    ("cli.label_rules", rules),
                    ("cli.label_purposes", described["purposes"]),
                    ("cli.label_roles", described["roles"]),
                )
                if values
            ),
            (
                call.say("cli.label_state"),
                call.say("cli.plugin_enabled" if described["enabled"] else "cli.plugin_installed"),
            ),
        ]
    )


@verb(
    "check",
    (
        "Look whether a plugin keeps its promises: with generated values, in an archive of its own.\n"
        "Runs the plugin. Needs `pip install muniment[testing]`.",
        "检查插件是否符合约定：使用生成的数据，在临时档案库中进行。\n"
        "会运行该插件。需要 pip install muniment[testing]。",
    ),
)
@argument(
    "plugin",
    (
        "A plugin's name, or a path: a module, a package, or a distribution's folder.",
        "插件名称，或路径：模块、包或发行包文件夹。",
    ),
    metavar="P",
)
@option(
    "--with",
    "beside",
    multiple=True,
    metavar="P",
    words=("An installed plugin that it needs.", "它所需要的已安装插件。"),
)
@click.pass_obj
def check(call: Invocation, plugin: str, beside: tuple[str, ...]) -> int:
    """Look whether a plugin keeps its promises."""
    from importlib.util import find_spec

    from muniment.cli.output import clean, emit, put, talk

    if find_spec("hypothesis") is None:
        raise UsageError("conform.no_hypothesis")
    from muniment.testing import check_plugin

    found = check_plugin(_place(call, plugin), beside=beside)
    wrong = sum(one.severity == "error" for one in found)
    if call.json:
        rows = [
            {"code": one.code, "severity": one.severity, "detail": one.text(call.language)} for one in found
        ]
        emit({"findings": rows, "sound": not wrong})
    else:
        for one in found:
            put(clean(one.text(call.language)))
        talk(call.say("cli.plugin_unsound" if wrong else "cli.plugin_sound", count=wrong))
    return 7 if wrong else 0


def _place(call: Invocation, plugin: str) -> str:
    """The path of a plugin of the archive's own, where that is the one of this name."""
    from muniment.plugins import installed

    own = [one for one in installed(folder=_folder(call, _settings(call))) if one.name == plugin]
    if len(own) != 1 or own[0].distribution:
        return plugin
    return own[0].target.removesuffix("/__init__.py")


@verb(
    "new",
    (
        "Begin a plugin: write a distribution with an example of each thing that most plugins need.",
        "新建插件：生成一个发行包，内含多数插件所需内容的示例。",
    ),
    note=("Example: muniment plugin new clinic", "示例：muniment plugin new clinic"),
)
@argument("name", ("The plugin's name.", "插件名称。"), metavar="P")
@argument(
    "folder",
    ("A new or empty folder; by default muniment-P.", "新的或空的文件夹；默认为 muniment-P。"),
    required=False,
    metavar="[DIR]",
)
@click.pass_obj
def new(call: Invocation, name: str, folder: str | None) -> None:
    """Begin a plugin."""
    from pathlib import Path

    from muniment.cli.output import emit, put
    from muniment.scaffold import write_plugin

    written = write_plugin(name, None if folder is None else Path(folder))
    if call.json:
        emit({"files": [str(path) for path in written]})
        return
    for path in written:
        put(str(path))


@verb(
    "enable",
    (
        "Use a plugin in this archive: writes its name into muniment.toml and applies that.",
        "在此档案库中启用插件：将其名称写入 muniment.toml 并应用。",
    ),
)
@argument("name", ("The plugin's name.", "插件名称。"), metavar="P")
@may_say_why
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
@may_say_why
@click.pass_obj
def disable(call: Invocation, name: str, reason: str | None) -> None:
    """Use a plugin no longer."""
    _set(call, name, enabled=False, reason=reason)


def _set(call: Invocation, name: str, *, enabled: bool, reason: str | None) -> None:
    """Change the list of plugins in the file, apply the file, and put it back where that is refused."""
    from muniment.archive.editing import edit_configuration
    from muniment.archive.plugging import switching
    from muniment.cli.output import emit, one_line, put

    # What is disabled may be broken in any way, so then no plugin is run at all.
    with call.session(plugins=enabled) as (archive, session):
        edit = switching(archive, name, enabled=enabled)
        done = edit_configuration(archive, session, edit, reason=reason, plugin=name)
        if call.json:
            left = archive.plugins.describe(lang=call.language) if enabled else _names(archive)
            emit({"plugins": left, "applied": done})
        else:
            put(one_line(call.say("cli.plugin_on" if enabled else "cli.plugin_off", name=name)))


def _names(archive: Archive) -> list[dict[str, Any]]:
    return [{"name": name, "state": "enabled", "code": None, "reason": None}
            for name in sorted(archive.applied.plugins)]  # fmt: skip
