"""Yesterday's backup, today's keys: of who was erased in between nothing comes back, in any form."""

from __future__ import annotations

import shutil

import pytest

from muniment.archive import check, restore
from muniment.errors import KeyStoreError, MunimentError
from muniment.keys import KeyFile, KeyStore
from muniment.session.rights.consents import Terms
from muniment.testing import assert_no_plaintext, open_again

OWNER = {"actor": "owner", "purpose": "ServiceProvision"}
SECRETS = [
    "Zenobia Quittenbaum",
    "zenobia quittenbaum",
    "030 7654321",
    "+49307654321",
    "quince jam recipe",
    "she came by in person",
    "form with a green stamp",
    "what Zenobia agreed to",
]


@pytest.fixture
def erased(base, opened):
    """A person with everything about her, in a backup of yesterday; erased and rotated today."""
    (base / "form.txt").write_text("form with a green stamp")
    (base / "deed.txt").write_text("what Zenobia agreed to " * 2000)
    with opened(base) as archive, archive.session(**OWNER) as session:
        values = {"name": SECRETS[0], "phone": SECRETS[2], "notes": SECRETS[4], "secret": SECRETS[4]}
        one = session.create("person", values, reason=SECRETS[5])
        session.attach(one.id, "contract", base / "deed.txt")
        session.update(one.id, {"phone": "030 9999999"}, reason=SECRETS[5])
        session.consents.give(one.id, Terms("DirectMarketing"), evidence=base / "form.txt", reason=SECRETS[5])
        session.requests.open(one.id, "erasure", requester=SECRETS[0])
        (base / "a").mkdir()
        (base / "b").mkdir()
        session.keys.backup(base / "a", base / "b")
        shutil.copytree(base / "a", base / "old-keys")
        shutil.copytree(base / "b", base / "old-slots")
        shutil.rmtree(base / "backup")
        session.backups.create(base / "backup")
        session.erasures.subject(one.id, reason="asked")
    for name in ("form.txt", "deed.txt"):
        (base / name).unlink()
    return base, one.id


def test_nothing_of_the_erased_comes_back(erased, put_back, opened, checked):
    """Neither values, nor tokens, nor files, nor reasons; the log verifies, the others read as before."""
    base, gone = erased
    done = put_back(base, accept_loss=True)
    assert 1 == done.disposed.subjects
    assert done.disposed.parts >= 4
    assert_no_plaintext(base / "archive", SECRETS)
    report = checked(base)
    assert (done.lost, True) == (report.lost, report.with_keys)
    with opened(base) as archive, archive.session(**OWNER) as session:
        found = session.list("person").records
        assert 5 == len(found)
        assert gone not in {one.id for one in found}
        assert [] == list(session.search("person", "quittenbaum", scan=True).records)
        for act in (session.get, session.persons.report, session.consents.of):
            with pytest.raises(MunimentError):
                act(gone)
        assert [] == session.requests.listed(everything=True)
        shown = repr(list(session.history(gone)))
        assert not [one for one in SECRETS if one in shown]
        assert [] == list(session.check_data())
        session.read_file(found[0].id, "contract", base / "out.txt")
    files = [path for path in (base / "archive" / "files").rglob("*") if path.is_file()]
    assert 1 == len(files)


def test_old_keys_open_nothing_after_the_rotation(erased):
    """A copy of keys.db from before with today's slots, or the slots that the erasure wiped: closed."""
    base, _ = erased
    store = next((base / "old-keys").rglob("keys.db"))
    here = base / "old"
    here.mkdir()
    shutil.copy(store, here / "keys.db")
    shutil.copytree(base / "archive" / "slots", here / "slots")
    identifier = open_again(base / "archive")
    archive = identifier.file.archive
    identifier.close()
    with pytest.raises(KeyStoreError):
        KeyStore.open(here, archive, KeyFile(base / "archive.key"))
    # The pair that was kept was made anew by the rotation; nothing of the old one is left there.
    for place in (base / "a", base / "b"):
        kept = [path.name for path in place.iterdir() if path.is_dir()]
        before = [path.name for path in (base / ("old-keys" if place.name == "a" else "old-slots")).iterdir()]
        assert not set(kept) & set(
            name for name in before if name.startswith("muniment-") and "place" not in name
        )


def test_an_older_key_store_is_refused(base, opened, put_back):
    """Keys from before the backup do not know what was signed or erased since: they take no backup."""
    shutil.copytree(base / "archive", base / "before")
    with opened(base) as archive, archive.session(**OWNER) as session:
        session.create("person", {"number": "P-9", "name": "Person 9"})
        shutil.rmtree(base / "backup")
        session.backups.create(base / "backup")
    for name in ("keys.db", "keys.db-wal", "keys.db-shm"):
        (base / "before" / name).exists()
    with pytest.raises(KeyStoreError) as caught:
        restore(base / "backup", base / "before", root=KeyFile(base / "archive.key"))
    assert "backup.keys_older" == caught.value.code
    done = restore(base / "backup", base / "before", root=KeyFile(base / "archive.key"), accept_loss=True)
    assert done.origin.endswith("/0.1")
    check(base / "before", root=KeyFile(base / "archive.key"))


def test_a_hold_of_yesterday_brings_nobody_back(base, opened, put_back, checked):
    """What is destroyed is destroyed: a hold in the backup cannot keep what no key opens."""
    with opened(base) as archive, archive.session(**OWNER) as session:
        one = session.list("person").records[0]
        shutil.rmtree(base / "backup")
        hold = session.holds.place("2026-1", subjects=[one.id], reason="a lawsuit")
        session.backups.create(base / "backup")
        session.holds.release(hold.id, reason="it ended")
        session.erasures.subject(one.id, reason="asked")
    done = put_back(base, accept_loss=True)
    assert 1 == done.disposed.subjects
    checked(base)
    with opened(base) as archive, archive.session(**OWNER) as session, pytest.raises(MunimentError):
        session.get(one.id)
