"""Copies of an archive's data: made while it is in use, checked after writing, and never with a key in them.

A backup is a folder that anybody can check and only today's keys can open. What
erasing destroyed in the key store is destroyed in every backup too, so none has
to be found and edited. Its form is published as ``formats/backups.md``.
"""

from __future__ import annotations

from muniment.backup.folder import Progress, Steps, make_backup, no_step, verify_backup
from muniment.backup.manifest import DATABASE, MANIFEST, Item, Manifest, read_manifest

__all__ = [
    "DATABASE",
    "MANIFEST",
    "Item",
    "Manifest",
    "Progress",
    "Steps",
    "make_backup",
    "no_step",
    "read_manifest",
    "verify_backup",
]
