"""Under which names the pages answer: a name that leads here without being ours is somebody's trick.

A page of another site can have its own name lead to this machine (DNS rebinding); its
script then speaks to what listens here as if that were its own. An address in place of a
name cannot be made to lead elsewhere, so every address is taken.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from starlette.types import Scope

from muniment_web.server.settings import Settings

__all__ = ["Hosts"]

_HOST: Final = re.compile(rb"(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+))(?::[0-9]{1,5})?")


class Hosts:
    """The names of one server.

    Args:
        settings: how it is served.
    """

    def __init__(self, settings: Settings) -> None:
        self._names = {"localhost", urlsplit(settings.base).hostname or "", settings.host}

    def known(self, scope: Scope) -> bool:
        """Whether a request names us, exactly once."""
        named = [value for name, value in scope["headers"] if name == b"host"]
        found = _HOST.fullmatch(named[0]) if len(named) == 1 else None
        if found is None:
            return False
        name = (found[1] or found[2]).decode("ascii").lower().rstrip(".")
        return name in self._names or _is_address(name)


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
