"""The stores that can keep an archive: SQLite here, others beside it under one contract."""

from __future__ import annotations

__all__: list[str] = []
