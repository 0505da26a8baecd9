"""Numbers and codes of health care."""

from __future__ import annotations

import re
from typing import Final
from unicodedata import normalize

from muniment.schema import Context, FieldKind
from muniment_identifiers._form import Check, text_kind
from muniment_identifiers._stdnum import refuse, stdnum_kind

__all__ = ["KINDS"]

_NPI = re.compile(r"[12][0-9]{9}")

# The three editions. WHO: ICD-10 volume 2, 2.4: categories, subcategories, a fifth character.
# United States: ICD-10-CM Official Guidelines, section I.A: up to seven characters, X as placeholder.
# China: GB/T 14396-2016 and its clinical edition: six characters, x for none, three more after an x.
_WHO: Final = r"[A-Z][0-9]{2}(?:\.[0-9]{1,2})?"
_CM: Final = r"[A-Z][0-9][0-9AB](?:\.[0-9A-Z]{1,4})?"
_CN: Final = r"[A-Z][0-9]{2}(?:\.[0-9x](?:[0-9]{2}(?:x[0-9]{3})?)?)?"


# A cause is marked with a dagger (here +), its manifestation with *; the two may stand together.
_ICD10_WHO: Final = rf"{_WHO}[+*]?|{_WHO}\+{_WHO}\*"
_ICD10_CN: Final = rf"{_CN}[+*]?|{_CN}\+{_CN}\*"
_ICD10: Final = f"{_ICD10_WHO}|{_CM}|{_ICD10_CN}"
_PLACEHOLDER = re.compile(r"(?<=\.)X(?=[0-9]{2}(?![0-9A-Z])|[0-9]{2}X)|(?<=\.[0-9X][0-9]{2})X(?=[0-9]{3})")


def _npi(number: str, context: Context) -> str:
    """45 CFR 162.406: ten digits, the first 1 or 2; Luhn's formula over them behind 80840."""
    from stdnum import luhn

    if not _NPI.fullmatch(number):
        refuse("npi_form")
    if luhn.checksum("80840" + number):
        refuse("npi_check")
    return number


def _nhs(number: str, context: Context) -> str:
    """NHS Data Dictionary, NHS NUMBER: ten digits, the last one by weights 10 to 2, modulus 11."""
    if not re.fullmatch("[0-9]{10}", number):
        refuse("nhs_form")
    from stdnum.gb import nhs

    if nhs.checksum(number):
        refuse("nhs_check")
    return number


def _code(text: str) -> str:
    """A code in capitals with its point and without spaces; the Chinese placeholder x stays small."""
    code = "".join(normalize("NFKC", text).split()).upper().replace("†", "+")
    return _PLACEHOLDER.sub("x", "".join(map(_pointed, re.split("([+*])", code))))


def _pointed(code: str) -> str:
    # Claims leave the point out; what follows the third character says the same.
    return code if "." in code or len(code) <= 3 else f"{code[:3]}.{code[3:]}"


def _icd(pattern: str) -> Check:
    def check(code: str, context: Context) -> str:
        if not re.fullmatch(pattern, code):
            refuse("icd10_form")
        return code

    return check


def _icd_kind(name: str, english: str, chinese: str, pattern: str) -> FieldKind:
    return text_kind(name, english, chinese, _icd(pattern), tidy=_code, mask="full")


KINDS: Final[tuple[FieldKind, ...]] = (
    text_kind("npi", "NPI", "美国医疗服务提供者编号（NPI）", _npi),
    text_kind("nhs_number", "NHS number", "英国国民保健号码（NHS）", _nhs),
    _icd_kind("icd10", "ICD-10 code", "疾病编码（ICD-10）", _ICD10),
    _icd_kind("icd10_who", "ICD-10 code (WHO)", "疾病编码（ICD-10 国际版）", _ICD10_WHO),
    _icd_kind("icd10_cm", "ICD-10-CM code", "疾病编码（ICD-10-CM 美国版）", _CM),
    _icd_kind("icd10_cn", "ICD-10 code (China)", "疾病编码（ICD-10 国家临床版）", _ICD10_CN),
    stdnum_kind(
        "bc_phn", "ca.bc_phn", "Personal health number (British Columbia)", "不列颠哥伦比亚省个人健康号"
    ),
)
"""Providers, patients, diagnoses."""
