"""``muniment backup`` and ``muniment restore``: copies of the data, and putting one back."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from muniment.cli.base import Entry, LazyGroup, argument, flag, option, paged, verb
from muniment.cli.invocation import Invocation
from muniment.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from muniment.archive import Restored
    from muniment.backup.sealing import Sealed
    from muniment.session.backups import Made

__all__ = ["backup", "create", "drill", "list_", "prune", "restore", "run", "verify"]

_HERE = "muniment.cli.backup"


class _Group(LazyGroup):
    """A group that takes words which name none of its commands as those of ``create``."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the words name, or ``create`` with all of them."""
        if args[0] not in self.entries:
            return "create", self.get_command(ctx, "create"), args
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name; a name that is none is a folder to back up into."""
        return super().get_command(ctx, cmd_name if cmd_name in self.entries else "create")


backup = _Group(
    "backup",
    {
        "create": Entry(f"{_HERE}:create", ("Back the data up into a folder.", "将数据备份到文件夹。")),
        "verify": Entry(f"{_HERE}:verify", ("Check a backup.", "校验备份。")),
        "run": Entry(
            f"{_HERE}:run", ("Make the sealed backup that is configured.", "执行已配置的密封备份。")
        ),
        "list": Entry(f"{_HERE}:list_", ("The sealed backups that are there.", "列出已有的密封备份。")),
        "prune": Entry(f"{_HERE}:prune", ("Remove those that had their time.", "清除到期的密封备份。")),
        "drill": Entry(f"{_HERE}:drill", ("Practise a restore.", "恢复演练。")),
    },
    words=(
        "Copies of the data, without keys. `muniment backup DIR` is short for `muniment backup create DIR`.",
        "数据备份，不含密钥。muniment backup DIR 即 muniment backup create DIR。",
    ),
)


@verb(
    "create",
    (
        "Back the data up into a new folder, while others go on working, and verify what was written.\n"
        "No key is in it: back the keys up with `key backup`.",
        "将数据备份到新文件夹（期间他人可继续工作），并校验写入的内容。\n"
        "其中不含密钥：请用 key backup 备份密钥。",
    ),
)
@argument("folder", ("A new folder, outside the archive's.", "新文件夹，须在档案库之外。"), metavar="DIR")
@click.pass_obj
def create(call: Invocation, folder: str) -> None:
    """Back the data up."""
    from muniment.cli.output import emit, put
    from muniment.cli.progress import progress

    with call.session() as (_, session), progress(call.say("backup.making"), quiet=call.json) as told:
        made = session.backups.create(Path(folder), progress=told)
    if call.json:
        emit({"backups": [_made_json(made)]})
    else:
        put(
            call.say(
                "backup.made",
                folder=folder,
                size=made.manifest.size,
                versions=made.versions,
                files=len(made.manifest.items) - 2,
            )
        )


def _made_json(made: Made) -> dict[str, Any]:
    from muniment.model import rfc3339

    manifest = made.manifest
    return {
        "folder": str(made.folder),
        "made": rfc3339(manifest.made_us),
        "origin": manifest.origin,
        "size": manifest.size,
        "root": manifest.root.hex(),
        "versions": made.versions,
        "parts": made.parts,
        "files": len(manifest.items),
        "bytes": sum(one.size for one in manifest.items),
    }


@verb(
    "verify",
    (
        "Check a backup: every file against the manifest, and everything in it as `log verify` does.\n"
        "Needs the archive's muniment.toml, and no key.",
        "校验备份：逐个文件与清单比对，并像 log verify 一样检查其中全部内容。\n"
        "需要档案库的 muniment.toml，不需要密钥。",
    ),
)
@argument("folder", ("The backup.", "备份文件夹。"), metavar="DIR")
@option(
    "--trusted",
    multiple=True,
    metavar="FILE",
    words=("A checkpoint kept elsewhere; may be given several times.", "另存的检查点；可多次给出。"),
)
@click.pass_obj
def verify(call: Invocation, folder: str, trusted: tuple[str, ...]) -> None:
    """Check a backup."""
    from muniment.backup import verify_backup
    from muniment.cli.output import emit, put
    from muniment.cli.progress import progress
    from muniment.log.checkpoint import parse_verifier_key

    settings = call.settings()
    key = parse_verifier_key(settings.verifier_key) if settings.verifier_key else None
    with progress(call.say("backup.verifying"), quiet=call.json) as told:
        report = verify_backup(
            Path(folder),
            archive=settings.archive,
            origin=settings.origin,
            key=key,
            trusted=tuple(_note(path) for path in trusted),
            progress=told,
        )
    if call.json:
        emit(
            {
                "verified": {
                    "origin": report.origin,
                    "size": report.size,
                    "root": report.root,
                    "versions": report.versions,
                    "parts": report.parts,
                    "signed_size": report.signed_size,
                    "lost": [one.text for one in report.lost],
                }
            }
        )
    else:
        counts = {"size": report.size, "versions": report.versions, "signed": report.signed_size}
        put(call.say("backup.verified", **counts))


@verb(
    "run",
    (
        "Make a sealed backup where [backup] of muniment.toml says: a folder, or s3://bucket/prefix.\n"
        "Today's keys open it, and nothing else does; credentials for S3 come from boto3's usual places.",
        "按 muniment.toml 的 [backup] 制作密封备份：文件夹或 s3://桶/前缀。\n"
        "只有现有密钥能打开；S3 凭据取自 boto3 的常规位置。",
    ),
)
@click.pass_obj
def run(call: Invocation) -> None:
    """Make the sealed backup that is configured."""
    from muniment.cli.output import put
    from muniment.cli.progress import progress

    with call.session() as (_, session), progress(call.say("backup.making"), quiet=call.json) as told:
        made = session.backups.run(progress=told)
    if not _listed_json(call, [made]):
        put(call.say("backup.sealed_made", name=made.name, size=made.size))


def _listed_json(call: Invocation, found: Sequence[Sealed], **more: str | None) -> bool:
    from muniment.cli.output import emit

    if call.json:
        emit(
            {
                "backups": [
                    {"name": one.name, "made": f"{one.made:%Y-%m-%dT%H:%M:%SZ}", "size": one.size}
                    for one in found
                ],
                **more,
            }
        )
    return call.json


@verb("list", ("The sealed backups that are there, oldest first.", "列出已有的密封备份，最早在前。"))
@paged()
@click.pass_obj
def list_(call: Invocation, limit: int, after: str | None) -> None:
    """The sealed backups that are there."""
    from muniment.cli.output import lead_on, table

    with call.session() as (_, session):
        found = session.backups.listed(limit=limit, after=after)
    if not _listed_json(call, found, after=found.after):
        header = call.words("backup.head_name", "backup.head_made", "backup.head_size")
        table(header, [[one.name, f"{one.made:%Y-%m-%d %H:%M}", str(one.size)] for one in found])
        lead_on(call, found.after)


@verb(
    "prune",
    (
        "Remove the sealed backups that had their time; of each of the last days, weeks and months "
        "the newest one stays.",
        "清除到期的密封备份；最近若干天、周、月各保留最新一份。",
    ),
)
@click.pass_obj
def prune(call: Invocation) -> None:
    """Remove the sealed backups that had their time."""
    from muniment.cli.output import put

    with call.session() as (_, session):
        gone = session.backups.prune()
    if not _listed_json(call, gone):
        put(call.say("backup.pruned", count=len(gone)))


@verb(
    "drill",
    (
        "Practise a restore: fetch a backup, verify it, and open every part of it with today's keys.\n"
        "The copy gets no entry and no signature, and nothing of it is shown.",
        "恢复演练：取回备份、校验，并用现有密钥打开其中每个部分。\n副本不写日志、不签署，也不显示任何内容。",
    ),
)
@argument(
    "name",
    ("A sealed backup as `backup list` prints it, or a folder.", "密封备份名称（见 backup list）或文件夹。"),
    metavar="NAME",
)
@click.pass_obj
def drill(call: Invocation, name: str) -> None:
    """Practise a restore."""
    from muniment.cli.output import emit, put
    from muniment.cli.progress import progress

    with call.session() as (_, session), progress(call.say("backup.drilling"), quiet=call.json) as told:
        done = session.backups.drill(name, progress=told)
    if call.json:
        emit(
            {
                "drilled": {
                    "name": name,
                    "size": done.size,
                    "root": done.root,
                    "versions": done.versions,
                    "opened": done.opened,
                    "erased": done.erased,
                }
            }
        )
    else:
        put(call.say("backup.drilled", size=done.size, opened=done.opened, erased=done.erased))


def _note(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise UsageError("cli.no_file", where=path) from None


@verb(
    "restore",
    (
        "Put a backup in place of an archive's data, under the keys that lie there today.\n"
        "What was erased since stays erased. Entries that the backup lacks are given up with "
        "--accept-loss alone; the log then goes on in a new generation that names them.",
        "用备份替换档案库的数据，沿用该处现有的密钥。\n"
        "此后已删除的内容仍为已删除。备份中没有的日志条目只有加 --accept-loss 才会放弃；"
        "日志随后进入新一代，并写明放弃了哪些条目。",
    ),
    note=(
        "Example: muniment restore /backups/monday customers/",
        "示例：muniment restore /backups/monday customers/",
    ),
)
@argument(
    "backup_folder",
    (
        "The backup: a folder, a sealed file, or s3://bucket/prefix/name.",
        "备份：文件夹、密封文件或 s3://桶/前缀/名称。",
    ),
    metavar="BACKUP",
)
@argument(
    "folder",
    ("The archive's folder, with keys.db and slots.", "档案库文件夹，含 keys.db 和 slots。"),
    metavar="DIR",
)
@flag(
    "--accept-loss",
    words=("Give up what was written after the backup was made.", "放弃备份之后写入的内容。"),
)
@option("--reason", metavar="R", words=("Why; sealed.", "原因；密封保存。"))
@click.pass_obj
def restore(call: Invocation, backup_folder: str, folder: str, accept_loss: bool, reason: str | None) -> None:
    """Put a backup in place."""
    from muniment import archive as archives
    from muniment import config
    from muniment.cli.progress import progress

    call.archive = folder
    here = Path(folder) / config.FILE_NAME
    settings = config.read(Path(folder) if here.exists() else Path(backup_folder))
    with progress(call.say("backup.restoring"), quiet=call.json) as told:
        done = archives.restore(
            backup_folder,
            folder,
            root=call.root(settings),
            accept_loss=accept_loss,
            actor=call.actor or os.environ.get("MUNIMENT_ACTOR", "") or None,
            purpose=call.purpose or os.environ.get("MUNIMENT_PURPOSE", "") or None,
            program="cli",
            reason=reason,
            progress=told,
        )
    _tell_restored(call, folder, done)


def _tell_restored(call: Invocation, folder: str, done: Restored) -> None:
    from muniment.cli.output import emit, put
    from muniment.model import rfc3339

    if call.json:
        emit(
            {
                "restored": {
                    "folder": folder,
                    "made": rfc3339(done.manifest.made_us),
                    "origin": done.origin,
                    "size": done.size,
                    "files": done.files,
                    "lost": [one.text for one in done.lost],
                    "disposed": {
                        "subjects": done.disposed.subjects,
                        "records": done.disposed.records,
                        "parts": done.disposed.parts,
                    },
                    "held": done.held,
                }
            }
        )
        return
    put(call.say("backup.restored", folder=folder, time=rfc3339(done.manifest.made_us)[:19], size=done.size))
    if done.files:
        put(call.say("backup.files_back", count=done.files))
    if done.disposed.records:
        put(call.say("backup.disposed", count=done.disposed.records, parts=done.disposed.parts))
    if done.held:
        put(call.say("backup.held_again", count=done.held))
    for one in done.lost:
        put(call.say("backup.gave_up", origin=one.origin, first=one.first, last=one.last))
    if done.lost:
        put(call.say("backup.new_generation", origin=done.origin))
