"""Find plugins, check them, put broken ones aside with the reason, and ask the sound ones.

A plugin is an entry point of the group ``muniment``, or a file in the folder of an
archive's own plugins: a module or an object with functions marked
``@muniment.hookimpl`` (the hooks: ``muniment.hookspecs``).
Installed is not enabled: an archive names the plugins it uses, and only those
are imported. The loader goes plugin by plugin; what is wrong with one
plugin quarantines that plugin alone, so that help, ``plugin list``, ``plugin
disable`` and ``log verify`` go on working. Writing does not: while a plugin is
enabled and not loaded, its checks cannot be asked, and every write is refused.
"""

from __future__ import annotations

from muniment.plugins._calls import ask_loading
from muniment.plugins._declared import (
    EFFECTS,
    ENDINGS,
    EVENTS,
    AlertRuleLike,
    Purpose,
    RegimeLike,
    RetentionCondition,
    RetentionRule,
    RetentionTerm,
    RoleLike,
    SearchTerms,
)
from muniment.plugins._formats import CORE_FORMATS, LogFormat
from muniment.plugins._jurisdictions import ACTS, Jurisdiction, SeparateConsent
from muniment.plugins._load import API, GROUP, Installed, installed, load, needed
from muniment.plugins._pages import (
    TONES,
    Asking,
    Block,
    Column,
    Drawn,
    Facts,
    Form,
    Html,
    Input,
    Link,
    Page,
    Panel,
    Table,
    Text,
)
from muniment.plugins._plugin import Brought, Plugin
from muniment.plugins._reach import types_in_reach
from muniment.plugins._set import PluginSet
from muniment.plugins._values import (
    Decision,
    ErasedNotice,
    ErasurePlan,
    ErasureTarget,
    HookContext,
    NeedsApproval,
    Pin,
    PluginFailure,
    PluginInfo,
    RecordState,
    WrittenVersion,
)

__all__ = [
    "ACTS",
    "API",
    "CORE_FORMATS",
    "EFFECTS",
    "ENDINGS",
    "EVENTS",
    "GROUP",
    "TONES",
    "AlertRuleLike",
    "Asking",
    "Block",
    "Brought",
    "Column",
    "Decision",
    "Drawn",
    "ErasedNotice",
    "ErasurePlan",
    "ErasureTarget",
    "Facts",
    "Form",
    "HookContext",
    "Html",
    "Input",
    "Installed",
    "Jurisdiction",
    "Link",
    "LogFormat",
    "NeedsApproval",
    "Page",
    "Panel",
    "Pin",
    "Plugin",
    "PluginFailure",
    "PluginInfo",
    "PluginSet",
    "Purpose",
    "RecordState",
    "RegimeLike",
    "RetentionCondition",
    "RetentionRule",
    "RetentionTerm",
    "RoleLike",
    "SearchTerms",
    "SeparateConsent",
    "Table",
    "Text",
    "WrittenVersion",
    "ask_loading",
    "installed",
    "load",
    "needed",
    "types_in_reach",
]
