"""The built-in record types of letters to customers and of how sound records are; pure."""

from __future__ import annotations

from typing import Final

from muniment.schema.builtin._making import (
    LONGEST_DOCUMENT,
    builtin_field,
    builtin_type,
    login_field,
    state_field,
)
from muniment.schema.fields import Choice
from muniment.schema.values import Label

__all__ = ["MAILING", "MESSAGE", "OPT_OUT", "QUALITY", "REMINDER"]

MAILING: Final = builtin_type(
    23,
    "mailing",
    Label("Mailing", "群发"),
    builtin_field(
        "name", "text", "Name", "名称", required=True, max_length=100, unique=True, order=1, emphasis="title"
    ),
    builtin_field("letter", "identifier", "Letter", "信件模板", required=True, order=2),
    builtin_field("digest", "identifier", "Digest of the letter", "模板摘要", required=True),
    builtin_field("record_type", "identifier", "Type", "类型", required=True, order=3),
    builtin_field("purpose", "identifier", "Purpose", "目的", required=True, order=4),
    builtin_field("selection", "identifier", "Digest of the selection", "筛选摘要", required=True),
    builtin_field("way", "identifier", "Way", "方式", required=True, order=5),
    state_field(
        Choice("open", Label("Open", "进行中"), "amber"),
        Choice("done", Label("Done", "已完成"), "green"),
        default="open",
        order=6,
    ),
    builtin_field("started_by", "identifier", "Started by", "发起人", required=True, order=7),
    title=("name",),
)
"""One record for each mailing: which letter goes to whom, and whether everybody was reached."""

MESSAGE: Final = builtin_type(
    30,
    "message",
    Label("Message", "信件"),
    builtin_field("mailing", "identifier", "Mailing", "群发", required=True, order=1),
    builtin_field("letter", "identifier", "Letter", "信件模板", required=True, order=2),
    builtin_field("purpose", "identifier", "Purpose", "目的", required=True, order=3),
    builtin_field("to_record", "identifier", "Record", "记录", required=True),
    state_field(
        Choice("sending", Label("Not known to be sent", "发送结果不明"), "amber"),
        Choice("sent", Label("Sent", "已发送"), "green"),
        Choice("failed", Label("Refused", "被拒收"), "red"),
        Choice("answered", Label("Answered", "已作答"), "blue"),
        Choice("unsubscribed", Label("Unsubscribed", "已退订"), "grey"),
        default="sending",
        order=4,
    ),
    builtin_field("code", "identifier", "Code of the server", "服务器代码", order=5),
    builtin_field("expires_at", "datetime", "Survey open until", "问卷截止时间", order=6),
    # Hashes alone: whoever reads the database cannot make a link of them.
    builtin_field(
        "leave",
        "identifier",
        "Hash of the link to leave",
        "退订链接摘要",
        max_length=64,
        unique=True,
        hidden=True,
    ),
    builtin_field(
        "ask",
        "identifier",
        "Hash of the link to a survey",
        "问卷链接摘要",
        max_length=64,
        unique=True,
        hidden=True,
    ),
    builtin_field("sent_by", "identifier", "Sent by", "发送人", required=True, order=7),
    # A keyed hash: it outlives a change of the address, and tells nobody what that was.
    builtin_field("address", "identifier", "Hash of the address", "地址摘要", hidden=True),
    title=("letter",),
)
"""One record for each letter to a person, about that person; neither text nor address stands in it."""

OPT_OUT: Final = builtin_type(
    14,
    "opt_out",
    Label("Address that left", "已退订地址"),
    builtin_field(
        "address",
        "text",
        "Hash of address and purpose",
        "地址与目的摘要",
        required=True,
        max_length=200,
        unique=True,
        hidden=True,
    ),
    builtin_field("purpose", "identifier", "Purpose", "目的", required=True, order=1),
    builtin_field("left_at", "datetime", "Left", "退订时间", required=True, order=2),
    builtin_field(
        "way",
        "choice",
        "Way",
        "方式",
        required=True,
        order=3,
        choices=(
            Choice("link", Label("Link in a letter", "信中链接"), "blue"),
            Choice("hand", Label("Told us", "人工登记"), "grey"),
        ),
    ),
    title=("purpose", "left_at"),
)
"""One record for each address that wants no more letters for a purpose: a keyed hash, about nobody.

It belongs to the archive and stays when the person's records are erased: else the address would be written
to again through the next record that has it (GDPR 21(3); the same in PIPL 24 and CAN-SPAM).
"""

REMINDER: Final = builtin_type(
    33,
    "reminder",
    Label("Reminder", "提醒"),
    login_field(),
    builtin_field("sent_on", "date", "Sent on", "发送日期", order=2),
    builtin_field("count", "integer", "Things due", "到期项数", order=3),
    title=("login",),
)
"""One record for each user who is reminded by mail; its versions are the mails."""

QUALITY: Final = builtin_type(
    32,
    "quality",
    Label("Data check", "数据检查"),
    builtin_field(
        "record_type", "identifier", "Type", "类型", required=True, unique=True, order=1, emphasis="title"
    ),
    builtin_field("checked_on", "date", "Checked on", "检查日期", required=True, order=2),
    builtin_field("records", "integer", "Records", "记录数", required=True, order=3),
    builtin_field("found", "long text", "Findings", "问题", max_length=LONGEST_DOCUMENT),
    title=("record_type",),
)
"""One record for each type that is checked on a schedule; its versions are the checks, in numbers alone."""
