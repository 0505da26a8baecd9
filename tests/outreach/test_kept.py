"""Figures of sealed fields that are kept: for whom, how long, and what nobody is told."""

from __future__ import annotations

from collections import Counter

import pytest

from muniment.errors import AccessDenied, MunimentError
from muniment.model import id_text
from muniment.schema import Label, parse_condition
from muniment.schema.builtin import FIGURE
from muniment.schema.dashboards import Dashboard, Tile
from muniment.session import Change
from muniment.session.kernel.engine import SHARD
from muniment.session.tables import kept
from muniment.session.tables.charting import shown_document
from muniment.testing import TickingClock, assert_logged, log_entries, log_size

GENDERS = ("female",) * 8 + ("male",) * 6
HOUR_US, DAY_US = 3_600_000_000, 86_400_000_000


def tile(key="genders", *filters, **more):
    """A tile of customers, by gender unless it says otherwise; gender is personal, so it is sealed."""
    asked = tuple(parse_condition(one, where="test") for one in filters)
    return Tile(key=key, type="customer", label=Label(key, key), filters=asked, **({"by": "gender"} | more))


def values(figure):
    """What each group came to, by key."""
    return {group.key: group.count for group in figure.groups if group.count}


def stored(archive):
    """The identifiers of what is kept, as text, each with its newest version."""
    with archive.engine.store.transaction(write=False) as tx:
        return {id_text(record): newest for _, record, newest in tx.builtin(SHARD, (FIGURE.number,))}


@pytest.fixture
def ids(session, user):
    """Customers of two managers, of whom eight are women and six are men."""
    made = [
        Change(
            "create",
            "customer",
            values={
                "full_name": f"X{place}",
                "gender": gender,
                "city": "Ulm",
                "account_owner": user("li.na" if place % 2 else "tom"),
            },
        )
        for place, gender in enumerate(GENDERS)
    ]
    return [one.id for one in session.write(made)]


@pytest.fixture
def board(session, ids):
    """Saves a dashboard for everyone and gives its name."""

    def save(*tiles, key="board"):
        session.dashboards.save(Dashboard(key=key, tiles=tiles), audience="everyone")
        return key

    return save


@pytest.fixture
def later(archive):
    """Moves the clock on."""

    def move(us):
        clock = TickingClock(archive.engine.clock() + us)
        archive.engine.clock = archive.engine.logbook._clock = clock

    return move


def test_a_kept_figure_says_what_was_counted_and_when(session, archive, board, ids):
    """Until it is renewed, whatever was written since; what stands in clear is counted each time."""
    name = board(tile(), tile("cities", by="city"), tile("all", by=""))
    live = session.dashboards.show(name).figures
    assert [None] * 3 == [one.kept_us for one in live.values()]
    assert 1 == session.dashboards.renew(name)
    session.update(ids[0], {"gender": "male", "city": "Bonn"})
    shown = session.dashboards.show(name)
    figures = shown.figures
    assert live["genders"].groups == figures["genders"].groups
    assert (14, live["genders"].least) == (figures["genders"].count, figures["genders"].least)
    assert figures["genders"].kept_us < shown.time_us
    assert {"Ulm": 13, "Bonn": 1} == values(figures["cities"])
    assert figures["cities"].kept_us is None
    documents = {one["key"]: one for one in shown_document(shown)["tiles"]}
    assert "counted" in documents["genders"]
    assert "counted" not in documents["cities"]
    assert 1 == session.dashboards.renew(name)
    assert {"female": 7, "male": 7} == values(session.dashboards.show(name).figures["genders"])
    assert [2] == list(stored(archive).values())
    archive.log.verify()


def test_looking_at_it_is_written_down(session, archive, board):
    """As every count is: how many records, which fields, why, and when they were counted; no value."""
    name = board(tile("geheim"))
    session.dashboards.renew(name)
    before = log_size(archive)
    with assert_logged(archive, "record.aggregate", entries=1, count=14):
        session.dashboards.show(name)
    (entry,) = log_entries(archive, start=before)
    assert {"dashboard", "counted", "figures"} == set(entry.detail["target"])
    assert [{"personal": {"clear": ["gender"]}}] == entry.detail["sets"]
    assert "female" not in str(entry.detail)
    assert "geheim" not in str(entry.detail)


def test_keeping_it_is_written_down_without_what_it_came_to(session, archive, board):
    """One entry for what was counted, one for the record that keeps it."""
    name = board(tile())
    before = log_size(archive)
    session.dashboards.renew(name)
    entries = log_entries(archive, start=before)
    assert {"record.aggregate": 2} == Counter(one.kind for one in entries)
    assert "female" not in str([one.detail for one in entries])


def test_what_is_too_few_is_not_kept_either(session, board):
    """Small groups are left out before anything is kept, and one that hides another one with it."""
    session.create("customer", {"full_name": "Y", "gender": "other"})
    name = board(tile())
    live = session.dashboards.show(name).figures["genders"]
    session.dashboards.renew(name)
    again = session.dashboards.show(name).figures["genders"]
    assert live.groups == again.groups
    hidden = {one.key for one in again.groups if one.suppressed}
    assert "other" in hidden
    assert 2 <= len(hidden)


def test_it_is_for_those_who_would_be_shown_the_same(archive, people, board, ids, session):
    """Who sees some customers alone is told of those, and other purposes of those that they reach."""
    name = board(tile())
    session.dashboards.renew(name)
    session.update(ids[0], {"gender": "male"})
    assert 8 == values(people("chen").dashboards.show(name).figures["genders"])["female"]
    own = people("li.na").dashboards.show(name).figures["genders"]
    assert own.kept_us is None
    assert 7 == own.count
    other = people("owner", purpose="RightsFulfillment").dashboards.show(name).figures["genders"]
    assert (None, 7) == (other.kept_us, values(other)["female"])


def test_whose_role_does_not_read_the_field_is_not_shown_it(session, archive, people, board):
    """Neither the tile nor the record that keeps it, by whatever way; not even the owner."""
    name = board(tile(), tile("all", by=""))
    session.dashboards.renew(name)
    (record,) = stored(archive)
    for login in ("owner", "chen", "eva"):
        asking = people(login)
        for ask in (
            lambda asking=asking: asking.get(record),
            lambda asking=asking: asking.history(record),
            lambda asking=asking: asking.list("figure"),
            lambda asking=asking: asking.update(record, {"figure": "{}"}),
            lambda asking=asking: asking.create("figure", {"name": "x", "figure": "{}"}),
            lambda asking=asking: asking.delete(record, reason="x"),
        ):
            with pytest.raises(MunimentError) as refused:
                ask()
            assert "female" not in str(refused.value)
    assert [1] == list(stored(archive).values())
    eva = people("eva")
    if "genders" not in {one.key for one in eva.dashboards.get(name).dashboard.tiles}:
        assert {"all"} == set(eva.dashboards.show(name).figures)
        assert 0 == eva.dashboards.renew(name)


def test_whose_right_ends_meanwhile_is_told_nothing(session, archive, board, monkeypatch):
    """What was counted before is asked for as what is counted now: the field must still be theirs to read."""
    from muniment.session.tables import dashboards

    name = board(tile())
    session.dashboards.renew(name)
    before = log_size(archive)

    def refuse(engine, acting, record_type, keys):
        raise AccessDenied("access.field", where=record_type.key, action="count", names="gender")

    monkeypatch.setattr("muniment.session.reading.aggregates._require_clear", refuse)
    with pytest.raises(AccessDenied):
        session.dashboards.show(name)
    assert dashboards.release_counted is not None
    assert ["access.deny"] == [one.kind for one in log_entries(archive, start=before)]


def test_nothing_is_kept_that_names_somebody(session, archive, board, user):
    """What people wrote makes no kept groups, and who asks about themselves is counted each time."""
    name = board(
        tile("words", by="full_name"),
        tile("mine", "account_owner=me"),
        tile("clear", by="city"),
    )
    assert 0 == session.dashboards.renew(name)
    assert {} == stored(archive)


def test_another_question_is_counted_anew(session, board):
    """Another condition, measure or definition is another figure."""
    session.dashboards.renew(board(tile()))
    name = board(tile("genders", "city=Ulm"), key="narrow")
    assert session.dashboards.show(name).figures["genders"].kept_us is None
    name = board(tile("otherwise"), key="same")
    assert session.dashboards.show(name).figures["otherwise"].kept_us


def test_what_is_old_is_counted_anew(session, board, ids, later):
    """A figure of more than a week ago is shown to nobody."""
    name = board(tile())
    session.dashboards.renew(name)
    session.update(ids[0], {"gender": "male"})
    later(7 * DAY_US - HOUR_US)
    assert 8 == values(session.dashboards.show(name).figures["genders"])["female"]
    later(2 * HOUR_US)
    figure = session.dashboards.show(name).figures["genders"]
    assert (None, 7) == (figure.kept_us, values(figure)["female"])


def run(session):
    """What the job said."""
    (done,) = session.tick(only=("figures",))
    return done.code, dict(done.counts)


def test_what_is_due_counts_them_where_records_changed(session, archive, board, ids, later, monkeypatch):
    """The first time where there are many records, then once an hour, and not where nothing changed."""
    name = board(tile(), tile("cities", by="city"))
    board(tile("twice"), key="again")
    assert ("", {"counted": 0}) == run(session)
    monkeypatch.setattr(kept, "MANY", 13)
    # Dashboards of the template ask for some, too.
    code, counts = run(session)
    assert "" == code
    assert session.dashboards.show(name).figures["genders"].kept_us
    assert counts["counted"] == len(stored(archive))
    assert ("", {"counted": 0}) == run(session)
    session.update(ids[0], {"gender": "male"})
    assert ("", {"counted": 0}) == run(session)
    later(2 * HOUR_US)
    assert ("", counts) == run(session)
    assert 7 == values(session.dashboards.show(name).figures["genders"])["female"]
    later(2 * HOUR_US)
    assert ("", {"counted": 0}) == run(session)


def test_who_is_closed_or_gone_is_counted_no_more(session, board, ids, later):
    """After a restriction or an erasure, which write no record of the type, it is due as well."""
    name = board(tile())
    session.dashboards.renew(name)
    later(2 * HOUR_US)
    session.restrictions.place(ids[0], state="restricted", basis="GDPR 18(1)(a)", reason="test")
    run(session)
    assert 7 == values(session.dashboards.show(name).figures["genders"])["female"]
    later(2 * HOUR_US)
    session.erase(ids[1], reason="asked")
    run(session)
    figure = session.dashboards.show(name).figures["genders"]
    assert (6, 12) == (values(figure)["female"], figure.count)
