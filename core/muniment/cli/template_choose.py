"""``muniment template choose``: five questions, a proposal, and the one command that makes it so."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from typing import Any, Final

import click

from muniment.cli.base import option, verb
from muniment.cli.invocation import Invocation

__all__ = ["choose", "proposed"]

QUESTIONS: Final = (
    (
        "sells",
        {
            "no": "sells_no",
            "shop": "sells_shop",
            "products": "sells_products",
            "contracts": "sells_contracts",
        },
    ),
    ("team", {"alone": "team_alone", "managers": "team_managers"}),
    ("talks", {"no": "talks_no", "yes": "talks_yes"}),
    ("service", {"no": "service_no", "feedback": "service_feedback", "requests": "service_requests"}),
    (
        "figures",
        {
            "no": "figures_no",
            "behaviour": "figures_behaviour",
            "value": "figures_value",
            "segments": "figures_segments",
        },
    ),
)
"""The questions in order, each with its answers and their texts, the first one being the default."""


def proposed(answers: dict[str, str]) -> list[tuple[str, str]]:
    """The templates for these answers, each with the question that led to it.

    Args:
        answers: by name of the question.
    """
    found: dict[str, str] = {"customer-info": "always"}
    for question, answer, template in (
        ("sells", "shop", "ecommerce"),
        ("sells", "products", "customer-products"),
        ("sells", "contracts", "customer-tracking"),
        ("team", "managers", "account-manager"),
        ("talks", "yes", "interaction-log"),
        ("service", "feedback", "service-feedback"),
        ("service", "requests", "customer-tracking"),
        ("figures", "behaviour", "behaviour-analysis"),
        ("figures", "value", "lifetime-value"),
        ("figures", "segments", "segmentation"),
    ):
        if answers.get(question) == answer:
            found.setdefault(template, question)
    return list(found.items())


@verb(
    "choose",
    (
        "Ask five questions and propose templates, with the one command that makes or extends the archive.\n"
        "Nothing is changed. Answers can be given as options.",
        "提五个问题，推荐模板，并给出新建或扩充档案库的一条命令。\n不作任何修改。答案也可用选项给出。",
    ),
    note=(
        "Example: muniment template choose --sells shop --team managers --talks yes",
        "示例：muniment template choose --sells shop --team managers --talks yes",
    ),
)
@option(
    "--sells",
    type=click.Choice(tuple(QUESTIONS[0][1])),
    words=("What you sell through.", "销售方式：无、网店、产品、合同。"),
)
@option(
    "--team",
    type=click.Choice(tuple(QUESTIONS[1][1])),
    words=("Who looks after customers.", "由谁负责客户：一人或客户经理。"),
)
@option(
    "--talks", type=click.Choice(tuple(QUESTIONS[2][1])), words=("Whether talks are noted.", "是否记录沟通。")
)
@option(
    "--service",
    type=click.Choice(tuple(QUESTIONS[3][1])),
    words=("Feedback or requests after the sale.", "售后：无、反馈、服务单。"),
)
@option(
    "--figures",
    type=click.Choice(tuple(QUESTIONS[4][1])),
    words=("Figures about customers.", "客户分析：无、行为、价值、细分。"),
)
@click.pass_obj
def choose(call: Invocation, /, **given: str | None) -> None:
    """Ask five questions and propose templates."""
    from muniment.cli.output import emit, heading, put, table
    from muniment.schema.template import load_template

    answers = {}
    for name, known in QUESTIONS:
        answer = given.get(name)
        answers[name] = _ask(call, name, known) if answer is None else answer
    found = proposed(answers)
    command = _command(call, [name for name, _ in found])
    if call.json:
        emit(
            {
                "answers": answers,
                "templates": [{"key": name, "because": why} for name, why in found],
                "command": command,
            }
        )
        return
    lang = call.language
    put()
    rows: list[list[object]] = []
    for name, why in found:
        template = load_template(name)
        rows.append([name, template.label.of(lang), call.say(f"choose.because_{why}")])
    table(call.words("cli.label_template", "cli.label_holds", "choose.label_because"), rows)
    put()
    put(heading(call.say("choose.command")))
    put(f"  {command}")


def _ask(call: Invocation, name: str, texts: Mapping[str, str]) -> str:
    """One question, with its answers numbered; an empty line takes the first."""
    from muniment.cli.output import talk

    known = tuple(texts)
    if call.json or sys.stdin is None:
        return known[0]
    talk("")
    talk(call.say(f"choose.{name}"))
    for number, answer in enumerate(known, 1):
        talk(f"  {number}  {call.say(f'choose.{texts[answer]}')}")
    while True:
        try:
            typed: Any = click.prompt(call.say("choose.answer"), default="1", err=True, show_default=True)
        except click.Abort:
            return known[0]
        text = str(typed).strip()
        if text in known:
            return text
        if text.isascii() and text.isdigit() and 1 <= int(text) <= len(known):
            return known[int(text) - 1]
        talk(call.say("choose.again", count=len(known)))


def _command(call: Invocation, names: list[str]) -> str:
    """The command for the archive at hand, or for a new one."""
    from muniment.errors import MunimentError

    try:
        folder = call.folder()
        call.settings()
    except MunimentError:
        return shlex.join(
            ["muniment", "init", "customers", *(word for name in names for word in ("-t", name))]
        )
    words = ["muniment"] if call.archive == "" else ["muniment", "--archive", str(folder)]
    return shlex.join([*words, "template", "apply", *names, "--reason", call.say("choose.reason")])
