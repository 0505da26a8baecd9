"""What makes each check of a regime say something else: acts on a small archive, and what is seen then."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs
import pytest

from muniment import audit
from muniment.alerts import Finding as Odd
from muniment.errors import IntegrityError, Issue, KeyStoreError
from muniment.keys import write_key_file
from muniment.policy import Actor
from muniment.session.kernel.acting import Acting
from muniment.session.kernel.engine import SHARD
from muniment.session.regimes.facts import Facts
from muniment.session.regimes.registry import CHECKS
from muniment.store import DetailGap, Part
from muniment.testing import TickingClock, new_archive, open_again

DAY = 86_400_000_000


class Seen:
    """A reader some of whose answers are others."""

    def __init__(self, reader: Any, answers: dict[str, Any]) -> None:
        self._reader = reader
        self._answers = answers

    def __getattr__(self, name: str) -> Any:
        return self._answers.get(name) or getattr(self._reader, name)


@attrs.define
class Case:
    """A small archive in which things happen, and what is pretended of it.

    Attributes:
        reader: answers of the reader that are others.
        facts: members of the facts that are others.
    """

    archive: Any
    clock: Any
    folder: Path
    patch: Any
    reader: dict[str, Any] = attrs.field(factory=dict)
    facts: dict[str, Any] = attrs.field(factory=dict)
    verified: Any = None
    person: str = ""

    @property
    def session(self) -> Any:
        return self.archive.session(actor="owner", purpose="CustomerManagement")

    @property
    def engine(self) -> Any:
        return self.archive.engine

    def look(self, name: str, argument: int) -> str:
        """The verdict of a check now."""

        def caught_up(tx: Any, moment: Any) -> None:
            audit.catch_up(tx, SHARD, moment.gen, stop=moment.size)

        self.engine.run(caught_up)
        with self.engine.store.snapshot() as reader:
            facts = Facts(self.session, Seen(reader, self.reader), self.clock.now_us, self.verified)
            for member, value in self.facts.items():
                setattr(facts, member, value(facts) if callable(value) and member == "types" else value)
            found = CHECKS[name](facts, argument)
        assert found.code.startswith("regime.")
        return found.verdict

    def note(self, kind: str, *, actor: str = "owner", **members: Any) -> int:
        roles = self.engine.definitions.users[actor].roles if actor in self.engine.definitions.users else ()
        done: int = self.engine.note(Acting(Actor(actor, roles), "CustomerManagement"), kind, **members)
        return done

    def config(self, **changed: Any) -> None:
        """Go on as if the configuration said something else."""
        settings = self.engine.settings
        self.engine.settings = attrs.evolve(settings, applied=attrs.evolve(settings.applied, **changed))

    def user(self, login: str, role: str) -> None:
        self.session.create("user", {"login": login, "display_name": login, "roles": role})

    def create(self, name: str = "Anna") -> str:
        self.person = self.session.create("customer", {"full_name": name, "phone": "030 1234567"}).id
        return self.person


Step = str | Callable[[Case], Any]


def later(days: float) -> Callable[[Case], Any]:
    """Time passes."""

    def act(case: Case) -> None:
        case.clock.now_us += int(days * DAY)

    return act


def note(kind: str, **members: Any) -> Callable[[Case], Any]:
    """An entry of a kind is in the log."""
    return lambda case: case.note(kind, **members)


def pretend(**answers: Any) -> Callable[[Case], Any]:
    """The reader answers something else."""
    return lambda case: case.reader.update(answers)


def facts(**members: Any) -> Callable[[Case], Any]:
    """The facts are others."""
    return lambda case: case.facts.update(members)


def _altered_entry(case: Case, **changed: Any) -> None:
    """The newest entry looks otherwise."""
    with case.engine.store.snapshot() as reader:
        found = list(audit.entries_of(reader, SHARD, 0))
    members = {key: value for key, value in changed.items() if key != "kind"}
    entry = attrs.evolve(found[-1].entry, **({"kind": changed["kind"]} if "kind" in changed else {}))
    last = attrs.evolve(found[-1], entry=entry, detail={**(found[-1].detail or {}), **members})
    case.facts["sample"] = [*found[:-1], last]


def _backwards(case: Case) -> None:
    with case.engine.store.snapshot() as reader:
        case.facts["sample"] = list(reversed(list(audit.entries_of(reader, SHARD, 0))))


def _witnesses(case: Case) -> None:
    witness = attrs.evolve(case.engine.settings.witness, known=("w", "x"))
    case.engine.settings = attrs.evolve(case.engine.settings, witness=witness)


def _timestamps(case: Case) -> None:
    witness = attrs.evolve(case.engine.settings.witness, timestamps="https://tsa.example.com")
    case.engine.settings = attrs.evolve(case.engine.settings, witness=witness)


def _drop_guard(case: Case) -> None:
    with sqlite3.connect(case.folder / "archive.db") as db:
        (name,) = db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' LIMIT 1").fetchone()
        db.execute(f"DROP TRIGGER {name}")
    db.close()


def _alerts(**changed: Any) -> Callable[[Case], Any]:
    return lambda case: case.config(alerts=attrs.evolve(case.engine.settings.applied.alerts, **changed))


def _raise_alert(case: Case) -> None:
    case.session.alerts._raise([Odd("A09", "medium", "owner", (1,), {})])


def _one_person(case: Case) -> None:
    case.facts["active"] = [one for one in case.engine.definitions.users.values() if one.login == "vera"]


def _only(*logins: str) -> Callable[[Case], Any]:
    def act(case: Case) -> None:
        users = case.engine.definitions.users
        case.facts["active"] = [users[login] for login in logins]

    return act


def _masked_phone(case: Case) -> None:
    record_type = case.engine.definitions.types["customer"]
    case.facts["fields_of"] = lambda *classes: [(record_type, "phone")]


def _card(kind: str = "card_number") -> Callable[[Case], Any]:
    def act(case: Case) -> None:
        record_type = case.engine.definitions.types["customer"]
        fields = tuple(
            attrs.evolve(one, kind=kind) if one.key == "phone" else one for one in record_type.fields
        )
        case.facts["types"] = lambda facts: [attrs.evolve(record_type, fields=fields)]

    return act


def _forbidden(case: Case) -> None:
    record_type = case.engine.definitions.types["customer"]
    fields = (attrs.evolve(record_type.fields[0], key="cvv"),)
    case.facts["types"] = lambda facts: [SimpleNamespace(key="customer", fields=fields)]


def _internal_only(case: Case) -> None:
    record_type = case.engine.definitions.types["customer"]
    fields = tuple(one for one in record_type.fields if one.sensitivity == "internal")
    case.facts["types"] = lambda facts: [attrs.evolve(record_type, fields=fields, title=())]


def _password(case: Case) -> None:
    case.session.credentials.change(
        "owner", "password", lambda one: attrs.evolve(one, password="hash", password_us=1)
    )


def _totp(case: Case) -> None:
    case.session.credentials.change("owner", "totp", lambda one: attrs.evolve(one, totp="SEED"))


def _glass(case: Case) -> None:
    case.user("vera", "auditor")
    case.user("eve", "owner")


def _review_glass(case: Case) -> None:
    (one,) = case.session.emergencies.list()
    with case.archive.session(actor="eve", purpose="CustomerManagement") as session:
        session.emergencies.review(one.id, finding="fine")


def _approved_by(actor: str) -> Callable[[Case], Any]:
    def act(case: Case) -> None:
        made, given = case.note("change.propose"), case.note("change.approve", actor=actor)
        record = b"r" * 16
        case.reader["builtin"] = lambda shard, types: [(5, record, 2)]
        case.reader["versions_of"] = lambda shard, record: [
            SimpleNamespace(gen=0, seq=made, version=1),
            SimpleNamespace(gen=0, seq=given, version=2),
        ]

    return act


def _update(reason: str | None) -> Callable[[Case], Any]:
    def act(case: Case) -> None:
        case.session.update(case.person, {"phone": f"030 555{case.clock.now_us % 10_000:04d}"}, reason=reason)

    return act


def _requested(case: Case) -> None:
    case.session.requests.open(case.create(), "access")


def _incident(drill: bool) -> Callable[[Case], Any]:
    def act(case: Case) -> None:
        case.session.incidents.open("it", laws=["gdpr"], drill=drill)

    return act


def _ruled(case: Case) -> None:
    categories = {one.category for one in case.engine.definitions.types["customer"].fields}
    case.patch.setattr(
        "muniment.session.regimes.keeping_checks.rules_for",
        lambda *given: [SimpleNamespace(category=one) for one in categories],
    )


def _accepted(case: Case) -> None:
    retention = attrs.evolve(case.engine.settings.applied.retention, accepted_by="somebody, 2026-01-01")
    case.config(retention=retention)


def _due(case: Case) -> None:
    case.patch.setattr(
        "muniment.session.rights.retaining.Retaining.plan",
        lambda self, **given: [SimpleNamespace(state="due")],
    )


def _warned(*codes: str) -> Callable[[Case], Any]:
    def act(case: Case) -> None:
        found = case.engine.keys.status()
        warnings = tuple(Issue(code, severity="warning") for code in codes)
        case.patch.setattr(
            "muniment.keys.KeyStore.status", lambda self: attrs.evolve(found, warnings=warnings)
        )

    return act


def _failing_self_test(case: Case) -> None:
    def fails() -> None:
        raise KeyStoreError("key.self_test", name="x")

    case.patch.setattr(
        "muniment.session.regimes.keeping_checks.self_test", SimpleNamespace(__wrapped__=fails)
    )


def _key_backup(case: Case) -> None:
    places = case.folder.with_name("keys"), case.folder.with_name("slots")
    for place in places:
        place.mkdir()
    case.session.keys.backup(*places)


def _planned_backup(case: Case) -> None:
    case.config(backup=attrs.evolve(case.engine.settings.applied.backup, to="elsewhere"))


def _backups(case: Case) -> Path:
    place = case.folder.with_name("backups")
    place.mkdir(exist_ok=True)
    case.config(backup=attrs.evolve(case.engine.settings.applied.backup, to=str(place)))
    return place


def _slots_of(*kinds: str) -> Callable[[Case], Any]:
    def act(case: Case) -> None:
        found = case.engine.keys.status()
        slots = tuple(attrs.evolve(found.slots[0], kind=kind) for kind in kinds)
        case.patch.setattr("muniment.keys.KeyStore.status", lambda self: attrs.evolve(found, slots=slots))

    return act


def _edited(text: str) -> Callable[[Case], Any]:
    def act(case: Case) -> None:
        path = case.folder / "muniment.toml"
        path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")

    return act


def _quarantined(case: Case) -> None:
    plugins = case.engine.plugins
    case.engine.plugins = SimpleNamespace(
        quarantined={"clinic": None}, loaded=plugins.loaded, authorizes=False
    )


def _consent(**changed: Any) -> Callable[[Case], Any]:
    return lambda case: case.config(consent=attrs.evolve(case.engine.settings.applied.consent, **changed))


def _no_room(case: Case) -> None:
    case.patch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=1))


def _lenient(case: Case) -> None:
    case.engine.policy = SimpleNamespace(
        may=lambda *given, **more: True,
        view=lambda *given: SimpleNamespace(readable={"phone"}),
        require_known=lambda actor: None,
        require_purpose=lambda *given: None,
    )


def _one_row(case: Case) -> None:
    case.reader["builtin"] = lambda shard, types: [(next(iter(types)), b"r" * 16, 1)]


def _report(case: Case) -> None:
    case.verified = SimpleNamespace(unfinished=0, entries=9, versions=9, parts=9)


def _broken(case: Case) -> None:
    case.verified = IntegrityError("integrity.root", where="log")


def _disposed(case: Case) -> None:
    case.reader["detail_gaps"] = lambda shard: [DetailGap(0, 0, 0, 1, 0, 0)]


def _logins(*logins: str) -> Callable[[Case], Any]:
    def act(case: Case) -> None:
        case.facts["clear"] = lambda kind, deleted=False: [{"login": one} for one in logins if not deleted]

    return act


FLIPS: dict[str, tuple[Step, ...]] = {
    "reads": ("nothing", Case.create, lambda case: case.session.get(case.person), "shown"),
    "writes": ("nothing", Case.create, "part", _report, "shown", _broken, "gap"),
    "verified": ("nothing", _report, "shown", _broken, "gap"),
    "refuses_changes": ("shown", _drop_guard, "gap"),
    "signed": ("shown", pretend(last_checkpoint=lambda shard, gen: None), "gap"),
    "witnessed": (
        "gap", _witnesses, "gap", note("log.witness", target={"witness": "w"}), "shown", later(40), "gap"
    ),
    "timestamped": ("gap", _timestamps, "nothing", note("log.timestamp"), "shown"),
    "log_reads": ("gap", lambda case: case.session.entries(), "shown"),
    "denials": ("nothing", note("access.deny", outcome="denied"), "shown"),
    "six_items": ("shown", lambda case: _altered_entry(case, source={}), "gap", facts(sample=[]), "nothing"),
    "catalogue": ("shown", lambda case: _altered_entry(case, kind="record.steal"), "gap"),
    "clock": ("shown", note("clock.skew"), "part", _backwards, "gap"),
    "kept": ("part", _disposed, "gap", later(400), "shown"),
    "reviewed": ("gap", lambda case: case.session.alerts.review(reason="looked"), "shown", later(40), "gap"),
    "alerts_run": ("gap", lambda case: case.session.alerts.run(), "shown", later(3), "gap"),
    "alert_rules": (
        "part", _alerts(mail_to="privacy@example.com"), "shown", _alerts(rules={"A09": {"off": True}}), "gap"
    ),
    "alerts_handled": ("nothing", _raise_alert, "shown", later(31), "gap"),
    "searchable": ("shown", lambda case: _deaf(case), "gap"),
    "exported": ("nothing", lambda case: case.session.export_log(case.folder.with_name("taken")), "shown"),
    "starts": ("shown", facts(count=lambda *kinds, **more: 0), "gap"),
    "jobs": (
        "gap", lambda case: case.session.tick(only=["keys"]), "shown", later(3), "gap",
        lambda case: case.session.tick(only=["keys"]), "shown", note("job.fail", outcome="failed"), "gap",
    ),
    "room": ("shown", _no_room, "gap"),
    "default_deny": ("shown", _lenient, "gap"),
    "separation": ("gap", lambda case: case.user("vera", "auditor"), "gap", _one_person, "shown"),
    "unique_users": ("shown", _logins("li.na", "vera"), "shown", _logins("li.na", "li.na"), "gap"),
    "second_factor": ("nothing", _password, "gap", _totp, "shown"),
    "sign_ins": ("nothing", note("user.sign_in"), "shown"),
    "access_changes": ("shown", facts(newest=lambda *kinds, **more: None), "nothing"),
    "rights_reviewed": (
        "gap", note("role.read"), "part", lambda case: case.session.review_rights("as it should be"), "shown",
        lambda case: case.user("rea", "reader"), "part",
        lambda case: case.session.review_rights("one more reader"), "shown", later(200), "gap",
    ),
    "leavers": (
        "nothing", lambda case: case.user("rea", "reader"),
        lambda case: case.session.update(
            case.engine.actor("rea").record, {"state": "disabled"}, reason="left"
        ),
        "shown", lambda case: _acts(case, "rea"), "gap",
    ),
    "dormant": ("shown", later(100), "gap"),
    "log_readers": (
        "part", lambda case: case.user("rea", "reader"), "shown",
        lambda case: case.facts.update(who_may=lambda action: list(range(2))), "gap",
    ),
    "least_fields": (
        "nothing", _masked_phone, "part", lambda case: case.user("vera", "auditor"), "shown",
        lambda case: case.user("eva", "editor"), "part", lambda case: case.user("vero", "auditor"), "shown",
        _only("owner", "eva"), "gap",
    ),
    "purposes": (
        "nothing", Case.create, "part", lambda case: case.config(purposes=("CustomerManagement",)), "shown",
        lambda case: _altered_entry(case, purpose=""), "gap",
    ),
    "break_glass": (
        "gap", _glass, "part", Case.create,
        lambda case: case.session.emergencies.begin(case.person, reason="must know"), "shown",
        later(4), "gap", _review_glass, "shown",
    ),
    "approvals": (
        "gap", lambda case: case.config(approvals=SimpleNamespace(rules=("one",))), "part",
        note("approval.give"), "shown",
    ),
    "own_approval": ("nothing", _approved_by("vera"), "shown", _approved_by("owner"), "gap"),
    "sealed": (
        "shown", pretend(parts_by_record=lambda shard: iter([Part(0, b"r", 1, 1, b"Anna")])), "gap",
        pretend(
            parts_by_record=lambda shard: iter(()),
            currents=lambda shard: iter([SimpleNamespace(clear='{"1": "Anna"}', type=999)]),
        ), "gap",
    ),
    "classes": ("shown", _internal_only, "part", facts(types=lambda facts: []), "nothing"),
    "forbidden": ("shown", _forbidden, "gap"),
    "card_masked": (
        "nothing", _card(), "shown", lambda case: case.user("eve", "owner"), "gap",
    ),
    "history": (
        "nothing", Case.create, _update("moved"), "shown",
        pretend(version=lambda shard, record, version=None: None), "gap",
    ),
    "reasons": ("nothing", Case.create, _update("moved"), "shown", _update(None), "gap"),
    "disclosures": (
        "nothing", Case.create,
        lambda case: case.session.export_file("customer", case.folder.with_name("out.csv")), "shown",
        note("record.print"), "part",
    ),
    "exports_bound": (
        "part", lambda case: case.user("rea", "reader"), "shown",
        lambda case: case.facts.update(who_may=lambda action: list(range(2))), "gap",
    ),
    "consents": ("gap", _consent(purposes=frozenset({"Marketing"})), "nothing", _one_row, "shown"),
    "separate_consents": ("gap", _consent(separate=frozenset({"sensitive"})), "shown"),
    "minors": (
        "gap", _consent(guardian_below=14, birth_field="customer.birth_date"), "shown",
        _consent(guardian_below=0), facts(types=lambda facts: []), "nothing",
    ),
    "notices": ("nothing", _one_row, "shown"),
    "requests": ("nothing", _requested, "shown", later(60), "gap"),
    "reports_given": (
        "nothing", Case.create, lambda case: case.session.persons.report(case.person), "shown"
    ),
    "handed_over": ("nothing", note("subject.export"), "shown"),
    "restrictions": ("nothing", _one_row, "shown"),
    "objections": ("nothing", note("subject.object"), "shown"),
    "incidents": ("nothing", _incident(False), "part", _incident(True), "shown", later(4), "gap"),
    "retention_rules": ("gap", _ruled, "shown", facts(types=lambda facts: []), "nothing"),
    "retention_accepted": ("gap", _accepted, "shown"),
    "retention_applied": ("nothing", note("retention.apply"), "shown", _due, "gap"),
    "holds": (
        "nothing", Case.create,
        lambda case: case.session.holds.place("file 12", subjects=[case.person]), "shown",
    ),
    "erasures": (
        "nothing", Case.create, lambda case: case.session.erase(case.person, reason="asked"), "shown",
        pretend(unfinished=lambda shard: ["one"]), "gap",
    ),
    "keys_sound": ("gap", _warned(), "shown", _warned("key.few_slots"), "gap"),
    "keys_rotated": ("shown", later(400), "gap", lambda case: case.session.keys.rotate(), "shown"),
    "keys_apart": (
        "part", lambda case: (case.folder / "owner.key").write_text("no key"), "part",
        lambda case: write_key_file(case.folder / "files" / "notes.txt", case.engine.archive), "gap",
        lambda case: (case.folder / "files" / "notes.txt").unlink(), "part",
        lambda case: write_key_file(_backups(case) / "readme", case.engine.archive), "gap",
        lambda case: (_backups(case) / "readme").unlink(), _slots_of("passphrase", "recovery"), "shown",
    ),
    "keys_backed_up": (
        "gap",
        _key_backup,
        "shown",
    ),
    "self_tested": ("shown", _failing_self_test, "gap"),
    "backup_fresh": (
        "gap", lambda case: case.session.backups.create(case.folder.with_name("backup")), "part",
        _planned_backup, "shown", later(2), "gap",
    ),
    "drilled": (
        "gap", note("backup.drill"), "shown", later(400), "gap", note("backup.drill", outcome="failed"), "gap"
    ),
    "change_control": ("shown", pretend(builtin=lambda shard, types: []), "gap"),
    "changed_settings": ("shown", _edited("\n# more\n"), "gap", _edited("\n]["), "gap"),
    "ruleset": ("shown", lambda case: _altered_entry(case, ruleset=""), "gap", facts(sample=[]), "nothing"),
    "plugins_sound": ("shown", note("plugin.fail", outcome="failed"), "part", _quarantined, "gap"),
}  # fmt: skip
"""For each check: verdicts, and between them what happens."""


def _deaf(case: Case) -> None:
    def some(shard: int, gen: int, filters: Any) -> list[Any]:
        with case.engine.store.snapshot() as reader:
            found: list[Any] = reader.find_entries(shard, gen, filters)
        return [] if filters.purpose else found

    case.reader["find_entries"] = some


def _acts(case: Case, login: str) -> None:
    """Somebody who was disabled is in the log all the same."""
    moment = Acting(Actor(login, ()), "CustomerManagement")
    detail = case.engine.detail(moment, case.engine.new_id())

    def body(tx: Any, moment: Any) -> None:
        from muniment.session.kernel.logbook import Draft

        case.engine.logbook.append(tx, moment, [Draft("record.read", detail)], actor=login)

    case.engine.run(body)


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    folder = tmp_path_factory.mktemp("regimes") / "archive"
    new_archive(folder, clock=TickingClock()).close()
    return folder


@pytest.fixture
def case(pristine, tmp_path, monkeypatch):
    """A copy of an archive that was just made."""
    folder = tmp_path / "archive"
    shutil.copytree(pristine, folder)
    shutil.copy(pristine.with_name("archive.key"), tmp_path / "archive.key")
    clock = TickingClock(now_us=1_767_225_700_000_000)
    with open_again(folder, clock=clock) as archive:
        yield Case(archive, clock, folder, monkeypatch)


def test_every_check_has_a_test_in_which_it_flips():
    """A check that cannot say two things tells nothing."""
    assert CHECKS.keys() == FLIPS.keys()
    for name, steps in FLIPS.items():
        assert len({one for one in steps if isinstance(one, str)}) > 1, name


@pytest.mark.parametrize("name", sorted(FLIPS))
def test_a_check_follows_what_happens(case, name):
    """What it says before, and after each thing that happens."""
    for place, step in enumerate(FLIPS[name]):
        if isinstance(step, str):
            assert (place, step) == (place, case.look(name, 0))
        else:
            step(case)
