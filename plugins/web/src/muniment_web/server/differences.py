"""What differs between two texts that people edit."""

from __future__ import annotations

import difflib

__all__ = ["differing_lines"]


def differing_lines(before: str, after: str) -> list[str]:
    """The lines of a unified diff without its head; empty where nothing differs but white space around."""
    old, new = before.strip().splitlines(), after.strip().splitlines()
    return list(difflib.unified_diff(old, new, lineterm="", n=2))[2:]
