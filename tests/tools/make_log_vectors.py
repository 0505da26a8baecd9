"""Write the published vectors of the log and the list of kinds.

    python tests/tools/make_log_vectors.py

Everything is made from fixed inputs, so a second run writes the same files (but
for the bytes of compressed details, which depend on the zlib that is installed).
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from pathlib import Path
from typing import Any

from muniment.log import checkpoint as notes
from muniment.log.detail import Opening, pack_details
from muniment.log.entry import commitment, entry_bytes, line_hash, pack_entries, tag
from muniment.log.kinds import kinds_document
from muniment.log.proof import make_proof
from muniment.log.tiles import export_tree, tile_hashes
from muniment.log.tree import Frontier, consistency_proof, inclusion_proof, leaf_hash, root_of

SCHEMAS = Path(__file__).parents[2] / "schemas" / "muniment_schemas"
ORIGIN = "example.com/customers/0.0"
WITNESS = "witness.example/w1"


def _b64(data: bytes) -> str:
    return b64encode(data).decode("ascii")


def _bytes(label: str, size: int) -> bytes:
    """Bytes that look random and are the same in every run."""
    return hashlib.shake_256(f"muniment vectors: {label}".encode()).digest(size)


def _leaf(index: int) -> bytes:
    return b"leaf %d" % index


def _entry(kind: str, time_us: int, subjects: int, *, binding: bool = False) -> dict[str, Any]:
    label = f"{kind} {time_us}"
    members: dict[str, Any] = {
        "kind": kind,
        "time_us": time_us,
        "commitment": _bytes(f"{label} commitment", 32),
        "actor_tag": _bytes(f"{label} actor", 16),
        "subject_tags": [_bytes(f"{label} subject {number}", 16) for number in range(subjects)],
        "binding": _bytes(f"{label} binding", 32) if binding else None,
    }
    data = entry_bytes(**members)
    shown = {
        "kind": kind,
        "time_us": time_us,
        "commitment": _b64(members["commitment"]),
        "actor_tag": _b64(members["actor_tag"]),
        "subject_tags": [_b64(one) for one in members["subject_tags"]],
        "binding": _b64(members["binding"]) if binding else None,
    }
    return {"given": shown, "bytes": data.decode("ascii"), "leaf_hash": _b64(leaf_hash(data))}


def _entries() -> list[dict[str, Any]]:
    return [
        _entry("log.read", 0, 0),
        _entry("record.create", 1_700_000_000_000_001, 1, binding=True),
        _entry("record.read", 1_709_164_800_999_999, 1),
        _entry("record.list", 1_799_999_999_100_000, 5),
        _entry("erasure.done", 253_402_300_799_999_999, 2, binding=True),
    ]


def _refused_entries(good: list[dict[str, Any]]) -> list[dict[str, str]]:
    one, many = good[1]["bytes"], good[3]["bytes"]
    tags = many.split('"s":["')[1].split('"]')[0].split('","')
    swapped = many.replace(f'{tags[0]}","{tags[1]}', f'{tags[1]}","{tags[0]}')
    repeated = many.replace(tags[1], tags[0])
    day = one.replace("2023-11-14", "2023-02-29")
    last = tags[0][21]
    return [
        {"bytes": one.replace('"v":1', '"v":2'), "why": "another version"},
        {"bytes": one.replace(',"v":1', ', "v":1'), "why": "a space"},
        {"bytes": one + "\n", "why": "a newline at the end"},
        {"bytes": one.replace('"k":"record.create",', ""), "why": "no kind"},
        {"bytes": one.replace("record.create", "record.invent"), "why": "an unknown kind"},
        {"bytes": one.replace('"t":"', '"x":1,"t":"'), "why": "another member"},
        {"bytes": one.replace("Z", "+00:00"), "why": "another way to write UTC"},
        {"bytes": day, "why": "a day that does not exist"},
        {"bytes": one.replace("T22:", "T24:"), "why": "an hour that does not exist"},
        {"bytes": one.replace("2023-", "1969-"), "why": "a time before 1970"},
        {"bytes": swapped, "why": "subject tags out of order"},
        {"bytes": repeated, "why": "a subject tag twice"},
        {"bytes": many.replace(last + "==", chr(ord(last) + 1) + "==", 1), "why": "base64 with loose bits"},
        {"bytes": good[0]["bytes"].replace('"t":', '"s":[],"t":'), "why": "an empty list of subjects"},
    ]


def _details() -> dict[str, Any]:
    openings, shown = [], []
    for place, count in enumerate((0, 2, 1)):
        lines = []
        for number in range(count):
            line = {"id": f"00000000-0000-7000-8000-00000000000{number}", "set": 0, "version": number + 1}
            text = json.dumps(line, separators=(",", ":"), sort_keys=True).encode()
            lines.append((_bytes(f"salt {place} {number}", 32), text))
        detail: dict[str, Any] = {
            "actor": {"id": "li.na", "roles": ["editor"]},
            "auth": "password",
            "kind": "record.read" if count else "log.read",
            "op": _bytes(f"op {place}", 16).hex(),
            "outcome": "ok",
            "purpose": "ServiceProvision",
            "source": {"program": "cli"},
            "time": "2026-03-01T09:30:00.000001Z",
        }
        if count:
            detail["count"] = count
            detail["records"] = [_b64(line_hash(salt, line)) for salt, line in lines]
            detail["sets"] = [{"personal": {"clear": ["full_name"], "masked": ["phone"]}}]
            detail["type"] = "customer"
        text = json.dumps(detail, separators=(",", ":"), sort_keys=True).encode()
        r = _bytes(f"r {place}", 32)
        openings.append(Opening(place, r, text, tuple(lines)))
        committed = commitment(r, text)
        key = _bytes(f"tag key {place}", 32)
        shown.append(
            {
                "place": place,
                "r": _b64(r),
                "detail": text.decode("ascii"),
                "lines": [{"salt": _b64(salt), "line": line.decode("ascii")} for salt, line in lines],
                "commitment": _b64(committed),
                "tag_key": _b64(key),
                "tag": _b64(tag(key, committed)),
            }
        )
    return {"openings": shown, "packed": _b64(pack_details(openings))}


def _tree() -> dict[str, Any]:
    size = 300
    files = dict(export_tree((_leaf(index) for index in range(size)), size))
    hash_of = tile_hashes(files.__getitem__, size)
    hashes = [leaf_hash(_leaf(index)) for index in range(70_001)]
    frontiers = []
    for leaves in (0, 1, 6, 257):
        frontier = Frontier()
        frontier.extend(hashes[:leaves])
        frontiers.append({"size": leaves, "bytes": _b64(frontier.to_bytes())})
    return {
        "leaf": "the entry with index N is the ASCII text `leaf N`",
        "roots": [
            {"size": leaves, "root": _b64(root_of(hashes[:leaves]))}
            for leaves in (0, 1, 2, 3, 255, 256, 257, 300, 65_536, 70_001)
        ],
        "frontiers": frontiers,
        "inclusion": [
            {
                "index": index,
                "size": size,
                "proof": [_b64(one) for one in inclusion_proof(index, size, hash_of)],
            }
            for index in (0, 255, 256, 299)
        ],
        "consistency": [
            {"old": old, "new": size, "proof": [_b64(one) for one in consistency_proof(old, size, hash_of)]}
            for old in (1, 255, 256, 257, 300)
        ],
        "tiles": {
            "size": size,
            "sha256": {path: hashlib.sha256(data).hexdigest() for path, data in sorted(files.items())},
        },
    }


def _signed(entries: list[bytes]) -> dict[str, Any]:
    seed, witness_seed = _bytes("log seed", 32), _bytes("witness seed", 32)
    hashes = [leaf_hash(entry) for entry in entries]
    note = notes.sign(notes.Checkpoint(ORIGIN, len(entries), root_of(hashes)), seed)
    time_s = 1_800_000_000
    line = notes.cosign(note, WITNESS, witness_seed, time_s)
    both = notes.attach(note, [line])
    mac_key = _bytes("mac key", 32)
    files = dict(export_tree(entries, len(entries)))
    proof = make_proof(entries[1], 1, tile_hashes(files.__getitem__, len(entries)), both)
    end = note.index("\n\n") + 2
    return {
        "seed": _b64(seed),
        "verifier_key": notes.verifier_key(ORIGIN, seed).text,
        "origin": ORIGIN,
        "size": len(entries),
        "root": _b64(root_of(hashes)),
        "note": note,
        "refused": [
            {"note": note.replace("\n5\n", "\n6\n"), "why": "another size"},
            {"note": note.replace("\n5\n", "\n05\n"), "why": "a leading zero"},
            {"note": note.replace("\n", "\r\n"), "why": "carriage returns"},
            {"note": note.replace("\u2014", "-"), "why": "a hyphen for the dash"},
            {"note": note[:-1], "why": "no newline at the end"},
            {"note": note[:end], "why": "no signature"},
            {"note": note[: end - 1] + note[end:], "why": "no blank line"},
            {"note": note.replace(f"{ORIGIN}\n", "example.com/customers/0.1\n", 1), "why": "another origin"},
        ],
        "cosigned": {
            "seed": _b64(witness_seed),
            "verifier_key": notes.verifier_key(WITNESS, witness_seed, signature_type=notes.COSIGNER).text,
            "time_s": time_s,
            "line": line,
            "note": both,
        },
        "mac": {
            "key": _b64(mac_key),
            "first_seq": 2,
            "n": 3,
            "mac": _b64(notes.batch_mac(mac_key, ORIGIN, 2, 3, root_of(hashes))),
        },
        "proof": {"index": 1, "text": proof},
    }


def document() -> dict[str, Any]:
    """The content of ``vectors/log.json``."""
    entries = _entries()
    data = [entry["bytes"].encode("ascii") for entry in entries]
    return {
        "about": "Vectors for formats/log.md. Bytes are standard base64 unless they are text.",
        "entries": entries,
        "refused_entries": _refused_entries(entries),
        "bundle": _b64(pack_entries(data)),
        "details": _details(),
        "tree": _tree(),
        "signed": _signed(data),
    }


def main() -> None:
    """Write the files into the schemas."""
    (SCHEMAS / "vectors").mkdir(exist_ok=True)
    text = json.dumps(document(), ensure_ascii=False, indent=1) + "\n"
    (SCHEMAS / "vectors" / "log.json").write_text(text, encoding="utf-8")
    (SCHEMAS / "kinds.json").write_text(kinds_document(), encoding="utf-8")


if __name__ == "__main__":
    main()
