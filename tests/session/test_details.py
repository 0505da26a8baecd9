"""Details that are filled in, pages that are loaded in one go: the same as the long way, only quicker."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from muniment.codec import canonical
from muniment.log.detail import Opening, pack_details, pack_rows, unpack_details
from muniment.session.kernel.details import form_of

texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc%"), inner, max_size=3),
    max_leaves=6,
)
names = st.sampled_from(
    ("actor", "auth", "kind", "legal_basis", "outcome", "purpose", "ruleset", "source", "target", "type")
)


@given(
    members=st.dictionaries(names, values, max_size=8),
    count=st.integers(0, 2**31),
    op=st.binary(min_size=16, max_size=16),
    records=st.lists(st.sampled_from(("AAAA", "b/+=", "c" * 43 + "=")), min_size=1, max_size=4),
    sets=st.lists(values, max_size=2),
    time=st.just("2026-01-01T00:00:00.000000Z"),
)
def test_a_filled_form_is_the_document_in_jcs(
    members: dict[str, Any], count: int, op: bytes, records: list[str], sets: list[Any], time: str
) -> None:
    """Whatever stands in a detail, percent signs and quotes too, filling it in gives its canonical bytes."""
    document = {**members, "count": count, "op": op.hex(), "records": records, "sets": sets, "time": time}
    filled = form_of(members) % (
        count,
        op.hex().encode("ascii"),
        '","'.join(records).encode("ascii"),
        canonical(sets),
        time.encode("ascii"),
    )
    assert filled == canonical(document)


@given(
    st.lists(
        st.tuples(
            st.binary(min_size=32, max_size=32),
            st.binary(max_size=40),
            st.lists(st.tuples(st.binary(min_size=32, max_size=32), st.binary(max_size=9)), max_size=3),
        ),
        max_size=4,
    )
)
def test_rows_pack_as_openings_do(drawn: list[tuple[bytes, bytes, list[tuple[bytes, bytes]]]]) -> None:
    """Tuples and openings of the same details are packed into the same bytes, and come back."""
    rows = [(place, r, detail, lines) for place, (r, detail, lines) in enumerate(drawn)]
    openings = [Opening(place, r, detail, tuple(lines)) for place, r, detail, lines in rows]
    assert pack_rows(rows) == pack_details(openings)
    assert unpack_details(pack_rows(rows)) == openings
