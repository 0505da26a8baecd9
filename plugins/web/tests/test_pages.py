"""What the pages show and do: tables, records, reveals, the log; each through a real session."""

from __future__ import annotations

import re
import tomllib
from importlib import resources

from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from muniment.errors import IntegrityError
from muniment.log.kinds import KINDS
from muniment.model import id_text
from muniment.testing import new_archive
from muniment_web.server.texts import all_texts
from muniment_web.testing import ANNA, Browser, give_password, new_web


def test_every_text_is_in_both_languages_with_the_same_parameters():
    """No page shows a key instead of a text, or one language's text in the other."""
    for key, text in all_texts().items():
        assert {"en", "zh"} == set(text), key
        names = [sorted(set(re.findall(r"\{(\w+)[:}]", text[lang]))) for lang in ("en", "zh")]
        assert names[0] == names[1], key


def test_every_text_that_a_page_asks_for_is_there():
    """Keys in templates and code are in the catalogue; and what is there is used."""
    from pathlib import Path

    import muniment_web

    root = Path(muniment_web.__file__).parent
    texts = "\n".join(
        path.read_text(encoding="utf-8") for path in root.rglob("*") if path.suffix in (".py", ".html")
    )
    asked = set(re.findall(r"""say(?:\.marked)?\(\s*['"]([a-z_]+\.[a-z_0-9]+)['"]\s*[,)]""", texts))
    assert set() == asked - set(all_texts())
    prefixes = {
        "account.scope_",
        "actions.",
        "alerts.set_",
        "alerts.severity_",
        "alerts.state_",
        "audit.",
        "changes.state_",
        "consent.f_",
        "desk.do_",
        "followups.by_",
        "followups.weekday_",
        "filter.",
        "gains.",
        "glass.state_",
        "help.",
        "hint.",
        "import.",
        "incidents.",
        "keeping.final_",
        "keeping.place_",
        "keeping.scope_",
        "keys.kind_",
        "letter.",
        "plugins.about_",
        "plugins.b_",
        "plugins.hook_",
        "portable.",
        "log.auth_",
        "log.broken_",
        "log.outcome_",
        "log.way_",
        "reason.",
        "record.op_",
        "quality.code_",
        "requests.channel_",
        "requests.law_",
        "requests.state_",
        "restrict.state_",
        "retention.",
        "roles.from_",
        "roles.reads_",
        "roles.way_",
        "schema.class_",
        "status.job_",
        "schema.index_",
        "schema.ix_",
        "schema.means_",
    }
    unused = {
        key
        for key in all_texts()
        if f'"{key}"' not in texts and f"'{key}'" not in texts and not key.startswith(tuple(prefixes))
    }
    assert set() == unused


# What only commands ask for, and what whoever runs the server reads.
_NO_PAGE = {
    "audit",
    "backup",
    "certificate",
    "choose",
    "cli",
    "config",
    "key",
    "log",
    "plugin",
    "policy",
    "quality",
    "serve",
    "store",
    "witness",
}


def test_no_page_says_to_type_an_option_of_a_command():
    """Where the core's hint names an option, the pages have a hint of their own, in both languages."""
    option = re.compile(r"--[a-z]|[(`][a-z]+ [a-z]+[)`]")
    own = {key.removeprefix("hint.") for key in all_texts() if key.startswith("hint.")}
    messages = {}
    for file in resources.files("muniment").joinpath("messages").iterdir():
        messages |= tomllib.loads(file.read_text(encoding="utf-8"))
    hints = {code: text.get("hint_en", "") + text.get("hint_zh", "") for code, text in messages.items()}
    named = {code for code, hint in hints.items() if "--" in hint and code.partition(".")[0] not in _NO_PAGE}
    assert set() == named - own
    assert own <= messages.keys()
    for code in own:
        for text in all_texts()[f"hint.{code}"].values():
            assert not option.search(text), code


def test_an_export_without_a_reason_says_where_the_reason_is_written(signed, anna):
    """The hint is about the form that somebody sees, not about a command."""
    browser = signed("owner")
    page = browser.post("/t/customer/export", {"format": "csv", "why": "other", "note": ""})
    assert 422 == page.status_code
    assert "usage.no_reason" in page.text
    assert "--reason" not in page.text
    assert "write it in the note" in page.text


def test_a_refused_form_keeps_the_reason_that_was_chosen(signed, anna):
    """Whoever mends one field does not say once more why; all faults stand there at once, in our words."""
    browser = signed("owner")
    form = {"expected": "1", "v.email": "nobody", "v.phone": "1", "why": "correction", "note": "T-77"}
    page = browser.post(f"/t/customer/{anna}", form)
    assert 422 == page.status_code
    assert re.search(r'<option value="correction" selected', page.text)
    assert re.search(r'name="note"\s+value="T-77"', page.text)
    form_tag = re.search(r'<form method="post"\s+class="card form"[^>]*>', page.text)
    assert "novalidate" in form_tag.group(0)
    asked = browser.post(f"/t/customer/{anna}/reveal", {"field": "phone", "why": "other", "note": ""})
    assert 422 == asked.status_code
    assert re.search(r'<option value="other" selected', asked.text)


def test_an_empty_table_says_what_to_do_first(signed, tmp_path):
    """Nobody is told to take filters away where there are none, or offered what they may not do."""
    with new_archive(tmp_path / "new", templates=("customer-info",)) as archive:
        with archive.session(actor="owner") as session:
            values = {"login": "tom", "display_name": "Tom", "roles": ["reader"], "state": "active"}
            session.create("user", values)
        web = new_web(archive)
        for login in ("owner", "tom"):
            give_password(archive, login)
        owner, tom = (Browser.of(web).sign_in(one) for one in ("owner", "tom"))
        pages = [one.get("/t/customer").text for one in (owner, tom)]
        told = [re.search(r'<p class="none">.*?</p>', one, re.DOTALL).group(0) for one in pages]
        assert all("No record yet" in one for one in told)
        assert "/import?type=customer" in told[0]
        assert "<a " not in told[1]
        found = owner.post("/t/customer", {"q": "nobody", "do": "find"}).text
        assert "Nothing found" in found


def test_a_table_shows_masks_first(signed, anna, logged):
    """What is personal is behind its mask although the role may read it; the log says masked."""
    page = signed("li.na").get("/t/customer")
    assert "Anna Schmidt" in page.text
    assert ANNA["email"] not in page.text
    assert "1234567" not in page.text
    entry = next(one for one in logged() if one.kind == "record.list")
    assert "phone" in entry.detail["sets"][0]["personal"]["masked"]
    assert "full_name" in entry.detail["sets"][0]["personal"]["clear"]


def test_a_sealed_value_is_found_by_what_it_is_and_stands_in_no_address(signed, anna):
    """A phone number is searched for by a form; the mask stays, and no link holds what was typed."""
    one = signed("li.na")
    page = one.post("/t/customer", {"q": "030 1234567", "do": "find"})
    assert anna in page.text
    assert "t/customer" in str(page.url)
    assert not re.search(r'(?:href|action)="[^"]*1234567', page.text)
    assert anna not in one.post("/t/customer", {"q": "030 7654321", "do": "find"}).text


def test_filters_narrow_and_are_taken_away(made, signed, anna):
    """A filter is a chip that can be removed; others stay."""
    with made.session(actor="owner") as session:
        number = session.get(anna).fields["customer_number"]
    one, hers = signed("li.na"), {"ff": "customer_number", "fs": "=", "fv": number}
    page = one.post("/t/customer", {**hers, "nf": "city", "nv": "Berlin", "do": "find"})
    assert anna in page.text
    assert 'name="fv" value="Berlin"' in page.text
    page = one.post("/t/customer", {**hers, "nf": "city", "nv": "Paris", "do": "find"})
    assert anna not in page.text
    both = {"ff": ["city", "customer_number"], "fs": ["=", "="], "fv": ["Paris", number]}
    page = one.post("/t/customer", {**both, "do": "drop:0"})
    assert [anna] == re.findall(r'<tr data-id="([^"]+)"', page.text)
    assert 'value="Paris"' not in page.text


def test_pages_follow_one_another(made, signed):
    """A hundred rows a page, forwards and back, with a cursor that says nothing."""
    with made.session(actor="owner") as session:
        for number in range(105):
            session.create("customer", {"customer_number": f"P-{number:03}", "full_name": f"Page {number}"})
    one = signed("li.na")
    first = one.post("/t/customer", {"order": "customer_number", "do": "find"})
    assert 100 == first.text.count("<tr data-id=")
    state = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', first.text))
    after = re.search(r'value="(next:[^"]+)"', first.text).group(1)
    assert "P-099" not in after
    second = one.post("/t/customer", {**state, "do": after})
    assert second.text.count("<tr data-id=") >= 5
    state = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', second.text))
    back = one.post("/t/customer", {**state, "do": "previous"})
    rows = re.compile(r'data-id="([^"]+)"')
    assert rows.findall(first.text) == rows.findall(back.text)


def test_a_reveal_is_in_the_log_before_it_is_shown(signed, anna, logged):
    """The value comes with its reason, and without a reason there is none."""
    one = signed("li.na")
    form = {"field": "phone", "why": "", "note": "", "where": "read"}
    assert "1234567" not in one.post(f"/t/customer/{anna}/reveal", form).text
    assert [] == [entry for entry in logged() if entry.kind == "record.reveal"]
    page = one.post(f"/t/customer/{anna}/reveal", {**form, "why": "service", "note": "T-1"})
    assert "030 1234567" in page.text
    assert "no-store" == page.headers["cache-control"]
    assert page.headers["refresh"].startswith("60;")
    entry = next(entry for entry in logged() if entry.kind == "record.reveal")
    assert ["phone"] == entry.detail["sets"][0]["personal"]["clear"]
    assert "reason" in entry.detail


def test_a_reveal_by_script_is_a_piece_that_is_put_in_place(signed, anna):
    """The piece names the place and how long it may stay."""
    form = {"field": "phone", "why": "service", "note": "", "where": "cell"}
    piece = signed("li.na").post(f"/t/customer/{anna}/reveal", form, headers={"HX-Request": "true"})
    assert 'data-seconds="60"' in piece.text
    assert "<html" not in piece.text


def test_a_role_that_may_not_read_cannot_reveal(signed, anna, logged):
    """An auditor sees masks, and a reveal is refused and written down."""
    one = signed("ada")
    form = {"field": "phone", "why": "audit", "note": "", "where": "read"}
    answer = one.post(f"/t/customer/{anna}/reveal", form)
    assert 403 == answer.status_code
    assert "1234567" not in answer.text
    assert "record.reveal" == [e for e in logged() if e.kind == "access.deny"][-1].detail["target"]["action"]


def test_a_record_is_saved_with_a_reason_as_a_new_version(made, signed, anna):
    """Saving makes version 2; saving the same again makes none; without a reason nothing is saved."""
    one = signed("li.na")
    page = one.get(f"/t/customer/{anna}")
    assert 'name="expected" value="1"' in page.text
    assert 'name="v.phone"' not in page.text
    none = one.post(f"/t/customer/{anna}", {"expected": "1", "v.city": "Hamburg"})
    assert "usage.no_reason" in none.text
    assert 'value="Hamburg"' in none.text
    saved = one.post(f"/t/customer/{anna}", {"expected": "1", "v.city": "Hamburg", "why": "request"})
    assert "Saved as version 2" in saved.text
    same = one.post(f"/t/customer/{anna}", {"expected": "2", "v.city": "Hamburg", "why": "request"})
    assert "still version 2" in same.text
    with made.session(actor="owner") as session:
        assert "Hamburg" == session.get(anna).fields["city"]
        assert "030 1234567" == session.get(anna).fields["phone"]


def test_somebody_who_saved_first_is_shown(made, signed, anna):
    """A conflict shows what moved, keeps what was typed, and the next try builds on what is there."""
    one = signed("li.na")
    with made.session(actor="owner") as session:
        session.update(anna, {"city": "Bremen"})
    page = one.post(f"/t/customer/{anna}", {"expected": "1", "v.city": "Hamburg", "why": "request"})
    assert 409 == page.status_code
    assert "Bremen" in page.text
    assert 'value="Hamburg"' in page.text
    assert 'name="expected" value="2"' in page.text


def test_what_only_somebody_else_changed_is_not_taken_back(made, signed, anna):
    """A form sends every field: one that nobody touched here holds what was saved, and is saved as that."""
    one = signed("li.na")
    with made.session(actor="owner") as session:
        session.update(anna, {"company": "Nord wind", "city": "Bremen", "do_not_contact": ["post", "phone"]})
    shown = one.get(f"/t/customer/{anna}").text
    form = {
        "expected": "2",
        "v.company": "wind Nord",
        "v.city": "Bremen",
        "p.do_not_contact": "1",
        "v.do_not_contact": ["phone", "post"],
        "why": "request",
    }
    assert 'name="expected" value="2"' in shown
    with made.session(actor="owner") as session:
        session.update(anna, {"company": "Süd", "city": "Ulm", "do_not_contact": ["email"]})
    page = one.post(f"/t/customer/{anna}", form)
    assert 409 == page.status_code
    told = page.text.partition("<tbody>")[2].partition("</tbody>")[0]
    rows = {re.sub("<[^>]*>|\\s+", " ", row).strip() for row in told.split("</tr>")}
    seen = {" ".join(row.split()) for row in rows}
    assert "Company Nord wind Süd wind Nord" in seen
    assert "City Bremen Ulm nothing; left as it is now" in seen
    assert re.search(
        r'name="v.company"[^>]*value="wind Nord"|value="wind Nord"[^>]*name="v.company"', page.text
    )
    assert 'value="Ulm"' in page.text
    # Saved again, as the form now stands.
    form |= {"expected": "3", "v.city": "Ulm", "v.do_not_contact": ["email"]}
    assert 200 == one.post(f"/t/customer/{anna}", form).status_code
    with made.session(actor="owner") as session:
        saved = session.get(anna).fields
    assert ("wind Nord", "Ulm", ("email",)) == (saved["company"], saved["city"], saved["do_not_contact"])


def test_every_problem_stands_beside_its_field(signed):
    """All problems at once, each with a link to its field, and what was typed is kept."""
    form = {"v.full_name": "", "v.email": "no address", "v.birthday": "2026-99-99", "why": "other"}
    page = signed("li.na").post("/t/customer/new", form)
    assert 422 == page.status_code
    assert 'id="e-full_name"' in page.text
    assert 'id="e-email"' in page.text
    assert 'href="#f-email"' in page.text
    assert 'value="no address"' in page.text


def test_a_record_is_made_deleted_and_brought_back(signed):
    """The whole way of a record, from the form to the list of deleted ones and back."""
    one = signed("li.na")
    made = one.post("/t/customer/new", {"v.full_name": "Otto Kurz", "v.customer_kind": "person"})
    assert "Created as version 1" in made.text
    path = made.url.path
    gone = one.post(f"{path}/delete", {"note": "twice"})
    assert "/t/customer" == gone.url.path
    assert "Otto Kurz" in one.post("/t/customer", {"do": "deleted"}).text
    back = one.post(f"{path}/undelete", {"note": "by mistake"})
    assert "version 3" in back.text


def test_history_and_comparison_hide_what_is_masked(made, signed, anna):
    """Differences of masked fields are masks; the reason is shown to whoever may read the history."""
    with made.session(actor="owner") as session:
        session.update(anna, {"phone": "030 7654321", "city": "Köln"}, reason="caller asked")
    one = signed("li.na")
    page = one.get(f"/t/customer/{anna}/history")
    assert "caller asked" in page.text
    assert "Köln" in page.text
    assert "7654321" not in page.text
    both = one.get(f"/t/customer/{anna}/compare?a=1&b=2&only=1")
    assert "Köln" in both.text
    assert "7654321" not in both.text
    old = one.get(f"/t/customer/{anna}?version=1")
    assert "Berlin" in old.text


def test_a_history_names_whom_a_reference_was_changed_to(made, signed, anna):
    """People read who looks after a customer now, not the identifier of a user's record."""
    tom = id_text(made.engine.definitions.users["tom"].record)
    with made.session(actor="owner") as session:
        session.update(anna, {"account_owner": tom}, reason="handed over")
    page = signed("li.na").get(f"/t/customer/{anna}/history").text
    assert f'<ins><span data-ref="{tom}">tom</span></ins>' in page


def test_who_saw_a_record_is_told(signed, anna):
    """The accesses of a record name who, when and which fields."""
    one = signed("li.na")
    one.get(f"/t/customer/{anna}")
    assert "li.na" in one.get(f"/t/customer/{anna}/accesses").text


def test_an_answer_that_counts_not_every_entry_says_so(signed, anna, monkeypatch):
    """Whoever asks about too much is told that the rest is not in it, on the page and by the call."""
    one = signed("ada")
    told = "Only the newest"
    assert told not in one.get("/audit?q=changed&since=2020-01-01").text
    assert one.get("/api/v1/audit/changed").json()["whole"]
    monkeypatch.setattr("muniment.session.oversight.questions.MOST", 0)
    assert told in one.get("/audit?q=changed&since=2020-01-01").text
    assert not one.get("/api/v1/audit/changed").json()["whole"]


def test_an_auditor_reads_the_log_verifies_and_takes_a_proof(web, signed, anna, logged):
    """The log with filters, one entry with its hashes, verification, and a proof as a file."""
    one = signed("ada")
    page = one.post("/log", {"actor": "owner", "kind": "record.create"})
    assert KINDS["record.create"].en in page.text
    index = re.search(r'href="/log/(\d+)"', page.text).group(1)
    assert "Leaf hash" in one.get(f"/log/{index}").text
    assert one.get(f"/log/{index}/proof").text.startswith("c2sp.org/tlog-proof@v1")
    one.post("/log/verify")
    web.verifying.wait()
    assert "sound" == web.verifying.badge().state, web.verifying.badge().problem
    assert "Intact" in one.get("/log").text
    assert "log.verify" in [entry.kind for entry in logged()]
    assert one.post("/log/checkpoint").text.startswith("muniment/")
    assert 422 == one.get("/log?about=nonsense").status_code
    assert "usage.identifier" in one.get("/log?about=x").text


def test_a_query_of_the_log_is_kept_under_a_name(web, signed, logged):
    """Saved from the filters, run from its tab, removed; nobody's name stands in an address."""
    one, other = signed("ada"), signed("owner")
    saved = one.post("/log", {"actor": "owner", "kind": "user.add", "do": "save", "name": "New users"})
    assert saved.url.path == "/log"
    assert re.fullmatch(r"query=[0-9a-f-]{36}", saved.url.query.decode())
    assert re.search(r"New users\s*</a>", saved.text)
    assert KINDS["user.add"].en in saved.text
    assert saved.url.query.decode().removeprefix("query=") == logged()[-1].detail["target"]["query"]
    assert "New users" not in other.get("/log").text
    assert 404 == other.get(str(saved.url)).status_code
    assert not re.search(r"(href|action)=\"[^\"]*owner", saved.text)
    assert "query.empty" in one.post("/log", {"do": "save", "name": "all"}).text
    assert "query.name" in one.post("/log", {"do": "save", "actor": "owner"}).text
    shared = {"do": "save", "days": "7", "name": "This week", "audience": "everyone"}
    assert "access.action" in one.post("/log", shared).text
    other.post("/log", shared)
    assert "This week" in one.get("/log").text
    act = re.search(r'value="(unsave:[^"]+)"', saved.text).group(1)
    assert "New users" not in one.post("/log", {"do": act}).text
    with web.archive.session(actor="owner") as session:
        ours = session.log_queries.get("This week").id
    assert "access.action" in one.post("/log", {"do": f"unsave:{ours}"}).text
    other.post("/log", {"do": f"unsave:{ours}"})


def test_filters_of_the_log_are_dropped_one_by_one(signed):
    """Each stands as a chip; without it the others still hold, and the form keeps what was asked."""
    one = signed("ada")
    form = {"actor": "owner", "kind": "user.add", "field": "phone", "until": "2999-01-01", "days": ""}
    page = one.post("/log", form).text
    assert "No entry matches" in page
    page = one.post("/log", {**form, "do": "drop:field"}).text
    assert "No entry matches" not in page
    assert 'value="owner"' in page
    assert 'value="2999-01-01"' in page
    assert 'value="drop:kind=user.add"' in page
    assert "query.value" in one.post("/log", {"days": "many"}).text


def test_pages_of_the_setup_show_what_is_enforced(signed):
    """Roles, tables, plugins, keys and users for whoever may see them."""
    one = signed("owner")
    assert "record.create" in one.get("/roles").text
    assert "/schema/customer" in one.get("/schema").text
    assert "full_name" in one.get("/schema/customer").text
    assert 200 == one.get("/plugins").status_code
    assert "key file" in one.get("/keys").text
    assert "li.na" in one.get("/users").text


def test_somebody_is_added_and_gets_a_link(made, signed, browser):
    """A user is added with roles, and the link sets a password."""
    one = signed("owner")
    login = f"user{made.engine.clock()}"
    page = one.post("/users", {"login": login, "name": "New", "role": "reader"})
    link = re.search(r'id="invite">([^<]+)<', page.text).group(1)
    path = link.removeprefix("http://localhost:8765")
    assert login in browser().get(path).text
    changed = one.post(f"/users/{login}/change", {"do": "disable", "note": "left"})
    assert "disabled" in changed.text
    assert 403 == browser().get(path).status_code


def test_the_language_is_chosen_and_kept(browser):
    """Pages are whole in both languages."""
    one = browser()
    assert "Sign in" in one.get("/sign-in", headers={"Accept-Language": "en"}).text
    assert "登录名" in one.get("/sign-in", headers={"Accept-Language": "zh-CN,zh;q=0.9"}).text
    one.client.post("/language", data={"lang": "zh", "back": "/sign-in"})
    assert 'lang="zh-Hans"' in one.get("/sign-in").text
    one.client.post("/theme", data={"theme": "dark", "back": "/sign-in"})
    assert 'data-theme="dark"' in one.get("/sign-in").text


def test_a_broken_log_is_told_on_every_page(web, signed, monkeypatch):
    """The index, when it was found, and what to do; the entry is marked, and no badge is green any more."""
    one, other = signed("ada"), signed("li.na")

    def broken(self, **more):
        raise IntegrityError("integrity.entry", where="muniment/x/0.0", index=3)

    with monkeypatch.context() as patched:
        patched.setattr(type(web.archive.log), "verify", broken)
        one.post("/log/verify")
        web.verifying.wait()
    try:
        page = one.get("/log").text
        assert "Entry 3 is not what was written" in page
        assert "muniment log verify --trusted" in page
        assert "What to do now" in page
        assert "not what was written</span>" in one.get("/log/3").text
        for path in ("/", "/t/customer", "/audit", "/evidence"):
            text = one.get(path).text
            assert "The log was altered." in text, path
            assert 'class="sealed broken"' in text, path
        assert 'class="sealed broken"' in other.get("/").text
        assert "integrity.entry" not in other.get("/").text
    finally:
        one.post("/log/verify")
        web.verifying.wait()
    assert "The log was altered." not in one.get("/").text


def test_asking_how_far_a_run_is_keeps_nobody_signed_in(web, signed):
    """The rail asks by itself; a person who went away is signed out all the same."""
    one = signed("ada")
    (sign,) = [found for found in web.signs if found.login == "ada"][-1:]
    seen = sign.seen_us
    for path in ("/log/seal", "/log/badge"):
        assert 200 == one.get(path, headers={"HX-Request": "true"}).status_code
    assert seen == sign.seen_us
    one.get("/log")
    assert seen < sign.seen_us


ESCAPED = "{{ one }}|{% set kept %}<b>{{ one }}</b>{% endset %}{{ kept }}|{{ one ~ '' }}|{{ [one]|join }}"


def test_a_template_escapes_whatever_jinja_escapes_and_nothing_twice(web):
    """The pages' own way to escape gives what Jinja's gives: of text, markup, numbers and the like."""
    ours = web.templates.from_string(ESCAPED)
    jinjas = Environment(autoescape=True, undefined=StrictUndefined).from_string(ESCAPED)
    texts = st.text(alphabet="ab&<>\"'")

    @given(texts | texts.map(Markup) | texts.map(type("Name", (str,), {})) | st.integers() | st.none())
    def alike(value):
        assert jinjas.render(one=value) == ours.render(one=value)

    alike()


def test_a_refusal_names_the_table_as_people_call_it_and_nothing_that_was_typed(signed):
    """By its label where there is one, in both languages; an address that names none is not repeated."""
    one = signed("tom")
    for lang, label in (("en", "Customer"), ("zh", "客户")):
        refused = one.get("/t/customer/new", headers={"Accept-Language": lang})
        assert 403 == refused.status_code
        assert f"({label})" in refused.text
        assert "(customer)" not in refused.text
        nothing = one.get("/t/schmidt", headers={"Accept-Language": lang})
        assert 404 == nothing.status_code
        assert "schmidt" not in nothing.text.partition("<main")[2].partition("</main")[0]
