"""No value of class personal or above stands in clear in any file: while open, killed and closed."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from muniment.testing import assert_no_plaintext, forms_of, leaks, open_again

PLANTING = Path(__file__).parent / "planting.py"


@pytest.mark.slow
def test_planted_values_are_found_nowhere(tmp_path):
    """Created, corrected, attached, searched, refused, given as reasons: in no file and in no message."""
    planted = runpy.run_path(str(PLANTING))
    values = planted["PLANTED"]
    assert len(values) >= 40
    assert all(forms_of(value) for value in values)
    folder = tmp_path / "archive"
    for name in ("temp", "home"):
        (tmp_path / name).mkdir()
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "PYTHONDONTWRITEBYTECODE": "1",
        "TMPDIR": str(tmp_path / "temp"),
        "HOME": str(tmp_path / "home"),
        "XDG_CONFIG_HOME": str(tmp_path / "home"),
    }
    template = PLANTING.parent.parent / "everything.toml"
    process = subprocess.Popen(
        [sys.executable, PLANTING, folder, template],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=tmp_path,
        env=environment,
    )
    said = b""
    assert process.stdout is not None
    for line in process.stdout:
        said += line
        if line == b"planted\n":
            break
    try:
        assert said.endswith(b"planted\n"), said.decode()
        (tmp_path / "said").write_bytes(said)
        assert (folder / "archive.db-wal").stat().st_size > 0
        assert_no_plaintext(tmp_path, values)
        assert_no_plaintext(folder, [planted["NO_FIELD"]])
        # The search itself works: a value of class internal is found.
        assert leaks(folder, [planted["CITY"]])
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        assert process.stdin is not None
        process.stdin.close()
    assert_no_plaintext(tmp_path, values)
    with open_again(folder) as archive:
        archive.log.verify()
    assert_no_plaintext(tmp_path, values)
