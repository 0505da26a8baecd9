"""``muniment log``: verify, sign and hand out what vouches for the archive."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import click

from muniment.cli.base import Entry, LazyGroup, flag, option, verb
from muniment.cli.invocation import Invocation
from muniment.errors import IntegrityError, KeyStoreError, StoreError, UsageError

if TYPE_CHECKING:
    from muniment.cli.progress import Told
    from muniment.verify import Report

__all__ = ["checkpoint", "key", "log", "verify"]

_HERE = "muniment.cli.log"
_READ = "muniment.cli.log_read"

log = LazyGroup(
    "log",
    {
        "list": Entry(f"{_READ}:list_entries", ("Entries, newest first.", "列出条目，最新的在前。")),
        "query": Entry("muniment.cli.log_query:query", ("Saved queries.", "已保存的查询。")),
        "show": Entry(f"{_READ}:show", ("One entry with its detail.", "查看一条日志及其明细。")),
        "dispose": Entry(
            "muniment.cli.log_dispose:dispose",
            ("Dispose of old details; entries and proofs stay.", "处置旧的日志明细；条目与证据保留。"),
        ),
        "verify": Entry(
            f"{_HERE}:verify", ("Check everything that was ever written.", "校验写入过的一切内容。")
        ),
        "checkpoint": Entry(f"{_HERE}:checkpoint", ("Sign the log as it stands.", "签署日志的当前状态。")),
        "prove": Entry(f"{_READ}:prove", ("The proof of one entry.", "输出一条目的证明。")),
        "export": Entry(
            f"{_READ}:export", ("The whole log as files for others.", "将整个日志导出为通用文件。")
        ),
        "bundle": Entry(
            "muniment.cli.log_bundle:bundle",
            ("Evidence that anybody can check.", "生成任何人都可核对的证据包。"),
        ),
        "follow": Entry(
            "muniment.cli.log_follow:follow",
            ("Stream entries to another system.", "持续输出条目。"),
        ),
        "timestamp": Entry(
            "muniment.cli.log_witness:timestamp",
            ("Have an authority say when.", "申请可信时间戳。"),
        ),
        "witness": Entry(
            "muniment.cli.log_witness:witness",
            ("Who vouches for the log from outside.", "由外部为日志作证。"),
        ),
        "key": Entry(f"{_HERE}:key", ("The key that checks its signatures.", "输出用于验证签名的密钥。")),
    },
    words=("Read, verify and sign the log.", "查看、校验和签署日志。"),
)


@verb(
    "verify",
    (
        "Check everything that was ever written: the log, every record, every signature.\n"
        "It needs no keys; with them the macs, the current state and the indexes are checked too. "
        "What is wrong is named by its index, and the exit code is 3. "
        "Only a checkpoint kept elsewhere tells that the newest entries were cut off.",
        "校验写入过的一切内容：日志、每条记录、每个签名。\n"
        "无需密钥；有密钥时还会校验消息认证码、当前状态和索引。发现问题会指出序号，退出码为 3。"
        "只有另行保存的检查点才能发现末尾条目被截去。",
    ),
    note=(
        "Example: muniment log verify --trusted checkpoint-of-march.txt",
        "示例：muniment log verify --trusted 三月检查点.txt",
    ),
)
@option(
    "--trusted", multiple=True, metavar="FILE", words=("A checkpoint kept elsewhere.", "另行保存的检查点。")
)
@option(
    "--key",
    "verifier",
    metavar="VKEY",
    words=("The log's verifier key, from elsewhere.", "从别处取得的日志验证密钥。"),
)
@flag("--no-keys", words=("Do not open the key store.", "不打开密钥库。"))
@click.pass_obj
def verify(call: Invocation, trusted: tuple[str, ...], verifier: str | None, no_keys: bool) -> None:
    """Check everything that was ever written."""
    from muniment.cli.progress import progress

    notes = [_note(path) for path in trusted]
    with progress(call.say("cli.verifying"), quiet=call.json) as told:
        report = None if no_keys else _with_keys(call, notes, verifier, told)
        if report is None:
            report = _without_keys(call, notes, verifier, told)
    _tell(call, report)


def _note(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise UsageError("cli.no_file", where=path) from None


def _with_keys(call: Invocation, notes: list[str], verifier: str | None, told: Told) -> Report | None:
    """The report of an archive whose keys open, written down; None where they do not.

    The archive itself need not open: one whose users or types were altered is verified all the same.
    """
    from muniment import archive as archives
    from muniment.cli.output import one_line, talk

    try:
        root = call.root(call.settings())
        report = archives.check(
            call.folder(), root=root, trusted=notes, key=verifier, progress=told, workers=_cores()
        )
    except KeyStoreError as error:
        talk(one_line(call.say("cli.keys_closed", code=error.code)))
        return None
    try:
        # No plugin has a say in what is verified, so none is loaded.
        with call.session(plugins=False) as (_, session):
            session.require("log.verify")
            session.note("log.verify", count=report.entries)
    except StoreError as error:
        # Such as a copy on a disk that cannot be written: what was found is told all the same.
        talk(one_line(call.say("cli.not_noted", code=error.code)))
    return report


def _without_keys(call: Invocation, notes: list[str], verifier: str | None, told: Told) -> Report:
    from muniment import verify as verification
    from muniment.log.checkpoint import parse_verifier_key
    from muniment.stores.sqlite import SqliteStore, reader_of

    settings = call.settings()
    folder = call.folder()
    text = verifier or settings.verifier_key
    store = SqliteStore(folder / "archive.db", read_only=True)
    try:
        with store.snapshot() as reader:
            return verification.check(
                reader,
                archive=settings.archive,
                origin_base=settings.origin,
                key=parse_verifier_key(text) if text else None,
                trusted=notes,
                files=folder / "files",
                progress=told,
                opener=partial(reader_of, folder / "archive.db"),
                workers=_cores(),
            )
    finally:
        store.close()


def _cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _tell(call: Invocation, report: Report) -> None:
    """Say first what nothing vouches for, then what was checked."""
    from muniment.cli.output import emit, labels, put

    if call.json:
        unsigned = report.signed_size if report.signed_size < report.size else None
        emit({"verified": {**attrs.asdict(report), "first_unsigned": unsigned}})
        return
    if report.signed_size < report.size:
        put(call.say("cli.unsigned_from", index=report.signed_size, count=report.size - report.signed_size))
    else:
        put(call.say("cli.all_signed", count=report.size))
    put(call.say("cli.with_keys" if report.with_keys else "cli.without_keys"))
    put(
        call.say("cli.vouched", index=report.trusted_size)
        if report.trusted_size
        else call.say("cli.not_vouched")
    )
    labels(
        [
            (call.say("cli.label_origin"), report.origin),
            (call.say("cli.label_entries"), report.entries),
            (call.say("cli.label_versions"), report.versions),
            (call.say("cli.label_parts"), report.parts),
            (call.say("cli.label_checkpoints"), report.checkpoints),
            (call.say("cli.label_gaps"), report.gaps),
            (call.say("cli.label_root"), report.root),
            (call.say("cli.label_seconds"), f"{report.seconds:.2f}"),
            (call.say("cli.label_rate"), f"{report.entries / report.seconds:,.0f}"),
            (call.say("cli.label_workers"), report.workers),
        ]
    )
    for ended in report.generations[:-1]:
        put(call.say("audit.generation_checked", name=ended.generation, count=ended.size))
    if report.disposed:
        put(
            call.say(
                "disposal.found",
                count=report.disposed,
                first=report.disposed_first,
                last=report.disposed_last,
            )
        )
    if report.unfinished:
        put(call.say("cli.unfinished", count=report.unfinished))
    for one in report.lost:
        put(call.say("backup.gave_up", origin=one.origin, first=one.first, last=one.last))
    put(call.say("cli.verified"))


@verb(
    "checkpoint",
    (
        "Sign the log as it stands, and print the checkpoint.\n"
        "Keep it where nobody can reach it who can reach the archive: "
        "it finds a log that was cut or rewritten.",
        "签署日志的当前状态，并输出检查点。\n"
        "请保存在能接触档案库的人接触不到的地方：它可发现日志被截断或改写。",
    ),
)
@option("--to", metavar="FILE", words=("Write it to a file.", "写入文件。"))
@click.pass_obj
def checkpoint(call: Invocation, to: str | None) -> None:
    """Sign the log as it stands."""
    from muniment.cli.output import emit, talk

    with call.session() as (archive, session):
        signed = session.checkpoint()
        if to is not None:
            _write(to, signed.note)
        if call.json:
            emit(
                {
                    "checkpoint": {
                        "origin": archive.engine.logbook.origin(signed.gen),
                        "size": signed.size,
                        "root": signed.root.hex(),
                        "note": signed.note,
                    }
                }
            )
        elif to is not None:
            talk(call.say("cli.checkpoint_written", count=signed.size, where=to))
        else:
            click.echo(signed.note.encode("utf-8"), nl=False)


def _write(path: str, text: str) -> None:
    from muniment.exports.files import replacing

    with replacing(Path(path)) as new:
        new.write_bytes(text.encode("utf-8"))


@verb(
    "key",
    (
        "Print the key that checks the log's signatures.\nHand it to your auditor; it opens nothing.",
        "输出用于验证日志签名的密钥。\n请交给审计人员；它不能打开任何内容。",
    ),
)
@click.pass_obj
def key(call: Invocation) -> None:
    """Print the verifier key."""
    from muniment.cli.output import emit, put

    settings = call.settings()
    if not settings.verifier_key:
        raise IntegrityError("cli.no_verifier_key", where=str(call.folder()))
    if call.json:
        emit({"log": {"origin": settings.origin, "verifier_key": settings.verifier_key}})
    else:
        put(settings.verifier_key)
