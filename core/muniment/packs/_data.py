"""The files of a plugin, read when a hook is asked."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib import resources
from typing import Any

import attrs

from muniment.plugins import Jurisdiction, PluginInfo, Purpose, RetentionRule
from muniment.policy import Role
from muniment.schema import (
    Field,
    FieldKind,
    Label,
    LayoutGroup,
    RecordType,
    Template,
    parse_additions,
    parse_template,
)

__all__ = ["Pack"]


@attrs.define(slots=False)
class Pack:
    """What a plugin keeps as data.

    A file that does not fit is a ``ConfigError``, with the place in it, of whatever
    reads it, and so the plugin's quarantine.

    Attributes:
        package: the name of the plugin's package.
    """

    package: str

    def has(self, name: str) -> bool:
        """Whether there is such a file, or a folder of that name."""
        there = resources.files(self.package).joinpath(name)
        return there.is_file() or there.is_dir()

    def info(self) -> PluginInfo:
        """What the plugin says about itself: the top of ``plugin.toml``, and its ``messages``."""
        table = self._about
        return PluginInfo(
            table["name"],
            table["api"],
            title=table["title"],
            messages={f"{table['name']}.{code}": texts for code, texts in table.get("messages", {}).items()},
            needs=tuple(table.get("needs", ())),
            settings=table.get("settings", {}),
        )

    def purposes(self) -> tuple[Purpose, ...]:
        """The ``[[purpose]]`` tables of ``plugin.toml``."""
        return tuple(
            Purpose(one["term"], Label(one["en"], one["zh"]), one.get("broader", ""))
            for one in self._about.get("purpose", ())
        )

    def roles(self) -> tuple[Role, ...]:
        """The roles of ``roles.toml``, in the form of ``[roles.<key>]`` in ``muniment.toml``."""
        from muniment.roles import read_roles

        text, where = self._text("roles.toml"), self._where("roles.toml")
        return read_roles(tomllib.loads(text).get("roles", {}), where=where) if text else ()

    def record_types(self, kinds: Mapping[str, FieldKind]) -> tuple[RecordType, ...]:
        """The types of ``types.toml``.

        Args:
            kinds: as the hook is given them.
        """
        text = self._text("types.toml")
        return parse_template(text, where=self._where("types.toml"), kinds=kinds).types if text else ()

    def templates(self, kinds: Mapping[str, FieldKind]) -> tuple[Template, ...]:
        """The files of the folder ``templates``, by name.

        Args:
            kinds: as the hook is given them.
        """
        folder = resources.files(self.package).joinpath("templates")
        names = sorted(file.name for file in folder.iterdir()) if folder.is_dir() else ()
        return tuple(
            parse_template(self._text(f"templates/{name}"), where=self._where(name), kinds=kinds)
            for name in names
            if name.endswith(".toml")
        )

    def fields(self, record_type: str) -> Sequence[Field | LayoutGroup]:
        """What ``fields.toml`` adds to one type.

        Args:
            record_type: the type's key.
        """
        return self._additions.get(record_type, ())

    def rules(self, record_type: str, fields: Mapping[str, str]) -> tuple[RetentionRule, ...]:
        """The rules of ``rules.toml`` about one type.

        Args:
            record_type: the type's key.
            fields: as the hook is given them.
        """
        from muniment.retention.rules import rules_for

        return rules_for(self.statements, record_type, fields)

    def jurisdictions(self) -> tuple[Jurisdiction, ...]:
        """The ``[[jurisdiction]]`` tables of ``jurisdictions.toml``."""
        from muniment.packs._jurisdictions import parse_jurisdictions

        text = self._text("jurisdictions.toml")
        return parse_jurisdictions(text, where=self._where("jurisdictions.toml")) if text else ()

    @cached_property
    def statements(self) -> tuple[Any, ...]:
        """Every rule of ``rules.toml``, as ``muniment.retention.rules.RuleStatement``."""
        from muniment.retention.rules import parse_rules

        text = self._text("rules.toml")
        return parse_rules(text, where=self._where("rules.toml")).statements if text else ()

    @cached_property
    def _about(self) -> dict[str, Any]:
        return tomllib.loads(self._text("plugin.toml"))

    @cached_property
    def _additions(self) -> Mapping[str, tuple[Field | LayoutGroup, ...]]:
        text = self._text("fields.toml")
        return parse_additions(text, where=self._where("fields.toml")) if text else {}

    def _text(self, name: str) -> str:
        file = resources.files(self.package).joinpath(name)
        return file.read_text(encoding="utf-8") if file.is_file() else ""

    def _where(self, name: str) -> str:
        return f"{self.package}/{name}"
