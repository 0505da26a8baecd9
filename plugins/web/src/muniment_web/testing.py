"""For tests of pages, ours and those of plugins: browsers without a window, and people who may sign in."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import quote

import attrs
from starlette.testclient import TestClient

from muniment.archive import Archive
from muniment.session.credentials import Credential
from muniment_web._app import build
from muniment_web.server.passwords import Passwords
from muniment_web.server.settings import Settings
from muniment_web.server.web import Web

__all__ = [
    "ANNA",
    "CHEAP",
    "NOBODY",
    "PASSWORD",
    "Asked",
    "Browser",
    "Calls",
    "give_password",
    "new_web",
    "served",
]

NOBODY: Final = "00000000-0000-7000-8000-000000000000"
"""An identifier that nothing has."""
_UUID_PATTERN: Final = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"

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


@attrs.define
class Asked:
    """One call, ready to be made.

    Attributes:
        verb: of HTTP.
        path: as the description has it.
        places: what stands in the path, by name.
        query: behind it.
        body: as JSON; lines of it as they are; None for none.
    """

    verb: str
    path: str
    places: dict[str, str]
    query: dict[str, Any]
    body: Any = None

    def send(self, client: TestClient) -> Any:
        """The answer."""
        path = self.path
        for name, value in self.places.items():
            path = path.replace(f"{{{name}}}", quote(str(value), safe=""))
        more = {"content": self.body} if isinstance(self.body, bytes) else {"json": self.body}
        if self.body is None:
            more = {}
        return client.request(
            self.verb.upper(), path.lstrip("/"), params=self.query, headers={"If-Match": "1"}, **more
        )


class Calls:
    """Every call of the API, in the smallest form that its description allows.

    Args:
        document: the description.
        known: what stands in a path, by the name of the place, and ``record``, which there is.
        bodies: by the name of a call, what its smallest body lacks.
    """

    def __init__(
        self,
        document: dict[str, Any],
        known: Mapping[str, str],
        bodies: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        self.document = document
        self.known = known
        self.bodies = bodies or {}

    def __iter__(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        for path, verbs in self.document["paths"].items():
            for verb, one in verbs.items():
                yield verb, path, one

    def asked(self, verb: str, path: str, one: dict[str, Any], *, body: bool = True) -> Asked:
        """One call; without a body it is an empty one."""
        made = Asked(verb, path, {}, {})
        for given in one.get("parameters", ()):
            name, value = given["name"], self.value(given["schema"], given["name"])
            if given["in"] == "path":
                here = path.startswith("/records/") and "/erase" not in path and value == NOBODY
                made.places[name] = self.known.get(name, self.known["record"] if here else value)
            elif given["in"] == "query" and given.get("required"):
                made.query[name] = value
        content = one.get("requestBody", {}).get("content", {})
        if "application/json" in content:
            schema = content["application/json"]["schema"]
            sent = {**self.value(schema, ""), **self.bodies.get(one["operationId"], {})}
            made.body = sent if body else {}
        elif content:
            made.body = b'{"fields": {}}\n'
        return made

    def ask(self, client: TestClient, verb: str, path: str, one: dict[str, Any], *, body: bool = True) -> Any:
        """The answer."""
        return self.asked(verb, path, one, body=body).send(client)

    def resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        """A part of the description, wherever it stands."""
        while "$ref" in schema:
            schema = self.document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        return schema

    def value(self, schema: dict[str, Any], name: str) -> Any:
        """The smallest value of a form."""
        schema = self.resolved(schema)
        if "anyOf" in schema:
            return self.value(schema["anyOf"][0], name)
        if "enum" in schema or "const" in schema:
            return schema.get("const", schema.get("enum", [None])[0])
        if schema.get("type") == "object":
            needed = schema.get("required", ())
            return {key: self.value(schema["properties"][key], key) for key in needed}
        if name in ("record", "kept", "duplicate"):
            return self.known["record"]
        if schema.get("format") == "uuid" or schema.get("pattern") == _UUID_PATTERN:
            return NOBODY
        if schema.get("format") == "date-time":
            return "2026-01-01T00:00:00Z"
        plain: dict[str, Any] = {"integer": 1, "boolean": True, "array": []}
        if schema.get("type") in plain:
            return plain[schema["type"]]
        words = {"type": "customer", "field": "photo", "content": "QQ==", "url": "https://crm.example.org/"}
        if name in words:
            return words[name]
        if "[0-9a-f]{32}" in schema.get("pattern", ""):
            return "0" * 32
        return "a" * max(16 if "{16,64}" in schema.get("pattern", "") else 1, schema.get("minLength", 1))
