"""The command ``muniment`` itself: its nouns, and the end of every call."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from muniment.cli.base import Entry, LazyGroup, Option, Words
from muniment.cli.errors import BROKEN_PIPE, EXIT_CODES, show
from muniment.cli.invocation import Invocation

__all__ = ["NOUNS", "App", "app"]

NOUNS = {
    "init": Entry("muniment.cli.init:init", ("Make an archive.", "新建档案库。")),
    "demo": Entry("muniment.cli.demo:demo", ("Show the main job from end to end.", "完整演示主要用法。")),
    "status": Entry("muniment.cli.status:status", ("How the archive stands.", "查看档案库状态。")),
    "record": Entry(
        "muniment.cli.record:record",
        ("Create, change, find and read records.", "新建、修改、查找和读取记录。"),
    ),
    "view": Entry("muniment.cli.view:view", ("Saved views of lists.", "已保存的列表视图。")),
    "dashboard": Entry("muniment.cli.dashboard:dashboard", ("Figures over the records.", "记录的统计看板。")),
    "followup": Entry(
        "muniment.cli.followup:followup", ("What was promised to whom, and when.", "跟进安排。")
    ),
    "mail": Entry("muniment.cli.mail:mail", ("Letters to customers.", "给客户的信件。")),
    "import": Entry(
        "muniment.cli.imports:group", ("Bring spreadsheets in, and undo that.", "导入表格，以及撤销导入。")
    ),
    "export": Entry("muniment.cli.export:export", ("Write records to a file.", "将记录导出到文件。")),
    "change": Entry(
        "muniment.cli.change:change", ("What waits for a second person.", "查看和批准待第二人批准的申请。")
    ),
    "template": Entry("muniment.cli.template:template", ("Ready sets of tables.", "现成的表格模板。")),
    "schema": Entry("muniment.cli.schema:schema", ("Record types and their fields.", "记录类型及其字段。")),
    "subject": Entry(
        "muniment.cli.subject:subject",
        ("What concerns a person or organisation as a whole.", "与主体整体有关的操作。"),
    ),
    "retention": Entry(
        "muniment.cli.retention:retention", ("How long records are kept.", "记录的留存期限。")
    ),
    "inbox": Entry("muniment.cli.inbox:inbox", ("Mail and paper that came in.", "收到的邮件与纸质文件。")),
    "hold": Entry("muniment.cli.hold:hold", ("Legal holds.", "法律保留。")),
    "certificate": Entry("muniment.cli.certificate:certificate", ("Certificates of erasure.", "删除证明。")),
    "user": Entry("muniment.cli.user:user", ("Who may act in the archive.", "管理档案库用户。")),
    "token": Entry("muniment.cli.token:token", ("What programs show to the API.", "API 令牌。")),
    "role": Entry("muniment.cli.role:role", ("What roles allow.", "查看角色权限。")),
    "purpose": Entry("muniment.cli.purpose:purpose", ("Why data may be touched.", "查看可用的处理目的。")),
    "break-glass": Entry(
        "muniment.cli.break_glass:break_glass",
        ("Emergency access to one person's records, reviewed afterwards.", "紧急访问某人的记录，事后复核。"),
    ),
    "log": Entry("muniment.cli.log:log", ("Read, verify and sign the log.", "查看、校验和签署日志。")),
    "audit": Entry("muniment.cli.audit:audit", ("Questions about the past.", "查询过去。")),
    "alert": Entry("muniment.cli.alert:alert", ("What is odd in the log.", "日志中的异常。")),
    "incident": Entry(
        "muniment.cli.incident:incident", ("Breaches, their clocks and notices.", "安全事件、期限与通知。")
    ),
    "webhook": Entry("muniment.cli.webhook:webhook", ("Other systems that are told.", "网络钩子。")),
    "key": Entry("muniment.cli.key:key", ("The key store and who can open it.", "管理密钥库及其打开方式。")),
    "config": Entry(
        "muniment.cli.config:config", ("Check and apply muniment.toml.", "检查并应用 muniment.toml。")
    ),
    "consent": Entry("muniment.cli.consent:consent", ("What persons consented to.", "个人的同意。")),
    "backup": Entry(
        "muniment.cli.backup:backup", ("Copies of the data, without keys.", "数据备份，不含密钥。")
    ),
    "tick": Entry("muniment.cli.tick:tick", ("Do what is due today.", "执行今日到期事项。")),
    "restore": Entry("muniment.cli.backup:restore", ("Put a backup back.", "恢复备份。")),
    "serve": Entry("muniment.cli.serve:serve", ("Serve the pages and the API.", "提供网页和 API。")),
    "data": Entry(
        "muniment.cli.data:data", ("Check and rebuild indexes and lists.", "检查并重建索引和列表。")
    ),
    "plugin": Entry(
        "muniment.cli.plugin:plugin", ("Plugins, installed and enabled.", "查看已安装和启用的插件。")
    ),
}


class App(LazyGroup):
    """The root of all commands: ends every call with an exit code and at most one line of error."""

    is_root = True

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One command, imported: the core's own, or one that a plugin brings."""
        found = super().get_command(ctx, cmd_name)
        if found is not None or cmd_name.startswith("-"):
            return found
        from muniment.cli.offered import offered_command

        return offered_command(cmd_name)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = "muniment",
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a call.

        Args:
            args: the words behind the program's name; by default the process's own.
            prog_name: as the usage line names it.
            complete_var: of shell completion.
            standalone_mode: end the process; otherwise give the exit code back.
            extra: for the context; ``obj`` may be an ``Invocation``.

        Returns:
            The exit code, where the process does not end.
        """
        for stream in (sys.stdout, sys.stderr):
            # A terminal of another encoding shows a name with escapes rather than not at all.
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        words = sys.argv[1:] if args is None else list(args)
        call = extra.setdefault("obj", Invocation())
        _look_ahead(words, call)
        code = self._run(words, prog_name, complete_var, call, extra)
        if standalone_mode:
            sys.exit(code)
        return code

    def _run(
        self,
        words: list[str],
        prog_name: str | None,
        complete_var: str | None,
        call: Invocation,
        extra: dict[str, Any],
    ) -> int:
        try:
            result = super().main(words, prog_name, complete_var, False, **extra)
            sys.stdout.flush()
        except BrokenPipeError:
            return _quietly()
        except (Exception, KeyboardInterrupt) as error:
            try:
                code = show(error, call)
                sys.stdout.flush()
            except BrokenPipeError:
                return _quietly()
            return code
        return result if isinstance(result, int) else 0

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Read the words up to the command; help is printed here."""
        try:
            return super().make_context(info_name, args, parent, **extra)
        except BrokenPipeError:
            # click would end the process by itself, with another code.
            raise click.exceptions.Exit(_quietly()) from None

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was named."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise click.exceptions.Exit(_quietly()) from None


def _quietly() -> int:
    """Whoever read our output is gone: nothing more is to be said, not even at the interpreter's end."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):
        sys.stdout = None  # the stream is no file; nobody writes to it now
    return BROKEN_PIPE


def _look_ahead(words: Sequence[str], call: Invocation) -> None:
    """Find the language and the form of output first, for the errors and the help on the way there."""
    for place, word in enumerate(words):
        if word == "--":
            return
        if word == "--json":
            call.json = True
        value = (
            word[7:]
            if word.startswith("--lang=")
            else words[place + 1]
            if word == "--lang" and place + 1 < len(words)
            else ""
        )
        if value in ("en", "zh"):
            call.lang = value


def _version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from muniment import __version__

        call = ctx.ensure_object(Invocation)
        click.echo(f'{{"version": "{__version__}"}}' if call.json else f"muniment {__version__}")
        ctx.exit()


def _exit_note() -> Words:
    english, chinese = (
        "\n".join(f"  {code}  {words[place]}" for code, words in EXIT_CODES.items()) for place in (0, 1)
    )
    return (
        "Plugins bring further commands, of their own names; see `muniment plugin list`.\n"
        f"Exit codes:\n{english}",
        f"插件可提供与其同名的命令，见 muniment plugin list。\n退出码：\n{chinese}",
    )


app = App(
    "muniment",
    NOUNS,
    words=(
        "Customer records that stand up as evidence: nothing is overwritten, everything is sealed, "
        "whoever looks is written down before they see.\n"
        "Begin with `muniment demo`, or with `muniment init DIR`.",
        "可作为证据的客户记录：不覆盖、全加密，谁看过都先记入日志。\n"
        "可先运行 muniment demo，或用 muniment init DIR 新建。",
    ),
    note=_exit_note(),
    params=[
        Option(
            ["--version"],
            words=("Print the version.", "显示版本。"),
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_version,
        )
    ],
)
