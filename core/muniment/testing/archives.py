"""Archives for tests: made quickly, opened again, with a clock that a test can foresee."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import attrs

from muniment import archive as archives
from muniment.archive import Archive
from muniment.keys import Cost, KeyFile, Passphrase, Root
from muniment.model import Clock, Uuid7, system_clock
from muniment.schema.template import Template

__all__ = ["CHEAP", "TickingClock", "key_file_of", "new_archive", "open_again"]

CHEAP = Cost(m_kib=8, t=1, p=1)
"""What Argon2id may cost where nobody attacks the passphrase: 8 KiB, one pass."""


@attrs.define
class TickingClock:
    """A clock that goes on by the same step each time somebody looks.

    Attributes:
        now_us: what it showed last, microseconds since 1970-01-01T00:00:00Z.
        step_us: how far it goes on.
    """

    now_us: int = 1_767_225_600_000_000  # 2026-01-01T00:00:00Z
    step_us: int = 1_000

    def __call__(self) -> int:
        """The time, a step later than before."""
        self.now_us += self.step_us
        return self.now_us


def key_file_of(folder: Path) -> Path:
    """Where ``new_archive`` puts the key file: beside the archive's folder, never in it."""
    return folder.with_name(f"{folder.name}.key")


def new_archive(
    folder: str | Path,
    *,
    templates: Sequence[str | Template] = ("customer-info",),
    plugins: Sequence[str] = (),
    root: Root | str | None = None,
    clock: Clock = system_clock,
    region: str = "DE",
    timezone: str = "Europe/Berlin",
    currency: str = "EUR",
) -> Archive:
    """Make an archive for a test, without the costly recovery phrase.

    Args:
        folder: a folder that is not there yet.
        templates: names of packaged templates, or templates.
        plugins: names of plugins to enable.
        root: opens the keys; a text is a passphrase that costs nothing to
            stretch; by default a key file beside the folder.
        clock: microseconds since 1970.
        region: two letters, for phone numbers without a country.
        timezone: IANA name, for times without a zone.
        currency: ISO 4217, for amounts without one.

    Returns:
        The archive, opened; ``open_again`` opens it once more.
    """
    path = Path(folder)
    if isinstance(root, str):
        root = Passphrase(root, cost=CHEAP)
    elif root is None:
        from muniment.keys import write_key_file

        # The comment in the file names an archive; a test has one only.
        root = write_key_file(key_file_of(path), Uuid7()())
    made = archives.create(
        path,
        templates=templates,
        plugins=plugins,
        root=root,
        recovery=False,
        region=region,
        timezone=timezone,
        currency=currency,
        clock=clock,
    )
    return made.archive


def open_again(folder: str | Path, *, root: Root | str | None = None, clock: Clock = system_clock) -> Archive:
    """Open an archive that ``new_archive`` made, as another process would.

    Args:
        folder: where it lies.
        root: as for ``new_archive``.
        clock: microseconds since 1970.
    """
    path = Path(folder)
    if isinstance(root, str):
        root = Passphrase(root, cost=CHEAP)
    return archives.open(path, root=root or KeyFile(key_file_of(path)), clock=clock)
