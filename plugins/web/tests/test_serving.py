"""The server as a process: stopped under load, behind a proxy, over TLS; asked as its users ask it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import ssl
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path

import pytest

import muniment
from muniment.keys import KeyFile
from muniment.testing import log_entries
from muniment_web.testing import give_password

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """An archive in a folder that a server may open, with its key file beside it."""
    folder = tmp_path_factory.mktemp("serving")
    muniment.create(
        folder / "customers", templates=("customer-info",), key_file=folder / "key"
    ).archive.close()
    return folder


def opened(place: Path) -> muniment.archive.Archive:
    return muniment.open(place / "customers", root=KeyFile(place / "key"))


def token(place: Path) -> str:
    with opened(place) as archive, archive.session(actor="owner") as session:
        give_password(archive, "owner")
        return session.credentials.issue("owner", name="load", scopes=("read", "write", "log"), days=1)[1]


class Server:
    """A server process, from its first line until it is told to stop."""

    def __init__(self, place: Path, *options: str) -> None:
        environment = {**os.environ, "MUNIMENT_ARCHIVE": str(place / "customers"), "PYTHONUNBUFFERED": "1"}
        environment["MUNIMENT_KEY"] = str(place / "key")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "muniment", "--lang", "en", "serve", "--port", "0", *options],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stderr is not None
        self.lines: list[str] = []
        found = None
        while found is None:
            line = self.process.stderr.readline()
            assert line, "\n".join(self.lines)
            self.lines.append(line)
            found = re.search(r"https?://\S+", line)
        self.url = found[0]
        self.reader = threading.Thread(target=lambda: self.lines.extend(self.process.stderr or ()))
        self.reader.start()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=60)
        self.reader.join()
        assert self.process.stderr is not None
        self.process.stderr.close()
        return code


def asked(url: str, *, body: object = None, context: ssl.SSLContext | None = None, **headers: str):
    data = None if body is None else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if data is not None:
        named["Content-Type"] = "application/json"
    request = urllib.request.Request(url, data=data, headers=named)
    return urllib.request.urlopen(request, timeout=20, context=context)


def test_stopping_under_load_loses_nothing(place):
    """Whatever was answered stands in the archive; the last entry says that it stopped, and all is signed."""
    text = token(place)
    server = Server(place)
    saved: list[str] = []
    enough = threading.Event()

    def load(worker: int) -> None:
        for number in range(500):
            fields = {"full_name": f"Load {worker}", "customer_number": f"L-{worker}-{number}"}
            try:
                with asked(
                    f"{server.url}/api/v1/records/customer",
                    body={"fields": fields},
                    Authorization=f"Bearer {text}",
                ) as answer:
                    saved.append(json.load(answer)["id"])
            except (OSError, ValueError, urllib.error.URLError):
                return
            if len(saved) >= 12:
                enough.set()

    workers = [threading.Thread(target=load, args=(one,)) for one in range(3)]
    for one in workers:
        one.start()
    assert enough.wait(30)
    assert 0 == server.stop(), "".join(server.lines)
    for one in workers:
        one.join()
    with opened(place) as archive:
        entries = log_entries(archive)
        assert "serve.stop" == entries[-1].kind
        with archive.session(actor="owner") as session:
            assert len(saved) >= 12
            for one in saved:
                assert 1 == session.get(one).version
        archive.log.verify()
        assert archive.engine.logbook.unsigned < 600


def test_behind_a_proxy_the_visitor_is_who_the_proxy_says(place):
    """The header of a named proxy counts and nobody else's does."""
    text = token(place)
    for options, expected in (
        (("--proxy", "127.0.0.1"), "203.0.113.9"),
        (("--proxy", "192.0.2.1"), "127.0.0.1"),
    ):
        server = Server(place, *options)
        headers = {"Authorization": f"Bearer {text}", "X-Forwarded-For": "203.0.113.9"}
        with asked(f"{server.url}/api/v1/log?limit=1", **headers) as answer:
            entry = json.load(answer)["entries"][0]
        assert 0 == server.stop()
        with opened(place) as archive, archive.session(actor="owner") as session:
            read = [one for one in session.entries() if one.kind == "log.read" and one.index > entry["index"]]
            assert expected == read[-1].detail["source"]["address"]


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
def test_tls_by_certificate_files(place):
    """With certificate files the pages speak TLS, ask browsers to stay with it, and bind cookies to it."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-keyout", place / "tls.key", "-out", place / "tls.crt", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost"],
        check=True, capture_output=True,
    )  # fmt: skip
    server = Server(place, "--tls-cert", str(place / "tls.crt"), "--tls-key", str(place / "tls.key"))
    context = ssl.create_default_context(cafile=str(place / "tls.crt"))
    with asked(f"{server.url}/sign-in", context=context) as answer:
        assert answer.headers["strict-transport-security"].startswith("max-age=")
    assert server.url.startswith("https://")
    assert 0 == server.stop()
