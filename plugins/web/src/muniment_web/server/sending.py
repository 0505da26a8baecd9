"""A mailing that goes on while its sender does something else: one at a time, stopped between letters."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Lock, Thread

import attrs

from muniment.errors import MunimentError, UsageError
from muniment.session.outreach.mailing import Sent
from muniment_web.server.faults import report

__all__ = ["Sending", "Standing"]

Progress = Callable[[int, int], None]


class _Stopped(Exception):
    """The server stops: what was handed over is written, the rest waits."""


@attrs.frozen
class Standing:
    """How the mailing stands that was begun here last.

    Attributes:
        name: of the mailing; empty for none so far.
        running: whether it goes on.
        sent: letters that this process handed over.
        result: what became of the run; None while it goes on, or where it was stopped.
        problem: why it ended early.
    """

    name: str = ""
    running: bool = False
    sent: int = 0
    result: Sent | None = None
    problem: MunimentError | None = None


class Sending:
    """Sends in a thread of its own, since a mail server takes its time; the pages ask how far it is."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._stop = Event()
        self._thread: Thread | None = None
        self.standing = Standing()

    def start(self, name: str, sent: int, run: Callable[[Progress], Sent]) -> None:
        """Begin to send.

        Args:
            name: of the mailing.
            sent: letters of it that are on their way already.
            run: sends, and tells how many letters it handed over.

        Raises:
            UsageError: ``serve.sending`` while another mailing goes on.
        """
        with self._lock:
            if self._thread is not None and self._thread.is_alive():
                raise UsageError("serve.sending", name=self.standing.name)
            self.standing = Standing(name, True, sent)
            self._thread = Thread(target=self._run, args=(sent, run), name="mailing", daemon=True)
            self._thread.start()

    def check(self) -> None:
        """Refuse to begin while another mailing goes on.

        Raises:
            UsageError: ``serve.sending``.
        """
        if self._thread is not None and self._thread.is_alive():
            raise UsageError("serve.sending", name=self.standing.name)

    def stop(self) -> None:
        """Stop after the letter that is being handed over; when the server stops."""
        self._stop.set()
        self.wait()

    def wait(self) -> None:
        """Wait for the mailing that goes on."""
        if self._thread is not None:
            self._thread.join()

    def _run(self, before: int, run: Callable[[Progress], Sent]) -> None:
        def told(count: int, _total: int) -> None:
            self.standing = attrs.evolve(self.standing, sent=before + count)
            if self._stop.is_set():
                raise _Stopped

        result, problem = None, None
        try:
            result = run(told)
        except _Stopped:
            pass  # the mailing is open in the archive, and goes on under its name
        except MunimentError as error:
            problem = error
        except Exception as error:  # nothing of it is shown: it may hold a value
            report(error)
        finally:
            self.standing = attrs.evolve(self.standing, running=False, result=result, problem=problem)
