"""How a key store stands, as values."""

from __future__ import annotations

from typing import Final

import attrs

from muniment.errors import Issue
from muniment.keys import _copies
from muniment.keys._copies import Pair
from muniment.keys._pages import SECRET, open_page
from muniment.keys._vault import Vault
from muniment.keys.derive import DESTROYED
from muniment.model import id_text

__all__ = ["KeyStatus", "Rotated", "SlotStatus", "status"]

_BATCH: Final = 128


@attrs.frozen
class SlotStatus:
    """One root slot.

    Attributes:
        slot: UUID text.
        kind: ``keyfile``, ``passphrase``, ``recovery``, ``recipient``, or a plugin's.
        present: whether its root was given when the store was opened.
        file: whether its file is there and of this epoch.
        tested_epoch: the newest epoch in which it was opened; None never.
        added: microseconds since 1970.
    """

    slot: str
    kind: str
    present: bool
    file: bool
    tested_epoch: int | None
    added: int


@attrs.frozen
class Rotated:
    """What a rotation did.

    Attributes:
        epoch: the new one.
        slots: how many it was wrapped to.
        untested: slots whose root was not here, so that nobody has seen them open yet (UUID text).
        backup: whether the key backup was made anew; None where none is kept, False where its places could
            not be reached or written.
    """

    epoch: int
    slots: int
    untested: tuple[str, ...]
    backup: bool | None


@attrs.frozen
class KeyStatus:
    """How a key store stands.

    Attributes:
        epoch: of the archive key.
        slots: the root slots.
        pages: key pages, the reserved one among them.
        leased: slots ever given.
        destroyed: those of them that are gone.
        rotation_due: whether something was destroyed since the last rotation.
        backup: the key backup that counts; None where none is kept.
        left: older pairs that are not known to be gone: with them and a root, what lived then still opens.
        warnings: what is amiss.
    """

    epoch: int
    slots: tuple[SlotStatus, ...]
    pages: int
    leased: int
    destroyed: int
    rotation_due: bool
    backup: Pair | None
    left: tuple[Pair, ...]
    warnings: tuple[Issue, ...]


def _count(vault: Vault) -> tuple[int, int, int]:
    """Pages, slots given, slots destroyed; one batch of rows at a time."""
    pages = leased = destroyed = 0
    last = vault.last_page()
    for first in range(0, last + 1, _BATCH):
        for number, data in vault.rows(
            "SELECT page, data FROM page WHERE page >= ? AND page < ?", first, first + _BATCH
        ):
            page = open_page(vault.aead, vault.archive, vault.epoch, number, data)
            pages += 1
            if number == 0:
                continue
            leased += page.used
            if DESTROYED in page.secrets:  # a quick look, which a run across two secrets also passes
                places = range(0, page.used * SECRET, SECRET)
                destroyed += sum(page.secrets[place : place + SECRET] == DESTROYED for place in places)
    return pages, leased, destroyed


def status(vault: Vault) -> KeyStatus:
    """Look at everything; the caller holds the store's lock."""
    with vault.snapshot():
        pages, leased, destroyed = _count(vault)
        due = bool(vault.rows("SELECT rotation_due FROM store")[0][0])
        entries = vault.listed()
        listed = _copies.pairs(vault)
    slots = tuple(
        SlotStatus(
            id_text(entry.slot),
            entry.kind,
            entry.slot in vault.present,
            vault.slots.at_epoch(entry.slot, vault.epoch) is not None,
            entry.tested or None,
            entry.added,
        )
        for entry in entries
    )
    warnings = [*vault.notes, *_about_slots(vault, slots)]
    if due:
        warnings.append(_warning("key.rotation_due"))
    warnings += _copies.warnings(vault, listed)
    return KeyStatus(
        vault.epoch,
        slots,
        pages,
        leased,
        destroyed,
        due,
        _copies.current(listed),
        tuple(pair for pair in listed if not pair.current),
        tuple(warnings),
    )


def _warning(code: str, **parameters: object) -> Issue:
    return Issue(code, severity="warning", parameters=parameters)


def _about_slots(vault: Vault, slots: tuple[SlotStatus, ...]) -> list[Issue]:
    found = []
    if len(slots) < 2:
        found.append(_warning("key.few_slots", count=len(slots)))
    for slot in slots:
        if not slot.file:
            found.append(_warning("key.slot_file", name=slot.slot, kind=slot.kind))
        elif slot.tested_epoch != vault.epoch:
            found.append(
                _warning("key.untested", name=slot.slot, kind=slot.kind, number=slot.tested_epoch or 0)
            )
    known = {slot.slot for slot in slots}
    for each in vault.slots.scan():
        if id_text(each.slot) not in known:
            found.append(_warning("key.stray", name=str(each.path)))
    return found
