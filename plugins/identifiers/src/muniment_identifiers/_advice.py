"""Which index and class go well with a field of each kind; what a template or a pack may take over."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from muniment_identifiers._kinds import KINDS

__all__ = ["RECOMMENDED_CLASS", "RECOMMENDED_INDEX"]

_INTERNAL: Final = (
    "aba_rtn", "au_acn", "bic", "br_cnpj", "ca_bn", "ch_uid", "ch_vat", "cusip", "dk_cvr", "fi_ytunnus",
    "figi", "fr_siren", "fr_siret", "gtin", "isbn", "isin", "ismn", "issn", "jp_corporate_number", "lei",
    "no_orgnr", "no_vat", "npi", "pl_regon", "se_orgnr", "sedol", "sg_uen", "tw_ubn", "uscc",
)  # fmt: skip
# Bodies have these, and people who trade under their own name.
_PERSONAL: Final = (
    "ar_cuit", "au_abn", "co_nit", "creditor_reference", "ein", "gb_vat", "imei", "in_gstin", "kr_brn",
    "pe_ruc", "pl_nip", "postal_code", "vat", "vn_mst",
)  # fmt: skip
_RESTRICTED: Final = ("card_number", "mrz")

_INDEX: Final[Mapping[str, tuple[str, ...]]] = {
    "uscc": ("unique",),
    "lei": ("unique",),
    "gtin": ("unique",),
    "isbn": ("unique",),
    "bic": ("exact", "prefix"),
    "postal_code": ("exact", "prefix"),
    "icd10": ("exact", "prefix"),
    "icd10_who": ("exact", "prefix"),
    "icd10_cm": ("exact", "prefix"),
    "icd10_cn": ("exact", "prefix"),
    "mrz": (),
}


def _index(name: str, mask: str) -> tuple[str, ...]:
    # Nobody looks for a body by its last four, and such an index would tell what a full mask hides.
    asked = mask == "last_four" and name not in _INTERNAL
    return _INDEX.get(name, ("exact", "last_four") if asked else ("exact",))


def _class(name: str) -> str:
    if name in _RESTRICTED:
        return "restricted"
    if name in _PERSONAL:
        return "personal"
    return "internal" if name in _INTERNAL else "sensitive"


RECOMMENDED_INDEX: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {kind.name: _index(kind.name, kind.mask_style) for kind in KINDS}
)
"""The blind indexes that a field of each kind wants, by the kind's name.

``unique`` is for a type in which one record stands for the body, book or product; elsewhere
``exact`` does the same without refusing a second record.
"""

RECOMMENDED_CLASS: Final[Mapping[str, str]] = MappingProxyType(
    {kind.name: _class(kind.name) for kind in KINDS}
)
"""The class that a field of each kind wants at least, by the kind's name."""
