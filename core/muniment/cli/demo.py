"""``muniment demo``: the main job from end to end, with the commands that anybody would type."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from muniment.cli.base import argument, flag, option, verb
from muniment.cli.demo_show import Show, environment
from muniment.cli.invocation import Invocation
from muniment.errors import ConfigError

__all__ = ["demo"]

_SERVED = 200
"""Customers of the company whose pages are served, where nobody says how many."""


@verb(
    "demo",
    (
        "Show the main job from end to end, in under a minute.\n"
        "An archive is made in a new folder and kept there, so that you can go on with it.",
        "一分钟内完整演示主要用法。\n档案库建在新文件夹中并予以保留，可接着使用。",
    ),
)
@argument(
    "folder",
    (
        "A new or empty folder; by default one among the temporary files.",
        "新的或空的文件夹；默认建在临时目录。",
    ),
    required=False,
    metavar="[DIR]",
)
@option(
    "--size",
    type=click.IntRange(10, 100_000),
    metavar="N",
    words=(
        "Make a whole made-up company with so many customers instead: all tables, users and views.",
        "改为生成一家虚构公司：指定客户数，含全部表格、用户和视图。",
    ),
)
@flag(
    "--serve",
    words=(
        "Then serve its pages, with a sign-in link for a user of each role (needs muniment-web).",
        "随后提供网页，并为每种角色的用户显示登录链接（需安装 muniment-web）。",
    ),
)
@option("--port", type=click.IntRange(0, 65535), default=8765, words=("The port of the pages.", "网页端口。"))
@click.pass_obj
def demo(call: Invocation, folder: str | None, size: int | None, serve: bool, port: int) -> None:
    """Show the main job."""
    base = Path(folder) if folder else Path(tempfile.mkdtemp(prefix="muniment-demo-"))
    if base.exists() and (not base.is_dir() or any(base.iterdir())):
        raise ConfigError("config.folder_used", where=str(base))
    base.mkdir(mode=0o700, parents=True, exist_ok=True)
    show = Show(call, base.resolve())
    with environment(show.settings):
        if size is None and not serve:
            from muniment.cli.demo_job import play_job

            play_job(show)
        else:
            from muniment.cli.demo_company import LOGINS, play_company

            play_company(show, size or _SERVED)
            if serve:
                links = [word for login in LOGINS for word in ("--link", login)]
                show.heading("demo.serve")
                show.run(["serve", "--port", str(port), *links], expected=0)
            if call.json:
                from muniment.cli.output import emit

                emit({"demo": {"folder": str(show.base), "steps": show.steps}})
