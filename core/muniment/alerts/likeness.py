"""Whether two people have the same surname, or live at or beside the same address; pure.

A guess at what a name's surname is, good enough to ask a person about: the family
name of a Han name, the last word of any other. Nothing of it is kept.
"""

from __future__ import annotations

import re
from typing import Final
from unicodedata import combining, normalize

__all__ = ["address_of", "near", "surname_of"]

# Surnames of two characters (百家姓), one behind the other; every other Han surname is one character.
_PAIRS: Final = (
    "欧阳太史端木上官司马东方独孤南宫万俟闻人夏侯诸葛尉迟公羊赫连澹台皇甫宗政濮阳公冶太叔申屠公孙慕容仲孙"
    "钟离长孙宇文司徒鲜于司空闾丘子车亓官司寇巫马公西颛孙壤驷公良漆雕乐正宰父谷梁拓跋夹谷轩辕令狐段干百里"
    "呼延东郭南门羊舌微生梁丘左丘东门西门歐陽司馬東方諸葛尉遲赫連長孫鮮于"
)
_COMPOUND: Final = frozenset(_PAIRS[place : place + 2] for place in range(0, len(_PAIRS), 2))
_NO_SURNAME: Final = frozenset({"jr", "sr", "ii", "iii", "iv", "phd", "md", "dr", "prof", "esq"})
_HAN: Final = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]+")
_WORD: Final = re.compile(r"[^\W\d_]+")
_NUMBER: Final = re.compile(r"\d+")
_POSTAL: Final = 4
"""Numbers of so many digits or more are postal codes, others house numbers."""

_BESIDE: Final = 10
"""House numbers that differ by no more are neighbours."""


def _plain(text: str) -> str:
    """Without case, accents and widths."""
    folded = normalize("NFKD", normalize("NFKC", text).casefold())
    return "".join(one for one in folded if not combining(one))


def surname_of(name: str) -> str:
    """The surname in a name, in a form that can be compared; empty where there is none.

    ``Anna Schmidt`` and ``Schmidt, Anna`` have the same, ``李娜`` and ``李（小）明`` too.
    """
    han = _HAN.match(normalize("NFKC", name).strip())
    if han:
        text = han.group()
        return text[:2] if text[:2] in _COMPOUND else text[:1]
    before, comma, _ = name.partition(",")
    words = [one for one in _WORD.findall(_plain(before if comma else name)) if one not in _NO_SURNAME]
    return words[-1] if words else ""


def address_of(*lines: str) -> tuple[frozenset[str], frozenset[str], tuple[int, ...]]:
    """An address in a form that can be compared: its words, postal codes, and other numbers in order."""
    text = _plain(" ".join(lines))
    numbers = _NUMBER.findall(text)
    postal = frozenset(one for one in numbers if len(one) >= _POSTAL)
    return frozenset(_WORD.findall(text)), postal, tuple(int(one) for one in numbers if len(one) < _POSTAL)


def near(first: tuple[str, ...], second: tuple[str, ...]) -> bool:
    """Whether two addresses are one, or of the same street with house numbers that hardly differ.

    Args:
        first: the lines of an address.
        second: those of another.
    """
    here, there = address_of(*first), address_of(*second)
    if not here[0] or not here[2] or here[:2] != there[:2] or not there[2]:
        return False
    return here[2] == there[2] or abs(here[2][0] - there[2][0]) <= _BESIDE
