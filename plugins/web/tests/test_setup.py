"""Setting an archive up in its pages: plugins, tables and fields, roles, keys, backups."""

from __future__ import annotations

import re

import pytest

from muniment import config, hookspecs
from muniment.policy import ACTIONS, FieldRule, RowTest
from muniment.session.ticking import JOBS
from muniment.testing import log_entries, new_archive
from muniment_web.server.texts import all_texts
from muniment_web.testing import Browser, give_password, new_web


@pytest.fixture
def small(tmp_path):
    """An archive of this test's own, since its configuration changes."""
    with new_archive(tmp_path / "customers", templates=("customer-info",)) as archive:
        with archive.session(actor="owner") as session:
            session.create("user", {"login": "tom", "roles": ["reader"], "state": "active"})
        for login in ("owner", "tom"):
            give_password(archive, login)
        yield archive


def signed(archive, login: str = "owner") -> Browser:
    """A browser of somebody."""
    return Browser.of(new_web(archive)).sign_in(login)


def seen_in(page: str) -> str:
    """What a page gives to be sent back with the yes."""
    return re.search(r'name="seen" value="([0-9a-f]{64})"', page).group(1)


def file_of(archive):
    """The configuration file."""
    return archive.folder / config.FILE_NAME


def test_a_plugin_is_looked_at_before_it_is_used(small):
    """What it asks for, what the file would say, which fields come; nothing holds and nothing is written."""
    one = signed(small)
    before = file_of(small).read_bytes()
    page = one.get("/plugins/finance").text
    assert "<code>muniment_validate</code>" in page
    assert "it sees the values of the record that is written" in page
    page = one.post("/plugins/finance", {"do": "look_on"}).text
    assert re.search(r"<ins>\+ enabled = \[.*finance.*\]</ins>", page)
    assert before == file_of(small).read_bytes()
    assert () == small.applied.plugins


def test_a_plugin_is_switched_on_and_off(small):
    """The file keeps its comments, the archive holds what it says, and each is an entry with its reason."""
    one = signed(small)
    seen = seen_in(one.post("/plugins/finance", {"do": "look_on"}).text)
    page = one.post("/plugins/finance", {"do": "on", "seen": seen, "why": "other", "note": "clients"})
    assert "finance is in use from now on" in page.text
    assert "finance" in small.applied.plugins
    text = file_of(small).read_text(encoding="utf-8")
    assert "finance" in config.parse(text, where="file").plugins
    assert "# What rests on consent." in text
    kinds = [one.kind for one in log_entries(small)]
    assert "plugin.enable" in kinds
    seen = seen_in(one.post("/plugins/finance", {"do": "look_off"}).text)
    one.post("/plugins/finance", {"do": "off", "seen": seen, "why": "other", "note": "no more"})
    assert "finance" not in small.applied.plugins
    assert "plugin.disable" in [one.kind for one in log_entries(small)]


def test_a_file_that_moved_since_is_left_alone(small):
    """What was looked at is what is written: another file, or one that waits, is refused and kept."""
    one = signed(small)
    seen = seen_in(one.post("/plugins/finance", {"do": "look_on"}).text)
    path = file_of(small)
    moved = path.read_text(encoding="utf-8") + "\n# a line of somebody's\n"
    path.write_text(moved, encoding="utf-8")
    yes = {"do": "on", "seen": seen, "why": "other", "note": "clients"}
    page = one.post("/plugins/finance", yes)
    assert "config.waits" in page.text
    with small.session(actor="owner") as session:
        small.apply_config(session, reason="a comment")
    page = one.post("/plugins/finance", yes)
    assert "config.moved" in page.text
    assert moved == path.read_text(encoding="utf-8")
    assert () == small.applied.plugins


def test_what_is_not_on_this_machine_is_never_named(small):
    """A plugin that is not installed has no page, and a form about it changes nothing."""
    one = signed(small)
    before = file_of(small).read_bytes()
    assert 404 == one.get("/plugins/nonesuch").status_code
    assert 404 == one.post("/plugins/nonesuch", {"do": "on", "why": "other", "note": "x"}).status_code
    assert before == file_of(small).read_bytes()


def test_a_reader_switches_nothing(small):
    """The pages say no, the log has the refusal, and no code of an unused plugin is asked."""
    tom = signed(small, "tom")
    assert 403 == tom.post("/plugins/finance", {"do": "on", "why": "other", "note": "x"}).status_code
    assert () == small.applied.plugins


def test_a_file_that_may_not_be_written_is_a_sentence(small, monkeypatch):
    """Where the process may not write the file, the page says so, and nothing holds."""
    from muniment.archive import editing
    from muniment.errors import ConfigError

    one = signed(small)
    seen = seen_in(one.post("/plugins/finance", {"do": "look_on"}).text)

    def refuse(path, content):
        raise ConfigError("config.not_writable", where=str(path))

    monkeypatch.setattr(editing, "_write", refuse)
    page = one.post("/plugins/finance", {"do": "on", "seen": seen, "why": "other", "note": "clients"})
    assert "may not write" in page.text
    assert () == small.applied.plugins


# Tables and fields

FIELD = {
    "kind": "choice",
    "label_en": "Ward",
    "label_zh": "病区",
    "class": "sensitive",
    "group": "basics",
    "choices": "North | 北区\nS | South | 南区",
}


def group_in(archive) -> str:
    """A layout group of the customers."""
    return archive.engine.definitions.types["customer"].groups[0].key


def test_a_field_is_looked_at_then_added(small):
    """The plan says what comes, nothing holds before the yes, and the definition has its reason."""
    one = signed(small)
    form = {**FIELD, "group": group_in(small)}
    for kind in small.engine.kinds:
        assert 200 == one.get("/schema/customer/add", params={"kind": kind}).status_code, kind
    page = one.post("/schema/customer/add", {**form, "do": "look"}).text
    assert "ward" in page
    assert "ward" not in small.engine.definitions.types["customer"].by_key
    seen = seen_in(page)
    page = one.post(
        "/schema/customer/add", {**form, "do": "keep", "seen": seen, "note": "the clinic asks"}
    ).text
    assert "The field is there from now on" in page
    made = small.engine.definitions.types["customer"].by_key["ward"]
    assert ("choice", "sensitive", "病区") == (made.kind, made.sensitivity, made.label.zh)
    assert [("north", "North", "北区"), ("S", "South", "南区")] == [
        (each.key, each.label.en, each.label.zh) for each in made.choices
    ]
    assert "the clinic asks" in page
    changes = one.get("/schema/customer/compare?a=1&b=2").text
    assert "Ward" in changes


def test_what_is_wrong_with_a_field_is_said_above_its_form(small):
    """No choices, a card's security code, a key that is taken: each is a sentence, and nothing is kept."""
    one = signed(small)
    form = {**FIELD, "group": group_in(small)}
    for wrong, code in (
        ({"choices": ""}, "schema.no_choices"),
        ({"key": "cvv"}, "schema.forbidden"),
        ({"key": "full_name"}, "schema.field_exists"),
        ({"choices": "a | b | c | d"}, "usage.choice_line"),
        ({"class": "secret"}, "schema.unknown"),
        ({"group": "nowhere"}, "schema.unknown"),
    ):
        answer = one.post("/schema/customer/add", {**form, **wrong, "do": "look"})
        assert 422 == answer.status_code, wrong
        assert code in answer.text, wrong
        assert 'value="Ward"' in answer.text
    assert 1 == small.engine.definitions.types["customer"].definition_version


def test_a_table_that_changed_since_is_looked_at_again(small):
    """Somebody else's field came between: the yes is refused, and the new plan is shown."""
    one = signed(small)
    form = {**FIELD, "group": group_in(small)}
    seen = seen_in(one.post("/schema/customer/add", {**form, "do": "look"}).text)
    other = {"kind": "text", "label_en": "Bed", "class": "internal", "group": group_in(small)}
    page = one.post("/schema/customer/add", {**other, "do": "look"}).text
    one.post("/schema/customer/add", {**other, "do": "keep", "seen": seen_in(page)})
    answer = one.post("/schema/customer/add", {**form, "do": "keep", "seen": seen})
    assert "config.types_moved" in answer.text
    assert "ward" not in small.engine.definitions.types["customer"].by_key
    one.post("/schema/customer/add", {**form, "do": "keep", "seen": seen_in(answer.text)})
    assert {"bed", "ward"} <= small.engine.definitions.types["customer"].by_key.keys()


def test_a_field_is_renamed_hidden_and_retired(small):
    """Each is a version of the definition, what is there stays, and the old key still finds the field."""
    one = signed(small)
    page = re.sub(r"\s+", " ", one.get("/schema/customer/fields/hobbies").text)
    form = {
        name: value
        for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', page)
        if name in ("kind", "label_en", "label_zh", "key", "help_en", "help_zh", "default", "max_length")
    }
    form["class"] = re.search(r'name="class" value="(\w+)" required checked', page).group(1)
    form |= {"key": "pastimes", "label_en": "Pastimes", "hidden": "1"}
    path = "/schema/customer/fields/hobbies"
    page = one.post(path, {**form, "do": "look"}).text
    one.post(path, {**form, "do": "keep", "seen": seen_in(page)})
    made = small.engine.definitions.types["customer"].field("hobbies")
    assert ("pastimes", "Pastimes", True) == (made.key, made.label.en, made.hidden)
    lower = one.post("/schema/customer/fields/pastimes", {**form, "class": "public", "do": "look"})
    assert "schema.class_lowered" in lower.text


def test_a_table_of_ones_own(small):
    """Its subject, its first field, its category; then it stands among the tables and takes records."""
    one = signed(small)
    form = {
        "label_en": "Room booking", "label_zh": "房间预订", "subject": "customer", "name_en": "Room",
        "class": "internal", "category": "booking",
    }  # fmt: skip
    page = one.post("/schema/new", {**form, "do": "look"}).text
    assert "room_booking" not in small.engine.definitions.types
    page = one.post("/schema/new", {**form, "do": "keep", "seen": seen_in(page)}).text
    assert "Add its other fields now" in page
    made = small.engine.definitions.types["room_booking"]
    assert (("customer",), {"customer", "name"}) == (made.subject, set(made.by_key))
    with small.session(actor="owner") as session:
        anna = session.create("customer", {"customer_number": "K-1", "full_name": "Anna"}).id
        booked = session.create("room_booking", {"customer": anna, "name": "7"})
        assert session.get(booked.id).subject == session.get(anna).subject
    again = one.post("/schema/new", {**form, "do": "look"})
    assert "room_booking_1" in again.text
    taken = one.post("/schema/new", {**form, "key": "customer", "do": "look"})
    assert "schema.type_exists" in taken.text


def test_the_schema_is_no_secret_and_not_a_readers_to_change(small):
    """A reader sees tables, definitions and what indexes tell; the forms and their acts are refused."""
    tom = signed(small, "tom")
    page = tom.get("/schema/customer")
    assert 200 == page.status_code
    assert "/schema/customer/add" not in page.text
    for path in ("/schema/new", "/schema/customer/add", "/schema/customer/fields/full_name"):
        assert 403 == tom.get(path).status_code
        assert 403 == tom.post(path, {**FIELD, "do": "keep"}).status_code
    assert 404 == tom.get("/schema/user").status_code
    assert 404 == tom.get("/schema/nonesuch").status_code


# Roles and users

DESK = {
    "key": "desk",
    "label_en": "Front desk",
    "label_zh": "前台",
    "read.public": "clear",
    "read.internal": "clear",
    "read.personal": "mask",
    "write": ["internal"],
    "action": ["record.list", "record.read", "schema.read"],
    "type": ["customer"],
}


def test_a_role_is_made_changed_and_removed(small):
    """Its lines and who gains are seen first; what the form does not know stays in the file."""
    one = signed(small)
    page = one.post("/roles/new", {**DESK, "do": "look"}).text
    assert "<ins>+ [roles.desk]</ins>" in page
    assert "desk" not in small.engine.policy.roles
    yes = {"do": "keep", "seen": seen_in(page), "why": "other", "note": "a front desk"}
    page = one.post("/roles/new", {**DESK, **yes}).text
    made = small.engine.policy.roles["desk"]
    assert {"record.list", "record.read", "schema.read"} == set(made.actions)
    assert ({"customer"}, {"internal"}, "mask") == (set(made.types), set(made.write), made.read["personal"])
    assert "Front desk" in page
    path = file_of(small)
    path.write_text(
        path.read_text("utf-8") + '\n[roles.desk.type.customer]\ndeny = ["record.export"]\n', "utf-8"
    )
    with small.session(actor="owner") as session:
        small.apply_config(session, reason="by hand")
        user = small.engine.definitions.users["tom"]
        from muniment.model import id_text

        session.update(id_text(user.record), {"roles": ["desk"]}, reason="moved")
    wider = {**DESK, "action": [*DESK["action"], "record.create"]}
    page = one.post("/roles/desk/change", {**wider, "do": "look"}).text
    assert "create records" in page.partition('class="chip amber"')[2]
    one.post(
        "/roles/desk/change", {**wider, "do": "keep", "seen": seen_in(page), "why": "other", "note": "x"}
    )
    made = small.engine.policy.roles["desk"]
    assert "record.create" in made.actions
    assert {"record.export"} == set(made.rules["customer"].deny)
    page = one.post("/roles/desk", {"do": "look"}).text
    assert "tom" in page.partition('class="shift"')[2]
    one.post("/roles/desk", {"do": "keep", "seen": seen_in(page), "why": "other", "note": "gone"})
    assert "desk" not in small.engine.policy.roles
    assert "[roles" not in file_of(small).read_text("utf-8")


def test_a_role_is_narrowed_for_one_table(small):
    """Fields, rows and acts of one table are stated in a form, looked at, and hold for its people."""
    one = signed(small)
    page = one.post("/roles/new", {**DESK, "do": "look"}).text
    one.post("/roles/new", {**DESK, "do": "keep", "seen": seen_in(page), "why": "other", "note": "a desk"})
    with small.session(actor="owner") as session:
        for name, region in (("Ann", "north"), ("Bob", "south")):
            session.create("customer", {"full_name": name, "region": region, "company": "Ltd"})
        from muniment.model import id_text

        user = small.engine.definitions.users["tom"]
        session.update(
            id_text(user.record), {"roles": ["desk"], "attributes": ["region=north"]}, reason="moved"
        )
    assert "/roles/desk/tables/customer" in one.get("/roles/desk").text
    here = "/roles/desk/tables/customer"
    page = one.get(here).text
    assert "as its class: masked" in page
    assert "actor.region" in page
    every = len(re.findall(r'name="read\.', page))
    assert f"Fields without a rule of their own: {every}" in page
    form = {
        "read.company": "deny",
        "read.full_name": "clear",
        "write.industry": "no",
        "row.0.field": ["region", ""],
        "row.0.values": ["actor.region", ""],
        "own": "1",
        "action": ["record.list", "record.read"],
    }
    page = one.post(here, {**form, "do": "look"}).text
    # What follows its class is folded away; what was stated stands in sight, before it is kept and after.
    shown, _, folded = page.partition(f"Fields without a rule of their own: {every - 3}")
    assert folded
    for name in ("read.company", "read.full_name", "read.industry"):
        assert (f'name="{name}"' in shown, f'name="{name}"' in folded) == (True, False)
    assert 'name="read.email"' in folded
    assert "rows" in page.partition("<ins>")[2]
    losses = page.partition('class="chip red"')[2]
    assert "every record" in losses
    assert "Company" in losses
    assert "customer" not in small.engine.policy.roles["desk"].rules
    one.post(here, {**form, "do": "keep", "seen": seen_in(page), "why": "other", "note": "their region"})
    rule = small.engine.policy.roles["desk"].rules["customer"]
    assert {
        "company": FieldRule(deny=True),
        "full_name": FieldRule("clear"),
        "industry": FieldRule(write=False),
    } == dict(rule.fields)
    assert ((RowTest("region", ("actor.region",)),),) == rule.rows
    assert {"record.list", "record.read", "schema.read"} == set(rule.actions)
    seen = signed(small, "tom").get("/t/customer").text
    assert ("Ann" in seen, "Bob" in seen, "Ltd" in seen) == (True, False, False)
    # The log ends at no rows: whoever adds it to such a role is told, and whoever looks at the role later.
    reading, said = {**DESK, "action": [*DESK["action"], "log.read"]}, "The role desk ends at some records"
    assert said not in one.get("/roles/desk").text
    page = one.post("/roles/desk/change", {**reading, "do": "look"}).text
    assert said in page
    one.post(
        "/roles/desk/change", {**reading, "do": "keep", "seen": seen_in(page), "why": "other", "note": "x"}
    )
    assert said in one.get("/roles/desk").text
    page = one.get(here).text
    assert re.search(r'<option value="region" selected>', page)
    page = one.post(here, {"do": "look"}).text
    one.post(here, {"do": "keep", "seen": seen_in(page), "why": "other", "note": "as before"})
    assert "customer" not in small.engine.policy.roles["desk"].rules


def test_a_rule_that_cannot_hold_is_refused_where_it_was_stated(small):
    """Half a condition, a field that tells no rows, a role or table that is not there: said, nothing kept."""
    one = signed(small)
    page = one.post("/roles/new", {**DESK, "do": "look"}).text
    one.post("/roles/new", {**DESK, "do": "keep", "seen": seen_in(page), "why": "other", "note": "a desk"})
    held = file_of(small).read_bytes()
    here = "/roles/desk/tables/customer"
    for form, code in (
        ({"row.0.field": "region", "row.0.values": " "}, "config.role_row_half"),
        ({"row.0.field": "", "row.0.values": "north"}, "config.role_row_half"),
        ({"row.0.field": "address", "row.0.values": "x"}, "config.role_row"),
        ({"row.0.field": "nosuch", "row.0.values": "x"}, "config.role_field"),
    ):
        answer = one.post(here, {**form, "do": "look"})
        assert (422, [code]) == (answer.status_code, re.findall(r'class="code">([^<]*)<', answer.text))
    for path in ("/roles/reader/tables/customer", "/roles/no/tables/customer", "/roles/desk/tables/user"):
        assert 404 == one.get(path).status_code
        assert 404 == one.post(path, {"do": "keep", "why": "other", "note": "x"}).status_code
    tom = signed(small, "tom")
    assert 403 == tom.get(here).status_code
    assert 403 == tom.post(here, {"do": "keep", "why": "other", "note": "x"}).status_code
    assert held == file_of(small).read_bytes()


def test_roles_that_every_archive_has_stay_as_they_are(small):
    """They are told in words and as text to begin one of one's own with; no form changes them."""
    one = signed(small)
    page = one.get("/roles/reader").text
    assert "Sees masked" in page
    assert "open records" in page
    assert "[roles.reader]" in page
    assert 404 == one.get("/roles/reader/change").status_code
    for path, form in (
        ("/roles/reader/change", {**DESK, "do": "look"}),
        ("/roles/new", {**DESK, "key": "reader", "do": "look"}),
        ("/roles/reader", {"do": "look"}),
        ("/roles/new", {**DESK, "key": "No Key", "do": "look"}),
        ("/roles/new", {**DESK, "action": ["record.fly"], "do": "look"}),
    ):
        assert one.post(path, form).status_code in (404, 422), form
    assert 200 == one.get("/roles/new?like=reader").status_code
    tom = signed(small, "tom")
    assert 403 == tom.get("/roles/new").status_code
    assert 403 == tom.post("/roles/new", {**DESK, "do": "keep"}).status_code


def test_a_user_has_a_name_and_attributes(small):
    """What rules on rows ask for is set in the page; nonsense is a sentence and changes nothing."""
    one = signed(small)
    form = {"do": "about", "name": "Tom Roe", "attributes": "region=north\nward=7"}
    assert "region=north" in one.post("/users/tom/change", form).text
    held = small.engine.definitions.users["tom"]
    assert ("Tom Roe", (("region", "north"), ("ward", "7"))) == (held.name, held.attributes)
    wrong = one.post("/users/tom/change", {**form, "attributes": "north"})
    assert "policy.attribute_form" in wrong.text
    one.post("/users/tom/change", {"do": "about", "name": "", "attributes": ""})
    assert () == small.engine.definitions.users["tom"].attributes


# Backups, keys, status


def test_backups_are_planned_made_and_practised(small, tmp_path):
    """Where they go is a change of the file; then one is made, verified, opened again, and told."""
    one = signed(small)
    assert "Nobody has said yet" in one.get("/backups").text
    assert "backup.no_plan" in one.post("/backups", {"do": "run"}).text
    form = {"to": str(tmp_path / "kept"), "every_hours": "12"}
    page = one.post("/backups/plan", {**form, "do": "look"}).text
    assert "<ins>+ every_hours = 12</ins>" in page
    assert "usage.number" in one.post("/backups/plan", {**form, "every_hours": "often", "do": "look"}).text
    one.post(
        "/backups/plan",
        {**form, "do": "keep", "seen": seen_in(page), "why": "other", "note": "every half day"},
    )
    assert (str(tmp_path / "kept"), 12) == (small.applied.backup.to, small.applied.backup.every_hours)
    page = one.post("/backups", {"do": "run"}).text
    assert "was made and verified" in page
    name = re.search(r'name="name" value="([^"]+)"', page).group(1)
    assert "The restore would work" in one.post("/backups", {"do": "drill", "name": name}).text
    assert "backup.none" in one.post("/backups", {"do": "drill", "name": str(small.folder)}).text
    assert "Backups removed" in one.post("/backups", {"do": "prune"}).text
    assert "muniment restore" in page
    assert {"backup.create", "backup.drill"} <= {one.kind for one in log_entries(small)}
    tom = signed(small, "tom")
    assert 403 == tom.get("/backups").status_code
    assert 403 == tom.post("/backups", {"do": "run"}).status_code


def test_keys_are_rotated_by_whoever_may(small):
    """A new epoch, in the log, and what needs the machine stands there as commands."""
    one = signed(small)
    before = small.keys.status().epoch
    page = one.post("/keys", {}).text
    assert f"of epoch {before + 1} now" in page
    assert before + 1 == small.keys.status().epoch
    assert "key slot add keyfile" in page
    assert 403 == signed(small, "tom").post("/keys", {}).status_code
    assert before + 1 == small.keys.status().epoch


def test_every_job_and_every_action_has_words():
    """A job or an action that is added is told in both languages, or this fails."""
    assert {f"status.job_{one}" for one in JOBS} <= all_texts().keys()
    assert {f"actions.{one.replace('.', '_')}" for one in ACTIONS} <= all_texts().keys()
    assert {f"actions.on_{one.partition('.')[0]}" for one in ACTIONS} <= all_texts().keys()
    hooks = {one.removeprefix("muniment_") for one in hookspecs.__all__ if one.startswith("muniment_")}
    assert {f"plugins.hook_{one}" for one in hooks - {"plugin_info"}} <= all_texts().keys()


def test_the_status_says_how_everything_stands(small):
    """Counts, log, backups, plugins, jobs; and what is due is done from there."""
    one = signed(small)
    page = one.get("/status").text
    assert small.id in page
    assert "/schema/customer" in page
    done = one.post("/status", {}).text
    assert "nothing was due" in done
    assert "job.run" in {one.kind for one in log_entries(small)}
    assert 403 == signed(small, "tom").get("/status").status_code


def test_a_plugin_is_set_by_a_form_made_of_its_schema(small):
    """Inputs with their bounds and usual values in both languages; the file says only what is unusual."""
    one = signed(small)
    page = one.get("/plugins/healthcare").text
    assert "How many people check a diagnosis" in page
    wrong = one.post("/plugins/healthcare", {"do": "look_on", "s.checkers": "9"})
    assert "plugin.settings" in wrong.text
    form = {"s.checkers": "2", "s.longest_visit_days": "3", "s.guardian_below": "18"}
    page = one.post("/plugins/healthcare", {**form, "do": "look_on"}).text
    assert "<ins>+ [plugins.settings.healthcare]</ins>" in page
    assert "longest_visit_days" not in page.partition("<ins>+ [plugins.settings")[2].partition("</pre>")[0]
    yes = {"seen": seen_in(page), "why": "other", "note": "clinic"}
    one.post("/plugins/healthcare", {**form, **yes, "do": "on"})
    assert {"healthcare": {"checkers": 2}} == small.applied.plugin_settings
    page = one.post("/plugins/healthcare", {**form, "s.checkers": "1", "do": "look_on"}).text
    assert "<del>- checkers = 2</del>" in page
    one.post(
        "/plugins/healthcare",
        {**form, "s.checkers": "1", "do": "on", "seen": seen_in(page), "why": "other", "note": "less"},
    )
    assert {} == small.applied.plugin_settings
    assert "healthcare" in small.applied.plugins
