"""The apostrophe that keeps a CSV cell from running as a formula, and its undoing; pure.

A spreadsheet program takes a cell for a formula when it begins with ``=``, ``+``,
``-`` or ``@``; East Asian versions take the full-width forms as well, and blanks in
front may be skipped. A cell may also begin where our file has none: a program set
to another separator cuts the line at a semicolon or tab, and a line break inside a
cell may end the row for it. So the rule looks at every place where some program
may see a cell begin:

- *place*: the start of the text, and behind each ``;``, tab, carriage return and line feed;
- *trigger* at a place: any number of blanks, then one of the signs; at the start of
  the text also a tab, a carriage return or a line feed by itself.

``protect`` puts one apostrophe at each place where any number of apostrophes and
then a trigger follow. ``unprotect`` takes one away wherever one or more apostrophes
and then a trigger follow. Hence ``unprotect(protect(text)) == text`` for every text,
and what holds no apostrophe is never changed by reading.

The danger and the apostrophe are described by OWASP, "CSV Injection".
"""

from __future__ import annotations

import re

__all__ = ["protect", "unprotect"]

_SIGNS = r"[=+\-@＝＋－＠﹦﹢﹣﹫]"
# Blanks and invisible characters, without those that are places themselves.
_BLANKS = r"[\x00-\x08\x0b\x0c\x0e-\x20\x7f-\xa0\xad\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u2064\u3000\ufeff]*"  # noqa: E501 - a list of characters reads best whole
_AT_START = rf"(?:[\t\r\n]|{_BLANKS}{_SIGNS})"
_INSIDE = rf"{_BLANKS}{_SIGNS}"
_PUT = re.compile(rf"\A(?='*{_AT_START})|[;\t\r\n](?='*{_INSIDE})")
_TAKE = re.compile(rf"(\A)'(?='*{_AT_START})|([;\t\r\n])'(?='*{_INSIDE})")


def protect(text: str) -> str:
    """A text as it may stand in a CSV file: no program finds a formula at its beginning.

    Args:
        text: any text.

    Returns:
        The text, with an apostrophe at each place where a trigger stood.
    """
    if text[:1].isalnum() and not (";" in text or "\n" in text or "\t" in text or "\r" in text):
        return text
    return _PUT.sub(r"\g<0>'", text)


def unprotect(text: str) -> str:
    """The text that ``protect`` was given.

    Args:
        text: a cell as it was read from a CSV file.
    """
    return _TAKE.sub(r"\1\2", text) if "'" in text else text
