"""Processes that lease, read, destroy, sign and rotate on one key store, and are killed at random.

    python churn.py FOLDER KEYFILE ARCHIVE_HEX ROUNDS SEED

Each process writes what it was told into a journal of its own; what is in a
journal was acknowledged. After each round the journals are compared with the
store. Ends with a line ``rounds leased destroyed rotations kills`` or with an error.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from muniment.errors import KeyStoreError
from muniment.keys import KeyFile, KeyStore

WORKERS = 3
ORIGIN = "example.com/churn/0.0"


@dataclass
class Truth:
    """What was acknowledged."""

    secrets: dict[int, str] = field(default_factory=dict)  # slot: hash of its secret
    doubt: set[int] = field(default_factory=set)
    dead: set[int] = field(default_factory=set)
    final: set[int] = field(default_factory=set)  # destroyed before a rotation that was acknowledged
    size: int = 0
    rotations: int = 0

    def living(self) -> list[int]:
        return sorted(self.secrets.keys() - self.dead - self.doubt)


def _hash(secret: bytes) -> str:
    return sha256(secret).hexdigest()[:16]


class Worker:
    """One process, until it is killed."""

    def __init__(self, store: KeyStore, number: int, seed: int, living: list[int], truth: Truth) -> None:
        self.store = store
        self.random = random.Random(seed)
        self.mine = {slot: truth.secrets[slot] for slot in living if slot % WORKERS == number}
        self.journal = -1

    def note(self, **line: Any) -> None:
        os.write(self.journal, json.dumps(line).encode() + b"\n")

    def run(self, journal: Path) -> None:
        self.journal = os.open(journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        acts = [self.lease] * 6 + [self.read] * 3 + [self.destroy] * 2 + [self.rotate] * 2 + [self.sign]
        while True:
            try:
                self.random.choice(acts)()
            except KeyStoreError as error:
                if error.code not in ("key.locked", "key.busy"):
                    self.note(error=str(error))
                    return

    def lease(self) -> None:
        slots = self.store.lease(self.random.choice([1, 3, 100, 300]))
        hashes = [_hash(secret) for secret in self.store.secrets(slots)]
        self.note(leased=slots, hashes=hashes)
        self.mine.update(zip(slots, hashes, strict=True))

    def read(self) -> None:
        slots = self.random.sample(sorted(self.mine), min(20, len(self.mine)))
        for slot, secret in zip(slots, self.store.secrets(slots), strict=True):
            if self.mine[slot] != _hash(secret):
                self.note(error=f"slot {slot} has another secret")

    def destroy(self) -> None:
        slots = self.random.sample(sorted(self.mine), min(3, len(self.mine)))
        for slot in slots:
            del self.mine[slot]
        self.note(destroying=slots)
        self.store.destroy(slots)
        self.note(destroyed=slots)

    def rotate(self) -> None:
        self.note(rotating=True)
        self.note(rotated=self.store.rotate().epoch)

    def sign(self) -> None:
        with self.store.signing(ORIGIN) as held:
            size = 1 if held.last is None else held.last.size + 1
            held.store(size, size.to_bytes(32, "big"), b"")
        self.note(signed=size)


def _absorb(journals: list[Path], truth: Truth) -> None:
    """Take over what a round acknowledged."""
    before = set(truth.dead)
    rotated = False
    sizes: list[int] = []
    for journal in journals:
        # A line cut short by the kill was never acknowledged.
        for text in journal.read_text().split("\n")[:-1]:
            line = json.loads(text)
            if "error" in line:
                raise SystemExit(line["error"])
            for slot, hashed in zip(line.get("leased", []), line.get("hashes", []), strict=True):
                if slot in truth.secrets:
                    raise SystemExit(f"slot {slot} was given twice")
                truth.secrets[slot] = hashed
            truth.doubt |= set(line.get("destroying", []))
            truth.dead |= set(line.get("destroyed", []))
            if "rotated" in line:
                rotated = True
                truth.rotations += 1
            if "signed" in line:
                sizes.append(line["signed"])
    if len(sizes) != len(set(sizes)):
        raise SystemExit("one size was signed twice")
    if sizes and min(sizes) <= truth.size:
        raise SystemExit("the signed size went back")
    truth.size = max([truth.size, *sizes])
    truth.doubt -= truth.dead
    if rotated:
        truth.final |= before


def _check(store: KeyStore, truth: Truth, folder: Path) -> None:
    truth.dead |= set(store.destroyed(sorted(truth.doubt)))
    truth.doubt.clear()
    living = truth.living()
    for slot, secret in zip(living, store.secrets(living), strict=True):
        if truth.secrets[slot] != _hash(secret):
            raise SystemExit(f"slot {slot} lost its secret")
    if store.destroyed(sorted(truth.dead)) != sorted(truth.dead):
        raise SystemExit("a destroyed secret is back")
    last = store.last_signed(ORIGIN)
    if truth.size > (last.size if last else 0):
        raise SystemExit("what was signed is forgotten")
    left = [path.name for path in (folder / "slots").iterdir() if path.suffix != ".json"]
    if left:
        raise SystemExit(f"left in slots/: {left}")


def _check_copy(copy: Path, folder: Path, archive: bytes, key: KeyFile, truth: Truth) -> None:
    """An old keys.db with today's slots and credential opens nothing that an erasure finished with."""
    shutil.rmtree(copy / "slots", ignore_errors=True)
    shutil.copytree(folder / "slots", copy / "slots")
    try:
        thief = KeyStore.open(copy, archive, key, read_only=True)
    except KeyStoreError:
        return
    with thief:
        for slot in truth.final:
            try:
                thief.secret(slot)
            except KeyStoreError:
                continue
            raise SystemExit(f"an old copy opens slot {slot}, which was destroyed")


def main() -> None:
    folder, key_path, archive = Path(sys.argv[1]), Path(sys.argv[2]), bytes.fromhex(sys.argv[3])
    rounds, seed = int(sys.argv[4]), int(sys.argv[5])
    chance = random.Random(seed)
    key, truth, kills = KeyFile(key_path), Truth(), 0
    copies: list[Path] = []
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        for number in range(rounds):
            journals, children = [], []
            for worker in range(WORKERS):
                journal = place / f"{number}-{worker}"
                journal.touch()
                journals.append(journal)
                child = os.fork()
                if not child:
                    try:
                        store = KeyStore.open(folder, archive, key)
                        Worker(
                            store, worker, seed * 1_000_003 + number * WORKERS + worker, truth.living(), truth
                        ).run(journal)
                    except BaseException as error:
                        journal.write_text(json.dumps({"error": repr(error)}) + "\n")
                    finally:
                        os._exit(1)
                children.append(child)
            chance.shuffle(children)
            for child in children:
                time.sleep(chance.uniform(0.0, 0.03))
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                kills += 1
            if number % 10 == 3:
                copies.append(place / f"copy-{number}")
                copies[-1].mkdir()
                for path in folder.glob("keys.db*"):
                    if not path.name.endswith("-shm"):
                        shutil.copy(path, copies[-1])
            _absorb(journals, truth)
            with KeyStore.open(folder, archive, key) as store:
                _check(store, truth, folder)
                if number % 4 == 1:
                    store.rotate()
                    truth.final |= truth.dead
            for copy in copies:
                _check_copy(copy, folder, archive, key, truth)
    print(rounds, len(truth.secrets), len(truth.dead), truth.rotations, kills)


if __name__ == "__main__":
    main()
