"""What plugins give and are given."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import attrs

from muniment.model import instant, zone_named

__all__ = [
    "Decision",
    "ErasedNotice",
    "ErasurePlan",
    "ErasureTarget",
    "HookContext",
    "Installed",
    "NeedsApproval",
    "Pin",
    "PluginFailure",
    "PluginInfo",
    "RecordState",
    "WrittenVersion",
]


@attrs.frozen
class PluginInfo:
    """What a plugin says about itself.

    Attributes:
        name: the name of its entry point: lower-case letters, digits, underscores.
        api: the range of hook versions it is written for, such as ``>=1,<2``.
        title: what people call it, by language: ``{"en": ..., "zh": ...}``.
        messages: the texts of its codes. Each code starts with the plugin's
            name and a dot; each text has ``en`` and ``zh`` and may have
            ``hint_en`` and ``hint_zh``.
        needs: names of plugins without which it does not work, such as those whose kinds of field it
            uses; they are enabled with it.
        settings: what a team may set about it, a JSON Schema in the form that ``docs/plugins.md`` shows;
            the values come with every ``HookContext``.
    """

    name: str
    api: str
    title: Mapping[str, str] = attrs.field(factory=dict, kw_only=True)
    messages: Mapping[str, Mapping[str, str]] = attrs.field(factory=dict, kw_only=True)
    needs: tuple[str, ...] = attrs.field(default=(), kw_only=True)
    settings: Mapping[str, Any] = attrs.field(factory=dict, kw_only=True)


@attrs.frozen
class RecordState:
    """A record as it stands before a write.

    Attributes:
        id: UUID text.
        type: the key of its record type.
        subject: UUID text of the person or organisation it is about.
        version: the newest version, 0 before the record exists.
        values: the field values by key; read-only.
        kinds: the name of each field's kind by key, of fields without a value too; read-only.
        classes: likewise how sensitive each field is, a name out of ``muniment.model.CLASSES``.
    """

    id: str
    type: str
    subject: str
    version: int
    values: Mapping[str, object]
    kinds: Mapping[str, str] = attrs.field(factory=dict, kw_only=True)
    classes: Mapping[str, str] = attrs.field(factory=dict, kw_only=True)


@attrs.frozen
class WrittenVersion:
    """A version that was committed; names and numbers, no values.

    Attributes:
        record: UUID text.
        type: the key of its record type.
        subject: UUID text of the person or organisation it is about.
        version: its number, from 1.
        fields: the keys of the fields that changed.
    """

    record: str
    type: str
    subject: str
    version: int
    fields: tuple[str, ...]


@attrs.frozen
class ErasureTarget:
    """One thing that an erasure takes: identifiers, names and counts, no value.

    Attributes:
        scope: ``subject``, ``record`` or ``category``.
        subject: UUID text of the person or organisation it is about.
        record: UUID text of the record; of a whole subject, the subject's own.
        type: the key of the record's type.
        category: the retention category, where not all goes; else empty.
        rule: the rule of retention; empty where a person asked.
        records: how many records it reaches.
        files: how many attached files go.
    """

    scope: str
    subject: str
    record: str
    type: str
    category: str
    rule: str
    records: int
    files: int


@attrs.frozen
class ErasurePlan:
    """What is about to be erased of one subject, in one act.

    Attributes:
        cause: ``request`` where somebody asked, ``retention`` where its time is over.
        targets: what goes.
    """

    cause: str
    targets: tuple[ErasureTarget, ...]


@attrs.frozen
class ErasedNotice:
    """An erasure that is done and certified: identifiers and names, no value.

    Attributes:
        id: UUID text of the erasure, under which its certificate is kept.
        cause: ``request``, ``retention``, or ``restore`` where data that came back was erased again.
        done: when, RFC 3339.
        targets: what went.
    """

    id: str
    cause: str
    done: str
    targets: tuple[ErasureTarget, ...]


@attrs.frozen
class Decision:
    """What a plugin says of an access.

    Attributes:
        allowed: False refuses it, whatever roles and other plugins say; True says no more than None does,
            for a plugin grants nothing.
        code: why, for the log: a code from the plugin's ``messages`` or of the core's area ``access``.
    """

    allowed: bool
    code: str = "access.plugin"


@attrs.frozen
class HookContext:
    """Who acts, why, and what the operation is.

    Attributes:
        actor: the identifier of the user.
        purpose: the purpose of the session, a W3C DPV term.
        operation: ``create``, ``update``, ``correct``, ``delete``, ``undelete`` or ``revert``; in
            ``muniment_authorize`` the action.
        source: the way in, such as ``cli``, ``api``, ``import``.
        time: when the write is recorded, in microseconds since 1970-01-01T00:00:00Z.
        default_region: two letters, ISO 3166-1; where a value belongs that names no country; may be empty.
        timezone: IANA name; where the archive's days begin.
        settings: what the team set about the plugin that is asked, and the defaults of all else; read-only.
    """

    actor: str
    purpose: str
    operation: str
    source: str
    time: int
    default_region: str = attrs.field(default="", kw_only=True)
    timezone: str = attrs.field(default="UTC", kw_only=True)
    settings: Mapping[str, object] = attrs.field(factory=dict, kw_only=True)

    @property
    def today(self) -> date:
        """The day of the write, in the archive's time zone."""
        return instant(self.time, zone_named(self.timezone)).date()


@attrs.frozen
class NeedsApproval:
    """How many people have to approve a write before it happens.

    Attributes:
        approvers: so many different people, none of them the maker; at least 1.
        roles: of which each of them has one; empty for whoever may approve at all.
    """

    approvers: int = 1
    roles: tuple[str, ...] = ()


@attrs.frozen
class PluginFailure:
    """What an exception in a plugin leaves behind: where it was raised, never what it said.

    Attributes:
        plugin: the plugin's name.
        hook: the hook that failed.
        type: the exception's type.
        file: the plugin's file in which it was raised.
        line: the line in that file.
    """

    plugin: str
    hook: str
    type: str
    file: str
    line: int


@attrs.frozen
class Pin:
    """Which code of a plugin was applied.

    Attributes:
        distribution: the distribution that brought it; empty for an archive's own plugin.
        version: that distribution's version; empty likewise.
        digest: hex of SHA-256 over an archive's own plugin; empty for an installed one.
    """

    distribution: str = ""
    version: str = ""
    digest: str = ""


@attrs.frozen
class Installed:
    """A plugin that can be had; listing it imports nothing of it.

    Attributes:
        name: the plugin's name.
        distribution: the distribution that brings it; empty for an archive's own plugin.
        version: that distribution's version; empty likewise.
        target: the module, and after a colon the object, that it names; the file of an archive's own.
        digest: hex of SHA-256 over an archive's own plugin; empty for an installed one.
        summary: the line in which its distribution says what it is; empty for an archive's own.
    """

    name: str
    distribution: str
    version: str
    target: str
    digest: str = ""
    summary: str = attrs.field(default="", kw_only=True, eq=False)

    @property
    def pin(self) -> Pin:
        """What is written down of it when it is applied."""
        return Pin(self.distribution, self.version, self.digest)

    @property
    def shown_version(self) -> str:
        """Its version, or the beginning of its digest."""
        return self.version or (f"sha256:{self.digest[:12]}" if self.digest else "")
