"""The kinds of root that come with muniment: key file, passphrase, recovery phrase, offline recipient."""

from __future__ import annotations

import base64
import binascii
import os
import unicodedata
from pathlib import Path
from typing import ClassVar, Final

import attrs

from muniment.errors import Issue, KeyStoreError
from muniment.keys._files import sync_folder, translated
from muniment.keys.phrase import read_phrase
from muniment.keys.slots import Argon2, Enrolment, Opener, PrivateKeyOpener
from muniment.model import Random, id_text

__all__ = ["DEFAULT_COST", "Cost", "KeyFile", "Passphrase", "Recipient", "RecoveryPhrase", "write_key_file"]

_MARK: Final = "muniment-key-file-v1"
_LARGEST: Final = 4096
_SHORTEST: Final = 8
"""Characters of a passphrase, at least (NIST SP 800-63B, 5.1.1.2)."""


@attrs.frozen
class Cost:
    """What Argon2id may cost.

    Attributes:
        m_kib: memory in KiB.
        t: passes.
        p: lanes.
    """

    m_kib: int
    t: int
    p: int

    def salted(self, random: Random) -> Argon2:
        """The cost with a fresh salt of 16 bytes."""
        return Argon2(random(16), self.m_kib, self.t, self.p)


DEFAULT_COST: Final = Cost(m_kib=65_536, t=3, p=4)
"""The second recommended choice of RFC 9106, section 4: 64 MiB, 3 passes, 4 lanes."""


def _enrolled(typed: bytes, cost: Cost, random: Random) -> Enrolment:
    argon2 = cost.salted(random)
    opener = PrivateKeyOpener(argon2.derive(typed))
    return Enrolment(opener.public, argon2, opener)


def _stretched(typed: bytes, argon2: Argon2 | None) -> Opener:
    if argon2 is None:
        raise KeyStoreError("key.argon2")
    return PrivateKeyOpener(argon2.derive(typed))


@attrs.frozen
class KeyFile:
    """A root that is a file, kept apart from the archive's folder.

    Attributes:
        path: the file that ``write_key_file`` made.
    """

    path: Path = attrs.field(converter=Path)
    kind: ClassVar[str] = "keyfile"

    def enrol(self, random: Random) -> Enrolment:
        """Make what a new slot needs; the file must be there already."""
        opener = PrivateKeyOpener(self._secret())
        return Enrolment(opener.public, None, opener)

    def opener(self, public: bytes, argon2: Argon2 | None) -> Opener:
        """Read the file.

        Raises:
            KeyStoreError: ``key.file_missing`` or ``key.file_damaged``.
        """
        return PrivateKeyOpener(self._secret())

    def warnings(self) -> tuple[Issue, ...]:
        """``key.file_open`` where others on this machine may read the file."""
        try:
            mode = self.path.stat().st_mode
        except OSError:
            return ()
        if mode & 0o077:
            return (Issue("key.file_open", severity="warning", parameters={"name": str(self.path)}),)
        return ()

    def _secret(self) -> bytes:
        with translated(self.path):
            try:
                text = self.path.read_bytes()[:_LARGEST].decode("ascii")
            except FileNotFoundError:
                raise KeyStoreError("key.file_missing", where=str(self.path)) from None
            except UnicodeDecodeError:
                raise KeyStoreError("key.file_damaged", where=str(self.path)) from None
        lines = [line.strip() for line in text.splitlines()]
        lines = [line for line in lines if line and not line.startswith("#")]
        try:
            if len(lines) != 2 or lines[0] != _MARK:
                raise ValueError("lines")
            secret = base64.b64decode(lines[1], validate=True)
            if len(secret) != 32:
                raise ValueError("length")
        except (ValueError, binascii.Error):
            raise KeyStoreError("key.file_damaged", where=str(self.path)) from None
        return secret


def key_files_in(folder: Path) -> list[Path]:
    """The key files that lie in a folder and below it, known by what stands in them and not by their names.

    Args:
        folder: what is searched; one that is not there has none.
    """
    found = []
    for path in sorted(folder.rglob("*")):
        try:
            if path.is_file() and path.stat().st_size <= _LARGEST:
                KeyFile(path)._secret()
                found.append(path)
        except (OSError, KeyStoreError):
            continue  # something else, or not for us to read
    return found


def write_key_file(path: Path, archive: bytes, *, random: Random = os.urandom) -> KeyFile:
    """Make a key file with mode 0600; one that is there already is never overwritten.

    Args:
        path: where; its folder must be there.
        archive: 16 bytes, named in a comment for whoever finds the file.
        random: gives so many random bytes.

    Raises:
        KeyStoreError: ``key.file_exists``, ``key.read_only``, ``key.disk_full``, ``key.no_file``.
    """
    lines = (
        _MARK,
        f"# opens the archive {id_text(archive)}; keep it away from the archive's folder and its backups",
        base64.b64encode(random(32)).decode("ascii"),
    )
    with translated(path):
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            raise KeyStoreError("key.file_exists", where=str(path)) from None
        with os.fdopen(handle, "wb") as file:
            file.write(("\n".join(lines) + "\n").encode("ascii"))
            file.flush()
            os.fsync(file.fileno())
        sync_folder(Path(path).parent)
    return KeyFile(path)


@attrs.frozen
class Passphrase:
    """A root that somebody knows.

    Compared as RFC 8265's OpaqueString: any space is a plain one, NFC.

    Attributes:
        text: what was typed.
        cost: of Argon2id, for a new slot.
    """

    text: str = attrs.field(repr=False)
    cost: Cost = attrs.field(default=DEFAULT_COST, kw_only=True)
    kind: ClassVar[str] = "passphrase"

    def _typed(self) -> bytes:
        spaced = "".join(" " if unicodedata.category(sign) == "Zs" else sign for sign in self.text)
        return unicodedata.normalize("NFC", spaced).encode("utf-8", "surrogatepass")

    def enrol(self, random: Random) -> Enrolment:
        """Make what a new slot needs.

        Raises:
            KeyStoreError: ``key.passphrase_short``.
        """
        if len(self.text) < _SHORTEST:
            raise KeyStoreError("key.passphrase_short", count=_SHORTEST)
        return _enrolled(self._typed(), self.cost, random)

    def opener(self, public: bytes, argon2: Argon2 | None) -> Opener:
        """Stretch what was typed with the slot's own salt and cost."""
        return _stretched(self._typed(), argon2)

    def warnings(self) -> tuple[Issue, ...]:
        """Nothing."""
        return ()


@attrs.frozen
class RecoveryPhrase:
    """A root on paper: words of BIP-39, in English or Simplified Chinese.

    Attributes:
        text: what was typed; case, spacing, numbering and shortened English words do not matter.
        cost: of Argon2id, for a new slot.
    """

    text: str = attrs.field(repr=False)
    cost: Cost = attrs.field(default=DEFAULT_COST, kw_only=True)
    kind: ClassVar[str] = "recovery"

    def enrol(self, random: Random) -> Enrolment:
        """Make what a new slot needs.

        Raises:
            KeyStoreError: ``key.phrase_length``, ``key.phrase_word``, ``key.phrase_checksum``.
        """
        return _enrolled(read_phrase(self.text).encode("utf-8"), self.cost, random)

    def opener(self, public: bytes, argon2: Argon2 | None) -> Opener:
        """Check the words, then stretch them with the slot's own salt and cost.

        Raises:
            KeyStoreError: ``key.phrase_length``, ``key.phrase_word``, ``key.phrase_checksum``.
        """
        return _stretched(read_phrase(self.text).encode("utf-8"), argon2)

    def warnings(self) -> tuple[Issue, ...]:
        """Nothing."""
        return ()


@attrs.frozen
class Recipient:
    """A root whose private key is kept elsewhere and comes only to recover.

    Attributes:
        public: X25519 public key, 32 bytes.
        private: X25519 private key, 32 bytes, where it is here.
    """

    public: bytes
    private: bytes | None = attrs.field(default=None, repr=False, kw_only=True)
    kind: ClassVar[str] = "recipient"

    def enrol(self, random: Random) -> Enrolment:
        """Make what a new slot needs: the public key alone will do.

        Raises:
            KeyStoreError: ``key.size`` where the key is not 32 bytes, ``key.recipient`` where it is no
                usable X25519 key, or the private key is another's.
        """
        if len(self.public) != 32:
            raise KeyStoreError("key.size", name="public", count=32)
        opener = None if self.private is None else PrivateKeyOpener(self.private)
        if opener is not None and opener.public != self.public:
            raise KeyStoreError("key.recipient")
        return Enrolment(self.public, None, opener)

    def opener(self, public: bytes, argon2: Argon2 | None) -> Opener:
        """The opener of the private key.

        Raises:
            KeyStoreError: ``key.recipient`` where it is not here.
        """
        if self.private is None or len(self.private) != 32:
            raise KeyStoreError("key.recipient")
        return PrivateKeyOpener(self.private)

    def warnings(self) -> tuple[Issue, ...]:
        """Nothing."""
        return ()
