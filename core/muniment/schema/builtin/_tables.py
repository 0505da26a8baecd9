"""The built-in record types of the work with tables: views, dashboards, mappings, links of subjects; pure."""

from __future__ import annotations

from typing import Final

from muniment.schema.builtin._making import LONGEST_DOCUMENT, builtin_field, builtin_type
from muniment.schema.fields import Choice, Field
from muniment.schema.values import Label

__all__ = ["DASHBOARD", "FIGURE", "MAPPING", "SUBJECT_LINK", "VIEW"]

# One address, one view or dashboard: of a view the type, then whose it is, and the name.
_ADDRESS: Final = builtin_field(
    "address", "text", "Address", "地址", required=True, max_length=1000, unique=True, hidden=True
)
_NAME: Final = builtin_field(
    "name", "text", "Name", "名称", required=True, max_length=100, order=1, emphasis="title"
)
_DEFINITION: Final = builtin_field(
    "definition", "long text", "Definition", "定义", required=True, max_length=LONGEST_DOCUMENT
)
_SHIPPED: Final = (
    builtin_field("origin", "identifier", "Template", "来源模板"),
    builtin_field("shipped", "identifier", "Digest as shipped", "出厂摘要"),
)


def _audience(order: int) -> tuple[Field, Field]:
    """For whom something is, from this place in lists on."""
    return (
        builtin_field(
            "audience",
            "choice",
            "For",
            "适用范围",
            required=True,
            default="everyone",
            order=order,
            choices=(
                Choice("everyone", Label("Everyone", "所有人"), "green"),
                Choice("role", Label("Roles", "角色"), "blue"),
                Choice("person", Label("One person", "个人"), "grey"),
            ),
        ),
        builtin_field("holders", "several choices", "Roles or login", "角色或登录名", order=order + 1),
    )


VIEW: Final = builtin_type(
    15,
    "view",
    Label("View", "视图"),
    _ADDRESS,
    _NAME,
    builtin_field("record_type", "identifier", "Type", "类型", required=True, order=2),
    *_audience(3),
    builtin_field("locked", "checkbox", "Locked", "已锁定", order=5),
    *_SHIPPED,
    _DEFINITION,
    title=("name",),
)
"""One record for each saved view."""

DASHBOARD: Final = builtin_type(
    24,
    "dashboard",
    Label("Dashboard", "看板"),
    _ADDRESS,
    _NAME,
    *_audience(2),
    *_SHIPPED,
    _DEFINITION,
    title=("name",),
)
"""One record for each dashboard."""

FIGURE: Final = builtin_type(
    34,
    "figure",
    Label("Kept figure", "留存的统计数字"),
    builtin_field(
        "name", "identifier", "Name", "名称", required=True, unique=True, order=1, emphasis="title"
    ),
    builtin_field("figure", "long text", "Figure", "数值", required=True, max_length=LONGEST_DOCUMENT),
    title=("name",),
)
"""One record for each figure of a dashboard that is kept; what it is of stands in its name as a hash."""

MAPPING: Final = builtin_type(
    16,
    "mapping",
    Label("Import mapping", "导入映射"),
    builtin_field(
        "name", "text", "Name", "名称", required=True, max_length=100, unique=True, order=1, emphasis="title"
    ),
    builtin_field("record_type", "identifier", "Type", "类型", required=True, order=2),
    _DEFINITION,
    title=("name",),
)
"""One record for each saved mapping of an import: what a team wrote down about files of one form."""

SUBJECT_LINK: Final = builtin_type(
    13,
    "subject_link",
    Label("Merged record", "合并记录"),
    builtin_field("record_type", "identifier", "Type", "类型", required=True, order=1),
    builtin_field("kept", "identifier", "Kept record", "保留的记录", required=True, order=2),
    builtin_field("duplicate", "identifier", "Duplicate", "重复的记录", required=True, order=3),
    builtin_field("kept_subject", "identifier", "Subject kept", "保留的主体", required=True),
    builtin_field("duplicate_subject", "identifier", "Subject linked", "关联的主体", required=True),
    builtin_field("filled", "several choices", "Fields taken over", "补入的字段", order=4),
    title=("duplicate",),
)
"""One record for each merge, about the duplicate's subject: identifiers and names of fields, no values."""
