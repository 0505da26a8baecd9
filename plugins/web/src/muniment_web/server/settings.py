"""How the pages are served; immutable."""

from __future__ import annotations

import attrs

__all__ = ["Settings"]


@attrs.frozen(kw_only=True)
class Settings:
    """What ``muniment serve`` was told.

    Attributes:
        host: the address to listen on.
        port: the port.
        url: how browsers reach the pages, without a slash at the end; such as ``https://records.example``.
        certificate: PEM file of the certificate chain; empty serves without TLS.
        certificate_key: PEM file of its key.
        proxies: addresses of proxies whose ``X-Forwarded-For`` is believed; empty for none.
        idle_minutes: a sign-in that was not used for so long ends.
        session_hours: a sign-in ends after so long in any case.
        reveal_seconds: how long a revealed value is shown.
        body_bytes: the largest body of a request that carries no file.
        file_bytes: the largest body of a request that carries one.
        requests_a_minute: of one token, or of one address that is not signed in.
        support: whom to ask for help, as the help page says it; empty for nobody.
        plugin_seconds: how long a reader waits for a page or a panel of a plugin.
        metrics: serve figures for Prometheus on ``/metrics``.
        access_log: tell each request in a line of JSON on standard error, without values.
    """

    host: str = "127.0.0.1"
    port: int = 8765
    url: str = ""
    certificate: str = ""
    certificate_key: str = ""
    proxies: tuple[str, ...] = ()
    idle_minutes: int = 30
    session_hours: int = 12
    reveal_seconds: int = 60
    body_bytes: int = 1 << 20
    file_bytes: int = 100 << 20
    requests_a_minute: int = 600
    support: str = ""
    plugin_seconds: float = 5
    metrics: bool = False
    access_log: bool = True

    @property
    def base(self) -> str:
        """How browsers reach the pages."""
        scheme = "https" if self.certificate else "http"
        host = "localhost" if self.host in ("127.0.0.1", "::1", "0.0.0.0", "::") else self.host
        return self.url.rstrip("/") or f"{scheme}://{host}:{self.port}"

    @property
    def secure(self) -> bool:
        """Whether browsers reach the pages over TLS."""
        return self.base.startswith("https://")
