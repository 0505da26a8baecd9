"""Parsers for the kinds that are stored as text: cleaned, bounded, refused where unsafe; pure.

Unicode normal form C (UAX 15), no surrounding space, no control characters. The
plain printable case is one comparison each; everything else takes the long way.
"""

from __future__ import annotations

import re
from typing import Any
from unicodedata import is_normalized, normalize
from uuid import UUID

from muniment.model import FileRef, Value
from muniment.schema.fields import Field
from muniment.schema.phones import e164
from muniment.schema.values import Context, Parser, ValueProblem

__all__ = [
    "prepare_email",
    "prepare_file",
    "prepare_identifier",
    "prepare_long_text",
    "prepare_phone",
    "prepare_reference",
    "prepare_text",
    "prepare_url",
]

_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")
_BREAK = re.compile("[\t\n\x0b\x0c\r\x85\u2028\u2029]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_NEWLINES = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")


def clean(raw: object, limit: int, *, lines: bool) -> str | None:
    """A text in normal form C, stripped, without control characters; None where nothing is left.

    Args:
        raw: what was given.
        limit: the longest that is taken, in characters.
        lines: whether line breaks and tabs may stand inside.

    Raises:
        ValueProblem: ``value.kind``, ``value.surrogate``, ``value.control``,
            ``value.line_break`` or ``value.too_long``.
    """
    if not isinstance(raw, str):
        raise ValueProblem("value.kind", expected="text")
    text = str(raw).strip()
    if not text:
        return None
    # Normal form C shortens a text to a third at most, so that a huge cell is refused unread.
    if len(text) > 3 * limit:
        raise ValueProblem("value.too_long", maximum=limit)
    if _SURROGATE.search(text):
        raise ValueProblem("value.surrogate")
    if lines:
        text = _NEWLINES.sub("\n", text)
    elif _BREAK.search(text):
        raise ValueProblem("value.line_break")
    if _CONTROL.search(text):
        raise ValueProblem("value.control")
    text = normalize("NFC", text)
    if len(text) > limit:
        raise ValueProblem("value.too_long", maximum=limit)
    return text


def _plain(limit: int) -> Parser:
    def parse(raw: object, context: Context) -> Value:
        # The class before the rest: what is cheap and common is settled without a call.
        if raw.__class__ is str and raw.isprintable() and (raw.isascii() or is_normalized("NFC", raw)):
            text: str = raw.strip()
            if len(text) <= limit:
                return text or None
        return clean(raw, limit, lines=False)

    return parse


def prepare_text(field: Field) -> Parser:
    """One line of text, at most 1,000 characters unless the field says otherwise."""
    return _plain(field.max_length or 1_000)


def prepare_identifier(field: Field) -> Parser:
    """A number or code as people write it: one line, at most 200 characters, kept as typed."""
    return _plain(field.max_length or 200)


def prepare_long_text(field: Field) -> Parser:
    """Text of several lines (line feeds) with tabs, at most 100,000 characters."""
    limit = field.max_length or 100_000

    def parse(raw: object, context: Context) -> Value:
        # One line of plain text, as most are; anything else takes the long way.
        if raw.__class__ is str and raw.isprintable() and (raw.isascii() or is_normalized("NFC", raw)):
            text: str = raw.strip()
            if len(text) <= limit:
                return text or None
        return clean(raw, limit, lines=True)

    return parse


# Only what email-validator takes as it stands: unquoted, plain domain labels, a letters-only last label.
_MAIL = re.compile(
    r"(?!\.)[A-Za-z0-9_+-](?:[A-Za-z0-9_+-]|\.(?!\.)){0,62}(?<!\.)@"
    r"(?:[A-Za-z0-9]{1,20}(?:-[A-Za-z0-9]{1,20}){0,2}\.){1,3}[A-Za-z]{2,20}"
)
# RFC 6761 and its registry: names that never reach anybody; left to the library to refuse.
_SPECIAL = ("arpa", "example", "internal", "invalid", "local", "localhost", "onion", "test")


def prepare_email(field: Field) -> Parser:
    """An e-mail address (RFC 5321, 6531); the domain in small letters, no lookup on the network."""
    limit = min(field.max_length or 254, 254)
    plain = _plain(limit)

    def parse(raw: object, context: Context) -> Value:
        text = plain(raw, context)
        if not isinstance(text, str):
            return None
        if _MAIL.fullmatch(text):
            local, _, domain = text.partition("@")
            domain = domain.lower()
            if domain.rpartition(".")[2] not in _SPECIAL:
                return f"{local}@{domain}"
        return _validated_mail(text)

    return parse


def _validated_mail(text: str) -> str:
    # Slow to import, and seldom needed.
    from email_validator import EmailNotValidError, validate_email

    try:
        return validate_email(text, check_deliverability=False).normalized
    except (EmailNotValidError, ValueError):
        raise ValueProblem("value.email") from None


def prepare_phone(field: Field) -> Parser:
    """A phone number, kept as typed; one that cannot be read is kept with a warning."""
    plain = _plain(field.max_length or 100)

    def parse(raw: object, context: Context) -> Value:
        text = plain(raw, context)
        if isinstance(text, str) and e164(text, context.default_region) is None:
            raise ValueProblem("value.phone", kept=text)
        return text

    return parse


_SPACE = re.compile(r"\s")


def prepare_url(field: Field) -> Parser:
    """A web address (RFC 3986) of http or https, or a mailto address; at most 2,048 characters."""
    # Costs a few milliseconds to import, and few types have such a field.
    from urllib.parse import urlsplit

    plain = _plain(field.max_length or 2_048)

    def parse(raw: object, context: Context) -> Value:
        text = plain(raw, context)
        if not isinstance(text, str):
            return None
        try:
            parts = urlsplit(text)
            host, _ = parts.hostname, parts.port
        except ValueError:
            raise ValueProblem("value.url") from None
        if parts.scheme == "mailto":
            good = "@" in parts.path
        else:
            good = parts.scheme in ("http", "https") and bool(host)
        if not good or _SPACE.search(text):
            raise ValueProblem("value.url")
        return text

    return parse


def prepare_reference(field: Field) -> Parser:
    """The identifier of another record as UUID text; names are looked up before it comes here."""

    def parse(raw: object, context: Context) -> Value:
        if isinstance(raw, UUID):
            return str(raw)
        if isinstance(raw, bytes) and len(raw) == 16:
            return str(UUID(bytes=raw))
        if not isinstance(raw, str):
            raise ValueProblem("value.kind", expected="reference")
        text = raw.strip()
        if not text:
            return None
        if not _UUID.fullmatch(text):
            raise ValueProblem("value.reference", target=field.target)
        return text.lower()

    return parse


_UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_MEDIA = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,62}/[a-z0-9][a-z0-9!#$&^_.+-]{0,62}")


def prepare_file(field: Field) -> Parser:
    """What a record keeps of an attached file: a ``FileRef``, or its members as a mapping."""

    def parse(raw: object, context: Context) -> Value:
        if isinstance(raw, FileRef):
            return _checked_file(raw.id, raw.name, raw.media_type, raw.size)
        if isinstance(raw, dict) and raw.keys() == {"id", "name", "type", "size"}:
            return _checked_file(raw["id"], raw["name"], raw["type"], raw["size"])
        if isinstance(raw, str) and not raw.strip():
            return None
        raise ValueProblem("value.file")

    return parse


def _checked_file(identifier: Any, name: Any, media_type: Any, size: Any) -> FileRef:
    cleaned = clean(name, 255, lines=False)
    good = (
        isinstance(identifier, str)
        and _UUID.fullmatch(identifier)
        and isinstance(media_type, str)
        and _MEDIA.fullmatch(media_type.lower())
        and isinstance(size, int)
        and not isinstance(size, bool)
        and 0 <= size < 1 << 53
        and cleaned is not None
        and not set(cleaned) & {"/", "\\"}
        and cleaned not in (".", "..")
    )
    if not good:
        raise ValueProblem("value.file")
    return FileRef(identifier.lower(), cleaned or "", media_type.lower(), size)
