"""A purpose that rests on consent is open to nobody without one, on every path."""

from __future__ import annotations

import json

import pytest

from muniment.errors import AccessDenied, Conflict, Invalid, NotFound, UsageError
from muniment.session import Change
from muniment.session.rights.consents import Terms
from muniment.testing import assert_logged, assert_no_plaintext, log_entries, open_again

ANNA = {"full_name": "Anna Schmidt", "phone": "030 1234567", "e_mail": "anna@example.org"}
TO = Terms("DirectMarketing", method="web")


@pytest.fixture
def anna(owner):
    values = {key: value for key, value in ANNA.items() if owner.type("customer").field(key)}
    return owner.create("customer", values)


PATHS = {
    "get": lambda session, one: session.get(one.id),
    "get one field": lambda session, one: session.get(one.id, fields=["full_name"]),
    "history": lambda session, one: session.history(one.id),
    "diff": lambda session, one: session.diff(one.id, 1, 1),
    "update": lambda session, one: session.update(one.id, {"city": "Bonn"}),
    "correct": lambda session, one: session.correct(one.id, {"city": "Bonn"}),
    "delete": lambda session, one: session.delete(one.id, reason="x"),
}
LISTS = {
    "list": lambda session, one, tmp: session.list("customer").records,
    "search": lambda session, one, tmp: session.search("customer", "anna").records,
    "filter": lambda session, one, tmp: (
        session.list("customer", where={"full_name": "Anna Schmidt"}, scan=True).records
    ),
    "export": lambda session, one, tmp: _exported(session, tmp),
}


def _exported(session, tmp):
    session.export_file("customer", tmp / "out.ndjson")
    return (tmp / "out.ndjson").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("path", PATHS)
def test_without_consent_one_record_is_refused(archive, marketing, anna, path):
    """Reading and writing alike; the refusal is written down with its code."""
    with (
        assert_logged(archive, "access.deny", outcome="denied", code="access.no_consent"),
        pytest.raises(AccessDenied) as caught,
    ):
        PATHS[path](marketing, anna)
    assert "access.no_consent" == caught.value.code


@pytest.mark.parametrize("path", LISTS)
def test_without_consent_lists_leave_the_person_out(owner, marketing, anna, path, tmp_path):
    """Who has not consented is not there; nobody learns how many are left out."""
    assert 1 == len(LISTS[path](owner, anna, tmp_path / "a")) if path != "export" else True
    assert [] == LISTS[path](marketing, anna, tmp_path)
    assert marketing.list("customer", count=True).total is None


def test_consent_opens_its_purpose_and_no_other(archive, owner, marketing, anna):
    """What was said yes to is open at once; another purpose that rests on consent is not."""
    with assert_logged(archive, "consent.give", target={}) as found:
        owner.consents.give(anna.id, TO, reason="asked at the counter")
    assert 1 == len(found[0].entry.subject_tags)
    assert "Anna Schmidt" == marketing.get(anna.id).fields["full_name"]
    assert 1 == len(marketing.list("customer").records)
    with (
        archive.session(actor="owner", purpose="Personalisation") as other,
        pytest.raises(AccessDenied),
    ):
        other.get(anna.id)


def test_a_withdrawal_in_another_process_holds_for_the_next_call(archive, owner, marketing, anna, clock):
    """Nothing is remembered between two calls."""
    owner.consents.give(anna.id, TO)
    marketing.get(anna.id)
    with (
        open_again(archive.folder, clock=clock) as other,
        other.session(actor="owner", purpose="ServiceProvision") as elsewhere,
    ):
        elsewhere.consents.withdraw(anna.id, "DirectMarketing")
        with pytest.raises(AccessDenied):
            marketing.get(anna.id)
        assert [] == list(marketing.list("customer").records)
        elsewhere.consents.give(anna.id, TO)
        marketing.get(anna.id)


def test_a_consent_ends_with_its_validity(owner, marketing, anna, clock):
    """Nobody has to notice: it opens nothing any more, and a job writes it down once."""
    owner.consents.give(anna.id, Terms("DirectMarketing", valid_until="2026-02-01T00:00:00Z"))
    marketing.get(anna.id)
    assert 0 == owner.consents.expire()
    clock.now_us += 32 * 86_400_000_000
    with pytest.raises(AccessDenied):
        marketing.get(anna.id)
    assert 1 == owner.consents.expire()
    assert 0 == owner.consents.expire()
    assert "expired" == owner.consents.of(anna.id)[0].values["state"]


def test_a_consent_for_later_opens_nothing_now(owner, marketing, anna):
    """It holds from the time that was said."""
    owner.consents.give(anna.id, Terms("DirectMarketing", given_at="2027-01-01T00:00:00Z"))
    with pytest.raises(AccessDenied):
        marketing.get(anna.id)


def test_a_refusal_and_an_invalid_consent_open_nothing(owner, marketing, anna):
    """Only a yes that stands counts."""
    owner.consents.refuse(anna.id, TO)
    with pytest.raises(AccessDenied):
        marketing.get(anna.id)
    owner.consents.give(anna.id, TO)
    marketing.get(anna.id)
    owner.consents.invalidate(anna.id, "DirectMarketing", reason="not free")
    with pytest.raises(AccessDenied):
        marketing.get(anna.id)


def test_consents_are_not_written_by_hand(archive, owner, anna):
    """Neither as records nor by an import: their meaning hangs on more than their values."""
    values = {"purpose": "DirectMarketing", "state": "given"}
    with pytest.raises(AccessDenied) as caught:
        owner.create("consent", values)
    assert "access.guarded" == caught.value.code
    given = owner.consents.give(anna.id, TO)
    with pytest.raises(AccessDenied):
        owner.update(given.id, {"state": "withdrawn"})
    with pytest.raises(AccessDenied):
        owner.delete(given.id, reason="x")


def test_who_may_not_gets_none(archive, owner, anna):
    """A reader sees no consents, and changes none."""
    owner.create("user", {"login": "rita", "roles": "reader", "state": "active"})
    with archive.session(actor="rita", purpose="ServiceProvision") as rita:
        for act in (
            lambda: rita.consents.of(anna.id),
            lambda: rita.consents.give(anna.id, TO),
            lambda: rita.consents.withdraw(anna.id, "DirectMarketing"),
            lambda: rita.consents.write_notice("x", {"text_en": "x"}),
        ):
            with pytest.raises((AccessDenied, NotFound)):
                act()


def test_a_consent_is_sealed(archive, owner, anna, tmp_path):
    """Who the guardian is, and what shows the consent, stand nowhere in clear."""
    (tmp_path / "form.txt").write_text("signed with a green pen")
    terms = Terms("DirectMarketing", guardian="Berta Wagner-Ypsilon", relation="mother")
    owner.consents.give(anna.id, terms, evidence=tmp_path / "form.txt", reason="by mail she said")
    assert_no_plaintext(
        archive.folder, ["Berta Wagner-Ypsilon", "signed with a green pen", "by mail she said"]
    )
    (found,) = owner.consents.of(anna.id)
    assert "Berta Wagner-Ypsilon" == found.values["given_by"]
    assert archive.log.verify().versions


def test_sensitive_fields_need_a_separate_consent(owner, marketing, anna, reconfigure):
    """A general yes opens the other fields alone; a separate one opens those too."""
    reconfigure("separate = []", 'separate = ["personal"]')
    owner.consents.give(anna.id, TO)
    clear = [field.key for field in owner.type("customer").fields if field.sensitivity == "internal"]
    personal = [field.key for field in owner.type("customer").fields if field.sensitivity == "personal"]
    marketing.get(anna.id, fields=clear)
    with pytest.raises(AccessDenied) as caught:
        marketing.get(anna.id, fields=personal[:1])
    assert "access.separate_consent" == caught.value.code
    assert [] == list(marketing.list("customer").records)
    assert 1 == len(marketing.list("customer", fields=clear).records)
    with pytest.raises(AccessDenied):
        marketing.update(anna.id, {"full_name": "Anna B"})
    owner.consents.give(anna.id, Terms("DirectMarketing", separate=["sensitive"]))
    marketing.get(anna.id)


def test_a_child_needs_a_guardian(owner):
    """Below the age that the configuration names, nobody consents alone."""
    child = owner.create("customer", {"full_name": "Kim", "birth_date": "2015-05-01"})
    with pytest.raises(UsageError) as caught:
        owner.consents.give(child.id, TO)
    assert "consent.guardian" == caught.value.code
    owner.consents.give(child.id, Terms("DirectMarketing", guardian="Berta", relation="mother"))
    grown = owner.create("customer", {"full_name": "Kai", "birth_date": "2000-05-01"})
    owner.consents.give(grown.id, TO)


def test_no_record_without_a_basis_where_one_is_asked_for(archive, owner, reconfigure):
    """The first save needs a stated basis, or the person's consent in the same step."""
    reconfigure("before_save = []", 'before_save = ["customer"]')
    with (
        assert_logged(archive, "access.deny", outcome="denied", code="access.no_basis"),
        pytest.raises(AccessDenied),
    ):
        owner.create("customer", {"full_name": "Anna"})
    with (
        archive.session(actor="owner", purpose="ServiceProvision", legal_basis="consent") as claims,
        pytest.raises(AccessDenied),
    ):
        claims.create("customer", {"full_name": "Anna"})
    with archive.session(actor="owner", purpose="ServiceProvision", legal_basis="contract") as stated:
        stated.create("customer", {"full_name": "Anna"})
    person, consent = owner.consents.create("customer", {"full_name": "Bert"}, TO)
    assert person.id == consent.subject
    with archive.session(actor="owner", purpose="DirectMarketing") as session:
        assert ["Bert"] == [one.fields["full_name"] for one in session.list("customer").records]
    archive.log.verify()


def test_a_page_of_a_hundred_takes_a_few_questions(archive, owner, marketing):
    """The gate asks the store about all persons of a page at once, not one by one."""
    done = owner.write([Change("create", "customer", values={"full_name": f"P {n}"}) for n in range(100)])
    for one in done[:50]:
        owner.consents.give(one.id, TO)
    asked = []
    archive.store._db.set_trace_callback(asked.append)
    try:
        assert 50 == len(marketing.list("customer", limit=100).records)
    finally:
        archive.store._db.set_trace_callback(None)
    assert 1 == len([one for one in asked if "f.subject IN" in one])
    assert len(asked) < 40


def test_notices_have_versions_and_a_consent_names_the_one_that_was_shown(owner, anna):
    """A new text changes nothing about what was consented to before."""
    owner.consents.write_notice("news", {"text_en": "We write.", "purposes": ["DirectMarketing"]})
    owner.consents.give(anna.id, Terms("DirectMarketing", notice="news"))
    owner.consents.write_notice("news", {"text_en": "We write and call."})
    (found,) = owner.consents.of(anna.id)
    assert ("news", 1) == (found.values["notice"], found.values["notice_version"])
    assert [("news", 2)] == [(one.key, one.version) for one in owner.consents.notices()]
    with pytest.raises(UsageError) as caught:
        owner.consents.give(anna.id, Terms("Personalisation", notice="news"))
    assert "consent.other_purpose" == caught.value.code
    with pytest.raises(UsageError) as caught:
        owner.consents.give(anna.id, Terms("DirectMarketing", notice="olds"))
    assert "consent.no_notice" == caught.value.code


def test_nonsense_is_refused_without_echo(owner, anna):
    """A time that is none, a separate consent that nobody knows."""
    for terms in (Terms("DirectMarketing", valid_until="soon"), Terms("DirectMarketing", separate=["x"])):
        with pytest.raises((UsageError, Invalid)) as caught:
            owner.consents.give(anna.id, terms)
        assert "soon" not in caught.value.text()
    with pytest.raises(NotFound):
        owner.consents.withdraw(anna.id, "DirectMarketing")


def test_two_who_write_at_once_do_not_lose_a_withdrawal(archive, owner, anna, clock):
    """A consent that moved meanwhile is a conflict, or counts after it; the last word in the log holds."""
    owner.consents.give(anna.id, TO)
    with (
        open_again(archive.folder, clock=clock) as other,
        other.session(actor="owner", purpose="Audit") as second,
    ):
        second.consents.withdraw(anna.id, "DirectMarketing")
    with pytest.raises(Conflict):
        owner.consents._write(
            archive.store.version(0, bytes.fromhex(anna.id.replace("-", ""))).subject,
            _old(owner, anna),
            {"state": "given"},
            "consent.renew",
            None,
        )
    assert "withdrawn" == owner.consents.of(anna.id)[0].values["state"]


def _old(owner, anna):
    import attrs

    found = owner.consents.of(anna.id)[0]
    return attrs.evolve(found, version=found.version - 1)


def test_the_log_names_no_value(archive, owner, anna):
    """Entries of consents hold identifiers, names and a salted hash."""
    owner.consents.give(anna.id, Terms("DirectMarketing", guardian="Berta Wagner-Ypsilon"))
    text = json.dumps([dict(one.detail) for one in log_entries(archive)], ensure_ascii=False)
    assert "Berta" not in text
