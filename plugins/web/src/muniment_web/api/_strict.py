"""Bodies as JSON that says one thing only."""

from __future__ import annotations

import json
from typing import Any, Final

from starlette.requests import Request

from muniment_web.server.strict import strict_json

__all__ = ["StrictRequest"]

_PROBLEM: Final = "The body is no JSON."


class StrictRequest(Request):
    """A request whose body is read strictly."""

    async def json(self) -> Any:
        """The body.

        Raises:
            json.JSONDecodeError: as ``strict_json``; nothing of the body is in it.
        """
        try:
            return strict_json(await self.body())
        except ValueError:
            raise json.JSONDecodeError(_PROBLEM, "", 0) from None
