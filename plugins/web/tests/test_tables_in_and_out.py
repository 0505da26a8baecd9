"""Import wizard, export, account: what a person does beside records."""

from __future__ import annotations

import io
import re
import tempfile
import zipfile
from base64 import b64encode

import openpyxl
import pyotp
import pytest

from muniment.model import SCOPES
from muniment.testing import new_archive
from muniment_web.testing import PASSWORD, Browser, give_password, new_web

TABLE = "客户编号,姓名,电子邮箱,Unknown column\n{0}-1,张敏,min@example.org,x\n{0}-2,Otto Kurz,nonsense,y\n"


def hidden(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', text):
        found.setdefault(name, []).append(value)
    return found


@pytest.mark.slow
def test_a_table_comes_in_step_by_step(signed, made, logged):
    """Columns are guessed from Chinese headers, the trial writes nothing, bad rows come back."""
    one = signed("owner")
    prefix = f"W{made.engine.clock()}"
    page = one.post("/import", {"type": "customer"}, files={"file": ("客户.csv", TABLE.format(prefix))})
    assert "/import/columns" == page.url.path
    assert re.search(r'<option value="full_name" selected', page.text)
    headers = hidden(page.text)["header"]
    assert 4 == len(headers)
    form = {
        "header": headers,
        "field": ["customer_number", "full_name", "email", ""],
        "match": "customer_number",
        "empty": "keep",
        "date_order": "",
        "encoding": "",
        "sheet": "",
    }
    trial = one.post("/import/try", form)
    assert "Nothing was written yet" in trial.text
    assert "record.create" not in [entry.kind for entry in logged()]
    kept = hidden(trial.text)
    del kept["csrf"]
    done = one.post("/import/run", {**kept, "why": "other", "note": "from the fair"})
    assert "Imported" in done.text
    rejected = one.get("/import/rejects")
    assert zipfile.is_zipfile(io.BytesIO(rejected.content))
    assert "/import" == one.get("/import/rejects").url.path
    found = one.post("/t/customer", {"q": f"{prefix}-1", "do": "find"})
    assert "张敏" in found.text
    identifier = re.search(r"/import/revert/([0-9a-f-]{36})", one.get("/import").text).group(1)
    undone = one.post(f"/import/revert/{identifier}", {"note": "wrong file"})
    assert "1 deleted" in undone.text


def _tried(browser, content: str, fields: list[str], **more):
    page = browser.post("/import", {"type": "customer"}, files={"file": ("people.csv", content)})
    headers = hidden(page.text)["header"]
    form = {"header": headers, "field": fields, "match": "", "empty": "keep", **more}
    return browser.post("/import/try", form)


def test_columns_of_one_field_are_joined(signed):
    """First and last name make a name; written in Chinese characters, the family name comes first."""
    one = signed("owner")
    text = "firstname,lastname,city\nAnna,Schmidt,Bonn\n娜,欧阳,上海\n"
    trial = _tried(one, text, ["full_name", "full_name", "city"])
    assert "Anna Schmidt" in trial.text
    assert "欧阳娜" in trial.text
    assert "Import 2 records" in trial.text


def test_what_is_refused_is_told_once_for_rows_alike_and_by_its_label(signed):
    """Nothing names a key or an option of a command; where no row fits there is nothing to press."""
    one = signed("owner")
    rows = "".join(f"N{at},3\n" for at in range(25))
    trial = _tried(one, f"lastname,support_rep\n{rows}", ["family_name", "account_owner"])
    assert 2 == trial.text.count("Account owner: ") + trial.text.count("Name: ")
    assert "2–21" in trial.text
    assert "5 more rows" in trial.text
    assert "--map" not in trial.text
    assert "account_owner:" not in trial.text
    assert "Import 0 records" not in trial.text
    assert "Back to the columns" in trial.text


def test_a_choice_is_shown_by_its_label_before_it_is_imported(signed):
    """What a new record gets of itself reads as it will read in the table."""
    trial = _tried(signed("owner"), "name\nAnna Schmidt\n", ["full_name"])
    assert "Individual" in trial.text or "Person" in trial.text
    assert "<ins>person</ins>" not in trial.text


def test_the_names_of_the_columns_may_stand_lower(signed):
    """A title of two lines is passed over where somebody says which row the names stand in."""
    one = signed("owner")
    text = "Customers of the year,\nas of today,\nname,city\nAnna Schmidt,Bonn\n"
    one.post("/import", {"type": "customer"}, files={"file": ("people.csv", text)})
    page = one.get("/import/columns?header_row=3")
    # On a phone each column is a card, so that its field is in sight.
    assert 'class="grid plain asc"' in page.text
    assert ["name", "city"] == hidden(page.text)["header"]
    assert re.search(r'name="header_row"\s+value="3"', page.text)
    form = {"header": ["name", "city"], "field": ["full_name", "city"], "match": "", "header_row": "3"}
    assert "Import 1 record<" in one.post("/import/try", form).text


def test_a_sheet_is_chosen_among_those_of_the_workbook(signed, tmp_path):
    """All are offered, the one that was read is named; what was chosen stands when one is read again."""
    one = signed("owner")
    book = openpyxl.Workbook()
    for name, text in (("People", "Anna"), ("客户 & more", "李娜")):
        sheet = book.create_sheet(name)
        for row in (["name", "town"], [text, "Bonn"]):
            sheet.append(row)
    book.save(tmp_path / "two.xlsx")
    content = (tmp_path / "two.xlsx").read_bytes()
    page = one.post("/import", {"type": "customer"}, files={"file": ("two.xlsx", content)})
    offered = page.text.partition('<select id="sheet"')[2].partition("</select>")[0]
    assert ["Sheet", "People", "客户 &amp; more"] == re.findall(r'value="([^"]*)"', offered)
    assert ["People"] == re.findall(r'value="([^"]*)" selected', offered)
    assert "Anna" in page.text
    form = {"sheet": "客户 & more", "header": ["name", "town"], "field": ["full_name", "city"]}
    page = one.post("/import/try", {**form, "do": "again"})
    assert "李娜" in page.text
    assert "Anna" not in page.text
    assert '<option value="客户 &amp; more" selected>' in page.text
    assert re.search(r'<option value="city" selected', page.text)
    # What is empty is told, and another one can be chosen then.
    page = one.post("/import/try", {"sheet": "Sheet", "do": "again"})
    assert 422 == page.status_code
    assert '<option value="Sheet" selected>' in page.text
    assert '<option value="People">' in page.text


def test_what_only_looks_like_a_workbook_is_told(signed):
    """A file that begins as one and is none is refused on the page of its columns."""
    one = signed("owner")
    page = one.post("/import", {"type": "customer"}, files={"file": ("x.xlsx", b"PK\x03\x04" + b"x" * 99)})
    assert 422 == page.status_code
    assert '<select id="sheet"' in page.text


def test_no_answer_says_where_the_server_keeps_a_file(signed, made):
    """What is wrong with a file is told by the name it was sent with, on the page and over the API."""
    one = signed("owner")
    one.post("/import", {"type": "customer"}, files={"file": ("people.csv", "name\nAnna\n")})
    page = one.get("/import/columns?header_row=99")
    assert 422 == page.status_code
    assert "(people.csv)" in page.text
    assert tempfile.gettempdir() not in page.text
    with made.session(actor="owner") as session:
        _, token = session.credentials.issue("owner", name="test", scopes=SCOPES, days=1)
    body = {"file": {"name": "people.csv", "content": b64encode(b"\x00\xff").decode()}, "reason": "x"}
    answer = one.client.post(
        "/api/v1/records/customer/import", json=body, headers={"Authorization": f"Bearer {token}"}
    )
    assert answer.status_code in (400, 422)
    assert tempfile.gettempdir() not in answer.text


def test_no_table_is_chosen_before_somebody_chooses_one(signed, tmp_path):
    """Of several tables a file does not go into the one that happens to be the first of the list."""
    only = re.search(r'<select id="type".*?</select>', signed("owner").get("/import").text, re.DOTALL)
    assert '<option value="customer" selected>' in only.group(0)
    with new_archive(tmp_path / "two", templates=("interaction-log",)) as archive:
        give_password(archive, "owner")
        page = Browser.of(new_web(archive)).sign_in("owner").get("/import").text
    several = re.search(r'<select id="type".*?</select>', page, re.DOTALL).group(0)
    assert '<option value="">' in several
    assert "selected" not in several


def test_what_is_no_table_is_told_and_nothing_breaks(signed):
    """A picture, an empty file, no file at all: a sentence each."""
    one = signed("owner")
    for content in (b"\x89PNG\r\n\x1a\n" + b"x" * 20, b"", b"\x00\x01\x02"):
        page = one.post("/import", {"type": "customer"}, files={"file": ("x.csv", content)})
        assert "import." in page.text
    assert 422 == one.post("/import", {"type": "customer"}).status_code
    assert 404 == one.post("/import", {"type": "user"}, files={"file": ("x.csv", b"a,b\n")}).status_code


def test_an_export_takes_a_reason_and_says_what_the_role_may_see(signed, anna, logged):
    """Without a reason nothing goes out; with one it goes, and the entry names count and fields."""
    one = signed("li.na")
    form = {"form": "csv", "headers": "en", "c": ["full_name", "phone"]}
    assert 422 == one.post("/t/customer/export", form).status_code
    done = one.post("/t/customer/export", {**form, "why": "contract", "recipient": "Kranz Printers"})
    assert "030 1234567" in done.text
    entry = next(entry for entry in logged() if entry.kind == "record.export")
    assert "reason" in entry.detail
    assert ("Kranz Printers", "customer.csv") == (entry.detail["recipient"], entry.detail["target"]["file"])
    assert ["full_name", "phone"] == entry.detail["sets"][0]["personal"]["clear"]
    assert 403 == signed("tom").get("/t/customer/export").status_code


def test_only_what_was_ticked_goes_out(signed, made, logged):
    """The page says how many; the file has these alone, and so has the log."""
    with made.session(actor="owner") as session:
        ids = [
            session.create("customer", {"customer_number": f"X-{at}", "full_name": f"Anna {at}"}).id
            for at in range(3)
        ]
    one = signed("li.na")
    asked = one.post("/t/customer/export", {"do": "ask", "r": ids[:2]})
    assert "Only the 2 records" in asked.text
    form = {"r": ids[:2], "form": "csv", "headers": "key", "c": ["customer_number"], "why": "request"}
    answer = one.post("/t/customer/export", form)
    assert ["customer_number", "X-0", "X-1"] == answer.text.lstrip("\ufeff").split()
    assert 2 == sum(len(entry.lines) for entry in logged() if entry.kind == "record.export")
    assert 400 <= one.post("/t/customer/export", {**form, "r": ["nothing"]}).status_code < 500


def test_one_goes_from_record_to_record_and_sets_one_back(signed, made):
    """In the order of the list that was seen last; an older version becomes a new one, for a reason."""
    with made.session(actor="owner") as session:
        first, second = (
            session.create("customer", {"customer_number": f"Y-{at}", "full_name": "Yuri", "city": "Bonn"}).id
            for at in range(2)
        )
        session.update(first, {"city": "Ulm", "phone": "030 7654321"}, reason="moved")
    one = signed("owner")
    assert f'href="/t/customer/{second}"' not in one.get(f"/t/customer/{first}").text
    one.post("/t/customer", {"do": "find", "q": "Yuri"})
    assert re.search(rf'href="/t/customer/{second}"\s+data-key="\]"', one.get(f"/t/customer/{first}").text)
    form = {"expected": "2", "v.company": "Nordwind", "why": "request"}
    then = one.post(f"/t/customer/{first}", {**form, "then": second}, follow_redirects=False)
    assert f"/t/customer/{second}" == then.headers["location"]
    back = {"version": "1", "expected": "3", "why": "correction", "note": "T-1"}
    path = f"/t/customer/{first}/revert"
    assert 400 == one.post(path, {**back, "why": "", "note": ""}).status_code
    assert one.post(path, back).url.path == f"/t/customer/{first}"
    with made.session(actor="owner") as session:
        held = session.get(first)
        assert (4, "Bonn") == (held.version, held.fields["city"])
        assert not {"phone", "company"} & {key for key, value in held.fields.items() if value is not None}
        assert "Set back to v1" in session.history(first)[-1].reason
    assert 409 == one.post(path, back).status_code
    assert 403 == signed("tom").post(path, {**back, "expected": "4"}).status_code


def test_a_second_factor_is_set_up_on_the_account_page(signed, made):
    """The seed is shown, counts once a code was typed, gives recovery codes, and goes again."""
    one = signed("tom")
    assert "sign.current_wrong" in one.post("/account/totp", {"current": "wrong"}).text
    page = one.post("/account/totp", {"current": PASSWORD})
    seed = re.search(r'id="seed">([A-Z2-7 ]+)<', page.text).group(1)
    assert [4] * 8 == [len(part) for part in seed.split()]
    assert "<svg" in page.text
    assert "style=" not in page.text
    assert "sign.code_wrong" in one.post("/account/totp/confirm", {"code": "000000"}).text
    code = pyotp.TOTP(seed.replace(" ", "")).at(made.engine.clock() // 1_000_000)
    done = one.post("/account/totp/confirm", {"code": code})
    assert 10 == len(re.search(r'id="codes">(.*?)</pre>', done.text, re.DOTALL).group(1).split())
    off = one.post("/account/totp/remove", {"current": PASSWORD})
    assert "The second factor is off" in off.text


def test_a_password_is_changed_by_who_knows_it(signed, made):
    """The old one is asked for, and other sign-ins of the same person end."""
    one, other = signed("ada"), signed("ada")
    new = "copper lantern 51 meadow"
    wrong = one.post("/account/password", {"current": "x", "password": new, "again": new})
    assert "sign.current_wrong" in wrong.text
    done = one.post("/account/password", {"current": PASSWORD, "password": new, "again": new})
    assert "The password was changed" in done.text
    assert 303 == other.get("/", follow_redirects=False).status_code
    one.post("/account/password", {"current": new, "password": PASSWORD, "again": PASSWORD})


def test_a_token_is_issued_shown_once_and_taken_back(signed, web):
    """The token works on the API until it is taken back."""
    one = signed("li.na")
    form = {"current": PASSWORD, "name": "reports", "scope": "read", "days": "7"}
    page = one.post("/account/tokens", form)
    text = re.search(r'id="token">([^<]+)<', page.text).group(1)
    assert text not in one.get("/account").text
    headers = {"Authorization": f"Bearer {text}"}
    assert "li.na" == one.get("/api/v1/me", headers=headers).json()["login"]
    identifier = re.search(r"/account/tokens/([0-9a-f]{32})/revoke", one.get("/account").text).group(1)
    one.post(f"/account/tokens/{identifier}/revoke")
    assert 401 == one.get("/api/v1/me", headers=headers).status_code


def test_the_api_is_described_on_a_page_of_its_own(signed):
    """Every call, without anything from elsewhere."""
    page = signed("owner").get("/api")
    assert "/api/v1/records/{type}/search" in page.text


def test_a_passkey_that_signed_nothing_of_ours_is_refused(browser, signed, logged):
    """A made-up credential, an unknown key and a used-up challenge let nobody in."""
    one = browser()
    assert one.client.post("/sign-in/passkey/options").json()["challenge"]
    for credential in ("", "{}", "null", '{"response": {"clientDataJSON": "eyJjaGFsbGVuZ2UiOiAiQUFBQSJ9"}}'):
        answer = one.client.post("/sign-in/passkey", data={"credential": credential})
        assert 403 == answer.status_code
    assert "user.sign_fail" in [entry.kind for entry in logged()]
    own = signed("li.na")
    assert 403 == own.post("/account/passkeys/options", {"current": "wrong"}).status_code
    options = own.post("/account/passkeys/options", {"current": PASSWORD}).json()
    assert "localhost" == options["rp"]["id"]
    assert 403 == own.post("/account/passkeys", {"credential": "{}"}).status_code
