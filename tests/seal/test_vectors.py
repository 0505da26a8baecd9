"""The published vectors, opened by an implementation that shares no line with muniment."""

from __future__ import annotations

import hashlib
import hmac
import importlib.util
import json
import shutil
import struct
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from muniment import seal
from muniment.errors import IntegrityError

ROOT = Path(__file__).resolve().parents[2]
VECTORS = ROOT / "schemas" / "muniment_schemas" / "vectors"
SEALS = json.loads((VECTORS / "seal.json").read_text(encoding="utf-8"))


def named(case: dict[str, Any]) -> str:
    return str(case["name"])


def place_of(case: dict[str, Any]) -> dict[str, Any]:
    numbers = {name: int(case[name]) for name in ("type_number", "version", "group") if name in case}
    return numbers | {name: bytes.fromhex(case[name]) for name in ("archive", "subject", "record")}


def expand(key: bytes, info: bytes, size: int) -> bytes:
    made = block = b""
    count = 1
    while len(made) < size:
        block = hmac.new(key, block + info + bytes((count,)), hashlib.sha512).digest()
        made, count = made + block, count + 1
    return made[:size]


def other_open(case: dict[str, Any]) -> dict[int, bytes]:
    """Open a part as formats/seals.md says, step by step, with the plain primitives."""
    part, place = bytes.fromhex(case["part"]), place_of(case)
    assert part[0] == 0x4D
    assert part[1] == 1
    salt, commitment = part[20:44], part[44:76]
    info = (
        b"muniment/seal/v1\x00"
        + bytes((1,))
        + place["archive"]
        + struct.pack(">I", place["type_number"])
        + place["subject"]
        + place["record"]
        + struct.pack(">QH", place["version"], place["group"])
        + salt
    )
    okm = expand(bytes.fromhex(case["data_key"]), info, 64)
    assert okm[32:] == commitment
    count = int.from_bytes(part[76:78], "big")
    opened, rest = {}, part[78:]
    for _ in range(count):
        number, length = struct.unpack(">II", rest[:8])
        bound = struct.pack(">HI", count, number)
        plain = AESGCM(okm[:32]).decrypt(bytes(8) + struct.pack(">I", number), rest[8 : 8 + length], bound)
        assert len(plain) % 16 == 0
        opened[number] = plain.rstrip(b"\x00").removesuffix(b"\x80")
        rest = rest[8 + length :]
    assert rest == b""
    return opened


def other_seal_file(case: dict[str, Any], plain: bytes) -> bytes:
    """Seal a file as formats/seals.md and c2sp.org/chunked-encryption say, all at once."""
    place = place_of(case)
    info = b"muniment/file/v1\x00\x01" + place["archive"] + struct.pack(">I", place["type_number"])
    file_key = expand(bytes.fromhex(case["data_key"]), info + place["subject"] + place["record"], 32)
    salt = bytes.fromhex(case["salt"])
    context = struct.pack(">I", int(case["field"])) + bytes.fromhex(case["file"])
    standard = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\x00" + salt + context
    okm = expand(file_key, standard, 76)
    slots = struct.pack(">QQ", int(case["facet_slot"]), int(case["subject_slot"]))
    sealed = b"\x46\x01" + slots + salt + okm[44:]
    for number in range(len(plain) // 16_384 + 1):
        nonce = bytes(a ^ b for a, b in zip(okm[32:44], number.to_bytes(12, "big"), strict=True))
        sealed += AESGCM(okm[:32]).encrypt(nonce, plain[16_384 * number : 16_384 * (number + 1)], None)
    return sealed


def test_vectors_are_those_the_tool_writes() -> None:
    """The files in schemas/ are exactly what the tool makes of today's code: no format changed unseen."""
    spec = importlib.util.spec_from_file_location(
        "make_seal_vectors", ROOT / "tests" / "tools" / "make_seal_vectors.py"
    )
    assert spec is not None
    assert spec.loader is not None
    tool: ModuleType = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    for name, text in tool.documents().items():
        assert text == (VECTORS / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("case", SEALS["parts"], ids=named)
def test_parts_open_elsewhere(case: dict[str, Any]) -> None:
    """Every published part opens with plain primitives, to the fields it was made of."""
    expected = {field["number"]: bytes.fromhex(field["value"]) for field in case["fields"]}
    part = bytes.fromhex(case["part"])
    assert expected == other_open(case)
    assert expected == seal.open_part(bytes.fromhex(case["data_key"]), part, **place_of(case))
    assert case["sha256"] == hashlib.sha256(part).hexdigest()
    header = seal.part_header(part)
    assert (int(case["facet_slot"]), int(case["subject_slot"])) == (header.facet_slot, header.subject_slot)


@pytest.mark.parametrize("case", SEALS["refused"], ids=named)
def test_wrong_parts_are_refused(case: dict[str, Any]) -> None:
    """Every published wrong part is refused, also those whose seals are well made."""
    with pytest.raises(IntegrityError, match=r"integrity\.seal"):
        seal.open_part(bytes.fromhex(case["data_key"]), bytes.fromhex(case["part"]), **place_of(case))


@pytest.mark.parametrize("case", SEALS["files"], ids=named)
def test_files_are_sealed_alike_elsewhere(case: dict[str, Any]) -> None:
    """Another implementation makes the same bytes of every published file."""
    plain = hashlib.shake_256(case["plain_shake256_of"].encode()).digest(case["size"])
    sealed = other_seal_file(case, plain)
    assert case["sha256"] == hashlib.sha256(sealed).hexdigest()
    assert case["sealed_size"] == len(sealed)
    if "sealed" in case:
        assert case["sealed"] == sealed.hex()


def test_node_opens_the_vectors() -> None:
    """A program in another language, with its own cryptography, opens and refuses all vectors likewise."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    script = ROOT / "tests" / "interop" / "open_vectors.mjs"
    ran = subprocess.run([node, script, VECTORS], capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 0, ran.stderr
    values = json.loads((VECTORS / "values.json").read_text(encoding="utf-8"))
    assert json.loads(ran.stdout) == {
        "parts": len(SEALS["parts"]),
        "refused": len(SEALS["refused"]),
        "files": len(SEALS["files"]),
        "values": len(values["values"]),
        "refused_values": len(values["refused"]),
    }
