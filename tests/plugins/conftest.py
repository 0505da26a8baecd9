"""Plugins as they are found for real: a module and a dist-info folder on the import path."""

from __future__ import annotations

import importlib
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Install = Callable[..., Path]

GOOD = """
    import muniment
    from muniment.plugins import PluginInfo

    @muniment.hookimpl
    def muniment_plugin_info():
        return PluginInfo({name!r}, ">=1,<2")
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Install a plugin: ``install("clinic", source)``; gives the path of its module."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)

    def put(
        name: str, source: str = "", *, distribution: str = "", target: str = "", good: bool = True
    ) -> Path:
        distribution = distribution or f"muniment-{name}"
        module = f"{distribution.replace('-', '_')}_installed"
        path = tmp_path / f"{module}.py"
        head = textwrap.dedent(GOOD.format(name=name)) if good else ""
        path.write_text(head + textwrap.dedent(source), encoding="utf-8")
        info = tmp_path / f"{distribution.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[muniment]\n{name} = {target or module}\n")
        importlib.invalidate_caches()
        return path

    yield put
    for module in set(sys.modules) - before:
        if module.endswith("_installed"):
            del sys.modules[module]
