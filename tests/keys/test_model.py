"""The order of durable steps (formats/durable-steps.md), as a model that may crash after any of them.

The model knows no cryptography: a key is a number, a wrap is a pair (slot, key), and whoever has the wrap and
the slot's credential has the key. Each act is a generator that changes one durable thing between two yields;
to crash is to drop the generator, together with everything that stood only in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

Steps = Iterator[None]
DEAD = "dead"


@dataclass(frozen=True)
class Keys:
    """keys.db: what one commit replaces as a whole."""

    epoch: int
    key: int
    used: int = 0
    secrets: tuple[tuple[int, str], ...] = ()
    due: bool = False
    listed: frozenset[str] = frozenset()
    signed: tuple[int, int, int] | None = None  # generation, size, root
    current: str | None = None  # the key backup that counts
    pairs: tuple[str, ...] = ()  # and every one that was ever begun and is not known to be gone

    def secret(self, slot: int) -> str:
        return dict(self.secrets)[slot]


@dataclass
class World:
    """Everything on disk, and what an observer outside remembers."""

    flaws: frozenset[str] = frozenset()
    keys: Keys = field(default_factory=lambda: Keys(epoch=1, key=1, listed=frozenset({"a", "b"})))
    files: dict[str, tuple[str, int, int] | None] = field(default_factory=dict)  # name: slot, epoch, key
    rows: dict[int, str] = field(default_factory=dict)  # archive.db: slot -> live, erasing, erased
    log: list[int] = field(default_factory=list)
    generation: int = 0
    backups: dict[str, tuple[Keys, frozenset[tuple[str, int, int]]]] = field(default_factory=dict)
    # the observer
    given: list[int] = field(default_factory=list)
    truth: dict[int, str] = field(default_factory=dict)
    final: set[int] = field(default_factory=set)  # destroyed, and the rotation after it is done
    copies: list[Keys] = field(default_factory=list)
    shown: dict[tuple[int, int], int] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)
    counter: int = 1

    def __post_init__(self) -> None:
        for slot in self.keys.listed:
            self.files[f"{slot}.json"] = (slot, 1, 1)

    def fresh(self) -> int:
        self.counter += 1
        return self.counter

    def root(self) -> int:
        return hash(tuple(self.log))


def wraps(world: World, slot: str) -> list[tuple[int, int]]:
    """What the credential of one slot gets out of slots/: pairs of epoch and key."""
    return [found[1:] for found in world.files.values() if found is not None and found[0] == slot]


# --- the acts -----------------------------------------------------------------------------------------------


def lease(world: World, count: int) -> list[int]:
    keys = world.keys
    slots = list(range(keys.used, keys.used + count))
    made = tuple((slot, f"secret {world.fresh()}") for slot in slots)
    world.keys = replace(keys, used=keys.used + count, secrets=keys.secrets + made)
    world.truth.update(made)
    return slots


def create(world: World, count: int) -> Steps:
    if "lease late" in world.flaws:
        first = world.keys.used
        for slot in range(first, first + count):
            world.given.append(slot)
            world.rows[slot] = "live"
        yield
        lease(world, count)
        yield
        return
    slots = lease(world, count)
    world.given.extend(slots)
    yield
    world.rows.update(dict.fromkeys(slots, "live"))
    world.log.append(world.fresh())
    yield


def sign(world: World) -> Steps:
    size, root = len(world.log), world.root()
    last = world.keys.signed
    if last is not None and last[0] == world.generation and (size, root) != last[1:] and size <= last[1]:
        return
    mark = (world.generation, size, root)
    if "publish first" in world.flaws:
        show(world, mark)
        yield
    world.keys = replace(world.keys, signed=mark)
    assert all(size >= known for generation, known in world.shown if generation == mark[0])
    assert world.shown.setdefault(mark[:2], root) == root, "two roots for one size"
    yield
    show(world, mark)  # perhaps after another process that signed more: the newest is the largest
    yield


def show(world: World, mark: tuple[int, int, int]) -> None:
    """Publish a checkpoint."""
    last = world.keys.signed
    assert last is not None, "published, and the key store does not know it was signed"
    assert last[:2] >= mark[:2], "the key store is behind a checkpoint"


def rotate(world: World, *, without: str | None = None) -> Steps:
    keys = world.keys
    listed = keys.listed - {without}
    epoch, key = keys.epoch + 1, world.fresh()
    name = "{}.json" if "overwrite" in world.flaws else "{}.json.next"
    for slot in sorted(listed):
        world.files[name.format(slot)] = (slot, epoch, key)
        yield
    if "wipe early" in world.flaws:
        for slot in sorted(listed):
            world.files[f"{slot}.json"] = None
            yield
    # other processes may have leased since the first wrap; the commit sees what is there now
    world.keys = replace(world.keys, epoch=epoch, key=key, due=False, listed=listed)
    yield
    yield from sweep(world)
    yield from remake(world)


def sweep(world: World) -> Steps:
    """Step 7, and what the next opening does about a rotation that stopped."""
    keys = world.keys
    for slot in sorted(keys.listed):
        waiting = world.files.get(f"{slot}.json.next")
        present = world.files.get(f"{slot}.json")
        if waiting is None:
            continue
        if waiting[1] == keys.epoch and (present is None or present[1] != keys.epoch):
            if "keep old" not in world.flaws:
                world.files[f"{slot}.json"] = None
                yield
                world.files[f"{slot}.json"] = world.files.pop(f"{slot}.json.next")
                yield
        else:
            del world.files[f"{slot}.json.next"]
            yield
    for name in sorted(world.files):
        found = world.files[name]
        if found is not None and found[0] not in keys.listed and found[1] != keys.epoch:
            del world.files[name]
            yield


def erase(world: World, slots: list[int]) -> Steps:
    for slot in slots:
        world.rows[slot] = "erasing"
    world.log.append(world.fresh())
    yield
    yield from finish_erasing(world)


def finish_erasing(world: World) -> Steps:
    slots = [slot for slot, state in world.rows.items() if state == "erasing"]
    if not slots and not world.keys.due:
        return
    if any(world.keys.secret(slot) != DEAD for slot in slots):
        secrets = tuple((s, DEAD if s in slots else value) for s, value in world.keys.secrets)
        world.keys = replace(world.keys, secrets=secrets, due=True)
        for slot in slots:
            world.truth[slot] = DEAD
        yield
    if world.keys.due and "no rotation" not in world.flaws:
        yield from rotate(world)
    world.rows.update(dict.fromkeys(slots, "erased"))
    world.final.update(slots)
    yield


def slot_add(world: World, slot: str) -> Steps:
    world.files[f"{slot}.json"] = (slot, world.keys.epoch, world.keys.key)
    yield
    world.keys = replace(world.keys, listed=world.keys.listed | {slot})
    yield


def slot_remove(world: World, slot: str) -> Steps:
    if "remove quietly" in world.flaws:
        world.keys = replace(world.keys, listed=world.keys.listed - {slot})
        yield
    else:
        yield from rotate(world, without=slot)
    world.removed.add(slot)


def key_backup(world: World) -> Steps:
    name = f"pair {world.fresh()}"
    if "backup unlisted" not in world.flaws:
        world.keys = replace(world.keys, pairs=(*world.keys.pairs, name))
        yield
    world.backups[name] = (world.keys, frozenset())
    yield
    found = frozenset(f for f in world.files.values() if f is not None and f[1] == world.keys.epoch)
    world.backups[name] = (world.keys, found)
    yield
    world.keys = replace(world.keys, current=name, pairs=(*world.keys.pairs, name))
    yield
    yield from drop_pairs(world)


def drop_pairs(world: World, *, below: int = 1 << 32) -> Steps:
    for old in sorted(set(world.keys.pairs) - {world.keys.current}):
        if old in world.backups and world.backups[old][0].epoch < below:
            del world.backups[old]
            yield
    world.keys = replace(world.keys, pairs=tuple(name for name in world.keys.pairs if name in world.backups))
    yield


def remake(world: World) -> Steps:
    """Step 8, and what the next opening does about a backup that stopped."""
    keys = world.keys
    if keys.current and world.backups[keys.current][0].epoch != keys.epoch:
        yield from key_backup(world)
    elif set(keys.pairs) - {keys.current}:
        yield from drop_pairs(world, below=keys.epoch)


def restore(world: World, data: tuple[dict[int, str], list[int]]) -> Steps:
    rows, log = data
    last = world.keys.signed
    lost = last is not None and last[0] == world.generation and list(world.log[: len(log)]) == log
    # the copy is renamed into place: one step
    world.rows, world.log = dict(rows), list(log)
    if lost:
        world.generation += 1  # the loss is accepted, and a new log says so
        world.log.append(world.fresh())
    yield
    yield from dispose_again(world)


def dispose_again(world: World) -> Steps:
    """What a living row with a dead secret asks for, after a restore that stopped."""
    dead = [slot for slot, state in world.rows.items() if state == "live" and world.keys.secret(slot) == DEAD]
    if dead:
        world.rows.update(dict.fromkeys(dead, "erasing"))
        world.log.append(world.fresh())
        yield


def reopen(world: World) -> Steps:
    """The next opening."""
    yield from sweep(world)
    yield from dispose_again(world)
    yield from finish_erasing(world)
    yield from remake(world)


# --- what must hold, after every single step ----------------------------------------------------------------


def check(world: World) -> None:
    keys = world.keys
    assert len(world.given) == len(set(world.given)), "a slot was given twice"
    assert all(slot < keys.used for slot in world.rows), "a record names a slot that was never leased"
    for slot, secret in keys.secrets:
        assert secret == world.truth[slot], "a living secret was lost, or a dead one is back"
    for slot in keys.listed:
        assert (keys.epoch, keys.key) in wraps(world, slot), "a slot does not open the store"


def check_quiet(world: World) -> None:
    """What holds when no act is under way."""
    on_disk = {found[2] for found in world.files.values() if found is not None}
    for copy in world.copies:
        opened = copy.key in on_disk
        for slot in world.final & {s for s, _ in copy.secrets}:
            assert copy.secret(slot) == DEAD or not opened, "an old copy opens a destroyed secret"
    for slot in world.removed:
        assert not any(key == world.keys.key for _, key in wraps(world, slot)), "a removed slot still opens"
    for name, (held, files) in world.backups.items():
        whole = any(key == held.key for _, _, key in files)
        assert whole or name != world.keys.current, "the key backup that counts does not open"
        for slot in world.final & {s for s, _ in held.secrets}:
            assert held.secret(slot) == DEAD or not whole, "a key backup opens a destroyed secret"


class Model(RuleBasedStateMachine):
    """Several processes, one of them with the lock, any of them killed at any step."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.act: Steps | None = None
        self.data: list[tuple[dict[int, str], list[int]]] = []
        self.known = 1  # the epoch that another process believes in

    def begin(self, act: Steps) -> None:
        self.act = act
        self.step()

    @initialize(count=st.integers(0, 4))
    def some_records(self, count: int) -> None:
        for _ in create(self.world, count):
            pass

    idle = precondition(lambda self: self.act is None)
    busy = precondition(lambda self: self.act is not None)

    @rule(count=st.integers(1, 3), acked=st.booleans())
    def another_process_creates(self, count: int, acked: bool) -> None:
        # it compares epochs in its write transaction, and reads slots/ again when they differ
        if self.known != self.world.keys.epoch:
            assert (self.world.keys.epoch, self.world.keys.key) in wraps(self.world, "a")
            self.known = self.world.keys.epoch
        steps = create(self.world, count)
        next(steps)
        if acked:
            next(steps)

    @rule()
    def another_process_signs(self) -> None:
        for _ in sign(self.world):
            pass

    @idle
    @rule(stop=st.booleans())
    def sign_and_perhaps_die(self, stop: bool) -> None:
        self.begin(sign(self.world))
        if stop:
            self.act = None

    @idle
    @rule(chosen=st.data())
    def start_erasure(self, chosen: st.DataObject) -> None:
        live = [slot for slot, state in self.world.rows.items() if state == "live"]
        if live:
            self.begin(
                erase(self.world, chosen.draw(st.lists(st.sampled_from(live), min_size=1, unique=True)))
            )

    @idle
    @rule()
    def start_rotation(self) -> None:
        self.begin(rotate(self.world))

    @idle
    @rule()
    def start_slot_add(self) -> None:
        self.begin(slot_add(self.world, f"s{self.world.fresh()}"))

    @idle
    @rule(chosen=st.data())
    def start_slot_remove(self, chosen: st.DataObject) -> None:
        others = sorted(self.world.keys.listed - {"a"})
        if others:
            self.begin(slot_remove(self.world, chosen.draw(st.sampled_from(others))))

    @idle
    @rule()
    def start_key_backup(self) -> None:
        self.begin(key_backup(self.world))

    @idle
    @rule()
    def take_a_data_backup(self) -> None:
        self.data.append((dict(self.world.rows), list(self.world.log)))

    @idle
    @precondition(lambda self: self.data)
    @rule(chosen=st.data())
    def start_restore(self, chosen: st.DataObject) -> None:
        self.begin(restore(self.world, chosen.draw(st.sampled_from(self.data))))

    @rule()
    def somebody_copies_the_key_store(self) -> None:
        self.world.copies.append(self.world.keys)

    @busy
    @rule(count=st.integers(1, 6))
    def step(self, count: int = 1) -> None:
        for _ in range(count):
            if self.act is not None:
                try:
                    next(self.act)
                except StopIteration:
                    self.act = None

    @busy
    @rule(again=st.integers(0, 3))
    def crash_and_reopen(self, again: int) -> None:
        self.act = None
        for stop in range(again):  # the opening that repairs may die as well
            for place, _ in enumerate(reopen(self.world)):
                check(self.world)
                if place == stop:
                    break
        for _ in reopen(self.world):
            check(self.world)

    @invariant()
    def holds(self) -> None:
        check(self.world)
        if self.act is None:
            for _ in reopen(self.world):
                check(self.world)
            check_quiet(self.world)


Model.TestCase.settings = settings(max_examples=200, stateful_step_count=30, deadline=None)
TestModel = Model.TestCase


def _script(world: World) -> Iterator[Callable[[], Steps]]:
    """One of everything; each act is begun only when the one before it is over."""
    yield lambda: create(world, 3)
    yield lambda: sign(world)
    yield lambda: slot_add(world, "c")
    yield lambda: key_backup(world)
    world.copies.append(world.keys)
    yield lambda: erase(world, [slot for slot in (0, 1) if world.rows.get(slot) == "live"])
    yield lambda: create(world, 2)
    yield lambda: sign(world)
    yield lambda: slot_remove(world, "b") if "b" in world.keys.listed else iter(())
    world.copies.append(world.keys)
    yield lambda: rotate(world)
    yield lambda: sign(world)


def _run(flaws: frozenset[str], crash_at: int) -> bool:
    """Run the script with one crash after so many steps; tell whether the crash came."""
    world, steps, crashed = World(flaws), 0, False
    for act in _script(world):
        for _ in act():
            check(world)
            steps += 1
            if steps == crash_at:
                crashed = True
                break
        for _ in reopen(world):
            check(world)
        check_quiet(world)
    return crashed


def test_one_crash_at_every_step_of_one_of_everything() -> None:
    """The order holds wherever the one crash falls."""
    crash_at = 1
    while _run(frozenset(), crash_at):
        crash_at += 1
    assert crash_at > 30


@pytest.mark.parametrize(
    "flaw",
    [
        "lease late",
        "publish first",
        "overwrite",
        "wipe early",
        "keep old",
        "no rotation",
        "remove quietly",
        "backup unlisted",
    ],
)
def test_the_model_sees_a_wrong_order(flaw: str) -> None:
    """An order with one known mistake is caught, so a model that passes says something."""

    def all_crashes() -> None:
        crash_at = 1
        while _run(frozenset({flaw}), crash_at):
            crash_at += 1

    with pytest.raises(AssertionError):
        all_crashes()
