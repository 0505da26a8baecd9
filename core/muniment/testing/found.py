"""Where a plugin that is to be checked lies: installed, a file, a package, a distribution's folder."""

from __future__ import annotations

import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib import invalidate_caches, metadata
from pathlib import Path
from typing import Any

import attrs

from muniment.errors import UsageError
from muniment.plugins import GROUP, installed

__all__ = ["Found", "found_plugin"]


@attrs.frozen
class Found:
    """A plugin that is to be checked.

    Attributes:
        name: its name.
        loading: the arguments with which ``plugins.load`` finds it.
        source: the module, or the folder of the package, that an archive is to have as its own; None for
            an installed one.
    """

    name: str
    loading: dict[str, Any] = attrs.field(factory=dict)
    source: Path | None = None


@contextmanager
def found_plugin(plugin: str | Path) -> Iterator[Found]:
    """A plugin by name or path; a distribution that is not installed can be imported inside the block.

    Args:
        plugin: a name or a path.

    Raises:
        UsageError: ``conform.no_plugin``.
    """
    path = Path(plugin)
    if isinstance(plugin, str) and plugin.isidentifier() and not (path.exists() and path.parent != Path()):
        yield Found(plugin)
        return
    path = path.resolve()
    if (path / "pyproject.toml").is_file():
        with _distribution(path) as name:
            yield Found(name)
    elif (path.suffix == ".py" and path.is_file()) or (path / "__init__.py").is_file():
        name = path.stem
        yield Found(name, {"folder": path.parent, "find": _all_but(name)}, path)
    else:
        raise UsageError("conform.no_plugin", where=str(plugin))


def _all_but(name: str) -> Callable[[], Iterable[metadata.EntryPoint]]:
    return lambda: [entry for entry in metadata.entry_points(group=GROUP) if entry.name != name]


@contextmanager
def _distribution(path: Path) -> Iterator[str]:
    """The name of a distribution's plugin, which is importable as if it were installed."""
    try:
        project = tomllib.loads((path / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        name, target = next(iter(project["entry-points"][GROUP].items()))
        distribution, version = project["name"], project.get("version", "0")
    except (OSError, ValueError, LookupError, StopIteration):
        raise UsageError("conform.no_plugin", where=str(path)) from None
    if any(one.name == name for one in installed()):
        yield name
        return
    source = path / "src" if (path / "src").is_dir() else path
    with tempfile.TemporaryDirectory(prefix="muniment-check-") as folder:
        info = Path(folder, f"{distribution.replace('-', '_')}-{version}.dist-info")
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[{GROUP}]\n{name} = {target}\n")
        added = [folder, str(source)]
        sys.path[:0] = added
        invalidate_caches()
        try:
            yield name
        finally:
            for one in added:
                sys.path.remove(one)
