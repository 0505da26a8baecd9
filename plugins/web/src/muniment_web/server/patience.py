"""How long the server waits for somebody who speaks slowly: whoever sends next to nothing is hung up on.

A connection costs a file descriptor, and a few hundred of them held open by a byte now and
then would keep everybody else out (slow HTTP attacks).
"""

from __future__ import annotations

import asyncio
from typing import Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

__all__ = ["CONNECTIONS", "LOOK_SECONDS", "Patient"]

CONNECTIONS: Final = 500
"""How many connections are served at once; more are told to come back."""

LOOK_SECONDS: Final = 20
_LEAST_BYTES: Final = 4_096


class Patient(H11Protocol):
    """HTTP/1.1 for those who send at least 4 KiB in 20 seconds while it is their turn."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Begin to look at the clock."""
        super().connection_made(transport)
        self._taken = 0
        self._later = self.loop.call_later(LOOK_SECONDS, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """Look no more."""
        self._later.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count what comes."""
        self._taken += len(data)
        super().data_received(data)

    def _look(self) -> None:
        if self.transport.is_closing():
            return
        theirs = self.conn.their_state in (h11.IDLE, h11.SEND_BODY) and not self.flow.read_paused
        if theirs and self._taken < _LEAST_BYTES:
            self.transport.close()
            return
        self._taken = 0
        self._later = self.loop.call_later(LOOK_SECONDS, self._look)
