"""Kinds made of the modules of python-stdnum, ours and a team's own."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final, NoReturn

from muniment.schema import MASKS, Context, FieldKind, ValueProblem
from muniment_identifiers._form import AREA, plain, text_kind

__all__ = ["REASONS", "ask", "number", "refuse", "stdnum_kind", "stdnum_messages"]

REASONS: Final[Mapping[str, Mapping[str, str]]] = {
    "number_form": {
        "en": "This does not have the form of such a number.",
        "zh": "号码格式不正确。",
        "hint_en": "Compare it with the original; a letter or sign stands where none can.",
        "hint_zh": "请与原件核对，其中含有不应出现的字符。",
    },
    "number_length": {
        "en": "Such a number has another length.",
        "zh": "号码位数不正确。",
        "hint_en": "Compare it with the original; leading zeros are part of it.",
        "hint_zh": "请与原件核对，开头的零也是号码的一部分。",
    },
    "number_check": {
        "en": "The check digit does not fit the rest of this number.",
        "zh": "号码校验位不符。",
        "hint_en": "Compare it with the original, digit by digit.",
        "hint_zh": "请与原件逐位核对。",
    },
    "number_part": {
        "en": "A part of this number, such as its date, region or kind, is none that is given out.",
        "zh": "号码中的日期、地区或类别等部分不成立。",
        "hint_en": "Compare it with the original, digit by digit.",
        "hint_zh": "请与原件逐位核对。",
    },
}
"""What can be wrong with a number, by the second part of the code."""

_LONGEST: Final = 64


def stdnum_messages(area: str) -> dict[str, Mapping[str, str]]:
    """The texts that kinds made by ``stdnum_kind`` for another plugin need.

    Args:
        area: the plugin's name.

    Returns:
        What belongs into the ``messages`` of its ``PluginInfo``.
    """
    return {f"{area}.{reason}": texts for reason, texts in REASONS.items()}


def stdnum_kind(
    name: str,
    module: str,
    label_en: str,
    label_zh: str,
    *,
    mask: str = "last_four",
    area: str = AREA,
) -> FieldKind:
    """A kind whose numbers a module of python-stdnum knows.

    The module is imported when the first value is read, so a kind that is never
    used costs nothing.

    Args:
        name: of the kind, as it stands in definitions.
        module: below ``stdnum``, such as ``br.cpf``.
        label_en: what people read.
        label_zh: the same in Simplified Chinese.
        mask: a name out of ``muniment.schema.MASKS``.
        area: the name of the plugin that brings the kind, where it is not this one; its
            messages then hold ``stdnum_messages(area)``.

    Raises:
        ValueError: where there is no such module or mask.
    """
    if mask not in MASKS:
        raise ValueError(f"no mask is called {mask}")
    _require(module)

    def check(text: str, context: Context) -> str:
        return number(module, text, area=area)

    return text_kind(name, label_en, label_zh, check, tidy=plain, mask=mask)


def number(module: str, text: str, *, prefix: str = "number", area: str = AREA) -> str:
    """A number as python-stdnum writes it.

    Args:
        module: below ``stdnum``.
        text: what was typed.
        prefix: the codes are ``<area>.<prefix>_<reason>``, with the reasons of ``ask``.
        area: the plugin's name.

    Raises:
        ValueProblem: where it is refused.
    """
    reason, found = ask(import_module(f"stdnum.{module}").validate, text)
    if reason:
        refuse(f"{prefix}_{reason}", area=area)
    return found


def ask(function: Callable[[str], Any], text: str) -> tuple[str, str]:
    """What a function of python-stdnum makes of a text.

    Its exceptions end here: what they say, or hold as their context, could be the text.

    Args:
        function: raises one of ``stdnum.exceptions`` where the text is wrong.
        text: what was typed.

    Returns:
        A reason (``form``, ``length``, ``check`` or ``part``) and nothing, or nothing and
        what the function gave.
    """
    from stdnum import exceptions

    try:
        found = function(text)
    except exceptions.InvalidChecksum:
        return "check", ""
    except exceptions.InvalidLength:
        return "length", ""
    except exceptions.InvalidComponent:
        return "part", ""
    except (ValueError, LookupError, TypeError, ArithmeticError, AttributeError):
        # The modules say InvalidFormat; an odd text makes some of them stumble instead.
        return "form", ""
    if not isinstance(found, str) or not found.isprintable() or not 0 < len(found) <= _LONGEST:
        return "form", ""
    return "", found


def refuse(code: str, *, kept: str | None = None, area: str = AREA) -> NoReturn:
    """Refuse a value, or keep it with a warning.

    Args:
        code: its second part.
        kept: what to go on with.
        area: its first part.

    Raises:
        ValueProblem: always.
    """
    raise ValueProblem(f"{area}.{code}", kept=kept)


def _require(module: str) -> None:
    # Looked at, not imported: the library takes 40 ms, and every start would pay for it. Inside an
    # archive of modules there is no file to look at, and the first value finds out.
    folder = _folder()
    if folder and not os.path.isfile(os.path.join(folder, *module.split(".")) + ".py"):
        raise ValueError(f"python-stdnum has no module {module}")


@cache
def _folder() -> str:
    spec = find_spec("stdnum")
    places = spec.submodule_search_locations if spec is not None else None
    folder = next(iter(places or ()), "")
    return folder if os.path.isdir(folder) else ""
