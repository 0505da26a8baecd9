"""The record types that every archive has: definitions, users, imports, configuration; pure.

Their numbers are below 256, their fields' numbers have the top bit set, and their
one retention category is number 1, so none of them ever meets a template's.
"""

from __future__ import annotations

from typing import Final

import attrs

from muniment.schema.kinds import KINDS
from muniment.schema.types import Choice, Field, LayoutGroup, RecordType, seal_group
from muniment.schema.values import Label

__all__ = ["ARCHIVE_CATEGORY", "BUILTIN", "CONFIGURATION", "DEFINITION", "IMPORT", "USER"]

ARCHIVE_CATEGORY: Final = ("archive", 1)
"""Name and number of the retention category of what belongs to the archive itself."""

_GROUP: Final = LayoutGroup("main", Label("Main", "主要信息"), ARCHIVE_CATEGORY[0])


def _type(number: int, key: str, label: Label, *fields: Field, title: tuple[str, ...]) -> RecordType:
    numbered = tuple(
        attrs.evolve(
            field,
            number=1 << 31 | number << 8 | place,
            encoding=KINDS[field.kind].encoding,
            group=_GROUP.key,
            category=ARCHIVE_CATEGORY[0],
            seal_group=seal_group(ARCHIVE_CATEGORY[1], field.sensitivity),
        )
        for place, field in enumerate(fields, 1)
    )
    return RecordType(
        key=key, number=number, label=label, subject="none", title=title, groups=(_GROUP,),
        fields=numbered, definition_version=1,
    )  # fmt: skip


def _field(key: str, kind: str, en: str, zh: str, *, required: bool = False, max_length: int = 0) -> Field:
    return Field(key=key, kind=kind, label=Label(en, zh), required=required, max_length=max_length)


_LONGEST_DOCUMENT = 10_000_000

DEFINITION: Final = _type(
    1, "definition", Label("Type definition", "类型定义"),
    attrs.evolve(_field("key", "identifier", "Type", "类型", required=True), order=1, emphasis="title"),
    _field("definition", "long text", "Definition", "定义", required=True, max_length=_LONGEST_DOCUMENT),
    title=("key",),
)  # fmt: skip
"""One record for each record type; its versions are the type's definitions, as canonical JSON."""

USER: Final = _type(
    2, "user", Label("User", "用户"),
    attrs.evolve(
        _field("login", "identifier", "Login", "登录名", required=True, max_length=100),
        unique=True, index=("unique",), order=1, emphasis="title",
    ),
    attrs.evolve(_field("display_name", "text", "Name", "姓名"), order=2),
    attrs.evolve(_field("roles", "several choices", "Roles", "角色"), order=3),
    attrs.evolve(
        _field("state", "choice", "State", "状态", required=True), default="active", order=4,
        choices=(
            Choice("active", Label("Active", "启用"), "green"),
            Choice("disabled", Label("Disabled", "停用"), "grey"),
        ),
    ),
    title=("display_name", "login"),
)  # fmt: skip
"""Whoever acts in the archive; password hashes and the like stand in the key store, never here."""

IMPORT: Final = _type(
    3, "import", Label("Import", "导入"),
    attrs.evolve(_field("file_name", "text", "File", "文件", required=True), order=1, emphasis="title"),
    attrs.evolve(_field("record_type", "identifier", "Type", "类型", required=True), order=2),
    attrs.evolve(
        _field("state", "choice", "State", "状态", required=True), default="running", order=3,
        choices=(
            Choice("running", Label("Running", "进行中"), "amber"),
            Choice("done", Label("Done", "已完成"), "green"),
            Choice("reverted", Label("Reverted", "已撤销"), "grey"),
        ),
    ),
    *(
        attrs.evolve(_field(key, "integer", en, zh), minimum="0", order=place)
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
    _field("file_digest", "identifier", "Digest of the file", "文件摘要"),
    _field("mapping_digest", "identifier", "Digest of the mapping", "映射摘要"),
    _field("note", "long text", "Note", "备注"),
    title=("file_name",),
)  # fmt: skip
"""One record for each import, so that it can be found and reverted."""

CONFIGURATION: Final = _type(
    4, "configuration", Label("Configuration", "配置"),
    attrs.evolve(_field("digest", "identifier", "Digest", "摘要", required=True), order=1, emphasis="title"),
    _field("text", "long text", "Text", "内容", required=True, max_length=_LONGEST_DOCUMENT),
    _field("plugins", "long text", "Plugins", "插件", max_length=_LONGEST_DOCUMENT),
    title=("digest",),
)  # fmt: skip
"""One record whose versions are the configurations that were applied, each with the versions and digests of
its plugins as they then were."""

BUILTIN: Final = (DEFINITION, USER, IMPORT, CONFIGURATION)
"""The built-in types in order of number."""
