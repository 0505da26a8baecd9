"""Sealed parts: what opens, what is refused, what their length tells."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muniment import seal
from muniment.errors import IntegrityError, KeyStoreError, UsageError

KEY = bytes(range(64))
PLACE: dict[str, Any] = {
    "archive": b"a" * 16,
    "type_number": 300,
    "subject": b"s" * 16,
    "record": b"r" * 16,
    "version": 4,
    "group": 11,
}
FIELDS = [(1, b"\x01Anna Schmidt"), (2, b"\x01+49 30 1234567"), (7, b"\x051980-02-03")]
SLOTS = {"facet_slot": 261, "subject_slot": 70_000}

values = st.binary(min_size=2, max_size=80)
fields = st.dictionaries(st.integers(0, 2**32 - 1), values, min_size=1, max_size=8).map(
    lambda made: list(made.items())
)
places = st.fixed_dictionaries(
    {
        "archive": st.binary(min_size=16, max_size=16),
        "type_number": st.integers(0, 2**32 - 1),
        "subject": st.binary(min_size=16, max_size=16),
        "record": st.binary(min_size=16, max_size=16),
        "version": st.integers(0, 2**64 - 1),
        "group": st.integers(0, 2**16 - 1),
    }
)


def sealed(**changed: Any) -> bytes:
    return seal.seal_part(KEY, **{**PLACE, **SLOTS, "fields": FIELDS, **changed})


@given(key=st.binary(min_size=64, max_size=64).filter(any), place=places, given_fields=fields)
def test_what_was_sealed_opens_in_its_place(
    key: bytes, place: dict[str, Any], given_fields: list[tuple[int, bytes]]
) -> None:
    """Opening gives exactly the sealed fields, and the clear header says the slots and the group."""
    part = seal.seal_part(key, **place, facet_slot=2**64 - 1, subject_slot=0, fields=given_fields)
    assert seal.open_part(key, part, **place) == dict(given_fields)
    assert seal.part_header(part) == seal.PartHeader(1, place["group"], 2**64 - 1, 0)
    assert seal.part_fields(part) == tuple(sorted(number for number, _ in given_fields))


@given(given=st.lists(fields, min_size=2, max_size=6))
def test_one_part_opens_as_if_no_other_had_been_read(given: list[list[tuple[int, bytes]]]) -> None:
    """What is remembered of how parts of a group lie leads nobody to another part's fields."""
    given += [[(number, value[::-1]) for number, value in one] for one in given]
    parts = [sealed(fields=one) for one in given]
    for _ in range(2):
        assert [seal.open_part(KEY, part, **PLACE) for part in parts] == [dict(one) for one in given]


def test_parts_of_one_length_may_lie_differently() -> None:
    """Of two parts as long and as full as each other each is read by its own numbers and lengths."""
    short, long = b"\x01" + b"s" * 10, b"\x01" + b"l" * 20
    for one in ([(1, short), (2, long)], [(1, long), (2, short)], [(1, short), (3, long)]):
        part = sealed(fields=one)
        assert len(part) == len(sealed(fields=[(1, short), (2, long)]))
        assert seal.open_part(KEY, part, **PLACE) == dict(one)
        assert seal.part_fields(part) == tuple(number for number, _ in one)


@given(given=st.lists(fields, min_size=1, max_size=3))
def test_parts_of_one_key_open_together(given: list[list[tuple[int, bytes]]]) -> None:
    """A key that is set up once opens all its parts, and no other part."""
    mac = seal.part_mac(KEY)
    place = tuple(PLACE.values())
    parts = [sealed(fields=one) for one in given]
    opened = seal.read_parts([(part, seal.part_cipher(mac, part, *place)) for part in parts])
    assert opened == {number: value for one in given for number, value in one}
    with pytest.raises(IntegrityError, match=r"integrity\.seal"):
        seal.part_cipher(seal.part_mac(KEY[::-1]), parts[0], *place)


@given(given_fields=fields, data=st.data())
def test_only_the_wanted_fields_are_opened(
    given_fields: list[tuple[int, bytes]], data: st.DataObject
) -> None:
    """``only`` gives the wanted fields that are there, whatever else is asked for."""
    numbers = [number for number, _ in given_fields]
    wanted = data.draw(st.sets(st.sampled_from(numbers)))
    part = sealed(fields=given_fields)
    expected = {number: value for number, value in given_fields if number in wanted}
    assert expected == seal.open_part(KEY, part, **PLACE, only=wanted | {2**32})


def test_order_of_the_fields_makes_no_difference() -> None:
    """Fields stand in order of their number, in whatever order they were given."""
    assert sealed(random=bytes) == sealed(fields=FIELDS[::-1], random=bytes)


def test_every_seal_has_a_salt_of_its_own() -> None:
    """Sealing the same twice gives nothing to compare: salt, commitment and every ciphertext differ."""
    first, second = sealed(), sealed()
    assert first[20:44] != second[20:44]
    assert first[44:76] != second[44:76]
    assert first[86:134] != second[86:134]


def test_every_flipped_bit_is_refused() -> None:
    """No bit of a part can change unseen; those of the slots lead to another key, which opens nothing."""
    part = sealed()

    def read(data: bytes) -> dict[int, bytes]:
        header = seal.part_header(data)
        found = (header.facet_slot, header.subject_slot) == tuple(SLOTS.values())
        return seal.open_part(KEY if found else os.urandom(64), data, **PLACE)

    assert read(part) == dict(FIELDS)
    for bit in range(8 * len(part)):
        flipped = bytearray(part)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(IntegrityError, match=r"integrity\.seal"):
            read(bytes(flipped))


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("archive", b"A" * 16),
        ("type_number", 301),
        ("subject", b"S" * 16),
        ("record", b"R" * 16),
        ("version", 5),
        ("group", 12),
    ],
)
def test_a_part_opens_nowhere_else(name: str, other: object) -> None:
    """A part moved to another archive, type, subject, record, version or group is refused."""
    moved = {**PLACE, name: other}
    part = sealed()
    with pytest.raises(IntegrityError, match=r"integrity\.seal"):
        seal.open_part(KEY, part, **moved)
    # Also where the group that stands in clear was changed to fit.
    if name == "group":
        part = part[:2] + (12).to_bytes(2, "big") + part[4:]
        with pytest.raises(IntegrityError, match=r"integrity\.seal"):
            seal.open_part(KEY, part, **moved)


@given(other=st.binary(min_size=64, max_size=64).filter(lambda key: any(key) and key != KEY))
def test_another_key_is_refused_by_the_commitment(other: bytes) -> None:
    """A part commits to its key: another one is refused before anything is decrypted."""
    with pytest.raises(IntegrityError, match=r"integrity\.seal"):
        seal.open_part(other, sealed(), **PLACE, only=())


def test_a_changed_commitment_is_refused_before_decryption(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the commitment is wrong, no cipher is ever made."""
    part = sealed()
    broken = part[:44] + bytes(32) + part[76:]
    monkeypatch.setattr("muniment.seal._parts.aes_gcm", pytest.fail)
    with pytest.raises(IntegrityError, match=r"integrity\.seal"):
        seal.open_part(KEY, broken, **PLACE)


def test_fields_cannot_be_exchanged_between_parts() -> None:
    """A field's ciphertext of one part is refused in another of the same record and version."""
    first, second = sealed(), sealed()
    with pytest.raises(IntegrityError):
        seal.open_part(KEY, first[:78] + second[78:], **PLACE)


def test_refusals_say_nothing() -> None:
    """Whatever is wrong, the error is the same and holds no byte of what was sealed."""
    texts = set()
    for part, place in (
        (sealed()[:-1], PLACE),
        (b"", PLACE),
        (sealed()[:-1] + b"x", PLACE),
        (sealed(), {**PLACE, "version": 9}),
    ):
        with pytest.raises(IntegrityError) as refused:
            seal.open_part(KEY, part, **place)
        texts.add(refused.value.text())
        assert refused.value.__cause__ is None
        assert not refused.value.parameters
    assert len(texts) == 1
    assert "Anna" not in texts.pop()


@settings(max_examples=300)
@given(data=st.binary(max_size=300))
def test_bytes_that_are_no_part_are_refused(data: bytes) -> None:
    """Any bytes at all are refused with the same error, by all three readers."""
    for junk in (data, b"\x4d\x01" + data):
        for read in (seal.part_header, seal.part_fields, lambda part: seal.open_part(KEY, part, **PLACE)):
            if read is seal.part_header and len(junk) >= 78 and junk[:2] == b"\x4d\x01" and any(junk[76:78]):
                continue  # a header says nothing of what follows
            with pytest.raises(IntegrityError, match=r"integrity\.seal"):
                read(junk)


@given(cut=st.integers(1, 200))
def test_a_cut_part_is_refused_without_keys(cut: int) -> None:
    """The whole length is checked without keys: a cut or a longer part is seen by anybody."""
    part = sealed()
    for wrong in (part[:-cut], part + bytes(cut)):
        with pytest.raises(IntegrityError, match=r"integrity\.seal"):
            seal.part_fields(wrong)


@given(first=st.binary(min_size=2, max_size=200), second=st.binary(min_size=2, max_size=200))
def test_padding_hides_lengths_within_sixteen_bytes(first: bytes, second: bytes) -> None:
    """Two values whose lengths fall into the same block of sixteen give parts of one length."""
    lengths = {len(sealed(fields=[(1, value)])) for value in (first, second)}
    assert (len(lengths) == 1) == (len(first) // 16 == len(second) // 16)
    assert all((length - 78 - 8 - 16) % 16 == 0 for length in lengths)


@pytest.mark.parametrize(
    "wrong",
    [[], [(1, b"")], [(1, b"\x01")], [(1, b"\x01a"), (1, b"\x01b")]],
    ids=["none", "empty", "encoding alone", "twice"],
)
def test_no_part_without_values(wrong: list[tuple[int, bytes]]) -> None:
    """No fields, an empty value or a field twice cannot be sealed."""
    with pytest.raises(UsageError, match=r"seal\.fields"):
        sealed(fields=wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"archive": b"a" * 15},
        {"subject": b"s" * 17},
        {"record": b""},
        {"version": -1},
        {"version": 2**64},
        {"group": 2**16},
        {"type_number": 2**32},
        {"facet_slot": 2**64},
        {"fields": [(2**32, b"\x01a")]},
        {"fields": [(-1, b"\x01a")]},
        {"random": lambda size: bytes(size - 1)},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_sizes_are_checked(wrong: dict[str, Any]) -> None:
    """Identifiers and numbers of the wrong size are refused, never cut or filled up."""
    with pytest.raises(UsageError, match=r"seal\.context"):
        sealed(**wrong)


@pytest.mark.parametrize("key", [b"", bytes(64), bytes(range(32)), bytes(range(65))], ids=len)
def test_a_key_of_zeros_or_of_the_wrong_size_is_refused(key: bytes) -> None:
    """A destroyed secret is zeros: a key of zeros neither seals nor opens."""
    with pytest.raises(UsageError, match=r"seal\.context"):
        seal.seal_part(key, **PLACE, **SLOTS, fields=FIELDS)
    with pytest.raises(UsageError, match=r"seal\.context"):
        seal.open_part(key, sealed(), **PLACE)
    with pytest.raises(UsageError, match=r"seal\.context"):
        seal.part_mac(key)


def test_self_test_passes_here() -> None:
    """The installed cryptography does what the formats rely on."""
    seal.self_test()


@pytest.mark.parametrize("flaw", ["accepts anything", "other ciphertext"])
def test_self_test_finds_a_broken_cipher(flaw: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cipher that takes a forged tag, or seals otherwise than AES-GCM, is found."""
    from cryptography.exceptions import InvalidTag

    from muniment.seal._cipher import aes_gcm

    class Broken:
        def __init__(self, key: bytes) -> None:
            self.real = aes_gcm(key)

        def encrypt(self, nonce: bytes, data: bytes, bound: bytes) -> bytes:
            made = self.real.encrypt(nonce, data, bound)
            return made[::-1] if flaw == "other ciphertext" else made

        def decrypt(self, nonce: bytes, data: bytes, bound: bytes) -> bytes:
            try:
                return self.real.decrypt(nonce, data, bound)
            except InvalidTag:
                return b""

    monkeypatch.setattr("muniment.seal._check.aes_gcm", Broken)
    with pytest.raises(KeyStoreError, match=r"seal\.self_test"):
        seal.self_test()


def test_importing_seals_loads_no_cryptography() -> None:
    """Start-up pays nothing for the cipher: it is loaded at the first seal."""
    code = "import muniment.seal, sys; sys.exit('cryptography' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
