"""The commands of ``muniment insights``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from muniment.cli.base import argument, flag, may_say_why, option, options, verb
from muniment.cli.invocation import Invocation
from muniment.errors import UsageError

if TYPE_CHECKING:
    from muniment.session import Session
    from muniment_insights.runs import Asked, Kept

__all__ = ["accept", "behaviour", "churn", "kpi", "ltv", "needs", "refuse", "report", "segment"]

_SHOWN = 20


_common = options(
    option(
        "--as-of",
        metavar="DATE",
        words=("The last day that counts; by default today.", "统计末日；默认为今天。"),
    ),
    option(
        "--at-least",
        type=click.IntRange(2, 1000),
        default=5,
        show_default=True,
        metavar="N",
        words=("Groups of fewer are not shown.", "少于此数的小组不显示。"),
    ),
    flag(
        "--dry-run",
        words=("Show the result and write no computed records.", "仅显示结果，不写入计算记录。"),
    ),
)
_since = option(
    "--since",
    metavar="DATE",
    words=("The first day of the period; by default a year ago.", "统计首日；默认为一年前。"),
)
_currency = option(
    "--currency",
    default="",
    metavar="C",
    words=(
        "The currency that counts; by default the one that most orders have.",
        "统计的币种；默认为多数订单的币种。",
    ),
)
_states = option(
    "--states",
    multiple=True,
    metavar="S",
    words=(
        "States of orders that count; by default completed. May be given several times.",
        "计入统计的订单状态；默认为 completed。可多次给出。",
    ),
)


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError("insights.date") from None


@contextmanager
def _session(call: Invocation, options: dict[str, Any], title: str) -> Iterator[tuple[Session, Asked]]:
    """The session of whoever calls, and what the run is asked for."""
    from muniment.cli.invocation import names_of
    from muniment.cli.offered import require_plugin
    from muniment.cli.progress import progress
    from muniment_insights.runs import Asked

    with call.session() as (archive, session):
        require_plugin(archive, "insights")
        with progress(call.say(title), quiet=call.json) as told:
            yield (
                session,
                Asked(
                    as_of=_day(options.get("as_of")),
                    since=_day(options.get("since")),
                    currency=(options.get("currency") or "").upper(),
                    states=names_of(options.get("states") or ()) or ("completed",),
                    at_least=options.get("at_least", 5),
                    keep=not options.get("dry_run"),
                    progress=lambda done, total: told(done, total or 0),
                ),
            )


def _tell(
    call: Invocation, result: Any, key: str, rows: Sequence[Sequence[object]], header: list[str]
) -> None:
    """Print a result: for programs whole, for people its table and what the run says of itself."""
    from muniment.cli.output import emit, one_line, put, table
    from muniment_insights.telling import document, notes, part

    if call.json:
        emit(document(result, key))
        return
    about: Kept = result.about
    made = part(result, call.language)
    put(made.title)
    table(made.header, made.rows)
    if rows:
        put()
        table(call.words(*(f"insights.label_{name}" for name in header)), rows)
    put()
    for line in notes(about, call.language):
        put(one_line(line))


def _named(session: Session, rows: list[Sequence[object]]) -> list[Sequence[object]]:
    """Rows with what customers go by in place of their identifiers, as far as the actor may see it."""
    ids = [str(row[0]) for row in rows]
    names = session.titles("customer", ids) if ids else {}
    return [[names.get(str(row[0]), row[0]), *row[1:]] for row in rows]


@verb(
    "kpi",
    (
        "KPIs by period, account manager or product: satisfaction, win rate, average deal, response time, "
        "return rate; each with its 95 percent interval.",
        "按期间、客户经理或产品计算指标：满意度、成交率、平均交易额、响应时间、退货率，均附 95% 置信区间。",
    ),
    note=(
        "Example: muniment insights kpi --period quarter --by owner",
        "示例：muniment insights kpi --period quarter --by owner",
    ),
)
@option(
    "--metric",
    "metrics",
    multiple=True,
    type=click.Choice(("satisfaction", "win_rate", "average_deal", "response_time", "return_rate")),
    words=("This KPI alone; may be given several times.", "仅计算此指标，可多次给出。"),
)
@option(
    "--period",
    type=click.Choice(("month", "quarter", "year", "all")),
    default="month",
    words=("How time is divided.", "时间划分方式。"),
)
@option(
    "--by",
    type=click.Choice(("all", "owner", "product")),
    default="all",
    words=("How records are grouped.", "分组方式。"),
)
@_since
@_states
@_common
@click.pass_obj
def kpi(call: Invocation, /, **options: Any) -> None:
    """Compute KPIs."""
    from muniment_insights.kpi import METRICS, compute_kpis

    with _session(call, options, "insights.working") as (session, asked):
        metrics, period, by = options["metrics"] or METRICS, options["period"], options["by"]
        result = compute_kpis(session, asked, metrics=metrics, period=period, by=by)
    _tell(call, result, "figures", [], [])
    if result.missing and not call.json:
        from muniment.cli.output import talk

        names = ", ".join(call.say(f"insights.metric_{name}") for name in result.missing)
        talk(call.say("insights.missing", names=names))


@verb(
    "behaviour",
    (
        "How customers bought and visited: how often, for how much, how long ago, visits and time on pages; "
        "the top fifth by amount is of high value.",
        "计算客户行为：购买频率、金额、距上次购买天数、访问次数和停留时间；金额居前五分之一为高价值客户。",
    ),
)
@option(
    "--top",
    type=click.IntRange(1, 99),
    default=20,
    show_default=True,
    metavar="PERCENT",
    words=("The share of customers who are of high value.", "高价值客户所占百分比。"),
)
@_since
@_currency
@_states
@_common
@click.pass_obj
def behaviour(call: Invocation, /, **options: Any) -> None:
    """Compute behaviour."""
    from muniment_insights.behaviour import compute_behaviour
    from muniment_insights.telling import customers_rows

    top = options["top"] / 100
    with _session(call, options, "insights.working") as (session, asked):
        result = compute_behaviour(session, asked, top=top, middle=max(0.5, top))
        rows = [] if call.json else _named(session, customers_rows(result, _SHOWN))
    tiers = [call.say(f"insights.tier_{row[-1]}") if row[-1] else "" for row in rows]
    rows = [[*row[:-1], tier] for row, tier in zip(rows, tiers, strict=True)]
    _tell(call, result, "customers", rows, ["customer", "orders", "amount", "days_since", "tier"])


@verb(
    "ltv",
    (
        "What each customer has brought so far and is expected to bring.\n"
        "bg_nbd fits BG/NBD and Gamma-Gamma, tried on the last quarter of the time; historic adds up.",
        "计算每位客户的已实现价值和预期价值。\n"
        "bg_nbd 拟合 BG/NBD 与 Gamma-Gamma 模型，并以最后四分之一时段检验；historic 仅累计历史。",
    ),
)
@option(
    "--method",
    type=click.Choice(("bg_nbd", "historic")),
    default="bg_nbd",
    words=("How the expectation is made.", "预期值的算法。"),
)
@option(
    "--months",
    type=click.IntRange(1, 120),
    default=36,
    show_default=True,
    words=("How far ahead to look.", "预测月数。"),
)
@_currency
@_states
@_common
@click.pass_obj
def ltv(call: Invocation, /, **options: Any) -> None:
    """Compute lifetime values."""
    from muniment_insights.lifetime import compute_lifetime
    from muniment_insights.telling import customers_rows

    with _session(call, options, "insights.working") as (session, asked):
        result = compute_lifetime(session, asked, method=options["method"], months=options["months"])
        rows = [] if call.json else _named(session, customers_rows(result, _SHOWN))
    _tell(call, result, "customers", rows, ["customer", "so_far", "expected", "range", "alive"])


@verb(
    "segment",
    (
        "Who belongs to which segment: by the rules that people wrote, by recency, frequency and amount, "
        "or by k-means with the k of the highest silhouette.",
        "划分客户群体：按人工规则、按 RFM，或按 k-means 聚类（取轮廓系数最高的 k）。",
    ),
)
@option(
    "--method",
    type=click.Choice(("rule", "rfm", "kmeans")),
    default="rule",
    words=("How customers get in.", "划分方法。"),
)
@option(
    "--k",
    type=click.IntRange(2, 20),
    default=None,
    metavar="K",
    words=("How many clusters; by default the best.", "聚类数；默认取最佳。"),
)
@_currency
@_states
@_common
@click.pass_obj
def segment(call: Invocation, /, **options: Any) -> None:
    """Compute segments."""
    from muniment_insights.segments import compute_segments

    with _session(call, options, "insights.working") as (session, asked):
        result = compute_segments(
            session, asked, method=options["method"], k=options["k"] or 0, lang=call.language
        )
    _tell(call, result, "segments", [], [])


@verb(
    "churn",
    (
        "Who is likely to buy no more: logistic regression on purchases, checked by cross-validation.",
        "估计客户流失的可能性：基于购买记录的逻辑回归，经交叉验证。",
    ),
)
@option(
    "--days",
    type=click.IntRange(7, 1095),
    default=180,
    show_default=True,
    words=("Days without a purchase that count as leaving.", "多少天内无购买视为流失。"),
)
@_currency
@_states
@_common
@click.pass_obj
def churn(call: Invocation, /, **options: Any) -> None:
    """Compute the risk of churn."""
    from muniment_insights.churn import compute_churn
    from muniment_insights.telling import customers_rows

    with _session(call, options, "insights.working") as (session, asked):
        result = compute_churn(session, asked, days=options["days"], lang=call.language)
        rows = [] if call.json else _named(session, customers_rows(result, _SHOWN))
    rows = [[row[0], row[1], call.say(f"insights.band_{row[2]}"), row[3]] for row in rows]
    _tell(call, result, "customers", rows, ["customer", "risk", "band", "why"])


@verb(
    "needs",
    (
        "Needs and preferences that interactions speak of, offline and with the words that say so.\n"
        "They are suggestions: nothing changes until a person accepts one.",
        "从互动记录中提出需求和偏好建议，离线进行并列出依据的词语。\n仅为建议，须由人采纳后才会更改记录。",
    ),
)
@option(
    "--least",
    type=click.IntRange(1, 100),
    default=2,
    show_default=True,
    words=("In how many interactions a word must stand.", "词语至少出现在多少次互动中。"),
)
@_since
@_common
@click.pass_obj
def needs(call: Invocation, /, **options: Any) -> None:
    """Propose needs."""
    from muniment_insights.needs import compute_needs

    with _session(call, options, "insights.working") as (session, asked):
        result = compute_needs(session, asked, least=options["least"], lang=call.language)
        rows: list[Sequence[object]] = []
        if not call.json:
            listed = [[one.customer, one] for one in result.suggestions[:_SHOWN]]
            rows = [
                [row[0], one.field, one.value, str(one.score), one.reason, one.id]
                for row, one in zip(_named(session, [*listed]), result.suggestions, strict=False)
            ]
    _tell(call, result, "suggestions", rows, ["customer", "field", "value", "certainty", "why", "id"])


_suggestions = argument(
    "ids", ("Identifiers of suggestions.", "建议的标识符。"), nargs=-1, required=True, metavar="ID..."
)


def _decide(call: Invocation, ids: Sequence[str], accept: bool, reason: str | None) -> None:
    from muniment.cli.offered import require_plugin
    from muniment.cli.output import emit, put
    from muniment_insights.needs import decide

    done = []
    with call.session() as (archive, session):
        require_plugin(archive, "insights")
        for id in ids:
            saved = decide(session, id, accept=accept, reason=reason)
            done.append({"id": id, "accepted": accept, "record": saved.id if saved is not None else None})
    if call.json:
        emit({"suggestions": done})
    else:
        put(call.say("insights.accepted" if accept else "insights.refused", count=len(done)))


@verb(
    "accept",
    ("Accept suggestions: the customers' records change.", "采纳建议：相应更改客户记录。"),
)
@_suggestions
@may_say_why
@click.pass_obj
def accept(call: Invocation, ids: tuple[str, ...], reason: str | None) -> None:
    """Accept suggestions."""
    _decide(call, ids, True, reason)


@verb("refuse", ("Refuse suggestions; the same is not suggested again.", "不采纳建议；今后不再重复建议。"))
@_suggestions
@may_say_why
@click.pass_obj
def refuse(call: Invocation, ids: tuple[str, ...], reason: str | None) -> None:
    """Refuse suggestions."""
    _decide(call, ids, False, reason)


@verb(
    "report",
    (
        "Charts and tables as one page of HTML to print: groups and totals, no single persons.\n"
        "What the archive has no tables for is left out. Writes no computed records.",
        "生成可打印的 HTML 报告：仅含分组和合计，不含个人。\n缺少相应表格的部分从略；不写入计算记录。",
    ),
    note=(
        "Example: muniment insights report --to report.html",
        "示例：muniment insights report --to report.html",
    ),
)
@option("--to", required=True, metavar="FILE", words=("A new file.", "新文件。"))
@option(
    "--period",
    type=click.Choice(("month", "quarter", "year", "all")),
    default="month",
    words=("How the time of KPIs is divided.", "指标的时间划分方式。"),
)
@_since
@_currency
@_states
@_common
@click.pass_obj
def report(call: Invocation, /, **options: Any) -> None:
    """Write a report."""
    from muniment.cli.output import emit, put
    from muniment_insights.making import make_report

    target = Path(options["to"])
    options["dry_run"] = True
    with _session(call, options, "insights.working") as (session, asked):
        made = make_report(session, asked, target, period=options["period"], lang=call.language)
    if call.json:
        emit({"file": str(target), "parts": list(made.parts), "left_out": dict(made.left_out)})
        return
    put(call.say("insights.reported", path=str(target), count=len(made.parts)))
    for name, why in made.left_out.items():
        put(f"  {call.say(f'insights.title_{name}')}: {why}")
