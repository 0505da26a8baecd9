"""One e-mail (RFC 5322, MIME), whatever its sender made of the standards.

Mail is written by strangers: a header that cannot be read is empty, a text of a
wrong character set is read as well as it can be, and what is too large or too
deep is refused. HTML becomes text by BeautifulSoup and quoted answers are cut off
by mail-parser-reply, which knows the phrases of many mail programs in English and
Chinese; both come with the extra ``mail``.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import getaddresses, parsedate_to_datetime
from hashlib import sha256
from importlib.util import find_spec
from typing import Final

import attrs

from muniment.errors import UsageError

__all__ = ["LARGEST", "Address", "Attachment", "Message", "read_message", "require_readers"]

LARGEST: Final = 50_000_000
"""Bytes of the largest message that is taken."""

_MOST_PARTS: Final = 200
_LONGEST_TEXT: Final = 50_000
_LONGEST_HEADER: Final = 2_000
_MOST_ADDRESSES: Final = 100


@attrs.frozen
class Address:
    """Somebody named in a header.

    Attributes:
        email: in lower case.
        name: as the sender wrote it; may be empty.
    """

    email: str
    name: str = ""


@attrs.frozen
class Attachment:
    """A file that a message carries.

    Attributes:
        name: as the sender wrote it.
        media_type: likewise.
        size: bytes.
    """

    name: str
    media_type: str
    size: int


@attrs.frozen
class Message:
    """What a message says.

    Attributes:
        key: the same for every copy of a message: SHA-256 of its identifier, or of its bytes, as hex.
        sent: when its sender says that it was sent; None where that cannot be read.
        sender: who wrote it; None where that cannot be read.
        recipients: to whom it went.
        subject: its subject.
        text: what its sender wrote, without what they quote and their signature.
        signature: the lines below.
        attachments: files.
    """

    key: str
    sent: datetime | None
    sender: Address | None
    recipients: tuple[Address, ...]
    subject: str
    text: str
    signature: str
    attachments: tuple[Attachment, ...]


def read_message(data: bytes, *, where: str = "") -> Message:
    """Read a message.

    Args:
        data: as it was sent.
        where: the place that errors name.

    Raises:
        UsageError: ``inbox.large``, ``inbox.deep``, or ``inbox.no_message`` where it has neither a sender
            nor a date.
    """
    if len(data) > LARGEST:
        raise UsageError("inbox.large", where=where, maximum=LARGEST // 1_000_000)
    try:
        message = BytesParser(_class=EmailMessage, policy=policy.default).parsebytes(data)
        parts = list(_parts(message))
    except RecursionError:
        raise UsageError("inbox.deep", where=where) from None
    if len(parts) > _MOST_PARTS:
        raise UsageError("inbox.deep", where=where)
    senders, sent = _addresses(message, "from"), _sent(message)
    if not senders and sent is None:
        raise UsageError("inbox.no_message", where=where)
    text, signature = _written(_text(parts))
    return Message(
        _key(message, data),
        sent,
        senders[0] if senders else None,
        _addresses(message, "to") + _addresses(message, "cc"),
        _header(message, "subject"),
        text,
        signature,
        tuple(_attachments(parts)),
    )


def require_readers() -> None:
    """Refuse to read mail where the extra ``mail`` is not installed.

    Raises:
        UsageError: ``inbox.no_extra``.
    """
    missing = [name for name in ("bs4", "imap_tools", "mailparser_reply") if find_spec(name) is None]
    if missing:
        raise UsageError("inbox.no_extra")


def _key(message: EmailMessage, data: bytes) -> str:
    named = _header(message, "message-id")
    return sha256(named.encode("utf-8") if named else data).hexdigest()


def _parts(message: EmailMessage) -> Iterator[EmailMessage]:
    waiting = [message]
    while waiting:
        part = waiting.pop(0)
        yield part
        # A message that is passed on is a file to whoever gets it, not a part of this one.
        if part.get_content_maintype() == "multipart":
            waiting += [one for one in part.iter_parts() if isinstance(one, EmailMessage)]


def _header(message: EmailMessage, name: str) -> str:
    """A header as one line of text; empty where it cannot be read."""
    raw = next((str(value) for key, value in message.raw_items() if key.lower() == name), "")
    try:
        # Bytes that no header declared would come back as marks of replacement.
        found = raw if _undeclared(raw) else str(message.get(name, ""))
    except Exception:
        return ""
    return " ".join(_repaired(found).split())[:_LONGEST_HEADER]


def _repaired(text: str) -> str:
    """A text whose bytes no header declared: UTF-8, or as Chinese mail programs write it."""
    return _decoded(text.encode("utf-8", "surrogateescape"), "") if _undeclared(text) else text


def _undeclared(text: str) -> bool:
    return any("\udc80" <= letter <= "\udcff" for letter in text)


def _decoded(data: bytes, declared: str) -> str:
    # Programs say gb2312 and write what only gb18030 has.
    declared = "gb18030" if declared.lower() in ("gb2312", "gbk", "hz-gb-2312") else declared
    for encoding in (declared, "utf-8", "gb18030"):
        try:
            return data.decode(encoding or "utf-8")
        except (LookupError, UnicodeDecodeError, ValueError):
            continue
    return data.decode("latin-1")


def _addresses(message: EmailMessage, name: str) -> tuple[Address, ...]:
    listed = getaddresses([_header(message, name)])[:_MOST_ADDRESSES]
    return tuple(Address(email.strip().lower(), shown.strip()) for shown, email in listed if "@" in email)


def _sent(message: EmailMessage) -> datetime | None:
    try:
        found = parsedate_to_datetime(_header(message, "date"))
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _payload(part: EmailMessage) -> bytes:
    try:
        found = part.get_payload(decode=True)
    except Exception:
        return b""
    return found if isinstance(found, bytes) else b""


def _is_attached(part: EmailMessage) -> bool:
    return part.get_content_disposition() == "attachment" or bool(_file_name(part))


def _file_name(part: EmailMessage) -> str:
    try:
        found = part.get_filename("")
    except Exception:
        return ""
    # A name is shown and may become that of a file: no folders, nothing that does not print.
    plain = "".join(letter for letter in _repaired(str(found)) if letter.isprintable())
    return plain.replace("\\", "/").rsplit("/", 1)[-1][:200]


def _attachments(parts: list[EmailMessage]) -> Iterator[Attachment]:
    for part in parts:
        kind = part.get_content_type()
        if part.get_content_maintype() == "multipart":
            continue
        if _is_attached(part) or not kind.startswith("text/"):
            yield Attachment(_file_name(part) or kind, kind, len(_payload(part)))


def _text(parts: list[EmailMessage]) -> str:
    """What the message says: its plain text, or its HTML as text."""
    texts = [part for part in parts if not _is_attached(part)]
    for kind in ("text/plain", "text/html"):
        for part in texts:
            if part.get_content_type() == kind:
                found = _decoded(_payload(part), part.get_content_charset("") or "")
                text = _of_html(found) if kind == "text/html" else found
                if text.strip():
                    return text.replace("\r\n", "\n").replace("\x00", "")[:_LONGEST_TEXT]
    return ""


def _of_html(html: str) -> str:
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(html[: 20 * _LONGEST_TEXT], "html.parser")
    for hidden in soup(["script", "style", "head", "title"]):
        hidden.decompose()
    for line in soup.find_all(["br", "p", "div", "tr", "li", "h1", "h2", "h3", "blockquote"]):
        line.append("\n")
    lines = [" ".join(line.split()) for line in soup.get_text().split("\n")]
    return "\n".join(line for place, line in enumerate(lines) if line or (place and lines[place - 1]))


def _written(text: str) -> tuple[str, str]:
    """What the sender wrote themselves, and their signature."""
    from mailparser_reply import EmailReplyParser

    replies = EmailReplyParser(languages=["en", "zh"]).read(text).replies
    if not replies:
        return text.strip(), ""
    newest = replies[0]
    signature: list[str] = []
    for line in str(newest.signatures or "").strip().splitlines():
        if line.lstrip().startswith(">") or line.rstrip().endswith(("写道：", "写道:", "wrote:")):
            break
        signature.append(line)
    return (newest.body or "").strip() or text.strip(), "\n".join(signature).strip()
