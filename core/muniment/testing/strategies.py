"""Hypothesis strategies made from a record type: values that it takes, and texts that people type."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any, Final
from unicodedata import normalize

from hypothesis import strategies as st

from muniment.model import FileRef, Money, Value
from muniment.schema import KINDS, Context, Field, FieldKind, RecordType
from muniment.schema.values import ValueProblem

__all__ = ["REGIONS", "texts_for", "value_of", "values_for"]

_Strategy = st.SearchStrategy[Any]

_CONTEXT: Final = Context(
    today=date(2026, 1, 1), default_region="DE", timezone="Europe/Berlin", currency="EUR"
)

_LETTERS: Final = (
    st.characters(min_codepoint=0x20, max_codepoint=0x7E)
    | st.characters(min_codepoint=0xA1, max_codepoint=0x17F)
    | st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF)  # CJK
    | st.sampled_from("éüßñåøłžİıÅΩ·・　😀👩‍👩‍👧🇨🇳ﬁ½𠮷가あア")
)
"""What stands in names: Latin, Chinese, Japanese, Korean, composed and compatible forms, emoji."""

_PHONES: Final = (
    "+49 30 1234567", "030 1234567", "+86 138 0013 8000", "+8613800138000", "+1 212 555 0123",
    "+44 20 7946 0958", "+33 1 42 68 53 00", "+81 3-1234-5678", "0049 30 1234567", "＋４９３０１２３４５６７",
)  # fmt: skip
_DOMAINS: Final = ("beispiel.de", "mail.cn", "firma.co.uk", "xn--fsq.com", "münchen.de")

_EDGES: Final = ("", " ", "\t", "\u00a0", "\u3000")
"""What stands around a value that was copied from somewhere."""

REGIONS: Final = ("DE", "CN", "")
"""Regions under which the strategies' phone numbers can be read; without one, those with a country code."""


def values_for(
    record_type: RecordType,
    *,
    kinds: Mapping[str, FieldKind] = KINDS,
    context: Context = _CONTEXT,
    references: Mapping[str, _Strategy] | None = None,
    partial: bool = False,
) -> st.SearchStrategy[dict[str, Value]]:
    """Values that a record of the type may hold, by field key, as Python values.

    Required fields are always there, others sometimes. Each value keeps to what its
    field asks for (bounds, choices, length, past) and is in the form in which it
    is stored: normalising it changes nothing.

    Args:
        record_type: with its fields.
        kinds: the kinds that are known; a plugin's gives the values of its examples, or is left
            out where it has none, unless ``references`` gives its field a strategy.
        context: what values are read against; ``today`` bounds what must lie in the past.
        references: by field key, strategies of one's own; references and files need one, since
            they must name what is there, and are left out without it.
        partial: for an update: any field may be missing, and None, which clears, may stand
            for one that is not required.
    """
    given = references or {}
    needed: dict[str, _Strategy] = {}
    optional: dict[str, _Strategy] = {}
    for field in record_type.fields:
        if not field.writable:
            continue
        strategy = given.get(field.key)
        if strategy is None:
            strategy = value_of(field, kinds=kinds, context=context)
        if strategy is None:
            continue
        if field.required and not partial:
            needed[field.key] = strategy
        elif partial and not field.required:
            optional[field.key] = strategy | st.none()
        else:
            optional[field.key] = strategy
    made = st.fixed_dictionaries(needed, optional=optional)
    # A record must say something.
    return made if needed or partial else made.filter(bool)


def texts_for(
    record_type: RecordType,
    *,
    kinds: Mapping[str, FieldKind] = KINDS,
    context: Context = _CONTEXT,
    references: Mapping[str, _Strategy] | None = None,
    lang: str = "en",
) -> st.SearchStrategy[dict[str, str]]:
    """The same values as somebody types them into a form or a spreadsheet: every value is text.

    Files are left out: nobody types them.

    Args:
        record_type: with its fields.
        kinds: the kinds that are known.
        context: what the texts will be read against.
        references: as for ``values_for``.
        lang: ``en`` or ``zh``: whose labels of choices are typed.
    """
    fields = {field.key: field for field in record_type.fields if field.kind != "file"}
    edges = st.lists(st.sampled_from(_EDGES), min_size=2, max_size=2)

    def typed(values: dict[str, Value], around: list[str]) -> dict[str, str]:
        made = {}
        for key, value in values.items():
            if key in fields and fields[key].kind in kinds:
                made[key] = around[0] + kinds[fields[key].kind].format(value, lang, fields[key]) + around[1]
        return made

    return st.builds(
        typed, values_for(record_type, kinds=kinds, context=context, references=references), edges
    )


def value_of(
    field: Field, *, kinds: Mapping[str, FieldKind] = KINDS, context: Context = _CONTEXT
) -> _Strategy | None:
    """Values of one field; None where only its owner knows any (references, files, kinds without examples).

    Args:
        field: of any kind.
        kinds: the kinds that are known.
        context: what values are read against.
    """
    make = _MAKERS.get(field.kind)
    if field.kind not in kinds:
        return None
    if make is None and kinds[field.kind].examples:
        make = _example_maker(kinds[field.kind].examples)
    if make is None:
        return None
    parse = kinds[field.kind].prepare(field)

    def stored(raw: object) -> Value:
        # What was drawn is read once, so that the value has its one stored form.
        try:
            return parse(raw, context)
        except ValueProblem as problem:
            return problem.kept

    return make(field, context).map(stored).filter(lambda value: value is not None)


def _example_maker(examples: Sequence[str]) -> Callable[[Field, Context], _Strategy]:
    return lambda field, context: st.sampled_from(examples)


def _limit(field: Field, least: int) -> int:
    return min(field.max_length or least, least)


def _text(field: Field, context: Context) -> _Strategy:
    return st.text(_LETTERS, min_size=1, max_size=_limit(field, 40)).map(lambda text: normalize("NFC", text))


def _long_text(field: Field, context: Context) -> _Strategy:
    letters = _LETTERS | st.sampled_from("\n\t\r")
    return st.text(letters, min_size=1, max_size=_limit(field, 200)).map(lambda text: normalize("NFC", text))


def _identifier(field: Field, context: Context) -> _Strategy:
    return st.from_regex(r"[A-Z]{0,3}-?[0-9]{1,9}", fullmatch=True).map(
        lambda text: text[: field.max_length or 200]
    )


def _bounds(field: Field, low: Decimal, high: Decimal) -> tuple[Decimal, Decimal]:
    return (
        low if field.minimum is None else Decimal(field.minimum),
        high if field.maximum is None else Decimal(field.maximum),
    )


def _integer(field: Field, context: Context) -> _Strategy:
    low, high = _bounds(field, Decimal(-(10**37)), Decimal(10**37))
    return st.integers(
        int(low.to_integral_value("ROUND_CEILING")), int(high.to_integral_value("ROUND_FLOOR"))
    )


def _decimal(field: Field, context: Context) -> _Strategy:
    low, high = _bounds(field, Decimal(-(10**15)), Decimal(10**15))
    return st.decimals(low, high, allow_nan=False, allow_infinity=False, places=2) | st.decimals(
        max(low, Decimal(-(10**9))),
        min(high, Decimal(10**9)),
        allow_nan=False,
        allow_infinity=False,
        places=6,
    )


def _money(field: Field, context: Context) -> _Strategy:
    low, high = _bounds(field, Decimal(-(10**12)), Decimal(10**12))
    amounts = st.decimals(low, high, allow_nan=False, allow_infinity=False, places=2)
    return st.builds(Money, amounts, st.sampled_from(("EUR", "CNY", "USD", "JPY")))


def _date(field: Field, context: Context) -> _Strategy:
    low = date(1900, 1, 1) if field.minimum is None else date.fromisoformat(field.minimum)
    high = date(2150, 12, 31) if field.maximum is None else date.fromisoformat(field.maximum)
    return st.dates(low, min(high, context.today) if field.past else high)


def _datetime(field: Field, context: Context) -> _Strategy:
    low = datetime(1900, 1, 2) if field.minimum is None else _naive(datetime.fromisoformat(field.minimum))
    high = datetime(2150, 12, 30) if field.maximum is None else _naive(datetime.fromisoformat(field.maximum))
    if field.past:
        high = min(high, datetime.combine(context.today - timedelta(days=1), time(0)))
    zones = st.sampled_from((UTC, timezone(timedelta(hours=1)), timezone(timedelta(hours=-3, minutes=-30))))
    # An offset moves a time by less than a day past the bounds.
    return st.datetimes(low + timedelta(days=1), high - timedelta(days=1)).flatmap(
        lambda local: zones.map(lambda zone: local.replace(tzinfo=zone))
    )


def _naive(value: datetime) -> datetime:
    return value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)


def _choice(field: Field, context: Context) -> _Strategy:
    return st.sampled_from([choice.key for choice in field.choices if not choice.retired])


def _choices(field: Field, context: Context) -> _Strategy:
    keys = [choice.key for choice in field.choices if not choice.retired]
    if keys:
        return st.lists(st.sampled_from(keys), min_size=1, unique=True).map(tuple)
    words = st.from_regex(r"[a-zäöü一-龥]{1,8}", fullmatch=True)
    return st.lists(words, min_size=1, max_size=4, unique=True).map(tuple)


def _email(field: Field, context: Context) -> _Strategy:
    local = st.from_regex(r"[a-zA-Z0-9]{1,12}([.+_-][a-z0-9]{1,8})?", fullmatch=True)
    return st.builds(lambda name, domain: f"{name}@{domain}", local, st.sampled_from(_DOMAINS))


def _phone(field: Field, context: Context) -> _Strategy:
    # One in ten cannot be read and is kept with a warning, as in real tables.
    return st.sampled_from(_PHONES) | st.sampled_from(("ask for Anna", "12")) | st.sampled_from(_PHONES)


def _url(field: Field, context: Context) -> _Strategy:
    path = st.from_regex(r"[a-z0-9/_.-]{0,20}", fullmatch=True)
    return st.builds(lambda host, rest: f"https://{host}/{rest}", st.sampled_from(_DOMAINS), path)


_MAKERS: Final[Mapping[str, Callable[[Field, Context], _Strategy]]] = {
    "text": _text,
    "long text": _long_text,
    "identifier": _identifier,
    "integer": _integer,
    "decimal": _decimal,
    "money": _money,
    "date": _date,
    "datetime": _datetime,
    "checkbox": lambda field, context: st.booleans(),
    "choice": _choice,
    "several choices": _choices,
    "e-mail": _email,
    "phone": _phone,
    "URL": _url,
}


def files() -> st.SearchStrategy[FileRef]:
    """What a record keeps of attached files; nothing lies behind them."""
    names = st.text(_LETTERS, min_size=1, max_size=20).map(
        lambda text: normalize("NFC", text.replace("/", "_").replace("\\", "_")).strip() or "a"
    )
    media = st.sampled_from(("application/pdf", "image/png", "text/plain"))
    return st.builds(FileRef, st.uuids().map(str), names, media, st.integers(0, 1 << 40))
