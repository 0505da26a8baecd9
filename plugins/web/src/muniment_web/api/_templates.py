"""Ready sets of tables: looked at, tried, applied."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import Depends, Path, Query, Request
from pydantic import Field, StringConstraints

from muniment.cli.schema_out import type_json
from muniment.cli.template_choose import QUESTIONS, proposed
from muniment.errors import NotFound, UsageError, text_of
from muniment.schema.template import Template, load_template, parse_template, template_names
from muniment.session import Session
from muniment.store import LogFilter
from muniment_web.api._calls import area, language_of, may
from muniment_web.api._definitions import TypesChanged, changed
from muniment_web.api._parts import Cursor, Label, Limit, Moment, Shown, Strict, Text, Word
from muniment_web.server.web import Web

__all__ = ["router"]

router: Final = area("templates")
Looking = Annotated[Session, Depends(may("read", "schema.read"))]
Reading = Annotated[Session, Depends(may("log", "log.read"))]
Trying = Annotated[Session, Depends(may("setup", "schema.change", once="never"))]
Changing = Annotated[Session, Depends(may("setup", "schema.change"))]
TemplateKey = Annotated[str, Path(alias="name", pattern=r"^[a-z][a-z0-9_-]{0,62}$")]


class TemplateShown(Shown):
    """A ready set of tables."""

    key: str
    label: Label
    help: Label
    types: list[str]
    here: bool = Field(description="whether the archive has all of its tables")


class Templates(Shown):
    """The templates that come with muniment, and those of the plugins."""

    templates: list[TemplateShown]


class WholeTemplate(TemplateShown):
    """A template with its tables and fields."""

    definitions: list[dict[str, Any]]


class TemplateAnswers(Strict):
    """Answers to the questions of ``GET /templates/questions``, by name; a missing one takes the first."""

    answers: dict[Word, Word] = Field(default={}, max_length=20)


class Question(Shown):
    """What is asked of a team before templates are proposed."""

    name: str
    text: str
    answers: dict[str, str]


class Questions(Shown):
    """The questions that lead to templates, in order."""

    questions: list[Question]


class Proposed(Shown):
    """A template that fits, and the question that led to it."""

    template: str
    why: str


class ProposedTemplates(Shown):
    """The templates that fit."""

    templates: list[Proposed]


class TemplateChoice(Strict):
    """Which templates: by name, or as TOML of one's own."""

    templates: list[Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]] = Field(
        default=[], max_length=50
    )
    own: list[Annotated[str, StringConstraints(max_length=500_000)]] = Field(default=[], max_length=10)
    reason: Text | None = None


class TemplateApplied(Shown):
    """A template that was applied."""

    key: str
    digest: str
    recorded: Moment
    actor: str
    entry: str


class TemplateHistory(Shown):
    """Which templates were applied when, newest first."""

    templates: list[TemplateApplied]
    after: str | None = None


def _known(web: Web) -> dict[str, Template]:
    kinds = web.engine.kinds
    packaged = {name: load_template(name, kinds=kinds) for name in template_names()}
    return {**packaged, **dict(web.archive.plugins.templates())}


def _template(one: Template, session: Session) -> dict[str, Any]:
    held = {each.key for each in session.types()}
    return {
        "key": one.key,
        "label": one.label,
        "help": one.help,
        "types": [each.key for each in one.types],
        "here": all(each.key in held for each in one.types),
    }


@router.get("/templates")
def list_templates(request: Request, session: Looking) -> Templates:
    """The templates that there are."""
    session.require("schema.read")
    found = [one for _, one in sorted(_known(request.app.state.web).items())]
    return Templates(templates=[TemplateShown(**_template(one, session)) for one in found])


@router.get("/templates/questions")
def template_questions(request: Request, session: Looking) -> Questions:
    """The questions whose answers lead to templates."""
    session.require("schema.read")
    lang = language_of(request)
    return Questions(
        questions=[
            Question(
                name=name,
                text=text_of(f"choose.{name}", lang)[0],
                answers={key: text_of(f"choose.{code}", lang)[0] for key, code in known.items()},
            )
            for name, known in QUESTIONS
        ]
    )


@router.post("/templates/propose")
def propose_templates(
    session: Annotated[Session, Depends(may("read", "schema.read", once="never"))], given: TemplateAnswers
) -> ProposedTemplates:
    """The templates that fit what was answered."""
    session.require("schema.read")
    known = dict(QUESTIONS)
    if any(name not in known or answer not in known[name] for name, answer in given.answers.items()):
        raise UsageError("serve.request")
    return ProposedTemplates(
        templates=[Proposed(template=name, why=why) for name, why in proposed(dict(given.answers))]
    )


@router.get("/templates/history")
def template_history(
    session: Reading, limit: Limit = 100, after: Annotated[Cursor | None, Query()] = None
) -> TemplateHistory:
    """Which templates were applied when, by whom; a digest tells versions of a template apart."""
    page = session.log_page(LogFilter(kinds=("template.apply",), limit=limit), after=after)
    made = []
    for one in page.entries:
        target = dict(one.detail.get("target", {}))
        made.append(
            TemplateApplied.model_validate(
                {
                    "key": str(target.get("template", "")),
                    "digest": str(target.get("digest", "")),
                    "recorded": one.time_us,
                    "actor": one.actor,
                    "entry": f"{one.generation}:{one.index}",
                }
            )
        )
    return TemplateHistory(templates=made, after=page.after)


@router.get("/templates/{name}")
def get_template(request: Request, session: Looking, name: TemplateKey) -> WholeTemplate:
    """A template's tables and fields."""
    session.require("schema.read")
    found = _known(request.app.state.web).get(name)
    if found is None:
        raise NotFound("serve.not_found")
    return WholeTemplate(**_template(found, session), definitions=[type_json(one) for one in found.types])


def _chosen(web: Web, given: TemplateChoice) -> list[Template]:
    known = _known(web)
    if not given.templates and not given.own:
        raise UsageError("serve.nothing_chosen")
    if not known.keys() >= set(given.templates):
        raise NotFound("serve.not_found")
    own = [
        parse_template(text, where=f"own[{place}]", kinds=web.engine.kinds)
        for place, text in enumerate(given.own)
    ]
    return [*(known[name] for name in given.templates), *own]


@router.post("/templates/preview")
def preview_templates(request: Request, session: Trying, given: TemplateChoice) -> TypesChanged:
    """What templates would change here, also for the records that are there; nothing is changed."""
    web: Web = request.app.state.web
    session.require("schema.change")
    made = web.archive.apply_templates(session, _chosen(web, given), reason=None, dry_run=True)
    return changed(request, session, made, applied=False)


@router.post("/templates/apply")
def apply_templates(request: Request, session: Changing, given: TemplateChoice) -> TypesChanged:
    """Bring templates into the archive; what a team changed itself, and what they do not mention, stays."""
    web: Web = request.app.state.web
    session.require("schema.change")
    made = web.archive.apply_templates(session, _chosen(web, given), reason=given.reason)
    return changed(request, session, made, applied=True)
