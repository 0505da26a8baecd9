"""The built-in record type of emergency access; pure."""

from __future__ import annotations

from typing import Final

from muniment.schema.builtin._making import builtin_field, builtin_type, state_field
from muniment.schema.fields import Choice
from muniment.schema.values import Label

__all__ = ["BREAK_GLASS"]

BREAK_GLASS: Final = builtin_type(
    7,
    "break_glass",
    Label("Emergency access", "紧急访问"),
    builtin_field(
        "actor", "identifier", "Who", "操作人", required=True, max_length=100, order=1, emphasis="title"
    ),
    builtin_field("record", "identifier", "Record", "记录", required=True, max_length=36, order=2),
    builtin_field("expires", "datetime", "Until", "截止时间", required=True, order=3),
    state_field(
        Choice("open", Label("Open", "待复核"), "amber"),
        Choice("ended", Label("Ended, not reviewed", "已结束，待复核"), "amber"),
        Choice("reviewed", Label("Reviewed", "已复核"), "green"),
        default="open",
        order=4,
    ),
    builtin_field("reason", "long text", "Reason", "原因", required=True, sensitivity="personal"),
    builtin_field("reviewer", "identifier", "Reviewed by", "复核人", max_length=100),
    builtin_field("finding", "long text", "Finding", "复核意见", sensitivity="personal"),
    title=("actor",),
)
"""One record for each time somebody broke the glass; its subject is that of the record they wanted to see."""
