"""What an entry of the log says, in words: for ``log list``, ``log show``, and the pages.

The names of the members are those of FORMATS 1.2; whoever compares bytes finds them in ``--json``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from muniment.log.kinds import KINDS

if TYPE_CHECKING:
    from muniment.archive import Archive
    from muniment.session.reading.logs import LogEntry

__all__ = ["EntryWords"]

_AUTHS: Final = {
    "password": "auth_password",
    "passkey": "auth_passkey",
    "token": "auth_token",
    "os-user": "auth_os_user",
    "asserted": "auth_asserted",
}

_OUTCOMES: Final = ("ok", "denied", "failed")
_WAYS: Final = {
    "clear": "way_clear",
    "masked": "way_masked",
    "written": "way_written",
    "cleared": "way_cleared",
}
_TOLD_APART: Final = ("op", "kind", "time", "actor", "purpose", "outcome", "sets", "records")
_PLAIN: Final = (
    "code", "auth", "type", "count", "recipient", "legal_basis", "effective", "approval", "break_glass",
    "plugin", "reason", "ruleset",
)  # fmt: skip


class EntryWords:
    """Words for the entries of one archive, in one language.

    Args:
        archive: whose types and purposes are named.
        language: ``en`` or ``zh``.
        say: gives the text of a code in that language.
    """

    def __init__(self, archive: Archive, language: str, say: Callable[..., str]) -> None:
        self._archive = archive
        self._language = language
        self._say = say
        self._types = archive.engine.definitions.types

    def kind(self, name: str) -> str:
        """What happened."""
        found = KINDS.get(name)
        return name if found is None else found.zh if self._language == "zh" else found.en

    def outcome(self, name: str) -> str:
        """How it ended."""
        return self._say(f"entry.outcome_{name}") if name in _OUTCOMES else name

    def auth(self, name: str) -> str:
        """How it was known who acted."""
        return self._label(_AUTHS[name]) if name in _AUTHS else name

    def purpose(self, term: str) -> str:
        """A purpose; the term itself where nobody named it."""
        from muniment.purposes import PURPOSES

        found = PURPOSES.get(term) or self._archive.plugins.purposes().get(term)
        return term if found is None else found.label.of(self._language) or term

    def role(self, key: str) -> str:
        """What a role is called; its key where it is none any more."""
        found = self._archive.engine.policy.roles.get(key)
        return key if found is None else found.label.get(self._language) or key

    def type(self, key: str) -> str:
        """What a table is called."""
        found = self._types.get(key)
        return key if found is None else found.label.of(self._language) or key

    def fields(self, one: LogEntry) -> Iterator[tuple[str, str]]:
        """Which fields were shown in clear, masked, written or emptied, by what they are called."""
        record_type = self._types.get(one.type)
        names = {} if record_type is None else {f.key: f.label.of(self._language) for f in record_type.fields}
        found: dict[str, dict[str, None]] = {}
        for fields in one.detail.get("sets", ()):
            for ways in fields.values():
                for way, keys in ways.items():
                    found.setdefault(way, {}).update(dict.fromkeys(keys))
        for way in (*_WAYS, *(set(found) - set(_WAYS))):
            if keys := found.get(way):
                told = [f"{names[key]} ({key})" if names.get(key, key) != key else key for key in keys]
                yield self._label(_WAYS[way]) if way in _WAYS else way, ", ".join(told)

    def lines(self, one: LogEntry) -> Sequence[tuple[str, str]]:
        """All that the detail says, each with what it is called, in an order to read."""
        detail: Mapping[str, Any] = one.detail
        actor, source = detail.get("actor", {}), detail.get("source", {})
        told = [
            ("actor", one.actor),
            ("roles", ", ".join(map(self.role, actor.get("roles", ())))),
            ("on_behalf_of", str(actor.get("on_behalf_of", ""))),
            ("auth", self.auth(str(detail.get("auth", "")))),
            ("purpose", self._with_term(self.purpose(one.purpose), one.purpose)),
            ("outcome", self.outcome(one.outcome)),
            ("code", str(detail.get("code", ""))),
            ("type", self._with_term(self.type(one.type), one.type)),
            ("count", str(one.count) if one.count else ""),
        ]
        lines = [(self._label(name), text) for name, text in told if text]
        lines += self.fields(one)
        for name in ("program", "address", "session"):
            if source.get(name):
                lines.append((self._label(name), str(source[name])))
        for name, value in detail.get("target", {}).items():
            lines.append((f"{self._label('target')} / {name}", _text(value)))
        lines += [
            (self._label(name), _text(detail[name]))
            for name in _PLAIN
            if name in detail and name not in ("code", "auth", "type", "count")
        ]
        known = {*_TOLD_APART, *_PLAIN, "source", "target"}
        lines += [(name, _text(value)) for name, value in detail.items() if name not in known]
        lines.append((self._label("op"), one.op))
        return lines

    def _label(self, name: str) -> str:
        return self._say(f"entry.{name}")

    def _with_term(self, words: str, term: str) -> str:
        return f"{words} ({term})" if words != term else term


def _text(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(_text(one) for one in value)
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {_text(one)}" for name, one in value.items())
    return str(value)
