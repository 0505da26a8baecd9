r"""Root slots: files that wrap the archive key for one root, and what may be a root.

A slot file is JCS at ``slots/<slot id>.json``: ``{v, archive, slot, kind, epoch,
argon2 {salt, m_kib, t, p}, public, enc, wrap}``; ``argon2`` stands only where
the kind stretches something typed. The wrap is HPKE base mode (RFC 9180) with
DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and AES-256-GCM to ``public``, with info
``muniment/slot/v1\n | archive 16 | slot 16 | epoch u32``.

Wrapping needs only the public key, so the archive key can be rotated while a
root is not there. Devices whose wrapping needs the device come as a
``RootProvider`` of a plugin.
"""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import attrs

from muniment.codec import canonical, parse_canonical
from muniment.errors import IntegrityError, Issue, KeyStoreError, UsageError
from muniment.keys._files import remove, sync_folder, translated, wipe, write_synced
from muniment.model import Random, id_bytes, id_text

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.hpke import Suite

__all__ = [
    "Argon2",
    "Enrolment",
    "HpkeProvider",
    "Opener",
    "PrivateKeyOpener",
    "Root",
    "RootProvider",
    "SlotFile",
    "SlotFolder",
    "slot_info",
]

_MAX_BYTES: Final = 8192
_NEXT: Final = ".next"
_MEMBERS: Final = {"archive", "enc", "epoch", "kind", "public", "slot", "v", "wrap"}


@attrs.frozen
class Argon2:
    """Cost and salt of Argon2id (RFC 9106), bounded so that a stored file cannot ask for the whole machine.

    Attributes:
        salt: 16 to 64 random bytes.
        m_kib: memory in KiB, at least 8 for each lane, at most 1 GiB.
        t: passes, 1 to 16.
        p: lanes, 1 to 16.
    """

    salt: bytes
    m_kib: int
    t: int
    p: int

    def __attrs_post_init__(self) -> None:
        whole = all(type(number) is int for number in (self.m_kib, self.t, self.p))
        if not (
            whole
            and 16 <= len(self.salt) <= 64
            and 1 <= self.t <= 16
            and 1 <= self.p <= 16
            and 8 * self.p <= self.m_kib <= 1 << 20
        ):
            raise KeyStoreError("key.argon2")

    def derive(self, typed: bytes) -> bytes:
        """Stretch what somebody typed to 32 bytes."""
        from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

        made = Argon2id(salt=self.salt, length=32, iterations=self.t, lanes=self.p, memory_cost=self.m_kib)
        return made.derive(typed)


class Opener(Protocol):
    """What stays in memory of a root that is present: it opens wraps, and nothing else."""

    @property
    def public(self) -> bytes | None:
        """Its own public key; None where a device does not tell."""

    def open(self, enc: bytes, wrap: bytes, info: bytes) -> bytes | None:
        """The archive key, 32 bytes; None where the wrap is not for this root."""


@attrs.frozen
class Enrolment:
    """What a root gives when a slot is made for it.

    Attributes:
        public: what can be wrapped to; for HPKE 32 bytes of X25519.
        argon2: how the private key comes from what is typed; None where nothing is.
        opener: opens the slot; None where the private key is elsewhere.
    """

    public: bytes
    argon2: Argon2 | None = None
    opener: Opener | None = None


class Root(Protocol):
    """Something a person or a device has, from which a slot is made and opened."""

    @property
    def kind(self) -> str:
        """Stands in the slot file, and finds the provider."""

    def enrol(self, random: Random) -> Enrolment:
        """Make what a new slot needs."""

    def opener(self, public: bytes, argon2: Argon2 | None) -> Opener:
        """Make the opener of an existing slot, without telling yet whether it opens."""

    def warnings(self) -> tuple[Issue, ...]:
        """What is amiss about how this root is kept."""


class RootProvider(Protocol):
    """How the slots of one kind are wrapped.

    PKCS#11 and key management services come as plugins: they give a ``Root``
    and a ``RootProvider`` of one kind, and the store does the rest.
    """

    @property
    def needs_presence(self) -> bool:
        """Whether wrapping needs the device; then rotation stops where it is absent."""

    def wrap(self, key: bytes, public: bytes, info: bytes, opener: Opener | None) -> tuple[bytes, bytes]:
        """Wrap 32 bytes; gives what stands in the file as ``enc`` and ``wrap``."""


def slot_info(archive: bytes, slot: bytes, epoch: int) -> bytes:
    """What a wrap is bound to: the archive, the slot and the epoch."""
    return b"muniment/slot/v1\n" + archive + slot + epoch.to_bytes(4, "big")


def _suite() -> Suite:
    from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

    return Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


class HpkeProvider:
    """Wraps to an X25519 public key; the root may be anywhere."""

    needs_presence = False

    def wrap(self, key: bytes, public: bytes, info: bytes, opener: Opener | None) -> tuple[bytes, bytes]:
        """Wrap 32 bytes: ``enc`` is 32 bytes, ``wrap`` 48."""
        from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

        # the library gives RFC 9180's enc and ct as one string, enc first
        sealed = _suite().encrypt(key, X25519PublicKey.from_public_bytes(public), info=info)
        return sealed[:32], sealed[32:]


class PrivateKeyOpener:
    """Opens wraps with an X25519 private key held in memory.

    Args:
        private: 32 bytes.
    """

    def __init__(self, private: bytes) -> None:
        from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

        self._private = X25519PrivateKey.from_private_bytes(private)

    @property
    def public(self) -> bytes:
        """The X25519 public key, 32 bytes."""
        return self._private.public_key().public_bytes_raw()

    def open(self, enc: bytes, wrap: bytes, info: bytes) -> bytes | None:
        """The archive key; None where the wrap is not for this private key."""
        from cryptography.exceptions import InvalidTag

        try:
            key = _suite().decrypt(enc + wrap, self._private, info=info)
        except (InvalidTag, ValueError):  # ValueError: a point of low order in enc
            return None
        return key if len(key) == 32 else None


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


@attrs.frozen
class SlotFile:
    """One slot file.

    Attributes:
        archive: 16 bytes.
        slot: 16 bytes, also the file's name.
        kind: ``keyfile``, ``passphrase``, ``recovery``, ``recipient``, or a plugin's.
        epoch: of the archive key that is wrapped.
        public: what was wrapped to.
        enc: HPKE's encapsulated key.
        wrap: HPKE's ciphertext and tag.
        argon2: cost and salt, for the kinds that stretch something typed.
    """

    archive: bytes
    slot: bytes
    kind: str
    epoch: int
    public: bytes
    enc: bytes
    wrap: bytes
    argon2: Argon2 | None = None

    def encode(self) -> bytes:
        """The file's bytes."""
        document: dict[str, Any] = {
            "v": 1,
            "archive": id_text(self.archive),
            "slot": id_text(self.slot),
            "kind": self.kind,
            "epoch": self.epoch,
            "public": _b64(self.public),
            "enc": _b64(self.enc),
            "wrap": _b64(self.wrap),
        }
        if self.argon2 is not None:
            document["argon2"] = argon2_document(self.argon2)
        return canonical(document)

    @classmethod
    def decode(cls, data: bytes, *, where: str) -> SlotFile:
        """Read a slot file strictly.

        Raises:
            KeyStoreError: ``key.slot_damaged`` where it is not what ``encode`` writes.
        """
        try:
            document = parse_canonical(data)
            if type(document) is not dict or document.keys() - {"argon2"} != _MEMBERS or document["v"] != 1:
                raise ValueError("members")
            epoch, kind = document["epoch"], document["kind"]
            if type(epoch) is not int or not 0 < epoch < 1 << 32 or type(kind) is not str or not kind:
                raise ValueError("epoch or kind")
            cost = document.get("argon2")
            return cls(
                archive=id_bytes(document["archive"]),
                slot=id_bytes(document["slot"]),
                kind=kind,
                epoch=epoch,
                public=base64.b64decode(document["public"], validate=True),
                enc=base64.b64decode(document["enc"], validate=True),
                wrap=base64.b64decode(document["wrap"], validate=True),
                argon2=None if cost is None else argon2_parse(cost),
            )
        except (IntegrityError, KeyStoreError, UsageError, ValueError, TypeError, LookupError):
            raise KeyStoreError("key.slot_damaged", where=where) from None


def argon2_document(cost: Argon2) -> dict[str, Any]:
    """Cost and salt as they stand in JSON."""
    return {"salt": _b64(cost.salt), "m_kib": cost.m_kib, "t": cost.t, "p": cost.p}


def argon2_parse(document: Any) -> Argon2:
    """Cost and salt out of JSON; ValueError or KeyStoreError where they are out of bounds."""
    if type(document) is not dict or document.keys() != {"salt", "m_kib", "t", "p"}:
        raise ValueError("argon2")
    try:
        salt = base64.b64decode(document["salt"], validate=True)
    except (binascii.Error, TypeError):
        raise ValueError("salt") from None
    return Argon2(salt, document["m_kib"], document["t"], document["p"])


@attrs.frozen
class Found:
    """A slot file as it was found: under its name, or under the name it waits under during a rotation."""

    path: Path
    slot: bytes
    waiting: bool
    file: SlotFile | None  # None: it cannot be read as a slot file
    wiped: bool = False  # nothing but zeros is left of it

    def older(self, epoch: int) -> bool:
        """Whether it wraps the key of an epoch before this one."""
        return self.file is not None and self.file.epoch < epoch


def _only_zeros(path: Path) -> bool:
    try:
        return not path.read_bytes().strip(b"\0")
    except OSError:
        return False


class SlotFolder:
    """The folder ``slots/``: what it holds, and the steps of a rotation on it.

    Args:
        path: the folder.
        archive: 16 bytes.
    """

    def __init__(self, path: Path, archive: bytes) -> None:
        self.path = path
        self._archive = archive

    def name(self, slot: bytes, *, waiting: bool = False) -> Path:
        """Where a slot's file is, or waits."""
        return self.path / f"{id_text(slot)}.json{_NEXT if waiting else ''}"

    def read(self, path: Path) -> SlotFile | None:
        """A slot file; None where there is none.

        Raises:
            KeyStoreError: ``key.slot_damaged``, also where the name is not the slot's.
        """
        with translated(path):
            try:
                with path.open("rb") as handle:
                    data = handle.read(_MAX_BYTES + 1)
            except FileNotFoundError:
                return None
        file = SlotFile.decode(data, where=str(path))
        if id_text(file.slot) != path.name.partition(".")[0]:
            raise KeyStoreError("key.slot_damaged", where=str(path))
        return file

    def at_epoch(self, slot: bytes, epoch: int) -> SlotFile | None:
        """The file of a slot that wraps the key of this epoch, under either name; None where neither does."""
        # a rotation may rename the waiting file between the two looks, so the first name is looked at again
        for waiting in (False, True, False):
            try:
                file = self.read(self.name(slot, waiting=waiting))
            except KeyStoreError:
                continue
            if file is not None and file.epoch == epoch and file.archive == self._archive:
                return file
        return None

    def scan(self) -> list[Found]:
        """Every file that is named like a slot's, in order of name.

        Raises:
            KeyStoreError: ``key.slots_missing`` where the folder is not there.
        """
        if not self.path.is_dir():
            raise KeyStoreError("key.slots_missing", where=str(self.path))
        found = []
        with translated(self.path):
            paths = sorted(self.path.iterdir())
        for path in paths:
            stem, _, rest = path.name.partition(".")
            if rest not in ("json", f"json{_NEXT}"):
                continue
            try:
                slot = id_bytes(stem)
            except UsageError:
                continue
            try:
                file = self.read(path)
            except KeyStoreError:
                found.append(Found(path, slot, rest != "json", None, _only_zeros(path)))
            else:
                if file is not None:  # None: gone since the folder was listed
                    found.append(Found(path, slot, rest != "json", file))
        return found

    def unfinished(self) -> list[Path]:
        """Files of ours that a crash left before they had their name."""
        with translated(self.path):
            return sorted(self.path.glob("????????-????-????-????-????????????.json*.tmp"))

    def put(self, file: SlotFile, *, waiting: bool = False) -> None:
        """Write a slot file durably and read it back.

        Raises:
            KeyStoreError: ``key.slot_damaged`` where it does not read back as it was written.
        """
        path = self.name(file.slot, waiting=waiting)
        write_synced(path, file.encode())
        if self.read(path) != file:
            raise KeyStoreError("key.slot_damaged", where=str(path))

    def clear(self, slot: bytes) -> None:
        """Overwrite the wrap under a slot's name, whose successor waits beside it."""
        wipe(self.name(slot))

    def promote(self, slot: bytes) -> None:
        """Rename the waiting file of a slot over the one before it."""
        waiting = self.name(slot, waiting=True)
        with translated(waiting):
            waiting.replace(self.name(slot))
            sync_folder(self.path)

    def drop(self, path: Path) -> None:
        """Overwrite and remove one file."""
        remove(path)
        with translated(path):
            sync_folder(self.path)
