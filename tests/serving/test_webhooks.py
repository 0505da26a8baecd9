"""Webhooks: what is told, how it is signed, what becomes of failures, and whom they cannot reach."""

from __future__ import annotations

import hmac
import json
import threading
from base64 import b64decode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from muniment.alerts.posting import check_address, post_public, read_networks
from muniment.archive import Archive
from muniment.errors import AccessDenied, LogError, NotFound, UsageError
from muniment.session.oversight.webhooks import BACKOFF_S
from muniment.testing import TickingClock, assert_no_plaintext, log_entries, new_archive

SECONDS = 1_000_000


class Receiver(ThreadingHTTPServer):
    """Answers as it is told, and keeps what it got."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.status = 200
        self.location = ""
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server = self.server
        assert isinstance(server, Receiver)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(server.status)
        if server.location:
            self.send_header("Location", server.location)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *given: object) -> None:
        """Say nothing."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def clock() -> TickingClock:
    return TickingClock()


@pytest.fixture
def archive(tmp_path: Path, clock: TickingClock) -> Iterator[Archive]:
    with new_archive(tmp_path / "archive", clock=clock) as made:
        path = made.folder / "muniment.toml"
        path.write_text(path.read_text(encoding="utf-8") + '\n[webhooks]\nallow = ["127.0.0.1"]\n')
        with made.session(actor="owner") as owner:
            owner.create("user", {"login": "li", "roles": ["editor"], "state": "active"})
            made.apply_config(owner, reason="webhooks")
        yield made


@pytest.fixture
def owner(archive):
    with archive.session(actor="owner") as session:
        yield session


def customer(session, **values):
    return session.create("customer", {"full_name": "Anna Schmidt", "phone": "030 1234567", **values})


def test_it_tells_kinds_and_identifiers_and_never_a_value(owner, receiver, archive):
    """A message names the record that was made, is signed as Standard Webhooks says, and holds no value."""
    hook, secret = owner.webhooks.add("crm", receiver.url, ["record.create"], types=["customer"])
    made = customer(owner)
    owner.create("user", {"login": "wu", "roles": ["reader"], "state": "active"})
    assert 1 == owner.webhooks.deliver().sent
    ((headers, body),) = receiver.got
    message = json.loads(body)
    assert "record.create" == message["type"]
    assert [{"id": made.id, "version": 1}] == message["data"]["records"]
    assert b"Anna" not in body
    assert b"1234567" not in body
    assert b"owner" not in body
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = b64decode(secret.removeprefix("whsec_"))
    signature = headers["webhook-signature"].removeprefix("v1,")
    assert hmac.compare_digest(b64decode(signature), hmac.digest(key, signed, "sha256"))
    assert 0 == owner.webhooks.deliver().sent
    assert "webhook.send" in {entry.kind for entry in log_entries(archive)}
    assert hook.id == owner.webhooks.all()[0].id


def test_the_secret_is_shown_once_and_kept_out_of_the_archive(owner, receiver, archive):
    """It stands in no file of the archive; a new one signs beside the old for a day, then alone."""
    hook, first = owner.webhooks.add("crm", receiver.url, ["record.*"])
    second = owner.webhooks.rotate(hook.id)
    assert first != second
    customer(owner)
    owner.webhooks.deliver()
    assert 2 == len(receiver.got[-1][0]["webhook-signature"].split())
    archive.engine.clock.now_us += 25 * 3600 * SECONDS
    customer(owner)
    owner.webhooks.deliver()
    assert 1 == len(receiver.got[-1][0]["webhook-signature"].split())
    assert "webhook.change" in {entry.kind for entry in log_entries(archive)}
    assert first not in repr(owner.webhooks.all())
    assert_no_plaintext(archive.folder, [first, second])


def test_what_fails_is_tried_again_later_and_given_up_at_last(owner, receiver, archive):
    """The same message with the same identifier, further and further apart; then it is shown as given up."""
    hook, _ = owner.webhooks.add("crm", receiver.url, ["record.create"])
    customer(owner)
    receiver.status = 503
    assert 1 == owner.webhooks.deliver().failed
    assert 0 == owner.webhooks.deliver().failed  # not due yet
    for wait in BACKOFF_S:
        archive.engine.clock.now_us += (wait + 1) * SECONDS
        owner.webhooks.deliver()
    (event,) = owner.webhooks.get(hook.id).dead
    assert ("record.create", "status 503") == (event.kind, event.problem)
    assert 1 == len({headers["webhook-id"] for headers, _ in receiver.got})
    assert len(BACKOFF_S) + 1 == len(receiver.got)
    receiver.status = 204
    assert 1 == owner.webhooks.retry(hook.id)
    assert 1 == owner.webhooks.deliver().sent
    assert () == owner.webhooks.get(hook.id).dead


def test_a_paused_one_catches_up(owner, receiver):
    """What happened while it was paused is told when it is resumed; a removed one is told nothing."""
    hook, _ = owner.webhooks.add("crm", receiver.url, ["record.create"])
    owner.webhooks.pause(hook.id)
    customer(owner)
    assert 0 == owner.webhooks.deliver().sent
    owner.webhooks.resume(hook.id)
    assert 1 == owner.webhooks.deliver().sent
    owner.webhooks.remove(hook.id, reason="no more")
    customer(owner)
    assert 0 == owner.webhooks.deliver().sent
    with pytest.raises(NotFound):
        owner.webhooks.get(hook.id)


def test_the_tick_tells_and_a_redirection_leads_nowhere(owner, receiver):
    """A place that answers with another address has not taken it, and the other is not asked."""
    owner.webhooks.add("crm", receiver.url, ["record.create"])
    receiver.status, receiver.location = 302, receiver.url.replace("/hook", "/elsewhere")
    customer(owner)
    (done,) = owner.tick(only=["webhooks"])
    assert {"sent": 0, "failed": 1, "given_up": 0} == dict(done.counts)
    assert 1 == len(receiver.got)
    assert "status 302" == owner.webhooks.all()[0].waiting[0].problem


def test_only_whoever_may_configure_has_webhooks(archive, owner, receiver):
    """An editor neither sees nor makes one, and nobody subscribes to what is none or to webhooks."""
    with archive.session(actor="li") as li:
        with pytest.raises(AccessDenied):
            li.webhooks.all()
        with pytest.raises(AccessDenied):
            li.webhooks.add("mine", receiver.url, ["record.create"])
    for kinds in ([], ["nothing.at_all"], ["webhook.*"], ["webhook.send"], ["*"], ["record"]):
        with pytest.raises(UsageError, match=r"kind"):
            owner.webhooks.add("crm", receiver.url, kinds)
    with pytest.raises(NotFound):
        owner.webhooks.add("crm", receiver.url, ["record.*"], types=["nothing"])


PRIVATE = (
    "https://127.0.0.1/", "https://localhost/", "https://10.1.2.3/", "https://192.168.0.1/x", "https://[::1]/",
    "https://169.254.169.254/latest/meta-data", "https://[::ffff:127.0.0.1]/", "https://[fd00::1]/",
    "https://[2002:7f00:1::]/", "https://[2002:a00:1::1]/", "https://[::127.0.0.1]/", "https://240.0.0.1/",
    "https://[ff02::1]/", "https://[fe80::1]/", "https://[fec0::1]/", "https://[64:ff9b::7f00:1]/",
    "https://0.0.0.0/", "https://[::]/", "https://224.0.0.1/", "https://100.64.0.1/", "https://2130706433/",
)  # fmt: skip


@pytest.mark.parametrize("url", PRIVATE)
def test_no_private_address_is_reached(url):
    """Whatever way it is written: this machine, its neighbours, and a cloud's own services."""
    with pytest.raises(LogError, match=r"webhook\.private"):
        post_public(url, b"{}", {}, ())


@pytest.mark.parametrize(
    "url",
    ["http://example.org/", "ftp://example.org/", "https://", "https://user:pw@example.org/",
     "file:///etc/passwd",
     "https://example.org:0/", "https://example.org:99999/", "https://example.org/\r\nX: y",
     "https://exa mple/"],
)  # fmt: skip
def test_no_other_kind_of_address_is_taken(url):
    """Neither plain nor with a name in it, and no line break reaches a header."""
    with pytest.raises(UsageError, match=r"webhook\.url"):
        check_address(url, ())


def test_a_name_that_changes_its_mind_is_spoken_to_where_it_was_looked_at(receiver, monkeypatch):
    """The connection goes to the address that was looked at, not to what the name resolves to next."""
    import socket

    answers = iter(["127.0.0.1", "10.0.0.1"])
    real = socket.getaddrinfo

    def resolve(host, port, *given, **named):
        return real(next(answers) if host == "hook.example" else host, port, *given, **named)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    port = receiver.server_address[1]
    allowed = read_networks(["127.0.0.1"])
    assert 200 == post_public(f"http://hook.example:{port}/", b"{}", {}, allowed)
    assert "hook.example" in receiver.got[0][0]["host"]
    with pytest.raises(LogError, match=r"private"):
        post_public(f"http://hook.example:{port}/", b"{}", {}, allowed)


class _Dripping(BaseHTTPRequestHandler):
    """Answers a byte at a time, and says in the end that all is well."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        gone = threading.Event()
        for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"y" * 400 + b"\r\nContent-Length: 0\r\n\r\n":
            try:
                self.wfile.write(bytes([byte]))
            except OSError:
                return
            gone.wait(0.02)

    def log_message(self, *given: object) -> None:
        """Say nothing."""


def test_a_place_that_answers_a_byte_at_a_time_is_hung_up_on(monkeypatch):
    """The time counts for the whole answer, and not anew for each byte of it."""
    monkeypatch.setattr("muniment.alerts.posting.TIMEOUT_S", 0.5)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Dripping)
    server.block_on_close = False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_address[1]}/hook"
        with pytest.raises(LogError, match=r"webhook\.unreachable"):
            post_public(url, b"{}", {}, read_networks(["127.0.0.1"]))
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_of_several_addresses_each_must_be_allowed(receiver, monkeypatch):
    """A name with one public address and one of a neighbour's is not spoken to at all."""
    import socket

    def resolve(host, port, *given, **named):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in host.split("-")]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    port, allowed = receiver.server_address[1], read_networks(["127.0.0.1"])
    for host in ("127.0.0.1-10.0.0.1", "10.0.0.1-127.0.0.1"):
        with pytest.raises(LogError, match=r"private"):
            post_public(f"http://{host}:{port}/", b"{}", {}, allowed)
    assert [] == receiver.got


def test_a_certificate_that_nobody_vouches_for_is_not_spoken_to(receiver, tmp_path):
    """Else whoever sits between could read what is told, and answer in its receiver's place."""
    import datetime
    import ssl

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    begin = datetime.datetime(2020, 1, 1)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, begin, begin.replace(year=2120))
    alternative = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    certificate = made.add_extension(alternative, critical=False).sign(key, hashes.SHA256())
    path = tmp_path / "both.pem"
    plain = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, form, plain)
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    receiver.socket = context.wrap_socket(receiver.socket, server_side=True)
    url = f"https://localhost:{receiver.server_address[1]}/hook"
    with pytest.raises(LogError, match=r"unreachable"):
        post_public(url, b"{}", {}, read_networks(["127.0.0.1", "::1"]))
    assert [] == receiver.got


def test_only_what_was_asked_for_is_told(owner, receiver):
    """Entries about records of the types that were named; of its own messages none."""
    from muniment.session.oversight.webhooks import Webhook

    hook, _ = owner.webhooks.add("crm", receiver.url, ["record.*"], types=["customer"])
    assert hook.wants("record.update", "customer")
    assert not hook.wants("record.update", "interaction")
    assert not hook.wants("record.update", "")
    assert not hook.wants("log.read", "customer")
    every = Webhook("x", "x", "x", ("webhook.*", "webhook.send"), (), True, 0, 0, (), (), 1)
    assert not every.wants("webhook.send", "")


def test_whoever_sees_webhooks_does_not_change_or_run_them(archive, owner, receiver):
    """An auditor reads the configuration; telling others is a job, and changing it the owner's."""
    hook, _ = owner.webhooks.add("crm", receiver.url, ["record.create"])
    owner.create("user", {"login": "ann", "roles": ["auditor"], "state": "active"})
    with archive.session(actor="ann") as ann:
        assert [hook.id] == [one.id for one in ann.webhooks.all()]
        acts = [
            lambda: ann.webhooks.pause(hook.id),
            lambda: ann.webhooks.resume(hook.id),
            lambda: ann.webhooks.rotate(hook.id),
            lambda: ann.webhooks.retry(hook.id),
            lambda: ann.webhooks.remove(hook.id),
            lambda: ann.webhooks.deliver(),
        ]
        for act in acts:
            with pytest.raises(AccessDenied):
                act()
    assert owner.webhooks.get(hook.id).active


def test_a_removed_one_leaves_no_secret_and_one_without_a_secret_tells_nothing(archive, owner, receiver):
    """Nothing is sent that its receiver could not check."""
    gone, _ = owner.webhooks.add("gone", receiver.url, ["record.create"])
    left, _ = owner.webhooks.add("left", receiver.url, ["record.create"])
    owner.webhooks.remove(gone.id, reason="no more")
    assert archive.keys.box_get(f"webhook/{gone.id}") is None
    assert archive.keys.box_get(f"webhook/{left.id}") is not None
    archive.keys.box_change(f"webhook/{left.id}", lambda held: None)
    customer(owner)
    assert 1 == owner.webhooks.deliver().failed
    assert [] == receiver.got
    assert "alert.secret" == owner.webhooks.get(left.id).waiting[0].problem


def test_a_place_that_never_answers_holds_back_a_bounded_number(owner, receiver, monkeypatch):
    """What is to be tried again is bounded; the rest stays in the log, which is the queue."""
    monkeypatch.setattr("muniment.session.oversight.webhooks._MOST_WAITING", 3)
    hook, _ = owner.webhooks.add("crm", receiver.url, ["record.create"])
    receiver.status = 503
    made = [customer(owner, customer_number=f"W-{number}").id for number in range(5)]
    for _ in range(3):
        owner.webhooks.deliver()
    assert 3 == len(owner.webhooks.get(hook.id).waiting)
    receiver.got.clear()
    receiver.status = 200
    for _ in range(3):
        owner.engine.clock.now_us += 3_600 * SECONDS
        owner.webhooks.deliver()
    told = {one["id"] for _, body in receiver.got for one in json.loads(body)["data"]["records"]}
    assert set(made) == told
