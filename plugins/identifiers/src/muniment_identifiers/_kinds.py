"""All kinds that the plugin brings."""

from __future__ import annotations

from typing import Final

import attrs

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
from muniment_identifiers._examples import EXAMPLES

__all__ = ["KINDS"]

_ALL: Final[tuple[FieldKind, ...]] = (
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

KINDS: Final = tuple(attrs.evolve(kind, examples=(EXAMPLES[kind.name],)) for kind in _ALL)
"""What ``muniment_field_kinds`` returns."""
