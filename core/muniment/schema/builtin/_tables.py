"""The built-in record types of the work with tables: views, mappings, links between subjects; pure."""

from __future__ import annotations

from typing import Final

import attrs

from muniment.schema.builtin._making import LONGEST_DOCUMENT, builtin_field, builtin_type
from muniment.schema.types import Choice
from muniment.schema.values import Label

__all__ = ["MAPPING", "SUBJECT_LINK", "VIEW"]

VIEW: Final = builtin_type(
    15,
    "view",
    Label("View", "视图"),
    # One address, one view: the type, whose it is, and the name.
    attrs.evolve(
        builtin_field("address", "text", "Address", "地址", required=True, max_length=1000),
        unique=True,
        index=("unique",),
        hidden=True,
    ),
    attrs.evolve(
        builtin_field("name", "text", "Name", "名称", required=True, max_length=100),
        order=1,
        emphasis="title",
    ),
    attrs.evolve(builtin_field("record_type", "identifier", "Type", "类型", required=True), order=2),
    attrs.evolve(
        builtin_field("audience", "choice", "For", "适用范围", required=True),
        default="everyone",
        order=3,
        choices=(
            Choice("everyone", Label("Everyone", "所有人"), "green"),
            Choice("role", Label("Roles", "角色"), "blue"),
            Choice("person", Label("One person", "个人"), "grey"),
        ),
    ),
    attrs.evolve(builtin_field("holders", "several choices", "Roles or login", "角色或登录名"), order=4),
    attrs.evolve(builtin_field("locked", "checkbox", "Locked", "已锁定"), order=5),
    builtin_field("origin", "identifier", "Template", "来源模板"),
    builtin_field("shipped", "identifier", "Digest as shipped", "出厂摘要"),
    builtin_field(
        "definition", "long text", "Definition", "定义", required=True, max_length=LONGEST_DOCUMENT
    ),
    title=("name",),
)
"""One record for each saved view."""

MAPPING: Final = builtin_type(
    16,
    "mapping",
    Label("Import mapping", "导入映射"),
    attrs.evolve(
        builtin_field("name", "text", "Name", "名称", required=True, max_length=100),
        unique=True,
        index=("unique",),
        order=1,
        emphasis="title",
    ),
    attrs.evolve(builtin_field("record_type", "identifier", "Type", "类型", required=True), order=2),
    builtin_field(
        "definition", "long text", "Definition", "定义", required=True, max_length=LONGEST_DOCUMENT
    ),
    title=("name",),
)
"""One record for each saved mapping of an import: what a team wrote down about files of one form."""

SUBJECT_LINK: Final = builtin_type(
    13,
    "subject_link",
    Label("Merged record", "合并记录"),
    attrs.evolve(builtin_field("record_type", "identifier", "Type", "类型", required=True), order=1),
    attrs.evolve(builtin_field("kept", "identifier", "Kept record", "保留的记录", required=True), order=2),
    attrs.evolve(builtin_field("duplicate", "identifier", "Duplicate", "重复的记录", required=True), order=3),
    builtin_field("kept_subject", "identifier", "Subject kept", "保留的主体", required=True),
    builtin_field("duplicate_subject", "identifier", "Subject linked", "关联的主体", required=True),
    attrs.evolve(builtin_field("filled", "several choices", "Fields taken over", "补入的字段"), order=4),
    title=("duplicate",),
)
"""One record for each merge, about the duplicate's subject: identifiers and names of fields, no values."""
