"""The API under ``/api/v1``: the same sessions, policy and log as everything else, as JSON."""

from __future__ import annotations

from muniment_web.api._app import build_api, refused

__all__ = ["build_api", "refused"]
