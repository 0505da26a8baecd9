"""``muniment certificate``: what was erased, to be shown, handed out and checked."""

from __future__ import annotations

import json
from pathlib import Path

import click

from muniment.cli.base import Entry, LazyGroup, argument, option, paged, verb
from muniment.cli.invocation import Invocation

__all__ = ["certificate", "export", "list_certificates", "verify"]

_HERE = "muniment.cli.certificate"

certificate = LazyGroup(
    "certificate",
    {
        "list": Entry(f"{_HERE}:list_certificates", ("The certificates of erasures.", "列出删除证明。")),
        "export": Entry(
            f"{_HERE}:export", ("Hand a certificate out, with its proof.", "导出删除证明及其证据。")
        ),
        "verify": Entry(
            f"{_HERE}:verify",
            ("Check a certificate; needs no archive.", "校验删除证明；无需档案库。"),
        ),
    },
    words=(
        "Certificates of erasure: what went, when, under which rule, and what is final when.",
        "删除证明：删除了什么、何时、依据何规则，以及各处何时最终生效。",
    ),
)


@verb("list", ("The certificates of erasures.", "列出删除证明。"))
@option("--about", metavar="ID", words=("Of this subject or record alone.", "仅此主体或记录。"))
@paged()
@click.pass_obj
def list_certificates(call: Invocation, about: str | None, limit: int, after: str | None) -> None:
    """The certificates."""
    from muniment.cli.output import emit, lead_on, one_line, put, table
    from muniment.cli.values import local_time
    from muniment.model import parse_time

    with call.session() as (archive, session):
        found = session.erasures.certificates(about=about, limit=limit, after=after)
        if call.json:
            emit({"certificates": found, "after": found.after})
        elif not found:
            put(one_line(call.say("erasure.no_certificates")))
        else:
            table(
                ["ID", *call.words("erasure.label_done", "erasure.label_count")],
                [
                    [
                        one["id"],
                        local_time(parse_time(one["done"]), archive.applied.timezone),
                        len(one["targets"]),
                    ]
                    for one in found
                ],
            )
            lead_on(call, found.after)


@verb(
    "export",
    (
        "Hand a certificate out, with the proof of its entries.\n"
        "A .json file can be checked by anybody; a .html page is for reading and printing.",
        "导出删除证明及其条目的证据。\n.json 文件任何人都可校验；.html 页面供阅读和打印。",
    ),
)
@argument("id", ("The erasure, or the subject or record it erased.", "删除的标识符，或被删除的主体或记录。"))
@option(
    "--to",
    "path",
    required=True,
    metavar="FILE",
    words=("A new file: .json or .html.", "新文件：.json 或 .html。"),
)
@click.pass_obj
def export(call: Invocation, id: str, path: str) -> None:
    """Hand a certificate out."""
    from muniment.cli.output import emit, one_line, put
    from muniment.errors import StoreError
    from muniment.files import write_atomically

    target = Path(path)
    if target.exists():
        raise StoreError("store.file_exists", where=str(target))
    with call.session() as (_, session):
        made = session.erasures.certificate(id)
        if target.suffix.lower() in (".html", ".htm"):
            from muniment.retention.page import certificate_page

            text = certificate_page(made, call.language)
        else:
            text = json.dumps(made, ensure_ascii=False, indent=1) + "\n"
        write_atomically(target, text.encode("utf-8"))
        if call.json:
            emit({"certificate": made["certificate"], "file": str(target)})
        else:
            put(one_line(call.say("erasure.written", path=str(target))))


@verb(
    "verify",
    (
        "Check a certificate, with nothing but the log's verifier key.",
        "校验删除证明，只需日志的验证公钥。",
    ),
)
@argument("file", ("The .json file.", ".json 文件。"))
@option(
    "--verifier-key",
    "key",
    metavar="KEY",
    words=("The log's verifier key, from elsewhere.", "另行取得的日志验证公钥。"),
)
@click.pass_obj
def verify(call: Invocation, file: str, key: str | None) -> None:
    """Check a certificate."""
    from muniment.cli.output import emit, one_line, put, talk
    from muniment.errors import StoreError
    from muniment.verify.certificate import check_certificate

    try:
        data = Path(file).read_bytes()
    except OSError:
        raise StoreError("store.no_such_file", where=file) from None
    found = check_certificate(data, key=key)
    if call.json:
        emit(
            {
                "certificate": dict(found.certificate),
                "log": found.origin,
                "size": found.size,
                "verifier_key": found.key,
                "trusted": found.trusted,
            }
        )
        return
    count, when = len(found.certificate["targets"]), found.certificate["done"]
    put(one_line(call.say("erasure.sound", count=count, time=when)))
    if not found.trusted:
        talk(one_line(call.say("erasure.key_from_file")))
