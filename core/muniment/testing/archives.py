"""Archives for tests: made quickly, opened again, with a clock that a test can foresee."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from muniment import archive as archives
from muniment.archive import Archive
from muniment.keys import Cost, KeyFile, Passphrase, Root
from muniment.model import Clock, Uuid7, system_clock
from muniment.schema.template import Template

__all__ = ["CHEAP", "Copies", "TickingClock", "key_file_of", "new_archive", "open_again"]

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


class Copies:
    """Archives made once, and copied for whoever wants the same: a copy takes a tenth of the time.

    Args:
        folder: where those lie that are copied.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: list[tuple[Mapping[str, Any], Path, int]] = []

    def copy(self, folder: Path, options: Mapping[str, Any]) -> Archive:
        """An archive as ``new_archive`` makes it with these options, opened.

        A ``TickingClock`` shows the same as after making it. With another clock or root each is made.

        Args:
            folder: a folder that is not there yet.
            options: for ``new_archive``.
        """
        clock = options.get("clock", system_clock)
        if "root" in options or not (clock is system_clock or isinstance(clock, TickingClock)):
            return new_archive(folder, **options)
        made, now_us = self._like(options, clock)
        if isinstance(clock, TickingClock):
            clock.now_us = now_us
        shutil.copytree(made, folder)
        shutil.copy2(key_file_of(made), key_file_of(folder))
        return open_again(folder, clock=clock)

    def _like(self, options: Mapping[str, Any], clock: Clock) -> tuple[Path, int]:
        wanted = {**options, "clock": attrs.evolve(clock) if isinstance(clock, TickingClock) else None}
        for known, made, now_us in self._made:
            if known == wanted:
                return made, now_us
        made = self._folder / f"archive{len(self._made)}"
        own = attrs.evolve(clock) if isinstance(clock, TickingClock) else clock
        new_archive(made, **{**options, "clock": own}).close()
        self._made.append((wanted, made, own.now_us if isinstance(own, TickingClock) else 0))
        return self._made[-1][1:]
