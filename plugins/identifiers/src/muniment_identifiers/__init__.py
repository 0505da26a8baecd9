"""Field kinds for the numbers that identify people, bodies, accounts, cards, goods and places.

A plugin of a team adds further ones that python-stdnum knows with one line each::

    from muniment_identifiers import stdnum_kind, stdnum_messages

    stdnum_kind("mu_nid", "mu.nid", "Identity number (Mauritius)", "毛里求斯身份号码", area="clinic")

and puts ``stdnum_messages("clinic")`` among its messages.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from muniment import hookimpl
from muniment.errors import Issue
from muniment.plugins import HookContext, PluginInfo, RecordState
from muniment.schema import FieldKind
from muniment_identifiers._advice import RECOMMENDED_CLASS, RECOMMENDED_INDEX
from muniment_identifiers._agree import disagreements
from muniment_identifiers._kinds import KINDS
from muniment_identifiers._stdnum import stdnum_kind, stdnum_messages
from muniment_identifiers._texts import MESSAGES, TITLE

__all__ = [
    "KINDS",
    "RECOMMENDED_CLASS",
    "RECOMMENDED_INDEX",
    "muniment_field_kinds",
    "muniment_plugin_info",
    "muniment_validate",
    "stdnum_kind",
    "stdnum_messages",
]


@hookimpl
def muniment_plugin_info() -> PluginInfo:
    """Say what the plugin is."""
    return PluginInfo("identifiers", ">=1,<2", title=TITLE, messages=MESSAGES)


@hookimpl
def muniment_field_kinds() -> Sequence[FieldKind]:
    """Add the kinds; ``RECOMMENDED_INDEX`` names them all."""
    return KINDS


@hookimpl
def muniment_validate(
    record: RecordState, changes: Mapping[str, object], context: HookContext
) -> Iterable[Issue]:
    """Find numbers that contradict the record: its birth date, sex, place or country."""
    return disagreements(record, changes, context)
