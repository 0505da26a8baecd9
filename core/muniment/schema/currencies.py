"""Currencies: their codes (ISO 4217) and the names and signs that people write; pure."""

from __future__ import annotations

from collections.abc import Mapping

from muniment.schema.values import ValueProblem

__all__ = ["CURRENCIES", "currency"]

_CODES = """
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF
CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD
HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD
LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK
PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS
TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
"""

CURRENCIES = frozenset(_CODES.split())
"""The codes of the currencies in use."""

_NAMES: Mapping[str, str] = {
    "€": "EUR", "£": "GBP", "₹": "INR", "₩": "KRW", "₽": "RUB", "₫": "VND", "₺": "TRY", "₴": "UAH",
    "฿": "THB", "US$": "USD", "HK$": "HKD", "NT$": "TWD", "CA$": "CAD", "C$": "CAD", "AU$": "AUD",
    "A$": "AUD", "S$": "SGD", "NZ$": "NZD", "R$": "BRL", "CN¥": "CNY", "JP¥": "JPY", "RMB": "CNY",
    "人民币": "CNY", "元": "CNY", "人民币元": "CNY", "美元": "USD", "欧元": "EUR", "英镑": "GBP",
    "日元": "JPY", "円": "JPY", "港元": "HKD", "港币": "HKD",
}  # fmt: skip

# Signs that several currencies share: only the default currency tells.
_SHARED: Mapping[str, frozenset[str]] = {
    "$": frozenset(("USD", "CAD", "AUD", "NZD", "SGD", "HKD", "TWD", "MXN", "ARS", "CLP", "COP")),
    "¥": frozenset(("CNY", "JPY")),
    "kr": frozenset(("SEK", "NOK", "DKK", "ISK")),
}


def currency(name: str, default: str) -> str:
    """The code of a currency.

    Args:
        name: a code, name or sign as typed; empty where none stood beside the amount.
        default: the code that holds where none was typed, or where the sign is shared; may be empty.

    Raises:
        ValueProblem: ``value.currency``, ``value.currency_missing`` or ``value.currency_shared``.
    """
    if not name:
        if not default:
            raise ValueProblem("value.currency_missing")
        return default
    code = _NAMES.get(name) or name.upper()
    if code in CURRENCIES:
        return code
    shared = _SHARED.get(name)
    if shared is None:
        raise ValueProblem("value.currency")
    if default not in shared:
        raise ValueProblem("value.currency_shared")
    return default
