"""One base error, a stable ``code`` for each failure, and texts from a catalogue.

An error carries a code and parameters, never a sentence: the sentence is made
from ``messages/<area>.toml`` in the reader's language, where the area is the
part of the code before the first dot. That keeps values of records out of
errors by construction: parameters are names, numbers, paths and codes only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import attrs

from muniment.counting import counted

__all__ = [
    "AccessDenied",
    "ApprovalNeeded",
    "ConfigError",
    "Conflict",
    "IntegrityError",
    "Invalid",
    "Issue",
    "KeyStoreError",
    "LogError",
    "MunimentError",
    "NotFound",
    "PluginError",
    "StoreError",
    "UsageError",
    "add_catalogue",
    "has_area",
    "has_text",
    "text_of",
]

_added: dict[str, Mapping[str, Mapping[str, str]]] = {}


@cache
def _own(area: str) -> Mapping[str, Mapping[str, str]]:
    # Here and not above: a command that goes well pays for neither.
    import tomllib
    from importlib import resources

    source = resources.files("muniment").joinpath("messages", f"{area}.toml")
    return tomllib.loads(source.read_text(encoding="utf-8")) if source.is_file() else {}


def _area(area: str) -> Mapping[str, Mapping[str, str]]:
    return _own(area) or _added.get(area, {})


def add_catalogue(area: str, texts: Mapping[str, Mapping[str, str]]) -> None:
    """Give the codes of a plugin their texts.

    Args:
        area: the part of the codes before the first dot, the plugin's name.
        texts: for each code ``en`` and ``zh``, and maybe ``hint_en`` and ``hint_zh``.

    Raises:
        PluginError: ``plugin.area`` where muniment itself has codes in that area.
    """
    if _own(area):
        raise PluginError("plugin.area", name=area)
    _added[area] = texts


def has_area(area: str) -> bool:
    """Whether muniment itself has codes in an area, so that no plugin can be named so."""
    return bool(_own(area))


def has_text(code: str) -> bool:
    """Whether some catalogue has a text for a code."""
    return code in _area(code.partition(".")[0])


def text_of(code: str, lang: str = "en", /, **parameters: Any) -> tuple[str, str]:
    """Give what happened and what to do about it, for one code.

    Args:
        code: a dotted code, such as ``store.missing``.
        lang: ``en`` or ``zh``.
        parameters: names, numbers and paths that the text mentions; in Chinese ``name_zh`` stands
            in for ``name``.

    Returns:
        The sentence and the hint; the hint may be empty.
    """
    entry = _area(code.partition(".")[0]).get(code)
    if entry is None:
        return code, ""
    what = entry.get(lang, entry["en"])
    hint = entry.get(f"hint_{lang}", entry.get("hint_en", ""))
    named = {key: value for key, value in parameters.items() if value is not None}
    # What there is may be nothing; a list that is empty reads as if it had been lost.
    if named.get("known") == "":
        named["known"] = "—"
    if lang == "zh":
        named |= {key[:-3]: value for key, value in named.items() if key.endswith("_zh")}
    filled = _Blank(named)
    return counted(what, named).format_map(filled), counted(hint, named).format_map(filled)


class _Blank(dict[str, Any]):
    """Shows a parameter that was not given by its name, so that a text never fails."""

    def __missing__(self, key: str) -> str:
        return key


def _after(text: str, hint: str) -> str:
    """A text with a hint behind it; no space comes after a full-width stop."""
    space = "" if text.endswith(("。", "！", "？")) else " "
    return f"{text}{space}{hint}" if hint else text


class MunimentError(Exception):
    """The base of every error of muniment; never raised itself.

    Args:
        code: the stable code, ``area.name``.
        where: the file, table, record id, field or row it is about.
        parameters: what the text mentions; never a value of a record.
    """

    def __init__(self, code: str, *, where: str | None = None, **parameters: Any) -> None:
        super().__init__(code)
        self.code = code
        self.where = where
        self.parameters = parameters
        self.refused_by: tuple[str, str] | None = None
        """The plugin that refused and its code, for the log alone: the answer is that of a missing record."""

    def text(self, lang: str = "en") -> str:
        """The error on one line: what, where, what to do, and the code."""
        what, hint = text_of(self.code, lang, where=self.where, **self.parameters)
        place = f" ({self.where})" if self.where and self.where not in what else ""
        return f"{_after(what + place, hint)} [{self.code}]"

    def hint(self, lang: str = "en") -> str:
        """What to do about it, on its own; may be empty."""
        return text_of(self.code, lang, where=self.where, **self.parameters)[1]

    def __str__(self) -> str:
        return self.text()


class UsageError(MunimentError):
    """The call itself is wrong: an unknown name, a missing argument."""


class NotFound(MunimentError):
    """Nothing there that this actor may see; missing and denied answer alike."""


class AccessDenied(MunimentError):
    """The policy refuses, or a hold stands in the way."""


class Conflict(MunimentError):
    """Somebody else moved first."""


class IntegrityError(MunimentError):
    """Something that was stored is not what was stored."""


class StoreError(MunimentError):
    """The store cannot do it: locked, full, read-only, of another format."""


class KeyStoreError(MunimentError):
    """The key store or a root slot cannot do it."""


class LogError(MunimentError):
    """The log cannot be extended or signed."""


class ConfigError(MunimentError):
    """``muniment.toml`` or a template is wrong."""


class PluginError(MunimentError):
    """A plugin is broken, missing, or collides with another."""


class ApprovalNeeded(MunimentError):
    """The change was put aside and waits for a second person."""


@attrs.frozen
class Issue:
    """One problem with one field: a field and a code, never the value.

    Attributes:
        code: the stable code, in the area ``value`` or ``plugin``'s own.
        field: the key of the field, or None for the record as a whole.
        severity: ``error`` refuses the write, ``warning`` goes with it.
        parameters: names and numbers that the text mentions.
    """

    code: str
    field: str | None = None
    severity: str = "error"
    parameters: Mapping[str, Any] = attrs.field(factory=dict)

    def text(self, lang: str = "en") -> str:
        """The problem in words, from the catalogue."""
        what, hint = text_of(self.code, lang, field=self.field, **self.parameters)
        place = f"{self.field}: " if self.field and self.field not in what else ""
        return place + _after(what, hint)


class Invalid(MunimentError):
    """Values were refused; ``issues`` holds every problem, not only the first."""

    def __init__(self, issues: Iterable[Issue], *, where: str | None = None) -> None:
        self.issues = tuple(issues)
        super().__init__("value.invalid", where=where, count=len(self.issues))

    def text(self, lang: str = "en") -> str:
        """Every problem, on one line."""
        place = f" ({self.where})" if self.where else ""
        listed = "; ".join(f"{issue.text(lang)} [{issue.code}]" for issue in self.issues)
        return f"{text_of(self.code, lang, count=len(self.issues))[0]}{place}: {listed}"
