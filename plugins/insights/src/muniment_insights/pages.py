"""The report as a page of the web interface: a part at a time, each a run that is logged with its purpose.

What a run shows are groups and totals, a chart with its table beside and what the run says of itself; single
persons stand in the tables of records, where masks hold. Nothing is written unless somebody asks for it.

A run over a large archive takes longer than a reader's request may: it goes on beside it, and whoever
asks again gets what it came to, once. The result waits for nobody else: it is of what its reader may read.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLate
from datetime import date
from threading import Lock
from typing import TYPE_CHECKING, Final

import attrs

from muniment.errors import UsageError, text_of
from muniment.plugins import Asking, Block, Facts, Form, Html, Input, Link, Table, Text

if TYPE_CHECKING:
    from muniment.session import Session
    from muniment_insights.runs import Asked

__all__ = ["PARTS", "show"]

PARTS: Final = (
    "kpi",
    "behaviour",
    "lifetime",
    "segment_rule",
    "segment_rfm",
    "segment_kmeans",
    "churn",
    "needs",
)
"""What the page can show, by name."""

_PATH: Final = "/p/insights/report"
_TABLES: Final = {
    "kpi": "insight_figure",
    "behaviour": "behaviour",
    "lifetime": "lifetime_value",
    "segment_rule": "membership",
    "segment_rfm": "membership",
    "segment_kmeans": "membership",
    "churn": "churn_risk",
    "needs": "need_suggestion",
}
_SECONDS: Final = 3.5
"""Less than the pages wait for a plugin."""
_MOST_WAITING: Final = 16
_KEEP: Final = "keep"
_LEAST: Final = 5


def show(asking: Asking) -> Sequence[Block]:
    """The page: which parts there are, or one of them."""
    name = asking.query.get("part", "")
    if name not in PARTS:
        return _overview(asking)
    return _one(asking, name)


def _say(code: str, lang: str, **parameters: object) -> str:
    return text_of(f"insights.{code}", lang, **parameters)[0]


def _overview(asking: Asking) -> Sequence[Block]:
    lang = asking.lang
    blocks: list[Block] = [
        Text(_say("page_intro", lang)),
        Table(
            [_say("page_part", lang), _say("page_what", lang)],
            [[_say(f"title_{name}", lang), _say(f"page_{name}", lang)] for name in PARTS],
            caption=_say("title_report", lang),
            links=[f"{_PATH}?part={name}" for name in PARTS],
        ),
    ]
    return [*blocks, *_kept(asking)]


def _kept(asking: Asking) -> Sequence[Block]:
    """The last runs whose results were kept, where the reader may see them."""
    session, lang = asking.session, asking.lang
    types = session.engine.definitions.types
    if "insight_run" not in types or not session.may("record.list", "insight_run"):
        return []
    fields = ("run_method", "run_as_of_on", "run_purpose")
    seen = session.view(types["insight_run"]).readable
    keys = [key for key in fields if key in seen]
    if not keys:
        return []
    found = session.list("insight_run", fields=keys, descending=True, limit=8).records
    if not found:
        return []
    rows = [[_method(str(one.fields.get(key) or ""), key, lang) for key in keys] for one in found]
    header = [types["insight_run"].by_key[key].label.of(lang) for key in keys]
    links = [f"/t/insight_run/{one.id}" for one in found]
    title = _say("page_kept", lang)
    return [Text(title, heading=True), Table(header, rows, caption=title, links=links)]


def _method(text: str, key: str, lang: str) -> str:
    try:
        return _say(f"method_{text}", lang) if key == "run_method" and text else text
    except (KeyError, ValueError):
        return text


def _one(asking: Asking, name: str) -> Sequence[Block]:
    """One part, computed for this reader."""
    lang, form = asking.lang, asking.form
    session = _plain(asking.session)
    since = form.get("since", "").strip()
    asked = _asked(since, form.get(_KEEP, "").strip().casefold())
    found = _WAITING.run(
        (session.engine.archive, session.actor, session.acting.purpose, name, since, asked.keep, lang),
        lambda: _computed(session, asked, name, lang),
    )
    back = Link(_say("page_back", lang), _PATH)
    if found is None:
        return [
            Text(_say("page_working", lang), tone="blue"),
            Link(_say("page_again", lang), f"{_PATH}?part={name}"),
            back,
        ]
    blocks: list[Block] = [
        Facts(
            [
                (_say("label_purpose", lang), _purpose(session, lang)),
                (_say("label_by", lang), session.actor),
            ]
        ),
        *found,
        Text(_say("page_more", lang), heading=True),
        Form(
            [
                Input("since", _say("page_since", lang), since),
                Input(_KEEP, _say("page_keep", lang), ""),
            ],
            _say("page_compute", lang),
        ),
    ]
    table = _TABLES[name]
    if table in session.engine.definitions.types and session.may("record.list", table):
        blocks.append(Link(_say("page_records", lang), f"/t/{table}"))
    return [*blocks, back]


def _purpose(session: Session, lang: str) -> str:
    """The purpose of the run as people call it, and as the log has it."""
    from muniment.purposes import PURPOSES

    term = session.acting.purpose
    known = {**PURPOSES, **session.engine.plugins.purposes()}.get(term)
    return term if known is None else f"{known.label.of(lang)} ({term})"


def _plain(session: Session) -> Session:
    """The same reader without masks first: a figure is of what they may read in clear, and no value."""
    from muniment.session import Session as Made

    return Made(session.engine, attrs.evolve(session.acting, masked=False))


def _asked(since: str, keep: str) -> Asked:
    from muniment_insights.runs import Asked as Made

    try:
        day = date.fromisoformat(since) if since else None
    except ValueError:
        raise UsageError("insights.date") from None
    return Made(since=day, at_least=_LEAST, keep=keep in ("yes", "y", "是"))


def _computed(session: Session, asked: Asked, name: str, lang: str) -> Sequence[Block]:
    from muniment_insights.making import compute_part
    from muniment_insights.telling import part

    made = part(compute_part(session, asked, name, lang=lang), lang)
    blocks: list[Block] = [Text(made.title, heading=True)]
    if made.chart:
        drawn = made.chart if "<figure" in made.chart else f'<figure class="card">{made.chart}</figure>'
        blocks.append(Html(f'<div class="charts">{drawn}</div>'))
    blocks.append(Table(list(made.header), [list(row) for row in made.rows], caption=made.title))
    return [*blocks, *(Text(note) for note in made.notes)]


class _Waiting:
    """Runs on their way, each for one reader."""

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None
        self._runs: OrderedDict[tuple[object, ...], Future[Sequence[Block]]] = OrderedDict()
        self._lock = Lock()

    def run(self, name: tuple[object, ...], compute: Callable[[], Sequence[Block]]) -> Sequence[Block] | None:
        """What a run came to, which is begun if none is on its way; None where it takes longer.

        Args:
            name: for whom and what; whoever asks with another one gets another run.
            compute: the run.
        """
        with self._lock:
            future = self._runs.get(name)
            if future is None:
                if self._pool is None:
                    self._pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="insights")
                while len(self._runs) >= _MOST_WAITING:
                    self._runs.popitem(last=False)
                future = self._runs[name] = self._pool.submit(compute)
        try:
            found = future.result(_SECONDS)
        except TooLate:
            return None
        finally:
            if future.done():
                with self._lock:
                    self._runs.pop(name, None)
        return found


_WAITING: Final = _Waiting()
