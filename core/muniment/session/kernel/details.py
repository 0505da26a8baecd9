"""The details of entries that come again and again: the same text for a session but for a few members.

Building a document and writing it as JCS for every access would cost more than
sealing a record. So what is the same is written once, with blanks in it. A
filled form is byte for byte what ``codec.canonical`` makes of the document.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from muniment.codec import canonical

__all__ = ["Filled", "form_of"]

_BLANKS = {"count": b"%d", "op": b'"%b"', "records": b'["%b"]', "sets": b"%b", "time": b'"%b"'}


class Filled(NamedTuple):
    """A form, and what one entry says in its blanks; the log adds the time and the records.

    ``form`` is from ``form_of``, ``number`` the count, ``op`` hex, ``sets`` JCS.
    """

    form: bytes
    number: int
    op: bytes
    sets: bytes


def form_of(members: Mapping[str, object]) -> bytes:
    """A detail with blanks for count, op, records, sets and time, in that order, as a format of bytes.

    Args:
        members: all the others, ``kind`` among them; a blank's own value is not looked at.
    """
    written = {name: canonical(value).replace(b"%", b"%%") for name, value in members.items()}
    written |= _BLANKS
    return b"{%b}" % b",".join([canonical(name) + b":" + written[name] for name in sorted(written)])
