"""What a record type must obey before an archive takes it; pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any
from unicodedata import normalize

from muniment.errors import ConfigError
from muniment.schema.fields import INDEX_KINDS, Choice, Field, Highlight
from muniment.schema.kinds import KINDS, FieldKind
from muniment.schema.types import RecordType
from muniment.schema.values import MASKS, Context, Label, ValueProblem

__all__ = ["COLOURS", "EMPHASES", "HIGHLIGHTS", "MEANINGS", "check_type", "forbidden_name", "refuse"]

COLOURS = ("blue", "green", "amber", "red", "purple", "grey")
"""The colours of choices and highlights; an interface says what each looks like."""

EMPHASES = ("", "title", "strong", "quiet")
"""How a field stands out in forms, lists and print."""

MEANINGS: Mapping[str, tuple[str, ...]] = {
    "due": ("date", "datetime"),
    "owner": ("reference",),
    "state": ("choice",),
    "last_contact": ("date", "datetime"),
    "contact": ("date", "datetime"),
    "consent": ("choice",),
    "remind_minutes": ("integer",),
}
"""What a field may be for follow-ups, and the kinds that it then has: when something is due, who does it,
whether it is done, when there was contact last, when one contact was, how long before to remind. A computed
``due`` or ``last_contact`` follows from the ``due`` or ``contact`` of the records about it, a computed
``consent`` from the consents of the person."""

HIGHLIGHTS: Mapping[str, bool] = {
    "is": True,
    "below": True,
    "above": True,
    "within_days": True,
    "empty": False,
    "past": False,
}
"""The tests of a highlight rule, and whether each compares with a value."""

_KEY = re.compile(r"[a-z][a-z0-9_]{0,62}")
_PURPOSE = re.compile(r"[A-Za-z][A-Za-z0-9_.:-]{0,99}")
_CHOICE_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,62}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_BOUNDED = ("integer", "decimal", "money", "date", "datetime")
_INDEXED: Mapping[str, tuple[str, ...]] = {
    "normalised": ("e-mail", "phone"),
    "last_four": ("phone", "identifier", "text"),
    "prefix": ("text", "identifier", "e-mail", "URL"),
    "words": ("text", "long text"),
    "exact": tuple(name for name in KINDS if name not in ("long text", "checkbox", "file")),
    "unique": tuple(
        name for name in KINDS if name not in ("long text", "checkbox", "several choices", "file")
    ),
}
# What PCI DSS v4.0.1, requirement 3.3, forbids to keep after authorisation, even sealed.
_FORBIDDEN_KEYS = re.compile(
    r"(?:card_)?(?:cvv2?|cvc2?|cav2?|cvn2?|csc)(?:_(?:code|value|number))?"
    r"|card_(?:verification|security)_(?:code|value|number)"
    r"|(?:(?:card|atm|debit|encrypted)_)*pin(?:_(?:block|number))?"
    r"|(?:full_|card_)*track_?(?:data|[123])(?:_data)?|(?:card_)?mag(?:netic)?_?stripe(?:_data)?"
)
_FORBIDDEN_LABELS = re.compile(
    r"\b(?:cvv|cvc|cav|cvn)2?\b|\bcard (?:verification|security) (?:code|value|number)|\bcard pin\b"
    r"|\bpin[ -]?block|\bmagnetic stripe|卡背面?(?:三位|安全)码|卡(?:片)?(?:验证|安全)码|磁道|磁条",
    re.IGNORECASE,
)


def forbidden_name(name: str) -> bool:
    """Whether a field, or a kind of field, of that name would hold what may never be kept of a card.

    Args:
        name: a key, a header or the name of a kind, in any spelling.
    """
    key = re.sub(r"[\s-]+", "_", name.strip().lower())
    return bool(_FORBIDDEN_KEYS.fullmatch(key))


def refuse(code: str, where: str, **parameters: Any) -> ConfigError:
    """The error of one place in a template or definition."""
    return ConfigError(f"schema.{code}", where=where, **parameters)


def suggestion(name: str, known: Iterable[str]) -> str | None:
    """The known name that was probably meant."""
    # Needed for a mistake only.
    from difflib import get_close_matches

    found = get_close_matches(name, list(known), n=1)
    return found[0] if found else None


def one_of(name: str, known: Iterable[str], where: str, what: str) -> None:
    """Refuse a name that is none of those known, and say which one was probably meant.

    Raises:
        ConfigError: ``schema.unknown`` or ``schema.unknown_near``.
    """
    listed = list(known)
    if name not in listed:
        near = suggestion(name, listed)
        code = "unknown_near" if near else "unknown"
        raise refuse(code, where, what=what, name=name, near=near, known=", ".join(filter(None, listed)))


def _label(label: Label, where: str) -> None:
    if not label.en or not label.zh:
        raise refuse("label", where)


def _key(key: str, where: str) -> None:
    if not _KEY.fullmatch(key):
        raise refuse("key", where, name=key)


def _distinct(names: Iterable[str], where: str) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise refuse("twice", where, name=twice[0])


def _choices(choices: tuple[Choice, ...], where: str) -> None:
    _distinct((choice.key for choice in choices), where)
    owners: dict[str, str] = {}
    for choice in choices:
        place = f"{where}.{choice.key}"
        if not _CHOICE_KEY.fullmatch(choice.key):
            raise refuse("choice_key", where, name=choice.key)
        _label(choice.label, place)
        if choice.colour:
            one_of(choice.colour, COLOURS, place, "colour")
        for name in (choice.key, choice.label.en, choice.label.zh):
            # Two choices under one name could not be told apart in a spreadsheet.
            folded = normalize("NFKC", name).strip().casefold()
            if owners.setdefault(folded, choice.key) != choice.key:
                raise refuse("twice", place, name=name)


def _bounds(field: Field, where: str) -> None:
    for name in ("minimum", "maximum"):
        if getattr(field, name) is not None and field.kind not in _BOUNDED:
            raise refuse("not_for_kind", f"{where}.{name}", name=name, kind=field.kind)


def _highlight(rule: Highlight, record_type: RecordType, where: str) -> None:
    one_of(rule.test, HIGHLIGHTS, where, "test")
    one_of(rule.colour, COLOURS, where, "colour")
    if HIGHLIGHTS[rule.test] != bool(rule.value):
        raise refuse("highlight_value", where, name=rule.test)
    if rule.where:
        key, _, choice = rule.where.partition("=")
        field = record_type.field(key)
        known = [other.key for other in record_type.fields if other.kind == "choice"]
        one_of(field.key if field else key, known, f"{where}.where", "field")
        if field is not None:
            one_of(choice, (one.key for one in field.choices), f"{where}.where", "choice")


def _index(field: Field, where: str) -> None:
    _distinct(field.index, f"{where}.index")
    for name in field.index:
        one_of(name, INDEX_KINDS, f"{where}.index", "index")
        # What an index of a plugin's kind makes of its values, its plugin knows.
        if field.kind in KINDS and field.kind not in _INDEXED.get(name, (field.kind,)):
            raise refuse("not_for_kind", f"{where}.index", name=name, kind=field.kind)
    if field.unique and field.kind in KINDS and field.kind not in _INDEXED["unique"]:
        raise refuse("not_for_kind", f"{where}.unique", name="unique", kind=field.kind)


def _readable(field: Field, kind: FieldKind, where: str) -> None:
    try:
        parse = kind.prepare(field)
    except (ValueError, ArithmeticError):
        raise refuse("bounds", where) from None
    if field.default is None or field.kind in ("reference", "file"):
        return
    try:
        # A default that depends on a region, a currency or a decimal mark is read when it is used.
        parse(field.default, Context(today=date(2000, 1, 1), currency="EUR", decimal_mark="."))
    except ValueProblem as problem:
        if problem.kept is None:
            raise refuse("default", f"{where}.default", problem=problem.code) from None


def _purposes(field: Field, where: str) -> None:
    _distinct(field.purposes, where)
    if not all(map(_PURPOSE.fullmatch, field.purposes)):
        raise refuse("purpose", where)


def _field(field: Field, record_type: RecordType, kinds: Mapping[str, FieldKind], where: str) -> None:
    _key(field.key, where)
    names = (field.key, field.kind, *field.aliases, *field.former_keys)
    labels = " ".join((field.label.en, field.label.zh, *field.aliases))
    if any(map(forbidden_name, names)) or _FORBIDDEN_LABELS.search(labels):
        raise refuse("forbidden", where, name=field.key)
    _label(field.label, f"{where}.label")
    if bool(field.help.en) != bool(field.help.zh):
        raise refuse("label", f"{where}.help")
    one_of(field.group, (group.key for group in record_type.groups), f"{where}.group", "group")
    if field.retired or (field.encoding and field.kind not in kinds):
        # A retired field takes nothing any more; nor does one whose plugin is gone, and what its
        # kind asks for nobody knows. Its definition keeps the encoding, so its values are readable.
        return
    one_of(field.kind, kinds, f"{where}.kind", "kind")
    if field.kind == "choice" and not field.choices:
        raise refuse("no_choices", where)
    if field.choices and field.kind not in ("choice", "several choices"):
        raise refuse("not_for_kind", f"{where}.choices", name="choices", kind=field.kind)
    if (field.kind == "reference") != bool(field.target):
        raise refuse("target_missing" if field.kind == "reference" else "not_for_kind", f"{where}.target",
                     name="target", kind=field.kind)  # fmt: skip
    _purposes(field, f"{where}.purposes")
    _choices(field.choices, f"{where}.choices")
    _bounds(field, where)
    _index(field, where)
    if field.mask:
        one_of(field.mask, MASKS, f"{where}.mask", "mask")
    if field.currency and not _CURRENCY.fullmatch(field.currency):
        raise refuse("currency", f"{where}.currency")
    one_of(field.emphasis, EMPHASES, f"{where}.emphasis", "emphasis")
    one_of(field.meaning, ("", *MEANINGS), f"{where}.meaning", "meaning")
    # What is looked for stands in clear, so that what is due is found without opening everything.
    wrong = field.meaning and (field.kind not in MEANINGS[field.meaning] or not field.in_clear)
    if wrong or (field.meaning == "owner" and field.target != "user"):
        raise refuse("meaning", f"{where}.meaning", name=field.meaning)
    for rule in field.highlight:
        _highlight(rule, record_type, f"{where}.highlight")
    if field.computed and (field.required or field.unique or field.default is not None):
        raise refuse("computed", where)
    if min(field.max_length, field.width, field.order) < 0:
        raise refuse("negative", where)
    _readable(field, kinds[field.kind], where)


def _subject(record_type: RecordType, where: str) -> None:
    subject = record_type.subject
    if isinstance(subject, str):
        one_of(subject, ("self", "none"), f"{where}.subject", "subject")
        return
    first = record_type.by_key.get(subject[0]) if subject else None
    if first is None or first.kind != "reference" or not first.required or not first.lasting:
        raise refuse("subject", f"{where}.subject", name=subject[0] if subject else "")


def check_type(record_type: RecordType, kinds: Mapping[str, FieldKind], *, where: str = "") -> None:
    """Check one type by itself: keys, labels, kinds, choices, bounds, defaults, subject.

    Args:
        record_type: the type.
        kinds: the kinds that its fields may be of.
        where: the file or template, for the error.

    Raises:
        ConfigError: ``schema.*``, with the place as ``where``.
    """
    place = f"{where}: {record_type.key}" if where else record_type.key
    _key(record_type.key, place)
    _label(record_type.label, f"{place}.label")
    _distinct((group.key for group in record_type.groups), f"{place}.group")
    for group in record_type.groups:
        _key(group.key, f"{place}.group")
        _label(group.label, f"{place}.group.{group.key}.label")
        _key(group.category, f"{place}.group.{group.key}.category")
        if group.order < 0:
            raise refuse("negative", f"{place}.group.{group.key}")
    _distinct((field.key for field in record_type.fields), f"{place}.field")
    for field in record_type.fields:
        _field(field, record_type, kinds, f"{place}.{field.key}")
    for key in record_type.title:
        one_of(key, record_type.by_key, f"{place}.title", "field")
    _subject(record_type, place)
