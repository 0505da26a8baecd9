"""Asking witnesses and timestamp authorities over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Final
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import attrs

from muniment.errors import LogError, UsageError
from muniment.evidence.witness import SIZE_TYPE, format_request
from muniment.log.checkpoint import (
    COSIGNER,
    VerifierKey,
    attach,
    parse_note,
    parse_verifier_key,
    verify_cosignatures,
)

__all__ = ["Known", "ask_witness", "parse_known", "post", "send"]

TIMEOUT_S: Final = 10
_MOST: Final = 1 << 20


@attrs.frozen
class Known:
    """A witness that an archive asks.

    Attributes:
        key: checks its cosignatures.
        url: where it is asked, without ``/add-checkpoint``.
        since: the first day on which the key counts; None from ever.
        until: the last one; None for as long as it stands there.
    """

    key: VerifierKey
    url: str
    since: date | None = None
    until: date | None = None

    @property
    def text(self) -> str:
        """As it stands in the configuration."""
        days = (("from", self.since), ("until", self.until))
        return " ".join([self.key.text, self.url, *(f"{word} {day}" for word, day in days if day)])

    def counts_on(self, day: date) -> bool:
        """Whether the key is in force on a day."""
        return (self.since is None or self.since <= day) and (self.until is None or day <= self.until)


def parse_known(text: str) -> Known:
    """Read ``VKEY URL [from DAY] [until DAY]``.

    Raises:
        UsageError: ``log.verifier_key``; ``witness.known`` where the key is no witness's, there is
            no URL, or a day is none.
    """
    written, url, *rest = [*text.split(), "", ""] if len(text.split()) < 2 else text.split()
    key = parse_verifier_key(written)
    parts = urlsplit(url)
    if key.signature_type != COSIGNER or parts.scheme not in ("https", "http") or not parts.hostname:
        raise UsageError("witness.known")
    days = dict(zip(rest[::2], rest[1::2], strict=False))
    if len(rest) != 2 * len(days) or not days.keys() <= {"from", "until"}:
        raise UsageError("witness.known")
    try:
        since, until = (
            date.fromisoformat(days[word]) if word in days else None for word in ("from", "until")
        )
    except ValueError:
        raise UsageError("witness.known") from None
    if since is not None and until is not None and until < since:
        raise UsageError("witness.known")
    return Known(key, url.rstrip("/"), since, until)


def post(url: str, body: bytes, media_type: str) -> tuple[int, bytes, str]:
    """Send a request; give status, body and type of the answer, whatever its status.

    Raises:
        LogError: ``witness.unreachable``.
    """
    return send(Request(url, data=body, headers={"Content-Type": media_type}, method="POST"))


def send(request: Request) -> tuple[int, bytes, str]:
    """Send a request as it is; give status, body and type of the answer, whatever its status.

    Raises:
        LogError: ``witness.unreachable``.
    """
    try:
        with urlopen(request, timeout=TIMEOUT_S) as answer:
            return answer.status, answer.read(_MOST), answer.headers.get_content_type()
    except HTTPError as error:
        with error:
            return error.code, error.read(_MOST), error.headers.get_content_type()
    except (URLError, OSError, ValueError):
        raise LogError("witness.unreachable", where=request.full_url) from None


def ask_witness(known: Known, note: str, size: int, old: int, prove: Callable[[int], Sequence[bytes]]) -> str:
    """Have a checkpoint cosigned.

    Args:
        known: whom to ask.
        note: the signed checkpoint.
        size: its size.
        old: the size that the witness saw last, as far as we know.
        prove: gives the consistency proof from a size.

    Returns:
        Its signature line, verified.

    Raises:
        LogError: ``witness.unreachable``, ``witness.ahead`` where it saw more than there is,
            ``witness.refused`` with its status.
        IntegrityError: ``log.signature`` or ``log.cosignatures`` where it answers with another signature.
    """
    url = f"{known.url}/add-checkpoint"
    for _ in range(2):
        status, body, media_type = post(url, format_request(old, prove(old), note), "text/plain")
        if status == 409 and media_type == SIZE_TYPE:
            held = _size(body, known)
            if held > size:
                raise LogError("witness.ahead", name=known.key.name, size=held, own=size)
            if held == old:
                break
            old = held
            continue
        if status == 200:
            line = _own_line(known, note, body)
            verify_cosignatures(attach(note, [line]), [known.key])
            return line
        break
    raise LogError("witness.refused", name=known.key.name, status=status)


def _size(body: bytes, known: Known) -> int:
    try:
        return int(body.decode("ascii").strip())
    except ValueError:
        raise LogError("witness.refused", name=known.key.name, status=409) from None


def _own_line(known: Known, note: str, body: bytes) -> str:
    """The line of the key that was asked; a witness may answer with more."""
    try:
        lines = attach(note, [body.decode("utf-8")])
    except UnicodeDecodeError:
        raise LogError("witness.refused", name=known.key.name, status=200) from None
    for signature in parse_note(lines).signatures:
        if (signature.name, signature.key_id) == (known.key.name, known.key.key_id):
            return signature.line
    raise LogError("witness.refused", name=known.key.name, status=200)
