"""The kinds of field: how a value is read, stored, shown, masked, written as JSON, sorted; pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import attrs

from muniment.codec import ENCODINGS
from muniment.errors import IntegrityError
from muniment.model import FileRef, Money, Value
from muniment.schema import choices, numbers, texts, times
from muniment.schema.fields import Field
from muniment.schema.values import Context, Label, Parser, mask_text

__all__ = ["KINDS", "FieldKind"]


def _known_encoding(instance: object, attribute: object, value: int) -> None:
    if value not in ENCODINGS.values():
        raise ValueError(f"encoding {value} is none of the core's")


def _shown(value: Any, lang: str, field: Field | None) -> str:
    return str(value)


def _same(value: Any) -> Any:
    return value


@attrs.frozen(kw_only=True)
class FieldKind:
    """One kind of field; plugins make further ones of their own.

    Attributes:
        name: such as ``text`` or ``resident_id``; stands in definitions for ever.
        encoding: the number out of ``codec.ENCODINGS`` in which its values are stored.
        label: what people read.
        prepare: makes the parser of one field, once; the parser takes what was given (text, or
            a Python value) and a ``Context``, gives the value, None where it is empty, and raises
            ``ValueProblem`` where it is refused. It must take every value that it gave itself.
        show: (value, lang, field or None) gives the text for people and for CSV; where the
            kind is not a file, parsing that text gives the value again.
        dump: gives what stands for the value in JSON.
        load: gives the value back from what ``dump`` gave.
        mask_style: a name out of ``values.MASKS``, where the field names none.
        order: gives what values are sorted by.
        widget: the name of the input in a form.
        examples: invented texts that it takes, for tests and for people who wonder what to type.
    """

    name: str
    encoding: int = attrs.field(validator=_known_encoding)
    label: Label
    prepare: Callable[[Field], Parser]
    show: Callable[[Any, str, Field | None], str] = _shown
    dump: Callable[[Any], Any] = _same
    load: Callable[[Any], Value] = _same
    mask_style: str = "full"
    order: Callable[[Any], Any] = _same
    widget: str = "text"
    examples: tuple[str, ...] = ()

    def parse(self, raw: object, field: Field, context: Context) -> Value:
        """Read one value; for many, keep what ``prepare`` gives.

        Raises:
            ValueProblem: where it is refused, or kept with a warning.
        """
        return self.prepare(field)(raw, context)

    def format(self, value: Value, lang: str = "en", field: Field | None = None) -> str:
        """The value as people read it; the labels of choices need their field. None gives no text."""
        return "" if value is None else self.show(value, lang, field)

    def to_json(self, value: Value) -> Any:
        """The value as it stands in JSON: no floats, integers from 2^53 as text."""
        return None if value is None else self.dump(value)

    def from_json(self, data: Any) -> Value:
        """The value back from JSON.

        Raises:
            IntegrityError: ``integrity.value`` where ``to_json`` cannot have written it.
        """
        try:
            return None if data is None else self.load(data)
        except (ValueError, TypeError, LookupError, ArithmeticError):
            raise IntegrityError("integrity.value") from None

    def mask(self, value: Value, style: str = "") -> str:
        """A text that says only that a value is there."""
        return mask_text(self.format(value), style or self.mask_style)

    def sort_key(self, value: Value) -> Any:
        """What values of this kind are sorted by; never called with None."""
        return self.order(value)


def _exact_text(value: Any) -> Any:
    if not isinstance(value, str):
        raise TypeError
    return value


def _dump_integer(value: int) -> Any:
    # Beyond 2^53 a reader in another language would round it.
    return value if -(1 << 53) < value < 1 << 53 else str(value)


def _load_integer(data: Any) -> int:
    if isinstance(data, (float, bool)):
        raise TypeError
    return int(data)


def _load_list(data: Any) -> tuple[str, ...]:
    if not isinstance(data, (list, tuple)):
        raise TypeError
    return tuple(map(_exact_text, data))


def _dump_money(value: Money) -> Any:
    return {"amount": f"{value.amount:f}", "currency": value.currency}


def _dump_file(value: FileRef) -> Any:
    return {"id": value.id, "name": value.name, "size": value.size, "type": value.media_type}


def _load_file(data: Any) -> FileRef:
    return FileRef(data["id"], data["name"], data["type"], data["size"])


def _load_boolean(data: Any) -> bool:
    if not isinstance(data, (bool, int)) or data not in (0, 1):
        raise TypeError
    return bool(data)


def _show_datetime(value: datetime, lang: str, field: Field | None) -> str:
    return value.isoformat(sep=" ", timespec="seconds" if not value.microsecond else "microseconds")


def _show_boolean(value: bool, lang: str, field: Field | None) -> str:
    return {"zh": ("否", "是")}.get(lang, ("no", "yes"))[value]


def _show_choice(value: str, lang: str, field: Field | None) -> str:
    return choices.choice_label(value, lang, field)


def _show_choices(value: tuple[str, ...], lang: str, field: Field | None) -> str:
    shown = (choices.choice_label(key, lang, field) for key in value)
    # A label with a separator inside could not be read back; its key always can.
    safe = (
        key if set(text) & set(choices.SEPARATORS) else text for key, text in zip(value, shown, strict=True)
    )
    return ("；" if lang == "zh" else "; ").join(safe)


_KINDS = (
    FieldKind(
        name="text", encoding=1, label=Label("Text", "文本"), prepare=texts.prepare_text,
        load=_exact_text, order=str.casefold,
    ),
    FieldKind(
        name="long text", encoding=1, label=Label("Long text", "长文本"), prepare=texts.prepare_long_text,
        load=_exact_text, order=str.casefold, widget="textarea",
    ),
    FieldKind(
        name="integer", encoding=2, label=Label("Whole number", "整数"), prepare=numbers.prepare_integer,
        dump=_dump_integer, load=_load_integer, widget="number",
    ),
    FieldKind(
        name="decimal", encoding=3, label=Label("Decimal number", "小数"), prepare=numbers.prepare_decimal,
        show=lambda value, lang, field: f"{value:f}", dump=lambda value: f"{value:f}",
        load=lambda data: Decimal(_exact_text(data)), widget="number",
    ),
    FieldKind(
        name="money", encoding=4, label=Label("Amount of money", "金额"), prepare=numbers.prepare_money,
        show=lambda value, lang, field: f"{value.amount:f} {value.currency}", dump=_dump_money,
        load=lambda data: Money(Decimal(_exact_text(data["amount"])), _exact_text(data["currency"])),
        order=lambda value: (value.currency, value.amount), widget="money",
    ),
    FieldKind(
        name="date", encoding=5, label=Label("Date", "日期"), prepare=times.prepare_date,
        show=lambda value, lang, field: value.isoformat(), dump=date.isoformat, load=date.fromisoformat,
        mask_style="year", widget="date",
    ),
    FieldKind(
        name="datetime", encoding=6, label=Label("Date and time", "日期时间"), prepare=times.prepare_datetime,
        show=_show_datetime, dump=datetime.isoformat, load=datetime.fromisoformat,
        mask_style="year", widget="datetime",
    ),
    FieldKind(
        name="checkbox", encoding=7, label=Label("Checkbox", "复选框"), prepare=choices.prepare_checkbox,
        show=_show_boolean, load=_load_boolean, widget="checkbox",
    ),
    FieldKind(
        name="choice", encoding=1, label=Label("Choice", "单选"), prepare=choices.prepare_choice,
        show=_show_choice, load=_exact_text, widget="select",
    ),
    FieldKind(
        name="several choices", encoding=8, label=Label("Several choices", "多选"),
        prepare=choices.prepare_choices, show=_show_choices, dump=list,
        load=_load_list, widget="checkboxes",
    ),
    FieldKind(
        name="e-mail", encoding=1, label=Label("E-mail", "电子邮箱"), prepare=texts.prepare_email,
        load=_exact_text, mask_style="mail", order=str.casefold, widget="email",
    ),
    FieldKind(
        name="phone", encoding=1, label=Label("Phone", "电话"), prepare=texts.prepare_phone,
        load=_exact_text, mask_style="last_four", widget="tel",
    ),
    FieldKind(
        name="URL", encoding=1, label=Label("Web address", "网址"), prepare=texts.prepare_url,
        load=_exact_text, widget="url",
    ),
    FieldKind(
        name="identifier", encoding=1, label=Label("Identifier", "编号"), prepare=texts.prepare_identifier,
        load=_exact_text,
    ),
    FieldKind(
        name="reference", encoding=9, label=Label("Reference", "关联"), prepare=texts.prepare_reference,
        load=_exact_text, widget="reference",
    ),
    FieldKind(
        name="file", encoding=10, label=Label("File", "文件"), prepare=texts.prepare_file,
        show=lambda value, lang, field: str(value.name), dump=_dump_file, load=_load_file,
        order=lambda value: value.name.casefold(), widget="file",
    ),
)  # fmt: skip

KINDS: Mapping[str, FieldKind] = MappingProxyType({kind.name: kind for kind in _KINDS})
"""The kinds of the core by name; a plugin's are added by ``{**KINDS, **its_own}``."""
