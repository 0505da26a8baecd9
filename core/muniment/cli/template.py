"""``muniment template``: ready sets of tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from muniment.cli.base import Entry, LazyGroup, argument, flag, may_say_why, paged, verb
from muniment.cli.invocation import Invocation

if TYPE_CHECKING:
    from muniment.schema.template import Template

__all__ = ["apply", "diff", "history", "list_templates", "show", "template"]

_HERE = "muniment.cli.template"

template = LazyGroup(
    "template",
    {
        "list": Entry(f"{_HERE}:list_templates", ("What there is.", "列出可用模板。")),
        "show": Entry(f"{_HERE}:show", ("The types and fields of a template.", "查看模板的类型和字段。")),
        "choose": Entry(
            "muniment.cli.template_choose:choose", ("Five questions, and a proposal.", "五个问题，推荐模板。")
        ),
        "diff": Entry(f"{_HERE}:diff", ("What a template would change here.", "查看模板将带来的变更。")),
        "apply": Entry(f"{_HERE}:apply", ("Bring templates into the archive.", "将模板应用到档案库。")),
        "roles": Entry(
            "muniment.cli.template_roles:roles",
            ("The roles that come with the templates.", "模板自带的角色。"),
        ),
        "rules": Entry(
            "muniment.cli.template_rules:rules",
            ("The retention rules that come with the templates.", "模板自带的留存规则。"),
        ),
        "history": Entry(f"{_HERE}:history", ("Which templates were applied when.", "查看历次应用的模板。")),
    },
    words=(
        "Ready sets of tables. T is a template's name, or a TOML file of your own.",
        "现成的表格模板。T 为模板名称，或您自己的 TOML 文件。",
    ),
)


@verb(
    "list",
    ("The packaged templates, and those of the archive's plugins.", "列出自带模板和所启用插件的模板。"),
)
@click.pass_obj
def list_templates(call: Invocation) -> None:
    """The packaged templates, and those of the archive's plugins."""
    from muniment.cli.output import emit, table
    from muniment.schema.template import load_template, template_names

    found = [*(load_template(name) for name in template_names()), *_shipped(call)]
    if call.json:
        emit({"templates": [_summary(one) for one in found]})
        return
    lang = call.language
    header = [call.say("cli.label_template"), call.say("cli.label_holds"), call.say("cli.label_types")]
    table(
        header,
        [
            [one.key, one.label.of(lang), ", ".join(kind.label.of(lang) or kind.key for kind in one.types)]
            for one in found
        ],
    )


def _shipped(call: Invocation) -> list[Template]:
    """The templates of the plugins that the archive at hand uses; none where there is no archive."""
    from muniment.errors import ConfigError, UsageError
    from muniment.plugins import load

    try:
        names = call.settings().plugins
    except (UsageError, ConfigError):
        return []
    # An archive's own plugins are not run here: nobody has looked yet whether they are what was applied.
    return list(load(names).templates().values())


def _summary(one: Template) -> dict[str, Any]:
    return {
        "key": one.key,
        "label": {"en": one.label.en, "zh": one.label.zh},
        "help": {"en": one.help.en, "zh": one.help.zh},
        "types": [kind.key for kind in one.types],
    }


@verb("show", ("The types and fields of a template.", "查看模板的类型和字段。"))
@argument("name", ("A template's name, or a TOML file.", "模板名称或 TOML 文件。"), metavar="T")
@click.pass_obj
def show(call: Invocation, name: str) -> None:
    """The types and fields of a template."""
    from muniment.cli.init import templates_of
    from muniment.cli.output import clean, emit, heading, put
    from muniment.cli.schema_out import show_fields, type_json

    shipped = {one.key: one for one in _shipped(call)}
    found = shipped.get(name) or templates_of([name])[0]
    if call.json:
        emit({"templates": [{**_summary(found), "types": [type_json(one) for one in found.types]}]})
        return
    lang = call.language
    put(heading(f"{found.key}  {clean(found.label.of(lang))}"))
    put(clean(found.help.of(lang)))
    for record_type in found.types:
        put()
        show_fields(call, record_type, record_type.fields)


@verb(
    "apply",
    (
        "Bring templates into the archive.\n"
        "What a team changed itself stays; what a template does not mention stays.",
        "将模板应用到档案库。\n团队自己的修改和模板未提到的内容均保留。",
    ),
)
@argument(
    "names",
    ("Templates' names, or TOML files.", "模板名称或 TOML 文件。"),
    nargs=-1,
    required=True,
    metavar="T...",
)
@flag("--dry-run", words=("Show what would change, and change nothing.", "只显示将要发生的变更，不作修改。"))
@may_say_why
@click.pass_obj
def apply(call: Invocation, names: tuple[str, ...], dry_run: bool, reason: str | None) -> None:
    """Bring templates into the archive."""
    from muniment.cli.init import templates_of
    from muniment.cli.schema_out import tell_changes
    from muniment.session.tables.preview import effects_of

    with call.session() as (archive, session):
        chosen = templates_of(names, archive.plugins)
        made = archive.apply_templates(session, chosen, reason=reason, dry_run=dry_run)
        effects = effects_of(session, made.changed) if dry_run else ()
        tell_changes(call, made.changes, [one.key for one in made.changed], dry_run=dry_run, effects=effects)


@verb(
    "diff",
    (
        "What a template would change in this archive, and how many records that concerns.\n"
        "Nothing is changed.",
        "查看模板将在本档案库带来的变更，以及涉及的记录数。\n不作任何修改。",
    ),
)
@argument(
    "names",
    ("Templates' names, or TOML files.", "模板名称或 TOML 文件。"),
    nargs=-1,
    required=True,
    metavar="T...",
)
@click.pass_obj
def diff(call: Invocation, names: tuple[str, ...]) -> None:
    """What a template would change here."""
    from muniment.cli.init import templates_of
    from muniment.cli.schema_out import tell_changes
    from muniment.session.tables.preview import effects_of

    with call.session() as (archive, session):
        chosen = templates_of(names, archive.plugins)
        made = archive.apply_templates(session, chosen, reason=None, dry_run=True)
        effects = effects_of(session, made.changed)
        tell_changes(call, made.changes, [one.key for one in made.changed], dry_run=True, effects=effects)


@verb(
    "history",
    (
        "Which templates were applied when, by whom, newest first; a template's digest tells its versions "
        "apart. `schema history TYPE` and `schema diff` say what each changed.",
        "查看何时由谁应用了哪些模板，最新的在前；摘要用于区分模板版本。"
        "schema history 和 schema diff 可查看各次变更内容。",
    ),
)
@paged()
@click.pass_obj
def history(call: Invocation, limit: int, after: str | None) -> None:
    """Which templates were applied when."""
    from muniment.cli.output import emit, lead_on, put, table
    from muniment.cli.values import local_time
    from muniment.model import rfc3339
    from muniment.store import LogFilter

    with call.session() as (archive, session):
        page = session.log_page(LogFilter(kinds=("template.apply",), limit=limit), after=after)
        rows = [(one, dict(one.detail.get("target", {}))) for one in page.entries]
        if call.json:
            emit(
                {
                    "templates": [
                        {
                            "key": target.get("template"),
                            "digest": target.get("digest"),
                            "recorded": rfc3339(one.time_us),
                            "actor": one.actor,
                            "entry": one.index,
                        }
                        for one, target in rows
                    ],
                    "after": page.after,
                }
            )
        elif not rows:
            put(call.say("choose.none_applied"))
        else:
            header = call.words("choose.applied_at", "cli.label_template", "choose.digest", "cli.label_actor")
            table(
                header,
                [
                    [
                        local_time(one.time_us, archive.applied.timezone),
                        target.get("template"),
                        str(target.get("digest", ""))[:12],
                        one.actor,
                    ]
                    for one, target in rows
                ],
            )
            lead_on(call, page.after)
