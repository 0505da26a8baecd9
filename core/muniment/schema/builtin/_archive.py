"""The built-in record types of the archive itself: definitions, users, imports, configuration; pure."""

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

__all__ = ["CONFIGURATION", "DEFINITION", "IMPORT", "USER"]

DEFINITION: Final = builtin_type(
    1,
    "definition",
    Label("Type definition", "类型定义"),
    builtin_field("key", "identifier", "Type", "类型", required=True, order=1, emphasis="title"),
    builtin_field(
        "definition", "long text", "Definition", "定义", required=True, max_length=LONGEST_DOCUMENT
    ),
    title=("key",),
)
"""One record for each record type; its versions are the type's definitions, as canonical JSON."""

USER: Final = builtin_type(
    2,
    "user",
    Label("User", "用户"),
    login_field(),
    builtin_field("display_name", "text", "Name", "姓名", order=2),
    builtin_field("roles", "several choices", "Roles", "角色", order=3),
    state_field(
        Choice("active", Label("Active", "启用"), "green"),
        Choice("disabled", Label("Disabled", "停用"), "grey"),
        default="active",
        order=4,
    ),
    builtin_field("attributes", "several choices", "Attributes", "属性", order=5),
    title=("display_name", "login"),
)
"""Whoever acts in the archive; password hashes and the like stand in the key store, never here."""

IMPORT: Final = builtin_type(
    3,
    "import",
    Label("Import", "导入"),
    builtin_field("file_name", "text", "File", "文件", required=True, order=1, emphasis="title"),
    builtin_field("record_type", "identifier", "Type", "类型", required=True, order=2),
    state_field(
        Choice("running", Label("Running", "进行中"), "amber"),
        Choice("done", Label("Done", "已完成"), "green"),
        Choice("reverted", Label("Reverted", "已撤销"), "grey"),
        default="running",
        order=3,
    ),
    *(
        builtin_field(key, "integer", en, zh, minimum="0", order=place)
        for place, (key, en, zh) in enumerate(
            (
                ("rows", "Rows", "行数"),
                ("created", "Created", "新建"),
                ("updated", "Updated", "更新"),
                ("unchanged", "Unchanged", "未变"),
                ("rejected", "Rejected", "拒绝"),
            ),
            4,
        )
    ),
    builtin_field("file_digest", "identifier", "Digest of the file", "文件摘要"),
    builtin_field("mapping_digest", "identifier", "Digest of the mapping", "映射摘要"),
    builtin_field("note", "long text", "Note", "备注"),
    title=("file_name",),
)
"""One record for each import, so that it can be found and reverted."""

CONFIGURATION: Final = builtin_type(
    4,
    "configuration",
    Label("Configuration", "配置"),
    builtin_field("digest", "identifier", "Digest", "摘要", required=True, order=1, emphasis="title"),
    builtin_field("text", "long text", "Text", "内容", required=True, max_length=LONGEST_DOCUMENT),
    builtin_field("plugins", "long text", "Plugins", "插件", max_length=LONGEST_DOCUMENT),
    title=("digest",),
)
"""One record whose versions are the configurations that were applied, each with the versions and digests of
its plugins as they then were."""
