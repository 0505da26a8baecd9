"""The files that browsers load: our own, and those that the build brought; each under its hash."""

from __future__ import annotations

import base64
import hashlib
import json
from importlib import resources
from importlib.resources.abc import Traversable

import attrs

from muniment.errors import ConfigError

__all__ = ["Asset", "Assets"]

_TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
}
# Scripts that take something from others; each after those that it names.
_TAKES = {
    "editors.js": ("grid.js",),
    "tray.js": ("grid.js", "editors.js"),
    "columns.js": ("grid.js", "editors.js"),
    "fill.js": ("grid.js", "series.js"),
}
# Browsers load them as one sheet; what stands later wins.
_STYLES = (
    "base",
    "frame",
    "forms",
    "record",
    "tables",
    "dialogs",
    "oversight",
    "phone",
    "pages",
    "media",
)
_LICENCES = {"htmx.LICENSE": "htmx-license.txt"}


@attrs.frozen
class Asset:
    """One file.

    Attributes:
        content: its bytes.
        media_type: its type.
        integrity: as a browser checks it (W3C Subresource Integrity).
        path: where browsers find it; changes with the content.
    """

    content: bytes
    media_type: str
    integrity: str
    path: str


def _asset(name: str, content: bytes) -> Asset:
    digest = hashlib.sha384(content).digest()
    return Asset(
        content,
        _TYPES[name.rpartition(".")[2]],
        "sha384-" + base64.b64encode(digest).decode("ascii"),
        f"/static/{digest.hex()[:16]}/{name}",
    )


class Assets:
    """All of them, read and checked once.

    Raises:
        ConfigError: ``serve.assets`` where the build's files are not there or not what the build took.
    """

    def __init__(self) -> None:
        own = resources.files("muniment_web").joinpath("static")
        held = {one.name: one.read_bytes() for one in own.iterdir() if one.is_file()}
        styles = b"\n".join(own.joinpath("styles", f"{name}.css").read_bytes() for name in _STYLES)
        # A style sheet names a picture by its place, and that depends on what is in it.
        lock = _asset("lock.svg", held["lock.svg"])
        held["app.css"] = styles.replace(b"LOCK", lock.path.encode())
        # So does a script that another one takes something from.
        for name, named in _TAKES.items():
            for other in named:
                place = _asset(other, held[other]).path
                held[name] = held[name].replace(f"./{other}".encode(), place.encode())
        self._by_name = {name: _asset(name, content) for name, content in held.items()}
        self._brought(resources.files("muniment_web").joinpath("assets"))
        self._by_path = {one.path: one for one in self._by_name.values()}

    def _brought(self, folder: Traversable) -> None:
        manifest = folder.joinpath("manifest.json")
        if not manifest.is_file():
            raise ConfigError("serve.assets", where="htmx.js")
        listed = json.loads(manifest.read_text(encoding="utf-8"))["files"]
        for name in ("htmx.js", "htmx.LICENSE"):
            shown = _LICENCES.get(name, name)
            made = _asset(shown, folder.joinpath(name).read_bytes())
            if made.integrity != listed.get(name):
                raise ConfigError("serve.assets", where=name)
            self._by_name[shown] = made

    def __getitem__(self, name: str) -> Asset:
        """The file of that name."""
        return self._by_name[name]

    def at(self, path: str) -> Asset | None:
        """The file at a path, if there is one: paths are looked up, never walked."""
        return self._by_path.get(path)
