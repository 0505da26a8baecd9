"""A receipt is checked with the log's verifier key alone, and nothing in it can be changed."""

from __future__ import annotations

import copy
import json
from importlib.resources import files

import jsonschema
import pytest

from muniment.errors import IntegrityError
from muniment.session.rights.consents import Terms
from muniment.subjects.receipts import verify_receipt


@pytest.fixture
def receipt(owner):
    anna = owner.create("customer", {"full_name": "Anna"})
    owner.consents.write_notice("news", {"text_en": "We write.", "purposes": ["DirectMarketing"]})
    owner.consents.give(anna.id, Terms("DirectMarketing", notice="news", separate=["sensitive"]))
    return json.loads(json.dumps(owner.consents.receipt(anna.id, "DirectMarketing"), ensure_ascii=False))


def test_a_receipt_shows_what_was_consented_to(archive, receipt):
    """The person, the purpose, the notice; verified against the signed log."""
    shown = verify_receipt(receipt, [archive.verifier_key])
    assert "consent.give" == shown.kind
    assert "DirectMarketing" == shown.consent["purpose"]
    assert ("news", 1) == (shown.consent["notice"], shown.consent["notice_version"])
    assert "We write." == receipt["notice"]["text_en"]
    assert shown.index < shown.checkpoint.size
    schema = json.loads((files("muniment_schemas") / "receipt.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(receipt, schema)


def _core(change):
    return lambda document: change(document["core"])


FORGERIES = {
    "another purpose": _core(lambda core: core["consent"].update(purpose="Personalisation")),
    "another person": _core(lambda core: core.update(principal="019b76da-a801-7000-b594-e5f49907ff1f")),
    "a field more": _core(lambda core: core["consent"].update(valid_until="2030-01-01")),
    "a field less": _core(lambda core: core["consent"].pop("separate")),
    "another salt": _core(lambda core: core.update(salt="00" * 32)),
    "another detail": lambda document: document.update(
        detail=document["detail"].replace("consent.give", "consent.renew")
    ),
    "another r": lambda document: document.update(r="00" * 32),
    "no proof": lambda document: document.pop("proof"),
    "a proof of another entry": lambda document: document.update(
        proof=document["proof"].replace("index ", "index 1")
    ),
    "nothing": lambda document: document.clear(),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_receipt_is_refused(archive, receipt, forgery):
    """Whatever is changed no longer belongs to the rest."""
    forged = copy.deepcopy(receipt)
    FORGERIES[forgery](forged)
    assert forged != receipt
    with pytest.raises(IntegrityError):
        verify_receipt(forged, [archive.verifier_key])


def test_a_receipt_of_another_log_is_refused(archive, receipt, tmp_path):
    """The key that counts comes from elsewhere, never from the receipt."""
    from muniment.testing import new_archive

    (tmp_path / "b").mkdir()
    with new_archive(tmp_path / "b" / "archive") as other, pytest.raises(IntegrityError):
        verify_receipt(receipt, [other.verifier_key])


@pytest.mark.parametrize("document", [None, [], "x", {}, {"core": 1, "detail": 2, "proof": 3, "r": 4}])
def test_what_is_no_receipt_is_refused(archive, document):
    """Any JSON may come; it is refused, not tripped over."""
    with pytest.raises(IntegrityError):
        verify_receipt(document, [archive.verifier_key])
