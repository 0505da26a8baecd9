"""What a session gives back: records as one actor may see them, and the field sets that are logged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import attrs

from muniment.model import Value
from muniment.policy import View
from muniment.schema import FieldKind, RecordType

__all__ = ["Change", "Page", "Record", "Step", "field_set", "shown"]


@attrs.frozen
class Record:
    """A record, or one version of it, as the actor may see it.

    Attributes:
        id: UUID text.
        type: key of its record type.
        subject: UUID text of whom it is about.
        version: the version shown.
        fields: values by key, in the order of the type; a masked one is the text of its mask.
        masked: keys of the fields whose value is only a mask.
        erased: keys of fields that were disposed of.
        operation: what made this version.
        recorded_us: when it was written.
        effective_us: since when it holds in the world.
        deleted: whether it was deleted as of this version.
    """

    id: str
    type: str
    subject: str
    version: int
    fields: Mapping[str, Value]
    masked: frozenset[str]
    erased: frozenset[str]
    operation: str
    recorded_us: int
    effective_us: int
    deleted: bool


@attrs.frozen
class Page:
    """One page of a list or search.

    Attributes:
        records: what the actor may see of each.
        after: what to ask for the next page with; None on the last one.
        total: how many there are on all pages, or None where counting would tell too much or cost too much.
    """

    records: Sequence[Record]
    after: str | None = None
    total: int | None = None


@attrs.frozen
class Change:
    """How one field changed; the values are as the actor may see them.

    Attributes:
        before: the value before, None where there was none.
        after: the value after, None where it was cleared.
        masked: whether both are only masks.
    """

    field: str
    before: Value
    after: Value
    masked: bool = False


@attrs.frozen
class Step:
    """One version in a record's history.

    Attributes:
        version: its number.
        operation: what made it; ``erase`` for an erasure, ``erasing`` for one that is not done yet.
        recorded_us: when it was written.
        effective_us: since when it holds in the world.
        actor: who wrote it; None where the log's detail was disposed of.
        purpose: why it was written.
        reason: a person's own words, where they gave any.
        entry: index of its entry in the log.
        hash: hex of the version's hash.
        changes: what changed, without fields the actor may not read.
        erased: whether parts of it were disposed of.
        rule: of an erasure: the rule of retention, where it was one.
        category: of an erasure: the retention category, where not all went.
        certificate: of an erasure: UUID text of its record, which holds the certificate.
        made_by: who wanted it, where a second person had to approve it; ``actor`` then approved it last.
        approved_by: who approved it.
    """

    version: int
    operation: str
    recorded_us: int
    effective_us: int
    actor: str | None
    purpose: str | None
    reason: str | None
    entry: int
    hash: str
    changes: Sequence[Change]
    erased: bool = False
    rule: str = ""
    category: str = ""
    certificate: str = ""
    made_by: tuple[str, ...] = ()
    approved_by: tuple[str, ...] = ()


def shown(
    record_type: RecordType,
    kinds: Mapping[str, FieldKind],
    values: Mapping[str, Value],
    clear: Iterable[str],
    masked: Iterable[str],
) -> tuple[dict[str, Value], frozenset[str]]:
    """The fields as they are released: clear ones as they are, masked ones as their mask.

    Fields that are in neither set are not there at all.
    """
    fields: dict[str, Value] = {}
    hidden = set()
    clear, masked = frozenset(clear), frozenset(masked)
    for field in record_type.fields:
        value = values.get(field.key)
        if value is None:
            continue
        if field.key in clear:
            fields[field.key] = value
        elif field.key in masked:
            kind = kinds.get(field.kind)
            # Without its kind nobody knows how much a mask may show.
            fields[field.key] = "•••" if kind is None else kind.mask(value, field.mask)
            hidden.add(field.key)
    return fields, frozenset(hidden)


def field_set(record_type: RecordType, view: View, keys: Iterable[str]) -> dict[str, dict[str, list[str]]]:
    """Which fields are released in clear and which masked, by class, as the log writes it down."""
    wanted = frozenset(keys)
    found: dict[str, dict[str, list[str]]] = {}
    for field in record_type.fields:
        if field.key in wanted:
            way = "clear" if field.key in view.clear else "masked" if field.key in view.masked else None
            if way is not None:
                found.setdefault(field.sensitivity, {}).setdefault(way, []).append(field.key)
    return {name: {way: sorted(keys) for way, keys in ways.items()} for name, ways in sorted(found.items())}
