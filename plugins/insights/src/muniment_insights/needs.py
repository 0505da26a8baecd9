"""Needs and preferences that interactions speak of, proposed with the reason, for a person to accept.

Nothing leaves the machine and nothing is guessed from afar: a word of ``words.toml`` stands in what a
customer asked or said, or it does not. A proposal names the words, in how many interactions they stood
and since when; its certainty is the lower end of Wilson's interval of the share of the customer's
interactions that say so, so that two of two count for less than nine of ten. A field that somebody filled
in is never proposed over; to several choices a proposal only adds.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Final

import attrs

from muniment.errors import Conflict, NotFound, UsageError, text_of
from muniment.model import Value
from muniment.session.tables.computing import Row
from muniment_insights.facts import day_of
from muniment_insights.kpi import wilson
from muniment_insights.runs import Asked, Kept, Run

if TYPE_CHECKING:
    from muniment.session import Session
    from muniment.session.writing.writes import Saved

__all__ = ["Needs", "Suggestion", "compute_needs", "decide", "said_in"]

METHOD: Final = "needs"
VERSION: Final = 1
_SEVERAL: Final = ("interests", "hobbies", "shopping_preferences")
_TEXTS: Final = (
    ("interaction", "occurred_at", ("question", "next_step")),
    ("feedback", "received_at", ("comment", "suggestion")),
    ("service_request", "opened_at", ("problem", "customer_comment")),
)
_CHANNELS: Final = {
    "phone": "phone",
    "email": "email",
    "social": "social",
    "meeting": "meeting",
    "letter": "post",
}
_ARTICLE: Final = re.compile(r"\b(?:an?|the|any|more) ")


@attrs.frozen
class Suggestion:
    """One proposal.

    Attributes:
        customer: UUID text.
        field: key of the field that would change.
        value: the choice, or several joined by commas, as the field's keys.
        reason: in words.
        score: certainty from 0 to 1.
        id: UUID text of the kept proposal; empty where nothing is kept.
    """

    customer: str
    field: str
    value: str
    reason: str
    score: Decimal
    id: str = ""


@attrs.frozen
class Needs:
    """What a run found.

    Attributes:
        suggestions: most certain first.
        about: what the run says of itself.
    """

    suggestions: Sequence[Suggestion]
    about: Kept


@attrs.frozen
class _Words:
    """The words of one choice."""

    field: str
    choice: str
    form: re.Pattern[str]


@attrs.define
class _Heard:
    """What was heard of one choice from one customer."""

    times: int = 0
    first: int = 0
    words: Counter[str] = attrs.field(factory=Counter)


@cache
def _lexicon() -> tuple[_Words, ...]:
    text = resources.files(__package__).joinpath("words.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)
    refused = table.pop("not")
    found = []
    for field, choices in table.items():
        for choice, words in choices.items():
            english = "|".join(f"{re.escape(_plain(word))}(?:e?s)?" for word in words["en"])
            chinese = "|".join(map(re.escape, words["zh"]))
            no_en = "".join(rf"(?<!\b{re.escape(word)} )" for word in refused["en"])
            no_zh = "".join(f"(?<!{re.escape(word)})" for word in refused["zh"])
            form = rf"{no_en}\b(?:{english})\b|{no_zh}(?:{chinese})"
            found.append(_Words(field, choice, re.compile(form)))
    return tuple(found)


def _plain(text: str) -> str:
    """A text as it is compared: no case, single spaces, and no articles between a no and its word."""
    return _ARTICLE.sub("", " ".join(text.casefold().replace("’", "'").split()))


def said_in(text: str) -> dict[tuple[str, str], set[str]]:
    """Which choices of which fields a text speaks of, with the words that say so.

    Args:
        text: in English or Chinese.
    """
    folded = _plain(text)
    found: dict[tuple[str, str], set[str]] = {}
    for words in _lexicon():
        hits = set(words.form.findall(folded))
        if hits:
            found[words.field, words.choice] = hits
    return found


def compute_needs(session: Session, asked: Asked, *, least: int = 2, lang: str = "en") -> Needs:
    """Find needs and preferences in the period, and keep them as proposals.

    Args:
        session: who computes, and why.
        asked: the period and the rest.
        least: in how many interactions a word must stand.
        lang: of reasons.

    Raises:
        UsageError: ``insights.no_interactions`` where the archive has none that the actor reads in clear.
        AccessDenied: the actor may not read in clear what it takes; logged.
    """
    run = Run(session, METHOD, VERSION, asked, {"least": least})
    run.settings["since"] = run.since.isoformat()
    has = run.work.has
    fields = sorted({*_SEVERAL, "purchase_intention", "preferred_channel"})
    fields = [name for name in fields if has("customer", name)]
    heard: dict[str, dict[tuple[str, str], _Heard]] = {}
    spoken = Counter[str]()
    channels: dict[str, Counter[str]] = {}
    sources = 0
    for type, when, texts in _TEXTS:
        present = [name for name in texts if has(type, name)]
        if not present or not has(type, "customer", when):
            continue
        sources += 1
        more = ["channel", "direction"] if type == "interaction" and has(type, "channel", "direction") else []
        for record in run.work.read(type, ["customer", when, *present, *more]):
            _hear(run, record.fields, when, present, heard, spoken, channels)
    if not sources or not fields:
        raise UsageError("insights.no_interactions")
    customers, values = run.customers(fields)
    found: list[Suggestion] = []
    for id, held in zip(customers, values, strict=True):
        found += _suggestions(id, held, fields, heard.get(id, {}), spoken[id], least, lang)
        found += _channel(id, held, fields, channels.get(id, Counter()), least, lang)
    found.sort(key=lambda one: (-one.score, one.customer, one.field))
    run.says("insights.says_words", count=sum(spoken.values()), customers=len(spoken))
    kept = _keep(run, found)
    return Needs(kept, run.done())


def _hear(
    run: Run,
    values: Mapping[str, Value],
    when: str,
    texts: Iterable[str],
    heard: dict[str, dict[tuple[str, str], _Heard]],
    spoken: Counter[str],
    channels: dict[str, Counter[str]],
) -> None:
    """Take one record in."""
    day = day_of(values.get(when), run.session.engine.zone)
    if day is None or not run.since.toordinal() <= day <= run.as_of.toordinal():
        return
    customer = str(values.get("customer"))
    text = " \n ".join(str(values[name]) for name in texts if values.get(name))
    if text:
        spoken[customer] += 1
        for choice, words in said_in(text).items():
            one = heard.setdefault(customer, {}).setdefault(choice, _Heard(first=day))
            one.times += 1
            one.first = min(one.first, day)
            one.words.update(words)
    channel = _CHANNELS.get(str(values.get("channel")))
    # Through what a customer comes to us says what they like; how we go to them does not.
    if channel and values.get("direction") == "inbound":
        channels.setdefault(customer, Counter())[channel] += 1


def _suggestions(
    customer: str,
    held: Mapping[str, Value],
    fields: Sequence[str],
    heard: Mapping[tuple[str, str], _Heard],
    of: int,
    least: int,
    lang: str,
) -> list[Suggestion]:
    by_field: dict[str, list[tuple[str, _Heard]]] = {}
    for (field, choice), one in heard.items():
        if field in fields and one.times >= least:
            by_field.setdefault(field, []).append((choice, one))
    found = []
    for field, choices in sorted(by_field.items()):
        there = held.get(field)
        if field in _SEVERAL:
            has = there if isinstance(there, tuple) else ()
            new = sorted((choice, one) for choice, one in choices if choice not in has)
        else:
            new = [] if there is not None else [max(choices, key=lambda one: (one[1].times, one[0]))]
        if not new:
            continue
        words = sorted({word for _, one in new for word in one.words})
        times, first = max(one.times for _, one in new), min(one.first for _, one in new)
        reason = text_of(
            "insights.why_words",
            lang,
            words=", ".join(words),
            count=times,
            of=of,
            since=date.fromordinal(first).isoformat(),
        )[0]
        value = ",".join(choice for choice, _ in new)
        found.append(Suggestion(customer, field, value, reason, _score(times, of)))
    return found


def _channel(
    customer: str, held: Mapping[str, Value], fields: Sequence[str], used: Counter[str], least: int, lang: str
) -> list[Suggestion]:
    """The channel through which a customer comes most, where that is more than half of the times."""
    if "preferred_channel" not in fields or held.get("preferred_channel") is not None or not used:
        return []
    channel, times = min(used.items(), key=lambda one: (-one[1], one[0]))
    of = used.total()
    if times < max(least, 3) or times * 2 <= of:
        return []
    reason = text_of("insights.why_channel", lang, count=times, of=of)[0]
    return [Suggestion(customer, "preferred_channel", channel, reason, _score(times, of))]


def _score(times: int, of: int) -> Decimal:
    return Decimal(f"{wilson(times, max(of, times))[0]:.4f}")


def _keep(run: Run, found: Sequence[Suggestion]) -> list[Suggestion]:
    """Keep proposals; one that a person has decided is not made again for the same value."""
    names = ["customer", "suggested_field", "suggested_value", "decision"]
    if not run.can_keep("need_suggestion", *names):
        return list(found)
    open_: dict[tuple[str, str], str] = {}
    decided: set[tuple[str, str, str]] = set()
    for record in run.work.read("need_suggestion", names, counted=False):
        customer, field, value = (str(record.fields.get(name)) for name in names[:3])
        if record.fields.get("decision") is not None:
            decided.add((customer, field, value))
        else:
            open_.setdefault((customer, field), record.id)
    new = [one for one in found if (one.customer, one.field, one.value) not in decided]
    run.keep()
    run.write(
        "need_suggestion",
        (
            Row(
                {
                    "customer": one.customer,
                    "suggested_on": run.as_of,
                    "suggested_field": one.field,
                    "suggested_value": one.value,
                    "suggestion_reason": one.reason,
                    "suggestion_score": one.score,
                    "insight_run": run.record,
                },
                open_.get((one.customer, one.field), ""),
            )
            for one in new
        ),
        sources={"suggested_on": ()},
    )
    ids = {}
    for record in run.work.read("need_suggestion", names[:3], counted=False):
        ids[tuple(str(record.fields.get(name)) for name in names[:3])] = record.id
    return [attrs.evolve(one, id=ids.get((one.customer, one.field, one.value), "")) for one in new]


def decide(session: Session, id: str, *, accept: bool, reason: str | None = None) -> Saved | None:
    """Accept a proposal: the customer's record changes as if it had been typed; or refuse it.

    Both are versions by whoever decides, and both records change in one step or not at all.

    Args:
        session: of a person.
        id: UUID text of the proposal.
        accept: otherwise it is refused.
        reason: a person's own words; sealed.

    Returns:
        What became of the customer's record; None where the proposal was refused.

    Raises:
        NotFound: there is no such proposal for this actor.
        Conflict: ``insights.decided`` where it was decided, or ``insights.filled`` where somebody filled
            the field in meanwhile.
    """
    from muniment.model import id_bytes
    from muniment.session.writing.changes import Change
    from muniment.session.writing.writes import Saved

    proposal = session.get(id)
    if proposal.type != "need_suggestion":
        raise NotFound("record.not_found")
    if proposal.fields.get("decision") is not None:
        raise Conflict("insights.decided", where=id)
    done = Change(
        "update",
        record=id_bytes(id),
        values={"decision": "accepted" if accept else "refused"},
        expected_version=proposal.version,
    )
    if not accept:
        session.write([done], reason=reason)
        return None
    customer, field = str(proposal.fields["customer"]), str(proposal.fields["suggested_field"])
    given = str(proposal.fields["suggested_value"]).split(",")
    held = session.get(customer, fields=[field])
    there = held.fields.get(field)
    value: object = given[0]
    if field in _SEVERAL:
        value = tuple(dict.fromkeys([*(there if isinstance(there, tuple) else ()), *given]))
    elif there is not None:
        raise Conflict("insights.filled", where=customer, name=field)
    change = Change("update", record=id_bytes(customer), values={field: value}, expected_version=held.version)
    saved = session.write([change, done], reason=reason)[0]
    assert isinstance(saved, Saved)
    return saved
