"""``muniment log bundle``: evidence to take away."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from muniment.cli.base import argument, flag, option, verb
from muniment.cli.generation import generation, tell_earlier, wanted_generations
from muniment.cli.invocation import Invocation
from muniment.errors import UsageError

if TYPE_CHECKING:
    from muniment.evidence import Bundled

__all__ = ["bundle"]


@verb(
    "bundle",
    (
        "Write evidence that anybody can check: one ZIP, without keys, without muniment.\n"
        "It opens the entries that match; of all others it shows that they are there and unaltered. "
        "Making it is an entry itself.",
        "生成任何人都可核对的证据包：一个 ZIP 文件，无需密钥，也无需本软件。\n"
        "符合条件的条目会开放明细；其余条目仅证明其存在且未被改动。生成本身也会记入日志。",
    ),
    note=(
        "Example: muniment log bundle march.zip --since 2026-03-01 --until 2026-04-01 --for-whom auditor",
        "示例：muniment log bundle 三月.zip --since 2026-03-01 --until 2026-04-01 --for-whom 审计机构",
    ),
)
@argument("file", ("The ZIP to write.", "要写入的 ZIP 文件。"), metavar="FILE")
@option("--since", metavar="T", words=("From this time on.", "自该时间起。"))
@option("--until", metavar="T", words=("Before this time.", "至该时间止。"))
@option("--about", metavar="ID", words=("About a record or a subject.", "涉及的记录或主体。"))
@option("--actor", metavar="LOGIN", words=("By whom.", "操作者。"))
@option("--op", metavar="OP", words=("Everything of one act.", "同一操作的全部条目。"))
@option(
    "--earlier",
    multiple=True,
    metavar="FILE",
    words=("A checkpoint kept from before, to compare with.", "此前留存的检查点，供比对。"),
)
@flag("--whole", words=("Carry every entry, however many.", "包含全部条目，无论多少。"))
@flag(
    "--with-tag-key",
    words=(
        "Hand over the key that finds every entry of this subject or user, so that none can be left out.",
        "同时提供可找出该主体或用户全部条目的标记密钥，以证明没有遗漏。",
    ),
)
@generation
@option("--for-whom", metavar="NAME", words=("Whom it is for; written down.", "提供给谁；将被记录。"))
@click.pass_obj
def bundle(
    call: Invocation,
    file: str,
    since: str | None,
    until: str | None,
    about: str | None,
    actor: str | None,
    op: str | None,
    earlier: tuple[str, ...],
    whole: bool,
    with_tag_key: bool,
    generation: str | None,
    for_whom: str | None,
) -> None:
    """Write a bundle of evidence."""
    from muniment.cli.output import emit, labels, talk
    from muniment.cli.progress import progress
    from muniment.model import id_bytes, parse_time
    from muniment.session.oversight.evidence import Scope
    from muniment.session.reading.references import resolve_record

    kept = []
    for path in earlier:
        try:
            kept.append(Path(path).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError):
            raise UsageError("cli.no_file", where=path) from None
    with call.session() as (_, session), progress(call.say("cli.exporting"), quiet=call.json) as told:
        scope = Scope(
            since_us=parse_time(since) if since else None,
            until_us=parse_time(until) if until else None,
            subject=id_bytes(resolve_record(session, about)) if about else None,
            actor=actor,
            op=op,
        )
        made = []
        for gen in wanted_generations(session, generation):
            one = session.bundle(
                _named(file, gen) if generation == "all" else file,
                scope,
                whole=True if whole else None,
                earlier=kept,
                tag_keys=with_tag_key,
                recipient=for_whom or "",
                generation=gen,
                progress=told,
            )
            made.append((one, session.engine.logbook.verifier_key(one.gen).text))
        tell_earlier(call, session, generation)
    if call.json:
        documents = [_document(one, key) for one, key in made]
        emit({"bundles": documents} if generation == "all" else {"bundle": documents[0]})
        return
    for one, key in made:
        labels(
            [
                (call.say("audit.label_size"), one.size),
                (call.say("audit.label_opened"), one.opened),
                (call.say("audit.label_withheld"), one.withheld),
                (call.say("audit.label_versions"), one.versions),
                ("SHA-256", one.digest),
            ]
        )
        talk(call.say("audit.bundled", where=one.path, key=key))


def _named(file: str, gen: int | None) -> Path:
    """Of all generations each has a file of its own: ``march.0.zip``, ``march.1.zip``."""
    path = Path(file)
    return path.with_name(f"{path.stem}.{gen}{path.suffix}")


def _document(made: Bundled, key: str) -> dict[str, object]:
    return {
        "path": str(made.path),
        "generation": made.gen,
        "entries": made.size,
        "carried": made.entries,
        "opened": made.opened,
        "withheld": made.withheld,
        "versions": made.versions,
        "sha256": made.digest,
        "verifier_key": key,
    }
