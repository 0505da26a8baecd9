"""The tables that a new configuration shows commented out are ones that can be put in force."""

from __future__ import annotations

import re

from muniment.config import parse, starting_text

ID = "0190f3a2-7b1c-7e55-9a30-5d1f0c2e8b41"


def test_what_is_commented_out_holds_nothing_and_can_be_taken_in():
    """As it is written, nothing of it is in force; each line without its mark parses."""
    text = starting_text(identifier=ID, region="DE")
    quiet = parse(text, where="muniment.toml")
    assert not quiet.consent.purposes
    assert not quiet.retention.own
    loud = re.sub(r"^# (\[|[a-z_]+ = )", r"\1", text, flags=re.MULTILINE)
    made = parse(loud, where="muniment.toml")
    assert {"DirectMarketing"} == made.consent.purposes
    assert ("CN",) == made.consent.jurisdictions == made.rights.calendar
    assert {"customer.full_name"} == made.rights.provided
    assert ["HOUSE-1"] == [one.rule.id for one in made.retention.own]
    assert "/backup/customers" == made.backup.to


def test_the_clocks_of_a_country_run_where_no_law_is_named():
    """A region's law counts from the first request on; what the configuration names comes before it."""
    started = {one: starting_text(identifier=ID, region=one) for one in ("CN", "DE", "US", "")}
    laws = {one: parse(text, where="muniment.toml").rights.law for one, text in started.items()}
    assert {"CN": "pipl", "DE": "gdpr", "US": "gdpr", "": "gdpr"} == laws
    named = parse(started["CN"] + '\n[rights]\nlaw = "gdpr"\n', where="muniment.toml")
    assert "gdpr" == named.rights.law
