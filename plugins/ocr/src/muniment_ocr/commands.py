"""The commands of ``muniment ocr``."""

from __future__ import annotations

from pathlib import Path

import click

from muniment.cli.base import argument, option, verb
from muniment.cli.invocation import Invocation

__all__ = ["read"]


@verb(
    "read",
    (
        "Read scans as proposed records: PNG, JPEG, TIFF or PDF.",
        "读取扫描件并生成建议记录：PNG、JPEG、TIFF 或 PDF。",
    ),
    note=(
        "Example: muniment ocr read form.png --type customer",
        "示例：muniment ocr read 表格.png --type customer",
    ),
)
@argument("paths", ("Files.", "文件。"), nargs=-1, required=True)
@option(
    "--type",
    "type_key",
    default="customer",
    show_default=True,
    metavar="TYPE",
    words=("What a scan becomes.", "扫描件对应的记录类型。"),
)
@option(
    "--languages",
    default="eng+chi_sim",
    show_default=True,
    metavar="L",
    words=("As Tesseract names them.", "Tesseract 的语言代码。"),
)
@click.pass_obj
def read(call: Invocation, paths: tuple[str, ...], type_key: str, languages: str) -> None:
    """Read scans as proposed records."""
    from muniment.cli.offered import require_plugin
    from muniment.cli.output import emit, one_line, put
    from muniment_ocr.proposing import propose

    with call.session() as (archive, session):
        require_plugin(archive, "ocr")
        made: list[str] = []
        known = 0
        for path in map(Path, paths):
            item = propose(session, type_key, path, languages=languages)
            made += [item] if item else []
            known += not item
        if call.json:
            emit({"incoming": made, "known": known})
        else:
            put(one_line(call.say("ocr.read", count=len(made), known=known)))
