"""The pages of an export: approved where it must be, and every page written down before it is released."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING

from muniment.errors import UsageError
from muniment.model import id_bytes
from muniment.schema import Condition
from muniment.session.approval.asking import approve_export
from muniment.session.kernel.gates import Handing
from muniment.session.kernel.views import Page
from muniment.session.reading.lists import Asked

if TYPE_CHECKING:
    from muniment.session.records import Records

__all__ = ["exported_pages"]


def exported_pages(
    session: Records,
    type: str,
    *,
    where: Mapping[str, object],
    fields: Sequence[str],
    deleted: bool,
    scan: bool,
    recipient: str,
    reason: str | None,
    filters: Sequence[Condition] = (),
    order_by: str | None = None,
    descending: bool = False,
    view: str = "",
    country: str = "",
    public: bool = False,
    outside: bool = False,
    file: str = "",
    records: Sequence[str] | None = None,
) -> Iterator[Page]:
    """The records of an export page by page; the arguments are those of ``exports.run.Corridor``.

    Raises:
        UsageError: ``export.country``.
        ApprovalNeeded: ``approval.waits`` where a second person has to approve it.
    """
    country = country.upper()
    if country and not (len(country) == 2 and country.isascii() and country.isalpha()):
        raise UsageError("export.country")
    options = {
        "country": country,
        "public": public,
        "deleted": deleted,
        "order_by": order_by or "",
        "scan": scan,
        "view": view,
    }
    only = None if records is None else frozenset(map(id_bytes, records))
    if only is not None:
        # Exactly these are approved, and no others.
        options["records"] = f"{len(only)}, SHA-256 {sha256(b''.join(sorted(only))).hexdigest()}"
    granted = approve_export(
        session.engine,
        session.acting,
        session.engine.record_type(type),
        where,
        fields,
        options,
        filters=filters,
        recipient=recipient,
        reason=reason,
    )
    members: dict[str, object] = {"recipient": recipient}
    handing = Handing(recipient if outside else "", country, public)
    told = (("country", country), ("public", public), ("file", file))
    if granted is not None:
        members["approval"] = granted.detail
    return session.pages(
        Asked(
            type,
            dict(where),
            fields=tuple(fields),
            limit=1000,
            deleted=deleted,
            scan=scan,
            count=True,
            kind="record.export",
            action="record.export",
            members=members,
            told={name: value for name, value in told if value},
            reason=reason,
            filters=filters,
            order_by=order_by,
            descending=descending,
            view=view,
            only=only,
        ),
        handing=handing or None,
    )
