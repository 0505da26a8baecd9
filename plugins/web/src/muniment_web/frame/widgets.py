"""Form fields: for each kind the right input, with its label, help and problems."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from markupsafe import Markup

from muniment.model import Money, Value
from muniment.schema import Field, FieldKind
from muniment_web.server.format import escaped
from muniment_web.server.icons import icon
from muniment_web.server.texts import Say

__all__ = ["editor", "filter_input", "given_values", "typed_text", "widget"]

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
    label: str = "",
    prefix: str = "",
) -> Markup:
    """One input with everything around it.

    Args:
        field: what is typed in.
        kind: of the field.
        text: what stands in it, as ``typed_text`` gives it.
        say: texts.
        problems: what is wrong with it.
        required: whether it must be filled in.
        label: what the record goes by that a reference leads to.
        prefix: of the input's name, where a page has forms of two types.
    """
    key, lang = f"{prefix}{field.key}", say.lang
    name_of = field.label.of(lang) or field.key
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
    body = _input(name, field, text, shared, say, label=label, prefix=prefix)
    star = f'<span class="req" title="{escaped(say("record.required"))}">*</span>' if required else ""
    if name == "checkboxes" and field.choices:
        head = f"<legend>{escaped(name_of)}{star}</legend>"
        frame, close = "fieldset", "</fieldset>"
        more = " wide"
    else:
        head = f'<label for="f-{key}">{escaped(name_of)}{star}</label>'
        frame, close = "div", "</div>"
        more = " wide" if name == "textarea" else ""
    if problems:
        more += " bad"
    parts = [f'<{frame} class="f{more}">', head, body]
    if problems:
        parts.append(f'<p class="err" id="e-{key}">{escaped(" ".join(problems))}</p>')
    if help_text:
        parts.append(f'<p class="hint" id="h-{key}">{escaped(help_text)}</p>')
    return Markup("".join([*parts, close]))


def _input(
    name: str, field: Field, text: str, shared: str, say: Say, *, label: str = "", prefix: str = ""
) -> str:
    """The input itself; keys and attributes are ours, everything else is escaped here."""
    if name == "textarea":
        return f'<textarea rows="3" autocomplete="off"{shared}>{escaped(text)}</textarea>'
    if name == "checkbox":
        return (
            f'<span class="tick"><input type="hidden" name="p.{prefix}{field.key}" value="1">'
            f'<input type="checkbox" value="1"{shared}{" checked" if text else ""}></span>'
        )
    if name == "select" and field.choices:
        return _select(field, text, shared, say)
    if name == "checkboxes" and field.choices:
        return _ticks(field, text, say, prefix)
    if name == "checkboxes":
        return f'<textarea rows="2" autocomplete="off"{shared}>{escaped(text)}</textarea>'
    if name == "file":
        return f'<input type="file"{shared}>'
    kind = _TYPES.get(name, "text")
    mode = f' inputmode="{_MODES[name]}"' if name in _MODES else ""
    length = f' maxlength="{field.max_length}"' if field.max_length else ""
    plain = f'<input type="{kind}" value="{escaped(text)}" autocomplete="off"{mode}{length}{shared}>'
    if name == "date":
        label = escaped(say("record.pick_date"))
        button = f'<button type="button" class="ib" aria-label="{label}">{icon("calendar")}</button>'
        return f"<m-date>{plain}{button}</m-date>"
    if name == "reference" and field.target:
        # Without a script it is the identifier that is typed.
        return f'<m-pick data-path="/choose/{field.target}" data-label="{escaped(label)}">{plain}</m-pick>'
    return plain


def _select(field: Field, text: str, shared: str, say: Say) -> str:
    options = ['<option value=""></option>']
    for choice in field.choices:
        if choice.retired and choice.key != text:
            continue
        chosen = " selected" if choice.key == text else ""
        label = escaped(choice.label.of(say.lang) or choice.key)
        options.append(f'<option value="{escaped(choice.key)}"{chosen}>{label}</option>')
    return f"<select{shared}>{''.join(options)}</select>"


def _ticks(field: Field, text: str, say: Say, prefix: str = "") -> str:
    held = set(text.split("\n"))
    rows = [f'<input type="hidden" name="p.{prefix}{field.key}" value="1">']
    for choice in field.choices:
        if choice.retired and choice.key not in held:
            continue
        chosen = " checked" if choice.key in held else ""
        label = escaped(choice.label.of(say.lang) or choice.key)
        rows.append(
            f'<label class="tk"><input type="checkbox" name="v.{prefix}{field.key}" '
            f'value="{escaped(choice.key)}"{chosen}>{label}</label>'
        )
    return f'<div class="tks">{"".join(rows)}</div>'


def editor(field: Field, kind: FieldKind | None, say: Say) -> Markup:
    """The input in which a cell of a table is changed; empty for a file, which a dialog asks for."""
    if field.kind == "file":
        return Markup("")
    label = f' aria-label="{escaped(field.label.of(say.lang) or field.key)}"'
    if field.kind == "checkbox":
        ticks = (
            f'<option value="1">{escaped(say("common.yes"))}</option>'
            f'<option value="">{escaped(say("common.no"))}</option>'
        )
        return Markup(f"<select{label} data-tick>{ticks}</select>")
    return Markup(_input("text" if kind is None else kind.widget, field, "", label, say))


def filter_input(
    field: Field | None, kind: FieldKind | None, say: Say, *, ranged: bool = False, name: str = "nv"
) -> Markup:
    """What a table is filtered by: boxes for choices, a record to look for, a day to pick, or a line."""
    # An identifier of its own for each field: htmx carries styles over between elements of one identifier.
    shared = f' name="{name}" id="{name}{"-" + field.key if field else ""}"'
    plain = f'<input type="text" autocomplete="off"{shared}>'
    if field is None:
        return Markup(plain)
    if field.choices:
        rows = "".join(
            f'<label class="tk"><input type="checkbox" name="{name}" value="{escaped(one.key)}">'
            f"{escaped(one.label.of(say.lang) or one.key)}</label>"
            for one in field.choices
            if not one.retired
        )
        return Markup(f'<div class="tks down">{rows}</div>')
    if field.kind == "checkbox":
        yes, no = escaped(say("common.yes")), escaped(say("common.no"))
        return Markup(
            f'<select{shared}><option value="1">{yes}</option><option value="0">{no}</option></select>'
        )
    if ranged and field.kind == "datetime":
        button = f'<button type="button" class="ib" aria-label="{escaped(say("record.pick_date"))}">'
        return Markup(f"<m-date>{plain}{button}{icon('calendar')}</button></m-date>")
    return Markup(_input("text" if kind is None else kind.widget, field, "", shared, say))


def given_values(
    fields: Sequence[Field], form: Mapping[str, list[str]], *, prefix: str = ""
) -> dict[str, object]:
    """The values that a form gives, by key; a field that the form did not show is not among them."""
    values: dict[str, object] = {}
    for field in fields:
        name = f"v.{prefix}{field.key}"
        if f"p.{prefix}{field.key}" in form:
            ticked = form.get(name, [])
            values[field.key] = bool(ticked) if field.kind == "checkbox" else tuple(ticked)
        elif name in form:
            text = form[name][0]
            if field.kind == "several choices":
                values[field.key] = tuple(one.strip() for one in text.splitlines() if one.strip())
            else:
                values[field.key] = text
    return values
