"""Letters: who gets one, who does not, and that nobody gets two."""

from __future__ import annotations

import email
import email.policy
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from muniment.errors import AccessDenied, ApprovalNeeded, ConfigError, Invalid, LogError, NotFound, UsageError
from muniment.outreach.letters import LETTER, letter_names, load_letter, parse_letter, write_letter
from muniment.outreach.sending import Unclear
from muniment.outreach.settings import MailSettings, read_mail
from muniment.schema import parse_condition
from muniment.session.outreach import mailing as mailing_module
from muniment.session.outreach.answers import Answer, answer, leave
from muniment.session.outreach.mailing import Mailings
from muniment.session.outreach.messages import link_of
from muniment.session.outreach.recipients import Selection, is_day
from muniment.session.rights.consents import Terms
from muniment.testing import assert_logged, assert_no_plaintext, log_entries, log_size

OFFER = """
format = 1
key = "tea"
label = { en = "Tea", zh = "茶" }
purpose = "DirectMarketing"
fields = ["city"]
subject = { en = "Tea for {{ name }}", zh = "{{ name }}，新茶到了" }
[text]
en = "Dear {{ name }} of {{ city }}: {{ unsubscribe }}"
zh = "{{ city }} 的 {{ name }}：{{ unsubscribe }}"
[html]
en = "<p>{{ name }}</p>"
zh = "<p>{{ name }}</p>"
"""
ASK = (
    OFFER.replace('"tea"', '"ask"')
    .replace("DirectMarketing", "CustomerCare")
    .replace("fields", "survey = true\nfields")
    .replace("{{ unsubscribe }}", "{{ survey }}")
)


def letter(text=OFFER):
    return parse_letter(text, where="test.toml")


class Postbox:
    """A way that keeps what is handed over, refuses or breaks as told."""

    name = "smtp"

    def __init__(self):
        self.taken, self.answers = [], {}

    def hand_over(self, message):
        to = str(message["To"])
        found = self.answers.get(to, "")
        if isinstance(found, BaseException):
            raise found
        if not found:
            self.taken.append(message)
        return found

    def close(self):
        pass

    @property
    def to(self):
        return [str(one["To"]) for one in self.taken]


@pytest.fixture
def post(monkeypatch):
    box = Postbox()
    monkeypatch.setattr(mailing_module, "open_way", lambda *args, **more: box)
    return box


@pytest.fixture
def mail(archive, session, configure):
    """The letters of an archive that has a sender and pages."""

    def edit(document):
        document["mail"] = {"from": "Shop <shop@example.com>", "link": "https://shop.example.com"}

    configure(edit)
    session.consents.write_notice(
        "news", {"purposes": ["DirectMarketing"], "text_en": "May we write?", "text_zh": "可以写信吗？"}
    )
    return Mailings(session, sleep=lambda seconds: None)


def customer(session, name, *, consent=True, **more):
    values = {"full_name": name, "email": f"{name.lower()}@example.com", "city": "Köln", **more}
    made = session.create("customer", values)
    if consent:
        session.consents.give(made.id, Terms("DirectMarketing", notice="news", method="web"))
    return made


@pytest.fixture
def customers(session, mail):
    return {
        "anna": customer(session, "Anna", preferred_language="en"),
        "mei": customer(session, "Mei", preferred_language="zh-CN"),
        "none": customer(session, "None", consent=False),
        "shy": customer(session, "Shy", do_not_contact=["email"]),
        "bare": customer(session, "Bare", email=None),
        "twin": customer(session, "Twin", email="ANNA@example.com"),
    }


def test_a_preview_says_who_and_why_and_sends_nothing(archive, mail, customers, post):
    """Everybody is told apart, the first letter is shown, and only the looking is in the log."""
    before = log_size(archive)
    found = mail.preview(letter())
    assert [customers["anna"].id, customers["mei"].id] == list(found.going)
    expected = {"none": "no_consent", "shy": "opted_out", "bare": "no_address", "twin": "same_address"}
    assert {customers[name].id: why for name, why in expected.items()} == dict(found.left_out)
    assert "Tea for Anna" == found.sample.subject
    assert "…" in found.sample.text
    assert {"record.print"} == {entry.kind for entry in log_entries(archive, start=before)}
    assert [] == post.taken


def test_a_mailing_reaches_those_who_may_be_written_to(archive, session, mail, customers, post):
    """In their language, with a way to leave; each an entry about them and a talk with them."""
    done = mail.send(letter(), name="spring")
    assert (2, 0, 0, "done") == (done.sent, done.failed, done.unclear, done.state)
    assert {"no_consent": 1, "opted_out": 1, "no_address": 1, "same_address": 1} == done.left_out
    first, second = post.taken
    assert ("Tea for Anna", "Mei，新茶到了") == (first["Subject"], second["Subject"])
    assert "Dear Anna of Köln" in first.get_body(("plain",)).get_content()
    assert "<p>Anna</p>" in first.get_body(("html",)).get_content()
    link = str(first["List-Unsubscribe"]).strip("<>")
    assert link.startswith("https://shop.example.com/leave/")
    assert link in first.get_body(("plain",)).get_content().replace("=\n", "")
    assert "List-Unsubscribe=One-Click" == first["List-Unsubscribe-Post"]
    assert str(first["List-Unsubscribe"]) != str(second["List-Unsubscribe"])
    kinds = Counter(entry.kind for entry in log_entries(archive))
    assert {"mail.begin": 1, "mail.send": 2, "mail.done": 2, "mail.finish": 1} == {
        kind: count for kind, count in kinds.items() if kind.startswith("mail.")
    }
    talks = session.list("interaction").records
    assert [("email", "outbound", "marketing")] * 2 == [
        tuple(one.fields[key] for key in ("channel", "direction", "topic")) for one in talks
    ]
    assert {customers["anna"].id, customers["mei"].id} == {one.fields["customer"] for one in talks}
    assert ["spring"] == [one.name for one, _ in mail.list()]
    assert {"sent": 2} == dict(mail.list()[0][1])


def test_nobody_gets_a_letter_twice(session, mail, customers, post):
    """Not when the mailing is run again, not after an interruption; somebody new gets theirs."""
    assert 1 == mail.send(letter(), name="spring", limit=1).sent
    again = mail.send(letter(), name="spring")
    assert (1, "done") == (again.sent, again.state)
    customer(session, "Late")
    third = mail.send(letter(), name="spring")
    assert (1, 2) == (third.sent, third.left_out["sent"])
    assert ["anna@example.com", "mei@example.com", "late@example.com"] == post.to


def test_what_may_have_been_taken_is_not_sent_again(mail, customers, post):
    """A connection that broke leaves it open, and at most one letter comes of it."""
    post.answers["anna@example.com"] = Unclear()
    first = mail.send(letter(), name="spring")
    assert (1, 1) == (first.sent, first.unclear)
    post.answers.clear()
    second = mail.send(letter(), name="spring")
    assert (0, 1) == (second.sent, second.left_out["unclear"])
    assert ["mei@example.com"] == post.to


def test_a_process_that_dies_between_does_not_send_twice(mail, customers, post):
    """Whatever the moment: the entry is there before the letter leaves."""
    post.answers["anna@example.com"] = KeyboardInterrupt()
    post.hand_over = lambda message: (_ for _ in ()).throw(SystemExit)
    with pytest.raises(SystemExit):
        mail.send(letter(), name="spring")
    del post.hand_over
    post.answers.clear()
    assert {"failed": 1} == dict(mail.list()[0][1])
    assert 2 == mail.send(letter(), name="spring").sent


def test_a_server_that_cannot_be_reached_stops_the_mailing(mail, customers, post):
    """And it goes on where it stopped, with everybody."""
    post.answers["anna@example.com"] = LogError("mail.unsent", where="mail.example.com")
    with pytest.raises(LogError):
        mail.send(letter(), name="spring")
    post.answers.clear()
    assert 2 == mail.send(letter(), name="spring").sent


def test_who_is_refused_by_the_server_may_be_tried_again(mail, customers, post):
    """A refusal has its code; the next run tries again."""
    post.answers["anna@example.com"] = "550"
    done = mail.send(letter(), name="spring")
    assert (1, 1) == (done.sent, done.failed)
    post.answers.clear()
    assert 1 == mail.send(letter(), name="spring").sent


def test_consent_counts_at_the_moment_of_sending(session, mail, customers, post):
    """Who takes it back while the mailing runs gets none."""
    anna, mei = customers["anna"], customers["mei"]

    def hand_over(message):
        post.taken.append(message)
        session.consents.withdraw(mei.id if "anna" in str(message["To"]) else anna.id, "DirectMarketing")
        return ""

    post.hand_over = hand_over
    done = mail.send(letter(), name="spring")
    assert ["anna@example.com"] == post.to
    assert 2 == done.left_out["no_consent"]


def test_whose_data_is_restricted_gets_none(session, mail, customers, post):
    """Neither in the preview nor when it is sent, and the reason is told."""
    session.delete(customers["twin"].id, reason="the same")
    session.restrictions.place(customers["anna"].subject, reason="asked")
    found = mail.preview(letter())
    assert "access.restricted" == found.left_out[customers["anna"].id]
    assert ["mei@example.com"] == (mail.send(letter(), name="spring"), post.to)[1]


def token_of(message, what="leave"):
    text = message.get_body(("plain",)).get_content().replace("=\n", "")
    return text.partition(f"/{what}/")[2].split()[0]


def test_leaving_withdraws_the_consent(archive, session, mail, customers, post):
    """The link of a letter is enough; it does that and nothing else, and once."""
    mail.send(letter(), name="spring")
    token = token_of(post.taken[0])
    with assert_logged(archive, "consent.withdraw"), assert_logged(archive, "mail.unsubscribe", entries=2):
        done = leave(archive.engine, token, address="192.0.2.1")
    assert ("tea", "DirectMarketing", True, False) == (done.letter, done.purpose, done.withdrawn, done.again)
    assert "withdrawn" == session.consents.of(customers["anna"].id)[0].values["state"]
    before = log_size(archive)
    assert leave(archive.engine, token).again
    assert before == log_size(archive)
    assert {"no_consent": 2} == {
        why: count for why, count in mail.preview(letter()).reasons.items() if why == "no_consent"
    }
    # Whoever consents anew gets letters anew.
    session.consents.give(customers["anna"].id, Terms("DirectMarketing", notice="news", method="web"))
    assert customers["anna"].id in mail.preview(letter()).going


def test_leaving_what_needs_no_consent_counts_too(archive, mail, customers, post):
    """An objection to questions is one, though no consent is there to be taken back."""
    mail.send(letter(ASK.replace("{{ survey }}", "{{ unsubscribe }}")), name="care")
    done = leave(archive.engine, token_of(post.taken[0]))
    assert not done.withdrawn
    assert "unsubscribed" == mail.preview(letter(ASK)).left_out[customers["anna"].id]
    assert customers["anna"].id in mail.preview(letter()).going


@pytest.mark.parametrize("token", ["", "x", "A" * 43, "A" * 42, "ä" * 43, "../../etc", "A" * 5000])
def test_links_cannot_be_guessed(archive, mail, customers, post, token):
    """Every wrong one is answered alike, and written down."""
    mail.send(letter(), name="spring")
    with assert_logged(archive, "access.deny", outcome="denied", code="mail.link"), pytest.raises(NotFound):
        leave(archive.engine, token)
    with pytest.raises(NotFound):
        answer(archive.engine, token, Answer(5))


def test_a_link_can_be_typed_as_an_argument(archive, monkeypatch):
    """One whose first letter is a hyphen would be an option of the command: another one is drawn."""
    drawn = [b"\xf8" + bytes(31), b"\xfb" + bytes(31), bytes(32)]
    monkeypatch.setattr(archive.engine, "random", lambda count: drawn.pop(0)[:count])
    assert "A" * 43 == link_of(archive.engine)[0]


def test_a_link_is_for_one_thing(archive, mail, customers, post):
    """The link to leave answers no survey, and that of a survey leaves nothing."""
    mail.send(letter(ASK), name="ask")
    asked = token_of(post.taken[0], "ask")
    with pytest.raises(NotFound):
        leave(archive.engine, asked)


def test_an_answer_becomes_feedback_once(archive, session, mail, customers, post):
    """A record about the person, and the link is used up; nobody answers for somebody else."""
    mail.send(letter(ASK), name="ask")
    token = token_of(post.taken[0], "ask")
    with assert_logged(archive, "mail.answer"):
        made = answer(archive.engine, token, Answer(2, 9, "Too slow 太慢"))
    record = session.get(made)
    assert (customers["anna"].id, 2, 9, "Too slow 太慢", "open") == tuple(
        record.fields[key]
        for key in ("customer", "satisfaction_score", "recommend_score", "comment", "action_state")
    )
    for _ in range(2):
        with pytest.raises(NotFound):
            answer(archive.engine, token, Answer(5))
    assert 1 == len(session.list("feedback").records)


@pytest.mark.parametrize(
    "given", [Answer(0), Answer(6), Answer(3, 11), Answer(3, -1), Answer(3, 1, "x" * 4001)]
)
def test_an_answer_is_checked_and_the_link_stays(archive, mail, customers, post, given):
    """A slip is mended and sent again."""
    mail.send(letter(ASK), name="ask")
    token = token_of(post.taken[0], "ask")
    with pytest.raises(Invalid):
        answer(archive.engine, token, given)
    answer(archive.engine, token, Answer(3))


def test_a_survey_ends(archive, mail, customers, post):
    """After its time the link leads nowhere; leaving is possible for ever."""
    mail.send(letter(ASK), name="ask")
    later = archive.engine.clock
    archive.engine.clock = lambda: later() + 31 * 86_400_000_000
    with pytest.raises(NotFound):
        answer(archive.engine, token_of(post.taken[0], "ask"), Answer(5))
    leave(archive.engine, str(post.taken[0]["List-Unsubscribe"]).rpartition("/")[2].strip(">"))


def test_neither_links_nor_letters_stand_in_the_archive(archive, mail, customers, post):
    """What opens something, and what was written to whom, is in no file of it in clear."""
    mail.send(letter(), name="spring")
    token = token_of(post.taken[0])
    archive.close()
    assert_no_plaintext(archive.folder, [token, "Tea for Anna", "anna@example.com"])


def test_an_erased_person_has_no_letters(archive, session, mail, customers, post):
    """What they got goes with them, and their link leads nowhere."""
    mail.send(letter(), name="spring")
    token = token_of(post.taken[0])
    session.erase(customers["anna"].subject, reason="asked")
    with pytest.raises(NotFound):
        leave(archive.engine, token)
    archive.log.verify()


def test_whose_letter_it_is_decides_who_may_send(people, mail, customers, post):
    """A role without that action, and a purpose that is not allowed, are refused and written down."""
    with pytest.raises(AccessDenied):
        Mailings(people("zhao")).preview(letter())
    with pytest.raises(AccessDenied):
        mail.preview(letter(OFFER.replace("DirectMarketing", "NothingKnown")))


def test_a_field_that_may_not_be_read_is_in_no_letter(people, mail, customers, post):
    """Not by naming it in a template, nor by asking for it in a condition."""
    sender = Mailings(people("li.na"))
    secret = OFFER.replace('["city"]', '["city", "budget"]')
    with pytest.raises((AccessDenied, NotFound)):
        sender.preview(letter(secret))
    with pytest.raises((AccessDenied, NotFound)):
        sender.preview(letter(), Selection((parse_condition("budget>=1", where="x"),)))


def test_an_account_manager_writes_to_their_own(session, people, user, mail, customers, post):
    """Nobody else's customer gets their letter, nor is named in what is left out."""
    mine = customer(session, "Mine", account_owner=user("li.na"))
    found = Mailings(people("li.na")).preview(letter())
    assert [mine.id] == list(found.going)
    assert {} == dict(found.left_out)


def test_conditions_choose_by_sealed_fields_too(session, mail, customers, post):
    """A name is sealed; it is opened to choose, as the log says."""
    where = Selection((parse_condition("full_name=Anna", where="x"),))
    assert [customers["anna"].id] == list(mail.preview(letter(), where).going)


def test_one_name_is_one_mailing(mail, customers, post):
    """Another letter, other people or another way under the same name would mix them up."""
    mail.send(letter(), name="spring")
    for other, where in (
        (letter(OFFER.replace("Dear", "Hello")), None),
        (letter(), Selection((parse_condition("city=Bonn", where="x"),))),
    ):
        with pytest.raises(UsageError) as caught:
            mail.send(other, where, name="spring")
        assert "mail.other_letter" == caught.value.code
    for name in ("", " x", "a\nb"):
        with pytest.raises(UsageError):
            mail.send(letter(), name=name)


def test_a_second_person_is_asked_where_exports_need_one(archive, session, mail, customers, post, configure):
    """A mailing hands data out; nothing is sent before it is approved."""

    def edit(document):
        document["approvals"] = {"rule": [{"operations": ["export"]}]}

    try:
        configure(edit)
    except ConfigError:
        pytest.fail("the rule is written otherwise")
    with pytest.raises(ApprovalNeeded):
        mail.send(letter(), name="spring", reason="spring")
    assert [] == post.taken
    assert [] == list(mail.list())


# Letters


def test_the_published_form_of_letters_knows_what_the_reader_knows():
    """Neither takes a key that the other refuses, and what ships is of it."""
    import json
    import tomllib

    import jsonschema

    import muniment_schemas

    folder = Path(muniment_schemas.__file__).parent
    schema = json.loads((folder / "letter.schema.json").read_text(encoding="utf-8"))
    assert LETTER.keys() == schema["properties"].keys()
    check = jsonschema.Draft202012Validator(schema)
    for name in letter_names():
        check.validate(tomllib.loads(muniment_schemas.read("letters", name)))


@pytest.mark.parametrize("name", letter_names())
def test_letters_that_ship_are_whole(name):
    """In both languages, with a way to leave; filled in without anything missing."""
    found = load_letter(name)
    blanks = {key: f"<{key}>" for key in ("archive", "today", "name", "unsubscribe", "survey", *found.fields)}
    for lang in ("en", "zh"):
        written = write_letter(found, blanks, lang)
        assert "<unsubscribe>" in written.text
        assert "<name>" in written.subject + written.text
        assert ("<survey>" in written.text) == found.survey


@pytest.mark.parametrize(
    "text",
    [
        "{{ secret }}",
        "{{ name.__class__.__mro__ }}",
        "{{ name.__class__ }}",
        "{{ ''.join.__globals__ }}",
        "{% for x in range(1000000000) %}x{% endfor %}",
        "{{ name | attr('__class__') }}",
        "{% include '/etc/passwd' %}",
        "{% import 'os' as os %}",
        "{{ cycler.__init__ }}",
        "{{ unclosed",
        "{{ 10**10**10 }}",
        "{{ 'x' * 1000000000 }}",
        "{{ name | center(1000000000) }}",
        "{{ name.upper() }}",
        "{% set x = 1 %}",
        "{% macro m() %}{% endmacro %}",
    ],
)
def test_a_letter_reaches_nothing_but_its_blanks(text):
    """No object, no file, no loop without end: refused when the letter is read."""
    source = OFFER.replace("Dear {{ name }} of", text)
    with pytest.raises(ConfigError) as caught:
        letter(source)
    assert "letter.template" == caught.value.code
    assert text not in str(caught.value)


def test_what_is_filled_in_is_text_and_nothing_else(mail, session, post):
    """A name that looks like a template, a header or a tag stays a name."""
    customer(session, "Eve", full_name="{{ 7*7 }}<script>")
    mail.send(letter(), name="spring")
    message = email.message_from_bytes(post.taken[0].as_bytes(), policy=email.policy.default)
    assert "Tea for {{ 7*7 }}<script>" == message["Subject"]
    assert "&lt;script&gt;" in message.get_body(("html",)).get_content()
    written = write_letter(letter(), {"name": "a\r\nBcc: x@example.com", "city": "", "unsubscribe": ""}, "en")
    assert "\n" not in written.subject


@pytest.mark.parametrize(
    ("born", "today", "expected"),
    [
        ("1990-05-04", "2026-05-04", True),
        ("1990-05-04", "2026-05-05", False),
        ("1992-02-29", "2026-02-28", True),
        ("1992-02-29", "2028-02-28", False),
        ("1992-02-29", "2028-02-29", True),
        ("2000-02-29", "2100-02-28", True),
        ("2030-05-04", "2026-05-04", False),
    ],
)
def test_anniversaries(born, today, expected):
    """Also of those born on a day that most years lack."""
    assert expected == is_day(date.fromisoformat(born), date.fromisoformat(today))
    assert not is_day(None, date.fromisoformat(today))


@pytest.mark.parametrize(
    "table",
    [
        {"security": "some"},
        {"security": "none", "host": "mail.example.com"},
        {"port": 0},
        {"port": 70000},
        {"per_minute": 0},
        {"link_days": 0},
        {"from": "no address"},
        {"from": "a@b\nBcc: c@d"},
        {"link": "http://shop.example.com"},
        {"link": "javascript:alert(1)"},
        {"digest": "hourly"},
        {"greetings": [1]},
    ],
)
def test_settings_that_cannot_hold_are_refused(table):
    """Among them whatever would send a password in clear."""
    with pytest.raises(ConfigError):
        read_mail(table, "muniment.toml")


def test_settings_have_safe_defaults():
    """Encrypted, slow, without links and without anything that sends by itself."""
    found = read_mail({}, "x")
    assert MailSettings() == found
    assert ("starttls", 587, 60, (), "") == (
        found.security, found.port, found.per_minute, found.greetings, found.digest,
    )  # fmt: skip
