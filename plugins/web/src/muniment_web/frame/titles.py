"""What the records go by that other records refer to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from muniment.model import id_text
from muniment.schema import Field, RecordType
from muniment.session.kernel.views import Change, Record
from muniment_web.frame.call import Call

__all__ = ["names_of", "title_of", "titles_changed", "titles_of"]


def title_of(record: Record, title: Sequence[str]) -> str:
    """What one record goes by: the first of its type's title fields that is not empty."""
    for key in title:
        value = record.fields.get(key)
        if value is not None and key not in record.masked:
            return str(value)
    return ""


def titles_of(call: Call, fields: Iterable[Field], records: Iterable[Record]) -> Mapping[str, str]:
    """What the records go by that these fields of these records refer to; each look-up is logged."""
    wanted: dict[str, set[str]] = {}
    listed = list(records)
    for field in fields:
        if field.kind == "reference" and field.target:
            for record in listed:
                value = record.fields.get(field.key)
                if value is not None and field.key not in record.masked:
                    wanted.setdefault(field.target, set()).add(str(value))
    found: dict[str, str] = {}
    for target, ids in wanted.items():
        found |= names_of(call, target, ids)
    return found


def titles_changed(call: Call, record_type: RecordType, changes: Iterable[Change]) -> Mapping[str, str]:
    """What the records go by that a reference was changed from and to; each look-up is logged."""
    wanted: dict[str, set[str]] = {}
    for one in changes:
        field = record_type.field(one.field)
        if field is not None and field.kind == "reference" and field.target and not one.masked:
            wanted.setdefault(field.target, set()).update(str(v) for v in (one.before, one.after) if v)
    found: dict[str, str] = {}
    for target, ids in wanted.items():
        found |= names_of(call, target, ids)
    return found


def names_of(call: Call, target: str, ids: Iterable[str]) -> dict[str, str]:
    """What records of a type go by; of a colleague whose record is not the person's to see, the login.

    A login is no secret among those who work here: every history names who wrote.
    """
    wanted = sorted(set(ids))
    found = dict(call.session.titles(target, wanted))
    if target == "user" and len(found) < len(wanted):
        users = call.web.engine.definitions.users
        logins = {id_text(user.record): login for login, user in users.items()}
        found |= {one: logins[one] for one in wanted if one not in found and one in logins}
    return found
