"""One box for everything: the words are looked for in every type that the actor may search, as one act."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from muniment.errors import AccessDenied, NotFound, UsageError
from muniment.schema import RecordType
from muniment.session.kernel.acting import Acting
from muniment.session.kernel.engine import Engine
from muniment.session.kernel.logbook import Moment
from muniment.session.kernel.views import Page
from muniment.session.reading import lists
from muniment.store import Transaction

__all__ = ["Found", "find_anywhere"]

_MOST_COLUMNS = 5


@attrs.frozen
class Found:
    """What was found in one type.

    Attributes:
        type: the record type.
        columns: keys of the fields that are shown, and the only ones that were opened for release.
        page: the records; ``after`` says that there are more.
    """

    type: RecordType
    columns: tuple[str, ...]
    page: Page


def find_anywhere(engine: Engine, acting: Acting, words: str, *, limit: int = 10) -> Sequence[Found]:
    """Records of any type in which the words stand: names, phones, e-mails, numbers that have an index.

    Args:
        engine: the opened archive.
        acting: who asks; types and fields that they may not search are passed over.
        words: as typed.
        limit: records of each type at the most.

    Raises:
        UsageError: ``usage.no_words``, or ``index.nothing_searchable`` where no type can answer.
    """
    if not words.strip():
        raise UsageError("usage.no_words")
    engine.refresh()
    op, asking = engine.new_id(), ""
    wanted: list[tuple[RecordType, lists.Asked]] = []
    for key, record_type in sorted(engine.definitions.types.items()):
        allowed = engine.policy.may(acting.actor, "record.search", key)
        if record_type.built_in or not allowed:
            continue
        columns = _columns(engine, acting, record_type)
        asked = lists.Asked(key, words=words, fields=columns, limit=limit, kind="record.search",
                            action="record.search", op=op)  # fmt: skip
        wanted.append((record_type, asked))

    def body(tx: Transaction, moment: Moment) -> list[tuple[RecordType, lists.Asked, lists.Answer]]:
        nonlocal asking
        found = []
        if moment.gathered is None:
            moment.gathered = []  # one batch of entries, as it is one transaction
        for record_type, asked in wanted:
            asking = record_type.key
            try:
                found.append((record_type, asked, lists.answer(engine, tx, moment, acting, asked)))
            except UsageError as error:
                if not error.code.startswith("index."):
                    raise  # else nothing of this type could hold such words, and nothing was written down
        return found

    try:
        answers = engine.read(body, acting)
    except (AccessDenied, NotFound) as error:
        engine.refused(acting, "record.search", error, type=asking)
        raise
    if not answers:
        raise UsageError("index.nothing_searchable", where="*")
    pages = ((one, asked, lists.shown(engine, answer)) for one, asked, answer in answers)
    return [Found(one, tuple(asked.fields or ()), page) for one, asked, page in pages if page.records]


def _columns(engine: Engine, acting: Acting, record_type: RecordType) -> tuple[str, ...]:
    """What names a record, and the first columns of its list, as far as they may be read."""
    readable = engine.policy.view(acting.actor, record_type).readable
    listed = sorted(
        (field for field in record_type.fields if field.order and not field.hidden and not field.retired),
        key=lambda field: field.order,
    )
    keys = (*record_type.title, *(field.key for field in listed))
    return tuple(dict.fromkeys(key for key in keys if key in readable))[:_MOST_COLUMNS]
