"""TLS by certificate files: what is spoken, and taking a renewed certificate without a stop."""

from __future__ import annotations

import ssl
from typing import Final

from muniment.errors import ConfigError

__all__ = ["CIPHERS", "context_of", "renew"]

CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""For TLS 1.2: forward secrecy and authenticated encryption (RFC 9325, 4.2); 1.3 has nothing else."""


def context_of(certificate: str, key: str) -> ssl.SSLContext:
    """What speaks TLS 1.2 and 1.3 with a certificate.

    Args:
        certificate: path of the chain, PEM.
        key: path of its key, PEM, without a passphrase.

    Raises:
        ConfigError: ``serve.certificate`` where they cannot be read, or do not belong together.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.set_ciphers(CIPHERS)
    renew(context, certificate, key)
    return context


def renew(context: ssl.SSLContext, certificate: str, key: str) -> None:
    """Show a certificate to whoever connects from now on; the one before stays where this one is broken.

    Raises:
        ConfigError: as ``context_of``.
    """
    try:
        # A file that is half there must not take the place of what works.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
        context.load_cert_chain(certificate, key, password="")
    except (OSError, ValueError):
        raise ConfigError("serve.certificate", where=certificate) from None
