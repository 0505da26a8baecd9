"""A new plugin: a distribution with an example of each thing that most plugins need."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path
from typing import Final

from muniment import errors
from muniment.errors import UsageError

__all__ = ["write_plugin"]

_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")

_FILES: Final = {
    "pyproject.toml.in": "pyproject.toml",
    "README.md.in": "README.md",
    "init.py.in": "src/muniment_@name@/__init__.py",
    "code.py.in": "src/muniment_@name@/_code.py",
    "visits.toml.in": "src/muniment_@name@/visits.toml",
    "test.py.in": "tests/test_@name@.py",
}


def write_plugin(name: str, folder: Path | None = None) -> tuple[Path, ...]:
    """Write the distribution of a new plugin.

    Args:
        name: lower-case letters, digits and underscores.
        folder: must be empty or not there; by default ``muniment-NAME`` in the current folder.

    Returns:
        The files.

    Raises:
        UsageError: ``plugin.new_name`` or ``plugin.new_folder``.
    """
    if not _NAME.fullmatch(name) or len(name) > 40 or errors.has_area(name):
        raise UsageError("plugin.new_name", name=name)
    dashed = name.replace("_", "-")
    folder = Path(f"muniment-{dashed}") if folder is None else folder
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError("plugin.new_folder", where=str(folder))
    words = {
        "@name@": name,
        "@dashed@": dashed,
        "@upper@": dashed.upper(),
        "@title@": name.replace("_", " ").capitalize(),
    }
    written = []
    for source, target in _FILES.items():
        text = resources.files(__name__).joinpath(source).read_text(encoding="utf-8")
        for word, meant in words.items():
            text, target = text.replace(word, meant), target.replace(word, meant)
        path = folder / target
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return tuple(written)
