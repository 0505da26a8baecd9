"""``muniment demo``: the main job from end to end, with the commands that anybody would type."""

from __future__ import annotations

import contextlib
import io
import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import click

from muniment.cli.base import argument, flag, option, verb
from muniment.cli.invocation import Invocation
from muniment.errors import ConfigError, IntegrityError

__all__ = ["Show", "demo", "environment"]

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
            show.play()
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


@contextlib.contextmanager
def environment(settings: dict[str, str]) -> Iterator[None]:
    """The environment as the demonstration needs it, and as it was afterwards."""
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith("MUNIMENT_")]:
        del os.environ[name]
    os.environ.update(settings)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@attrs.define
class Show:
    """One run: each step says what happens, shows the command, and runs it."""

    call: Invocation
    base: Path
    steps: list[dict[str, Any]] = attrs.field(factory=list)

    @property
    def archive(self) -> Path:
        """Where the archive lies."""
        return self.base / "customers"

    @property
    def settings(self) -> dict[str, str]:
        """What a terminal needs to go on with it."""
        return {"MUNIMENT_ARCHIVE": str(self.archive), "MUNIMENT_KEY": str(self.base / "customers.key")}

    def play(self) -> None:
        """Show the main job."""
        from muniment.cli.output import emit

        self._make()
        self._import()
        self._correct()
        self._find()
        self._refuse()
        self._history()
        self._verify()
        self._alter()
        if self.call.json:
            emit({"demo": {"folder": str(self.base), "steps": self.steps}})
        else:
            self._next()

    # Steps

    def _make(self) -> None:
        self.heading("demo.make")
        words = ["init", str(self.archive), "-t", "customer-info", "-t", "interaction-log", "--region", "CN"]
        self.run([*words, "--key-file", str(self.base / "customers.key"), "--name", "Demo"], expected=0)

    def _import(self) -> None:
        from muniment.demo import customers, write_csv

        self.heading("demo.import")
        rows = customers()
        path = self.base / "customers.csv"
        write_csv(path, rows)
        self.tell("demo.table", where=path, count=len(rows))
        words = ["import", "file", "customer", str(path), "--match", "customer_number"]
        self.run([*words, "--reason", self.call.say("demo.first_table")], expected=0)
        self.run(
            [
                "record",
                "list",
                "customer",
                "--limit",
                "6",
                "--fields",
                "customer_number,full_name,phone,city",
            ],
            expected=0,
        )

    def _correct(self) -> None:
        self.heading("demo.correct")
        self.run(
            [
                "record",
                "correct",
                "customer:C-1004",
                "full_name=Anna Schmidt-Weber",
                "--reason",
                self.call.say("demo.reason"),
            ],
            expected=0,
        )
        self.run(
            [
                "record",
                "create",
                "interaction",
                "customer=C-1004",
                "channel=phone",
                "occurred_at=2026-03-02T09:30:00+01:00",
                "handled_by=owner",
                "result=resolved",
            ],
            expected=0,
        )

    def _find(self) -> None:
        from muniment.demo import customers

        self.heading("demo.find")
        phone = customers()[3].phone
        self.run(
            [
                "record",
                "search",
                "customer",
                "+49 (30) 23125003",
                "--fields",
                "customer_number,full_name,phone",
            ],
            expected=0,
        )
        digits = "".join(sign for sign in phone if sign.isdigit())[-8:]
        self.tell("demo.nowhere" if not self._in_clear((phone, digits)) else "demo.somewhere", text=phone)

    def _in_clear(self, texts: tuple[str, ...]) -> bool:
        files = [path for path in self.archive.rglob("*") if path.is_file()]
        return any(text.encode() in path.read_bytes() for path in files for text in texts)

    def _refuse(self) -> None:
        self.heading("demo.refuse")
        self.run(["user", "add", "li.na", "--name", "李娜", "--role", "reader"], expected=0)
        self.run(["record", "update", "customer:C-1004", "city=Hamburg", "--as", "li.na"], expected=4)
        self.tell("demo.refused")
        self.run(["log", "list", "--actor", "li.na", "--limit", "3"], expected=0)

    def _history(self) -> None:
        self.heading("demo.history")
        self.run(["record", "history", "customer:C-1004"], expected=0)

    def _verify(self) -> None:
        self.heading("demo.verify")
        self.run(["log", "checkpoint", "--to", str(self.base / "checkpoint.txt")], expected=0)
        self.run(["log", "verify", "--trusted", str(self.base / "checkpoint.txt")], expected=0)

    def _alter(self) -> None:
        from muniment.demo import alter

        self.heading("demo.alter")
        copy = self.base / "altered"
        shutil.copytree(self.archive, copy)
        done = alter(copy)
        self.tell(
            "demo.altered",
            where=copy / "archive.db",
            offset=done.offset,
            before=f"{done.before:02x}",
            after=f"{done.after:02x}",
        )
        self.run(["log", "verify", "--archive", str(copy)], expected=3)
        self.tell("demo.noticed")

    def _next(self) -> None:
        table = shlex.quote(str(self.base / "customers.xlsx"))
        self.follow(
            "muniment status",
            "muniment record get customer:C-1001",
            "muniment record accesses customer:C-1004",
            f"muniment export customer --to {table} --headers {self.call.language} --reason demo",
            "muniment schema index customer",
            "muniment log verify --no-keys",
            "muniment user add ada --name Ada --role auditor",
            "muniment serve --link li.na",
        )

    def follow(self, *lines: str) -> None:
        """Say what to type next."""
        from muniment.cli.output import heading, put

        if self.call.json:
            return
        put()
        put(heading(self.call.say("demo.next")))
        for name, value in self.settings.items():
            put(f"  export {name}={shlex.quote(value)}")
        for line in lines:
            put(f"  {line}")

    # Showing

    def heading(self, code: str) -> None:
        """Begin a step."""
        from muniment.cli.output import heading, put

        self.steps.append({"title": self.call.say(code), "commands": []})
        if not self.call.json:
            put()
            put(heading(f"{len(self.steps)}. {self.call.say(code)}"))

    def tell(self, code: str, **parameters: object) -> None:
        """Say what cannot be seen from the commands."""
        from muniment.cli.output import put

        if not self.call.json:
            put(self.call.say(code, **parameters))

    def run(self, words: list[str], *, expected: int) -> None:
        """Run a command as if it had been typed; what goes otherwise ends the demonstration."""
        from muniment.cli.app import app
        from muniment.cli.output import put

        call = Invocation()
        call.lang = self.call.language
        if self.call.json:
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                code = app.main(words, standalone_mode=False, obj=call)
        else:
            put()
            put(click.style("$ " + shlex.join(["muniment", *words]), dim=True))
            # What a command says about itself belongs to the story, in its place.
            with contextlib.redirect_stderr(sys.stdout):
                code = app.main(words, standalone_mode=False, obj=call)
        self.steps[-1]["commands"].append({"command": words, "exit": code})
        if code != expected:
            raise IntegrityError("demo.otherwise", name=" ".join(words[:2]), found=code, expected=expected)
