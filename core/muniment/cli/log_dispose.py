"""``muniment log dispose``: retention of the log's own details."""

from __future__ import annotations

import attrs
import click

from muniment.cli.base import option, verb
from muniment.cli.invocation import Invocation

__all__ = ["dispose"]


@verb(
    "dispose",
    (
        "Dispose of details of the log that are older than a day.\n"
        "The entries, their proofs and what they bind stay whole; details of changes stay as long as the "
        "records, and what a hold concerns stays too.",
        "处置早于某日的日志明细。\n条目、证据及其绑定内容保持完整；变更明细与记录同期保存，受法律保留的内容同样保存。",
    ),
    note=(
        "Example: muniment log dispose --rule accesses --before 2025-01-01",
        "示例：muniment log dispose --rule accesses --before 2025-01-01",
    ),
)
@option(
    "--rule",
    required=True,
    type=click.Choice(("changes", "accesses", "security")),
    words=("Which details.", "哪一类明细。"),
)
@option("--before", required=True, metavar="DAY", words=("Of before this day.", "此日之前的明细。"))
@click.pass_obj
def dispose(call: Invocation, rule: str, before: str) -> None:
    """Dispose of details of the log."""
    from muniment.cli.output import emit, one_line, put

    with call.session() as (_, session):
        done = session.dispose_log(rule, before=before)
        if call.json:
            emit({"disposed": attrs.asdict(done)})
        else:
            put(one_line(call.say("disposal.done", count=done.entries, kept=done.kept)))
