"""Saved views: what they show, to whom, who may change them, and that they widen nothing."""

from __future__ import annotations

import pytest

from muniment.errors import AccessDenied, ConfigError, NotFound, UsageError
from muniment.model import id_bytes
from muniment.schema import (
    Condition,
    ListView,
    load_template,
    parse_condition,
    parse_template,
    template_names,
)
from muniment.session import Change
from muniment.store import LogFilter
from muniment.testing import assert_logged, log_entries, log_size, open_again


@pytest.fixture
def archive_options():
    """Customers with follow-ups."""
    return {"templates": ["interaction-log"]}


@pytest.fixture
def people(archive, session):
    """Users of three roles."""
    for login, role in (("rea", "reader"), ("eda", "editor"), ("ada", "auditor")):
        values = {"login": login, "roles": [role], "state": "active"}
        session.write([Change("create", "user", values=values)])
    return {
        login: archive.session(actor=login, purpose="CustomerManagement") for login in ("rea", "eda", "ada")
    }


@pytest.fixture
def customers(session):
    """Three customers with cities, states and days."""
    rows = (
        ("C-1", "Anna Schmidt", "Berlin", "active", "2026-01-05"),
        ("C-2", "王芳", "上海", "lost", "2024-06-01"),
        ("C-3", "Jürgen Müller", "Berlin", "dormant", None),
    )
    keys = ("customer_number", "full_name", "city", "status", "customer_since")
    return [session.create("customer", dict(zip(keys, row, strict=True))).id for row in rows]


def view(key="mine", **more):
    """A view of customers."""
    filters = tuple(parse_condition(text, where="test") for text in more.pop("filters", ()))
    columns = more.pop("columns", ("customer_number", "full_name"))
    return ListView(key=key, type="customer", columns=columns, filters=filters, **more)


def numbers(session, name, **more):
    """The customer numbers that a view shows."""
    return [one.fields["customer_number"] for one in session.views.rows("customer", name, **more)[1].records]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (["city=Berlin"], ["C-1", "C-3"]),
        (["city!=Berlin"], ["C-2"]),
        (["status=active|lost"], ["C-1", "C-2"]),
        (["status!=lost", "city=Berlin"], ["C-1", "C-3"]),
        (["customer_since>=2025-01-01"], ["C-1"]),
        (["city~BERL"], ["C-1", "C-3"]),
        (["city~none"], []),
        (["customer_since<2025-01-01"], ["C-2"]),
        (["customer_since="], ["C-3"]),
        (["customer_since!="], ["C-1", "C-2"]),
        (["customer_since<=today"], ["C-1", "C-2"]),
        (["customer_since>today+7"], []),
    ],
)
def test_a_view_filters(session, customers, filters, expected):
    """Every operator, alone and together, also by what is not there."""
    session.views.save(view(filters=filters, sort="customer_number"))
    assert expected == numbers(session, "mine")


def test_a_view_sorts_groups_and_pages(session, customers):
    """Groups stand together, and within one the sort holds; a page goes on where the last ended."""
    session.views.save(view("by-city", columns=("customer_number", "city"), sort="customer_number",
                            descending=True, group_by="city"))  # fmt: skip
    assert ["C-3", "C-1", "C-2"] == numbers(session, "by-city")
    session.views.save(view("down", sort="customer_number", descending=True))
    _, first = session.views.rows("customer", "down", limit=2)
    assert ["C-3", "C-2"] == [one.fields["customer_number"] for one in first.records]
    assert ["C-1"] == numbers(session, "down", after=first.after)


def test_a_view_sorts_within_groups_over_its_pages(session, customers):
    """What is sorted within a group is sorted through all pages, not on each of them anew."""
    session.views.save(view("by-city", sort="-customer_number", group_by="city"))
    first = session.views.rows("customer", "by-city", limit=1)[1]
    second = session.views.rows("customer", "by-city", limit=1, after=first.after)[1]
    assert ["C-3", "C-1"] == [one.fields["customer_number"] for one in (*first.records, *second.records)]
    assert ["C-2"] == numbers(session, "by-city", after=second.after)


def test_a_list_is_sorted_by_several_fields(archive, session, customers):
    """Each its own way, page by page, found by an index or not; the entry names the fields."""
    wanted = {
        "city,customer_number": ["C-1", "C-3", "C-2"],
        "city,-customer_number": ["C-3", "C-1", "C-2"],
        "-city,customer_number": ["C-2", "C-1", "C-3"],
        "status,city,-city": ["C-1", "C-3", "C-2"],
    }
    for order, expected in wanted.items():
        for more in ({}, {"where": {"full_name": "Anna Schmidt"}, "scan": True}):
            found, after = [], None
            while True:
                page = session.list("customer", order_by=order, limit=1, after=after, **more)
                found += [one.fields["customer_number"] for one in page.records]
                after = page.after
                if after is None:
                    break
            assert (["C-1"] if more else expected) == found
        turned = session.list("customer", order_by=order, descending=True)
        assert expected[::-1] == [one.fields["customer_number"] for one in turned.records]
    assert ["status", "city"] == log_entries(archive)[-1].detail["target"]["order_by"]


def test_every_field_of_an_order_must_be_one_to_sort_by(archive, session, people, customers):
    """A sealed, masked or unknown one behind a clear one is refused as if it stood alone; so are too many."""
    for order, code in (("city,phone", "index.sealed_order"), ("city,-nothing", "schema.unknown_field")):
        with pytest.raises((UsageError, NotFound), match=code.partition(".")[2]) as told:
            session.list("customer", order_by=order)
        assert code == told.value.code
    with pytest.raises(AccessDenied):
        people["ada"].list("customer", order_by="city,full_name")
    with pytest.raises(UsageError) as told:
        session.list("customer", order_by="city,status,customer_number,customer_since,region,country")
    assert "view.orders" == told.value.code
    after = session.list("customer", order_by="city", limit=1).after
    with pytest.raises(UsageError) as told:
        session.list("customer", order_by="city,status", limit=1, after=after)
    assert "usage.cursor" == told.value.code
    with pytest.raises(ConfigError) as config:
        session.views.save(view(sort="city,phone"))
    assert "view.sealed" == config.value.code


def test_me_is_whoever_asks(session, people, customers):
    """A shared view shows each their own."""
    session.update(customers[0], {"account_owner": _user(session, "eda")})
    session.views.save(view("own", filters=["account_owner=me"]), audience="everyone")
    assert ["C-1"] == numbers(people["eda"], "own")
    assert [] == numbers(people["rea"], "own")


def _user(session, login):
    from muniment.model import id_text

    return id_text(session.engine.definitions.users[login].record)


def test_a_view_opens_only_its_columns(archive, session, customers):
    """What it does not show is not released, and the entry says so, with no name that anybody gave it."""
    session.views.save(view("Geheim 秘密", filters=["status!=lost"]))
    with assert_logged(archive, "record.list", count=2):
        _, page = session.views.rows("customer", "Geheim 秘密")
    assert {"customer_number", "full_name"} == set(page.records[0].fields)
    target = log_entries(archive)[-1].detail["target"]
    assert ["status"] == target["where"]
    assert session.views.get("customer", "Geheim 秘密").id == target["view"]
    assert "Geheim" not in repr(log_entries(archive)[-1].detail)


def test_a_view_widens_nothing(session, people, customers):
    """A column that somebody may not read is not there; a filter by it makes the view none of theirs."""
    session.views.save(view("all", columns=("full_name", "notes", "phone", "city")), audience="everyone")
    _, page = people["ada"].views.rows("customer", "all")
    assert "full_name" in page.records[0].masked
    definition = session.engine.record_type("customer")
    assert {"full_name"} <= people["ada"].view(definition).masked


def test_a_view_of_fields_hidden_from_a_role_is_not_offered(archive, session, people, customers):
    """Neither listed, nor found, nor used, and it answers like one that is not there."""
    import attrs

    from muniment.policy import BUILTIN_ROLES, Policy

    session.views.save(view("by-city", filters=["city=Berlin"]), audience="everyone")
    session.views.save(view("plain", columns=("customer_number", "city")), audience="everyone")
    blind = attrs.evolve(BUILTIN_ROLES["reader"], read={"public": "clear", "internal": "mask"})
    archive.engine.policy = Policy({**BUILTIN_ROLES, "reader": blind})
    archive.engine.plans.clear()
    assert "by-city" not in [one.view.key for one in people["rea"].views.list("customer")]
    assert "plain" in [one.view.key for one in people["rea"].views.list("customer")]
    for name in ("by-city", "nothing"):
        with pytest.raises(NotFound) as caught:
            people["rea"].views.rows("customer", name)
        assert "view.unknown" == caught.value.code


def test_ones_own_view_counts_before_a_role_s_and_everyones(session, people, customers):
    """Three of one name, and nobody sees another person's."""
    session.views.save(view("list", filters=["city=Berlin"], sort="customer_number"), audience="everyone")
    session.views.save(view("list", filters=["status=lost"]), audience="role", roles=["editor"])
    assert ["C-2"] == numbers(people["eda"], "list")
    people["eda"].views.save(view("LIST", filters=["status=active"]))
    assert ["C-1"] == numbers(people["eda"], "list")
    assert ["C-1", "C-3"] == numbers(people["rea"], "list")
    people["eda"].views.remove("customer", "list")
    assert ["C-2"] == numbers(people["eda"], "list")


def test_who_may_save_for_whom(archive, people, customers):
    """Anybody who reads keeps views of their own; sharing and locking are rights apart."""
    people["rea"].views.save(view())
    for audience, roles in (("everyone", ()), ("role", ("reader",))):
        with (
            assert_logged(archive, "access.deny", outcome="denied", code="access.action"),
            pytest.raises(AccessDenied),
        ):
            people["rea"].views.save(view("shared"), audience=audience, roles=roles)
    with pytest.raises(AccessDenied):
        people["rea"].views.save(view(), locked=True)


def test_a_locked_view_stays(archive, session, people, customers):
    """Whoever may share but not lock neither changes nor removes it; the refusal is in the log."""
    import attrs

    from muniment.policy import BUILTIN_ROLES, Policy

    session.views.save(view("list", filters=["status=active"]), audience="everyone", locked=True)
    shares = attrs.evolve(BUILTIN_ROLES["editor"], actions=BUILTIN_ROLES["editor"].actions | {"view.share"})
    archive.engine.policy = Policy({**BUILTIN_ROLES, "editor": shares})
    with (
        assert_logged(archive, "access.deny", outcome="denied", code="view.locked"),
        pytest.raises(AccessDenied),
    ):
        people["eda"].views.save(view("list"), audience="everyone")
    with (
        assert_logged(archive, "access.deny", outcome="denied", code="view.locked"),
        pytest.raises(AccessDenied),
    ):
        people["eda"].views.remove("customer", "list")
    session.views.save(view("list"), audience="everyone")
    assert session.views.get("customer", "list").locked
    session.views.save(view("list"), audience="everyone", locked=False)
    people["eda"].views.remove("customer", "list")


def test_views_are_written_only_by_their_own_commands(session, customers):
    """A record of that type made or changed by hand would be a way around every check."""
    saved = session.views.save(view())
    with pytest.raises(AccessDenied) as caught:
        session.update(saved.id, {"definition": "{}"})
    assert "access.guarded" == caught.value.code


def test_what_a_view_may_not_say(session, customers):
    """Sealed values are never kept in a view; comparisons need an order; names are names."""
    for filters, code in (
        (["full_name=Anna Schmidt"], "view.sealed"),
        (["phone!="], "view.sealed"),
        (["city>Berlin"], "view.order"),
        (["customer_since~20"], "view.within"),
        (["city~"], "view.within"),
        (["city=Berlin|Bonn"], "view.several"),
        (["status=sleepy"], "schema.unknown"),
        (["shoe=43"], "schema.unknown"),
    ):
        with pytest.raises(ConfigError) as caught:
            session.views.save(view(filters=filters))
        assert code == caught.value.code.removesuffix("_near"), filters
        assert "Anna" not in caught.value.text("en") + caught.value.text("zh")
    with pytest.raises(ConfigError):
        session.views.save(view(sort="full_name"))
    for name in ("", " x", "a\nb", "x" * 101):
        with pytest.raises(UsageError):
            session.views.save(view(name))


def test_a_view_is_history(archive, session, customers):
    """Saved again it has two versions, removed it can be read; the log verifies."""
    saved = session.views.save(view())
    session.views.save(view(filters=["status=active"]))
    with assert_logged(archive, "view.remove"):
        session.views.remove("customer", "mine")
    assert 3 == archive.store.version(0, id_bytes(saved.id)).version
    session.views.save(view())
    before = log_size(archive)
    session.views.save(view())
    assert before == log_size(archive)  # the same again writes nothing
    archive.log.verify()
    with open_again(archive.folder) as other, other.session(actor="owner") as mine:
        assert "mine" in [one.view.key for one in mine.views.list("customer")]


TEMPLATE = """
format = 1
key = "plain"
label = { en = "Plain", zh = "普通" }
[[type]]
use = "customer"
groups = ["identity", "address"]
[[type.view]]
key = "cities"
label = { en = "Cities", zh = "城市" }
columns = ["full_name", "city"]
filters = ["city!="]
sort = "SORT"
"""


def test_a_template_s_views_come_and_are_brought_up_to_date(archive, session, customers):
    """Applied again it changes nothing; a newer one changes what the team left alone, and nothing else."""
    first = parse_template(TEMPLATE.replace("SORT", "city"), where="x")
    second = parse_template(TEMPLATE.replace("SORT", "customer_number"), where="x")
    archive.apply_templates(session, [first], reason=None)
    assert "city" == session.views.get("customer", "cities").view.sort
    assert "plain" == session.views.get("customer", "城市").origin
    before = log_size(archive)
    archive.apply_templates(session, [first], reason=None)
    assert before == log_size(archive)
    archive.apply_templates(session, [second], reason=None)
    assert "customer_number" == session.views.get("customer", "cities").view.sort
    session.views.save(view("cities", columns=("full_name",)), audience="everyone")
    archive.apply_templates(session, [first], reason=None)
    assert ("full_name",) == session.views.get("customer", "cities").view.columns
    session.views.remove("customer", "cities")
    archive.apply_templates(session, [second], reason=None)
    assert "cities" not in [one.view.key for one in session.views.list("customer")]


@pytest.mark.parametrize("name", template_names())
def test_every_shipped_view_fits_its_template(name):
    """Its columns, filters, sort and group exist; every type has a view."""
    template = load_template(name)
    assert {one.key for one in template.types} >= {one.type for one in template.views}
    assert all(one.label.en and one.label.zh and one.columns for one in template.views)


def test_shipped_views_work(archive, session, customers):
    """Each of them can be listed in an archive that has its template."""
    listed = session.views.list()
    assert {"customer", "interaction", "follow_up"} == {one.view.type for one in listed}
    for one in listed:
        session.views.rows(one.view.type, one.view.key)


def test_a_renamed_field_is_still_filtered(session, archive, customers):
    """Records that were written under the old key are found under the new one."""
    from muniment.schema.edits import rename_field

    session.views.save(view("berlin", filters=["city=Berlin"], sort="customer_number"))
    registry = archive.engine.definitions.registry
    made = registry.replace(rename_field(session.type("customer"), "city", "town"))
    archive.save_types(session, made, reason=None)
    assert ["C-1", "C-3"] == numbers(session, "berlin")
    page = session.list("customer", where={"town": "Berlin"})
    assert 2 == len(page.records)


def test_conditions_are_read_as_typed():
    """Spaces around the sign do not count; what follows it belongs to the value."""
    assert Condition("a", ">=", "1") == parse_condition(" a >= 1 ", where="x")
    assert Condition("a", "=", "b=c") == parse_condition("a=b=c", where="x")
    assert Condition("a", "!=", "") == parse_condition("a!=", where="x")
    assert Condition("a", "~", "b") == parse_condition("a ~ b", where="x")
    with pytest.raises(ConfigError):
        parse_condition("a ? b", where="x")


def test_a_cursor_opens_lists_of_its_table_in_its_order_alone(session, customers):
    """Another table, field, direction, search or the log refuse it; whoever goes on with a filter may."""
    after = session.list("customer", order_by="city", limit=1).after
    assert session.list("customer", order_by="city", where={"status": "active"}, after=after) is not None
    plain = session.list("customer", limit=1).after
    for wrong in (
        lambda: session.list("customer", order_by="status", after=after),
        lambda: session.list("customer", order_by="city", descending=True, after=after),
        lambda: session.list("customer", after=after),
        lambda: session.list("customer", descending=True, after=plain),
        lambda: session.list("user", after=plain),
        lambda: session.log_page(after=plain),
        lambda: session.list("customer", order_by="city", after=session.log_page(LogFilter(limit=1)).after),
    ):
        with pytest.raises(UsageError) as told:
            wrong()
        assert "usage.cursor" == told.value.code
