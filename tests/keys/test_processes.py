"""Several processes on one key store, at peace and at war."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from muniment.keys import KeyFile, KeyStore

_LEASE = """
import sys
from pathlib import Path
from muniment.keys import KeyFile, KeyStore
with KeyStore.open(Path(sys.argv[1]), bytes.fromhex(sys.argv[3]), KeyFile(sys.argv[2])) as store:
    sys.stdin.readline()
    print(*[slot for _ in range(40) for slot in store.lease(9)])
"""


@pytest.mark.slow
def test_processes_that_lease_at_once_share_no_slot(
    store: KeyStore, home: Path, key_file: KeyFile, archive: bytes
) -> None:
    """Three of them, started together; while this one rotates the key under them."""
    children = [
        subprocess.Popen(
            [sys.executable, "-c", _LEASE, str(home), str(key_file.path), archive.hex()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    for _ in range(3):
        store.rotate()
    given = [int(slot) for child in children for slot in child.communicate()[0].split()]
    assert 3 * 40 * 9 == len(given) == len(set(given))
    assert len(given) == len(set(store.secrets(given)))


def _churn(home: Path, key_file: KeyFile, archive: bytes, rounds: int, seed: int) -> list[int]:
    done = subprocess.run(
        [
            sys.executable,
            str(Path(__file__).with_name("churn.py")),
            str(home),
            str(key_file.path),
            archive.hex(),
            str(rounds),
            str(seed),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.returncode, done.stderr
    return [int(number) for number in done.stdout.split()]


@pytest.mark.slow
def test_killed_processes_share_lose_and_revive_nothing(
    store: KeyStore, home: Path, key_file: KeyFile, archive: bytes
) -> None:
    """Three processes lease, read, destroy, sign and rotate; each is killed at a random moment, 40 times."""
    rounds = int(os.environ.get("MUNIMENT_KILL_ROUNDS", "40"))
    store.close()
    done, leased, destroyed, rotations, kills = _churn(home, key_file, archive, rounds, 1)
    assert (rounds, 3 * rounds) == (done, kills)
    assert leased > 100
    assert destroyed > 0
    assert rotations > 0


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(5))
def test_killed_processes_for_a_long_time(
    seed: int, store: KeyStore, home: Path, key_file: KeyFile, archive: bytes
) -> None:
    """The same, 400 times over with each of five seeds."""
    store.close()
    assert 400 == _churn(home, key_file, archive, 400, seed)[0]
