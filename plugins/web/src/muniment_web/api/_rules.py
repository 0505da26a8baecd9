"""What holds: configuration, plugins, purposes, keys; backups; and how the archive stands."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Any, Final

from fastapi import Depends, Path, Request, Response
from pydantic import Field, StringConstraints

from muniment import config
from muniment.archive import Archive
from muniment.archive.plugging import about, available
from muniment.archive.standing import standing
from muniment.backup.sealing import Sealed
from muniment.errors import Issue, MunimentError, NotFound, UsageError
from muniment.model import id_text
from muniment.purposes import PURPOSES, address
from muniment.session import Session
from muniment.session.ticking import JOBS
from muniment.session.writing.applying import policy_of
from muniment_web.api._calls import area, language_of, may
from muniment_web.api._parts import (
    After,
    Day,
    Label,
    Limit,
    Moment,
    Paged,
    RoleSaid,
    Shown,
    Strict,
    Why,
    beyond_said,
    plain,
    put_configuration,
    put_version,
)
from muniment_web.server.differences import differing_lines
from muniment_web.server.shifts import Right, everybody, shifted

__all__ = ["router"]

router: Final = area("rules")
Configured = Annotated[Session, Depends(may("setup", "config.read"))]
Configuring = Annotated[Session, Depends(may("setup", "config.change"))]
Keys = Annotated[Session, Depends(may("setup", "key.read"))]
Rotating = Annotated[Session, Depends(may("setup", "key.change"))]
Described = Annotated[Session, Depends(may("read", "schema.read"))]
Reviewing = Annotated[Session, Depends(may("setup", "role.review"))]
BackedUp = Annotated[Session, Depends(may("setup", "backup.read"))]
BackingUp = Annotated[Session, Depends(may("setup", "backup.create"))]
Drilling = Annotated[Session, Depends(may("setup", "backup.read"))]
Ticking = Annotated[Session, Depends(may("setup", "job.run"))]
Checking = Annotated[Session, Depends(may("setup", "data.check", once="never"))]
Rebuilding = Annotated[Session, Depends(may("setup", "data.rebuild"))]
PluginName = Annotated[str, Path(alias="name", pattern=r"^[a-z][a-z0-9_-]{0,62}$")]
BackupName = Annotated[str, Path(alias="name", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,200}$")]


class Said(Shown):
    """What is amiss."""

    code: str
    detail: str


def _said(one: MunimentError | Issue, lang: str) -> Said:
    return Said(code=one.code, detail=one.text(lang))


# The configuration


class ConfigurationShown(Shown):
    """What was applied, and what of the plugins is in use."""

    version: int
    recorded: Moment
    text: str
    differs: bool = Field(description="whether the file says something else than what was applied")
    plugins: list[dict[str, Any]]


class RightShown(Shown):
    """One right that somebody gains or loses."""

    way: str = Field(description="does, clear, masked, writable or rows")
    type: str = Field(description="key of the table; empty for an act on none")
    name: str = Field(description="of the act, the field, or the condition on rows")


class ShiftShown(Shown):
    """What changes for people who have the same roles."""

    logins: list[str]
    before: list[str]
    after: list[str]
    gains: list[RightShown]
    losses: list[RightShown]


class ConfigurationPlan(Shown):
    """What would change if what the file says were applied."""

    differs: bool
    diff: list[str] = Field(description="lines of a unified diff of what holds and what the file says")
    shifts: list[ShiftShown]
    warnings: list[RoleSaid] = Field(
        default=[], description="roles that end at some records, and read the log or the certificates whole"
    )
    problem: Said | None = Field(default=None, description="why the file could not be applied as it is")


class Applied(Shown):
    """Whether what the file says was not in force yet."""

    changed: bool


@router.get("/configuration")
def get_configuration(
    request: Request, response: Response, session: Configured, as_of: Day = None
) -> ConfigurationShown:
    """The configuration that was applied, or that held at a moment, and the plugins in use."""
    session.require("config.read")
    archive: Archive = request.app.state.web.archive
    held = archive.engine.definitions.configuration
    assert held is not None  # an archive begins with one
    found = session.get(id_text(held[0]), as_of=as_of)
    put_version(response, found.version)
    return ConfigurationShown.model_validate(
        {
            "version": found.version,
            "recorded": found.recorded_us,
            "text": str(found.fields["text"]),
            "differs": archive.config_differs,
            "plugins": [plain(dict(one)) for one in archive.plugins.describe(lang="en")],
        }
    )


@router.get("/configuration/plan")
def plan_configuration(request: Request, session: Configured) -> ConfigurationPlan:
    """What the file says that does not hold yet, and who would gain and lose what by it."""
    session.require("config.read")
    session.note("config.read")
    archive: Archive = request.app.state.web.archive
    lang = language_of(request)
    try:
        file = config.read(archive.folder)
    except MunimentError as error:
        return ConfigurationPlan(differs=True, diff=[], shifts=[], problem=_said(error, lang))
    lines = differing_lines(archive.applied.text, file.text)
    shifts: list[ShiftShown] = []
    warnings: list[RoleSaid] = []
    problem = None
    if lines:
        people = everybody(archive.engine)
        try:
            policy = policy_of(archive.plugins, file)
            warnings = beyond_said(policy.roles.values(), lang)
            found = shifted(archive.engine, people, purpose=archive.applied.purpose, after=policy)
        except MunimentError as error:
            found, problem = [], _said(error, lang)
        shifts = [
            ShiftShown(
                logins=list(one.logins),
                before=list(one.before),
                after=list(one.after),
                gains=_rights(one.gains),
                losses=_rights(one.losses),
            )
            for one in found
        ]
    return ConfigurationPlan(
        differs=bool(lines), diff=lines, shifts=shifts, warnings=warnings, problem=problem
    )


def _rights(found: Collection[Right]) -> list[RightShown]:
    return [RightShown(way=way, type=type, name=name) for way, type, name in sorted(found)]


@router.post("/configuration/apply")
def apply_configuration(request: Request, session: Configuring, given: Why) -> Applied:
    """Put what the file says into force, as a version with its reason."""
    session.require("config.change")
    return Applied(changed=bool(request.app.state.web.archive.apply_config(session, reason=given.reason)))


# Plugins and purposes


class Plugins(Shown):
    """The plugins that the configuration names, and others that are installed."""

    plugins: list[dict[str, Any]]
    installed: list[str]


class PurposeShown(Shown):
    """Why data may be touched."""

    term: str
    label: Label
    broader: str | None = None
    address: str | None = Field(default=None, description="of the term in the W3C DPV")
    allowed: bool
    roles: list[str] = Field(description="which may give it")


class Purposes(Shown):
    """The purposes that there are."""

    purposes: list[PurposeShown]


@router.get("/plugins")
def list_plugins(request: Request, session: Configured) -> Plugins:
    """The plugins of the archive, what each brings, and why one does not run."""
    session.require("config.read")
    session.note("config.read")
    archive: Archive = request.app.state.web.archive
    shown = archive.plugins.describe(lang=language_of(request))
    known = {one["name"] for one in shown}
    return Plugins(
        plugins=[plain(dict(one)) for one in shown],
        installed=sorted(available(archive).keys() - known),
    )


@router.get("/plugins/{name}")
def get_plugin(request: Request, session: Configured, name: PluginName) -> dict[str, Any]:
    """What a plugin asks for and brings; one that is not in use is imported for that."""
    session.require("config.read")
    session.note("config.read")
    archive: Archive = request.app.state.web.archive
    used = {one["name"] for one in archive.plugins.describe(lang="en")}
    if name not in used:
        if name not in available(archive):
            raise NotFound("serve.not_found")
        session.require("config.change")
    found: dict[str, Any] = plain(about(archive, name, lang=language_of(request)))
    return found


@router.get("/purposes")
def list_purposes(request: Request, session: Described) -> Purposes:
    """The purposes that the header Muniment-Purpose may give, and by which roles."""
    session.require("schema.read")
    session.note("config.read")
    archive: Archive = request.app.state.web.archive
    policy = archive.engine.policy
    named = {**PURPOSES, **archive.plugins.purposes()}
    made = []
    for term in sorted({*named, *policy.purposes}):
        one = named.get(term)
        label = {"en": term, "zh": term} if one is None else {"en": one.label.en, "zh": one.label.zh}
        made.append(
            PurposeShown(
                term=term,
                label=label,
                broader=None if one is None else one.broader or None,
                address=address(term) or None,
                allowed=not policy.purposes or term in policy.purposes,
                roles=[
                    key
                    for key, role in sorted(policy.roles.items())
                    if not role.purposes or term in role.purposes
                ],
            )
        )
    return Purposes(purposes=made)


class RightsReviewed(Shown):
    """What was signed: SHA-256 over who may do what."""

    rights: str


@router.post("/roles/review", tags=["users"])
def review_rights(session: Reviewing, given: Why) -> RightsReviewed:
    """Sign that who may do what was looked at, as it stands."""
    return RightsReviewed(rights=session.review_rights(given.reason))


# Keys


class KeySlot(Shown):
    """A way to open the archive."""

    id: str
    kind: str
    present: bool
    tested_epoch: int | None = None
    added: Moment


class KeyCopy(Shown):
    """A copy of the keys."""

    epoch: int
    made: Moment
    expires: Moment


class KeyState(Shown):
    """How the key store stands."""

    epoch: int
    pages: int
    leased: int
    destroyed: int
    rotation_due: bool
    slots: list[KeySlot]
    backup: KeyCopy | None = None
    warnings: list[Said]


class KeysRotated(Shown):
    """What a rotation did."""

    epoch: int
    slots: int
    untested: list[str] = Field(description="ways to open the archive that nobody has tried since")
    backup: bool | None = Field(default=None, description="whether the copy of the keys was made anew")


@router.get("/keys")
def get_keys(request: Request, session: Keys) -> KeyState:
    """How the key store stands; nothing of a key is told."""
    session.require("key.read")
    lang = language_of(request)
    found = request.app.state.web.archive.keys.status()
    return KeyState.model_validate(
        {
            **{
                name: getattr(found, name)
                for name in ("epoch", "pages", "leased", "destroyed", "rotation_due")
            },
            "slots": [
                {
                    "id": one.slot,
                    "kind": one.kind,
                    "present": one.present,
                    "tested_epoch": one.tested_epoch,
                    "added": one.added,
                }
                for one in found.slots
            ],
            "backup": None if found.backup is None else KeyCopy.model_validate(found.backup),
            "warnings": [_said(one, lang) for one in found.warnings],
        }
    )


@router.post("/keys/rotate")
def rotate_keys(session: Rotating) -> KeysRotated:
    """Seal everything under a new archive key; old copies of the key store open nothing from then on."""
    return KeysRotated.model_validate(session.keys.rotate())


# Backups


class BackupShown(Shown):
    """A sealed backup."""

    name: str
    made: Moment
    size: int


class Backups(Shown):
    """Sealed backups, oldest first."""

    backups: list[BackupShown]


class BackupsKept(Backups, Paged):
    """A piece of the sealed backups that are there."""


class BackupDrilled(Shown):
    """What a restore that was practised showed."""

    size: int
    root: str
    versions: int
    opened: int = Field(description="parts that today's keys open")
    erased: int = Field(description="parts of what was erased since, which nothing opens")


def _backup(one: Sealed) -> BackupShown:
    return BackupShown.model_validate({"name": one.name, "made": one.made, "size": one.size})


@router.get("/backups")
def list_backups(
    session: BackedUp, response: Response, limit: Limit = 100, after: After = None
) -> BackupsKept:
    """The sealed backups where the configuration keeps them; the ETag is the version of the configuration."""
    put_configuration(response, session)
    found = session.backups.listed(limit=limit, after=after)
    return BackupsKept(backups=[_backup(one) for one in found], after=found.after)


@router.post("/backups", status_code=201)
def make_backup(session: BackingUp) -> BackupShown:
    """Make a sealed backup where the configuration says; today's keys alone open it."""
    return _backup(session.backups.run())


@router.post("/backups/prune")
def prune_backups(session: BackingUp) -> Backups:
    """Remove the sealed backups that had their time; those that went are named."""
    return Backups(backups=[_backup(one) for one in session.backups.prune()])


@router.post("/backups/{name}/drill")
def drill_backup(session: Drilling, name: BackupName) -> BackupDrilled:
    """Practise a restore: fetch a backup, verify it, and open every part of it; nothing of it is shown."""
    if name not in {one.name for one in session.backups.listed()}:
        raise NotFound("serve.not_found")
    return BackupDrilled.model_validate(session.backups.drill(name))


# How it stands


class TypeCount(Shown):
    """How many records a table has."""

    key: str
    label: Label
    records: int
    deleted: int
    definition: int


class LogState(Shown):
    """How far the log reaches, and how far it is signed."""

    origin: str
    size: int
    last: Moment
    checkpoint: int
    since_checkpoint: int


class BackupState(Shown):
    """When the data was last backed up."""

    made: Moment | None = None
    late: bool


class Status(Shown):
    """How the archive stands; no value is read for it."""

    id: str
    name: str
    version: str = Field(description="of muniment")
    verifier_key: str
    types: list[TypeCount]
    log: LogState
    keys: list[Said]
    backup: BackupState
    configuration_differs: bool
    users: int


@router.get("/status")
def get_status(request: Request, session: Configured) -> Status:
    """How the archive stands: counts, log, keys, configuration."""
    from muniment import __version__

    session.require("config.read")
    session.note("config.read")
    archive: Archive = request.app.state.web.archive
    found = standing(archive, session, lang=language_of(request))
    return Status.model_validate(
        {
            **found,
            "id": archive.id,
            "name": archive.applied.name,
            "version": __version__,
            "verifier_key": archive.verifier_key.text,
            "keys": found["keys"]["warnings"],
            "configuration_differs": found["config"]["differs"],
        }
    )


class JobRun(Strict):
    """Which jobs; by default all of them."""

    only: list[Annotated[str, StringConstraints(max_length=40)]] = Field(default=[], max_length=40)


class JobDone(Shown):
    """What became of one job."""

    job: str
    code: str = Field(description="of what stopped it; empty where it was done")
    counts: dict[str, int]


class JobsDone(Shown):
    """What became of the jobs."""

    jobs: list[JobDone]


@router.post("/jobs/run")
def run_jobs(session: Ticking, given: JobRun) -> JobsDone:
    """Do what is due today; done twice on a day it does nothing new."""
    if not JOBS.keys() >= set(given.only):
        session.require("job.run")
        raise UsageError("serve.nothing_chosen")
    return JobsDone(jobs=[JobDone.model_validate(one) for one in session.tick(only=given.only)])


class FaultShown(Shown):
    """What in a rebuildable table does not follow from the sealed parts."""

    table: str
    where: str


class DataChecked(Shown):
    """What of the rebuildable tables is wrong."""

    faults: list[FaultShown]


class DataRebuilt(Shown):
    """What was made anew."""

    records: int
    tokens: int
    entries: int


@router.post("/data/check")
def check_data(session: Checking) -> DataChecked:
    """Compare the rebuildable tables with the sealed parts."""
    return DataChecked(faults=[FaultShown.model_validate(one) for one in session.check_data()])


@router.post("/data/rebuild")
def rebuild_data(session: Rebuilding) -> DataRebuilt:
    """Make the rebuildable tables anew from the sealed parts."""
    return DataRebuilt.model_validate(session.rebuild_data())
