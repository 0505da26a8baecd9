"""The proof of one entry as a text that stands alone (c2sp.org/tlog-proof).

::

    c2sp.org/tlog-proof@v1
    extra <base64 of the entry>
    index <N>
    <base64 of a hash>            from the leaf's sibling up, none for a log of one
    <blank line>
    <the signed checkpoint>

The extra line of that form is free for each application; here it is the entry,
and it counts for nothing until the proof leads from its hash to the root.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import attrs

from muniment.errors import IntegrityError
from muniment.log._base64 import b64, unb64
from muniment.log.checkpoint import (
    MAX_NOTE,
    Checkpoint,
    VerifierKey,
    parse_checkpoint,
    parse_note,
    verify,
)
from muniment.log.tree import HashOf, inclusion_proof, leaf_hash, verify_inclusion

__all__ = ["Proven", "make_proof", "verify_proof"]

_FIRST: Final = "c2sp.org/tlog-proof@v1"
_INDEX: Final = re.compile(r"index (0|[1-9][0-9]{0,18})", re.ASCII)


@attrs.frozen
class Proven:
    """What a proof shows.

    Attributes:
        entry: the entry's bytes.
        index: its index in the log, from 0.
        checkpoint: the verified checkpoint that the log signed.
    """

    entry: bytes
    index: int
    checkpoint: Checkpoint


def make_proof(entry: bytes, index: int, hash_of: HashOf, note: str) -> str:
    """Write the proof of one entry.

    Args:
        entry: the entry's bytes.
        index: its index in the log, from 0.
        hash_of: gives complete subtrees of the log at the checkpoint's size.
        note: the signed checkpoint, with cosignatures if there are any.

    Returns:
        The text; by custom the content of a file ``*.tlog-proof``.

    Raises:
        LogError: ``log.index`` where the checkpoint does not reach the entry.
        IntegrityError: ``log.note`` or ``log.checkpoint`` where the note is none;
            ``log.proof_root`` where the entry or the hashes are not those of
            the checkpoint.
    """
    checkpoint = parse_checkpoint(parse_note(note).text)
    path = inclusion_proof(index, checkpoint.size, hash_of)
    verify_inclusion(leaf_hash(entry), index, checkpoint.size, checkpoint.root, path)
    lines = [_FIRST, f"extra {b64(entry)}", f"index {index}", *map(b64, path), "", note]
    return "\n".join(lines)


def verify_proof(
    text: str | bytes, verifier_keys: Iterable[VerifierKey], *, entry: bytes | None = None
) -> Proven:
    """Check the proof of one entry, with nothing but the log's verifier key.

    Args:
        text: the proof.
        verifier_keys: keys of logs.
        entry: the entry that it must be the proof of; without it, the one that
            the proof carries.

    Returns:
        The entry, its index and the checkpoint. Witnesses are another question:
        ``verify_cosignatures`` over the same checkpoint.

    Raises:
        IntegrityError: ``log.proof_text`` for another form,
            ``log.proof_entry`` where it carries another entry than the one
            given, or none; the codes of ``verify`` and ``verify_inclusion``.
    """
    carried, index, path, note = _parse(text)
    if carried is None:
        carried = entry
    if carried is None or (entry is not None and entry != carried):
        raise IntegrityError("log.proof_entry")
    checkpoint = verify(note, verifier_keys)
    verify_inclusion(leaf_hash(carried), index, checkpoint.size, checkpoint.root, path)
    return Proven(carried, index, checkpoint)


def _parse(text: str | bytes) -> tuple[bytes | None, int, list[bytes], str]:
    try:
        if len(text) > MAX_NOTE:
            raise ValueError("too long")
        written = text.decode("utf-8") if isinstance(text, bytes) else text
        head, blank, note = written.partition("\n\n")
        first, *lines = head.split("\n")
        if first != _FIRST or not blank:
            raise ValueError("not a proof")
        extra = None
        if lines and lines[0].startswith("extra "):
            extra = unb64(lines.pop(0)[6:])
        found = _INDEX.fullmatch(lines.pop(0)) if lines else None
        if found is None:
            raise ValueError("no index")
        return extra, int(found[1]), [unb64(line) for line in lines], note
    except ValueError:  # UnicodeError is one.
        raise IntegrityError("log.proof_text") from None
