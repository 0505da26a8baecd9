"""Make the vectors of formats/keys.md with fixed randomness.

    python tests/tools/make_keys_vectors.py [--check]

Everything is the same at each run but the wraps, which HPKE makes with a key of
its own each time: a wrap that is there already and opens is kept. ``--check``
writes nothing and fails where the file would change.
"""

from __future__ import annotations

import json
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from muniment.keys import actor_tag_key, data_key, index_key, read_phrase, subject_tag_key
from muniment.keys._pages import Page, seal_box, seal_page
from muniment.keys.derive import backup_key
from muniment.keys.roots import Cost, Passphrase, Recipient, RecoveryPhrase
from muniment.keys.slots import HpkeProvider, Opener, PrivateKeyOpener, Root, SlotFile, slot_info
from muniment.model import id_text

TARGET = Path(__file__).parents[2] / "schemas" / "muniment_schemas" / "vectors" / "keys.json"
PHRASE = "legal winner thank year wave sausage worth useful legal winner thank yellow"
TYPED = (
    "1. LEGAL 2. winn 3. thank, year wave saus worth usef legal winner thank yellow",
    "的的的的的的的的的的的在",
)


def fixed(label: str, count: int) -> bytes:
    """Bytes that look random and are the same at each run."""
    made = b""
    while len(made) < count:
        made += sha256(f"muniment vectors, {label}, {len(made)}".encode()).digest()
    return made[:count]


ARCHIVE = fixed("archive", 16)
KEY = fixed("archive key", 32)
EPOCH = 7


def derived() -> dict[str, Any]:
    """Each derived key, with everything it is made from."""
    subject, facet, record = fixed("subject secret", 32), fixed("facet secret", 32), fixed("record", 16)
    named, root = fixed("subject", 16), fixed("root", 32)
    return {
        "data_key": {
            "subject_secret": subject.hex(),
            "facet_secret": facet.hex(),
            "record": record.hex(),
            "category": 258,
            "key": data_key(subject, facet, ARCHIVE, record, 258).hex(),
        },
        "subject_tag_key": {
            "subject_secret": subject.hex(),
            "subject": named.hex(),
            "key": subject_tag_key(subject, ARCHIVE, named).hex(),
        },
        "actor_tag_key": {
            "tag_root": root.hex(),
            "actor": "李娜",
            "key": actor_tag_key(root, ARCHIVE, "李娜").hex(),
        },
        "index_key": {
            "index_root": root.hex(),
            "field": 66_051,
            "kind": 4,
            "normaliser": 5,
            "epoch": 6,
            "key": index_key(root, ARCHIVE, 66_051, 4, 5, 6).hex(),
        },
        "backup_key": {
            "archive_secret": fixed("archive secret", 32).hex(),
            "backup": fixed("backup", 16).hex(),
            "key": backup_key(fixed("archive secret", 32), ARCHIVE, fixed("backup", 16)).hex(),
        },
    }


def page() -> dict[str, Any]:
    """A page with 200 slots given, the one at place 3 destroyed."""
    secrets = bytearray(b"".join(fixed(f"secret {place}", 32) for place in range(256)))
    secrets[96:128] = bytes(32)
    sealed = seal_page(AESGCM(KEY), ARCHIVE, EPOCH, Page(2, 200, bytes(secrets)), fixed("page nonce", 12))
    return {
        "number": 2,
        "used": 200,
        "destroyed": [3],
        "first_secret": secrets[:32].hex(),
        "last_secret": secrets[-32:].hex(),
        "sha256_of_secrets": sha256(secrets).hexdigest(),
        "sealed": sealed.hex(),
    }


def box() -> dict[str, Any]:
    """A sealed blob."""
    name, content = (
        "signed/example.com/customers/0.0",
        b"\x01" + (9).to_bytes(8, "big") + fixed("root hash", 32),
    )
    sealed = seal_box(AESGCM(KEY), ARCHIVE, EPOCH, name, content, fixed("box nonce", 12))
    return {"name": name, "content": content.hex(), "sealed": sealed.hex()}


def slot(number: int, root: Root, credential: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    """A slot file; its wrap is the known one where that opens."""
    identifier = fixed(f"slot {number}", 16)
    enrolment = root.enrol(lambda count: fixed(f"salt {number}", count))
    opener = enrolment.opener
    assert opener is not None
    info = slot_info(ARCHIVE, identifier, EPOCH)
    enc, wrap = _kept(known, opener, info) or HpkeProvider().wrap(KEY, enrolment.public, info, None)
    file = SlotFile(
        ARCHIVE, identifier, root.kind, EPOCH, enrolment.public, enc, wrap, argon2=enrolment.argon2
    )
    return {"credential": credential, "name": f"{id_text(identifier)}.json", "file": file.encode().decode()}


def _kept(known: dict[str, Any], opener: Opener, info: bytes) -> tuple[bytes, bytes] | None:
    if not known:
        return None
    file = SlotFile.decode(known["file"].encode(), where="")
    return (file.enc, file.wrap) if opener.open(file.enc, file.wrap, info) == KEY else None


def main() -> None:
    """Write the file, or see that it is what would be written."""
    before = json.loads(TARGET.read_text(encoding="utf-8")) if TARGET.exists() else {}
    known = before.get("slots", [{}, {}, {}])
    private = fixed("private key", 32)
    roots: list[tuple[Root, dict[str, Any]]] = [
        (Recipient(PrivateKeyOpener(private).public, private=private), {"private": private.hex()}),
        (Passphrase("Grüße aus Bern", cost=Cost(64, 3, 4)), {"passphrase": "Gru\u0308ße\u3000aus\u00a0Bern"}),
        (RecoveryPhrase(PHRASE, cost=Cost(32, 2, 1)), {"words": PHRASE}),
    ]
    document = {
        "v": 1,
        "format": "keys.md",
        "archive": ARCHIVE.hex(),
        "archive_key": KEY.hex(),
        "epoch": EPOCH,
        "derived": derived(),
        "page": page(),
        "box": box(),
        "slots": [
            slot(number, root, credential, known[number]) for number, (root, credential) in enumerate(roots)
        ],
        "phrases": [{"typed": typed, "words": read_phrase(typed)} for typed in TYPED],
    }
    text = json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    if "--check" in sys.argv:
        sys.exit(text != TARGET.read_text(encoding="utf-8"))
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
