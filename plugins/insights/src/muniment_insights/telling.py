"""Results as tables, charts and JSON, in both languages; the same for the command, the page and programs."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from html import escape
from typing import Any

import attrs

from muniment.charts import Mark, bars, line
from muniment.errors import text_of
from muniment.model import Money
from muniment_insights.behaviour import Behaviour
from muniment_insights.churn import Churn
from muniment_insights.facts import money_of
from muniment_insights.kpi import Figure, Figures
from muniment_insights.lifetime import Lifetime
from muniment_insights.needs import Needs
from muniment_insights.report import Part
from muniment_insights.runs import Kept
from muniment_insights.segments import Segments

__all__ = ["about_json", "document", "notes", "part", "say"]

Result = Behaviour | Lifetime | Segments | Churn | Figures | Needs

_RATES = ("win_rate", "return_rate")
_REASONS = ("state", "currency", "amount", "customer", "later")


def say(code: str, lang: str, **parameters: object) -> str:
    """A text of the plugin's catalogue."""
    return text_of(f"insights.{code}", lang, **parameters)[0]


def notes(about: Kept, lang: str) -> list[str]:
    """What a run says of itself: method, inputs, confidence, what is left out and withheld, what was kept."""
    inputs = "; ".join(f"{type} ({', '.join(names)})" for type, names in sorted(about.inputs.items()))
    found = [
        say("note_method", lang, method=say(f"method_{about.method}", lang), version=about.version),
        say("note_inputs", lang, as_of=about.as_of.isoformat(), entry=about.entry, inputs=inputs),
        *(text_of(code, lang, **parameters)[0] for code, parameters in about.confidence),
    ]
    left = [
        say(f"left_{name}", lang, count=about.left_out[name]) for name in _REASONS if about.left_out.get(name)
    ]
    found += left
    if about.suppressed:
        found.append(say("note_withheld", lang, count=about.suppressed, least=about.settings["at_least"]))
    if about.unkept is not None:
        code, parameters = about.unkept
        found.append(text_of(code, lang, **parameters)[0])
    for type, made in about.written.items():
        found.append(
            say(
                "note_written",
                lang,
                type=type,
                created=made.created,
                updated=made.updated,
                unchanged=made.unchanged,
                deleted=made.deleted,
            )
        )
        if made.waiting:
            found.append(say("note_waiting", lang, count=made.waiting))
        found += [
            say("note_refused", lang, count=count, refused=code) for code, count in made.refused.items()
        ]
    return found


def about_json(about: Kept) -> dict[str, Any]:
    """The same for programs."""
    return {
        "method": about.method,
        "version": about.version,
        "as_of": about.as_of.isoformat(),
        "entry": about.entry,
        "run": about.run or None,
        "unkept": about.unkept and {"code": about.unkept[0], **about.unkept[1]},
        "inputs": {type: list(names) for type, names in about.inputs.items()},
        "read": dict(about.read),
        "settings": dict(about.settings),
        "confidence": [{"code": code, **parameters} for code, parameters in about.confidence],
        "suppressed": about.suppressed,
        "left_out": dict(about.left_out),
        "written": {type: attrs.asdict(made) for type, made in about.written.items()},
    }


def document(result: Result, key: str) -> dict[str, Any]:
    """A result as JSON can hold it: its list under a key, and the run beside it."""
    found = _plain(attrs.asdict(result, recurse=False))
    found.pop("about")
    listed = found.pop(_LISTS[type(result)])
    return {key: listed, **found, "run": about_json(result.about)}


_LISTS = {
    Behaviour: "habits",
    Lifetime: "customers",
    Segments: "groups",
    Churn: "risks",
    Figures: "figures",
    Needs: "suggestions",
}


def _plain(value: Any) -> Any:
    if isinstance(value, Money):
        return {"amount": str(value.amount), "currency": value.currency}
    if attrs.has(type(value)):
        return _plain(attrs.asdict(value, recurse=False))
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if isinstance(value, Decimal):
        return str(value)
    return value.isoformat() if hasattr(value, "isoformat") else value


# Parts of a report


def part(result: Result, lang: str) -> Part:
    """A result as a part of a report: groups and totals, never a single person."""
    made: Part = _PARTS[type(result)](result, lang)
    return attrs.evolve(made, notes=tuple(notes(result.about, lang)))


def _bars(name: str, title: str, rows: Sequence[tuple[str, float, str]]) -> str:
    """Bars, one a row: name, length and text of each; nothing where there are none."""
    marks = [Mark(label, Decimal(f"{length:.6f}"), text) for label, length, text in rows]
    return bars(f"insights-{name}", title, marks) if marks else ""


def _header(lang: str, *names: str) -> list[str]:
    return [say(f"label_{name}", lang) for name in names]


def _amount(micros: int | None, currency: str) -> str:
    if micros is None:
        return "—"
    return f"{money_of(micros, currency).amount} {currency}" if currency else ""


def _behaviour(result: Behaviour, lang: str) -> Part:
    least = int(str(result.about.settings["at_least"]))
    from muniment_insights.runs import shown

    told = shown({name: count for name, (count, _) in result.tiers.items()}, least)
    rows, drawn = [], []
    for name, (count, micros) in result.tiers.items():
        label = say(f"tier_{name}", lang)
        if name in told:
            rows.append([label, str(count), _amount(micros, result.currency)])
            drawn.append((label, float(micros), _amount(micros, result.currency)))
        else:
            rows.append([label, "—", "—"])
    title = say("title_behaviour", lang)
    return Part(
        title,
        _bars("behaviour", title, drawn),
        _header(lang, "tier", "customers", "amount"),
        rows,
        frozenset({1, 2}),
    )


def _lifetime(result: Lifetime, lang: str) -> Part:
    least = int(str(result.about.settings["at_least"]))
    enough = len(result.customers) >= least
    total = sum((one.so_far.amount for one in result.customers), Decimal(0))
    expected = [one.expected.amount for one in result.customers if one.expected is not None]
    rows = [[say("row_customers", lang), str(len(result.customers)) if enough else "—"]]
    rows.append([say("row_so_far", lang), f"{total} {result.currency}" if enough else "—"])
    drawn: list[tuple[str, float, str]] = []
    if expected and enough:
        rows.append(
            [
                say("row_expected", lang, months=result.months),
                f"{sum(expected, Decimal(0))} {result.currency}",
            ]
        )
        drawn = _tenths(result, lang)
    rows += [[name, f"{value:.4g}"] for name, value in result.parameters.items()]
    title = say("title_lifetime", lang)
    chart = _bars("lifetime", title, drawn)
    return Part(title, chart, _header(lang, "name", "value"), rows, frozenset({1}))


def _tenths(result: Lifetime, lang: str) -> list[tuple[str, float, str]]:
    """The expected value of each tenth of customers; single ones are in none of them alone."""
    worth = sorted(
        (one.expected.amount for one in result.customers if one.expected is not None), reverse=True
    )
    if len(worth) < 10 * int(str(result.about.settings["at_least"])):
        return []
    found = []
    for tenth in range(10):
        some = worth[len(worth) * tenth // 10 : len(worth) * (tenth + 1) // 10]
        total = sum(some, Decimal(0))
        found.append((say("tenth", lang, number=tenth + 1), float(total), f"{total:.0f}"))
    return found


def _segments(result: Segments, lang: str) -> Part:
    rows, drawn = [], []
    for one in result.groups:
        size = "—" if one.size is None else str(one.size)
        rows.append([one.name, size, _amount(one.micros, result.currency), one.about])
        if one.size is not None:
            drawn.append((one.name, float(one.size), size))
    title = say(f"title_{result.about.method}", lang)
    header = _header(lang, "segment", "customers", "amount_year", "common")
    if not any(row[-1] for row in rows):
        header, rows = header[:-1], [row[:-1] for row in rows]
    return Part(title, _bars(result.about.method, title, drawn), header, rows, frozenset({1, 2}))


def _churn(result: Churn, lang: str) -> Part:
    rows, drawn = [], []
    for name, size in result.bands.items():
        label = say(f"band_{name}", lang)
        rows.append([label, "—" if size is None else str(size)])
        if size is not None:
            drawn.append((label, float(size), str(size)))
    title = say("title_churn", lang)
    return Part(title, _bars("churn", title, drawn), _header(lang, "band", "customers"), rows, frozenset({1}))


def figure_text(one: Figure) -> str:
    """The value of a KPI for people."""
    if one.value is None:
        return "—"
    if one.currency:
        return f"{one.value:.2f} {one.currency}"
    return f"{one.value:.1%}" if one.metric in _RATES else f"{one.value:.2f}"


def _figures(result: Figures, lang: str) -> Part:
    rows = []
    for one in result.figures:
        form = ".1%" if one.metric in _RATES else ".2f"
        interval = "" if one.low is None or one.high is None else f"{one.low:{form}} – {one.high:{form}}"
        sample = "—" if one.sample is None else str(one.sample)
        period = f"{one.start.isoformat()} – {one.end.isoformat()}"
        rows.append(
            [say(f"metric_{one.metric}", lang), period, one.group, figure_text(one), interval, sample]
        )
    title = say("title_kpi", lang)
    header = _header(lang, "metric", "period", "group", "value", "interval", "sample")
    return Part(title, _drawn(result, lang), header, rows, frozenset({3, 4, 5}))


def _drawn(result: Figures, lang: str) -> str:
    """A chart for each KPI and currency: a line over time, or bars where there are groups."""
    charts = []
    for place, (metric, currency) in enumerate(
        dict.fromkeys((one.metric, one.currency) for one in result.figures)
    ):
        some = [one for one in result.figures if (one.metric, one.currency) == (metric, currency)]
        title = f"{say(f'metric_{metric}', lang)} {currency}".strip()
        if result.by == "all" and len(some) > 1:
            points = [
                Mark(
                    one.start.isoformat()[:7],
                    None if one.value is None else Decimal(one.value),
                    figure_text(one),
                )
                for one in some
            ]
            drawn = line(f"insights-kpi-{place}", title, points)
        else:
            newest = max(one.start for one in some)
            told = [one for one in some if one.start == newest and one.value is not None]
            drawn = _bars(
                f"kpi-{place}",
                title,
                [(one.group or title, float(one.value or 0), figure_text(one)) for one in told],
            )
        if drawn:
            charts.append(f'<figure class="card"><figcaption>{escape(title)}</figcaption>{drawn}</figure>')
    return "".join(charts)


def _needs(result: Needs, lang: str) -> Part:
    least = int(str(result.about.settings["at_least"]))
    counts: dict[tuple[str, str], int] = {}
    for one in result.suggestions:
        for value in one.value.split(","):
            counts[one.field, value] = counts.get((one.field, value), 0) + 1
    rows = []
    drawn = []
    for (field, value), count in sorted(counts.items(), key=lambda one: (-one[1], one[0])):
        if count >= least:
            rows.append([field, value, str(count)])
            drawn.append((f"{field}: {value}", float(count), str(count)))
    title = say("title_needs", lang)
    header = _header(lang, "field", "value", "customers")
    return Part(title, _bars("needs", title, drawn), header, rows, frozenset({2}))


_PARTS: dict[type[Any], Any] = {
    Behaviour: _behaviour,
    Lifetime: _lifetime,
    Segments: _segments,
    Churn: _churn,
    Figures: _figures,
    Needs: _needs,
}


def customers_rows(result: Behaviour | Lifetime | Churn, limit: int) -> list[Sequence[object]]:
    """The first customers of a result, for a table of the command."""
    if isinstance(result, Behaviour):
        return [
            [
                one.customer,
                one.orders,
                _money(one.total),
                "" if one.days_since is None else one.days_since,
                one.tier,
            ]
            for one in result.habits[:limit]
        ]
    if isinstance(result, Lifetime):
        return [
            [
                one.customer,
                _money(one.so_far),
                _money(one.expected),
                "" if one.low is None or one.high is None else f"{one.low.amount} – {one.high.amount}",
                "" if one.alive is None else str(one.alive),
            ]
            for one in result.customers[:limit]
        ]
    return [[one.customer, str(one.risk), one.band, one.reason] for one in result.risks[:limit]]


def _money(value: Money | None) -> str:
    return "" if value is None else f"{value.amount} {value.currency}"
