"""``muniment demo --size N``: a made-up company, filled in by the commands that anybody would type."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date

    from muniment.cli.demo_show import Show
    from muniment.session import Session

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
    ("customer", "follow-up-due", "tom.weber"),
    ("opportunity", "pipeline", "chen.jing"),
    ("service_request", "open", "zhao.min"),
    ("order", "unpaid", "eva.roth"),
)
_INSIGHTS = (
    ("kpi", "--period", "quarter"),
    ("behaviour",),
    ("ltv", "--method", "historic"),
    ("segment", "--method", "rule"),
    ("needs",),
)
_OF_MANY = (("ltv",), ("segment", "--method", "rfm"), ("churn",))
_MANY = 200
"""From so many customers on there are enough for methods that estimate."""
_ZONE = "Asia/Shanghai"
_LETTERS = 60
"""So many letters of a mailing are sent; each is an act of its own."""


def play_company(show: Show, size: int) -> None:
    """Make the archive, its users and its tables, live through a few weeks, and look at it as some of them.

    Args:
        show: what runs the commands.
        size: how many customers.
    """
    from muniment.model import instant, system_clock, zone_named

    # The day is the present one: what is overdue must be so for whoever looks.
    today = instant(system_clock(), zone_named(_ZONE)).date()
    _make(show, today)
    _fill(show, size, today)
    _consents(show)
    _letters(show)
    _rights(show, today)
    _insights(show, size)
    show.heading("demo.views")
    for name, view, login in _VIEWS:
        show.run(["record", "list", name, "--view", view, "--as", login, "--limit", "8"], expected=0)
    show.run(["dashboard", "show", "my-customers", "--as", "li.na"], expected=0)
    show.heading("demo.verify")
    show.run(["log", "verify"], expected=0)
    show.follow(
        "muniment view list",
        "muniment followup list --as li.na",
        "muniment record list customer --view mine --as li.na",
        "muniment dashboard show team --as chen.jing",
        "muniment consent show customer:C-1003",
        "muniment mail preview offer",
        "muniment retention plan",
        "muniment subject requests list",
        "muniment data duplicates customer",
        "muniment data quality customer",
        *(["muniment insights report --to report.html"] if _has_insights() else []),
        "muniment serve --link li.na",
    )


def _make(show: Show, today: date) -> None:
    from muniment.demo.company import TEMPLATES
    from muniment.demo.living import settings_text

    show.heading("demo.make")
    templates = [word for name in TEMPLATES for word in ("-t", name)]
    place = ["--region", "CN", "--currency", "CNY", "--timezone", _ZONE, "--name", "Demo"]
    show.run(
        ["init", str(show.archive), *templates, *place, "--key-file", str(show.base / "customers.key")],
        expected=0,
    )
    with (show.archive / "muniment.toml").open("a", encoding="utf-8") as file:
        file.write(settings_text(today.isoformat()))
    show.run(["config", "apply", "--reason", show.call.say("demo.settings")], expected=0)
    show.heading("demo.people")
    show.run(["template", "roles", "--apply", "--reason", show.call.say("demo.people")], expected=0)
    for login, name, role in _PEOPLE:
        show.run(["user", "add", login, "--name", name, "--role", role], expected=0)


def _fill(show: Show, size: int, today: date) -> None:
    from muniment.demo.company import ORDER, company, write_tables

    show.heading("demo.tables")
    folder = show.base / "tables"
    folder.mkdir()
    tables = company(size, today=today, managers=("li.na", "tom.weber"), service=("zhao.min",))
    files = write_tables(folder, tables)
    for name in ORDER:
        show.run(
            ["import", "file", name, str(files[name]), "--reason", show.call.say("demo.first_table")],
            expected=0,
        )


def _consents(show: Show) -> None:
    """Ask for consents in one process: thousands of commands would each open the archive."""
    from muniment.cli.progress import progress
    from muniment.demo.living import ask_consents

    show.heading("demo.consents")
    with _session(show) as session, progress(show.call.say("demo.asking"), quiet=show.call.json) as told:
        counts = ask_consents(session, progress=lambda done, total: told(done, total))
    show.tell("demo.asked", **{name: counts.get(name, 0) for name in ("given", "withdrawn", "refused")})
    show.run(["consent", "show", "customer:C-1003"], expected=0)


def _letters(show: Show) -> None:
    from muniment.demo.living import answer_survey, links_in

    show.heading("demo.letters")
    most = ["--limit", str(_LETTERS), "--reason", show.call.say("demo.letters")]
    for letter in ("offer", "satisfaction"):
        folder = show.base / "letters" / letter
        show.run(["mail", "send", letter, "--name", letter, "--to", str(folder), *most], expected=0)
    leaving = links_in(show.base / "letters" / "offer", "leave")
    if leaving:
        show.tell("demo.leaves")
        show.run(["mail", "unsubscribe", leaving[0]], expected=0)
    with _session(show) as session:
        count = answer_survey(session, links_in(show.base / "letters" / "satisfaction", "ask")[:5])
    show.tell("demo.answered", count=count)


def _rights(show: Show, today: date) -> None:
    """What persons ask for, what is held and due, and an exercise."""
    from datetime import timedelta

    show.heading("demo.rights")
    received = (today - timedelta(days=6)).isoformat()
    for number, right in (("C-1004", "access"), ("C-1006", "erasure")):
        show.run(
            ["subject", "requests", "open", f"customer:{number}", right, "--received", received],
            expected=0,
        )
    show.run(
        ["hold", "place", "File 12", "--subject", "customer:C-1008", "--reason", show.call.say("demo.hold")],
        expected=0,
    )
    show.run(["retention", "plan"], expected=0)
    title = show.call.say("demo.incident")
    show.run(["incident", "open", title, "--law", "pipl", "--law", "gdpr", "--drill"], expected=0)


def _has_insights() -> bool:
    from muniment.cli.offered import offered_names

    return bool(offered_names("insights"))


def _insights(show: Show, size: int) -> None:
    """Have the plugin compute what it computes, where it is installed."""
    show.heading("demo.insights")
    if not _has_insights():
        show.tell("demo.no_insights")
        return
    show.run(["plugin", "enable", "insights", "--reason", show.call.say("demo.insights")], expected=0)
    for words in (*_INSIGHTS, *(_OF_MANY if size >= _MANY else ())):
        show.run(["insights", *words], expected=0)


@contextmanager
def _session(show: Show) -> Iterator[Session]:
    """A session of the owner, as the commands have theirs."""
    from muniment.cli.invocation import Invocation

    call = Invocation()
    call.lang = show.call.language
    with call.session() as (_, session):
        yield session
