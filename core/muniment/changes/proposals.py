"""Proposals as documents: what is wanted, by whom, over which versions, and its digest; pure.

A proposal lies in as many sealed documents as there are subjects that it is about,
so that erasing one of them takes their values away. The first one also holds what
they have in common. All are JCS; the digest is over all of them and begins every
approval: what is approved is what these bytes say, nothing else.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, Final

import attrs

from muniment.changes.rules import Check, Need, people_of
from muniment.codec import canonical, decode_value, encode_value, parse_canonical
from muniment.errors import IntegrityError
from muniment.model import Value

__all__ = [
    "Act",
    "Common",
    "Document",
    "Given",
    "Maker",
    "Wanted",
    "digest_of",
    "pack_checks",
    "pack_document",
    "unpack_checks",
    "unpack_document",
]

_FORMAT: Final = 1
_PREFIX: Final = b"muniment/proposal/v1\n"


@attrs.frozen
class Wanted:
    """One change of one record that waits.

    Attributes:
        place: where it stands among all changes of the proposal, from 0.
        operation: as in ``Change``.
        type: number of the record type.
        definition: version of its definition.
        record: 16 bytes; of a new record the identifier that it will have.
        base: the version that it builds on; 0 for a new record.
        base_hash: that version's hash, 32 bytes, which stands for every value before; empty for a new one.
        effective_us: since when it holds in the world.
        values: the new value of each field that changes, by the field's number; None clears.
        encodings: the encoding of each of them.
    """

    place: int
    operation: str
    type: int
    definition: int
    record: bytes
    base: int
    base_hash: bytes
    effective_us: int | None
    values: Mapping[int, Value]
    encodings: Mapping[int, int]


@attrs.frozen
class Maker:
    """Who wanted it, or a part of it.

    Attributes:
        actor: a login.
        on_behalf_of: for whom, where a service acted.
    """

    actor: str
    on_behalf_of: str = ""

    @property
    def people(self) -> frozenset[str]:
        """Everybody who stands behind it."""
        return people_of(self.actor, self.on_behalf_of)


@attrs.frozen
class Act:
    """Something to be done that is no change of a record.

    Attributes:
        action: as the policy knows it, such as ``record.export``.
        digest: SHA-256 over exactly what will be done, 32 bytes.
        type: key of a record type; empty where it is about none.
        fields: keys of the fields that it is about.
        where: values by field key by which records are chosen, as texts.
        facts: names and numbers that say what it is, in the order to show.
    """

    action: str
    digest: bytes
    type: str = ""
    fields: tuple[str, ...] = ()
    where: Mapping[str, str] = attrs.field(factory=dict)
    facts: Mapping[str, str] = attrs.field(factory=dict)


@attrs.frozen
class Common:
    """What the documents of one proposal have in common.

    Attributes:
        members: the records that hold them, 16 bytes each, this one first.
        round: how often it was put up; renewing and editing raise it.
        makers: everybody who wrote a part of it, the first one first.
        purpose: why it is wanted, a W3C DPV term.
        needs: what the rules asked for when it was put up.
        reason: the maker's own words.
        act: what is to be done, where it is no change of records.
    """

    members: tuple[bytes, ...]
    round: int
    makers: tuple[Maker, ...]
    purpose: str
    needs: tuple[Need, ...]
    reason: str = ""
    act: Act | None = None


@attrs.frozen
class Document:
    """What one record of a proposal holds.

    Attributes:
        salt: 32 random bytes, so that nobody guesses values from the digest.
        changes: those about this record's subject.
        common: in the first record only.
    """

    salt: bytes
    changes: tuple[Wanted, ...] = ()
    common: Common | None = None


@attrs.frozen
class Given:
    """An approval as it is kept.

    Attributes:
        check: who gave it.
        digest: of what they were shown, 32 bytes.
        time_us: when.
        purpose: why they looked at it.
        reason: their own words.
    """

    check: Check
    digest: bytes
    time_us: int
    purpose: str = ""
    reason: str = ""


def digest_of(proposal: bytes, documents: Sequence[tuple[bytes, str]]) -> bytes:
    """What an approval names: 32 bytes that stand for all that is wanted.

    SHA-256 over ``muniment/proposal/v1`` and a line feed, the proposal's identifier, and for each
    record its identifier and the SHA-256 of its document as it is stored.

    Args:
        proposal: 16 bytes.
        documents: each record's identifier, 16 bytes, with its document, in order.
    """
    body = b"".join([record + sha256(document.encode("ascii")).digest() for record, document in documents])
    return sha256(_PREFIX + proposal + body).digest()


def _b64(data: bytes) -> str:
    return b64encode(data).decode("ascii")


def _unpacked(text: str) -> Any:
    try:
        return parse_canonical(b64decode(text, validate=True))
    except ValueError:
        raise IntegrityError("integrity.value") from None


def pack_document(document: Document) -> str:
    """A document as JCS in base64."""
    made: dict[str, Any] = {
        "v": _FORMAT,
        "salt": _b64(document.salt),
        "changes": [_pack_wanted(one) for one in document.changes],
    }
    if document.common is not None:
        made["common"] = _pack_common(document.common)
    return _b64(canonical(made))


def unpack_document(text: str) -> Document:
    """The document back.

    Raises:
        IntegrityError: ``integrity.json`` or ``integrity.value`` where ``pack_document`` cannot have
            written it.
    """
    data = _unpacked(text)
    try:
        if data["v"] != _FORMAT:
            raise ValueError
        common = data.get("common")
        return Document(
            b64decode(data["salt"], validate=True),
            tuple(_unpack_wanted(one) for one in data["changes"]),
            None if common is None else _unpack_common(common),
        )
    except (ValueError, TypeError, LookupError, AttributeError):
        raise IntegrityError("integrity.value") from None


def _pack_wanted(one: Wanted) -> dict[str, Any]:
    made: dict[str, Any] = {
        "place": one.place,
        "operation": one.operation,
        "type": one.type,
        "definition": one.definition,
        "record": one.record.hex(),
        "base": one.base,
        "base_hash": _b64(one.base_hash),
        "values": [
            {
                "field": number,
                "encoding": one.encodings[number],
                "value": None if value is None else _b64(encode_value(one.encodings[number], value)),
            }
            for number, value in sorted(one.values.items())
        ],
    }
    if one.effective_us is not None:
        # Beyond 2^53 a reader in another language would round it.
        made["effective_us"] = str(one.effective_us)
    return made


def _unpack_wanted(data: Mapping[str, Any]) -> Wanted:
    effective = data.get("effective_us")
    return Wanted(
        data["place"],
        data["operation"],
        data["type"],
        data["definition"],
        bytes.fromhex(data["record"]),
        data["base"],
        b64decode(data["base_hash"], validate=True),
        None if effective is None else int(effective),
        {
            one["field"]: None if one["value"] is None else decode_value(b64decode(one["value"]))
            for one in data["values"]
        },
        {one["field"]: one["encoding"] for one in data["values"]},
    )


def _pack_common(common: Common) -> dict[str, Any]:
    made: dict[str, Any] = {
        "members": [one.hex() for one in common.members],
        "round": common.round,
        "makers": [attrs.asdict(one) for one in common.makers],
        "purpose": common.purpose,
        "needs": [attrs.asdict(one) for one in common.needs],
        "reason": common.reason,
    }
    if common.act is not None:
        made["act"] = {**attrs.asdict(common.act), "digest": _b64(common.act.digest)}
        # The order in which facts are shown is kept; members of a JSON object have none.
        made["act"]["facts"] = [[name, text] for name, text in common.act.facts.items()]
    return made


def _unpack_common(data: Mapping[str, Any]) -> Common:
    act = data.get("act")
    return Common(
        tuple(bytes.fromhex(one) for one in data["members"]),
        data["round"],
        tuple(Maker(**one) for one in data["makers"]),
        data["purpose"],
        tuple(Need(one["rule"], one["approvers"], tuple(one["roles"])) for one in data["needs"]),
        data["reason"],
        None
        if act is None
        else Act(
            act["action"],
            b64decode(act["digest"], validate=True),
            act["type"],
            tuple(act["fields"]),
            dict(act["where"]),
            dict(act["facts"]),
        ),
    )


def pack_checks(given: Sequence[Given]) -> str | None:
    """The approvals of a proposal as JCS in base64; None where there are none."""
    if not given:
        return None
    made = [
        {
            **attrs.asdict(one.check),
            "digest": _b64(one.digest),
            "time_us": str(one.time_us),
            "purpose": one.purpose,
            "reason": one.reason,
        }
        for one in given
    ]
    return _b64(canonical(made))


def unpack_checks(text: str | None) -> tuple[Given, ...]:
    """The approvals back; none where there is no text.

    Raises:
        IntegrityError: ``integrity.json`` or ``integrity.value``.
    """
    if not text:
        return ()
    data = _unpacked(text)
    try:
        return tuple(
            Given(
                Check(one["actor"], one["on_behalf_of"], tuple(one["roles"])),
                b64decode(one["digest"], validate=True),
                int(one["time_us"]),
                one["purpose"],
                one["reason"],
            )
            for one in data
        )
    except (ValueError, TypeError, LookupError):
        raise IntegrityError("integrity.value") from None
