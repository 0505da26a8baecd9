"""Does something in a process that is killed before its n-th durable act; no test itself.

A durable act is whatever another process can see afterwards: a file renamed, linked,
removed, synced, a folder made or taken away, a transaction committed, a write-ahead log
moved into its file. So every state is tried that a kill can leave, but for one in the
middle of a write.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
from collections.abc import Callable
from functools import wraps

NAMES = ("replace", "rename", "unlink", "remove", "link", "fsync", "mkdir", "rmdir", "truncate")
STATEMENTS = ("COMMIT", "PRAGMA WAL_CHECKPOINT", "PRAGMA JOURNAL_MODE")


def die_before(act: Callable[[], object], number: int) -> bool:
    """Do it in a process of its own that SIGKILLs itself before its n-th durable act.

    Args:
        act: what is done; it opens what it needs itself.
        number: counted from 1.

    Returns:
        Whether it was killed; otherwise it came to its end before.
    """
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            _watch(number)
            act()
            status = 0
        except BaseException as error:
            sys.stderr.write(f"{error!r}\n")
        finally:
            os._exit(status)
    _, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "it failed by itself"
    return os.WIFSIGNALED(status)


def _watch(number: int) -> None:
    left = number

    def durable() -> None:
        nonlocal left
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)

    def counted(function: Callable[..., object]) -> Callable[..., object]:
        @wraps(function)
        def call(*arguments: object, **named: object) -> object:
            durable()
            return function(*arguments, **named)

        return call

    def traced(sql: str) -> None:
        if sql.upper().startswith(STATEMENTS):
            durable()

    for name in NAMES:
        setattr(os, name, counted(getattr(os, name)))
    connect = sqlite3.connect

    def connected(*arguments: object, **named: object) -> sqlite3.Connection:
        connection = connect(*arguments, **named)
        connection.set_trace_callback(traced)
        return connection

    sqlite3.connect = connected
