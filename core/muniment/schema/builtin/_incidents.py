"""The built-in record type of incidents; pure."""

from __future__ import annotations

from typing import Final

import attrs

from muniment.schema.builtin._making import LONGEST_DOCUMENT, builtin_field, builtin_type, state_field
from muniment.schema.fields import Choice, Field
from muniment.schema.values import Label

__all__ = ["INCIDENT"]


def _told(key: str, en: str, zh: str) -> Field:
    """What people write about it, or what was computed of persons: sealed."""
    field = builtin_field(key, "long text", en, zh, max_length=LONGEST_DOCUMENT)
    return attrs.evolve(field, sensitivity="personal")


INCIDENT: Final = builtin_type(
    18,
    "incident",
    Label("Incident", "安全事件"),
    attrs.evolve(_told("title", "What it is", "事件名称"), required=True, order=1, emphasis="title"),
    state_field(
        Choice("open", Label("Open", "处理中"), "red"),
        Choice("closed", Label("Closed", "已结案"), "green"),
        default="open",
        order=2,
    ),
    builtin_field(
        "nature",
        "choice",
        "What happened to the data",
        "数据受到何种影响",
        required=True,
        order=3,
        choices=(
            Choice("disclosed", Label("Seen or taken by somebody who may not", "泄露"), "red"),
            Choice("altered", Label("Altered", "篡改"), "amber"),
            Choice("lost", Label("Lost or out of reach", "丢失或不可用"), "amber"),
        ),
    ),
    builtin_field(
        "severity",
        "choice",
        "Severity",
        "严重程度",
        order=4,
        choices=(
            Choice("low", Label("Low", "低"), "grey"),
            Choice("medium", Label("Medium", "中"), "amber"),
            Choice("high", Label("High", "高"), "red"),
            Choice("critical", Label("Critical", "紧急"), "purple"),
        ),
    ),
    builtin_field(
        "risk",
        "choice",
        "Risk to persons",
        "对个人的风险",
        required=True,
        default="unknown",
        choices=(
            Choice("unknown", Label("Not assessed", "未评估"), "grey"),
            Choice("unlikely", Label("Unlikely", "不太可能"), "green"),
            Choice("risk", Label("A risk", "有风险"), "amber"),
            Choice("high", Label("A high risk", "高风险"), "red"),
        ),
    ),
    builtin_field("drill", "checkbox", "Drill", "演练"),
    builtin_field("happened", "datetime", "Began", "发生时间"),
    builtin_field("ended", "datetime", "Ended", "结束时间"),
    builtin_field("found", "datetime", "Found", "发现时间"),
    builtin_field("known", "datetime", "Known", "知悉时间", required=True, order=5),
    builtin_field("assessed", "datetime", "Assessed", "评估时间"),
    builtin_field("laws", "identifier", "Laws", "适用法律"),
    _told("clocks", "Clocks", "法定期限"),
    _told("scope", "What was searched for", "检索范围"),
    _told("affected", "Who and what is affected", "受影响范围"),
    _told("cause", "Cause", "原因"),
    _told("harm", "Likely harm", "可能的危害"),
    _told("measures", "Measures taken", "已采取的措施"),
    _told("advice", "What persons can do", "个人可采取的措施"),
    _told("contact", "Contact", "联系方式"),
    _told("steps", "Steps", "处理步骤"),
    builtin_field("evidence", "file", "Evidence", "证据", sensitivity="personal"),
    title=("title",),
)
"""One record for each incident. ``clocks``, ``scope``, ``affected`` and ``steps`` are JSON; who is
affected is kept as figures with the index of the log they were computed at, never as a list."""
