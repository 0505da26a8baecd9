"""``muniment subject``: what concerns a person or organisation as a whole."""

from __future__ import annotations

from muniment.cli.base import Entry, LazyGroup

__all__ = ["subject"]

subject = LazyGroup(
    "subject",
    {
        "report": Entry(
            "muniment.cli.subject_report:report", ("What is known about a person.", "出具主体数据报告。")
        ),
        "accesses": Entry(
            "muniment.cli.subject_report:accesses",
            ("Who touched their data, with proof that nothing is left out.", "数据访问清单及无遗漏证明。"),
        ),
        "export": Entry(
            "muniment.cli.subject_export:export",
            ("What a person gave, to take elsewhere.", "导出主体自行提供的数据（可携带）。"),
        ),
        "requests": Entry(
            "muniment.cli.subject_report:requests", ("What persons ask for.", "个人信息权利请求。")
        ),
        "restrict": Entry(
            "muniment.cli.restrict:restrict",
            ("Restrict what may be done with a person's data.", "限制处理某主体的数据。"),
        ),
        "unrestrict": Entry("muniment.cli.restrict:unrestrict", ("Lift a restriction.", "解除限制处理。")),
        "restrictions": Entry(
            "muniment.cli.restrict:restrictions", ("What is restricted.", "列出被限制处理的内容。")
        ),
        "erase": Entry(
            "muniment.cli.erase:erase_subject",
            ("Erase a person or organisation for ever.", "永久删除一个主体的全部内容。"),
        ),
    },
    words=("What concerns a person or organisation as a whole.", "与主体（个人或组织）整体有关的操作。"),
)
