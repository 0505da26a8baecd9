"""References by name, many at a time: the records that the texts in a table's reference columns mean."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from muniment.imports.rows import Given
from muniment.model import id_text
from muniment.schema import Context, Field
from muniment.session.kernel.acting import Acting
from muniment.session.kernel.engine import Engine
from muniment.session.tables.matching import Matcher
from muniment.session.writing.uniqueness import Claims
from muniment.store import Transaction, Version

__all__ = ["Namer", "Names", "is_identifier"]

_KEPT: Final = 20_000

Names = Mapping[tuple[str, str], str | None]
"""By type and text the record that is meant, UUID text; None where there is no such record."""


def is_identifier(text: str) -> bool:
    """Whether a text is a record's identifier and needs no looking up."""
    if len(text) != 36:
        return False
    try:
        UUID(text)
    except ValueError:
        return False
    return True


class Namer:
    """Finds the records that texts name by a unique field of the type that is referred to.

    Args:
        engine: the opened archive.
        acting: who asks; what they may not list or not read in clear leads nowhere.
        fields: the reference fields of the rows.
        context: how values are read.
        claims: of a trial run: records that it would have made are found as well.
    """

    def __init__(
        self,
        engine: Engine,
        acting: Acting,
        fields: Sequence[Field],
        context: Context,
        claims: Claims | None,
    ) -> None:
        self._engine = engine
        self._acting = acting
        self._fields = fields
        self._context = context
        self._claims = claims
        self._matchers: dict[str, tuple[Matcher, ...]] = {}
        self._known: OrderedDict[tuple[str, str], str] = OrderedDict()

    def resolve(self, tx: Transaction, rows: Sequence[Given], versions: list[Version]) -> Names:
        """The records that the rows name.

        Args:
            tx: the transaction.
            rows: each gives all the fields.
            versions: what was looked at is added here, for the entry.
        """
        names: dict[tuple[str, str], str | None] = {}
        for field in self._fields:
            for row in rows:
                text = row.values[field.key]
                if isinstance(text, str) and (text := text.strip()) and not is_identifier(text):
                    names[field.target, text] = self._known.get((field.target, text))
        for target in sorted({target for target, _ in names}):
            missing = [text for of, text in names if of == target and names[of, text] is None]
            if missing:
                found = self._look_up(tx, target, missing, versions)
                names.update(((target, text), record) for text, record in found.items())
        return names

    def replaced(self, values: Mapping[str, object], names: Names) -> tuple[dict[str, object], list[Field]]:
        """Values with identifiers in place of names, and the fields whose names lead nowhere."""
        made = dict(values)
        lost: list[Field] = []
        for field in self._fields:
            text = values[field.key]
            name = (field.target, text.strip() if isinstance(text, str) else "")
            if name in names:
                record = names[name]
                if record is None:
                    lost.append(field)
                else:
                    made[field.key] = record
        return made, lost

    def _look_up(
        self, tx: Transaction, target: str, texts: Sequence[str], versions: list[Version]
    ) -> dict[str, str]:
        found: dict[str, set[str]] = {}
        for matcher in self._matchers_of(target):
            keys = {text: key for text in texts if (key := self._key(target, matcher, text)) is not None}
            hits = matcher.find(tx, set(keys.values()))
            for text, key in keys.items():
                records = found.setdefault(text, set())
                for version in hits[key].versions:
                    records.add(id_text(version.record))
                    versions.append(version)
                if not records and self._claims is not None:
                    self._claimed(self._claims, matcher.token(key), records)
        single = {text: records.pop() for text, records in found.items() if len(records) == 1}
        if self._claims is None:
            for text, record in single.items():
                self._known[target, text] = record
                if len(self._known) > _KEPT:
                    self._known.popitem(last=False)
        return single

    def _key(self, target: str, matcher: Matcher, text: str) -> tuple[bytes, ...] | None:
        values, issues = self._engine.record_type(target).normalise(
            {matcher.fields[0].key: text}, context=self._context, partial=True, kinds=self._engine.kinds
        )
        if any(issue.severity == "error" for issue in issues):
            return None  # such a text cannot stand in that field
        return matcher.key(values)

    def _claimed(self, claims: Claims, token: tuple[int, int, bytes], records: set[str]) -> None:
        """A record that an earlier row of a trial run would have made."""
        if claims.taken.get(hash(token)):
            record = self._engine.new_id()
            claims.records.add(record)
            records.add(id_text(record))

    def _matchers_of(self, target: str) -> tuple[Matcher, ...]:
        """One for each unique field of a type; nothing where the actor may not look for its records.

        Denied and missing answer alike: such names lead nowhere.
        """
        made = self._matchers.get(target)
        if made is None:
            engine, actor = self._engine, self._acting.actor
            record_type = engine.record_type(target)
            view = engine.policy.view(actor, record_type)
            allowed = engine.policy.may(actor, "record.list", target)
            unique = [
                field.key
                for field in record_type.fields
                if field.unique
                and not field.retired
                and field.key in view.clear | view.searchable
                and allowed
            ]
            made = tuple(Matcher(engine, self._acting, record_type, view, (key,)) for key in unique)
            self._matchers[target] = made
        return made
