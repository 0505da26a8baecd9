"""Mail fetched from a real IMAP server (Dovecot)."""

from __future__ import annotations

import grp
import imaplib
import os
import pwd
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from muniment.errors import StoreError, UsageError
from muniment.inbox.fetching import PASSWORD

from .conftest import letter

DOVECOT = shutil.which("dovecot") or shutil.which("dovecot", path="/usr/sbin")
SETTINGS = """
base_dir = {run}
state_dir = {run}
log_path = {folder}/log
protocols = imap
ssl = required
ssl_cert = <{folder}/cert.pem
ssl_key = <{folder}/key.pem
default_internal_user = {internal}
default_login_user = {login}
default_internal_group = {group}
disable_plaintext_auth = no
mail_location = maildir:{folder}/mail
first_valid_uid = 0
passdb {{
  driver = static
  args = password=s3cret
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/home
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    address = 127.0.0.1
    port = {port}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
}}
"""


@attrs.frozen
class Server:
    """A mailbox of one user.

    Attributes:
        port: TLS.
        folder: its files; ``mail`` is a Maildir.
    """

    port: int
    folder: Path

    def session(self) -> imaplib.IMAP4_SSL:
        """Signed in, as the mailbox's owner."""
        found = imaplib.IMAP4_SSL(
            "localhost", self.port, ssl_context=ssl.create_default_context(cafile=self.folder / "cert.pem")
        )
        found.login("shop", "s3cret")
        return found

    def deliver(self, *messages: bytes, folder: str = "INBOX") -> None:
        """Put messages into a folder."""
        session = self.session()
        for message in messages:
            session.append(folder, "", imaplib.Time2Internaldate(time.time()), message)
        session.logout()


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A Dovecot of our own."""
    if DOVECOT is None:
        pytest.skip("dovecot is not installed")
    with tempfile.TemporaryDirectory(prefix="muniment-imap-") as name:
        yield from _running(Path(name))


def _running(folder: Path) -> Iterator[Server]:
    # Dovecot gives no mail to root, and whom it gives it to has to reach it.
    root = os.getuid() == 0
    owner = pwd.getpwnam("nobody") if root else pwd.getpwuid(os.getuid())
    folder.chmod(0o755)
    for one in ("mail", "home"):
        (folder / one).mkdir()
        os.chown(folder / one, owner.pw_uid, owner.pw_gid)
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", folder / "key.pem",
         "-out", folder / "cert.pem"], check=True, capture_output=True)  # fmt: skip
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "dovecot.conf").write_text(
        SETTINGS.format(
            folder=folder, run=folder / "run", port=port, uid=owner.pw_uid, gid=owner.pw_gid,
            internal="dovecot" if root else owner.pw_name, login="dovenull" if root else owner.pw_name,
            group="dovecot" if root else grp.getgrgid(os.getgid()).gr_name,
        )
    )  # fmt: skip
    process = subprocess.Popen([DOVECOT, "-F", "-c", str(folder / "dovecot.conf")])
    try:
        _await(port, process, folder)
        yield Server(port, folder)
    finally:
        process.terminate()
        process.wait(timeout=30)


def _await(port: int, process: subprocess.Popen[bytes], folder: Path) -> None:
    for _ in range(300):
        assert process.poll() is None, (folder / "log").read_text()
        with socket.socket() as one:
            one.settimeout(0.1)
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
        select_nothing()
    raise AssertionError((folder / "log").read_text())


def select_nothing() -> None:
    """Let the server come up."""
    import select

    select.select([], [], [], 0.05)


@pytest.fixture
def mailbox(server, archive, monkeypatch):
    """An archive that fetches from the server, and an empty mailbox."""
    monkeypatch.setenv(PASSWORD, "s3cret")
    monkeypatch.setenv("SSL_CERT_FILE", str(server.folder / "cert.pem"))
    session = server.session()
    _, (count,) = session.select("INBOX")
    if int(count):
        session.store("1:*", "+FLAGS", "\\Deleted")
        session.expunge()
    session.logout()

    def configure(**account: object) -> None:
        path = archive.folder / "muniment.toml"
        text = path.read_text(encoding="utf-8").split("[inbox.imap]")[0]
        given = {"host": "localhost", "port": server.port, "user": "shop", "days": 3650} | account
        lines = "\n".join(f"{name} = {value!r}" for name, value in given.items())
        path.write_text(f"{text}\n[inbox.imap]\n{lines}\n", encoding="utf-8")
        with archive.session(actor="owner", purpose="ServiceProvision") as owner:
            archive.apply_config(owner, reason="for the test")

    configure()
    return configure


@pytest.fixture
def owner(archive, mailbox):
    """Who fetches, after the mailbox is configured."""
    with archive.session(actor="owner", purpose="ServiceProvision") as session:
        yield session


def test_only_what_is_new_is_fetched_and_nothing_there_changes(server, owner, wang, mailbox):
    """Neither marked as read nor moved; the next fetch goes on where this one ended."""
    server.deliver(letter(1), letter(2))
    assert 2 == owner.inbox.fetch().new
    server.deliver(letter(3))
    done = owner.inbox.fetch()
    assert (1, 0) == (done.new, done.known)
    assert (0, 0) == (lambda done: (done.new, done.known))(owner.inbox.fetch())
    session = server.session()
    session.select("INBOX", readonly=True)
    assert [b""] == session.search(None, "SEEN")[1]
    session.logout()
    assert {wang} == {item.subject for item in owner.inbox.listed()}


def test_an_interrupted_fetch_goes_on_without_doubles(server, owner, wang, monkeypatch):
    """What was kept is known by its key, though the place was not written down."""
    server.deliver(letter(11), letter(12))
    with monkeypatch.context() as patched:
        patched.setattr(owner.engine.keys, "box_put", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            owner.inbox.fetch()
    done = owner.inbox.fetch()
    assert (0, 2) == (done.new, done.known)


def test_a_folder_with_a_chinese_name_is_found(server, archive, mailbox, monkeypatch):
    """IMAP writes it in an encoding of its own."""
    session = server.session()
    session.create("&W6JiNw-")
    session.logout()
    server.deliver(letter(21), folder="&W6JiNw-")
    mailbox(folder="客户")
    with archive.session(actor="owner", purpose="ServiceProvision") as owner:
        assert 1 == owner.inbox.fetch().new


def test_tick_fetches_and_erases_what_was_decided(server, owner, wang):
    """Without a person; deciding stays with one."""
    server.deliver(letter(31))
    (done,) = owner.tick(only={"inbox"})
    assert {"fetched": 1, "erased": 0} == dict(done.counts)
    owner.inbox.refuse(owner.inbox.listed()[0].id, reason="an advertisement")
    (done,) = owner.tick(only={"inbox"})
    assert {"fetched": 0, "erased": 1} == dict(done.counts)


def test_what_is_wrong_about_the_account_is_said(server, archive, mailbox, monkeypatch):
    """A wrong password, a folder that is not there, a server that does not answer, one nobody vouches for."""

    def code(**account: object) -> str:
        mailbox(**account)
        with archive.session(actor="owner", purpose="ServiceProvision") as owner:
            with pytest.raises((StoreError, UsageError)) as caught:
                owner.inbox.fetch()
            return caught.value.code

    assert "inbox.no_folder" == code(folder="None such")
    assert "inbox.unreachable" == code(port=1)
    monkeypatch.setenv(PASSWORD, "wrong")
    assert "inbox.sign_in" == code()
    monkeypatch.setenv(PASSWORD, "")
    assert "inbox.no_password" == code()
    assert "inbox.no_account" == code(host="", user="")
    monkeypatch.setenv(PASSWORD, "s3cret")
    monkeypatch.delenv("SSL_CERT_FILE")
    assert "inbox.unreachable" == code()
