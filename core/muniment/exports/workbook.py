"""An XLSX workbook, row by row in flat memory, in which no text can become a formula."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from muniment.errors import UsageError
from muniment.schema.fields import Highlight

__all__ = ["LAST_ROW", "LONGEST_TEXT", "Workbook"]

LAST_ROW = 1_048_576
"""How many rows a sheet can have, the header among them (ECMA-376, and every program)."""

LONGEST_TEXT = 32_767
"""The longest text that a cell can hold, in characters."""

_FILLS = {
    "blue": "#D6E4F7", "green": "#D4EDDA", "amber": "#FFF3CD", "red": "#F8D7DA", "purple": "#E6DDF4",
    "grey": "#E2E3E5",
}  # fmt: skip
# What XlsxWriter would take for its own markup, or could not write so that it reads back the same.
_DELICATE = re.compile("^<r>|_x[0-9A-Fa-f]{4}_x[0-9A-Fa-f]{4}_")
_ESCAPE_LIKE = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\r]")


class Workbook:
    """Writes one sheet; ``close`` finishes the file.

    Args:
        path: the file, in a folder that nobody else may open: what goes through lies there in clear.
        title: the name of the sheet; shortened, and cleaned of what a name may not hold.
    """

    def __init__(self, path: Path, title: str) -> None:
        # Slow to import.
        import xlsxwriter

        options = {
            "constant_memory": True,
            "tmpdir": str(path.parent),
            "strings_to_formulas": False,
            "strings_to_numbers": False,
            "strings_to_urls": False,
        }
        self._book = xlsxwriter.Workbook(str(path), options)
        name = re.sub(r"[\[\]:*?/\\]", " ", title).strip(" '")[:31].strip(" '")
        self._sheet = self._book.add_worksheet(name or "muniment")
        self._lists: Any = None
        self._listed = 0
        self._formats: dict[tuple[Any, ...], Any] = {}
        self._prompts: dict[int, dict[str, str]] = {}
        self._chosen: set[int] = set()
        self.rows = 0

    def header(self, names: Iterable[str], widths: Iterable[float], kinds: Iterable[str] = ()) -> None:
        """Write the header, which stays in view and filters.

        Args:
            names: the cells.
            widths: of the columns, in characters.
            kinds: the kind of each column's field, empty for plain text.
        """
        names, widths = list(names), list(widths)
        # The text format keeps what a person types later: no leading zero goes, no formula starts.
        text = self.format(num_format="@", valign="top")
        wrapped = self.format(num_format="@", valign="top", text_wrap=True)
        kinds = list(kinds) or [""] * len(names)
        for place, (width, kind) in enumerate(zip(widths, kinds, strict=True)):
            typed = kind in ("integer", "decimal", "money", "date", "checkbox")
            column = None if typed else wrapped if kind == "long text" else text
            self._sheet.set_column(place, place, min(width, 100), column)
        bold = self.format(bold=True, num_format="@", valign="top", bottom=1)
        for place, name in enumerate(names):
            self.text(0, place, name, bold)
        self._sheet.freeze_panes(1, 0)
        self._width = len(names)
        self.rows = 1

    def format(self, **properties: Any) -> Any:
        """A cell format, made once for each set of properties."""
        key = tuple(sorted(properties.items()))
        if key not in self._formats:
            self._formats[key] = self._book.add_format(properties)
        return self._formats[key]

    def text(self, row: int, place: int, text: str, cell_format: Any = None) -> None:
        """Write a text that stays a text.

        Raises:
            UsageError: ``export.cell_length``, ``export.rows`` or ``export.cell_text``.
        """
        if "\ufffe" in text or "\uffff" in text:
            raise UsageError("export.cell_text", row=row + 1, column=place + 1)
        if _DELICATE.search(text):
            text = _rich(text)
        if self._sheet.write_string(row, place, text, cell_format) not in (0, None):
            if row >= LAST_ROW:
                raise UsageError("export.rows", maximum=LAST_ROW - 1)
            raise UsageError("export.cell_length", row=row + 1, column=place + 1, maximum=LONGEST_TEXT)

    def put(self, row: int, place: int, value: Any, cell_format: Any) -> None:
        """Write a number, a day, or true and false, as what they are."""
        if isinstance(value, bool):
            status = self._sheet.write_boolean(row, place, value, cell_format)
        elif isinstance(value, date):
            status = self._sheet.write_datetime(row, place, value, cell_format)
        else:
            status = self._sheet.write_number(row, place, value, cell_format)
        if status not in (0, None):
            raise UsageError("export.rows", maximum=LAST_ROW - 1)

    def prompt(self, place: int, title: str, message: str) -> None:
        """Say something beside each cell of a column that somebody enters."""
        # The program takes no longer ones (ECMA-376 part 1, 18.3.1.32).
        self._prompts[place] = {"input_title": title[:32], "input_message": message[:255]}

    def choices(self, place: int, labels: list[str]) -> None:
        """Offer texts for choice in a column."""
        if not labels:
            return
        self._chosen.add(place)
        source: Any = labels
        if len(",".join(labels)) > 255 or any("," in label for label in labels):
            if self._lists is None:
                self._lists = self._book.add_worksheet("muniment lists")
                self._lists.hide()
                self._long: list[list[str]] = []
            self._long.append(labels)
            from xlsxwriter.utility import xl_col_to_name

            letter = xl_col_to_name(self._listed)
            source = f"='muniment lists'!${letter}$1:${letter}${len(labels)}"
            self._listed += 1
        self._sheet.data_validation(
            1,
            place,
            LAST_ROW - 1,
            place,
            {"validate": "list", "source": source, "error_type": "warning", **self._prompts.get(place, {})},
        )

    def highlight(
        self, place: int, rule: Highlight, value: str | float | None, *, only: tuple[int, str] | None = None
    ) -> None:
        """Colour the cells of a column that a rule names.

        Args:
            place: the column's, from 0.
            rule: the rule.
            value: what it compares with.
            only: another column and the text that must stand there.
        """
        fill = _FILLS.get(rule.colour)
        if fill is None:
            return
        shape = self._book.add_format({"bg_color": fill})
        criteria = _criteria(rule, value)
        if criteria is not None and only is not None:
            criteria = {"type": "formula", "criteria": _formula(place, criteria, *only)}
        if criteria is not None:
            self._sheet.conditional_format(1, place, LAST_ROW - 1, place, {**criteria, "format": shape})

    def close(self) -> None:
        """Finish the file.

        Raises:
            UsageError: ``export.size``.
            OSError: what the disk says.
        """
        if self.rows:
            self._sheet.autofilter(0, 0, max(self.rows - 1, 1), self._width - 1)
        for place in sorted(self._prompts.keys() - self._chosen):
            # A cell has one validation, and that of choices says it already.
            said = {"validate": "any", **self._prompts[place]}
            self._sheet.data_validation(1, place, LAST_ROW - 1, place, said)
        if self._lists is not None:
            for row in range(max(map(len, self._long))):
                for place, labels in enumerate(self._long):
                    if row < len(labels):
                        self._lists.write_string(row, place, labels[row])
        from xlsxwriter.exceptions import FileCreateError, FileSizeError

        try:
            self._book.close()
        except FileCreateError as error:
            # It wraps what the system said.
            raise error.args[0] from None
        except FileSizeError:
            raise UsageError("export.size") from None

    def abandon(self) -> None:
        """Let go of a file that is not to be finished."""
        for sheet in self._book.worksheets():
            if sheet.row_data_fh is not None:
                sheet.row_data_fh.close()
        # Its destructor would otherwise try to finish the file.
        self._book.fileclosed = True


def _rich(text: str) -> str:
    # A text of one run in XlsxWriter's own form, which it copies as it stands; so everything in it is
    # escaped here, first as the program's cells want it (ECMA-376 part 1, 22.9.2.19), then as XML does.
    text = _ESCAPE_LIKE.sub("_x005F_", text)
    text = _CONTROL.sub(lambda found: f"_x{ord(found[0]):04X}_", text)
    for sign, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("_", "&#95;")):
        text = text.replace(sign, entity)
    return f'<r><t xml:space="preserve">{text}</t></r>'


def _criteria(rule: Highlight, value: str | float | None) -> dict[str, Any] | None:
    if rule.test == "empty":
        return {"type": "blanks"}
    if rule.test == "past":
        return {"type": "cell", "criteria": "between", "minimum": 1, "maximum": "=TODAY()-1"}
    if value is None:
        return None
    if rule.test == "within_days":
        last = f"=TODAY()+{int(value)}"
        return {"type": "cell", "criteria": "between", "minimum": "=TODAY()", "maximum": last}
    signs = {"is": "==", "below": "<", "above": ">"}
    if rule.test not in signs:
        return None
    if isinstance(value, str):
        value = '"' + value.replace('"', '""') + '"'
    return {"type": "cell", "criteria": signs[rule.test], "value": value}


def _formula(place: int, criteria: Mapping[str, Any], other: int, text: str) -> str:
    """A condition on one cell of a row, and that another cell of the row shows a text."""
    from xlsxwriter.utility import xl_rowcol_to_cell

    cell, beside = (xl_rowcol_to_cell(1, column, col_abs=True) for column in (place, other))
    if criteria["type"] == "blanks":
        test = f'{cell}=""'
    elif criteria["criteria"] == "between":
        low, high = (str(criteria[name]).removeprefix("=") for name in ("minimum", "maximum"))
        # A day that is kept as text is no number, and every text is more than any number.
        test = f"ISNUMBER({cell}),{cell}>={low},{cell}<={high}"
    else:
        test = f"{cell}{criteria['criteria'].replace('==', '=')}{criteria['value']}"
    quoted = text.replace('"', '""')
    return f'=AND({test},{beside}="{quoted}")'
