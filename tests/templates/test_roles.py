"""The roles that come with the templates: fitted to any of them, and what each of them sees."""

from __future__ import annotations

import tomllib

import pytest
import tomlkit

from muniment import config
from muniment.archive import Archive
from muniment.archive.editing import edit_configuration
from muniment.errors import AccessDenied, MunimentError, NotFound
from muniment.roles import check_roles, read_roles
from muniment.schema import Registry, load_template, template_names
from muniment.schema.template_roles import fitted_role, role_names, template_role
from muniment.session import Change
from muniment.session.reading.references import find_reference
from muniment.testing import new_archive

ROLES = ("account_manager", "assistant", "finance", "sales_supervisor", "service")


def types_of(*names):
    """The types of an archive with these templates."""
    return Registry().apply([load_template(name) for name in names]).registry.by_key


def test_the_five_roles_ship():
    """With labels in both languages, and no other."""
    assert ROLES == role_names()
    for key in ROLES:
        label = template_role(key)["label"]
        assert label["en"]
        assert label["zh"]


@pytest.mark.parametrize("name", template_names())
def test_a_role_fits_every_template(name):
    """It names only what is there, every type of it is one that it was written for, and the file takes it."""
    types = types_of(name)
    for key in ROLES:
        made = fitted_role(key, types)
        if made is None:
            continue
        text = tomlkit.dumps({"roles": {key: made}})
        roles = read_roles(tomllib.loads(text)["roles"], where="x")
        check_roles(roles, types, where="x")
        assert set(made["types"]) <= set(types) & set(template_role(key)["types"])


def test_a_condition_that_cannot_be_asked_takes_the_whole_type_away():
    """Without the field that says whose a customer is, an account manager would see everybody's."""
    import attrs

    types = dict(types_of("account-manager"))
    customer = types["customer"]
    fields = tuple(field for field in customer.fields if field.key != "account_owner")
    types["customer"] = attrs.evolve(customer, fields=fields)
    made = fitted_role("account_manager", types)
    assert made is not None
    assert not {"customer", "order", "opportunity", "interaction"} & set(made["types"])
    assert "product" in made["types"]
    # A follow-up is also whose it was given to.
    assert {"assigned_to": "actor"} == made["type"]["follow_up"]["rows"]


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """An archive with the five roles, a person in each, and customers of two account managers."""
    folder = tmp_path_factory.mktemp("roles") / "archive"
    names = ("account-manager", "ecommerce", "service-feedback")
    with new_archive(folder, templates=names) as archive:
        owner = archive.session(actor="owner", purpose="CustomerManagement")
        types = archive.engine.definitions.types

        def edit(document):
            table = document.setdefault("roles", tomlkit.table(is_super_table=True))
            for key in ROLES:
                table[key] = fitted_role(key, types)

        edit_configuration(archive, owner, edit, reason="roles")
        people = {**{key: key for key in ROLES}, "other": "account_manager"}
        for login, role in people.items():
            owner.write(
                [Change("create", "user", values={"login": login, "roles": [role], "state": "active"})]
            )
        owner = archive.session(actor="owner", purpose="CustomerManagement")
        users = {login: _record(archive, login) for login in people}
        made = {"archive": archive, "owner": owner}
        for login in ("account_manager", "other"):
            customer = owner.create(
                "customer",
                {"full_name": f"Customer of {login}", "phone": "030 23125001", "budget": "1000 EUR",
                 "account_owner": users[login], "customer_number": f"C-{login}"},
            ).id  # fmt: skip
            made[login] = customer
            for kind, values in (
                (
                    "order",
                    {"order_number": f"O-{login}", "ordered_at": "2026-01-02 10:00", "total_amount": "5 EUR"},
                ),
                ("opportunity", {"title": "Tea", "stage": "lead", "expected_amount": "700 EUR"}),
                ("service_request", {"request_kind": "repair", "opened_at": "2026-01-02 10:00"}),
                ("interaction", {"channel": "phone", "occurred_at": "2026-01-02 10:00"}),
            ):
                made[login, kind] = owner.create(kind, {"customer": customer, **values}).id
        yield made


def _record(archive: Archive, login: str) -> str:
    from muniment.model import id_text

    return id_text(archive.engine.definitions.users[login].record)


def at_work(shop, login):
    """A session of somebody."""
    return shop["archive"].session(actor=login, purpose="CustomerManagement")


def seen(shop, login, type):
    """The identifiers that somebody lists; None where they may not."""
    try:
        return {one.id for one in at_work(shop, login).list(type).records}
    except AccessDenied:
        return None


def test_an_account_manager_has_their_own_customers(shop):
    """And what hangs on them, on every path; nobody else's is there, nor told to be."""
    for type in ("customer", "order", "opportunity", "service_request", "interaction"):
        key = "account_manager" if type == "customer" else ("account_manager", type)
        assert {shop[key]} == seen(shop, "account_manager", type)
    mine = at_work(shop, "account_manager")
    for record in (shop["other"], shop["other", "order"]):
        with pytest.raises(NotFound):
            mine.get(record)
    with pytest.raises(MunimentError):
        mine.update(shop["other"], {"city": "Bonn"})
    assert [] == mine.search("customer", "Customer of other").records
    mine.update(shop["account_manager"], {"city": "Bonn"})


def test_sensitive_amounts_are_for_supervisor_and_finance(shop):
    """An account manager sees that there is one, assistant and service not even that."""
    for login, way in (("sales_supervisor", "clear"), ("finance", "clear"), ("account_manager", "masked")):
        record = at_work(shop, login).get(shop["account_manager", "opportunity"])
        assert ("expected_amount" in record.masked) == (way == "masked")
        assert "expected_amount" in record.fields
    for login in ("assistant", "service"):
        assert "budget" not in at_work(shop, login).get(shop["account_manager"]).fields


def test_sales_sees_orders_and_service_sees_requests(shop):
    """Neither looks into the other's tables, but for what a supervisor oversees."""
    assert seen(shop, "service", "order") is None
    assert seen(shop, "service", "opportunity") is None
    assert 2 == len(seen(shop, "service", "service_request"))
    assert seen(shop, "assistant", "order") is None
    assert seen(shop, "finance", "service_request") is None
    assert 2 == len(seen(shop, "finance", "order"))
    assert 2 == len(seen(shop, "sales_supervisor", "order"))


def test_finance_knows_a_customer_by_name_alone(shop):
    """The phone is covered up, and nothing of a customer can be written."""
    session = at_work(shop, "finance")
    record = session.get(shop["account_manager"])
    assert "full_name" not in record.masked
    assert "phone" in record.masked
    with pytest.raises(AccessDenied):
        session.update(shop["account_manager"], {"city": "Bonn"})
    session.update(shop["account_manager", "order"], {"payment_state": "paid"})


def test_a_supervisor_says_whose_customer_it_is(shop):
    """By login, and so does an assistant; of colleagues both see nothing else, and change nothing."""
    for login in ("sales_supervisor", "assistant"):
        session = at_work(shop, login)
        for name in ("account_manager", "other"):
            user = find_reference(session, "user", name)
            assert _record(shop["archive"], name) == user
            session.update(shop["other"], {"account_owner": user}, reason="on leave, and back")
        assert {} == session.several("user", [user], ["login", "roles", "state", "attributes"])
        with pytest.raises(NotFound):
            session.get(user)
        with pytest.raises((AccessDenied, NotFound)):
            session.update(user, {"roles": ["owner"]}, reason="mine")
        with pytest.raises(AccessDenied):
            session.create("user", {"login": "friend", "roles": ["owner"], "state": "active"})
    for login in ROLES:
        assert seen(shop, login, "user") is None
    with pytest.raises(AccessDenied):
        find_reference(at_work(shop, "account_manager"), "user", "other")


@pytest.mark.parametrize("login", ROLES)
def test_each_of_them_has_views_and_keeps_their_own(shop, login):
    """Every view that is offered can be used, and shows nothing that the role does not."""
    session = at_work(shop, login)
    listed = session.views.list()
    assert listed
    for one in listed:
        _, page = session.views.rows(one.view.type, one.view.key)
        assert {record.id for record in page.records} <= seen(shop, login, one.view.type)
    from muniment.schema import ListView

    session.views.save(ListView(key="own", type="customer", columns=("full_name",)))
    assert "own" in [one.view.key for one in session.views.list("customer")]
    session.views.remove("customer", "own")


def test_the_roles_are_part_of_the_configuration(shop):
    """So `config show --as-of` and the digest of the ruleset cover them."""
    archive = shop["archive"]
    assert set(ROLES) <= set(archive.engine.policy.roles)
    assert "account_manager" in config.parse(archive.applied.text, where="x").text


def test_nobody_learns_by_comparing_what_they_do_not_reach(shop, tmp_path):
    """A file with another manager's customer in it is alike with nothing for this one."""
    path = tmp_path / "new.csv"
    path.write_text("full_name,phone\nCustomer of other,030 23125001\n", encoding="utf-8")
    found = shop["owner"].cleaning.duplicates_in_file("customer", str(path))
    assert {shop["other"], shop["account_manager"]} >= {one.second for one in found}
    assert shop["other"] in {one.second for one in found}
    archive, owner = shop["archive"], shop["owner"]
    from muniment.archive.editing import edit_configuration

    def edit(document):
        document["roles"]["account_manager"]["actions"].append("record.import")

    edit_configuration(archive, owner, edit, reason="imports too")
    mine = at_work(shop, "account_manager")
    assert shop["other"] not in {
        one.second for one in mine.cleaning.duplicates_in_file("customer", str(path))
    }
    assert [] == list(mine.cleaning.duplicates("customer"))
