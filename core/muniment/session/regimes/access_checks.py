"""Checks of who may do what, how people are known, and what they did with it."""

from __future__ import annotations

from collections import Counter

from muniment.policy import ACTIONS, Actor
from muniment.regimes import Finding
from muniment.schema.builtin import BREAK_GLASS, PROPOSAL, USER
from muniment.session.credentials import Credentials
from muniment.session.kernel.engine import SHARD
from muniment.session.oversight.rights_review import rights_digest
from muniment.session.reading.generations import Place
from muniment.session.regimes.facts import HOUR_US, Facts, gap, nothing, part, shown

__all__ = [
    "access_changes",
    "approvals",
    "break_glass",
    "default_deny",
    "dormant",
    "least_fields",
    "leavers",
    "log_readers",
    "own_approval",
    "purposes",
    "rights_reviewed",
    "second_factor",
    "separation",
    "sign_ins",
    "unique_users",
]

_NOBODY = "somebody-unknown"
_KEEPS = frozenset({"user.change", "config.change", "key.change"})
_WATCHES = frozenset({"alert.review", "log.export"})


def default_deny(facts: Facts, argument: int) -> Finding:
    """Somebody without a role may do nothing at all, asked of the function that enforces it."""
    stranger = Actor(_NOBODY)
    allowed = [action for action in ACTIONS if facts.policy.may(stranger, action)]
    seen = [one.key for one in facts.types if facts.policy.view(stranger, one).readable]
    if allowed or seen:
        return gap("regime.not_denied", count=len(allowed) + len(seen))
    return shown("regime.default_deny", actions=len(ACTIONS), types=len(facts.types))


def separation(facts: Facts, argument: int) -> Finding:
    """Nobody both runs the archive and watches over it."""
    both = sorted(
        one.login
        for one in facts.active
        if any(one in facts.who_may(action) for action in _KEEPS)
        and any(one in facts.who_may(action) for action in _WATCHES)
    )
    if both:
        return gap("regime.not_separate", count=len(both), names=", ".join(both[:5]))
    return shown("regime.separate", count=len(facts.active))


def unique_users(facts: Facts, argument: int) -> Finding:
    """Every login was only ever one account's, deleted ones too."""
    logins = [str(one.get("login")) for one in (*facts.clear(USER), *facts.clear(USER, deleted=True))]
    for place, login in enumerate(logins):
        if login in logins[:place]:
            return gap("regime.shared_login", name=login)
    return shown("regime.unique_users", count=len(logins), active=len(facts.active))


def second_factor(facts: Facts, argument: int) -> Finding:
    """Whoever can sign in with a password has a second factor too."""
    credentials = Credentials(facts.engine, facts.session.acting)
    held = {one.login: credentials.of(one.login) for one in facts.active}
    signing = {login: one for login, one in held.items() if one.present}
    if not signing:
        return nothing("regime.no_credentials", count=len(facts.active))
    weak = sorted(login for login, one in signing.items() if not (one.totp or one.passkeys))
    if weak:
        return gap("regime.one_factor", count=len(weak), total=len(signing))
    return shown("regime.second_factor", count=len(signing))


def sign_ins(facts: Facts, argument: int) -> Finding:
    """Sign-ins that worked and that failed are entries."""
    newest = facts.newest("user.sign_in", "user.sign_fail", "user.lock")
    if newest is None:
        return nothing()
    return shown(
        "regime.sign_ins",
        newest[1],
        count=facts.count("user.sign_in"),
        failed=facts.count("user.sign_fail"),
        locked=facts.count("user.lock"),
    )


def access_changes(facts: Facts, argument: int) -> Finding:
    """Accounts, roles and credentials that changed are entries."""
    kinds = (
        "user.add", "user.change", "user.disable", "user.enable", "role.define", "role.remove", "role.grant",
        "role.revoke", "credential.set", "credential.remove", "token.issue", "token.revoke",
    )  # fmt: skip
    newest = facts.newest(*kinds)
    if newest is None:
        return nothing()
    return shown("regime.access_changes", newest[1], count=facts.count(*kinds))


def rights_reviewed(facts: Facts, argument: int) -> Finding:
    """Somebody signed a review of the rights that hold now, within so many days."""
    wanted = argument or 180
    newest = facts.newest("role.review", outcome="ok")
    if newest is not None and facts.days(newest[0].time_us) <= wanted:
        target = (facts.found(newest[0]).detail or {}).get("target") or {}
        verdict = shown if target.get("rights") == rights_digest(facts.engine) else part
        code = "regime.rights_reviewed" if verdict is shown else "regime.rights_changed"
        return verdict(code, newest[1], days=facts.days(newest[0].time_us))
    looked = facts.newest("role.read", "user.read", outcome="ok")
    if looked is not None and facts.days(looked[0].time_us) <= wanted:
        return part("regime.rights_looked_at", looked[1], days=facts.days(looked[0].time_us))
    return gap("regime.rights_unreviewed", wanted=wanted)


def leavers(facts: Facts, argument: int) -> Finding:
    """Nobody who was disabled did anything since."""
    gone = [one for one in facts.users.values() if not one.active]
    if not gone:
        return nothing()
    for one in gone:
        version = facts.reader.version(SHARD, one.record)
        newest = facts.newest(actor=one.login, outcome="ok")
        if version is not None and newest is not None and newest[0].time_us > version.recorded_us:
            return gap("regime.leaver_acted", newest[1], name=one.login)
    return shown("regime.leavers", count=len(gone))


def dormant(facts: Facts, argument: int) -> Finding:
    """Everybody who may act did something within so many days."""
    wanted = argument or 90
    idle = []
    for one in facts.active:
        newest = facts.newest(actor=one.login)
        version = facts.reader.version(SHARD, one.record, 1)
        began = facts.now_us if version is None else version.recorded_us
        if facts.days(began if newest is None else newest[0].time_us) > wanted:
            idle.append(one.login)
    if idle:
        return gap("regime.dormant", count=len(idle), names=", ".join(sorted(idle)[:5]), wanted=wanted)
    return shown("regime.not_dormant", count=len(facts.active), wanted=wanted)


def log_readers(facts: Facts, argument: int) -> Finding:
    """Not everybody may read the log."""
    readers = facts.who_may("log.read")
    if len(facts.active) > 1 and len(readers) == len(facts.active):
        return gap("regime.all_read_log", count=len(readers))
    if len(facts.active) <= 1:
        return part("regime.one_user")
    return shown("regime.log_readers", count=len(readers), total=len(facts.active))


def least_fields(facts: Facts, argument: int) -> Finding:
    """No sensitive or restricted field is in clear for more than half of those who may act."""
    fields = facts.fields_of("sensitive", "restricted")
    if not fields:
        return nothing("regime.no_sensitive")
    total = len(facts.active)
    if total <= 1:
        return part("regime.one_user")
    seen = Counter[str]()
    wide: set[str] = set()
    for one in facts.active:
        for record_type, key in fields:
            if key in facts.view(one, record_type).clear:
                seen[f"{record_type.key}.{key}"] += 1
                wide.add(one.login)
    everybody = sorted(name for name, count in seen.items() if count == total)
    if everybody:
        return gap("regime.all_see_all", count=total, fields=len(fields), names=", ".join(everybody[:5]))
    most = sorted(name for name, count in seen.items() if 2 * count > total)
    if most:
        return part("regime.most_see", count=len(most), fields=len(fields), names=", ".join(most[:5]))
    return shown("regime.least_fields", count=len(wide), total=total, fields=len(fields))


def purposes(facts: Facts, argument: int) -> Finding:
    """Each access says why, and only purposes that were agreed on may be given."""
    touched = [one for one in facts.sample if one.entry.kind.startswith("record.")]
    for one in touched:
        if not (one.detail or {}).get("purpose"):
            return gap("regime.no_purpose", str(Place(facts.sample_gen, one.index)))
    if not touched:
        return nothing()
    if not facts.applied.purposes:
        return part("regime.purposes_open", count=len(touched))
    return shown("regime.purposes", count=len(touched), allowed=len(facts.applied.purposes))


def break_glass(facts: Facts, argument: int) -> Finding:
    """Emergency access can be had, and every use of it was reviewed by somebody else in time."""
    may = facts.who_may("break_glass.begin")
    reviewers = facts.who_may("break_glass.review")
    if not may or len({one.login for one in reviewers}) < 2:
        return gap("regime.glass_unready", count=len(may), reviewers=len(reviewers))
    used = list(facts.kept(BREAK_GLASS))
    if not used:
        return part("regime.glass_unused", count=len(may))
    limit = facts.now_us - (argument or 72) * HOUR_US
    late = [
        values
        for version, values in used
        if values["state"] != "reviewed" and _made_us(version.record) < limit
    ]
    if late:
        return gap("regime.glass_unreviewed", count=len(late), wanted=argument or 72)
    return shown("regime.glass_reviewed", count=len(used))


def _made_us(record: bytes) -> int:
    return int.from_bytes(record[:6], "big") * 1_000  # a UUIDv7 holds milliseconds


def approvals(facts: Facts, argument: int) -> Finding:
    """Some changes wait for a second person."""
    rules = facts.applied.approvals.rules
    asking = [
        one.source.name for one in facts.engine.plugins.loaded if "muniment_needs_approval" in one.hooks
    ]
    if not rules and not asking:
        return gap("regime.no_approvals")
    used = facts.count("change.approve", "approval.give")
    if not used:
        return part("regime.approvals_unused", count=len(rules) + len(asking))
    return shown("regime.approvals", count=len(rules) + len(asking), used=used)


def own_approval(facts: Facts, argument: int) -> Finding:
    """Nobody approved what they had asked for themselves."""
    makers: dict[bytes, str] = {}
    checked = 0
    for _, record, _ in facts.reader.builtin(SHARD, (PROPOSAL.number,)):
        for version in facts.reader.versions_of(SHARD, record):
            found = _entry(facts, version.gen, version.seq)
            if found is None:
                continue
            kind, actor = found
            if version.version == 1:
                makers[record] = actor
            elif kind in ("change.approve", "approval.give"):
                checked += 1
                if makers.get(record) == actor:
                    return gap("regime.own_approval", str(Place(version.gen, version.seq)))
    if not checked:
        return nothing()
    return shown("regime.others_approved", count=checked)


def _entry(facts: Facts, gen: int, seq: int) -> tuple[str, str] | None:
    from muniment import audit

    found = audit.entry_at(facts.reader, SHARD, gen, seq)
    detail = found.detail
    return None if detail is None else (found.entry.kind, str(detail.get("actor", {}).get("id", "")))
