"""Signed statements of a log's size and root, in the C2SP forms.

- the envelope: c2sp.org/signed-note, Ed25519 (signature type 0x01);
- the text: c2sp.org/tlog-checkpoint;
- what witnesses add: c2sp.org/tlog-cosignature, cosignature/v1 (type 0x04).

A log's key is named as its origin, so a signature says which log it is for.
Extension lines (the fourth line of a text and on) are never written. They are
accepted when reading, for other people's logs may have them and signatures
cover them; they are kept in ``Checkpoint.extensions`` and mean nothing here.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from hmac import compare_digest
from hmac import digest as hmac_digest
from typing import Final

import attrs

from muniment.errors import IntegrityError, LogError, UsageError
from muniment.log._base64 import b64, unb64
from muniment.log.keyed import keyed
from muniment.log.tree import EMPTY

__all__ = [
    "COSIGNER",
    "MAX_NOTE",
    "SIGNER",
    "Checkpoint",
    "Cosignature",
    "Note",
    "Signature",
    "VerifierKey",
    "attach",
    "batch_mac",
    "batch_macs",
    "check_batch_mac",
    "cosign",
    "parse_checkpoint",
    "parse_note",
    "parse_verifier_key",
    "sign",
    "verifier_key",
    "verify",
    "verify_cosignatures",
]

SIGNER: Final = 0x01
"""Signature type of a log's own Ed25519 key (c2sp.org/signed-note)."""

COSIGNER: Final = 0x04
"""Signature type of a witness's Ed25519 key (c2sp.org/tlog-cosignature)."""

MAX_NOTE: Final = 1024 * 1024
"""The most bytes of a note that are read."""

_MAX_SIGNATURES: Final = 100
_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


def _is_name(name: str) -> bool:
    return bool(name) and "+" not in name and not any(c.isspace() or ord(c) < 0x20 for c in name)


def _key_id(name: str, signature_type: int, public: bytes) -> bytes:
    return hashlib.sha256(name.encode("utf-8") + b"\n" + bytes((signature_type,)) + public).digest()[:4]


# --- values ----------------------------------------------------------------


@attrs.frozen
class Checkpoint:
    """What a log states of itself.

    Attributes:
        origin: the name of the log.
        size: the number of entries.
        root: the root over them, 32 bytes.
        extensions: further lines that somebody else's log signed; never ours.
    """

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The text that signatures cover, with its last newline."""
        return "\n".join((self.origin, str(self.size), b64(self.root), *self.extensions, ""))


@attrs.frozen
class Signature:
    """One signature line of a note.

    Attributes:
        name: the name of the key.
        key_id: 4 bytes.
        blob: what follows the key ID; 64 bytes for Ed25519, 72 for a cosignature.
    """

    name: str
    key_id: bytes
    blob: bytes

    @property
    def line(self) -> str:
        """The line, with its newline."""
        return f"\u2014 {self.name} {b64(self.key_id + self.blob)}\n"


@attrs.frozen
class Note:
    """A note taken apart, not verified.

    Attributes:
        text: what the signatures cover, with its last newline.
        signatures: in their order.
    """

    text: str
    signatures: tuple[Signature, ...]


@attrs.frozen
class VerifierKey:
    """A public key with its name.

    Attributes:
        name: of a log: its origin; of a witness: its own name.
        signature_type: ``SIGNER`` or ``COSIGNER``.
        public: Ed25519 public key, 32 bytes (RFC 8032).
    """

    name: str
    signature_type: int
    public: bytes

    @property
    def key_id(self) -> bytes:
        """SHA-256(name | 0x0A | type | public key), its first 4 bytes."""
        return _key_id(self.name, self.signature_type, self.public)

    @property
    def text(self) -> str:
        """As it is written: ``name+hex(key ID)+base64(type | public key)``."""
        return f"{self.name}+{self.key_id.hex()}+{b64(bytes((self.signature_type,)) + self.public)}"


@attrs.frozen
class Cosignature:
    """A witness's statement that was verified.

    Attributes:
        name: the name of the witness.
        time_s: when it was made, seconds since 1970-01-01T00:00:00Z.
    """

    name: str
    time_s: int


# --- keys ------------------------------------------------------------------


def verifier_key(name: str, seed: bytes, *, signature_type: int = SIGNER) -> VerifierKey:
    """The public key that belongs to a seed.

    Args:
        name: the log's origin, or the witness's name.
        seed: Ed25519 private key, 32 bytes (RFC 8032).
        signature_type: ``SIGNER`` for a log, ``COSIGNER`` for a witness.

    Raises:
        LogError: ``log.origin`` for a name with spaces, plus or control characters.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    if not _is_name(name):
        raise LogError("log.origin")
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    return VerifierKey(name, signature_type, public)


def parse_verifier_key(text: str) -> VerifierKey:
    """Read a verifier key.

    Raises:
        UsageError: ``log.verifier_key`` where it is none, is of another type
            than Ed25519 or cosignature/v1, or its key ID does not fit.
    """
    name, _, rest = text.strip().partition("+")
    key_id, _, encoded = rest.partition("+")
    try:
        material = unb64(encoded)
    except ValueError:
        raise UsageError("log.verifier_key") from None
    if len(material) != 33 or material[0] not in (SIGNER, COSIGNER) or not _is_name(name):
        raise UsageError("log.verifier_key")
    key = VerifierKey(name, material[0], material[1:])
    if key.key_id.hex() != key_id.lower():
        raise UsageError("log.verifier_key")
    return key


def _sign(seed: bytes, message: bytes) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(seed).sign(message)


def _check(key: VerifierKey, signature: bytes, message: bytes) -> None:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, message)
    except (InvalidSignature, ValueError):
        raise IntegrityError("log.signature", name=key.name) from None


# --- notes -----------------------------------------------------------------


def parse_note(note: str | bytes) -> Note:
    """Take a signed note apart; nothing in it is verified.

    Args:
        note: the whole file, UTF-8.

    Raises:
        IntegrityError: ``log.note`` where it is not a signed note: not UTF-8,
            control characters (also CR), no blank line, a signature line of
            another form, base64 of another spelling, above 1 MiB or above 100
            signatures.
    """
    try:
        data = note.encode("utf-8") if isinstance(note, str) else note
        if len(data) > MAX_NOTE:
            raise ValueError("too long")
        written = data.decode("utf-8")
        if any(c < " " and c != "\n" for c in written):
            raise ValueError("control character")
        head, blank, tail = written.rpartition("\n\n")
        if not blank or not tail.endswith("\n"):
            raise ValueError("no signatures")
        lines = tail[:-1].split("\n")
        if len(lines) > _MAX_SIGNATURES:
            raise ValueError("too many signatures")
        return Note(head + "\n", tuple([_parse_signature(line) for line in lines]))
    except ValueError:  # UnicodeError is one.
        raise IntegrityError("log.note") from None


def _parse_signature(line: str) -> Signature:
    dash, name, encoded = line.split(" ")
    data = unb64(encoded)
    if dash != "\u2014" or not _is_name(name) or len(data) < 5:
        raise ValueError("not a signature line")
    return Signature(name, data[:4], data[4:])


def parse_checkpoint(text: str) -> Checkpoint:
    """Read the text of a checkpoint, out of a note.

    Args:
        text: with its last newline.

    Raises:
        IntegrityError: ``log.checkpoint`` where it is not of that form: fewer
            than three lines, an empty one, a size with leading zeros or from
            2^63, a root that is not 32 bytes in base64, or an empty log with
            another root than that of an empty tree.
    """
    lines = text.split("\n")
    try:
        origin, size, root, *extensions, last = lines
        if last or not all(lines[:-1]) or not _SIZE.fullmatch(size):
            raise ValueError("not a checkpoint")
        found = Checkpoint(origin, int(size), unb64(root), tuple(extensions))
    except ValueError:
        raise IntegrityError("log.checkpoint") from None
    if len(found.root) != 32 or found.size >= 1 << 63 or (found.size == 0 and found.root != EMPTY):
        raise IntegrityError("log.checkpoint")
    return found


def sign(checkpoint: Checkpoint, seed: bytes) -> str:
    """Sign a checkpoint as the log.

    Whether the log may sign it (never two roots for one size, never below the
    last one) is for the caller to know.

    Args:
        checkpoint: without extension lines; its origin is the key's name.
        seed: Ed25519 private key, 32 bytes.

    Returns:
        The signed note.

    Raises:
        LogError: ``log.origin`` for an origin that cannot name a key,
            ``log.extensions`` where there are extension lines.
    """
    if checkpoint.extensions:
        raise LogError("log.extensions")
    key = verifier_key(checkpoint.origin, seed)
    text = checkpoint.text
    made = Signature(key.name, key.key_id, _sign(seed, text.encode("utf-8")))
    return f"{text}\n{made.line}"


def verify(note: str | bytes, verifier_keys: Iterable[VerifierKey]) -> Checkpoint:
    """Read a checkpoint that its log has signed.

    Signatures by keys that are not given are ignored, as c2sp.org/signed-note
    asks. One by a given key that is wrong refuses the note.

    Args:
        note: the signed note.
        verifier_keys: keys of logs. Keys of witnesses are passed over: what
            they vouch for is asked with ``verify_cosignatures``.

    Returns:
        The checkpoint; its origin is the name of a key that signed it.

    Raises:
        IntegrityError: ``log.note`` or ``log.checkpoint`` for another form,
            ``log.signature`` for a wrong signature, ``log.unsigned`` where no
            given key has signed, ``log.origin_other`` where the key that signed
            is another log's.
    """
    parsed = parse_note(note)
    known = {(key.name, key.key_id): key for key in verifier_keys if key.signature_type == SIGNER}
    message = parsed.text.encode("utf-8")
    signers = set()
    for signature in parsed.signatures:
        key = known.get((signature.name, signature.key_id))
        if key is not None:
            _check(key, signature.blob, message)
            signers.add(key.name)
    if not signers:
        raise IntegrityError("log.unsigned")
    checkpoint = parse_checkpoint(parsed.text)
    if checkpoint.origin not in signers:
        raise IntegrityError("log.origin_other", origin=checkpoint.origin)
    return checkpoint


# --- witnesses -------------------------------------------------------------


def _cosigned(text: str, time_s: int) -> bytes:
    return f"cosignature/v1\ntime {time_s}\n{text}".encode()


def cosign(note: str | bytes, name: str, seed: bytes, time_s: int) -> str:
    """Make a witness's signature line for a checkpoint.

    A witness first verifies the note, and that it extends what it saw before.

    Args:
        note: the signed note.
        name: the witness's name.
        seed: the witness's Ed25519 private key, 32 bytes.
        time_s: now, seconds since 1970-01-01T00:00:00Z.

    Returns:
        The line with its newline, to be put under the note with ``attach``.

    Raises:
        IntegrityError: ``log.note`` or ``log.checkpoint`` for another form.
        LogError: ``log.origin`` for a name that cannot name a key, ``log.time``
            for a time before 1970.
    """
    text = parse_note(note).text
    parse_checkpoint(text)
    if not 0 <= time_s < 1 << 63:
        raise LogError("log.time")
    key = verifier_key(name, seed, signature_type=COSIGNER)
    blob = time_s.to_bytes(8, "big") + _sign(seed, _cosigned(text, time_s))
    return Signature(name, key.key_id, blob).line


def attach(note: str, lines: Iterable[str]) -> str:
    """Put further signature lines under a note.

    Args:
        note: the signed note.
        lines: as ``cosign`` gives them.

    Raises:
        IntegrityError: ``log.note`` where the result is not a signed note.
    """
    whole = note + "".join(lines)
    if parse_note(whole).text != parse_note(note).text:
        raise IntegrityError("log.note")
    return whole


def verify_cosignatures(
    note: str | bytes, verifier_keys: Iterable[VerifierKey], *, at_least: int = 1
) -> tuple[Cosignature, ...]:
    """Check which witnesses vouch for a checkpoint.

    Args:
        note: the signed note, verified already.
        verifier_keys: keys of witnesses; those of logs are passed over.
        at_least: how many different witnesses must have signed.

    Returns:
        One for each witness, in the order of the lines; its newest if it signed twice.

    Raises:
        IntegrityError: ``log.note`` or ``log.checkpoint`` for another form,
            ``log.signature`` for a wrong signature by a given key,
            ``log.cosignatures`` where fewer witnesses have signed.
    """
    parsed = parse_note(note)
    parse_checkpoint(parsed.text)
    known = {(key.name, key.key_id): key for key in verifier_keys if key.signature_type == COSIGNER}
    seen: dict[bytes, Cosignature] = {}
    for signature in parsed.signatures:
        key = known.get((signature.name, signature.key_id))
        if key is None:
            continue
        time_s = int.from_bytes(signature.blob[:8], "big")
        if len(signature.blob) != 72 or time_s >= 1 << 63:
            raise IntegrityError("log.signature", name=key.name)
        _check(key, signature.blob[8:], _cosigned(parsed.text, time_s))
        # One public key under two names is one witness.
        if key.public not in seen or seen[key.public].time_s < time_s:
            seen[key.public] = Cosignature(key.name, time_s)
    if len(seen) < at_least:
        raise IntegrityError("log.cosignatures", count=len(seen), wanted=at_least)
    return tuple(seen.values())


# --- batches ---------------------------------------------------------------


def batch_mac(mac_key: bytes, origin: str, first_seq: int, n: int, root: bytes) -> bytes:
    """The mac of one batch: HMAC-SHA256(log MAC key, origin | first_seq u64 | n u32 | root).

    Args:
        mac_key: 32 bytes.
        origin: the name of the log.
        first_seq: the size of the log before the batch.
        n: the number of entries in the batch.
        root: the root of the log after the batch, 32 bytes.

    Returns:
        32 bytes.
    """
    message = origin.encode("utf-8") + first_seq.to_bytes(8, "big") + n.to_bytes(4, "big") + root
    return hmac_digest(mac_key, message, "sha256")


def batch_macs(
    mac_key: bytes, origin: str, firsts: Sequence[int], counts: Sequence[int], roots: Sequence[bytes]
) -> list[bytes]:
    """``batch_mac`` of many batches of one log.

    Args:
        mac_key: 32 bytes.
        origin: the name of the log.
        firsts: the size of the log before each.
        counts: the number of entries of each.
        roots: the root of the log after each.
    """
    name, mac = origin.encode("utf-8"), keyed(mac_key)
    return [
        mac(name + first.to_bytes(8, "big") + n.to_bytes(4, "big") + root)
        for first, n, root in zip(firsts, counts, roots, strict=True)
    ]


def check_batch_mac(mac: bytes, mac_key: bytes, origin: str, first_seq: int, n: int, root: bytes) -> None:
    """Check the mac of one batch, in constant time.

    Raises:
        IntegrityError: ``log.mac`` where it is another.
    """
    if not compare_digest(mac, batch_mac(mac_key, origin, first_seq, n, root)):
        raise IntegrityError("log.mac", first_seq=first_seq)
