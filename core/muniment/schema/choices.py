"""Parsers for checkboxes, choices and lists of choices; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from unicodedata import normalize

from muniment.model import Value
from muniment.schema.fields import Choice, Field
from muniment.schema.texts import clean
from muniment.schema.values import Context, Parser, ValueProblem

__all__ = ["SEPARATORS", "choice_label", "prepare_checkbox", "prepare_choice", "prepare_choices"]

SEPARATORS = ";|、，；"
"""What may stand between several choices in one cell."""

_SPLIT = re.compile(f"[{SEPARATORS}\n]")
_YES = frozenset(("yes", "y", "true", "t", "on", "1", "是", "对", "有", "√", "✓", "✔", "☑", "✅"))
_NO = frozenset(("no", "n", "false", "f", "off", "0", "否", "不", "无", "☐", "□"))
_MOST_NAMED = 15
_LONGEST = 200
_MOST = 1_000


def prepare_checkbox(field: Field) -> Parser:
    """Yes or no, in words, digits or ticks; a cross is refused, for it means either."""

    def parse(raw: object, context: Context) -> Value:
        if isinstance(raw, bool):
            return raw
        if isinstance(raw, int) and raw in (0, 1):
            return bool(raw)
        if not isinstance(raw, str):
            raise ValueProblem("value.kind", expected="checkbox")
        if len(raw) > _LONGEST:
            raise ValueProblem("value.checkbox")
        text = normalize("NFKC", raw).strip().casefold()
        if text in _YES:
            return True
        if text in _NO:
            return False
        if not text:
            return None
        raise ValueProblem("value.checkbox")

    return parse


def _fold(text: str) -> str:
    return normalize("NFKC", text).strip().casefold()


def _names(choices: tuple[Choice, ...]) -> Mapping[str, Choice]:
    names: dict[str, Choice] = {}
    for choice in choices:
        for name in (choice.label.en, choice.label.zh):
            if name:
                names.setdefault(_fold(name), choice)
    # A key wins over another choice's label.
    names.update((_fold(choice.key), choice) for choice in choices)
    return names


def _none_of(choices: tuple[Choice, ...]) -> ValueProblem:
    """The problem of a text that names no choice; it says which there are."""
    open_ones = [choice for choice in choices if not choice.retired]
    more = ["…"] if len(open_ones) > _MOST_NAMED else []
    names = {
        lang: ", ".join([choice.label.of(lang) or choice.key for choice in open_ones[:_MOST_NAMED]] + more)
        for lang in ("en", "zh")
    }
    return ValueProblem("value.choice", choices=names["en"], choices_zh=names["zh"].replace(", ", "、"))


def _known(choice: Choice | None, choices: tuple[Choice, ...]) -> str:
    if choice is None:
        raise _none_of(choices)
    if choice.retired:
        raise ValueProblem("value.choice_retired")
    return choice.key


def prepare_choice(field: Field) -> Parser:
    """One of the field's choices, by its key or its label in either language."""
    names = _names(field.choices)
    keys = {choice.key: choice.key for choice in field.choices if not choice.retired}

    def parse(raw: object, context: Context) -> Value:
        if raw.__class__ is str and (key := keys.get(raw)):
            return key
        if not isinstance(raw, str):
            raise ValueProblem("value.kind", expected="choice")
        if len(raw) > _LONGEST:
            raise _none_of(field.choices)
        text = _fold(raw)
        return _known(names.get(text), field.choices) if text else None

    return parse


def prepare_choices(field: Field) -> Parser:
    """Several of the field's choices, in the field's order; without choices, any words, in theirs."""
    names = _names(field.choices)
    order = {choice.key: place for place, choice in enumerate(field.choices)}

    def parse(raw: object, context: Context) -> Value:
        pieces = _pieces(raw, names)
        if not field.choices:
            found = [text for piece in pieces if (text := clean(piece, _LONGEST, lines=False))]
            if any(_SPLIT.search(text) for text in found):
                raise ValueProblem("value.separator")
            return tuple(dict.fromkeys(found)) or None
        keys = {_known(names.get(_fold(piece)), field.choices) for piece in pieces if piece.strip()}
        return tuple(sorted(keys, key=order.__getitem__)) or None

    return parse


def _pieces(raw: object, names: Mapping[str, Choice]) -> list[str]:
    if isinstance(raw, str):
        if len(raw) > _LONGEST * _MOST:
            raise ValueProblem("value.too_many", maximum=_MOST)
        pieces = [raw] if _fold(raw[:_LONGEST]) in names and len(raw) <= _LONGEST else _SPLIT.split(raw)
    elif isinstance(raw, (list, tuple, set, frozenset)) and all(isinstance(piece, str) for piece in raw):
        pieces = sorted(raw) if isinstance(raw, (set, frozenset)) else list(raw)
    else:
        raise ValueProblem("value.kind", expected="several choices")
    if len(pieces) > _MOST:
        raise ValueProblem("value.too_many", maximum=_MOST)
    if any(len(piece) > _LONGEST * 3 for piece in pieces):
        raise ValueProblem("value.too_long", maximum=_LONGEST)
    return pieces


def choice_label(key: str, lang: str, field: Field | None) -> str:
    """What people read for the key of a choice; the key itself where nothing is known of it."""
    for choice in field.choices if field else ():
        if choice.key == key:
            return choice.label.of(lang)
    return key
