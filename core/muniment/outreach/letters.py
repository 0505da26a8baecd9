"""Letters: templates with blanks, in both languages, filled in for one person at a time.

A template sees texts and nothing else: no record, no object of ours, no file. It runs in
Jinja2's sandbox (jinja.palletsprojects.com/en/stable/sandbox), and of its language there are
blanks, conditions and a few filters alone: nothing that calls, counts or goes round. What it
inserts into a page is escaped. A blank that nothing fills is an error before anything is sent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

import attrs

import muniment_schemas
from muniment.errors import ConfigError, UsageError
from muniment.schema import Condition, Label, RecordType, parse_condition
from muniment.schema.rules import one_of, refuse
from muniment.schema.toml import read_document, read_label, read_strings, read_table
from muniment.schema.values import NO_LABEL

if TYPE_CHECKING:
    from jinja2.nodes import Node
    from jinja2.sandbox import ImmutableSandboxedEnvironment

__all__ = [
    "BLANKS",
    "LETTER",
    "Letter",
    "Written",
    "letter_names",
    "load_letter",
    "parse_letter",
    "write_letter",
]

_KEY: Final = re.compile(r"[a-z][a-z0-9-]{0,62}")
_PURPOSE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.:-]{0,99}")
_LONGEST: Final = 100_000
_PARTS: Final = frozenset(
    {"Template", "Output", "TemplateData", "Name", "Const", "If", "CondExpr", "Compare", "Operand", "Not",
     "And", "Or", "Filter"}
)  # fmt: skip
_FILTERS: Final = ("default", "escape", "lower", "title", "trim", "upper")

BLANKS: Final = ("archive", "today", "name", "unsubscribe", "survey")
"""What a template may name beside fields: the archive's name, the day, what the person goes by, links."""

LETTER: Final[Mapping[str, Any]] = {
    "format": int, "key": str, "label": dict, "help": dict, "purpose": str, "type": str, "email": str,
    "language": str, "fields": list, "filters": list, "on": str, "survey": bool, "subject": dict,
    "text": dict, "html": dict,
}  # fmt: skip
"""The keys of a letter's file and what each holds."""


@attrs.frozen(kw_only=True)
class Letter:
    """A letter before it is filled in.

    Attributes:
        key: its name.
        label: what people call it.
        help: whom it is for.
        purpose: a W3C DPV term; marketing goes to those alone who consented to it.
        type: the key of the record type of those who get it.
        email: the key of the field with the address.
        language: the key of the field that says in which language they read; empty for the archive's.
        fields: keys of the fields that the template names.
        filters: conditions that they must meet; also on sealed fields, which are opened for it.
        on: the key of a date: it is for those whose day or anniversary it is today.
        survey: whether it brings a link to a survey.
        subject: one line.
        text: plain text.
        html: a page; empty for none.
        digest: hex of SHA-256 over the file.
    """

    key: str
    label: Label
    help: Label = NO_LABEL
    purpose: str
    type: str = "customer"
    email: str = "email"
    language: str = "preferred_language"
    fields: tuple[str, ...] = ()
    filters: tuple[Condition, ...] = ()
    on: str = ""
    survey: bool = False
    subject: Label
    text: Label
    html: Label = NO_LABEL
    digest: str = ""


@attrs.frozen
class Written:
    """A letter that was filled in.

    Attributes:
        subject: one line.
        text: plain text.
        html: a page; empty for none.
    """

    subject: str
    text: str
    html: str = ""


def parse_letter(text: str, *, where: str) -> Letter:
    """A letter out of TOML.

    Args:
        text: the TOML.
        where: the file, for errors.

    Raises:
        ConfigError: ``schema.*`` with the place, or ``letter.template``.
        UsageError: ``mail.no_jinja`` where the library is not installed.
    """
    table = dict(
        read_table(read_document(text, where), LETTER, where, "key", "label", "purpose", "subject", "text")
    )
    del table["format"]
    if not _KEY.fullmatch(table["key"]):
        raise refuse("key", where, name=table["key"])
    if not _PURPOSE.fullmatch(table["purpose"]):
        raise refuse("value", f"{where}.purpose", expected="a W3C DPV term")
    for name in ("label", "help", "subject", "text", "html"):
        if name in table:
            table[name] = read_label(table[name], f"{where}.{name}")
    table["fields"] = read_strings(table.get("fields", []), f"{where}.fields")
    table["filters"] = tuple(
        parse_condition(one, where=where)
        for one in read_strings(table.get("filters", []), f"{where}.filters")
    )
    made = Letter(**table, digest=sha256(text.encode("utf-8")).hexdigest())
    blanks = {name: "x" for name in (*BLANKS, *made.fields)}
    for lang in ("en", "zh"):
        write_letter(made, blanks, lang, where=where)
    return made


def check_letter(letter: Letter, record_type: RecordType) -> None:
    """Refuse a letter that names fields which its type has not.

    Raises:
        ConfigError: ``schema.unknown``.
    """
    named = {letter.email, *letter.fields, *(one.field for one in letter.filters), letter.on} - {""}
    for key in sorted(named):
        if record_type.field(key) is None:
            one_of(key, record_type.by_key, f"letter({letter.key})", "field")


def letter_names() -> tuple[str, ...]:
    """The names of the packaged letters."""
    return muniment_schemas.names("letters")


def load_letter(name: str) -> Letter:
    """A packaged letter.

    Raises:
        ConfigError: ``schema.unknown``.
    """
    one_of(name, letter_names(), name, "letter")
    return parse_letter(muniment_schemas.read("letters", name), where=f"letters/{name}.toml")


def write_letter(letter: Letter, blanks: Mapping[str, str], lang: str, *, where: str = "") -> Written:
    """Fill a letter in.

    Args:
        letter: the template.
        blanks: what each name stands for.
        lang: ``en`` or ``zh``.
        where: the file, for errors.

    Raises:
        ConfigError: ``letter.template`` where the template is wrong or names what is not there.
    """
    from jinja2 import TemplateError

    plain, page = _environment(False), _environment(True)
    texts = []
    for part, source, environment in (
        ("subject", letter.subject, plain),
        ("text", letter.text, plain),
        ("html", letter.html, page),
    ):
        try:
            tree = environment.parse(source.of(lang) or "")
            _require_plain(tree)
            found = environment.from_string(tree).render(dict(blanks))
        except (TemplateError, TypeError, ValueError, ArithmeticError, AttributeError, RecursionError):
            # What the parser says may repeat what stands there.
            raise ConfigError("letter.template", where=where or letter.key, part=f"{part}.{lang}") from None
        if len(found) > _LONGEST:
            raise ConfigError("letter.template", where=where or letter.key, part=f"{part}.{lang}")
        texts.append(found)
    subject, text, html = texts
    return Written(" ".join(subject.split()), text, html)


def _require_plain(node: Node) -> None:
    """Refuse whatever is no blank, condition or filter.

    Raises:
        TemplateError: there is something else.
    """
    from jinja2 import TemplateSyntaxError

    if type(node).__name__ not in _PARTS:
        raise TemplateSyntaxError("not in letters", 0)
    for child in node.iter_child_nodes():
        _require_plain(child)


def _environment(escaping: bool) -> ImmutableSandboxedEnvironment:
    try:
        from jinja2 import StrictUndefined
        from jinja2.sandbox import ImmutableSandboxedEnvironment
    except ImportError:
        raise UsageError("mail.no_jinja") from None
    made = ImmutableSandboxedEnvironment(
        autoescape=escaping, undefined=StrictUndefined, keep_trailing_newline=True
    )
    made.globals.clear()
    made.filters = {name: made.filters[name] for name in _FILTERS}
    return made
