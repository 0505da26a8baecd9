"""What a token may be used for."""

from __future__ import annotations

from typing import Final

__all__ = ["SCOPES"]

SCOPES: Final = ("read", "write", "export", "rights", "log", "setup")
"""What a token may be used for; its owner's roles bound it further.

``read`` sees records and what stands around them, ``write`` changes them, ``export`` hands data out of
the house (files, reports, letters), ``rights`` does what persons ask for and what ends a record's life,
``log`` reads the log and does what oversight does, ``setup`` concerns users, roles and other systems.
"""
