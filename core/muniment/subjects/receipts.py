"""Receipts of consent that anybody can check offline, with the log's verifier key and nothing else.

The entry that wrote a consent down commits to a detail, and the detail names the
hash of what the receipt shows. A receipt carries all of it: what was consented
to, the detail, and the proof that the entry is in the signed log. The form is
published as ``formats/receipts.md`` and ``receipt.schema.json``.
"""

from __future__ import annotations

from binascii import Error as Base64Error
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any, Final

import attrs

from muniment.codec import canonical, parse_canonical
from muniment.errors import IntegrityError, MunimentError
from muniment.log.checkpoint import Checkpoint, VerifierKey, parse_verifier_key
from muniment.log.entry import commitment, parse_entry
from muniment.log.proof import verify_proof

__all__ = [
    "VerifiedReceipt",
    "make_receipt",
    "receipt_core",
    "receipt_hash",
    "verify_given",
    "verify_receipt",
]

_LABEL: Final = b"muniment/receipt/v1\n"
_GENERATIONS: Final = 64
_KINDS: Final = frozenset(
    {"consent.give", "consent.renew", "consent.refuse", "consent.withdraw", "consent.expire",
     "consent.invalidate", "consent.request"}
)  # fmt: skip


@attrs.frozen
class VerifiedReceipt:
    """What a receipt shows, once it was checked.

    Attributes:
        kind: what was written down, such as ``consent.give``.
        time: when, RFC 3339.
        consent: its fields.
        principal: UUID text of the person.
        index: of the entry.
        checkpoint: the signed statement that covers it.
    """

    kind: str
    time: str
    consent: Mapping[str, Any]
    principal: str
    index: int
    checkpoint: Checkpoint


def receipt_core(
    consent: Mapping[str, Any], *, principal: str, record: str, version: int, salt: bytes
) -> dict[str, Any]:
    """What the receipt of one version of a consent shows.

    Args:
        consent: the fields that have a value, as JSON.
        principal: UUID text of the person.
        record: UUID text of the consent.
        version: of the consent.
        salt: 32 random bytes, so that nobody can guess what was consented to from its hash.
    """
    held = {key: value for key, value in consent.items() if value not in (None, "", [], ())}
    return {
        "consent": held,
        "principal": principal,
        "receipt": record,
        "salt": salt.hex(),
        "v": 1,
        "version": version,
    }


def receipt_hash(core: Mapping[str, Any]) -> str:
    """What the log says of a receipt: hex of SHA-256 over its label and the JCS of what it shows."""
    return sha256(_LABEL + canonical(core)).hexdigest()


def make_receipt(
    core: Mapping[str, Any],
    notice: Mapping[str, Any] | None,
    detail: bytes,
    r: bytes,
    proof: str,
    key: str,
) -> dict[str, Any]:
    """The receipt as a document.

    Args:
        core: from ``receipt_core``.
        notice: what the person was shown, for reading; the core names its version alone.
        detail: of the entry that wrote the consent down.
        r: that opens the entry's commitment.
        proof: of that entry, as c2sp.org/tlog-proof.
        key: the log's verifier key, for comparing; whoever checks takes it from elsewhere.
    """
    document: dict[str, Any] = {
        "type": "muniment-consent-receipt",
        "core": dict(core),
        "detail": detail.decode("utf-8"),
        "r": r.hex(),
        "proof": proof,
        "verifier_key": key,
    }
    if notice is not None:
        document["notice"] = dict(notice)
    return document


def verify_given(document: object, key: str) -> VerifiedReceipt:
    """Check a receipt with a verifier key as people hand it on, whichever generation of the log it is from.

    Args:
        document: as parsed from JSON.
        key: of any generation, from elsewhere than the receipt.

    Raises:
        IntegrityError, LogError: as ``verify_receipt`` and ``parse_verifier_key``.
    """
    own = parse_verifier_key(key)
    # One seed signs every generation, and the key's name is the generation's origin.
    base = own.name.rpartition(".")[0]
    return verify_receipt(document, [attrs.evolve(own, name=f"{base}.{gen}") for gen in range(_GENERATIONS)])


def verify_receipt(document: object, keys: Iterable[VerifierKey]) -> VerifiedReceipt:
    """Check a receipt.

    Args:
        document: as parsed from JSON.
        keys: verifier keys of logs, from elsewhere than the receipt.

    Returns:
        What it shows: that the consent was written down, not that it still holds.

    Raises:
        IntegrityError: ``consent.receipt`` for another form or a part that does not belong to the others;
            ``log.*`` where the proof does not hold.
    """
    try:
        assert isinstance(document, Mapping)
        core, detail = document["core"], str(document["detail"]).encode("utf-8")
        proven = verify_proof(str(document["proof"]), list(keys))
        entry = parse_entry(proven.entry)
        if commitment(bytes.fromhex(document["r"]), detail) != entry.commitment:
            raise ValueError
        said = parse_canonical(detail)
        if entry.kind not in _KINDS or said["kind"] != entry.kind:
            raise ValueError
        if said["target"]["receipt"] != receipt_hash(core) or core["v"] != 1:
            raise ValueError
        return VerifiedReceipt(
            entry.kind,
            str(said["time"]),
            dict(core["consent"]),
            str(core["principal"]),
            proven.index,
            proven.checkpoint,
        )
    except IntegrityError:
        raise
    except (AssertionError, LookupError, TypeError, ValueError, AttributeError, MunimentError, Base64Error):
        raise IntegrityError("consent.receipt") from None
