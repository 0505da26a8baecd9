r"""Key pages and boxes: how secrets and small blobs lie in keys.db, sealed under the archive key.

::

    page = 0x50 | format u8 (1) | page u64 | epoch u32 | used u16 | nonce 12 | AES-256-GCM box
    box  = 0x42 | format u8 (1) | epoch u32 | nonce 12 | AES-256-GCM box

Associated data of a page is the 28 bytes before its box, then the archive's 16
bytes; of a box, ``muniment/box/v1\n``, the 18 bytes before its box, the
archive's 16 bytes and the box's name in UTF-8. A fresh random nonce is taken at
each write (NIST SP 800-38D 8.2.2: fewer than 2^32 writes under one key).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

import attrs

from muniment.errors import KeyStoreError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

__all__ = [
    "PAGE_SECRETS",
    "SECRET",
    "Page",
    "box_epoch",
    "open_box",
    "open_page",
    "page_epoch",
    "seal_box",
    "seal_page",
]

PAGE_SECRETS: Final = 256
SECRET: Final = 32
_PAGE: Final = struct.Struct(">BBQIH12s")
_BOX: Final = struct.Struct(">BBI12s")
_PAGE_BYTES: Final = _PAGE.size + PAGE_SECRETS * SECRET + 16


@attrs.frozen
class Page:
    """An opened page.

    Attributes:
        number: of the page; the first slot on it is ``number * 256``.
        used: how many of its slots were ever given, 0 to 256; never falls.
        secrets: 256 secrets of 32 bytes, one after the other; zeros where one was destroyed.
    """

    number: int
    used: int
    secrets: bytes = attrs.field(repr=False)


def _damaged(number: int) -> KeyStoreError:
    return KeyStoreError("key.page_damaged", number=number)


def page_epoch(data: bytes, number: int) -> int:
    """The epoch that a page's header states; nothing is proved before the page is opened.

    Raises:
        KeyStoreError: ``key.page_damaged`` where the header is not that of this page.
    """
    if len(data) != _PAGE_BYTES:
        raise _damaged(number)
    mark, form, stated, epoch, used, _ = _PAGE.unpack_from(data)
    if mark != 0x50 or form != 1 or stated != number or used > PAGE_SECRETS:
        raise _damaged(number)
    return int(epoch)


def open_page(aead: AESGCM, archive: bytes, epoch: int, number: int, data: bytes) -> Page:
    """Open a page.

    Args:
        aead: AES-256-GCM under the archive key of this epoch.
        archive: 16 bytes.
        epoch: the epoch the page must be of.
        number: the page's number, from the row it lies in.
        data: 8,236 bytes.

    Raises:
        KeyStoreError: ``key.page_damaged`` where one bit is not what was written.
    """
    from cryptography.exceptions import InvalidTag

    if page_epoch(data, number) != epoch:
        raise _damaged(number)
    head = data[: _PAGE.size]
    used, nonce = _PAGE.unpack(head)[4:]
    try:
        secrets = aead.decrypt(nonce, data[_PAGE.size :], head + archive)
    except InvalidTag:
        raise _damaged(number) from None
    return Page(number, used, secrets)


def seal_page(aead: AESGCM, archive: bytes, epoch: int, page: Page, nonce: bytes) -> bytes:
    """Seal a page; the nonce is 12 random bytes that were never used before."""
    head = _PAGE.pack(0x50, 1, page.number, epoch, page.used, nonce)
    return head + aead.encrypt(nonce, page.secrets, head + archive)


def _box_bound(head: bytes, archive: bytes, name: str) -> bytes:
    return b"muniment/box/v1\n" + head + archive + name.encode("utf-8")


def box_epoch(data: bytes, name: str) -> int:
    """The epoch that a box's header states.

    Raises:
        KeyStoreError: ``key.box_damaged`` where it is no box.
    """
    if len(data) < _BOX.size + 16 or data[0] != 0x42 or data[1] != 1:
        raise KeyStoreError("key.box_damaged", name=name)
    return int(_BOX.unpack_from(data)[2])


def open_box(aead: AESGCM, archive: bytes, epoch: int, name: str, data: bytes) -> bytes:
    """Open a box by the name it was sealed under.

    Raises:
        KeyStoreError: ``key.box_damaged`` where one bit is not what was written, or the name is another.
    """
    from cryptography.exceptions import InvalidTag

    if box_epoch(data, name) != epoch:
        raise KeyStoreError("key.box_damaged", name=name)
    head = data[: _BOX.size]
    try:
        return aead.decrypt(head[6:], data[_BOX.size :], _box_bound(head, archive, name))
    except InvalidTag:
        raise KeyStoreError("key.box_damaged", name=name) from None


def seal_box(aead: AESGCM, archive: bytes, epoch: int, name: str, content: bytes, nonce: bytes) -> bytes:
    """Seal a small blob under its name; the nonce is 12 random bytes that were never used before."""
    head = _BOX.pack(0x42, 1, epoch, nonce)
    return head + aead.encrypt(nonce, content, _box_bound(head, archive, name))
