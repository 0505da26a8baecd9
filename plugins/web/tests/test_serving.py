"""The server as a process: stopped under load, behind a proxy, over TLS; asked as its users ask it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import urllib.request
from http.client import HTTPException
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
        self.said = threading.Event()
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def told(self, how: signal.Signals, words: str) -> None:
        """Send a signal, and wait for what is said about it."""
        self.process.send_signal(how)
        while not any(words in line for line in self.lines):
            assert self.process.poll() is None, "".join(self.lines)
            self.said.wait(1)
            self.said.clear()

    def _read(self) -> None:
        for line in self.process.stderr or ():
            self.lines.append(line)
            self.said.set()

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(how)
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


def raw(url: str, content: bytes) -> bytes:
    """What a server says to bytes that no browser sends."""
    host, port = url.rpartition("/")[2].rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        try:
            connection.sendall(content)
            connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65_536), b""))
        except ConnectionError:
            return b""


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["told to stop", "killed"])
def test_ending_under_load_loses_nothing(place, how):
    """Whatever was answered stands in the archive; told to stop, all is signed, and it says so."""
    text = token(place)
    server = Server(place)
    saved: list[str] = []
    enough = threading.Event()

    def ask(path: str, body: object) -> bytes:
        headers = {"Authorization": f"Bearer {text}"}
        if isinstance(body, bytes):
            request = urllib.request.Request(f"{server.url}/api/v1/{path}", data=body, headers=headers)
            return urllib.request.urlopen(request, timeout=20).read()
        with asked(f"{server.url}/api/v1/{path}", body=body, **headers) as answer:
            return answer.read()

    def load(worker: int) -> None:
        for number in range(500):
            ids = [f"{how}-{worker}-{number}-{one}" for one in range(4)]
            fields = [{"full_name": f"Load {one}", "customer_number": one} for one in ids]
            try:
                if worker == 0:
                    saved.append(json.loads(ask("records/customer", {"fields": fields[0]}))["id"])
                elif worker == 1:
                    lines = b"\n".join(json.dumps({"fields": one}).encode() for one in fields)
                    done = [json.loads(line) for line in ask("records/customer/bulk", lines).splitlines()]
                    saved.extend(one["id"] for one in done if "id" in one)
                else:
                    ask("records/customer/export", {"reason": "load"})
            except (OSError, ValueError, HTTPException):
                return
            if len(saved) >= 12:
                enough.set()

    workers = [threading.Thread(target=load, args=(one,)) for one in range(3)]
    for one in workers:
        one.start()
    assert enough.wait(60)
    code = server.stop(how)
    assert (0 if how == signal.SIGTERM else -signal.SIGKILL) == code, "".join(server.lines)
    for one in workers:
        one.join()
    with opened(place) as archive:
        if how == signal.SIGTERM:
            assert "serve.stop" == log_entries(archive)[-1].kind
        with archive.session(actor="owner") as session:
            assert len(saved) >= 12
            for one in saved:
                assert 1 == session.get(one).version
        archive.log.verify()
        assert archive.engine.logbook.unsigned < 600


def test_what_no_browser_sends_is_refused_and_told_without_its_words(place):
    """Requests in requests, two hosts, headers without end: one answer each, and lines of JSON about them."""
    server = Server(place, "--metrics")
    host = server.url.rpartition("/")[2].encode()
    get = b"GET /C4N4RY HTTP/1.1\r\nHost: " + host + b"\r\n"
    post = get.replace(b"GET", b"POST")
    hidden = b"\r\n\r\nGET /health HTTP/1.1\r\nHost: " + host + b"\r\n\r\n"
    for content, codes in {
        post + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + hidden: (b"400", b"501"),
        post + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcde" + hidden: (b"400",),
        post + b"Transfer-Encoding: xchunked\r\n\r\n" + hidden: (b"400", b"501"),
        post + b"Content-Length: 5C4N4RY\r\n\r\n": (b"400",),
        get + b"X-C4N4RY : a\r\n\r\n": (b"400",),
        get + b"X: a\r\n\tC4N4RY\r\n\r\n": (b"400", b"303", b"404"),
        get + b"X: " + b"a" * 200_000 + b"\r\n\r\n": (b"400", b"431"),
        get + b"Host: evil.example\r\n\r\n": (b"400", b"421"),
        get.replace(host, b"evil.example") + b"\r\n": (b"421",),
        b"GET /C4N4RY HTTP/1.0\r\n\r\n": (b"421",),
        b"C4N4RY\x1b[31m\r\n\r\n": (b"400",),
        b"GET http://evil.example/C4N4RY HTTP/1.1\r\nHost: evil.example\r\n\r\n": (b"421",),
        b"CONNECT evil.example:443 HTTP/1.1\r\nHost: " + host + b"\r\n\r\n": (b"303", b"400", b"404", b"405"),
    }.items():
        answer = raw(server.url, content)
        # Hanging up without a word is an answer too.
        assert not answer or answer.split(b" ", 2)[1] in codes, (content[:90], answer[:90])
        assert answer.count(b"HTTP/1.1 200") == 0, content[:90]
    assert b" 200 " in raw(
        server.url, b"GET /health HTTP/1.1\r\nHost: 10.0.0.7:9\r\nConnection: close\r\n\r\n"
    )
    assert 0 == server.stop()
    told = "".join(server.lines)
    assert "C4N4RY" not in told
    assert "\x1b" not in told
    lines = [line for line in server.lines if line.startswith("{")]
    assert lines
    assert all(json.loads(line)["event"] in ("request", "server", "failure") for line in lines)
    assert "Traceback" not in told


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


def certificate(place: Path, name: str) -> str:
    """A new certificate and key for this machine, where the server looks for them; its fingerprint."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-keyout", place / f"{name}.key", "-out", place / f"{name}.crt", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
        check=True, capture_output=True,
    )  # fmt: skip
    return ssl.PEM_cert_to_DER_cert((place / f"{name}.crt").read_text(encoding="utf-8")).hex()


def spoken(url: str, highest: ssl.TLSVersion) -> tuple[str, str]:
    """The cipher and the certificate of a connection that speaks no newer TLS than that."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = min(highest, ssl.TLSVersion.TLSv1_2)
    context.maximum_version = highest
    context.set_ciphers("ALL:@SECLEVEL=0")
    host, port = url.rpartition("/")[2].rsplit(":", 1)
    plain = socket.create_connection((host, int(port)), timeout=20)
    with plain, context.wrap_socket(plain, server_hostname=host) as sealed:
        return str((sealed.cipher() or ("",))[0]), (sealed.getpeercert(binary_form=True) or b"").hex()


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
def test_tls_by_certificate_files(place):
    """TLS 1.2 and 1.3 with forward secrecy alone; a renewed certificate is taken up, a broken one not."""
    first = certificate(place, "tls")
    server = Server(place, "--tls-cert", str(place / "tls.crt"), "--tls-key", str(place / "tls.key"))
    context = ssl.create_default_context(cafile=str(place / "tls.crt"))
    with asked(f"{server.url}/sign-in", context=context) as answer:
        assert answer.headers["strict-transport-security"].startswith("max-age=")
    assert server.url.startswith("https://")
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        cipher, shown = spoken(server.url, version)
        assert "GCM" in cipher or "CHACHA20" in cipher
        assert first == shown
    with pytest.raises(OSError, match=r"(?i)tls|ssl|reset|eof"):
        spoken(server.url, ssl.TLSVersion.TLSv1_1)
    (place / "tls.crt").write_text("no certificate", encoding="utf-8")
    server.told(signal.SIGHUP, "serve.certificate")
    assert first == spoken(server.url, ssl.TLSVersion.TLSv1_3)[1]
    second = certificate(place, "tls")
    server.told(signal.SIGHUP, "read again")
    assert second == spoken(server.url, ssl.TLSVersion.TLSv1_3)[1]
    assert 0 == server.stop()
