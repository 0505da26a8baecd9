"""Packed details: what comes out is what went in, and what was not packed does not come out."""

from __future__ import annotations

import struct
import zlib
from base64 import b64encode
from collections.abc import Callable

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.codec import canonical
from muniment.errors import IntegrityError, LogError
from muniment.log import detail as detail_module
from muniment.log.detail import Opening, pack_details, scan_details, scan_rows, unpack_details
from muniment.log.entry import commitment, line_hash

salts = st.binary(min_size=32, max_size=32)
openings = st.lists(
    st.builds(
        Opening,
        place=st.integers(min_value=0, max_value=2**32 - 1),
        r=salts,
        detail=st.binary(max_size=60),
        lines=st.lists(st.tuples(salts, st.binary(max_size=20)), max_size=3).map(tuple),
    ),
    max_size=5,
    unique_by=lambda opening: opening.place,
).map(lambda some: sorted(some, key=lambda opening: opening.place))


def a_detail(place: int, lines: int) -> Opening:
    kept = tuple((bytes((place, number)) * 16, b'{"id":"%d"}' % number) for number in range(lines))
    document: dict[str, object] = {"kind": "record.read", "op": "00" * 16}
    if kept:
        document["records"] = [b64encode(line_hash(salt, line)).decode() for salt, line in kept]
    return Opening(place, bytes((place,)) * 32, canonical(document), kept)


def packed_by_hand(opening: Opening) -> bytes:
    """The plain bytes as FORMATS 1.2 has them."""
    plain = struct.pack(">I", opening.place) + opening.r
    plain += struct.pack(">I", len(opening.detail)) + opening.detail
    plain += struct.pack(">H", len(opening.lines))
    for salt, line in opening.lines:
        plain += salt + struct.pack(">I", len(line)) + line
    return plain


@given(openings)
def test_details_come_back_as_they_were_packed(some: list[Opening]) -> None:
    """The same openings, in plain bytes of the published form, under zlib."""
    packed = pack_details(some)
    assert b"".join(map(packed_by_hand, some)) == zlib.decompress(packed)
    assert some == unpack_details(packed)


def test_large_batches_come_back() -> None:
    """Beyond the small window too."""
    some = [a_detail(place, 100) for place in range(40)]
    assert some == unpack_details(pack_details(some))


@given(st.integers(min_value=0, max_value=4), st.integers(min_value=0, max_value=4))
def test_scanning_gives_places_and_commitments(first: int, second: int) -> None:
    """What the entries must hold, in the base64 that they hold it in."""
    some = [a_detail(3, first), a_detail(9, second)]
    expected = [(one.place, b64encode(commitment(one.r, one.detail))) for one in some]
    assert expected == scan_details(pack_details(some))


@given(
    st.lists(st.lists(st.integers(min_value=0, max_value=3), max_size=4), max_size=5),
    st.integers(min_value=1, max_value=12),
)
def test_scanning_many_rows_gives_what_each_gives(rows: list[list[int]], again: int) -> None:
    """Alike or not, in bulk or one by one: the same places and commitments."""
    packed = [pack_details([a_detail(at, lines) for at, lines in enumerate(row)]) for row in rows] * again
    expected = [one for row in packed for one in scan_details(row)]
    places, committed = scan_rows(packed)
    assert expected == list(zip(places, committed, strict=True))


def test_openings_are_not_taken_across_rows() -> None:
    """Rows of which none ends where an opening ends are broken, though together they are whole."""
    plain = b"".join([packed_by_hand(a_detail(place, 1)) for place in range(5)])
    assert 5 == len(scan_details(zlib.compress(plain)))
    with pytest.raises(IntegrityError):
        scan_rows([zlib.compress(plain[at : at + 5]) for at in range(0, len(plain), 5)])


def _other_line(one: Opening) -> Opening:
    return Opening(one.place, one.r, one.detail, ((one.lines[0][0], b'{"id":"x"}'), *one.lines[1:]))


def _other_salt(one: Opening) -> Opening:
    return Opening(one.place, one.r, one.detail, ((bytes(32), one.lines[0][1]), *one.lines[1:]))


def _swapped(one: Opening) -> Opening:
    return Opening(one.place, one.r, one.detail, (one.lines[1], one.lines[0], *one.lines[2:]))


def _fewer(one: Opening) -> Opening:
    return Opening(one.place, one.r, one.detail, one.lines[:-1])


def _none(one: Opening) -> Opening:
    return Opening(one.place, one.r, one.detail)


def _more(one: Opening) -> Opening:
    return Opening(one.place, one.r, one.detail, (*one.lines, (bytes(32), b"{}")))


@pytest.mark.parametrize("change", [_other_line, _other_salt])
def test_a_line_among_many_alike_is_found(change: Callable[[Opening], Opening]) -> None:
    """Openings of one length are looked at in bulk, and the bad one is named all the same."""
    some = [a_detail(place, 1) for place in range(9)]
    some[5] = change(some[5])
    with pytest.raises(IntegrityError) as caught:
        scan_details(pack_details(some))
    assert ("log.lines", 5) == (caught.value.code, caught.value.parameters["place"])
    with pytest.raises(IntegrityError):
        scan_rows([pack_details([attrs.evolve(one, place=0)]) for one in some])


@pytest.mark.parametrize("at", [0, 3, 5, -1])
def test_a_stored_block_is_read_as_it_is_written(at: int) -> None:
    """A changed byte of the frame, the text or the checksum of a small row is refused."""
    packed = bytearray(pack_details([a_detail(0, 1)]))
    assert b"\x78\x01\x01" == packed[:3]
    packed[at] ^= 1
    with pytest.raises(IntegrityError):
        scan_details(bytes(packed))


@pytest.mark.parametrize("change", [_other_line, _other_salt, _swapped, _fewer, _none, _more])
def test_lines_that_the_detail_does_not_name_are_found(change: Callable[[Opening], Opening]) -> None:
    """An edited, swapped, missing or added line is found and its place named."""
    packed = pack_details([a_detail(0, 1), change(a_detail(5, 3))])
    with pytest.raises(IntegrityError) as caught:
        scan_details(packed)
    assert ("log.lines", 5) == (caught.value.code, caught.value.parameters["place"])


def test_a_member_within_that_is_called_records_is_none_of_the_entry() -> None:
    """What an object in the detail names is no line of it; its own member without lines is found."""
    inner = canonical({"target": {"records": ["a"]}})
    assert [0] == [place for place, _ in scan_details(pack_details([Opening(0, bytes(32), inner)]))]
    with pytest.raises(IntegrityError, match=r"log\.lines"):
        scan_details(pack_details([Opening(0, bytes(32), canonical({"records": ["a"]}))]))


def test_text_that_looks_like_records_does_not_count() -> None:
    """A string of a detail cannot pass for the member that names the lines."""
    fake = '"records":["' + "A" * 43 + '="]'
    opening = Opening(0, bytes(32), canonical({"code": fake}))
    assert 1 == len(scan_details(pack_details([opening])))


PLAIN = b"".join(map(packed_by_hand, [a_detail(1, 2), a_detail(2, 0)]))


@pytest.mark.parametrize("read", [unpack_details, scan_details])
@pytest.mark.parametrize(
    "packed",
    [
        b"",
        b"x",
        PLAIN,
        zlib.compress(PLAIN, 1)[:-1],
        zlib.compress(PLAIN, 1) + b"\x00",
        zlib.compress(PLAIN, 1)[:-1] + b"\x00",
        zlib.compress(PLAIN + b"\x00", 1),
        zlib.compress(packed_by_hand(a_detail(1, 0)) * 2, 1),
        zlib.compress(packed_by_hand(a_detail(2, 0)) + packed_by_hand(a_detail(1, 0)), 1),
        zlib.compress(struct.pack(">I32sI", 0, bytes(32), 2**32 - 1), 1),
        zlib.compress(struct.pack(">I32sIH", 0, bytes(32), 0, 65535), 1),
        zlib.compress(struct.pack(">I32sIH32sI", 0, bytes(32), 0, 1, bytes(32), 9) + b"short", 1),
    ],
)
def test_broken_details_are_refused(packed: bytes, read: Callable[[bytes], object]) -> None:
    """Cut, lengthened, out of order or not zlib: one code, never another exception."""
    with pytest.raises(IntegrityError, match=r"\[log\.packed_details\]"):
        read(packed)


@given(st.data())
def test_every_cut_is_refused(data: st.DataObject) -> None:
    """No beginning of the plain bytes passes for the whole, but one that ends between two details."""
    end = data.draw(st.integers(min_value=0, max_value=len(PLAIN) - 1))
    packed = zlib.compress(PLAIN[:end], 1)
    first = len(packed_by_hand(a_detail(1, 2)))
    if end in (0, first):
        assert (end == first) == len(unpack_details(packed))
    else:
        with pytest.raises(IntegrityError, match=r"\[log\.packed_details\]"):
            unpack_details(packed)


def test_a_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unpacking stops at the limit, whatever the packed bytes would grow to."""
    monkeypatch.setattr(detail_module, "MAX_DETAILS", 10_000)
    bomb = zlib.compress(bytes(5_000_000), 9)
    assert 10_000 > len(bomb)
    with pytest.raises(IntegrityError, match=r"\[log\.packed_details\]"):
        unpack_details(bomb)


def test_more_than_the_limit_is_not_packed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What could not be read back is not written."""
    one = a_detail(0, 3)
    size = len(packed_by_hand(one))
    monkeypatch.setattr(detail_module, "MAX_DETAILS", size)
    assert [one] == unpack_details(pack_details([one]))
    with pytest.raises(LogError, match=r"\[log\.details_size\]"):
        pack_details([one, a_detail(1, 0)])


@pytest.mark.parametrize(
    ("some", "code"),
    [
        ([a_detail(1, 0), a_detail(1, 0)], "log.details_order"),
        ([a_detail(2, 0), a_detail(1, 0)], "log.details_order"),
        ([Opening(0, bytes(31), b"{}")], "log.entry_parts"),
        ([Opening(0, bytes(32), b"{}", ((bytes(33), b"{}"),))], "log.entry_parts"),
        ([Opening(0, bytes(32), b"{}", ((bytes(32), b""),) * 65536)], "log.details_size"),
    ],
)
def test_what_could_not_be_read_back_is_not_packed(some: list[Opening], code: str) -> None:
    """Places rise, salts have 32 bytes, lines have a count of 16 bits."""
    with pytest.raises(LogError) as caught:
        pack_details(some)
    assert code == caught.value.code
