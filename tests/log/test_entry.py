"""Entries: written as JCS, read strictly, packed, and said the same thing about by every reader."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.codec import canonical
from muniment.errors import IntegrityError, LogError
from muniment.log.entry import (
    MAX_ENTRY,
    MAX_SUBJECTS,
    Entry,
    commitment,
    entry_bytes,
    line_hash,
    pack_entries,
    parse_entry,
    scan_entries,
    scan_entry,
    tag,
    tagger,
    unpack_entries,
)
from muniment.log.kinds import KINDS
from muniment.model import rfc3339

LAST_US = 253_402_300_799_999_999

hashes = st.binary(min_size=32, max_size=32)
tags = st.binary(min_size=16, max_size=16)
times = st.integers(min_value=0, max_value=LAST_US)
members = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(sorted(KINDS)),
        "time_us": times,
        "commitment": hashes,
        "actor_tag": tags,
        "subject_tags": st.lists(tags, max_size=5),
        "binding": st.none() | hashes,
    }
)


def b64(data: bytes) -> str:
    return b64encode(data).decode("ascii")


def document(given_members: dict[str, Any]) -> dict[str, Any]:
    """The same entry as plain JSON members, by FORMATS 1.1."""
    members_ = {
        "a": b64(given_members["actor_tag"]),
        "c": b64(given_members["commitment"]),
        "k": given_members["kind"],
        "t": rfc3339(given_members["time_us"]),
        "v": 1,
    }
    if given_members["binding"] is not None:
        members_["b"] = b64(given_members["binding"])
    if given_members["subject_tags"]:
        members_["s"] = [b64(one) for one in sorted(set(given_members["subject_tags"]))]
    return members_


def an_entry(**changed: Any) -> bytes:
    some: dict[str, Any] = {
        "kind": "record.read",
        "time_us": 1_700_000_000_000_000,
        "commitment": bytes(range(32)),
        "actor_tag": bytes(range(100, 116)),
        "subject_tags": [b"\xff" * 16, b"\x00" * 16],
        "binding": bytes(range(200, 232)),
    }
    return entry_bytes(**(some | changed))


@given(members)
def test_an_entry_is_the_jcs_of_its_members(some: dict[str, Any]) -> None:
    """Formatting gives byte for byte what canonical JSON gives."""
    assert canonical(document(some)) == entry_bytes(**some)


@given(members)
def test_reading_gives_back_what_was_written(some: dict[str, Any]) -> None:
    """Every member comes back as raw bytes and numbers, tags sorted and once each."""
    expected = Entry(
        kind=some["kind"],
        time_us=some["time_us"],
        commitment=some["commitment"],
        actor_tag=some["actor_tag"],
        subject_tags=tuple(sorted(set(some["subject_tags"]))),
        binding=some["binding"],
    )
    assert expected == parse_entry(entry_bytes(**some))


@given(members)
def test_scanning_gives_the_pieces_as_they_stand(some: dict[str, Any]) -> None:
    """The pieces are the members' own text, empty where a member is left out."""
    data = entry_bytes(**some)
    shown = document(some)
    expected = (
        data,
        shown.get("b", "").encode(),
        shown["c"].encode(),
        shown["k"].encode(),
        '","'.join(shown.get("s", [])).encode(),
        shown["t"].encode(),
    )
    assert expected == scan_entry(data)


@given(members, st.data())
def test_any_other_byte_is_another_entry_or_none(some: dict[str, Any], data: st.DataObject) -> None:
    """No two byte strings read as the same entry: whatever is accepted is written back as it was."""
    entry = bytearray(entry_bytes(**some))
    place = data.draw(st.integers(min_value=0, max_value=len(entry) - 1))
    entry[place] = data.draw(st.integers(min_value=0, max_value=255))
    try:
        read = parse_entry(bytes(entry))
    except IntegrityError:
        return
    again = entry_bytes(
        kind=read.kind,
        time_us=read.time_us,
        commitment=read.commitment,
        actor_tag=read.actor_tag,
        subject_tags=read.subject_tags,
        binding=read.binding,
    )
    assert bytes(entry) == again


@given(st.binary(max_size=300))
def test_noise_is_refused(noise: bytes) -> None:
    """Bytes that nobody wrote are refused with a code, never with another exception."""
    with pytest.raises(IntegrityError, match=r"\[log\.entry\]"):
        scan_entry(noise)


ONE = an_entry().decode("ascii")


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        (ONE.replace('"v":1', '"v":2'), "log.entry"),
        (ONE.replace('"v":1', '"v":1,"w":1'), "log.entry"),
        (ONE.replace('"v":1', '"v": 1'), "log.entry"),
        (ONE + "\n", "log.entry"),
        ("\n" + ONE, "log.entry"),
        (ONE.replace("Z", "z"), "log.entry"),
        (ONE.replace("Z", "+00:00"), "log.entry"),
        (ONE.replace(".000000Z", "Z"), "log.entry"),
        (ONE.replace('","c"', '","c'), "log.entry"),
        (ONE.replace('"k":"record.read",', ""), "log.entry"),
        (ONE.replace('"s":["', '"s":[],"'), "log.entry"),
        (ONE.replace("T22", "T32"), "log.entry"),
        (ONE.replace("record.read", "record.peek"), "log.entry_kind"),
        (ONE.replace("record.read", "Record.read"), "log.entry"),
        (ONE.replace("T22", "T24"), "log.entry_time"),
        (ONE.replace("2023-11-14", "2023-02-29"), "log.entry_time"),
        (ONE.replace("2023-11-14", "2023-00-14"), "log.entry_time"),
        (ONE.replace("2023-11-14", "1969-12-31"), "log.entry_time"),
        (ONE.replace("2023-11-14", "0000-12-31"), "log.entry_time"),
        (ONE.replace("AAAAAAAAAAAAAAAAAAAAAA==", "/////////////////////w=="), "log.entry_subjects"),
        (ONE.replace("AAAAAAAAAAAAAAAAAAAAAA==", "AAAAAAAAAAAAAAAAAAAAAB=="), "log.entry"),
        (ONE.replace("AAAAAAAAAAAAAAAAAAAAAA==", "AAAAAAAAAAAAAAAAAAAA-A=="), "log.entry"),
    ],
)
def test_what_was_never_written_is_refused(changed: str, code: str) -> None:
    """One entry has one spelling; each other one is refused and says why."""
    assert changed != ONE
    with pytest.raises(IntegrityError) as caught:
        parse_entry(changed.encode("ascii"))
    assert code == caught.value.code


def test_swapped_subjects_are_refused() -> None:
    """Tags stand in the order of their bytes, which is not the order of their base64."""
    first, second = b"\x00" * 16, b"\xff" * 16
    assert b64(second) < b64(first)
    swapped = ONE.replace(f'"{b64(first)}","{b64(second)}"', f'"{b64(second)}","{b64(first)}"')
    assert swapped != ONE
    with pytest.raises(IntegrityError, match=r"\[log\.entry_subjects\]"):
        scan_entry(swapped.encode("ascii"))


def test_the_largest_entry_fits() -> None:
    """With the longest kind and 100 subjects an entry stays below 4,096 bytes."""
    subjects = [number.to_bytes(16, "big") for number in range(MAX_SUBJECTS)]
    data = an_entry(kind=max(KINDS, key=len), subject_tags=subjects, time_us=LAST_US)
    assert MAX_ENTRY >= len(data)
    assert tuple(subjects) == parse_entry(data).subject_tags


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"kind": "record.peek"}, "log.kind"),
        ({"subject_tags": [number.to_bytes(16, "big") for number in range(101)]}, "log.subjects"),
        ({"subject_tags": [b"short"]}, "log.entry_parts"),
        ({"subject_tags": [bytes(16), b"short"]}, "log.entry_parts"),
        ({"commitment": bytes(31)}, "log.entry_parts"),
        ({"actor_tag": bytes(17)}, "log.entry_parts"),
        ({"binding": b""}, "log.entry_parts"),
        ({"time_us": -1}, "log.time"),
        ({"time_us": LAST_US + 1}, "log.time"),
    ],
)
def test_what_may_not_be_logged_is_refused(changed: dict[str, Any], code: str) -> None:
    """An unknown kind, too many subjects, a wrong length, a time out of range."""
    with pytest.raises(LogError) as caught:
        an_entry(**changed)
    assert code == caught.value.code


def test_one_subject_named_a_hundred_times_counts_once() -> None:
    """The limit is on different subjects."""
    assert an_entry(subject_tags=[bytes(16)] * 500) == an_entry(subject_tags=[bytes(16)])


def test_an_entry_with_a_hundred_and_one_subjects_is_refused() -> None:
    """A reader holds to the limit as well as the writer."""
    data = an_entry(subject_tags=[number.to_bytes(16, "big") for number in range(100)])
    more = data.replace(b'"],"t"', b'","' + b64encode(b"\xff" * 16) + b'"],"t"')
    with pytest.raises(IntegrityError, match=r"\[log\.entry\]"):
        scan_entry(more)


@given(hashes, st.binary(max_size=50))
def test_commitments_tags_and_lines_follow_the_format(key: bytes, detail: bytes) -> None:
    """Each is the published hash or HMAC over the published bytes."""
    committed = hashlib.sha256(b"muniment/detail/v1\n" + key + detail).digest()
    assert committed == commitment(key, detail)
    expected = hmac.new(key, b"muniment/tag/v1\n" + committed, "sha256").digest()[:16]
    assert expected == tag(key, committed)
    assert hashlib.sha256(key + detail).digest() == line_hash(key, detail)


# --- bundles ---------------------------------------------------------------


def some_entries(count: int) -> list[bytes]:
    return [
        an_entry(
            time_us=1_700_000_000_000_000 + number * 1_000_000_000,
            kind=sorted(KINDS)[number % len(KINDS)],
            subject_tags=[bytes((number % 256, place)) * 8 for place in range(number % 4)],
            binding=None if number % 3 else bytes(32),
        )
        for number in range(count)
    ]


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=20))
def test_a_bundle_is_lengths_and_entries(entries: list[bytes]) -> None:
    """A uint16 length before each entry, and nothing else."""
    packed = pack_entries(entries)
    assert b"".join(len(one).to_bytes(2, "big") + one for one in entries) == packed
    assert entries == unpack_entries(packed)


@given(st.binary(max_size=60))
def test_only_a_bundle_is_unpacked(noise: bytes) -> None:
    """What comes apart packs to the same bytes; the rest is refused with a code."""
    try:
        entries = unpack_entries(noise)
    except IntegrityError:
        with pytest.raises(IntegrityError, match=r"\[log\.packed_entries\]"):
            scan_entries(noise)
    else:
        assert noise == pack_entries(entries)


@pytest.mark.parametrize(
    "packed",
    [b"\x00", b"\x00\x01", b"\x00\x02a", b"\x00\x01ab", b"\x00\x00", b"\x10\x01" + bytes(4097)],
)
def test_a_broken_bundle_is_refused(packed: bytes) -> None:
    """A length that leads past the end, is 0 or above 4,096."""
    with pytest.raises(IntegrityError, match=r"\[log\.packed_entries\]"):
        unpack_entries(packed)


def test_an_entry_that_does_not_fit_is_not_packed() -> None:
    """Neither nothing nor more than 4,096 bytes."""
    assert 4098 == len(pack_entries([bytes(4096)]))
    for bad in (b"", bytes(4097)):
        with pytest.raises(LogError, match=r"\[log\.entry_size\]"):
            pack_entries([b"a", bad])


@pytest.mark.parametrize("count", [0, 1, 3, 4, 60])
def test_scanning_a_bundle_is_scanning_each_entry(count: int) -> None:
    """The quick way and the plain way see the same."""
    entries = some_entries(count)
    assert [scan_entry(entry) for entry in entries] == scan_entries(pack_entries(entries))


@pytest.mark.parametrize("count", [2, 40])
@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (b'"v":1', b'"v":2', "log.entry"),
        (b'"v":1}', b'"v":1} ', "log.entry"),
        (b"T", b"T2", "log.entry"),
        (b".", b".x", "log.entry_kind"),
        (b'"t":"20', b'"t":"00', "log.entry_time"),
        (b'"t":"2023', b'"t":"2022', "log.time_back"),
    ],
)
def test_the_first_bad_entry_of_a_bundle_is_named(count: int, old: bytes, new: bytes, code: str) -> None:
    """Wherever it stands, its place comes with the error."""
    for place in (1, count - 1):
        entries = some_entries(count)
        head, found, tail = entries[place].rpartition(old)
        assert found
        entries[place] = head + new + tail
        if code == "log.entry_kind":
            entries[place] = re.sub(rb'"k":"[^"]*"', b'"k":"no.such"', some_entries(count)[place])
        with pytest.raises(IntegrityError) as caught:
            scan_entries(pack_entries(entries))
        assert (code, place) == (caught.value.code, caught.value.parameters["place"])


@given(st.data())
def test_bundles_and_single_entries_never_disagree(data: st.DataObject) -> None:
    """After any change of one byte both ways accept, or both refuse."""
    packed = bytearray(pack_entries(some_entries(6)))
    place = data.draw(st.integers(min_value=0, max_value=len(packed) - 1))
    packed[place] = data.draw(st.integers(min_value=0, max_value=255))
    try:
        singly = [scan_entry(entry) for entry in unpack_entries(bytes(packed))]
        when = [row[5] for row in singly]
        good = when == sorted(when)
    except IntegrityError:
        good = False
    if good:
        assert singly == scan_entries(bytes(packed))
    else:
        with pytest.raises(IntegrityError):
            scan_entries(bytes(packed))


def test_hours_are_checked_across_a_bundle() -> None:
    """An hour in the middle that does not exist is found, also where the ends share theirs with others."""
    entries = [an_entry(time_us=1_700_000_000_000_000 + number * 3_600_000_000) for number in range(6)]
    bad = json.loads(entries[2])["t"]
    entries[2] = entries[2].replace(bad.encode(), b"2023-11-14T24:00:00.000000Z")
    entries[1] = entries[2].replace(b"T24", b"T23")
    with pytest.raises(IntegrityError) as caught:
        scan_entries(pack_entries(entries))
    assert ("log.entry_time", 2) == (caught.value.code, caught.value.parameters["place"])


@given(st.binary(min_size=32, max_size=32), st.lists(st.binary(min_size=32, max_size=32), max_size=3))
def test_a_key_prepared_once_gives_the_same_tags(key: bytes, commitments: list[bytes]) -> None:
    """However many entries carry them."""
    make = tagger(key)
    assert [tag(key, one) for one in commitments] == [make(one) for one in commitments]
