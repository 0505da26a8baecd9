"""``muniment subject export``: what a person gave, to take elsewhere."""

from __future__ import annotations

from pathlib import Path

import click

from muniment.cli.base import argument, option, verb
from muniment.cli.invocation import Invocation

__all__ = ["export"]


@verb(
    "export",
    (
        "Write what a person gave themselves into a folder, as JSON and CSV, to take elsewhere "
        "(GDPR 20, PIPL 45).\n"
        "Which fields those are stands in [rights] provided of muniment.toml. It is a disclosure in the log.",
        "将主体自行提供的数据以 JSON 和 CSV 写入文件夹，供其转移"
        "（GDPR 第 20 条、个人信息保护法第 45 条）。\n"
        "所含字段由 muniment.toml 的 [rights] provided 列出。此操作在日志中记为披露。",
    ),
    note=(
        "Example: muniment subject export customer:C-1001 --to anna --basis contract",
        "示例：muniment subject export customer:C-1001 --to anna --basis contract",
    ),
)
@argument(
    "record", ("A record about the person, or type:value.", "涉及该主体的记录，或 类型:值。"), metavar="ID"
)
@option("--to", required=True, metavar="DIR", words=("A new folder.", "新文件夹。"))
@option(
    "--basis",
    required=True,
    type=click.Choice(("consent", "contract")),
    words=("On what their data is used.", "数据处理的依据。"),
)
@option(
    "--recipient",
    default="",
    metavar="NAME",
    words=("Who gets it, where the person asks for that.", "应本人要求接收数据的一方。"),
)
@click.pass_obj
def export(call: Invocation, record: str, to: str, basis: str, recipient: str) -> None:
    """Write a person's copy."""
    from muniment.cli.output import emit, put
    from muniment.session.reading.references import resolve_record

    with call.session() as (_, session):
        found = session.portability.export(
            resolve_record(session, record), Path(to), basis=basis, recipient=recipient
        )
    if call.json:
        emit(
            {
                "export": {
                    "subject": found.subject,
                    "folder": to,
                    "records": found.records,
                    "files": [{"name": name, "sha256": digest} for name, digest in found.files.items()],
                    "left_out": found.left_out,
                }
            }
        )
        return
    put(call.say("subject.exported", count=found.records, folder=to))
    for key, reasons in found.left_out.items():
        names = ", ".join(name for names in reasons.values() for name in names)
        if names:
            put(call.say("subject.left_out", type=key, names=names))
