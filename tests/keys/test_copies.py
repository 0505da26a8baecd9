"""Key backups: two halves in two places, renewed by each rotation, and never forgotten."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from muniment.errors import KeyStoreError
from muniment.keys import KeyFile, KeyStore, RecoveryPhrase

Places = tuple[Path, Path]


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """Two folders, as two disks would be."""
    made = (tmp_path / "disk 1", tmp_path / "disk 2")
    for place in made:
        place.mkdir()
    return made


def _codes(store: KeyStore) -> set[str]:
    return {issue.code for issue in store.status().warnings}


def _restored(places: Places, to: Path) -> Path:
    (keys,) = places[0].glob("muniment-keys-*")
    (slots,) = places[1].glob("muniment-slots-*")
    shutil.copytree(keys, to)
    shutil.copytree(slots, to / "slots")
    return to


def test_a_backup_put_back_opens_with_every_root(
    store: KeyStore,
    places: Places,
    archive: bytes,
    tmp_path: Path,
    key_file: KeyFile,
    recovery: RecoveryPhrase,
) -> None:
    """Both halves together are the key store again, and opening it removes no backup."""
    slots = store.lease(300)
    truth = store.secrets(slots)
    store.backup(*places)
    home = _restored(places, tmp_path / "restored")
    for root in (key_file, recovery):
        with KeyStore.open(home, archive, root) as restored:
            assert truth == restored.secrets(slots)
            assert store.status().backup == restored.status().backup
    assert ["keys.db"] == [path.name for path in _restored(places, tmp_path / "again").glob("keys*")]


def test_neither_half_opens_anything(
    store: KeyStore, places: Places, archive: bytes, tmp_path: Path, key_file: KeyFile
) -> None:
    """The copy of keys.db holds no wrap, and the slots hold no page."""
    store.backup(*places)
    (keys,) = places[0].glob("muniment-keys-*")
    (slots,) = places[1].glob("muniment-slots-*")
    assert ["keys.db"] == [path.name for path in keys.iterdir()]
    assert {".json"} == {path.suffix for path in slots.iterdir()}
    with pytest.raises(KeyStoreError, match=r"key\.slots_missing"):
        KeyStore.open(keys, archive, key_file)


def test_a_rotation_renews_the_backup_and_removes_the_old_pair(
    store: KeyStore, places: Places, archive: bytes, tmp_path: Path, key_file: KeyFile
) -> None:
    """What was destroyed is in no backup either."""
    kept, gone = store.lease(2)
    store.backup(*places)
    store.destroy([gone])
    assert store.rotate().backup is True
    home = _restored(places, tmp_path / "restored")  # there is exactly one pair
    with KeyStore.open(home, archive, key_file) as restored:
        assert 2 == restored.epoch
        assert 32 == len(restored.secret(kept))
        with pytest.raises(KeyStoreError, match=r"key\.destroyed"):
            restored.secret(gone)


def test_a_disk_that_is_away_is_said_until_its_old_pair_is_gone(store: KeyStore, places: Places) -> None:
    """Its mount point may be an empty folder meanwhile: that is not taken for a removed backup."""
    store.backup(*places)
    away = places[0].with_name("unplugged")
    places[0].rename(away)
    places[0].mkdir()
    assert "key.backup_gone" in _codes(store)
    assert store.rotate().backup is False
    assert {"key.backup_old", "key.backup_gone"} <= _codes(store)
    others = [places[0].with_name(name) for name in ("disk 3", "disk 4")]
    for place in others:
        place.mkdir()
    store.backup(others[0], others[1])
    assert {"key.backup_left"} == _codes(store)
    assert 1 == len(store.status().left)
    places[0].rmdir()
    away.rename(places[0])
    store.rotate()
    assert set() == _codes(store)
    assert not list(places[0].glob("muniment-keys-*"))


def test_status_tells_what_a_backup_lacks(
    home: Path, archive: bytes, key_file: KeyFile, recovery: RecoveryPhrase, places: Places
) -> None:
    """None at all, pages made since, a half removed, its time over."""
    now = [1_800_000_000_000_000]
    with KeyStore.create(home, archive, [key_file, recovery], clock=lambda: now[0]) as store:
        assert {"key.backup_none"} == _codes(store)
        store.backup(*places, lifetime_days=30)
        assert set() == _codes(store)
        store.lease(1)
        assert {"key.backup_behind"} == _codes(store)
        store.backup(*places, lifetime_days=30)
        now[0] += 30 * 86_400_000_000
        assert {"key.backup_expired"} == _codes(store)
        store.backup(*places)
        shutil.rmtree(next(places[1].glob("muniment-slots-*")))
        assert {"key.backup_gone"} == _codes(store)
        store.rotate()
        assert set() == _codes(store)


@pytest.mark.parametrize(
    "choose",
    [
        lambda home, one, two: (one, one),
        lambda home, one, two: (one, one / "inside"),
        lambda home, one, two: (one / "inside", one),
        lambda home, one, two: (home, two),
        lambda home, one, two: (one, home / "slots"),
    ],
)
def test_places_that_are_lost_together_are_refused(
    choose: Callable[[Path, Path, Path], Places], store: KeyStore, home: Path, places: Places
) -> None:
    """One folder for both, one inside the other, or the archive itself."""
    (places[0] / "inside").mkdir()
    with pytest.raises(KeyStoreError, match=r"key\.backup_place"):
        store.backup(*choose(home, *places))
    assert store.status().backup is None


def test_a_place_that_is_not_there_is_one_clear_error(
    store: KeyStore, places: Places, tmp_path: Path
) -> None:
    """Nothing is made, and nothing is listed."""
    with pytest.raises(KeyStoreError, match=r"key\.no_file"):
        store.backup(places[0], tmp_path / "nowhere")
    assert (None, ()) == (store.status().backup, store.status().left)
