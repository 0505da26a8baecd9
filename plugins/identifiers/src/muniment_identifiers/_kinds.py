"""All kinds that the plugin brings."""

from __future__ import annotations

from typing import Final

from muniment.schema import FieldKind
from muniment_identifiers import (
    _america,
    _china,
    _finance,
    _goods,
    _health,
    _national,
    _postal,
    _tax,
    _travel,
)

__all__ = ["KINDS"]

KINDS: Final[tuple[FieldKind, ...]] = (
    *_china.KINDS,
    *_travel.KINDS,
    *_finance.KINDS,
    *_america.KINDS,
    *_health.KINDS,
    *_tax.KINDS,
    *_postal.KINDS,
    *_goods.KINDS,
    *_national.KINDS,
)
"""What ``muniment_field_kinds`` returns."""
