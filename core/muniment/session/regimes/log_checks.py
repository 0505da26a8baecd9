"""Checks of the log: that everything is in it, that it holds, that somebody looks at it."""

from __future__ import annotations

import shutil

from muniment.alerts import BUILTIN_RULES
from muniment.errors import MunimentError
from muniment.log.kinds import KINDS
from muniment.regimes import Finding
from muniment.schema.builtin import ALERT
from muniment.session.kernel.engine import SHARD
from muniment.session.reading.generations import Place
from muniment.session.regimes.facts import DAY_US, Facts, gap, nothing, part, shown
from muniment.store import LogFilter

__all__ = [
    "alert_rules",
    "alerts_handled",
    "alerts_run",
    "catalogue",
    "clock",
    "denials",
    "exported",
    "jobs",
    "kept",
    "log_reads",
    "reads",
    "refuses_changes",
    "reviewed",
    "room",
    "searchable",
    "signed",
    "six_items",
    "starts",
    "timestamped",
    "verified",
    "witnessed",
    "writes",
]

_READS = ("record.read", "record.list", "record.search", "record.history", "record.export", "record.reveal")
_WRITES = ("record.create", "record.update", "record.correct", "record.delete", "record.import")


def reads(facts: Facts, argument: int) -> Finding:
    """Whoever looks is written down."""
    count = facts.count(*_READS)
    newest = facts.newest(*_READS)
    if newest is None:
        return nothing()
    return shown("regime.reads", newest[1], count=count)


def writes(facts: Facts, argument: int) -> Finding:
    """Every write is an entry, and verification ties each version to its entry."""
    newest = facts.newest(*_WRITES)
    if newest is None:
        return nothing()
    count = facts.count(*_WRITES)
    if isinstance(facts.verified, MunimentError):
        return gap("regime.verify_failed", code=facts.verified.code)
    if facts.verified is None:
        return part("regime.writes_unverified", newest[1], count=count)
    return shown("regime.writes", newest[1], count=count, versions=facts.verified.versions)


def verified(facts: Facts, argument: int) -> Finding:
    """The log and all versions verify now."""
    found = facts.verified
    if found is None:
        return nothing("regime.verify_skipped")
    if isinstance(found, MunimentError):
        return gap("regime.verify_failed", code=found.code)
    if found.unfinished:
        return gap("regime.verify_unfinished", count=found.unfinished)
    return shown("regime.verified", entries=found.entries, versions=found.versions, parts=found.parts)


def refuses_changes(facts: Facts, argument: int) -> Finding:
    """The store's own guards against changing history stand."""
    faults = facts.reader.schema_faults()
    if faults:
        return gap("regime.guards_gone", count=len(faults))
    return shown("regime.guards")


def signed(facts: Facts, argument: int) -> Finding:
    """A signature covers the log."""
    gen = facts.sample_gen
    last = facts.reader.last_checkpoint(SHARD, gen)
    head = facts.reader.head(SHARD)
    size = 0 if head is None else head.first_seq + head.n
    if last is None:
        return gap("regime.unsigned", count=size)
    return shown("regime.signed", size=last.size, left=size - last.size)


def witnessed(facts: Facts, argument: int) -> Finding:
    """Somebody outside vouched for the log, within so many days."""
    known = facts.engine.settings.witness.known
    if not known:
        return gap("regime.no_witness")
    newest = facts.newest("log.witness", outcome="ok")
    if newest is None:
        return gap("regime.never_witnessed", count=len(known))
    days = facts.days(newest[0].time_us)
    if days > (argument or 30):
        return gap("regime.witness_old", newest[1], days=days)
    return shown("regime.witnessed", newest[1], count=len(known), days=days)


def timestamped(facts: Facts, argument: int) -> Finding:
    """A time that is not ours stands on the log."""
    newest = facts.newest("log.timestamp", outcome="ok")
    if newest is not None:
        return shown("regime.timestamped", newest[1], days=facts.days(newest[0].time_us))
    if not facts.engine.settings.witness.timestamps:
        return gap("regime.no_timestamps")
    return nothing()


def log_reads(facts: Facts, argument: int) -> Finding:
    """Reading the log is an entry: this report's own is one."""
    newest = facts.newest("audit.report", "log.read")
    if newest is None:
        return gap("regime.log_reads_missing")
    return shown("regime.log_reads", newest[1], count=facts.count("audit.report", "log.read", "log.bundle"))


def denials(facts: Facts, argument: int) -> Finding:
    """Refusals are entries."""
    newest = facts.newest("access.deny")
    if newest is None:
        return nothing()
    return shown("regime.denials", newest[1], count=facts.count("access.deny"))


def six_items(facts: Facts, argument: int) -> Finding:
    """Who, what, when, how it ended, from where and about what stand in each of the newest entries."""
    for found in facts.sample:
        detail = found.detail or {}
        told = (
            detail.get("actor", {}).get("id"),
            found.entry.kind,
            found.entry.time_us,
            detail.get("outcome"),
            detail.get("source", {}).get("program"),
        )
        if not all(told):
            return gap("regime.item_missing", str(Place(facts.sample_gen, found.index)))
    if not facts.sample:
        return nothing()
    return shown("regime.six_items", count=len(facts.sample))


def catalogue(facts: Facts, argument: int) -> Finding:
    """Every kind of entry in the newest part of the log is in the published list."""
    unknown = {one.entry.kind for one in facts.sample} - KINDS.keys()
    if unknown:
        return gap("regime.unlisted", names=", ".join(sorted(unknown)))
    return shown("regime.catalogue", count=len(KINDS), used=len({one.entry.kind for one in facts.sample}))


def clock(facts: Facts, argument: int) -> Finding:
    """Times are UTC, never go back, and a wrong clock was noticed where there was one."""
    times = [one.entry.time_us for one in facts.sample]
    if times != sorted(times):
        return gap("regime.clock_back")
    skews = facts.count("clock.skew")
    if skews:
        return part("regime.clock_skewed", count=skews)
    return shown("regime.clock", count=len(times))


def kept(facts: Facts, argument: int) -> Finding:
    """No details younger than so many days were disposed of; says how far the log reaches back."""
    wanted, age = argument or 365, facts.days(facts.began_us)
    gaps = list(facts.reader.detail_gaps(SHARD))
    youngest = 0
    for one in gaps:
        batch = next(facts.reader.batches(SHARD, one.gen, start=one.first_seq, stop=one.first_seq + 1), None)
        if batch is not None:
            youngest = max(youngest, batch.created_us)
    if gaps and facts.days(youngest) < wanted:
        return gap("regime.log_disposed", count=len(gaps), days=facts.days(youngest), wanted=wanted)
    if age < wanted:
        return part("regime.log_young", days=age, wanted=wanted)
    return shown("regime.log_kept", days=age, wanted=wanted)


def reviewed(facts: Facts, argument: int) -> Finding:
    """Somebody signed a span of the log off, within so many days."""
    newest = facts.newest("audit.review", outcome="ok")
    if newest is None:
        return gap("regime.never_reviewed")
    days = facts.days(newest[0].time_us)
    if days > (argument or 30):
        return gap("regime.review_old", newest[1], days=days, wanted=argument or 30)
    return shown("regime.reviewed", newest[1], days=days, count=facts.count("audit.review"))


def alerts_run(facts: Facts, argument: int) -> Finding:
    """The alert rules looked at the log, within so many days."""
    newest = facts.newest("alert.run", outcome="ok")
    if newest is None:
        return gap("regime.alerts_never")
    days = facts.days(newest[0].time_us)
    if days > (argument or 1):
        return gap("regime.alerts_old", newest[1], days=days)
    return shown("regime.alerts_run", newest[1], days=days, count=facts.count("alert.run"))


def alert_rules(facts: Facts, argument: int) -> Finding:
    """The rules are on, and somebody is told."""
    settings = facts.applied.alerts
    off = [key for key, given in settings.rules.items() if given.get("off")]
    if off:
        return gap("regime.rules_off", names=", ".join(sorted(off)))
    if not (settings.webhook or settings.mail_to):
        return part("regime.alerts_unsent", count=len(BUILTIN_RULES))
    return shown("regime.alert_rules", count=len(BUILTIN_RULES))


def alerts_handled(facts: Facts, argument: int) -> Finding:
    """No alert stands open for longer than so many days."""
    newest = facts.newest("alert.raise")
    if newest is None:
        return nothing()
    opened = sum(one.get("state") == "open" for one in facts.clear(ALERT))
    limit = facts.now_us - (argument or 30) * DAY_US
    old = facts.reader.find_entries(
        SHARD, facts.sample_gen, LogFilter(kinds=("alert.raise",), until_us=limit, limit=1)
    )
    if opened and old:
        return gap("regime.alerts_open", newest[1], count=opened, wanted=argument or 30)
    return shown("regime.alerts_handled", newest[1], count=facts.count("alert.raise"), open=opened)


def searchable(facts: Facts, argument: int) -> Finding:
    """The log answers by person, time, kind and outcome, as asked now."""
    newest = facts.newest("record.read", "record.create", "user.add")
    if newest is None:
        return nothing()
    row = newest[0]
    asked = (
        LogFilter(actor=row.actor, limit=1),
        LogFilter(kinds=(row.kind,), limit=1),
        LogFilter(outcome=row.outcome, limit=1),
        LogFilter(since_us=row.time_us, until_us=row.time_us + 1, limit=1),
        LogFilter(purpose=row.purpose, limit=1),
    )
    answered = sum(bool(facts.reader.find_entries(SHARD, facts.sample_gen, one)) for one in asked)
    if answered < len(asked):
        return gap("regime.unsearchable", count=answered, wanted=len(asked))
    return shown("regime.searchable", count=answered)


def exported(facts: Facts, argument: int) -> Finding:
    """Evidence was taken out of the house: a bundle, an export, a stream."""
    newest = facts.newest("log.bundle", "log.export", outcome="ok")
    if newest is None:
        return nothing()
    return shown(
        "regime.exported",
        newest[1],
        count=facts.count("log.bundle", "log.export"),
        days=facts.days(newest[0].time_us),
    )


def starts(facts: Facts, argument: int) -> Finding:
    """When the log began, and when a server or another owner took it up."""
    count = facts.count(
        "archive.create", "log.continue", "log.takeover", "log.resume", "serve.start", "serve.stop"
    )
    if not facts.count("archive.create"):
        return gap("regime.no_start")
    return shown("regime.starts", count=count)


def jobs(facts: Facts, argument: int) -> Finding:
    """Scheduled work ran lately, and none of it failed since."""
    newest = facts.newest("job.run")
    if newest is None:
        return gap("regime.no_jobs")
    failed = facts.newest("job.fail")
    if failed is not None and failed[0].time_us > newest[0].time_us - DAY_US:
        return gap("regime.job_failed", failed[1])
    days = facts.days(newest[0].time_us)
    if days > (argument or 2):
        return gap("regime.jobs_old", newest[1], days=days)
    return shown("regime.jobs", newest[1], days=days)


def room(facts: Facts, argument: int) -> Finding:
    """The disk has room for a year of entries at the pace so far."""
    folder = facts.engine.folder
    used = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    free = shutil.disk_usage(folder).free
    days = max(facts.days(facts.began_us), 1)
    years = free / max(used / days * 365, 1)
    figures = {"used": used >> 20, "free": free >> 20}
    if years < 1:
        return gap("regime.room_short", **figures)
    return shown("regime.room", **figures)
