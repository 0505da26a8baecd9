"""Showing commands: what happens is said, the command is shown, and it is run."""

from __future__ import annotations

import contextlib
import io
import os
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import click

from muniment.cli.invocation import Invocation
from muniment.errors import IntegrityError

__all__ = ["Show", "environment"]


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
