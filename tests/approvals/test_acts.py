"""What is no change of a record is asked for as exactly what will be done, and done once."""

from __future__ import annotations

import pytest

from muniment.errors import AccessDenied, ApprovalNeeded, ConfigError
from muniment.model import id_text
from muniment.schema import load_template
from muniment.testing import assert_logged, assert_no_plaintext

from .conftest import ANNA, PURPOSE, refused, rule, waits

EXPORTS = '[[approvals.rule]]\nname = "exports"\noperations = ["export"]\n'
IMPORTS = '[[approvals.rule]]\nname = "imports"\noperations = ["import"]\nrows = 2\n'
USERS = '[[approvals.rule]]\nname = "people"\noperations = ["user", "config", "schema"]\n'


@pytest.fixture
def second_owner(archive):
    """Somebody else who may change users and configuration."""
    with archive.session(actor="owner", purpose=PURPOSE) as owner:
        owner.create("user", {"login": "eve", "roles": ["owner"], "state": "active"})


def approve(session, number):
    """Look at a proposal and approve it."""
    return session.changes.approve(number, digest=session.changes.show(number).digest)


def test_an_export_is_asked_for_and_done_once(archive, as_, tmp_path):
    """Exactly that one; a second time needs another approval, and another file too."""
    rule(archive, EXPORTS)
    li, wu = as_("li"), as_("wu")
    li.create("customer", ANNA)
    target = tmp_path / "out.ndjson"

    def export(session=li, path=target):
        return session.export_file("customer", path, fields=["full_name", "phone"], where={"city": "Bonn"})

    number = waits(export)
    assert not target.exists()
    assert number == waits(export)
    shown = wu.changes.show(number)
    assert ("record.export", {"city": "Bonn"}) == (shown.act.action, shown.act.where)
    assert "ready" == approve(wu, number).state
    other = waits(lambda: export(path=tmp_path / "other.ndjson"))
    assert other != number
    with assert_logged(archive, "record.export", approval={"id": shown.summary.id}):
        export()
    assert target.exists()
    target.unlink()
    assert number != waits(export)
    archive.log.verify()


def test_nobody_else_uses_an_approval(archive, as_, tmp_path):
    """The maker does, or somebody who approved it; whoever stands by asks for their own."""
    rule(archive, EXPORTS)
    li, wu, bo = as_("li"), as_("wu"), as_("bo")
    number = waits(lambda: li.export_file("customer", tmp_path / "out.csv"))
    approve(wu, number)
    assert number != waits(lambda: bo.export_file("customer", tmp_path / "out.csv"))
    wu.export_file("customer", tmp_path / "out.csv")


def test_whoever_may_not_do_it_does_not_approve_it(archive, as_, tmp_path):
    """An auditor sees the request, and cannot let it through."""
    rule(archive, EXPORTS)
    number = waits(lambda: as_("li").export_file("customer", tmp_path / "out.csv"))
    ann = as_("ann")
    digest = ann.changes.show(number).digest
    with refused("access.action", AccessDenied):
        ann.changes.approve(number, digest=digest)


def write_csv(path, rows):
    path.write_text("full_name,phone\n" + "".join(f"Person {one},030 123456{one}\n" for one in range(rows)))
    return path


def test_a_large_import_is_asked_for_as_a_whole(archive, as_, tmp_path):
    """Its file, mapping and way of matching; another file is another request."""
    rule(archive, IMPORTS)
    li, wu = as_("li"), as_("wu")
    li.import_file("customer", write_csv(tmp_path / "two.csv", 2))
    path = write_csv(tmp_path / "many.csv", 5)
    number = waits(lambda: li.import_file("customer", path))
    facts = wu.changes.show(number).act.facts
    assert ("many.csv", "5") == (facts["file"], facts["rows"])
    approve(wu, number)
    write_csv(path, 6)
    assert number != waits(lambda: li.import_file("customer", path))
    write_csv(path, 5)
    with assert_logged(archive, "record.create", entries=1, count=5, approval={"by": ["wu"]}):
        done = li.import_file("customer", path)
    assert 5 == done.created
    assert_no_plaintext(archive.folder, ["Person 4"])


def test_an_import_does_not_slip_past_a_rule_about_records(archive, as_, tmp_path):
    """Where its columns hold a field that needs approval, the whole of it does; undoing it as well."""
    li, wu = as_("li"), as_("wu")
    path = write_csv(tmp_path / "few.csv", 1)
    number = waits(lambda: li.import_file("customer", path))
    approve(wu, number)
    done = li.import_file("customer", path)
    undo = waits(lambda: li.revert_import(done.id))
    approve(wu, undo)
    assert 1 == li.revert_import(done.id).deleted


def test_users_and_roles_wait_like_records(archive, as_, second_owner):
    """Whoever would make themselves more is seen by somebody else first."""
    rule(archive, USERS)
    owner, eve = as_("owner"), as_("eve")
    number = waits(lambda: owner.create("user", {"login": "zoe", "roles": ["owner"], "state": "active"}))
    assert "zoe" not in archive.engine.definitions.users
    shown = eve.changes.show(number)
    assert {"roles": ("owner",), "login": "zoe", "state": "active"} == {
        one.field: one.after for one in shown.changes[0].fields
    }
    with refused("approval.own", AccessDenied):
        owner.changes.approve(number, digest=shown.digest)
    eve.changes.approve(number, digest=shown.digest)
    archive.engine.refresh()
    assert ("owner",) == archive.engine.definitions.users["zoe"].roles


def test_a_configuration_waits_and_is_applied_once(archive, as_, second_owner):
    """Who checks it sees what differs; no rule is lifted by the one who wants it lifted."""
    rule(archive, USERS)
    owner, eve = as_("owner"), as_("eve")
    path = archive.folder / "muniment.toml"
    path.write_text(path.read_text().partition("\n[[approvals")[0].replace('region = "DE"', 'region = "CN"'))
    number = waits(lambda: archive.apply_config(owner, reason="we moved"))
    assert "DE" == archive.applied.region
    shown = eve.changes.show(number)
    assert '+region = "CN"' in shown.act.facts["muniment.toml"]
    approve(eve, number)
    with assert_logged(archive, "config.apply", approval={"id": shown.summary.id}):
        assert archive.apply_config(owner, reason="we moved")
    assert "CN" == archive.applied.region


def test_types_wait_and_their_records_are_not_written_by_hand(archive, as_, second_owner):
    """A definition is a record: writing it directly is no way around."""
    rule(archive, USERS)
    owner, eve = as_("owner"), as_("eve")
    more = [load_template("service-feedback")]
    before = len(owner.types())
    number = waits(lambda: archive.apply_templates(owner, more, reason="x"))
    definitions = archive.engine.definitions
    record = definitions.records[definitions.types["customer"].number]
    with refused("approval.by_command", ApprovalNeeded):
        owner.update(id_text(record), {"definition": "{}"})
    approve(eve, number)
    archive.apply_templates(owner, more, reason="x")
    assert before < len(owner.types())


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (USERS, "approval.nobody"),
        (USERS.replace('"people"', '"people"\nroles = ["nurse"]'), "config.value"),
        ('[[approvals.rule]]\nname = "x"\ntypes = ["custmer"]\n', "config.value"),
        ('[[approvals.rule]]\nname = "x"\nfields = ["fone"]\n', "config.value"),
        ('[[approvals.rule]]\noperations = ["remove"]\n', "config.value"),
        ("[[approvals.rule]]\napprovers = 0\n", "config.value"),
        ('[[approvals.rule]]\nwhom = "x"\n', "config.unknown"),
        ("[[approvals.rule]]\nname = 3\n", "config.type"),
        ("[approvals]\nexpire_days = 0\n", "config.value"),
        ("[approvals]\nrule = 3\n", "config.type"),
    ],
)
def test_a_rule_that_could_not_work_is_refused(archive, text, code):
    """A name that is not there, or a rule that nobody could meet: nothing is applied."""
    with refused(code, ConfigError):
        rule(archive, text)


def test_merging_is_asked_for_as_a_whole(archive, as_):
    """It deletes one record and writes another, and the link between them is nothing without that."""
    rule(archive, '[[approvals.rule]]\nname = "gone"\ntypes = ["customer"]\noperations = ["delete"]\n')
    owner, wu = as_("owner"), as_("wu")
    kept = owner.create("customer", {"full_name": "Anna Schmidt"})
    double = owner.create("customer", ANNA)
    with as_("owner") as one:
        one.create("user", {"login": "eve", "roles": ["owner"], "state": "active"})
    number = waits(lambda: owner.cleaning.links.merge(kept.id, double.id, reason="the same"))
    assert [] == list(owner.cleaning.links.list())
    assert ("phone" in wu.changes.show(number).act.fields) == ("phone" in ANNA)
    approve(as_("eve"), number)
    link = owner.cleaning.links.merge(kept.id, double.id, reason="the same")
    assert "030 1234567" == owner.get(kept.id).fields["phone"]
    undo = waits(lambda: owner.cleaning.links.undo(link.id, reason="not the same"))
    approve(as_("eve"), undo)
    owner.cleaning.links.undo(link.id, reason="not the same")
    archive.log.verify()


def test_a_file_waits_at_its_owners(archive, as_, tmp_path, clinic):
    """What is approved is this file for this record; another one is refused, also at the last moment."""
    owner, eve = (clinic.session(actor=login, purpose=PURPOSE) for login in ("owner", "eve"))
    number = waits(lambda: owner.create("person", {"name": "Anna"}))
    anna = approve(eve, number).saved[0]
    path = tmp_path / "contract.txt"
    path.write_bytes(b"what was agreed")
    number = waits(lambda: owner.attach(anna.id, "contract", path))
    assert [] == list((clinic.folder / "files").glob("[0-9a-f][0-9a-f]/*"))
    approve(eve, number)
    path.write_bytes(b"something else!")
    assert number != waits(lambda: owner.attach(anna.id, "contract", path))
    path.write_bytes(b"what was agreed")
    assert 2 == owner.attach(anna.id, "contract", path).version
    clinic.log.verify()
