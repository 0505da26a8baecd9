"""Which records an actor's roles reach: conditions on rows, decided by how a record stands now.

A role may be limited to some records of a type: those whose field names the actor,
or has one of the actor's attributes. All that the role grants ends there. So what
an actor may do with a record follows from which of their roles reach it, and a
record that none reaches answers like a missing one.

The newest version decides, also about older ones: whoever takes a customer over
sees the history, and whoever gave one up does not. The conditions are held against
the sealed parts; the current-state table only helps to find candidates.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import attrs

from muniment.errors import NotFound
from muniment.model import Value, id_bytes
from muniment.policy import Actor, Reached, Rights, RowTest
from muniment.schema import Field, RecordType
from muniment.session.kernel.acting import Acting
from muniment.session.kernel.current import sortable
from muniment.session.kernel.engine import SHARD, Engine
from muniment.session.kernel.loading import definition_of, load, open_loaded
from muniment.store import RowMatch, Transaction, Version

__all__ = [
    "Needs",
    "Reach",
    "as_newest",
    "needs_of",
    "reach_of",
    "reached_by",
    "reaches",
    "require_reached",
    "stored_values",
]

_USER = "user"
_ACTOR = "actor"


@attrs.frozen
class _Test:
    """One condition, compiled: the references to follow, the field at their end, and its values."""

    path: tuple[Field, ...]
    type: RecordType
    field: Field
    wanted: frozenset[Value]

    @property
    def first(self) -> Field:
        """The field of the record itself that is looked at."""
        return self.path[0] if self.path else self.field


_Tests = tuple[_Test, ...]


@attrs.frozen
class Reach:
    """Which records of a type an actor's limited roles reach.

    Attributes:
        type: the newest definition.
        rights: what the roles grant.
        always: keys of the roles that reach every record.
        limited: for each other role its alternatives; a record must meet all tests of one.
        keys: of the record's own fields that decide.
    """

    type: RecordType
    rights: Rights
    always: frozenset[str]
    limited: Mapping[str, tuple[_Tests, ...]]
    keys: frozenset[str]

    @property
    def numbers(self) -> frozenset[int]:
        """The permanent numbers of the fields that decide."""
        return frozenset(self.type.by_key[key].number for key in self.keys)

    def filling(self, action: str, given: Mapping[str, object]) -> dict[str, Value]:
        """What a new record gets in the fields that decide, where its maker is silent and only one will do.

        Whoever reaches only their own customers makes customers of their own.

        Args:
            action: that makes it.
            given: what its maker gives, by key.
        """
        allowing = self.rights.actions.get(action, frozenset())
        if allowing & self.always:
            return {}
        said = {
            field.key
            for name, value in given.items()
            if value not in (None, "") and (field := self.type.field(name)) is not None
        }
        for role in sorted(allowing):
            for tests in self.limited.get(role, ()):
                own = [test for test in tests if not test.path and test.field.key not in said]
                if all(len(test.wanted) == 1 for test in own):
                    return {test.field.key: next(iter(test.wanted)) for test in own}
        return {}

    def roles(self, engine: Engine, tx: Transaction, values: Mapping[str, Value]) -> frozenset[str]:
        """The roles that reach a record.

        Args:
            engine: the opened archive.
            tx: the transaction; what references lead to is read in it.
            values: of the record's deciding fields, by the keys of the newest definition.
        """
        found = set(self.always)
        seen: dict[tuple[bytes, int], Mapping[str, Value]] = {}
        for role, alternatives in self.limited.items():
            if any(all(_meets(engine, tx, test, values, seen) for test in tests) for tests in alternatives):
                found.add(role)
        return frozenset(found)


def reach_of(engine: Engine, acting: Acting, record_type: RecordType) -> Reach | None:
    """How far the actor's roles reach among records of a type; None where each of them reaches all.

    Args:
        engine: the opened archive.
        acting: who, for which purpose.
        record_type: any definition of the type.
    """
    rights = engine.policy.rights(acting.actor, record_type.key)
    if not rights.limited:
        return None
    newest = engine.definitions.by_number.get(record_type.number, record_type)
    actor = acting.actor
    name = (newest.number, newest.definition_version, actor.id, actor.roles, actor.purpose, actor.attributes)
    found: Reach | None = engine.reaches.get(name)
    if found is None or found.type is not newest or found.rights is not rights:
        if len(engine.reaches) > 1000:
            engine.reaches.clear()
        found = engine.reaches[name] = _compile(engine, actor, newest, rights)
    return found


def _compile(engine: Engine, actor: Actor, record_type: RecordType, rights: Rights) -> Reach:
    limited: dict[str, tuple[_Tests, ...]] = {}
    always = set()
    for role, alternatives in rights.rows.items():
        if not alternatives:
            always.add(role)
            continue
        compiled = (
            tuple(_test(engine, actor, record_type, test) for test in tests) for tests in alternatives
        )
        # What names a field that is not there is met by no record.
        limited[role] = tuple(
            tuple(test for test in tests if test is not None) for tests in compiled if None not in tests
        )
    keys = frozenset(test.first.key for some in limited.values() for tests in some for test in tests)
    return Reach(record_type, rights, frozenset(always), limited, keys)


def _test(engine: Engine, actor: Actor, record_type: RecordType, test: RowTest) -> _Test | None:
    *references, last = test.field.split(".")
    path: list[Field] = []
    at = record_type
    for name in references:
        field = at.field(name)
        target = engine.definitions.types.get(field.target) if field is not None else None
        if field is None or target is None:
            return None
        path.append(field)
        at = target
    field = at.field(last)
    if field is None:
        return None
    wanted = set()
    for text in _texts(actor, field, test.values):
        values, issues = at.normalise(
            {field.key: text}, context=engine.value_context(), partial=True, kinds=engine.kinds
        )
        value = values.get(field.key)
        if value is not None and not isinstance(value, tuple) and not any(
            issue.severity == "error" for issue in issues
        ):  # fmt: skip
            wanted.add(value)
    return _Test(tuple(path), at, field, frozenset(wanted))


def _texts(actor: Actor, field: Field, values: Iterable[str]) -> list[str]:
    """What a condition's words stand for, for one actor."""
    found = []
    for value in values:
        if value == _ACTOR:
            found.append(actor.record if field.kind == "reference" and field.target == _USER else actor.id)
        elif value.startswith(f"{_ACTOR}."):
            name = value.partition(".")[2]
            found += [given for key, given in actor.attributes if key == name]
        else:
            found.append(value)
    return [text for text in found if text]


def _meets(
    engine: Engine,
    tx: Transaction,
    test: _Test,
    values: Mapping[str, Value],
    seen: dict[tuple[bytes, int], Mapping[str, Value]],
) -> bool:
    at = values
    for place, reference in enumerate(test.path):
        target = at.get(reference.key)
        if not isinstance(target, str):
            return False
        wanted = test.path[place + 1] if place + 1 < len(test.path) else test.field
        name = (id_bytes(target), wanted.number)
        if name not in seen:
            version = tx.version(SHARD, name[0])
            seen[name] = (
                {}
                if version is None
                else stored_values(engine, tx, version, frozenset((wanted.number,)))
            )  # fmt: skip
        at = seen[name]
    return at.get(test.field.key) in test.wanted


def stored_values(
    engine: Engine, tx: Transaction, version: Version, numbers: frozenset[int]
) -> dict[str, Value]:
    """The values of some fields of a version, by the keys of the newest definition; none where it is gone.

    Args:
        engine: the opened archive.
        tx: the transaction.
        version: a record's newest.
        numbers: permanent numbers of the fields.
    """
    try:
        own = definition_of(engine, tx, version)
        groups = frozenset(own.by_number[one].seal_group for one in numbers if one in own.by_number)
        opened = open_loaded(engine, load(engine, tx, version, own, groups), numbers)
    except NotFound:
        return {}
    return as_newest(engine, own, opened)


def as_newest(engine: Engine, own: RecordType, values: Mapping[str, Value]) -> dict[str, Value]:
    """Values under the keys that their fields have today."""
    newest = engine.definitions.by_number.get(own.number, own)
    if newest is own:
        return dict(values)
    names = ((newest.by_number.get(own.by_key[key].number), value) for key, value in values.items())
    return {field.key: value for field, value in names if field is not None}


def reached_by(
    engine: Engine, tx: Transaction, acting: Acting, record_type: RecordType, version: Version
) -> Reached:
    """The roles of the actor that reach a record; None where no role is limited.

    Args:
        engine: the opened archive.
        tx: the transaction.
        acting: who, for which purpose.
        record_type: any definition of the record's type.
        version: any version of the record; the newest decides.
    """
    reach = reach_of(engine, acting, record_type)
    if reach is None:
        return None
    newest = tx.version(SHARD, version.record)
    if newest is None:
        return frozenset()
    return reach.roles(engine, tx, stored_values(engine, tx, newest, reach.numbers))


def reaches(engine: Engine, tx: Transaction, acting: Acting, action: str, record: bytes) -> bool:
    """Whether a role that allows an act reaches a record; what no rule speaks of is reached.

    For what asks for a right of its own, such as holding or erasing: reading asks ``may_read``.

    Args:
        engine: the opened archive.
        tx: the transaction.
        acting: who, for which purpose.
        action: out of ``policy.ACTIONS``; that it is allowed at all was asked before.
        record: 16 bytes; a subject goes by the record that makes it.
    """
    newest = tx.version(SHARD, record)
    record_type = None if newest is None else engine.definitions.by_number.get(newest.type)
    if newest is None or record_type is None:
        return True
    return engine.policy.may(
        acting.actor, action, reached=reached_by(engine, tx, acting, record_type, newest)
    )


def require_reached(engine: Engine, tx: Transaction, acting: Acting, action: str, record: bytes) -> None:
    """Refuse an act on a record out of reach like one on a record that is not there; see ``reaches``.

    Raises:
        NotFound: ``record.not_found``.
    """
    if not reaches(engine, tx, acting, action, record):
        raise NotFound("record.not_found")


# Many at a time


@attrs.frozen
class Needs:
    """What a question asks of each record: that a role of each of these sets reaches it.

    Attributes:
        reach: how far the roles reach.
        roles: for the action, and for each field that is compared or sorted by, the roles that allow it.
        matches: the same for the store, which finds the candidates; more than fit, where it is not exact.
        exact: whether the store's answer is the whole answer.
    """

    reach: Reach
    roles: tuple[frozenset[str], ...]
    matches: tuple[tuple[tuple[RowMatch, ...], ...], ...]
    exact: bool

    def met(self, reached: frozenset[str]) -> bool:
        """Whether a record that these roles reach is one to be found."""
        return not any(need.isdisjoint(reached) for need in self.roles)


def needs_of(
    engine: Engine,
    acting: Acting,
    record_type: RecordType,
    actions: Iterable[str],
    *,
    read: Collection[str] = (),
    compared: Collection[str] = (),
) -> Needs | None:
    """What a list, search or match asks of each record; None where every role reaches all records.

    Args:
        engine: the opened archive.
        acting: who, for which purpose.
        record_type: the newest definition.
        actions: that must be allowed on the record.
        read: keys of fields that must be readable in clear.
        compared: keys of fields that must be readable in clear or searchable.
    """
    reach = reach_of(engine, acting, record_type)
    if reach is None:
        return None
    actor, policy = acting.actor, engine.policy
    needs = [reach.rights.actions.get(action, frozenset()) for action in actions]
    views = {
        role: policy.view(actor, record_type, reached=frozenset((role,))) for role in reach.rights.rows
    }  # fmt: skip
    for key in sorted({*read, *compared}):
        asked = frozenset(
            role
            for role, view in views.items()
            if key in view.clear or (key not in read and key in view.searchable)
        )
        needs.append(asked)
    matches = []
    exact = True
    for need in dict.fromkeys(needs):
        if need & reach.always:
            continue
        some = [
            _matches(engine, record_type, tests) for role in sorted(need) for tests in reach.limited[role]
        ]
        exact = exact and None not in some
        if None not in some:
            matches.append(tuple(one for one in some if one is not None))
    return Needs(reach, tuple(needs), tuple(matches), exact)


def _matches(engine: Engine, record_type: RecordType, tests: Sequence[_Test]) -> tuple[RowMatch, ...] | None:
    """Tests as the store answers them; None where it cannot."""
    found = []
    for test in tests:
        of_subject = 0
        if test.path:
            if not _leads_to_subject(engine, record_type, test):
                return None
            of_subject = test.type.number
        values = tuple(sortable(one) for one in test.wanted)
        if not test.field.in_clear or not all(isinstance(one, (str, int)) for one in values):
            return None
        found.append(RowMatch(test.field.number, tuple(sorted(values, key=str)), of_subject))
    return tuple(found)


def _leads_to_subject(engine: Engine, record_type: RecordType, test: _Test) -> bool:
    """Whether what a test looks at is the record's subject, by which the store finds it."""
    at = record_type
    for field in test.path:
        if not isinstance(at.subject, tuple) or at.subject[0] != field.key:
            return False
        at = engine.definitions.types[field.target]
    return at.subject == "self"
