"""One run: its entry in the log, what it reads, the record that says how it was done, and its results."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

import attrs

from muniment.errors import UsageError
from muniment.model import instant
from muniment.session.tables.computing import Computation, Computed, Row, Told
from muniment_insights.facts import Purchases, read_customers, read_purchases

if TYPE_CHECKING:
    from muniment.model import Value
    from muniment.session import Session

__all__ = ["Asked", "Kept", "Run", "shown"]

_NAME: Final = "insights"


@attrs.frozen
class Asked:
    """What every run is asked for.

    Attributes:
        as_of: the last day that counts; None takes today in the archive's time zone.
        since: the first day of the period; None takes a year.
        currency: of amounts; empty takes the one that most orders have.
        states: of orders that count.
        at_least: groups of fewer are not shown.
        keep: write computed records; otherwise the result is only shown.
        progress: told while records are read.
    """

    as_of: date | None = None
    since: date | None = None
    currency: str = ""
    states: Sequence[str] = ("completed",)
    at_least: int = 5
    keep: bool = True
    progress: Told | None = None


@attrs.frozen
class Kept:
    """What a run says of itself, and what it wrote.

    Attributes:
        method: as the run's record names it.
        version: of the method.
        as_of: the last day that counted.
        entry: its number in the log.
        run: UUID text of its record; empty where nothing was kept.
        inputs: fields that were read, by type.
        read: how many records of each type were read.
        settings: what was set.
        confidence: how far the result can be relied on, as code and parameters of texts.
        suppressed: groups that are too small to be shown.
        left_out: orders that do not count, by reason.
        written: what became of computed records, by type.
        unkept: why nothing was kept, as code and parameters of a text; where something was it says nothing.
    """

    method: str
    version: int
    as_of: date
    entry: int
    run: str
    inputs: Mapping[str, Sequence[str]]
    read: Mapping[str, int]
    settings: Mapping[str, object]
    confidence: Sequence[tuple[str, Mapping[str, object]]]
    suppressed: int = 0
    left_out: Mapping[str, int] = attrs.field(factory=dict)
    written: Mapping[str, Computed] = attrs.field(factory=dict)
    unkept: tuple[str, Mapping[str, object]] | None = None


class Run:
    """A run on its way.

    Args:
        session: who computes, and why.
        method: its name.
        version: of the method; raised when the same records give another result.
        asked: what it is asked for.
        settings: further settings, as names and numbers.
    """

    def __init__(
        self,
        session: Session,
        method: str,
        version: int,
        asked: Asked,
        settings: Mapping[str, object] | None = None,
    ) -> None:
        self.session, self.asked = session, asked
        self._method, self._version = method, version
        self.as_of = asked.as_of or session.engine.today()
        self.since = asked.since or _year_before(self.as_of)
        if self.since > self.as_of:
            raise UsageError("insights.period")
        self.settings: dict[str, object] = {
            "as_of": self.as_of.isoformat(),
            "at_least": asked.at_least,
            **(settings or {}),
        }
        self.work: Computation = session.computing.begin(
            method, version, plugin=_NAME, parameters=self.settings
        )
        self.left_out: Mapping[str, int] = {}
        self.suppressed = 0
        self.confidence: list[tuple[str, Mapping[str, object]]] = []
        self._written: dict[str, Computed] = {}
        self._record = ""
        self.unkept: tuple[str, Mapping[str, object]] = ("insights.unkept_dry", {})

    @property
    def record(self) -> str:
        """UUID text of the record of this run; empty before it is kept."""
        return self._record

    def customers(self, fields: Sequence[str] = ()) -> tuple[list[str], list[Mapping[str, Value]]]:
        """The customers that the actor reaches."""
        return read_customers(self.work, fields)

    def purchases(self, customers: Sequence[str], *, lines: bool = True) -> Purchases:
        """The orders that count."""
        asked = self.asked
        self.settings["states"] = ", ".join(asked.states)
        found = read_purchases(
            self.work,
            self.session,
            customers,
            as_of=self.as_of,
            states=asked.states,
            currency=asked.currency,
            lines=lines,
            progress=asked.progress,
        )
        self.left_out = found.left_out
        if found.currency:
            self.settings["currency"] = found.currency
        return found

    def says(self, code: str, **parameters: object) -> None:
        """Add one sentence on how far the result can be relied on."""
        self.confidence.append((code, parameters))

    def can_keep(self, type: str, *fields: str) -> bool:
        """Whether results go into a type; where not, the run says why.

        Args:
            type: key of the record type.
            fields: keys of the fields that results are found again by.
        """
        session = self.session
        if not self.asked.keep:
            self.unkept = "insights.unkept_dry", {}
        elif type not in session.engine.definitions.types:
            self.unkept = "insights.unkept_table", {"type": type}
        elif self.work.is_partial("customer"):
            # Fifths, clusters and totals of some customers would stand where those of all are expected.
            self.unkept = "insights.unkept_partial", {}
        elif not (
            session.may("record.create", type)
            and session.may("record.update", type)
            and session.may("record.create", "insight_run")
            and self.work.has(type, *fields)
        ):
            self.unkept = "insights.unkept_role", {"type": type}
        else:
            return True
        return False

    def keep(self) -> None:
        """Write the record of the run, once everything is computed."""
        if not self._record:
            from muniment.errors import text_of

            inputs = [f"{type}: {', '.join(names)}" for type, names in sorted(self.work.inputs.items())]
            counts = [f"{type} {count}" for type, count in sorted(self.work.read_count.items())]
            language = self.session.engine.settings.applied
            lang = language.language if language is not None else "en"
            self._record = self.work.add(
                "insight_run",
                {
                    "run_method": self._method,
                    "run_version": self._version,
                    "run_at": instant(self.session.engine.clock()),
                    "run_as_of_on": self.as_of,
                    "run_purpose": self.session.acting.purpose,
                    "run_entry": self.work.index,
                    "run_inputs": "\n".join([*inputs, "; ".join(counts)]),
                    "run_settings": "\n".join(f"{name}: {value}" for name, value in self.settings.items()),
                    "run_confidence": "\n".join(
                        text_of(code, lang, **parameters)[0] for code, parameters in self.confidence
                    )
                    or None,
                    "run_suppressed": self.suppressed,
                },
            )

    def write(
        self, type: str, rows: Iterable[Row], *, sources: Mapping[str, Collection[tuple[str, str]]]
    ) -> None:
        """Write results; what is not named in ``sources`` says of what run they are."""
        made = self.work.write(type, rows, sources={"insight_run": (), **sources})
        self._written[type] = made

    def there(
        self, type: str, keys: Sequence[str], *, where: Mapping[str, object] | None = None
    ) -> dict[tuple[object, ...], str]:
        """Records of a type by some of their values; of two alike the older one counts.

        Looking for them is no input of the result.
        """
        found: dict[tuple[object, ...], str] = {}
        for record in self.work.read(type, list(keys), where=where, counted=False):
            found.setdefault(tuple(record.fields.get(key) for key in keys), record.id)
        return found

    def done(self) -> Kept:
        """What the run says of itself."""
        return Kept(
            self._method,
            self._version,
            self.as_of,
            self.work.index,
            self._record,
            dict(self.work.inputs),
            dict(self.work.read_count),
            dict(self.settings),
            tuple(self.confidence),
            self.suppressed,
            dict(self.left_out),
            dict(self._written),
            None if self._record else self.unkept,
        )


def _year_before(day: date) -> date:
    """The day after the same day of the year before, so that both ends make a year."""
    try:
        return day.replace(year=day.year - 1) + timedelta(days=1)
    except ValueError:
        return date(day.year - 1, 3, 1)


def shown(sizes: Mapping[Any, int], at_least: int) -> set[Any]:
    """The groups that may be shown, so that none is told by its size or by what is left of the whole.

    Groups of fewer than so many are withheld; where that is one alone, the next larger one is too, for
    the difference to the total would tell it.

    Args:
        sizes: of each group of a whole.
        at_least: the least size.
    """
    small = {name for name, size in sizes.items() if 0 < size < at_least}
    if len(small) == 1:
        others = sorted((size, str(name), name) for name, size in sizes.items() if name not in small and size)
        small |= {name for _, _, name in others[:1]}
    return sizes.keys() - small
