"""``muniment key``: the key store, and who can open it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from muniment.cli.base import Entry, LazyGroup, argument, option, verb
from muniment.cli.invocation import Invocation, read_secret
from muniment.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from muniment.archive import Archive
    from muniment.errors import Issue
    from muniment.keys import KeyStatus, Root, Rotated

__all__ = ["backup", "key", "rotate", "slot", "slot_add", "slot_remove", "status", "warn"]

_HERE = "muniment.cli.key"
_KINDS = {
    "keyfile": "cli.root_keyfile",
    "passphrase": "cli.root_passphrase",
    "recovery": "cli.root_recovery",
    "recipient": "cli.root_recipient",
}

key = LazyGroup(
    "key",
    {
        "status": Entry(f"{_HERE}:status", ("How the key store stands.", "查看密钥库状态。")),
        "rotate": Entry(f"{_HERE}:rotate", ("Seal everything under a new archive key.", "更换档案库密钥。")),
        "backup": Entry(f"{_HERE}:backup", ("Copy the keys to two places.", "将密钥备份到两处。")),
        "slot": Entry(f"{_HERE}:slot", ("Ways to open the archive.", "管理打开档案库的方式。")),
    },
    words=("The key store and who can open it.", "管理密钥库及其打开方式。"),
)

slot = LazyGroup(
    "slot",
    {
        "add": Entry(f"{_HERE}:slot_add", ("Add a way to open the archive.", "添加打开档案库的方式。")),
        "remove": Entry(f"{_HERE}:slot_remove", ("Take one away, and rotate.", "移除一种方式并更换密钥。")),
    },
    words=("Ways to open the archive; keep two at least.", "打开档案库的方式；至少保留两种。"),
)


def _status_json(found: KeyStatus, lang: str) -> dict[str, Any]:
    from muniment.model import rfc3339

    return {
        "epoch": found.epoch,
        "slots": [
            {
                "id": one.slot,
                "kind": one.kind,
                "present": one.present,
                "file": one.file,
                "tested_epoch": one.tested_epoch,
                "added": rfc3339(one.added),
            }
            for one in found.slots
        ],
        "pages": found.pages,
        "leased": found.leased,
        "destroyed": found.destroyed,
        "rotation_due": found.rotation_due,
        "backup": None
        if found.backup is None
        else {
            "keys_to": str(found.backup.keys_to),
            "slots_to": str(found.backup.slots_to),
            "epoch": found.backup.epoch,
            "made": rfc3339(found.backup.made),
            "expires": rfc3339(found.backup.expires),
        },
        "warnings": [{"code": one.code, "detail": one.text(lang)} for one in found.warnings],
    }


def warn(call: Invocation, warnings: Sequence[Issue]) -> None:
    """Say what is amiss."""
    from muniment.cli.output import one_line, talk

    for one in warnings:
        talk(one_line(f"{one.text(call.language)} [{one.code}]"))


@verb("status", ("How the key store stands, and what is amiss.", "查看密钥库状态及存在的问题。"))
@click.pass_obj
def status(call: Invocation) -> None:
    """How the key store stands."""
    from muniment.cli.output import emit, labels, put, table
    from muniment.cli.values import local_time

    with call.session() as (archive, session):
        session.require("key.read")
        found = archive.keys.status()
        if call.json:
            emit({"keys": _status_json(found, call.language)})
            return
        zone = archive.applied.timezone
        yes = {True: call.say("cli.yes"), False: call.say("cli.no")}
        labels(
            [
                (call.say("cli.label_epoch"), found.epoch),
                (
                    call.say("cli.label_secrets"),
                    call.say("cli.secrets", leased=found.leased, destroyed=found.destroyed),
                ),
                (
                    call.say("cli.label_backup"),
                    call.say("cli.no_backup")
                    if found.backup is None
                    else local_time(found.backup.made, zone),
                ),
            ]
        )
        put()
        header = call.words(
            "cli.label_slot", "cli.label_kind", "cli.label_opened_now", "cli.label_tested", "cli.label_added"
        )
        table(
            header,
            [
                [
                    one.slot,
                    call.say(_KINDS[one.kind]) if one.kind in _KINDS else one.kind,
                    yes[one.present],
                    call.say("cli.never") if one.tested_epoch is None else str(one.tested_epoch),
                    local_time(one.added, zone),
                ]
                for one in found.slots
            ],
        )
        warn(call, found.warnings)


@verb(
    "rotate",
    (
        "Seal everything under a new archive key.\nOld copies of keys.db open nothing from then on.",
        "更换档案库密钥。\n此后旧的 keys.db 副本无法打开任何内容。",
    ),
)
@click.pass_obj
def rotate(call: Invocation) -> None:
    """Seal everything under a new archive key."""
    with call.session() as (_archive, session):
        done = session.keys.rotate()
        _tell_rotated(call, done)


def _tell_rotated(call: Invocation, done: Rotated) -> None:
    from muniment.cli.output import emit, put, talk

    if call.json:
        emit(
            {
                "rotated": {
                    "epoch": done.epoch,
                    "slots": done.slots,
                    "untested": list(done.untested),
                    "backup": done.backup,
                }
            }
        )
        return
    put(call.say("cli.rotated", epoch=done.epoch, slots=done.slots))
    if done.untested:
        talk(call.say("cli.untested", names=", ".join(done.untested)))
    if done.backup is False:
        talk(call.say("cli.backup_stale"))


@verb(
    "backup",
    (
        "Copy keys.db to one place and the slot files to another; each rotation does so again.\n"
        "Keep the two apart: together with a credential they open everything.",
        "将 keys.db 和槽文件分别备份到两处；此后每次更换密钥都会重做。\n"
        "两处请分开保管：二者加上凭据即可打开一切。",
    ),
)
@argument("folder", ("A folder for the copy of keys.db.", "存放 keys.db 副本的文件夹。"), metavar="DIR")
@option(
    "--slots",
    required=True,
    metavar="DIR2",
    words=("Another folder, for the slot files.", "另一个文件夹，存放槽文件。"),
)
@option(
    "--days",
    type=click.IntRange(1),
    default=90,
    metavar="N",
    words=("When a new one is due.", "多少天后需要重做。"),
)
@click.pass_obj
def backup(call: Invocation, folder: str, slots: str, days: int) -> None:
    """Copy the keys to two places."""
    from muniment.cli.output import emit, put

    with call.session() as (_archive, session):
        found = session.keys.backup(Path(folder), Path(slots), lifetime_days=days)
        if call.json:
            emit({"keys": _status_json(found, call.language)})
        else:
            put(call.say("cli.backed_up", keys=folder, slots=slots, days=days))
            warn(call, found.warnings)


@verb(
    "add",
    (
        "Add a way to open the archive: keyfile, passphrase, recovery or recipient.\n"
        "A passphrase is taken from MUNIMENT_NEW_PASSPHRASE, or asked for.",
        "添加打开档案库的方式：keyfile、passphrase、recovery 或 recipient。\n"
        "口令取自 MUNIMENT_NEW_PASSPHRASE，否则会询问。",
    ),
    note=(
        "Example: muniment key slot add keyfile --path /media/usb/archive.key",
        "示例：muniment key slot add keyfile --path /media/usb/archive.key",
    ),
)
@argument("kind", ("What opens it.", "打开方式。"), type=click.Choice(tuple(_KINDS)), metavar="KIND")
@option("--path", metavar="FILE", words=("Where to put a new key file.", "新密钥文件的存放位置。"))
@option(
    "--public",
    metavar="HEX",
    words=(
        "X25519 public key of a recipient, 64 hexadecimal digits.",
        "接收方的 X25519 公钥，64 位十六进制。",
    ),
)
@click.pass_obj
def slot_add(call: Invocation, kind: str, path: str | None, public: str | None) -> None:
    """Add a way to open the archive."""
    from muniment.cli.output import emit, heading, put

    with call.session() as (archive, session):
        session.require("key.change")
        root, phrase = _new_root(call, archive, kind, path, public)
        name = session.keys.add_root(root)
        if call.json:
            emit({"slots": [{"id": name, "kind": kind, "path": path, "recovery_phrase": phrase}]})
            return
        put(call.say("cli.slot_added", name=name, kind=call.say(_KINDS[kind])))
        if phrase:
            put(heading(call.say("cli.recovery_once")))
            put()
            put(f"    {phrase}")
            put()
            put(call.say("cli.recovery_advice"))


def _new_root(
    call: Invocation, archive: Archive, kind: str, path: str | None, public: str | None
) -> tuple[Root, str | None]:
    from muniment.keys import Passphrase, Recipient, RecoveryPhrase, new_phrase, write_key_file

    if kind == "keyfile":
        if path is None:
            raise UsageError("cli.missing", name="--path")
        if Path(path).resolve().is_relative_to(archive.folder.resolve()):
            raise UsageError("cli.key_inside", where=path)
        return write_key_file(Path(path), archive.file.archive), None
    if kind == "passphrase":
        typed = os.environ.get("MUNIMENT_NEW_PASSPHRASE", "") or read_secret(
            call.say("cli.new_passphrase"), "cli.no_answer", confirm=call.say("cli.again")
        )
        return Passphrase(typed), None
    if kind == "recovery":
        phrase = new_phrase(lang=call.language)
        return RecoveryPhrase(phrase), phrase
    try:
        return Recipient(bytes.fromhex(public or "")), None
    except ValueError:
        raise UsageError("cli.bad_value", name="--public") from None


@verb(
    "remove",
    (
        "Take a way to open the archive away, and rotate, so that it opens nothing from then on.",
        "移除一种打开方式并更换密钥，使其此后无法打开任何内容。",
    ),
)
@argument(
    "name", ("The slot's identifier, as `key status` prints it.", "槽标识符，见 key status。"), metavar="SLOT"
)
@click.pass_obj
def slot_remove(call: Invocation, name: str) -> None:
    """Take a way to open the archive away."""
    with call.session() as (_archive, session):
        session.require("key.change")
        done = session.keys.remove_root(name)
        _tell_rotated(call, done)
