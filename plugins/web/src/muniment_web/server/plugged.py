"""Asking plugins for what they show: in time, a few at once, and with their faults kept to themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLate
from threading import BoundedSemaphore, Lock
from typing import Any, Final

from muniment.errors import MunimentError, PluginError
from muniment.model import Value
from muniment.plugins import TONES, Column, Drawn, Facts, Form, Html, Link, Table, Text
from muniment.plugins._calls import failure_of, raised
from muniment.session import Session
from muniment.session.kernel.engine import Engine

__all__ = ["Draw", "Plugged", "drawing", "note_failure"]

_AT_ONCE: Final = 2
_CODE: Final = "plugin.raised_page"
_MOST_BLOCKS: Final = 200
_BLOCKS: Final = (Text, Facts, Table, Link, Form, Html)


class Plugged:
    """Runs plugins' functions beside the requests that wait for them.

    A function that takes too long goes on to its end, for nothing can stop it, but its reader is
    answered; while two of one plugin are on their way, no third one is begun.

    Args:
        seconds: how long a reader waits.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._pool = ThreadPoolExecutor(max_workers=8, thread_name_prefix="plugin")
        self._slots: dict[str, BoundedSemaphore] = {}
        self._lock = Lock()

    def blocks(self, plugin: str, hook: str, show: Callable[[], Sequence[Any]]) -> tuple[Any, ...]:
        """What a page or a panel is made of.

        Raises:
            PluginError: ``plugin.slow``, ``plugin.raised`` or ``plugin.result``.
            MunimentError: what the session refused the reader.
        """
        found = self._run(plugin, hook, show)
        if isinstance(found, (str, bytes)) or not isinstance(found, Sequence) or len(found) > _MOST_BLOCKS:
            raise PluginError("plugin.result", name=plugin, hook=hook)
        if not all(isinstance(one, _BLOCKS) for one in found):
            raise PluginError("plugin.result", name=plugin, hook=hook)
        return tuple(found)

    def _run(self, plugin: str, hook: str, show: Callable[[], Any]) -> Any:
        with self._lock:
            slot = self._slots.setdefault(plugin, BoundedSemaphore(_AT_ONCE))
        if not slot.acquire(blocking=False):
            raise PluginError("plugin.busy", name=plugin)

        def run() -> Any:
            try:
                return show()
            finally:
                slot.release()

        try:
            return self._pool.submit(run).result(self._seconds)
        except TooLate:
            slow = PluginError("plugin.slow_page", name=plugin, seconds=f"{self._seconds:g}")
        except MunimentError:
            raise  # what the session refused is the reader's affair
        except BaseException as error:
            slow = raised(failure_of(plugin, hook, error), _CODE)
        raise slow

    def stop(self) -> None:
        """Begin nothing more, and wait for nobody."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def note_failure(engine: Engine, session: Session, hook: str, error: PluginError) -> None:
    """Write down that a plugin failed: its name, the hook, the place, and nothing of what it held."""
    running = {plugin.name: plugin.source.shown_version for plugin in engine.plugins.loaded}
    name = str(error.parameters.get("name", ""))
    place = {key: error.parameters[key] for key in ("type", "file", "line") if key in error.parameters}
    session.note(
        "plugin.fail",
        outcome="failed",
        code=error.code,
        plugin={"name": name, "version": running.get(name, "")},
        target={"hook": hook, **place},
    )


Draw = Callable[[Value, str], Drawn | None]


def drawing(engine: Engine, session: Session, columns: Mapping[str, tuple[str, Column]]) -> dict[str, Draw]:
    """Functions that say how cells look, by field; one that fails once is not asked again on this page."""

    def guarded(plugin: str, column: Column) -> Draw:
        failed = False

        def draw(value: Value, lang: str) -> Drawn | None:
            nonlocal failed
            if failed:
                return None
            try:
                found = column.draw(value, lang)
                if type(found) is Drawn and found.tone in TONES:
                    return found
                error = PluginError("plugin.result", name=plugin, hook="muniment_columns")
            except BaseException as fault:
                error = raised(failure_of(plugin, "muniment_columns", fault), _CODE)
            failed = True
            note_failure(engine, session, "muniment_columns", error)
            return None

        return draw

    return {field: guarded(plugin, column) for field, (plugin, column) in columns.items()}
