"""A word beside a number: one entry, two entries.

In an English text ``{count:entry|entries}`` stands for the number and the form that fits it. Chinese has one
form for both, and writes ``{count}``. Where a verb goes with the number it stands in both forms:
``{count:row is|rows are}``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

__all__ = ["counted"]

_FORMS: Final = re.compile(r"\{(\w+):([^|{}]*)\|([^{}]*)\}")


def counted(text: str, parameters: Mapping[str, object]) -> str:
    """A text in which each number has its word; the parameters themselves stay to be filled in.

    Args:
        text: what may hold ``{name:one|many}``.
        parameters: the numbers by name, as such or as they are written.
    """
    if "|" not in text:
        return text

    def form(found: re.Match[str]) -> str:
        name, one, many = found.groups()
        return f"{{{name}}} {one if str(parameters.get(name)) == '1' else many}"

    return _FORMS.sub(form, text)
