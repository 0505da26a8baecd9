"""What people read, in English and Simplified Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from muniment_identifiers._form import AREA
from muniment_identifiers._stdnum import stdnum_messages

__all__ = ["MESSAGES", "TITLE"]

TITLE: Final = {
    "en": "Identity, tax, bank, card, health and postal numbers",
    "zh": "身份、税务、银行、卡、医疗和邮政编号",
}

MESSAGES: Final[Mapping[str, Mapping[str, str]]] = {
    **stdnum_messages(AREA),
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
    "identifiers.resident_birth_differs": {
        "en": "The day of birth in this resident identity number differs from the record's date of birth.",
        "zh": "居民身份证号码中的出生日期与记录中的出生日期不一致。",
        "hint_en": "One of the two is wrong; compare both with the card.",
        "hint_zh": "其中一项有误，请与身份证核对。",
    },
    "identifiers.resident_sex_differs": {
        "en": "The sex digit of this resident identity number differs from what the record says.",
        "zh": "居民身份证号码中的性别位与记录中的性别不一致。",
        "hint_en": "Compare both with the card; leave the record as it is where the person says so.",
        "hint_zh": "请与身份证核对；如本人如此自述，可保留记录。",
    },
    "identifiers.resident_place_differs": {
        "en": "The first digits of this resident identity number are of another place than the record says.",
        "zh": "居民身份证号码前几位的行政区划与记录中的地区不一致。",
        "hint_en": "The number keeps the region where the person was first registered.",
        "hint_zh": "号码保留首次登记时的行政区划，请核对。",
    },
    "identifiers.bic_form": {
        "en": "This does not have the form of a BIC.",
        "zh": "BIC 格式不正确。",
        "hint_en": "Four for the bank, two letters for the country, two for the place, three for a branch.",
        "hint_zh": "应为 8 位或 11 位：银行 4 位、国家 2 位字母、地区 2 位，分行 3 位可选。",
    },
    "identifiers.bic_country": {
        "en": "The fifth and sixth characters of this BIC are of no country.",
        "zh": "BIC 第 5、6 位不是有效的国家代码。",
        "hint_en": "Compare it with the bank's own statement.",
        "hint_zh": "请与银行提供的代码核对。",
    },
    "identifiers.lei_form": {
        "en": "This does not have the form of an LEI.",
        "zh": "LEI 格式不正确。",
        "hint_en": "It has 18 letters and digits, then two digits.",
        "hint_zh": "应为 18 位字母或数字，后接 2 位数字。",
    },
    "identifiers.lei_check": {
        "en": "The check digits of this LEI do not fit the rest.",
        "zh": "LEI 校验位不符。",
        "hint_en": "Compare it with the register, character by character.",
        "hint_zh": "请与登记信息逐位核对。",
    },
    "identifiers.card_form": {
        "en": "This does not have the form of a card number.",
        "zh": "卡号格式不正确。",
        "hint_en": "It has 12 to 19 digits. Never enter the verification code of a card.",
        "hint_zh": "应为 12 至 19 位数字。切勿输入卡验证码。",
    },
    "identifiers.card_check": {
        "en": "The last digit of this card number does not fit the rest.",
        "zh": "卡号校验位不符。",
        "hint_en": "Compare it with the card, digit by digit.",
        "hint_zh": "请与卡面逐位核对。",
    },
    "identifiers.card_track": {
        "en": "This is what the stripe of a card holds; it may never be kept.",
        "zh": "这是银行卡磁道数据，一律不得留存。",
        "hint_en": "Enter the card number alone (PCI DSS 3.3).",
        "hint_zh": "请只输入卡号（PCI DSS 3.3）。",
    },
    "identifiers.npi_form": {
        "en": "This does not have the form of an NPI.",
        "zh": "NPI 格式不正确。",
        "hint_en": "It has ten digits, the first of them 1 or 2.",
        "hint_zh": "应为 10 位数字，首位为 1 或 2。",
    },
    "identifiers.npi_check": {
        "en": "The last digit of this NPI does not fit the rest.",
        "zh": "NPI 校验位不符。",
        "hint_en": "Compare it with the original, digit by digit.",
        "hint_zh": "请与原件逐位核对。",
    },
    "identifiers.nhs_form": {
        "en": "This does not have the form of an NHS number.",
        "zh": "NHS 号码格式不正确。",
        "hint_en": "It has ten digits.",
        "hint_zh": "应为 10 位数字。",
    },
    "identifiers.nhs_check": {
        "en": "The last digit of this NHS number does not fit the rest.",
        "zh": "NHS 号码校验位不符。",
        "hint_en": "Compare it with the original, digit by digit.",
        "hint_zh": "请与原件逐位核对。",
    },
    "identifiers.icd10_form": {
        "en": "This does not have the form of an ICD-10 code.",
        "zh": "ICD-10 编码格式不正确。",
        "hint_en": "A letter, two digits, then a point and more where it is finer: E11.9, S72.001A, I10.x00.",
        "hint_zh": "一个字母加两位数字，细分时后接小数点和更多位，如 E11.9、S72.001A、I10.x00。",
    },
    "identifiers.ssn_form": {
        "en": "This does not have the form of a social security number.",
        "zh": "社会安全号码格式不正确。",
        "hint_en": "It has nine digits, leading zeros included.",
        "hint_zh": "应为 9 位数字，含开头的零。",
    },
    "identifiers.ssn_part": {
        "en": "No such social security number was ever given out.",
        "zh": "该社会安全号码从未签发。",
        "hint_en": "It never starts with 000, 666 or 9; 00 in the middle and 0000 at the end are void.",
        "hint_zh": "前三位不为 000、666 或 9 开头，中间两位不为 00，后四位不为 0000；广告中的示例号码无效。",
    },
    "identifiers.ein_form": {
        "en": "This does not have the form of an EIN.",
        "zh": "EIN 格式不正确。",
        "hint_en": "It has nine digits, leading zeros included.",
        "hint_zh": "应为 9 位数字，含开头的零。",
    },
    "identifiers.ein_prefix": {
        "en": "The first two digits of this EIN are of no known office; it was kept.",
        "zh": "EIN 前两位不属于已知的发放机构，已保留该号码。",
        "hint_en": "New prefixes may be missing here; compare it with the letter of the IRS.",
        "hint_zh": "新增前缀可能未收录，请与税务局通知核对。",
    },
    "identifiers.vat_country": {
        "en": "This VAT number does not start with the letters of a country of the European Union.",
        "zh": "该增值税号未以欧盟成员国代码开头。",
        "hint_en": "Put the two letters in front, such as DE, FR or EL for Greece.",
        "hint_zh": "请在前面加上两位国家代码，如 DE、FR，希腊为 EL。",
    },
    "identifiers.passport_form": {
        "en": "This does not have the form of a passport number.",
        "zh": "护照号码格式不正确。",
        "hint_en": "Letters and digits, at most twelve; or the two lines of the machine-readable zone.",
        "hint_zh": "应为字母和数字，最多 12 位；也可输入两行机读码。",
    },
    "identifiers.passport_check": {
        "en": "A check digit of this machine-readable zone does not fit.",
        "zh": "护照机读码校验位不符。",
        "hint_en": "Scan it again, or enter the number alone.",
        "hint_zh": "请重新扫描，或只输入护照号码。",
    },
    "identifiers.passport_country": {
        "en": "Passport numbers of that country usually look different; it was kept.",
        "zh": "该号码与该国护照号码的常见格式不同，已保留。",
        "hint_en": "Compare it with the passport.",
        "hint_zh": "请与护照核对。",
    },
    "identifiers.mrz_form": {
        "en": "This does not have the form of a machine-readable zone.",
        "zh": "机读码格式不正确。",
        "hint_en": "Two lines of 44 or 36 characters, or three of 30, fillers included.",
        "hint_zh": "应为两行 44 或 36 个字符，或三行 30 个字符，含填充符。",
    },
    "identifiers.mrz_check": {
        "en": "A check digit of this machine-readable zone does not fit.",
        "zh": "机读码校验位不符。",
        "hint_en": "Scan it again.",
        "hint_zh": "请重新扫描。",
    },
    "identifiers.postal_form": {
        "en": "This does not have the form of a postal code.",
        "zh": "邮政编码格式不正确。",
        "hint_en": "Letters and digits, at most twelve, with spaces or hyphens between them.",
        "hint_zh": "应为字母和数字，最多 12 位，中间可有空格或连字符。",
    },
    "identifiers.postal_differs": {
        "en": "Postal codes of that country look different.",
        "zh": "邮政编码与该国家／地区的格式不符。",
        "hint_en": "A leading zero may have got lost; compare it with the address.",
        "hint_zh": "可能丢失了开头的零，请与地址核对。",
    },
    "identifiers.postal_country": {
        "en": "No country is given, or its postal codes are not known here; it was kept unchecked.",
        "zh": "未填写国家／地区，或其邮政编码格式未收录，已保留且未校验。",
        "hint_en": "Fill in the country, or set the archive's default region.",
        "hint_zh": "请填写国家／地区，或设置档案的默认地区。",
    },
}
"""The texts of the plugin's codes."""
