"""Posting to an address that somebody typed: never to a private one, never where an answer points to.

Whoever may name an address must not thereby reach what only this machine can reach
(server-side request forgery). So the name is resolved once, every address it has must
be a public one or allowed by configuration, and the connection goes to that very
address: a name that resolves to another one a moment later changes nothing. Answers
that lead elsewhere are failures.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final
from urllib.parse import SplitResult, urlsplit

from muniment.errors import LogError, UsageError

__all__ = ["check_address", "post_public", "read_networks"]

TIMEOUT_S: Final = 10
_MOST: Final = 1 << 16
_LONGEST: Final = 2_000

Networks = Sequence[IPv4Network | IPv6Network]


def read_networks(texts: Sequence[str]) -> Networks:
    """Networks that are allowed though they are not public, such as ``10.0.0.0/8``.

    Raises:
        ValueError: one of them is none.
    """
    return tuple(ip_network(text, strict=False) for text in texts)


def check_address(url: str, allowed: Networks) -> SplitResult:
    """Refuse an address that is none, or is not spoken to in this way.

    Args:
        url: ``https://`` and a host; ``http://`` only where something that is not public is allowed.
        allowed: networks that are allowed though they are not public.

    Raises:
        UsageError: ``webhook.url``.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise UsageError("webhook.url") from None
    plain = parts.scheme == "http" and bool(allowed)
    if (
        not (parts.scheme == "https" or plain)
        or not parts.hostname
        or parts.username is not None
        or port == 0
        or len(url) > _LONGEST
        or not url.isascii()
        or not url.isprintable()
        or " " in url
    ):
        raise UsageError("webhook.url")
    return parts


def _resolved(host: str, port: int, allowed: Networks) -> tuple[str, int]:
    """The address to speak to: every one that the name has must be allowed.

    Raises:
        LogError: ``webhook.unreachable`` or ``webhook.private``.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise LogError("webhook.unreachable", where=host) from None
    addresses = [ip_address(str(one[4][0]).partition("%")[0]) for one in found]
    for address in addresses:
        if not _is_public(address) and not any(address in network for network in allowed):
            raise LogError("webhook.private", where=host)
    if not addresses:
        raise LogError("webhook.unreachable", where=host)
    return str(addresses[0]), port


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    mapped = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None)
    if mapped is not None:
        return _is_public(mapped)
    # Local to a site: given up by the standards, and not by every network.
    local = isinstance(address, IPv6Address) and address.is_site_local
    return address.is_global and not address.is_multicast and not address.is_reserved and not local


class _Plain(http.client.HTTPConnection):
    def __init__(self, host: str, place: tuple[str, int]) -> None:
        super().__init__(host, place[1], timeout=TIMEOUT_S)
        self._place = place

    def connect(self) -> None:
        self.sock = socket.create_connection(self._place, TIMEOUT_S)


class _Sealed(_Plain):
    def connect(self) -> None:
        super().connect()
        context = ssl.create_default_context()
        self.sock = context.wrap_socket(self.sock, server_hostname=self.host, do_handshake_on_connect=False)
        self.sock.do_handshake()


def post_public(url: str, body: bytes, headers: Mapping[str, str], allowed: Networks) -> int:
    """Post, and give the status of the answer; a redirection is an answer like any other.

    Args:
        url: where to.
        body: what is sent.
        headers: with their names.
        allowed: networks that are allowed though they are not public.

    Raises:
        UsageError: ``webhook.url``.
        LogError: ``webhook.private``, or ``webhook.unreachable`` where nothing has answered in ten seconds.
    """
    parts = check_address(url, allowed)
    assert parts.hostname is not None
    sealed = parts.scheme == "https"
    place = _resolved(parts.hostname, parts.port or (443 if sealed else 80), allowed)
    connection = (_Sealed if sealed else _Plain)(parts.hostname, place)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    # Whoever answers a byte at a time would else hold back everybody who is told after them.
    late = threading.Event()
    patience = threading.Timer(TIMEOUT_S, _hang_up, (connection, late))
    patience.daemon = True
    patience.start()
    try:
        connection.request("POST", target, body, {"User-Agent": "muniment", **headers})
        answer = connection.getresponse()
        answer.read(_MOST)
        if late.is_set():
            raise TimeoutError
        return answer.status
    except (OSError, http.client.HTTPException, ValueError):
        raise LogError("webhook.unreachable", where=parts.hostname) from None
    finally:
        patience.cancel()
        connection.close()


def _hang_up(connection: _Plain, late: threading.Event) -> None:
    """End a connection under the hands of whoever waits for it."""
    late.set()
    if connection.sock is not None:
        with suppress(OSError):
            # Of the socket itself: what TLS makes of it must stay whole for the one who reads.
            socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)
