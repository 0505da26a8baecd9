"""The pytest plugin ``muniment``: the fixtures ``archive`` and ``session``.

Every run of pytest by everybody who has muniment installed imports this module,
so what costs time is imported inside the fixtures.

Override ``archive_options`` to have another archive::

    @pytest.fixture
    def archive_options():
        return {"templates": ["interaction-log"], "region": "CN", "clock": TickingClock()}
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from muniment.archive import Archive
    from muniment.session import Session
    from muniment.testing.archives import Copies

__all__ = ["archive", "archive_options", "session"]

# Its assertions are shown with their values, as those of a test module.
pytest.register_assert_rewrite("muniment.testing.store_contract")


@pytest.fixture
def archive_options() -> Mapping[str, Any]:
    """What ``archive`` hands to ``new_archive``; override it in a module or conftest."""
    return {}


@pytest.fixture(scope="session")
def _archives_made(tmp_path_factory: pytest.TempPathFactory) -> Copies:
    """The archives made so far, of each sort one."""
    from muniment.testing.archives import Copies

    return Copies(tmp_path_factory.mktemp("made"))


@pytest.fixture
def archive(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    archive_options: Mapping[str, Any],
    _archives_made: Copies,
) -> Iterator[Archive]:
    """An archive with the template ``customer-info``, its key file beside it; closed at the end.

    Tests that want the same one each get a copy of it, as it was when it was made.
    """
    # Nothing that a command under test looks up may lead outside the test's own folder.
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("MUNIMENT_ARCHIVE", "MUNIMENT_ACTOR", "MUNIMENT_PURPOSE", "MUNIMENT_LOAD_PLUGINS"):
        monkeypatch.delenv(name, raising=False)
    with _archives_made.copy(tmp_path / "archive", archive_options) as made:
        yield made


@pytest.fixture
def session(archive: Archive) -> Iterator[Session]:
    """A session of the owner of ``archive``."""
    with archive.session(actor="owner", purpose="CustomerManagement") as made:
        yield made
