"""Calls into a plugin, and what is kept of an exception that comes out of one."""

from __future__ import annotations

import importlib
import inspect
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import attrs

from muniment import errors
from muniment.errors import PluginError
from muniment.plugins._values import PluginFailure

__all__ = ["Call", "answer_of", "ask_loading", "check_code", "failure_of", "raised"]

LOADING_SECONDS: float = 10.0
"""How long a plugin may take to be imported, and for each question that it is asked while it loads."""

GATE_SECONDS: float = 5.0
"""How long a check may take; a write holds the archive meanwhile."""

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

    @property
    def place(self) -> dict[str, Any]:
        """The file and line of the function, for errors."""
        code = inspect.unwrap(self.function).__code__
        return {"file": code.co_filename, "line": code.co_firstlineno}


class _TooSlow(BaseException):
    """Stops a plugin that takes too long; no ``except Exception`` of its own catches it."""


@contextmanager
def _timed() -> Iterator[None]:
    """Stop what runs in the block after ``LOADING_SECONDS``, where that is possible.

    It is in the main thread of a process in which nobody else uses the alarm; there
    an endless loop or a wait for the network ends with ``_TooSlow``.
    """
    alarm: Final = getattr(signal, "setitimer", None)
    main = threading.current_thread() is threading.main_thread()
    if alarm is None or not main or signal.getitimer(signal.ITIMER_REAL)[0]:
        yield
        return

    def stop(number: int, frame: object) -> None:
        raise _TooSlow

    before = signal.signal(signal.SIGALRM, stop)
    try:
        # Again and again: the first one may be swallowed.
        signal.setitimer(signal.ITIMER_REAL, LOADING_SECONDS, max(LOADING_SECONDS, 0.1))
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def ask_loading(name: str, target: str, call: Callable[[], Any]) -> Any:
    """Call into a plugin while it loads; whatever it raises is the reason of its quarantine.

    Args:
        name: the plugin's name.
        target: what to name where no line of the plugin ever ran.
        call: the call.

    Raises:
        PluginError: ``plugin.import``, or ``plugin.slow``.
    """
    try:
        with _timed():
            return call()
    # A module that ends the process while it is imported must not end this one.
    except (Exception, SystemExit, _TooSlow) as error:
        failure = failure_of(name, "", error, target=target)
        late = isinstance(error, _TooSlow)
    if late:
        limit = f"{LOADING_SECONDS:g}"
        raise PluginError("plugin.slow", name=name, seconds=limit, file=failure.file, line=failure.line)
    raise PluginError("plugin.import", name=name, type=failure.type, file=failure.file, line=failure.line)


def answer_of(
    plugin: str, hook: str, call: Call, *arguments: object, take: Callable[[Any], Any] | None = None
) -> Any:
    """What a plugin answers, within ``GATE_SECONDS``.

    Args:
        plugin: the plugin's name.
        hook: the hook that is asked.
        call: the implementation.
        arguments: what the hook is given.
        take: reads the answer while a failure is still the plugin's, for one that it makes as it is read.

    Raises:
        PluginError: ``plugin.raised`` or ``plugin.slow``.
    """
    answer, failure = None, None
    began = time.monotonic()
    try:
        answer = call(*arguments)
        if take is not None:
            answer = take(answer)
    except Exception as error:
        failure = failure_of(plugin, hook, error)
    if failure is not None:
        # Outside the handler, or the error would carry the plugin's exception and what it says.
        raise raised(failure)
    if time.monotonic() - began > GATE_SECONDS:
        raise PluginError("plugin.slow", name=plugin, seconds=f"{GATE_SECONDS:g}", **call.place)
    return answer


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


def raised(failure: PluginFailure, code: str = "plugin.raised") -> PluginError:
    """The error that stands for a plugin's failure; by default it refuses a write."""
    return PluginError(
        code,
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
