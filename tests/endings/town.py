"""A town of customers in a real archive, and one among them who will be erased; no test itself.

Everything is done through the command line where it has a command. One person has
something in every place where an archive keeps values: versions, orders, reasons, files,
consents, requests, proposals, drafts, alerts, an import with refused rows, answers to
retries, saved views.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import random
import re
import subprocess
import sys
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import attrs
from click.testing import CliRunner

from muniment.archive import Archive
from muniment.cli.app import app
from muniment.log.binding import unpack_live
from muniment.session import Session
from muniment.session.kernel.definitions import definition_at, load_definitions
from muniment.session.kernel.tokens import indexes_of
from muniment.session.rights.consents import Terms
from muniment.testing import open_again

NUMBER = "C-00077"
NAME = "Zenobia Quittenbaum 郑诺彼"
"""Latin and Chinese in one name, so that words, pairs of characters and pinyin are all made of it."""

GUARDIAN = "Dr. Quendelin Vormund"
UMBRELLA = "came in with an umbrella of violets"
ROW = {
    "customer_number": NUMBER,
    "full_name": NAME,
    # As people type: full-width digits, capitals, a domain outside of ASCII.
    "phone": "０３０　２２３７６５５９",
    "email": "Zenobia.Quittenbaum@Bücherwurm-Zenith.example.org",
    "address": "Quendelweg 77, Hinterhaus",
    "city": "Kyritz an der Knatter",
    "passport": "zq 9988 7766",
    "diagnosis": "Heliotropismus nervosa，紫薇过敏",
}
TYPED = [
    *ROW.values(),
    "her new telephone after moving",
    UMBRELLA,
    "SO-ZQ-19283746",
    "a note of the clinic about violets",
    "contract of Quittenbaum, sealed",
    "signed the form with violet ink",
    "030 99887766",
    "Quendelweg 78, Vorderhaus",
    GUARDIAN,
    "half typed Quendel draft",
    "retry-key-of-zenobia",
]
SEALED = [
    NUMBER, NAME, ROW["address"], ROW["city"], ROW["passport"], "her new telephone after moving",
    UMBRELLA, "SO-ZQ-19283746", "a note of the clinic about violets",
    "Quendelweg 78, Vorderhaus", GUARDIAN, "half typed Quendel draft", "030 99887766",
]  # fmt: skip
"""Of these some are in parts of versions, others in reasons, consents, requests, proposals, drafts."""
NORMAL = [
    "zenobia", "quittenbaum", "zenobia quittenbaum 郑诺彼", "郑诺彼", "郑诺", "诺彼",
    "zhengnuobi", "zheng nuo bi", "030 22376559", "+493022376559", "493022376559", "030 99887766",
    "+493099887766",
    "zenobia.quittenbaum@bücherwurm-zenith.example.org", "xn--bcherwurm-zenith", "zenobia.quittenbaum",
    "zq 9988 7766", "zq99887766", "ZQ 9988 7766", "紫薇过敏", "heliotropismus", "knatter",
]  # fmt: skip
"""What indexes, searches, masks and comparisons make of it."""

FIELDS = (
    ("passport", "identifier", "restricted", "exact,last_four", "护照"),
    ("diagnosis", "long text", "sensitive", "words", "诊断"),
    ("contract", "file", "sensitive", "", "合同"),
)
RULE = '\n[[approvals.rule]]\nname = "erasing"\noperations = ["erase"]\n'
PROPOSALS = """
[[approvals.rule]]
name = "addresses"
types = ["customer"]
fields = ["address"]
operations = ["update"]
"""
CLEAN = {
    name: ""
    for name in ("MUNIMENT_ACTOR", "MUNIMENT_PURPOSE", "MUNIMENT_PASSPHRASE", "LC_ALL", "LC_MESSAGES")
}


@attrs.define
class Commands:
    """The command line on one archive.

    Attributes:
        home: all that the commands write lies below it, temporary files too.
        folder: the archive's.
        apart: whether each command is a process of its own, as a person has it; slower.
    """

    home: Path
    folder: Path
    apart: bool = True

    def run(self, *words: str, code: int = 0, **environ: str) -> str:
        """Run a command; its exit code must be as expected. Gives what it printed."""
        (self.home / "tmp").mkdir(exist_ok=True)
        given = {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "HOME": str(self.home),
            "XDG_CONFIG_HOME": str(self.home / "config"),
            "TMPDIR": str(self.home / "tmp"),
            "MUNIMENT_ARCHIVE": str(self.folder),
            "MUNIMENT_KEY": str(self.home / "town.key"),
            **environ,
        }
        if not self.apart:
            result = CliRunner().invoke(app, list(words), env={**CLEAN, **given})
            assert code == result.exit_code, (words, result.exit_code, result.stdout, result.stderr)
            return result.stdout
        command = [sys.executable, "-m", "muniment", *words]
        done = subprocess.run(command, env=given, capture_output=True, text=True, cwd=self.home)
        assert code == done.returncode, (words, done.returncode, done.stdout[-2000:], done.stderr[-2000:])
        return done.stdout

    def json(self, *words: str, code: int = 0, **environ: str) -> Any:
        """Run a command and read its JSON document."""
        return json.loads(self.run(*words, "--json", code=code, **environ))

    @property
    def key(self) -> Path:
        """The key file."""
        return self.home / "town.key"


@contextmanager
def opened(cli: Commands) -> Iterator[tuple[Archive, Session]]:
    """The archive in this process, for what has no command."""
    with opened_at(cli, cli.folder) as found:
        yield found


@contextmanager
def opened_at(cli: Commands, folder: Path) -> Iterator[tuple[Archive, Session]]:
    """An archive elsewhere with the town's key."""
    from muniment.keys import KeyFile

    with (
        open_again(folder, root=KeyFile(cli.key)) as archive,
        archive.session(actor="owner", purpose="ServiceProvision") as session,
    ):
        yield archive, session


def build(home: Path, count: int) -> Commands:
    """Make the town: so many customers, one of them named in ``ROW``."""
    cli = Commands(home, home / "town", apart=count > 1000)
    cli.run(
        "init", str(cli.folder), "-t", "customer-profile", "-t", "ecommerce", "--plugin", "pinyin",
        "--region", "DE", "--key-file", str(cli.key), MUNIMENT_ARCHIVE="", MUNIMENT_KEY="",
    )  # fmt: skip
    for key, kind, class_, index, zh in FIELDS:
        words = ["--index", index] if index else []
        cli.run(
            "schema", "field", "add", "customer", key, "--kind", kind, "--class", class_,
            "--label-en", key.title(), "--label-zh", zh, *words,
        )  # fmt: skip
    cli.run("user", "add", "boss", "--role", "owner")
    _import(cli, count)
    _live(cli, count)
    return cli


def _import(cli: Commands, count: int) -> None:
    """The spreadsheet they all come from, with rows that are refused, some of them about her."""
    dice = random.Random(count)
    names = ("李娜", "王伟", "Anna Schmidt", "Jürgen Maß", "Zoë Łoś", "陈静")
    path = cli.home / "all.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(ROW))
        writer.writeheader()
        for n in range(count - 1):
            writer.writerow(
                {
                    "customer_number": f"C-1{n:05d}",
                    "full_name": f"{dice.choice(names)} {n}",
                    "phone": f"030 4{n:06d}",
                    "email": f"Person{n}@Example.org",
                    "address": f"Street {dice.randrange(999)}, floor {n % 9}",
                    "city": dice.choice(("Berlin", "上海", "Lyon", "北京")),
                    "passport": f"P{n:07d}",
                    "diagnosis": dice.choice(("hay fever 花粉症", "none 无", "migraine 偏头痛")),
                }
            )
            if n == count // 2:
                writer.writerow(ROW)
        # No name, and no e-mail address: refused. Between them she comes once more, unchanged.
        writer.writerow({**ROW, "full_name": "", "customer_number": "C-x1"})
        writer.writerow(ROW)
        writer.writerow({**ROW, "customer_number": "C-x2", "email": "zenobia at nowhere"})
    rejects = cli.home / "rejects.csv"
    cli.run("import", "file", "customer", str(path), "--rejects", str(rejects), "--dry-run", code=6)
    cli.run("import", "file", "customer", str(path), "--rejects", str(rejects), "--save-map", "all", code=6)
    assert 3 == len(rejects.read_text(encoding="utf-8-sig").splitlines())
    path.unlink()
    rejects.unlink()


def _live(cli: Commands, count: int) -> None:
    """What happens to customers in a year; to her everything."""
    her = f"customer:{NUMBER}"
    cli.run("record", "update", her, "phone=030 99887766", "--reason", "her new telephone after moving")
    cli.run(
        "record",
        "correct",
        her,
        "diagnosis=Heliotropismus nervosa，紫薇过敏!",
        "--reason",
        UMBRELLA,
    )
    identifier = id_of(cli, her)
    cli.run(
        "record",
        "create",
        "order",
        f"customer={identifier}",
        "order_number=SO-ZQ-19283746",
        "ordered_at=2026-02-03",
        f"recipient_name={NAME}",
    )
    for name, text in (
        ("contract", "contract of Quittenbaum, sealed " * 900),
        ("form", "signed the form with violet ink"),
    ):
        (cli.home / f"{name}.txt").write_text(text)
    cli.run("record", "attach", her, "contract", str(cli.home / "contract.txt"))
    cli.run(
        "consent", "give", her, "DirectMarketing", "--guardian", GUARDIAN, "--relation", "legal guardian",
        "--evidence", str(cli.home / "form.txt"), "--reason", UMBRELLA,
    )  # fmt: skip
    cli.run(
        "subject", "requests", "open", her, "erasure", "--requester", GUARDIAN,
        "--reason", "a note of the clinic about violets",
    )  # fmt: skip
    for name in ("contract", "form"):
        (cli.home / f"{name}.txt").unlink()
    cli.run("record", "search", "customer", "quittenbaum")
    cli.run("record", "search", "customer", "zhengnuobi")
    cli.run("record", "list", "customer", "--where", f"email={ROW['email']}")
    with opened(cli) as (_, session):
        _others(session, cli.home, count)
        session.update(identifier, {"city": "Kyritz an der Knatter!"}, idempotency_key="retry-key-of-zenobia")
        session.drafts.save({"address": "half typed Quendel draft"}, record=identifier)
        session.drafts.save({"customer": identifier, "recipient_name": NAME}, type="order")
        twin = session.create("customer", {"full_name": NAME, "phone": "030 99887766"}).id
    cli.run("data", "merge", her, twin, "--reason", UMBRELLA)
    configure(cli, PROPOSALS + RULE)
    cli.run(
        "record",
        "update",
        her,
        "address=Quendelweg 78, Vorderhaus",
        "--reason",
        UMBRELLA,
        code=8,
    )
    cli.run("alert", "run")
    cli.run("tick")


def _others(session: Session, home: Path, count: int) -> None:
    """Orders, files, consents and changes of some of the others."""
    records = session.list("customer", limit=min(count, 1000)).records
    paper = home / "paper.txt"
    for n, one in enumerate(records[: max(20, count // 50)]):
        session.create(
            "order",
            {
                "customer": one.id,
                "order_number": f"SO-{n}",
                "ordered_at": "2026-02-03",
                "recipient_name": f"Somebody {n}",
            },
        )
        if n % 3 == 0:
            paper.write_text(f"what was agreed with number {n}\n" * 40)
            session.attach(one.id, "contract", paper)
        if n % 3 == 1:
            session.consents.give(one.id, Terms("DirectMarketing"))
        if n % 3 == 2:
            session.update(one.id, {"city": "Lyon"}, reason="moved")
    paper.unlink()


def configure(cli: Commands, text: str) -> None:
    """Add something to the configuration and apply it."""
    path = cli.folder / "muniment.toml"
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")
    cli.run("config", "apply", "--reason", "four eyes")


def id_of(cli: Commands, name: str) -> str:
    """UUID text of a record."""
    found: str = cli.json("record", "get", name, "--fields", "customer_number")["records"][0]["id"]
    return found


# What there is


def digest(cli: Commands, folder: Path, *, without: frozenset[str] = frozenset()) -> tuple[int, str]:
    """How many records of all types read, and SHA-256 over all their values, histories of some and files."""
    done, hashed = 0, hashlib.sha256()
    with opened_at(cli, folder) as (_, session):
        for type_ in ("customer", "order"):
            after = None
            while True:
                page = session.list(type_, limit=500, after=after)
                for one in page.records:
                    if one.id in without:
                        continue
                    done += 1
                    hashed.update(repr((one.id, one.version, sorted(one.fields.items()))).encode())
                    if done % 40 == 0:
                        for step in session.history(one.id):
                            hashed.update(repr((step.version, step.operation, step.reason)).encode())
                    if one.fields.get("contract"):
                        out = cli.home / "out.bin"
                        session.read_file(one.id, "contract", out)
                        hashed.update(out.read_bytes())
                        out.unlink()
                after = page.after
                if after is None:
                    break
    return done, hashed.hexdigest()


def tokens_about(archive: Archive, records: set[bytes]) -> list[bytes]:
    """The rows of these records in the table of tokens, as the file has them.

    A token alone has a byte or two, and what stands before a record elsewhere may well be the same.
    """
    return [
        _stored_row(0, row.field, row.kind, row.token, row.record)
        for row in archive.store.tokens(0)
        if row.record in records
    ]


def _stored_row(*values: int | bytes) -> bytes:
    """A row of a table as SQLite writes it: https://www.sqlite.org/fileformat2.html#record_format."""
    types, body = [], b""
    for value in values:
        if isinstance(value, bytes):
            types.append(12 + 2 * len(value))
            body += value
        elif value in (0, 1):
            types.append(8 + value)
        else:
            size = next(one for one in (1, 2, 3, 4, 6, 8) if value < 1 << 8 * one - 1)
            types.append((1, 2, 3, 4, 6, 8).index(size) + 1)
            body += value.to_bytes(size, "big")
    # None of these numbers takes more than the seven bits of one byte.
    return bytes((1 + len(types), *types)) + body


def whole_tokens(archive: Archive, texts: list[str]) -> list[bytes]:
    """What each index of a customer's fields makes of each of these texts, at 128 bits."""
    from muniment.errors import MunimentError
    from muniment.index import token_maker

    made: set[bytes] = set()
    engine = archive.engine
    for listed in indexes_of(engine, engine.definitions.types["customer"]).values():
        for index in listed:
            make = token_maker(index.key, index.kind, index.base, bits=128, default_region="DE")
            for text in texts:
                with suppress(MunimentError):
                    made |= make(text)
    return sorted(made)


def unpacked(text: str) -> Iterator[str]:
    """A text, and what lies in it as base64, however deep."""
    yield text
    for found in re.findall(r"[A-Za-z0-9+/]{12,}={0,2}", text):
        with suppress(ValueError):
            yield from unpacked(b64decode(found, validate=True).decode("utf-8", "replace"))


def opened_parts(archive: Archive) -> Iterator[str]:
    """All that today's keys open, of every version of everything, built-in records and reasons too."""
    from muniment.errors import KeyStoreError

    engine = archive.engine
    with engine.store.transaction(write=False) as tx:
        definitions = load_definitions(tx, engine.sealer)
        for version in tx.versions_by_record(0):
            live, _ = unpack_live(version.parts)
            record_type = definitions.by_number[version.type]
            if version.definition != record_type.definition_version and version.type >= 256:
                record_type = definition_at(tx, engine.sealer, definitions, version.type, version.definition)
            for part in tx.parts_of(0, version.record, version.version, set(live)):
                try:
                    yield repr(engine.sealer.open(part, record_type, version.subject, live[part.grp]))
                except KeyStoreError as error:
                    if error.code != "key.destroyed":
                        raise
        for side in tx.side_parts(0):
            first = tx.version(0, side.record, 1)
            owner = side.record if first is None else first.subject
            try:
                yield engine.sealer.open_text(side, owner)
            except KeyStoreError as error:
                if error.code != "key.destroyed":
                    raise
