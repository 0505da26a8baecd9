"""What a change of definitions does to the records that are there: counted before anybody decides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import attrs

from muniment.model import CLASSES
from muniment.schema import Field, RecordType
from muniment.schema.values import ValueProblem
from muniment.session.reading import lists

if TYPE_CHECKING:
    from muniment.session.records import Records

__all__ = ["Effect", "effects_of"]

# What decides whether a value is taken; everything else is for people's eyes.
_DECIDING: Final = (
    "required", "choices", "minimum", "maximum", "max_length", "past", "kind", "target", "currency",
)  # fmt: skip


@attrs.frozen
class Effect:
    """What one change means for the records of a type.

    Attributes:
        code: ``missing`` (a value is asked for now), ``refused`` (a value would not be taken today any more),
            ``kept`` (a retired field or choice that records have), ``raised`` (a class that rose).
        type: key of the record type.
        field: key of the field.
        count: how many records are concerned.
        records: how many there are.
    """

    code: str
    type: str
    field: str
    count: int
    records: int


def effects_of(
    session: Records,
    changed: Iterable[RecordType],
    *,
    progress: Callable[[int, int | None], None] | None = None,
) -> Sequence[Effect]:
    """Count the records that a change of definitions concerns; nothing is written but the entries of reading.

    Records keep what they have in any case: what is counted here is what the next edit of such a
    record, or an import that touches it, will be asked for.

    Args:
        session: whose actor may check data; only fields they read in clear are looked at.
        changed: the types as they would be.
        progress: told after each page.

    Raises:
        AccessDenied: ``access.action``; logged.
    """
    found: list[Effect] = []
    for new in changed:
        old = session.engine.definitions.by_number.get(new.number)
        if old is not None:
            found += _of_type(session, old, new, progress)
    return found


def _of_type(
    session: Records,
    old: RecordType,
    new: RecordType,
    progress: Callable[[int, int | None], None] | None,
) -> list[Effect]:
    seen = session.view(old).clear
    pairs = [
        (before, now)
        for before in old.fields
        if before.key in seen
        and (now := new.by_number.get(before.number)) is not None
        and _counts(before, now)
    ]
    added = [field for field in new.fields if field.required and field.number not in old.by_number]
    if not pairs and not added:
        return []
    session.require("data.check", old.key)
    asked = lists.Asked(
        old.key, fields=[before.key for before, _ in pairs], limit=500, count=True, kind="data.check"
    )
    counts: Counter[tuple[str, str]] = Counter()
    tests = {before.key: _test(session, before, now) for before, now in pairs}
    done, total = 0, None
    for page in session.pages(asked):
        total = page.total if page.total is not None else total
        done += len(page.records)
        for record in page.records:
            for before, now in pairs:
                code = tests[before.key](record.fields.get(before.key))
                if code:
                    counts[code, now.key] += 1
        if progress is not None:
            progress(done, total)
    for field in added:
        counts["missing", field.key] = done
    return [Effect(code, old.key, key, count, done) for (code, key), count in sorted(counts.items()) if count]


def _counts(before: Field, now: Field) -> bool:
    raised = CLASSES.index(now.sensitivity) > CLASSES.index(before.sensitivity)
    stricter = any(getattr(before, name) != getattr(now, name) for name in _DECIDING)
    return raised or stricter or (now.retired and not before.retired)


def _test(session: Records, before: Field, now: Field) -> Callable[[object], str]:
    engine = session.engine
    kind = engine.kinds.get(now.kind)
    live = attrs.evolve(now, retired=False, computed=False, past=now.past)
    parse = None if kind is None or now.kind in ("reference", "file") else kind.prepare(live)
    context = engine.value_context()
    raised = CLASSES.index(now.sensitivity) > CLASSES.index(before.sensitivity)
    gone: Mapping[str, bool] = {choice.key: choice.retired for choice in now.choices}

    def test(value: object) -> str:
        if value is None:
            return "missing" if now.required and not before.required else ""
        chosen = value if isinstance(value, tuple) else (value,)
        if now.retired and not before.retired:
            return "kept"
        if gone and any(gone.get(str(one)) for one in chosen):
            return "kept"
        if parse is not None:
            try:
                parse(value, context)
            except ValueProblem:
                return "refused"
        return "raised" if raised else ""

    return test
