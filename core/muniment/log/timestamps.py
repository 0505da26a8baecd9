"""Tokens of a timestamp authority over checkpoints (RFC 3161).

A token says that a checkpoint existed at a time, by the word of somebody who
signs nothing else. It needs the extra ``timestamps`` (rfc3161-client, which
Sigstore uses and keeps); ``openssl ts -verify`` checks the same tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from typing import TYPE_CHECKING, Any

import attrs

from muniment.errors import IntegrityError, UsageError

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

__all__ = ["REQUEST_TYPE", "Stamp", "make_request", "read_roots", "verify_reply"]

REQUEST_TYPE = "application/timestamp-query"


@attrs.frozen
class Stamp:
    """A request that was made, and what is needed to check the reply.

    Attributes:
        data: DER, to be sent.
        request: as the library has it.
    """

    data: bytes
    request: Any


def _library() -> Any:
    try:
        import rfc3161_client
    except ImportError:
        raise UsageError("timestamp.library") from None
    return rfc3161_client


def make_request(message: bytes) -> Stamp:
    """A request for a token over a message, with a nonce and SHA-512.

    Raises:
        UsageError: ``timestamp.library`` where the extra is not installed.
    """
    request = _library().TimestampRequestBuilder().data(message).build()
    return Stamp(request.as_bytes(), request)


def read_roots(pem: bytes) -> list[Certificate]:
    """The certificates that an authority's chain must end in.

    Raises:
        UsageError: ``timestamp.roots`` where there are none.
    """
    from cryptography.x509 import load_pem_x509_certificates

    try:
        return load_pem_x509_certificates(pem)
    except ValueError:
        raise UsageError("timestamp.roots") from None


def verify_reply(
    reply: bytes, message: bytes, roots: Sequence[Certificate], *, stamp: Stamp | None = None
) -> int:
    """Check a token and give its time, microseconds since 1970.

    Args:
        reply: DER of the authority's reply.
        message: what it must be over.
        roots: certificates that its chain must end in; the last of them stand for those between.
        stamp: the request it must answer, where that is at hand.

    Raises:
        IntegrityError: ``timestamp.token`` where it is none, is over something else, answers another
            request or is signed by somebody else.
        UsageError: ``timestamp.library``.
    """
    library = _library()
    builder = library.VerifierBuilder.from_request(stamp.request) if stamp else library.VerifierBuilder()
    for root in roots:
        builder = builder.add_root_certificate(root)
    try:
        response = library.decode_timestamp_response(reply)
        builder.build().verify_message(response, message)
        moment = response.tst_info.gen_time
    except (ValueError, library.VerificationError):
        raise IntegrityError("timestamp.token") from None
    return int(moment.astimezone(UTC).timestamp()) * 1_000_000
