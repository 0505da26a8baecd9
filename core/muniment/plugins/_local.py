"""An archive's own plugins: files in a folder, hashed, and run from the very bytes that were hashed.

A plugin is a module (``clinic.py``) or a package (``clinic/__init__.py``) in the
folder. Nothing is put on the import path and no bytecode cache is read or
written: what the digest names is what runs.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Sequence
from importlib import abc, import_module, machinery, util
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import attrs

from muniment.errors import PluginError

__all__ = ["LocalPlugin", "import_local", "local_plugins", "read_local"]

_NAME = re.compile(r"[a-z][a-z0-9_]*")
# What stands beside plugins and is none.
_OTHERS = re.compile(r"conftest|setup|test_.*|.*_test|tests")


@attrs.frozen
class LocalPlugin:
    """A plugin in a folder, as it was read.

    Attributes:
        name: of the file or folder, without its ending.
        path: the module, or the package's ``__init__.py``.
        digest: hex. A module's is the SHA-256 of its bytes, as ``sha256sum`` prints it; a package's is
            the SHA-256 of the lines that ``sha256sum`` prints for its files in the order of their
            names, as they are called from inside the package.
        files: the bytes of each file, by its name from inside the package.
    """

    name: str
    path: Path
    digest: str
    files: dict[str, bytes] = attrs.field(repr=False)


def local_plugins(folder: Path) -> dict[str, tuple[Path, ...]]:
    """Where the plugins of a folder lie, by name, without reading them.

    Args:
        folder: need not be there.

    Returns:
        One path for each name; two where a module and a package have one name.
    """
    found: dict[str, list[Path]] = {}
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return {}
    for name in names:
        path = folder / name
        stem = name.removesuffix(".py")
        if name.endswith(".py"):
            whole = path.is_file()
        else:
            path = path / "__init__.py"
            whole = path.is_file()
        if whole and _NAME.fullmatch(stem) and not _OTHERS.fullmatch(stem):
            found.setdefault(stem, []).append(path)
    return {name: tuple(paths) for name, paths in found.items()}


def read_local(name: str, path: Path) -> LocalPlugin:
    """Read a plugin and take its digest.

    Args:
        name: the plugin's name.
        path: the module, or the package's ``__init__.py``.

    Raises:
        PluginError: ``plugin.unreadable``, with the file.
    """
    if path.name != "__init__.py":
        data = _read(name, path)
        return LocalPlugin(name, path, hashlib.sha256(data).hexdigest(), {path.name: data})
    files = {}
    for folder, inner, found in os.walk(path.parent):
        inner[:] = sorted(one for one in inner if one != "__pycache__")
        for one in sorted(found):
            place = Path(folder, one)
            files[place.relative_to(path.parent).as_posix()] = _read(name, place)
    files = dict(sorted(files.items()))
    lines = "".join(f"{hashlib.sha256(data).hexdigest()}  {file}\n" for file, data in files.items())
    return LocalPlugin(name, path, hashlib.sha256(lines.encode("utf-8")).hexdigest(), files)


def _read(name: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        raise PluginError("plugin.unreadable", name=name, file=str(path)) from None


def import_local(plugin: LocalPlugin) -> ModuleType:
    """Run a plugin's bytes as a module, once in a process for the same bytes of the same file.

    Args:
        plugin: as it was read.

    Raises:
        Exception: whatever the plugin raises.
    """
    place = hashlib.sha256(f"{plugin.digest} {plugin.path}".encode()).hexdigest()[:16]
    module = f"muniment_local_{place}_{plugin.name}"
    if _FINDER not in sys.meta_path:
        sys.meta_path.append(_FINDER)
    _FINDER.plugins[module] = plugin
    return import_module(module)


@attrs.define(eq=False)
class _Finder(abc.MetaPathFinder):
    """Finds the modules of local plugins among the bytes that were read."""

    plugins: dict[str, LocalPlugin] = attrs.field(factory=dict)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> machinery.ModuleSpec | None:
        top, _, rest = fullname.partition(".")
        plugin = self.plugins.get(top)
        if plugin is None:
            return None
        home = plugin.path.parent
        if plugin.path.name != "__init__.py":
            names = {plugin.path.name: False} if not rest else {}
        else:
            inner = rest.replace(".", "/")
            names = {f"{inner}/__init__.py".lstrip("/"): True, f"{inner}.py": False}
        for name, package in names.items():
            if name in plugin.files:
                loader: Any = _Loader(plugin.files[name], str(home / name))
                spec = machinery.ModuleSpec(fullname, loader, origin=loader.path, is_package=package)
                spec.has_location = True
                if package:
                    spec.submodule_search_locations = [str((home / name).parent)]
                return spec
        return None


_FINDER = _Finder()


@attrs.define(eq=False)
class _Loader(abc.InspectLoader):
    """Runs bytes that were read before."""

    source: bytes
    path: str

    def is_package(self, fullname: str) -> bool:
        return os.path.basename(self.path) == "__init__.py"

    def get_source(self, fullname: str) -> str:
        return util.decode_source(self.source)

    def get_code(self, fullname: str) -> CodeType:
        return compile(self.source, self.path, "exec", dont_inherit=True)

    def get_resource_reader(self, fullname: str) -> Any:
        from importlib.readers import FileReader

        return FileReader(self)  # type: ignore[arg-type]  # it asks for the path alone
