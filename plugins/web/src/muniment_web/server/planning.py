"""What takes longer than people wait, renewed while the pages go on: one run at a time, and how far it is."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock, Thread

import attrs

from muniment.errors import MunimentError

__all__ = ["Planning", "Run"]


@attrs.frozen
class Run:
    """How far a run is, or how the last one ended.

    Attributes:
        running: whether it goes on.
        done: how many records it looked at.
        problem: what stopped it.
    """

    running: bool = False
    done: int = 0
    problem: MunimentError | None = None


class Planning:
    """Renews something in a thread of its own; the pages ask how far it is."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._run = Run()
        self._thread: Thread | None = None

    @property
    def run(self) -> Run:
        """How far it is."""
        return self._run

    def start(self, renew: Callable[..., object]) -> None:
        """Begin a run unless one goes on.

        Args:
            renew: does it; ``progress`` is told how many records were looked at, and maybe of how many.
        """
        with self._lock:
            if self._thread is not None and self._thread.is_alive():
                return
            self._run = Run(running=True)
            self._thread = Thread(target=self._renew, args=(renew,), name="renewing", daemon=True)
            self._thread.start()

    def wait(self, seconds: float | None = None) -> None:
        """Wait for the run that goes on, so many seconds at the most."""
        thread = self._thread
        if thread is not None:
            thread.join(seconds)

    def _renew(self, renew: Callable[..., object]) -> None:
        problem = None
        try:
            renew(progress=self._told)
        except MunimentError as error:
            problem = error
        finally:
            self._run = Run(done=self._run.done, problem=problem)

    def _told(self, done: int, total: int = 0) -> None:
        self._run = Run(running=True, done=done)
