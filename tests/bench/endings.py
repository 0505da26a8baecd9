"""The end of records: what planning retention, destroying many people at once and rotating costs.

Planning looks at every record; what it takes for one must not depend on how many there
are, nor its memory. Destroying is one batch of 1,000 people, begun to certified, the
rotation of the archive's own key store within it. Rotation alone is of a key store with a
million secrets, of which a tenth is enough to see with ``--short``.
"""

from __future__ import annotations

import shutil
import tempfile
import tracemalloc
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from muniment.keys import KeyStore, write_key_file

BATCH = 1_000
RULE = """
[[retention.rule]]
id = "CUSTOMERS"
effect = "MIN"
minimum = "P10Y"
source = "house rule 1"
categories = ["profile"]
anchors = ["record.changed"]
verified_by = "counsel"
"""

Timed = Callable[[Callable[[], object]], tuple[float, float]]


def endings(
    make_archive: Callable[..., Any],
    load_archive: Callable[..., list[str]],
    rows: Callable[..., Iterable[dict[str, object]]],
    timed: Timed,
    count: int,
    secrets: int,
    base: Path | None,
) -> dict[str, Any]:
    """Seconds, wall and CPU, and the memory that a plan takes at its most.

    Args:
        make_archive: makes an archive in a folder.
        load_archive: creates customers, and gives their identifiers.
        rows: makes customers.
        timed: wall and CPU seconds of an act.
        count: how many customers there are.
        secrets: how many secrets the key store of the rotation holds.
        base: where the archives are made.
    """
    folder = Path(tempfile.mkdtemp(prefix="bench-endings-", dir=base))
    archive = make_archive(folder)
    session = archive.session(actor="owner", purpose="ServiceProvision")
    ids = load_archive(session, list(rows(count)))
    path = archive.folder / "muniment.toml"
    path.write_text(path.read_text(encoding="utf-8") + RULE, encoding="utf-8")
    archive.apply_config(session, reason="rules")

    def plan() -> None:
        for _ in session.retention.plan(states=["due"]):
            raise AssertionError("nothing is due")

    plan()
    wall, cpu = timed(plan)
    planned = {"records": count, "seconds": round(wall, 2), "cpu_us_a_record": round(cpu / count * 1e6, 1)}
    tracemalloc.start()
    plan()
    planned["peak_kib"] = tracemalloc.get_traced_memory()[1] // 1024
    tracemalloc.stop()
    path.write_text(path.read_text(encoding="utf-8").replace(RULE, ""), encoding="utf-8")
    archive.apply_config(session, reason="no rules")
    going = ids[:: max(1, count // BATCH)][:BATCH]
    wall, cpu = timed(lambda: session.erasures.subjects(going, reason="bench"))
    destroyed = {"subjects": len(going), "of": count, "seconds": round(wall, 2), "cpu_seconds": round(cpu, 2)}
    archive.close()
    rotated = _rotate(folder, timed, secrets)
    shutil.rmtree(folder)
    return {"plan": planned, "destroy": destroyed, "rotate": rotated}


def _rotate(folder: Path, timed: Timed, secrets: int) -> dict[str, Any]:
    """Rotate a key store of its own with so many secrets."""
    home = folder / "store"
    home.mkdir()
    identifier = bytes(16)
    root = write_key_file(folder / "store.key", identifier)
    with KeyStore.create(home, identifier, [root]) as store:
        for _ in range(secrets // 10_000):
            store.lease(10_000)
        wall, cpu = timed(store.rotate)
    return {"secrets": secrets, "seconds": round(wall, 2), "cpu_seconds": round(cpu, 2)}
