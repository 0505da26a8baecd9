"""Which rows are the header, in files that begin with a title, with remarks, or with headers of two rows.

A row is the header because it names fields that are known. Nothing else is guessed: where
no row names any, the first one that is not blank is the header, as in any other file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain, islice

from muniment.errors import Issue
from muniment.imports.tables import RawRow

__all__ = ["LOOKED_AT", "find_header"]

LOOKED_AT = 15
"""How many rows from the first one that is not blank are looked at."""

Known = Callable[[str], bool]


def find_header(
    raw: Iterator[RawRow], known: Known, *, row: int | None = None
) -> tuple[Iterator[RawRow], tuple[Issue, ...]]:
    """Rows that begin with the header, made of two rows where that names more fields.

    Args:
        raw: the rows of the file from its first one.
        known: whether a header names a field.
        row: the number of the header's row, or of the lower one of two; None finds out.

    Returns:
        The rows, and a note where the header was not simply the first row.
    """
    ahead = _until_told(raw, row)
    if not ahead:
        return iter(ahead), ()
    best, score, lines = 0, _score(ahead[0][1], known), 1
    for place in range(len(ahead)):
        if row is not None and ahead[place][0] != row:
            continue
        single = _score(ahead[place][1], known)
        if row is not None or single > max(score, 1):
            best, score, lines = place, single, 1
        if place and ahead[place - 1][0] == ahead[place][0] - 1:
            double = _score(_joined(ahead[place - 1][1], ahead[place][1]), known)
            if double > max(score, 1) and double > _score(ahead[place - 1][1], known):
                best, score, lines = place, double, 2
    number, cells, issues, pointed = ahead[best]
    if lines == 2:
        cells = _joined(ahead[best - 1][1], cells)
    # What a merge swallowed is no loss in a header: the name stands in its first cell.
    issues = tuple(issue for issue in issues if issue.code != "import.merged")
    rest = chain([(number, cells, issues, pointed)], ahead[best + 1 :], raw)
    if best == 0 or (row is not None and lines == 1):
        return rest, ()
    code = "import.header_found" if lines == 1 else "import.header_of_two"
    return rest, (Issue(code, None, "warning", {"row": number, "first": number - 1}),)


def _until_told(raw: Iterator[RawRow], row: int | None) -> list[RawRow]:
    """The first rows that are not blank, or those up to the one that was named."""
    found: list[RawRow] = []
    for one in raw:
        if row is not None and one[0] > row:
            return [*found, one]
        if any(map(str.strip, one[1])):
            found.append(one)
            if row is None:
                return found + list(islice(raw, LOOKED_AT - 1))
            if one[0] == row:
                return found
    return found


def _score(cells: list[str], known: Known) -> int:
    """How many different fields a row names."""
    return len({name for cell in cells if (name := cell.strip()) and known(name)})


def _joined(upper: list[str], lower: list[str]) -> list[str]:
    """The names of two rows: the lower one's, or the upper one's, or both where one name stands twice."""
    width = max(len(upper), len(lower))
    above = [cell.strip() for cell in upper] + [""] * (width - len(upper))
    below = [cell.strip() for cell in lower] + [""] * (width - len(lower))
    twice = {name for name in below if name and below.count(name) > 1}
    made, group = [], ""
    for top, name in zip(above, below, strict=True):
        group = top or group
        made.append(f"{group} {name}".strip() if name in twice else name or top)
    return made
