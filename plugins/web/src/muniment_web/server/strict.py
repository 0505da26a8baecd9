"""JSON that says one thing only: no name twice, no number that is none, no text that is none."""

from __future__ import annotations

import json
from typing import Any, Final

__all__ = ["strict_json"]

_DIGITS: Final = 100
_DEPTH: Final = 32
_LARGE: Final = 1 << 20
_MOST: Final = 100_000
_PROBLEM: Final = "This is no JSON."


def strict_json(content: bytes | str) -> Any:
    """A JSON document; two readers of it cannot come to different ends.

    Args:
        content: UTF-8, without a mark at its beginning.

    Raises:
        ValueError: it is none, names a member twice, holds NaN or an infinity, a number of
            more than 100 digits, half a character, is nested deeper than 32, or larger than a
            megabyte with more than 100,000 members.
    """
    try:
        if len(content) > _LARGE:
            _check_many(content if isinstance(content, bytes) else content.encode("utf-8"))
        text = content.decode("utf-8") if isinstance(content, bytes) else content
        found = json.loads(
            text, object_pairs_hook=_once, parse_constant=_refuse, parse_int=_integer, parse_float=_float
        )
        # Half of a surrogate pair is no character, and nothing could store it.
        if "\\u" in text:
            json.dumps(found, ensure_ascii=False).encode("utf-8")
        _check_depth(found, _DEPTH)
    except (ValueError, RecursionError):
        raise ValueError(_PROBLEM) from None
    return found


def _check_many(content: bytes) -> None:
    """Refuse a large body of very many members: it would grow a hundredfold when it is read."""
    if sum(content.count(mark) for mark in (b",", b"[", b"{")) > _MOST:
        raise ValueError(_PROBLEM)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError(_PROBLEM)
    return found


def _refuse(name: str) -> Any:
    raise ValueError(_PROBLEM)


def _integer(text: str) -> int:
    if len(text) > _DIGITS:
        raise ValueError(_PROBLEM)
    return int(text)


def _float(text: str) -> float:
    found = float(text)
    if len(text) > _DIGITS or found in (float("inf"), float("-inf")):
        raise ValueError(_PROBLEM)
    return found


def _check_depth(found: Any, left: int) -> None:
    if left == 0:
        raise ValueError(_PROBLEM)
    if isinstance(found, dict):
        for one in found.values():
            _check_depth(one, left - 1)
    elif isinstance(found, list):
        for one in found:
            _check_depth(one, left - 1)
