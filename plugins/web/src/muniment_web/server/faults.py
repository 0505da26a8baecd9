"""What is told about a fault of the program: never what it happened with."""

from __future__ import annotations

import json
import os
import sys

__all__ = ["report"]


def report(error: Exception) -> None:
    """Say what happened without what it happened with: type, file and line."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    line = {
        "event": "failure",
        "type": type(error).__name__,
        "file": os.path.basename(trace.tb_frame.f_code.co_filename) if trace else "?",
        "line": trace.tb_lineno if trace else 0,
    }
    print(json.dumps(line), file=sys.stderr, flush=True)
    if os.environ.get("MUNIMENT_DEBUG") == "1":
        import traceback

        traceback.print_exception(error, file=sys.stderr)
