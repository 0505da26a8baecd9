"""One person of many is erased, through the command line, and nobody finds anything of them again."""

from __future__ import annotations

import shutil

import pytest

from muniment.model import id_bytes, id_text
from muniment.session.tables.links import Links
from muniment.testing import assert_no_plaintext, forms_of

from . import town

SECRETS = [*town.TYPED, *town.NORMAL]


def erase(cli, record):
    """As the rules ask: wanted by one, approved by another, done by the first."""
    words = ("subject", "erase", record, "--reason", "asked for it in writing")
    waits = cli.json(*words, code=8)
    number = str(waits["number"])
    digest = cli.json("change", "show", number, "--as", "boss")["changes"][0]["digest"]
    cli.run("change", "approve", number, "--digest", digest, "--as", "boss")
    return cli.json(*words)


def found_open(archive):
    """The places of those texts that today's keys open: in any version of anything, packed or not."""
    text = "\0".join(one for text in town.opened_parts(archive) for one in town.unpacked(text)).encode()
    return {place for place, one in enumerate(SECRETS) if any(form in text for form in forms_of(one))}


@pytest.mark.parametrize(
    "count",
    [pytest.param(300, marks=pytest.mark.slow), pytest.param(10_000, marks=pytest.mark.soak)],
)
def test_nothing_of_one_among_many_is_left(tmp_path, count):
    """Not in the archive, not in yesterday's backup under today's keys, not with yesterday's keys."""
    home = tmp_path / "home"
    home.mkdir()
    cli = town.build(home, count)
    record = town.id_of(cli, f"customer:{town.NUMBER}")

    # The day before: a full backup, a pair of key copies, a checkpoint, and what everybody's records say.
    cli.run("backup", "create", str(home / "backup"))
    (home / "a").mkdir()
    (home / "b").mkdir()
    cli.run("key", "backup", str(home / "a"), "--slots", str(home / "b"))
    shutil.copytree(home / "a", home / "old-keys")
    trusted = home / "trusted"
    trusted.write_text(cli.json("log", "checkpoint")["checkpoint"]["note"])
    with town.opened(cli) as (archive, session):
        mine = {id_bytes(one) for one in Links(session).of(record)}
        with archive.store.transaction(write=False) as tx:
            hers = {one.record for subject in mine for one in tx.subject_records(0, subject)}
        tokens = town.tokens_about(archive, hers)
        whole = town.whole_tokens(archive, SECRETS)
        assert len(tokens) > 20
        files = list((cli.folder / "files").rglob("*"))
        opening = found_open(archive)
        # Or the search afterwards would prove nothing.
        assert {SECRETS.index(one) for one in town.SEALED} <= opening
    raw = archive_bytes(cli.folder)
    assert all(any(one in data for data in raw.values()) for one in tokens)
    before = town.digest(cli, cli.folder, without=frozenset(map(id_text, hers)))
    assert count - 1 <= before[0]

    done = erase(cli, record)
    assert done["certificate"]["targets"]

    # The archive itself, every file of it, and every temporary file of the commands.
    assert_no_plaintext(cli.folder, SECRETS)
    assert_no_plaintext(home / "tmp", SECRETS)
    raw = archive_bytes(cli.folder)
    for needle in (*tokens, *whole):
        assert not [name for name, data in raw.items() if needle in data]
    with town.opened(cli) as (archive, session):
        assert not town.tokens_about(archive, hers)
        assert set() == found_open(archive)
    assert before == town.digest(cli, cli.folder)
    assert len(files) > len(list((cli.folder / "files").rglob("*")))
    cli.run("log", "verify", "--trusted", str(trusted))
    cli.run("data", "check")

    # The certificate, where there is no archive and nothing else.
    certificate = home / "certificate.json"
    cli.run("certificate", "export", record, "--to", str(certificate))
    nowhere = {
        "MUNIMENT_ARCHIVE": "",
        "MUNIMENT_KEY": "",
        "HOME": str(home / "nobody"),
        "XDG_CONFIG_HOME": "",
    }
    key = cli.run("log", "key").strip()
    found = cli.json("certificate", "verify", str(certificate), "--verifier-key", key, **nowhere)
    assert (True, record) == (found["trusted"], found["certificate"]["targets"][0]["record"])
    assert_no_plaintext(copied(certificate, home / "out"), SECRETS)

    # Yesterday's backup with today's keys: over the archive, and where all data was lost.
    for name in ("over", "lost"):
        there = home / name
        shutil.copytree(cli.folder, there)
        if name == "lost":
            for path in there.glob("archive.db*"):
                path.unlink()
            shutil.rmtree(there / "files")
        cli.run("restore", str(home / "backup"), str(there), "--accept-loss", MUNIMENT_ARCHIVE="")
        elsewhere = town.attrs.evolve(cli, folder=there)
        assert_no_plaintext(there, SECRETS)
        assert before == town.digest(elsewhere, there)
        elsewhere.run("log", "verify")
        elsewhere.run("data", "check")
        elsewhere.run("record", "get", record, code=1)
        with town.opened(elsewhere) as (archive, _):
            assert not town.tokens_about(archive, hers)
            assert set() == found_open(archive)
        raw = archive_bytes(there)
        for needle in (*tokens, *whole):
            assert not [path for path, data in raw.items() if needle in data]

    # Yesterday's keys: no slot of today opens them, so nobody reads the backup with them.
    old = home / "old"
    shutil.copytree(home / "lost", old)
    for path in old.glob("keys.db*"):
        path.unlink()
    shutil.copy(next((home / "old-keys").rglob("keys.db")), old / "keys.db")
    elsewhere = town.attrs.evolve(cli, folder=old)
    for words in (("record", "get", record), ("record", "list", "customer"), ("status",), ("data", "check")):
        assert "" == elsewhere.run(*words, code=1)
    elsewhere.run("restore", str(home / "backup"), str(old), "--accept-loss", code=1)


def archive_bytes(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def copied(path, folder):
    folder.mkdir()
    shutil.copy(path, folder)
    return folder
