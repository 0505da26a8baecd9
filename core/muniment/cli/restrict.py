"""``subject restrict`` and ``subject unrestrict``."""

from __future__ import annotations

import click

from muniment.cli.base import argument, flag, option, verb
from muniment.cli.invocation import Invocation

__all__ = ["restrict", "unrestrict"]

_ID = ("The subject: an identifier, or TYPE:VALUE.", "主体：标识符，或“类型:值”。")


@verb(
    "restrict",
    (
        "Restrict what may be done with a person's data.\n"
        "It is stored, and used for legal claims, legal duties and the person's own requests alone.",
        "限制处理某主体的数据。\n数据仅可存储，并仅用于法律主张、法定义务和本人请求。",
    ),
)
@argument("id", _ID)
@flag("--storage-only", words=("For claims and the person's requests alone.", "仅用于法律主张和本人请求。"))
@option(
    "--basis",
    default="",
    metavar="LAW",
    words=("On what ground, such as 'GDPR 18(1)(a)'.", "依据，例如 GDPR 18(1)(a)。"),
)
@option(
    "--reason", metavar="TEXT", words=("Why, in your own words; sealed.", "原因，用自己的话说明；加密保存。")
)
@click.pass_obj
def restrict(call: Invocation, id: str, storage_only: bool, basis: str, reason: str | None) -> None:
    """Restrict a subject."""
    from muniment.cli.output import emit, one_line, put
    from muniment.session.reading.references import resolve_record

    with call.session() as (_, session):
        state = "storage_only" if storage_only else "restricted"
        subject = resolve_record(session, id)
        placed = session.restrictions.place(subject, state=state, basis=basis, reason=reason)
        if call.json:
            emit({"restrictions": [placed.document()]})
        else:
            put(one_line(call.say("restriction.placed", id=placed.subject, state=placed.state)))


@verb("unrestrict", ("Lift a restriction.", "解除限制处理。"))
@argument("id", ("The subject's identifier.", "主体的标识符。"))
@option(
    "--reason",
    required=True,
    metavar="TEXT",
    words=("Why, in your own words; sealed.", "原因，用自己的话说明；加密保存。"),
)
@click.pass_obj
def unrestrict(call: Invocation, id: str, reason: str) -> None:
    """Lift a restriction."""
    from muniment.cli.output import emit, one_line, put

    with call.session() as (_, session):
        session.restrictions.lift(id, reason=reason)
        if call.json:
            emit({"restrictions": []})
        else:
            put(one_line(call.say("restriction.lifted", id=id)))
