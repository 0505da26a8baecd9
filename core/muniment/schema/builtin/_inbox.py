"""The built-in record type of what came in and waits for a person; pure."""

from __future__ import annotations

from typing import Final

from muniment.schema.builtin._making import LONGEST_DOCUMENT, builtin_field, builtin_type, state_field
from muniment.schema.fields import Choice
from muniment.schema.values import Label

__all__ = ["INCOMING"]

INCOMING: Final = builtin_type(
    27,
    "incoming",
    Label("Incoming", "来件"),
    builtin_field("key", "identifier", "Digest", "摘要", required=True, max_length=64, unique=True),
    state_field(
        Choice("waiting", Label("Waiting", "待处理"), "amber"),
        Choice("accepted", Label("Accepted", "已接受"), "green"),
        Choice("refused", Label("Refused", "已拒绝"), "grey"),
        order=1,
    ),
    builtin_field("source", "identifier", "Where from", "来源", required=True, order=2, emphasis="title"),
    builtin_field("received_at", "datetime", "Received", "收到时间", required=True, order=3),
    builtin_field("made", "identifier", "Record", "生成的记录"),
    builtin_field(
        "proposal", "long text", "Proposal", "建议内容", max_length=LONGEST_DOCUMENT, sensitivity="personal"
    ),
    builtin_field("original", "file", "Original", "原件", sensitivity="personal"),
    title=("source",),
)
"""One record for each message or scan; it goes when it was decided, and after a while if it was not."""
