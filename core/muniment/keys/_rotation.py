"""Rotating the archive key, adding and removing slots, and finishing what a crash left.

The order of the steps, and what each leaves behind, is the page
``formats/durable-steps.md``; numbers in comments are its steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs

from muniment.errors import KeyStoreError
from muniment.keys._listed import SLOTS_BOX, SlotEntry, encode_slots
from muniment.keys._pages import open_box, open_page, seal_box, seal_page
from muniment.keys._vault import Vault
from muniment.keys.slots import Root

__all__ = ["add_slot", "check_ready", "finish", "mark_tested", "new_epoch", "new_slot"]

_MOST_SLOTS: Final = 16
_BATCH: Final = 128


def check_ready(vault: Vault, entries: Sequence[SlotEntry]) -> None:
    """See that every slot can be wrapped now.

    Raises:
        KeyStoreError: ``key.slot_absent`` where a slot needs its device and that is not here,
            ``key.no_provider``, ``key.none_present``.
    """
    if not any(entry.slot in vault.present for entry in entries):
        raise KeyStoreError("key.none_present")
    for entry in entries:
        if vault.provider(entry.kind).needs_presence and entry.slot not in vault.present:
            raise KeyStoreError("key.slot_absent", name=entry.kind, where=str(vault.slots.name(entry.slot)))


def new_slot(vault: Vault, root: Root) -> SlotEntry:
    """A slot for a root, in memory only."""
    enrolment = root.enrol(vault.random)
    slot = vault.random(16)
    if enrolment.opener is not None:
        vault.present[slot] = enrolment.opener
    vault.provider(root.kind)
    tested = vault.epoch if enrolment.opener is not None else 0
    return SlotEntry(slot, root.kind, enrolment.public, enrolment.argon2, vault.clock(), tested)


def add_slot(vault: Vault, root: Root) -> SlotEntry:
    """Write the file of a new slot, then list it; the caller holds the archive's lock.

    Raises:
        KeyStoreError: ``key.too_many_slots``, ``key.slot_twice``.
    """
    vault.fresh()
    entries = vault.listed()
    if len(entries) >= _MOST_SLOTS:
        raise KeyStoreError("key.too_many_slots", count=_MOST_SLOTS)
    entry = new_slot(vault, root)
    try:
        if any(each.public == entry.public for each in entries):
            raise KeyStoreError("key.slot_twice", name=entry.kind)
        vault.step("slot add: file")
        file = vault.wrapped(entry, vault.key, vault.epoch)
        vault.opens(file, vault.key)
        vault.slots.put(file)
        with vault.write("slot add"):
            vault.put_box(SLOTS_BOX, encode_slots([*vault.listed(), entry]))
    except BaseException:
        vault.present.pop(entry.slot, None)
        raise
    vault.notes.extend(root.warnings())
    return entry


def new_epoch(vault: Vault, *, without: bytes | None = None) -> int:
    """Rotate the archive key, leaving one slot out if asked; the caller holds the archive's lock.

    Returns:
        The new epoch.
    """
    vault.fresh()
    finish(vault)
    entries = [entry for entry in vault.listed() if entry.slot != without]
    check_ready(vault, entries)  # step 0
    epoch, key = vault.epoch + 1, vault.random(32)
    opened = set()
    for entry in entries:  # step 5
        file = vault.wrapped(entry, key, epoch)
        if vault.opens(file, key):
            opened.add(entry.slot)
        vault.step("rotate: waiting file")
        vault.slots.put(file, waiting=True)
    vault.step("rotate: all waiting")
    with vault.write("rotate"):  # step 6
        if vault.epoch != epoch - 1:  # only a holder of the lock rotates, and that is us
            raise KeyStoreError("key.epoch_moved", number=vault.epoch)
        _rewrite(vault, key, epoch, [entry.slot for entry in entries], opened)
    vault.adopt(key, epoch)
    # the WAL may hold pages under the old key: those are dead with it, so a reader in the way is no matter
    vault.rows("PRAGMA wal_checkpoint(TRUNCATE)")
    finish(vault)  # step 7
    if without is not None:
        vault.present.pop(without, None)
    return epoch


def _rewrite(vault: Vault, key: bytes, epoch: int, kept: list[bytes], opened: set[bytes]) -> None:
    """Seal every page and box again under the new key, inside a write transaction, and read it back."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    old, new, archive = vault.aead, AESGCM(key), vault.archive
    entries = {entry.slot: entry for entry in vault.listed()}
    if not set(kept) <= entries.keys():
        raise KeyStoreError("key.epoch_moved", number=vault.epoch)
    last = vault.last_page()
    for first in range(0, last + 1, _BATCH):
        rows = vault.rows("SELECT page, data FROM page WHERE page >= ? AND page < ?", first, first + _BATCH)
        nonces = vault.random(12 * len(rows))
        for place, (number, data) in enumerate(rows):
            page = open_page(old, archive, vault.epoch, number, data)
            nonce = nonces[12 * place : 12 * place + 12]
            sealed = seal_page(new, archive, epoch, page, nonce)
            vault.run("UPDATE page SET data = ? WHERE page = ?", sealed, number)
        for number, data in vault.rows(
            "SELECT page, data FROM page WHERE page >= ? AND page < ?", first, first + _BATCH
        ):
            open_page(new, archive, epoch, number, data)
    for name, data in vault.rows("SELECT name, data FROM box"):
        content = open_box(old, archive, vault.epoch, name, data)
        if name == SLOTS_BOX:
            content = encode_slots(
                [
                    attrs.evolve(entries[slot], tested=epoch if slot in opened else entries[slot].tested)
                    for slot in kept
                ]
            )
        sealed = seal_box(new, archive, epoch, name, content, vault.random(12))
        vault.run("UPDATE box SET data = ? WHERE name = ?", sealed, name)
    for name, data in vault.rows("SELECT name, data FROM box"):
        open_box(new, archive, epoch, name, data)
    vault.run("UPDATE store SET epoch = ?, rotation_due = 0", epoch)


def finish(vault: Vault) -> None:
    """Bring ``slots/`` in line with keys.db, whatever stopped midway; the caller holds the archive's lock.

    A waiting file of the store's epoch replaces one of another epoch; every
    other waiting file goes. Files of slots that are not listed go too where
    they are of an older epoch: their wraps would open old copies of keys.db.

    Raises:
        KeyStoreError: what a write of keys.db raises, where a rotation was stopped.
    """
    found = vault.slots.scan()
    if any(each.waiting and (each.file is None or each.file.epoch != vault.epoch) for each in found):
        _settle(vault)
    files = {(each.slot, each.waiting): each.file for each in found}
    listed = {entry.slot for entry in vault.listed()}
    for each in found:
        if each.file is not None and each.file.archive != vault.archive:
            continue  # somebody else's; `status` tells
        if each.slot in listed and each.waiting:
            present = files.get((each.slot, False))
            fits = each.file is not None and each.file.epoch == vault.epoch
            if fits and (present is None or present.epoch != vault.epoch):
                vault.step("rotate: wipe")
                vault.slots.clear(each.slot)
                vault.step("rotate: promote")
                vault.slots.promote(each.slot)
            else:
                vault.step("rotate: drop")
                vault.slots.drop(each.path)
        elif each.slot not in listed and (each.waiting or each.wiped or each.older(vault.epoch)):
            vault.step("rotate: drop")
            vault.slots.drop(each.path)
    for path in vault.slots.unfinished():
        vault.slots.drop(path)
    vault.step("rotate: swept")


def _settle(vault: Vault) -> None:
    """Write over what a rotation may have left in the WAL, so that the epoch seen is the one that stays.

    A process that dies between the frames of its commit and the index that tells of them leaves a commit that
    nobody sees while another process has keys.db open, and that counts once the index is made anew after the
    last one has gone (sqlite.org/walformat.html, on recovery). The waiting file is all that opens that epoch.
    """
    with vault.write("rotate: settle"):
        vault.put_box(SLOTS_BOX, encode_slots(vault.listed()))


def mark_tested(vault: Vault) -> None:
    """Note in which epoch the slots that are present were opened, once an epoch."""
    if not any(_untested(vault, entry) for entry in vault.listed()):
        return
    with vault.write("slot tested"):
        marked = []
        for entry in vault.listed():
            if _untested(vault, entry):
                file = vault.slots.at_epoch(entry.slot, vault.epoch)
                if file is not None and vault.opens(file, vault.key):
                    entry = attrs.evolve(entry, tested=vault.epoch)
            marked.append(entry)
        vault.put_box(SLOTS_BOX, encode_slots(marked))


def _untested(vault: Vault, entry: SlotEntry) -> bool:
    return entry.slot in vault.present and entry.tested != vault.epoch
