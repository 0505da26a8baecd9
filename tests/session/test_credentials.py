"""What people sign in with: who may change it, where it lies, and what survives."""

from __future__ import annotations

import attrs
import pytest

from muniment.errors import AccessDenied, NotFound, UsageError
from muniment.keys import KeyStore
from muniment.session.credentials import Credential, Passkey
from muniment.testing import TickingClock, assert_logged, log_entries, new_archive, open_again

HASH = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$aGFzaA"


@pytest.fixture
def archive(tmp_path):
    with new_archive(tmp_path / "customers", clock=TickingClock(), root="a cheap passphrase") as made:
        with made.session(actor="owner") as session:
            for login, role in (("li.na", "editor"), ("tom", "reader")):
                session.create("user", {"login": login, "roles": [role], "state": "active"})
        yield made


def set_password(session, login: str, encoded: str = HASH) -> Credential:
    return session.credentials.change(
        login, "password", lambda held: attrs.evolve(held, password=encoded, password_us=1)
    )


def test_everybody_changes_their_own_and_only_some_that_of_others(archive):
    """One's own password is one's own; another's takes the right to change users, and a refusal is logged."""
    with archive.session(actor="tom") as session:
        assert HASH == set_password(session, "tom").password
        with assert_logged(archive, "access.deny", outcome="denied"), pytest.raises(AccessDenied):
            set_password(session, "li.na")
        with pytest.raises(AccessDenied):
            session.credentials.issue("li.na", name="x", scopes=(), days=1)
    with archive.session(actor="owner") as session, assert_logged(archive, "credential.set"):
        set_password(session, "li.na")


def test_the_entry_names_what_was_set_and_nothing_of_it(archive):
    """The log says whose password was set, never the hash."""
    with archive.session(actor="tom") as session:
        set_password(session, "tom")
    entry = [one for one in log_entries(archive) if one.kind == "credential.set"][-1]
    assert {"login": "tom", "what": "password"} == entry.detail["target"]
    assert HASH not in str(entry.detail)


def test_credentials_survive_rotation_and_a_backup_of_the_keys(archive, tmp_path):
    """After the archive key was rotated they are there, and in the backup of the key store too."""
    passkey = Passkey(b"id", b"cose", 7, "phone", 3)
    with archive.session(actor="owner") as session:
        set_password(session, "tom")
        session.credentials.change("tom", "passkey", lambda held: attrs.evolve(held, passkeys=(passkey,)))
        _, text = session.credentials.issue("tom", name="reports", scopes=("read",), days=30)
        (tmp_path / "keys").mkdir()
        (tmp_path / "slots").mkdir()
        session.keys.backup(tmp_path / "keys", tmp_path / "slots")
        session.keys.rotate()
        assert HASH == session.credentials.of("tom").password
        assert (passkey,) == session.credentials.of("tom").passkeys
        assert ("read",) == session.credentials.token(text).scopes
    folder = archive.folder
    archive.close()
    with (
        open_again(folder, root="a cheap passphrase") as again,
        again.session(actor="owner") as session,
    ):
        assert HASH == session.credentials.of("tom").password


def test_nothing_of_a_credential_stands_in_clear(archive):
    """Neither the hash nor the seed nor a token's text is in any file of the archive."""
    with archive.session(actor="owner") as session:
        set_password(session, "tom")
        session.credentials.change("tom", "totp", lambda held: attrs.evolve(held, totp="JBSWY3DPEHPK3PXP"))
        _, text = session.credentials.issue("tom", name="reports", scopes=(), days=1)
    archive.close()
    for path in archive.folder.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            for secret in (HASH, "JBSWY3DPEHPK3PXP", text):
                assert secret.encode() not in data, path


def test_a_replaced_password_leaves_nothing_behind(archive):
    """Credentials have no history: the sealed bytes of the one before are in no page of the file."""
    with archive.session(actor="owner") as session:
        set_password(session, "tom")
        name = archive.keys.box_names("credential/")[0]
        before = archive.keys._vault.rows("SELECT data FROM box WHERE name = ?", f"box/{name}")[0][0]
        set_password(session, "tom", HASH + "X")
    for path in archive.folder.glob("keys.db*"):
        assert before not in path.read_bytes()


def test_a_token_is_refused_when_it_is_late_altered_or_taken_back(archive):
    """A token is good until its day, as it was given, and until it is revoked."""
    clock = archive.engine.clock
    with archive.session(actor="tom") as session:
        token, text = session.credentials.issue("tom", name="reports", scopes=("read",), days=1)
        assert "tom" == session.credentials.token(text).login
        for wrong in (text[:-1], text[:-2] + "AA", text + "A", "", "x", "\u00fc", "A" * len(text)):
            with pytest.raises(AccessDenied) as caught:
                session.credentials.token(wrong)
            assert "sign.token" == caught.value.code
        with pytest.raises(AccessDenied):
            session.credentials.token(text, kind="invite")
        clock.now_us += 86_400_000_000
        with pytest.raises(AccessDenied):
            session.credentials.token(text)
        session.credentials.revoke(token.id)
        with pytest.raises(NotFound):
            session.credentials.revoke(token.id)


def test_what_is_no_identifier_of_a_token_finds_none(archive):
    """An identifier is looked up only where it has the form of one."""
    with archive.session(actor="tom") as session:
        for wrong in ("", "../signed", "a" * 31, "%" * 32):
            with pytest.raises(NotFound):
                session.credentials.revoke(wrong)


def test_nobody_unknown_has_credentials(archive):
    """Of an unknown login nothing is kept, and nothing can be set."""
    with archive.session(actor="owner") as session:
        assert not session.credentials.of("nobody").present
        with pytest.raises(NotFound):
            set_password(session, "nobody")


def test_two_that_change_a_credential_at_once_lose_nothing(archive):
    """Each change is made of what stands there, with nobody in between."""
    from concurrent.futures import ThreadPoolExecutor

    keys: KeyStore = archive.keys

    def add(_: int) -> None:
        keys.box_change("counter", lambda data: str(int(data or b"0") + 1).encode())

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, range(40)))
    assert b"40" == keys.box_get("counter")
    assert keys.box_change("counter", lambda data: None) is None
    assert keys.box_get("counter") is None


def test_a_masked_session_shows_what_is_personal_behind_masks(archive):
    """Masks come first whatever the role; what a record goes by is shown; reveal lifts them for a reason."""
    values = {"full_name": "Anna Schmidt", "phone": "030 1234567", "city": "Berlin"}
    with archive.session(actor="owner") as session:
        anna = session.create("customer", values).id
    with archive.session(actor="li.na", masked=True) as session:
        record = session.get(anna)
        assert "Anna Schmidt" == record.fields["full_name"]
        assert "Berlin" == record.fields["city"]
        assert "phone" in record.masked
        assert [anna] == [one.id for one in session.list("customer", where={"phone": "030 1234567"}).records]
        assert "1234567" not in str(session.list("customer").records)
        session.update(anna, {"phone": "030 7654321"})
        assert "7654321" not in str(session.history(anna))
        assert "7654321" not in str(session.diff(anna, 1, 2))
        assert {anna: "Anna Schmidt"} == session.titles("customer", [anna])
        with pytest.raises(UsageError):
            session.reveal(anna, ["phone"], reason=" ")
        with assert_logged(archive, "record.reveal", count=1):
            assert {"phone": "030 7654321"} == session.reveal(anna, ["phone"], reason="call back").fields


def test_a_mask_of_the_role_is_never_lifted(archive):
    """What a role sees only masked stays so, and asking for it is written down."""
    with archive.session(actor="owner") as session:
        session.create("user", {"login": "ada", "roles": ["auditor"], "state": "active"})
        anna = session.create("customer", {"full_name": "Anna Schmidt", "phone": "030 1234567"}).id
    with archive.session(actor="ada", masked=True) as session:
        assert "Anna" not in str(session.get(anna).fields)
        assert {} == session.titles("customer", [anna])
        with assert_logged(archive, "access.deny", outcome="denied"), pytest.raises(AccessDenied):
            session.reveal(anna, ["phone"], reason="curious")
        with pytest.raises(NotFound):
            session.reveal(anna, ["no_such_field"], reason="curious")


def test_a_reveal_is_verified_with_the_log(archive):
    """The reason's seal is bound by its entry."""
    with archive.session(actor="owner") as session:
        anna = session.create("customer", {"full_name": "Anna Schmidt", "phone": "030 1234567"}).id
        session.reveal(anna, ["phone"], reason="call back")
    assert archive.log.verify().entries > 0
