"""What holds and what is about to: the configuration with its differences and versions, and templates."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from starlette.responses import Response
from starlette.routing import BaseRoute

from muniment import config
from muniment.errors import MunimentError, NotFound
from muniment.model import id_text
from muniment.schema.template import Template
from muniment.session.writing.applying import policy_of
from muniment_web.frame.call import Call
from muniment_web.frame.gains import Shift, shifts_of
from muniment_web.frame.named import difference_of
from muniment_web.frame.proposing import beyond_said, effects_said, lines_between
from muniment_web.frame.reasons import REASONS, reason_of
from muniment_web.frame.routing import page
from muniment_web.frame.told import caught, form_page, number_of, problem_of
from muniment_web.server.shifts import everybody

__all__ = ["routes"]


def routes() -> list[BaseRoute]:
    """The routes of this area."""
    return [
        page("/config", show),
        page("/config", apply, methods=("POST",)),
        page("/templates", templates),
        page("/templates/{name}", template),
        page("/templates/{name}", apply_template, methods=("POST",)),
    ]


# The configuration


def show(call: Call, problem: MunimentError | None = None) -> Response:
    """What muniment.toml says that does not hold yet, and every version that held."""
    session, archive = call.session, call.web.archive
    session.require("config.read")
    engine = call.web.engine
    engine.refresh()
    held = engine.definitions.configuration
    assert held is not None  # an archive begins with one
    record, newest, text = id_text(held[0]), held[1], held[2]
    asked = call.query("version")
    version = min(number_of(asked) or newest, newest)
    then = session.get(record, version=version)
    shown = str(then.fields["text"])
    fault: MunimentError | None = None
    waiting: list[tuple[str, str]] = []
    file: config.Configuration | None = None
    try:
        file = config.read(archive.folder)
        waiting = lines_between(text, file.text)
    except MunimentError as error:
        fault = error
    before = ""
    if version > 1:
        before = str(session.get(record, version=version - 1).fields["text"])
    return form_page(
        call,
        "config.html",
        problem,
        waiting=waiting,
        shifts=_shifts(call, file) if file is not None and waiting else [],
        warnings=beyond_said(call, file.roles) if file is not None and waiting else [],
        fault=problem_of(call, fault),
        version=version,
        newest=newest,
        versions=range(newest, max(0, newest - 30), -1),
        time=call.time(then.recorded_us),
        text=shown,
        changed=lines_between(before, shown) if version > 1 else [],
        plugins=json.loads(str(then.fields.get("plugins") or "[]")),
        may=session.may("config.change"),
        reasons=REASONS,
        notes=call.taken_notes(),
    )


def _shifts(call: Call, file: config.Configuration) -> list[Shift]:
    """Who would gain and lose what if the file held, with the plugins that are in use today."""
    engine = call.web.engine
    try:
        policy = policy_of(engine.plugins, file)
    except MunimentError:
        return []  # applying it says what is wrong
    return shifts_of(call, everybody(engine), after=policy)


def apply(call: Call) -> Response:
    """Put what the file says into force, as a version with its reason."""
    from muniment.errors import UsageError

    reason = reason_of(call)
    try:
        call.session.require("config.change")
        if not reason:
            raise UsageError("usage.no_reason")
        done = call.web.archive.apply_config(call.session, reason=reason)
    except MunimentError as error:
        return show(call, caught(error))
    key = "config.applied" if done else "config.same"
    return call.go("/config", note=call.say(key))


# Templates


def _known(call: Call) -> dict[str, Template]:
    from muniment.schema.template import load_template, template_names

    shipped = dict(call.web.archive.plugins.templates())
    return {**{name: load_template(name) for name in template_names()}, **shipped}


def templates(call: Call) -> Response:
    """Ready sets of tables; five questions propose which."""
    from muniment.cli.template_choose import QUESTIONS, proposed

    session = call.session
    session.require("schema.read")
    held = {one.key for one in session.types()}
    answers = {name: call.query(name) or next(iter(known)) for name, known in QUESTIONS}
    asked = any(call.query(name) for name, _ in QUESTIONS)
    chosen = [name for name, _ in proposed(answers)] if asked else []
    questions = [
        (
            name,
            call.core(f"choose.{name}"),
            [(key, call.core(f"choose.{code}")) for key, code in known.items()],
            answers[name],
        )
        for name, known in QUESTIONS
    ]
    return call.page(
        "templates.html",
        templates=[
            {
                "key": key,
                "label": one.label.of(call.lang) or key,
                "help": one.help.of(call.lang),
                "types": [kind.label.of(call.lang) or kind.key for kind in one.types],
                "here": all(kind.key in held for kind in one.types),
                "proposed": key in chosen,
            }
            for key, one in sorted(_known(call).items())
        ],
        questions=questions,
        chosen=chosen,
        notes=call.taken_notes(),
    )


def template(call: Call, problem: MunimentError | None = None) -> Response:
    """A template's tables and fields, and what it would change here; nothing is changed."""
    from muniment.session.tables.preview import effects_of

    session, key = call.session, call.path["name"]
    session.require("schema.read")
    found = _known(call).get(key)
    if found is None:
        raise NotFound("serve.not_found")
    changes: Sequence[str] = ()
    effects: list[str] = []
    may = session.may("schema.change")
    if may:
        plain = call.plain
        made = call.web.archive.apply_templates(plain, [found], reason=None, dry_run=True)
        types = {one.key: one for one in made.changed}
        changes = [difference_of(call, one, types) for one in made.changes]
        effects = effects_said(call, effects_of(plain, made.changed), made.changed)
    return form_page(
        call,
        "template.html",
        problem,
        key=key,
        found=found,
        kinds=call.web.engine.kinds,
        changes=changes,
        effects=effects,
        may=may,
        reasons=REASONS,
    )


def apply_template(call: Call) -> Response:
    """Bring it into the archive; what a team changed itself stays."""
    found = _known(call).get(call.path["name"])
    if found is None:
        raise NotFound("serve.not_found")
    try:
        made: Any = call.web.archive.apply_templates(call.session, [found], reason=reason_of(call) or None)
    except MunimentError as error:
        return template(call, caught(error))
    return call.go("/templates", note=call.say("config.template_applied", count=len(made.changed)))
