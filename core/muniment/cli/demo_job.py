"""``muniment demo``: the main job of one archive, step by step."""

from __future__ import annotations

import shlex
import shutil

from muniment.cli.demo_show import Show

__all__ = ["play_job"]


def play_job(show: Show) -> None:
    """Make an archive, fill it, correct, find, refuse, and find out that somebody altered a copy."""
    from muniment.cli.output import emit

    _make(show)
    _import(show)
    _correct(show)
    _find(show)
    _refuse(show)
    _history(show)
    _verify(show)
    _alter(show)
    if show.call.json:
        emit({"demo": {"folder": str(show.base), "steps": show.steps}})
    else:
        _next(show)


def _make(show: Show) -> None:
    show.heading("demo.make")
    words = ["init", str(show.archive), "-t", "customer-info", "-t", "interaction-log", "--region", "CN"]
    show.run([*words, "--key-file", str(show.base / "customers.key"), "--name", "Demo"], expected=0)


def _import(show: Show) -> None:
    from muniment.demo import customers, write_csv

    show.heading("demo.import")
    rows = customers()
    path = show.base / "customers.csv"
    write_csv(path, rows)
    show.tell("demo.table", where=path, count=len(rows))
    words = ["import", "file", "customer", str(path), "--match", "customer_number"]
    show.run([*words, "--reason", show.call.say("demo.first_table")], expected=0)
    show.run(
        ["record", "list", "customer", "--limit", "6", "--fields", "customer_number,full_name,phone,city"],
        expected=0,
    )


def _correct(show: Show) -> None:
    show.heading("demo.correct")
    show.run(
        [
            "record",
            "correct",
            "customer:C-1004",
            "full_name=Anna Schmidt-Weber",
            "--reason",
            show.call.say("demo.reason"),
        ],
        expected=0,
    )
    show.run(
        [
            "record",
            "create",
            "interaction",
            "customer=C-1004",
            "channel=phone",
            "occurred_at=2026-03-02T09:30:00+01:00",
            "handled_by=owner",
            "result=resolved",
        ],
        expected=0,
    )


def _find(show: Show) -> None:
    from muniment.demo import customers

    show.heading("demo.find")
    phone = customers()[3].phone
    show.run(
        ["record", "search", "customer", "+49 (30) 23125003", "--fields", "customer_number,full_name,phone"],
        expected=0,
    )
    digits = "".join(sign for sign in phone if sign.isdigit())[-8:]
    show.tell("demo.nowhere" if not _in_clear(show, (phone, digits)) else "demo.somewhere", text=phone)


def _in_clear(show: Show, texts: tuple[str, ...]) -> bool:
    files = [path for path in show.archive.rglob("*") if path.is_file()]
    return any(text.encode() in path.read_bytes() for path in files for text in texts)


def _refuse(show: Show) -> None:
    show.heading("demo.refuse")
    show.run(["user", "add", "li.na", "--name", "李娜", "--role", "reader"], expected=0)
    show.run(["record", "update", "customer:C-1004", "city=Hamburg", "--as", "li.na"], expected=4)
    show.tell("demo.refused")
    show.run(["log", "list", "--actor", "li.na", "--limit", "3"], expected=0)


def _history(show: Show) -> None:
    show.heading("demo.history")
    show.run(["record", "history", "customer:C-1004"], expected=0)


def _verify(show: Show) -> None:
    show.heading("demo.verify")
    show.run(["log", "checkpoint", "--to", str(show.base / "checkpoint.txt")], expected=0)
    show.run(["log", "verify", "--trusted", str(show.base / "checkpoint.txt")], expected=0)


def _alter(show: Show) -> None:
    from muniment.demo import alter

    show.heading("demo.alter")
    copy = show.base / "altered"
    shutil.copytree(show.archive, copy)
    done = alter(copy)
    show.tell(
        "demo.altered",
        where=copy / "archive.db",
        offset=done.offset,
        before=f"{done.before:02x}",
        after=f"{done.after:02x}",
    )
    show.run(["log", "verify", "--archive", str(copy)], expected=3)
    show.tell("demo.noticed")


def _next(show: Show) -> None:
    table = shlex.quote(str(show.base / "customers.xlsx"))
    show.follow(
        "muniment status",
        "muniment record get customer:C-1001",
        "muniment record accesses customer:C-1004",
        f"muniment export customer --to {table} --headers {show.call.language} --reason demo",
        "muniment schema index customer",
        "muniment log verify --no-keys",
        "muniment user add ada --name Ada --role auditor",
        "muniment serve --link li.na",
    )
