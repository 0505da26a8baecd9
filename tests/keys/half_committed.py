"""One process on a key store that dies at a step: folder, key file, archive, act."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from muniment.keys import KeyFile, KeyStore

_HEADERS = 96
"""SQLite's wal-index begins with two copies of 48 bytes that say how far the WAL is committed."""


def main() -> None:
    folder, key, archive, act = (
        Path(sys.argv[1]),
        KeyFile(sys.argv[2]),
        bytes.fromhex(sys.argv[3]),
        sys.argv[4],
    )
    index = folder / "keys.db-shm"
    kept = bytearray()

    def commit_half(step: str) -> None:
        # The frames are on the disk, and the index is not yet told.
        if step == "rotate: commit":
            kept[:] = index.read_bytes()[:_HEADERS]
        elif step == "rotate: committed":
            with index.open("r+b") as file:
                file.write(kept)
            os._exit(9)

    def at(last: str) -> None:
        def die(step: str) -> None:
            if step == last:
                os._exit(9)

        with KeyStore.open(folder, archive, key, on_step=die) as store:
            store.rotate()

    if act == "idle":
        with KeyStore.open(folder, archive, key):
            print("open", flush=True)
            sys.stdin.readline()
            os._exit(9)
    if act == "commit half":
        with KeyStore.open(folder, archive, key, on_step=commit_half) as store:
            store.rotate()
    at({"open": "rotate: swept", "rotate": "rotate: all waiting"}[act])


if __name__ == "__main__":
    main()
