"""``muniment demo --size N``: a made-up company, filled in by the commands that anybody would type."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from muniment.cli.demo import Show

__all__ = ["LOGINS", "play_company"]

_PEOPLE = (
    ("li.na", "李娜", "account_manager"),
    ("tom.weber", "Tom Weber", "account_manager"),
    ("chen.jing", "陈静", "sales_supervisor"),
    ("amy.lee", "Amy Lee", "assistant"),
    ("zhao.min", "赵敏", "service"),
    ("eva.roth", "Eva Roth", "finance"),
    ("ada.king", "Ada King", "auditor"),
)
LOGINS = tuple(login for login, _, _ in _PEOPLE)
"""The users of the company, one of each role at least."""
_VIEWS = (
    ("follow_up", "overdue", "li.na"),
    ("opportunity", "pipeline", "chen.jing"),
    ("service_request", "open", "zhao.min"),
    ("order", "unpaid", "eva.roth"),
)


def play_company(show: Show, size: int) -> None:
    """Make the archive, its users and its tables, and look at it as some of them.

    Args:
        show: what runs the commands.
        size: how many customers.
    """
    from datetime import UTC, datetime

    from muniment.demo.company import ORDER, TEMPLATES, company, write_tables

    show.heading("demo.make")
    templates = [word for name in TEMPLATES for word in ("-t", name)]
    place = ["--region", "CN", "--currency", "CNY", "--timezone", "Asia/Shanghai", "--name", "Demo"]
    show.run(
        ["init", str(show.archive), *templates, *place, "--key-file", str(show.base / "customers.key")],
        expected=0,
    )
    show.heading("demo.people")
    show.run(["template", "roles", "--apply", "--reason", show.call.say("demo.people")], expected=0)
    for login, name, role in _PEOPLE:
        show.run(["user", "add", login, "--name", name, "--role", role], expected=0)
    show.heading("demo.tables")
    folder = show.base / "tables"
    folder.mkdir()
    # The day is the machine's own: what is overdue must be so for whoever looks.
    today = datetime.now(UTC).date()
    tables = company(size, today=today, managers=("li.na", "tom.weber"))
    files = write_tables(folder, tables)
    for name in ORDER:
        show.run(
            ["import", "file", name, str(files[name]), "--reason", show.call.say("demo.first_table")],
            expected=0,
        )
    show.heading("demo.views")
    for name, view, login in _VIEWS:
        show.run(["record", "list", name, "--view", view, "--as", login, "--limit", "8"], expected=0)
    show.heading("demo.verify")
    show.run(["log", "verify"], expected=0)
    show.follow(
        "muniment view list",
        "muniment record list customer --view mine --as li.na",
        "muniment data duplicates customer",
        "muniment data quality customer",
        "muniment serve --link li.na",
    )
