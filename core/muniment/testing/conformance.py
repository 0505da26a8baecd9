"""Whether a plugin keeps what its hooks promise: asked with generated values, in an archive of its own.

    from muniment.testing import assert_conforms

    def test_the_plugin_keeps_its_promises():
        assert_conforms("clinic")

What is looked at: labels in both languages; parsers and checks that never raise,
answer the same twice and tell no value; values that read back from text, JSON,
the sealed form, an export and an import; masks that hide; rules whose anchors and
categories are there; pages, panels and cells that can be shown.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from muniment.errors import ConfigError, MunimentError, PluginError, text_of
from muniment.plugins import (
    EVENTS,
    HookContext,
    LogFormat,
    PluginSet,
    RecordState,
    load,
    needed,
    types_in_reach,
)
from muniment.schema import Field, FieldKind, Label, RecordType, Registry, Template, ValueProblem
from muniment.session.writing.applying import kinds_of, with_plugins, with_roles
from muniment.store import LogFilter
from muniment.testing.found import Found, found_plugin
from muniment.testing.samples import CONTEXT, KINDS_TYPE, drawn, kinds_type, odd_values, pieces_of, texts_of
from muniment.testing.showing import unshown

__all__ = ["Finding", "assert_conforms", "check_plugin"]

_RECORDS = 12
"""How many records of each type are generated."""

_ENTRIES = 500
"""So many entries are put into each form of the log."""

_LANGUAGES = ("en", "zh")


@attrs.frozen
class Finding:
    """One promise that a plugin does not keep.

    Attributes:
        code: in the area ``conform``, or that of the plugin's own error.
        severity: ``error``, or ``note`` where something could not be looked at.
        parameters: names that the text mentions.
    """

    code: str
    severity: str = "error"
    parameters: Mapping[str, Any] = attrs.field(factory=dict)

    def text(self, lang: str = "en") -> str:
        """The finding in words."""
        what, hint = text_of(self.code, lang, **self.parameters)
        return f"{what}{' ' + hint if hint else ''} [{self.code}]"


def _finding(code: str, **parameters: object) -> Finding:
    return Finding(f"conform.{code}", "error", parameters)


def _of_error(error: MunimentError) -> Finding:
    return Finding(error.code, "error", {"where": error.where, **error.parameters})


def check_plugin(
    plugin: str | Path,
    *,
    beside: Sequence[str] = (),
    examples: Mapping[str, Sequence[str]] | None = None,
    records: int = _RECORDS,
) -> tuple[Finding, ...]:
    """Look whether a plugin keeps its promises.

    Args:
        plugin: the name of an installed plugin; or a path: of a module, a package, or the folder of a
            distribution, which need not be installed.
        beside: names of installed plugins beside it; those that it needs are there anyway.
        examples: texts that its kinds take, by the name of the kind, besides those that they give.
        records: how many records of each type are tried.

    Returns:
        What was found, each thing once; nothing, or notes alone, where it keeps them.

    Raises:
        UsageError: ``conform.no_plugin`` where the path is of none.
    """
    with found_plugin(plugin) as place:
        name = place.name
        try:
            others = tuple(one for one in needed([name, *beside], **place.loading) if one != name)
            loaded = with_roles(load([name, *others], environ={}, **place.loading))
            for quarantined in sorted(loaded.quarantined):
                raise loaded.quarantined[quarantined]
            with_types, types = _types(loaded, name, examples or {})
        except (PluginError, ConfigError) as error:
            return (_of_error(error),)
        checking = _Checking(name, with_types, types, examples or {}, records)
        found = [*checking.all(), *checking.in_archive(place, others)]
    return tuple({finding.text(): finding for finding in found}.values())


def assert_conforms(
    plugin: str | Path,
    *,
    beside: Sequence[str] = (),
    examples: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Fail where a plugin does not keep its promises, with everything that was found.

    Args:
        plugin: as for ``check_plugin``.
        beside: likewise.
        examples: likewise.

    Raises:
        AssertionError: with a line for each finding.
    """
    found = [one for one in check_plugin(plugin, beside=beside, examples=examples) if one.severity == "error"]
    assert not found, "\n".join(one.text() for one in found)


def _types(
    loaded: PluginSet, name: str, examples: Mapping[str, Sequence[str]]
) -> tuple[PluginSet, tuple[RecordType, ...]]:
    """The plugins with what they add to the types in reach, and these as an archive would have them."""
    of_plugins = {one.key for plugin in loaded.loaded for one in plugin.record_types}
    rest = tuple(one for one in types_in_reach(loaded) if one.key not in of_plugins)
    enabled = [plugin.name for plugin in loaded.loaded]
    found, made = with_plugins(
        Registry(), loaded, enabled=enabled, fresh=enabled, templates=[Template("check", types=rest)]
    )
    types = tuple(one for one in made.registry.types if not one.built_in)
    plugin = next(one for one in found.loaded if one.name == name)
    kinds = {one.name: _with_examples(one, examples) for one in plugin.field_kinds}
    if kinds:
        extra = made.registry.apply(
            [Template("check", types=(kinds_type(kinds.values()),))], kinds=kinds_of(found)
        )
        types = (*types, *extra.changed)
    return found, types


def _touched(plugins: PluginSet, name: str, types: Sequence[RecordType]) -> tuple[RecordType, ...]:
    """The types to which a plugin adds something, with those that they refer to; all where there is none.

    A plugin that states rules alone does nothing to a record.
    """
    plugin = next(one for one in plugins.loaded if one.name == name)
    touched = {one.key for one in plugin.record_types}
    touched |= {one.key for template in plugin.templates for one in template.types}
    touched |= {
        key
        for key, brought in plugins.brought.items()
        if any(one.fields for one in brought if one.plugin == name)
    }
    if plugin.field_kinds:
        touched.add(KINDS_TYPE)
    asked = plugin.calls.keys() - {"muniment_plugin_info", "muniment_retention_rules"}
    return _closed(types, touched) if touched or not asked else tuple(types)


def _closed(types: Sequence[RecordType], keys: Collection[str]) -> tuple[RecordType, ...]:
    """The types of these keys, with those that they refer to."""
    by_key = {one.key: one for one in types}
    wanted, todo = set[str](), list(keys)
    while todo:
        key = todo.pop()
        if key in by_key and key not in wanted:
            wanted.add(key)
            todo += [field.target for field in by_key[key].references]
    return tuple(one for one in types if one.key in wanted)


@attrs.define
class _Checking:
    """One plugin that is looked at."""

    name: str
    plugins: PluginSet
    types: tuple[RecordType, ...]
    examples: Mapping[str, Sequence[str]]
    records: int
    _untaken: list[str] = attrs.field(factory=list, init=False)

    def all(self) -> Iterator[Finding]:
        """Everything that needs no archive."""
        yield from self._labels()
        for kind in self._own.field_kinds:
            yield from self._kind(kind)
        if self._untaken:
            yield Finding("conform.no_value", "note", {"kinds": ", ".join(self._untaken)})
        yield from self._rules()
        if "muniment_validate" in self._own.calls:
            touched = _touched(self.plugins, self.name, self.types)
            for record_type in self.types:
                # Of others than it is for it is asked too, but says little.
                count = 5 * self.records if record_type in touched else 2
                yield from self._gate(record_type, count)

    @property
    def _own(self) -> Any:
        return next(one for one in self.plugins.loaded if one.name == self.name)

    @property
    def _kinds(self) -> Mapping[str, FieldKind]:
        return {name: _with_examples(kind, self.examples) for name, kind in kinds_of(self.plugins).items()}

    # Labels

    def _labels(self) -> Iterator[Finding]:
        plugin = self._own
        labels: list[tuple[str, Any]] = [("PluginInfo", plugin.info.title)]
        labels += [(kind.name, kind.label) for kind in plugin.field_kinds]
        labels += [(template.key, template.label) for template in plugin.templates]
        labels += [(purpose.term, purpose.label) for purpose in plugin.purposes]
        labels += [(role.key, role.label) for role in plugin.roles]
        for record_type in self.types:
            if record_type.plugin == self.name:
                labels.append((record_type.key, record_type.label))
            labels += [
                (f"{record_type.key}.{field.key}", field.label)
                for field in record_type.fields
                if field.plugin == self.name
            ]
        for where, label in labels:
            if not all(_label_in(label, lang).strip() for lang in _LANGUAGES):
                yield _finding("label", where=where)

    # Kinds

    def _kind(self, kind: FieldKind) -> Iterator[Finding]:
        field = Field(key="value", kind=kind.name, label=Label("Value", "值"), group="main")
        given = _with_examples(kind, self.examples).examples
        taken = 0
        try:
            parse = kind.prepare(field)
        except PluginError as error:
            yield _of_error(error)
            return
        for raw in (*given, *texts_of(given), *odd_values()):
            outcomes = []
            for _ in range(2):
                try:
                    outcomes.append(_read(parse, raw))
                except PluginError as error:
                    yield _of_error(error)
                    return
            value, problem = outcomes[0]
            if outcomes[0] != outcomes[1]:
                yield _finding("differs", what=kind.name)
            if problem is not None and _tells(problem[1], raw):
                yield _finding("value_told", what=kind.name, name=problem[0])
            if value is not None:
                taken += 1
                yield from self._value(kind, field, value)
        if not taken:
            self._untaken.append(kind.name)

    def _value(self, kind: FieldKind, field: Field, value: Any) -> Iterator[Finding]:
        from muniment.codec import decode_value, encode_value

        parse = kind.prepare(field)
        try:
            if _read(parse, value)[0] != value:
                yield _finding("not_idempotent", kind=kind.name)
            for lang in _LANGUAGES:
                shown = kind.format(value, lang, field)
                if _read(parse, shown, lang)[0] != value:
                    yield _finding("round_trip", what=kind.name, form=f"text ({lang})")
            data = _json(kind.to_json(value))
            if kind.from_json(data) != value:
                yield _finding("round_trip", what=kind.name, form="JSON")
            if decode_value(encode_value(kind.encoding, value)) != value:
                yield _finding("round_trip", what=kind.name, form="seal")
            kind.sort_key(value)
            shown = kind.format(value)
            if len(shown) >= 8 and shown in kind.mask(value):
                yield _finding("mask", kind=kind.name)
        except MunimentError as error:
            yield _of_error(error)
        except (TypeError, ValueError):
            yield _finding("round_trip", what=kind.name, form="JSON")

    # Rules

    def _rules(self) -> Iterator[Finding]:
        by_key = {one.key: one for one in self.types}
        for key, brought in self.plugins.brought.items():
            record_type = by_key.get(key)
            for rule in (rule for one in brought if one.plugin == self.name for rule in one.rules):
                if record_type is None:
                    continue
                for anchor in rule.anchors():
                    if anchor in EVENTS:
                        continue
                    field = _field_named(by_key, record_type, anchor)
                    if field is None or (field.kind and field.kind not in ("date", "datetime")):
                        yield _finding("anchor", rule=rule.id, type=key, name=anchor)
                for condition in rule.where:
                    if _field_named(by_key, record_type, condition.field) is None:
                        yield _finding("anchor", rule=rule.id, type=key, name=condition.field)
                if rule.category not in {field.category for field in record_type.fields}:
                    yield _finding("category", rule=rule.id, type=key, name=rule.category)

    # Checks

    def _gate(self, record_type: RecordType, count: int) -> Iterator[Finding]:
        from muniment.testing.strategies import values_for

        kinds = self._kinds
        made = drawn(values_for(record_type, kinds=kinds, context=CONTEXT), count)
        for place, values in enumerate(made):
            before = made[place - 1] if place else {}
            moved = {
                key: values.get(key) for key in {**before, **values} if before.get(key) != values.get(key)
            }
            asked: tuple[tuple[str, dict[str, Any], dict[str, Any]], ...] = (
                ("create", {}, values),
                ("update", before, moved),
                ("delete", before, {}),
            )
            for operation, old, changes in asked:
                state = RecordState(
                    "r",
                    record_type.key,
                    "s",
                    int(bool(old)),
                    dict(old),
                    kinds=record_type.kind_names,
                    classes=record_type.class_names,
                )
                context = HookContext(
                    "owner", "CustomerManagement", operation, "check", 0, default_region="DE"
                )
                yield from self._asked(record_type, state, changes, context)

    def _asked(
        self, record_type: RecordType, state: RecordState, changes: Mapping[str, object], context: HookContext
    ) -> Iterator[Finding]:
        alone = PluginSet((self._own,))
        try:
            first, second = (alone.validate(state, changes, context) for _ in range(2))
        except PluginError as error:
            yield _of_error(error)
            return
        if first != second:
            yield _finding("differs", what="muniment_validate")
        for issue in first:
            if issue.field is not None and record_type.field(issue.field) is None:
                yield _finding("unknown_field", type=record_type.key, name=issue.field, issue=issue.code)
            told = {**state.values, **changes}.values()
            if any(_tells(issue.parameters, value) for value in told):
                yield _finding("value_told", what="muniment_validate", name=issue.code)

    # An archive of its own

    def in_archive(self, place: Found, beside: Sequence[str]) -> Iterator[Finding]:
        """What becomes of generated records in a real archive: written, read, exported, imported again."""
        from muniment.testing.trial import Trial, trial_archive

        keys = [one.key for one in _touched(self.plugins, self.name, self.types)]
        with tempfile.TemporaryDirectory(prefix="muniment-check-") as folder:
            try:
                archive = trial_archive(Path(folder), place, beside, self.plugins, keys)
                with archive, archive.session(actor="owner", purpose="CustomerManagement") as session:
                    trial = Trial(Path(folder), session, self._kinds, self.records)
                    own = [_with_examples(kind, self.examples) for kind in self._own.field_kinds]
                    if own:
                        archive.apply_templates(
                            session, [Template("check", types=(kinds_type(own),))], reason=None
                        )
                    trial.run([session.type(key) for key in keys])
                    failed = session.entries(LogFilter(kinds=("plugin.fail",)))
                    documents = [one.document() for one in session.entries(LogFilter(limit=_ENTRIES))]
                    forms = [one for plugin in archive.plugins.loaded for one in plugin.log_formats]
                    types = [session.type(key) for key in keys]
                    with archive.session(actor="owner", purpose="CustomerManagement", masked=True) as masked:
                        unseen = list(unshown(masked, archive.plugins, self.name, types))
            except MunimentError as error:
                yield _of_error(error)
                return
        if failed:
            yield _finding("observer", plugin=self.name)
        for made in forms:
            if not all(_one_line(made, document) for document in documents):
                yield _finding("log_line", what=made.key)
        for what, problem in unseen:
            yield _finding("shown", what=what, problem=problem)
        for what, form in trial.problems:
            yield _finding("round_trip", what=what, form=form)
        for key in trial.never:
            yield Finding("conform.never_written", "note", {"type": key})


def _one_line(form: LogFormat, document: Mapping[str, Any]) -> bool:
    """Whether a form makes the same single line of an entry twice, and leaves the entry as it was."""
    before = _json(document)
    try:
        lines = {form.line(document), form.line(_json(document))}
    except Exception:
        return False
    return (
        len(lines) == 1
        and all(len(str(one).splitlines()) == 1 for one in lines)
        and before == _json(document)
    )


def _field_named(types: Mapping[str, RecordType], own: RecordType, name: str) -> Field | None:
    """What a rule means by ``field`` or ``type.field``; of a type that is not in reach nothing is known."""
    key, dot, rest = name.partition(".")
    if not dot:
        return own.by_key.get(name)
    return types[key].by_key.get(rest) if key in types else Field(key=rest, kind="")


def _with_examples(kind: FieldKind, examples: Mapping[str, Sequence[str]]) -> FieldKind:
    return attrs.evolve(kind, examples=(*kind.examples, *examples.get(kind.name, ())))


def _label_in(label: Any, lang: str) -> str:
    return str(getattr(label, lang, "") if isinstance(label, Label) else label.get(lang, ""))


def _read(parse: Any, raw: object, lang: str = "en") -> tuple[Any, tuple[str, Mapping[str, Any]] | None]:
    try:
        return parse(raw, attrs.evolve(CONTEXT, lang=lang)), None
    except ValueProblem as problem:
        return problem.kept, (problem.code, problem.parameters)


def _tells(parameters: Mapping[str, Any], raw: object) -> bool:
    """Whether parameters hold the value or a longer piece of it."""
    said = " ".join(str(value) for value in parameters.values()).casefold()
    return any(piece in said for piece in pieces_of(raw))


def _json(data: Any) -> Any:
    import json

    return json.loads(json.dumps(data, allow_nan=False))
