"""The hooks that muniment calls; each docstring is the contract with whoever implements it.

An implementation is a function of the same name, marked with
``@muniment.hookimpl``, in the module or object that the entry point names. It
takes the arguments that it needs, by these names. Implementations are asked in
the order of their plugins' names, and no result may depend on that order.

A plugin runs inside the process and is trusted code: muniment isolates its
faults, it does not confine it.
"""

# A hook has no body: what is here is asked of others.
# mypy: disable-error-code="empty-body"

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import pluggy

from muniment.errors import Issue
from muniment.plugins import (
    AlertRuleLike,
    Column,
    Decision,
    ErasedNotice,
    ErasurePlan,
    HookContext,
    Jurisdiction,
    LogFormat,
    NeedsApproval,
    Page,
    Panel,
    PluginInfo,
    Purpose,
    RecordState,
    RegimeLike,
    RetentionRule,
    RoleLike,
    SearchTerms,
    WrittenVersion,
)

if TYPE_CHECKING:
    from muniment.schema import Field, FieldKind, LayoutGroup, ListView, RecordType, Template

__all__ = [
    "hookimpl",
    "hookspec",
    "muniment_after_commit",
    "muniment_after_erase",
    "muniment_alert_rules",
    "muniment_authorize",
    "muniment_before_erase",
    "muniment_columns",
    "muniment_field_kinds",
    "muniment_fields",
    "muniment_jurisdictions",
    "muniment_log_formats",
    "muniment_needs_approval",
    "muniment_pages",
    "muniment_panels",
    "muniment_plugin_info",
    "muniment_purposes",
    "muniment_record_types",
    "muniment_regimes",
    "muniment_retention_rules",
    "muniment_roles",
    "muniment_search_terms",
    "muniment_templates",
    "muniment_validate",
    "muniment_views",
]

hookspec = pluggy.HookspecMarker("muniment")

hookimpl = pluggy.HookimplMarker("muniment")
"""Marks a function of a plugin as the implementation of the hook it is named after."""


@hookspec
def muniment_plugin_info() -> PluginInfo:
    """Say what the plugin is called, which hooks it is written for, and the texts of its codes.

    Every plugin implements it. Asked once, when an archive is opened, outside
    any transaction, before every other hook.

    Returns:
        One ``PluginInfo``. Its ``name`` is the name of the entry point.

    If it raises or returns anything else, the plugin is quarantined.
    """


@hookspec
def muniment_field_kinds() -> Sequence[FieldKind]:
    """Add kinds of field, such as ``iban``.

    Asked once, when an archive is opened, outside any transaction. Values are
    stored in one of the core's encodings, which the kind names, so that they
    stay readable when the plugin is gone.

    Returns:
        The kinds. A kind that the core or another plugin has too quarantines
        every plugin that brings it.

    If it raises or returns anything else, the plugin is quarantined. If a
    function of a kind raises anything but ``ValueProblem``, the write is refused.
    """


@hookspec
def muniment_record_types(
    kinds: Mapping[str, FieldKind],
) -> Sequence[RecordType]:
    """Bring record types into every archive that enables the plugin.

    Asked once, when an archive is opened, outside any transaction. The types
    become definitions of the archive when the plugin is enabled or a changed
    one is applied: a logged version each, with the plugin's name on the type
    and its fields.

    Args:
        kinds: every kind of field that the core and the enabled plugins have.

    Returns:
        The types, without numbers. A type that the core or another plugin has
        too quarantines every plugin that brings it.

    If it raises or returns anything else, the plugin is quarantined.
    """


@hookspec
def muniment_fields(record_type: str) -> Sequence[Field | LayoutGroup]:
    """Add fields to a record type of an archive, or refine fields that it has.

    Asked once about each record type, when an archive is opened or gets the
    type, outside any transaction. Added fields become part of the archive's
    definitions when the plugin is enabled or a changed one is applied, with the
    plugin's name on them. When the plugin is disabled their values stay readable
    and exportable, and none can be written.

    Args:
        record_type: the type's key, such as ``customer``.

    Returns:
        Fields, each in a layout group that the type has or that is returned
        beside it; the group gives the retention category. A field whose key a
        template or the team has refines that field: of the same kind, category
        and target, with the same or a higher class; it adds choices, indexes
        and aliases, and fills in what was left open. A field that another
        plugin brings too is an error that names both.

    If it raises or returns anything else, the plugin is quarantined.
    """


@hookspec
def muniment_templates(kinds: Mapping[str, FieldKind]) -> Sequence[Template]:
    """Ship templates, to be applied by name like those of the core.

    Asked once, when an archive is opened, outside any transaction.

    Args:
        kinds: every kind of field that the core and the enabled plugins have,
            for ``muniment.schema.parse_template``.

    Returns:
        The templates. One whose key the core or another plugin has too
        quarantines every plugin that ships it.

    If it raises or returns anything else, the plugin is quarantined.
    """


@hookspec
def muniment_views(record_type: str) -> Sequence[ListView]:
    """Bring views of a record type: columns, filters, sort and grouping of its list.

    Asked once about each record type, when an archive is opened or gets the
    type, outside any transaction. A view says what is shown, never what is
    allowed: whoever uses it sees what their role lets them, and a view that
    filters, sorts or groups by what they may not read is not offered to them.

    Args:
        record_type: the type's key, such as ``customer``.

    Returns:
        The views of that type. Columns that the type lacks are left out, and so
        is a view whose filter, sort or group it lacks. A view that somebody
        saved under the same key counts before it; one whose key another plugin
        has for the type too quarantines every plugin that brings it.

    If it raises or returns anything else, the plugin is quarantined.
    """


@hookspec
def muniment_pages() -> Sequence[Page]:
    """Bring pages of the web interface, with their places in the navigation.

    Asked once, when an archive is opened, outside any transaction. A page is
    asked to show itself at each request, outside any transaction too, with the
    session of whoever looks: it sees what they may see, masked first, and each
    of its reads is an entry.

    Returns:
        The pages. What a page shows is values that the web interface makes
        markup; scripts and styles of its own do not run.

    If it raises or returns anything else, the plugin is quarantined. If a page
    raises, returns anything else or takes longer than five seconds, its reader
    is told so, and an entry ``plugin.fail`` names the line; nothing else is
    touched.
    """


@hookspec
def muniment_panels(record_type: str) -> Sequence[Panel]:
    """Bring panels that stand beside the records of a type in the web interface.

    Asked once about each record type, when an archive is opened or gets the
    type, outside any transaction. A panel is asked to show itself after the
    record's page is there, like a page.

    Args:
        record_type: the type's key, such as ``customer``.

    Returns:
        The panels of that type.

    If it raises or returns anything else, the plugin is quarantined. If a panel
    fails, that panel says so, as a page would.
    """


@hookspec
def muniment_columns(record_type: str) -> Sequence[Column]:
    """Say how the cells of columns look in the web interface's table of a type.

    Asked once about each record type, when an archive is opened or gets the
    type, outside any transaction. A column's function is called for each cell
    whose value the reader may see in clear, never for a mask.

    Args:
        record_type: the type's key, such as ``customer``.

    Returns:
        The columns. One for a field that another plugin draws too quarantines
        every plugin that brings it.

    If it raises or returns anything else, the plugin is quarantined. If a
    function raises or returns anything else, the value is shown as ever, and
    an entry ``plugin.fail`` names the line, once for each page.
    """


@hookspec
def muniment_retention_rules(record_type: str, fields: Mapping[str, str]) -> Sequence[RetentionRule]:
    """State how long the values of a record type are kept, as data.

    Asked once about each record type, when an archive is opened or gets the
    type, outside any transaction. The rules stand in the ruleset and are
    listed; the plugin does nothing by itself.

    Args:
        record_type: the type's key, such as ``customer``.
        fields: the retention category of each of its fields by the field's key, of
            those that plugins add too; read-only. A law that is about a category, whoever
            made the type, looks here.

    Returns:
        The rules for that type. A rule whose id another plugin has for the
        type too quarantines every plugin that states it.

    If it raises or returns anything else, the plugin is quarantined.
    """


@hookspec
def muniment_purposes() -> Sequence[Purpose]:
    """Name the purposes for which data is touched: W3C DPV terms with their labels.

    Asked once, when an archive is opened, outside any transaction. Naming a
    purpose allows nobody to give it.

    Returns:
        The purposes. Several plugins may name one.

    If it raises or returns anything else, the plugin is quarantined.
    """


@hookspec
def muniment_jurisdictions() -> Sequence[Jurisdiction]:
    """Say what a law wants of consents, of children, and on which days nobody works, as data.

    Asked once, when an archive is opened, outside any transaction. Nothing of it
    holds until a configuration names the jurisdiction: ``[consent] jurisdictions`` for
    separate consents and ages, ``[rights] calendar`` for the days.

    Returns:
        The jurisdictions. One whose key another plugin has too quarantines every
        plugin that brings it.

    If it raises or returns anything else, the plugin is quarantined; what rests on
    a jurisdiction that is named and not there is then refused.
    """


@hookspec
def muniment_alert_rules() -> Sequence[AlertRuleLike]:
    """Bring rules that say what is odd in the log.

    Asked once, when an archive is opened, outside any transaction. A rule's
    detector sees events in the order of the log, never a value of a record, and
    keeps a state that JSON can hold.

    Returns:
        ``muniment.alerts.AlertRule`` values. A rule whose key another plugin
        has too quarantines every plugin that brings it; one with the key of a
        core's rule takes its place.

    If it raises or returns anything else, the plugin is quarantined. If a
    detector raises, the run of the rules stops and says which rule it was.
    """


@hookspec
def muniment_regimes() -> Sequence[RegimeLike]:
    """Bring regimes: what each clause asks for, and the checks that look at it.

    Asked once, when an archive is opened, outside any transaction. A clause
    names checks of the core, or of the regime's own ``checks``, which are given
    the facts of one state of the archive and give a ``Finding``: figures and
    names, never a value of a record.

    Returns:
        ``muniment.regimes.Regime`` values, for instance of ``parse_regime``. A
        regime whose key another plugin has too quarantines every plugin that
        brings it; one with the key of a packaged regime takes its place.

    If it raises or returns anything else, the plugin is quarantined. A check
    that raises ends the report.
    """


@hookspec
def muniment_log_formats() -> Sequence[LogFormat]:
    """Bring forms in which other systems read entries of the log.

    Asked once, when an archive is opened, outside any transaction. A format's
    ``line`` is given the document of each entry that is streamed, after the
    reading was written down: identifiers and names of fields as whoever follows
    the log may see them, never a value of a record. What it gives is printed as
    one line.

    Returns:
        ``LogFormat`` values. One whose key another plugin or the core has too
        quarantines every plugin that brings it.

    If it raises or returns anything else, the plugin is quarantined. If a
    ``line`` raises or gives more than one line, the stream ends before that
    entry and says which plugin it was: nothing is skipped.
    """


@hookspec
def muniment_search_terms() -> Sequence[SearchTerms]:
    """Have texts found under further words, such as Chinese names under their Pinyin.

    Asked once, when an archive is opened, outside any transaction. The words of
    a text are hashed into the index ``words`` of its field like the text's own,
    and compared like those when a hit is opened; they are stored nowhere else.
    When the plugin is enabled, disabled or raises a version, the indexes are
    made anew. More words tell a thief of the database more: names that sound
    alike share tokens.

    Returns:
        ``SearchTerms`` values, each with a version and a function that is asked
        for every text of a field with that index, on every write and search.

    If it raises or returns anything else, the plugin is quarantined. If the
    function raises, the write or search is refused with the plugin's name.
    """


@hookspec
def muniment_roles() -> Sequence[RoleLike]:
    """Bring roles, to be given to users like those of the core.

    Asked once, when an archive is opened, outside any transaction. A role says
    the same here as under ``[roles.<key>]`` in ``muniment.toml``: actions, how
    each class and field is read, written, asked for and handed out, which records
    it reaches, under which purposes it counts. What it says of a type or field
    that an archive does not have grants nothing there.

    Returns:
        ``muniment.policy.Role`` values. A role whose key the core or another
        plugin has too quarantines every plugin that brings it.

    If it raises or returns anything else, the plugin is quarantined.
    """


@hookspec
def muniment_authorize(
    action: str, record_type: str, fields: Collection[str], record_id: str | None, context: HookContext
) -> Decision | None:
    """Refuse an access that roles would allow.

    Asked about every read and every write of a team's records, inside their
    transaction and after the policy has allowed them: once for a list, search or
    export as a whole, then for each record in it. A plugin can only take away: it
    grants nothing, and any denial decides. It must not write, wait for the
    network, or keep what it was told.

    Args:
        action: such as ``record.read``, ``record.list``, ``record.export`` or
            ``record.update``.
        record_type: the key of the type.
        fields: the keys of the fields that would be shown, or that change.
        record_id: the record's identifier; None for a list as a whole and for
            a record that is to be made.
        context: who acts, why, and through what.

    Returns:
        None for no objection, or a ``Decision``. A record that is denied answers
        like a missing one, and a list goes on without it and gives no count; the
        log says which plugin denied it, with the code.

    If it raises, or returns anything else, the access is refused with the
    plugin's name. A plugin that is enabled but not loaded is not asked: what it
    guards can be read and not written.
    """


@hookspec
def muniment_validate(
    record: RecordState, changes: Mapping[str, object], context: HookContext
) -> Iterable[Issue]:
    """Refuse a write, or warn about it.

    Asked before every commit, on every path (form, command, import, revert),
    after the core has normalised and validated the values and before anything
    is sealed. It must not write, wait for the network, or keep what it was
    shown.

    Args:
        record: the record as it stands, with the kind of each field; version 0 and no
            values before it exists.
        changes: the new value of each field that changes, None where a field
            is emptied. Read-only; empty for a deletion.
        context: who acts, why, which operation it is, and the region of values that name none.

    Returns:
        The problems found; empty or None when there is none. An issue is a
        field and a code, the code from the plugin's ``messages`` or the core's
        area ``value``; its parameters are names and numbers, never a value of
        the record. Severity ``error`` refuses the write, ``warning`` goes with it.

    If it raises, or returns anything else, the write is refused with the
    plugin's name, and the exception's message is not shown: it could hold a value.
    """


@hookspec
def muniment_needs_approval(
    record: RecordState, changes: Mapping[str, object], context: HookContext
) -> NeedsApproval | None:
    """Have a write wait until somebody else approved it.

    Asked before every commit, on every path (form, command, import, revert,
    deletion), after ``muniment_validate`` found nothing wrong and before
    anything is sealed; asked again when the change is approved, about what will
    then be written. It must not write, wait for the network, or keep what it was
    shown.

    Args:
        record: the record as it stands, with the kind of each field; version 0 and no
            values before it exists.
        changes: the new value of each field that changes, None where a field
            is emptied. Read-only; empty for a deletion and for undoing one.
        context: who wants the change, why, and which operation it is.

    Returns:
        What is needed, or None where this plugin needs nothing. What several
        plugins and the rules of the configuration ask for is needed all together,
        so the strictest wins and none takes anything back.

    If it raises, or returns anything else, the write is refused with the
    plugin's name, and the exception's message is not shown: it could hold a value.
    """


@hookspec
def muniment_after_commit(
    change_set: str | None, versions: Sequence[WrittenVersion], context: HookContext
) -> None:
    """Take notice of versions that are now in the archive.

    Called after every commit that wrote versions, outside the transaction, in
    the process that wrote. A crash between the commit and the call loses the
    call, so nothing that must happen may hang on it.

    Args:
        change_set: the identifier of what was written together, None for a
            single write.
        versions: what was written: identifiers and the names of the fields
            that changed, no values. Who needs a value reads it through a
            session, which logs that.
        context: who acted, why, and which operation it was.

    If it raises, the other plugins are still called, the write stands, and the
    failure is logged as ``plugin.fail`` with the type, file and line.
    """


@hookspec
def muniment_before_erase(subject_id: str, plan: ErasurePlan, context: HookContext) -> Iterable[Issue]:
    """Refuse an erasure, such as one of somebody whose goods are on their way.

    Asked once about each subject of whom something is to be erased, on every path
    (request, retention, one record, one category), in the transaction that begins
    the erasure: after holds and duties to keep, and before anything is written or
    destroyed. Not asked where data that came back with a restore is erased again.
    It must not write, wait for the network, or keep what it was shown. Who needs a
    value reads it before, through a session.

    Args:
        subject_id: whose it is; the archive's identifier where it is nobody's.
        plan: what goes: identifiers, names of types and categories, counts. No values.
        context: who acts and why; the operation is ``erase``.

    Returns:
        The problems found; empty or None when there is none. A code comes from the
        plugin's ``messages``. Severity ``error`` refuses the erasure of all that was to go
        of this subject; somebody's request is then refused as a whole, retention goes
        on with others. The log names the plugin and the code.

    If it raises, or returns anything else, the erasure is refused with the plugin's
    name. A plugin that is enabled but not loaded is not asked: data outlives its
    plugin, and can be erased without it.
    """


@hookspec
def muniment_after_erase(certificate: ErasedNotice) -> None:
    """Take notice of an erasure, such as to have another system erase as well.

    Called once for each erasure, outside any transaction, after everything is
    destroyed and the certificate is written. One that a crash cut short is told
    about by the process that finishes it, when it opens the archive. A crash between the
    certificate and the call loses the call; ``session.erasures.certificates()`` lists all, so
    that a plugin can catch up.

    Args:
        certificate: the erasure's identifier, and what went: identifiers, names of types and categories.
            No values: there are none left.

    If it raises, the other plugins are still called, the erasure stands, and the
    failure is logged as ``plugin.fail`` with the type, file and line.
    """
