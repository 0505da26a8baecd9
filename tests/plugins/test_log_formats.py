from __future__ import annotations

import pytest

from muniment.plugins import load
from muniment.testing.conformance import check_plugin

FORM = """
import muniment
from muniment.plugins import LogFormat
from muniment.schema import Label

def _line(document):
    return f"{document['index']};{document['kind']};{document['actor']}"

@muniment.hookimpl
def muniment_log_formats():
    return [LogFormat("house", Label("In-house", "内部格式"), LINE)]
"""


def test_a_plugin_brings_a_form_and_the_command_prints_it(install):
    """As the core's own are, by its key; two plugins with one key are both set aside."""
    for name in ("house", "mansion"):
        install(name, FORM.replace("LINE", "_line"))
    assert ["house"] == list(load(["house"], environ={}).log_formats())
    both = load(["house", "mansion"], environ={})
    assert {"house", "mansion"} == set(both.quarantined)
    assert {"plugin.log_format"} == {one.code for one in both.quarantined.values()}


@pytest.mark.slow
def test_the_check_looks_at_what_a_form_makes_of_entries(install):
    """One line, the same each time, and the entry as it was."""
    for name, line, kept in (("house", "_line", True), ("mansion", 'lambda one: one.pop("kind")', False)):
        install(name, FORM.replace("LINE", line))
        found = {one.code for one in check_plugin(name, records=1)}
        assert kept == ("conform.log_line" not in found)
