"""Sealed backups: opened by today's keys alone, kept by generations, practised without a trace."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.archive import restore
from muniment.backup.generations import kept
from muniment.errors import AccessDenied, ConfigError, IntegrityError, StoreError
from muniment.keys import KeyFile
from muniment.session.backups import last_backup
from muniment.testing import assert_logged, log_entries, log_size, open_again

OWNER = {"actor": "owner", "purpose": "ServiceProvision"}
TIMES = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))


def plan(base, to, **more):
    path = base / "archive" / "muniment.toml"
    lines = [f'to = "{to}"', *(f"{name} = {value}" for name, value in more.items())]
    path.write_text(
        path.read_text(encoding="utf-8") + "\n[backup]\n" + "\n".join(lines) + "\n", encoding="utf-8"
    )
    with open_again(base / "archive") as archive, archive.session(**OWNER) as session:
        archive.apply_config(session, reason="for the test")


@pytest.fixture
def planned(base):
    """A base folder whose archive has a folder for sealed backups."""
    (base / "vault").mkdir()
    plan(base, base / "vault")
    return base


def test_a_sealed_backup_is_restored_with_the_keys_of_today(planned, opened, checked):
    """One file, in which nothing can be read; the keys and the file give everything back."""
    with opened(planned) as archive, archive.session(**OWNER) as session:
        assert session.backups.late()
        made = session.backups.run()
        assert not session.backups.late()
        assert [made] == session.backups.listed()
    sealed = planned / "vault" / made.name
    content = sealed.read_bytes()
    for word in (b"SQLite format", b"manifest", b"record.create", b"owner", b"archive.db"):
        assert word not in content
    assert not (planned / "archive" / ".backing-up").exists()
    for name in ("archive.db", "archive.db-wal", "archive.db-shm"):
        (planned / "archive" / name).unlink(missing_ok=True)
    shutil.rmtree(planned / "archive" / "files")
    done = restore(sealed, planned / "archive", root=KeyFile(planned / "archive.key"))
    assert () == done.lost
    assert not (planned / "archive" / ".unsealed").exists()
    checked(planned)
    with opened(planned) as archive, archive.session(**OWNER) as session:
        assert 5 == len(session.list("person").records)


def test_a_drill_leaves_no_trace_in_the_copy_or_the_keys(planned, opened):
    """It says that the backup can be restored; the one entry about it is in the archive that lives."""
    with opened(planned) as archive, archive.session(**OWNER) as session:
        made = session.backups.run()
        sealed = (planned / "vault" / made.name).read_bytes()
        keys = (planned / "archive" / "keys.db").read_bytes()
        before = log_size(archive)
        with assert_logged(archive, "backup.drill", target={"name": made.name, "size": made.size}):
            done = session.backups.drill(made.name)
        assert before + 1 == log_size(archive)
        assert (made.size, 0) == (done.size, done.erased)
        assert done.opened >= 10
        assert keys == (planned / "archive" / "keys.db").read_bytes()
        assert sealed == (planned / "vault" / made.name).read_bytes()
        gone = session.list("person").records[0]
        session.erasures.subject(gone.id, reason="asked")
        done = session.backups.drill(made.name)
        assert done.erased >= 2


def test_only_the_keys_of_the_same_archive_open_it(planned, opened, tmp_path):
    """Another archive's keys, a byte changed, a file cut: nothing comes of it."""
    from muniment.testing import new_archive

    with opened(planned) as archive, archive.session(**OWNER) as session:
        made = session.backups.run()
        sealed = planned / "vault" / made.name
        content = sealed.read_bytes()
        for changed in (
            content[:-20],
            content[:500] + b"x" + content[501:],
            content[:30],
            b"",
            content + b"x",
        ):
            sealed.write_bytes(changed)
            with pytest.raises(IntegrityError):
                session.backups.drill(made.name)
    sealed.write_bytes(content)
    (tmp_path / "other").mkdir()
    with new_archive(tmp_path / "other" / "archive") as other, other.session(**OWNER) as session:
        with pytest.raises(IntegrityError) as caught:
            session.backups.drill(str(sealed))
        assert "backup.sealed" == caught.value.code


def test_a_place_that_is_gone_is_an_error_and_written_down(planned, opened):
    """A disk that is not mounted is no empty folder."""
    shutil.rmtree(planned / "vault")
    with opened(planned) as archive, archive.session(**OWNER) as session:
        with pytest.raises(StoreError) as caught:
            session.backups.run()
        last = log_entries(archive)[-1]
        assert ("backup.create", "failed", "backup.place") == (
            last.kind,
            last.detail["outcome"],
            last.detail["code"],
        )
        assert "backup.place" == caught.value.code
        assert session.backups.late()
        (failed,) = [one for one in session.tick(only=["backup"])]
        assert "backup.place" == failed.code


def test_without_a_plan_nothing_is_sealed(base, opened):
    """And nothing is late."""
    with opened(base) as archive, archive.session(**OWNER) as session:
        assert not session.backups.late()
        with pytest.raises(ConfigError):
            session.backups.run()


def test_who_may_not_sees_no_backups(planned, opened):
    """Listing them is a right too."""
    with opened(planned) as archive:
        with archive.session(**OWNER) as session:
            session.create("user", {"login": "vera", "roles": "editor", "state": "active"})
        with archive.session(actor="vera", purpose="ServiceProvision") as vera:
            for act in (vera.backups.run, vera.backups.listed, vera.backups.prune):
                with pytest.raises(AccessDenied):
                    act()


def test_those_that_had_their_time_go(planned, opened):
    """By generations, each removal written down before it happens; other files are left alone."""
    with opened(planned) as archive, archive.session(**OWNER) as session:
        made = session.backups.run()
        (planned / "vault" / "holiday.jpg").write_bytes(b"x")
        for day in range(1, 60):
            when = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(days=day)
            name = f"muniment-{archive.id}-{when:%Y%m%dT%H%M%SZ}-7.sealed"
            (planned / "vault" / name).write_bytes(b"x")
        count = len(session.backups.listed())
        before = log_size(archive)
        gone = session.backups.prune()
        assert before + len(gone) == log_size(archive)
        left = session.backups.listed()
        assert count == len(gone) + len(left)
        assert made.name == left[-1].name
        assert len(left) < 15
        assert (planned / "vault" / "holiday.jpg").exists()
        assert [] == session.backups.prune()


@given(st.lists(TIMES, unique=True), *([st.integers(0, 5)] * 3))
def test_the_newest_of_each_span_is_kept(times, daily, weekly, monthly):
    """The newest one always; never more than asked for; and what is kept once stays kept."""
    keep = kept(times, daily=daily, weekly=weekly, monthly=monthly)
    assert keep <= set(times)
    assert not times or max(times) in keep
    assert len(keep) <= daily + weekly + monthly + 1
    assert keep == kept(keep, daily=daily, weekly=weekly, monthly=monthly)
    days = sorted({one.date() for one in times}, reverse=True)[:daily]
    for day in days:
        assert max(one for one in times if one.date() == day) in keep


@pytest.mark.slow
def test_a_bucket_is_a_place_too(base, opened, monkeypatch):
    """S3, as moto plays it: made, listed, practised, restored from, removed."""
    boto3 = pytest.importorskip("boto3")
    moto = pytest.importorskip("moto")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with moto.mock_aws():
        boto3.client("s3").create_bucket(Bucket="vault")
        plan(base, "s3://vault/customers")
        with opened(base) as archive, archive.session(**OWNER) as session:
            made = session.backups.run()
            assert [made] == session.backups.listed()
            assert made.size == session.backups.drill(made.name).size
        done = restore(
            f"s3://vault/customers/{made.name}",
            base / "archive",
            root=KeyFile(base / "archive.key"),
            accept_loss=True,
        )
        assert made.size == done.manifest.size
        with opened(base) as archive, archive.session(**OWNER) as session:
            with pytest.raises(StoreError):
                session.backups.drill("nothing")
            session.backups._place().delete(made.name)
            assert [] == session.backups.listed()
        _interrupted(base, opened, monkeypatch)
        for one in boto3.client("s3").list_objects_v2(Bucket="vault").get("Contents", ()):
            boto3.client("s3").delete_object(Bucket="vault", Key=one["Key"])
        boto3.client("s3").delete_bucket(Bucket="vault")
        with opened(base) as archive, archive.session(**OWNER) as session, pytest.raises(StoreError):
            session.backups.listed()


def _interrupted(base, opened, monkeypatch):
    """Cut off in the middle of its pieces, or shorter than what was sent: no backup, and written down."""
    from botocore.exceptions import EndpointConnectionError

    with opened(base) as archive, archive.session(**OWNER) as session:
        client = session.backups._place()._client

        def cut(path, bucket, key):
            upload = client.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
            client.upload_part(Bucket=bucket, Key=key, UploadId=upload, PartNumber=1, Body=b"x" * 100)
            raise EndpointConnectionError(endpoint_url="https://s3.example")

        def shorter(path, bucket, key):
            client.put_object(Bucket=bucket, Key=key, Body=b"x")

        place = session.backups._place()
        monkeypatch.setattr(type(session.backups), "_place", lambda self: place)
        for act, left in ((cut, 0), (shorter, 1)):
            monkeypatch.setattr(place, "_client", _Instead(client, act))
            before = last_backup(archive.engine)
            with pytest.raises(StoreError) as caught:
                session.backups.run()
            assert "backup.place" == caught.value.code
            assert ("backup.create", "failed") == (
                (last := log_entries(archive)[-1]).kind,
                last.detail["outcome"],
            )
            assert before == last_backup(archive.engine)
            assert left == len(session.backups.listed())
        for one in session.backups.listed():
            with pytest.raises(IntegrityError):
                session.backups.drill(one.name)
        monkeypatch.undo()


class _Instead:
    """A client whose uploads are done by something else."""

    def __init__(self, client, upload):
        self._client = client
        self.upload_file = upload

    def __getattr__(self, name):
        return getattr(self._client, name)
