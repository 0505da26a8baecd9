"""What the key store promises, and what it refuses."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.errors import KeyStoreError
from muniment.keys import KeyFile, KeyStore, RecoveryPhrase

Reopen = Callable[..., KeyStore]
ORIGIN = "example.com/test/0.0"


def _pages(home: Path) -> list[bytes]:
    db = sqlite3.connect(home / "keys.db")
    try:
        return [data for (data,) in db.execute("SELECT data FROM page ORDER BY page")]
    finally:
        db.close()


def _everything(home: Path) -> bytes:
    """Every byte of the key store that lies on disk."""
    return b"".join(path.read_bytes() for path in sorted(home.rglob("*")) if path.is_file())


# --- leases ---------------------------------------------------------------------------------------------


def test_slots_rise_and_span_pages(store: KeyStore) -> None:
    """The first slot is the first of page 1, and one lease may take many pages."""
    assert list(range(256, 256 + 1000)) == store.lease(1000)
    assert [1256] == store.lease(1)
    assert 1 + 4 == store.status().pages


def test_every_secret_is_32_random_bytes_of_its_own(store: KeyStore) -> None:
    """No two slots share a secret, and none is zeros."""
    secrets = store.secrets(store.lease(600))
    assert {32} == {len(secret) for secret in secrets}
    assert 600 == len(set(secrets) - {bytes(32)})


def test_a_lease_is_durable_before_it_returns(store: KeyStore, reopen: Reopen, key_file: KeyFile) -> None:
    """A second process that opens the store right after goes on behind it."""
    given = store.lease(10)
    assert given[-1] + 1 == reopen(key_file).lease(1)[0]


def test_a_slot_that_another_process_leased_is_found(
    store: KeyStore, reopen: Reopen, key_file: KeyFile
) -> None:
    """A page in memory whose end has moved since is read again."""
    first = store.lease(1)[0]
    store.secret(first)
    other = reopen(key_file)
    theirs = other.lease(300)
    assert other.secrets(theirs) == store.secrets(theirs)


@pytest.mark.parametrize("count", [0, -1])
def test_leasing_nothing_is_refused(count: int, store: KeyStore) -> None:
    """A count below one is a mistake of the caller."""
    with pytest.raises(KeyStoreError, match=r"key\.count"):
        store.lease(count)


@pytest.mark.parametrize(
    ("slot", "code"),
    [(5, "key.reserved"), (255, "key.reserved"), (266, "key.unknown"), (99999, "key.unknown")],
)
def test_slots_that_were_not_given_have_no_secret(slot: int, code: str, store: KeyStore) -> None:
    """Reserved slots are no slots, and a slot beyond the last lease is unknown, though its page is there."""
    store.lease(10)
    with pytest.raises(KeyStoreError) as error:
        store.secret(slot)
    assert code == error.value.code


def test_pages_that_are_not_in_memory_are_opened_again(
    store: KeyStore, reopen: Reopen, key_file: KeyFile
) -> None:
    """With room for two pages, secrets all over fifty come back right."""
    slots = store.lease(50 * 256)
    truth = dict(zip(slots, store.secrets(slots), strict=True))
    small = reopen(key_file, cache_pages=2)
    for slot in slots[::777] + slots[::-911]:
        assert truth[slot] == small.secret(slot)


def test_threads_share_one_store(store: KeyStore) -> None:
    """Leases from several threads never overlap."""
    found: list[list[int]] = []

    def work() -> None:
        for _ in range(10):
            slots = store.lease(7)
            store.secrets(slots)
            found.append(slots)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    given = [slot for slots in found for slot in slots]
    assert 280 == len(given) == len(set(given))


def test_the_reserved_secrets_differ_and_last(store: KeyStore, reopen: Reopen, key_file: KeyFile) -> None:
    """Five secrets of page 0, the same for every opening and across rotations."""

    def reserved(of: KeyStore) -> list[bytes]:
        return [of.signing_seed, of.log_mac_key, of.tag_root, of.index_root, of.archive_secret]

    before = reserved(store)
    assert 5 == len(set(before))
    store.rotate()
    assert before == reserved(store) == reserved(reopen(key_file))


# --- destroying -----------------------------------------------------------------------------------------


def test_a_destroyed_secret_is_refused_everywhere(store: KeyStore, reopen: Reopen, key_file: KeyFile) -> None:
    """Here, in a process that had its page in memory, and after opening again; its neighbours stay."""
    slots = store.lease(300)
    other = reopen(key_file)
    truth = other.secrets(slots)
    store.destroy([slots[3], slots[290]])
    for each in (store, other, reopen(key_file)):
        for place in (3, 290):
            with pytest.raises(KeyStoreError, match=r"key\.destroyed"):
                each.secret(slots[place])
        assert [truth[0], truth[4], truth[299]] == each.secrets([slots[0], slots[4], slots[299]])
        assert [slots[3], slots[290]] == each.destroyed(slots)


def test_destroying_twice_is_no_error(store: KeyStore) -> None:
    """An erasure that was cut short is simply done again."""
    slots = store.lease(2)
    store.destroy(slots)
    store.destroy(slots)
    assert (2, 2, True) == (store.status().leased, store.status().destroyed, store.rotation_due)


@pytest.mark.parametrize(("slot", "code"), [(4, "key.reserved"), (300, "key.unknown")])
def test_destroying_what_was_never_given_changes_nothing(slot: int, code: str, store: KeyStore) -> None:
    """One wrong slot in a batch, and the whole batch stays."""
    kept = store.lease(3)
    with pytest.raises(KeyStoreError) as error:
        store.destroy([kept[0], slot])
    assert code == error.value.code
    assert 3 == len(store.secrets(kept))


def test_after_destroying_no_replaced_page_is_left_in_any_file(store: KeyStore, home: Path) -> None:
    """The page as it was before is neither in keys.db nor in its WAL, not even a part of it."""
    slots = store.lease(5)
    before = _pages(home)[1]
    pieces = [before[place : place + 64] for place in range(64, len(before) - 64, 500)]
    # SQLite cuts a page of ours into pages of its own, so a piece or two are not in one place
    assert len(pieces) - 3 <= sum(piece in _everything(home) for piece in pieces)
    store.destroy(slots[:1])
    assert not any(piece in _everything(home) for piece in pieces)


def test_an_old_copy_of_the_key_store_opens_nothing_after_a_rotation(
    store: KeyStore, home: Path, tmp_path: Path, key_file: KeyFile, recovery: RecoveryPhrase, archive: bytes
) -> None:
    """Yesterday's keys.db with today's credentials and today's slots: a box without a key."""
    slots = store.lease(2)
    thief = tmp_path / "thief"
    shutil.copytree(home, thief)
    store.destroy(slots[:1])
    store.rotate()
    shutil.rmtree(thief / "slots")
    shutil.copytree(home / "slots", thief / "slots")
    for root in (key_file, recovery):
        with pytest.raises(KeyStoreError, match=r"key\.slot_epoch"):
            KeyStore.open(thief, archive, root)


def test_no_wrap_of_the_archive_key_lies_in_keys_db(store: KeyStore, home: Path) -> None:
    """Neither a wrapped key nor its encapsulation stands in keys.db or its WAL."""
    import base64
    import json

    wraps = []
    for _ in range(2):
        for path in (home / "slots").iterdir():
            document = json.loads(path.read_bytes())
            wraps += [base64.b64decode(document[name]) for name in ("enc", "wrap")]
        store.rotate()
    stored = b"".join(path.read_bytes() for path in home.glob("keys.db*"))
    assert 8 == len(wraps)
    assert not [wrap for wrap in wraps if wrap in stored or wrap[:24] in stored]


def test_after_rotating_the_old_wraps_are_gone_from_slots(store: KeyStore, home: Path) -> None:
    """Every slot file is a new one, and no other file is beside them."""
    before = {path.name: path.read_bytes() for path in (home / "slots").iterdir()}
    rotated = store.rotate()
    after = {path.name: path.read_bytes() for path in (home / "slots").iterdir()}
    assert (2, 2, ()) == (rotated.epoch, rotated.slots, rotated.untested)
    assert before.keys() == after.keys()
    assert not set(before.values()) & set(after.values())


# --- several processes ----------------------------------------------------------------------------------


def test_a_store_that_was_rotated_elsewhere_goes_on(
    store: KeyStore, reopen: Reopen, key_file: KeyFile
) -> None:
    """A process with the old epoch in memory reads its slot again, for reading and for writing."""
    slots = store.lease(3)
    reader, writer = reopen(key_file), reopen(key_file)
    truth = reader.secrets(slots)
    for _ in range(3):
        store.rotate()
    assert truth == reader.secrets(slots)
    given = writer.lease(1)
    assert writer.secrets(given) == store.secrets(given)
    assert 4 == reader.epoch == writer.epoch


def test_a_process_whose_slot_was_removed_stops(
    store: KeyStore, reopen: Reopen, recovery: RecoveryPhrase
) -> None:
    """With its root gone from the list it can neither read nor lease any more."""
    slots = store.lease(1)
    other = reopen(recovery)
    gone = next(slot.slot for slot in store.status().slots if slot.kind == "recovery")
    store.slot_remove(bytes.fromhex(gone.replace("-", "")))
    with pytest.raises(KeyStoreError, match=r"key\.epoch_moved"):
        other.secrets(slots)
    with pytest.raises(KeyStoreError, match=r"key\.epoch_moved"):
        other.lease(1)


def test_advancing_counts_slots_as_given(store: KeyStore) -> None:
    """After a copy was put back: slots on its pages keep their secrets, later ones are dead."""
    kept = store.lease(3)
    truth = store.secrets(kept)
    store.advance(3 * 256 + 7)
    assert truth == store.secrets(kept)
    assert 32 == len(store.secret(400))
    assert [2 * 256, 3 * 256 + 7] == store.destroyed([400, 2 * 256, 3 * 256 + 7])
    assert [4 * 256] == store.lease(1)
    store.advance(300)
    assert [4 * 256 + 1] == store.lease(1)
    with pytest.raises(KeyStoreError, match=r"key\.far"):
        store.advance(1 << 60)


# --- signing --------------------------------------------------------------------------------------------


def test_signing_never_goes_back_nor_forks(store: KeyStore, reopen: Reopen, key_file: KeyFile) -> None:
    """A smaller size and a second root for one size are refused; the same again is allowed."""
    with store.signing(ORIGIN) as held:
        assert held.last is None
        held.store(7, b"a" * 32, b"frontier")
    for size, root, code in ((6, b"a", "key.signed_back"), (7, b"b", "key.signed_fork")):
        with pytest.raises(KeyStoreError) as error, store.signing(ORIGIN) as held:
            held.store(size, root * 32, b"")
        assert code == error.value.code
    with store.signing(ORIGIN) as held:
        held.store(7, b"a" * 32, b"frontier")
    with store.signing("example.com/test/0.1") as held:
        assert held.last is None
    last = reopen(key_file).last_signed(ORIGIN)
    assert last is not None
    assert (7, b"a" * 32, b"frontier") == (last.size, last.root, last.frontier)


def test_what_was_to_be_signed_is_forgotten_when_something_fails(store: KeyStore) -> None:
    """An error inside the context leaves the last signed size where it was."""

    def fails() -> None:
        with store.signing(ORIGIN) as held:
            held.store(1, b"a" * 32, b"")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fails()
    assert store.last_signed(ORIGIN) is None


def test_one_process_signs_at_a_time(store: KeyStore, reopen: Reopen, key_file: KeyFile) -> None:
    """While one holds the right to sign, another waits for it and then gives up."""
    other = reopen(key_file, timeout_seconds=0.01)
    with store.signing(ORIGIN):
        with pytest.raises(KeyStoreError, match=r"key\.busy"), other.signing(ORIGIN):
            pass
        with pytest.raises(KeyStoreError, match=r"key\.nested"):
            store.lease(1)
        assert 32 == len(store.signing_seed)


def test_the_signed_state_outlives_a_rotation(store: KeyStore) -> None:
    """It is sealed anew with everything else."""
    with store.signing(ORIGIN) as held:
        held.store(9, b"a" * 32, b"")
    store.rotate()
    last = store.last_signed(ORIGIN)
    assert last is not None
    assert 9 == last.size


# --- boxes ----------------------------------------------------------------------------------------------


def test_boxes_hold_sealed_blobs(store: KeyStore, home: Path, reopen: Reopen, key_file: KeyFile) -> None:
    """What is put comes back after a rotation, never lies in clear, and goes when it is deleted."""
    store.box_put("credential/1", b"a hash of a password")
    store.box_put("credential/2", b"old")
    store.box_put("credential/2", b"new")
    assert b"a hash of a password" not in _everything(home)
    store.rotate()
    other = reopen(key_file)
    assert (b"a hash of a password", b"new", None) == tuple(
        other.box_get(f"credential/{number}") for number in (1, 2, 3)
    )
    assert ["credential/1", "credential/2"] == store.box_names("credential/")
    other.box_delete("credential/1")
    assert store.box_get("credential/1") is None
    with pytest.raises(KeyStoreError, match=r"key\.box_name"):
        store.box_put("", b"")
    with pytest.raises(KeyStoreError, match=r"key\.box_size"):
        store.box_put("big", bytes((1 << 20) + 1))


# --- what was altered -----------------------------------------------------------------------------------


def _flip(home: Path, table: str, key: str, name: object, place: int) -> None:
    db = sqlite3.connect(home / "keys.db")
    try:
        data = bytearray(db.execute(f"SELECT data FROM {table} WHERE {key} = ?", (name,)).fetchone()[0])
        data[place] ^= 1
        db.execute(f"UPDATE {table} SET data = ? WHERE {key} = ?", (bytes(data), name))
        db.commit()
    finally:
        db.close()


@pytest.mark.parametrize("place", [0, 1, 9, 13, 15, 16, 27, 28, 4000, 8219, 8220, 8235])
def test_one_flipped_bit_of_a_page_is_refused(
    place: int, store: KeyStore, home: Path, reopen: Reopen, key_file: KeyFile
) -> None:
    """Mark, format, number, epoch, used, nonce, secrets, tag: each is bound."""
    slot = store.lease(1)[0]
    _flip(home, "page", "page", 1, place)
    with pytest.raises(KeyStoreError, match=r"key\.page_damaged"):
        reopen(key_file).secret(slot)


def test_pages_that_were_swapped_are_refused(
    store: KeyStore, home: Path, reopen: Reopen, key_file: KeyFile
) -> None:
    """A page is bound to its number."""
    slots = store.lease(512)
    store.close()
    db = sqlite3.connect(home / "keys.db")
    db.execute("UPDATE page SET data = (SELECT data FROM page WHERE page = 2) WHERE page = 1")
    db.commit()
    db.close()
    with pytest.raises(KeyStoreError, match=r"key\.page_damaged"):
        reopen(key_file).secret(slots[0])


@pytest.mark.parametrize("place", [0, 1, 5, 6, 17, 18, -1])
def test_one_flipped_bit_of_a_box_is_refused(
    place: int, store: KeyStore, home: Path, reopen: Reopen, key_file: KeyFile
) -> None:
    """Of a credential, and of the list of slots that rotations follow."""
    store.box_put("credential/1", b"hash")
    with store.signing(ORIGIN) as held:
        held.store(1, b"a" * 32, b"")
    store.close()
    other = reopen(key_file)
    _flip(home, "box", "name", "box/credential/1", place)
    with pytest.raises(KeyStoreError, match=r"key\.box_damaged"):
        other.box_get("credential/1")
    _flip(home, "box", "name", f"signed/{ORIGIN}", place)
    with pytest.raises(KeyStoreError, match=r"key\.box_damaged"):
        other.last_signed(ORIGIN)
    _flip(home, "box", "name", "key/slots", place)
    with pytest.raises(KeyStoreError, match=r"key\.(box_damaged|not_this_store)"):
        other.rotate()
    with pytest.raises(KeyStoreError, match=r"key\.(box_damaged|not_this_store)"):
        reopen(key_file)


def test_a_box_under_another_name_is_refused(
    store: KeyStore, home: Path, reopen: Reopen, key_file: KeyFile
) -> None:
    """Nobody gives one user another's credentials by renaming a row."""
    store.box_put("credential/1", b"hash")
    store.close()
    db = sqlite3.connect(home / "keys.db")
    db.execute("UPDATE box SET name = 'box/credential/2' WHERE name = 'box/credential/1'")
    db.commit()
    db.close()
    with pytest.raises(KeyStoreError, match=r"key\.box_damaged"):
        reopen(key_file).box_get("credential/2")


def test_a_rotation_over_a_damaged_page_changes_nothing(
    store: KeyStore, home: Path, reopen: Reopen, key_file: KeyFile
) -> None:
    """It stops, and the epoch and every other secret stay as they were."""
    slots = store.lease(600)
    truth = store.secret(slots[300])
    _flip(home, "page", "page", 1, 500)
    with pytest.raises(KeyStoreError, match=r"key\.page_damaged"):
        store.rotate()
    store.close()
    again = reopen(key_file)
    assert (1, truth) == (again.epoch, again.secret(slots[300]))
    assert not list((home / "slots").glob("*.next"))


# --- opening --------------------------------------------------------------------------------------------


def test_another_archive_is_refused(store: KeyStore, home: Path, key_file: KeyFile) -> None:
    """The identifier stands in keys.db and binds every page."""
    with pytest.raises(KeyStoreError, match=r"key\.other_archive"):
        KeyStore.open(home, bytes(16), key_file)
    store.close()
    db = sqlite3.connect(home / "keys.db")
    db.execute("UPDATE store SET archive = ?", (bytes(16),))
    db.commit()
    db.close()
    with pytest.raises(KeyStoreError, match=r"key\.other_archive"):
        KeyStore.open(home, bytes(16), key_file)


def test_a_missing_or_strange_key_store_is_one_clear_error(
    home: Path, archive: bytes, key_file: KeyFile
) -> None:
    """Nothing there, something that is no database, and a database that is no key store."""
    with pytest.raises(KeyStoreError, match=r"key\.store_missing"):
        KeyStore.open(home, archive, key_file)
    (home / "keys.db").write_bytes(b"not a database, but long enough to be looked at" * 100)
    with pytest.raises(KeyStoreError, match=r"key\.store_damaged"):
        KeyStore.open(home, archive, key_file)
    with pytest.raises(KeyStoreError, match=r"key\.store_damaged"):
        KeyStore.create(home, archive, [key_file])
    (home / "keys.db").unlink()
    db = sqlite3.connect(home / "keys.db")
    db.execute("CREATE TABLE store(id)")
    db.close()
    with pytest.raises(KeyStoreError, match=r"key\.store_format"):
        KeyStore.open(home, archive, key_file)


def test_a_key_store_is_never_overwritten(
    store: KeyStore, home: Path, archive: bytes, key_file: KeyFile
) -> None:
    """Making one where one is refused."""
    store.close()
    with pytest.raises(KeyStoreError, match=r"key\.exists"):
        KeyStore.create(home, archive, [key_file])


def test_a_closed_store_says_so(store: KeyStore) -> None:
    """And may be closed twice."""
    store.close()
    store.close()
    with pytest.raises(KeyStoreError, match=r"key\.closed"):
        store.lease(1)
    with pytest.raises(KeyStoreError, match=r"key\.closed"):
        store.secret(256)


def test_opening_without_a_root_is_refused(store: KeyStore, home: Path, archive: bytes) -> None:
    """At least one root has to be given."""
    with pytest.raises(KeyStoreError, match=r"key\.no_root"):
        KeyStore.open(home, archive)


def test_read_only_changes_nothing(store: KeyStore, home: Path, reopen: Reopen, key_file: KeyFile) -> None:
    """Secrets can be read; every write is refused; not a byte of keys.db or slots/ differs."""
    slots = store.lease(2)
    truth = store.secrets(slots)
    store.close()
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    drill = reopen(key_file, read_only=True)
    assert truth == drill.secrets(slots)
    assert 2 == drill.status().leased
    acts: list[Callable[[], object]] = [
        lambda: drill.lease(1),
        lambda: drill.destroy(slots),
        drill.rotate,
        lambda: drill.box_put("a", b"b"),
        lambda: drill.slot_add(key_file),
    ]
    for act in acts:
        with pytest.raises(KeyStoreError, match=r"key\.read_only"):
            act()
    drill.close()
    assert before == {path: path.read_bytes() for path in home.rglob("*") if path in before}


@pytest.fixture
def nobody() -> object:
    """Lets a test lose its rights over read-only files, which root has whatever their mode."""
    return 65534 if os.geteuid() == 0 else None


def test_a_folder_that_cannot_be_written_is_one_clear_error(
    archive: bytes, nobody: int | None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Opening for writing is refused with what to do; opening read-only works."""
    import tempfile

    from muniment.keys import write_key_file

    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        place.chmod(0o755)
        home = place / "archive"
        home.mkdir()
        key = write_key_file(place / "root.key", archive)
        with KeyStore.create(home, archive, [key]) as made:
            slot = made.lease(1)[0]
        for path in [*home.rglob("*"), key.path]:
            path.chmod(0o555 if path.is_dir() else 0o444)
        home.chmod(0o555)
        if nobody is not None:
            os.seteuid(nobody)
        try:
            with pytest.raises(KeyStoreError, match=r"key\.read_only"):
                KeyStore.open(home, archive, key)
            with KeyStore.open(home, archive, key, read_only=True) as drill:
                assert 32 == len(drill.secret(slot))
        finally:
            if nobody is not None:
                os.seteuid(0)
            for path in [home, *home.rglob("*")]:
                path.chmod(0o755 if path.is_dir() else 0o644)


def test_files_are_for_their_owner_only(store: KeyStore, home: Path) -> None:
    """keys.db, its WAL and the slot files are not readable by others."""
    store.lease(1)
    modes = {path.name: path.stat().st_mode & 0o077 for path in home.rglob("*")}
    assert {"keys.db", "keys.db-wal", "slots"} <= modes.keys()
    assert {0} == set(modes.values())


@given(counts=st.lists(st.integers(1, 600), min_size=1, max_size=6))
def test_any_sequence_of_leases_gives_consecutive_slots(counts: list[int]) -> None:
    """Whatever the sizes, no slot is skipped or repeated."""
    import tempfile

    from muniment.keys import Recipient
    from muniment.keys.slots import PrivateKeyOpener

    private = bytes(range(32))
    root = Recipient(PrivateKeyOpener(private).public, private=private)
    with tempfile.TemporaryDirectory() as name, KeyStore.create(Path(name), bytes(16), [root]) as made:
        given_slots = [slot for count in counts for slot in made.lease(count)]
    assert list(range(256, 256 + sum(counts))) == given_slots
