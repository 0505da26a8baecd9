"""Record types, and the one way from given values to stored ones; pure.

A type's number is permanent. Its name may change, so everything that is sealed, indexed or hashed is bound
to the number.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from types import MappingProxyType

import attrs

from muniment.errors import Issue
from muniment.model import Value
from muniment.schema.fields import Field, LayoutGroup, fold_name
from muniment.schema.kinds import KINDS, FieldKind
from muniment.schema.values import NO_LABEL, Context, Label, Parser, ValueProblem

__all__ = ["RecordType", "is_built_in"]

_FIRST_OWN = 256
"""The numbers below are those of the record types that muniment brings for itself."""


def is_built_in(number: int) -> bool:
    """Whether a record type of this number is one that muniment brings for itself, such as a user."""
    return number < _FIRST_OWN


@attrs.frozen
class _Plan:
    """What ``normalise`` needs of one type and one set of kinds, made once."""

    kinds: Mapping[str, FieldKind]
    steps: Mapping[str, Parser]
    defaults: tuple[tuple[str, str, Parser], ...]


@attrs.frozen(kw_only=True)
class RecordType:
    """A record type: a table, its fields, and whose records they are.

    Attributes:
        key: small letters, digits and underscores.
        number: permanent; below 256 built in, from 256 of templates and plugins, 0 before given.
        label: what people read for one record.
        help: what it is for.
        subject: ``self``, ``none``, or the path of reference fields that leads to the subject.
        title: keys of the fields that name a record, the first that is not empty counting.
        groups: the layout groups in order.
        fields: in the order of the form; hidden and retired ones too.
        definition_version: how many definitions the archive has had of it; 0 before the first.
        retired: keeps its records, takes no new ones.
        plugin: the name of the plugin that brought it.
    """

    key: str
    number: int = 0
    label: Label = NO_LABEL
    help: Label = NO_LABEL
    subject: str | tuple[str, ...] = "self"
    title: tuple[str, ...] = ()
    groups: tuple[LayoutGroup, ...] = ()
    fields: tuple[Field, ...] = ()
    definition_version: int = 0
    retired: bool = False
    plugin: str = ""
    _plans: list[_Plan] = attrs.field(factory=list, init=False, eq=False, repr=False)

    @cached_property
    def by_key(self) -> Mapping[str, Field]:
        """Every field by its key."""
        return MappingProxyType({field.key: field for field in self.fields})

    @cached_property
    def kind_names(self) -> Mapping[str, str]:
        """The name of each field's kind by the field's key."""
        return MappingProxyType({field.key: field.kind for field in self.fields})

    @cached_property
    def class_names(self) -> Mapping[str, str]:
        """How sensitive each field is, by the field's key."""
        return MappingProxyType({field.key: field.sensitivity for field in self.fields})

    @cached_property
    def built_in(self) -> bool:
        """Whether muniment brings it for itself, such as a user or a consent; else it is a team's own."""
        return is_built_in(self.number)

    @cached_property
    def by_number(self) -> Mapping[int, Field]:
        """Every field by its permanent number."""
        return MappingProxyType({field.number: field for field in self.fields})

    @cached_property
    def by_seal_group(self) -> Mapping[int, tuple[Field, ...]]:
        """The fields of each seal group, by number, retired ones too."""
        groups: dict[int, list[Field]] = {}
        for field in sorted(self.fields, key=lambda field: field.number):
            groups.setdefault(field.seal_group, []).append(field)
        return MappingProxyType({group: tuple(fields) for group, fields in sorted(groups.items())})

    @cached_property
    def required(self) -> frozenset[str]:
        """The keys of the fields that a record must have."""
        return frozenset(field.key for field in self.fields if field.required and field.writable)

    @cached_property
    def unique(self) -> frozenset[str]:
        """The keys of the fields of which no two live records hold the same value."""
        return frozenset(field.key for field in self.fields if field.unique and field.writable)

    @cached_property
    def references(self) -> tuple[Field, ...]:
        """The fields that refer to records of another type."""
        return tuple(field for field in self.fields if field.kind == "reference" and field.target)

    @cached_property
    def computable(self) -> RecordType:
        """The same type for a program that computes: what is computed may be given too."""
        return attrs.evolve(self, fields=tuple(attrs.evolve(one, computed=False) for one in self.fields))

    @cached_property
    def file_keys(self) -> frozenset[str]:
        """The keys of the fields that hold attached files."""
        return frozenset(field.key for field in self.fields if field.kind == "file")

    @cached_property
    def fixed(self) -> frozenset[str]:
        """The keys of the fields that never change once written: they lead to the subject."""
        return frozenset(self.subject[:1]) if isinstance(self.subject, tuple) else frozenset()

    @cached_property
    def former_keys(self) -> Mapping[str, str]:
        """The key of today for each key that a field had before."""
        names = {old: field.key for field in self.fields for old in field.former_keys}
        return MappingProxyType({old: key for old, key in names.items() if old not in self.by_key})

    @cached_property
    def headers(self) -> Mapping[str, tuple[str, ...]]:
        """The keys that a header (under ``fold_name``) may mean: keys first, labels next, aliases last."""
        ranks: tuple[dict[str, list[str]], ...] = ({}, {}, {})
        for field in self.fields:
            if field.retired:
                continue
            names = ((field.key, *field.former_keys), (field.label.en, field.label.zh), field.aliases)
            for rank, given in zip(ranks, names, strict=True):
                for name in filter(None, map(fold_name, given)):
                    keys = rank.setdefault(name, [])
                    if field.key not in keys:
                        keys.append(field.key)
        merged = {name: tuple(keys) for rank in reversed(ranks) for name, keys in rank.items()}
        return MappingProxyType(merged)

    def field(self, name: str) -> Field | None:
        """The field of that key, or that had that key before; None where there is none."""
        return self.by_key.get(name) or self.by_key.get(self.former_keys.get(name, ""))

    def _plan(self, kinds: Mapping[str, FieldKind]) -> _Plan:
        for plan in self._plans:
            if plan.kinds is kinds:
                return plan
        steps = {
            field.key: kinds[field.kind].prepare(field) if field.kind in kinds else _without_kind(field)
            for field in self.fields
            if field.writable
        }
        defaults = tuple(
            (field.key, field.default, steps[field.key])
            for field in self.fields
            if field.default is not None and field.writable
        )
        plan = _Plan(kinds, steps, defaults)
        # Two sets of kinds at most are alive at once: the core's and the archive's.
        self._plans[:] = [plan, *self._plans[:1]]
        return plan

    def normalise(
        self,
        values: Mapping[str, object],
        *,
        context: Context,
        partial: bool = False,
        kinds: Mapping[str, FieldKind] = KINDS,
    ) -> tuple[dict[str, Value], list[Issue]]:
        """Read, clean and check given values; every problem is collected, none is raised.

        Args:
            values: by key (or a former one); None or an empty text says: no value.
            context: what they are read against.
            partial: an update: only what is given is looked at, and no value (None) clears.
            kinds: the kinds that are known; a field of another kind is refused.

        Returns:
            The values by key, and the issues. Whole records leave empty fields out and get their
            defaults; partial ones give None for what is cleared. A refused field is not among the
            values; any issue of severity ``error`` forbids writing them.
        """
        plan = self._plan(kinds)
        steps = plan.steps
        found: dict[str, Value] = {}
        issues: list[Issue] = []
        for key, raw in values.items():
            step = steps.get(key)
            if step is None:
                refused, key = self._unusual(key, values)
                if refused is not None:
                    issues.append(refused)
                    continue
                step = steps[key]
            if raw is None:
                found[key] = None
                continue
            try:
                found[key] = step(raw, context)
            except ValueProblem as problem:
                issues.append(_issue(key, problem))
                if problem.kept is not None:
                    found[key] = problem.kept
        if partial:
            issues.extend(
                Issue("value.required", key) for key in self.required if key in found and found[key] is None
            )
            return found, issues
        if issues or plan.defaults or not self.required <= found.keys() or None in found.values():
            self._complete(found, issues, plan, context)
        return found, issues

    def _complete(self, found: dict[str, Value], issues: list[Issue], plan: _Plan, context: Context) -> None:
        refused = {issue.field for issue in issues}
        for key, text, step in plan.defaults:
            if key not in found and key not in refused:
                try:
                    found[key] = step(text, context)
                except ValueProblem as problem:
                    issues.append(_issue(key, problem))
                    refused.add(key)
        for key in self.required:
            if found.get(key) is None and key not in refused:
                issues.append(Issue("value.required", key))
        for key in [key for key, value in found.items() if value is None]:
            del found[key]

    def _unusual(self, key: str, values: Mapping[str, object]) -> tuple[Issue | None, str]:
        field = self.field(key)
        if field is None:
            return Issue("value.unknown_field", key, parameters={"type": self.key}), key
        if field.computed:
            return Issue("value.computed", field.key), key
        if field.retired:
            return Issue("value.retired", field.key), key
        if field.suspended:
            return Issue("value.plugin_disabled", field.key, parameters={"plugin": field.plugin}), key
        if field.key in values:
            return Issue("value.given_twice", field.key, parameters={"former": key}), key
        return None, field.key


def _without_kind(field: Field) -> Parser:
    def parse(raw: object, context: Context) -> Value:
        raise ValueProblem("value.kind_missing", kind=field.kind, plugin=field.plugin or None)

    return parse


def _issue(key: str, problem: ValueProblem) -> Issue:
    severity = "error" if problem.kept is None else "warning"
    return Issue(problem.code, key, severity, problem.parameters)
