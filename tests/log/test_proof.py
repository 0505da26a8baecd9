"""The proof of one entry as a text: c2sp.org/tlog-proof."""

from __future__ import annotations

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.errors import IntegrityError, LogError
from muniment.log.checkpoint import (
    COSIGNER,
    Checkpoint,
    attach,
    cosign,
    sign,
    verifier_key,
    verify_cosignatures,
)
from muniment.log.proof import Proven, make_proof, verify_proof
from muniment.log.tiles import export_tree, tile_hashes
from muniment.log.tree import HashOf, leaf_hash, root_of

SEED = bytes(range(32))
ORIGIN = "example.com/customers/0.0"
KEY = verifier_key(ORIGIN, SEED)


def a_log(size: int) -> tuple[list[bytes], HashOf, Checkpoint, str]:
    entries = [b"entry %d" % number for number in range(size)]
    files = dict(export_tree(entries, size))
    checkpoint = Checkpoint(ORIGIN, size, root_of(map(leaf_hash, entries)))
    return entries, tile_hashes(files.__getitem__, size), checkpoint, sign(checkpoint, SEED)


ENTRIES, HASH_OF, CHECKPOINT, NOTE = a_log(300)
PROOF = make_proof(ENTRIES[7], 7, HASH_OF, NOTE)


def test_the_text_has_the_published_form() -> None:
    """First line, entry, index, hashes, a blank line, the checkpoint as it was."""
    lines = PROOF.split("\n")
    assert ["c2sp.org/tlog-proof@v1", f"extra {b64encode(ENTRIES[7]).decode()}", "index 7"] == lines[:3]
    end = lines.index("")
    assert 9 == end - 3
    assert all(44 == len(line) for line in lines[3:end])
    assert PROOF.endswith("\n\n" + NOTE)


@given(st.data())
def test_every_entry_can_be_proved(data: st.DataObject) -> None:
    """For each index of a log of each size, with the verifier key alone."""
    entries, hash_of, checkpoint, note = a_log(data.draw(st.sampled_from([1, 2, 3, 7, 256, 300])))
    index = data.draw(st.integers(min_value=0, max_value=len(entries) - 1))
    proof = make_proof(entries[index], index, hash_of, note)
    expected = Proven(entries[index], index, checkpoint)
    assert expected == verify_proof(proof, [KEY]) == verify_proof(proof.encode(), [KEY], entry=entries[index])


def test_cosignatures_travel_with_the_proof() -> None:
    """The checkpoint is carried as it is, witnesses included."""
    witness = verifier_key("witness.example/w", bytes(32), signature_type=COSIGNER)
    note = attach(NOTE, [cosign(NOTE, witness.name, bytes(32), 5)])
    proof = make_proof(ENTRIES[0], 0, HASH_OF, note)
    assert CHECKPOINT == verify_proof(proof, [KEY]).checkpoint
    assert 1 == len(verify_cosignatures(proof.split("\n\n", 1)[1], [witness]))


def test_a_proof_without_the_entry_needs_it_given() -> None:
    """The extra line may be missing, as c2sp.org allows; then the entry comes from elsewhere."""
    bare = "\n".join(line for line in PROOF.split("\n") if not line.startswith("extra "))
    assert ENTRIES[7] == verify_proof(bare, [KEY], entry=ENTRIES[7]).entry
    with pytest.raises(IntegrityError, match=r"\[log\.proof_entry\]"):
        verify_proof(bare, [KEY])


def test_a_proof_of_another_entry_is_refused() -> None:
    """Where the entry is given, the one that the proof carries must be the same."""
    with pytest.raises(IntegrityError, match=r"\[log\.proof_entry\]"):
        verify_proof(PROOF, [KEY], entry=ENTRIES[8])


def test_an_entry_that_only_the_proof_names_is_refused() -> None:
    """What stands in the extra line counts for nothing by itself."""
    forged = PROOF.replace(b64encode(ENTRIES[7]).decode(), b64encode(ENTRIES[8]).decode())
    with pytest.raises(IntegrityError, match=r"\[log\.proof_root\]"):
        verify_proof(forged, [KEY])


def test_the_index_is_below_the_size_of_the_verified_checkpoint() -> None:
    """An index at or above the size, and any other index, is refused."""
    for index, code in ((300, "log.proof_index"), (2**62, "log.proof_index"), (8, "log.proof_root")):
        with pytest.raises(IntegrityError) as caught:
            verify_proof(PROOF.replace("index 7\n", f"index {index}\n"), [KEY])
        assert code == caught.value.code


def test_the_checkpoint_is_verified_first() -> None:
    """A forged size or an unknown signer refuses the proof before its hashes count."""
    with pytest.raises(IntegrityError, match=r"\[log\.signature\]"):
        verify_proof(PROOF.replace("\n300\n", "\n301\n"), [KEY])
    with pytest.raises(IntegrityError, match=r"\[log\.unsigned\]"):
        verify_proof(PROOF, [verifier_key(ORIGIN, bytes(32))])


def test_no_proof_is_made_that_would_not_verify() -> None:
    """Another entry, an index out of the log, or no checkpoint: an error at once."""
    with pytest.raises(IntegrityError, match=r"\[log\.proof_root\]"):
        make_proof(ENTRIES[8], 7, HASH_OF, NOTE)
    with pytest.raises(LogError, match=r"\[log\.index\]"):
        make_proof(ENTRIES[7], 300, HASH_OF, NOTE)
    with pytest.raises(IntegrityError, match=r"\[log\.note\]"):
        make_proof(ENTRIES[7], 7, HASH_OF, "no note")


@pytest.mark.parametrize(
    "text",
    [
        "",
        PROOF.replace("@v1", "@v2"),
        PROOF.replace("index 7\n", ""),
        PROOF.replace("index 7\n", "index 07\n"),
        PROOF.replace("index 7\n", "index -7\n"),
        PROOF.replace("index 7\n", "index  7\n"),
        PROOF.replace("index 7\n", "index \u0667\n"),
        PROOF.replace("extra ", "extra  "),
        PROOF.replace("extra ", "Extra "),
        PROOF.replace("\n", "\r\n"),
        PROOF.replace("=\n", "\n", 1),
        PROOF.split("\n\n")[0],
        " " + PROOF,
        "\udcff" + PROOF,
        PROOF + "x" * 1024 * 1024,
    ],
)
def test_what_is_no_proof_is_refused(text: str) -> None:
    """Every line in its one form, in its place."""
    with pytest.raises(IntegrityError, match=r"\[log\.proof_text\]"):
        verify_proof(text, [KEY])


@given(st.integers(min_value=0, max_value=len(PROOF.encode()) - 1), st.integers(min_value=1, max_value=255))
def test_no_byte_of_a_proof_can_be_changed(place: int, flip: int) -> None:
    """Every change is refused with a code of the log."""
    data = bytearray(PROOF.encode())
    data[place] ^= flip
    with pytest.raises(IntegrityError) as caught:
        verify_proof(bytes(data), [KEY])
    assert caught.value.code.startswith("log.")
