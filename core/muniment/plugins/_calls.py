"""Calls into a plugin, and what is kept of an exception that comes out of one."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from typing import Any

import attrs

from muniment import errors
from muniment.errors import PluginError
from muniment.plugins._values import PluginFailure

__all__ = ["Call", "check_code", "failure_of", "raised"]

# Frames of these stand between us and a plugin's own first line.
_LOADERS = (os.path.dirname(__file__) + os.sep, os.path.dirname(importlib.__file__) + os.sep, "<frozen ")


@attrs.frozen
class Call:
    """One implementation of a hook, and the arguments it wants, by their place in the hook's.

    Attributes:
        function: the plugin's function.
        places: for each of its arguments, which of the hook's it is.
    """

    function: Callable[..., Any]
    places: tuple[int, ...]

    def __call__(self, *arguments: object) -> Any:
        return self.function(*[arguments[place] for place in self.places])


def failure_of(plugin: str, hook: str, error: BaseException, *, target: str = "") -> PluginFailure:
    """Where an exception was raised; its message is left behind, for it could hold a value.

    Args:
        plugin: the plugin's name.
        hook: the hook that was called.
        error: what came out.
        target: what to name where no line of the plugin ever ran.

    Returns:
        The deepest line in the plugin's own folder: a line of the standard
        library, or of this module, would tell its author nothing.
    """
    kind = type(error).__name__
    if isinstance(error, SyntaxError) and error.filename:
        return PluginFailure(plugin, hook, kind, error.filename, error.lineno or 0)
    lines = []
    trace = error.__traceback__
    while trace is not None:
        lines.append((trace.tb_frame.f_code.co_filename, trace.tb_lineno))
        trace = trace.tb_next
    theirs = [place for place in lines if not place[0].startswith(_LOADERS)]
    if not theirs:
        return PluginFailure(plugin, hook, kind, target, 0)
    home = os.path.dirname(theirs[0][0])
    file, line = [place for place in theirs if place[0].startswith(home)][-1]
    return PluginFailure(plugin, hook, kind, file, line)


def raised(failure: PluginFailure) -> PluginError:
    """The error that refuses a write after a plugin failed."""
    return PluginError(
        "plugin.raised",
        name=failure.plugin,
        hook=failure.hook,
        type=failure.type,
        file=failure.file,
        line=failure.line,
    )


def check_code(code: object, plugin: str, hook: str) -> None:
    """Refuse a code that has no text.

    Raises:
        PluginError: ``plugin.result`` where it is no text at all, else ``plugin.unknown_code``.
    """
    if not isinstance(code, str):
        raise PluginError("plugin.result", name=plugin, hook=hook)
    if not errors.has_text(code):
        raise PluginError("plugin.unknown_code", name=plugin, hook=hook, issue=code)
