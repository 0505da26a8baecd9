"""Messages as strangers write them."""

from __future__ import annotations

import mailbox
from contextlib import closing, suppress
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.errors import UsageError
from muniment.inbox import contact_of, messages_in, read_message
from muniment.inbox.messages import LARGEST

from .conftest import letter

CHINESE = (
    "您好，\n\n请问我的订单什么时候发货？\n\n谢谢\n--\n王小明\n上海某某贸易有限公司\n手机：13800138000\n\n"
    "在 2026年1月5日，客服 <kf@shop.example> 写道：\n\n> 您好\n> 订单已收到\n"
)
ENGLISH = (
    "Hi,\n\nwhere is my order?\n\nBest regards,\nJane Doe\nACME Ltd\n+44 20 7946 0958\n\n"
    "On Mon, 5 Jan 2026 at 10:00, Shop <kf@shop.example> wrote:\n\n> Hi\n> it is on its way\n"
)


def built(**headers: str) -> EmailMessage:
    message = EmailMessage()
    for name, value in {
        "From": "Jane <jane@acme.example>",
        "Date": "Mon, 05 Jan 2026 10:00:00 +0000",
        **headers,
    }.items():
        message[name] = value
    return message


@pytest.mark.parametrize(
    ("text", "said", "company", "phone"),
    [
        (CHINESE, "请问我的订单什么时候发货", "上海某某贸易有限公司", "+8613800138000"),
        (ENGLISH, "where is my order?", "ACME Ltd", "+442079460958"),
    ],
)
def test_a_sender_is_told_from_their_text_and_what_they_quote_is_left_out(text, said, company, phone):
    """In both languages: the answer alone is kept, the signature tells who wrote."""
    message = read_message(letter(text=text))
    assert said in message.text
    assert "写道" not in message.text
    assert ">" not in message.text
    found = contact_of(message, region="CN")
    assert (company, (phone,)) == (found.company, found.phones)
    assert "wang@example.cn" == found.email


@pytest.mark.parametrize("declared", ["gb2312", "gbk", "gb18030", "utf-8", "us-ascii", "no-such-charset"])
def test_a_text_is_read_whatever_its_character_set_claims(declared):
    """Programs declare gb2312 and write what only gb18030 has, or nothing at all."""
    head = letter(text="").replace(b"charset=utf-8", b"charset=" + declared.encode())
    encoding = "utf-8" if declared == "utf-8" else "gb18030"
    assert "龙㼆" in read_message(head + "龙㼆".encode(encoding)).text


def test_a_subject_that_nobody_encoded_is_read():
    """Raw bytes in a header are against the rules, and common."""
    data = letter().replace(b"Order 12", "订单查询".encode("gb18030"))
    assert "订单查询" == read_message(data).subject


def test_html_becomes_text_without_scripts_and_styles():
    """What a person would read on the screen."""
    message = built(Subject="x")
    message.set_content("<style>p{}</style><script>alert(1)</script><p>One<br>two</p>", subtype="html")
    text = read_message(message.as_bytes()).text
    assert ["One", "two"] == text.split()


def test_an_attachment_is_named_without_folders():
    """A name from outside never leads anywhere."""
    message = built(Subject="x")
    message.set_content("see there")
    message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="../../etc/order.pdf")
    message.add_attachment(b"x", maintype="application", subtype="pdf", filename="..\\win\\张.pdf")
    first, second = read_message(message.as_bytes()).attachments
    assert ("order.pdf", 4, "张.pdf") == (first.name, first.size, second.name)


def test_a_copy_has_the_same_key_and_another_message_another():
    """So that nothing comes in twice, from whatever folder."""
    one, again, other = letter(1), letter(1, more="X-Folder: Archive\r\n"), letter(2)
    keys = [read_message(data).key for data in (one, again, other)]
    assert keys[0] == keys[1] != keys[2]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "inbox.no_message"),
        (b"%PDF-1.7 no mail at all", "inbox.no_message"),
        (b"\x00" * (LARGEST + 1), "inbox.large"),
        (
            b"From: a@b.example\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n"
            + b"--x\r\n\r\ny\r\n" * 300,
            "inbox.deep",
        ),
    ],
    ids=["empty", "no mail", "too large", "too many parts"],
)
def test_what_is_no_message_or_too_much_is_refused_with_its_reason(data, code):
    """One clear error each."""
    with pytest.raises(UsageError) as caught:
        read_message(data)
    assert code == caught.value.code


def test_parts_within_parts_without_end_are_refused():
    """Nesting costs the sender nothing; it must not cost the reader a crash."""
    deep = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (number, number)
        for number in range(1500)
    )
    with pytest.raises(UsageError, match=r"inbox\.deep"):
        read_message(b"From: a@b.example\r\n" + deep + b"\r\nx")


HEADERS = st.sampled_from(
    ["From", "To", "Cc", "Subject", "Date", "Message-ID", "Content-Type", "Content-Disposition",
     "Content-Transfer-Encoding", "MIME-Version"]
)  # fmt: skip
VALUES = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        ["multipart/mixed; boundary=x", "text/html; charset=x-y", "message/rfc822", "=?utf-8?b?****?=",
         "=?x?q?=41?=",
         'attachment; filename*=utf-8\'\'%ff%fe', "quoted-printable", "base64", "<@>",
         "Mon, 99 Foo 2026 99:99:99",
         '"unclosed <a@b', "a@b, , ;:<>()[]", "text/plain; charset=\"\x00\""]
    ),
)  # fmt: skip


@given(st.lists(st.tuples(HEADERS, VALUES), max_size=8), st.binary(max_size=300))
def test_no_message_breaks_the_reader(headers, body):
    """Whatever is sent: a message, or one clear error."""
    head = "".join(f"{name}: {value.replace(chr(10), ' ')}\r\n" for name, value in headers)
    data = head.encode("utf-8", "surrogatepass") + b"\r\n--x\r\n" + body
    with suppress(UsageError):
        message = read_message(data)
        message.text.encode("utf-8")
        message.subject.encode("utf-8")
        contact_of(message, region="CN")


def test_messages_are_found_in_files_mailboxes_and_folders(tmp_path):
    """As mail programs save them; nothing of it is changed."""
    (tmp_path / "one.eml").write_bytes(letter(1))
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.EML").write_bytes(letter(2))
    (folder / "notes.txt").write_text("no mail")
    with closing(mailbox.mbox(tmp_path / "box")) as box:
        box.add(letter(3))
        box.add(letter(4))
    with closing(mailbox.Maildir(tmp_path / "maildir")) as maildir:
        maildir.add(letter(5))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    keys = [
        read_message(data).key
        for name in ("one.eml", "folder", "box", "maildir")
        for _, data in messages_in(tmp_path / name)
    ]
    assert [read_message(letter(number)).key for number in range(1, 6)] == keys
    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
