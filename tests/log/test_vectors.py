"""The published vectors, opened by a second implementation that shares no code with muniment.

Everything here is written from ``formats/log.md`` with the standard library:
hashlib, hmac, json, zlib, and Ed25519 by the equations of RFC 8032. It is what
a stranger would write. Only the last two tests import muniment.
"""

from __future__ import annotations

import hashlib
import hmac
import importlib.util
import json
import struct
import zlib
from base64 import b64decode, b64encode
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

SCHEMAS = Path(__file__).parents[2] / "schemas" / "muniment_schemas"
VECTORS: dict[str, Any] = json.loads((SCHEMAS / "vectors" / "log.json").read_text(encoding="utf-8"))
KINDS = {kind["kind"] for kind in json.loads((SCHEMAS / "kinds.json").read_text(encoding="utf-8"))["kinds"]}


def b64(data: bytes) -> str:
    return b64encode(data).decode()


# --- Ed25519, RFC 8032 section 5.1 -------------------------------------------

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
Point = tuple[int, int]


def point_add(one: Point, two: Point) -> Point:
    (x1, y1), (x2, y2) = one, two
    product = D * x1 * x2 * y1 * y2 % P
    x = (x1 * y2 + x2 * y1) * pow(1 + product, -1, P) % P
    y = (y1 * y2 + x1 * x2) * pow(1 - product, -1, P) % P
    return x, y


def point_times(point: Point, factor: int) -> Point:
    total = (0, 1)
    while factor:
        if factor & 1:
            total = point_add(total, point)
        point = point_add(point, point)
        factor >>= 1
    return total


def point_read(data: bytes) -> Point:
    number = int.from_bytes(data, "little")
    sign, y = number >> 255, number & (1 << 255) - 1
    assert y < P
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * pow(2, (P - 1) // 4, P) % P
    assert x * x % P == square, "not on the curve"
    return (P - x if x & 1 != sign else x), y


BASE = point_read((4 * pow(5, -1, P) % P).to_bytes(32, "little"))


def point_bytes(point: Point) -> bytes:
    x, y = point
    return (y | (x & 1) << 255).to_bytes(32, "little")


def public_of(seed: bytes) -> bytes:
    digest = bytearray(hashlib.sha512(seed).digest()[:32])
    digest[0] &= 248
    digest[31] = digest[31] & 127 | 64
    return point_bytes(point_times(BASE, int.from_bytes(digest, "little")))


def ed25519_is_right(public: bytes, signature: bytes, message: bytes) -> bool:
    s = int.from_bytes(signature[32:], "little")
    if len(signature) != 64 or s >= ORDER:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % ORDER
    left = point_times(BASE, s)
    return left == point_add(point_read(signature[:32]), point_times(point_read(public), k))


# --- entries, details, tree --------------------------------------------------


def read_entry(text: str) -> dict[str, Any]:
    """Parse, check and give back the members; asserts on whatever the format does not allow."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len(dict(pairs)) == len(pairs)
        return dict(pairs)

    entry: dict[str, Any] = json.loads(text, object_pairs_hook=once)
    assert json.dumps(entry, sort_keys=True, separators=(",", ":")) == text
    assert {"a", "c", "k", "t", "v"} <= entry.keys() <= {"a", "b", "c", "k", "s", "t", "v"}
    assert 1 == entry["v"]
    assert entry["k"] in KINDS
    assert len(text.encode()) <= 4096
    for text_, size in [(entry["a"], 16), (entry["c"], 32), (entry.get("b", b64(bytes(32))), 32)]:
        assert size == len(b64decode(text_, validate=True))
        assert text_ == b64(b64decode(text_))
    tags = [b64decode(tag, validate=True) for tag in entry.get("s", [])]
    assert tags == sorted(set(tags))
    assert all(len(tag) == 16 for tag in tags)
    assert entry.get("s", ["x"]), "an empty list is left out"
    assert [b64(tag) for tag in tags] == entry.get("s", [])
    moment = datetime.strptime(entry["t"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    assert moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ") == entry["t"]
    entry["time_us"] = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    assert entry["time_us"] >= 0
    return entry


def leaf(entry: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + entry).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    if not leaves:
        return hashlib.sha256(b"").digest()
    row = list(leaves)
    while len(row) > 1:
        # A node without a neighbour goes up as it is: the same tree, from the leaves.
        paired = [
            hashlib.sha256(b"\x01" + row[at] + row[at + 1]).digest() for at in range(0, len(row) - 1, 2)
        ]
        row = paired + row[len(row) // 2 * 2 :]
    return row[0]


def path_root(index: int, size: int, hashed: bytes, proof: Sequence[bytes]) -> bytes:
    """The root that a path leads to, going down the tree as RFC 6962 splits it."""
    if size == 1:
        assert not proof
        return hashed
    half = 1 << (size - 1).bit_length() - 1
    *below, sibling = proof
    if index < half:
        return hashlib.sha256(b"\x01" + path_root(index, half, hashed, below) + sibling).digest()
    return hashlib.sha256(b"\x01" + sibling + path_root(index - half, size - half, hashed, below)).digest()


def unpack(packed: bytes) -> list[bytes]:
    entries = []
    while packed:
        length = int.from_bytes(packed[:2], "big")
        entries.append(packed[2 : 2 + length])
        packed = packed[2 + length :]
    return entries


ENTRIES = [entry["bytes"].encode() for entry in VECTORS["entries"]]


@pytest.mark.parametrize("vector", VECTORS["entries"])
def test_entries(vector: dict[str, Any]) -> None:
    """Members, order, leaf hash."""
    entry, wanted = read_entry(vector["bytes"]), vector["given"]
    shown = {
        "kind": entry["k"],
        "time_us": entry["time_us"],
        "commitment": entry["c"],
        "actor_tag": entry["a"],
        "binding": entry.get("b"),
    }
    assert shown == {name: wanted[name] for name in shown}
    assert sorted(map(b64decode, wanted["subject_tags"])) == list(map(b64decode, entry.get("s", [])))
    assert vector["leaf_hash"] == b64(leaf(vector["bytes"].encode()))


def test_the_order_of_tags_is_told_apart() -> None:
    """One vector has tags whose bytes and whose base64 sort differently."""
    assert any(
        sorted(tags, key=b64decode) != sorted(tags)
        for tags in (vector["given"]["subject_tags"] for vector in VECTORS["entries"])
    )


@pytest.mark.parametrize("vector", VECTORS["refused_entries"], ids=lambda vector: vector["why"])
def test_refused_entries(vector: dict[str, str]) -> None:
    """Each breaks one rule of the format."""
    with pytest.raises((AssertionError, ValueError, KeyError)):
        read_entry(vector["bytes"])


def test_bundle() -> None:
    """A uint16 length before each entry."""
    assert ENTRIES == unpack(b64decode(VECTORS["bundle"]))


def test_details() -> None:
    """The plain bytes, commitments, tags and the hashes of lines."""
    plain, at = zlib.decompress(b64decode(VECTORS["details"]["packed"])), 0
    for wanted in VECTORS["details"]["openings"]:
        place, r, length = struct.unpack_from(">I32sI", plain, at)
        detail = plain[at + 40 : at + 40 + length]
        at += 40 + length
        count = int.from_bytes(plain[at : at + 2], "big")
        at += 2
        hashes = []
        for line in wanted["lines"]:
            salt, length = struct.unpack_from(">32sI", plain, at)
            text = plain[at + 36 : at + 36 + length]
            at += 36 + length
            assert (line["salt"], line["line"]) == (b64(salt), text.decode())
            hashes.append(b64(hashlib.sha256(salt + text).digest()))
        assert (wanted["place"], wanted["r"]) == (place, b64(r))
        assert (wanted["detail"], len(wanted["lines"])) == (detail.decode(), count)
        assert hashes == json.loads(detail).get("records", [])
        committed = hashlib.sha256(b"muniment/detail/v1\n" + r + detail).digest()
        assert wanted["commitment"] == b64(committed)
        key = b64decode(wanted["tag_key"])
        mac = hmac.new(key, b"muniment/tag/v1\n" + committed, "sha256").digest()
        assert wanted["tag"] == b64(mac[:16])
    assert len(plain) == at


def leaves(size: int) -> list[bytes]:
    return [leaf(b"leaf %d" % index) for index in range(size)]


def test_roots_and_frontiers() -> None:
    """Roots of many sizes; a frontier is the complete subtrees, largest first."""
    hashes = leaves(max(vector["size"] for vector in VECTORS["tree"]["roots"]))
    for vector in VECTORS["tree"]["roots"]:
        assert vector["root"] == b64(root(hashes[: vector["size"]]))
    for vector in VECTORS["tree"]["frontiers"]:
        size, at = vector["size"], 0
        wanted = b"\x46\x01" + size.to_bytes(8, "big")
        for level in range(63, -1, -1):
            if size >> level & 1:
                wanted += root(hashes[at : at + (1 << level)])
                at += 1 << level
        assert vector["bytes"] == b64(wanted)


def test_inclusion_and_consistency() -> None:
    """Each path leads to the root; each consistency proof rebuilds both roots."""
    for vector in VECTORS["tree"]["inclusion"]:
        hashes = leaves(vector["size"])
        proof = [b64decode(one) for one in vector["proof"]]
        index = vector["index"]
        assert root(hashes) == path_root(index, len(hashes), hashes[index], proof)
    for vector in VECTORS["tree"]["consistency"]:
        old, hashes = vector["old"], leaves(vector["new"])
        proof = [b64decode(one) for one in vector["proof"]]
        if old == len(hashes):
            assert [] == proof
            continue
        before, after = consistency_roots(old, len(hashes), root(hashes[:old]), proof)
        assert (root(hashes[:old]), root(hashes)) == (before, after)


def consistency_roots(
    old: int, new: int, old_root: bytes, proof: Sequence[bytes], whole: bool = True
) -> tuple[bytes, bytes]:
    """Both roots that a consistency proof leads to, going down the larger tree."""
    if old == new:
        if whole:
            assert not proof
            return old_root, old_root
        (node,) = proof
        return node, node
    half = 1 << (new - 1).bit_length() - 1
    *below, last = proof
    if old <= half:
        before, after = consistency_roots(old, half, old_root, below, whole)
        return before, hashlib.sha256(b"\x01" + after + last).digest()
    before, after = consistency_roots(old - half, new - half, old_root, below, False)
    return hashlib.sha256(b"\x01" + last + before).digest(), hashlib.sha256(b"\x01" + last + after).digest()


def test_tiles() -> None:
    """Every file of the export, by its path and digest."""
    size = VECTORS["tree"]["tiles"]["size"]
    hashes = leaves(size)
    bundles = [b"leaf %d" % index for index in range(size)]
    packed = [len(one).to_bytes(2, "big") + one for one in bundles]
    files = {
        "tile/0/000": b"".join(hashes[:256]),
        "tile/0/001.p/44": b"".join(hashes[256:]),
        "tile/1/000.p/1": root(hashes[:256]),
        "tile/entries/000": b"".join(packed[:256]),
        "tile/entries/001.p/44": b"".join(packed[256:]),
    }
    assert VECTORS["tree"]["tiles"]["sha256"] == {
        path: hashlib.sha256(data).hexdigest() for path, data in files.items()
    }


# --- checkpoints ---------------------------------------------------------------

SIGNED = VECTORS["signed"]


def read_key(text: str) -> tuple[str, bytes, int, bytes]:
    """Name, key ID, signature type and public key of a verifier key."""
    name, key_id, encoded = text.split("+", 2)
    material = b64decode(encoded, validate=True)
    assert hashlib.sha256(name.encode() + b"\n" + material).digest()[:4].hex() == key_id
    return name, bytes.fromhex(key_id), material[0], material[1:]


def open_note(note: str, verifier_key: str) -> tuple[str, int, bytes]:
    """Origin, size and root that the key signed; asserts on everything else."""
    assert not [c for c in note if c < " " and c != "\n"]
    name, key_id, kind, public = read_key(verifier_key)
    head, blank, tail = note.rpartition("\n\n")
    assert blank
    assert tail.endswith("\n")
    text, signed = head + "\n", False
    for line in tail[:-1].split("\n"):
        dash, signer, encoded = line.split(" ")
        assert "\u2014" == dash
        blob = b64decode(encoded, validate=True)
        if (signer, blob[:4]) != (name, key_id):
            continue
        message, signature = text.encode(), blob[4:]
        if kind == 4:
            time_s = int.from_bytes(signature[:8], "big")
            message = f"cosignature/v1\ntime {time_s}\n".encode() + message
            signature = signature[8:]
        assert ed25519_is_right(public, signature, message)
        signed = True
    assert signed
    origin, size, encoded, *_ = text.split("\n")
    assert str(int(size)) == size
    return origin, int(size), b64decode(encoded, validate=True)


def test_keys_and_checkpoint() -> None:
    """The public keys belong to the seeds, and the signatures to the keys."""
    for part in (SIGNED, SIGNED["cosigned"]):
        assert public_of(b64decode(part["seed"])) == read_key(part["verifier_key"])[3]
    wanted = (SIGNED["origin"], SIGNED["size"], root([leaf(entry) for entry in ENTRIES]))
    assert SIGNED["root"] == b64(wanted[2])
    for note in (SIGNED["note"], SIGNED["cosigned"]["note"]):
        assert wanted == open_note(note, SIGNED["verifier_key"])


@pytest.mark.parametrize("vector", SIGNED["refused"], ids=lambda vector: vector["why"])
def test_refused_checkpoints(vector: dict[str, str]) -> None:
    """Each is altered or is no signed note."""
    with pytest.raises((AssertionError, ValueError)):
        open_note(vector["note"], SIGNED["verifier_key"])


def test_cosignature() -> None:
    """The witness's line signs the text with its time before it."""
    cosigned = SIGNED["cosigned"]
    assert cosigned["note"] == SIGNED["note"] + cosigned["line"]
    assert SIGNED["origin"] == open_note(cosigned["note"], cosigned["verifier_key"])[0]
    blob = b64decode(cosigned["line"].split(" ")[2])
    assert cosigned["time_s"] == int.from_bytes(blob[4:12], "big")


def test_mac() -> None:
    """Origin, u64, u32, root."""
    mac = SIGNED["mac"]
    message = SIGNED["origin"].encode() + struct.pack(">QI", mac["first_seq"], mac["n"])
    message += b64decode(SIGNED["root"])
    assert mac["mac"] == b64(hmac.new(b64decode(mac["key"]), message, "sha256").digest())


def test_proof() -> None:
    """The proof leads from the entry that it carries to the root that the log signed."""
    head, _, note = SIGNED["proof"]["text"].partition("\n\n")
    first, extra, index, *hashes = head.split("\n")
    assert ("c2sp.org/tlog-proof@v1", f"index {SIGNED['proof']['index']}") == (first, index)
    entry = b64decode(extra.removeprefix("extra "), validate=True)
    assert ENTRIES[SIGNED["proof"]["index"]] == entry
    _, size, signed_root = open_note(note, SIGNED["verifier_key"])
    assert SIGNED["proof"]["index"] < size
    path = [b64decode(one, validate=True) for one in hashes]
    assert signed_root == path_root(SIGNED["proof"]["index"], size, leaf(entry), path)


# --- and muniment itself -------------------------------------------------------


def test_the_published_vectors_are_those_of_the_code() -> None:
    """Making them again gives the same file, but for how details were compressed."""
    tool = Path(__file__).parents[1] / "tools" / "make_log_vectors.py"
    spec = importlib.util.spec_from_file_location("make_log_vectors", tool)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    made, published = module.document(), json.loads(json.dumps(VECTORS))
    packed = [b64decode(some["details"].pop("packed")) for some in (made, published)]
    assert zlib.decompress(packed[0]) == zlib.decompress(packed[1])
    assert published == made


def test_muniment_refuses_what_the_vectors_refuse() -> None:
    """And opens what they open."""
    from muniment.errors import IntegrityError
    from muniment.log.checkpoint import parse_verifier_key, verify, verify_cosignatures
    from muniment.log.detail import scan_details
    from muniment.log.entry import scan_entries, scan_entry
    from muniment.log.proof import verify_proof

    key = parse_verifier_key(SIGNED["verifier_key"])
    assert ENTRIES == [row[0] for row in scan_entries(b64decode(VECTORS["bundle"]))]
    scanned = scan_details(b64decode(VECTORS["details"]["packed"]))
    wanted = [(one["place"], one["commitment"].encode()) for one in VECTORS["details"]["openings"]]
    assert wanted == scanned
    assert SIGNED["size"] == verify(SIGNED["note"], [key]).size
    assert verify_cosignatures(
        SIGNED["cosigned"]["note"], [parse_verifier_key(SIGNED["cosigned"]["verifier_key"])]
    )
    assert SIGNED["proof"]["index"] == verify_proof(SIGNED["proof"]["text"], [key]).index
    for vector in VECTORS["refused_entries"]:
        with pytest.raises(IntegrityError):
            scan_entry(vector["bytes"].encode())
    for vector in SIGNED["refused"]:
        with pytest.raises(IntegrityError):
            verify(vector["note"], [key])
