"""United States: notices, suspended accountings, opting out, and rules that reach the tables."""

from __future__ import annotations

from datetime import date

import pytest

from muniment.testing import assert_conforms, issues_of
from muniment_us import CHECKS

ONE, TWO = date(2026, 1, 1), date(2026, 1, 2)


def _codes(changes, type="patient"):
    return set(issues_of(CHECKS.issues, type, changes))


@pytest.mark.slow
def test_it_keeps_the_promises_of_every_plugin():
    """Total, quiet, labelled in both languages."""
    assert_conforms("us")


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"mrn": "A"}, {"practices_missing"}),
        ({"mrn": "A", "us_privacy_practices_on": ONE}, set()),
        ({"us_accounting_stopped_on": ONE}, {"suspension_end"}),
        ({"us_accounting_stopped_on": TWO, "us_accounting_stopped_until": ONE}, {"suspension_reversed"}),
        ({"us_accounting_stopped_on": ONE, "us_accounting_stopped_until": date(2026, 1, 31)}, set()),
        ({"us_accounting_stopped_on": ONE, "us_accounting_stopped_until": date(2026, 2, 1)},
         {"suspension_long"}),
        ({"us_accounting_stopped_on": ONE, "us_accounting_stopped_until": date(2026, 2, 1),
          "us_accounting_in_writing": True}, set()),
        ({"us_sale_opt_out_on": ONE, "us_sale_opt_in_on": TWO}, {"both_ways"}),
        ({"us_sale_opt_out_on": TWO, "us_sale_opt_in_on": ONE}, set()),
        ({"us_sale_opt_in_on": ONE, "birth_date": date(2011, 1, 1)}, {"child_opt_in"}),
        ({"us_sale_opt_in_on": ONE, "birth_date": date(2010, 3, 1)}, set()),
        ({"us_sale_opt_in_on": ONE, "birth_date": date(2011, 1, 1), "us_collection_notice_on": ONE}, set()),
    ],
)  # fmt: skip
def test_what_the_law_asks_for_is_missed(changes, found):
    """45 CFR 164.520 and 164.528, Cal. Civ. Code 1798.100 and following."""
    assert found == _codes(changes)
    assert "both_ways" in _codes({"us_sale_opt_out_on": ONE, "us_sale_opt_in_on": TWO}, "client")
