"""Records from the command line: shapes of JSON, exit codes, what is shown to whom."""

from __future__ import annotations

import json

import pytest

ONE = {"id", "type", "subject", "version", "fields", "operation", "recorded", "effective"}


def test_a_record_is_made_and_read_back(cli):
    """What was typed comes back as typed, under the members that the API promises."""
    saved = cli.json(
        "record", "create", "customer", "full_name=Zoë Lefèvre", "phone=030 23125009", "birth_date=1980-02-03"
    )
    assert ["records"] == list(saved)
    made = saved["records"][0]
    assert {"id", "type", "subject", "version", "written", "warnings"} == made.keys()
    assert (1, True, "customer", made["id"]) == (
        made["version"],
        made["written"],
        made["type"],
        made["subject"],
    )
    (record,) = cli.json("record", "get", made["id"])["records"]
    assert ONE == record.keys()
    assert ("Zoë Lefèvre", "1980-02-03") == (record["fields"]["full_name"], record["fields"]["birth_date"])


def test_json_is_utf_8_without_escapes(cli):
    """Chinese stays Chinese, for people and for programs."""
    out = cli.run("record", "get", "customer:C-2", "--json").stdout
    assert "王芳" in out
    assert "\\u" not in out


def test_a_record_is_found_by_a_unique_value(cli):
    """Whoever knows the customer number need not look up an identifier; the look is in the log."""
    by_number = cli.json("record", "get", "customer:C-1")["records"][0]
    assert by_number == cli.json("record", "get", by_number["id"])["records"][0]
    assert "record.match" in {one["kind"] for one in cli.json("log", "list")["entries"]}


def test_references_take_the_value_of_a_unique_field(cli):
    """A customer's number and a colleague's login stand for their records."""
    values = ("customer=C-1", "handled_by=reader", "channel=phone", "occurred_at=2026-01-05T10:00:00Z")
    made = cli.create(*values, type="interaction")
    record = cli.json("record", "get", made)["records"][0]
    customer = cli.json("record", "get", "customer:C-1", "--fields", "customer_number")["records"][0]
    users = {one["login"]: one["id"] for one in cli.json("user", "list")["users"]}
    assert (customer["id"], users["reader"]) == (record["fields"]["customer"], record["fields"]["handled_by"])
    assert customer["id"] == record["subject"]
    found = cli.json("record", "list", "interaction", "--where", "customer=C-1")["records"]
    assert [made] == [one["id"] for one in found]


def test_a_reference_to_nobody_is_refused(cli):
    """The field and a code, never what was typed."""
    words = ("interaction", "customer=Nobody-77", "channel=phone", "occurred_at=2026-01-05T10:00:00Z")
    found = cli.json("record", "create", *words, code=6)
    assert [("customer", "value.no_such_record")] == [(one["field"], one["code"]) for one in found["issues"]]
    assert "Nobody-77" not in json.dumps(found)


def test_an_update_names_the_version_it_saw(cli):
    """Of two who saw version 1 the second is told, with exit code 5."""
    cli.run("record", "update", "customer:C-1", "city=Berlin", "--expect", "1", "--reason", "moved")
    problem = cli.json("record", "update", "customer:C-1", "city=Bonn", "--expect", "1", code=5)
    assert "conflict.version" == problem["code"]
    assert "Berlin" == cli.json("record", "get", "customer:C-1")["records"][0]["fields"]["city"]


def test_saving_what_is_there_writes_nothing(cli):
    """No version, and the answer says so in both forms."""
    saved = cli.json("record", "update", "customer:C-1", "full_name=Anna Schmidt")["records"][0]
    assert (False, 1) == (saved["written"], saved["version"])
    assert "still version 1" in cli.run("record", "update", "customer:C-1", "full_name=Anna Schmidt").stdout


def test_an_empty_value_clears(cli):
    """``field=`` leaves nothing there, and history shows what was."""
    cli.run("record", "update", "customer:C-2", "city=")
    assert "city" not in cli.json("record", "get", "customer:C-2")["records"][0]["fields"]
    change = cli.json("record", "diff", "customer:C-2", "1", "2")["changes"]
    assert [{"field": "city", "before": "上海", "after": None}] == change


def test_a_long_text_comes_out_of_a_file(cli, tmp_path):
    """``@path`` reads a file, ``@@`` is an at sign."""
    (tmp_path / "note.txt").write_text("first line\nsecond line", encoding="utf-8")
    cli.run("record", "update", "customer:C-1", "notes=@note.txt", "social_account=@@anna")
    fields = cli.json("record", "get", "customer:C-1")["records"][0]["fields"]
    assert ("first line\nsecond line", "@anna") == (fields["notes"], fields["social_account"])


def test_values_come_as_json(cli):
    """An object of values from standard input; a word on the command line counts before it."""
    given = json.dumps({"full_name": "Jürgen", "customer_kind": "person", "city": "Köln"}, ensure_ascii=False)
    words = ("record", "create", "customer", "--from-json", "-", "city=Bonn", "--json")
    made = json.loads(cli.run(*words, stdin=given.encode()).stdout)["records"][0]["id"]
    fields = cli.json("record", "get", made)["records"][0]["fields"]
    assert ("Jürgen", "Bonn") == (fields["full_name"], fields["city"])


def test_what_get_prints_can_be_written_back(cli, tmp_path):
    """The output of ``get --json`` is an input; unchanged, it writes no version."""
    (tmp_path / "one.json").write_text(
        cli.run("record", "get", "customer:C-1", "--json").stdout, encoding="utf-8"
    )
    saved = cli.json("record", "update", "customer:C-1", "--from-json", "one.json")["records"][0]
    assert (False, 1) == (saved["written"], saved["version"])


@pytest.mark.parametrize("text", ["[1, 2]", "{", '{"a": 1, "a": 2}', '{"a": NaN}', '"x"', ""])
def test_json_that_holds_no_values_is_refused(cli, text):
    """Broken JSON, a name twice, a number that is none: exit code 2."""
    assert cli.json("record", "update", "customer:C-1", "--from-json", "-", stdin=text, code=2)[
        "code"
    ].startswith("cli.json")


def test_history_tells_who_when_why_and_what(cli):
    """Oldest first, with the reason in clear for whoever may read the record."""
    cli.run("record", "correct", "customer:C-1", "full_name=Anna Schmitt", "--reason", "misheard")
    first, second = cli.json("record", "history", "customer:C-1")["versions"]
    assert ("create", "correct") == (first["operation"], second["operation"])
    assert ("owner", "misheard", 2) == (second["actor"], second["reason"], second["version"])
    assert [{"field": "full_name", "before": "Anna Schmidt", "after": "Anna Schmitt"}] == second["changes"]
    assert first["effective"] == second["effective"]
    shown = cli.run("record", "history", "customer:C-1", "--lang", "zh").stdout
    assert "更正" in shown
    assert "Anna Schmidt  →  Anna Schmitt" in shown


def test_delete_leaves_lists_and_undelete_comes_back(cli):
    """At once, and for as long as retention leaves it."""
    cli.run("record", "delete", "customer:C-1", "--reason", "asked")
    assert ["C-2"] == [
        one["fields"]["customer_number"] for one in cli.json("record", "list", "customer")["records"]
    ]
    gone = cli.json("record", "list", "customer", "--deleted")["records"]
    assert [True] == [one["deleted"] for one in gone]
    cli.run("record", "undelete", gone[0]["id"], "--reason", "a mistake")
    assert 2 == len(cli.json("record", "list", "customer")["records"])


def test_delete_asks_for_a_reason(cli):
    """Without one it is a mistake in usage."""
    assert "cli.missing" == cli.json("record", "delete", "customer:C-1", code=2)["code"]


def test_a_list_goes_on_where_a_page_ended(cli):
    """Pages follow one another without a gap, and the last one says so."""
    for number in range(3, 8):
        cli.create(f"customer_number=C-{number}", f"full_name=Person {number}")
    seen, after = [], None
    while True:
        more = () if after is None else ("--after", after)
        page = cli.json("record", "list", "customer", "--limit", "3", "--order", "customer_number", *more)
        seen += [one["fields"]["customer_number"] for one in page["records"]]
        after = page["after"]
        if after is None:
            break
    assert [f"C-{number}" for number in range(1, 8)] == seen
    counted = cli.json(
        "record", "list", "customer", "--count", "--limit", "1", "--desc", "--order", "customer_number"
    )
    assert (7, "C-7") == (counted["total"], counted["records"][0]["fields"]["customer_number"])


def test_sealed_fields_are_found_as_they_are_typed(cli):
    """A phone number in another writing, an e-mail in capitals, a name's word in either script."""
    for words in (("+49 30 23125001",), ("ANNA@EXAMPLE.COM",), ("schmidt",), ("C-1",)):
        found = cli.json("record", "search", "customer", *words)["records"]
        assert ["C-1"] == [one["fields"]["customer_number"] for one in found], words
    # Here it is no number without its country, and what cannot be looked up is an error.
    assert (
        "index.phone"
        == cli.json("record", "list", "customer", "--where", "phone=13800138000", code=2)["code"]
    )
    found = cli.json("record", "list", "customer", "--where", "phone=+8613800138000", "--fields", "full_name")
    assert [{"full_name": "王芳"}] == [one["fields"] for one in found["records"]]


def test_only_the_fields_that_are_shown_are_opened(cli):
    """The table of a list releases its columns and nothing else, and the log says which."""
    cli.run("record", "list", "customer", "--fields", "full_name,city")
    entry = cli.json("log", "list", "--kind", "record.list", "--limit", "1")["entries"][0]
    named = {
        key
        for one in entry["detail"]["sets"]
        for ways in one.values()
        for keys in ways.values()
        for key in keys
    }
    assert {"full_name", "city"} == named


def test_what_no_index_answers_is_an_error_that_says_what_would(cli):
    """Never an empty list; a scan is the explicit way."""
    problem = cli.json("record", "list", "customer", "--where", "postal_code=10115", code=2)
    assert problem["code"].startswith("index.")
    assert [] == cli.json("record", "list", "customer", "--where", "postal_code=10115", "--scan")["records"]


def test_a_mask_is_shown_as_one(cli):
    """An auditor sees that there is a name, not which; the note says which fields are covered."""
    result = cli.run("record", "get", "customer:C-1", "--as", "auditor")
    assert "Schmidt" not in result.stdout
    assert "full_name" in result.stderr
    (record,) = cli.json("record", "get", "customer:C-1", "--as", "auditor")["records"]
    assert "full_name" in record["masked"]
    assert record["fields"]["full_name"].startswith("A••")


def test_a_field_that_a_role_may_not_read_is_nowhere(cli):
    """Absent from record, list, history, diff, schema and messages; denied and missing answer alike."""
    identifier = cli.json("record", "get", "customer:C-2")["records"][0]["id"]
    cli.run("record", "update", "customer:C-2", "passport=E11223344")
    for words in (
        ("record", "get", identifier),
        ("record", "list", "customer"),
        ("record", "history", identifier),
        ("record", "diff", identifier, "1", "2"),
        ("schema", "show", "customer"),
        ("record", "search", "customer", "王芳"),
    ):
        for form in ((), ("--json",)):
            result = cli.run(*words, *form, "--as", "reader")
            assert "assport" not in result.stdout + result.stderr, words
            assert "护照" not in cli.run(*words, *form, "--as", "reader", "--lang", "zh").stdout
            assert "E11223344" not in result.stdout + result.stderr
    for words in (("--fields", "{}"), ("--where", "{}=E11223344"), ("--order", "{}")):
        told = [
            cli.json(
                "record", "list", "customer", *(word.format(name) for word in words), "--as", "reader", code=2
            )
            for name in ("passport", "nonsense")
        ]
        assert told[0]["code"] == told[1]["code"]
        assert told[0]["title"].replace("passport", "nonsense") == told[1]["title"]


def test_every_read_is_in_the_log_before_it_answers(cli):
    """Also one that finds nothing, and one that is refused."""
    identifier = cli.json("record", "get", "customer:C-1")["records"][0]["id"]
    cli.run("record", "get", identifier, "--as", "reader", "--purpose", "ServiceProvision")
    cli.run("record", "update", identifier, "city=X", "--as", "reader", code=4)
    entries = cli.json("record", "accesses", identifier)["entries"]
    assert ["access.deny", "record.read"] == [one["kind"] for one in entries[:2]]
    assert ("reader", "ServiceProvision") == (entries[1]["actor"], entries[1]["purpose"])


def test_earlier_states_are_read_as_they_were(cli):
    """By version, by the time of recording, by the time in the world."""
    cli.run("record", "update", "customer:C-1", "city=Berlin", "--effective", "2020-01-01")
    (now,) = cli.json("record", "get", "customer:C-1")["records"]
    (first,) = cli.json("record", "get", "customer:C-1", "--version", "1")["records"]
    assert ("Berlin", None) == (now["fields"].get("city"), first["fields"].get("city"))
    assert "2020-01-01T00:00:00.000000Z" == now["effective"]
    (then,) = cli.json("record", "get", "customer:C-1", "--as-of", first["recorded"])["records"]
    assert 1 == then["version"]
    (world,) = cli.json("record", "get", "customer:C-1", "--effective-at", "2020-06-01")["records"]
    assert 2 == world["version"]


def test_a_retry_under_one_key_is_done_once(cli):
    """The second answer is the first one."""
    words = ("record", "create", "customer", "full_name=Twice", "--idempotency-key", "k-1")
    assert cli.json(*words)["records"][0]["id"] == cli.json(*words)["records"][0]["id"]
    assert "conflict.idempotency" == cli.json(*words[:3], "full_name=Else", *words[4:], code=5)["code"]


def test_every_problem_is_listed_at_once(cli):
    """Field and code for each; the values appear nowhere."""
    words = (
        "record",
        "create",
        "customer",
        "phone=030 1",
        "birth_date=03/04/2026",
        "status=nonsense",
        "shoe=44",
    )
    problem = cli.json(*words, code=6)
    assert {"full_name", "birth_date", "status", "shoe"} <= {one["field"] for one in problem["issues"]}
    line = cli.run(*words, code=6).stderr
    assert 1 == line.count("\n")
    for told in (json.dumps(problem), line):
        assert "03/04/2026" not in told
        assert "nonsense" not in told


def test_a_value_cannot_steer_the_terminal(cli):
    """Marks that turn the direction of writing are shown as what they are."""
    cli.run("record", "update", "customer:C-1", "city=\u202etxt.exe")
    out = cli.run("record", "get", "customer:C-1").stdout
    assert "\u202e" not in out
    assert "\\u202etxt.exe" in out


def test_files_are_attached_and_taken_out(cli, tmp_path):
    """Sealed on the way in, the same bytes on the way out."""
    (tmp_path / "letter.pdf").write_bytes(b"%PDF-1.7 sealed")
    values = ("customer=C-1", "channel=letter", "occurred_at=2026-01-05T10:00:00Z")
    made = cli.create(*values, type="interaction")
    cli.run("record", "attach", made, "attachments", "letter.pdf", "--reason", "came by mail")
    cli.run("record", "file", made, "attachments", "--to", "out.pdf")
    assert b"%PDF-1.7 sealed" == (tmp_path / "out.pdf").read_bytes()
    stored = b"".join(path.read_bytes() for path in cli.folder.rglob("*") if path.is_file())
    assert b"%PDF-1.7" not in stored
