"""Making a key store, and finishing at its opening what a crash left."""

from __future__ import annotations

from collections.abc import Sequence

from muniment.errors import KeyStoreError, MunimentError
from muniment.keys import _database, _rotation
from muniment.keys._listed import COPIES_BOX, SLOTS_BOX, SlotEntry, encode_slots
from muniment.keys._pages import PAGE_SECRETS, SECRET, Page
from muniment.keys._vault import Vault
from muniment.keys.lock import ArchiveLock
from muniment.keys.slots import Root

__all__ = ["make", "repair"]


def make(vault: Vault, roots: Sequence[Root], timeout_seconds: float) -> None:
    """The steps of making a key store: slot files, then keys.db with one commit."""
    _database.make_folder(vault.slots.path)
    vault.adopt(vault.random(32), 1)
    entries: list[SlotEntry] = []
    for root in roots:
        entry = _rotation.new_slot(vault, root)
        if any(each.public == entry.public for each in entries):
            raise KeyStoreError("key.slot_twice", name=entry.kind)
        entries.append(entry)
        vault.notes.extend(root.warnings())
    _rotation.check_ready(vault, entries)
    for entry in entries:
        file = vault.wrapped(entry, vault.key, 1)
        vault.opens(file, vault.key)
        vault.step("create: slot")
        vault.slots.put(file)
    vault.attach(_database.create(vault.path, timeout_seconds=timeout_seconds))
    vault.run("INSERT INTO store VALUES (1, ?, 1, 0, 0)", vault.archive)
    # every place on page 0 counts as given, so that what a later version reserves is there already
    vault.put_page(Page(0, PAGE_SECRETS, vault.random(PAGE_SECRETS * SECRET)))
    vault.put_box(SLOTS_BOX, encode_slots(entries))
    vault.step("create: commit")
    vault.run("COMMIT")
    vault.step("create: committed")
    vault.fresh()


def repair(vault: Vault) -> None:
    """Finish what stopped midway, unless somebody is at it, or there is no room to."""
    try:
        with ArchiveLock(vault.folder, act="open"):
            _rotation.finish(vault)
            if vault.get_box(COPIES_BOX) is not None:
                from muniment.keys import _copies

                _copies.remake(vault)
    except MunimentError as error:
        if error.code not in ("key.locked", "key.disk_full"):
            raise
    _rotation.mark_tested(vault)
