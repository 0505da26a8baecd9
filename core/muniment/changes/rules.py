"""Which writes and acts need a second person: the rules of a configuration, and what they ask for; pure.

```toml
[approvals]
expire_days = 14

[[approvals.rule]]
name = "diagnosis"           # named in the log and to people
types = ["patient"]          # record types; left out: all
fields = ["diagnosis"]       # or classes = ["restricted"]; left out: every field
operations = ["update"]      # out of OPERATIONS
approvers = 1
roles = ["doctor"]           # who may approve; left out: whoever may approve at all
exempt = []                  # roles whose own writes need nobody; nobody ever approves their own
rows = 100                   # of an import: only where the file has more rows
```

Of several rules that fit each one counts, so the strictest wins.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final
from unicodedata import normalize

import attrs

from muniment.errors import ConfigError
from muniment.model import CLASSES
from muniment.schema.types import RecordType

__all__ = [
    "OPERATIONS",
    "Approvals",
    "Check",
    "Need",
    "Rule",
    "covered",
    "is_met",
    "parse_approvals",
    "people_of",
]

OPERATIONS: Final[Mapping[str, str]] = {
    "create": "",
    "update": "",
    "delete": "",
    "import": "record.import",
    "export": "record.export",
    "erase": "subject.erase",
    "user": "user.change",
    "config": "config.change",
    "schema": "schema.change",
}
"""What a rule can be about; those that are no write of a record with the action that the policy knows."""

_COVERED: Final[Mapping[str, str]] = {
    "create": "create",
    "update": "update",
    "correct": "update",
    "revert": "update",
    "delete": "delete",
    "undelete": "delete",
}

_KEYS: Final[Mapping[str, type]] = {
    "name": str,
    "types": list,
    "fields": list,
    "classes": list,
    "operations": list,
    "approvers": int,
    "roles": list,
    "exempt": list,
    "rows": int,
}

_WORDS: Final[Mapping[type, str]] = {str: "text", int: "a whole number", list: "a list of texts"}
_MOST_APPROVERS: Final = 9
_LONGEST_DAYS: Final = 366


@attrs.frozen
class Need:
    """What one rule, or one plugin, asks for.

    Attributes:
        rule: its name.
        approvers: how many different people, none of them the maker.
        roles: of which each of them has one; empty for any.
    """

    rule: str
    approvers: int = 1
    roles: tuple[str, ...] = ()


@attrs.frozen
class Rule:
    """One rule of a configuration; see the module's own text.

    Attributes:
        operations: out of ``OPERATIONS``.
        rows: of an import: how many rows need nobody.
    """

    name: str
    types: frozenset[str] = frozenset()
    fields: frozenset[str] = frozenset()
    classes: frozenset[str] = frozenset()
    operations: frozenset[str] = frozenset({"create", "update", "delete"})
    approvers: int = 1
    roles: tuple[str, ...] = ()
    exempt: frozenset[str] = frozenset()
    rows: int = 0

    @property
    def need(self) -> Need:
        """What it asks for where it fits."""
        return Need(self.name, self.approvers, self.roles)

    def fits(
        self,
        operations: Collection[str],
        *,
        type: RecordType | None = None,
        changed: Collection[str] = (),
        roles: Iterable[Sequence[str]] = (),
        rows: int | None = None,
    ) -> bool:
        """Whether the rule asks for anything here.

        Args:
            operations: what is done, out of ``OPERATIONS``.
            type: of which records; None where it is no particular one.
            changed: keys of the fields that it is about.
            roles: of each of those who made it; only where all of them are exempt nothing is asked.
            rows: of an import; None where that is not known.
        """
        common = self.operations.intersection(operations)
        if not common or (self.types and (type is None or type.key not in self.types)):
            return False
        made_by = [set(one) for one in roles]
        if self.exempt and made_by and all(self.exempt & one for one in made_by):
            return False
        if common == {"import"} and rows is not None and rows <= self.rows:
            return False
        if not (self.fields or self.classes) or common & {"delete", "user", "config", "schema", "erase"}:
            return True
        return type is None or self._touches(type, changed)

    def _touches(self, type: RecordType, changed: Collection[str]) -> bool:
        named = {name: type.field(name) for name in self.fields}
        if any(field is None for field in named.values()):
            # A field that was renamed away or mistyped: nobody may slip through that.
            return True
        keys = {field.key for field in named.values() if field is not None}
        keys |= {field.key for field in type.fields if field.sensitivity in self.classes}
        return not keys.isdisjoint(changed)


@attrs.frozen
class Approvals:
    """What a configuration says about approvals.

    Attributes:
        rules: in the order of the file.
        expire_days: after how many days what waits, and what was approved and not used, expires.
        draft_days: after how many days a draft that nobody touched expires.
    """

    rules: tuple[Rule, ...] = ()
    expire_days: int = 14
    draft_days: int = 30

    def needs(self, operations: Collection[str], **about: Any) -> tuple[Need, ...]:
        """What all rules that fit ask for; see ``Rule.fits``."""
        return tuple(rule.need for rule in self.rules if rule.fits(operations, **about))


@attrs.frozen
class Check:
    """An approval that was given.

    Attributes:
        actor: who gave it.
        on_behalf_of: for whom, where a service gave it.
        roles: which roles they have.
    """

    actor: str
    on_behalf_of: str = ""
    roles: tuple[str, ...] = ()

    @property
    def people(self) -> frozenset[str]:
        """Everybody who stands behind it."""
        return people_of(self.actor, self.on_behalf_of)


def people_of(actor: str, on_behalf_of: str = "") -> frozenset[str]:
    """Names as they are compared: whoever is written in another case or form is nobody else."""
    return frozenset(normalize("NFC", one).strip().casefold() for one in (actor, on_behalf_of) if one.strip())


def covered(operation: str, *, deleted: bool = False) -> frozenset[str]:
    """Which operations of rules a change of a record falls under.

    Args:
        operation: as in ``Change``.
        deleted: whether the record is deleted before it; setting it back then undeletes it too.
    """
    found = {_COVERED[operation]}
    if deleted and operation == "revert":
        found.add("delete")
    return frozenset(found)


def is_met(needs: Iterable[Need], checks: Sequence[Check]) -> bool:
    """Whether these approvals are what all of the needs ask for; one person counts once."""
    distinct: list[Check] = []
    for check in checks:
        if all(check.people.isdisjoint(other.people) for other in distinct):
            distinct.append(check)
    return all(
        sum(not need.roles or not set(need.roles).isdisjoint(one.roles) for one in distinct) >= need.approvers
        for need in needs
    )


def parse_approvals(table: Mapping[str, Any], *, where: str) -> Approvals:
    """The table ``approvals`` of a configuration, checked.

    Args:
        table: its keys and values; their types at the first level are checked already.
        where: the file, for errors.

    Raises:
        ConfigError: ``config.type``, ``config.unknown`` or ``config.value``.
    """
    days = {key: table.get(key, getattr(Approvals(), key)) for key in ("expire_days", "draft_days")}
    for key, value in days.items():
        if not 1 <= value <= _LONGEST_DAYS:
            raise ConfigError("config.value", where=f"{where}: approvals.{key}", known=f"1..{_LONGEST_DAYS}")
    rules: list[Rule] = []
    for number, given in enumerate(table.get("rule", ()), 1):
        rules.append(_rule(given, number, f"{where}: approvals.rule {number}"))
    names = [rule.name for rule in rules]
    for number, name in enumerate(names, 1):
        if name in names[: number - 1]:
            place = f"{where}: approvals.rule {number}: name"
            raise ConfigError("config.value", where=place, known="a name of its own")
    return Approvals(tuple(rules), **days)


def _rule(given: Any, number: int, where: str) -> Rule:
    if not isinstance(given, dict):
        raise ConfigError("config.type", where=where, wanted="a table")
    for key, value in given.items():
        expected = _KEYS.get(key)
        if expected is None:
            raise ConfigError("config.unknown", where=f"{where}: {key}", known=", ".join(_KEYS))
        sound = isinstance(value, expected) and not isinstance(value, bool)
        if not sound or (expected is list and not all(isinstance(one, str) for one in value)):
            raise ConfigError("config.type", where=f"{where}: {key}", wanted=_WORDS[expected])
    fields, classes = (frozenset(given.get(key, ())) for key in ("fields", "classes"))
    usual = ("create", "update") if fields or classes else ("create", "update", "delete")
    operations = frozenset(given.get("operations", usual))
    approvers = given.get("approvers", 1)
    for key, wrong, known in (
        ("operations", not operations or operations - OPERATIONS.keys(), ", ".join(OPERATIONS)),
        ("classes", classes - set(CLASSES), ", ".join(CLASSES)),
        ("approvers", not 1 <= approvers <= _MOST_APPROVERS, f"1..{_MOST_APPROVERS}"),
        ("rows", given.get("rows", 0) < 0 or ("rows" in given and "import" not in operations), "import: 0.."),
    ):
        if wrong:
            raise ConfigError("config.value", where=f"{where}: {key}", known=known)
    return Rule(
        given.get("name", f"rule {number}"),
        frozenset(given.get("types", ())),
        fields,
        classes,
        operations,
        approvers,
        tuple(sorted(set(given.get("roles", ())))),
        frozenset(given.get("exempt", ())),
        given.get("rows", 0),
    )
