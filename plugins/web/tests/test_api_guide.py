"""What the guide to the API tells people to type does what it says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from muniment.model import SCOPES
from muniment.session.oversight.alerting_delivery import signature_of
from muniment.testing import new_archive
from muniment.testing.archives import key_file_of
from muniment_web.testing import new_web, served

PAGE = Path(__file__).parents[3] / "docs" / "api.md"
BLOCK = re.compile(r"^<!-- (run|shows) -->\n```\w*\n(.*?)^```$", re.DOTALL | re.MULTILINE)
# Assignments are kept for the next block, as in a person's shell.
BEFORE = 'set -ea; test ! -e "$STATE" || . "$STATE"; trap \'export -p > "$STATE"\' EXIT\n'


@pytest.mark.slow
def test_the_walk_of_the_guide_works(tmp_path):
    """Every marked block, in order, ends well and prints what the page shows."""
    assert shutil.which("curl"), "the walk is made with curl"
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    (bin_folder / "python3").symlink_to(sys.executable)
    (bin_folder / "muniment").symlink_to(Path(sys.executable).with_name("muniment"))
    printed, ran = "", 0
    with new_archive(tmp_path / "customers") as archive, served(new_web(archive)) as base:
        environ = {
            **os.environ,
            "PATH": f"{bin_folder}:{os.environ['PATH']}",
            "BASE": base,
            "MUNIMENT_ARCHIVE": str(archive.folder),
            "MUNIMENT_KEY": str(key_file_of(archive.folder)),
            "KEY": archive.verifier_key.text,
            "STATE": str(tmp_path / "state"),
            "NO_PROXY": "localhost",
        }
        for act, text in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
            if act == "shows":
                for line in text.splitlines():
                    pattern = ".*".join(re.escape(one) for one in line.split("…"))
                    assert re.search(pattern, printed), f"not printed: {line}\n{printed}"
                continue
            done = subprocess.run(
                ["sh", "-c", BEFORE + text],
                cwd=tmp_path,
                env=environ,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
            printed, ran = done.stdout, ran + 1
            assert 0 == done.returncode, f"{text}\n{done.stdout}{done.stderr}"
    assert ran == 11
    assert '"Anna Schmidt"' in (tmp_path / "customers.ndjson").read_text(encoding="utf-8")
    assert "none" not in printed


def test_the_guide_says_of_every_scope_what_it_is_for():
    """A scope that is added is described."""
    text = PAGE.read_text(encoding="utf-8")
    assert [*SCOPES] == re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)


def test_what_the_guide_has_receivers_do_tells_ours_from_others():
    """The function of the page takes what we send, and nothing that is old, changed, or signed by another."""
    page = PAGE.read_text(encoding="utf-8")
    (code,) = re.findall(r"^<!-- receives -->\n```python\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    known: dict[str, Any] = {}
    exec(code, known)  # the page of this very repository
    is_ours, secret, other = (
        known["is_ours"],
        *(f"whsec_{b64encode(bytes([n]) * 32).decode()}" for n in (1, 2)),
    )
    now, body = int(time.time()), b'{"type": "record.create"}'

    def sent(key: str, when: int) -> dict[str, str]:
        signed = signature_of(key, "m1", when, body)
        return {"webhook-id": "m1", "webhook-timestamp": str(when), "webhook-signature": signed}

    assert is_ours(secret, sent(secret, now), body)
    both = sent(secret, now)["webhook-signature"] + " " + sent(other, now)["webhook-signature"]
    assert is_ours(other, {**sent(secret, now), "webhook-signature": both}, body)
    assert not is_ours(secret, sent(other, now), body)
    assert not is_ours(secret, sent(secret, now), body + b" ")
    assert not is_ours(secret, sent(secret, now - 10_000), body)
    assert not is_ours(secret, {**sent(secret, now), "webhook-id": "m2"}, body)
