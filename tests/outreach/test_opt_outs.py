"""An address that left is written to no more, through whichever record somebody tries."""

from __future__ import annotations

import pytest

from muniment.model import id_bytes
from muniment.session.outreach import mailing as mailing_module
from muniment.session.outreach.answers import leave
from muniment.session.outreach.mailing import Mailings
from muniment.session.rights.consents import Terms
from muniment.testing import assert_logged, assert_no_plaintext, open_again

from .test_mail import Postbox, customer, letter, token_of


@pytest.fixture
def post(monkeypatch):
    box = Postbox()
    monkeypatch.setattr(mailing_module, "open_way", lambda *args, **more: box)
    return box


@pytest.fixture
def mail(session, configure):
    def edit(document):
        document["mail"] = {"from": "Shop <shop@example.com>", "link": "https://shop.example.com"}

    configure(edit)
    session.consents.write_notice(
        "news", {"purposes": ["DirectMarketing"], "text_en": "May we write?", "text_zh": "可以写信吗？"}
    )
    return Mailings(session, sleep=lambda seconds: None)


SAME = {
    "another case": {"email": "Anna@Example.COM"},
    "a lead": {"email": "anna@example.com", "status": "potential"},
    "a customer who came back": {"email": "anna@example.com", "status": "lost"},
}


@pytest.mark.parametrize("more", SAME.values(), ids=SAME)
def test_who_left_is_not_reached_through_another_record(archive, session, mail, post, more):
    """One click in one letter holds for every record of the address, each with a consent of its own."""
    anna = customer(session, "Anna")
    other = customer(session, "Other", **more)
    mail.send(letter(), name="spring")
    assert ["anna@example.com"] == post.to
    leave(archive.engine, token_of(post.taken[0]))
    found = mail.preview(letter())
    assert ("no_consent", "unsubscribed") == (found.left_out[anna.id], found.left_out[other.id])
    assert () == tuple(found.going)
    mail.send(letter(), name="summer")
    assert ["anna@example.com"] == post.to


@pytest.mark.parametrize("way", ["erased", "deleted", "moved"])
def test_the_record_that_left_need_not_be_there_any_more(archive, session, mail, post, way):
    """Neither erasing who left, nor deleting the record, nor another address in it opens the old address."""
    anna = customer(session, "Anna")
    other = customer(session, "Other", email="anna@EXAMPLE.com")
    mail.send(letter(), name="spring")
    leave(archive.engine, token_of(post.taken[0]))
    if way == "erased":
        session.erase(anna.subject, reason="asked")
    elif way == "deleted":
        session.delete(anna.id, reason="gone")
    else:
        session.update(anna.id, {"email": "new@example.com"})
    assert "unsubscribed" == mail.preview(letter()).left_out[other.id]
    # Whoever consents after that is back.
    session.consents.give(other.id, Terms("DirectMarketing", notice="news", method="web"))
    assert [other.id] == list(mail.preview(letter()).going)


def test_who_says_so_on_the_phone_is_not_reached_either(archive, session, mail, post):
    """A withdrawal by hand counts for the address like a click, and its reason goes with the person."""

    def reasons(subject):
        with archive.engine.store.transaction(write=False) as tx:
            return len(tx.side_parts_of(0, subject))

    anna = customer(session, "Anna")
    other = customer(session, "Other", email=" anna@example.com ")
    shared = reasons(archive.engine.archive)
    with assert_logged(archive, "mail.unsubscribe"):
        session.consents.withdraw(anna.id, "DirectMarketing", reason="Anna Grünwald rang")
    assert "unsubscribed" == mail.preview(letter()).left_out[other.id]
    assert (1, shared) == (reasons(id_bytes(anna.subject)), reasons(archive.engine.archive))


def test_a_channel_refused_in_one_record_is_refused_for_the_address(session, mail, post):
    """Also where the record that says so was deleted, and not where it speaks of another address."""
    shy = customer(session, "Shy", do_not_contact=["email"], consent=False)
    other = customer(session, "Other", email="SHY@example.com")
    free = customer(session, "Free")
    found = mail.preview(letter())
    assert ("opted_out", [free.id]) == (found.left_out[other.id], list(found.going))
    session.delete(shy.id, reason="gone")
    assert "opted_out" == mail.preview(letter()).left_out[other.id]
    session.undelete(shy.id)
    session.update(shy.id, {"do_not_contact": ["phone"]})
    assert other.id in mail.preview(letter()).going


def test_a_merged_record_keeps_its_word(archive, session, mail, post):
    """Who left under the record that was merged away is not reached at the address of the one that stayed."""
    kept = customer(session, "Anna", email="anna@work.example.com", do_not_contact=["phone"])
    double = customer(session, "Anne")
    mail.send(letter(), name="spring")
    assert {"anna@work.example.com", "anne@example.com"} == set(post.to)
    leave(archive.engine, token_of(next(one for one in post.taken if "anne" in str(one["To"]))))
    session.cleaning.links.merge(kept.id, double.id, reason="the same person")
    assert "unsubscribed" == mail.preview(letter()).left_out[kept.id]
    mail.send(letter(), name="summer")
    assert 2 == len(post.to)


def test_a_merged_record_keeps_its_closed_channels(session, mail, post):
    """The kept record has its own word on channels; that of the other one counts beside it."""
    kept = customer(session, "Anna", do_not_contact=["phone"])
    double = customer(session, "Anne", do_not_contact=["email"])
    assert kept.id in mail.preview(letter()).going
    session.cleaning.links.merge(kept.id, double.id, reason="the same person")
    assert "opted_out" == mail.preview(letter()).left_out[kept.id]


def test_it_is_asked_again_when_a_letter_leaves(archive, session, mail, post, monkeypatch):
    """An address that left between the choice and the sending gets none, though another record held it."""
    customer(session, "Anna")
    other = customer(session, "Other", email="ANNA@example.com")
    mail.send(letter(), name="spring")
    token = token_of(post.taken[0])
    session.update(other.id, {"full_name": "Else"})
    choosing = mail._choosing(letter(), mailing_module.Selection(), "")
    chosen = {one.record.id: one for one in choosing}
    leave(archive.engine, token)
    with archive.engine.store.transaction(write=False) as tx:
        late = choosing.refusal_now(tx, chosen[other.id].record, archive.engine.clock())
    assert "unsubscribed" == late


def test_nothing_of_an_address_stands_in_what_is_kept(archive, session, mail, post):
    """Whoever has the files finds no address in them, and the log of it all verifies."""
    anna = customer(session, "Anna", email="anna.secret@example.com")
    mail.send(letter(), name="spring")
    leave(archive.engine, token_of(post.taken[0]))
    session.erase(anna.subject, reason="asked")
    folder = archive.folder
    archive.close()
    assert_no_plaintext(folder, ["anna.secret@example.com", "ANNA.SECRET@EXAMPLE.COM"])
    with open_again(folder) as again:
        again.log.verify()
