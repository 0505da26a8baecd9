"""The built-in record types of serving: who is told what happened, and what people suggest; pure."""

from __future__ import annotations

from typing import Final

from muniment.schema.builtin._making import LONGEST_DOCUMENT, builtin_field, builtin_type, state_field
from muniment.schema.fields import Choice
from muniment.schema.values import Label

__all__ = ["SUGGESTION", "WEBHOOK"]

WEBHOOK: Final = builtin_type(
    21,
    "webhook",
    Label("Webhook", "网络钩子"),
    builtin_field("name", "text", "Name", "名称", required=True, max_length=100, order=1, emphasis="title"),
    builtin_field("url", "text", "Address", "地址", required=True, max_length=2_000, order=2),
    builtin_field("kinds", "text", "Kinds of event", "事件种类", required=True, max_length=4_000),
    builtin_field("types", "text", "Record types", "记录类型", max_length=4_000),
    state_field(
        Choice("active", Label("Active", "启用"), "green"),
        Choice("paused", Label("Paused", "暂停"), "amber"),
        order=3,
    ),
    builtin_field("generation", "integer", "Generation of the log", "日志的代", required=True),
    builtin_field("next", "integer", "Next entry", "下一条目", required=True),
    builtin_field("waiting", "long text", "Tried again", "待重试", max_length=LONGEST_DOCUMENT),
    builtin_field("dead", "long text", "Given up", "已放弃", max_length=LONGEST_DOCUMENT),
    title=("name",),
)
"""One record for each place that is told. ``kinds`` and ``types`` are words with a blank between; ``waiting``
and ``dead`` are JSON lists of events. What signs its messages lies in the key store, without a history."""

SUGGESTION: Final = builtin_type(
    31,
    "suggestion",
    Label("Suggestion", "建议"),
    builtin_field(
        "text",
        "long text",
        "Suggestion",
        "建议内容",
        required=True,
        max_length=4_000,
        order=1,
        emphasis="title",
        sensitivity="personal",
    ),
    builtin_field("page", "text", "About the page", "相关页面", max_length=200, order=2),
    builtin_field("author", "identifier", "From", "提出人", required=True, order=3),
    state_field(
        Choice("open", Label("Open", "待处理"), "amber"),
        Choice("done", Label("Read", "已阅"), "green"),
        order=4,
    ),
    title=("text",),
)
"""One record for each thing that somebody suggested on the help page."""
