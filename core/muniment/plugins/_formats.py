"""Forms in which other systems read the log, as plugins bring them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import attrs

from muniment.errors import PluginError
from muniment.plugins._calls import failure_of, raised

if TYPE_CHECKING:
    from muniment.schema import Label

__all__ = ["CORE_FORMATS", "LogFormat", "guarded"]


@attrs.frozen
class LogFormat:
    """A form in which another system reads entries of the log, a line each.

    Attributes:
        key: as ``muniment log follow --format`` names it.
        label: in English and Chinese.
        line: makes one line, without its end, of an entry's document: identifiers and names of fields, as
            whoever follows the log may see them, never a value of a record.
    """

    key: str
    label: Label
    line: Callable[[Mapping[str, Any]], str]


CORE_FORMATS: Final = frozenset({"cef", "fhir", "ndjson", "ocsf"})
"""Keys of the formats that the core brings; no plugin's takes their place."""


def guarded(plugin: str, made: LogFormat) -> LogFormat:
    """A plugin's form whose failures name the plugin and never what the plugin said."""
    return attrs.evolve(made, line=partial(_line, plugin, made))


def _line(plugin: str, made: LogFormat, document: Mapping[str, Any]) -> str:
    """One line of an entry.

    Raises:
        PluginError: ``plugin.raised`` with the place, ``plugin.log_line`` where it is not one line.
    """
    try:
        line: object = made.line(document)
    except Exception as error:
        raise raised(failure_of(plugin, "muniment_log_formats", error)) from None
    if not isinstance(line, str) or len(line.splitlines()) != 1:
        raise PluginError("plugin.log_line", name=plugin, key=made.key)
    return line
