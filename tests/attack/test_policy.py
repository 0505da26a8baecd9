"""What a role may not read comes out nowhere: not in what is returned, not in errors, not in the log."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from muniment.errors import AccessDenied, MunimentError, NotFound, UsageError
from muniment.model import CLASSES
from muniment.policy import ACTIONS, BUILTIN_ROLES, Policy, Role
from muniment.schema.edits import change_field
from muniment.session import Change
from muniment.testing import log_entries, log_size, new_archive

# Long and odd enough not to come about by chance, and none a part of another.
VALUES = {
    "number": "NR-77341-A",
    "city": "Quitzdorf",
    "score": 7_734_199,
    "weight": "88123.4471",
    "tags": ("Wimpelkette", "Xylophon"),
    "seen": "2011-03-09T07:51:33+00:00",
    "since": "2009-08-27",
    "name": "Friederike Ysolde Kranzbühler",
    "pass_number": "QQ8812-55K-3391",
    "born": "1951-06-17",
    "children": 918_273,
    "height": "1734.5518",
    "allergies": ("Zwetschgenkompott", "Pistazieneis"),
    "admitted": "2013-10-04T11:22:47+02:00",
    "secret": "verborgene Muschel 4471",
    "phone": "+49 351 8847 2231",
    "email": "ysolde.kranz@xylophon-verein.de",
    "home": "https://xylophon-verein.de/ysolde",
    "notes": "bevorzugt Termine am frühen Nachmittag",
    "salary": "554433.21 EUR",
}
CHANGED = {
    "city": "Rietschen", "name": "Friederike Umbenannt-Vogelsang", "secret": "andere Muschel 9932",
    "phone": "+49 351 7712 0098", "salary": "667788.90 EUR", "pass_number": "QQ8812-55K-7744",
    "notes": "bevorzugt Termine am späten Abend",
}  # fmt: skip

SOAK = os.environ.get("HYPOTHESIS_PROFILE") == "soak"

ROLES = st.builds(
    Role,
    st.just("some"),
    st.just({"en": "Some", "zh": "某"}),
    st.frozensets(st.sampled_from(sorted(ACTIONS)), min_size=8),
    st.fixed_dictionaries({}, optional={one: st.sampled_from(("clear", "mask", "none")) for one in CLASSES}),
    st.frozensets(st.sampled_from(CLASSES)),
    st.sampled_from((frozenset(), frozenset(), frozenset({"person"}), frozenset({"visit"}))),
    st.frozensets(st.sampled_from(sorted(ACTIONS)), max_size=2),
)


@pytest.fixture(scope="module")
def filled(tmp_path_factory, everything):
    """An archive with one person in three versions, and a user ``vera`` with the role ``some``."""
    folder = tmp_path_factory.mktemp("policy") / "archive"
    with new_archive(folder, templates=[everything]) as archive:
        with owner(archive) as session:
            values = {"login": "vera", "roles": ["some"], "state": "active"}
            session.write([Change("create", "user", values=values)])
            one = session.create("person", VALUES)
            session.update(one.id, CHANGED)
            session.update(one.id, {key: VALUES[key] for key in ("name", "phone", "salary")})
            session.create("visit", {"person": one.id, "subject": VALUES["name"]})
        yield archive, one.id


def owner(archive):
    return archive.session(actor="owner", purpose="ServiceProvision")


@contextmanager
def acting_as(archive, role):
    engine = archive.engine
    before = engine.policy
    engine.policy = Policy({**BUILTIN_ROLES, "some": role})
    engine.plans.clear()
    try:
        with archive.session(actor="vera", purpose="ServiceProvision") as session:
            yield session
    finally:
        engine.policy = before
        engine.plans.clear()


def shown_forms(values):
    """The texts in which values could show."""
    for value in values:
        for one in value if isinstance(value, tuple) else (value,):
            yield str(one)
            yield str(one).split(" EUR")[0]


def acts(session, record, fields):
    """Everything that could tell a value; each is tried."""
    yield "get", lambda: session.get(record)
    for number in (1, 2, 3):
        yield "version", lambda number=number: session.get(record, version=number)
    yield "as of", lambda: session.get(record, as_of="2100-01-01")
    yield "history", lambda: session.history(record)
    yield "diff", lambda: session.diff(record, 1, 2)
    yield "list", lambda: session.list("person", count=True)
    yield "scan", lambda: session.list("person", scan=True)
    yield "accesses", lambda: session.accesses(record)
    yield "entries", lambda: session.entries()
    yield "types", lambda: session.may("record.read")
    for key in fields:
        yield f"get {key}", partial(session.get, record, fields=[key])
        yield f"order {key}", partial(session.list, "person", order_by=key)
        for value in (VALUES[key], CHANGED.get(key)):
            if value is None:
                continue
            yield f"where {key}", partial(session.list, "person", where={key: value})
            yield f"scan {key}", partial(session.list, "person", where={key: value}, scan=True)
            if isinstance(value, str):
                yield f"search {key}", partial(session.search, "person", value)
                yield f"scan for {key}", partial(session.search, "person", value, scan=True)
            yield f"update {key}", partial(session.update, record, {key: value}, expected_version=1)
            # The last one is always refused, so that nothing is ever written.
            one, other = (
                Change("create", "person", values={"name": "a", key: value}),
                Change("create", "nothing"),
            )
            yield f"create {key}", partial(session.write, [one, one, other])


def said_by(act):
    """All that an act gives or says, as one text, and the error."""
    try:
        return repr(act()), None
    except MunimentError as error:
        issues = [issue.text(lang) for issue in getattr(error, "issues", ()) for lang in ("en", "zh")]
        return repr((error.text("en"), error.text("zh"), error.parameters, error.where, issues)), error


@pytest.mark.slow
@settings(max_examples=200 if SOAK else 12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(role=ROLES)
def test_a_forbidden_value_comes_out_nowhere(filled, role):
    """Whatever a role reads, masks, writes, does and is denied."""
    archive, record = filled
    person = archive.engine.definitions.types["person"]
    fields = {field.key: field for field in person.fields if field.key in VALUES}
    start = log_size(archive)
    of_role = not role.types or "person" in role.types
    forbidden = {
        key for key, field in fields.items() if not of_role or role.read.get(field.sensitivity) != "clear"
    }
    unnamed = {
        key for key in forbidden if not of_role or role.read.get(fields[key].sensitivity, "none") == "none"
    }
    with acting_as(archive, role) as session:
        for name, act in acts(session, record, fields):
            said, error = said_by(act)
            own = name.split()[-1]
            for key in forbidden:
                given = {str(one) for one in (VALUES.get(key), CHANGED.get(key)) if one is not None}
                for text in shown_forms(given):
                    assert text not in said, (name, key)
            if name in ("get", "version", "as of", "history", "diff", "list", "scan", "accesses", "entries"):
                for key in unnamed:
                    assert f"'{key}'" not in said, (name, key)
            if (
                own in unnamed
                and own != name
                and not name.startswith(("update", "create", "search", "scan for"))
            ):
                assert isinstance(error, (AccessDenied, NotFound)), name
            elif own in forbidden and name.startswith(("where", "scan ", "order")) and "for" not in name:
                assert isinstance(error, (AccessDenied, NotFound)), name
                allowed = session.may("record.list", "person") and (
                    name.startswith(("where", "order")) or session.may("record.scan", "person")
                )
                assert not allowed or "access.field" == error.code
    written = repr([(entry.detail, entry.lines) for entry in log_entries(archive, start=start)])
    for key, value in {**VALUES, **CHANGED}.items():
        for text in shown_forms([value]):
            assert text not in written, key


def rewritten(error, record):
    """An error's text without the identifier that was asked for."""
    return error.code, re.sub(
        r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID", error.text() + error.text("zh")
    )


READS = frozenset({"record.read", "record.list", "record.search", "record.history", "record.accesses"})
MISSING = "01900000-0000-7000-8000-000000000000"


def by_identifier(session, record, tmp_path):
    for version in (None, 1, 2, 99):
        yield lambda version=version: session.get(record, version=version)
    for moment in ("1980-01-01", "2100-01-01"):
        yield lambda moment=moment: session.get(record, as_of=moment)
        yield lambda moment=moment: session.get(record, effective_at=moment)
        yield lambda moment=moment: session.get(record, as_of=moment, effective_at=moment)
    yield lambda: session.get(record, fields=["name"])
    yield lambda: session.get(record, fields=["nonsense"])
    yield lambda: session.history(record)
    for first, second in ((1, 2), (1, 99), (98, 99), (1, 1)):
        yield lambda first=first, second=second: session.diff(record, first, second)
    for expected in (None, 1, 3, 99):
        yield lambda expected=expected: session.update(record, {"city": "x"}, expected_version=expected)
        yield lambda expected=expected: session.correct(record, {"name": "y"}, expected_version=expected)
        yield lambda expected=expected: session.delete(record, reason="x", expected_version=expected)
        yield lambda expected=expected: session.undelete(record, expected_version=expected)
    yield lambda: session.update(record, {"nonsense": "x"})
    yield lambda: session.update(record, {"city": "\0"})
    yield lambda: session.accesses(record)
    yield lambda: session.read_file(record, "contract", tmp_path / "out")
    yield lambda: session.attach(record, "contract", Path(__file__))


@pytest.mark.parametrize(
    "read",
    [
        Role("some", {}, ACTIONS, dict.fromkeys(CLASSES, "clear"), frozenset(CLASSES), frozenset({"visit"})),
        Role("some", {}, ACTIONS - READS, dict.fromkeys(CLASSES, "clear"), frozenset(CLASSES)),
        Role("some", {}, ACTIONS, dict.fromkeys(CLASSES, "clear"), frozenset(CLASSES), deny=READS),
    ],
    ids=["other types", "may not read", "denied"],
)
def test_denied_and_missing_answer_alike(filled, tmp_path, read):
    """Nobody learns from an error whether there is a record that they may not read."""
    archive, record = filled
    with acting_as(archive, read) as session:
        there = list(by_identifier(session, record, tmp_path))
        missing = list(by_identifier(session, MISSING, tmp_path))
        for place, (one, other) in enumerate(zip(there, missing, strict=True)):
            start = log_size(archive)
            with pytest.raises(MunimentError) as denied:
                one()
            middle = log_size(archive)
            with pytest.raises(MunimentError) as absent:
                other()
            assert type(denied.value) is type(absent.value), place
            assert rewritten(absent.value, MISSING) == rewritten(denied.value, record), place
            assert isinstance(denied.value, (NotFound, AccessDenied)), place
            entries = log_entries(archive, start=start)
            assert ["access.deny"] * (2 * (middle - start)) == [entry.kind for entry in entries], place
            assert middle == start + 1, place


@pytest.mark.parametrize("way", ["mask", "none"])
def test_a_field_that_is_not_read_in_clear_cannot_be_asked_by(filled, way):
    """Filtering and sorting would tell it value by value; both are refused and written down."""
    archive, _ = filled
    fields = [field for field in archive.engine.definitions.types["person"].fields if field.key in VALUES]
    for field in fields:
        role = Role("some", {}, ACTIONS, {**dict.fromkeys(CLASSES, "clear"), field.sensitivity: way})
        with acting_as(archive, role) as session:
            value = VALUES[field.key]
            ask = partial(session.list, "person")
            asked = [
                partial(ask, where={field.key: value}),
                partial(ask, where={field.key: value}, scan=True),
                partial(ask, where={field.key: None}),
                partial(ask, order_by=field.key),
                partial(ask, where={field.key: value}, count=True),
            ]
            for act in asked:
                start = log_size(archive)
                with pytest.raises((AccessDenied, NotFound)) as caught:
                    act()
                assert ("access.field" if way == "mask" else "schema.unknown_field") == caught.value.code
                (entry,) = log_entries(archive, start=start)
                assert ("access.deny", "denied", caught.value.code) == (
                    entry.kind, entry.detail["outcome"], entry.detail["code"],
                )  # fmt: skip
            if isinstance(value, str):
                # A search goes on without it; that it stands there is not told.
                try:
                    page = session.search("person", value)
                except UsageError:
                    continue
                assert [] == list(page.records) or field.key not in {**page.records[0].fields}


def test_writing_blindly_tells_nothing(filled):
    """Whoever may write a field but not read it gets a version each time, also for the right value."""
    archive, record = filled
    role = Role(
        "some",
        {},
        ACTIONS,
        {"internal": "clear", "personal": "clear", "restricted": "mask"},
        frozenset(CLASSES),
    )
    with acting_as(archive, role) as session:
        right = session.update(record, {"secret": CHANGED["secret"]})
        wrong = session.update(record, {"secret": "something else entirely"})
        same = session.update(record, {"secret": "something else entirely"})
        assert [True, True, True] == [right.written, wrong.written, same.written]
        assert [right.version + 1, right.version + 2] == [wrong.version, same.version]
        steps = session.history(record)
        assert not steps[-1].changes or "something else" not in repr(steps[-1])
    with owner(archive) as session:
        session.update(record, {"secret": CHANGED["secret"]})


def test_a_role_that_is_named_nowhere_grants_nothing(filled):
    """Silence denies."""
    archive, record = filled
    archive.engine.plans.clear()
    with archive.session(actor="vera", purpose="ServiceProvision") as session:
        for act in (
            lambda: session.get(record),
            lambda: session.list("person"),
            lambda: session.create("person", {}),
        ):
            with pytest.raises((AccessDenied, NotFound)):
                act()


def test_a_class_that_rose_guards_earlier_versions_too(tmp_path, everything):
    """Old versions show as they were, but not to those who may not read the field any more."""
    with new_archive(tmp_path / "archive", templates=[everything]) as archive:
        with owner(archive) as session:
            values = {"login": "rita", "roles": ["reader"], "state": "active"}
            session.write([Change("create", "user", values=values)])
            one = session.create("person", {"name": VALUES["name"], "city": VALUES["city"]})
            session.update(one.id, {"city": CHANGED["city"]})
            edited = change_field(session.type("person"), "city", sensitivity="restricted")
            archive.save_types(session, archive.engine.definitions.registry.replace(edited), reason="rise")
            session.update(one.id, {"name": CHANGED["name"]})
        with archive.session(actor="rita", purpose="ServiceProvision") as session:
            shown = [
                session.get(one.id),
                session.get(one.id, version=1),
                session.get(one.id, as_of="2100-01-01"),
                session.history(one.id),
                session.diff(one.id, 1, 2),
                session.list("person"),
                session.search("person", "Friederike"),
            ]
            assert VALUES["name"] in repr(shown)
            for city in (VALUES["city"], CHANGED["city"]):
                assert city not in repr(shown)
            for act in (
                lambda: session.get(one.id, version=1, fields=["city"]),
                lambda: session.list("person", where={"city": VALUES["city"]}),
                lambda: session.list("person", order_by="city"),
            ):
                with pytest.raises(NotFound):
                    act()
        with owner(archive) as session:
            assert VALUES["city"] == session.get(one.id, version=1).fields["city"]
            assert CHANGED["city"] == session.get(one.id).fields["city"]
        archive.log.verify()
