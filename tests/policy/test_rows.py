"""Conditions on rows hold on every path: what is out of reach answers like what is not there."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import attrs
import pytest

from muniment import config
from muniment.errors import AccessDenied, Invalid, MunimentError, NotFound
from muniment.model import CLASSES, id_bytes, id_text
from muniment.policy import ACTIONS, GROUPS, FieldRule, Role, RowTest, TypeRule
from muniment.retention.plan import STATES
from muniment.schema import ListView
from muniment.session.approval.tray import Edit
from muniment.session.reading.references import find_reference, resolve_record
from muniment.session.rights.consents import Terms
from muniment.testing import log_entries, log_size

CALL = {"channel": "phone", "occurred_at": "2026-01-02T10:00:00+01:00"}
ALL = frozenset(CLASSES)
CLEAR = dict.fromkeys(CLASSES, "clear")

OWN_CUSTOMERS = TypeRule(rows=((RowTest("account_owner", ("actor",)),),))
OF_OWN_CUSTOMERS = TypeRule(rows=((RowTest("customer.account_owner", ("actor",)),),))
SALES = Role(
    "sales",
    {"en": "Sales", "zh": "销售"},
    GROUPS["read"] | GROUPS["write"] | {"record.import", "record.export", "record.accesses", "record.scan"},
    CLEAR,
    ALL,
    rules={"customer": OWN_CUSTOMERS, "interaction": OF_OWN_CUSTOMERS},
)


MISSING = "01900000-0000-7000-8000-000000000000"
ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def ids(page):
    return [one.id for one in page.records]


def acts(session, record, tmp_path):
    """Everything that names a record by its identifier."""
    for version in (None, 1, 99):
        yield lambda version=version: session.get(record, version=version)
    for moment in ("1980-01-01", "2100-01-01"):
        yield lambda moment=moment: session.get(record, as_of=moment)
        yield lambda moment=moment: session.get(record, effective_at=moment)
    yield lambda: session.get(record, fields=["phone"])
    yield lambda: session.get(record, fields=["nonsense"])
    yield lambda: session.history(record)
    yield lambda: session.diff(record, 1, 1)
    yield lambda: session.diff(record, 1, 99)
    for expected in (None, 1, 99):
        yield lambda expected=expected: session.update(record, {"city": "x"}, expected_version=expected)
        yield lambda expected=expected: session.correct(record, {"city": "x"}, expected_version=expected)
        yield lambda expected=expected: session.delete(record, reason="x", expected_version=expected)
        yield lambda expected=expected: session.undelete(record, expected_version=expected)
    yield lambda: session.update(record, {"account_owner": ""})
    yield lambda: session.update(record, {"phone": "no phone"})
    yield lambda: session.accesses(record)
    yield lambda: session.read_file(record, "photo", tmp_path / "out")
    yield lambda: session.attach(record, "photo", Path(__file__))


def test_out_of_reach_and_missing_answer_alike(shop, tmp_path):
    """By identifier: the same error, the same words, one entry each."""
    with shop.acting("li", SALES) as session:
        pairs = zip(acts(session, shop.bert.id, tmp_path), acts(session, MISSING, tmp_path), strict=True)
        for place, (there, missing) in enumerate(pairs):
            said = []
            for act in (there, missing):
                start = log_size(shop.archive)
                with pytest.raises(MunimentError) as caught:
                    act()
                kinds = [entry.kind for entry in log_entries(shop.archive, start=start)]
                error = caught.value
                said.append((type(error), ID.sub("", error.text() + error.text("zh")), kinds))
            assert said[0] == said[1], place


def test_own_records_are_there_on_every_path(shop, tmp_path):
    """The same acts on one's own customer do what they say."""
    with shop.acting("li", SALES) as session:
        assert "Anna Schmidt" == session.get(shop.anna.id).fields["full_name"]
        assert session.update(shop.anna.id, {"city": "Bonn"}).written
        assert 2 == len(session.history(shop.anna.id))
        assert session.diff(shop.anna.id, 1, 2)
        assert session.accesses(shop.anna.id)
        assert session.delete(shop.anna.id, reason="x").written
        assert session.undelete(shop.anna.id).written


@pytest.mark.parametrize(
    "ask",
    [
        {},
        {"count": True},
        {"order_by": "customer_number"},
        {"order_by": "customer_number", "descending": True},
        {"where": {"customer_number": "C-2"}},
        {"where": {"phone": "030 7654321"}},
        {"where": {"full_name": "Bert Blau"}, "scan": True},
        {"where": {"region": "south"}, "count": True},
        {"limit": 1},
    ],
)
def test_lists_hold_what_is_in_reach(shop, ask):
    """Neither shown nor counted, nor a hole in a page, nor another page that is empty."""
    with shop.acting("li", SALES) as session:
        page = session.list("customer", **ask)
        asked_for_bert = "where" in ask
        assert ([] if asked_for_bert else [shop.anna.id]) == ids(page)
        assert shop.bert.id not in ids(page)
        assert page.after is None
        if ask.get("count"):
            assert len(page.records) == page.total
    with shop.archive.session(actor="owner", purpose="CustomerManagement") as session:
        session.delete(shop.bert.id, reason="x")
    with shop.acting("li", SALES) as session:
        assert [] == ids(session.list("customer", deleted=True))


def test_a_search_looks_in_reach_alone(shop):
    """By word, by number, by scan."""
    with shop.acting("li", SALES) as session:
        assert [] == ids(session.search("customer", "blau"))
        assert [] == ids(session.search("customer", "030 7654321"))
        assert [] == ids(session.search("customer", "blau", scan=True))
        assert [shop.anna.id] == ids(session.search("customer", "schmidt"))


def test_records_of_ones_customers_are_ones_own(shop):
    """The condition follows the reference that leads to the subject."""
    with shop.acting("wu", SALES) as session:
        assert shop.call.id == session.get(shop.call.id).id
        page = session.list("interaction", count=True)
        assert ([shop.call.id], 1) == (ids(page), page.total)
    with shop.acting("li", SALES) as session:
        with pytest.raises(NotFound):
            session.get(shop.call.id)
        page = session.list("interaction", count=True)
        assert ([], 0) == (ids(page), page.total)


def test_an_attribute_of_the_user_decides(shop):
    """One's own region; somebody without the attribute reaches nothing."""
    role = Role("regional", {}, SALES.actions, CLEAR, ALL,
                rules={"customer": TypeRule(rows=((RowTest("region", ("actor.region",)),),))})  # fmt: skip
    with shop.acting("li", role) as session:
        assert [shop.anna.id] == ids(session.list("customer"))
    with shop.archive.session(actor="owner", purpose="CustomerManagement") as session:
        session.update(shop.li, {"attributes": None})
    with shop.acting("li", role) as session:
        page = session.list("customer", count=True)
        assert ([], 0) == (ids(page), page.total)


def test_a_changed_attribute_ends_the_session(shop):
    """What somebody reaches follows from their attributes, so their rights have changed."""
    with shop.acting("li", SALES) as session:
        with shop.archive.session(actor="owner", purpose="CustomerManagement") as owner:
            owner.update(shop.li, {"attributes": ["region=south"]})
        with pytest.raises(AccessDenied) as caught:
            session.list("customer")
    assert "access.changed" == caught.value.code


def test_alternatives_and_literals(shop):
    """One list of conditions suffices, within a list all must hold; values may stand there as typed."""
    rows = (
        (RowTest("region", ("south",)), RowTest("customer_number", ("C-1",))),
        (RowTest("region", ("north", "west")),),
    )
    role = Role("some", {}, SALES.actions, CLEAR, rules={"customer": TypeRule(rows=rows)})
    with shop.acting("li", role) as session:
        assert [shop.anna.id] == ids(session.list("customer"))


def test_a_condition_on_a_field_that_is_not_there_is_met_by_none(shop):
    """A role of a plugin may name fields that this archive lacks: it grants nothing."""
    for name in ("nonsense", "account_owner.nonsense", "nonsense.region"):
        role = Role("some", {}, SALES.actions, CLEAR,
                    rules={"customer": TypeRule(rows=((RowTest(name, ("actor",)),),))})  # fmt: skip
        with shop.acting("li", role) as session:
            assert [] == ids(session.list("customer"))
            with pytest.raises(NotFound):
                session.get(shop.anna.id)


def test_a_condition_on_a_sealed_field_holds_too(shop):
    """The store cannot answer it; the parts are opened, and there is no count."""
    role = Role("some", {}, SALES.actions, CLEAR,
                rules={"customer": TypeRule(rows=((RowTest("phone", ("030 1234567",)),),))})  # fmt: skip
    with shop.acting("li", role) as session:
        page = session.list("customer", count=True)
        assert ([shop.anna.id], None) == (ids(page), page.total)


# Several roles


MASKED = Role("masked", {}, GROUPS["read"] | {"record.export", "record.scan"},
              {**CLEAR, "personal": "mask"}, export=None)  # fmt: skip


def test_a_roles_rights_end_where_its_rows_do(shop):
    """Two roles: clear for one's own customers, masks for the others; on every path."""
    with shop.acting("li", SALES, MASKED) as session:
        assert "Anna Schmidt" == session.get(shop.anna.id).fields["full_name"]
        other = session.get(shop.bert.id)
        assert "full_name" in other.masked
        assert "Bert" not in repr(other)
        page = session.list("customer")
        assert [shop.anna.id, shop.bert.id] == ids(page)
        assert "Anna Schmidt" in repr(page)
        assert "Bert" not in repr(page)
        assert "Bert" not in repr(session.history(shop.bert.id))
        with pytest.raises(AccessDenied):
            session.update(shop.bert.id, {"city": "x"})
        assert session.update(shop.anna.id, {"city": "x"}).written


def test_what_is_masked_elsewhere_cannot_be_asked_there(shop):
    """A field that is clear in some records is compared in those alone: no oracle for the others."""
    with shop.acting("li", SALES, MASKED) as session:
        for ask in ({"phone": "030 7654321"}, {"phone": "030 1234567"}):
            found = ids(session.list("customer", where=ask))
            assert [shop.anna.id] * (ask["phone"] == "030 1234567") == found
        assert [] == ids(session.list("customer", where={"full_name": "Bert Blau"}, scan=True))
        assert [] == ids(session.search("customer", "blau"))
        assert [] == ids(session.search("customer", "blau", scan=True))
        assert [shop.anna.id] == ids(session.search("customer", "schmidt"))


def test_the_log_says_what_was_shown_of_each(shop):
    """Records of one page that were seen differently have different field sets in its entry."""
    with shop.acting("li", SALES, MASKED) as session:
        start = log_size(shop.archive)
        session.list("customer", fields=["full_name"])
        (entry,) = log_entries(shop.archive, start=start)
    sets = entry.detail["sets"]
    assert [{"personal": {"clear": ["full_name"]}}, {"personal": {"masked": ["full_name"]}}] == sets
    assert [0, 1] == [line["set"] for line in entry.lines]


def test_an_export_keeps_masks_out_of_a_column_of_values(shop, tmp_path):
    """An import of the file would take a mask for the value."""
    with shop.acting("li", SALES, MASKED) as session:
        session.export_file("customer", tmp_path / "out.csv", fields=["customer_number", "full_name"])
    lines = (tmp_path / "out.csv").read_text("utf-8-sig").splitlines()
    assert ["customer_number,full_name", "C-1,Anna Schmidt", "C-2,"] == lines


def test_a_deny_holds_wherever_its_role_does_not_reach(shop):
    """Denies beat allows for every record and under every purpose."""
    deny = Role("deny", {}, frozenset(), {}, purposes=frozenset({"Marketing"}), rules={
        "customer": attrs.evolve(OWN_CUSTOMERS, fields={"phone": FieldRule(deny=True)},
                                 deny=frozenset({"record.history"}))})  # fmt: skip
    every = Role("every", {}, SALES.actions, CLEAR, ALL)
    with shop.acting("li", every, deny) as session:
        for record in (shop.anna.id, shop.bert.id):
            assert "phone" not in session.get(record).fields
            with pytest.raises(NotFound):
                session.history(record)
            with pytest.raises(AccessDenied):
                session.update(record, {"phone": "030 1"})
        with pytest.raises(NotFound):
            session.list("customer", where={"phone": "030 1234567"})


# Ways around it


def test_nobody_makes_records_in_anothers_name(shop):
    """What one could not have written once it stands is not written."""
    wu = shop.archive.engine.definitions.users["wu"]
    start = log_size(shop.archive)
    with shop.acting("li", SALES) as session:
        values = {"customer_number": "C-9", "full_name": "X", "account_owner": id_text(wu.record)}
        with pytest.raises(AccessDenied) as caught:
            session.create("customer", values)
        assert "access.row" == caught.value.code
        assert "account_owner" == caught.value.parameters["names"]
    assert "access.deny" in [entry.kind for entry in log_entries(shop.archive, start=start)]
    with shop.archive.session(actor="owner", purpose="CustomerManagement") as session:
        assert [] == ids(session.list("customer", where={"customer_number": "C-9"}))


def test_a_new_record_is_its_makers_own(shop):
    """Where only one value will do and none is given, it is filled in; also where it may not be written."""
    fixed = attrs.evolve(OWN_CUSTOMERS, fields={"account_owner": FieldRule(write=False)})
    for place, role in enumerate((SALES, attrs.evolve(SALES, rules={"customer": fixed}))):
        with shop.acting("li", role) as session:
            made = session.create("customer", {"customer_number": f"N-{place}", "full_name": "X"})
            assert shop.li == session.get(made.id).fields["account_owner"]


def test_nobody_moves_a_record_out_of_their_reach_or_into_it(shop):
    """Neither given away unseen nor taken."""
    wu = id_text(shop.archive.engine.definitions.users["wu"].record)
    with shop.acting("li", SALES) as session:
        for act in (session.update, session.correct):
            for value in (wu, ""):
                with pytest.raises(AccessDenied) as caught:
                    act(shop.anna.id, {"account_owner": value})
                assert "access.row" == caught.value.code
            with pytest.raises(NotFound):
                act(shop.bert.id, {"account_owner": shop.li})
        assert shop.li == session.get(shop.anna.id).fields["account_owner"]


def test_what_was_typed_into_a_record_that_went_out_of_reach_is_taken_back(shop):
    """Nothing more is typed into it; the cells that are in the tray already are their owner's to take out."""
    with shop.acting("li", SALES) as session:
        tray = session.drafts.tray("customer")
        tray.keep([Edit(shop.anna.id, {"city": "Bonn"}, 1)])
    with shop.archive.session(actor="owner") as owner:
        owner.update(shop.anna.id, {"account_owner": ""})
    with shop.acting("li", SALES) as session:
        tray = session.drafts.tray("customer")
        for edit in (Edit(shop.anna.id, {"company": "Nordwind"}), Edit(shop.bert.id, {"city": "Ulm"}, 1)):
            with pytest.raises(NotFound):
                tray.keep([edit])
        # Nor is it told by nothing being typed that there is such a record.
        for record in (shop.bert.id, MISSING):
            with pytest.raises(NotFound):
                tray.keep([Edit(record, {})])
        tray.keep([Edit(shop.anna.id, without=["city"])])
        assert [] == list(tray.shown())


def test_a_field_that_only_the_old_place_may_write_does_not_move_with_the_record(shop):
    """Rights of both places are asked: what the new place does not allow is not written on the way."""
    every = Role("every", {}, GROUPS["read"] | {"record.update"}, CLEAR, frozenset({"public", "internal"}))
    with shop.acting("li", SALES, every) as session:
        with pytest.raises(AccessDenied):
            session.update(shop.anna.id, {"account_owner": "", "phone": "030 1"})
        assert session.update(shop.anna.id, {"account_owner": ""}).written


def test_references_lead_nowhere_out_of_reach(shop):
    """By identifier, by name, by ``type:value``: as if there were no such record."""
    with shop.acting("li", SALES) as session:
        for target in (shop.bert.id, MISSING):
            with pytest.raises(Invalid) as caught:
                session.create("interaction", {**CALL, "customer": target})
            assert ["value.no_such_record"] == [issue.code for issue in caught.value.issues]
        assert find_reference(session, "customer", "C-2") is None
        for name in ("customer:C-2", "customer:C-77"):
            with pytest.raises(NotFound) as missing:
                resolve_record(session, name)
            assert "record.not_found" == missing.value.code
        assert session.create("interaction", {**CALL, "customer": shop.anna.id}).written


def write_csv(path, *lines):
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_an_import_finds_what_is_in_reach(shop, tmp_path):
    """A row that means another's customer is a new one, and refused for its number: which is written down."""
    file = write_csv(
        tmp_path / "in.csv", "customer_number,full_name,city", "C-1,Anna Neu,Bonn", "C-2,Eve,Rom"
    )
    with shop.acting("li", SALES) as session:
        for dry_run in (True, False):
            start = log_size(shop.archive)
            done = session.import_file("customer", file, match=["customer_number"], dry_run=dry_run)
            assert (1, 1) == (done.updated, done.rejected)
            written = repr([entry.detail for entry in log_entries(shop.archive, start=start)])
            assert "not_unique" in written
            assert shop.bert.id not in repr([entry.lines for entry in log_entries(shop.archive, start=start)])
    with shop.archive.session(actor="owner", purpose="CustomerManagement") as session:
        assert "Bert Blau" == session.get(shop.bert.id).fields["full_name"]


def test_an_import_by_identifier_and_by_reference(shop, tmp_path):
    """An identifier out of reach is none, a customer number out of reach names nobody."""
    by_id = write_csv(tmp_path / "ids.csv", "muniment:id,city", f"{shop.bert.id},Rom", f"{MISSING},Rom")
    calls = write_csv(
        tmp_path / "calls.csv", "customer,channel,occurred_at", "C-2,phone,2026-01-02T10:00:00Z",
        "C-77,phone,2026-01-02T10:00:00Z", f"{shop.bert.id},phone,2026-01-02T10:00:00Z",
        "C-1,phone,2026-01-02T10:00:00Z",
    )  # fmt: skip
    with shop.acting("li", SALES) as session:
        done = session.import_file("customer", by_id)
        assert (0, 2) == (done.updated, done.rejected)
        done = session.import_file("interaction", calls)
        assert (1, 3) == (done.created, done.rejected)


def test_an_import_of_another_is_undone_in_reach_alone(shop, tmp_path):
    """Records that were moved out of reach since stay, and are not named."""
    file = write_csv(tmp_path / "in.csv", "customer_number,full_name", "D-1,Dora", "D-2,Dirk")
    with shop.acting("li", SALES) as session:
        done = session.import_file("customer", file)
        moved = session.list("customer", where={"customer_number": "D-1"}).records[0].id
    with shop.archive.session(actor="owner", purpose="CustomerManagement") as session:
        session.update(moved, {"account_owner": ""})
        session.update(moved, {"city": "Rom"})
    with shop.acting("li", SALES) as session:
        undone = session.revert_import(done.id)
        assert (1, ()) == (undone.deleted, undone.records)
    with shop.archive.session(actor="owner", purpose="CustomerManagement") as session:
        assert "Dora" == session.get(moved).fields["full_name"]


def test_a_cursor_of_another_leads_no_further(shop):
    """Where a page ended says nothing of what its holder may see."""
    with shop.archive.session(actor="owner", purpose="CustomerManagement") as session:
        after = session.list("customer", limit=1).after
    with shop.acting("li", SALES) as session:
        assert [] == ids(session.list("customer", after=after))


def test_the_newest_version_decides_about_older_ones(shop):
    """Whoever takes a customer over sees the history; whoever gave one up sees none of it."""
    with shop.archive.session(actor="owner", purpose="CustomerManagement") as session:
        wu = session.get(shop.bert.id).fields["account_owner"]
        session.update(shop.anna.id, {"account_owner": wu})
    with shop.acting("li", SALES) as session:
        for act in (
            lambda: session.get(shop.anna.id, version=1),
            lambda: session.get(shop.anna.id, as_of="2100-01-01"),
            lambda: session.history(shop.anna.id),
        ):
            with pytest.raises(NotFound):
                act()
    with shop.acting("wu", SALES) as session:
        assert "Anna Schmidt" == session.get(shop.anna.id, version=1).fields["full_name"]
        assert 2 == len(session.history(shop.anna.id))


def test_an_idempotency_key_of_another_gives_nothing(shop):
    """It is a key of whoever gave it."""
    with shop.archive.session(actor="owner", purpose="CustomerManagement") as session:
        session.update(shop.bert.id, {"city": "Rom"}, idempotency_key="k")
    with shop.acting("li", SALES) as session, pytest.raises(NotFound):
        session.update(shop.bert.id, {"city": "Rom"}, idempotency_key="k")


def test_rows_of_the_current_state_decide_nothing_alone(shop):
    """Whoever edits the table that serves lists gets no record more: the sealed parts are asked."""
    field = shop.archive.engine.definitions.types["customer"].by_key["account_owner"]
    with sqlite3.connect(shop.archive.folder / "archive.db") as db:
        db.execute(
            f"""UPDATE current SET clear = json_set(clear, '$."{field.number}"', ?) WHERE record = ?""",
            (shop.li, id_bytes(shop.bert.id)),
        )
    db.close()
    with shop.acting("li", SALES) as session:
        assert [shop.anna.id] == ids(session.list("customer"))
        with pytest.raises(NotFound):
            session.get(shop.bert.id)


# What is kept beside records

KEEPER = attrs.evolve(SALES, key="keeper", actions=frozenset(ACTIONS) - {"break_glass.begin"})


RETENTION = """
[[retention.rule]]
id = "PEOPLE"
effect = "MIN"
minimum = "P2Y"
source = "house rule 1"
categories = ["profile"]
anchors = ["record.created"]
verified_by = "counsel"
"""


def applied(shop, text):
    """Append to the configuration, and apply it."""
    path = shop.archive.folder / config.FILE_NAME
    path.write_text(shop.archive.applied.text + text, encoding="utf-8")
    with shop.archive.session(actor="owner", purpose="CustomerManagement") as session:
        shop.archive.apply_config(session, reason="rules")


def planned(session):
    """The records of which a rule says something."""
    return {one.facet.record for one in session.retention.plan(states=STATES)}


def kept_of(shop, record):
    """What the framework keeps about a person."""
    with shop.archive.session(actor="owner", purpose="CustomerManagement") as session:
        return {
            "consent": session.consents.give(record, Terms("Marketing")).id,
            "request": session.requests.open(record, "access").id,
            "hold": session.holds.place("case", records=[record]).id,
            "restriction": session.restrictions.place_record(record, reason="asked").id,
        }


def rights_acts(session, record, kept):
    """What keeps, closes and erases, by the identifier of what it is about."""
    yield lambda: session.requests.open(record, "access")
    yield lambda: session.requests.listed(of=record)
    yield lambda: session.requests.get(kept["request"])
    yield lambda: session.requests.step(kept["request"], "identity_check")
    yield lambda: session.holds.place("case", records=[record])
    yield lambda: session.holds.place("case", subjects=[record])
    yield lambda: session.holds.release(kept["hold"], reason="over")
    yield lambda: session.restrictions.place(record, reason="asked")
    yield lambda: session.restrictions.place_record(record, reason="asked")
    yield lambda: session.restrictions.lift_record(record, reason="over")
    yield lambda: session.retention.explain(record)
    yield lambda: session.erasures.plan(record)
    yield lambda: session.erasures.record(record, reason="asked")
    yield lambda: session.erasures.subject(record, reason="asked")


def test_rights_over_a_person_end_where_the_rows_do(shop):
    """Holds, restrictions, requests, retention, erasing: of others neither by identifier nor in lists."""
    applied(shop, RETENTION)
    kept = kept_of(shop, shop.bert.id)
    with shop.acting("li", KEEPER) as session:
        for place, act in enumerate(rights_acts(session, shop.bert.id, kept)):
            with pytest.raises(NotFound) as caught:
                act()
            assert caught.value.code in ("record.not_found", "request.none", "hold.none"), place
        assert [] == session.requests.listed(everything=True)
        assert [] == session.holds.list(released=True)
        assert [] == session.restrictions.list()
        assert {shop.anna.id} == planned(session)
    with shop.archive.session(actor="owner", purpose="LegalCompliance") as session:
        assert "Bert Blau" == session.get(shop.bert.id).fields["full_name"]
        assert [True] == [one.placed for one in session.holds.list()]


def test_whoever_reaches_some_records_has_a_plan_of_retention_of_their_own(shop):
    """Neither the counts of everything nor their names are theirs, and theirs stand for nobody else."""
    applied(shop, RETENTION)
    with shop.archive.session(actor="owner", purpose="LegalCompliance") as session:
        session.retention.renew()
        whole = session.retention.planned("due")
    with shop.acting("li", KEEPER) as session:
        assert session.retention.limited
        assert session.retention.planned("due") is None
        session.retention.renew()
        own = session.retention.planned("due")
    with shop.archive.session(actor="owner", purpose="LegalCompliance") as session:
        assert not session.retention.limited
        again = session.retention.planned("due")
    assert (whole.time_us, whole.facets) == (again.time_us, again.facets)
    counted = {name: sum(one[4] for one in found.facets) for name, found in (("own", own), ("whole", whole))}
    assert counted["own"] < counted["whole"]


def test_ones_own_persons_are_kept_and_closed_by_the_same_rights(shop):
    """The same acts on one's own customer do what they say, in this order."""
    with shop.acting("li", KEEPER) as session:
        anna = shop.anna.id
        request = session.requests.open(anna, "access").id
        assert [request] == [one.id for one in session.requests.listed(of=anna)]
        assert session.requests.step(request, "identity_check").written
        hold = session.holds.place("case", records=[anna])
        assert [hold.id] == [one.id for one in session.holds.list()]
        session.holds.release(hold.id, reason="over")
        assert [anna] == [session.restrictions.place_record(anna, reason="asked").record]
        assert [anna] == [one.record for one in session.restrictions.list()]
        session.restrictions.lift_record(anna, reason="over")
        assert {anna} == {one.facet.record for one in session.retention.explain(anna)}
        assert (anna,) == session.erasures.plan(anna).subjects
        assert session.erasures.subject(anna, reason="asked").targets


def test_what_is_kept_about_persons_is_read_whole_or_by_its_own_calls(shop):
    """As records of built-in types it is for those whose reach ends nowhere, under one role at least."""
    kept = kept_of(shop, shop.bert.id)
    for name, record in kept.items():
        with shop.acting("li", KEEPER) as session:
            for act in (session.get, session.history):
                with pytest.raises(NotFound):
                    act(record)
            with pytest.raises(AccessDenied):
                session.list(name)
        whole = Role("whole", {}, KEEPER.actions, CLEAR)
        with shop.acting("li", KEEPER, whole) as session:
            assert record == session.get(record).id
            assert [record] == ids(session.list(name))


@pytest.mark.parametrize("name", ["view", "dashboard", "log_query"])
def test_what_somebody_saved_is_listed_by_its_own_calls_alone(shop, name):
    """A saved view's conditions are its owner's words: no list of records gives them out, to nobody."""
    with shop.archive.session(actor="owner", purpose="CustomerManagement") as session:
        columns = ("full_name",)
        session.views.save(ListView(key="Mine", type="customer", columns=columns))
        saved = next(one.id for one in session.views.list("customer") if one.view.key == "Mine")
    for login in ("owner", "li"):
        with shop.archive.session(actor=login, purpose="CustomerManagement") as session:
            with pytest.raises(AccessDenied):
                session.list(name)
            with pytest.raises(NotFound):
                session.get(saved)
