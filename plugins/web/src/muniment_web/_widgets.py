"""Form fields: for each kind the right input, with its label, help and problems."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from markupsafe import Markup

from muniment.model import Money, Value
from muniment.schema import Field, FieldKind
from muniment_web._icons import icon
from muniment_web._texts import Say

__all__ = ["editor", "given_values", "typed_text", "widget"]

_TYPES = {"email": "email", "tel": "tel", "url": "url"}
_MODES = {"number": "decimal", "money": "decimal", "date": "numeric"}


def typed_text(value: Value, field: Field, kind: FieldKind | None, lang: str) -> str:
    """A value as it stands in an input: typing the same again gives the same value."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else ""
    if isinstance(value, tuple):
        return "\n".join(value)
    if isinstance(value, Money):
        return f"{value.amount:f} {value.currency}"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if field.kind in ("choice", "reference"):
        return str(value)
    return str(value) if kind is None else kind.format(value, lang, field)


def widget(
    field: Field,
    kind: FieldKind | None,
    text: str,
    say: Say,
    *,
    problems: Sequence[str] = (),
    required: bool = False,
) -> Markup:
    """One input with everything around it.

    Args:
        field: what is typed in.
        kind: of the field.
        text: what stands in it, as ``typed_text`` gives it.
        say: texts.
        problems: what is wrong with it.
        required: whether it must be filled in.
    """
    key, lang = field.key, say.lang
    label = field.label.of(lang) or key
    help_text = field.help.of(lang)
    told = []
    if help_text:
        told.append(f"h-{key}")
    if problems:
        told.append(f"e-{key}")
    shared = f' id="f-{key}" name="v.{key}"'
    if told:
        shared += f' aria-describedby="{" ".join(told)}"'
    if problems:
        shared += ' aria-invalid="true"'
    if required:
        shared += " required"
    name = "text" if kind is None else kind.widget
    body = _input(name, field, text, shared, say)
    star = Markup('<span class="req" title="{}">*</span>').format(say("record.required")) if required else ""
    if name == "checkboxes" and field.choices:
        head = Markup("<legend>{}{}</legend>").format(label, star)
        frame, close = Markup('<fieldset class="f wide{}">'), Markup("</fieldset>")
    else:
        head = Markup('<label for="f-{}">{}{}</label>').format(key, label, star)
        frame, close = Markup('<div class="f{}">'), Markup("</div>")
    parts = [frame.format((" wide" if name == "textarea" else "") + (" bad" if problems else "")), head, body]
    if problems:
        listed = Markup(" ").join(Markup("{}").format(one) for one in problems)
        parts.append(Markup('<p class="err" id="e-{}">{}</p>').format(key, listed))
    if help_text:
        parts.append(Markup('<p class="hint" id="h-{}">{}</p>').format(key, help_text))
    return Markup("").join([*parts, close])


def _input(name: str, field: Field, text: str, shared: str, say: Say) -> Markup:
    attributes = Markup(shared)
    if name == "textarea":
        return Markup('<textarea rows="3"{}>{}</textarea>').format(attributes, text)
    if name == "checkbox":
        return Markup(
            '<span class="tick"><input type="hidden" name="p.{}" value="1">'
            '<input type="checkbox" value="1"{}{}></span>'
        ).format(field.key, attributes, Markup(" checked") if text else "")
    if name == "select" and field.choices:
        return _select(field, text, attributes, say)
    if name == "checkboxes" and field.choices:
        return _ticks(field, text, say)
    if name == "checkboxes":
        return Markup('<textarea rows="2"{}>{}</textarea>').format(attributes, text)
    if name == "file":
        return Markup('<input type="file"{}>').format(attributes)
    kind = _TYPES.get(name, "text")
    mode = Markup(' inputmode="{}"').format(_MODES[name]) if name in _MODES else ""
    length = Markup(' maxlength="{}"').format(field.max_length) if field.max_length else ""
    plain = Markup('<input type="{}" value="{}" autocomplete="off"{}{}{}>').format(
        kind, text, mode, length, attributes
    )
    if name == "date":
        return Markup(
            '<m-date>{}<button type="button" class="ib" aria-label="{}">{}</button></m-date>'
        ).format(plain, say("record.pick_date"), icon("calendar"))
    return plain


def _select(field: Field, text: str, attributes: Markup, say: Say) -> Markup:
    options = [Markup('<option value=""></option>')]
    for choice in field.choices:
        if choice.retired and choice.key != text:
            continue
        chosen = Markup(" selected") if choice.key == text else ""
        label = choice.label.of(say.lang) or choice.key
        options.append(Markup('<option value="{}"{}>{}</option>').format(choice.key, chosen, label))
    return Markup("<select{}>{}</select>").format(attributes, Markup("").join(options))


def _ticks(field: Field, text: str, say: Say) -> Markup:
    held = set(text.split("\n"))
    rows = [Markup('<input type="hidden" name="p.{}" value="1">').format(field.key)]
    for choice in field.choices:
        if choice.retired and choice.key not in held:
            continue
        rows.append(
            Markup('<label class="tk"><input type="checkbox" name="v.{}" value="{}"{}>{}</label>').format(
                field.key,
                choice.key,
                Markup(" checked") if choice.key in held else "",
                choice.label.of(say.lang) or choice.key,
            )
        )
    return Markup('<div class="tks">{}</div>').format(Markup("").join(rows))


def editor(field: Field, kind: FieldKind | None, say: Say) -> Markup:
    """The input in which a cell of a table is changed."""
    label = Markup(' aria-label="{}"').format(field.label.of(say.lang) or field.key)
    if field.kind == "checkbox":
        ticks = Markup('<option value="1">{}</option><option value="">{}</option>').format(
            say("common.yes"), say("common.no")
        )
        return Markup("<select{}>{}</select>").format(label, ticks)
    return _input("text" if kind is None else kind.widget, field, "", str(label), say)


def given_values(fields: Sequence[Field], form: Mapping[str, list[str]]) -> dict[str, object]:
    """The values that a form gives, by key; a field that the form did not show is not among them."""
    values: dict[str, object] = {}
    for field in fields:
        name = f"v.{field.key}"
        if f"p.{field.key}" in form:
            ticked = form.get(name, [])
            values[field.key] = bool(ticked) if field.kind == "checkbox" else tuple(ticked)
        elif name in form:
            text = form[name][0]
            if field.kind == "several choices":
                values[field.key] = tuple(one.strip() for one in text.splitlines() if one.strip())
            else:
                values[field.key] = text
    return values
