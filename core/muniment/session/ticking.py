"""What is due today: jobs that schedulers have done, each run an entry; doing them twice does no harm.

An area adds a line to ``JOBS``: a name, and a function that takes the session, does
what is due, and says with numbers what that was. It writes nothing where nothing is
due, so a second run of the same day does nothing new.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Final

import attrs

from muniment.errors import ConfigError, Conflict, KeyStoreError, MunimentError
from muniment.session.kernel.engine import SHARD
from muniment.session.kernel.logbook import Moment
from muniment.store import Transaction

if TYPE_CHECKING:
    from muniment.session.areas import Areas

__all__ = ["JOBS", "Done", "run_jobs"]

_HERE: Final = "muniment.session.ticking"
_EXPIRING_DAYS: Final = 30
_TRIES: Final = 5

JOBS: Final[Mapping[str, str]] = {
    "consents": f"{_HERE}:consents",
    "requests": f"{_HERE}:requests",
    "approvals": f"{_HERE}:approvals",
    "inbox": f"{_HERE}:inbox",
    "retention": f"{_HERE}:retention",
    "backup": f"{_HERE}:backup",
    "keys": f"{_HERE}:keys",
    "dates": f"{_HERE}:dates",
    "index": f"{_HERE}:index",
    "incidents": f"{_HERE}:incidents",
    "alerts": f"{_HERE}:alerts",
    "witnesses": f"{_HERE}:witnesses",
    "webhooks": f"{_HERE}:webhooks",
    "follow_ups": "muniment.session.outreach.reminding:follow_ups",
    "greetings": "muniment.session.outreach.reminding:greetings",
    "figures": f"{_HERE}:figures",
    "quality": "muniment.session.outreach.reminding:quality",
}
"""Name and function of each job, in the order in which they are done."""


@attrs.frozen
class Done:
    """What became of one job.

    Attributes:
        job: its name.
        code: of the error that stopped it; empty where it was done.
        counts: what was done or is due, by name.
    """

    job: str
    code: str = ""
    counts: Mapping[str, int] = attrs.field(factory=dict)


def run_jobs(session: Areas, *, only: frozenset[str] = frozenset()) -> list[Done]:
    """Do what is due; a job that fails is written down and stops no other.

    Args:
        session: whose actor may run jobs.
        only: names of jobs; empty for all.

    Raises:
        AccessDenied: ``access.action``; logged.
    """
    session.require("job.run")
    done = []
    for name, target in JOBS.items():
        if only and name not in only:
            continue
        module, _, function = target.partition(":")
        job: Callable[[Areas], Mapping[str, int]] = getattr(import_module(module), function)
        try:
            counts = _counted(job, session)
        except MunimentError as error:
            session.note("job.fail", outcome="failed", code=error.code, target={"job": name})
            done.append(Done(name, error.code))
            continue
        session.note("job.run", target={"job": name, **counts})
        done.append(Done(name, counts=counts))
    return done


def _counted(job: Callable[[Areas], Mapping[str, int]], session: Areas) -> dict[str, int]:
    """What a job did, where perhaps another tick is at the same."""
    for left in reversed(range(_TRIES)):
        try:
            return dict(job(session))
        except Conflict:
            # Another one was quicker; looked at again, what it did is due no more.
            if not left:
                raise
        except KeyStoreError as error:
            if error.code != "key.locked":
                raise
            break
    # Somebody erases, rotates, backs up or restores; another time.
    return {"busy": 1}


def consents(session: Areas) -> Mapping[str, int]:
    """Write down which consents have expired; say how many soon will."""
    return {"expired": session.consents.expire(), "expiring": session.consents.expiring(_EXPIRING_DAYS)}


def requests(session: Areas) -> Mapping[str, int]:
    """Say how many requests have used half, four fifths and all of their time."""
    half, most, late = session.requests.running_late(session.engine.today())
    return {"half": half, "most": most, "late": late}


def approvals(session: Areas) -> Mapping[str, int]:
    """Close what nobody decided or used in time, and erase proposals and drafts that are over."""
    from muniment.session.rights.expiring import expire_due

    done = expire_due(session.engine, session.acting)
    return {"expired": done.proposals, "drafts": done.drafts, "erased": done.erased}


def inbox(session: Areas) -> Mapping[str, int]:
    """Fetch mail, where a mailbox is configured, and erase what was decided or has waited too long."""
    fetched = session.inbox.fetch() if session.inbox.settings.account.host else None
    return {"fetched": fetched.new if fetched else 0, "erased": session.inbox.clear()}


def retention(session: Areas) -> Mapping[str, int]:
    """Plan anew; say how much is due, and how much waits for a person. Nothing is disposed of."""
    found = session.retention.renew()
    return {name: found[name] for name in ("due", "review") if name in found}


def backup(session: Areas) -> Mapping[str, int]:
    """Make the scheduled backup where the newest one is too old, and remove those that had their time."""
    backups = session.backups
    if not backups.late():
        return {"made": 0, "removed": 0}
    try:
        backups.run()
    except ConfigError as error:
        if error.code == "backup.no_plan":
            return {"made": 0, "removed": 0}
        raise
    return {"made": 1, "removed": len(backups.prune())}


def keys(session: Areas) -> Mapping[str, int]:
    """Say how much is amiss about the keys and their backups: their lifetime, their epoch, their places."""
    return {"warnings": len(session.engine.keys.status().warnings)}


def dates(session: Areas) -> Mapping[str, int]:
    """Mend computed dates that do not follow from what there is, as after an interrupted erasure."""
    from muniment.session.writing.deriving import outdated
    from muniment.session.writing.writes import renew

    engine = session.engine
    with engine.store.transaction(write=False) as tx:
        found = outdated(engine, tx)
    return {"renewed": renew(engine, session.acting, found)}


def index(session: Areas) -> Mapping[str, int]:
    """Bring the auditors' projection up to date, so that the next question is answered at once.

    A piece at a time, for others write meanwhile: an import of 100,000 rows leaves 10,000 entries to look at.
    """
    from muniment.session.oversight.affected import catch_up

    engine = session.engine

    def body(tx: Transaction, moment: Moment) -> tuple[int, int, int]:
        return moment.gen, tx.indexed_to(SHARD, moment.gen), moment.size

    gen, start, size = engine.run(body)
    if start < size:
        catch_up(engine, gen, size)
    return {"entries": max(size - start, 0)}


def figures(session: Areas) -> Mapping[str, int]:
    """Count anew the figures of dashboards that are kept, where records have changed."""
    return {"counted": session.dashboards.renew_due()}


def incidents(session: Areas) -> Mapping[str, int]:
    """Say how many clocks of incidents run, run out within a day, and have run out."""
    return dict(session.incidents.standing())


def alerts(session: Areas) -> Mapping[str, int]:
    """Look at what is new in the log, and send what was raised."""
    run = session.alerts.run()
    return {"entries": run.entries, "raised": len(run.raised), "unsent": run.unsent}


def witnesses(session: Areas) -> Mapping[str, int]:
    """Have the log witnessed, where witnesses are configured."""
    if not session.engine.settings.witness.known:
        return {"asked": 0, "vouched": 0}
    asked = session.witnesses.ask()
    return {"asked": len(asked), "vouched": sum(one.vouched is not None for one in asked)}


def webhooks(session: Areas) -> Mapping[str, int]:
    """Tell other systems what is new."""
    done = session.webhooks.deliver()
    return {"sent": done.sent, "failed": done.failed, "given_up": done.dead}
