"""Commands whose help is in two languages, global options that may stand anywhere, groups that load late."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import click

from muniment.cli.invocation import Invocation
from muniment.errors import UsageError

__all__ = [
    "Argument",
    "Entry",
    "LazyGroup",
    "Option",
    "Verb",
    "Words",
    "argument",
    "flag",
    "further",
    "having",
    "may_say_why",
    "must_say_why",
    "only_fields",
    "option",
    "options",
    "paged",
    "record_id",
    "verb",
]

Words = tuple[str, str]
"""A text of help in English and in Chinese; it stands beside what it explains."""

_Callback = TypeVar("_Callback", bound=Callable[..., Any])


def _call(ctx: click.Context) -> Invocation:
    return ctx.ensure_object(Invocation)


def _chosen(words: Words, ctx: click.Context) -> str:
    return words[1] if _call(ctx).language == "zh" else words[0]


class Option(click.Option):
    """An option with its help in two languages."""

    def __init__(self, *args: Any, words: Words = ("", ""), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.words = words

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """The option and what it does, in the language of the call."""
        self.help = _chosen(self.words, ctx)
        record = super().get_help_record(ctx)
        if record is not None and _call(ctx).language == "zh":
            said = record[1].replace("[required]", "[必填]").replace("[default: ", "[默认：")
            record = record[0], said
        return record


class Argument(click.Argument):
    """An argument with its help in two languages."""

    def __init__(self, *args: Any, words: Words = ("", ""), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.words = words

    def named(self, ctx: click.Context) -> tuple[str, str]:
        """The argument as the usage line writes it, and what it is."""
        return self.make_metavar(ctx), _chosen(self.words, ctx)


class Entry(NamedTuple):
    """A command of a group before it is loaded.

    ``target`` is ``module:name``; the words are its short help.
    """

    target: str
    words: Words


def _keep(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    """Put a global option where every command finds it; what is not given leaves an earlier place's alone."""
    if value not in (None, False) and param.name is not None:
        setattr(_call(ctx), param.name.removeprefix("global_"), value)


_LANGUAGE = click.Choice(("en", "zh"))
_GLOBALS: tuple[tuple[tuple[str, ...], Words, dict[str, Any]], ...] = (
    (
        ("global_archive", "--archive"),
        (
            "The archive's folder (or MUNIMENT_ARCHIVE); by default the current folder.",
            "档案库文件夹（或 MUNIMENT_ARCHIVE）；默认为当前文件夹。",
        ),
        {"metavar": "DIR"},
    ),
    (
        ("global_actor", "--as"),
        ("Who acts (or MUNIMENT_ACTOR).", "操作者（或 MUNIMENT_ACTOR）。"),
        {"metavar": "LOGIN"},
    ),
    (
        ("global_purpose", "--purpose"),
        (
            "Why, as a W3C DPV term such as ServiceProvision (or MUNIMENT_PURPOSE).",
            "目的，使用 W3C DPV 术语，如 ServiceProvision（或 MUNIMENT_PURPOSE）。",
        ),
        {"metavar": "P"},
    ),
    (
        ("global_basis", "--basis"),
        (
            "The legal basis, where the law asks for one, such as contract (or MUNIMENT_BASIS).",
            "法律要求时写明的合法依据，如 contract（或 MUNIMENT_BASIS）。",
        ),
        {"metavar": "B"},
    ),
    (
        ("global_lang", "--lang"),
        (
            "English or Chinese; by default the locale's, then the archive's.",
            "语言；默认按系统区域，其次按档案库。",
        ),
        {"type": _LANGUAGE, "is_eager": True},
    ),
    (
        ("global_json", "--json"),
        ("Print one JSON document.", "输出一个 JSON 文档。"),
        {"is_flag": True, "is_eager": True},
    ),
    (
        ("global_key", "--key", "--key-file"),
        (
            "The key file, where it is not in its usual place (or MUNIMENT_KEY).",
            "密钥文件（不在默认位置时；或 MUNIMENT_KEY）。",
        ),
        {"metavar": "FILE"},
    ),
    (
        ("global_recovery", "--recovery"),
        ("Ask for the recovery phrase and open the archive with it.", "询问恢复短语，并用它打开档案库。"),
        {"is_flag": True},
    ),
)


def _globals(taken: set[str], *, hidden: bool) -> list[click.Parameter]:
    """The global options, without names that the command uses itself."""
    made: list[click.Parameter] = []
    for (name, *flags), words, more in _GLOBALS:
        left = [one for one in flags if one not in taken]
        if left:
            made.append(
                Option([name, *left], words=words, expose_value=False, callback=_keep, hidden=hidden, **more)
            )
    return made


class _Worded(click.Command):
    """What commands and groups share."""

    words: Words = ("", "")
    note: Words = ("", "")
    is_root = False
    _added: list[click.Parameter] | None = None

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """The command's own parameters, and the global options behind them."""
        own = super().get_params(ctx)
        if self._added is None:
            taken = {name for param in own for name in (*param.opts, *param.secondary_opts)}
            self._added = _globals(taken, hidden=not self.is_root)
        return [*own, *self._added]

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        """The option ``--help``, explained in the language of the call."""
        found = super().get_help_option(ctx)
        if found is not None:
            found.help = _chosen(("Show this page.", "显示本页帮助。"), ctx)
        return found

    def get_short_help_str(self, limit: int = 45) -> str:
        """The first sentence, in English: for whoever lists commands without a context."""
        return self.words[0].partition("\n")[0]

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the usage line."""
        pieces = " ".join(self.collect_usage_pieces(ctx))
        formatter.write_usage(ctx.command_path, pieces, prefix=_chosen(("Usage: ", "用法："), ctx))

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what the command is for."""
        for paragraph in _chosen(self.words, ctx).split("\n"):
            formatter.write_paragraph()
            with formatter.indentation():
                formatter.write_text(paragraph)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write arguments and options."""
        params = self.get_params(ctx)
        arguments = [param.named(ctx) for param in params if isinstance(param, Argument)]
        if arguments:
            with formatter.section(_chosen(("Arguments", "参数"), ctx)):
                formatter.write_dl(arguments)
        options = [
            record
            for param in params
            if not isinstance(param, click.Argument) and (record := param.get_help_record(ctx)) is not None
        ]
        with formatter.section(_chosen(("Options", "选项"), ctx)):
            formatter.write_dl(options)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write examples and the like, line by line as they are."""
        lines = _chosen(self.note, ctx)
        if lines:
            formatter.write_paragraph()
            with formatter.indentation():
                for line in lines.split("\n"):
                    formatter.write(f"{'':>{formatter.current_indent}}{line}\n" if line else "\n")
        if not self.is_root:
            formatter.write_paragraph()
            with formatter.indentation():
                formatter.write_text(
                    _chosen(
                        (
                            "Global options (--archive, --as, --purpose, --lang, --json, --key, --recovery) "
                            "may stand here too: `muniment --help`.",
                            "全局选项（--archive、--as、--purpose、--lang、--json、--key、--recovery）"
                            "也可写在此处：muniment --help。",
                        ),
                        ctx,
                    )
                )


class Verb(_Worded):
    """One command."""


class LazyGroup(_Worded, click.Group):
    """A group whose commands are imported when one of them is called or shown.

    Args:
        name: as it is typed.
        entries: the commands by name, in the order of the help.
        words: what it is for.
        note: lines under the help.
    """

    def __init__(
        self, name: str, entries: Mapping[str, Entry], *, words: Words, note: Words = ("", ""), **kwargs: Any
    ) -> None:
        kwargs.setdefault("context_settings", _SETTINGS)
        super().__init__(name, **kwargs)
        self.words = words
        self.note = note
        self.entries = dict(entries)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the help."""
        return list(self.entries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One command, imported."""
        entry = self.entries.get(cmd_name)
        if entry is None:
            return None
        from importlib import import_module

        module, _, name = entry.target.partition(":")
        found: click.Command = getattr(import_module(module), name)
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the words name.

        Raises:
            UsageError: ``cli.no_command``; what was typed is not repeated.
        """
        name = args[0]
        found = self.get_command(ctx, name)
        if found is None and not ctx.resilient_parsing:
            near = difflib.get_close_matches(name, self.entries, n=1)
            known = ", ".join(near or self.entries)
            raise UsageError("cli.no_command", name=ctx.command_path, known=known)
        return name if found else None, found, args[1:]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write options, and behind them the commands."""
        _Worded.format_options(self, ctx, formatter)
        self.format_commands(ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands with their short help, importing none."""
        with formatter.section(_chosen(("Commands", "命令"), ctx)):
            formatter.write_dl([(name, _chosen(entry.words, ctx)) for name, entry in self.entries.items()])


_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


def verb(
    name: str, words: Words, *, note: Words = ("", ""), **settings: Any
) -> Callable[[Callable[..., Any]], Verb]:
    """Make a function a command.

    Args:
        name: as it is typed.
        words: what it does; the first line is the short help.
        note: lines under the help, such as examples.
        settings: of ``click.Command``.
    """

    def made(function: Callable[..., Any]) -> Verb:
        # The docstring is for readers of the code.
        given: Sequence[click.Parameter] = getattr(function, "__click_params__", [])
        command = Verb(
            name,
            callback=function,
            params=list(reversed(given)),
            context_settings={**_SETTINGS, **settings.pop("context_settings", {})},
            **settings,
        )
        command.words = words
        command.note = note
        return command

    return made


def option(*names: str, words: Words, **settings: Any) -> Callable[[_Callback], _Callback]:
    """An option of a command."""
    return click.option(*names, cls=Option, words=words, **settings)


def flag(*names: str, words: Words, **settings: Any) -> Callable[[_Callback], _Callback]:
    """An option that is given or not."""
    return click.option(*names, cls=Option, words=words, is_flag=True, **settings)


def options(*several: Callable[[_Callback], _Callback]) -> Callable[[_Callback], _Callback]:
    """Options that several commands have, as one; the help lists them in this order."""

    def added(function: _Callback) -> _Callback:
        for add in reversed(several):
            function = add(function)
        return function

    return added


def argument(name: str, words: Words, **settings: Any) -> Callable[[_Callback], _Callback]:
    """An argument of a command."""
    return click.argument(name, cls=Argument, words=words, **settings)


_WHY = ("Why, in your own words; sealed.", "原因，用自己的话说明；加密保存。")

may_say_why = option("--reason", metavar="TEXT", words=_WHY)
"""The option of a command that takes a person's own words for why it is done."""

must_say_why = option("--reason", metavar="TEXT", words=_WHY, required=True)
"""Likewise where nothing is done without."""

record_id = argument("id", ("The record's identifier, or TYPE:VALUE.", "记录标识符，或“类型:值”。"))
"""The argument of a command that is about one record."""

only_fields = option(
    "--fields",
    multiple=True,
    metavar="F,F...",
    words=("Only these fields; nothing else is opened.", "只读取这些字段；其余不解密。"),
)
"""The option of a command that shows records."""

further = option(
    "--after",
    metavar="CURSOR",
    words=("The next ones: what those before printed.", "后续条目：使用上一批给出的位置。"),
)
"""The option of a command that goes on behind what was shown."""


def paged(usual: int = 100) -> Callable[[_Callback], _Callback]:
    """The options of a command that shows a list piece by piece, as ``limit`` and ``after``.

    Args:
        usual: so many at the most, where nobody says how many.
    """
    limit = option(
        "--limit",
        type=click.IntRange(1, 1000),
        default=usual,
        metavar="N",
        words=("So many at the most.", "最多列出的数量。"),
    )
    return options(limit, further)


having = option(
    "--where",
    multiple=True,
    metavar="F=V",
    words=(
        "Records with this value; may be given several times; also F!=V, 'F>=V', 'F<V'.",
        "具有该值的记录；可多次给出；也可用 F!=V、'F>=V'、'F<V'。",
    ),
)
"""The option of a command that takes records with some values alone."""
