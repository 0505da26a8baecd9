"""Against a real authority: openssl, asked over HTTP."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from muniment.errors import IntegrityError, LogError, UsageError
from muniment.log.timestamps import make_request, read_roots, verify_reply
from muniment.session.oversight.evidence import Scope
from muniment.testing import new_archive, open_again

from .conftest import contents

CONFIG = """
[tsa]
default_tsa = one
[one]
serial = {folder}/serial
crypto_device = builtin
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""
EXTENSIONS = "keyUsage=critical,digitalSignature\nextendedKeyUsage=critical,timeStamping\n"


class Authority:
    """A certificate authority and a timestamp authority under it, made with openssl."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.status = 200
        (folder / "serial").write_text("01\n", encoding="utf-8")
        (folder / "tsa.cnf").write_text(CONFIG.format(folder=folder), encoding="utf-8")
        (folder / "ext").write_text(EXTENSIONS, encoding="utf-8")
        key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
        self._run(*f"req -x509 {key} -days 30 -keyout ca.key -out ca.pem -subj".split(), "/CN=Test CA")
        self._run(*f"req {key} -keyout tsa.key -out tsa.csr -subj".split(), "/CN=Test TSA")
        signed = "x509 -req -in tsa.csr -CA ca.pem -CAkey ca.key -set_serial 2 -days 30"
        self._run(*f"{signed} -extfile ext -out tsa.pem".split())

    def _run(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)

    def reply(self, query: bytes) -> bytes:
        (self.folder / "q").write_bytes(query)
        self._run("ts", "-reply", "-queryfile", "q", "-config", "tsa.cnf", "-out", "r")
        return (self.folder / "r").read_bytes()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    assert shutil.which("openssl"), "openssl is needed"
    return Authority(tmp_path_factory.mktemp("tsa"))


@pytest.fixture
def url(authority: Authority) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = authority.reply(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(authority.status)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_a_token_is_over_one_message_by_one_authority(authority, tmp_path):
    """Another message, another authority, another request or broken bytes are refused."""
    asked = make_request(b"message")
    reply = authority.reply(asked.data)
    roots = read_roots((authority.folder / "ca.pem").read_bytes())
    assert verify_reply(reply, b"message", roots, stamp=asked) > 1_700_000_000_000_000
    assert verify_reply(reply, b"message", roots) > 0
    others = read_roots((Authority(tmp_path).folder / "ca.pem").read_bytes())
    for wrong in (
        lambda: verify_reply(reply, b"another", roots),
        lambda: verify_reply(reply, b"message", others),
        lambda: verify_reply(reply, b"message", roots, stamp=make_request(b"message")),
        lambda: verify_reply(reply[:-7] + bytes(7), b"message", roots),
        lambda: verify_reply(b"", b"message", roots),
    ):
        with pytest.raises(IntegrityError) as refused:
            wrong()
        assert "timestamp.token" == refused.value.code


def test_a_file_without_certificates_is_refused():
    """With what to give instead."""
    with pytest.raises(UsageError):
        read_roots(b"not a certificate")


@pytest.mark.slow
def test_the_log_is_stamped_and_openssl_agrees(authority, url, tmp_path):
    """From the configuration to the bundle, and what openssl says of the token in it."""
    folder = tmp_path / "archive"
    new_archive(folder).close()
    shutil.copy(authority.folder / "ca.pem", folder / "ca.pem")
    with open_again(folder) as archive:
        with archive.session(actor="owner") as session, pytest.raises(UsageError):
            session.witnesses.timestamp()
        path = folder / "muniment.toml"
        text = path.read_text(encoding="utf-8")
        path.write_text(
            f'{text}\n[witness]\ntimestamps = "{url}"\ntimestamp_roots = "ca.pem"\n', encoding="utf-8"
        )
        with archive.session(actor="owner") as session:
            archive.apply_config(session, reason="timestamps")
            stamped = session.witnesses.timestamp()
            authority.status = 503
            with pytest.raises(LogError):
                session.witnesses.timestamp()
            authority.status = 200
            session.bundle(tmp_path / "b.zip", Scope())
        archive.log.verify()
    held = contents(tmp_path / "b.zip")
    for ending in ("tsr", "checkpoint"):
        (tmp_path / ending).write_bytes(held[f"timestamps/{stamped.size}.{ending}"])
    verify = [
        "openssl",
        "ts",
        "-verify",
        "-data",
        "checkpoint",
        "-in",
        "tsr",
        "-CAfile",
        str(folder / "ca.pem"),
    ]
    done = subprocess.run(verify, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (0, "Verification: OK") == (done.returncode, done.stdout.strip())
