"""``muniment subject``: what concerns a person or organisation as a whole."""

from __future__ import annotations

from muniment.cli.base import Entry, LazyGroup

__all__ = ["subject"]

subject = LazyGroup(
    "subject",
    {
        "erase": Entry(
            "muniment.cli.erase:erase_subject",
            ("Erase a person or organisation for ever.", "永久删除一个主体的全部内容。"),
        ),
    },
    words=("What concerns a person or organisation as a whole.", "与主体（个人或组织）整体有关的操作。"),
)
