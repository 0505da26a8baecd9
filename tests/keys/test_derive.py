"""Derived keys: bound to their place, and never made from a destroyed secret."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand
from hypothesis import given
from hypothesis import strategies as st

from muniment.errors import KeyStoreError
from muniment.keys import actor_tag_key, data_key, index_key, subject_tag_key
from muniment.keys.derive import data_keys

SECRETS = st.binary(min_size=32, max_size=32).filter(any)
IDS = st.binary(min_size=16, max_size=16)
A, B, C = bytes(range(32)), bytes(range(32, 64)), bytes(range(16))


@given(salt=SECRETS, material=SECRETS, archive=IDS, record=IDS, category=st.integers(0, 65535))
def test_a_data_key_is_hkdf(
    salt: bytes, material: bytes, archive: bytes, record: bytes, category: int
) -> None:
    """As another implementation of RFC 5869 gives it."""
    info = b"muniment/data/v1" + archive + record + category.to_bytes(2, "big")
    other = HKDF(algorithm=SHA512(), length=64, salt=salt, info=info).derive(material)
    assert other == data_key(salt, material, archive, record, category)


@given(
    secret=SECRETS,
    archive=IDS,
    facets=st.lists(st.tuples(SECRETS, IDS, st.integers(0, 65535)), max_size=4),
)
def test_the_keys_of_one_subject_are_those_of_each_facet(
    secret: bytes, archive: bytes, facets: list[tuple[bytes, bytes, int]]
) -> None:
    """Whether a subject's secret is set up once or anew for each of its facets makes no difference."""
    each = [data_key(secret, facet, archive, record, category) for facet, record, category in facets]
    assert data_keys(secret, archive, facets) == each


@given(secret=SECRETS, archive=IDS, subject=IDS, actor=st.text(max_size=20), field=st.integers(0, 2**32 - 1))
def test_the_other_keys_are_hkdf_expand(
    secret: bytes, archive: bytes, subject: bytes, actor: str, field: int
) -> None:
    """As another implementation of RFC 5869 gives them."""
    from hashlib import sha256

    def expand(info: bytes) -> bytes:
        return HKDFExpand(algorithm=SHA512(), length=32, info=info).derive(secret)

    assert expand(b"muniment/tagkey/v1" + archive + subject) == subject_tag_key(secret, archive, subject)
    hashed = sha256(actor.encode()).digest()[:16]
    assert expand(b"muniment/actortag/v1" + archive + hashed) == actor_tag_key(secret, archive, actor)
    place = field.to_bytes(4, "big") + b"\x02" + b"\x00\x03" + b"\x00\x00\x00\x04"
    assert expand(b"muniment/index/v1" + archive + place) == index_key(secret, archive, field, 2, 3, 4)


@pytest.mark.parametrize(
    "derive",
    [
        lambda secret: data_key(secret, A, C, C, 1),
        lambda secret: data_key(A, secret, C, C, 1),
        lambda secret: data_keys(secret, C, [(A, C, 1)])[0],
        lambda secret: data_keys(A, C, [(secret, C, 1)])[0],
        lambda secret: subject_tag_key(secret, C, C),
        lambda secret: actor_tag_key(secret, C, "li.na"),
        lambda secret: index_key(secret, C, 1, 2, 3, 4),
    ],
)
def test_no_key_comes_from_a_destroyed_or_cut_secret(derive: Callable[[bytes], bytes]) -> None:
    """Zeros are refused everywhere, and so is a secret of another length."""
    assert len(derive(B)) in (32, 64)
    with pytest.raises(KeyStoreError, match=r"key\.destroyed"):
        derive(bytes(32))
    for cut in (b"", B[:31], B + b"\0", bytes(31)):
        with pytest.raises(KeyStoreError, match=r"key\.size"):
            derive(cut)


def test_any_other_place_gives_another_key() -> None:
    """Archive, record, category, field, kind, normaliser and epoch all count."""
    other = bytes(15) + b"\x01"
    keys = [
        data_key(A, B, C, C, 1),
        data_key(B, A, C, C, 1),
        data_key(A, B, other, C, 1),
        data_key(A, B, C, other, 1),
        data_key(A, B, C, C, 2),
        *(
            index_key(A, C, *place)
            for place in ((1, 2, 3, 4), (2, 2, 3, 4), (1, 3, 3, 4), (1, 2, 4, 4), (1, 2, 3, 5))
        ),
        subject_tag_key(A, C, other),
        subject_tag_key(A, other, C),
        actor_tag_key(A, C, "li.na"),
        actor_tag_key(A, C, "li.n"),
    ]
    assert len(keys) == len(set(keys))


def test_an_identifier_of_another_length_is_refused() -> None:
    """A byte less in one and more in the next would give two places one key."""
    with pytest.raises(KeyStoreError, match=r"key\.size"):
        data_key(A, B, C[:15], C + b"\0", 1)
