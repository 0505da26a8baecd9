"""Renewing the plan of retention while the pages go on: one run at a time, and how far it is."""

from __future__ import annotations

from threading import Lock, Thread

import attrs

from muniment.errors import MunimentError
from muniment.session import Session

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
    """Runs ``retention.renew`` in a thread of its own; the pages ask how far it is."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._run = Run()
        self._thread: Thread | None = None

    @property
    def run(self) -> Run:
        """How far it is."""
        return self._run

    def start(self, session: Session) -> None:
        """Begin a run unless one goes on.

        Raises:
            AccessDenied: ``access.action``; logged.
        """
        session.require("retention.read")
        with self._lock:
            if self._thread is not None and self._thread.is_alive():
                return
            self._run = Run(running=True)
            self._thread = Thread(target=self._renew, args=(session,), name="retention", daemon=True)
            self._thread.start()

    def wait(self, seconds: float | None = None) -> None:
        """Wait for the run that goes on, so many seconds at the most."""
        thread = self._thread
        if thread is not None:
            thread.join(seconds)

    def _renew(self, session: Session) -> None:
        problem = None
        try:
            session.retention.renew(progress=self._told)
        except MunimentError as error:
            problem = error
        finally:
            self._run = Run(done=self._run.done, problem=problem)

    def _told(self, done: int, total: int) -> None:
        self._run = Run(running=True, done=done)
