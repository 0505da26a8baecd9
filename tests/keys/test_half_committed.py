"""A commit whose process died before the index of the WAL told of it, and what others did meanwhile."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from muniment.keys import KeyFile, KeyStore


@pytest.mark.slow
@pytest.mark.parametrize("then", ["open", "rotate"])
def test_a_rotation_that_comes_back_locks_nobody_out(
    then: str, store: KeyStore, home: Path, key_file: KeyFile, archive: bytes
) -> None:
    """While another process is there a commit half made is not seen; once all are gone it would be.

    Whoever puts ``slots/`` in line with what they see would have thrown away what opens the other state.
    """
    slots = store.lease(9)
    secrets = store.secrets(slots)
    epoch = store.epoch
    store.close()
    command = [
        sys.executable, str(Path(__file__).with_name("half_committed.py")),
        str(home), str(key_file.path), archive.hex(),
    ]  # fmt: skip
    with subprocess.Popen(
        [*command, "idle"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as idle:
        assert idle.stdout is not None
        assert idle.stdout.readline() == "open\n"
        assert subprocess.run([*command, "commit half"], check=False).returncode == 9
        assert subprocess.run([*command, then], check=False).returncode == 9
        idle.kill()
    with KeyStore.open(home, archive, key_file) as again:
        assert secrets == again.secrets(slots)
        assert again.rotate().epoch > epoch
