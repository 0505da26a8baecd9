"""The report: every part that the archive has tables for, computed without keeping anything."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from muniment.errors import AccessDenied, NotFound, UsageError
from muniment.model import instant
from muniment_insights.behaviour import compute_behaviour
from muniment_insights.churn import compute_churn
from muniment_insights.kpi import compute_kpis
from muniment_insights.lifetime import compute_lifetime
from muniment_insights.needs import compute_needs
from muniment_insights.report import Part, page
from muniment_insights.runs import Asked
from muniment_insights.segments import compute_segments
from muniment_insights.telling import part, say

if TYPE_CHECKING:
    from muniment.session import Session

__all__ = ["Reported", "compute_part", "make_report"]


@attrs.frozen
class Reported:
    """What a report holds.

    Attributes:
        parts: names of its parts.
        left_out: why others are not in it, by name.
    """

    parts: Sequence[str]
    left_out: Mapping[str, str]


def make_report(
    session: Session, asked: Asked, target: Path, *, period: str = "month", lang: str = "en"
) -> Reported:
    """Write a report into a new file.

    Each part is a run with its own entry in the log; that the page was written is one more.

    Args:
        session: who computes, and why.
        asked: the period and the rest; nothing is kept.
        target: a file that is not there yet.
        period: how the time of KPIs is divided.
        lang: ``en`` or ``zh``.

    Raises:
        UsageError: ``insights.exists``, ``export.no_folder``, or ``insights.nothing`` to be told.
    """
    if target.exists():
        raise UsageError("insights.exists", where=os.fspath(target))
    if not target.parent.is_dir():
        raise UsageError("export.no_folder", where=os.fspath(target.parent))
    asked = attrs.evolve(asked, keep=False)
    parts: dict[str, Part] = {}
    left_out: dict[str, str] = {}
    for name, compute in _parts(session, asked, period, lang).items():
        try:
            parts[name] = part(compute(), lang)
        except (UsageError, NotFound, AccessDenied) as error:
            left_out[name] = error.text(lang)
    if not parts:
        raise UsageError("insights.nothing")
    now = instant(session.engine.clock(), session.engine.zone)
    about = {
        say("label_made", lang): now.isoformat(sep=" ", timespec="minutes"),
        say("label_by", lang): session.actor,
        say("label_purpose", lang): session.acting.purpose,
    }
    text = page(say("title_report", lang), about, list(parts.values()), lang=lang)
    session.note("record.aggregate", target={"report": target.name, "parts": sorted(parts)})
    with target.open("x", encoding="utf-8") as file:
        file.write(text)
    return Reported(tuple(parts), left_out)


def compute_part(
    session: Session, asked: Asked, name: str, *, period: str = "month", lang: str = "en"
) -> Any:
    """One result by the name of its part.

    Args:
        session: who computes, and why.
        asked: the period and the rest.
        name: of the part, as in the report; ``segment_rule`` too.
        period: how the time of KPIs is divided.
        lang: in which names of groups are.

    Raises:
        UsageError: there is nothing to compute it from, or too little.
        AccessDenied: the actor may not read what it takes; logged.
    """
    if name == "segment_rule":
        return compute_segments(session, asked, method="rule", lang=lang)
    return _parts(session, asked, period, lang)[name]()


def _parts(session: Session, asked: Asked, period: str, lang: str) -> dict[str, Callable[[], Any]]:
    return {
        "kpi": lambda: compute_kpis(session, asked, period=period),
        "behaviour": lambda: compute_behaviour(session, asked),
        "lifetime": lambda: compute_lifetime(session, asked),
        "segment_rfm": lambda: compute_segments(session, asked, method="rfm", lang=lang),
        "segment_kmeans": lambda: compute_segments(session, asked, method="kmeans", lang=lang),
        "churn": lambda: compute_churn(session, asked, lang=lang),
        "needs": lambda: compute_needs(session, asked, lang=lang),
    }
