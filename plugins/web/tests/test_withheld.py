"""What a caller sent is not said again: wherever it stood in the request, and wherever in the error."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.errors import Invalid, Issue, UsageError
from muniment_web.api._strict import StrictRequest
from muniment_web.api._withheld import sent_by, sent_in, withhold

ODD = "Anna Schmidt"
NAMES = ["full_name", "record.create", "0192f0c1-0000-7000-8000-000000000000", "4711"]


def waited(act: Coroutine[Any, Any, Any]) -> Any:
    """What a coroutine comes to, in a thread of its own: one that drives a browser has a loop already."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, act).result()


def request(**parts: Any) -> StrictRequest:
    """A request with these parts."""
    body = parts.get("body", b"")

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/x",
        "path_params": parts.get("path", {}),
        "query_string": parts.get("query", b""),
        "headers": parts.get("headers", []),
    }
    return StrictRequest(scope, receive)


@pytest.mark.parametrize(
    "parts",
    [
        {"path": {"type": ODD}},
        {"query": b"q=Anna%20Schmidt"},
        {"headers": [(b"if-match", ODD.encode())]},
        {"headers": [(b"idempotency-key", ODD.encode())]},
        {"headers": [(b"muniment-purpose", ODD.encode())]},
        {"body": json.dumps({"fields": {"city": ODD}}).encode()},
        {"body": json.dumps({"fields": {ODD: 1}}).encode()},
        {"body": json.dumps({"edits": [{"fields": {}}, [ODD]]}).encode()},
    ],
)
def test_what_was_sent_is_known_wherever_it_stood(parts):
    """In the address, behind it, in a header that is read, as a value or a name in the body."""
    assert ODD in waited(sent_by(request(**parts)))


@pytest.mark.parametrize("body", [b"{", b"\xff", b'{"a": 1, "a": 2}', b""])
def test_a_body_that_is_none_is_no_reason_to_fail(body):
    """Nothing of it was read, so nothing of it is in an error; the rest is known all the same."""
    assert ODD in waited(sent_by(request(body=body, path={"id": ODD})))


def test_no_part_of_an_error_says_what_was_sent():
    """Neither a parameter, the place, the field of a problem nor its parameters."""
    issue = Issue("value.invalid", f"x {ODD}", parameters={"known": f"a, {ODD}", "count": 3})
    refused = Invalid([issue], where="customer")
    withhold(refused, [ODD])
    (left,) = refused.issues
    assert ("x ?", {"known": "a, ?", "count": 3}) == (left.field, dict(left.parameters))
    error = UsageError("usage.identifier", where=f"row {ODD}", name=f"<{ODD}>", count=7)
    withhold(error, [ODD])
    assert "row ?" == error.where
    assert ("<?>", 7) == (error.parameters["name"], error.parameters["count"])
    assert ODD not in f"{error} {refused} {refused.issues}"


def test_names_and_numbers_are_told_as_they_were_sent():
    """Whoever misspelt a field wants to see which; only what is a name from end to end is one."""
    for name in NAMES:
        error = UsageError("schema.unknown_field", where=name, name=name)
        withhold(error, NAMES)
        assert (name, name) == (error.where, error.parameters["name"])
    for odd in ("full_name Anna", "4711 Berlin", f"{NAMES[2]} Anna", "Anna"):
        error = UsageError("schema.unknown_field", where=odd, name=odd)
        withhold(error, [odd])
        assert ("?", "?") == (error.where, error.parameters["name"])


def test_of_texts_within_each_other_the_longest_goes_first():
    """Else what is left of the longer one would be said."""
    error = UsageError("schema.unknown_field", where="Anna Schmidt of Ulm", name="x")
    withhold(error, ["Anna", "Anna Schmidt of Ulm", "Ulm"])
    assert "?" == error.where


def test_a_short_text_goes_where_it_is_all_that_is_said():
    """A letter or two stand in every word: taken out of those, no sentence would be left."""
    error = UsageError("schema.unknown_field", where="Ü!", name="one Ü! two", known="?")
    withhold(error, ["Ü!", " "])
    assert ("?", "one Ü! two") == (error.where, error.parameters["name"])


@given(
    st.recursive(
        st.text(min_size=1, max_size=8) | st.integers() | st.none(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=12,
    )
)
def test_every_text_of_a_document_is_found(document):
    """However deep it lies, names of members too: as a look for the written text finds it."""
    found = set(sent_in(document))
    written = json.dumps(document)
    assert all(json.dumps(one) in written for one in found)
    left = json.loads(written, object_pairs_hook=lambda pairs: pairs)
    assert {one for one in _flat(left) if isinstance(one, str)} == found


def _flat(found: Any) -> list[Any]:
    if not isinstance(found, (list, tuple)):
        return [found]
    return [each for one in found for each in _flat(one)]
