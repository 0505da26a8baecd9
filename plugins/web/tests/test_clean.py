"""Markup of plugins: where its links may lead."""

from __future__ import annotations

import pytest

from muniment_web.server.clean import clean


@pytest.mark.parametrize("place", ["/t/customer", "/", "#notes", "/log?kind=record.read", "#"])
def test_links_lead_to_pages_of_ours(place):
    """A path of ours, or a place on the page itself."""
    assert f'href="{place}"' in clean(f'<p><a href="{place}">x</a></p>')


@pytest.mark.parametrize(
    "place",
    [
        "https://evil.example/", "//evil.example/", "/\\evil.example/", "/\t/evil.example",
        "\\\\evil.example", "javascript:alert(1)",
        "data:text/html,x", "t/customer", "", " /t/customer", "/ /evil.example",
    ],
)  # fmt: skip
def test_links_to_elsewhere_are_no_links(place):
    """Another host however it is written, a script, a place beside the page: the word alone is left."""
    shown = str(clean(f'<p><a href="{place}">x</a></p>'))
    assert "href" not in shown
    assert "x" in shown
