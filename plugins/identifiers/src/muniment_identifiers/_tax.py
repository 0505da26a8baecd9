"""Value added tax numbers."""

from __future__ import annotations

from typing import Final

from muniment.schema import Context, FieldKind
from muniment_identifiers._form import text_kind
from muniment_identifiers._stdnum import ask, refuse, stdnum_kind

__all__ = ["KINDS"]


def _vat(number: str, context: Context) -> str:
    """Directive 2006/112/EC, article 215: the country's prefix (EL for Greece), then its own rules."""
    if number.startswith("GR"):
        number = "EL" + number[2:]
    if not number[:2].isalpha():
        refuse("vat_country")
    from stdnum.eu import vat

    if number[:2].lower() not in {*vat.MEMBER_STATES, "el", "eu", "im"}:
        refuse("vat_country")
    reason, found = ask(vat.validate, number)
    if reason:
        refuse(f"number_{reason}")
    return found


KINDS: Final[tuple[FieldKind, ...]] = (
    text_kind("vat", "VAT number (EU)", "增值税号（欧盟）", _vat),
    stdnum_kind("gb_vat", "gb.vat", "VAT number (United Kingdom)", "增值税号（英国）"),
    stdnum_kind("ch_vat", "ch.vat", "VAT number (Switzerland)", "增值税号（瑞士）"),
    stdnum_kind("no_vat", "no.mva", "VAT number (Norway)", "增值税号（挪威）"),
)
"""VAT numbers of the European Union and its neighbours."""
