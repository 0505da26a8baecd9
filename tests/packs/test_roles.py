"""The roles that packs bring: what they reach, and what they must not."""

from __future__ import annotations

import pytest

from muniment import plugins
from muniment.policy import Actor, Policy
from muniment.roles import check_roles
from muniment.schema import Registry
from muniment.session.writing.applying import with_plugins, with_roles

PACKS = ("b2b", "ecommerce", "finance", "healthcare")


def _loaded(name: str):
    found = with_roles(plugins.load(plugins.needed([name]), environ={}))
    assert {} == dict(found.quarantined)
    enabled = [plugin.name for plugin in found.loaded]
    templates = tuple(found.templates().values())
    found, made = with_plugins(Registry(), found, enabled=enabled, fresh=enabled, templates=templates)
    return found, {one.key: one for one in made.registry.types}


@pytest.mark.parametrize("name", PACKS)
def test_roles_name_types_and_fields_that_are_there(name):
    """A rule about a field that does not exist guards nothing."""
    found, types = _loaded(name)
    roles = list(found.roles().values())
    assert len(roles) >= 4
    check_roles(roles, types, where=name)


def test_no_two_packs_bring_one_role():
    """A team may use several packs in one archive."""
    found = with_roles(plugins.load(plugins.needed(PACKS), environ={}))
    assert {} == dict(found.quarantined)


def _view(name: str, role: str, record_type: str, purpose: str = "ServiceProvision"):
    found, types = _loaded(name)
    policy = Policy(found.roles())
    return policy.view(Actor("x", (role,), purpose=purpose), types[record_type])


def test_a_receptionist_registers_and_reads_nothing_of_health():
    """Name, number, phone; identity numbers masked; no blood group, no allergy, not even their names."""
    view = _view("healthcare", "receptionist", "patient")
    assert {"full_name", "mrn", "phone", "birth_date"} <= view.clear
    assert {"resident_id", "insurance_member_id"} <= view.masked
    assert not {"blood_group", "allergies", "vip_flag", "deceased_at"} & view.readable
    assert {"resident_id", "mrn", "full_name"} <= view.writable
    assert not _view("healthcare", "receptionist", "diagnosis").readable


def test_psychotherapy_notes_are_for_the_therapist():
    """45 CFR 164.501: a doctor sees that there are some, a nurse not even that."""
    assert "psychotherapy_notes" in _view("healthcare", "therapist", "protected_note").clear
    doctor = _view("healthcare", "doctor", "protected_note")
    assert "psychotherapy_notes" in doctor.masked
    assert "psychotherapy_notes" not in doctor.writable
    assert not _view("healthcare", "nurse", "protected_note").readable


def test_billing_counts_under_its_purpose_alone():
    """Whoever bills sees numbers of insurances, and only to bill."""
    assert "insurance_member_id" in _view("healthcare", "billing_clerk", "patient", "PaymentManagement").clear
    assert not _view("healthcare", "billing_clerk", "patient", "ServiceProvision").readable


def test_a_suspicious_report_is_for_compliance_alone():
    """Whoever advises the client must not learn that there is one; nor may it be handed out."""
    own = _view("finance", "compliance_officer", "suspicious_report", "CounterMoneyLaundering")
    assert "report_text" in own.clear
    assert "report_text" not in own.handed | own.handed_masked
    for role in ("client_adviser", "payment_operations", "finance_auditor"):
        assert not _view("finance", role, "suspicious_report", "PaymentManagement").readable, role


def test_a_warehouse_sees_where_to_send_and_nothing_more():
    """The address, under the purposes of an order; never the device that it came from."""
    view = _view("ecommerce", "warehouse", "order", "DeliveryOfGoods")
    assert "shipping_address" in view.clear
    assert not {"ip_address", "device_id", "billing_address"} & view.readable
    assert not _view("ecommerce", "warehouse", "customer", "DeliveryOfGoods").readable


def test_an_account_manager_sees_bank_details_masked():
    """They put them in, and a second person looks at them."""
    view = _view("b2b", "business_account_manager", "customer", "CustomerRelationshipManagement")
    assert "bank_iban" in view.masked & view.writable
    assert "credit_limit" in view.clear - view.writable
