"""``muniment record``: its verbs, in the modules for writing and for reading."""

from __future__ import annotations

from muniment.cli.base import Entry, LazyGroup

__all__ = ["record"]

_WRITE = "muniment.cli.record_write"
_READ = "muniment.cli.record_read"
_LIST = "muniment.cli.record_list"

record = LazyGroup(
    "record",
    {
        "create": Entry(f"{_WRITE}:create", ("Make a record.", "新建记录。")),
        "update": Entry(f"{_WRITE}:update", ("Change fields of a record.", "修改记录字段。")),
        "correct": Entry(
            f"{_WRITE}:correct", ("Put right what was wrong from the start.", "更正从一开始就有误的内容。")
        ),
        "delete": Entry(f"{_WRITE}:delete", ("Take a record out of the lists.", "将记录移出列表。")),
        "undelete": Entry(f"{_WRITE}:undelete", ("Bring a deleted record back.", "恢复已删除的记录。")),
        "erase": Entry(
            "muniment.cli.erase:erase_record",
            ("Erase a record for ever.", "永久删除一条记录。"),
        ),
        "restrict": Entry(
            "muniment.cli.restrict:restrict_record",
            ("Restrict what may be done with a record.", "限制处理某一条记录。"),
        ),
        "unrestrict": Entry(
            "muniment.cli.restrict:unrestrict_record", ("Lift its restriction.", "解除对记录的限制处理。")
        ),
        "attach": Entry(f"{_WRITE}:attach", ("Seal a file into a field.", "将文件加密附到字段。")),
        "get": Entry(f"{_READ}:get", ("Read one record.", "读取一条记录。")),
        "file": Entry(f"{_READ}:read_file", ("Take an attached file out.", "取出附件。")),
        "history": Entry(
            f"{_READ}:history",
            ("Every version: who, when, why, what.", "查看各版本：谁、何时、为何、改了什么。"),
        ),
        "diff": Entry(f"{_READ}:diff", ("What differs between two versions.", "比较两个版本。")),
        "list": Entry(f"{_LIST}:list_records", ("One page of records.", "列出一页记录。")),
        "search": Entry(
            f"{_LIST}:search", ("Find records by words, phone or e-mail.", "按文字、电话或邮箱查找记录。")
        ),
        "find": Entry(f"{_LIST}:find", ("Find in all types at once.", "在所有类型中查找。")),
        "accesses": Entry(
            "muniment.cli.log_read:accesses", ("Who saw or changed a record.", "谁看过或改过一条记录。")
        ),
    },
    words=(
        "Create, change, find and read records. Every call is written to the log before it answers.\n"
        "ID is the identifier that other commands print, or TYPE:VALUE with a unique field's value, "
        "such as customer:C-1001.",
        "新建、修改、查找和读取记录。每次调用都在返回结果前写入日志。\n"
        "ID 为其他命令输出的标识符，或“类型:唯一字段值”，如 customer:C-1001。",
    ),
)
