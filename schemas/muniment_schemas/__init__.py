"""The published formats of muniment, and the templates; files only, and where they are."""

from __future__ import annotations

from importlib import resources

__all__ = ["names", "read"]


def names(folder: str) -> tuple[str, ...]:
    """The names of the TOML files of one folder, without their ending, sorted.

    Args:
        folder: ``templates``, ``types``, ``roles``, ``rules`` or ``mappings``.
    """
    files = resources.files(__name__).joinpath(folder).iterdir()
    return tuple(sorted(file.name[:-5] for file in files if file.name.endswith(".toml")))


def read(folder: str, name: str) -> str:
    """The text of one TOML file.

    Args:
        folder: ``templates``, ``types``, ``roles``, ``rules`` or ``mappings``.
        name: one out of ``names``.
    """
    return resources.files(__name__).joinpath(folder, f"{name}.toml").read_text(encoding="utf-8")
