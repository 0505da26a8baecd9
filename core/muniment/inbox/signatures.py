"""Who wrote: what a sender's name, address and signature say of a person."""

from __future__ import annotations

import re
from typing import Final

import attrs

from muniment.inbox.messages import Message

__all__ = ["Contact", "contact_of"]

_COMPANY: Final = re.compile(
    r"公司|集团|事务所|工作室|有限合伙|诊所|医院"
    r"|\b(?:Ltd|Limited|LLC|Inc|Corp|Corporation|GmbH|AG|PLC|LLP|S\.?A\.?|B\.?V\.?|Pty|Co)\b\.?",
    re.IGNORECASE,
)
_LONGEST_LINE: Final = 100


@attrs.frozen
class Contact:
    """What a message tells about its sender; each may be empty.

    Attributes:
        name: of the person.
        email: their address.
        phones: in E.164, as they stand in the signature.
        company: the line that looks like one.
    """

    name: str = ""
    email: str = ""
    phones: tuple[str, ...] = ()
    company: str = ""


def contact_of(message: Message, *, region: str = "") -> Contact:
    """The person who wrote a message.

    Args:
        message: as it was read.
        region: two letters, for numbers without a country.
    """
    sender = message.sender
    lines = [line.strip() for line in message.signature.splitlines()]
    company = next(
        (line for line in lines if line and len(line) <= _LONGEST_LINE and _COMPANY.search(line)), ""
    )
    name = sender.name if sender is not None else ""
    if sender is not None and name.lower() == sender.email:
        name = ""
    return Contact(name, sender.email if sender else "", _phones(message.signature, region), company)


def _phones(text: str, region: str) -> tuple[str, ...]:
    import phonenumbers

    found = phonenumbers.PhoneNumberMatcher(text, region or None)
    numbers = (phonenumbers.format_number(one.number, phonenumbers.PhoneNumberFormat.E164) for one in found)
    return tuple(dict.fromkeys(numbers))[:5]
