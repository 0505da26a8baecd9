"""Checks of what keeps the archive: retention, holds, erasure, keys, backups, plugins, the rules in force."""

from __future__ import annotations

from pathlib import Path

from muniment.errors import KeyStoreError, MunimentError
from muniment.keys.roots import key_files_in
from muniment.keys.selftest import self_test
from muniment.regimes import Finding
from muniment.retention.rules import rules_for
from muniment.schema.builtin import CONFIGURATION, DEFINITION, ERASURE, HOLD
from muniment.session.backups import Backups
from muniment.session.kernel.engine import SHARD
from muniment.session.reading.generations import Place
from muniment.session.regimes.facts import DAY_US, HOUR_US, Facts, gap, nothing, part, shown

__all__ = [
    "backup_fresh",
    "change_control",
    "changed_settings",
    "drilled",
    "erasures",
    "holds",
    "keys_apart",
    "keys_backed_up",
    "keys_rotated",
    "keys_sound",
    "plugins_sound",
    "retention_accepted",
    "retention_applied",
    "retention_rules",
    "ruleset",
    "self_tested",
]


def retention_rules(facts: Facts, argument: int) -> Finding:
    """Every retention category of every type has a rule."""
    brought, own = facts.engine.plugins.retention_rules(), facts.applied.retention.own
    without = set()
    total = 0
    for one in facts.types:
        fields = {field.key: field.category for field in one.fields if not field.retired}
        ruled = {rule.category for rule in (*brought.get(one.key, ()), *rules_for(own, one.key, fields))}
        total += len(set(fields.values()))
        without |= {f"{one.key}/{category}" for category in set(fields.values()) - ruled}
    if not total:
        return nothing("regime.no_types")
    if without:
        return gap("regime.no_rule", count=len(without), total=total, names=", ".join(sorted(without)[:5]))
    return shown("regime.retention_rules", count=total)


def retention_accepted(facts: Facts, argument: int) -> Finding:
    """Somebody answers for the rules that are applied."""
    if facts.applied.retention.accepted_by:
        return shown(
            "regime.rules_accepted", jurisdictions=", ".join(facts.applied.retention.jurisdictions) or "—"
        )
    return gap("regime.rules_unaccepted")


def retention_applied(facts: Facts, argument: int) -> Finding:
    """Nothing stays longer than its rule says."""
    overstayed = facts.overstayed
    if overstayed is None:
        return nothing("regime.may_not_look")
    hours = (facts.now_us - overstayed.planned_us) // HOUR_US
    newest = facts.newest("retention.apply", outcome="ok")
    if overstayed.due:
        return gap("regime.retention_due", count=overstayed.due, hours=hours)
    if newest is None:
        return nothing()
    return shown("regime.retention_applied", newest[1], days=facts.days(newest[0].time_us), hours=hours)


def holds(facts: Facts, argument: int) -> Finding:
    """Holds were placed, and stop disposal."""
    count = len(facts.reader.builtin(SHARD, (HOLD.number,)))
    if not count:
        return nothing()
    standing = sum(one.get("state") == "placed" for one in facts.clear(HOLD))
    refused = facts.count("retention.refuse", "erasure.refuse")
    return shown("regime.holds", count=count, standing=standing, refused=refused)


def erasures(facts: Facts, argument: int) -> Finding:
    """Erasures came to their end, each with a certificate."""
    unfinished = facts.reader.unfinished(SHARD)
    if unfinished:
        return gap("regime.erasure_unfinished", count=len(unfinished))
    found = list(facts.clear(ERASURE))
    if not found:
        return nothing()
    begun = sum(one.get("state") != "done" for one in found)
    if begun:
        return gap("regime.erasure_uncertified", count=begun)
    return shown("regime.erasures", count=len(found))


def keys_sound(facts: Facts, argument: int) -> Finding:
    """The key store has no warning: slots, their files, their tests, its backups."""
    status = facts.engine.keys.status()
    if status.warnings:
        names = ", ".join(sorted({one.code for one in status.warnings}))
        return gap("regime.key_warnings", count=len(status.warnings), names=names)
    return shown("regime.keys_sound", slots=len(status.slots), epoch=status.epoch)


def keys_rotated(facts: Facts, argument: int) -> Finding:
    """The archive key is no older than so many days."""
    wanted = argument or 365
    newest = facts.newest("key.rotate", outcome="ok")
    days = facts.days(facts.began_us if newest is None else newest[0].time_us)
    places = () if newest is None else (newest[1],)
    if days > wanted:
        return gap("regime.key_old", *places, days=days, wanted=wanted)
    return shown("regime.key_young", *places, days=days, wanted=wanted)


def keys_apart(facts: Facts, argument: int) -> Finding:
    """What opens the keys lies neither with the data nor with its backups, whatever its file is called."""
    places = [facts.engine.folder]
    if facts.applied.backup.to and "://" not in facts.applied.backup.to:
        places.append(Path(facts.applied.backup.to))
    inside = [path.name for place in places for path in key_files_in(place)]
    if inside:
        return gap("regime.keys_beside", names=", ".join(sorted(inside)))
    if any(one.kind == "keyfile" for one in facts.engine.keys.status().slots):
        return part("regime.keys_in_folder")
    return shown("regime.no_key_file")


def keys_backed_up(facts: Facts, argument: int) -> Finding:
    """The key store has a backup of its own."""
    pair = facts.engine.keys.status().backup
    if pair is None:
        return gap("regime.no_key_backup")
    newest = facts.newest("key.backup", outcome="ok")
    places = () if newest is None else (newest[1],)
    return shown("regime.key_backup", *places)


def self_tested(facts: Facts, argument: int) -> Finding:
    """The primitives answer as they must, tried now."""
    try:
        self_test.__wrapped__()
    except KeyStoreError as error:
        return gap("regime.self_test_failed", code=error.code)
    return shown("regime.self_tested")


def backup_fresh(facts: Facts, argument: int) -> Finding:
    """A verified backup is no older than the plan says."""
    plan, last = facts.applied.backup, Backups(facts.engine, facts.session.acting).last()
    if last is None:
        return gap("regime.no_backup")
    age = facts.now_us - last.made_us
    if not plan.to:
        return part("regime.backup_unplanned", days=age // DAY_US)
    if age > plan.every_hours * HOUR_US:
        return gap("regime.backup_old", hours=age // HOUR_US, wanted=plan.every_hours)
    return shown("regime.backup", hours=age // HOUR_US, size=last.size)


def drilled(facts: Facts, argument: int) -> Finding:
    """Restoring was practised within so many days, and worked."""
    newest = facts.newest("backup.drill")
    if newest is None:
        return gap("regime.never_drilled")
    days = facts.days(newest[0].time_us)
    if newest[0].outcome != "ok":
        return gap("regime.drill_failed", newest[1])
    if days > (argument or 365):
        return gap("regime.drill_old", newest[1], days=days)
    return shown("regime.drilled", newest[1], days=days)


def change_control(facts: Facts, argument: int) -> Finding:
    """Types and settings have versions, and each change is an entry."""
    definitions = facts.reader.builtin(SHARD, (DEFINITION.number,))
    settings = facts.reader.builtin(SHARD, (CONFIGURATION.number,))
    if not settings:
        return gap("regime.no_settings")
    kinds = (
        "config.apply",
        "schema.apply",
        "template.apply",
        "plugin.enable",
        "plugin.disable",
        "plugin.upgrade",
    )
    newest = facts.newest(*kinds)
    places = () if newest is None else (newest[1],)
    versions = sum(one[2] for one in (*definitions, *settings))
    return shown("regime.change_control", *places, count=facts.count(*kinds), versions=versions)


def changed_settings(facts: Facts, argument: int) -> Finding:
    """What people edit is what holds."""
    from muniment import config

    try:
        file = config.read(facts.engine.folder)
    except MunimentError as error:
        return gap("regime.file_wrong", code=error.code)
    if config.digest_of(file.text) != config.digest_of(facts.applied.text):
        return gap("regime.file_differs")
    return shown("regime.file_same")


def ruleset(facts: Facts, argument: int) -> Finding:
    """Each entry names the rules under which it was done."""
    for one in facts.sample:
        if not (one.detail or {}).get("ruleset") and one.entry.kind != "archive.create":
            return gap("regime.no_ruleset", str(Place(facts.sample_gen, one.index)))
    if not facts.sample:
        return nothing()
    used = len({str((one.detail or {}).get("ruleset")) for one in facts.sample})
    return shown("regime.ruleset", count=len(facts.sample), used=used)


def plugins_sound(facts: Facts, argument: int) -> Finding:
    """Every enabled plugin is loaded, with the code that was applied."""
    plugins = facts.engine.plugins
    if plugins.quarantined:
        names = ", ".join(sorted(plugins.quarantined))
        return gap("regime.quarantined", count=len(plugins.quarantined), names=names)
    failed = facts.count("plugin.fail")
    if failed:
        return part("regime.plugin_failed", count=failed)
    if not plugins.loaded:
        return shown("regime.no_plugins")
    return shown("regime.plugins_sound", count=len(plugins.loaded))
