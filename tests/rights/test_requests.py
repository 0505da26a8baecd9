"""Requests of persons: only steps that may follow, dates of the law, and every step in the log."""

from __future__ import annotations

from datetime import date

import pytest

from muniment.errors import AccessDenied, NotFound, UsageError
from muniment.session.rights.requests import STATES
from muniment.testing import assert_logged, assert_no_plaintext

WAY = ("acknowledged", "identity_check", "scoped", "collecting", "granted", "fulfilled", "closed")


@pytest.fixture
def anna(owner):
    return owner.create("customer", {"full_name": "Anna"})


def take(session, request, *steps):
    for step in steps:
        session.requests.step(request, step, note="as the law asks")


def test_a_request_goes_its_way(archive, owner, anna):
    """From receipt to the end, each step with who and when; the dates are those of the law."""
    with assert_logged(archive, "request.open"):
        opened = owner.requests.open(anna.id, "access", law="gdpr", received=date(2025, 12, 31))
    (one,) = owner.requests.listed()
    # A Saturday: the answer is owed on Monday, and both days are kept.
    assert (date(2026, 1, 31), date(2026, 2, 2)) == (one.values["statutory"], one.values["due"])
    assert date(2026, 3, 31) == one.values["latest"]
    take(owner, opened.id, *WAY[:4])
    with assert_logged(archive, "request.decide"):
        owner.requests.step(opened.id, "granted")
    owner.requests.step(opened.id, "fulfilled", answer="Here is everything.")
    with assert_logged(archive, "request.close"):
        owner.requests.close(opened.id)
    assert [] == owner.requests.listed()
    (one,) = owner.requests.listed(everything=True, of=anna.id)
    assert ["received", *WAY] == [step["to"] for step in one.steps()]
    assert all(done for _, done in one.checklist())
    assert_no_plaintext(archive.folder, ["Here is everything.", "as the law asks"])
    archive.log.verify()


@pytest.mark.parametrize("limit", [1, 2, None])
def test_what_was_opened_again_stands_among_the_open_ones_by_its_day(owner, anna, limit):
    """Ended ones are left out; a complaint and an appeal are owed an answer, whatever came before."""
    days = [12, 3, 17, 8, 1, 21, 5]
    ids = [owner.requests.open(anna.id, "access", law="gdpr", received=date(2025, 3, day)).id for day in days]
    for ended in (ids[1], ids[3], ids[4], ids[5]):
        take(owner, ended, *WAY)
    take(owner, ids[3], "complaint")
    take(owner, ids[5], "appeal")
    found, after = [], None
    while True:
        piece = owner.requests.listed(limit=limit, after=after)
        found += [one.id for one in piece]
        after = piece.after
        if after is None:
            break
    assert [ids[at] for at in (6, 3, 0, 2, 5)] == found
    assert [one.id for one in owner.requests.listed(everything=True)] == [
        one for _, one in sorted(zip(days, ids, strict=True))
    ]


def test_a_place_among_those_of_a_person_is_none_of_the_whole_list(owner, anna):
    """And the other way round: either is refused, not misread."""
    for _ in range(2):
        owner.requests.open(anna.id, "access")
    whole, theirs = owner.requests.listed(limit=1).after, owner.requests.listed(of=anna.id, limit=1).after
    for asked in ({"after": theirs}, {"of": anna.id, "after": whole}):
        with pytest.raises(UsageError) as caught:
            owner.requests.listed(limit=1, **asked)
        assert "usage.cursor" == caught.value.code


@pytest.mark.parametrize("state", STATES)
def test_no_step_is_skipped(owner, anna, state):
    """Whatever may not follow is refused and named."""
    request = owner.requests.open(anna.id, "access").id
    for to in {*STATES, "nonsense"} - set(STATES["received"]):
        with pytest.raises(UsageError) as caught:
            owner.requests.step(request, to)
        assert "request.step" == caught.value.code
    assert state in {*STATES}


def test_a_refusal_needs_its_ground(owner, anna):
    """Also one of a part."""
    request = owner.requests.open(anna.id, "access").id
    take(owner, request, *WAY[:4])
    for to in ("partial", "refused"):
        with pytest.raises(UsageError) as caught:
            owner.requests.step(request, to)
        assert "request.ground" == caught.value.code
    owner.requests.step(request, "refused", note="GDPR 15(4); complaint to the authority")


def test_who_handles_an_erasure_does_not_decide_it(archive, owner, anna):
    """Four eyes, and the attempt is written down."""
    owner.create("user", {"login": "vera", "roles": "editor", "state": "active"})
    request = owner.requests.open(anna.id, "erasure").id
    take(owner, request, *WAY[:4])
    with (
        assert_logged(archive, "access.deny", outcome="denied", code="request.four_eyes"),
        pytest.raises(AccessDenied),
    ):
        owner.requests.step(request, "granted")
    with archive.session(actor="vera", purpose="RightsFulfillment") as vera:
        vera.requests.step(request, "granted")


def test_the_time_is_extended_once_and_in_time(owner, anna, clock):
    """Within the first period, and never where the law knows no extension."""
    request = owner.requests.open(anna.id, "access").id
    take(owner, request, *WAY[:3])
    owner.requests.extend(request, note="three systems to search")
    (one,) = owner.requests.listed()
    assert date(2026, 4, 1) == one.values["due"] == one.values["latest"]
    owner.requests.step(request, "collecting")
    with pytest.raises(UsageError):
        owner.requests.extend(request, note="again")
    other = owner.requests.open(anna.id, "access", law="pipl").id
    take(owner, other, *WAY[:3])
    with pytest.raises(UsageError):
        owner.requests.extend(other, note="no")
    late = owner.requests.open(anna.id, "access").id
    take(owner, late, *WAY[:3])
    clock.now_us += 60 * 86_400_000_000
    with pytest.raises(UsageError):
        owner.requests.extend(late, note="too late")


def test_clocks_that_run_out_are_counted(owner, anna, clock):
    """At half, four fifths and all of the time."""
    owner.requests.open(anna.id, "access", law="pipl")
    day = 86_400_000_000
    for moved, expected in ((0, (0, 0, 0)), (16, (1, 0, 0)), (10, (0, 1, 0)), (6, (0, 0, 1))):
        clock.now_us += moved * day
        assert expected == owner.requests.running_late(owner.engine.today())


def test_nonsense_is_refused(owner, anna, clock):
    """A day to come, a law that nobody knows, a request that is not there."""
    with pytest.raises(UsageError):
        owner.requests.open(anna.id, "access", received=date(2099, 1, 1))
    with pytest.raises(UsageError):
        owner.requests.open(anna.id, "access", law="x")
    with pytest.raises(NotFound):
        owner.requests.step(anna.id, "acknowledged")


def test_a_reader_sees_no_requests(archive, owner, anna):
    """Nor opens one."""
    owner.create("user", {"login": "rita", "roles": "reader", "state": "active"})
    with archive.session(actor="rita", purpose="RightsFulfillment") as rita:
        with pytest.raises(AccessDenied):
            rita.requests.listed()
        with pytest.raises(AccessDenied):
            rita.requests.open(anna.id, "access")
