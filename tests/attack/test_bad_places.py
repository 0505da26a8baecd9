"""A full disk, a read-only one, missing and foreign pieces: one clear error, and nothing half written."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from muniment import archive as archives
from muniment.archive import check
from muniment.errors import ConfigError, IntegrityError, KeyStoreError, MunimentError, StoreError, has_text
from muniment.keys import KeyFile
from muniment.testing import new_archive, open_again

FULL = {"store.full", "key.disk_full", "store.cannot_write", "key.io", "store.io"}


@contextmanager
def full_disk(limit):
    """No file can grow beyond so many bytes: writes fail as on a full disk, and nothing need be mounted."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def owner(archive):
    return archive.session(actor="owner", purpose="ServiceProvision")


def clear(error):
    """It has a code with a text in both languages, on one line."""
    assert has_text(error.code), error.code
    for lang in ("en", "zh"):
        text = error.text(lang)
        assert "\n" not in text
        assert text.endswith(f"[{error.code}]")
    return error.code


def names(session):
    return sorted(record.fields["name"] for record in session.list("person", limit=1000).records)


def grow(folder, more):
    """A limit that lets the largest file of the archive grow by so much."""
    return max(path.stat().st_size for path in folder.iterdir() if path.is_file()) + more


def fill(archive, session, room):
    """Write until nothing fits any more, and read then; gives the names of those that were acknowledged."""
    anna = session.create("person", {"name": "Anna", "phone": "030 1234567"})
    written, failed = ["Anna"], set()

    def read(act):
        for _ in range(200):
            act()

    with room:
        for number in range(60):
            try:
                session.create("person", {"name": f"Person {number:03}", "notes": "x" * 5_000}, reason="y")
                written.append(f"Person {number:03}")
            except MunimentError as error:
                failed.add(clear(error))
        assert failed
        assert failed <= FULL
        # A read that cannot be written down gives nothing.
        for act in (
            lambda: session.get(anna.id),
            lambda: session.list("person", limit=1000),
            lambda: session.search("person", "anna"),
            lambda: session.history(anna.id),
        ):
            with pytest.raises(MunimentError) as caught:
                read(act)
            assert clear(caught.value) in FULL
    # There is room again: the same process goes on.
    assert sorted(written) == names(session)
    archive.log.verify()
    session.update(anna.id, {"phone": "030 7654321"}, expected_version=1)
    return sorted(written)


def sound(folder, written):
    with open_again(folder) as archive, owner(archive) as session:
        assert written == names(session)
        assert list(session.check_data()) == []
        archive.log.verify()


@pytest.mark.parametrize("more", [0, 1_000, 5_000, 20_000, 60_000, 150_000])
def test_a_full_disk_loses_and_halves_nothing(tmp_path, everything, more):
    """Writes fail with a code until there is room again; what was acknowledged is there, the rest is not."""
    folder = tmp_path / "archive"
    with new_archive(folder, templates=[everything]) as archive, owner(archive) as session:
        written = fill(archive, session, full_disk(grow(folder, more)))
    sound(folder, written)


@pytest.mark.soak
@pytest.mark.parametrize("free", [0, 4_096, 20_000, 60_000])
def test_a_full_file_system_loses_and_halves_nothing(tmp_path, everything, free):
    """The same on a file system that is really full, where this machine lets us mount one."""
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", small], capture_output=True)
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    folder, ballast = small / "archive", small / "ballast"

    @contextmanager
    def no_room():
        usage = shutil.disk_usage(small)
        ballast.write_bytes(bytes(usage.free - free))
        yield
        ballast.unlink()

    try:
        with new_archive(folder, templates=[everything]) as archive, owner(archive) as session:
            written = fill(archive, session, no_room())
        sound(folder, written)
    finally:
        subprocess.run(["umount", small], check=True)


def test_closing_on_a_full_disk_says_so(tmp_path, everything):
    """The signature could not be kept: an error, and the next process signs."""
    folder = tmp_path / "archive"
    archive = new_archive(folder, templates=[everything])
    with owner(archive) as session:
        session.create("person", {"name": "Anna"})
    with full_disk(10), pytest.raises(MunimentError) as caught:
        archive.close()
    assert clear(caught.value) in FULL
    with open_again(folder) as archive, owner(archive) as session:
        assert ["Anna"] == names(session)
    report = check(folder, root=KeyFile(tmp_path / "archive.key"))
    assert report.size == report.signed_size


def test_a_file_that_does_not_fit_is_not_attached(tmp_path, everything):
    """Neither the version nor the sealed bytes stay."""
    folder = tmp_path / "archive"
    large = tmp_path / "large.bin"
    large.write_bytes(os.urandom(900_000))
    with new_archive(folder, templates=[everything]) as archive, owner(archive) as session:
        anna = session.create("person", {"name": "Anna"})
        with full_disk(600_000), pytest.raises(MunimentError) as caught:
            session.attach(anna.id, "contract", large)
        assert clear(caught.value) in FULL
        assert 1 == session.get(anna.id).version
        left = [path for path in (folder / "files").rglob("*") if path.is_file()]
        assert [] == left
        session.attach(anna.id, "contract", large)
        archive.log.verify()


@pytest.mark.parametrize("limit", [0, 10, 300, 5_000, 30_000, 70_000, 120_000])
def test_an_archive_that_does_not_fit_is_not_made(tmp_path, everything, limit):
    """What is left over does not stand in the way of the next attempt, and is no archive."""
    folder = tmp_path / "archive"
    with full_disk(limit), pytest.raises(MunimentError) as caught:
        new_archive(folder, templates=[everything])
    assert clear(caught.value) in FULL
    with pytest.raises((ConfigError, StoreError)):
        open_again(folder)
    (tmp_path / "archive.key").unlink(missing_ok=True)
    with new_archive(folder, templates=[everything]) as archive:
        archive.log.verify()


# --- read-only --------------------------------------------------------------------------------------------


@contextmanager
def read_only(folder):
    """Nobody may write into the folder, not even root, who goes on as somebody else meanwhile."""
    modes = {path: path.stat().st_mode for path in [folder, *folder.rglob("*")]}
    for path in modes:
        path.chmod(0o555 if path.is_dir() else 0o444)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65_534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        for path, mode in modes.items():
            path.chmod(mode)


@pytest.fixture
def common_folder():
    """A folder that others may enter; pytest's own are private."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def everything_below(folder):
    """The bytes of every file but those of locks."""
    own = ("-shm", ".lock")
    found = {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
    return {path: data for path, data in found.items() if data and not path.name.endswith(own)}


def test_a_read_only_folder_is_said(common_folder, everything):
    """An archive that cannot write its log cannot be used; verifying and what is there are untouched."""
    folder = common_folder / "archive"
    with new_archive(folder, templates=[everything]) as archive, owner(archive) as session:
        session.create("person", {"name": "Anna"})
    (common_folder / "archive.key").chmod(0o644)
    before = everything_below(folder)
    root = KeyFile(common_folder / "archive.key")
    with read_only(folder):
        with pytest.raises(MunimentError) as caught:
            archives.open(folder, root=root)
        assert clear(caught.value) in ("store.read_only", "key.read_only")
        report = check(folder, root=root)
        assert report.with_keys
        with pytest.raises(MunimentError) as caught:
            archives.create(folder / "inner", root=root, recovery=False)
        assert clear(caught.value) in (
            "store.cannot_open",
            "store.read_only",
            "store.cannot_write",
            "key.read_only",
        )
    assert before == everything_below(folder)
    with open_again(folder) as archive, owner(archive) as session:
        assert ["Anna"] == names(session)


# --- pieces that are missing or another's -------------------------------------------------------------------


def _remove(path):
    shutil.rmtree(path) if path.is_dir() else path.unlink()


BROKEN = {
    "key file missing": (lambda folder, other: _remove(folder.with_name("archive.key")), "key.file_missing"),
    "key file of another archive": (
        lambda folder, other: shutil.copy(other.with_name("other.key"), folder.with_name("archive.key")),
        "key.wrong_keyfile",
    ),
    "key file damaged": (
        lambda folder, other: folder.with_name("archive.key").write_bytes(b"\xff nothing of ours"),
        "key.file_damaged",
    ),
    "no slots": (lambda folder, other: _remove(folder / "slots"), "key.slots_missing"),
    "empty slots": (
        lambda folder, other: [_remove(path) for path in (folder / "slots").iterdir()],
        "key.slots_missing",
    ),
    "slots damaged": (
        lambda folder, other: [path.write_bytes(b"{}") for path in (folder / "slots").iterdir()],
        "key.slot_damaged",
    ),
    "no keys.db": (lambda folder, other: _remove(folder / "keys.db"), "key.store_missing"),
    "keys.db of another archive": (
        lambda folder, other: shutil.copy(other / "keys.db", folder / "keys.db"),
        "key.other_archive",
    ),
    "keys.db no database": (
        lambda folder, other: (folder / "keys.db").write_bytes(b"nothing" * 1000),
        "key.store_damaged",
    ),
    "no archive.db": (lambda folder, other: _remove(folder / "archive.db"), "store.missing"),
    "archive.db of another archive": (
        lambda folder, other: shutil.copy(other / "archive.db", folder / "archive.db"),
        "store.other_archive",
    ),
    "archive.db cut": (
        lambda folder, other: os.truncate(folder / "archive.db", 40_000),
        ("store.corrupt", "store.not_a_database", "integrity.schema"),
    ),
    "archive.db no database": (
        lambda folder, other: (folder / "archive.db").write_bytes(b"nothing" * 1000),
        "store.not_a_database",
    ),
    "no muniment.toml": (lambda folder, other: _remove(folder / "muniment.toml"), "config.missing"),
    "muniment.toml of another archive": (
        lambda folder, other: shutil.copy(other / "muniment.toml", folder / "muniment.toml"),
        "key.other_archive",
    ),
    "muniment.toml no text": (
        lambda folder, other: (folder / "muniment.toml").write_bytes(b"\xff\xfe\x00"),
        "config.unreadable",
    ),
    "muniment.toml broken": (
        lambda folder, other: (folder / "muniment.toml").write_text("[archive"),
        "config.syntax",
    ),
    "no folder": (lambda folder, other: _remove(folder), "config.missing"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_missing_or_foreign_piece_is_named(tmp_path, grown, what):
    """One error with a code that says which; nothing is changed by trying, and put back it is all there."""
    folder, other = tmp_path / "archive", tmp_path / "other"
    shutil.copytree(grown, folder)
    shutil.copy(grown.with_name("archive.key"), tmp_path / "archive.key")
    with new_archive(other) as archive, owner(archive) as session:
        for _ in range(400):
            session.note("log.read")
        session.create("customer", {"full_name": "Anna"})
    spoil, codes = BROKEN[what]
    spoil(folder, other)
    before = everything_below(tmp_path)
    with pytest.raises(MunimentError) as caught:
        open_again(folder)
    assert clear(caught.value) in ((codes,) if isinstance(codes, str) else codes)
    assert before == everything_below(tmp_path)
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(grown, folder)
    shutil.copy(grown.with_name("archive.key"), tmp_path / "archive.key")
    with open_again(folder) as archive:
        archive.log.verify()


def test_keys_older_than_the_data_are_refused(tmp_path, everything):
    """A key store put back from before does not know what it signed: going on could sign a second history."""
    folder = tmp_path / "archive"
    with new_archive(folder, templates=[everything]) as archive, owner(archive) as session:
        session.create("person", {"name": "Anna"})
    old = tmp_path / "old.db"
    shutil.copy(folder / "keys.db", old)
    new = tmp_path / "new.db"
    with open_again(folder) as archive, owner(archive) as session:
        session.create("person", {"name": "Bert"})
    shutil.copy(folder / "keys.db", new)
    for path in folder.glob("keys.db*"):
        path.unlink()
    shutil.copy(old, folder / "keys.db")
    with pytest.raises(KeyStoreError) as caught:
        open_again(folder)
    assert "store.keys_older" == clear(caught.value)
    shutil.copy(new, folder / "keys.db")
    with open_again(folder) as archive, owner(archive) as session:
        assert ["Anna", "Bert"] == names(session)
        archive.log.verify()


def test_data_older_than_the_keys_are_refused(tmp_path, everything):
    """A database put back from before lacks what was signed: nothing is written on top of it."""
    folder = tmp_path / "archive"
    with new_archive(folder, templates=[everything]) as archive, owner(archive) as session:
        session.create("person", {"name": "Anna"})
    old = tmp_path / "old.db"
    shutil.copy(folder / "archive.db", old)
    with open_again(folder) as archive, owner(archive) as session:
        session.create("person", {"name": "Bert"})
    for path in folder.glob("archive.db*"):
        path.unlink()
    shutil.copy(old, folder / "archive.db")
    with pytest.raises(IntegrityError) as caught:
        open_again(folder)
    assert "integrity.below_signed" == clear(caught.value)
