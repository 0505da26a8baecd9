"""How long values are kept: rules as data, and what they come to; pure."""

from __future__ import annotations

__all__: list[str] = []
