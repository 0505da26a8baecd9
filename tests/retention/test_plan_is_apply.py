"""In real archives with random rules, people, holds and clocks: what the plan says is what applying does."""

from __future__ import annotations

import shutil
import tempfile
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from muniment.errors import NotFound
from muniment.model import id_text
from muniment.retention.plan import STATES
from muniment.schema.template import parse_template
from muniment.testing import TickingClock, new_archive, open_again
from muniment.testing.archives import key_file_of

DAY_US = 86_400_000_000
START_US = 1_500_000_000_000_000  # 2017-07-14
OWNER = {"actor": "owner", "purpose": "CustomerManagement"}
TEMPLATE = """
format = 1
key = "ends"
label = { en = "Ends", zh = "终" }

[[type]]
key = "person"
label = { en = "Person", zh = "人" }
subject = "self"
[[type.group]]
key = "main"
label = { en = "Main", zh = "主" }
category = "profile"
field = [
  { key = "name", kind = "text", class = "personal", label = { en = "Name", zh = "名" } },
  { key = "birth_date", kind = "date", class = "personal", label = { en = "Born", zh = "生" } },
  { key = "deceased_at", kind = "date", class = "personal", label = { en = "Died", zh = "卒" } },
  { key = "kind", kind = "choice", class = "internal", label = { en = "Kind", zh = "类" }, choices = [
    { key = "a", label = { en = "A", zh = "甲" } }, { key = "b", label = { en = "B", zh = "乙" } } ] },
]
[[type.group]]
key = "more"
label = { en = "More", zh = "多" }
category = "contact"
field = [{ key = "phone", kind = "phone", class = "personal", label = { en = "Phone", zh = "电" } }]

[[type]]
key = "visit"
label = { en = "Visit", zh = "访" }
subject = "person"
[[type.group]]
key = "main"
label = { en = "Main", zh = "主" }
category = "visits"
[[type.group.field]]
key = "person"
kind = "reference"
target = "person"
class = "internal"
required = true
label = { en = "Person", zh = "人" }
[[type.group.field]]
key = "day"
kind = "date"
class = "internal"
label = { en = "Day", zh = "日" }
"""
PERIODS = st.sampled_from(["P0D", "P1M", "P1Y", "P2Y", "P5Y", "P10Y", "PERMANENT"])
ANCHORS = st.sampled_from(
    ["record.created", "record.changed", "day", "birth_date", "subject.born", "subject.died", "visit.day"]
)


@st.composite
def rule_texts(draw, number):
    """A rule as a team writes it."""
    effect = draw(st.sampled_from(["MIN", "MIN", "MAX", "REC", "REC-MAX", "MIN+MAX"]))
    lines = ["[[retention.rule]]", f'id = "R{number}"', f'effect = "{effect}"', 'source = "house rule"']
    lines.append('verified_by = "counsel"')
    if effect in ("MIN", "REC", "MIN+MAX"):
        lines.append(f'minimum = "{draw(PERIODS)}"')
    if effect in ("MAX", "REC-MAX", "MIN+MAX"):
        lines.append(f'maximum = "{draw(PERIODS)}"')
    categories = draw(st.lists(st.sampled_from(["profile", "contact", "visits"]), min_size=1, unique=True))
    lines.append(f"categories = {categories}".replace("'", '"'))
    lines.append(f"anchors = {draw(st.lists(ANCHORS, min_size=1, max_size=2))}".replace("'", '"'))
    lines.append(f'at_end = "{draw(st.sampled_from(["dispose", "dispose", "review"]))}"')
    rounded = draw(st.sampled_from(["", "", "end_of_calendar_year", "end_of_fiscal_year"]))
    lines += [f'round_up = "{rounded}"'] if rounded else []
    lines += ['suspended_by = ["litigation"]'] if draw(st.booleans()) else []
    lines += (
        [f'in_force_from = "{draw(st.sampled_from(["2016-01-01", "2019-01-01"]))}"']
        if draw(st.booleans())
        else []
    )
    if draw(st.integers(0, 3)) == 0:
        lines.append(f'combine = "{draw(st.sampled_from(["later_of", "earlier_of"]))}"')
        further = '[[retention.rule.term]]\nanchor = "subject.born"\nperiod = "P25Y"'
    else:
        further = ""
    if draw(st.integers(0, 3)) == 0:
        further += '\n[[retention.rule.where]]\nfield = "kind"\nvalues = ["a"]'
    return "\n".join([*lines, further])


DATES = st.none() | st.dates(date(1990, 1, 1), date(2020, 1, 1)).map(date.isoformat)
PEOPLE = st.lists(
    st.fixed_dictionaries(
        {"born": DATES, "died": DATES, "kind": st.sampled_from([None, "a", "b"]), "phone": st.booleans(),
         "visits": st.lists(DATES, max_size=2)}
    ), min_size=1, max_size=4,
)  # fmt: skip
HOLDS = st.lists(
    st.tuples(st.sampled_from(["subject", "record", "type", "category"]), st.integers(0, 9), st.booleans()),
    max_size=2,
)


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    """An archive with two types and nobody in it."""
    folder = tmp_path_factory.mktemp("empty") / "archive"
    clock = TickingClock(now_us=START_US)
    new_archive(folder, templates=[parse_template(TEMPLATE, where="ends")], clock=clock).close()
    return folder


def people(session, given):
    """The records, by their order."""
    made = []
    for n, one in enumerate(given):
        values = {
            "name": f"Person {n}",
            "birth_date": one["born"],
            "deceased_at": one["died"],
            "kind": one["kind"],
        }
        values["phone"] = f"030 123456{n}" if one["phone"] else None
        made.append(session.create("person", {key: value for key, value in values.items() if value}).id)
        made += [
            session.create("visit", {"person": made_by, **({"day": day} if day else {})}).id
            for made_by, day in ((made[-1], day) for day in one["visits"])
        ]
    return made


def hold(session, made, holds):
    for place, (scope, number, over) in enumerate(holds):
        record = made[number % len(made)]
        named = {
            "subject": {"subjects": [session.get(record).subject]},
            "record": {"records": [record]},
            "type": {"types": [("person", "visit")[number % 2]]},
            "category": {"categories": [("profile", "contact", "visits")[number % 3]]},
        }[scope]
        placed = session.holds.place(f"case {place}", **named)
        if over:
            session.holds.release(placed.id, reason="over")


def left(archive):
    """Every facet that is still there."""
    names = archive.engine.definitions.registry.category_names
    with archive.store.transaction(write=False) as tx:
        gone = {(one.id, one.category) for one in tx.states(0)}
        found = set()
        for row in tx.facets(0):
            first = tx.version(0, row.record, 1)
            if first is None or first.type < 256 or not row.category:
                continue
            if not {(row.record, row.category), (row.record, 0), (first.subject, 0)} & gone:
                found.add((id_text(row.record), names[row.category]))
    return found


@pytest.mark.slow
@given(
    rules=st.integers(1, 4).flatmap(lambda n: st.tuples(*(rule_texts(i) for i in range(n)))),
    given_people=PEOPLE,
    holds=HOLDS,
    days=st.integers(0, 12_000),
    fiscal=st.sampled_from([12, 3]),
    reviewed=st.booleans(),
)
@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
def test_what_is_planned_is_done(empty, rules, given_people, holds, days, fiscal, reviewed):
    """No facet more and none less; nothing that is held, and nothing on a day on which a minimum runs."""
    home = Path(tempfile.mkdtemp())
    folder = home / "archive"
    shutil.copytree(empty, folder)
    shutil.copy(key_file_of(empty), key_file_of(folder))
    clock = TickingClock(now_us=START_US + DAY_US)
    try:
        with open_again(folder, clock=clock) as archive, archive.session(**OWNER) as session:
            path = folder / "muniment.toml"
            text = f"\n[retention]\nfiscal_year_end = {fiscal}\n" + "\n".join(rules)
            path.write_text(path.read_text() + text)
            archive.apply_config(session, reason="rules")
            made = people(session, given_people)
            hold(session, made, holds)
            clock.now_us += days * DAY_US
            before = left(archive)
            verdicts = {
                (one.facet.record, one.facet.category): one for one in session.retention.plan(states=STATES)
            }
            going = {name for name, one in verdicts.items() if one.state == "due"}
            if reviewed:
                going |= {name for name, one in verdicts.items() if one.state == "review"}
            today = datetime.fromtimestamp(clock.now_us / 1e6, UTC).date()
            for name in going:
                assert not verdicts[name].facet.held
                keep = verdicts[name].keep_until
                assert keep is None or keep < today or verdicts[name].today == keep < today
            event("some go" if going else "nothing goes")
            event("some are held" if any(one.facet.held for one in verdicts.values()) else "nothing is held")
            done = session.retention.apply(reason="x", reviewed=made if reviewed else ())
            assert before - going == left(archive)
            assert (len(going), 0) == (done.facets, done.refused)
            # And again it is: the second application finds nothing.
            assert 0 == session.retention.apply(reason="x", reviewed=made if reviewed else ()).facets
            for record in made:
                try:
                    fields = session.get(record).fields
                except NotFound:
                    continue
                assert fields or (record, "profile") in going or (record, "visits") in going
            assert [] == list(session.check_data())
            archive.log.verify()
    finally:
        shutil.rmtree(home)
