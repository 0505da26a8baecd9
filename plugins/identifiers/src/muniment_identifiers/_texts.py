"""What people read, in English and Simplified Chinese."""

from __future__ import annotations

__all__ = ["MESSAGES", "TITLE"]

TITLE = {"en": "Identifiers with check digits", "zh": "带校验码的编号"}

MESSAGES = {
    "identifiers.iban_form": {
        "en": "This does not have the form of an IBAN.",
        "zh": "IBAN 格式不正确。",
        "hint_en": "Two letters for the country, two digits, then as many characters as that country has.",
        "hint_zh": "IBAN 以两位国家字母和两位数字开头，各国长度固定。",
    },
    "identifiers.iban_check": {
        "en": "The check digits of this IBAN do not fit the rest.",
        "zh": "IBAN 校验位不符。",
        "hint_en": "Compare it with the original, digit by digit.",
        "hint_zh": "请与原件逐位核对。",
    },
    "identifiers.uscc_form": {
        "en": "This does not have the form of a unified social credit code.",
        "zh": "统一社会信用代码格式不正确。",
        "hint_en": "It has 18 digits and letters, never I, O, S, V or Z; the third to eighth are digits.",
        "hint_zh": "应为 18 位数字和大写字母，不含 I、O、S、V、Z；第 3 至 8 位为数字。",
    },
    "identifiers.uscc_check": {
        "en": "The check character of this unified social credit code does not fit the rest.",
        "zh": "统一社会信用代码校验码不符。",
        "hint_en": "Compare it with the business licence, character by character.",
        "hint_zh": "请与营业执照逐位核对。",
    },
    "identifiers.resident_form": {
        "en": "This does not have the form of a resident identity number.",
        "zh": "居民身份证号码格式不正确。",
        "hint_en": "It has 17 digits, then a digit or X; numbers of 15 digits are no longer valid.",
        "hint_zh": "应为 17 位数字加一位数字或 X；15 位旧号码已失效。",
    },
    "identifiers.resident_check": {
        "en": "The check character of this resident identity number does not fit the rest.",
        "zh": "居民身份证号码校验码不符。",
        "hint_en": "Compare it with the card, digit by digit.",
        "hint_zh": "请与身份证逐位核对。",
    },
    "identifiers.resident_birth": {
        "en": "Digits 7 to 14 of this resident identity number are no possible day of birth.",
        "zh": "居民身份证号码中的出生日期（第 7 至 14 位）不成立。",
        "hint_en": "Compare it with the card, digit by digit.",
        "hint_zh": "请与身份证逐位核对。",
    },
    "identifiers.resident_region": {
        "en": "The first six digits of this resident identity number are of no known region; it was kept.",
        "zh": "居民身份证号码前六位的行政区划未知，已保留该号码。",
        "hint_en": "Regions that were merged or renamed may be missing here.",
        "hint_zh": "已撤并或更名的行政区划可能未收录。",
    },
}
