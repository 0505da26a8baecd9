"""A witness: somebody else who says that a log only ever grew (c2sp.org/tlog-witness, tlog-cosignature).

A witness keeps one thing for each log: the newest checkpoint it saw. It signs
another one only where a proof shows that the log it saw is the beginning of the
new one. A log that was cut, or that shows different pasts to different people,
finds no witness; what a witness refused for that reason it keeps as evidence.

Request, ``POST <prefix>/add-checkpoint``::

    old <size>
    <base64 of a hash>        up to 63, the consistency proof from that size
    <blank line>
    <the signed checkpoint>

Answers: 200 with signature lines; 400 not of that form, or older than it says;
403 not signed by the log; 404 a log it does not know; 409 with the size it
holds (``text/x.tlog.size``); 422 the proof does not lead there.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import threading
from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import attrs

from muniment.codec import canonical
from muniment.errors import IntegrityError, LogError, StoreError, UsageError
from muniment.files import write_atomically
from muniment.log.checkpoint import (
    COSIGNER,
    Checkpoint,
    VerifierKey,
    cosign,
    parse_checkpoint,
    parse_note,
    parse_verifier_key,
    verifier_key,
    verify,
)
from muniment.log.tree import verify_consistency
from muniment.model import Clock, system_clock

__all__ = ["MAX_REQUEST", "Answer", "Witness", "format_request", "parse_request"]

MAX_REQUEST: Final = 64 * 1024
"""Bytes of the longest request that is read; 63 hashes and a checkpoint are far below."""

SIZE_TYPE: Final = "text/x.tlog.size"
_TEXT: Final = "text/plain; charset=utf-8"
_MAX_PROOF: Final = 63
_OLD: Final = re.compile(r"old (0|[1-9][0-9]{0,18})", re.ASCII)


@attrs.frozen
class Answer:
    """What a witness answers.

    Attributes:
        status: of HTTP.
        body: signature lines, a size, or a short text.
        media_type: of the body.
    """

    status: int
    body: str
    media_type: str = _TEXT


def format_request(old: int, proof: Sequence[bytes], note: str) -> bytes:
    """A request as bytes.

    Args:
        old: the size that the witness saw last; 0 if it saw none.
        proof: the consistency proof from that size.
        note: the signed checkpoint.
    """
    lines = [f"old {old}", *(_b64(one) for one in proof), "", note]
    return "\n".join(lines).encode("utf-8")


def parse_request(body: bytes) -> tuple[int, list[bytes], str]:
    """Old size, proof and note of a request.

    Raises:
        UsageError: ``witness.request`` where it is not of that form.
    """
    try:
        head, blank, note = body.decode("utf-8").partition("\n\n")
        first, *rest = head.split("\n")
        found = _OLD.fullmatch(first)
        if len(body) > MAX_REQUEST or not blank or found is None or len(rest) > _MAX_PROOF:
            raise ValueError
        proof = [a2b_base64(line, strict_mode=True) for line in rest]
        if any(len(one) != 32 for one in proof):
            raise ValueError
        return int(found[1]), proof, note
    except (ValueError, Base64Error):  # UnicodeError is a ValueError
        raise UsageError("witness.request") from None


class Witness:
    """One witness with its state in a folder of its own.

    ``witness.json`` holds its name and signing seed, ``logs/`` one file for each
    log it knows, ``evidence/`` what it refused because it contradicts that.

    Args:
        folder: made by ``create``.
        clock: microseconds since 1970.

    Raises:
        StoreError: ``witness.none`` where the folder holds no witness.
    """

    def __init__(self, folder: Path, *, clock: Clock = system_clock) -> None:
        self.folder = folder
        self._clock = clock
        self._lock = threading.Lock()
        try:
            held = json.loads((folder / "witness.json").read_bytes())
            self.name, self._seed = str(held["name"]), bytes.fromhex(held["seed"])
        except (OSError, ValueError, KeyError, TypeError):
            raise StoreError("witness.none", where=str(folder)) from None

    @classmethod
    def create(cls, folder: Path, name: str, *, clock: Clock = system_clock) -> Witness:
        """Make a witness with a new signing key.

        Args:
            folder: new or empty.
            name: a URL without scheme by custom, such as ``witness.example.com``.
            clock: microseconds since 1970.

        Raises:
            StoreError: ``store.folder_used`` where the folder holds something.
            LogError: ``log.origin`` for a name with spaces, plus or control characters.
        """
        if folder.exists() and any(folder.iterdir()):
            raise StoreError("store.folder_used", where=str(folder))
        seed = os.urandom(32)
        verifier_key(name, seed, signature_type=COSIGNER)
        (folder / "logs").mkdir(parents=True)
        (folder / "evidence").mkdir()
        write_atomically(folder / "witness.json", canonical({"name": name, "seed": seed.hex()}))
        return cls(folder, clock=clock)

    @property
    def key(self) -> VerifierKey:
        """Checks its cosignatures."""
        return verifier_key(self.name, self._seed, signature_type=COSIGNER)

    def trust(self, text: str) -> VerifierKey:
        """Witness a log from now on.

        Args:
            text: the log's verifier key.

        Raises:
            UsageError: ``log.verifier_key``; ``witness.other_key`` where the log is known under another key.
        """
        key = parse_verifier_key(text)
        with self._locked():
            held = self._held(key.name)
            if held is not None and held["key"] != key.text:
                raise UsageError("witness.other_key", name=key.name)
            if held is None:
                self._keep(key.name, {"key": key.text, "note": "", "size": 0})
        return key

    def logs(self) -> list[tuple[str, int]]:
        """Origin and newest size of each log it knows, by origin."""
        found = []
        for path in (self.folder / "logs").glob("*.json"):
            held = json.loads(path.read_bytes())
            found.append((parse_verifier_key(held["key"]).name, int(held["size"])))
        return sorted(found)

    def add_checkpoint(self, body: bytes) -> Answer:
        """Answer one request; a checkpoint is kept before the cosignature is given."""
        try:
            old, proof, note = parse_request(body)
            claimed = parse_checkpoint(parse_note(note).text)
        except (UsageError, IntegrityError):
            return Answer(400, "not a request of c2sp.org/tlog-witness\n")
        with self._locked():
            held = self._held(claimed.origin)
            if held is None:
                return Answer(404, "a log that is not known here\n")
            try:
                checkpoint = verify(note, [parse_verifier_key(held["key"])])
            except IntegrityError:
                return Answer(403, "not signed by the log\n")
            return self._judge(held, old, proof, note, checkpoint)

    def _judge(
        self, held: dict[str, Any], old: int, proof: Sequence[bytes], note: str, checkpoint: Checkpoint
    ) -> Answer:
        size = int(held["size"])
        if old > checkpoint.size:
            return Answer(400, "the old size is above that of the checkpoint\n")
        if old != size:
            return Answer(409, f"{size}\n", SIZE_TYPE)
        kept = parse_checkpoint(parse_note(held["note"]).text) if held["note"] else None
        if kept is not None and checkpoint.size == size:
            if checkpoint.root != kept.root:
                self._keep_evidence(held["note"], note, proof)
                return Answer(409, f"{size}\n", SIZE_TYPE)
        elif kept is not None and size:
            try:
                verify_consistency(size, checkpoint.size, kept.root, checkpoint.root, proof)
            except (IntegrityError, LogError):
                self._keep_evidence(held["note"], note, proof)
                return Answer(422, "the proof does not lead from the one to the other\n")
        elif proof:
            return Answer(422, "from nothing on there is nothing to prove\n")
        line = cosign(note, self.name, self._seed, self._clock() // 1_000_000)
        self._keep(checkpoint.origin, {"key": held["key"], "note": note, "size": checkpoint.size})
        return Answer(200, line)

    # State

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One request at a time, in all threads and processes: what is checked is what is kept."""
        with self._lock, (self.folder / "lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _path(self, origin: str) -> Path:
        return self.folder / "logs" / f"{sha256(origin.encode('utf-8')).hexdigest()}.json"

    def _held(self, origin: str) -> dict[str, Any] | None:
        try:
            held: dict[str, Any] = json.loads(self._path(origin).read_bytes())
        except FileNotFoundError:
            return None
        return held

    def _keep(self, origin: str, state: dict[str, Any]) -> None:
        write_atomically(self._path(origin), canonical(state))

    def _keep_evidence(self, kept: str, refused: str, proof: Sequence[bytes]) -> None:
        """Two checkpoints of one log that cannot both be true; each is signed, so nobody can deny it."""
        document = canonical({"kept": kept, "proof": [_b64(one) for one in proof], "refused": refused})
        write_atomically(self.folder / "evidence" / f"{sha256(document).hexdigest()}.json", document)


def _b64(data: bytes) -> str:
    return b2a_base64(data, newline=False).decode("ascii")
