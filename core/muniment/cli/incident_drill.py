"""``muniment incident drill``: a breach is planted in a made-up archive, and dealt with, step by step."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import attrs

from muniment.cli.demo_show import Show, environment
from muniment.cli.invocation import Invocation
from muniment.errors import ConfigError

__all__ = ["Drill", "play"]

_LEAVER = "li.na"


def play(call: Invocation, folder: str | None) -> None:
    """Practise an incident.

    Args:
        call: the call; its language is that of the drill.
        folder: new or empty; None for one among the temporary files.

    Raises:
        ConfigError: ``config.folder_used``.
    """
    base = Path(folder) if folder else Path(tempfile.mkdtemp(prefix="muniment-drill-"))
    if base.exists() and (not base.is_dir() or any(base.iterdir())):
        raise ConfigError("config.folder_used", where=str(base))
    base.mkdir(mode=0o700, parents=True, exist_ok=True)
    drill = Drill(call, base.resolve())
    with environment(drill.settings):
        drill.practise()


@attrs.define
class Drill(Show):
    """One drill; each step says by when it would be done, and how long it took here."""

    took: list[tuple[str, float]] = attrs.field(factory=list)

    def practise(self) -> None:
        """Plant a breach and deal with it."""
        from muniment.cli.output import emit

        self._timed("plant", self._plant)
        self._timed("notice_it", self._notice_it)
        self._timed("contain", self._contain)
        self._timed("scope", self._scope)
        self._timed("assess", self._assess)
        self._timed("draft", self._draft)
        self._timed("tell", self._tell)
        self._timed("end", self._end)
        if self.call.json:
            took = [{"step": name, "seconds": round(seconds, 1)} for name, seconds in self.took]
            emit({"drill": {"folder": str(self.base), "steps": self.steps, "took": took}})
        else:
            self._summary()

    def _timed(self, name: str, step: object) -> None:
        self.heading(f"incident.drill_{name}")
        began = time.monotonic()
        assert callable(step)
        step()
        self.took.append((name, time.monotonic() - began))

    # Steps

    def _plant(self) -> None:
        from muniment.demo import customers, write_csv

        path = self.base / "customers.csv"
        write_csv(path, customers())
        self.run(
            ["init", str(self.archive), "-t", "customer-info", "--region", "CN", "--name", "Demo",
             "--key-file", str(self.base / "customers.key")],
            expected=0,
        )  # fmt: skip
        self.run(["import", "file", "customer", str(path), "--match", "customer_number"], expected=0)
        self.run(["user", "add", _LEAVER, "--name", "李娜", "--role", "editor"], expected=0)
        self.tell("incident.drill_leaver")
        taken = ["export", "customer", "--to", str(self.base / "taken.csv"), "--as", _LEAVER]
        self.run([*taken, "--reason", self.call.say("incident.drill_pretext")], expected=0)

    def _notice_it(self) -> None:
        self.run(["audit", "did", _LEAVER], expected=0)
        title = self.call.say("incident.drill_title")
        words = ["incident", "open", title, "--drill", "--law", "gdpr", "--law", "pipl"]
        self.run([*words, "--reason", self.call.say("incident.drill_reason")], expected=0)

    def _contain(self) -> None:
        self.run(["user", "disable", _LEAVER], expected=0)
        self._add("contain")

    def _scope(self) -> None:
        self.run(["incident", "find", self._incident(), "--actor", _LEAVER], expected=0)

    def _assess(self) -> None:
        words = ["incident", "assess", self._incident(), "--severity", "high", "--risk", "high"]
        self.run([*words, "--text", self.call.say("incident.drill_assessed")], expected=0)
        for name in ("cause", "harm", "measures", "advice", "contact"):
            self._add(name)

    def _draft(self) -> None:
        for whom, law in (("authority", "gdpr"), ("persons", "pipl")):
            for lang in ("en", "zh"):
                path = self.base / f"{whom}-{lang}.html"
                words = ["incident", "notice", self._incident(), whom, "--law", law, "--to", str(path)]
                self.run([*words, "--lang", lang], expected=0)

    def _tell(self) -> None:
        path = self.base / "persons.csv"
        self.run(["incident", "persons", self._incident(), "--to", str(path)], expected=0)
        for clock in ("gdpr.authority", "pipl.authority", "pipl.persons", "gdpr.persons"):
            words = ["incident", "notify", self._incident(), clock]
            self.run([*words, "--text", self.call.say("incident.drill_not_sent")], expected=0)

    def _end(self) -> None:
        self.run(["incident", "find", self._incident(), "--check"], expected=0)
        words = ["incident", "close", self._incident(), "--text", self.call.say("incident.drill_learned")]
        self.run(words, expected=0)
        self.run(["log", "list", "--kind", "incident.open"], expected=0)
        self.run(["log", "verify"], expected=0)

    def _add(self, name: str) -> None:
        words = ["incident", "add", self._incident(), name, self.call.say(f"incident.drilled_{name}")]
        self.run(words, expected=0)

    def _incident(self) -> str:
        """The identifier of the incident; the list that tells it is an entry, as everything is."""
        with Invocation().session() as (_, session):
            return session.incidents.listed(closed=True, limit=1)[0].id

    def _summary(self) -> None:
        from muniment.cli.output import heading, labels, put

        put()
        put(heading(self.call.say("incident.drill_took")))
        labels([(self.call.say(f"incident.drill_{name}"), f"{seconds:.1f} s") for name, seconds in self.took])
        put(self.call.say("incident.drill_over", where=self.base))
        self.follow("muniment incident list --closed", "muniment tick --only incidents")
