"""``muniment config``: what ``muniment.toml`` says, and what holds."""

from __future__ import annotations

import click

from muniment.cli.base import Entry, LazyGroup, must_say_why, option, verb
from muniment.cli.invocation import Invocation

__all__ = ["apply", "check", "config", "diff", "show"]

_HERE = "muniment.cli.config"

config = LazyGroup(
    "config",
    {
        "check": Entry(f"{_HERE}:check", ("Check the file.", "检查配置文件。")),
        "diff": Entry(
            f"{_HERE}:diff", ("What the file says that does not hold yet.", "比较文件与已应用的配置。")
        ),
        "apply": Entry(f"{_HERE}:apply", ("Put what the file says into force.", "应用配置文件。")),
        "show": Entry(f"{_HERE}:show", ("What holds, or held on a day.", "查看当前或某日有效的配置。")),
    },
    words=(
        "What muniment.toml says, and what holds. A changed file changes nothing until it is applied.",
        "muniment.toml 的内容与实际有效的配置。修改文件后须应用才会生效。",
    ),
)


@verb("check", ("Check muniment.toml; needs no keys.", "检查 muniment.toml；无需密钥。"))
@click.pass_obj
def check(call: Invocation) -> None:
    """Check the file."""
    from muniment.cli.output import emit, put
    from muniment.plugins import load

    settings = call.settings()
    load(settings.plugins).require_all()
    if call.json:
        emit({"config": {"path": str(call.folder() / "muniment.toml"), "sound": True}})
    else:
        put(call.say("cli.config_sound", where=str(call.folder() / "muniment.toml")))


@verb("diff", ("What the file says that does not hold yet.", "比较文件与已应用的配置。"))
@click.pass_obj
def diff(call: Invocation) -> None:
    """What the file says that does not hold yet."""
    import difflib

    from muniment.cli.output import clean, emit, put, talk
    from muniment.roles import beyond_rows

    with call.session() as (archive, session):
        session.require("config.read")
        session.note("config.read")
        names = (call.say("cli.applied"), "muniment.toml")
        lines = list(
            difflib.unified_diff(
                archive.applied.text.strip().splitlines(),
                archive.file.text.strip().splitlines(),
                *names,
                lineterm="",
            )
        )
        for key in beyond_rows(archive.file.roles) if lines else ():
            talk(call.say("policy.beyond_rows", name=key))
        if call.json:
            emit({"config": {"differs": archive.config_differs, "diff": lines}})
            return
        for line in lines:
            put(clean(line))
        if not lines:
            talk(call.say("cli.config_same"))


@verb(
    "apply",
    (
        "Put what muniment.toml says into force, as a version with its reason.",
        "应用 muniment.toml，作为一个带原因的版本。",
    ),
)
@must_say_why
@click.pass_obj
def apply(call: Invocation, reason: str) -> None:
    """Put what the file says into force."""
    from muniment.cli.output import emit, put, talk
    from muniment.roles import beyond_rows

    with call.session() as (archive, session):
        done = archive.apply_config(session, reason=reason)
        if call.json:
            emit({"config": {"applied": done}})
        else:
            put(call.say("cli.config_applied" if done else "cli.config_same"))
        for key in beyond_rows(archive.engine.policy.roles.values()) if done else ():
            talk(call.say("policy.beyond_rows", name=key))


@verb("show", ("What holds, or held on a day.", "查看当前或某日有效的配置。"))
@option("--as-of", metavar="T", words=("As it held at that time.", "按该时间有效的内容。"))
@click.pass_obj
def show(call: Invocation, as_of: str | None) -> None:
    """What holds."""
    import json

    from muniment.cli.output import emit
    from muniment.model import id_text, rfc3339

    with call.session() as (archive, session):
        session.require("config.read")
        held = archive.engine.definitions.configuration
        assert held is not None  # an archive is made with one
        found = session.get(id_text(held[0]), as_of=as_of)
        text = str(found.fields["text"])
        if call.json:
            # Which code of each plugin was applied with it, as it stands in the record.
            plugins = json.loads(str(found.fields.get("plugins") or "[]"))
            emit(
                {
                    "config": {
                        "version": found.version,
                        "recorded": rfc3339(found.recorded_us),
                        "text": text,
                        "plugins": plugins,
                    }
                }
            )
        else:
            click.echo(text, nl=not text.endswith("\n"))
