"""What retention has to know of records: which facets they have, which days start a period, what holds them.

Values are opened inside the transaction and stay there; what leaves it are days on which
something is due, and those are written down.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import cached_property
from typing import Final

from muniment.log.binding import OPERATIONS, unpack_live
from muniment.model import Value, id_text, instant
from muniment.plugins import EVENTS, RetentionRule
from muniment.retention.plan import Facet, Setting, Verdict, plan_record
from muniment.retention.rules import rules_for
from muniment.retention.settings import Retention
from muniment.schema import RecordType, category_of_group
from muniment.schema.builtin import HOLD
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.rights.holds import Hold, held_now, holds_ever, linked
from muniment.store import ListQuery, Transaction, Version

__all__ = ["Facts", "rules_of_type"]

_BORN: Final = ("birth_date",)
_DIED: Final = ("deceased_at", "died_on", "death_date")
_PAGE: Final = 500
_SUBJECTS_KEPT: Final = 10_000
_DELETE: Final = OPERATIONS["delete"]

_Days = dict[str, date | None]


def rules_of_type(engine: Engine, record_type: RecordType) -> tuple[RetentionRule, ...]:
    """Every rule about a record type: the plugins', and the team's own."""
    own = _settings(engine).own
    fields = {field.key: field.category for field in record_type.fields if not field.retired}
    brought = engine.plugins.retention_rules().get(record_type.key, ())
    return (*brought, *rules_for(own, record_type.key, fields))


def _settings(engine: Engine) -> Retention:
    applied = engine.settings.applied
    return Retention() if applied is None else applied.retention


class Facts:
    """Reads facets out of one transaction.

    Args:
        engine: the opened archive.
        tx: the transaction.
        time_us: its time: the day of the plan is the one in the archive's time zone.
    """

    def __init__(self, engine: Engine, tx: Transaction, time_us: int) -> None:
        self._engine = engine
        self._tx = tx
        self._zone = engine.zone
        self._settings = _settings(engine)
        self.setting = Setting(self._day(time_us), self._settings.fiscal_year_end)
        self._held = held_now(engine, tx)
        self._rules: dict[int, tuple[RetentionRule, ...]] = {}
        self._subjects: dict[tuple[bytes, str], date | None] = {}
        self._links: dict[bytes, frozenset[bytes]] = {}
        self._names = engine.definitions.registry.category_names

    def _day(self, time_us: int) -> date:
        return instant(time_us).astimezone(self._zone).date()

    def rules(self, record_type: RecordType) -> tuple[RetentionRule, ...]:
        """The rules about a type."""
        found = self._rules.get(record_type.number)
        if found is None:
            found = self._rules[record_type.number] = rules_of_type(self._engine, record_type)
        return found

    @cached_property
    def any_rules(self) -> bool:
        """Whether any type has a rule at all."""
        return any(self.rules(one) for one in self._engine.definitions.by_number.values() if not one.built_in)

    def page(self, record_type: RecordType, after: bytes | None, *, deleted: bool) -> list[bytes]:
        """The next records of a type, in order; empty behind the last."""
        place = None if after is None else ((), after)
        query = ListQuery(record_type.number, after=place, limit=_PAGE, deleted=deleted)
        return [row.record for row in self._tx.list_current(SHARD, query)]

    def verdicts(self, records: Sequence[bytes]) -> list[Verdict]:
        """How every facet of these records stands; what was erased has none."""
        newest = self._tx.newest_versions(SHARD, records)
        versions = [newest[one] for one in records if one in newest]
        opened = self._values(versions)
        found: list[Verdict] = []
        for version in versions:
            record_type = self._engine.definitions.by_number.get(version.type)
            if record_type is None or record_type.built_in:
                continue
            facets = self._facets(version, record_type, opened.get(version.record, {}))
            found += plan_record(facets, self.rules(record_type), self.setting)
        return found

    # Facets

    def _facets(self, version: Version, record_type: RecordType, values: Mapping[str, Value]) -> list[Facet]:
        gone = self._gone(version)
        if 0 in gone:
            return []
        rules = self.rules(record_type)
        days = self._days(version, values, rules)
        choices = self._choices(values, rules)
        subjects = self._linked(version.subject) if self._held else ()
        found = []
        for facet in self._tx.facets_of(SHARD, version.record):
            name = self._names.get(facet.category)
            if not facet.category or facet.category in gone or name is None:
                continue
            hold = self._held.stop(
                subjects=subjects, record=version.record, type=record_type.key, category=name
            )
            found.append(
                Facet(
                    id_text(version.record),
                    record_type.key,
                    id_text(version.subject),
                    name,
                    days,
                    choices,
                    self._jurisdictions(values),
                    "" if hold is None else hold.id,
                    self._suspended(version, record_type, name, rules),
                    version.version,
                )
            )
        return found

    def _linked(self, subject: bytes) -> frozenset[bytes]:
        if subject not in self._links:
            if len(self._links) > _SUBJECTS_KEPT:
                self._links.clear()
            self._links[subject] = linked(self._engine, self._tx, subject)
        return self._links[subject]

    def _gone(self, version: Version) -> set[int]:
        if not self._engine.any_states:
            return set()
        states = self._tx.state_of(SHARD, {version.record, version.subject})
        return {state.category for state in states if state.id == version.record or not state.category}

    def _jurisdictions(self, values: Mapping[str, Value]) -> frozenset[str]:
        named = values.get(self._settings.jurisdiction_field) if self._settings.jurisdiction_field else None
        if isinstance(named, str) and named:
            return frozenset({named})
        return frozenset(self._settings.jurisdictions)

    def _choices(
        self, values: Mapping[str, Value], rules: Sequence[RetentionRule]
    ) -> dict[str, frozenset[str]]:
        found: dict[str, frozenset[str]] = {}
        for name in {one.field for rule in rules for one in rule.where}:
            value = values.get(name)
            if isinstance(value, str) and value:
                found[name] = frozenset({value})
            elif isinstance(value, tuple) and value:
                found[name] = frozenset(map(str, value))
        return found

    # Days

    def _days(
        self,
        version: Version,
        values: Mapping[str, Value],
        rules: Sequence[RetentionRule],
    ) -> _Days:
        days: _Days = {}
        for anchor in {anchor for rule in rules for anchor in rule.anchors()}:
            if anchor == "record.created":
                first = self._tx.version(SHARD, version.record, 1)
                days[anchor] = None if first is None else self._day(first.recorded_us)
            elif anchor == "record.changed":
                days[anchor] = self._day(version.recorded_us)
            elif anchor in EVENTS or "." in anchor:
                days[anchor] = self._of_subject(version.subject, anchor)
            else:
                days[anchor] = self._as_day(values.get(anchor))
        return days

    def _as_day(self, value: Value) -> date | None:
        if isinstance(value, datetime):
            return value.astimezone(self._zone).date() if value.tzinfo else value.date()
        return value if isinstance(value, date) else None

    def _of_subject(self, subject: bytes, anchor: str) -> date | None:
        """A day that a subject's own or other records tell; asked once for each subject."""
        name = (subject, anchor)
        if name not in self._subjects:
            if len(self._subjects) > _SUBJECTS_KEPT:
                self._subjects.clear()
            self._subjects[name] = self._look_up(subject, anchor)
        return self._subjects[name]

    def _look_up(self, subject: bytes, anchor: str) -> date | None:
        if anchor in ("subject.born", "subject.died"):
            version = self._tx.version(SHARD, subject)
            if version is None or 0 in self._gone(version):
                return None
            values = self._values([version], _BORN if anchor == "subject.born" else _DIED)
            return next(filter(None, map(self._as_day, values.get(subject, {}).values())), None)
        type_key, _, field = anchor.partition(".")
        record_type = self._engine.definitions.types.get(type_key)
        if record_type is None:
            return None
        records = [
            one.record for one in self._tx.subject_records(SHARD, subject) if one.type == record_type.number
        ]
        newest = self._tx.newest_versions(SHARD, records)
        # What was erased tells nothing any more, and no longer counts.
        versions = [one for one in newest.values() if 0 not in self._gone(one) and one.operation != _DELETE]
        values = self._values(versions, (field,))
        days = [self._as_day(values.get(one.record, {}).get(field)) for one in versions]
        return max((day for day in days if day), default=None) if all(days) else None

    # Values

    def _wanted(self, record_type: RecordType) -> frozenset[str]:
        names = {anchor for rule in self.rules(record_type) for anchor in rule.anchors()}
        names |= {one.field for rule in self.rules(record_type) for one in rule.where}
        names.add(self._settings.jurisdiction_field)
        return frozenset(names & record_type.by_key.keys())

    def _values(
        self, versions: Iterable[Version], keys: Iterable[str] | None = None
    ) -> dict[bytes, dict[str, Value]]:
        """The values of some fields of these versions, opened; for the plan alone."""
        engine, tx = self._engine, self._tx
        asked = []
        places: dict[bytes, tuple[int, set[int]]] = {}
        for version in versions:
            record_type = engine.definitions.by_number.get(version.type)
            if record_type is None:
                continue
            wanted = self._wanted(record_type) if keys is None else set(keys) & record_type.by_key.keys()
            if not wanted:
                continue
            numbers = frozenset(record_type.by_key[key].number for key in wanted)
            live, _ = unpack_live(version.parts)
            gone = self._gone(version)
            groups = {record_type.by_key[key].seal_group for key in wanted} & live.keys()
            groups = {group for group in groups if category_of_group(group) not in gone}
            asked.append((version, record_type, live, numbers))
            places[version.record] = version.version, groups
        parts = tx.parts_at(SHARD, places)
        found: dict[bytes, dict[str, Value]] = {}
        for version, record_type, live, numbers in asked:
            values = found[version.record] = {}
            for part in parts.get(version.record, ()):
                values |= engine.sealer.open(part, record_type, version.subject, live[part.grp], numbers)
        return found

    # Clocks that stand still

    @cached_property
    def _holds(self) -> list[tuple[Hold, date, date | None]]:
        """Every hold there ever was, with the days on which it was placed and released."""
        if not self._tx.builtin(SHARD, (HOLD.number,)):
            return []
        return [
            (hold, self._day(placed), None if released is None else self._day(released))
            for hold, placed, released in holds_ever(self._engine, self._tx)
        ]

    def _suspended(
        self, version: Version, record_type: RecordType, category: str, rules: Sequence[RetentionRule]
    ) -> tuple[tuple[date, date | None], ...]:
        if not self._holds or not any(rule.suspended_by for rule in rules):
            return ()
        names = {
            ("archive", "*"),
            ("subject", id_text(version.subject)),
            ("record", id_text(version.record)),
            ("type", record_type.key),
            ("category", category),
            ("category", f"{record_type.key}/{category}"),
        }
        return tuple((begun, ended) for hold, begun, ended in self._holds if names & set(hold.targets))
