"""``muniment ocr``: the group, without what its command needs."""

from __future__ import annotations

from muniment.cli.base import Entry, LazyGroup

__all__ = ["ocr"]

ocr = LazyGroup(
    "ocr",
    {
        "read": Entry(
            "muniment_ocr.commands:read", ("Read scans as proposed records.", "读取扫描件并生成建议记录。")
        ),
    },
    words=(
        "Scanned forms and cards. What is read waits in the inbox until a person accepts it.",
        "扫描的表格与名片。读取结果在收件箱中等待，由人核对后接受。",
    ),
)
