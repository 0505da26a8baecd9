"""The built-in record types of oversight: alerts, reviews of the log, saved queries of it; pure."""

from __future__ import annotations

from typing import Final

from muniment.schema.builtin._making import LONGEST_DOCUMENT, builtin_field, builtin_type, state_field
from muniment.schema.fields import Choice
from muniment.schema.values import Label

__all__ = ["ALERT", "LOG_QUERY", "REVIEW"]

ALERT: Final = builtin_type(
    17,
    "alert",
    Label("Alert", "告警"),
    builtin_field("rule", "identifier", "Rule", "规则", required=True, order=1, emphasis="title"),
    builtin_field(
        "severity",
        "choice",
        "Severity",
        "严重程度",
        required=True,
        order=2,
        choices=(
            Choice("low", Label("Low", "低"), "grey"),
            Choice("medium", Label("Medium", "中"), "amber"),
            Choice("high", Label("High", "高"), "red"),
            Choice("critical", Label("Critical", "紧急"), "purple"),
        ),
    ),
    state_field(
        Choice("open", Label("Open", "待处理"), "red"),
        Choice("explained", Label("Explained", "已说明"), "green"),
        Choice("violation", Label("Violation", "确认违规"), "purple"),
        order=3,
    ),
    builtin_field("actor", "identifier", "By whom", "操作者", order=4),
    builtin_field("last", "integer", "Last entry", "最后条目", required=True, order=5),
    builtin_field("entries", "long text", "Entries", "相关条目", max_length=LONGEST_DOCUMENT),
    builtin_field("why", "long text", "Why", "原因", max_length=LONGEST_DOCUMENT),
    builtin_field("key", "identifier", "Key", "标识", required=True, unique=True),
    builtin_field("sent", "identifier", "Sent by", "已发送方式"),
    builtin_field("generation", "integer", "Generation of the log", "日志的代", required=True),
    builtin_field("grade", "identifier", "State and severity", "状态与严重程度", required=True, hidden=True),
    title=("rule",),
)
"""One record for each alert. ``entries`` is a JSON list of places such as ``0:17``, ``last`` and
``generation`` the newest of them, ``why`` a JSON object of what the rule's text names; ``key`` makes a second
run raise nothing twice; ``grade`` is state and severity in one, so that the gravest of a state are found
without a walk through the others. What whoever triages it writes is its reason."""

REVIEW: Final = builtin_type(
    19,
    "review",
    Label("Log review", "日志复核"),
    builtin_field("first", "integer", "From entry", "起始条目", required=True, order=1, emphasis="title"),
    builtin_field("last", "integer", "To entry", "截止条目", required=True, order=2),
    builtin_field("reviewer", "identifier", "By whom", "复核人", required=True, order=3),
    builtin_field("first_generation", "integer", "From generation", "起始代", required=True),
    builtin_field("last_generation", "integer", "To generation", "截止代", required=True),
    title=("first", "last"),
)
"""One record for each span of the log that somebody signed off."""

LOG_QUERY: Final = builtin_type(
    20,
    "log_query",
    Label("Query of the log", "日志查询"),
    builtin_field(
        "address",
        "text",
        "Address",
        "地址",
        required=True,
        max_length=1000,
        unique=True,
        hidden=True,
        sensitivity="personal",
    ),
    builtin_field(
        "name",
        "text",
        "Name",
        "名称",
        required=True,
        max_length=100,
        order=1,
        emphasis="title",
        sensitivity="personal",
    ),
    builtin_field(
        "audience",
        "choice",
        "For",
        "适用范围",
        required=True,
        order=2,
        choices=(
            Choice("everyone", Label("Everyone who reads the log", "所有可查看日志者"), "green"),
            Choice("role", Label("Roles", "角色"), "blue"),
            Choice("person", Label("One person", "个人"), "grey"),
        ),
    ),
    builtin_field("holders", "several choices", "Roles or login", "角色或登录名", order=3),
    builtin_field(
        "definition",
        "long text",
        "Definition",
        "定义",
        required=True,
        max_length=LONGEST_DOCUMENT,
        sensitivity="personal",
    ),
    title=("name",),
)
"""One record for each saved query. Whom somebody looks into says something of that person, so its name and
what it asks for stand nowhere in clear."""
