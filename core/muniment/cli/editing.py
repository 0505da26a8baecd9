"""Changing ``muniment.toml`` from a command: edited, applied, and put back where that is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from muniment.errors import ConfigError

if TYPE_CHECKING:
    from muniment.archive import Archive
    from muniment.session import Session

__all__ = ["edit_configuration"]


def edit_configuration(
    archive: Archive,
    session: Session,
    edit: Callable[[Any], None],
    *,
    reason: str | None,
    plugin: str | None = None,
) -> bool:
    """Change the file and apply it, keeping its comments; all or nothing.

    Args:
        archive: the opened archive.
        session: whose actor may change the configuration.
        edit: changes the parsed document in place.
        reason: why; sealed.
        plugin: the one plugin whose code is taken anew; see ``Archive.apply_config``.

    Returns:
        Whether anything changed.

    Raises:
        ConfigError: ``cli.config_waits`` where the file holds something else that was not applied yet.
        AccessDenied: ``access.action``; logged.
    """
    import tomlkit

    from muniment.exports.files import replacing

    session.require("config.change")
    path = archive.folder / "muniment.toml"
    before = path.read_bytes()
    # What else stands in the file waits for its own `config apply`.
    if archive.file_differs:
        raise ConfigError("cli.config_waits", where=str(path))
    document = tomlkit.parse(before.decode("utf-8"))
    edit(document)
    with replacing(path) as new:
        new.write_text(tomlkit.dumps(document), encoding="utf-8")
    try:
        return archive.apply_config(session, reason=reason or "", plugin=plugin)
    except BaseException:
        with replacing(path) as new:
            new.write_bytes(before)
        raise
