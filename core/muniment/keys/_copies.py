"""Key backups: keys.db in one place, the slot files in another, and a sealed list of every pair there is.

Neither half opens anything alone. The list comes before the files, so that no
pair can outlive an erasure without being known (``formats/durable-steps.md``).
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import attrs

from muniment.codec import canonical, parse_canonical
from muniment.errors import Issue, KeyStoreError
from muniment.keys import _database
from muniment.keys._files import remove, sync_folder, translated, write_synced
from muniment.keys._listed import COPIES_BOX, SLOTS_BOX
from muniment.keys._pages import open_box, open_page, seal_box
from muniment.keys._vault import Vault
from muniment.model import id_text, rfc3339

__all__ = ["Pair", "back_up", "current", "drop_others", "pairs", "remake", "warnings"]

_DAY: Final = 86_400_000_000


@attrs.frozen
class Pair:
    """One key backup.

    Attributes:
        name: of the two folders, behind ``muniment-keys-`` and ``muniment-slots-``.
        keys_to: the folder that holds the copy of keys.db.
        slots_to: the folder that holds the slot files.
        epoch: of both.
        pages: how many key pages the copy has.
        made: microseconds since 1970.
        expires: microseconds since 1970.
        current: whether it is the one that counts; others are to go.
    """

    name: str
    keys_to: Path = attrs.field(converter=Path)
    slots_to: Path = attrs.field(converter=Path)
    epoch: int
    pages: int
    made: int
    expires: int
    current: bool

    @property
    def keys(self) -> Path:
        """The folder with the copy of keys.db."""
        return self.keys_to / f"muniment-keys-{self.name}"

    @property
    def slots(self) -> Path:
        """The folder with the slot files."""
        return self.slots_to / f"muniment-slots-{self.name}"


def pairs(vault: Vault) -> list[Pair]:
    """Every pair that was begun and is not known to be gone."""
    data = vault.get_box(COPIES_BOX)
    return [] if data is None else [Pair(**line) for line in parse_canonical(data)["pairs"]]


def current(listed: Sequence[Pair]) -> Pair | None:
    """The pair that counts."""
    return next((pair for pair in listed if pair.current), None)


def _encode(listed: Sequence[Pair]) -> bytes:
    lines: list[dict[str, Any]] = []
    for pair in listed:
        paths = {"keys_to": str(pair.keys_to), "slots_to": str(pair.slots_to)}
        lines.append({**attrs.asdict(pair), **paths})
    return canonical({"v": 1, "pairs": lines})


def _places(vault: Vault, keys_to: Path, slots_to: Path) -> tuple[Path, Path]:
    places = (Path(keys_to).resolve(), Path(slots_to).resolve())
    home = vault.folder.resolve()
    for place, other in (places, places[::-1]):
        if place in (other, home) or place in other.parents or home in place.parents:
            raise KeyStoreError("key.backup_place", where=str(place))
        if not place.is_dir():
            raise KeyStoreError("key.no_file", where=str(place))
    return places


def _marker(vault: Vault, place: Path) -> Path:
    # an empty mount point is a folder too: only a place with this file in it can say that a pair is gone
    return place / f"muniment-{id_text(vault.archive)}.place"


def back_up(vault: Vault, keys_to: Path, slots_to: Path, lifetime_days: int) -> Pair:
    """Make a pair, and let it replace every pair before it; the caller holds the archive's lock.

    Raises:
        KeyStoreError: ``key.backup_place`` where the places are one, or in the archive's folder;
            ``key.backup_failed`` where the copy does not read back.
    """
    vault.fresh()
    places = _places(vault, keys_to, slots_to)
    made = vault.clock()
    pair = Pair(
        name=f"{id_text(vault.archive)}-{vault.epoch}-{made}-{vault.random(4).hex()}",
        keys_to=places[0],
        slots_to=places[1],
        epoch=vault.epoch,
        pages=vault.last_page() + 1,
        made=made,
        expires=made + lifetime_days * _DAY,
        current=False,
    )
    for place in places:
        write_synced(_marker(vault, place), b"Key backups of one archive are kept here.\n")
    with vault.write("backup listed"):
        vault.put_box(COPIES_BOX, _encode([*pairs(vault), pair]))
    _copy_store(vault, pair)
    _copy_slots(vault, pair)
    with vault.write("backup counts"):
        listed = [attrs.evolve(each, current=each.name == pair.name) for each in pairs(vault)]
        vault.put_box(COPIES_BOX, _encode(listed))
    drop_others(vault)
    return attrs.evolve(pair, current=True)


def _fresh_folder(folder: Path) -> None:
    with translated(folder):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        sync_folder(folder.parent)


def _copy_store(vault: Vault, pair: Pair) -> None:
    _fresh_folder(pair.keys)
    path = pair.keys / "keys.db"
    vault.step("backup: keys")
    try:
        copy = sqlite3.connect(path, isolation_level=None)
        try:
            vault.db.backup(copy)
            _own_list(vault, copy, pair)
            copy.execute("PRAGMA journal_mode=DELETE")  # one file, whole without a WAL
            _proved(vault, copy, pair)
        finally:
            copy.close()
    except sqlite3.Error as error:
        raise _database.sql_error(error, path) from error
    with translated(path):
        path.chmod(0o600)
        with path.open("rb+") as handle:
            os.fsync(handle.fileno())
        sync_folder(pair.keys)
    vault.step("backup: keys done")


def _own_list(vault: Vault, copy: sqlite3.Connection, pair: Pair) -> None:
    """Let the copy list itself as the pair that counts, and no other.

    As it was copied it lists itself as one that is to go, and whoever opened it
    later would remove the very backup it came from.
    """
    content = _encode([attrs.evolve(pair, current=True)])
    sealed = seal_box(vault.aead, vault.archive, pair.epoch, COPIES_BOX, content, vault.random(12))
    copy.execute("UPDATE box SET data = ? WHERE name = ?", (sealed, COPIES_BOX))


def _proved(vault: Vault, copy: sqlite3.Connection, pair: Pair) -> None:
    """See that the copy opens under the archive key, every page of it."""
    try:
        for number, data in copy.execute("SELECT page, data FROM page"):
            open_page(vault.aead, vault.archive, pair.epoch, number, data)
        data = copy.execute("SELECT data FROM box WHERE name = ?", (SLOTS_BOX,)).fetchone()[0]
        open_box(vault.aead, vault.archive, pair.epoch, SLOTS_BOX, data)
    except (KeyStoreError, TypeError):
        raise KeyStoreError("key.backup_failed", where=str(pair.keys)) from None


def _copy_slots(vault: Vault, pair: Pair) -> None:
    _fresh_folder(pair.slots)
    copied = 0
    for entry in vault.listed():
        file = vault.slots.at_epoch(entry.slot, pair.epoch)
        if file is None:
            continue
        vault.step("backup: slot")
        write_synced(pair.slots / vault.slots.name(entry.slot).name, file.encode())
        copied += 1
    if not copied:
        raise KeyStoreError("key.backup_failed", where=str(pair.slots))
    vault.step("backup: slots done")


def drop_others(vault: Vault, *, below: int | None = None) -> None:
    """Wipe and remove every pair but the one that counts, where it can be reached.

    Args:
        vault: the open store.
        below: only pairs of an epoch before this one.
    """
    going = [pair for pair in pairs(vault) if not pair.current and (below is None or pair.epoch < below)]
    gone = [pair.name for pair in going if _dropped(vault, pair)]
    if gone:
        with vault.write("backup dropped"):
            vault.put_box(COPIES_BOX, _encode([pair for pair in pairs(vault) if pair.name not in gone]))


def _dropped(vault: Vault, pair: Pair) -> bool:
    """Remove both halves; tell whether nothing of the pair is left anywhere."""
    gone = True
    for place, folder in ((pair.keys_to, pair.keys), (pair.slots_to, pair.slots)):
        try:
            if not _marker(vault, place).is_file():
                gone = False
            elif folder.is_dir():
                vault.step("backup: drop")
                for path in sorted(folder.iterdir()):
                    remove(path)
                folder.rmdir()
                sync_folder(place)
        except (OSError, KeyStoreError):
            gone = False
    return gone


def remake(vault: Vault) -> bool | None:
    """Make the key backup anew where it is of an older epoch, and finish what stopped midway.

    Returns:
        True where there is a backup of this epoch now, False where its places cannot be reached, None where
        none is kept.
    """
    listed = pairs(vault)
    kept = current(listed)
    if kept is None or kept.epoch == vault.epoch:
        # one of this epoch opens nothing that the store does not, and it may be another copy's
        drop_others(vault, below=vault.epoch)
        return None if kept is None else True
    if not all(_marker(vault, place).is_file() for place in (kept.keys_to, kept.slots_to)):
        return False
    days = max(1, (kept.expires - kept.made) // _DAY)
    with suppress(KeyStoreError):
        back_up(vault, kept.keys_to, kept.slots_to, days)
        return True
    return False


def warnings(vault: Vault, listed: Sequence[Pair]) -> list[Issue]:
    """What is amiss about the key backups."""
    kept = current(listed)
    found = [Issue("key.backup_none", severity="warning")] if kept is None else _about(vault, kept)
    found += [
        Issue(
            "key.backup_left",
            severity="warning",
            parameters={"name": f"{pair.keys}, {pair.slots}", "time": rfc3339(pair.made)[:10]},
        )
        for pair in listed
        if not pair.current
    ]
    return found


def _about(vault: Vault, kept: Pair) -> list[Issue]:
    found = []
    for folder, inside in ((kept.keys, "keys.db"), (kept.slots, "*.json")):
        if not any(folder.glob(inside)):
            found.append(Issue("key.backup_gone", severity="warning", parameters={"name": str(folder)}))
    if kept.epoch != vault.epoch:
        found.append(
            Issue(
                "key.backup_old",
                severity="warning",
                parameters={"number": kept.epoch, "epoch": vault.epoch},
            )
        )
    elif kept.pages <= vault.last_page():
        count = vault.last_page() + 1 - kept.pages
        found.append(Issue("key.backup_behind", severity="warning", parameters={"count": count}))
    if kept.expires <= vault.clock():
        found.append(
            Issue("key.backup_expired", severity="warning", parameters={"time": rfc3339(kept.expires)[:10]})
        )
    return found
