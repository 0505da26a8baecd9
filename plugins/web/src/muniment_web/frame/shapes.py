"""Fields and tables as forms state them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from muniment.errors import UsageError
from muniment.model import CLASSES
from muniment.schema import Choice, Field, FieldKind, Label, LayoutGroup, RecordType
from muniment.schema.rules import one_of
from muniment_web.frame.call import Call

__all__ = [
    "NEW_GROUP",
    "choice_lines",
    "choices_of",
    "field_of",
    "group_of",
    "key_from",
    "label_of",
    "stated",
    "takes",
]

_NO_KEY: Final = re.compile(r"[^a-z0-9]+")
_BOUNDED: Final = ("integer", "decimal", "money", "date", "datetime")
_WORDY: Final = ("text", "long text", "identifier", "e-mail", "phone", "URL")
NEW_GROUP: Final = "+"


def takes(kind: FieldKind) -> frozenset[str]:
    """Which parameters a field of that kind may have besides those of every field."""
    name = kind.name
    found = {"default"} if name not in ("reference", "file") else set()
    if name in _BOUNDED:
        found |= {"minimum", "maximum"}
    if name in ("date", "datetime"):
        found.add("past")
    if name in ("choice", "several choices"):
        found.add("choices")
    if name == "reference":
        found.add("target")
    if name == "money":
        found.add("currency")
    if name in _WORDY:
        found.add("max_length")
    if name not in ("long text", "checkbox", "several choices", "file"):
        found.add("unique")
    return frozenset(found)


def label_of(call: Call, name: str) -> Label:
    """A text in two languages; what is given in one alone stands for both."""
    en, zh = call.text(f"{name}_en").strip(), call.text(f"{name}_zh").strip()
    return Label(en or zh, zh or en)


def key_from(text: str, taken: Iterable[str], fallback: str) -> str:
    """A key made of a text: small letters, digits and underscores; the fallback with a number for none."""
    made = _NO_KEY.sub("_", text.lower()).strip("_")[:50]
    held = set(taken)
    if made and made[0].isalpha() and made not in held:
        return made
    base = made if made and made[0].isalpha() else fallback
    return next(name for number in range(1, 10_000) if (name := f"{base}_{number}") not in held)


def choices_of(text: str, old: Iterable[Choice] = ()) -> tuple[Choice, ...]:
    """Choices as they are typed, one a line: ``English | 中文``, or ``key | English | 中文``.

    Args:
        text: of the form.
        old: choices of the field: what a line does not say of one stays.
    """
    known = {one.key: one for one in old}
    made: list[Choice] = []
    for line in text.splitlines():
        parts = [part.strip() for part in line.replace("｜", "|").split("|")]
        parts = [part for part in parts if part]
        if not parts:
            continue
        if len(parts) > 3:
            raise UsageError("usage.choice_line")
        taken = [one.key for one in made]
        key = parts[0] if len(parts) == 3 else key_from(parts[0], taken, "choice")
        label = Label(parts[-2] if len(parts) > 1 else parts[0], parts[-1])
        before = known.get(key)
        if before is None:
            made.append(Choice(key, label))
        else:
            made.append(Choice(key, label, before.colour, before.icon))
    return tuple(made)


def choice_lines(choices: Iterable[Choice]) -> str:
    """Choices as they are typed."""
    return "\n".join(f"{one.key} | {one.label.en} | {one.label.zh}" for one in choices if not one.retired)


def group_of(call: Call, record_type: RecordType) -> LayoutGroup | None:
    """The new group that a form states; None where it takes one that is there."""
    if call.text("group") != NEW_GROUP:
        return None
    label = label_of(call, "group")
    key = key_from(call.text("group_en"), [one.key for one in record_type.groups], "group")
    category = call.text("category").strip()
    return LayoutGroup(key, label, category)


def _number(call: Call, name: str) -> int:
    text = call.text(name).strip()
    if text and not (text.isascii() and text.isdecimal() and len(text) < 7):
        raise UsageError("usage.number")
    return int(text or 0)


def stated(call: Call, kind: FieldKind, old: Field | None = None) -> Mapping[str, Any]:
    """The attributes of a field that a form states, without those that its kind does not take."""
    known = takes(kind)
    one_of(call.text("class"), CLASSES, "class", "class")
    found: dict[str, Any] = {
        "label": label_of(call, "label"),
        "help": label_of(call, "help"),
        "sensitivity": call.text("class"),
        "required": call.text("required") == "1",
        "index": tuple(call.texts("index")),
        "mask": call.text("mask"),
        "hidden": call.text("hidden") == "1",
    }
    if "default" in known:
        found["default"] = call.text("default").strip() or None
    if "unique" in known:
        found["unique"] = call.text("unique") == "1"
    if "choices" in known:
        found["choices"] = choices_of(call.text("choices"), () if old is None else old.choices)
    if "past" in known:
        found["past"] = call.text("past") == "1"
    for name in ("minimum", "maximum"):
        if name in known:
            found[name] = call.text(name).strip() or None
    if "max_length" in known:
        found["max_length"] = _number(call, "max_length")
    if "currency" in known:
        found["currency"] = call.text("currency").strip().upper()
    return found


def field_of(call: Call, record_type: RecordType, kind: FieldKind, group: str) -> Field:
    """A new field as a form states it."""
    typed = call.text("key").strip()
    taken = [name for one in record_type.fields for name in (one.key, *one.former_keys)]
    key = typed or key_from(call.text("label_en"), taken, "field")
    target = call.text("target") if kind.name == "reference" else ""
    return Field(key=key, kind=kind.name, group=group, target=target, **stated(call, kind))
