from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muniment.alerts import BUILTIN_RULES, Event, Facts, Watch
from muniment.alerts.events import LOOKS
from muniment.archive import Archive
from muniment.errors import AccessDenied, PluginError, UsageError
from muniment.session.oversight.alerting_delivery import signature_of
from muniment.session.reading.generations import Place
from muniment.testing import new_archive, open_again
from muniment.testing.simulation import score, simulate

DAY = 86_400_000_000
SMALL = {"staff": 25, "subjects": 700, "days": 66}


def event(entry: int = 0, **more: Any) -> Event:
    time_us = more.pop("time_us", 1_767_225_600_000_000 + entry * 1_000_000)
    given = {
        "entry": entry, "time_us": time_us, "day": time_us // DAY, "minute": time_us % DAY // 60_000_000,
        "kind": "record.read", "outcome": "ok", "code": "", "actor": "li.na", "roles": ("editor",),
        "purpose": "ServiceProvision", "address": "", "session": "", "type": "customer", "records": 1,
        "subjects": ("aa",), "classes": frozenset({"personal"}), "op": "", "break_glass": False, "target": {},
    }  # fmt: skip
    return Event(**{**given, **more})


def found(events: list[Event], rule: str, *, facts: Facts | None = None, **parameters: Any) -> list[str]:
    """The rules that find something, when one rule alone looks at these events and ten days go by."""
    watch = Watch({rule: BUILTIN_RULES[rule]}, facts or Facts(), {rule: parameters})
    seen = [*watch.see(events), *watch.tick(max(one.time_us for one in events) + 10 * DAY)]
    return [one.rule for one in seen]


def looks(count: int, *, seconds: float = 60, **more: Any) -> list[Event]:
    """So many looks at as many people."""
    start = 1_767_225_600_000_000
    return [
        event(at, time_us=start + int(at * seconds * 1_000_000), subjects=(f"{at:04x}",), **more)
        for at in range(count)
    ]


def worked(one: Event) -> Event:
    return one._replace(entry=one.entry + 1, time_us=one.time_us + 60_000_000, kind="record.update")


HOUR = 3_600_000_000


@pytest.mark.parametrize(
    ("rule", "odd", "near", "explained"),
    [
        ("A01", [event()], [event(records=100)], [event(), worked(event())]),
        ("A02", [event(kind="break_glass.begin", named=("g",))],
         [event(kind="break_glass.begin", outcome="denied")],
         [event(kind="break_glass.begin", named=("g",)),
          event(1, kind="break_glass.review", named=("g",))]),
        ("A09", looks(21), looks(20), looks(20) * 3),
        ("A10", looks(20, seconds=1), looks(19, seconds=1), looks(20, seconds=3)),
        ("A11", [event(kind="record.export", records=501)], [event(kind="record.export", records=500)],
         [event(kind="record.export", records=501, outcome="denied")]),
        ("A12", [event(kind="access.deny", outcome="denied", code="access.disabled")],
         [event(kind="access.deny", outcome="denied", code="access.action")],
         [event(), event(1, time_us=1_767_225_600_000_000 + 89 * DAY)]),
        ("A14", [event(at, kind="access.deny", outcome="denied", subjects=()) for at in range(5)],
         [event(at, kind="access.deny", outcome="denied", subjects=()) for at in range(4)],
         [event(at, kind="access.deny", outcome="denied", subjects=(), time_us=at * HOUR)
          for at in range(5)]),
        ("A15", [event(at, address=f"{8 + at % 2}.1.1.1", session=f"s{at % 2}") for at in range(3)],
         [event(at, address=f"8.1.1.{at % 2}", session=f"s{at % 2}") for at in range(3)],
         [event(at, address=f"{8 + at}.1.1.1", session=f"s{at}") for at in range(2)]),
        ("A19", looks(11, classes=frozenset({"sensitive"})), looks(10, classes=frozenset({"sensitive"})),
         looks(11)),
        ("A21", [event(kind="change.approve", made_by=("li.na",))],
         [event(kind="change.approve", made_by=("bo",))],
         [event(kind="change.approve", outcome="denied", made_by=("li.na",))]),
        ("A16", [event(kind="role.grant", target={"user": "li.na", "role": "r"})],
         [event(kind="role.grant", target={"user": "bo", "role": "r"})],
         [event(kind="role.grant", target={"user": "bo", "role": "r"}),
          event(1, kind="role.revoke", target={"user": "bo", "role": "r"})]),
        ("A17", [event(kind="log.continue")], [event(kind="log.verify")], [event(kind="log.verify")]),
        ("A13", [*(event(at) for at in range(200)), event(200, purpose="Marketing")],
         [*(event(at) for at in range(199)), event(199, purpose="Marketing")],
         [*(event(at, purpose="Marketing") for at in range(3)), *(event(at) for at in range(3, 250)),
          event(250, purpose="Marketing")]),
        ("R02", [event(kind="job.fail", outcome="failed", target={"job": "backup"})],
         [event(kind="job.fail", outcome="failed", target={"job": "requests"})],
         [event(kind="job.run", target={"job": "backup"})]),
        ("R01", [event(), event(1, time_us=1_767_225_600_000_000 + 32 * DAY)],
         [event(), event(1, time_us=1_767_225_600_000_000 + 20 * DAY)],
         [event(), event(1, kind="audit.review", time_us=1_767_225_600_000_000 + 21 * DAY)]),
    ],
)  # fmt: skip
def test_each_rule_finds_what_it_is_for(rule, odd, near, explained):
    """One that is odd, one just below, and one that something explains."""
    assert rule in found(odd, rule)
    assert rule not in found(near, rule)
    assert rule not in found(explained, rule)


def test_a_backup_that_stays_away_is_found_once():
    """Where there were some before; a failed one counts as none, and a new one ends it."""
    start = 1_767_225_600_000_000
    made, failed = event(kind="backup.create"), event(1, kind="backup.create", outcome="failed")
    assert ["R02"] == found([made], "R02")
    assert [] == found([made], "R02", days=11)
    assert ["R02", "R02"] == found([made, failed], "R02")
    later = [made, event(1, kind="backup.create", time_us=start + 5 * DAY)]
    assert ["R02"] == found([*later, event(2, kind="job.fail", time_us=start + 6 * DAY)], "R02")
    assert [] == found([event(kind="job.fail", target={"job": "keys"})], "R02")


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (Facts(related=lambda subject: ("li.na",)), []),
        (Facts(related=lambda subject: ("bo",)), ["A01"]),
        (Facts(related=lambda subject: ("bo",), team=lambda login: "north"), []),
        (Facts(vip=lambda subject: True), ["A03"]),
        (Facts(employee=lambda subject: "bo"), ["A05"]),
        (Facts(violated=lambda subject: 1_767_000_000_000_000), ["A24"]),
        (Facts(related=lambda subject: ("li.na",), vip=lambda subject: True), []),
        (Facts(namesakes=lambda login, subject: True), ["A04"]),
        (Facts(neighbours=lambda login, subject: True), ["A07"]),
        (Facts(namesakes=lambda login, subject: True, related=lambda subject: ("li.na",)), []),
    ],
)
def test_what_is_known_of_a_person_explains_a_look_or_makes_it_worse(facts, expected):
    """Who looks after somebody needs no other reason."""
    assert expected == found([event()], "A01", facts=facts)


def test_looks_at_oneself_and_at_restricted_people_are_found():
    """By what the records say in clear."""
    assert ["A06"] == found([event()], "A06", facts=Facts(employee=lambda subject: "li.na"))
    assert [] == found([event()], "A06", facts=Facts(employee=lambda subject: "bo"))
    restricted = Facts(restricted=lambda subject, time_us: {"LegalCompliance"} if time_us else None)
    assert ["A23"] == found([event()], "A23", facts=restricted)
    assert [] == found([event(purpose="LegalCompliance")], "A23", facts=restricted)
    assert [] == found([event(time_us=0)], "A23", facts=restricted)


def test_handling_somebodys_own_request_explains_a_look():
    """It is work like any other."""
    assert [] == found([event(), event(1, kind="request.step")], "A01")


def test_looks_at_the_dead_are_found_after_a_time():
    """Not the day after, and not for a claim."""
    day = event().day
    for since, expected in ((90, []), (91, ["A18"])):
        facts = Facts(closed=lambda subject, closed=day - since: closed)
        assert expected == found([event()], "A18", facts=facts)
        assert [] == found([event(purpose="DisputeManagement")], "A18", facts=facts)
    assert [] == found([event()], "A18")


def test_looks_at_children_need_to_be_allowed_before():
    """By somebody else, to whoever looks; on the fourteenth birthday it is over."""
    time_us = 1_767_225_600_000_000  # 2026-01-01
    one = event(time_us=time_us, day=date(2026, 1, 1).toordinal())
    child = Facts(born=lambda subject: date(2012, 1, 2).toordinal())
    assert ["A22"] == found([one], "A22", facts=child)
    assert [] == found([one._replace(break_glass=True)], "A22", facts=child)
    assert [] == found([one], "A22", facts=Facts(born=lambda subject: date(2012, 1, 1).toordinal()))
    for allowed, expected in (
        ((("li.na", time_us),), []),
        ((("li.na", time_us + 1),), ["A22"]),
        ((("bo", 0),), ["A22"]),
    ):
        facts = attrs.evolve(child, allowed=lambda subject, allowed=allowed: allowed)
        assert expected == found([one], "A22", facts=facts)


@pytest.mark.parametrize(
    ("hours", "minute", "expected"),
    [
        ((480, 1020), 421, []),
        ((480, 1020), 419, ["A08"]),
        ((480, 1020), 1081, ["A08"]),
        ((1320, 360), 30, []),
        ((1320, 360), 420, []),
        ((1320, 360), 421, ["A08"]),
        ((1320, 360), 1259, ["A08"]),
    ],
)
def test_hours_outside_the_rota_are_found(hours, minute, expected):
    """An hour before and after is no matter; a night shift ends on the next day."""
    facts = Facts(hours=lambda login, roles: hours)
    assert expected == found([event(at, minute=minute) for at in range(3)], "A08", facts=facts)


def test_a_way_round_a_refusal_is_found():
    """Refused, and soon after in by emergency access; not if it was long ago."""
    denied = event(kind="access.deny", outcome="denied")
    soon = event(1, break_glass=True)
    assert ["A14"] == found([denied, soon], "A14")
    assert [] == found([denied, soon._replace(time_us=denied.time_us + HOUR)], "A14")


def test_a_rule_can_be_turned_off_and_its_parameters_changed():
    """In the configuration."""
    assert [] == found([event()], "A01", off=True)
    assert ["A09"] == found(looks(6), "A09", least=5)


@given(st.lists(st.integers(0, 30), max_size=60), st.integers(0, 60))
@settings(max_examples=30)
def test_a_run_that_stops_and_goes_on_finds_the_same(steps, stop):
    """What is kept between runs is all that the rules need."""
    kinds = sorted(LOOKS | {"record.update", "access.deny", "record.export"})
    events = [
        event(at, kind=kinds[step % len(kinds)], subjects=(f"{step % 7:02x}",), actor=f"u{step % 3}",
              records=step, time_us=1_767_225_600_000_000 + at * step * 1_000_000)
        for at, step in enumerate(steps)
    ]  # fmt: skip
    whole = Watch(BUILTIN_RULES, Facts())
    expected = list(whole.see(events))
    first, second = Watch(BUILTIN_RULES, Facts()), Watch(BUILTIN_RULES, Facts())
    got = list(first.see(events[:stop]))
    second.load(json.loads(json.dumps(first.dump())))
    got += second.see(events[stop:])
    assert expected == got


def test_a_rule_that_fails_is_named_and_nothing_is_skipped():
    """With file and line; never with what it said."""

    class Broken:
        def __init__(self, parameters: Any, facts: Facts) -> None:
            self.state: dict[str, Any] = {}

        def see(self, event: Event) -> Iterator[Any]:
            raise ValueError("secret")
            yield

    rule = attrs.evolve(BUILTIN_RULES["A06"], key="x", make=Broken)
    with pytest.raises(PluginError) as failed:
        list(Watch({"x": rule}, Facts()).see([event()]))
    assert "alert.rule_failed" == failed.value.code
    assert "secret" not in failed.value.text()


@pytest.mark.slow
@pytest.mark.parametrize("seed", [101])
def test_in_a_house_at_work_every_planted_violation_is_found(seed):
    """And few alerts besides: at most 50 in 10,000 entries, most of them about what was planted."""
    found = score(simulate(seed, **SMALL))
    assert () == found.missed
    assert found.per_10_000 <= 50
    assert found.precision >= 0.8


@pytest.mark.slow
@pytest.mark.parametrize("seed", [103])
def test_an_ordinary_quarter_raises_nothing_of_high_severity(seed):
    """Nobody looks at alerts that cry wolf."""
    assert score(simulate(seed, planted=0, **SMALL)).worst in ("", "low", "medium")


# In an archive


@pytest.fixture
def archive(tmp_path) -> Iterator[Archive]:
    with new_archive(tmp_path / "archive") as made:
        with made.session(actor="owner") as session:
            for login, role in (("li.na", "editor"), ("vera", "auditor")):
                session.create("user", {"login": login, "display_name": login, "roles": role})
            for n in range(25):
                session.create("customer", {"full_name": f"Person {n}"})
        yield made


def _read_all(archive: Archive) -> None:
    with archive.session(actor="li.na") as session:
        for one in session.list("customer").records:
            session.get(one.id)


def test_alerts_are_raised_once_looked_into_and_signed_off(archive):
    """From the run to the review, each step an entry."""
    _read_all(archive)
    with archive.session(actor="vera") as session:
        first = session.alerts.run()
        assert {"A09", "A10"} == {one.rule for one in first.raised}
        assert () == session.alerts.run().raised
        listed = session.alerts.list()
        assert {one.id for one in first.raised} == {one.id for one in listed}
        with pytest.raises(UsageError) as refused:
            session.alerts.review()
        assert "alert.open" == refused.value.code
        for one in listed:
            assert "25" in one.text(session.alerts.rules, "en") or "20" in one.text(
                session.alerts.rules, "zh"
            )
            session.alerts.close(one.id, "explained", reason="a campaign")
        begun, ended = session.alerts.review(reason="all of it")
        assert Place(0, 0) == begun
        assert ended > Place(0, 50)
        kinds = {one.kind for one in session.entries()}
    assert {"alert.run", "alert.raise", "alert.read", "alert.review", "audit.review"} <= kinds
    archive.log.verify()


def test_a_lost_state_raises_nothing_twice(archive, tmp_path):
    """The next run begins at the first entry again."""
    _read_all(archive)
    with archive.session(actor="vera") as session:
        raised = session.alerts.run().raised
        (archive.folder / "alerts.state").unlink()
        again = session.alerts.run()
        assert (Place(0, 0), ()) == (again.first, again.raised)
        assert len(raised) == len(session.alerts.list())


def test_a_state_that_was_altered_is_not_believed(archive):
    """It is sealed; what does not open is begun anew."""
    _read_all(archive)
    with archive.session(actor="vera") as session:
        session.alerts.run()
        state = archive.folder / "alerts.state"
        state.write_bytes(state.read_bytes()[:-1] + b"x")
        assert Place(0, 0) == session.alerts.run().first
        assert session.alerts.run().first > Place(0, 50)


def test_nobody_closes_an_alert_about_themselves_or_without_a_reason(archive):
    """And who may not look at alerts sees none."""
    with archive.session(actor="owner") as session:
        for one in session.list("customer").records:
            session.get(one.id)
        raised = session.alerts.run().raised
        with pytest.raises(AccessDenied) as refused:
            session.alerts.close(raised[0].id, "explained", reason="mine")
        assert "alert.own" == refused.value.code
    with archive.session(actor="vera") as session, pytest.raises(UsageError):
        session.alerts.close(raised[0].id, "explained", reason=" ")
    session = archive.session(actor="li.na")
    for forbidden in (session.alerts.list, session.alerts.run, session.alerts.review):
        with pytest.raises(AccessDenied):
            forbidden()
    with pytest.raises(AccessDenied):
        session.create("alert", {"rule": "A01", "severity": "low", "state": "open", "last": 1, "key": "x"})


class Receiver(BaseHTTPRequestHandler):
    got: ClassVar[list[tuple[dict[str, str], bytes]]] = []
    status = 503

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        type(self).got.append((dict(self.headers), body))
        self.send_response(type(self).status)
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        pass


def test_an_alert_is_posted_signed_and_again_until_it_is_taken(archive, monkeypatch):
    """Standard Webhooks; a refusal is an entry and loses nothing."""
    secret = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
    monkeypatch.setenv("MUNIMENT_WEBHOOK_SECRET", secret)
    Receiver.got, Receiver.status = [], 503
    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        path = archive.folder / "muniment.toml"
        url = f"http://127.0.0.1:{server.server_address[1]}/hook"
        path.write_text(
            f'{path.read_text(encoding="utf-8")}\n[alerts]\nwebhook = "{url}"\n', encoding="utf-8"
        )
        with archive.session(actor="owner") as session:
            archive.apply_config(session, reason="webhook")
        _read_all(archive)
        with archive.session(actor="vera") as session:
            first = session.alerts.run()
            assert (0, 2) == (first.sent, first.unsent)
            Receiver.status = 204
            assert (2, 0) == ((again := session.alerts.run()).sent, again.unsent)
            assert 0 == session.alerts.run().sent
            kinds = [one.kind for one in session.entries()]
        server.shutdown()
        thread.join()
    assert {"webhook.fail", "webhook.send"} <= set(kinds)
    assert 4 == len(Receiver.got)
    headers, body = Receiver.got[-1]
    headers = {name.lower(): value for name, value in headers.items()}
    expected = signature_of(secret, headers["webhook-id"], int(headers["webhook-timestamp"]), body)
    assert expected == headers["webhook-signature"]
    assert "alert.raised" == json.loads(body)["type"]
    assert b"Person" not in body


def test_a_signature_is_that_of_the_standard():
    """The example of standardwebhooks.com."""
    body = b'{"test": 2432232314}'
    signed = signature_of(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body
    )
    assert "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" == signed
    for secret in ("", "whsec_", "whsec_AAAA", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"):
        with pytest.raises(UsageError):
            signature_of(secret, "m", 1, body)


def test_who_looks_after_somebody_stands_in_the_records(tmp_path):
    """A clear field named in the configuration explains a look; nothing sealed is opened for it."""
    with new_archive(tmp_path / "archive", templates=["account-manager"]) as archive:
        types = {one.key: one for one in archive.engine.definitions.registry.types}
        clear = [
            f"{key}.{field.key}"
            for key, one in types.items()
            if not one.built_in
            for field in one.fields
            if field.sensitivity in ("public", "internal") and field.kind in ("text", "identifier")
        ]
        assert clear
    with open_again(tmp_path / "archive") as archive:
        path = archive.folder / "muniment.toml"
        text = path.read_text(encoding="utf-8")
        path.write_text(f"{text}\n[alerts]\nassigned = {json.dumps(clear)}\n", encoding="utf-8")
        with archive.session(actor="owner") as session:
            archive.apply_config(session, reason="alerts")
            session.alerts.run()
