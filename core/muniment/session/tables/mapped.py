"""Saved mappings of imports: what a team wrote down once about files of one form, kept in the archive."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs

from muniment.codec import canonical, parse_canonical
from muniment.errors import NotFound, UsageError
from muniment.imports import Mapping, load_mapping, mapping_document, parse_mapping
from muniment.imports.mapping import shipped_mapping, shipped_mappings
from muniment.log.binding import OPERATIONS
from muniment.model import id_bytes, id_text
from muniment.schema.builtin import MAPPING
from muniment.session.kernel.definitions import open_version
from muniment.session.kernel.engine import SHARD
from muniment.session.writing.seen import Seen, any_version
from muniment.session.writing.writes import Change, Saved, sole, write

if TYPE_CHECKING:
    from muniment.session.ground import Ground

__all__ = ["Mappings", "SavedMapping"]

_DELETE: Final = OPERATIONS["delete"]
_LONGEST_NAME: Final = 100


@attrs.frozen
class SavedMapping:
    """A mapping with its name.

    Attributes:
        name: what ``--map`` takes.
        mapping: what it says.
        id: UUID text of its record; empty for one that comes with muniment.
        version: of the record.
    """

    name: str
    mapping: Mapping
    id: str = ""
    version: int = 0


class Mappings:
    """The mappings of an archive and those that come with muniment; for whoever may import.

    Args:
        session: who asks.
    """

    def __init__(self, session: Ground) -> None:
        self._session = session

    def all(self) -> Sequence[SavedMapping]:
        """Every mapping by name; a saved one counts before one that comes with muniment.

        Raises:
            AccessDenied: ``access.action``; logged.
        """
        self._session.require("record.import")
        found = {name: SavedMapping(name, shipped_mapping(name)) for name in shipped_mappings()}
        found |= {one.name: one for one in self._stored()}
        return [one for _, one in sorted(found.items())]

    def _stored(self) -> list[SavedMapping]:
        engine = self._session.engine
        found = []
        with engine.store.transaction(write=False) as tx:
            for _, record, newest in tx.builtin(SHARD, (MAPPING.number,)):
                version = tx.version(SHARD, record, newest)
                if version is None or version.operation == _DELETE:
                    continue
                values = open_version(tx, engine.sealer, version, MAPPING)
                document = parse_canonical(str(values["definition"]).encode("utf-8"))
                name = str(values["name"])
                mapping = parse_mapping(document, where=name)
                found.append(SavedMapping(name, mapping, id_text(record), version.version))
        return found

    def get(self, name: str) -> SavedMapping:
        """The mapping of a name.

        Raises:
            NotFound: ``import.no_mapping``.
        """
        listed = self.all()
        for one in listed:
            if one.name == name:
                return one
        raise NotFound("import.no_mapping", known=", ".join(one.name for one in listed))

    def find(self, name: str) -> Mapping:
        """The mapping that a person means: a TOML file, or a name.

        Raises:
            NotFound: ``import.no_mapping``.
            ConfigError: the file is wrong.
        """
        if name.endswith(".toml") or Path(name).is_file():
            return load_mapping(name)
        return self.get(name).mapping

    def check_name(self, name: str) -> None:
        """Refuse what cannot be a name.

        Raises:
            UsageError: ``import.mapping_name``.
        """
        plain = name == name.strip() and name.isprintable() and not name.endswith(".toml")
        if not name or not plain or len(name) > _LONGEST_NAME:
            raise UsageError("import.mapping_name", maximum=_LONGEST_NAME)

    def save(
        self, name: str, mapping: Mapping, *, reason: str | None = None, seen: Seen = any_version
    ) -> Saved:
        """Keep a mapping, in place of the one of that name.

        Args:
            name: what it is called.
            mapping: how columns are read.
            reason: a person's own words; sealed.
            seen: told which version this replaces, 0 for none; raises where that is not the one seen.

        Raises:
            AccessDenied: ``access.action``; logged.
            UsageError: ``import.mapping_name``.
        """
        self.check_name(name)
        session = self._session
        session.require("record.import", mapping.type or None)
        values: dict[str, object] = {
            "name": name,
            "record_type": mapping.type or "any",
            "definition": canonical(mapping_document(mapping)).decode("utf-8"),
        }
        before = next((one for one in self._stored() if one.name == name), None)
        seen(0 if before is None else before.version)
        change = Change("create", MAPPING.key, values=values, inside=True)
        if before is not None:
            change = Change("update", record=id_bytes(before.id), values=values,
                            expected_version=before.version, inside=True)  # fmt: skip
        return sole(write(session.engine, session.acting, [change], reason=reason))

    def remove(self, name: str, *, reason: str | None = None) -> None:
        """Take a saved mapping away.

        Raises:
            NotFound: ``import.no_mapping``.
            AccessDenied: ``access.action``; logged.
        """
        stored = self._stored()
        one = next((one for one in stored if one.name == name), None)
        if one is None:
            raise NotFound("import.no_mapping", known=", ".join(each.name for each in stored))
        change = Change("delete", record=id_bytes(one.id), expected_version=one.version, inside=True)
        write(self._session.engine, self._session.acting, [change], reason=reason)
