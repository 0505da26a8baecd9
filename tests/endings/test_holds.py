"""There is no way round a hold: what it holds can be opened until it is released, whatever was tried."""

from __future__ import annotations

import pytest

from muniment.archive import restore
from muniment.errors import AccessDenied, ApprovalNeeded, MunimentError
from muniment.keys import KeyFile, RecoveryPhrase
from muniment.testing import TickingClock, assert_logged, open_again
from muniment.testing.archives import CHEAP, key_file_of

DAY_US = 86_400_000_000
OWNER = {"actor": "owner", "purpose": "CustomerManagement"}
ERASING = '\n[[approvals.rule]]\nname = "erasing"\noperations = ["erase"]\n'
SHORT = """
[retention]
[[retention.rule]]
id = "SHORT"
effect = "MAX"
maximum = "P1M"
source = "house rule"
categories = ["profile", "contact", "order"]
anchors = ["record.changed"]
verified_by = "counsel"
"""


@pytest.fixture
def archive_options():
    return {"templates": ["customer-info", "ecommerce"], "clock": TickingClock()}


@pytest.fixture
def anna(session):
    """A customer with an order."""
    anna = session.create("customer", {"full_name": "Annabella Schmidt", "phone": "030 1234567"}).id
    session.create("order", {"customer": anna, "order_number": "SO-1", "ordered_at": "2025-06-01"})
    return anna


@pytest.fixture
def hold(session, anna):
    """On the customer."""
    return session.holds.place("Case Zebra-99", subjects=[anna], reason="a lawsuit")


def assert_held(session, anna):
    """She is there, opens, and cannot be erased."""
    assert "Annabella Schmidt" == session.get(anna).fields["full_name"]
    with pytest.raises(AccessDenied) as caught:
        session.erase(anna, reason="asked")
    assert "hold.held" == caught.value.code


def configure(archive, session, text):
    path = archive.folder / "muniment.toml"
    path.write_text(path.read_text() + text)
    archive.apply_config(session, reason="rules")


def test_no_spreadsheet_releases_one(session, anna, hold, tmp_path):
    """An import writes no holds, by type or by identifier."""
    path = tmp_path / "holds.csv"
    path.write_text(f"muniment: id,state,full_name\n{hold.id},released,\n")
    for type_ in ("hold", "customer"):
        try:
            done = session.import_file(type_, path)
        except MunimentError:
            continue
        assert 1 == done.rejected
    assert [hold] == session.holds.list()
    assert_held(session, anna)


def test_undoing_an_import_erases_nobody(session, tmp_path):
    """It takes them out of the lists; what is held stays, and opens."""
    path = tmp_path / "new.csv"
    path.write_text("full_name\nAnnabella Schmidt\n")
    done = session.import_file("customer", path)
    (anna,) = (one.id for one in session.list("customer").records)
    session.holds.place("1", subjects=[anna])
    session.revert_import(done.id)
    assert [] == session.list("customer").records
    assert "Annabella Schmidt" == session.get(anna, version=1).fields["full_name"]
    with pytest.raises(AccessDenied):
        session.erase(anna, reason="asked")


def test_deleting_a_record_gets_round_no_hold(session, anna, hold):
    """What was deleted is held as before, and comes back."""
    session.delete(anna, reason="cleaning up")
    with pytest.raises(AccessDenied):
        session.erase(anna, reason="asked")
    session.undelete(anna)
    assert_held(session, anna)


def test_an_approval_from_before_gets_round_no_hold(archive, session, anna):
    """Approved, then held, then done: refused; the approval is no leave."""
    configure(archive, session, ERASING)
    session.create("user", {"login": "boss", "roles": ["owner"], "state": "active"})
    with pytest.raises(ApprovalNeeded) as caught:
        session.erase(anna, reason="asked")
    number = str(caught.value.parameters["number"])
    with archive.session(actor="boss", purpose="CustomerManagement") as boss:
        boss.changes.approve(number, digest=boss.changes.show(number).digest)
    session.holds.place("late", subjects=[anna])
    with (
        assert_logged(archive, "erasure.refuse", outcome="denied", code="hold.held"),
        pytest.raises(AccessDenied),
    ):
        session.erase(anna, reason="asked")
    assert "Annabella Schmidt" == session.get(anna).fields["full_name"]


def test_a_tick_years_later_disposes_of_nothing_held(archive, session, anna, hold):
    """Nor does applying retention under a maximum that has long passed."""
    configure(archive, session, SHORT)
    archive.engine.clock.now_us += 4000 * DAY_US
    session.tick()
    assert 0 == session.retention.apply(reason="quarterly").facets
    assert_held(session, anna)


def test_rotating_and_taking_slots_away_destroys_nothing(archive, session, anna, hold, tmp_path):
    """Nothing that a session offers destroys a secret but an erasure."""
    phrase = "legal winner thank year wave sausage worth useful legal winner thank yellow"
    slot = session.keys.add_root(RecoveryPhrase(phrase, cost=CHEAP))
    session.keys.rotate()
    session.keys.remove_root(slot)
    assert not [name for name in dir(session.keys) if "destroy" in name]
    assert_held(session, anna)


@pytest.fixture
def put_back(archive, session, anna, tmp_path):
    """Puts back a backup of before the hold was placed."""
    session.backups.create(tmp_path / "backup")

    def run(*, lost=False):
        archive.close()
        if lost:
            for path in archive.folder.glob("archive.db*"):
                path.unlink()
        root = KeyFile(key_file_of(archive.folder))
        return restore(
            tmp_path / "backup", archive.folder, root=root, accept_loss=True, clock=archive.engine.clock
        )

    return run


@pytest.mark.parametrize("lost", [False, True])
def test_a_backup_from_before_is_not_rid_of_it(archive, session, anna, put_back, lost):
    """The key store knows of it, even where all rows were lost; it is in place again, with all it names."""
    hold = session.holds.place("Case Zebra-99", subjects=[anna], types=["order"], reason="a lawsuit")
    over = session.holds.place("2", categories=["profile"])
    session.holds.release(over.id, reason="settled")
    done = put_back(lost=lost)
    assert 1 == done.held
    with open_again(archive.folder, clock=archive.engine.clock) as again, again.session(**OWNER) as mine:
        (found,) = mine.holds.list(released=True)
        assert (hold.id, hold.matter, hold.targets) == (found.id, found.matter, found.targets)
        assert_held(mine, anna)
        again.log.verify()
        mine.holds.release(hold.id, reason="settled")
        mine.erase(anna, reason="asked")
    assert 0 == put_back_again(archive, put_back)


def put_back_again(archive, put_back):
    """Once released and restored again, it is not back."""
    return put_back().held


def test_a_hold_that_was_refused_is_not_placed_by_a_restore(archive, session, anna, put_back):
    """What never came to be leaves nothing beside the keys."""
    with pytest.raises(MunimentError):
        session.holds.place("1", records=["019b76da-a801-7000-8395-1871b5264c05"])
    assert [] == archive.keys.box_names("hold/")
    assert 0 == put_back().held


def test_a_crash_between_keys_and_rows_holds_rather_too_much(archive, session, anna, put_back, monkeypatch):
    """Killed after the key store knows of it: a restore places it, and somebody can release it."""
    from muniment.session.rights import holds

    def dies(*arguments, **named):
        raise KeyboardInterrupt

    monkeypatch.setattr(holds, "write", dies)
    with pytest.raises(KeyboardInterrupt):
        session.holds.place("Case Zebra-99", subjects=[anna])
    monkeypatch.undo()
    assert 1 == put_back().held
    with open_again(archive.folder, clock=archive.engine.clock) as again, again.session(**OWNER) as mine:
        assert_held(mine, anna)
        (found,) = mine.holds.list()
        mine.holds.release(found.id, reason="never was")
        mine.erase(anna, reason="asked")


def test_a_matter_stands_beside_the_keys_sealed_alone(archive, session, hold):
    """In no file in clear."""
    from muniment.testing import assert_no_plaintext

    session.keys.rotate()
    archive.close()
    assert_no_plaintext(archive.folder, ["Zebra-99", "Case Zebra"])
