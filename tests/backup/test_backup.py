"""What a backup holds and never holds, and what is found when somebody changed it."""

from __future__ import annotations

import json
import sqlite3
import threading
from base64 import b64encode
from contextlib import closing
from hashlib import sha256
from importlib.resources import files

import jsonschema
import pytest
import rfc8785

from muniment.backup import read_manifest, verify_backup
from muniment.codec import canonical
from muniment.errors import AccessDenied, IntegrityError, MunimentError, StoreError
from muniment.testing import assert_logged, assert_no_plaintext, new_archive

OWNER = {"actor": "owner", "purpose": "ServiceProvision"}


@pytest.fixture
def verified(base, opened):
    """Verifies the backup in the base folder with what the archive's folder says, without keys."""
    with opened(base) as archive:
        facts = {"archive": archive.file.archive, "origin": archive.file.origin, "key": archive.verifier_key}
    return lambda **more: verify_backup(base / "backup", **facts, **more)


def test_a_backup_has_no_key_no_value_and_nothing_that_can_be_rebuilt(base, opened):
    """Secrets, lists in clear and blind indexes stay where they are."""
    backup = base / "backup"
    names = {path.relative_to(backup).as_posix() for path in backup.rglob("*") if path.is_file()}
    assert {"archive.db", "manifest.json", "muniment.toml"} <= names
    assert 4 == len(names)
    content = b"".join(path.read_bytes() for path in backup.rglob("*") if path.is_file())
    with opened(base) as archive:
        keys = archive.keys
        secrets = [keys.archive_secret, keys.signing_seed, keys.tag_root, keys.log_mac_key, keys.index_root]
        secrets += keys.secrets([row.slot for row in archive.store.facets(0) if row.slot > 255])
        tokens = [row.token for row in archive.store.tokens(0)]
        assert not [one for one in (*secrets, *tokens) if len(one) > 4 and one in content]
    assert_no_plaintext(backup, ["Person 1", "secret 1", "walk-in", "what was agreed"])
    with closing(sqlite3.connect(backup / "archive.db")) as db:
        for table in ("current", "token", "log_index", "log_about", "log_tile"):
            assert [(0,)] == db.execute(f"SELECT count(*) FROM {table}").fetchall()


def test_the_manifest_is_as_published(base):
    """Anybody can read it by the published schema, and its bytes are JCS."""
    data = (base / "backup" / "manifest.json").read_bytes()
    schema = json.loads((files("muniment_schemas") / "backup.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(json.loads(data), schema)
    assert rfc8785.dumps(json.loads(data)) == data == read_manifest(base / "backup").encode()


def test_others_go_on_working_meanwhile(base, opened):
    """The copy is one state: whole versions, whatever is written at the same time."""
    with opened(base) as archive, opened(base) as other:
        stop = threading.Event()

        def write():
            with other.session(**OWNER) as session:
                number = 100
                while not stop.is_set():
                    session.create("person", {"number": f"P-{number}", "name": "Somebody"})
                    number += 1

        thread = threading.Thread(target=write)
        thread.start()
        with archive.session(**OWNER) as session:
            made = session.backups.create(base / "second")
        stop.set()
        thread.join()
        head = archive.store.head(0)
    assert made.manifest.size <= head.first_seq + head.n


def test_its_entry_comes_before_it(base, opened):
    """The backup holds the entry that says it was made, and a failed one is written down too."""
    with opened(base) as archive, archive.session(**OWNER) as session:
        with assert_logged(archive, "backup.create", target={"phase": "begin", "name": "second"}):
            made = session.backups.create(base / "second")
        head = archive.store.head(0)
        assert made.manifest.size == head.first_seq + head.n
        with pytest.raises(StoreError) as caught:
            session.backups.create(base / "second")
        assert "store.folder_used" == caught.value.code
        with pytest.raises(StoreError) as caught:
            session.backups.create(archive.folder / "inside")
        assert "backup.inside" == caught.value.code


def test_who_may_not_back_up_gets_none(base, opened):
    """A backup takes everything along, so an editor may not make one; the refusal is written down."""
    with opened(base) as archive:
        with archive.session(**OWNER) as session:
            session.create("user", {"login": "vera", "roles": "editor", "state": "active"})
        with (
            archive.session(actor="vera", purpose="ServiceProvision") as session,
            assert_logged(archive, "access.deny", outcome="denied", target={"action": "backup.create"}),
            pytest.raises(AccessDenied),
        ):
            session.backups.create(base / "second")
    assert not (base / "second").exists()


def _bytes(path, change):
    path.write_bytes(change(path.read_bytes()))


ATTACKS = {
    "a byte of the rows": lambda folder: _bytes(
        folder / "archive.db", lambda data: data[:9000] + bytes([data[9000] ^ 1]) + data[9001:]
    ),
    "a file cut short": lambda folder: _bytes(
        next(path for path in (folder / "files").rglob("*") if path.is_file()), lambda data: data[:-1]
    ),
    "a file gone": lambda folder: next(
        path for path in (folder / "files").rglob("*") if path.is_file()
    ).unlink(),
    "a key put in": lambda folder: (folder / "keys.db").write_bytes(b"x"),
    "a link": lambda folder: (folder / "more").symlink_to("/etc/passwd"),
    "no manifest": lambda folder: (folder / "manifest.json").unlink(),
    "a manifest that is no JSON": lambda folder: (folder / "manifest.json").write_bytes(b"{"),
    "another size in the manifest": lambda folder: _manifest(
        folder, lambda document: document["log"].update(size=document["log"]["size"] - 1)
    ),
    "another archive in the manifest": lambda folder: _manifest(
        folder, lambda document: document.update(archive="019b76da-a801-7000-b594-e5f49907ff1f")
    ),
    "a path out of the folder": lambda folder: _manifest(
        folder, lambda document: document["files"][0].update(path="../archive/keys.db")
    ),
    "a member more": lambda folder: _manifest(folder, lambda document: document.update(more=1)),
}


def _manifest(folder, change):
    path = folder / "manifest.json"
    document = json.loads(path.read_bytes())
    change(document)
    path.write_bytes(canonical(document))


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_changed_backup_is_refused(base, verified, put_back, attack):
    """Whatever was changed, left out or put in: neither verification nor a restore takes it."""
    verified()
    ATTACKS[attack](base / "backup")
    for act in (verified, lambda: put_back(base, accept_loss=True)):
        with pytest.raises(MunimentError) as caught:
            act()
        assert isinstance(caught.value, IntegrityError) or "backup.none" == caught.value.code
    assert not (base / "archive" / ".restoring").exists()


def test_a_forged_backup_with_a_manifest_that_fits_is_refused(base, verified, put_back):
    """Whoever can write the backup can write its manifest too; the log inside is what vouches."""
    folder = base / "backup"
    with closing(sqlite3.connect(folder / "archive.db", isolation_level=None)) as db:
        triggers = db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            db.execute(f"DROP TRIGGER {name}")
        db.execute("UPDATE record_version SET effective_us = effective_us + 1 WHERE version = 1")
        for _, sql in triggers:
            db.execute(sql)

    def fit(document):
        data = (folder / "archive.db").read_bytes()
        document["files"][0].update(bytes=len(data), sha256=b64encode(sha256(data).digest()).decode("ascii"))

    _manifest(folder, fit)
    assert "archive.db" == read_manifest(folder).items[0].path
    for act in (verified, lambda: put_back(base, accept_loss=True)):
        with pytest.raises(IntegrityError) as caught:
            act()
        assert caught.value.code.startswith("integrity.")


def test_a_backup_of_another_archive_is_refused(base, opened, put_back, tmp_path):
    """Keys open the data of their own archive alone."""
    (tmp_path / "other").mkdir()
    with new_archive(tmp_path / "other" / "archive") as archive, archive.session(**OWNER) as session:
        session.backups.create(tmp_path / "other" / "backup")
    (base / "backup").rename(base / "own")
    (tmp_path / "other" / "backup").rename(base / "backup")
    with pytest.raises(IntegrityError) as caught:
        put_back(base, accept_loss=True)
    assert "backup.other_archive" == caught.value.code
