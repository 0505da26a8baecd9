"""What plugins add to an import: the same spreadsheet with three packs and without any.

The packs are those that have something to say of a customer: a shop's, with the kinds of
number that it needs, China's, and the payment cards'. Each asks its checks about every
row, two of them add fields, and China's is also asked whether a second person is needed.
"""

from __future__ import annotations

import csv
import shutil
import statistics
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from muniment.imports import run as imports

PACKS = ("ecommerce", "cn", "pci")
ROWS = 1_000

Timed = Callable[[Callable[[], object]], tuple[float, float]]


def packs(
    make_archive: Callable[..., Any],
    rows: Callable[..., Iterable[dict[str, object]]],
    timed: Timed,
    rounds: int,
    base: Path | None,
) -> dict[str, Any]:
    """Microseconds a row of an import of 1,000 rows, without plugins and with three, in turn.

    Args:
        make_archive: makes an archive in a folder, with plugins.
        rows: makes customers.
        timed: wall and CPU seconds of an act.
        rounds: how many pairs.
        base: where the archives are made.
    """
    folder = Path(tempfile.mkdtemp(prefix="bench-packs-", dir=base))
    found: dict[str, list[tuple[float, float]]] = {"without": [], "with": []}
    archives = {}
    for name, plugins in (("without", ()), ("with", PACKS)):
        (folder / name).mkdir()
        archives[name] = make_archive(folder / name, plugins=plugins)
    sessions = {
        name: archive.session(actor="owner", purpose="ServiceProvision") for name, archive in archives.items()
    }
    everything = list(rows(ROWS * (rounds + 1)))
    for at in range(rounds + 1):
        path = folder / f"{at}.csv"
        made = everything[at * ROWS : (at + 1) * ROWS]
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, made[0])
            writer.writeheader()
            writer.writerows(made)
        for name, session in sessions.items():
            took = timed(lambda session=session, path=path: _import(session, path))
            # The first round imports modules and fills caches.
            if at:
                found[name].append(took)
    for archive in archives.values():
        archive.close()
    shutil.rmtree(folder)
    pairs = list(zip(found["without"], found["with"], strict=True))
    return {
        "rows": ROWS,
        "packs": list(PACKS),
        "without_us": _median(found["without"], 0),
        "with_us": _median(found["with"], 0),
        "without_cpu_us": _median(found["without"], 1),
        "with_cpu_us": _median(found["with"], 1),
        "ratio": round(statistics.median(pair[1][0] / pair[0][0] for pair in pairs), 2),
        "cpu_ratio": round(statistics.median(pair[1][1] / pair[0][1] for pair in pairs), 2),
        "aim": 1.5,
    }


def _import(session: Any, path: Path) -> None:
    done = imports.run_import(session, "customer", path)
    assert done.created == ROWS, done


def _median(times: list[tuple[float, float]], which: int) -> float:
    return round(statistics.median(one[which] for one in times) / ROWS * 1e6, 1)
