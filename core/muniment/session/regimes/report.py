"""Making a report: the log is verified, what it needs is read in one state, and the reading is an entry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from muniment import audit, verify
from muniment.errors import MunimentError, NotFound, UsageError, text_of
from muniment.model import id_text, rfc3339
from muniment.regimes import VERDICTS, Clause, Finding, Regime, check_words, packaged, verdict_of
from muniment.session.kernel.engine import SHARD
from muniment.session.kernel.logbook import Draft, Moment
from muniment.session.reading.generations import Place
from muniment.session.regimes.facts import Facts
from muniment.session.regimes.registry import CHECKS
from muniment.store import Reader, Transaction

if TYPE_CHECKING:
    from muniment.session.records import Records

__all__ = ["Regimes"]


class Regimes:
    """Reports under regimes, as acts of somebody; reached as ``session.regimes``.

    Args:
        session: who asks, why and through what.
    """

    def __init__(self, session: Records) -> None:
        self._session = session
        self._engine = session.engine
        self._acting = session.acting

    def listed(self) -> Mapping[str, Regime]:
        """Every regime by key: the packaged ones, and those of plugins."""
        brought = {one.key: one for one in self._engine.plugins.regimes() if isinstance(one, Regime)}
        return dict(sorted({**packaged(), **brought}.items()))

    def report(
        self, key: str, *, verified: bool = True, progress: verify.Progress | None = None
    ) -> dict[str, Any]:
        """What this archive shows for each clause of a regime, checked now.

        Args:
            key: out of ``listed``.
            verified: verify the whole log first; without, what hangs on it says that nobody looked.
            progress: told how many entries are verified.

        Returns:
            ``type``, ``v``, ``regime``, ``label``, ``archive``, ``name``, ``as_of``, ``by``, ``log``,
            ``entry``, ``summary`` (how many clauses by verdict) and ``clauses``, each with ``id``, ``cite``,
            ``sure``, ``asks``, ``verdict``, ``findings`` and ``outside``; texts in English and Chinese. The
            form is published in ``regime_report.schema.json``.

        Raises:
            NotFound: ``regime.none``.
            UsageError: ``regime.check`` where a plugin's regime names a check that there is not.
            AccessDenied: ``access.action``; logged.
        """
        engine, acting = self._engine, self._acting
        known = self.listed()
        if key not in known:
            raise NotFound("regime.none", name=key, known=", ".join(known))
        regime = known[key]
        self._session.require("config.read")

        def body(tx: Transaction, moment: Moment) -> tuple[str, int, int]:
            engine.policy.require(acting.actor, "log.read")
            for gen in tx.generations(SHARD):
                size = moment.size if gen == moment.gen else audit.size_of(tx, SHARD, gen)
                audit.catch_up(tx, SHARD, gen, stop=size)
            detail = engine.detail(acting, engine.new_id(), target={"regime": key})
            own = engine.logbook.append(tx, moment, [Draft("audit.report", detail)], actor=acting.actor.id)
            audit.catch_up(tx, SHARD, moment.gen, stop=own)
            return str(Place(moment.gen, own)), moment.gen, own + 1

        with engine.guarded(acting, "log.read"):
            place, gen, size = engine.run(body, acting)
        engine.logbook.sign(engine.store)
        # What a check asks of the session, and so writes, it asks before a state is held.
        before = Facts(self._session, engine.store, engine.clock(), None)
        asked = any(
            check.partition(":")[0] == "retention_applied" for one in regime.clauses for check in one.checks
        )
        overstayed = before.overstayed if asked else None
        with engine.store.snapshot() as reader:
            found = self._verified(reader, progress) if verified else None
            facts = Facts(self._session, reader, engine.clock(), found)
            facts.overstayed = overstayed
            clauses = [_clause(regime, one, facts) for one in regime.clauses]
            now_us = facts.now_us
        applied = engine.settings.applied
        return {
            "type": "muniment-regime-report",
            "v": 1,
            "regime": key,
            "label": {"en": regime.label.en, "zh": regime.label.zh},
            "archive": id_text(engine.archive),
            "name": "" if applied is None else applied.name,
            "as_of": rfc3339(now_us),
            "by": {"actor": acting.actor.id, "roles": list(acting.actor.roles), "purpose": acting.purpose},
            "log": {"origin": engine.logbook.origin(gen), "size": size, "verified": verified},
            "entry": place,
            "summary": {name: sum(one["verdict"] == name for one in clauses) for name in VERDICTS},
            "clauses": clauses,
        }

    def _verified(self, reader: Reader, progress: verify.Progress | None) -> verify.Report | MunimentError:
        engine = self._engine
        signed = {}
        for gen in reader.generations(SHARD):
            last = engine.keys.last_signed(engine.logbook.origin(gen))
            if last is not None:
                signed[engine.logbook.origin(gen)] = (last.size, last.root)
        try:
            return verify.check(
                reader,
                archive=engine.archive,
                origin_base=engine.logbook.base,
                key=engine.logbook.verifier_key(),
                secrets=verify.Secrets(engine.keys.log_mac_key, signed),
                files=engine.folder / "files",
                progress=progress,
            )
        except MunimentError as error:
            return error


def _clause(regime: Regime, clause: Clause, facts: Facts) -> dict[str, Any]:
    findings = [(name, _found(regime, name, facts)) for name in clause.checks]
    outside = clause.outside
    return {
        "id": clause.id,
        "cite": clause.cite,
        "sure": clause.sure,
        "asks": {"en": clause.asks.en, "zh": clause.asks.zh},
        "verdict": verdict_of([one for _, one in findings], outside=outside is not None),
        "findings": [_document(name, one) for name, one in findings],
        "outside": None if outside is None else {"en": outside.en, "zh": outside.zh},
    }


def _found(regime: Regime, asked: str, facts: Facts) -> Finding:
    name, _, argument = asked.partition(":")
    check = regime.checks.get(name) or CHECKS.get(name)
    if check is None:
        raise UsageError("regime.check", where=regime.key, name=name)
    return check(facts, int(argument or 0))


def _document(name: str, one: Finding) -> dict[str, Any]:
    words = check_words().get(name.partition(":")[0])
    label = None if words is None else {"en": words.label.en, "zh": words.label.zh}
    text = (
        {"en": one.text.en, "zh": one.text.zh}
        if one.text is not None
        else {lang: text_of(one.code, lang, **one.figures)[0] for lang in ("en", "zh")}
    )
    return {
        "check": name,
        "label": label,
        "verdict": one.verdict,
        "code": one.code,
        "text": text,
        "figures": {key: value for key, value in one.figures.items() if isinstance(value, (int, str))},
        "entries": list(one.entries),
        "commands": [] if words is None else list(words.commands),
    }
