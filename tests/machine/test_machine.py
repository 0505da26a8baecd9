"""The archive against a plain dict, through whatever people do to it.

Two archive objects on one folder act in turn, as two processes would. The model
says what each record holds in each version, and how many entries each act writes.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

import attrs
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from muniment.archive import check
from muniment.errors import AccessDenied, Conflict, Invalid, NotFound, UsageError
from muniment.keys import KeyFile
from muniment.model import Money, id_bytes, rfc3339
from muniment.schema.listviews import order_text
from muniment.schema.phones import e164
from muniment.schema.template import parse_template
from muniment.session import Change
from muniment.testing import TickingClock, new_archive, open_again, values_for

EVERYTHING = Path(__file__).parent.parent / "everything.toml"
TEMPLATE = parse_template(EVERYTHING.read_text(encoding="utf-8"), where=EVERYTHING.name)
PERSON = next(one for one in TEMPLATE.types if one.key == "person")
SOAK = os.environ.get("HYPOTHESIS_PROFILE") == "soak"

UNIQUE = ("number", "pass_number")
IN_CLEAR = ("city", "score", "weight", "level", "active", "since")
ORDERS = st.tuples(st.sampled_from(IN_CLEAR), st.booleans())
INDEXED = ("born", "children", "secret", "number", "email", "phone")
PLACES = st.integers(0, 1 << 16)
REASONS = st.none() | st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=30
)

# Few values, so that they collide; and zeros, which sort before nothing.
FRIENDS = {
    "secret": st.sampled_from(("alpha", "Beta", "beta")),
    "phone": st.sampled_from(("030 1234567", "+49 30 1234567", "+86 138 0013 8000", "ask for Anna")),
    "number": st.sampled_from(("N-1", "N-2", "N-3", "N-4")),
    "score": st.integers(-2, 2),
    "city": st.sampled_from(("Berlin", "北京", "", "Zürich", "berlin")).filter(bool),
}
NAMES = {"name": st.sampled_from(("Anna Schmidt", "anna lee", "李娜", "Ömer 李"))}
SMALL = st.fixed_dictionaries(
    NAMES, optional={**FRIENDS, "notes": st.sampled_from(("calls", "calls\nagain"))}
)
WHOLE = st.one_of(SMALL, SMALL, SMALL, values_for(PERSON, references=FRIENDS))
CHANGED = st.one_of(
    st.fixed_dictionaries({}, optional={**NAMES, **{key: one | st.none() for key, one in FRIENDS.items()}}),
    values_for(PERSON, references=FRIENDS, partial=True),
)


@attrs.define
class Version:
    values: dict
    operation: str
    recorded_us: int
    effective_us: int
    reason: str | None


@attrs.define
class Model:
    """What a record must be."""

    versions: list[Version]
    deleted: bool = False

    @property
    def values(self):
        return self.versions[-1].values

    def at(self, as_of=None, effective=None):
        """The number of the version that held, or None."""
        best = None
        for number, one in enumerate(self.versions, 1):
            if as_of is not None and one.recorded_us > as_of:
                continue
            if effective is not None and one.effective_us > effective:
                continue
            key = (0 if effective is None else one.effective_us, number)
            if best is None or key > best:
                best = key
        return None if best is None else best[1]


def plain(value):
    """A value as it is compared by a list: amounts by their number, nothing as the empty text."""
    if value is None:
        return (1, "")
    if isinstance(value, bool):
        return (0, int(value))
    if isinstance(value, Money):
        value = value.amount
    if isinstance(value, str):
        return (1, value)
    try:
        return (0, float(value))
    except TypeError:
        return (1, value.isoformat())


class ArchiveMachine(RuleBasedStateMachine):
    """Acts on the archive, and on the model alike."""

    made: Path | None = None

    def __init__(self):
        super().__init__()
        self.home = Path(tempfile.mkdtemp())
        self.folder = self.home / "archive"
        self.clock = TickingClock()
        self.people: dict[str, Model] = {}
        self.requests: dict[str, tuple] = {}
        self.entries = 0
        self.turn = 0

    @initialize()
    def open(self):
        cls = type(self)
        if cls.made is None:
            cls.made = Path(tempfile.mkdtemp()) / "archive"
            new_archive(cls.made, templates=[TEMPLATE], clock=TickingClock()).close()
        shutil.copytree(cls.made, self.folder)
        shutil.copy(cls.made.with_name("archive.key"), self.home / "archive.key")
        self.clock.now_us += 10_000_000
        self.archives = [open_again(self.folder, clock=self.clock) for _ in range(2)]
        self.entries = self.size()

    def teardown(self):
        try:
            if hasattr(self, "archives"):
                self.compare_everything()
                built_in = sum(row.type < 256 for row in self.archive.store.versions_by_record(0))
                for archive in self.archives:
                    archive.close()
                report = check(self.folder, root=KeyFile(self.home / "archive.key"))
                assert self.entries == report.size
                assert report.versions == built_in + sum(len(one.versions) for one in self.people.values())
        finally:
            shutil.rmtree(self.home)

    # --- help -------------------------------------------------------------------------------------------

    @property
    def archive(self):
        return self.archives[self.turn]

    def size(self):
        head = self.archives[0].store.head(0)
        return head.first_seq + head.n

    @contextmanager
    def session(self, actor="owner"):
        with self.archive.session(actor=actor, purpose="ServiceProvision") as session:
            yield session

    def pick(self, place, *, deleted=None):
        """A record by a drawn number, or None where there is none."""
        ids = sorted(key for key, one in self.people.items() if deleted is None or one.deleted is deleted)
        return ids[place % len(ids)] if ids else None

    def taken(self, values, but=None):
        """The unique fields whose value another live record has."""
        live = [one.values for key, one in self.people.items() if not one.deleted and key != but]
        return {
            key
            for key in UNIQUE
            if values.get(key) is not None and any(values[key] == one.get(key) for one in live)
        }

    def keep(self, saved, values, operation, reason, effective=None):
        """Note a version as it was written, with the times that the store gave it."""
        row = self.archive.store.version(0, id_bytes(saved.id))
        assert saved.version == row.version
        one = self.people.setdefault(saved.id, Model([]))
        assert saved.version == len(one.versions) + 1
        expected = row.recorded_us if effective is None else effective
        if operation == "correct" and effective is None:
            expected = one.versions[-1].effective_us
        assert expected == row.effective_us
        one.versions.append(Version(dict(values), operation, row.recorded_us, row.effective_us, reason))
        one.deleted = operation == "delete"

    # --- writing ----------------------------------------------------------------------------------------

    @rule(values=WHOLE, reason=REASONS)
    def create(self, values, reason):
        """A record is what was given, with nothing else."""
        with self.session() as session:
            taken = self.taken(values)
            if taken:
                self.refuse_unique(lambda: session.create("person", values, reason=reason), taken)
                return
            saved = session.create("person", values, reason=reason)
        assert (1, True, saved.id) == (saved.version, saved.written, saved.subject)
        self.entries += 1
        self.keep(saved, values, "create", reason)

    def refuse_unique(self, act, taken):
        with pytest.raises(Invalid) as caught:
            act()
        issues = {(one.code, one.field) for one in caught.value.issues}
        assert {("value.not_unique", key) for key in taken} == issues
        self.entries += 1  # that somebody else has the value is a disclosure

    @precondition(lambda self: self.people)
    @rule(
        place=PLACES,
        given=CHANGED,
        correct=st.booleans(),
        effective=st.none() | st.integers(-(10**15), 2 * 10**15),
        reason=REASONS,
        expect=st.sampled_from((None, "right", "stale")),
    )
    def update(self, place, given, correct, effective, reason, expect):
        """What is given changes, the rest stays; nothing new is no version; an old view is a conflict."""
        record = self.pick(place)
        one = self.people[record]
        version = len(one.versions)
        expected = {None: None, "right": version, "stale": version - 1}[expect]
        options = {"reason": reason, "expected_version": expected}
        if effective is not None:
            options["effective"] = rfc3339(effective) if effective > -6 * 10**13 else None
            effective = effective if options["effective"] else None
        values = {key: value for key, value in {**one.values, **given}.items() if value is not None}
        with self.session() as session:
            act = session.correct if correct else session.update
            if expect == "stale":
                self.fails(Conflict, "conflict.version", act, record, given, entries=0, **options)
            elif one.deleted:
                self.fails(NotFound, "record.deleted", act, record, given, **options)
            elif self.taken(
                {key: value for key, value in given.items() if value != one.values.get(key)}, record
            ):
                changed = {key: value for key, value in given.items() if value != one.values.get(key)}
                self.refuse_unique(lambda: act(record, given, **options), self.taken(changed, record))
            else:
                saved = act(record, given, **options)
                assert saved.written == (values != one.values)
                if not saved.written:
                    assert version == saved.version
                else:
                    self.entries += 1
                    self.keep(saved, values, "correct" if correct else "update", reason, effective)

    def fails(self, kind, code, act, *arguments, entries=1, **options):
        with pytest.raises(kind) as caught:
            act(*arguments, **options)
        assert code == caught.value.code
        self.entries += entries

    @precondition(lambda self: self.people)
    @rule(place=PLACES, back=st.booleans())
    def delete(self, place, back):
        """Out of the lists and back, as a version each; twice is nothing."""
        record = self.pick(place)
        one = self.people[record]
        with self.session() as session:
            if back and one.deleted and self.taken(one.values, record):
                self.refuse_unique(lambda: session.undelete(record), self.taken(one.values, record))
                return
            saved = session.undelete(record) if back else session.delete(record, reason="gone")
        assert saved.written == (one.deleted is back)
        if saved.written:
            self.entries += 1
            self.keep(saved, one.values, "undelete" if back else "delete", None if back else "gone")

    @rule(
        many=st.lists(WHOLE, min_size=1, max_size=4),
        times=st.integers(1, 8),
        place=PLACES,
    )
    def write_together(self, many, times, place):
        """A change set holds wholly or not at all; ten versions share an entry."""
        wanted = [
            {key: value for key, value in values.items() if key not in UNIQUE} for values in many
        ] * times
        wanted = [{**values, "score": number % 5 - 2} for number, values in enumerate(wanted)]
        wanted[0] = many[0]
        changes = [Change("create", "person", values=values) for values in wanted]
        with self.session() as session:
            taken = self.taken(many[0])
            if taken:
                self.refuse_unique(lambda: session.write(changes), taken)
                return
            for saved, values in zip(session.write(changes), wanted, strict=True):
                self.keep(saved, values, "create", None)
        self.entries += -(-len(wanted) // 10)

    @rule(values=WHOLE, key=st.sampled_from("abc"))
    def retry(self, values, key):
        """The same request under a key is done once; another one under it is refused."""
        values.pop("number", None)
        values.pop("pass_number", None)
        with self.session() as session:
            if key not in self.requests:
                saved = session.create("person", values, idempotency_key=key)
                self.entries += 1
                self.keep(saved, values, "create", None)
                self.requests[key] = (values, saved)
                return
            before, first = self.requests[key]
            again = session.create("person", before, idempotency_key=key)
            assert (first.id, first.version) == (again.id, again.version)
            if values != before:
                self.fails(
                    Conflict,
                    "conflict.idempotency",
                    session.create,
                    "person",
                    values,
                    entries=0,
                    idempotency_key=key,
                )

    # --- reading ----------------------------------------------------------------------------------------

    def same(self, record, number, shown):
        one = self.people[record]
        version = one.versions[number - 1]
        assert version.values == dict(shown.fields)
        assert (number, version.operation) == (shown.version, shown.operation)
        assert (version.recorded_us, version.effective_us) == (shown.recorded_us, shown.effective_us)

    @precondition(lambda self: self.people)
    @rule(
        place=PLACES, which=PLACES, how=st.sampled_from(("newest", "version", "as_of", "effective", "both"))
    )
    def get(self, place, which, how):
        """As it stands, as a version, as recorded, as it held in the world."""
        record = self.pick(place)
        one = self.people[record]
        some = one.versions[which % len(one.versions)]
        other = one.versions[which // 7 % len(one.versions)]
        options, number = {}, len(one.versions)
        if how == "version":
            number = which % len(one.versions) + 1
            options["version"] = number
        if how in ("as_of", "both"):
            options["as_of"] = rfc3339(some.recorded_us - which % 2)
        if how in ("effective", "both"):
            options["effective_at"] = rfc3339(other.effective_us - which // 2 % 2)
        if how not in ("newest", "version"):
            number = one.at(
                some.recorded_us - which % 2 if "as_of" in options else None,
                other.effective_us - which // 2 % 2 if "effective_at" in options else None,
            )
        with self.session() as session:
            if number is None:
                self.fails(NotFound, "record.no_version", session.get, record, **options)
                return
            shown = session.get(record, **options)
        self.entries += 1
        self.same(record, number, shown)

    @precondition(lambda self: self.people)
    @rule(place=PLACES, which=PLACES)
    def look_back(self, place, which):
        """The history says who, why and what changed; a difference says what changed between two versions."""
        record = self.pick(place)
        one = self.people[record]
        with self.session() as session:
            steps = session.history(record)
            before = {}
            for step, version in zip(steps, one.versions, strict=True):
                changed = {
                    key for key in {*before, *version.values} if before.get(key) != version.values.get(key)
                }
                assert changed == {change.field for change in step.changes}
                assert ("owner", version.operation, version.reason) == (
                    step.actor,
                    step.operation,
                    step.reason,
                )
                before = version.values
            first, second = which % len(steps) + 1, which // 7 % len(steps) + 1
            found = {
                change.field: (change.before, change.after) for change in session.diff(record, first, second)
            }
        old, new = one.versions[first - 1].values, one.versions[second - 1].values
        assert {
            key: (old.get(key), new.get(key)) for key in {*old, *new} if old.get(key) != new.get(key)
        } == found
        self.entries += 2

    @rule(
        place=PLACES,
        keys=st.sampled_from(((), ("secret",), ("phone",), ("secret", "city")))
        | st.lists(st.sampled_from((*IN_CLEAR, *INDEXED)), max_size=2, unique=True),
        order=st.lists(ORDERS, max_size=3, unique_by=lambda one: one[0]),
        descending=st.booleans(),
        limit=st.sampled_from((1, 2, 3, 100)),
        deleted=st.booleans(),
        scan=st.booleans(),
    )
    def list(self, place, keys, order, descending, limit, deleted, scan):
        """Just the records that have these values, each once, in order, page by page."""
        record = self.pick(place)
        some = self.people[record].values if record else {}
        where = {key: some.get(key) for key in keys if key in IN_CLEAR or some.get(key) is not None}
        wanted = [
            key
            for key, one in self.people.items()
            if one.deleted is deleted
            and all(self.equal(name, value, one.values.get(name)) for name, value in where.items())
        ]
        wanted.sort(key=id_bytes, reverse=descending)
        for by, down in reversed(order):
            wanted.sort(
                key=lambda key, by=by: plain(self.people[key].values.get(by)), reverse=down is not descending
            )
        found, after = [], None
        with self.session() as session:
            if not scan and "phone" in where and e164(where["phone"], "DE") is None:
                # It has no normal form to be looked up by.
                self.fails(UsageError, "index.phone", session.list, "person", where=where, entries=0)
                return
            while True:
                page = session.list(
                    "person", where=where, order_by=order_text(order), descending=descending, limit=limit,
                    after=after, deleted=deleted, scan=scan,
                )  # fmt: skip
                self.entries += max(1, -(-len(page.records) // 100))
                found += page.records
                after = page.after
                if after is None:
                    break
        assert wanted == [one.id for one in found]
        for one in found:
            self.same(one.id, len(self.people[one.id].versions), one)

    @precondition(lambda self: self.people)
    @rule(
        place=PLACES,
        key=st.sampled_from(("secret", "phone")),
        order=st.lists(ORDERS, min_size=1, max_size=2, unique_by=lambda one: one[0]),
        descending=st.booleans(),
        limit=st.sampled_from((1, 3, 100)),
    )
    def find(self, place, key, order, descending, limit):
        """By a sealed field, in the order of clear ones."""
        self.list(place, [key], order, descending, limit, False, False)

    def equal(self, name, value, other):
        if value is None or other is None:
            return value is other
        if name == "email":
            return value.casefold() == other.casefold()
        if name == "phone":
            one, two = e164(value, "DE"), e164(other, "DE")
            return one == two if one and two else one is two and value.casefold() == other.casefold()
        return value == other

    @precondition(lambda self: self.people)
    @rule(place=PLACES, scan=st.booleans())
    def search(self, place, scan):
        """A record is found by its own name, and what is found is there to be found."""
        record = self.pick(place, deleted=False)
        words = (
            [word for word in self.people[record].values["name"].split() if word.isalnum() and len(word) > 1]
            if record
            else []
        )
        if not words:
            return
        with self.session() as session:
            page = session.search("person", words[0], limit=1000, scan=scan)
        self.entries += max(1, -(-len(page.records) // 100))
        assert record in {one.id for one in page.records}
        for one in page.records:
            assert not self.people[one.id].deleted
            self.same(one.id, len(self.people[one.id].versions), one)

    # --- refusals ---------------------------------------------------------------------------------------

    @rule(place=PLACES, values=WHOLE)
    def refuse(self, place, values):
        """Whoever is unknown gets nothing, what is not there is not there, and both are written down."""
        record = self.pick(place)
        try:
            with self.session("nobody") as session:
                if record is None:
                    session.create("person", values)
                else:
                    session.get(record)
        except (AccessDenied, NotFound):
            self.entries += 1
        else:
            raise AssertionError("let in")
        with self.session() as session:
            missing = "0" * 8 + "-0000-7000-8000-" + "0" * 12
            self.fails(NotFound, "record.not_found", session.get, missing)
            self.fails(NotFound, "record.not_found", session.update, missing, {"city": "x"})
            self.fails(NotFound, "schema.unknown_type", session.list, "nonsense")
            self.fails(Invalid, "value.invalid", session.create, "person", {"score": "many"}, entries=0)
            if record is not None:
                self.fails(
                    Conflict, "conflict.version", session.update, record, {}, expected_version=99, entries=0
                )

    # --- upkeep -----------------------------------------------------------------------------------------

    @rule()
    def change_hands(self):
        """The other archive object acts from now on."""
        self.turn = 1 - self.turn

    @rule()
    def reopen(self):
        """Closing signs; whoever opens finds everything."""
        self.archive.close()
        self.archives[self.turn] = open_again(self.folder, clock=self.clock)

    @rule()
    def checkpoint(self):
        """What is signed is the log as it stands."""
        with self.session() as session:
            signed = session.checkpoint()
        self.entries += 1
        assert self.entries == signed.size

    @rule()
    def verify(self):
        """The whole log, by either archive object."""
        report = self.archive.log.verify()
        assert self.entries == report.size

    @rule(rebuild=st.booleans())
    def upkeep(self, rebuild):
        """What is computed agrees with what it is computed from, before and after it is made anew."""
        with self.session() as session:
            assert [] == [*session.check_data()]
            self.entries += 1
            if rebuild:
                session.rebuild_data()
                self.entries += 1

    @invariant()
    def each_act_writes_its_entries(self):
        if hasattr(self, "archives"):
            assert self.entries == self.size()

    def compare_everything(self):
        self.verify()
        self.upkeep(rebuild=False)
        for record in self.people:
            self.look_back(sorted(self.people).index(record), 12345)
            for number in range(len(self.people[record].versions)):
                with self.session() as session:
                    self.same(record, number + 1, session.get(record, version=number + 1))
                self.entries += 1
        for deleted in (False, True):
            self.list(0, [], [], False, 100, deleted, False)


TestArchive = pytest.mark.slow(ArchiveMachine.TestCase)
TestArchive.settings = settings(
    max_examples=300 if SOAK else 10, stateful_step_count=60 if SOAK else 20, deadline=None
)
