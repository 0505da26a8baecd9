"""The web pages and the API of muniment: ``muniment serve`` finds them here."""

from __future__ import annotations

from muniment_web._serve import serve

__all__ = ["serve"]
