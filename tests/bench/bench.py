"""Compares muniment with the bare floor, in one run and on the same work; prints JSON.

The work: customers of ten fields, five of class personal, SQLite with WAL and
``synchronous=FULL``. The floor seals each of the ten values with AES-GCM under
one key, chains a SHA-256 over the row, writes one row (and for the e-mail a keyed
token with its index), and for a read one row of an audit table. It has no
versions, no policy, no validation, no proofs, no key for each person.

Ratios are what counts: machines are noisy and shared. Each figure is the median
of pairs taken in turn; CPU time stands beside the wall time, because fast disks
hide nothing and slow ones flatter: ``disk`` says how long a sync takes on the one
that ``--dir`` names. ``least`` is what the machine gives at its quietest.

The floor's update writes one sealed value over the old one and nobody's name.
``kept`` is the same with what no archive can do without: the sealed values before
stay as a row, and a row says who changed what.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import hmac
import json
import os
import platform
import random
import resource
import shutil
import sqlite3
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from alerts import alerts
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pages import served

import muniment.archive
from endings import endings
from muniment.keys import KeyFile, write_key_file
from muniment.schema.template import parse_template
from muniment.session import Change
from packs import packs

HERE = Path(__file__).parent
BATCH = 500
CITIES = ("Berlin", "北京", "Zürich", "上海", "Lyon", "São Paulo")


def rows(count: int, *, seed: int = 7) -> Iterator[dict[str, object]]:
    """Believable customers, the same for every run."""
    pick = random.Random(seed)
    for number in range(count):
        name = f"{pick.choice(('Anna', '李娜', 'Jürgen', '王伟', 'Zoë'))} {pick.randrange(10**6)}"
        yield {
            "number": f"C{number:08d}",
            "full_name": name,
            "email": f"customer{number}.{pick.randrange(10**6)}@example.com",
            "address": f"{pick.choice(CITIES)}, Street {pick.randrange(500)}, room {pick.randrange(40)}",
            "birth_date": f"19{pick.randrange(30, 99)}-0{pick.randrange(1, 10)}-1{pick.randrange(10)}",
            "notes": "prefers a call in the morning " * pick.randrange(1, 3),
            "city": pick.choice(CITIES),
            "country": pick.choice(("DE", "CN", "CH", "FR", "BR")),
            "status": pick.choice(("potential", "active", "dormant")),
            "points": str(pick.randrange(10_000)),
        }


SEALED = ("full_name", "email", "address", "birth_date", "notes")
CLEAR = ("number", "city", "country", "status", "points")


class Floor:
    """Raw sqlite3, AES-GCM and SHA-256: as little as can be done for sealed rows with a log."""

    def __init__(self, folder: Path) -> None:
        self.db = sqlite3.connect(folder / "floor.db", isolation_level=None, cached_statements=64)
        self.db.execute("PRAGMA journal_mode=WAL")
        self.db.execute("PRAGMA synchronous=FULL")
        columns = ", ".join(f"s_{key} BLOB" for key in SEALED + CLEAR)
        clear = ", ".join(f"{key} TEXT" for key in CLEAR)
        self.db.execute(
            f"CREATE TABLE customer(id INTEGER PRIMARY KEY, {columns}, {clear}, hash BLOB, token BLOB)"
        )
        self.db.execute("CREATE INDEX by_token ON customer(token)")
        self.db.execute("CREATE UNIQUE INDEX by_number ON customer(number)")
        self.db.execute(
            "CREATE TABLE access(id INTEGER PRIMARY KEY, at REAL, who TEXT, what TEXT, hash BLOB)"
        )
        self.db.execute(
            "CREATE TABLE version(id INTEGER PRIMARY KEY, customer INTEGER, sealed BLOB, hash BLOB)"
        )
        self.box = AESGCM(os.urandom(32))
        self.index_key = os.urandom(32)
        self.last = bytes(32)
        marks = ", ".join("?" * (len(SEALED + CLEAR) + len(CLEAR) + 2))
        names = ", ".join([*(f"s_{key}" for key in SEALED + CLEAR), *CLEAR, "hash", "token"])
        self.sql = f"INSERT INTO customer({names}) VALUES ({marks})"

    def seal(self, text: object) -> bytes:
        nonce = os.urandom(12)
        return nonce + self.box.encrypt(nonce, str(text).encode(), None)

    def row(self, values: dict[str, object]) -> tuple[object, ...]:
        sealed = [self.seal(values[key]) for key in SEALED + CLEAR]
        self.last = hashlib.sha256(self.last + b"".join(sealed)).digest()
        token = hmac.digest(self.index_key, str(values["email"]).encode(), "sha256")[:4]
        return (*sealed, *(values[key] for key in CLEAR), self.last, token)

    def load(self, made: list[dict[str, object]]) -> None:
        for at in range(0, len(made), BATCH):
            self.db.execute("BEGIN IMMEDIATE")
            self.db.executemany(self.sql, [self.row(values) for values in made[at : at + BATCH]])
            self.db.execute("COMMIT")

    def update(self, identifier: int, key: str, value: str) -> None:
        self.db.execute("BEGIN IMMEDIATE")
        sealed = self.seal(value)
        self.last = hashlib.sha256(self.last + sealed).digest()
        self.db.execute(
            f"UPDATE customer SET s_{key} = ?, hash = ? WHERE id = ?", (sealed, self.last, identifier)
        )
        self.db.execute("COMMIT")

    def update_kept(self, identifier: int, key: str, value: str) -> None:
        """The same, and what was there stays, and who changed it is written down."""
        self.db.execute("BEGIN IMMEDIATE")
        names = ", ".join(f"s_{name}" for name in SEALED)
        before = self.db.execute(f"SELECT {names} FROM customer WHERE id = ?", (identifier,)).fetchone()
        sealed = self.seal(value)
        self.last = hashlib.sha256(self.last + sealed).digest()
        self.db.execute(
            "INSERT INTO version(customer, sealed, hash) VALUES (?, ?, ?)",
            (identifier, b"".join(before), self.last),
        )
        self.db.execute(
            f"UPDATE customer SET s_{key} = ?, hash = ? WHERE id = ?", (sealed, self.last, identifier)
        )
        self.db.execute(
            "INSERT INTO access(at, who, what, hash) VALUES (?, ?, ?, ?)",
            (time.time(), "bench", str(identifier), self.last),
        )
        self.db.execute("COMMIT")

    def read(self, identifier: int) -> dict[str, str]:
        self.db.execute("BEGIN IMMEDIATE")
        names = ", ".join(f"s_{key}" for key in SEALED + CLEAR)
        found = self.db.execute(f"SELECT {names} FROM customer WHERE id = ?", (identifier,)).fetchone()
        self.last = hashlib.sha256(self.last + str(identifier).encode()).digest()
        self.db.execute(
            "INSERT INTO access(at, who, what, hash) VALUES (?, ?, ?, ?)",
            (time.time(), "bench", str(identifier), self.last),
        )
        self.db.execute("COMMIT")
        return {
            key: self.box.decrypt(box[:12], box[12:], None).decode()
            for key, box in zip(SEALED + CLEAR, found, strict=True)
        }


def timed(act: Callable[[], object]) -> tuple[float, float]:
    """Wall and CPU seconds of one act."""
    gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    act()
    return time.perf_counter() - wall, time.process_time() - cpu


def paired(floor: Callable[[], object], ours: Callable[[], object], rounds: int, per: int) -> dict[str, Any]:
    """Both in turn; microseconds for each piece of work, and the ratio pair by pair."""
    pairs = [(timed(floor), timed(ours)) for _ in range(rounds)]
    scale = 1e6 / per
    return {
        "floor_us": round(statistics.median(one[0][0] for one in pairs) * scale, 1),
        "muniment_us": round(statistics.median(one[1][0] for one in pairs) * scale, 1),
        "floor_cpu_us": round(statistics.median(one[0][1] for one in pairs) * scale, 1),
        "muniment_cpu_us": round(statistics.median(one[1][1] for one in pairs) * scale, 1),
        "ratio": round(statistics.median(one[1][0] / one[0][0] for one in pairs), 2),
        "cpu_ratio": round(statistics.median(one[1][1] / one[0][1] for one in pairs), 2),
        "least": {
            "floor_us": round(min(one[0][0] for one in pairs) * scale, 1),
            "muniment_us": round(min(one[1][0] for one in pairs) * scale, 1),
            "floor_cpu_us": round(min(one[0][1] for one in pairs) * scale, 1),
            "muniment_cpu_us": round(min(one[1][1] for one in pairs) * scale, 1),
        },
    }


def disk(base: Path | None) -> dict[str, Any]:
    """Microseconds of one durable write of a page: over what is there, and behind it, where a file grows."""
    with tempfile.NamedTemporaryFile(dir=base) as file:
        page, took = os.urandom(4096), {}
        for name, places in (("sync_behind_us", range(200)), ("sync_over_us", range(200))):
            times = []
            for place in places:
                began = time.perf_counter()
                os.pwrite(file.fileno(), page, place * 4096)
                os.fdatasync(file.fileno())
                times.append(time.perf_counter() - began)
            took[name] = round(statistics.median(times) * 1e6, 1)
        return {"dir": str(base or tempfile.gettempdir()), **took}


def machine() -> dict[str, Any]:
    """What the figures depend on besides the disk."""
    built = f"{sysconfig.get_config_var('CONFIG_ARGS')} {sysconfig.get_config_var('PY_CFLAGS')}"
    return {
        "python": platform.python_version(),
        "python_optimised": "--enable-optimizations" in built or "-fprofile-use" in built,
        "sqlite": sqlite3.sqlite_version,
        "cores": os.cpu_count(),
    }


def make_archive(folder: Path, plugins: Sequence[str] = ()) -> muniment.archive.Archive:
    text = (HERE / "customers.toml").read_text(encoding="utf-8")
    template = parse_template(text, where="customers.toml")
    (folder / "keys").mkdir()
    identifier = os.urandom(16)
    root = write_key_file(folder / "keys" / "bench.key", identifier)
    assert isinstance(root, KeyFile)
    made = muniment.archive.create(
        folder / "archive", templates=[template], plugins=plugins, root=root, recovery=False
    )
    return made.archive


def load_archive(session: Any, made: list[dict[str, object]]) -> list[str]:
    ids: list[str] = []
    for at in range(0, len(made), BATCH):
        changes = [Change("create", "customer", values=values) for values in made[at : at + BATCH]]
        ids += [saved.id for saved in session.write(changes)]
    return ids


def run(count: int, rounds: int, base: Path | None) -> dict[str, Any]:
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=base))
    results: dict[str, Any] = {"machine": machine(), "disk": disk(base), "rows": count, "rounds": rounds}
    floor = Floor(folder)
    archive = make_archive(folder)
    session = archive.session(actor="owner", purpose="ServiceProvision")
    everything = list(rows(count * rounds))
    pieces = [everything[at : at + count] for at in range(0, len(everything), count)]
    left, right = iter(pieces), iter(pieces)
    ids: list[str] = []
    results["import"] = paired(
        lambda: floor.load(next(left)), lambda: ids.extend(load_archive(session, next(right))), rounds, count
    )
    some = 300
    pick = random.Random(3)
    chosen = [pick.randrange(len(ids)) for _ in range(some)]
    turn = iter(range(10**9))

    def update_floor() -> None:
        for place in chosen:
            floor.update(place + 1, "address", f"New Street {next(turn)}")

    def update_ours() -> None:
        for place in chosen:
            session.update(ids[place], {"address": f"New Street {next(turn)}"})

    def update_kept() -> None:
        for place in chosen:
            floor.update_kept(place + 1, "address", f"New Street {next(turn)}")

    results["update_one_field"] = paired(update_floor, update_ours, rounds, some)
    results["update_one_field"]["kept_us"] = round(
        statistics.median(timed(update_kept)[0] for _ in range(rounds)) / some * 1e6, 1
    )
    results["read_logged"] = paired(
        lambda: [floor.read(place + 1) for place in chosen],
        lambda: [session.get(ids[place]) for place in chosen],
        rounds,
        some,
    )
    page = ids[:100]
    results["page_of_100_a_row"] = paired(
        lambda: [floor.read(place + 1) for place in range(100)],
        lambda: session.list("customer", limit=len(page)),
        rounds,
        100,
    )
    results["read_at_once"] = crowd(archive, ids)
    results["verify"] = verify_all(archive)
    results["bytes_a_record"] = round((folder / "archive" / "archive.db").stat().st_size / len(ids))
    archive.close()
    shutil.rmtree(folder)
    return results


def crowd(archive: muniment.archive.Archive, ids: list[str]) -> dict[str, Any]:
    """Logged reads a second of one thread, and of 64 that read at once, as behind a server."""
    session = archive.session(actor="owner", purpose="ServiceProvision")
    found: dict[str, Any] = {}
    for threads in (1, 64):
        each = 640 // threads

        def read(number: int, each: int = each) -> None:
            for place in range(number * each, (number + 1) * each):
                session.get(ids[place % len(ids)])

        rates = []
        for _ in range(3):
            with ThreadPoolExecutor(threads) as pool:
                began = time.perf_counter()
                list(pool.map(read, range(threads)))
                rates.append(640 / (time.perf_counter() - began))
        found[f"threads_{threads}_reads_a_second"] = round(statistics.median(rates))
    return found


def verify_all(archive: muniment.archive.Archive) -> dict[str, Any]:
    """The whole verification of what was imported, updated and read."""
    best: tuple[float, Any] = (1e9, None)
    for _ in range(3):
        began = time.process_time()
        report = archive.log.verify()
        best = min(best, (time.process_time() - began, report), key=lambda one: one[0])
    cpu, report = best
    return {
        "entries": report.entries,
        "versions": report.versions,
        "parts": report.parts,
        "cpu_seconds": round(cpu, 3),
        "cpu_us_a_version": round(cpu / report.versions * 1e6, 1),
    }


LINE = b'{"id":"01a20032-40c5-7001-b0df-b4c08b111eb2","previous":0,"set":0,"version":1}'
SHAPES = {"grouped": (100, 1), "single": (1, 1), "pages": (1, 100)}
"""Entries in a batch and records in an entry: accesses of a busy server, of a quiet one, and lists."""


def verify_log(entries: int, base: Path | None) -> dict[str, Any]:
    """Entries a second and core when a log of accesses is verified: entries, details, tree, macs."""
    from muniment.session.kernel.logbook import Draft
    from muniment.verify.entries import EntryCheck
    from muniment.verify.signed import Signed

    found: dict[str, Any] = {}
    sets = [{"personal": {"clear": ["email", "full_name"]}}]
    for name, (group, records) in SHAPES.items():
        folder = Path(tempfile.mkdtemp(prefix="bench-", dir=base))
        archive = make_archive(folder)
        engine, subject = archive.engine, os.urandom(32)
        acting = archive.session(actor="owner", purpose="ServiceProvision").acting
        with archive.store.transaction() as tx:
            moment = engine.logbook.begin(tx)
            for _ in range(max(1, entries // group // records)):
                drafts = [
                    Draft(
                        "record.read",
                        engine.detail(acting, os.urandom(16), type="customer", count=records, sets=sets),
                        [LINE] * records,
                        [subject],
                    )
                    for _ in range(group)
                ]
                engine.logbook.append(tx, moment, drafts, actor="owner")
        engine.logbook.committed(moment)
        seconds = min(check_log(archive, EntryCheck, Signed({})) for _ in range(5))
        found[name] = {
            "entries": moment.size,
            "cpu_us_an_entry": round(seconds / moment.size * 1e6, 2),
            "entries_a_second": round(moment.size / seconds),
            "records_a_second": round(moment.size * records / seconds),
        }
        archive.close()
        shutil.rmtree(folder)
    return found


def check_log(archive: muniment.archive.Archive, check: Any, signed: Any) -> float:
    """CPU seconds of one verification of the log alone."""
    began = time.process_time()
    with archive.log.reader() as reader:
        check(reader, 0, archive.file.origin, archive.keys.log_mac_key, signed, None).check_generation(0)
    return time.process_time() - began


def growth(base: Path | None, total: int) -> dict[str, Any]:
    """Memory and cost a row while a large import goes on."""
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=base))
    archive = make_archive(folder)
    session = archive.session(actor="owner", purpose="ServiceProvision")
    source = rows(total)
    marks: list[dict[str, Any]] = []
    done, step = 0, 10_000
    while done < total:
        made = [values for _, values in zip(range(step), source, strict=False)]
        wall, cpu = timed(lambda made=made: load_archive(session, made))
        done += len(made)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(f"{done} of {total}", file=sys.stderr, flush=True)
        marks.append(
            {
                "rows": done,
                "us": round(wall / len(made) * 1e6, 1),
                "cpu_us": round(cpu / len(made) * 1e6, 1),
                "peak_mib": peak,
            }
        )
    archive.close()
    shutil.rmtree(folder)
    return {
        "first": marks[0],
        "last": marks[-1],
        "cpu_growth": round(marks[-1]["cpu_us"] / marks[0]["cpu_us"], 2),
        "wall_growth": round(marks[-1]["us"] / marks[0]["us"], 2),
        "marks": marks[:: max(1, len(marks) // 10)],
    }


def start_up() -> dict[str, Any]:
    """Seconds of a command that does nothing but start: the median of the wall, the least of the CPU."""
    found = {}
    for words in (["--version"], ["--help"]):
        walls, cpus = [], []
        for _ in range(7):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            began = time.perf_counter()
            subprocess.run([sys.executable, "-m", "muniment", *words], check=True, capture_output=True)
            walls.append(time.perf_counter() - began)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            cpus.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        found[words[0]] = {"seconds": round(statistics.median(walls), 3), "cpu_seconds": round(min(cpus), 3)}
    return found


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=5_000, help="customers in each round")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--short", action="store_true", help="a few seconds, to see that all of it runs")
    options.add_argument("--pages", type=int, default=100_000, help="customers behind the pages")
    options.add_argument("--ends", type=int, default=10_000, help="customers of whom 1,000 are destroyed")
    options.add_argument("--grow", type=int, default=0, help="also import so many in one archive")
    options.add_argument("--dir", type=Path, help="where the archives are made: which disk is measured")
    given = options.parse_args()
    count, rounds, entries = (500, 3, 2_000) if given.short else (given.rows, given.rounds, 20_000)
    results = run(count, rounds, given.dir)
    results["packs"] = packs(make_archive, rows, timed, rounds, given.dir)
    results["verify_log"] = verify_log(entries, given.dir)
    results["pages"] = served(given.pages if not given.short else 500, given.dir)
    many, secrets = (2_000, 100_000) if given.short else (given.ends, 1_000_000)
    results["endings"] = endings(make_archive, load_archive, rows, timed, many, secrets, given.dir)
    results["start_up"] = start_up()
    results["alerts"] = alerts(short=given.short)
    if given.grow:
        results["growth"] = growth(given.dir, given.grow)
    json.dump(results, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
