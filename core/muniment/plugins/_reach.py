"""Which record types plugins may add to where no archive is at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from muniment.plugins._set import PluginSet
    from muniment.schema import RecordType

__all__ = ["types_in_reach"]


def types_in_reach(plugins: PluginSet) -> tuple[RecordType, ...]:
    """The record types of plugins, of the templates that they ship, and of the packaged templates.

    Args:
        plugins: loaded.
    """
    # Only here: an archive without plugins must not pay for the schema at every start.
    import muniment_schemas
    from muniment.schema import parse_type

    found: dict[str, RecordType] = {}
    for plugin in plugins.loaded:
        own = (*plugin.record_types, *(one for template in plugin.templates for one in template.types))
        for record_type in own:
            found.setdefault(record_type.key, record_type)
    for name in muniment_schemas.names("types"):
        packaged = parse_type(muniment_schemas.read("types", name), where=f"types/{name}.toml")
        found.setdefault(packaged.key, packaged)
    return tuple(found.values())
