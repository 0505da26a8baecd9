"""For tests of pages, ours and those of plugins: browsers without a window, and people who may sign in."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import attrs
from starlette.testclient import TestClient

from muniment.archive import Archive
from muniment.session.credentials import Credential
from muniment_web._app import build
from muniment_web.server.passwords import Passwords
from muniment_web.server.settings import Settings
from muniment_web.server.web import Web

__all__ = ["ANNA", "CHEAP", "PASSWORD", "Browser", "give_password", "new_web", "served"]

PASSWORD: Final = "violet anvil 77 harbour"
CHEAP: Final = Passwords(memory_kib=8, passes=1)
"""Hashes that cost nothing, where nobody attacks them."""

ANNA: Final[Mapping[str, str]] = {
    "customer_number": "C-1",
    "full_name": "Anna Schmidt",
    "phone": "030 1234567",
    "email": "anna@example.org",
    "city": "Berlin",
}
"""Values of a customer who does not exist."""


def new_web(archive: Archive, **settings: Any) -> Web:
    """The pages over an archive, as a test serves them."""
    return Web(archive, Settings(**{"access_log": False, **settings}), passwords=CHEAP)


@contextmanager
def served(web: Web, *, around: Callable[[Any], Any] | None = None) -> Iterator[str]:
    """Pages served to real browsers of this machine while the block runs; gives their address.

    Args:
        web: the pages.
        around: what is put around the application: something that answers late, say.
    """
    import socket
    import threading

    import uvicorn

    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(128)
    web.settings = attrs.evolve(web.settings, port=listening.getsockname()[1])
    app = build(web) if around is None else around(build(web))
    config = uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=2)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        yield f"http://localhost:{web.settings.port}"
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


def give_password(archive: Archive, login: str) -> None:
    """Let somebody sign in with ``PASSWORD``."""

    def change(held: Credential) -> Credential:
        return attrs.evolve(held, password=CHEAP.hash(PASSWORD))

    with archive.session(actor="owner") as session:
        if not session.credentials.of(login).password:
            session.credentials.change(login, "password", change)


@attrs.define
class Browser:
    """A browser: keeps cookies, and sends forms as our own pages do."""

    client: TestClient

    @classmethod
    def of(cls, web: Web) -> Browser:
        """A browser that nobody is signed in with."""
        return cls(TestClient(build(web), base_url=web.settings.base))

    def sign_in(self, login: str, password: str = PASSWORD) -> Browser:
        """Sign somebody in.

        Raises:
            AssertionError: where the pages refuse it.
        """
        answer = self.client.post("/sign-in", data={"login": login, "password": password})
        assert answer.url.path != "/sign-in", answer.text
        return self

    def get(self, path: str, **more: Any) -> Any:
        """A page."""
        return self.client.get(path, **more)

    def post(
        self, path: str, form: Mapping[str, Any] | None = None, *, csrf: str | None = None, **more: Any
    ) -> Any:
        """Send a form, with the token that our pages put into it."""
        data = {"csrf": self.csrf if csrf is None else csrf, **(form or {})}
        return self.client.post(path, data=data, **more)

    @property
    def csrf(self) -> str:
        """The token of the sign-in's forms; empty for nobody's."""
        found = re.search(r'name="csrf" value="([^"]+)"', self.client.get("/help").text)
        return found.group(1) if found else ""
