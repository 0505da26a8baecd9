"""Write docs/cli.md and docs/cli.zh-CN.md: the help of every command, as the command itself prints it.

Run it after a change to the command line: ``python tests/tools/make_cli_docs.py``.
A test compares the pages with what it would write.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from muniment.cli.app import app
from muniment.cli.base import LazyGroup
from muniment.cli.invocation import Invocation

DOCS = Path(__file__).parents[2] / "docs"
PAGES = {"en": DOCS / "cli.md", "zh": DOCS / "cli.zh-CN.md"}
_WIDTH = 100
_EVERYWHERE = {"en": "\n  Global options (", "zh": "\n  全局选项（"}
_INTRO = {
    "en": (
        "# Every command\n\n"
        "This page is made by `tests/tools/make_cli_docs.py` from the commands' own help.\n"
    ),
    "zh": "# 全部命令\n\n本页由 `tests/tools/make_cli_docs.py` 根据命令自身的帮助生成。\n",
}


def commands(
    command: click.Command = app,
    path: tuple[str, ...] = (),
    parent: click.Context | None = None,
    *,
    lang: str = "en",
) -> Iterator[tuple[tuple[str, ...], click.Context]]:
    """Every command with the words that call it, groups before their commands."""
    name = path[-1] if path else "muniment"
    settings = {**command.context_settings, "terminal_width": _WIDTH, "max_content_width": _WIDTH}
    context = click.Context(command, info_name=name, parent=parent, **settings)
    if parent is None:
        context.obj = Invocation()
        context.obj.lang = lang
    yield path, context
    if isinstance(command, LazyGroup):
        for word in command.list_commands(context):
            found = command.get_command(context, word)
            assert found is not None, word
            yield from commands(found, (*path, word), context, lang=lang)


def page(lang: str) -> str:
    """The page in one language."""
    parts = [_INTRO[lang]]
    for path, context in commands(lang=lang):
        parts.append(f"\n{'#' * min(len(path) + 1, 4) if path else '##'} {' '.join(('muniment', *path))}\n")
        # What every page ends with is said once, under the command itself.
        text = context.get_help().partition(_EVERYWHERE[lang])[0]
        lines = "\n".join(line.rstrip() for line in text.rstrip().splitlines())
        parts.append(f"\n```text\n{lines}\n```\n")
    return "".join(parts)


def main() -> None:
    """Write both pages."""
    for lang, path in PAGES.items():
        path.write_text(page(lang), encoding="utf-8")


if __name__ == "__main__":
    main()
