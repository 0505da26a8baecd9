"""SIGKILL before every durable act of an erasure, a rotation, a backup, a restore and a tick.

The next opening finishes it or undoes it; nothing is half erased and called done, and
nobody who should live is lost.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import attrs
import pytest

from muniment import config
from muniment.archive import check, restore
from muniment.backup import verify_backup
from muniment.errors import KeyStoreError, MunimentError, NotFound
from muniment.keys import KeyFile, KeyStore
from muniment.model import system_clock
from muniment.schema.template import parse_template
from muniment.session.rights.consents import Terms
from muniment.testing import assert_no_plaintext, new_archive, open_again
from muniment.verify.certificate import check_certificate

from .dying import die_before

EVERYTHING = Path(__file__).parent.parent / "everything.toml"
OWNER = {"actor": "owner", "purpose": "ServiceProvision"}
HER = {
    "number": "P-ZQ-1", "name": "Zenobia Quittenbaum", "phone": "030 22376559", "secret": "violets 紫薇过敏",
    "notes": "came with an umbrella",
}  # fmt: skip
FORMS = [*HER.values(), "zenobia quittenbaum", "+493022376559", "the deed of violets", "because of violets"]
BACKUP = '\n[backup]\nto = "../vault"\nevery_hours = 1\n'


@attrs.frozen
class Base:
    """A folder with an archive and all that lies beside it.

    Attributes:
        home: ``archive``, ``archive.key``, ``backup``.
        her: identifier of the one who is erased.
        living: what the others are.
        ahead_us: how long after it was made it is.
    """

    home: Path
    her: str
    living: dict[str, object]
    ahead_us: int = 0

    @property
    def folder(self):
        return self.home / "archive"

    @property
    def root(self):
        return KeyFile(self.home / "archive.key")

    def at(self, home):
        shutil.copytree(self.home, home)
        return attrs.evolve(self, home=home)

    def opened(self):
        return open_again(self.folder, clock=lambda: system_clock() + self.ahead_us)

    def in_session(self, act):
        with self.opened() as archive, archive.session(**OWNER) as session:
            return act(archive, session)


def everybody(session, her):
    return {
        one.id: (one.version, dict(one.fields)) for one in session.list("person").records if one.id != her
    } | {
        one.id: (one.version, dict(one.fields))
        for one in session.list("visit").records
        if one.fields["person"] != her
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Five people and one with everything; and a backup of all."""
    home = tmp_path_factory.mktemp("dying") / "base"
    home.mkdir()
    (home / "vault").mkdir()
    template = parse_template(EVERYTHING.read_text(encoding="utf-8"), where="everything")
    with new_archive(home / "archive", templates=[template]) as archive, archive.session(**OWNER) as session:
        path = archive.folder / "muniment.toml"
        path.write_text(path.read_text() + BACKUP)
        archive.apply_config(session, reason="backups")
        for n in range(4):
            one = session.create("person", {"number": f"P-{n}", "name": f"Person {n}"}, reason="came in").id
            session.create("visit", {"person": one, "day": "2026-01-01", "finding": f"finding {n}"})
        (home / "deed").write_text("the deed of violets " * 400)
        session.attach(one, "contract", home / "deed")
        her = session.create("person", HER, reason="because of violets").id
        session.create("visit", {"person": her, "day": "2026-01-02", "finding": "because of violets"})
        session.attach(her, "contract", home / "deed")
        (home / "deed").unlink()
        session.consents.give(her, Terms("DirectMarketing"), reason="because of violets")
        session.drafts.save({"notes": "came with an umbrella"}, record=her)
        session.backups.create(home / "backup")
        living = everybody(session, her)
    return Base(home, her, living)


@pytest.fixture(scope="module")
def erased(made, tmp_path_factory):
    """The same, where she was erased after the backup, and somebody came after that."""
    base = made.at(tmp_path_factory.mktemp("erased") / "base")

    def later(archive, session):
        session.erase(base.her, reason="asked")
        session.create("person", {"number": "P-9", "name": "Person 9"})

    base.in_session(later)
    return base


# What is killed, and what must hold afterwards


def erase(base):
    base.in_session(lambda archive, session: session.erase(base.her, reason="asked for it"))


def after_erase(base, killed):
    def look(archive, session):
        states = [state.state for state in archive.store.states(0)]
        assert states in ([], ["erasing", "erased"])
        assert base.living == everybody(session, base.her)
        if not states:
            assert HER["secret"] == session.get(base.her).fields["secret"]
            session.erase(base.her, reason="asked once more")
        with pytest.raises(NotFound):
            session.get(base.her)
        assert not archive.keys.rotation_due
        check_certificate(json.dumps(session.erasures.certificate(base.her)))

    base.in_session(look)
    assert_no_plaintext(base.folder, FORMS)


def pair(base):
    """Copies of the keys in two places; the archive remembers where, so each base has its own."""
    for name in ("keys", "slots"):
        (base.home / name).mkdir()
    base.in_session(lambda archive, session: session.keys.backup(base.home / "keys", base.home / "slots"))


def rotate(base):
    base.in_session(lambda archive, session: session.keys.rotate())


def after_rotate(base, killed):
    shutil.copytree(base.folder, base.home / "old")

    def look(archive, session):
        assert base.living == everybody(session, base.her)
        assert HER["secret"] == session.get(base.her).fields["secret"]
        epoch = archive.keys.epoch
        assert epoch in (1, 2)
        session.keys.rotate()
        assert epoch + 1 == archive.keys.epoch
        assert HER["secret"] == session.get(base.her).fields["secret"]

        return archive.keys.epoch

    epoch_of = base.in_session(look)
    for name in ("keys.db-wal", "keys.db-shm"):
        (base.folder / name).unlink(missing_ok=True)
    shutil.copy(base.home / "old" / "keys.db", base.folder / "keys.db")
    with pytest.raises(KeyStoreError), base.opened():
        pass
    # Of the pair of copies there is a new one, which opens all; nothing of an older one is left there.
    (keys,) = (base.home / "keys").rglob("keys.db")
    (slots,) = (base.home / "slots").glob("muniment-slots-*")
    copy = base.home / "copy"
    copy.mkdir()
    shutil.copy(keys, copy / "keys.db")
    shutil.copytree(slots, copy / "slots")
    identifier = config.read(base.folder).archive
    with KeyStore.open(copy, identifier, base.root, read_only=True) as store:
        assert epoch_of == store.epoch


def back_up(base):
    base.in_session(lambda archive, session: session.backups.create(base.home / "second"))


def run_backup(base):
    base.in_session(lambda archive, session: (session.backups.run(), session.backups.prune()))


def after_backup(base, killed):
    def look(archive, session):
        assert base.living == everybody(session, base.her)
        if (base.home / "second").exists():
            verify_backup(
                base.home / "second",
                archive=archive.file.archive,
                origin=archive.file.origin,
                key=archive.verifier_key,
            )
        else:
            session.backups.create(base.home / "second")  # what was begun of it gives way
        for one in session.backups.listed():
            session.backups.drill(one.name)
        session.backups.run()
        assert session.backups.listed()
        assert not session.backups.late()

    base.in_session(look)
    assert not list(base.home.glob("*making*"))
    assert not (base.folder / ".backing-up").exists()


def put_back(base):
    restore(base.home / "backup", base.folder, root=base.root, accept_loss=True)


def after_restore(base, killed):
    def look(archive, session):
        with pytest.raises(MunimentError):
            session.get(base.her)
        found = everybody(session, base.her)
        assert base.living == {one: found[one] for one in base.living}
        assert {"Person 9"} == {
            fields["name"] for one, (_, fields) in found.items() if one not in base.living
        } or found.keys() == base.living.keys()

    if (base.folder / "archive.db").exists():
        base.in_session(look)
    restore(base.home / "backup", base.folder, root=base.root, accept_loss=True)
    base.in_session(look)
    assert not (base.folder / ".restoring").exists()
    assert_no_plaintext(base.folder, FORMS)


def tick(base):
    base.in_session(lambda archive, session: session.tick())


def after_tick(base, killed):
    def look(archive, session):
        assert base.living == everybody(session, base.her)
        session.tick()
        assert 1 <= len(session.backups.listed()) <= 2
        assert not session.backups.late()

    base.in_session(look)


ACTS = {
    "erase": ("made", erase, after_erase),
    "rotate": ("made", rotate, after_rotate),
    "backup": ("made", back_up, after_backup),
    "sealed backup": ("made", run_backup, after_backup),
    "restore": ("erased", put_back, after_restore),
    "restore of lost rows": ("lost", put_back, after_restore),
    "tick": ("later", tick, after_tick),
}


@pytest.fixture(scope="module")
def bases(made, erased, tmp_path_factory):
    lost = erased.at(tmp_path_factory.mktemp("lost") / "base")
    for path in lost.folder.glob("archive.db*"):
        path.unlink()
    return {"made": made, "later": attrs.evolve(made, ahead_us=7_200_000_000), "erased": erased, "lost": lost}


def kill_all(bases, tmp_path, name, numbers):
    """Kill it before the durable acts of these numbers; gives how many there were at which it died."""
    kind, act, after = ACTS[name]
    died = 0
    for number in numbers:
        base = bases[kind].at(tmp_path / str(number))
        if name == "rotate":
            pair(base)
        killed = die_before(lambda base=base: act(base), number)
        died += killed
        after(base, killed)
        check(base.folder, root=base.root) if name != "rotate" else None
        shutil.rmtree(base.home)
        if not killed:
            break
    return died


@pytest.mark.soak
@pytest.mark.parametrize("name", ACTS)
def test_killed_before_every_durable_act(bases, tmp_path, name):
    """One after another, until it comes to its end."""
    died = kill_all(bases, tmp_path, name, range(1, 2_000))
    print(f"{name}: killed {died} times")
    assert died > 5


@pytest.mark.slow
@pytest.mark.parametrize("name", ACTS)
def test_killed_before_some_durable_acts(bases, tmp_path, name):
    """The same at a few of them, spread over the whole."""
    died = kill_all(bases, tmp_path, name, (3, 8, 17, 29, 44))
    assert died > 1
