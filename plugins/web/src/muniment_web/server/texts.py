"""What the pages say, in English and Simplified Chinese: one TOML file for each area of the pages."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from typing import Any

from markupsafe import Markup, escape

from muniment.counting import counted

__all__ = ["LANGUAGES", "Say", "all_texts", "asked_language"]

LANGUAGES = ("en", "zh")


def asked_language(header: str) -> str | None:
    """The first language of an ``Accept-Language`` that there are texts in; None where it names none."""
    for part in header.split(","):
        start = part.partition(";")[0].strip().partition("-")[0].lower()
        if start in LANGUAGES:
            return start
    return None


@cache
def all_texts() -> dict[str, dict[str, str]]:
    """Every text by its key, ``area.name``."""
    found: dict[str, dict[str, str]] = {}
    for file in sorted(resources.files("muniment_web").joinpath("texts").iterdir(), key=lambda one: one.name):
        if file.name.endswith(".toml"):
            for key, text in tomllib.loads(file.read_text(encoding="utf-8")).items():
                found[f"{file.name.removesuffix('.toml')}.{key}"] = text
    return found


def _filled(text: str, parameters: dict[str, Any]) -> str:
    # What gets no parameters here is filled in by a script.
    return counted(text, parameters).format(**parameters) if parameters else text


class Say:
    """Gives texts in one language; a key that is not there is an error, which a test finds.

    Args:
        lang: ``en`` or ``zh``.
    """

    def __init__(self, lang: str) -> None:
        self.lang = lang
        self._texts = {key: text[lang] for key, text in all_texts().items()}

    def __call__(self, key: str, /, **parameters: Any) -> str:
        """A text with its parameters filled in."""
        return _filled(self._texts[key], parameters)

    def hint(self, code: str, /, **parameters: Any) -> str:
        """What to do about an error on a page, where the core's hint names a command's option; else empty."""
        return _filled(self._texts.get(f"hint.{code}", ""), parameters)

    def marked(self, key: str, /, **parameters: Any) -> Markup:
        """A text of which the parameters may be markup; the text itself is escaped."""
        return Markup(str(escape(counted(self._texts[key], parameters)))).format(**parameters)
