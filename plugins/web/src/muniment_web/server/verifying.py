"""Verifying the log while the pages go on: one run at a time, its progress and its last result."""

from __future__ import annotations

from threading import Lock, Thread

import attrs

from muniment.archive import Archive
from muniment.errors import IntegrityError, MunimentError
from muniment.session import Session

__all__ = ["Badge", "Verifying"]


@attrs.frozen
class Badge:
    """How the log stood when it was last verified.

    Attributes:
        state: ``never``, ``running``, ``sound``, ``broken`` or ``failed``.
        entries: up to which entry.
        time_us: when; 0 for never.
        problem: what is wrong.
        done: of a run that goes on: how many entries are checked.
        total: of how many.
        signed: up to which entry a signature reaches.
    """

    state: str = "never"
    entries: int = 0
    time_us: int = 0
    problem: MunimentError | None = None
    done: int = 0
    total: int = 0


class Verifying:
    """Runs ``log.verify`` in a thread of its own; the pages ask how far it is."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._lock = Lock()
        self._badge = Badge()
        self._thread: Thread | None = None

    def badge(self) -> Badge:
        """How the log stands, as far as this process knows."""
        return self._badge

    def start(self, session: Session) -> None:
        """Begin a run unless one goes on; that it was asked for is an entry.

        Raises:
            AccessDenied: ``access.action``; logged.
        """
        session.require("log.verify")
        with self._lock:
            if self._thread is not None and self._thread.is_alive():
                return
            before = self._badge
            self._badge = attrs.evolve(before, state="running", done=0, total=0)
            self._thread = Thread(target=self._run, args=(session,), name="verify", daemon=True)
            self._thread.start()

    def wait(self) -> None:
        """Wait for the run that goes on; when the server stops."""
        thread = self._thread
        if thread is not None:
            thread.join()

    def _run(self, session: Session) -> None:
        now = self._archive.engine.clock
        try:
            report = self._archive.log.verify(progress=self._told)
            session.note("log.verify", count=report.entries)
            self._badge = Badge("sound", report.entries, now())
        except IntegrityError as error:
            self._badge = Badge("broken", 0, now(), error)
        except MunimentError as error:
            self._badge = Badge("failed", 0, now(), error)
        except Exception:
            self._badge = Badge("failed", 0, now())
            raise

    def _told(self, done: int, total: int) -> None:
        self._badge = attrs.evolve(self._badge, done=done, total=total)
