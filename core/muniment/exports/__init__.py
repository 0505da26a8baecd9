"""Records out as CSV, XLSX or NDJSON, so written that an import reads them back equal.

What is normalised on the way: a number of three decimals gets a fourth, a zero, in CSV
(it could be read as thousands); texts lose the spaces around them and line ends become
line feeds, as every text that an archive takes does.
"""

from __future__ import annotations

from muniment.exports.columns import Column, columns_of
from muniment.exports.files import Written
from muniment.exports.guards import protect, unprotect
from muniment.exports.tables import FORMATS, Exported, format_of, write_csv, write_ndjson, write_xlsx

__all__ = [
    "FORMATS",
    "Column",
    "Exported",
    "Written",
    "columns_of",
    "format_of",
    "protect",
    "unprotect",
    "write_csv",
    "write_ndjson",
    "write_xlsx",
]
