"""The built-in record types of a person's rights: consents, the notices they rest on, and requests; pure.

The fields of a consent are those of ISO/IEC TS 27560:2023, as the W3C's guide to it lists them: what
is the same for everybody stands in the notice, what one person did in the consent.
"""

from __future__ import annotations

from typing import Final

import attrs

from muniment.schema.builtin._making import LONGEST_DOCUMENT, builtin_field, builtin_type
from muniment.schema.fields import Choice, Field
from muniment.schema.values import Label

__all__ = ["CONSENT", "NOTICE", "REQUEST"]


def _personal(field: Field) -> Field:
    """A field that tells about the person, so it stands nowhere in clear."""
    return attrs.evolve(field, sensitivity="personal")


def _choices(field: Field, *choices: tuple[str, str, str, str]) -> Field:
    return attrs.evolve(
        field, choices=tuple(Choice(key, Label(en, zh), colour) for key, en, zh, colour in choices)
    )


CONSENT: Final = builtin_type(
    8,
    "consent",
    Label("Consent", "同意"),
    builtin_field("purpose", "identifier", "Purpose", "目的", required=True, order=1, emphasis="title"),
    attrs.evolve(
        _choices(
            builtin_field("state", "choice", "State", "状态", required=True),
            ("requested", "Asked for", "已征求", "amber"),
            ("given", "Given", "已给予", "green"),
            ("refused", "Refused", "已拒绝", "grey"),
            ("withdrawn", "Withdrawn", "已撤回", "red"),
            ("expired", "Expired", "已过期", "grey"),
            ("invalidated", "Declared invalid", "已作废", "red"),
            ("terminated", "Ended", "已终止", "grey"),
        ),
        order=2,
    ),
    builtin_field("given_at", "datetime", "Since", "生效时间", order=3),
    builtin_field("valid_until", "datetime", "Valid until", "有效期至", order=4),
    builtin_field("notice", "identifier", "Notice", "告知书", order=5),
    builtin_field("notice_version", "integer", "Version of the notice", "告知书版本"),
    builtin_field("language", "identifier", "Language of the notice", "告知书语言"),
    _choices(
        builtin_field("separate", "several choices", "Separate consent", "单独同意"),
        ("sensitive", "Sensitive data", "敏感个人信息", "red"),
        ("provide", "Handing over to others", "向他人提供", "amber"),
        ("publish", "Publishing", "公开", "amber"),
        ("cross_border", "Sending abroad", "出境", "amber"),
    ),
    builtin_field("jurisdiction", "identifier", "Jurisdiction", "法域"),
    _choices(
        builtin_field("method", "choice", "How it was given", "给予方式"),
        ("web", "Web page", "网页", "blue"),
        ("app", "App", "应用", "blue"),
        ("paper", "On paper", "书面", "grey"),
        ("spoken", "Spoken", "口头", "grey"),
        ("mail", "Mail", "邮件", "grey"),
        ("other", "Another way", "其他", "grey"),
    ),
    _personal(builtin_field("data", "several choices", "Kinds of data", "个人信息种类")),
    _personal(builtin_field("given_by", "text", "Guardian", "监护人", max_length=400)),
    _personal(builtin_field("relation", "text", "Relation to the person", "与本人关系", max_length=100)),
    _personal(builtin_field("evidence_digest", "identifier", "Digest of the evidence", "证据摘要")),
    _personal(builtin_field("evidence", "file", "Evidence", "证据")),
    _personal(builtin_field("receipt", "long text", "Receipt", "回执", max_length=LONGEST_DOCUMENT)),
    title=("purpose",),
)
"""One record for each person and purpose; its versions are what became of the consent."""

NOTICE: Final = builtin_type(
    9,
    "notice",
    Label("Notice", "告知书"),
    builtin_field(
        "key",
        "identifier",
        "Key",
        "标识",
        required=True,
        max_length=100,
        unique=True,
        order=1,
        emphasis="title",
    ),
    builtin_field("text_en", "long text", "Text in English", "英文文本", max_length=LONGEST_DOCUMENT),
    builtin_field("text_zh", "long text", "Text in Chinese", "中文文本", max_length=LONGEST_DOCUMENT),
    builtin_field("purposes", "several choices", "Purposes", "目的"),
    builtin_field("data", "several choices", "Kinds of data", "个人信息种类"),
    builtin_field("special", "several choices", "Special categories", "特殊类别"),
    builtin_field("controller", "text", "Controller", "处理者", max_length=400),
    builtin_field("controller_address", "text", "Its address", "地址", max_length=1000),
    builtin_field("controller_contact", "text", "Its contact", "联系方式", max_length=400),
    builtin_field("recipients", "several choices", "Recipients", "接收方"),
    builtin_field("storage", "several choices", "Where it is stored", "存储地点"),
    builtin_field("processing", "several choices", "Where it is processed", "处理地点"),
    builtin_field("retention", "text", "How long it is kept", "保存期限", max_length=1000),
    builtin_field("withdrawal", "text", "How to withdraw", "撤回方式", max_length=1000),
    builtin_field("rights", "text", "Rights", "权利", max_length=4000),
    builtin_field("jurisdiction", "identifier", "Jurisdiction", "法域"),
    builtin_field("collection", "text", "How it is collected", "收集方式", max_length=1000),
    title=("key",),
)
"""What people were told; a version of the record is a version of the notice."""

REQUEST: Final = builtin_type(
    10,
    "request",
    Label("Subject request", "个人信息权利请求"),
    attrs.evolve(
        _choices(
            builtin_field("right", "choice", "Right", "权利", required=True),
            ("access", "Access", "查阅与复制", "blue"),
            ("portability", "Portability", "可携带", "blue"),
            ("rectification", "Rectification", "更正", "blue"),
            ("erasure", "Erasure", "删除", "red"),
            ("restriction", "Restriction", "限制处理", "amber"),
            ("objection", "Objection", "反对", "amber"),
            ("accounting", "Accounting of disclosures", "披露清单", "blue"),
            ("explanation", "Explanation", "说明", "blue"),
        ),
        order=1,
        emphasis="title",
    ),
    builtin_field("state", "identifier", "State", "状态", required=True, order=2, default="received"),
    builtin_field("law", "identifier", "Law", "法律", required=True, order=3),
    builtin_field("received", "date", "Received", "收到日期", required=True, order=4),
    builtin_field("due", "date", "Due", "答复期限", required=True, order=5),
    builtin_field("acknowledge_by", "date", "Acknowledge by", "确认期限"),
    builtin_field("latest", "date", "Due at the latest", "最晚期限"),
    builtin_field("extended", "checkbox", "Extended", "已延长"),
    builtin_field("closed_on", "date", "Closed", "办结日期"),
    builtin_field("decision", "identifier", "Decision", "决定"),
    builtin_field("channel", "identifier", "How it came", "渠道"),
    builtin_field("handler", "identifier", "Handler", "经办人"),
    _personal(builtin_field("requester", "text", "Requester", "请求人", max_length=400)),
    _personal(builtin_field("authority", "text", "Authority", "授权依据", max_length=1000)),
    _personal(builtin_field("steps", "long text", "Steps", "办理步骤", max_length=LONGEST_DOCUMENT)),
    _personal(builtin_field("answer", "long text", "Answer", "答复", max_length=LONGEST_DOCUMENT)),
    _personal(builtin_field("evidence", "file", "Evidence", "证据")),
    builtin_field("statutory", "date", "End of the period itself", "法定期限届满日"),
    title=("right", "law"),
)
"""One record for each request of a person; its versions are the steps that were taken."""
