"""Whether what a plugin shows in the web pages can be shown: asked as the pages ask it, without them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from muniment.errors import MunimentError
from muniment.plugins import TONES, Asking, Drawn, Facts, Form, Html, Link, PluginSet, Table, Text

if TYPE_CHECKING:
    from muniment.schema import RecordType
    from muniment.session import Session

__all__ = ["unshown"]

_BLOCKS: Final = (Text, Facts, Table, Link, Form, Html)
_INLINE: Final = re.compile(
    r"<\s*(?:script|style|iframe|object|embed|meta|base|link)\b|\son\w+\s*=|\sstyle\s*=|javascript:",
    re.IGNORECASE,
)
_LANGUAGES: Final = ("en", "zh")


def unshown(
    session: Session, plugins: PluginSet, name: str, types: Sequence[RecordType]
) -> Iterator[tuple[str, str]]:
    """What cannot be shown, and why: a name of it, and a word.

    Args:
        session: one that shows masks first, over an archive with some records.
        plugins: with what the plugin brings to the types.
        name: the plugin's.
        types: record types that it may add to.
    """
    for plugin, page in plugins.pages():
        if plugin == name:
            for lang in _LANGUAGES:
                yield from _of_blocks(f"page {page.name}", page.show, Asking(session, lang))
    for record_type in types:
        page_of = session.list(record_type.key, limit=5).records
        for plugin, panel in plugins.panels(record_type.key):
            for record in page_of if plugin == name else ():
                for lang in _LANGUAGES:
                    asking = Asking(session, lang, record=record.id)
                    yield from _of_blocks(f"panel {panel.name}", panel.show, asking)
        for field, (plugin, column) in plugins.columns(record_type.key).items():
            values = [one.fields[field] for one in page_of if field in one.fields and field not in one.masked]
            for value in values if plugin == name else ():
                for lang in _LANGUAGES:
                    yield from _of_cell(f"column {field}", column.draw, value, lang)


def _of_blocks(what: str, show: Callable[[Asking], Any], asking: Asking) -> Iterator[tuple[str, str]]:
    try:
        found = show(asking)
    except MunimentError:
        return  # the session may refuse; the reader is told so
    except Exception as error:
        yield what, type(error).__name__
        return
    if isinstance(found, str) or not isinstance(found, Sequence):
        yield what, "result"
        return
    for block in found:
        if not isinstance(block, _BLOCKS):
            yield what, "result"
        elif isinstance(block, Html) and _INLINE.search(block.markup):
            yield what, "inline"
        elif isinstance(block, Link) and not block.path.startswith("/"):
            yield what, "path"
        elif isinstance(block, Text) and block.tone not in TONES:
            yield what, "tone"


def _of_cell(what: str, draw: Callable[[Any, str], Any], value: Any, lang: str) -> Iterator[tuple[str, str]]:
    try:
        found = draw(value, lang)
    except Exception as error:
        yield what, type(error).__name__
        return
    if not isinstance(found, Drawn) or found.tone not in TONES:
        yield what, "result"
