"""Progress on standard error, only where somebody watches a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["progress"]

Told = Callable[[int, int], None]
"""Told how many are done, of how many; 0 where nobody knows."""


def _nobody(done: int, total: int) -> None:
    """Nobody watches."""


@contextmanager
def progress(title: str, *, quiet: bool = False) -> Iterator[Told]:
    """Show how long work goes on.

    Args:
        title: what is being done.
        quiet: show nothing in any case.

    Yields:
        A function that is told (done, total).
    """
    if quiet or sys.stderr is None or not sys.stderr.isatty():
        yield _nobody
        return
    # Costs more to import than most commands take.
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)

        def told(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total or None)

        yield told
