"""The built-in record types of the end of a record's life: holds, erasures, restrictions; pure."""

from __future__ import annotations

from typing import Final

from muniment.schema.builtin._making import LONGEST_DOCUMENT, builtin_field, builtin_type, state_field
from muniment.schema.fields import Choice
from muniment.schema.values import Label

__all__ = ["ERASURE", "HOLD", "RESTRICTION"]

HOLD: Final = builtin_type(
    11,
    "hold",
    Label("Legal hold", "法律保留"),
    builtin_field(
        "matter",
        "text",
        "Matter",
        "案件",
        required=True,
        max_length=200,
        order=1,
        emphasis="title",
        # Cases are named after people, who may be erased once they are over.
        sensitivity="personal",
    ),
    state_field(
        Choice("placed", Label("Placed", "生效"), "red"),
        Choice("released", Label("Released", "已解除"), "grey"),
        order=2,
    ),
    builtin_field("targets", "long text", "What it holds", "保留对象", required=True, max_length=1_000_000),
    title=("matter",),
)
"""One record for each hold; ``targets`` is a JCS list of ``{"scope", "value"}``. Its reason is sealed beside
it, and its subject is the archive, so that it outlives whatever it held."""

ERASURE: Final = builtin_type(
    12,
    "erasure",
    Label("Erasure", "删除"),
    builtin_field(
        "cause",
        "choice",
        "Cause",
        "缘由",
        required=True,
        order=1,
        emphasis="title",
        choices=(
            Choice("request", Label("Asked for", "应请求")),
            Choice("retention", Label("Retention", "留存到期")),
            Choice("restore", Label("Restored data erased before", "恢复后再次删除")),
        ),
    ),
    state_field(
        Choice("begun", Label("Begun", "进行中"), "amber"),
        Choice("done", Label("Done", "已完成"), "green"),
        order=2,
    ),
    builtin_field("targets", "integer", "Targets", "对象数", required=True, order=3),
    builtin_field("certificate", "long text", "Certificate", "删除证明", max_length=LONGEST_DOCUMENT),
    builtin_field("kept", "long text", "What a duty keeps", "依法保留内容", max_length=LONGEST_DOCUMENT),
    title=("cause",),
)
"""One record for each erasure: version 1 as it began, version 2 with its certificate (JCS). ``kept`` is a JCS
list of what had to stay, decided when it began."""

RESTRICTION: Final = builtin_type(
    26,
    "restriction",
    Label("Restriction of processing", "限制处理"),
    builtin_field(
        "target", "identifier", "What is restricted", "限制对象", required=True, order=1, emphasis="title"
    ),
    state_field(
        Choice("restricted", Label("Restricted", "限制处理"), "red"),
        Choice("storage_only", Label("Stored only", "仅存储"), "amber"),
        Choice("lifted", Label("Lifted", "已解除"), "grey"),
        order=2,
    ),
    builtin_field("basis", "identifier", "Legal basis", "法律依据", max_length=200),
    builtin_field(
        "scope",
        "choice",
        "Scope",
        "范围",
        required=True,
        choices=(
            Choice("subject", Label("The person", "整个主体")),
            Choice("record", Label("One record", "单条记录")),
        ),
    ),
    builtin_field("placed_by", "identifier", "Placed by", "设置人"),
    builtin_field("erasure", "identifier", "Erasure that left it", "来源删除"),
    title=("target",),
)
"""One record for each restriction, about the person concerned, so that it goes with them. ``target`` is UUID
text of the subject or of one record; ``erasure`` names the one that had to leave it, if one did."""
