"""Phone numbers in the form that is compared: ITU-T E.164, by the metadata of phonenumbers; pure."""

from __future__ import annotations

import re
from functools import lru_cache
from unicodedata import normalize

__all__ = ["e164"]

_TYPED = re.compile(r"\+[1-9][0-9 ()./-]{6,30}")
_SEPARATORS = re.compile(r"[ ()./-]+")
_EXTENSION = re.compile(r"\s*(?:转|轉|分机|分機|extension|ext\.?|x)\s*:?\s*[0-9]{1,8}$", re.IGNORECASE)


@lru_cache(maxsize=8_192)
def e164(text: str, region: str = "") -> str | None:
    """A phone number as ``+`` and 7 to 15 digits; None where it is no valid number.

    The one place that decides: the warning of a field and the blind index agree by calling it, and
    the second of the two gets what the first one worked out.

    Args:
        text: as typed, with separators, full-width digits or an extension (which is left out).
        region: two letters, ISO 3166-1; where a number without a country code belongs.
    """
    if _TYPED.fullmatch(text):
        digits = _SEPARATORS.sub("", text)
        shape = _shape(digits[1:4])
        if shape is not None and shape.fullmatch(digits):
            return digits
    return _parsed(text, region)


def _parsed(text: str, region: str) -> str | None:
    # Takes a tenth of a second to import.
    import phonenumbers

    plain = _EXTENSION.sub("", normalize("NFKC", text))
    try:
        number = phonenumbers.parse(plain, region or None)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    number.extension = None
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


@lru_cache(maxsize=1_024)
def _shape(head: str) -> re.Pattern[str] | None:
    """What is certainly valid, and written already as it would be, for numbers that begin so.

    A regular expression made of the library's own patterns answers in a microsecond where parsing
    takes thirty. What it does not match may still be valid: parsing tells.
    """
    import phonenumbers

    for length in (1, 2, 3):
        regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(head[:length]))
        if regions:
            break
    else:
        return None
    metadata = phonenumbers.PhoneMetadata.metadata_for_region(regions[0], None)
    if metadata is None or metadata.leading_digits or metadata.general_desc is None:
        return None
    kinds = (
        metadata.fixed_line, metadata.mobile, metadata.toll_free, metadata.premium_rate, metadata.shared_cost,
        metadata.personal_number, metadata.voip, metadata.pager, metadata.uan, metadata.voicemail,
    )  # fmt: skip
    patterns = "|".join(
        f"(?=[0-9]{{{size}}}$)(?:{kind.national_number_pattern})$"
        for kind in kinds
        if kind is not None and kind.national_number_pattern
        for size in kind.possible_length
        if size > 0
    )
    if not patterns:
        return None
    # A leading zero or a national prefix is what parsing may take off.
    prefix = metadata.national_prefix_for_parsing
    barred = f"(?!{prefix})" if prefix else ""
    general = f"(?=(?:{metadata.general_desc.national_number_pattern})$)"
    return re.compile(rf"\+{head[:length]}(?!0){barred}{general}(?:{patterns})")
