"""Everything that the file can say of a role has its place in the pages, and stays where they do not say."""

from __future__ import annotations

from html.parser import HTMLParser

import attrs
import pytest
from starlette.testclient import TestClient

from muniment import config
from muniment.model import CLASSES, SCOPES
from muniment.policy import BreakGlass, FieldRule, Role, RowTest, TypeRule
from muniment.roles import _FIELD, _ROLE, _TYPE
from muniment.testing import new_archive
from muniment_web._app import build
from muniment_web.testing import Browser, give_password, new_web

ROLE, TABLE = "/roles/desk/change", "/roles/desk/tables/customer"
KEY = "the key is chosen once, when a role is made: what it is called is its label"
OTHER = "emergency access is the archive's and no role's; it stands under Configuration"
PLACES = {
    "Role.key": KEY,
    "Role.label": (ROLE, "label_en", "label_zh"),
    "Role.actions": (ROLE, "action"),
    "Role.read": (ROLE, *(f"read.{one}" for one in CLASSES)),
    "Role.write": (ROLE, "write"),
    "Role.types": (ROLE, "type"),
    "Role.deny": (ROLE, "deny"),
    "Role.search": (ROLE, "search"),
    "Role.export": (ROLE, "export", "own_export"),
    "Role.purposes": (ROLE, "purpose"),
    "Role.rules": (TABLE,),
    "Role.deny_types": (ROLE, "deny_type"),
    "TypeRule.actions": (TABLE, "own", "action"),
    "TypeRule.read": (TABLE, *(f"class.{one}" for one in CLASSES)),
    "TypeRule.write": (TABLE, "class_write", "own_write"),
    "TypeRule.search": (TABLE, "class_search", "own_search"),
    "TypeRule.export": (TABLE, "class_export", "own_export"),
    "TypeRule.fields": (TABLE, "read.phone"),
    "TypeRule.rows": (TABLE, "row.0.field", "row.0.values"),
    "TypeRule.deny": (TABLE, "deny"),
    "FieldRule.read": (TABLE, "read.phone"),
    "FieldRule.write": (TABLE, "write.phone"),
    "FieldRule.search": (TABLE, "search.phone"),
    "FieldRule.export": (TABLE, "export.phone"),
    "FieldRule.deny": (TABLE, "read.phone"),
    "BreakGlass.read": OTHER,
    "BreakGlass.minutes": OTHER,
    "BreakGlass.longest": OTHER,
}
WHOLE = """
# ours, as somebody wrote it
[roles.desk]
label = { en = "Desk", zh = "前台" }
actions = ["record.*", "schema.read"]  # what they do
read = { public = "clear", internal = "clear", personal = "mask", sensitive = "mask" }
write = ["internal"]
search = ["personal"]
export = ["public", "internal"]
deny = ["record.delete", "log.export"]
deny_types = ["interaction"]

[roles.desk.type.customer]
actions = ["record.list", "record.read", "record.export", "consent.read"]
deny = ["record.import"]  # never
read = { personal = "clear", restricted = "none" }
write = ["internal", "personal"]
search = []
export = ["internal"]
rows = { region = "actor.region" }

[roles.desk.type.customer.field]
email = { read = "mask", search = true, export = false }
phone = { write = false }
notes = "deny"
"""


class Form(HTMLParser):
    """What a browser would send of a page's form, as the page stands."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.sent: dict[str, list[str]] = {}
        self._select = ""
        self._first = False
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """An input, a list or one of its choices."""
        has = dict(attributes)
        name = has.get("name") or ""
        if tag == "select":
            self._select, self._first = name, True
            self.names.add(name)
        elif tag == "option" and self._select:
            held = self.sent.setdefault(self._select, [])
            if self._first:
                held.append(has.get("value") or "")
                self._first = False
            elif "selected" in has:
                held[-1] = has.get("value") or ""
        elif tag == "input" and name:
            self.names.add(name)
            if has.get("type") != "checkbox" or "checked" in has:
                self.sent.setdefault(name, []).append(has.get("value") or "")

    def handle_endtag(self, tag: str) -> None:
        """The end of a list."""
        if tag == "select":
            self._select = ""


@pytest.fixture
def desk(tmp_path):
    """An archive whose file says of a role all that can be said."""
    with new_archive(tmp_path / "shop", templates=("customer-info", "interaction-log")) as archive:
        path = archive.folder / config.FILE_NAME
        path.write_text(path.read_text("utf-8") + WHOLE, "utf-8")
        with archive.session(actor="owner") as session:
            archive.apply_config(session, reason="a role")
        give_password(archive, "owner")
        yield archive


def test_all_that_can_be_said_of_a_role_has_a_place_in_the_pages(desk):
    """Each thing that a policy is made of is an input of a page, or there is a reason why not."""
    made = {
        f"{kind.__name__}.{one.name}"
        for kind in (Role, TypeRule, FieldRule, BreakGlass)
        for one in attrs.fields(kind)
    }
    assert made == PLACES.keys()
    assert {*_ROLE, "key", "rules"} - {"type"} == {one.name for one in attrs.fields(Role)}
    assert {*_TYPE, "fields"} - {"field"} == {one.name for one in attrs.fields(TypeRule)}
    assert set(_FIELD) == {one.name for one in attrs.fields(FieldRule)}
    one = Browser.of(new_web(desk)).sign_in("owner")
    there = {path: Form(one.get(path).text).names for path in (ROLE, TABLE)}
    for what, place in PLACES.items():
        if isinstance(place, tuple):
            assert set(place[1:]) <= there[place[0]], what
        else:
            assert " " in place, what


@pytest.mark.parametrize("path", [ROLE, TABLE])
def test_a_form_that_is_sent_back_as_it_came_moves_nothing(desk, path):
    """Not a byte of the file: what the form shows is what the file says."""
    one = Browser.of(new_web(desk)).sign_in("owner")
    sent = sent_by(one, path)
    answer = one.post(path, {**sent, "do": "look"})
    assert 200 == answer.status_code, answer.text
    assert "<ins>" not in answer.text
    assert "<del>" not in answer.text


CHANGES = [
    (ROLE, {"search": ["internal"]}, lambda role: role.search == {"internal"}),
    (ROLE, {"export": ["public"]}, lambda role: role.export == {"public"}),
    (ROLE, {"export": []}, lambda role: role.export == frozenset()),
    (ROLE, {"own_export": [], "export": []}, lambda role: role.export is None),
    (ROLE, {"export": ["personal"]}, lambda role: role.export == {"personal"}),
    (ROLE, {"deny": ["record.update"]}, lambda role: role.deny == {"record.update"}),
    (ROLE, {"deny_type": []}, lambda role: role.deny_types == frozenset()),
    (TABLE, {"class.personal": [""]}, lambda role: rule(role).read == {"restricted": "none"}),
    (TABLE, {"class_write": ["public"]}, lambda role: rule(role).write == {"public"}),
    (TABLE, {"own_write": []}, lambda role: rule(role).write is None),
    (TABLE, {"class_write": ["sensitive"]}, lambda role: rule(role).write == {"sensitive"}),
    (TABLE, {"class_search": ["personal"]}, lambda role: rule(role).search == {"personal"}),
    (TABLE, {"own_export": []}, lambda role: rule(role).export is None),
    (TABLE, {"deny": []}, lambda role: rule(role).deny == frozenset()),
    (TABLE, {"deny": ["record.read"]}, lambda role: rule(role).deny == {"record.read"}),
    (TABLE, {"search.email": ["no"]}, lambda role: rule(role).fields["email"].search is False),
    (TABLE, {"export.email": [""]}, lambda role: rule(role).fields["email"].export is None),
    (
        TABLE,
        {"export.phone": ["yes"]},
        lambda role: rule(role).fields["phone"] == FieldRule(write=False, export=True),
    ),
]


def sent_by(one: Browser, path: str) -> dict[str, list[str]]:
    """What the form of a page would send as it stands."""
    return {key: some for key, some in Form(one.get(path).text).sent.items() if key != "csrf"}


def rule(role: Role) -> TypeRule:
    """What the role says of customers."""
    return role.rules["customer"]


def test_each_of_them_is_looked_at_and_kept_for_a_reason(desk):
    """The lines are seen first, nothing holds before the reason, and nothing else moves."""
    one = Browser.of(new_web(desk)).sign_in("owner")
    path = desk.folder / config.FILE_NAME
    start = path.read_text("utf-8")
    for page, change, holds in CHANGES:
        before = desk.engine.policy.roles["desk"]
        sent = sent_by(one, page)
        asked = {**sent, **change}
        looked = one.post(page, {**asked, "do": "look"})
        assert "<ins>" in looked.text or "<del>" in looked.text, change
        assert before == desk.engine.policy.roles["desk"]
        seen = Form(looked.text).sent["seen"]
        yes = {**asked, "do": "keep", "seen": seen}
        assert "usage.no_reason" in one.post(page, yes).text
        assert before == desk.engine.policy.roles["desk"]
        one.post(page, {**yes, "why": "other", "note": "as agreed"})
        after = desk.engine.policy.roles["desk"]
        assert holds(after), change
        moved = {
            each.name
            for each in attrs.fields(Role)
            if getattr(before, each.name) != getattr(after, each.name)
        }
        assert 1 == len(moved), (change, moved)
    assert ((RowTest("region", ("actor.region",)),),) == rule(desk.engine.policy.roles["desk"]).rows
    assert "consent.read" in (rule(desk.engine.policy.roles["desk"]).actions or ())
    for comment in ("# ours, as somebody wrote it", "# what they do"):
        assert comment in start
        assert comment in path.read_text("utf-8")


def test_who_gains_and_loses_is_seen_first(desk):
    """Whoever has the role is told with what they lose before anybody says yes."""
    with desk.session(actor="owner") as session:
        session.create("user", {"login": "tom", "roles": ["desk"], "state": "active"})
    one = Browser.of(new_web(desk)).sign_in("owner")
    sent = sent_by(one, TABLE)
    looked = one.post(TABLE, {**sent, "deny": ["record.read"], "do": "look"}).text
    assert "tom" in looked.partition('class="shift"')[2]


def test_what_is_made_up_is_refused_and_nothing_moves(desk):
    """A class, act or table that there is not, and somebody who may not change the configuration."""
    one = Browser.of(new_web(desk)).sign_in("owner")
    path = desk.folder / config.FILE_NAME
    held = path.read_bytes()
    sent = sent_by(one, ROLE)
    for change in (
        {"deny": ["record.fly"]},
        {"deny_type": ["nosuch"]},
        {"search": ["secret"]},
        {"own_export": ["1"], "export": ["secret"]},
    ):
        answer = one.post(ROLE, {**sent, **change, "do": "keep", "why": "other", "note": "x"})
        assert 422 == answer.status_code or held == path.read_bytes(), change
        assert held == path.read_bytes()
    with desk.session(actor="owner") as session:
        session.create("user", {"login": "tom", "roles": ["reader"], "state": "active"})
    give_password(desk, "tom")
    tom = Browser.of(new_web(desk)).sign_in("tom")
    for page in (ROLE, TABLE):
        assert 403 == tom.post(page, {**sent, "do": "keep", "why": "other", "note": "x"}).status_code
    assert held == path.read_bytes()


def test_a_program_says_the_same_and_leaves_out_what_stays(desk):
    """What a request does not name is as it was; null leaves it to the role; a list is what it says."""
    with desk.session(actor="owner") as session:
        _, text = session.credentials.issue("owner", name="test", scopes=SCOPES, days=1)
    one = TestClient(build(new_web(desk)), base_url="http://localhost:8765/api/v1/")
    one.headers["Authorization"] = f"Bearer {text}"
    before = desk.engine.policy.roles["desk"]
    match = {"If-Match": one.get("configuration").headers["ETag"]}
    same = {
        "label": dict(before.label), "actions": sorted(before.actions), "read": dict(before.read),
        "write": sorted(before.write), "reason": "by program",
    }  # fmt: skip
    body = {**same, "deny": [], "export": None, "search": ["sensitive"]}
    done = one.put("roles/desk", json=body, headers=match)
    assert 200 == done.status_code, done.text
    role = desk.engine.policy.roles["desk"]
    assert (frozenset(), None, {"sensitive"}) == (role.deny, role.export, set(role.search))
    assert before.deny_types == role.deny_types
    match = {"If-Match": one.get("configuration").headers["ETag"]}
    given = {"reason": "by program", "write": None, "export": [], "read": {"personal": "mask"}}
    done = one.put("roles/desk/tables/customer", json=given, headers=match)
    assert 200 == done.status_code, done.text
    told = rule(desk.engine.policy.roles["desk"])
    assert (None, frozenset(), {"personal": "mask"}) == (told.write, told.export, dict(told.read))
    assert (rule(before).search, rule(before).deny) == (told.search, told.deny)
