"""Checks a certificate of erasure with nothing but the log's verifier key: no archive, no other key."""

from __future__ import annotations

import json
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, Final

import attrs

from muniment.codec import canonical, parse_canonical
from muniment.errors import IntegrityError, MunimentError
from muniment.log.checkpoint import parse_verifier_key
from muniment.log.entry import commitment, parse_entry
from muniment.log.proof import Proven, verify_proof
from muniment.model import rfc3339

__all__ = ["Certified", "check_certificate"]

_LARGEST: Final = 64 * 1024 * 1024


@attrs.frozen
class Certified:
    """What a sound certificate says.

    Attributes:
        certificate: the document.
        size: of the log at the checkpoint under which all its entries are proven.
        origin: the log's name.
        key: the verifier key that the checkpoint was checked with.
        trusted: whether that key came from elsewhere; else the file is only consistent with itself.
    """

    certificate: Mapping[str, Any]
    size: int
    origin: str
    key: str
    trusted: bool


def check_certificate(text: str | bytes, *, key: str | None = None) -> Certified:
    """Check that a certificate is the one that the log certifies, and that the log says what it says.

    Every entry it rests on must be proven under one signed checkpoint, and say
    of each target what the certificate says.

    Args:
        text: the file, JSON.
        key: the log's verifier key, from elsewhere; by default the one in the file.

    Raises:
        IntegrityError: ``erasure.certificate`` with what does not fit; ``log.*`` where a proof or a
            signature is wrong.
    """
    try:
        return _check(_document(text), key)
    except MunimentError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError, Base64Error):
        raise _bad("form") from None


def _document(text: str | bytes) -> Mapping[str, Any]:
    if len(text) > _LARGEST:
        raise _bad("form")
    found = json.loads(text, object_pairs_hook=_once)
    if not isinstance(found, dict) or found.keys() != {"certificate", "verifier_key", "evidence"}:
        raise _bad("form")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of which no member comes twice: two readers must not see two documents."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found


def _check(document: Mapping[str, Any], given: str | None) -> Certified:
    certificate = document["certificate"]
    if certificate["v"] != 1:
        raise _bad("version")
    key = given or str(document["verifier_key"])
    verifier = parse_verifier_key(key)
    targets: Sequence[Mapping[str, Any]] = certificate["targets"]
    evidence: Sequence[Mapping[str, Any]] = document["evidence"]
    if not targets or len(evidence) != len(targets) + 1:
        raise _bad("evidence")
    opened = [_opened(one, [verifier]) for one in evidence]
    certify, detail = opened[-1]
    digest = sha256(canonical(certificate)).hexdigest()
    if detail["kind"] != "erasure.certify" or detail["target"]["certificate"] != digest:
        raise _bad("digest")
    if detail["target"]["erasure"] != certificate["id"] or verifier.name != certificate["log"]:
        raise _bad("log")
    for target, (proven, done) in zip(targets, opened, strict=False):
        _check_target(certificate, target, proven, done)
    return Certified(certificate, certify.checkpoint.size, verifier.name, verifier.text, given is not None)


def _check_target(
    certificate: Mapping[str, Any], target: Mapping[str, Any], proven: Proven, detail: Mapping[str, Any]
) -> None:
    """What the certificate says of a target must be what its entry says."""
    named = {name: value for name, value in detail["target"].items() if name not in ("erasure", "group")}
    said = {name: value for name, value in target.items() if name != "done"}
    if detail["kind"] != "erasure.done" or detail["target"]["erasure"] != certificate["id"] or named != said:
        raise _bad("target")
    if target["done"] != proven.index or detail["time"] != certificate["done"]:
        raise _bad("target")


def _opened(one: Mapping[str, Any], keys: Sequence[Any]) -> tuple[Proven, Mapping[str, Any]]:
    """An entry with its detail, each proven to belong to the other."""
    proven = verify_proof(str(one["proof"]), keys)
    entry = parse_entry(proven.entry)
    detail = str(one["detail"]).encode("utf-8")
    if commitment(a2b_base64(one["r"], strict_mode=True), detail) != entry.commitment:
        raise _bad("detail")
    found = parse_canonical(detail)
    if not isinstance(found, dict) or found["kind"] != entry.kind or found["time"] != rfc3339(entry.time_us):
        raise _bad("detail")
    if one["index"] != proven.index:
        raise _bad("index")
    return proven, found


def _bad(name: str) -> IntegrityError:
    return IntegrityError("erasure.certificate", name=name)
