"""Figures of sealed fields that are kept, since to count them is to open every record.

Kept is what was shown, small groups being left out of it already, as a record of a built-in type that this
module alone gives out. It is for everybody who would be shown the same: who may count by these fields now,
for the same purpose, and whose roles reach every record. Nothing is kept that could name somebody: groups
are those of the definition, or periods, and a question about oneself is counted each time.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from hashlib import sha256
from typing import Any, Final

import attrs

from muniment import audit
from muniment.codec import canonical
from muniment.log.binding import OPERATIONS
from muniment.schema import RecordType
from muniment.schema.builtin import FIGURE
from muniment.schema.dashboards import Dashboard, Tile, dashboard_document
from muniment.schema.values import Label
from muniment.session.kernel.acting import Acting
from muniment.session.kernel.definitions import open_version
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.kernel.logbook import Moment
from muniment.session.kernel.reach import reach_of
from muniment.session.kernel.standing import view_of
from muniment.session.reading.aggregates import is_clear
from muniment.session.tables.figures import NOBODY, Figure, Group, Tally
from muniment.session.writing.writes import Change, write
from muniment.store import ListQuery, LogFilter, Transaction

__all__ = ["Kept", "KeptFigures"]

LONGEST_US: Final = 7 * 86_400_000_000
"""What was counted longer ago is counted anew for whoever asks."""

AGAIN_US: Final = 3_600_000_000
"""What was counted since is not counted again, whatever was written."""

MANY: Final = 2_000
"""So many records are counted in less time than people notice."""

_CHANGES: Final = tuple(f"record.{name}" for name in OPERATIONS)
_CLOSES: Final = (
    "consent.give",
    "consent.renew",
    "consent.withdraw",
    "consent.expire",
    "consent.invalidate",
    "subject.restrict",
    "subject.unrestrict",
    "erasure.done",
)
"""What changes who is counted, whatever the type is that its entry names."""

_DELETE: Final = OPERATIONS["delete"]
_NAMED: Final = ("checkbox",)


@attrs.frozen
class Kept:
    """A figure as it was counted.

    Attributes:
        time_us: when.
        count: of the records that were looked at.
        document: what it came to.
        record: of the built-in type, 16 bytes.
        version: of that record.
    """

    time_us: int
    count: int
    document: Mapping[str, Any]
    record: bytes
    version: int

    def figure(self, tile: Tile, labels: Mapping[str, Label]) -> Figure:
        """What is shown of it.

        Args:
            tile: what was asked.
            labels: of the groups, by key.
        """
        document = self.document
        return Figure(
            tile,
            document["unit"],
            document["count"],
            _decimal(document["value"]),
            tuple(
                Group(
                    key,
                    labels.get(key) or (Label(key, key) if key else NOBODY),
                    count,
                    _decimal(value),
                    hidden,
                )
                for key, count, value, hidden in document["groups"]
            ),
            document["suppressed"],
            document["others"],
            document["least"],
            self.time_us,
        )


class KeptFigures:
    """The kept figures that one actor may be shown, and keeping more.

    Args:
        engine: the opened archive.
        acting: who, for which purpose.
    """

    def __init__(self, engine: Engine, acting: Acting) -> None:
        self._engine, self._acting = engine, acting
        self._stored: dict[str, Kept] | None = None

    def may(self, tally: Tally) -> bool:
        """Whether a figure may be kept, and be shown to this actor from what another one counted."""
        engine, acting, tile = self._engine, self._acting, tally.tile
        record_type = engine.record_type(tile.type)
        return (
            not is_clear(engine, acting, record_type, tally.sought)
            and not engine.plugins.authorizes
            and reach_of(engine, acting, record_type) is None
            and _names_nobody(tile, record_type)
            and self._reads_all(record_type, tile.needed)
        )

    def _reads_all(self, newest: RecordType, keys: Iterable[str]) -> bool:
        """Whether the actor reads these fields in clear as every definition of the type has them."""
        engine, numbers = self._engine, {newest.by_key[key].number for key in keys}
        with engine.store.transaction(write=False) as tx:
            for version in range(1, newest.definition_version + 1):
                own = engine.definition_at(tx, newest.number, version)
                seen = view_of(engine, self._acting, own).clear
                if any(field.number in numbers and field.key not in seen for field in own.fields):
                    return False
        return True

    def of(self, tally: Tally) -> Kept | None:
        """What is kept of a figure, however old it is; None where nothing is."""
        return self._found().get(self.name(tally))

    def recent(self, tally: Tally) -> Kept | None:
        """The same, where the actor may be shown it and it is not too old."""
        kept = self.of(tally) if self._found() and self.may(tally) else None
        return kept if kept is not None and self._engine.clock() - kept.time_us <= LONGEST_US else None

    def due(self, tallies: Iterable[Tally]) -> list[Tally]:
        """Of some figures those to be counted anew, or for the first time where that takes long."""
        asked = [(one, self.of(one)) for one in tallies if self.may(one)]

        def body(tx: Transaction, moment: Moment) -> list[Tally]:
            audit.catch_up(tx, SHARD, moment.gen, stop=moment.size)
            return [
                tally
                for tally, kept in asked
                if (self._is_many(tx, tally) if kept is None else self._changed(tx, moment, tally, kept))
            ]

        return self._engine.run(body, self._acting) if asked else []

    def _is_many(self, tx: Transaction, tally: Tally) -> bool:
        number = self._engine.record_type(tally.tile.type).number
        return tx.count_current(SHARD, ListQuery(number)) > MANY

    def _changed(self, tx: Transaction, moment: Moment, tally: Tally, kept: Kept) -> bool:
        if moment.time_us - kept.time_us < AGAIN_US:
            return False
        type = self._engine.record_type(tally.tile.type).key
        return any(
            tx.count_entries(SHARD, moment.gen, since, most=1)
            for since in (
                LogFilter(since_us=kept.time_us, kinds=_CHANGES, type=type),
                LogFilter(since_us=kept.time_us, kinds=_CLOSES),
            )
        )

    def keep(self, counted: Sequence[tuple[Tally, Figure]], count: int, time_us: int) -> None:
        """Keep figures, each in place of the one before.

        Args:
            counted: what was asked, and what it came to.
            count: of the records that were looked at.
            time_us: when counting began.
        """
        changes = []
        for tally, figure in counted:
            values = {
                "name": self.name(tally),
                "figure": canonical(_document(figure, count, time_us)).decode("utf-8"),
            }
            before = self.of(tally)
            if before is None:
                changes.append(Change("create", FIGURE.key, values=values, inside=True))
            else:
                changes.append(
                    Change(
                        "update",
                        record=before.record,
                        values=values,
                        expected_version=before.version,
                        inside=True,
                    )
                )
        write(self._engine, self._acting, changes)
        self._stored = None

    def name(self, tally: Tally) -> str:
        """What two people share who would be shown the same."""
        tile = attrs.evolve(tally.tile, key="", label=Label("", ""), help=Label("", ""))
        newest = self._engine.record_type(tile.type)
        named = {
            "asked": dashboard_document(Dashboard(key="", label=Label("", ""), tiles=(tile,))),
            "definition": [newest.number, newest.definition_version],
            "purpose": self._acting.purpose,
            "basis": self._acting.legal_basis or "",
            "least": tally.least,
        }
        return sha256(b"muniment/figure/v1\n" + canonical(named)).hexdigest()

    def _found(self) -> dict[str, Kept]:
        if self._stored is None:
            self._stored = {}
            engine = self._engine
            with engine.store.transaction(write=False) as tx:
                for _, record, newest in tx.builtin(SHARD, (FIGURE.number,)):
                    version = tx.version(SHARD, record, newest)
                    if version is None or version.operation == _DELETE:
                        continue
                    values = open_version(tx, engine.sealer, version, FIGURE)
                    document = json.loads(str(values["figure"]))
                    self._stored[str(values["name"])] = Kept(
                        document["time"], document["records"], document, record, version.version
                    )
        return self._stored


def _names_nobody(tile: Tile, record_type: RecordType) -> bool:
    """Whether a figure says nothing that somebody wrote, and asks nothing about whoever asks."""
    if any("me" in one.values for one in (*tile.filters, *tile.of)):
        return False
    field = record_type.by_key.get(tile.by)
    return field is None or bool(tile.period or field.choices) or field.kind in _NAMED


def _document(figure: Figure, count: int, time_us: int) -> dict[str, Any]:
    return {
        "v": 1,
        "time": time_us,
        "records": count,
        "unit": figure.unit,
        "count": figure.count,
        "value": _text(figure.value),
        "groups": [[one.key, one.count, _text(one.value), one.suppressed] for one in figure.groups],
        "suppressed": figure.suppressed,
        "others": figure.other_currencies,
        "least": figure.least,
    }


def _text(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}"


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
