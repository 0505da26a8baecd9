"""The version that somebody saw of what they put something in the place of."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Seen", "any_version"]

Seen = Callable[[int], None]
"""Told which version is about to be replaced, 0 for none; raises where that is not the one that was seen.

What is told is what the writing compares: whoever saves between the two makes it fail as a conflict.
"""


def any_version(version: int) -> None:
    """Let whatever is there be replaced: for whoever says all of it anew and saw nothing."""
