"""The archive's lock: one holder, whoever it is, and free when its holder is gone."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from muniment.errors import KeyStoreError
from muniment.keys import ArchiveLock, KeyFile, KeyStore

_HOLD = """
import sys
from pathlib import Path
from muniment.keys.lock import ArchiveLock
with ArchiveLock(Path(sys.argv[1]), act="rotate"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_another_process_is_kept_out_and_told_by_whom(home: Path) -> None:
    """The error names the process and what it does; killing it frees the lock."""
    child = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdin is not None
    assert child.stdout is not None
    with child:
        assert "held\n" == child.stdout.readline()
        with pytest.raises(KeyStoreError, match=rf"pid {child.pid}, rotate.*key\.locked"), ArchiveLock(home):
            pass
        child.kill()
    with ArchiveLock(home):
        pass


def test_the_thread_that_holds_it_may_take_it_again_and_no_other(home: Path) -> None:
    """An erasure that holds it rotates; a second thread waits its turn."""
    refused: list[str] = []

    def try_it() -> None:
        try:
            with ArchiveLock(home):
                refused.append("taken")
        except KeyStoreError as error:
            refused.append(error.code)

    def in_thread() -> None:
        thread = threading.Thread(target=try_it)
        thread.start()
        thread.join()

    with ArchiveLock(home, act="erase"):
        with ArchiveLock(home, act="rotate"):
            pass
        in_thread()
    in_thread()
    assert ["key.locked", "taken"] == refused


def test_a_rotation_is_refused_while_somebody_holds_it(
    store: KeyStore, home: Path, archive: bytes, key_file: KeyFile
) -> None:
    """So are adding a slot and a key backup; opening, reading and leasing go on."""
    done = threading.Event()
    held = threading.Event()

    def hold() -> None:
        with ArchiveLock(home, act="restore"):
            held.set()
            done.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    try:
        with pytest.raises(KeyStoreError, match=r"key\.locked"):
            store.rotate()
        with KeyStore.open(home, archive, key_file) as other:
            assert 1 == len(other.lease(1))
    finally:
        done.set()
        thread.join()
    assert 2 == store.rotate().epoch
