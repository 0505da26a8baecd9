"""Whoever speaks slowly: hung up on while it is their turn, and not while it is ours."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from muniment_web.server.patience import Patient

HEAD = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n"


class Wire(asyncio.Transport):
    """A connection that nobody is at the other end of."""

    def __init__(self) -> None:
        super().__init__()
        self.closed = False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Nothing is known."""
        return default

    def is_closing(self) -> bool:
        """Whether it was hung up."""
        return self.closed

    def close(self) -> None:
        """Hang up."""
        self.closed = True

    def write(self, data: Any) -> None:
        """Nobody listens."""

    def pause_reading(self) -> None:
        """Nobody speaks."""

    def resume_reading(self) -> None:
        """Nobody speaks."""

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Nothing is kept."""


async def _never(scope: Any, receive: Any, send: Any) -> None:
    await asyncio.Event().wait()


def look(*spoken: bytes, paused: bool = False) -> bool:
    """Whether somebody who said this, and then waits until the clock is looked at, is hung up on."""

    async def run() -> bool:
        config = uvicorn.Config(_never, log_config=None)
        config.load()
        wire, state = Wire(), ServerState()
        patient = Patient(config=config, server_state=state, app_state={})
        patient.connection_made(wire)
        for data in spoken:
            patient.data_received(data)
        if paused:
            patient.flow.pause_reading()
        patient._look()
        ended = wire.closed
        patient.connection_lost(None)
        assert ended or patient._later.cancelled()  # nobody looks at a connection that is gone
        for task in state.tasks:
            task.cancel()
        return ended

    # A thread has no loop of its own, whatever other tests left running in this one.
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, run()).result()


@pytest.mark.parametrize(
    ("spoken", "ended"),
    [
        ((), True),
        ((b"GET / HTTP/1.1\r\n", b"X: a\r\n"), True),
        ((HEAD, b"x"), True),
        ((HEAD, b"x" * 5_000), False),
        ((b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",), False),
    ],
    ids=["nothing", "headers by and by", "a body by and by", "a body in good time", "all that there is"],
)
def test_who_sends_next_to_nothing_is_hung_up_on(spoken: tuple[bytes, ...], ended: bool) -> None:
    """While it is their turn; not while they wait for an answer of ours."""
    hung_up: Callable[..., bool] = look
    assert ended == hung_up(*spoken)


def test_whom_we_do_not_listen_to_is_not_hung_up_on() -> None:
    """Somebody sends faster than we take it in: that they say nothing meanwhile is our doing."""
    assert look(HEAD, b"x")
    assert not look(HEAD, b"x", paused=True)
