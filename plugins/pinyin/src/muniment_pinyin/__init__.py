"""Chinese names found by their Pinyin: each function answers one hook of muniment."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice, product

from muniment import hookimpl
from muniment.plugins import PluginInfo, SearchTerms

__all__ = ["muniment_plugin_info", "muniment_search_terms", "terms_of"]

# Runs of Han characters as they stand in names (UAX 24); longer ones are sentences, not names.
_RUN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]+")
_LONGEST = 12
_READINGS = 8


@hookimpl
def muniment_plugin_info() -> PluginInfo:
    """Say what the plugin is."""
    return PluginInfo("pinyin", ">=1,<2", title={"en": "Pinyin search", "zh": "拼音查找"})


@hookimpl
def muniment_search_terms() -> Sequence[SearchTerms]:
    """Have Chinese names found by Pinyin, whole, by syllable and by initials."""
    return [SearchTerms(1, terms_of)]


def terms_of(text: str) -> Iterator[str]:
    """The Pinyin of each name in a text: whole, each syllable, and the initials; without tones.

    Args:
        text: such as ``王芳``, which gives ``wangfang``, ``wang``, ``fang`` and ``wf``.
    """
    found: dict[str, None] = {}
    for run in _RUN.findall(text):
        if len(run) <= _LONGEST:
            found.update(dict.fromkeys(_terms(run)))
    return iter(found)


@lru_cache(maxsize=10_000)
def _terms(run: str) -> tuple[str, ...]:
    # Loading the table of readings takes a while; an archive without Chinese names never needs it.
    from pypinyin import Style, pinyin

    readings = [
        [reading for reading in dict.fromkeys(one) if reading.isascii() and reading.isalpha()]
        for one in pinyin(run, style=Style.NORMAL, heteronym=True, v_to_u=False, errors="ignore")
    ]
    readings = [one for one in readings if one]
    made: dict[str, None] = {}
    for syllables in islice(product(*readings), _READINGS):
        made["".join(syllables)] = None
        made["".join(one[0] for one in syllables)] = None
    made.update(dict.fromkeys(one for some in readings for one in some[:_READINGS]))
    return tuple(name for name in made if len(name) > 1)
