"""What a restore puts back, what it gives up, and what it never brings back."""

from __future__ import annotations

import shutil

import pytest

from muniment.errors import IntegrityError, LogError
from muniment.stores.sqlite import SqliteStore
from muniment.testing import assert_no_plaintext, log_entries

OWNER = {"actor": "owner", "purpose": "ServiceProvision"}


def names(archive):
    with archive.session(**OWNER) as session:
        return sorted(record.fields["name"] for record in session.list("person").records)


def test_a_backup_put_back_at_once_loses_nothing(base, put_back, opened, checked):
    """The backup's own entry is in it: the log goes on in the same generation."""
    done = put_back(base)
    assert () == done.lost
    report = checked(base)
    assert done.size == report.size == report.signed_size
    with opened(base) as archive:
        assert [f"Person {number}" for number in range(5)] == names(archive)
        kinds = [one.kind for one in log_entries(archive)]
        assert "backup.create" in kinds
        assert "backup.restore" in kinds
        with archive.session(**OWNER) as session:
            assert [] == list(session.check_data())


def test_a_restore_needs_no_old_data(base, put_back, opened):
    """The keys are enough: rows, log and attached files may all be gone."""
    for name in ("archive.db", "muniment.toml"):
        (base / "archive" / name).unlink()
    shutil.rmtree(base / "archive" / "files")
    done = put_back(base)
    assert 1 == done.files
    with opened(base) as archive, archive.session(**OWNER) as session:
        first = session.list("person").records[0]
        session.read_file(first.id, "contract", base / "out.txt")
    assert b"what was agreed" * 2_000 == (base / "out.txt").read_bytes()


def test_rows_that_are_no_database_any_more_are_replaced(base, put_back, opened):
    """A broken disk is what backups are for."""
    (base / "archive" / "archive.db").write_bytes(b"\0" * 4096)
    put_back(base)
    with opened(base) as archive:
        assert 5 == len(names(archive))


def test_what_was_written_since_is_not_given_up_silently(base, put_back, opened, checked):
    """A log below the last signed size is refused, and with the loss accepted a new generation says so."""
    with opened(base) as archive, archive.session(**OWNER) as session:
        session.create("person", {"number": "P-9", "name": "Person 9"})
    before = (base / "archive" / "archive.db").read_bytes()
    with pytest.raises(IntegrityError) as caught:
        put_back(base)
    assert "backup.loss" == caught.value.code
    assert before == (base / "archive" / "archive.db").read_bytes()
    done = put_back(base, accept_loss=True)
    assert done.origin.endswith("/0.1")
    (lost,) = done.lost
    assert (caught.value.parameters["first"], caught.value.parameters["last"]) == (lost.first, lost.last)
    report = checked(base)
    assert (lost,) == report.lost
    with opened(base) as archive:
        assert 5 == len(names(archive))
        assert "log.continue" == log_entries(archive)[0].kind
    assert (lost,) == checked(base).lost


def test_a_backup_can_be_put_back_again_and_again(base, put_back, opened, checked):
    """Each restore gives up the generations after the backup, and says so."""
    for number in range(1, 4):
        with opened(base) as archive, archive.session(**OWNER) as session:
            session.create("person", {"number": "P-9", "name": "Person 9"})
        done = put_back(base, accept_loss=True)
        assert done.origin.endswith(f"/0.{number}")
        assert number == len(checked(base).lost) == len(done.lost)
    with opened(base) as archive:
        assert 5 == len(names(archive))


def test_the_old_generation_never_goes_on(base, put_back, opened):
    """Rows of before, put back by hand, are refused: their log is over."""
    with opened(base) as archive, archive.session(**OWNER) as session:
        session.create("person", {"number": "P-9", "name": "Person 9"})
    old = (base / "archive" / "archive.db").read_bytes()
    put_back(base, accept_loss=True)
    (base / "archive" / "archive.db").write_bytes(old)
    with pytest.raises(IntegrityError) as caught:
        opened(base)
    assert "integrity.below_signed" == caught.value.code


def test_no_way_of_signing_signs_for_the_old_generation(base, put_back, opened):
    """Not at the door, where rows of before are opened, and not behind it, with all parts in one's hands."""
    with opened(base) as archive, archive.session(**OWNER) as session:
        session.create("person", {"number": "P-9", "name": "Person 9"})
    shutil.copy(base / "archive" / "archive.db", base / "before.db")
    ended = put_back(base, accept_loss=True).lost[0].origin
    with opened(base) as archive:
        book, keys = archive.engine.logbook, archive.keys
        signed = keys.last_signed(ended)
        store = SqliteStore(base / "before.db")
        try:
            assert ended == book.origin(store.head(0).gen)
            with pytest.raises(LogError) as caught:
                book.sign(store)
            assert "log.ended" == caught.value.code
        finally:
            store.close()
        assert signed == keys.last_signed(ended)
        assert ended != archive.engine.logbook.origin(archive.store.head(0).gen)


def test_what_was_erased_since_stays_erased(base, put_back, opened, checked):
    """Secrets that were destroyed after the backup was made leave no part of theirs behind."""
    with opened(base) as archive, archive.session(**OWNER) as session:
        gone = next(one for one in session.list("person").records if one.fields["name"] == "Person 2")
        subject = archive.store.subject(0, bytes.fromhex(gone.id.replace("-", "")))
        facets = archive.store.facets_of(0, subject.subject)
        archive.keys.destroy([subject.slot, *(facet.slot for facet in facets)])
        session.keys.rotate()
    done = put_back(base, accept_loss=True)
    assert (1, 1) == (done.disposed.subjects, done.disposed.records)
    checked(base)
    with opened(base) as archive:
        assert ["Person 0", "Person 1", "Person 3", "Person 4"] == names(archive)
        with archive.session(**OWNER) as session:
            assert [] == list(session.check_data())
    assert_no_plaintext(base / "archive", ["Person 2", "secret 2"])


def test_nothing_is_changed_while_somebody_has_the_archive_open(base, put_back, opened):
    """Whoever works in the old data would go on in a log that is over."""
    with opened(base) as archive, pytest.raises(Exception, match=r"store\.in_use"):
        put_back(base)
    with opened(base) as archive:
        assert 5 == len(names(archive))
