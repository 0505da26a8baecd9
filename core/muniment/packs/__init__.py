"""For plugins that are mostly data: what they bring as TOML beside their code, and their checks as a table.

A plugin of an industry has hundreds of labels and a dozen lines of logic. It keeps the
labels in files that people who know the trade can read and mend, and its entry point
names what ``plugin_of`` gives: a hook for each file, and those of its own::

    DATA = Pack(__name__)
    PLUGIN = plugin_of(DATA, muniment_needs_approval, checks=CHECKS)

The files stand in the plugin's package, and each may be missing:

- ``plugin.toml``: name, title, what it needs, what can be set, purposes, and the texts of its codes;
- ``roles.toml``: roles, in the form of ``muniment.toml``;
- ``types.toml``: record types, in the form of a template;
- ``templates/NAME.toml``: templates;
- ``fields.toml``: what it adds to types of others;
- ``rules.toml``: retention rules;
- ``jurisdictions.toml``: separate consents, ages and holidays of laws.
"""

from __future__ import annotations

from muniment.packs._checks import Check, Checks, adds_up, needs, not_above, not_before
from muniment.packs._data import Pack
from muniment.packs._hooks import plugin_of

__all__ = ["Check", "Checks", "Pack", "adds_up", "needs", "not_above", "not_before", "plugin_of"]
