"""Changing ``muniment.toml`` for somebody: looked at first, then edited, applied, and put back where refused.

The file is what people edit, and its comments are theirs, so it is edited as a document. What was
looked at is what is written: a file that moved since, or that holds something nobody has applied yet,
is left alone.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

import attrs

from muniment import config
from muniment.errors import ConfigError, Conflict, StoreError
from muniment.session.writing.seen import Seen, any_version

if TYPE_CHECKING:
    from muniment.archive._opened import Archive, Planned
    from muniment.session import Session

__all__ = ["Edit", "Proposal", "edit_configuration", "propose"]

Edit = Callable[[Any], None]
"""Changes the parsed document of ``tomlkit`` in place."""

# One process edits once at a time; another one is seen by its change of the file.
_EDITING: Final = Lock()


@attrs.frozen
class Proposal:
    """An edit of the file that was looked at and not written.

    Attributes:
        before: the text of the file.
        after: the text that it would have.
        seen: hex of SHA-256 over the file's bytes: whoever goes on gives it back.
        planned: what it would make of the archive.
    """

    before: str
    after: str
    seen: str
    planned: Planned


def propose(archive: Archive, session: Session, edit: Edit, *, plugin: str | None = None) -> Proposal:
    """What an edit of the file would come to; nothing is written.

    Args:
        archive: the opened archive.
        session: whose actor may change the configuration.
        edit: what would change.
        plugin: the one plugin whose code is taken anew; see ``Archive.apply_config``.

    Raises:
        ConfigError: ``config.waits`` where the file holds something that was not applied yet; the
            edited text is refused.
        AccessDenied: ``access.action``; logged.
    """
    session.require("config.change")
    held = _read(archive)
    before, after = _edited(held, edit)
    wanted = config.parse(after, where=str(_path(archive)))
    planned = archive.plan_config(wanted, plugin=plugin)
    return Proposal(before, after, sha256(held).hexdigest(), planned)


def edit_configuration(
    archive: Archive,
    session: Session,
    edit: Edit,
    *,
    reason: str | None,
    plugin: str | None = None,
    seen: str | None = None,
    replaced: Seen = any_version,
) -> bool:
    """Change the file and apply it, keeping its comments; all or nothing.

    Args:
        archive: the opened archive.
        session: whose actor may change the configuration.
        edit: changes the parsed document in place.
        reason: why; sealed.
        plugin: the one plugin whose code is taken anew; see ``Archive.apply_config``.
        seen: of the proposal that somebody looked at; None where nobody did.
        replaced: told which version of the configuration this edit changes.

    Returns:
        Whether anything changed.

    Raises:
        ConfigError: ``config.waits`` where the file holds something else that was not applied yet;
            ``config.not_writable`` where this process may not write it.
        Conflict: ``config.moved`` where it is another file than was looked at; whatever ``replaced`` raises.
        ApprovalNeeded: a second person is asked; the file stays as it was, and the same edit goes
            through once it is approved.
        AccessDenied: ``access.action``; logged.
    """
    session.require("config.change")
    path = _path(archive)
    with _EDITING:
        held = _read(archive)
        if seen is not None and sha256(held).hexdigest() != seen:
            raise Conflict("config.moved", where=str(path))
        held_now = archive.engine.definitions.configuration
        replaced(0 if held_now is None else held_now[1])
        _, after = _edited(held, edit)
        # What is wrong with the text is said before the file is touched.
        config.parse(after, where=str(path))
        _write(path, after.encode("utf-8"))
        try:
            return archive.apply_config(session, reason=reason or "", plugin=plugin)
        except BaseException:
            _write(path, held)
            raise


def _path(archive: Archive) -> Path:
    return archive.folder / config.FILE_NAME


def _read(archive: Archive) -> bytes:
    """The bytes of the file.

    Raises:
        ConfigError: as ``config.read``; ``config.waits``.
    """
    read = config.read(archive.folder)
    archive.engine.refresh()
    # What else stands in the file waits until somebody applies it.
    if config.digest_of(read.text) != config.digest_of(archive.applied.text):
        raise ConfigError("config.waits", where=str(_path(archive)))
    return _path(archive).read_bytes()


def _edited(held: bytes, edit: Edit) -> tuple[str, str]:
    import tomlkit

    before = held.decode("utf-8")
    document = tomlkit.parse(before)
    edit(document)
    return before, tomlkit.dumps(document)


def _write(path: Path, content: bytes) -> None:
    from muniment.exports.files import replacing

    try:
        with replacing(path) as new:
            new.write_bytes(content)
    except StoreError as error:
        if error.code != "export.read_only":
            raise
        raise ConfigError("config.not_writable", where=str(path)) from None
