"""Backs up or restores, and is killed at one durable step; no test itself.

Run as ``python stepping.py``; each line on stdin is a JSON list of what to do, a
base folder and the number of the step to die at. A fork does it and kills itself
there; the answer is a JSON list of the steps it came by, and whether it ended.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import muniment.backup.folder
import muniment.session.rebuild  # noqa: F401  imported late otherwise, in the middle of a step
from muniment.archive import restore
from muniment.keys import KeyFile
from muniment.testing import open_again

OWNER = {"actor": "owner", "purpose": "ServiceProvision"}


def do(what: str, base: Path, die_at: int) -> None:
    passed = 0

    def step(name: str) -> None:
        nonlocal passed
        passed += 1
        os.write(1, json.dumps(name).encode() + b"\n")
        if passed == die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    if what == "backup":
        with open_again(base / "archive") as archive, archive.session(**OWNER) as session:
            session.backups.create(base / "second", step=step)
    else:
        key = KeyFile(base / "archive.key")
        restore(base / "backup", base / "archive", root=key, accept_loss=True, step=step)


def main() -> None:
    for line in sys.stdin:
        what, base, die_at = json.loads(line)
        pid = os.fork()
        if pid == 0:
            try:
                do(what, Path(base), die_at)
            except BaseException as error:
                os.write(1, json.dumps({"error": repr(error)}).encode() + b"\n")
                os._exit(1)
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        os.write(1, json.dumps({"ended": status == 0}).encode() + b"\n")


if __name__ == "__main__":
    main()
