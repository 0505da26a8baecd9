"""The API for those who write against it: described on a page that needs nothing from elsewhere."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response
from starlette.routing import BaseRoute

from muniment_web.frame.call import Call
from muniment_web.frame.routing import page

__all__ = ["routes"]


def routes() -> list[BaseRoute]:
    """The routes of this area."""
    return [page("/api", show)]


def show(call: Call) -> Response:
    """Every call of the API."""
    document = call.request.app.state.api.openapi()
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, verbs in document["paths"].items():
        for verb, one in verbs.items():
            body = one.get("requestBody", {}).get("content", {}).get("application/json", {})
            name = body.get("schema", {}).get("$ref", "").rpartition("/")[2]
            members = document["components"]["schemas"].get(name, {})
            groups.setdefault(one.get("tags", ["other"])[0], []).append(
                {
                    "verb": verb.upper(),
                    "path": f"/api/v1{path}",
                    "summary": one.get("description", one["summary"]).split("\n")[0],
                    "parameters": [
                        {
                            "name": given["name"],
                            "where": given["in"],
                            "text": given.get("description", ""),
                        }
                        for given in one.get("parameters", ())
                        if given["in"] != "path"
                    ],
                    "members": [
                        {"name": key, "text": member.get("description", "")}
                        for key, member in members.get("properties", {}).items()
                    ],
                    "required": set(members.get("required", ())),
                    "answers": sorted(code for code in one["responses"] if code.startswith("2")),
                }
            )
    return call.page("api.html", groups=groups, base=call.web.settings.base)
