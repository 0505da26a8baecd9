"""``muniment insights``: the group, without what its commands need."""

from __future__ import annotations

from muniment.cli.base import Entry, LazyGroup

__all__ = ["insights"]

_HERE = "muniment_insights.commands"

insights = LazyGroup(
    "insights",
    {
        "kpi": Entry(
            f"{_HERE}:kpi",
            ("KPIs by period, account manager or product.", "按期间、客户经理或产品计算指标。"),
        ),
        "behaviour": Entry(
            f"{_HERE}:behaviour",
            ("How customers bought and visited; who is of high value.", "计算购买和访问行为及高价值客户。"),
        ),
        "ltv": Entry(
            f"{_HERE}:ltv",
            ("What customers brought and are expected to bring.", "计算客户已实现价值和预期价值。"),
        ),
        "segment": Entry(
            f"{_HERE}:segment", ("Who belongs to which segment.", "按规则、RFM 或聚类划分客户群体。")
        ),
        "churn": Entry(f"{_HERE}:churn", ("Who is likely to buy no more.", "估计客户流失的可能性。")),
        "needs": Entry(
            f"{_HERE}:needs",
            ("Needs and preferences that interactions speak of.", "从互动记录中提出需求和偏好建议。"),
        ),
        "accept": Entry(f"{_HERE}:accept", ("Accept a suggestion.", "采纳建议。")),
        "refuse": Entry(f"{_HERE}:refuse", ("Refuse a suggestion.", "不采纳建议。")),
        "report": Entry(
            f"{_HERE}:report", ("Charts and tables as a page to print.", "生成可打印的图表报告。")
        ),
    },
    words=(
        "Figures computed over records. Every run is an entry of the log with its purpose, says how it was "
        "done and how far it can be relied on, and never changes what a person entered.",
        "由记录计算的统计结果。每次计算均连同目的记入日志，说明方法和可信程度，且不更改人工填写的内容。",
    ),
)
