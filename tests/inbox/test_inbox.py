"""What comes in waits for a person, and becomes a record in their name or nothing."""

from __future__ import annotations

import pytest

from muniment.errors import AccessDenied, NotFound, UsageError
from muniment.session import incoming
from muniment.testing import assert_logged, assert_no_plaintext, log_entries

from .conftest import letter


def test_a_message_of_a_known_address_waits_for_its_customer(owner, wang, post):
    """Linked by the blind index of the address, and nothing is a record yet."""
    (id,) = post(letter(sender="<WANG@example.cn>"))
    item = owner.inbox.get(id)
    assert (wang,) == item.proposal.persons
    assert wang == item.subject
    assert {"channel": "email", "direction": "inbound"}.items() <= item.proposal.values.items()
    assert not owner.list("interaction").records


def test_accepting_writes_the_record_with_the_original(archive, owner, wang, post, tmp_path):
    """In one's own name, as any write; the sealed original goes with it."""
    (id,) = post(letter(text="Where is 订单?"))
    with assert_logged(archive, "inbox.accept", count=1), assert_logged(archive, "record.create", count=1):
        saved = owner.inbox.accept(id, values={"topic": "order"})
    record = owner.get(saved.id)
    assert (wang, "order") == (record.fields["customer"], record.fields["topic"])
    assert "Order 12\n\nWhere is 订单?" == record.fields["question"]
    owner.read_file(saved.id, "attachments", tmp_path / "out.eml")
    assert letter(text="Where is 订单?") == (tmp_path / "out.eml").read_bytes()
    with pytest.raises(UsageError, match=r"inbox\.decided"):
        owner.inbox.accept(id)


def test_an_unknown_sender_is_proposed_as_a_person(owner, post):
    """From name, address and signature; both records are one change set."""
    text = "Hi, where is it?\n\nBest regards,\nJane Doe\nACME Ltd\n+44 20 7946 0958"
    (id,) = post(letter(sender="Jane Doe <jane@acme.example>", text=text))
    with pytest.raises(UsageError, match=r"inbox\.whose"):
        owner.inbox.accept(id)
    saved = owner.inbox.accept(id, new=True, person_values={"city": "London"})
    person = owner.get(str(owner.get(saved.id).fields["customer"])).fields
    assert ("Jane Doe", "jane@acme.example", "+442079460958", "ACME Ltd", "London") == tuple(
        person[key] for key in ("full_name", "email", "phone", "company", "city")
    )


def test_a_refused_record_leaves_the_message_waiting_and_makes_no_person(owner, post):
    """They are written together or not at all."""
    (id,) = post(letter(sender="Jane Doe <jane@acme.example>"))
    with pytest.raises(Exception, match="value"):
        owner.inbox.accept(id, new=True, values={"channel": "no such channel"})
    assert not owner.list("customer").records
    assert "waiting" == owner.inbox.get(id).state


def test_two_who_share_an_address_are_both_shown_and_one_is_chosen(owner, wang, post):
    """Families and offices do."""
    other = owner.create("customer", {"full_name": "王大明", "email": "wang@example.cn"}).id
    (id,) = post(letter())
    assert {wang, other} == set(owner.inbox.get(id).proposal.persons)
    with pytest.raises(UsageError, match=r"inbox\.whose"):
        owner.inbox.accept(id)
    assert other == owner.get(owner.inbox.accept(id, person=other).id).fields["customer"]


def test_what_we_sent_goes_to_whom_we_sent_it(owner, wang, post):
    """By our own addresses, and as our answer."""
    (id,) = post(letter(sender="kf@shop.example", to="wang@example.cn, other@shop.example", text="Tomorrow."))
    proposal = owner.inbox.get(id).proposal
    assert (wang,) == proposal.persons
    assert {"direction": "outbound", "resolution": "Order 12\n\nTomorrow."}.items() <= proposal.values.items()
    assert "question" not in proposal.values


def test_nothing_comes_in_twice(owner, wang, post):
    """Also after it was accepted."""
    (id,) = post(letter(1), letter(1, more="X-Copy: 1\r\n"))
    owner.inbox.accept(id)
    assert (0, 1) == (lambda done: (done.new, done.known))(owner.inbox.take([("m", letter(1))]))


def test_one_message_that_cannot_be_taken_stops_no_other(owner, wang):
    """It is named with its place and code."""
    done = owner.inbox.take([("a", b"no mail"), ("b", letter())])
    assert (1, (("a", "inbox.no_message"),)) == (done.new, done.refused)


def test_what_was_decided_or_waits_too_long_is_erased(archive, owner, wang, clock):
    """Through the one door, with its entries; what still waits stays."""
    owner.inbox.take([(str(number), letter(number)) for number in (1, 2, 3)])
    accepted, refused, waiting = (one.id for one in owner.inbox.listed())
    owner.inbox.accept(accepted)
    owner.inbox.refuse(refused, reason="an advertisement")
    with assert_logged(archive, "erasure.done", entries=2):
        assert 2 == owner.inbox.clear()
    assert [waiting] == [one.id for one in owner.inbox.listed(everything=True)]
    clock.now_us += 31 * 86_400_000_000
    assert 1 == owner.inbox.clear()
    assert 0 == owner.inbox.clear()
    assert not owner.inbox.listed(everything=True)
    archive.log.verify()


def test_erasing_a_person_takes_what_waits_of_them(owner, wang, post):
    """It is theirs from the moment it came in."""
    (id,) = post(letter())
    owner.erase(wang, reason="asked for it")
    assert not owner.inbox.listed(everything=True)
    with pytest.raises(NotFound):
        owner.inbox.get(id)


def test_a_crash_between_a_message_and_its_original_is_mended_by_the_next_run(owner, wang, monkeypatch):
    """The record is there, its original is not: taking the message again attaches it."""

    def crash(*arguments, **options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(incoming, "attach_file", crash)
        with pytest.raises(KeyboardInterrupt):
            owner.inbox.take([("m", letter())])
    assert not owner.inbox.listed()[0].has_original
    owner.inbox.take([("m", letter())])
    (item,) = owner.inbox.listed()
    assert item.has_original


def test_a_crash_after_acceptance_is_mended_before_anything_is_erased(owner, wang, post, monkeypatch):
    """The record that was made gets its original first."""
    (id,) = post(letter())

    def crash(*arguments, **options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(incoming, "read_bytes", crash)
        with pytest.raises(KeyboardInterrupt):
            owner.inbox.accept(id)
    (made,) = owner.list("interaction").records
    assert made.fields.get("attachments") is None
    assert 1 == owner.inbox.clear()
    assert owner.get(made.id).fields["attachments"].name == "message.eml"


def test_no_word_of_a_message_stands_in_clear(archive, owner, wang, post):
    """Neither its text nor who wrote it, in any file."""
    canaries = ["Zanzibar secret", "canary.person@quokka.example", "Quentin Canary"]
    ids = post(letter(sender=f"{canaries[2]} <{canaries[1]}>", text=canaries[0]))
    assert_no_plaintext(archive.folder, canaries)
    owner.inbox.accept(ids[0], new=True)
    assert_no_plaintext(archive.folder, canaries)


@pytest.mark.parametrize("act", ["list", "take", "accept", "refuse", "original", "fetch"])
def test_who_may_not_is_refused_and_that_is_written_down(archive, owner, wang, post, tmp_path, act):
    """A reader and an auditor decide nothing of what comes in."""
    (id,) = post(letter())
    owner.create("user", {"login": "rita", "roles": ["reader"], "state": "active"})
    with archive.session(actor="rita", purpose="ServiceProvision") as rita:
        acts = {
            "list": lambda: rita.inbox.listed(),
            "take": lambda: rita.inbox.take([("m", letter(2))]),
            "accept": lambda: rita.inbox.accept(id),
            "refuse": lambda: rita.inbox.refuse(id, reason="no"),
            "original": lambda: rita.inbox.original(id, tmp_path / "out"),
            "fetch": lambda: rita.inbox.fetch(),
        }
        with pytest.raises((AccessDenied, NotFound)):
            acts[act]()
    assert not (tmp_path / "out").exists()
    last = log_entries(archive)[-1]
    assert "denied" == last.detail["outcome"]
    assert "waiting" == owner.inbox.get(id).state


def test_reading_what_waits_is_an_entry(archive, owner, wang, post):
    """Like any reading of a person's data."""
    post(letter())
    with assert_logged(archive, "record.read", type="incoming", count=1):
        owner.inbox.listed()


def test_an_archive_without_a_type_for_mail_says_what_would_take_it(archive, owner):
    """Before a single message is looked at."""
    path = archive.folder / "muniment.toml"
    path.write_text(path.read_text().replace("[inbox]", '[inbox]\ntype = "letter"'), encoding="utf-8")
    archive.apply_config(owner, reason="for the test")
    with pytest.raises(UsageError, match=r"inbox\.no_type"):
        owner.inbox.take([("m", letter())])


def test_without_the_libraries_nothing_is_read(owner, monkeypatch):
    """One clear error that says what to install."""
    monkeypatch.setattr("muniment.inbox.messages.find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"inbox\.no_extra"):
        owner.inbox.take([("m", letter())])
