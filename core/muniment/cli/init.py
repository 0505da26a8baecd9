"""``muniment init``: make an archive."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from muniment.cli.base import argument, option, verb
from muniment.cli.invocation import Invocation, read_secret
from muniment.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from muniment.archive import Created
    from muniment.plugins import PluginSet
    from muniment.schema.template import Template

__all__ = ["init", "templates_of"]


def templates_of(names: Sequence[str], plugins: Sequence[str] | PluginSet = ()) -> list[Template]:
    """Templates by name, or out of TOML files, with the kinds of field and templates that plugins bring.

    Args:
        names: of packaged templates and of plugins' templates, or paths that end in ``.toml``.
        plugins: names of installed plugins, or the plugins of an archive.

    Raises:
        ConfigError: ``schema.*``, or ``cli.no_file`` as ``UsageError``.
        PluginError: a plugin that is named is not there or broken.
    """
    from muniment.plugins import PluginSet, load, needed
    from muniment.schema import KINDS
    from muniment.schema.template import load_template, parse_template

    kinds = dict(KINDS)
    shipped: Mapping[str, Template] = {}
    if plugins:
        loaded = plugins if isinstance(plugins, PluginSet) else _sound(load(needed(plugins)))
        loaded.require_all()
        kinds.update({kind.name: kind for kind in loaded.field_kinds()})
        shipped = loaded.templates()
    made = []
    for name in names:
        if not name.endswith(".toml"):
            made.append(shipped.get(name) or load_template(name, kinds=kinds, beside=shipped))
            continue
        try:
            text = Path(name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            raise UsageError("cli.no_file", where=name) from None
        made.append(parse_template(text, where=name, kinds=kinds))
    return made


def _sound(plugins: PluginSet) -> PluginSet:
    """The plugins, or the reason why one of them is not loaded: there is no archive yet to look it up in."""
    for why in plugins.quarantined.values():
        raise why
    return plugins


@verb(
    "init",
    (
        "Make an archive.\n"
        "It gets a user `owner`, a key file outside its folder, and a recovery phrase that is shown once.",
        "新建档案库。\n将建立用户 owner、位于文件夹之外的密钥文件，以及只显示一次的恢复短语。",
    ),
    note=(
        "Example: muniment init customers -t customer-info -t interaction-log --region DE",
        "示例：muniment init customers -t customer-info -t interaction-log --region CN",
    ),
)
@argument("folder", ("A new or empty folder.", "新的或空的文件夹。"), metavar="DIR")
@option(
    "-t",
    "--template",
    "templates",
    multiple=True,
    metavar="T",
    words=("A template's name, or a TOML file.", "模板名称或 TOML 文件。"),
)
@option("--plugin", "plugins", multiple=True, metavar="P", words=("A plugin to enable.", "要启用的插件。"))
@option(
    "--root",
    type=click.Choice(("keyfile", "passphrase")),
    default="keyfile",
    words=("What opens the keys, besides the recovery phrase.", "除恢复短语外，用什么打开密钥。"),
)
@option("--key-file", metavar="PATH", words=("Where to put the key file.", "密钥文件存放位置。"))
@option("--name", default="", words=("What people call the archive.", "档案库名称。"))
@option(
    "--origin",
    default="",
    words=("The log's name, such as example.com/customers.", "日志名称，如 example.com/customers。"),
)
@option(
    "--region",
    default="",
    metavar="CC",
    words=("Country of phone numbers that name none, such as CN.", "电话未写国家代码时的默认国家，如 CN。"),
)
@option(
    "--currency",
    default="",
    metavar="CCY",
    words=("Currency of amounts that name none, such as CNY.", "金额未写币种时的默认币种，如 CNY。"),
)
@option(
    "--timezone",
    default="UTC",
    metavar="TZ",
    words=(
        "Where days begin, and zone of times that name none, such as Asia/Shanghai.",
        "以此时区划分日期，也是未写时区的时间所用的时区，如 Asia/Shanghai。",
    ),
)
@click.pass_obj
def init(
    call: Invocation,
    folder: str,
    templates: tuple[str, ...],
    plugins: tuple[str, ...],
    root: str,
    key_file: str | None,
    name: str,
    origin: str,
    region: str,
    currency: str,
    timezone: str,
) -> None:
    """Make an archive."""
    from muniment import archive as archives
    from muniment.keys import Passphrase

    chosen = templates_of(templates, plugins)
    given = None
    if root == "passphrase":
        typed = os.environ.get("MUNIMENT_PASSPHRASE", "") or read_secret(
            call.say("cli.new_passphrase"), "cli.no_answer", confirm=call.say("cli.again")
        )
        given = Passphrase(typed)
    made = archives.create(
        folder,
        templates=chosen,
        plugins=plugins,
        root=given,
        key_file=_key_place(folder, key_file),
        name=name,
        origin=origin,
        language=call.language,
        region=region,
        timezone=timezone,
        currency=currency,
    )
    made.archive.engine.refresh()
    made.archive.close()
    _tell(call, made, folder, [template.key for template in chosen], usual=key_file is None)


def _key_place(folder: str, key_file: str | None) -> Path | None:
    if key_file is None:
        return None
    path = Path(key_file)
    if path.resolve().is_relative_to(Path(folder).resolve()):
        raise UsageError("cli.key_inside", where=key_file)
    return path


def _tell(call: Invocation, made: Created, folder: str, templates: list[str], *, usual: bool) -> None:
    from importlib.metadata import entry_points

    from muniment.cli.output import emit, heading, labels, put

    steps = _next_steps(made, folder, usual=usual)
    if call.json:
        emit(
            {
                "archive": {
                    "id": made.archive.id,
                    "folder": folder,
                    "name": made.archive.file.name,
                    "origin": made.archive.file.origin,
                    "templates": templates,
                    "types": [
                        one.key for one in made.archive.engine.definitions.registry.types if not one.built_in
                    ],
                    "verifier_key": made.verifier_key,
                    "key_file": None if made.key_file is None else str(made.key_file),
                    "recovery_phrase": made.recovery_phrase,
                    "next": steps,
                }
            }
        )
        return
    put(call.say("cli.made", where=folder))
    put()
    places = [(call.say("cli.label_verifier_key"), made.verifier_key)]
    if made.key_file is not None:
        places.append((call.say("cli.label_key_file"), str(made.key_file)))
    labels(places, indent=2)
    if made.recovery_phrase:
        put()
        put(heading(call.say("cli.recovery_once")))
        put()
        put(f"    {made.recovery_phrase}")
        put()
        put(call.say("cli.recovery_advice"))
    put()
    put(call.say("cli.next"))
    for step in steps:
        put(f"  {step}")
    if entry_points(group="muniment.server"):
        put()
        put(call.say("cli.next_pages"))


def _next_steps(made: Created, folder: str, *, usual: bool) -> list[str]:
    """What to type next; a key file in its own place has to be named."""
    import shlex

    steps = [f"export MUNIMENT_ARCHIVE={shlex.quote(folder)}"]
    if not usual and made.key_file is not None:
        steps.append(f"export MUNIMENT_KEY={shlex.quote(str(made.key_file))}")
    types = [one for one in made.archive.engine.definitions.registry.types if not one.built_in]
    if not types:
        shipped = next(iter(made.archive.plugins.templates()), "customer-info")
        return [*steps, "muniment template list", f"muniment template apply {shipped} --reason start"]
    first = types[0]
    name = next((key for key in first.title if first.by_key[key].kind == "text"), first.fields[0].key)
    wanted = [field.key for field in first.fields if field.key in first.required and field.default is None]
    more = "".join(f" {key}=..." for key in wanted if key != name)
    return [
        *steps,
        f"muniment record create {first.key} {name}='Anna Schmidt'{more} --reason first",
        f"muniment record list {first.key}",
    ]
