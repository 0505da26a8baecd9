"""What plugins show in the web pages: pages, panels beside a record, and how cells of a column look.

A plugin says what is to be shown as values, and the pages make them markup: so everything is
escaped, both languages and both colour schemes hold, and nothing inline is needed. What it shows it
gets from the session that it is handed, whose reads are masked and logged like any other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import attrs

if TYPE_CHECKING:
    from muniment.schema import Label

__all__ = [
    "TONES",
    "Asking",
    "Block",
    "Column",
    "Drawn",
    "Facts",
    "Form",
    "Html",
    "Input",
    "Link",
    "Page",
    "Panel",
    "Table",
    "Text",
    "problem_of",
]

TONES: Final = ("", "green", "red", "amber", "blue", "purple", "grey")
"""Colours that say something; the empty one says nothing."""

SECTIONS: Final = ("records", "oversight", "setup")
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,40}")


@attrs.frozen
class Asking:
    """One request, as a plugin sees it.

    Attributes:
        session: of whoever looks, ``muniment.session.Session``; it shows masks first, and every read of it
            is an entry of the log.
        lang: ``en`` or ``zh``.
        record: UUID text of the record that a panel stands beside; empty on a page.
        query: what stood in the address; a value of a record must not.
        form: what a form of the page sent; empty where it was only asked for.
    """

    session: Any
    lang: str = "en"
    record: str = ""
    query: Mapping[str, str] = attrs.field(factory=dict)
    form: Mapping[str, str] = attrs.field(factory=dict)


@attrs.frozen
class Text:
    """A paragraph, or a heading; with a tone a notice."""

    text: str
    heading: bool = False
    tone: str = ""


@attrs.frozen
class Facts:
    """Names and what stands beside each."""

    rows: Sequence[tuple[str, str]]


@attrs.frozen
class Table:
    """A table; ``links`` holds for each row where its first cell leads, a path of these pages or nothing."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""
    links: Sequence[str] = ()


@attrs.frozen
class Link:
    """A way to another of these pages."""

    text: str
    path: str


@attrs.frozen
class Input:
    """One line of a form."""

    name: str
    label: str
    value: str = ""


@attrs.frozen
class Form:
    """A form that comes back to the same page or panel; what it holds is in ``Asking.form``."""

    inputs: Sequence[Input]
    button: str


@attrs.frozen
class Html:
    """Markup of the plugin's own: words, tables, drawings (SVG) and links to these pages.

    What could act, lead elsewhere or look like a form is left out; names (``id``) get a prefix.
    """

    markup: str


Block = Text | Facts | Table | Link | Form | Html
"""What a page or a panel is made of."""


@attrs.frozen
class Page:
    """A page of a plugin, with its place in the navigation.

    Attributes:
        name: of the page, in its address ``/p/<plugin>/<name>``: lower-case letters, digits, underscores.
        label: what people call it, in both languages.
        show: makes the page.
        section: of the navigation: ``records``, ``oversight`` or ``setup``; empty for none.
        action: what a role must allow, such as ``record.list``; asked before the plugin is.
    """

    name: str
    label: Label
    show: Callable[[Asking], Sequence[Block]]
    section: str = attrs.field(default="records", kw_only=True)
    action: str = attrs.field(default="record.list", kw_only=True)


@attrs.frozen
class Panel:
    """What a plugin shows beside a record, loaded after the record is there.

    Attributes:
        name: of the panel, as for a page.
        label: what people call it, in both languages.
        show: makes the panel; ``Asking.record`` says beside which record.
        action: what a role must allow on the record's type; asked before the plugin is.
    """

    name: str
    label: Label
    show: Callable[[Asking], Sequence[Block]]
    action: str = attrs.field(default="record.read", kw_only=True)


@attrs.frozen
class Drawn:
    """How one cell looks: a text, and a tone."""

    text: str
    tone: str = ""


@attrs.frozen
class Column:
    """How the cells of one column look in the table of a type.

    Attributes:
        field: the field's key.
        draw: is given a value that the reader may see in clear and the language, and says how it looks;
            never a masked value. Where it fails the value is shown as ever.
    """

    field: str
    draw: Callable[[Any, str], Drawn]


def problem_of(one: Page | Panel | Column) -> str:
    """What is wrong with a declaration, as a word; empty where nothing is."""
    if isinstance(one, Column):
        return "" if one.field else "column"
    if not _NAME.fullmatch(one.name):
        return "name"
    return "section" if isinstance(one, Page) and one.section not in ("", *SECTIONS) else ""
