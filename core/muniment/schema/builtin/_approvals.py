"""The record types of what is not in the store yet: proposed changes and drafts; pure.

What somebody wants to write is a value of a record like any other, so it is sealed
with the subject that it is about and of the highest class. In clear stand only the
state and the dates, by which what is due is found.
"""

from __future__ import annotations

from typing import Final

import attrs

from muniment.schema.builtin._making import LONGEST_DOCUMENT, builtin_field, builtin_type, state_field
from muniment.schema.fields import Choice, Field
from muniment.schema.values import Label

__all__ = ["DRAFT", "PROPOSAL"]


def _sealed(key: str, kind: str, en: str, zh: str, sensitivity: str, *, required: bool = False) -> Field:
    made = builtin_field(key, kind, en, zh, required=required, max_length=LONGEST_DOCUMENT)
    return attrs.evolve(made, sensitivity=sensitivity)


PROPOSAL: Final = builtin_type(
    5,
    "proposal",
    Label("Proposal", "变更申请"),
    state_field(
        Choice("open", Label("Waits", "待批准"), "amber"),
        Choice("ready", Label("Approved, not used yet", "已批准，待执行"), "green"),
        Choice("done", Label("Approved and done", "已批准并执行"), "green"),
        Choice("rejected", Label("Rejected", "已驳回"), "red"),
        Choice("withdrawn", Label("Withdrawn", "已撤回"), "grey"),
        Choice("expired", Label("Expired", "已过期"), "grey"),
        order=1,
        emphasis="title",
    ),
    builtin_field(
        "sort",
        "choice",
        "Sort",
        "类别",
        required=True,
        order=2,
        choices=(Choice("change", Label("Change", "变更")), Choice("act", Label("Act", "操作"))),
    ),
    builtin_field("expires", "datetime", "Expires", "到期时间", required=True, order=3),
    builtin_field("bundle", "identifier", "Belongs to", "所属申请", required=True, order=4),
    _sealed("checks", "long text", "Approvals", "批准", "personal"),
    _sealed("content", "long text", "Content", "内容", "restricted", required=True),
    title=("state",),
)
"""What waits for a second person: one record for each subject that the changes are about.

``bundle`` is the identifier of the first of them, which holds what they have in common;
``content`` is the proposal's document (``changes.proposals``), ``checks`` who approved it so far.
"""

DRAFT: Final = builtin_type(
    6,
    "draft",
    Label("Draft", "草稿"),
    builtin_field("expires", "datetime", "Expires", "到期时间", required=True, order=1, emphasis="title"),
    _sealed("owner", "identifier", "Owner", "所有者", "personal", required=True),
    _sealed("content", "long text", "Content", "内容", "restricted", required=True),
    title=("expires",),
)
"""A form that somebody has not saved yet, and sees alone; sealed with the subject that it is about."""
