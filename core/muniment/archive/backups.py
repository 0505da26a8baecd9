"""The edit of ``muniment.toml`` that forms and calls state about backups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from muniment.subjects.rules import BackupPlan

if TYPE_CHECKING:
    from muniment.archive.editing import Edit

__all__ = ["backing_up"]

_PLANNED: Final = ("to", "every_hours", "keep_daily", "keep_weekly", "keep_monthly")


def backing_up(plan: BackupPlan) -> Edit:
    """The edit that says where scheduled backups go and how long they stay.

    Args:
        plan: what ``[backup]`` is to say; what is as usual is left unsaid.
    """
    usual = BackupPlan()

    def edit(document: Any) -> None:
        import tomlkit

        table = document.setdefault("backup", tomlkit.table())
        for name in _PLANNED:
            value = getattr(plan, name)
            if name in table or value != getattr(usual, name):
                table[name] = value

    return edit
