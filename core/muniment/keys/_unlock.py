"""Opening a key store with a root: which slot it opens, and what is wrong where it opens none."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

from muniment.errors import KeyStoreError
from muniment.keys._vault import PROVIDERS, Vault
from muniment.keys.slots import Argon2, Found, Opener, Root, SlotFile, slot_info
from muniment.model import id_text

__all__ = ["unlock"]

_TRIES: Final = 40
_PAUSE_SECONDS: Final = 0.005
_Openers = dict[tuple[bytes, Argon2 | None], Opener]


def unlock(vault: Vault, root: Root) -> None:
    """Open the store with a root, and keep what opens its slot.

    Raises:
        KeyStoreError: ``key.slots_missing``, ``key.no_slot``, ``key.other_archive``,
            ``key.slot_damaged``, ``key.slot_epoch``, ``key.slot_unknown``, ``key.not_this_store``,
            ``key.wrong_root`` or ``key.wrong_<kind>``.
    """
    openers: _Openers = {}  # stretching a passphrase takes its time
    for last in range(_TRIES):
        epoch = vault.state()[0]
        try:
            slot, opener, key = _try(vault, root, epoch, openers)
        except KeyStoreError:
            # slots/ and keys.db change one after the other: a rotation may be between two of its steps
            if vault.state()[0] == epoch and last >= 2:
                raise
            time.sleep(_PAUSE_SECONDS)
            continue
        vault.present[slot] = opener
        vault.notes.extend(root.warnings())
        if vault.epoch != epoch or not vault.key:
            vault.adopt(key, epoch)
        return
    raise KeyStoreError("key.epoch_moved", number=vault.state()[0])


def _try(vault: Vault, root: Root, epoch: int, openers: _Openers) -> tuple[bytes, Opener, bytes]:
    """Look for the slot that this root opens, and open it."""
    found = vault.slots.scan()
    readable = {each.slot for each in found if each.file is not None}
    damaged: Path | None = next((each.path for each in found if each.slot not in readable), None)
    matching = _matching(vault, root, found, damaged)
    problems: list[KeyStoreError] = []
    for path, file in matching:
        mark = (file.public, file.argon2)
        if mark not in openers:
            openers[mark] = root.opener(file.public, file.argon2)
        opener = openers[mark]
        key = opener.open(file.enc, file.wrap, slot_info(vault.archive, file.slot, file.epoch))
        # whoever has the private key of the public one opens the wrap, and nobody else, unless it was altered
        if opener.public is not None and (key is None) == (opener.public == file.public):
            damaged = path
        elif key is not None and file.epoch != epoch:
            problems.append(KeyStoreError("key.slot_epoch", where=str(path), number=epoch))
        elif key is not None:
            try:
                vault.knows(file, path, key, epoch)
            except KeyStoreError as problem:
                problems.insert(0, problem)
            else:
                return file.slot, opener, key
    if problems:
        raise problems[0]
    if damaged is not None:
        raise KeyStoreError("key.slot_damaged", where=str(damaged))
    code = f"key.wrong_{root.kind}" if root.kind in PROVIDERS else "key.wrong_root"
    raise KeyStoreError(code, where=str(vault.slots.path), name=root.kind)


def _matching(
    vault: Vault, root: Root, found: list[Found], damaged: Path | None
) -> list[tuple[Path, SlotFile]]:
    """The slot files that this root may be for."""
    files = [(each.path, each.file) for each in found if each.file is not None]
    ours = [(path, file) for path, file in files if file.archive == vault.archive]
    matching = [(path, file) for path, file in ours if file.kind == root.kind]
    if matching:
        return matching
    where = str(vault.slots.path)
    if not found:
        raise KeyStoreError("key.slots_missing", where=where)
    if damaged is not None:  # it cannot be read, so it may have been the one
        raise KeyStoreError("key.slot_damaged", where=str(damaged))
    if not ours:
        raise KeyStoreError("key.other_archive", where=where, name=id_text(vault.archive))
    kinds = ", ".join(sorted({file.kind for _, file in ours}))
    raise KeyStoreError("key.no_slot", where=where, name=root.kind, kinds=kinds)
