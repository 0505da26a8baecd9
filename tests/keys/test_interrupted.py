"""The key store itself, stopped at each of its durable steps, as the model in test_model.py is."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from muniment.errors import KeyStoreError
from muniment.keys import Cost, KeyStore, Recipient, RecoveryPhrase, Root, write_key_file

ARCHIVE = bytes(range(16))
PHRASE = "legal winner thank year wave sausage worth useful legal winner thank yellow"
ORIGIN = "example.com/test/0.0"


class Crash(BaseException):
    """The power is gone."""


class Bench:
    """A real store that may be stopped at its n-th durable step, and what an observer knows about it."""

    def __init__(self) -> None:
        self.place = Path(tempfile.mkdtemp(prefix="muniment-keys-"))
        self.home = self.place / "archive"
        for name in ("archive", "keys", "slots", "copies"):
            (self.place / name).mkdir()
        self.roots: list[Root] = [
            write_key_file(self.place / "root.key", ARCHIVE),
            RecoveryPhrase(PHRASE, cost=Cost(8, 1, 1)),
        ]
        self.left = 0  # steps until the crash; 0: none comes
        self.steps: list[str] = []
        self.given: list[int] = []
        self.truth: dict[int, bytes] = {}
        self.doubt: set[int] = set()  # destroying them was cut short
        self.dead: set[int] = set()
        self.final: set[int] = set()  # and rotated since
        self.signed: dict[int, bytes] = {}
        self.copies: list[Path] = []
        self.extra: list[bytes] = []
        # The same in each run: which slot file comes first decides at which step a crash falls.
        self.random = random.Random(7).randbytes
        self.store = KeyStore.create(self.home, ARCHIVE, self.roots, random=self.random, on_step=self.step)

    def step(self, name: str) -> None:
        self.steps.append(name)
        if self.left:
            self.left -= 1
            if not self.left:
                raise Crash(name)

    def attempt(self, act: Callable[[], None], crash_at: int) -> bool:
        """Do something, perhaps die in the middle, and reopen; tell whether the crash came."""
        self.left = crash_at
        try:
            act()
        except Crash:
            self.reopen()
            return True
        finally:
            self.left = 0
        return False

    def reopen(self) -> None:
        self.left = 0
        self.store.close()
        self.store = KeyStore.open(self.home, ARCHIVE, self.roots[0], random=self.random, on_step=self.step)
        if self.store.rotation_due:
            self.store.rotate()
            self.final |= self.dead

    # --- acts -----------------------------------------------------------------------------------------------

    def lease(self, count: int) -> None:
        slots = self.store.lease(count)
        self.given.extend(slots)
        self.truth.update(zip(slots, self.store.secrets(slots), strict=True))

    def destroy(self, slots: list[int]) -> None:
        self.doubt |= set(slots)
        self.store.destroy(slots)
        self.dead |= set(slots)
        self.doubt -= set(slots)

    def rotate(self) -> None:
        dead = set(self.dead)
        self.store.rotate()
        self.final |= dead

    def erase(self, slots: list[int]) -> None:
        self.destroy(slots)
        self.rotate()

    def add(self) -> None:
        from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

        public = X25519PrivateKey.generate().public_key().public_bytes_raw()
        slot = self.store.slot_add(Recipient(public))
        self.extra.append(bytes.fromhex(slot.replace("-", "")))

    def remove(self) -> None:
        if self.extra:
            dead = set(self.dead)
            self.store.slot_remove(self.extra[-1])
            self.extra.pop()
            self.final |= dead

    def sign(self) -> None:
        with self.store.signing(ORIGIN) as held:
            size = 1 if held.last is None else held.last.size + 1
            root = size.to_bytes(32, "big")
            held.store(size, root, b"")
        assert max(self.signed, default=0) < size
        self.signed[size] = root

    def backup(self) -> None:
        self.store.backup(self.place / "keys", self.place / "slots")

    def copy(self) -> None:
        """Somebody copies keys.db as it lies there."""
        to = self.place / "copies" / str(len(self.copies))
        to.mkdir()
        for path in self.home.glob("keys.db*"):
            if not path.name.endswith("-shm"):
                shutil.copy(path, to)
        self.copies.append(to)

    # --- what must hold -------------------------------------------------------------------------------------

    def check(self) -> None:
        assert len(self.given) == len(set(self.given))
        living = [slot for slot in self.truth if slot not in self.dead | self.doubt]
        assert [self.truth[slot] for slot in living] == self.store.secrets(living)
        assert sorted(self.dead) == self.store.destroyed(sorted(self.dead))
        status = self.store.status()
        assert all(slot.file for slot in status.slots)
        last = self.store.last_signed(ORIGIN)
        assert (last.size if last else 0) >= max(self.signed, default=0)

    def check_closed(self) -> None:
        """From outside: every root opens it, nothing lies about, and old copies open nothing dead."""
        self.store.close()
        for root in self.roots:
            KeyStore.open(self.home, ARCHIVE, root).close()
        assert not [path for path in (self.home / "slots").iterdir() if path.suffix != ".json"]
        for copy in self.copies:
            self._check_copy(copy, self.home / "slots")
        for keys in (self.place / "keys").glob("muniment-keys-*"):
            for slots in (self.place / "slots").glob("muniment-slots-*"):
                self._check_copy(keys, slots)
        with KeyStore.open(self.home, ARCHIVE, self.roots[0]) as store:
            kept = store.status().backup
        assert kept is None or self._check_copy(kept.keys, kept.slots), "the key backup opens nothing"
        self.store = KeyStore.open(self.home, ARCHIVE, self.roots[0], on_step=self.step)

    def _check_copy(self, copy: Path, slots: Path) -> bool:
        """Nothing dead opens in a copy with these slots; tell whether anything opens."""
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name) / "thief"
            shutil.copytree(copy, folder)
            shutil.copytree(slots, folder / "slots")
            try:
                store = KeyStore.open(folder, ARCHIVE, self.roots[0], read_only=True)
            except KeyStoreError:
                return False
            with store:
                for slot in self.final:
                    with pytest.raises(KeyStoreError, match=r"key\.(destroyed|unknown)"):
                        store.secret(slot)
            return True

    def end(self) -> None:
        self.store.close()
        shutil.rmtree(self.place)


def _script(bench: Bench) -> Iterator[Callable[[], None]]:
    """One of everything."""
    yield lambda: bench.lease(300)
    yield bench.sign
    yield bench.add
    bench.copy()
    yield bench.backup
    yield lambda: bench.erase([slot for slot in bench.given if slot % 97 == 0])
    yield lambda: bench.lease(3)
    bench.copy()
    yield bench.remove
    yield bench.sign


def _run(crash_at: int) -> tuple[bool, str]:
    """The script with one crash after so many steps; the whole is done once more where it was cut short."""
    bench = Bench()
    try:
        bench.steps.clear()
        crashed = ""
        for act in _script(bench):
            before = len(bench.steps)
            left = crash_at - before
            if not crashed and bench.attempt(act, max(0, left)):
                crashed = bench.steps[crash_at - 1]
                bench.check()
        bench.check_closed()
        bench.check()
        return bool(crashed), crashed
    finally:
        bench.end()


@pytest.mark.slow
def test_a_crash_at_every_step_of_every_act_loses_nothing_and_revives_nothing() -> None:
    """Wherever the one crash falls, the next opening has every living secret and no dead one."""
    crash_at, seen = 1, set()
    while True:
        crashed, name = _run(crash_at)
        if not crashed:
            break
        seen.add(name)
        crash_at += 1
    assert {
        "lease: commit",
        "lease: committed",
        "sign: commit",
        "slot add: file",
        "destroy: committed",
        "destroy: truncate",
        "rotate: waiting file",
        "rotate: all waiting",
        "rotate: commit",
        "rotate: committed",
        "rotate: wipe",
        "rotate: promote",
        "rotate: drop",
        "backup listed: committed",
        "backup: keys",
        "backup: slot",
        "backup counts: commit",
        "backup: drop",
    } <= seen


@pytest.mark.parametrize("crash_at", range(1, 5))
def test_a_crash_while_a_store_is_made_leaves_a_place_where_it_can_be_made_again(
    crash_at: int, home: Path, tmp_path: Path
) -> None:
    """A keys.db without its first commit counts as none, and slot files of it are in nobody's way."""
    key = write_key_file(tmp_path / "root.key", ARCHIVE)
    left = [crash_at]

    def step(name: str) -> None:
        left[0] -= 1
        if not left[0]:
            raise Crash(name)

    roots = [key, RecoveryPhrase(PHRASE, cost=Cost(8, 1, 1))]
    with pytest.raises(Crash) as crash:
        KeyStore.create(home, ARCHIVE, roots, on_step=step)
    if crash.value.args[0] == "create: committed":
        with KeyStore.open(home, ARCHIVE, key) as store:
            assert store.lease(1) == [256]
        return
    with KeyStore.create(home, ARCHIVE, roots) as store:
        slot = store.lease(1)[0]
        secret = store.secret(slot)
    with KeyStore.open(home, ARCHIVE, key) as store:
        assert secret == store.secret(slot)


class Interrupted(RuleBasedStateMachine):
    """Any acts in any order, each of them perhaps cut short."""

    crashes = st.one_of(st.just(0), st.integers(1, 14))

    def __init__(self) -> None:
        super().__init__()
        self.bench = Bench()

    @rule(count=st.sampled_from([1, 2, 255, 256, 257]), crash_at=crashes)
    def lease(self, count: int, crash_at: int) -> None:
        self.bench.attempt(lambda: self.bench.lease(count), crash_at)

    @rule(chosen=st.sets(st.integers(0, 600), max_size=4), crash_at=crashes)
    def erase(self, chosen: set[int], crash_at: int) -> None:
        slots = [self.bench.given[place] for place in chosen if place < len(self.bench.given)]
        if slots:
            self.bench.attempt(lambda: self.bench.erase(slots), crash_at)
            # cut short after its commit, destroying is done; before it, it never was
            self.bench.dead |= set(self.bench.store.destroyed(sorted(self.bench.doubt)))
            self.bench.doubt.clear()

    @rule(crash_at=crashes)
    def rotate(self, crash_at: int) -> None:
        self.bench.attempt(self.bench.rotate, crash_at)

    @rule(crash_at=crashes)
    def add(self, crash_at: int) -> None:
        if len(self.bench.store.status().slots) < 5:
            self.bench.attempt(self.bench.add, crash_at)

    @rule(crash_at=crashes)
    def sign(self, crash_at: int) -> None:
        self.bench.attempt(self.bench.sign, crash_at)

    @rule(crash_at=crashes)
    def backup(self, crash_at: int) -> None:
        self.bench.attempt(self.bench.backup, crash_at)

    @rule()
    def copy(self) -> None:
        if len(self.bench.copies) < 2:
            self.bench.copy()

    @rule()
    def reopen(self) -> None:
        self.bench.check_closed()

    @invariant()
    def holds(self) -> None:
        self.bench.check()

    def teardown(self) -> None:
        self.bench.check_closed()
        self.bench.end()


Interrupted.TestCase.settings = settings(max_examples=25, stateful_step_count=12, deadline=None)
TestInterrupted = pytest.mark.slow(Interrupted.TestCase)
