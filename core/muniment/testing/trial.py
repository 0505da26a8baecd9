"""Generated records in a real archive with a plugin: written, read, exported, imported again."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
from hypothesis import strategies as st

from muniment.errors import Invalid
from muniment.exports.run import run_export
from muniment.imports.run import run_import
from muniment.plugins import PluginSet, types_in_reach
from muniment.schema import FieldKind, RecordType, Template
from muniment.testing.archives import new_archive
from muniment.testing.samples import CONTEXT, drawn
from muniment.testing.strategies import values_for

if TYPE_CHECKING:
    from muniment.archive import Archive
    from muniment.session import Session
    from muniment.testing.found import Found

__all__ = ["Trial", "trial_archive"]


def trial_archive(
    folder: Path, found: Found, beside: Sequence[str], plugins: PluginSet, keys: Collection[str]
) -> Archive:
    """An archive in which a plugin is enabled, with record types that it may add to.

    Args:
        folder: where to make it.
        found: the plugin.
        beside: names of further plugins.
        plugins: the same ones, loaded.
        keys: of the record types.
    """
    own = {one.key for plugin in plugins.loaded for one in plugin.record_types}
    types = tuple(one for one in types_in_reach(plugins) if one.key in keys and one.key not in own)
    templates = [Template("check", types=types)] if types else []
    if found.source is None:
        return new_archive(folder / "archive", templates=templates, plugins=[found.name, *beside])
    archive = new_archive(folder / "archive", templates=templates, plugins=beside)
    plugins_folder = archive.folder / archive.file.plugins_dir
    plugins_folder.mkdir()
    if found.source.is_dir():
        shutil.copytree(found.source, plugins_folder / found.name)
    else:
        shutil.copy(found.source, plugins_folder)
    path = archive.folder / "muniment.toml"
    names = ", ".join(f'"{name}"' for name in (found.name, *beside))
    text = path.read_text(encoding="utf-8")
    before = ", ".join(f'"{name}"' for name in beside)
    path.write_text(text.replace(f"enabled = [{before}]", f"enabled = [{names}]"), encoding="utf-8")
    with archive.session(actor="owner", purpose="CustomerManagement") as session:
        archive.apply_config(session, reason="check")
    return archive


@attrs.define
class Trial:
    """Records of each type, one type after the other, so that references have something to refer to.

    Attributes:
        folder: for exports.
        session: of the owner.
        kinds: every kind of field, with examples.
        records: how many of each type.
        problems: (what, form) of values that did not come back.
        never: keys of types of which no generated record was taken.
    """

    folder: Path
    session: Session
    kinds: Mapping[str, FieldKind]
    records: int
    problems: list[tuple[str, str]] = attrs.field(factory=list)
    never: list[str] = attrs.field(factory=list)
    _made: dict[str, str] = attrs.field(factory=dict)

    def run(self, types: Sequence[RecordType]) -> None:
        """Try all types; one whose required references have nothing to refer to is passed over."""
        waiting = list(types)
        while waiting:
            ready = [one for one in waiting if self._needed(one) <= self._made.keys()]
            if not ready:
                self.never += [one.key for one in waiting]
                return
            for record_type in ready:
                waiting.remove(record_type)
                self._try(record_type)

    def _needed(self, record_type: RecordType) -> set[str]:
        return {field.target for field in record_type.references if field.required and field.writable}

    def _try(self, record_type: RecordType) -> None:
        key, session = record_type.key, self.session
        references: dict[str, Any] = {
            field.key: st.just(self._made[field.target])
            for field in record_type.references
            if field.target in self._made
        }
        strategy = values_for(record_type, kinds=self.kinds, context=CONTEXT, references=references)
        # What is there for some purposes alone is not written for another.
        apart = {field.key for field in record_type.fields if field.purposes}
        taken = 0
        for drawn_values in drawn(strategy, self.records):
            values = {name: value for name, value in drawn_values.items() if name not in apart}
            try:
                saved = session.create(key, values)
            except Invalid:
                # Checks may well refuse what was generated without a thought.
                continue
            taken += 1
            self._made.setdefault(key, saved.id)
            read = session.get(saved.id).fields
            for name, value in values.items():
                if read.get(name) != value:
                    self.problems.append((f"{key}.{name}", "record"))
        if not taken:
            # One that needs such a field could not be written at all.
            self.never += [] if apart & record_type.required else [key]
            self._made.pop(key, None)
            return
        self._export(record_type, taken)

    def _export(self, record_type: RecordType, count: int) -> None:
        """Everything out to a file and in again: no row may say anything new."""
        key = record_type.key
        keys = [
            field.key
            for field in record_type.fields
            if field.kind != "file" and field.writable and not field.purposes
        ]
        run_export(self.session, key, self.folder / f"{key}.ndjson", fields=keys)
        path = self.folder / f"{key}.csv"
        run_export(self.session, key, path, fields=keys, ids=True)
        done = run_import(self.session, key, path, match=("muniment:id",), dry_run=True)
        if done.rows != count or done.unchanged != count:
            self.problems.append((key, "CSV"))
