"""``restrict`` and ``unrestrict`` of ``subject`` and ``record``, and ``subject restrictions``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from muniment.cli.base import argument, flag, may_say_why, option, options, paged, verb
from muniment.cli.invocation import Invocation

if TYPE_CHECKING:
    from muniment.session.rights.restrictions import Restriction

__all__ = ["restrict", "restrict_record", "restrictions", "unrestrict", "unrestrict_record"]

_SUBJECT = ("The subject: an identifier, or TYPE:VALUE.", "主体：标识符，或“类型:值”。")
_RECORD = ("The record: an identifier, or TYPE:VALUE.", "记录：标识符，或“类型:值”。")
_LIFTED = option(
    "--reason",
    required=True,
    metavar="TEXT",
    words=("Why, and that the person was told; sealed.", "原因，以及已告知本人；加密保存。"),
)


_how = options(
    flag(
        "--storage-only",
        words=("For claims and the person's requests alone.", "仅用于法律主张和本人请求。"),
    ),
    option(
        "--basis",
        default="",
        metavar="LAW",
        words=("On what ground, such as 'GDPR 18(1)(a)'.", "依据，例如 GDPR 18(1)(a)。"),
    ),
    may_say_why,
)
"""The options that say how strictly and why."""


@verb(
    "restrict",
    (
        "Restrict what may be done with a person's data.\n"
        "It is stored, and used for legal claims, legal duties and the person's own requests alone.",
        "限制处理某主体的数据。\n数据仅可存储，并仅用于法律主张、法定义务和本人请求。",
    ),
)
@argument("id", _SUBJECT)
@_how
@click.pass_obj
def restrict(call: Invocation, id: str, storage_only: bool, basis: str, reason: str | None) -> None:
    """Restrict a subject."""
    from muniment.session.reading.references import resolve_record

    with call.session() as (_, session):
        placed = session.restrictions.place(
            resolve_record(session, id), state=_state(storage_only), basis=basis, reason=reason
        )
        _tell(call, placed)


@verb(
    "restrict",
    (
        "Restrict what may be done with one record; the person's others stay as they are.",
        "限制处理某一条记录；该主体的其他记录不受影响。",
    ),
    note=(
        "Example: muniment record restrict visit:V-204 --basis 'GDPR 18(1)(a)'",
        "示例：muniment record restrict visit:V-204 --basis 'GDPR 18(1)(a)'",
    ),
)
@argument("id", _RECORD)
@_how
@click.pass_obj
def restrict_record(call: Invocation, id: str, storage_only: bool, basis: str, reason: str | None) -> None:
    """Restrict one record."""
    from muniment.session.reading.references import resolve_record

    with call.session() as (_, session):
        placed = session.restrictions.place_record(
            resolve_record(session, id), state=_state(storage_only), basis=basis, reason=reason
        )
        _tell(call, placed)


def _state(storage_only: bool) -> str:
    return "storage_only" if storage_only else "restricted"


def _tell(call: Invocation, placed: Restriction) -> None:
    from muniment.cli.output import emit, one_line, put

    if call.json:
        emit({"restrictions": [placed.document()]})
    else:
        state = call.say(_STATES[placed.state])
        put(one_line(call.say("restriction.placed", id=placed.target, state=state)))


_STATES = {
    "restricted": "restriction.state_restricted",
    "storage_only": "restriction.state_storage_only",
}


@verb("unrestrict", ("Lift the restriction of a person.", "解除对某主体的限制处理。"))
@argument("id", ("The subject's identifier.", "主体的标识符。"))
@_LIFTED
@click.pass_obj
def unrestrict(call: Invocation, id: str, reason: str) -> None:
    """Lift a restriction."""
    with call.session() as (_, session):
        session.restrictions.lift(id, reason=reason)
        _lifted(call, id)


@verb("unrestrict", ("Lift the restriction of one record.", "解除对某一条记录的限制处理。"))
@argument("id", ("The record's identifier.", "记录的标识符。"))
@_LIFTED
@click.pass_obj
def unrestrict_record(call: Invocation, id: str, reason: str) -> None:
    """Lift the restriction of one record."""
    with call.session() as (_, session):
        session.restrictions.lift_record(id, reason=reason)
        _lifted(call, id)


def _lifted(call: Invocation, id: str) -> None:
    from muniment.cli.output import emit, one_line, put

    if call.json:
        emit({"restrictions": []})
    else:
        put(one_line(call.say("restriction.lifted", id=id)))


@verb("restrictions", ("What is restricted, and on what ground.", "列出被限制处理的主体和记录及其依据。"))
@paged()
@click.pass_obj
def restrictions(call: Invocation, limit: int, after: str | None) -> None:
    """What is restricted."""
    from muniment.cli.output import emit, lead_on, one_line, put, table

    with call.session() as (_, session):
        found = session.restrictions.list(limit=limit, after=after)
        if call.json:
            emit({"restrictions": [one.document() for one in found], "after": found.after})
        elif not found:
            put(one_line(call.say("restriction.nothing")))
        else:
            table(
                call.words(
                    "restriction.label_target",
                    "restriction.label_scope",
                    "restriction.label_state",
                    "restriction.label_basis",
                    "restriction.label_by",
                ),
                [
                    [
                        one.target,
                        call.say("restriction.scope_record" if one.record else "restriction.scope_subject"),
                        call.say(_STATES[one.state]),
                        one.basis,
                        one.placed_by,
                    ]
                    for one in found
                ],
            )
            lead_on(call, found.after)
