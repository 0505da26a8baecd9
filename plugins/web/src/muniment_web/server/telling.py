"""What a server process tells on standard error: lines of JSON, and never what a failure happened with.

The server, its threads and the event loop have words of their own for what goes wrong, and
an exception's text may hold a value; so all of them end here.
"""

from __future__ import annotations

import json
import logging
import sys
import threading

from muniment_web.server.faults import report

__all__ = ["tell_safely"]


class _Lines(logging.Handler):
    """One line for each record: who says it, its fixed words, the type and place of a failure."""

    def emit(self, record: logging.LogRecord) -> None:
        """Tell a record without its arguments."""
        words = record.msg.partition("\n")[0][:120] if isinstance(record.msg, str) else ""
        line = {"event": "server", "of": record.name, "level": record.levelname.lower(), "says": words}
        print(json.dumps(line), file=sys.stderr, flush=True)
        if record.exc_info and isinstance(record.exc_info[1], Exception):
            report(record.exc_info[1])


def tell_safely() -> None:
    """Let everything that this process says of itself be such lines, from now on."""
    root = logging.getLogger()
    root.handlers[:] = [_Lines(logging.WARNING)]
    for name in ("uvicorn", "uvicorn.error", "asyncio"):
        logging.getLogger(name).setLevel(logging.WARNING)

    def in_thread(failed: threading.ExceptHookArgs) -> None:
        if isinstance(failed.exc_value, Exception):
            report(failed.exc_value)

    def unraisable(failed: sys.UnraisableHookArgs) -> None:
        if isinstance(failed.exc_value, Exception):
            report(failed.exc_value)

    threading.excepthook = in_thread
    sys.unraisablehook = unraisable
